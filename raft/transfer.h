/* raft/transfer.h - how a snapshot goes to a peer: which file it is, its chunks, and what the peer
 * says to them. Pure.
 *
 *     sender                                 receiver
 *     OFFER: which file
 *                                            TAKE: from which byte on; what is before it is here
 *     CHUNK, CHUNK... at most RK_TRANSFER_WINDOW beyond the last TAKE
 *                                            TAKE after each chunk that was written
 *                                            or REFUSE: why
 *
 * All go over one connection, the receiver's against its direction. Each carries the number of the
 * transfer, which the sender chose: what belongs to one that was given up is passed over. A
 * connection that breaks costs what was not taken yet: the next OFFER of the same file, by
 * whomever, goes on there. */
#ifndef RK_RAFT_TRANSFER_H
#define RK_RAFT_TRANSFER_H

#include "raft/entry.h"

#define RK_TRANSFER_VERSION    2 /* 1 had one stream of frames, which no one took up again */
#define RK_TRANSFER_CHUNK      (256u * 1024) /* all but the last one are of this size */
#define RK_TRANSFER_WINDOW     (8 * RK_TRANSFER_CHUNK)
#define RK_TRANSFER_CHUNK_HEAD 20 /* bytes of an encoded chunk before its own */

struct rk_offer {
	uint64_t number;
	uint64_t term; /* of the leader that sends it */
	/* Which file: no two that differ have all of these in common. */
	uint64_t size;
	uint32_t checksum; /* of the whole file, as it says itself at its end */
	struct rk_snapshot_meta meta;
};

void rk_offer_encode(const struct rk_offer *offer, struct rk_buf *out);
RK_MUST_CHECK int rk_offer_decode(struct rk_span bytes, struct rk_offer *ret); /* RK_EINVAL */
bool rk_offer_is_same_file(const struct rk_offer *a, const struct rk_offer *b);
/* A transfer of a file of `size` bytes may stand at `at`: at a chunk's beginning, or at the end. */
bool rk_transfer_may_stand(uint64_t at, uint64_t size);

struct rk_chunk {
	uint64_t number, at;
	uint32_t checksum;    /* CRC32C of its bytes */
	struct rk_span bytes; /* borrowed */
};

/* Appends the head alone; the bytes follow it. */
void rk_chunk_encode_head(const struct rk_chunk *chunk, struct rk_buf *out);
/* RK_EINVAL: its size or place cannot be. Whether the checksum is right is not looked at. */
RK_MUST_CHECK int rk_chunk_decode(struct rk_span bytes, struct rk_chunk *ret);
bool rk_chunk_is_whole(const struct rk_chunk *chunk);

enum rk_refusal {
	RK_REFUSE_BUSY = 1, /* another one comes in, or is being looked at */
	RK_REFUSE_DAMAGED,  /* a chunk is not what its checksum says */
	RK_REFUSE_DISK,     /* it cannot be written */
	RK_REFUSE_HERE,     /* it came already */
	RK_REFUSE_LAST = RK_REFUSE_HERE,
};
const char *rk_refusal_text(enum rk_refusal why);

struct rk_take { /* TAKE: `at`; REFUSE: `why` */
	uint64_t number, at;
	enum rk_refusal why;
};

void rk_take_encode(const struct rk_take *take, struct rk_buf *out);
RK_MUST_CHECK int rk_take_decode(struct rk_span bytes, struct rk_take *ret); /* RK_EINVAL */
void rk_refuse_encode(const struct rk_take *refuse, struct rk_buf *out);
RK_MUST_CHECK int rk_refuse_decode(struct rk_span bytes, struct rk_take *ret); /* RK_EINVAL */

#endif
