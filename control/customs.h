/* control/customs.h - the registry of a cluster: the built-in kinds, and those of the
 * CustomResourceDefinitions that are established. Derived from the store: what was compiled is kept as
 * long as its definition's spec stays the same, and nothing depends on when that happened. */
#ifndef RK_CONTROL_CUSTOMS_H
#define RK_CONTROL_CUSTOMS_H

#include "control/state.h"

/* With a state whose store is loaded. `built_in` outlives it. */
void rk_customs_start(struct rk_state *state, const struct rk_kinds *built_in);
void rk_customs_done(struct rk_state *state);
/* A change of an object was made: is the registry another one now? */
void rk_customs_follow(struct rk_state *state, const struct rk_change *change);
void rk_customs_refresh(struct rk_state *state);

/* The registry as of now. Kinds of it live until the next change of a definition: look them up again
 * after one. */
static inline const struct rk_kinds *rk_state_kinds(struct rk_state *state)
{
	if (state->kinds_stale)
		rk_customs_refresh(state);
	return state->kinds;
}

#endif
