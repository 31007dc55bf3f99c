/* raft/votes_io.h - term and vote apart from the log, in two files written by turns: whichever one
 * place of the disk is damaged, the newest of them is still elsewhere, here or in the log. */
#ifndef RK_RAFT_VOTES_IO_H
#define RK_RAFT_VOTES_IO_H

#include "base/vfs.h"
#include "raft/frame.h"

struct rk_votes {
	struct rk_vfile *files[2];
	uint64_t written; /* times */
};

/* Makes the files when they are missing, and raises *hard to what they remember: term, vote, and that the member
 * lost its memory. */
RK_MUST_CHECK int rk_votes_open(struct rk_votes *ret, struct rk_vfs *vfs,
				struct rk_hard_state *hard, struct rk_error *error);
void rk_votes_close(struct rk_votes *votes);
/* Durable when it returns RK_OK. */
RK_MUST_CHECK int rk_votes_write(struct rk_votes *votes, const struct rk_hard_state *hard);

#endif
