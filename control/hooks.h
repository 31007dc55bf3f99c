/* control/hooks.h - what single kinds do when they are created, changed and deleted: defaults that depend on state, and
 * allocations (service addresses, node ports, node ranges). */
#ifndef RK_CONTROL_HOOKS_H
#define RK_CONTROL_HOOKS_H

#include "control/objects.h"

/* Before the object is stored. A refusal fills *ret (code >= 400) and returns false. `old` is NULL for create. */
bool rk_hook_before(struct rk_state *state, const struct rk_kind *kind, struct rk_val *object,
		    const struct rk_val *old, struct rk_outcome *ret);
/* After the object is gone: gives back what it held. */
void rk_hook_gone(struct rk_state *state, struct rk_span kind, const struct rk_val *object);

#endif
