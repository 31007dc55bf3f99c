/* cli/backup_take_io.h - what is new at the source goes into the back-up. */
#ifndef RK_CLI_BACKUP_TAKE_IO_H
#define RK_CLI_BACKUP_TAKE_IO_H

#include "cli/backup_dir_io.h"
#include "cli/backup_source_io.h"

struct rk_backup_took {
	bool has_base;        /* a snapshot was taken... */
	uint64_t base;        /* ... of the state after this entry */
	uint64_t first, last; /* entries that are new; first 0: none */
	uint64_t bytes;
};

/* Adds a base when there is none, when `wants_base`, or when the log does not reach back to what
 * the back-up ends with; then every entry behind. The manifest names it at the end, all at once.
 * `progress` may be NULL. */
RK_MUST_CHECK int rk_backup_take(struct rk_backup_dir *dir, struct rk_backup_source *source,
				 bool wants_base, void (*progress)(uint64_t at, uint64_t of),
				 struct rk_backup_took *ret, struct rk_error *error);

#endif
