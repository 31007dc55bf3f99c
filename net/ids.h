/* net/ids.h - numbers below a limit, taken in runs, lowest first. Pure: the same calls give the
 * same numbers.
 *
 * A number that a program in the kernel may still hold is not given back but laid to rest, and free
 * again only after rk_ids_wake, which the caller calls once every reader of that time is gone. */
#ifndef RK_NET_IDS_H
#define RK_NET_IDS_H

#include "base/err.h"
#include "base/span.h"

struct rk_run {
	uint32_t base;
	uint32_t count;
};

struct rk_ids { /* init with a limit; all else zero */
	uint32_t max;
	uint32_t used; /* the resting ones too */
	uint32_t low;  /* all below are taken */
	uint64_t *words;
	struct rk_run *resting;
	size_t resting_count;
	size_t resting_capacity;
};

void rk_ids_init(struct rk_ids *ids, uint32_t max);
void rk_ids_done(struct rk_ids *ids);
/* `count` numbers in a row. RK_ETOOBIG: there is no such run. */
RK_MUST_CHECK int rk_ids_take(struct rk_ids *ids, uint32_t count, uint32_t *ret_base);
/* Exactly these. False, and nothing taken, when one is taken already or beyond the limit. */
bool rk_ids_claim(struct rk_ids *ids, uint32_t base, uint32_t count);
void rk_ids_give_back(struct rk_ids *ids, uint32_t base,
		      uint32_t count); /* never seen by anybody */
void rk_ids_rest(struct rk_ids *ids, uint32_t base, uint32_t count);
void rk_ids_wake(struct rk_ids *ids);
static inline uint32_t rk_ids_left(const struct rk_ids *ids) { return ids->max - ids->used; }

#endif
