/* node/core.h - the agent's pure core: facts and time in, acts out. The same facts give the same
 * acts.
 *
 * It never touches a clock, a file or a socket; the caller journals the facts, so that every
 * restart can be explained. */
#ifndef RK_NODE_CORE_H
#define RK_NODE_CORE_H

#include "node/pod_state.h"

#define RK_CORE_PODS_MAX 1024

struct rk_core;

/* host_ip: copied. */
struct rk_core *rk_core_new(const char *host_ip) __attribute__((returns_nonnull));
struct rk_core *rk_core_free(struct rk_core *core); /* takes NULL, returns NULL */
/* Takes one fact and adds what follows from it to `acts`. */
void rk_core_step(struct rk_core *core, struct rk_now now, const struct rk_fact *fact,
		  struct rk_acts *acts);
/* When it next wants RK_FACT_TIME (mono, milliseconds); INT64_MAX: never. */
int64_t rk_core_due(const struct rk_core *core, struct rk_now now);
/* The pods, in no particular order: first NULL, then the one before; NULL at the end. */
const struct rk_pod *rk_core_next(const struct rk_core *core, const struct rk_pod *before);
const struct rk_pod *rk_core_find(const struct rk_core *core, struct rk_span uid);

#endif
