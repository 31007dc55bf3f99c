/* control/allocate.h - addresses and ports that may be given out once: keys of the store, so that
 * all members agree. */
#ifndef RK_CONTROL_ALLOCATE_H
#define RK_CONTROL_ALLOCATE_H

#include "control/state.h"

/* Reserve: NULL on success, otherwise why not, in words. An empty `asked` (or a port of 0) asks for
 * any. */
const char *rk_allocate_service_address(struct rk_state *state, struct rk_span asked,
					struct rk_span *ret);
const char *rk_allocate_node_port(struct rk_state *state, int64_t *port);
/* The /24 of the pod range with the lowest number that is free; false when there is none. */
bool rk_allocate_node_range(struct rk_state *state, struct rk_span *ret);

/* Giving back what was not given out is harmless. */
void rk_release_service_address(struct rk_state *state, struct rk_span address);
void rk_release_node_port(struct rk_state *state, int64_t port);
void rk_release_node_range(struct rk_state *state, struct rk_span range);

#endif
