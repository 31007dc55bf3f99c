/* control/pending.h - what the connection threads wait for: proposed commands by sequence, reads by
 * context. Pure.
 *
 * A proposal may be lost on its way to the leader, so it is made again until it is seen applied;
 * the machine takes each (origin, incarnation, sequence) once. */
#ifndef RK_CONTROL_PENDING_H
#define RK_CONTROL_PENDING_H

#include "base/blob.h"
#include "base/err.h"

#define RK_PENDING_MAX 65536 /* of each; beyond, requests are refused */

struct rk_pending_write {
	void *owner; /* NULL: answered, or its owner left */
	uint64_t request_id;
	uint64_t deadline_ms;
	uint64_t proposed_ms;    /* 0: not yet, or to be made again */
	bool was_proposed;       /* once at least: it may happen, whatever we hear */
	uint64_t proposed_term;  /* not 0: it is in our own log of this term */
	struct rk_blob *payload; /* one share while it may have to be proposed again */
};

struct rk_pending_read {
	void *owner;
	uint64_t request_id, deadline_ms;
	uint64_t context; /* rises along the list */
	uint64_t index;   /* 0: raft has not answered; else wait until this is applied */
};

struct rk_pending {     /* all zero is empty */
	uint64_t first; /* sequence of writes[head]; 0 before the first */
	size_t head, count, capacity;
	struct rk_pending_write *writes; /* a ring */
	size_t read_count, read_capacity;
	struct rk_pending_read *reads;
	uint64_t next_context;
};

void rk_pending_done(struct rk_pending *pending);
/* The sequence that the next write will have, and the oldest that is not answered yet. */
uint64_t rk_pending_next(const struct rk_pending *pending);
static inline uint64_t rk_pending_oldest(const struct rk_pending *pending)
{
	return pending->first;
}
/* Takes the share of the payload. RK_EAGAIN: too many. */
RK_MUST_CHECK int rk_pending_write(struct rk_pending *pending, void *owner, uint64_t request_id,
				   uint64_t deadline_ms, struct rk_blob *payload);
/* NULL when it is not waited for. */
struct rk_pending_write *rk_pending_find(struct rk_pending *pending, uint64_t sequence);
void rk_pending_answered(struct rk_pending *pending, uint64_t sequence);
/* The n-th that waits, oldest first; an answered one has no owner. */
struct rk_pending_write *rk_pending_at(struct rk_pending *pending, size_t n);

RK_MUST_CHECK int rk_pending_read(struct rk_pending *pending, void *owner, uint64_t request_id,
				  uint64_t deadline_ms, uint64_t *ret_context);
/* NULL when it is not waited for. */
struct rk_pending_read *rk_pending_find_read(struct rk_pending *pending, uint64_t context);
void rk_pending_forget(struct rk_pending *pending, const void *owner); /* it left: nobody waits */

#endif
