#include "node/restart.h"

static void wait_then_double(struct rk_backoff *backoff, int64_t now_mono)
{
	backoff->waited_ms = backoff->delay_ms;
	backoff->until = now_mono + backoff->delay_ms;
	if (backoff->delay_ms == 0)
		backoff->delay_ms = RK_BACKOFF_FIRST_MS;
	else if (backoff->delay_ms < RK_BACKOFF_MAX_MS / 2)
		backoff->delay_ms *= 2;
	else
		backoff->delay_ms = RK_BACKOFF_MAX_MS;
}

void rk_backoff_fail(struct rk_backoff *backoff, int64_t now_mono)
{
	wait_then_double(backoff, now_mono);
}

void rk_backoff_fail_waiting(struct rk_backoff *backoff, int64_t now_mono)
{
	if (backoff->delay_ms == 0)
		backoff->delay_ms = RK_BACKOFF_FIRST_MS;
	wait_then_double(backoff, now_mono);
}

void rk_backoff_ran(struct rk_backoff *backoff, int64_t ran_ms)
{
	if (ran_ms >= RK_BACKOFF_RESET_MS)
		*backoff = (struct rk_backoff){ 0 };
}

/* Init containers of a pod that restarts always must still end once. */
bool rk_restart_wanted(enum rk_restart_policy policy, bool is_init, int exit_code)
{
	switch (policy) {
	case RK_RESTART_ALWAYS: return !is_init || exit_code != 0;
	case RK_RESTART_ON_FAILURE: return exit_code != 0;
	case RK_RESTART_NEVER: return false;
	}
	return false;
}
