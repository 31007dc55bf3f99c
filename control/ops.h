/* control/ops.h - one operation of a command, as users and nodes send it. */
#ifndef RK_CONTROL_OPS_H
#define RK_CONTROL_OPS_H

#include "control/objects.h"

/* Runs `op` (a map, see control/command.h) and fills *ret, whose code is then not 0. What is refused may have changed the
 * state half-way: the caller takes it back. */
void rk_op_run(struct rk_state *state, const struct rk_val *command, const struct rk_val *op,
	       struct rk_outcome *ret);

#endif
