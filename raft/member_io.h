/* raft/member_io.h - a member's data directory: whose it is, that only one process uses it, and how
 * often it was started.
 *
 * DIR/member holds identity as text, DIR/log/ the segments, DIR/snapshots/ the snapshots, DIR/lock
 * the lock. */
#ifndef RK_RAFT_MEMBER_IO_H
#define RK_RAFT_MEMBER_IO_H

#include "raft/entry.h"

struct rk_member_dir {
	int lock_fd;
	struct rk_cluster_id cluster;
	uint64_t id;
	uint64_t incarnation; /* of this start: 1, 2, 3... */
	bool is_witness;      /* its log stands for states that it never had */
};

/* Opens or, where there is none, makes the directory for this cluster and member, and counts the
 * start. RK_EBUSY: another process has it; RK_EPERM: it is another cluster's or member's, or a witness's while this
 * shall be none, or the other way round. With
 * cluster all zero whatever is there is taken as it is, and nothing is made. */
RK_MUST_CHECK int rk_member_open(struct rk_member_dir *ret, const char *dir,
				 struct rk_cluster_id cluster, uint64_t id, bool is_witness,
				 struct rk_error *error);
void rk_member_close(struct rk_member_dir *member);
/* Only reads; no lock, no count. RK_ENOENT when it is not a member's directory. */
RK_MUST_CHECK int rk_member_peek(struct rk_member_dir *ret, const char *dir,
				 struct rk_error *error);

#endif
