/* raft/peerlink_io.h - one connection between two members: what its frames are, and the incoming
 * end. Only for peers_io.c.
 *
 *     frame: size u32 (of what follows), kind u8, payload */
#ifndef RK_RAFT_PEERLINK_IO_H
#define RK_RAFT_PEERLINK_IO_H

#include "raft/peers_io.h"
#include "wire/stream_io.h"

enum rk_link_frame {
	RK_LINK_HELLO = 1, /* version u8, cluster, from, to: the first frame */
	RK_LINK_MESSAGE,   /* rk_raft_msg_encode's bytes */
	RK_LINK_BEGIN,     /* term u64, size u64, snapshot meta: a transfer follows */
	RK_LINK_DATA,      /* the next bytes of the file */
	RK_LINK_END,       /* all of it is here */
	RK_LINK_PING,      /* nothing to say: followers are silent among themselves */
};

#define RK_LINK_VERSION   1
#define RK_LINK_FRAME_MAX (RK_RAFT_MSG_SIZE_MAX + 64)

/* Appends a whole frame around what `payload` holds. */
void rk_link_frame(struct rk_buf *out, enum rk_link_frame kind, struct rk_span payload);
void rk_link_hello(struct rk_buf *out, const struct rk_peers_opts *opts, uint64_t to);

struct rk_inlink;

/* Takes an accepted socket. `gone` is called once, when the link has ended and is about to be freed. */
struct rk_inlink *rk_inlink_new(struct ev_loop *loop, int fd, const struct rk_peers_opts *opts,
				void (*gone)(void *context, struct rk_inlink *link), void *context)
	__attribute__((returns_nonnull));
void rk_inlink_close(struct rk_inlink *link); /* without `gone` */
/* The snapshot that came from this peer has been dealt with. */
void rk_inlink_snapshot_done(struct rk_inlink *link, uint64_t from);

#endif
