/* What a deployment says of itself: counts, and the conditions Available and Progressing that `rollout status` waits for. */
#include "base/mem.h"
#include "base/timefmt.h"
#include "control/controllers/deployment.h"

#define KIND RK_SPAN("deployments.apps")

bool rk_rollout_is_complete(const struct rk_rollout *rollout)
{
	const struct rk_rollout_set *current = rollout->current;

	return current != NULL && current->have == rollout->want && current->want == rollout->want &&
	       rk_rollout_have(rollout, false) == rollout->want && current->available == rollout->want;
}

static void put_count(struct rk_state *state, struct rk_val *status, const char *key, int64_t count)
{
	rk_val_put(&state->arena, status, key, count > 0 ? rk_val_int(&state->arena, count) : NULL);
}

static void set_condition(struct rk_rollout *rollout, const char *type, const char *status, const char *reason,
			  const char *message)
{
	struct rk_state *state = rollout->state;

	if (rk_condition_set(state, rollout->object, type, status, reason, message))
		rk_val_put_str(&state->arena, rk_condition(state, rollout->object, type, true), "lastUpdateTime",
			       rk_state_time(state));
}

static void report_available(struct rk_rollout *rollout)
{
	const int64_t available = rk_rollout_available(rollout, false);

	if (available >= rollout->want - rollout->max_unavailable)
		set_condition(rollout, "Available", "True", "MinimumReplicasAvailable",
			      "Deployment has minimum availability.");
	else
		set_condition(rollout, "Available", "False", "MinimumReplicasUnavailable",
			      "Deployment does not have minimum availability.");
}

/* Anything that a rollout moves: while it changes, the rollout gets on. */
static bool got_on(const struct rk_val *old, const struct rk_val *now)
{
	static const char *const keys[] = { "replicas", "updatedReplicas", "readyReplicas", "availableReplicas" };

	for (size_t i = 0; i < RK_COUNT(keys); i++)
		if (rk_val_int_at(old, keys[i], 0) != rk_val_int_at(now, keys[i], 0))
			return true;
	return false;
}

static void report_deadline(struct rk_rollout *rollout)
{
	struct rk_state *state = rollout->state;
	const int64_t deadline_ms = rk_val_int_at(rollout->object, "spec.progressDeadlineSeconds", 600) * 1000;
	const struct rk_val *condition = rk_condition(state, rollout->object, "Progressing", false);
	int64_t since;

	if (condition == NULL || !rk_time_parse(rk_val_text_at(condition, "lastUpdateTime"), &since))
		return;
	if (since + deadline_ms > state->now_ms) {
		rk_work_at(state, since + deadline_ms, RK_CONTROLLER_DEPLOYMENT,
			   rk_work_key(state, rollout->ns, rollout->name));
		return;
	}
	const char *message = rollout->current != NULL ?
				      rk_arena_printf(&state->arena, "ReplicaSet \"%.*s\" has timed out progressing.",
						      RK_SPAN_ARGS(rollout->current->name)) :
				      "Deployment has timed out progressing.";
	set_condition(rollout, "Progressing", "False", "ProgressDeadlineExceeded", message);
}

static void report_progress(struct rk_rollout *rollout, const struct rk_val *old, bool is_new)
{
	struct rk_state *state = rollout->state;
	const struct rk_span name = rollout->current != NULL ? rollout->current->name : (struct rk_span){ NULL, 0 };

	if (rollout->is_paused) {
		set_condition(rollout, "Progressing", "Unknown", "DeploymentPaused", "Deployment is paused");
	} else if (rk_rollout_is_complete(rollout)) {
		set_condition(rollout, "Progressing", "True", "NewReplicaSetAvailable",
			      rk_arena_printf(&state->arena, "ReplicaSet \"%.*s\" has successfully progressed.",
					      RK_SPAN_ARGS(name)));
	} else if (is_new) {
		set_condition(rollout, "Progressing", "True", "NewReplicaSetCreated",
			      rk_arena_printf(&state->arena, "Created new replica set \"%.*s\"", RK_SPAN_ARGS(name)));
	} else if (got_on(old, rk_val_at(rollout->object, "status")) ||
		   !rk_condition_is(rollout->object, "Progressing", "False")) {
		const struct rk_val *condition = rk_condition(state, rollout->object, "Progressing", false);
		if (condition == NULL || got_on(old, rk_val_at(rollout->object, "status")) ||
		    !rk_span_is(rk_val_text_at(condition, "reason"), "ReplicaSetUpdated")) {
			set_condition(rollout, "Progressing", "True", "ReplicaSetUpdated",
				      rk_arena_printf(&state->arena, "ReplicaSet \"%.*s\" is progressing.",
						      RK_SPAN_ARGS(name)));
			rk_val_put_str(&state->arena, rk_condition(state, rollout->object, "Progressing", true),
				       "lastUpdateTime", rk_state_time(state));
		}
		report_deadline(rollout);
	}
}

void rk_rollout_report(struct rk_rollout *rollout)
{
	struct rk_state *state = rollout->state;
	struct rk_val *status = rk_val_make(&state->arena, rollout->object, "status");
	const struct rk_val *old = rk_val_copy(&state->arena, status);
	const int64_t have = rk_rollout_have(rollout, false), available = rk_rollout_available(rollout, false);
	const int64_t wanted = rk_rollout_wanted(rollout, false);
	int64_t ready = 0;

	for (size_t i = 0; i < rollout->count; i++)
		ready += rollout->sets[i].ready;
	rk_val_put(&state->arena, status, "observedGeneration", rk_val_at(rollout->object, "metadata.generation"));
	put_count(state, status, "replicas", have);
	put_count(state, status, "updatedReplicas", rollout->current != NULL ? rollout->current->have : 0);
	put_count(state, status, "readyReplicas", ready);
	put_count(state, status, "availableReplicas", available);
	put_count(state, status, "unavailableReplicas", RK_MAX(wanted - available, 0));
	report_available(rollout);
	report_progress(rollout, old, rollout->current != NULL && rollout->current->have == 0 &&
					      rk_condition(state, rollout->object, "Progressing", false) == NULL);
	rk_object_store(state, KIND, rollout->object);
}

