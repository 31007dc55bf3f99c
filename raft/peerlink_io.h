/* raft/peerlink_io.h - one connection between two members: what its frames are, and the incoming
 * end. Only for peers_io.c.
 *
 *     frame: size u32 (of what follows), kind u8, payload */
#ifndef RK_RAFT_PEERLINK_IO_H
#define RK_RAFT_PEERLINK_IO_H

#include "raft/peers_io.h"
#include "raft/receive_io.h"
#include "wire/stream_io.h"

enum rk_link_frame {
	RK_LINK_HELLO = 1, /* version u8, cluster, from, to, transfers u8: the first frame */
	RK_LINK_MESSAGE,   /* rk_raft_msg_encode's bytes */
	RK_LINK_STREAM_3,  /* 3 to 5: a snapshot as members of transfers' version 1 sent it */
	RK_LINK_STREAM_4,
	RK_LINK_STREAM_5,
	RK_LINK_PING,    /* nothing to say: followers are silent among themselves */
	RK_LINK_WELCOME, /* transfers u8: the answer to a hello that said its own */
	RK_LINK_OFFER,   /* these as raft/transfer.h says */
	RK_LINK_CHUNK,
	RK_LINK_TAKE,
	RK_LINK_REFUSE,
};

/* Members of other versions of the frames are refused. What they know of transfers may differ
 * (RK_TRANSFER_VERSION; a hello without it is of version 1): then all but snapshots goes. */
#define RK_LINK_VERSION    1
#define RK_LINK_FRAME_MAX  (RK_RAFT_MSG_SIZE_MAX + 64)
#define RK_LINK_QUEUED_MAX (64u << 20) /* bytes to one peer; messages beyond are dropped */

/* The certificate of the other side is that of member `id`. */
bool rk_link_is_member(const struct rk_stream *stream, uint64_t id);
/* Takes one frame from the front of `bytes`: 1 and *ret_frame (kind and payload, not empty) and
 * *ret_used; 0: there is more to come; RK_EINVAL: one of more than `max` bytes, or an empty one. */
int rk_link_next(struct rk_span bytes, size_t max, struct rk_span *ret_frame, size_t *ret_used);
/* Appends a whole frame around what `payload` holds. */
void rk_link_frame(struct rk_buf *out, enum rk_link_frame kind, struct rk_span payload);
void rk_link_hello(struct rk_buf *out, const struct rk_peers_opts *opts, uint64_t to);

struct rk_inlink;

/* Takes an accepted socket. Snapshots go to `receive`, which all links share. `gone` is called
 * once, when the link has ended and is about to be freed. */
struct rk_inlink *rk_inlink_new(struct ev_loop *loop, int fd, const struct rk_peers_opts *opts,
				struct rk_receive *receive,
				void (*gone)(void *context, struct rk_inlink *link), void *context)
	__attribute__((returns_nonnull));
void rk_inlink_close(struct rk_inlink *link); /* without `gone` */
/* Who is at the other end; 0: has not said. */
uint64_t rk_inlink_from(const struct rk_inlink *link);
/* Sends a whole frame back: for peers that this member does not dial. */
void rk_inlink_send(struct rk_inlink *link, struct rk_span frame);

#endif
