/* raft/snapshot_io.h - snapshots as files: a head that says what they stand for, then zstd, then a
 * checksum of all of it.
 *
 * "0000000000001234.snap" is whole and durable; names that end in ".tmp" are not, and go at the
 * next start. ".part" and ".sums" are one that comes in from a peer (raft/receive_io.h). Blocking:
 * for threads that may wait for the disk. */
#ifndef RK_RAFT_SNAPSHOT_IO_H
#define RK_RAFT_SNAPSHOT_IO_H

#include "base/vfs.h"
#include "raft/entry.h"

#define RK_SNAPSHOT_PIECE (256u * 1024)

/* --- writing --- */

struct rk_snapshot_writer;
RK_MUST_CHECK int rk_snapshot_create(struct rk_snapshot_writer **ret, struct rk_vfs *vfs,
				     struct rk_cluster_id cluster,
				     const struct rk_snapshot_meta *meta, struct rk_error *error);
RK_MUST_CHECK int rk_snapshot_write(struct rk_snapshot_writer *writer, struct rk_span bytes,
				    struct rk_error *error);
/* Makes it durable and gives it its name. The writer is gone whatever comes back. */
RK_MUST_CHECK int rk_snapshot_commit(struct rk_snapshot_writer *writer, struct rk_error *error);
struct rk_snapshot_writer *rk_snapshot_abort(
	struct rk_snapshot_writer *writer); /* takes NULL, returns NULL */

/* --- reading --- */

struct rk_snapshot_reader;
/* index 0: the newest one. RK_ENOENT when there is none; RK_ECORRUPT, RK_EPERM (another cluster's).
 */
RK_MUST_CHECK int rk_snapshot_open(struct rk_snapshot_reader **ret, struct rk_vfs *vfs,
				   struct rk_cluster_id cluster, uint64_t index,
				   struct rk_snapshot_meta *ret_meta, struct rk_error *error);
/* 1: *ret holds the next bytes (borrowed until the next call); 0: the end, and the checksum was
 * right; RK_ECORRUPT. */
int rk_snapshot_read(struct rk_snapshot_reader *reader, struct rk_span *ret,
		     struct rk_error *error);
struct rk_snapshot_reader *rk_snapshot_close(
	struct rk_snapshot_reader *reader); /* takes NULL, returns NULL */

/* --- the files --- */

#define RK_SNAPSHOT_NAME_MAX 48
#define RK_SNAPSHOT_WHOLE    "snap"
#define RK_SNAPSHOT_PART     "part"
#define RK_SNAPSHOT_SUMS     "sums"
void rk_snapshot_name(char name[RK_SNAPSHOT_NAME_MAX], uint64_t index, const char *ending);
bool rk_snapshot_is_name(const char *name, const char *ending, uint64_t *ret_index);
void rk_snapshot_incoming_name(char name[RK_SNAPSHOT_NAME_MAX], uint64_t peer);

/* For a transfer: the raw bytes of a whole snapshot, and the checksum that it ends in
 * (ret_checksum may be NULL). The caller closes the fd. */
RK_MUST_CHECK int rk_snapshot_raw(const char *dir, uint64_t index, int *ret_fd, uint64_t *ret_size,
				  uint32_t *ret_checksum, struct rk_error *error);
/* Reads what came from the peer (rk_snapshot_incoming_name) to its end; when it is the snapshot
 * `meta` and undamaged, makes it durable under its name. */
RK_MUST_CHECK int rk_snapshot_admit(struct rk_vfs *vfs, uint64_t peer, struct rk_cluster_id cluster,
				    const struct rk_snapshot_meta *meta, struct rk_error *error);
/* Renames the newest snapshot, which is damaged, to NAME.damaged. RK_ENOENT when there is none. */
RK_MUST_CHECK int rk_snapshot_set_aside(struct rk_vfs *vfs, struct rk_error *error);
/* Removes all but the newest `keep`, and (sweep: at start, when nobody writes) what is not whole.
 * What came in of one that is not newer than those is of no use any more, and goes too. */
void rk_snapshot_prune(struct rk_vfs *vfs, unsigned keep, bool sweep);

#endif
