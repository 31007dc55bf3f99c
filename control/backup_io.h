/* control/backup_io.h - what a back-up takes from a member's data directory, also beside the
 * running member: its newest snapshot, and committed entries in pieces. */
#ifndef RK_CONTROL_BACKUP_IO_H
#define RK_CONTROL_BACKUP_IO_H

#include "raft/entry.h"

#define RK_BACKUP_PIECE (1u << 20) /* bytes of one answer; one entry may be larger */

/* Appends records (control/backup.h) of entries `from` to `to`, until there are RK_BACKUP_PIECE of
 * them. None: the log does not hold `from` yet. RK_ENOENT: not any more. Entries that the log does
 * not call committed are given only up to `known`, up to which the caller knows better. */
RK_MUST_CHECK int rk_backup_read_entries(const char *dir, uint64_t from, uint64_t to,
					 uint64_t known, struct rk_buf *out,
					 struct rk_error *error);
/* The newest snapshot. RK_ENOENT: there is none. */
RK_MUST_CHECK int rk_backup_newest(const char *dir, struct rk_cluster_id cluster,
				   struct rk_snapshot_meta *ret, struct rk_error *error);
/* Appends up to RK_BACKUP_PIECE of the snapshot's file from `offset`; none at its end. */
RK_MUST_CHECK int rk_backup_read_snapshot(const char *dir, uint64_t index, uint64_t offset,
					  struct rk_buf *out, struct rk_error *error);
/* Offline: the last entry that the log calls committed (all, when the member is the only voter that
 * the disk knows of), and how many follow it. */
struct rk_backup_extent {
	uint64_t committed, last;
};
RK_MUST_CHECK int rk_backup_extent(const char *dir, struct rk_cluster_id cluster,
				   struct rk_backup_extent *ret, struct rk_error *error);

#endif
