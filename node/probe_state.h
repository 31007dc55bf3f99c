/* node/probe_state.h - one probe of one run of a container: when it is due, and what its results
 * add up to. Pure. */
#ifndef RK_NODE_PROBE_STATE_H
#define RK_NODE_PROBE_STATE_H

#include "node/facts.h"

struct rk_probe_state {
	const struct rk_val *spec; /* NULL: the container has no such probe */
	bool is_running;
	bool is_healthy; /* what the streak has decided so far */
	bool last_was_good;
	uint32_t streak; /* results like the last one, in a row */
	int64_t due;     /* mono */
};

/* A run of the container starts. Liveness counts as well until it fails, the others as failed until
 * they succeed. */
void rk_probe_begin(struct rk_probe_state *state, enum rk_probe_kind kind,
		    const struct rk_val *spec, int64_t now_mono);
/* A result: true when is_healthy has changed, or a threshold of failures is reached (again). */
bool rk_probe_result(struct rk_probe_state *state, bool is_good, int64_t now_mono);
uint32_t rk_probe_timeout_ms(const struct rk_val *spec);
const char *rk_probe_name(enum rk_probe_kind kind); /* "Startup", "Liveness", "Readiness" */

#endif
