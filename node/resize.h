/* node/resize.h - pods that change their size while they run: what the node grants of it, and how running containers
 * get it. Pure.
 *
 * The object that the core keeps of a pod holds what was granted; what is wanted beyond that waits in its containers. */
#ifndef RK_NODE_RESIZE_H
#define RK_NODE_RESIZE_H

#include "node/acts.h"

/* What the pod's containers ask for together, as granted. */
struct rk_size rk_pod_size(const struct rk_pod *pod);
/* Grants what is wanted when the node (`room`) has it beside what its other pods have (`used`); otherwise the pod
 * remembers why not. */
void rk_resize_grant(struct rk_pod *pod, struct rk_size room, struct rk_size used);
bool rk_resize_is_wanted(const struct rk_pod *pod);
/* Brings a running container to its size: in place, or by another run. */
void rk_resize_run(struct rk_pod *pod, struct rk_container *container, struct rk_now now, struct rk_acts *acts);
/* RK_FACT_RESIZED */
void rk_resize_done(struct rk_pod *pod, struct rk_container *container, struct rk_now now, const struct rk_fact *fact,
		    struct rk_acts *acts);
/* What a run begins with. */
void rk_resize_started(struct rk_container *container);
/* Whether a running container does not have its size yet. */
bool rk_resize_is_due(const struct rk_container *container);

#endif
