/* cli/backup_dir_io.h - the directory of a back-up (control/backup.h). A file is durable before the
 * manifest names it, and the manifest is replaced at once: whatever happens in between, what it
 * names is whole and what it does not name is not there. */
#ifndef RK_CLI_BACKUP_DIR_IO_H
#define RK_CLI_BACKUP_DIR_IO_H

#include "control/backup.h"
#include "node/files_io.h"

struct rk_backup_dir {
	char path[RK_PATH_MAX];
	int lock_fd; /* -1: only to read */
	bool is_new; /* there is no manifest yet */
	struct rk_backup backup;
};

/* To add to it: makes it where it is missing, and takes what an earlier run left behind out of the
 * way. RK_EBUSY: another one adds to it. RK_EEXIST: a directory with other things in it. */
RK_MUST_CHECK int rk_backup_dir_open(struct rk_backup_dir *ret, const char *path,
				     struct rk_error *error);
/* To read. RK_ENOENT: it is no back-up. */
RK_MUST_CHECK int rk_backup_dir_read(struct rk_backup_dir *ret, const char *path,
				     struct rk_error *error);
void rk_backup_dir_close(struct rk_backup_dir *dir);
/* Makes the manifest say what dir->backup says. */
RK_MUST_CHECK int rk_backup_dir_save(struct rk_backup_dir *dir, struct rk_error *error);

/* A file that grows: begin, add, end. Ended, it is durable under its name and item->bytes and
 * ->digest are set. */
struct rk_backup_file {
	const struct rk_backup_dir *dir;
	int fd;
	char name[RK_BACKUP_NAME_MAX];
	uint64_t bytes;
};
RK_MUST_CHECK int rk_backup_file_begin(struct rk_backup_file *ret, const struct rk_backup_dir *dir,
				       uint64_t number, const char *ending, struct rk_error *error);
RK_MUST_CHECK int rk_backup_file_add(struct rk_backup_file *file, struct rk_span bytes,
				     struct rk_error *error);
RK_MUST_CHECK int rk_backup_file_end(struct rk_backup_file *file, struct rk_backup_item *item,
				     struct rk_error *error);
void rk_backup_file_drop(struct rk_backup_file *file); /* what is not ended is removed */

/* Reads a part to its end and checks every record of it. `each` may be NULL; not 0 ends the reading
 * with that. A failure names the file and the entry. */
struct rk_backup_reader {
	void *context;
	int (*each)(void *context, const struct rk_entry *entry, struct rk_span payload,
		    struct rk_error *error);
};
RK_MUST_CHECK int rk_backup_part_read(const struct rk_backup_dir *dir,
				      const struct rk_backup_item *part,
				      const struct rk_backup_reader *reader,
				      struct rk_error *error);
/* Size and digest of an item's file. */
RK_MUST_CHECK int rk_backup_file_check(const struct rk_backup_dir *dir,
				       const struct rk_backup_item *item, struct rk_error *error);

#endif
