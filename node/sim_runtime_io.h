/* node/sim_runtime_io.h - the simulated twin of the runtime: containers "run" at once and nothing
 * real happens. */
#ifndef RK_NODE_SIM_RUNTIME_IO_H
#define RK_NODE_SIM_RUNTIME_IO_H

#include "node/runtime.h"

/* pod_cidr: where its virtual addresses come from, set later by rk_sim_runtime_set_network. */
struct rk_runtime *rk_sim_runtime_new(void (*fact)(void *context, const struct rk_fact *fact),
				      void *context, const char *host_ip)
	__attribute__((returns_nonnull));
/* RK_EINVAL: not an IPv4 network. */
int rk_sim_runtime_set_network(struct rk_runtime *runtime, const char *pod_cidr);

#endif
