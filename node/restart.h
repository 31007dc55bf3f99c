/* node/restart.h - whether and when a container that ended starts again. Pure. */
#ifndef RK_NODE_RESTART_H
#define RK_NODE_RESTART_H

#include <stdbool.h>
#include <stdint.h>

#define RK_BACKOFF_FIRST_MS 10000
#define RK_BACKOFF_MAX_MS   300000
#define RK_BACKOFF_RESET_MS 600000 /* one that ran this long starts afresh */

enum rk_restart_policy { RK_RESTART_ALWAYS, RK_RESTART_ON_FAILURE, RK_RESTART_NEVER };

struct rk_backoff {        /* all zero: no failure yet */
	int64_t delay_ms;  /* of the next wait */
	int64_t waited_ms; /* the wait that `until` ends */
	int64_t until;     /* mono */
};

/* The next try is now + delay; the delay after it doubles. The first try again is at once. */
void rk_backoff_fail(struct rk_backoff *backoff, int64_t now_mono);
/* Like kubelets do for images: already the first try again waits. */
void rk_backoff_fail_waiting(struct rk_backoff *backoff, int64_t now_mono);
/* Something ran for `ran_ms`: forget old failures when that was long. */
void rk_backoff_ran(struct rk_backoff *backoff, int64_t ran_ms);
static inline bool rk_backoff_waits(const struct rk_backoff *backoff, int64_t now_mono)
{
	return now_mono < backoff->until;
}

bool rk_restart_wanted(enum rk_restart_policy policy, bool is_init, int exit_code);

#endif
