/* control/work.h - what controllers have yet to do: a queue and timers, in the store, so that they are state.
 *
 * The queue is first in, first out; a piece of work that waits already is not added again. */
#ifndef RK_CONTROL_WORK_H
#define RK_CONTROL_WORK_H

#include "control/state.h"

struct rk_work {
	uint8_t controller;
	struct rk_span key; /* in the entry's arena; what it means is the controller's business */
};

void rk_work_add(struct rk_state *state, uint8_t controller, struct rk_span key);
/* Takes the oldest piece out. False when there is none. */
bool rk_work_take(struct rk_state *state, struct rk_work *ret);
bool rk_work_waits(const struct rk_state *state);

/* Adds the work when time reaches `due_ms` (cut to whole 100 ms, upwards, so that timers share ticks). */
void rk_work_at(struct rk_state *state, int64_t due_ms, uint8_t controller, struct rk_span key);
/* Moves what is due by now_ms into the queue. */
void rk_work_ripen(struct rk_state *state);
/* When the next timer falls due; INT64_MAX when there is none. */
int64_t rk_work_next_due(const struct rk_store *store);

#endif
