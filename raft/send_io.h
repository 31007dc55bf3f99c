/* raft/send_io.h - the snapshot that goes out to one peer: read no further than the peer took it,
 * but for a window. The connection is the caller's. */
#ifndef RK_RAFT_SEND_IO_H
#define RK_RAFT_SEND_IO_H

#include "raft/transfer.h"

struct rk_send {
	int fd; /* -1: none is on its way */
	struct rk_offer offer;
	bool is_taken;        /* the peer has said from where on */
	uint64_t first;       /* that */
	uint64_t sent, taken; /* up to here; taken <= sent <= taken + RK_TRANSFER_WINDOW */
};

/* `number` is not that of another transfer over the same connection. */
RK_MUST_CHECK int rk_send_begin(struct rk_send *send, const char *dir, uint64_t number,
				uint64_t term, const struct rk_snapshot_meta *meta,
				struct rk_error *error);
void rk_send_end(struct rk_send *send);
/* What the peer says; of another transfer it is passed over. 1: all of it is there; RK_OK;
 * RK_EINVAL: it says what cannot be. */
RK_MUST_CHECK int rk_send_take(struct rk_send *send, const struct rk_take *take);
/* 1: the next chunk, its head and its bytes, is appended; 0: none may go now; RK_EIO. */
RK_MUST_CHECK int rk_send_next(struct rk_send *send, struct rk_buf *out);

#endif
