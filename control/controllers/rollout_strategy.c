/* How a deployment moves from old replica sets to the current one: Recreate, RollingUpdate, and scaling in mid-way.
 * The arithmetic is upstream's (pkg/controller/deployment/rolling.go, sync.go): never more than want + maxSurge pods, never
 * fewer than want - maxUnavailable available ones by our own doing. */
#include "base/mem.h"
#include "control/controllers/deployment.h"

static void grow_current(struct rk_rollout *rollout)
{
	struct rk_rollout_set *current = rollout->current;
	const int64_t total = rk_rollout_wanted(rollout, false);
	const int64_t room = rollout->want + rollout->max_surge - total;

	if (current->want > rollout->want)
		(void)rk_rollout_scale(rollout, current, rollout->want);
	else if (current->want < rollout->want && room > 0)
		(void)rk_rollout_scale(rollout, current, RK_MIN(rollout->want, current->want + room));
	else
		(void)rk_rollout_scale(rollout, current, current->want); /* notes the wish */
}

/* Old pods that are not available serve nobody: they go first, as far as the room goes. Returns how many went. */
static int64_t drop_unhealthy(struct rk_rollout *rollout, int64_t most)
{
	int64_t dropped = 0;

	for (size_t i = 0; i < rollout->count && dropped < most; i++) {
		struct rk_rollout_set *set = &rollout->sets[i];
		if (set == rollout->current || set->want == 0 || set->want == set->available)
			continue;
		const int64_t now = RK_MIN(most - dropped, set->want - set->available);
		if (now <= 0)
			continue;
		(void)rk_rollout_scale(rollout, set, set->want - now);
		dropped += now;
	}
	return dropped;
}

static void drop_available(struct rk_rollout *rollout)
{
	const int64_t floor = rollout->want - rollout->max_unavailable;
	int64_t spare = rk_rollout_available(rollout, false) - floor;

	for (size_t i = 0; i < rollout->count && spare > 0; i++) {
		struct rk_rollout_set *set = &rollout->sets[i];
		if (set == rollout->current || set->want == 0)
			continue;
		const int64_t now = RK_MIN(spare, set->want);
		(void)rk_rollout_scale(rollout, set, set->want - now);
		spare -= now;
	}
}

static void shrink_old(struct rk_rollout *rollout)
{
	const struct rk_rollout_set *current = rollout->current;
	const int64_t total = rk_rollout_wanted(rollout, false);
	const int64_t floor = rollout->want - rollout->max_unavailable;
	const int64_t current_unavailable = current->want - current->available;
	const int64_t most = total - floor - current_unavailable;

	if (rk_rollout_wanted(rollout, true) == 0 || most <= 0)
		return;
	(void)drop_unhealthy(rollout, most);
	drop_available(rollout);
}

static void recreate(struct rk_rollout *rollout)
{
	for (size_t i = 0; i < rollout->count; i++)
		if (&rollout->sets[i] != rollout->current)
			(void)rk_rollout_scale(rollout, &rollout->sets[i], 0);
	/* have counts pods that are on their way out too: the new ones wait for the last old one */
	if (rollout->current != NULL && rk_rollout_have(rollout, true) == 0)
		(void)rk_rollout_scale(rollout, rollout->current, rollout->want);
}

void rk_rollout_roll(struct rk_rollout *rollout)
{
	if (rollout->is_recreate) {
		recreate(rollout);
		return;
	}
	if (rollout->current == NULL)
		return;
	grow_current(rollout);
	shrink_old(rollout);
}

static struct rk_rollout_set *only_active(const struct rk_rollout *rollout)
{
	struct rk_rollout_set *found = NULL;
	size_t active = 0;

	for (size_t i = 0; i < rollout->count; i++)
		if (rollout->sets[i].want > 0) {
			found = &rollout->sets[i];
			active++;
		}
	if (active == 0)
		return rollout->current != NULL ? rollout->current :
		       rollout->count > 0	? &rollout->sets[rollout->count - 1] :
						  NULL;
	return active == 1 ? found : NULL;
}

void rk_rollout_rescale(struct rk_rollout *rollout)
{
	struct rk_rollout_set *only = only_active(rollout);
	const struct rk_rollout_set *current = rollout->current;

	if (only != NULL) {
		(void)rk_rollout_scale(rollout, only, rollout->want);
		return;
	}
	if (current != NULL && current->want == rollout->want && current->available == rollout->want) {
		for (size_t i = 0; i < rollout->count; i++)
			if (&rollout->sets[i] != current)
				(void)rk_rollout_scale(rollout, &rollout->sets[i], 0);
		return;
	}
	if (rollout->is_recreate)
		return;
	/* Each set takes its share of what is to be added or taken, the largest first and the rest to it. */
	const int64_t total = rk_rollout_wanted(rollout, false);
	const int64_t allowed = rollout->want > 0 ? rollout->want + rollout->max_surge : 0;
	int64_t left = allowed - total;
	struct rk_rollout_set *largest = NULL;
	for (size_t i = 0; i < rollout->count; i++)
		if (largest == NULL || rollout->sets[i].want > largest->want)
			largest = &rollout->sets[i];
	const int64_t all = left;
	int64_t shares[64];
	const size_t count = RK_MIN(rollout->count, RK_COUNT(shares));
	for (size_t i = 0; i < count; i++) {
		const struct rk_rollout_set *set = &rollout->sets[i];
		shares[i] = set == largest || total == 0 ? 0 : set->want * all / total;
		left -= shares[i];
	}
	for (size_t i = 0; i < count; i++) {
		struct rk_rollout_set *set = &rollout->sets[i];
		const int64_t share = set == largest ? left : shares[i];
		(void)rk_rollout_scale(rollout, set, RK_MAX(set->want + share, 0));
	}
}
