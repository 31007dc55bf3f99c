#include "node/probe_state.h"

#include "base/mem.h"

static int64_t seconds(const struct rk_val *spec, const char *field, int64_t least,
		       int64_t otherwise)
{
	const int64_t value = rk_val_int_at(spec, field, otherwise);

	return RK_MIN(RK_MAX(value, least), 86400);
}

void rk_probe_begin(struct rk_probe_state *state, enum rk_probe_kind kind,
		    const struct rk_val *spec, int64_t now_mono)
{
	*state = (struct rk_probe_state){
		.spec = spec,
		.is_healthy = spec == NULL || kind == RK_PROBE_LIVENESS,
		.last_was_good = true,
		.due = now_mono + seconds(spec, "initialDelaySeconds", 0, 0) * 1000,
	};
}

bool rk_probe_result(struct rk_probe_state *state, bool is_good, int64_t now_mono)
{
	const bool was_healthy = state->is_healthy;
	const int64_t threshold = is_good ? seconds(state->spec, "successThreshold", 1, 1)
					  : seconds(state->spec, "failureThreshold", 1, 3);

	state->is_running = false;
	state->due = now_mono + seconds(state->spec, "periodSeconds", 1, 10) * 1000;
	state->streak =
		state->streak > 0 && state->last_was_good == is_good ? state->streak + 1 : 1;
	state->last_was_good = is_good;
	if (state->streak < threshold)
		return false;
	state->is_healthy = is_good;
	return was_healthy != is_good || (!is_good && state->streak % threshold == 0);
}

uint32_t rk_probe_timeout_ms(const struct rk_val *spec)
{
	return (uint32_t)seconds(spec, "timeoutSeconds", 1, 1) * 1000;
}

const char *rk_probe_name(enum rk_probe_kind kind)
{
	switch (kind) {
	case RK_PROBE_STARTUP: return "Startup";
	case RK_PROBE_LIVENESS: return "Liveness";
	case RK_PROBE_READINESS: return "Readiness";
	case RK_PROBE_KINDS: break;
	}
	return "";
}
