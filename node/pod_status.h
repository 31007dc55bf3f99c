/* node/pod_status.h - the status of a pod, as the API has it, from what the core knows. Pure. */
#ifndef RK_NODE_POD_STATUS_H
#define RK_NODE_POD_STATUS_H

#include "node/pod_state.h"

/* Pending, Running, Succeeded or Failed; the last two are final once every container has ended. */
const char *rk_pod_phase(const struct rk_pod *pod);
/* The whole status. Remembers in the pod when a condition last changed. */
struct rk_val *rk_pod_status(struct rk_arena *arena, struct rk_pod *pod, const char *host_ip,
			     struct rk_now now);

#endif
