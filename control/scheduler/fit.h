/* control/scheduler/fit.h - whether a pod may run on a node, and how well: pure, integers only. */
#ifndef RK_SCHEDULER_FIT_H
#define RK_SCHEDULER_FIT_H

#include "control/scheduler/cache.h"

struct rk_fit_pod { /* what placing needs of a pod, read once */
	const struct rk_val *spec;
	const struct rk_val *tolerations, *selector; /* of the spec */
	const struct rk_val *required, *preferred;   /* its node affinity's, during scheduling */
	struct rk_resources requests;
	uint64_t owner; /* hash of its controller's uid, 0 for none */
	struct rk_span uid;
	bool has_host_ports;
};

/* The toleration that covers the taint, or NULL. */
const struct rk_val *rk_tolerates(const struct rk_val *tolerations, const struct rk_val *taint);

/* NULL when the pod fits; otherwise why not, as upstream's scheduler words it ("Insufficient cpu"),
 * in the arena. */
const char *rk_fit_refuses(struct rk_state *state, const struct rk_fit_pod *pod,
			   const struct rk_sched_node *node);

/* Higher is better. `most_owned`: the largest number of this owner's pods on any node that fits. */
int64_t rk_fit_score(const struct rk_fit_pod *pod, const struct rk_sched_node *node,
		     uint32_t most_owned);

#endif
