/* control/controllers/deployment.h - what the deployment controller's files share: one deployment and its replica sets. */
#ifndef RK_CONTROL_DEPLOYMENT_H
#define RK_CONTROL_DEPLOYMENT_H

#include "control/controllers/controllers.h"

struct rk_rollout_set {
	struct rk_val *object; /* the ReplicaSet, ours to change and store */
	struct rk_span name;
	int64_t want;      /* spec.replicas */
	int64_t have;      /* status.replicas */
	int64_t ready, available;
	int64_t revision;  /* annotation deployment.kubernetes.io/revision */
	int64_t created_ms;
};

struct rk_rollout { /* one reconcile of one deployment */
	struct rk_state *state;
	struct rk_val *object; /* the Deployment */
	struct rk_span ns, name;
	int64_t want;
	int64_t max_surge, max_unavailable; /* resolved */
	bool is_recreate, is_paused;
	struct rk_rollout_set *sets; /* oldest first, the one of the present template among them */
	size_t count;
	struct rk_rollout_set *current; /* has the present template; NULL when none has */
};

/* Sums over all sets, or over all but the current one. */
int64_t rk_rollout_wanted(const struct rk_rollout *rollout, bool only_old);
int64_t rk_rollout_have(const struct rk_rollout *rollout, bool only_old);
int64_t rk_rollout_available(const struct rk_rollout *rollout, bool only_old);

/* Scales a set, notes the deployment's wish on it and says so in an event. True when it changed. */
bool rk_rollout_scale(struct rk_rollout *rollout, struct rk_rollout_set *set, int64_t want);

/* rollout_strategy.c: moves pods from the old sets to the current one, as far as the strategy lets it at this moment. */
void rk_rollout_roll(struct rk_rollout *rollout);
/* The deployment was scaled: spreads the change over all sets in proportion (also while paused or in mid-rollout). */
void rk_rollout_rescale(struct rk_rollout *rollout);
bool rk_rollout_was_rescaled(const struct rk_rollout *rollout);

/* rollout_status.c: counts and conditions; stores the deployment. */
void rk_rollout_report(struct rk_rollout *rollout);
bool rk_rollout_is_complete(const struct rk_rollout *rollout);

#endif
