/* Workloads: what makes pods, and what scales it. */
#include "control/schema/default_kinds.h"
#include "control/schema/default_pod.h"

static void put_missing(struct rk_arena *arena, struct rk_val *map, const char *key,
			struct rk_val *val)
{
	if (rk_val_get(map, rk_span_str(key)) == NULL)
		rk_val_put(arena, map, key, val);
}

static void put_missing_int(struct rk_arena *arena, struct rk_val *map, const char *key,
			    int64_t value)
{
	put_missing(arena, map, key, rk_val_int(arena, value));
}

static void put_missing_text(struct rk_arena *arena, struct rk_val *map, const char *key,
			     const char *text)
{
	put_missing(arena, map, key, rk_val_cstr(arena, text));
}

static void put_missing_bool(struct rk_arena *arena, struct rk_val *map, const char *key,
			     bool value)
{
	put_missing(arena, map, key, rk_val_bool(arena, value));
}

/* The strategy at `path`, with the limits that a rolling update needs; NULL when it is another one.
 */
static struct rk_val *rolling_of(struct rk_arena *arena, struct rk_val *obj, const char *path)
{
	struct rk_val *strategy = rk_val_at(obj, path);

	if (!rk_span_is(rk_val_text_at(strategy, "type"), "RollingUpdate"))
		return NULL;
	return rk_val_make(arena, strategy, "rollingUpdate");
}

void rk_default_deployment(struct rk_arena *arena, struct rk_val *obj)
{
	rk_default_template(arena, rk_val_at(obj, "spec.template"));
	struct rk_val *rolling = rolling_of(arena, obj, "spec.strategy");
	if (rolling == NULL)
		return;
	put_missing_text(arena, rolling, "maxUnavailable", "25%");
	put_missing_text(arena, rolling, "maxSurge", "25%");
}

void rk_default_replicaset(struct rk_arena *arena, struct rk_val *obj)
{
	rk_default_template(arena, rk_val_at(obj, "spec.template"));
}

void rk_default_daemonset(struct rk_arena *arena, struct rk_val *obj)
{
	rk_default_template(arena, rk_val_at(obj, "spec.template"));
	struct rk_val *rolling = rolling_of(arena, obj, "spec.updateStrategy");
	if (rolling == NULL)
		return;
	put_missing_int(arena, rolling, "maxUnavailable", 1);
	put_missing_int(arena, rolling, "maxSurge", 0);
}

/* Claims in the set say what they are, and that nothing is bound yet: so upstream shows them. */
static void default_claims(struct rk_arena *arena, struct rk_val *claims)
{
	for (uint32_t i = 0; i < rk_val_count(claims); i++) {
		struct rk_val *claim = rk_val_item(claims, i);
		put_missing_text(arena, claim, "apiVersion", "v1");
		put_missing_text(arena, claim, "kind", "PersistentVolumeClaim");
		struct rk_val *status = rk_val_make(arena, claim, "status");
		put_missing_text(arena, status, "phase", "Pending");
	}
}

void rk_default_statefulset(struct rk_arena *arena, struct rk_val *obj)
{
	rk_default_template(arena, rk_val_at(obj, "spec.template"));
	default_claims(arena, rk_val_at(obj, "spec.volumeClaimTemplates"));
	struct rk_val *rolling = rolling_of(arena, obj, "spec.updateStrategy");
	if (rolling != NULL)
		put_missing_int(arena, rolling, "partition", 0);
}

/* An object without labels gets those of its pods. */
static void labels_of_template(struct rk_arena *arena, struct rk_val *obj)
{
	struct rk_val *labels = rk_val_at(obj, "spec.template.metadata.labels");

	if (rk_val_count(labels) > 0 && rk_val_count(rk_val_at(obj, "metadata.labels")) == 0)
		rk_val_put(arena, rk_val_make(arena, obj, "metadata"), "labels",
			   rk_val_copy(arena, labels));
}

