/* node/core.h - the agent's pure core: facts and time in, acts out. The same facts give the same
 * acts.
 *
 * It never touches a clock, a file or a socket; the caller journals the facts, so that every
 * restart can be explained. */
#ifndef RK_NODE_CORE_H
#define RK_NODE_CORE_H

#include "node/pod_state.h"

#define RK_CORE_PODS_MAX 1024

struct rk_nodecore;

/* host_ip: copied. room: what the node has for its pods. */
struct rk_nodecore *rk_nodecore_new(const char *host_ip, struct rk_size room) __attribute__((returns_nonnull));
struct rk_nodecore *rk_nodecore_free(struct rk_nodecore *core); /* takes NULL, returns NULL */
/* Takes one fact and adds what follows from it to `acts`. */
void rk_nodecore_step(struct rk_nodecore *core, struct rk_now now, const struct rk_fact *fact,
		      struct rk_acts *acts);
/* When it next wants RK_FACT_TIME (mono, milliseconds), which may be past already; INT64_MAX: never. */
int64_t rk_nodecore_due(const struct rk_nodecore *core, struct rk_now now);
/* The pods, in no particular order: first NULL, then the one before; NULL at the end. */
const struct rk_pod *rk_nodecore_next(const struct rk_nodecore *core, const struct rk_pod *before);
const struct rk_pod *rk_nodecore_find(const struct rk_nodecore *core, struct rk_span uid);

#endif
