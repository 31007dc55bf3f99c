/* cli/backup_source_io.h - where a back-up comes from: a running member, through its API, or a data
 * directory. */
#ifndef RK_CLI_BACKUP_SOURCE_IO_H
#define RK_CLI_BACKUP_SOURCE_IO_H

#include "cli/session_io.h"
#include "raft/entry.h"

struct rk_backup_source {
	struct rk_session *session; /* open; NULL: `dir` */
	const char *dir;
	bool is_stale;         /* take what the member has, though there is no leader */
	struct rk_arena arena; /* of one answer */

	/* What rk_backup_source_look found. */
	struct rk_cluster_id cluster;
	uint64_t member;
	uint64_t last;     /* entry that is to be backed up last */
	uint64_t left_out; /* entries behind it that the log does not call committed */
	int64_t time_ms;   /* of `last`; has_hash */
	uint64_t revision; /* has_hash */
	bool has_hash;     /* a running member tells the hash of its state after `last` */
	struct rk_hash128 hash;
	struct rk_snapshot_meta snapshot; /* the newest; index 0: none. Its members are not told */
};

RK_MUST_CHECK int rk_backup_source_look(struct rk_backup_source *source, struct rk_error *error);
/* Appends records from entry `from` on. RK_ENOENT: the log does not reach back to it. None: not
 * there yet. */
RK_MUST_CHECK int rk_backup_source_entries(struct rk_backup_source *source, uint64_t from,
					   struct rk_buf *out, struct rk_error *error);
/* Appends a piece of the snapshot's file; none at its end. */
RK_MUST_CHECK int rk_backup_source_snapshot(struct rk_backup_source *source, uint64_t offset,
					    struct rk_buf *out, struct rk_error *error);
void rk_backup_source_done(struct rk_backup_source *source);

#endif
