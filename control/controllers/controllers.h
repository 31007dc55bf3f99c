/* control/controllers/controllers.h - every controller, and what they share about pods. */
#ifndef RK_CONTROL_CONTROLLERS_H
#define RK_CONTROL_CONTROLLERS_H

#include "control/follow.h"
#include "control/objects.h"
#include "control/work.h"

extern const struct rk_controller rk_controller_namespace;
extern const struct rk_controller rk_controller_garbage;
extern const struct rk_controller rk_controller_replicaset;
extern const struct rk_controller rk_controller_deployment;
extern const struct rk_controller rk_controller_scheduler; /* control/scheduler/ */
extern const struct rk_controller rk_controller_endpoints;
extern const struct rk_controller rk_controller_node;
extern const struct rk_controller rk_controller_eviction;
extern const struct rk_controller rk_controller_events;
extern const struct rk_controller rk_controller_serviceaccount;
extern const struct rk_controller rk_controller_nodeipam;
extern const struct rk_controller rk_controller_podgc;
extern const struct rk_controller rk_controller_custom;
extern const struct rk_controller rk_controller_clusterrole;
extern const struct rk_controller rk_controller_budget;
extern const struct rk_controller rk_controller_kubernetes;
extern const struct rk_controller rk_controller_rootca;

struct rk_pod_facts { /* of an encoded pod, read in place */
	struct rk_span doc;
	struct rk_span node; /* spec.nodeName, empty until it is bound */
	bool is_going;       /* has a deletionTimestamp */
	bool is_pending;     /* phase Pending */
	bool has_ended;      /* phase Succeeded or Failed */
	bool is_ready;       /* condition Ready is True */
	int64_t ready_since_ms; /* its lastTransitionTime; 0 when it is not ready */
};
struct rk_pod_facts rk_pod_facts(struct rk_state *state, struct rk_span doc);
static inline bool rk_pod_is_active(const struct rk_pod_facts *pod)
{
	return !pod->is_going && !pod->has_ended;
}

/* Whether a LabelSelector (value; NULL selects nothing, an empty one everything) selects an encoded object. */
bool rk_selects(struct rk_state *state, const struct rk_val *selector, struct rk_span doc);
/* As Service.spec.selector has it: a map of labels that all must be there; an empty one selects nothing. */
bool rk_selects_map(const struct rk_val *labels, struct rk_span doc);

#endif
