/* node/container_step.h - one container forward: image, start, probes, stop. Pure. */
#ifndef RK_NODE_CONTAINER_STEP_H
#define RK_NODE_CONTAINER_STEP_H

#include "node/acts.h"

/* Towards running: asks for the image, starts it, restarts it after its back-off, runs its probes.
 */
void rk_container_run(struct rk_pod *pod, struct rk_container *container, struct rk_now now,
		      struct rk_acts *acts);
/* Begins to stop a running container (nothing when it stops already): hook, TERM, and KILL after
 * grace. */
void rk_container_stop(struct rk_pod *pod, struct rk_container *container, int64_t grace_ms,
		       struct rk_now now, struct rk_acts *acts);
/* Continues a stop whose stage is over. */
void rk_container_stop_on(struct rk_pod *pod, struct rk_container *container, struct rk_now now,
			  struct rk_acts *acts);
/* A fact about this container (IMAGE, STARTED, EXITED, HOOK, PROBED, RESIZED). */
void rk_container_fact(struct rk_pod *pod, struct rk_container *container, struct rk_now now,
		       const struct rk_fact *fact, struct rk_acts *acts);
/* Whether a container that has exited will start again. */
bool rk_container_restarts(const struct rk_pod *pod, const struct rk_container *container);
static inline bool rk_container_is_alive(const struct rk_container *container)
{
	return container->phase == RK_CONTAINER_STARTING ||
	       container->phase == RK_CONTAINER_RUNNING;
}
/* When it next needs a step, at the earliest; INT64_MAX: on facts only. */
int64_t rk_container_due(const struct rk_container *container, struct rk_now now);

#endif
