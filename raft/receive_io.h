/* raft/receive_io.h - the snapshot that comes in from a peer: one at a time, taken up again where
 * it was, also after a restart.
 *
 * "NNN.part" holds the bytes that came, "NNN.sums" what file they are of and the checksum of each
 * chunk. Nothing is synced: after a crash those chunks count whose bytes still have their checksum.
 * What is whole is named rk_snapshot_admit's way, which reads and syncs all of it. Of one thread;
 * rk_snapshot_prune may remove the files under it, and then the transfer begins anew. */
#ifndef RK_RAFT_RECEIVE_IO_H
#define RK_RAFT_RECEIVE_IO_H

#include "base/vfs.h"
#include "raft/transfer.h"

struct rk_receive;

/* Finds what is left from before, and reads it. Takes the vfs. */
struct rk_receive *rk_receive_new(struct rk_vfs *vfs) __attribute__((returns_nonnull));
struct rk_receive *rk_receive_free(struct rk_receive *receive); /* takes NULL, returns NULL */

/* Somebody (`owner`, any pointer of his own) sends the offered file from now on: *ret_at is from
 * where. RK_EBUSY: one is being looked at, or another owner of a later term sends. RK_EIO. */
RK_MUST_CHECK int rk_receive_begin(struct rk_receive *receive, const void *owner,
				   const struct rk_offer *offer, uint64_t *ret_at,
				   struct rk_error *error);
/* The owner sends no more. Others: nothing happens. */
void rk_receive_leave(struct rk_receive *receive, const void *owner);
/* The next chunk of that file. RK_EBUSY: not the owner's, or of a transfer that is over; RK_EINVAL:
 * out of order or of a wrong size; RK_ECORRUPT: not what its checksum says. RK_EIO. *ret_at: all
 * before it is here. */
RK_MUST_CHECK int rk_receive_chunk(struct rk_receive *receive, const void *owner,
				   const struct rk_chunk *chunk, uint64_t *ret_at,
				   struct rk_error *error);
/* All of it is here. */
bool rk_receive_is_whole(const struct rk_receive *receive);
/* Gives what is whole to rk_snapshot_admit, as from `peer`; nothing is received until
 * rk_receive_checked. *ret: what it is. */
RK_MUST_CHECK int rk_receive_finish(struct rk_receive *receive, uint64_t peer, struct rk_offer *ret,
				    struct rk_error *error);
void rk_receive_checked(struct rk_receive *receive, uint64_t peer);

#endif