void rk_default_replicationcontroller(struct rk_arena *arena, struct rk_val *obj)
{
	struct rk_val *labels = rk_val_at(obj, "spec.template.metadata.labels");

	rk_default_template(arena, rk_val_at(obj, "spec.template"));
	if (rk_val_count(labels) > 0 && rk_val_count(rk_val_at(obj, "spec.selector")) == 0)
		rk_val_put(arena, rk_val_at(obj, "spec"), "selector", rk_val_copy(arena, labels));
	labels_of_template(arena, obj);
}

void rk_default_podtemplate(struct rk_arena *arena, struct rk_val *obj)
{
	rk_default_template(arena, rk_val_at(obj, "template"));
}

/* --- jobs --- */

void rk_default_job(struct rk_arena *arena, struct rk_val *obj)
{
	struct rk_val *spec = rk_val_make(arena, obj, "spec");
	const bool has_policy = rk_val_at(spec, "podFailurePolicy") != NULL;
	const bool has_limit_each = rk_val_at(spec, "backoffLimitPerIndex") != NULL;

	rk_default_template(arena, rk_val_at(spec, "template"));
	/* A job that says neither runs once; one that says how many at once is a queue of work. */
	if (rk_val_at(spec, "parallelism") == NULL)
		put_missing_int(arena, spec, "completions", 1);
	put_missing_int(arena, spec, "parallelism", 1);
	put_missing_int(arena, spec, "backoffLimit", has_limit_each ? INT32_MAX : 6);
	put_missing_text(arena, spec, "completionMode", "NonIndexed");
	put_missing_bool(arena, spec, "suspend", false);
	put_missing_bool(arena, spec, "manualSelector", false);
	put_missing_text(arena, spec, "podReplacementPolicy",
			 has_policy ? "Failed" : "TerminatingOrFailed");
	labels_of_template(arena, obj);
}

/* The job in it is completed when it is made; only its pod is looked at here. */
void rk_default_cronjob(struct rk_arena *arena, struct rk_val *obj)
{
	rk_default_template(arena, rk_val_at(obj, "spec.jobTemplate.spec.template"));
}

/* --- autoscalers --- */

static struct rk_val *policy_of(struct rk_arena *arena, const char *type, int64_t value)
{
	struct rk_val *policy = rk_val_map(arena);

	rk_val_put_cstr(arena, policy, "type", type);
	rk_val_put_int(arena, policy, "value", value);
	rk_val_put_int(arena, policy, "periodSeconds", 15);
	return policy;
}

static void default_rules(struct rk_arena *arena, struct rk_val *rules, bool is_up)
{
	struct rk_val *policies = rk_val_list(arena);

	if (is_up) {
		put_missing_int(arena, rules, "stabilizationWindowSeconds", 0);
		rk_val_append(arena, policies, policy_of(arena, "Pods", 4));
	}
	rk_val_append(arena, policies, policy_of(arena, "Percent", 100));
	put_missing_text(arena, rules, "selectPolicy", "Max");
	put_missing(arena, rules, "policies", policies);
}

void rk_default_autoscaler(struct rk_arena *arena, struct rk_val *obj)
{
	struct rk_val *spec = rk_val_make(arena, obj, "spec");

	if (rk_val_count(rk_val_at(spec, "metrics")) == 0) {
		struct rk_val *metric = rk_val_map(arena), *metrics = rk_val_list(arena);
		rk_val_put_cstr(arena, metric, "type", "Resource");
		struct rk_val *resource = rk_val_make(arena, metric, "resource");
		rk_val_put_cstr(arena, resource, "name", "cpu");
		struct rk_val *target = rk_val_make(arena, resource, "target");
		rk_val_put_cstr(arena, target, "type", "Utilization");
		rk_val_put_int(arena, target, "averageUtilization", 80);
		rk_val_append(arena, metrics, metric);
		rk_val_put(arena, spec, "metrics", metrics);
	}
	if (rk_val_at(spec, "behavior") == NULL)
		return;
	default_rules(arena, rk_val_make(arena, spec, "behavior.scaleUp"), true);
	default_rules(arena, rk_val_make(arena, spec, "behavior.scaleDown"), false);
}
