/* control/budget.h - what a PodDisruptionBudget (policy/v1) allows right now: reckoned from the pods themselves,
 * so an eviction sees those that went under the same entry. */
#ifndef RK_CONTROL_BUDGET_H
#define RK_CONTROL_BUDGET_H

#include "control/state.h"

struct rk_budget {
	int64_t expected; /* pods that there should be */
	int64_t healthy;  /* ready, and not going */
	int64_t desired;  /* that must stay healthy */
	int64_t allowed;  /* that may go */
};

struct rk_budget rk_budget_of(struct rk_state *state, struct rk_span ns, const struct rk_val *budget);
/* Whether it protects the pod. */
bool rk_budget_covers(struct rk_state *state, const struct rk_val *budget, struct rk_span pod_doc);

/* The Status that refuses the eviction of a pod; NULL when it may go. */
struct rk_val *rk_budget_refusal(struct rk_state *state, struct rk_span ns, struct rk_span name);

#endif
