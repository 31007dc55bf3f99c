/* node/acts.h - filling the list of what is to be done. Pure. */
#ifndef RK_NODE_ACTS_H
#define RK_NODE_ACTS_H

#include "node/pod_state.h"

/* A new act about a pod, and about one of its containers (or NULL). Valid until the next one is
 * added. */
struct rk_act *rk_act_add(struct rk_acts *acts, enum rk_act_kind kind, const struct rk_pod *pod,
			  const struct rk_container *container) __attribute__((returns_nonnull));
/* An Event about a pod or one of its containers. */
void rk_act_event(struct rk_acts *acts, const struct rk_pod *pod,
		  const struct rk_container *container, bool is_warning, const char *reason,
		  const char *format, ...) __attribute__((format(printf, 6, 7)));

#endif
