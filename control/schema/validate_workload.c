/* What keeps pods running: a number, a selector, and the template of the pods. */
#include "base/mem.h"
#include "control/schema/names.h"
#include "control/schema/rules.h"
#include "control/schema/selector.h"
#include "control/schema/validate.h"

/* The labels and the pod of a template that stands at `path`. */
void rk_validate_template(const struct rk_check *check, const struct rk_path *path,
			  const struct rk_val *form)
{
	const struct rk_path meta = rk_path_field(path, "metadata"),
			     pod = rk_path_field(path, "spec");
	const struct rk_path labels = rk_path_field(&meta, "labels"),
			     ephemeral = rk_path_field(&pod, "ephemeralContainers");

	rk_check_labels(check, &labels, rk_val_at(form, "metadata.labels"));
	rk_validate_pod_spec(check, &pod, rk_val_at(form, "spec"));
	if (!check->is_lenient && rk_val_count(rk_val_at(form, "spec.ephemeralContainers")) > 0)
		(void)rk_forbidden(check, &ephemeral, "ephemeral containers not allowed in pod template");
}

/* What does not fit pods that are to run for ever. */
static void check_lasting(const struct rk_check *check, const struct rk_path *path,
			  const struct rk_val *form, const char *kind)
{
	static const char *const always[] = { "Always", NULL };
	const struct rk_path pod = rk_path_field(path, "spec");
	const struct rk_path policy = rk_path_field(&pod, "restartPolicy");
	const struct rk_path deadline = rk_path_field(&pod, "activeDeadlineSeconds");
	const struct rk_span says = rk_val_text_at(form, "spec.restartPolicy");

	if (says.size > 0 && !rk_span_is(says, "Always"))
		(void)rk_unsupported(check, &policy, rk_val_at(form, "spec.restartPolicy"), always);
	if (rk_val_at(form, "spec.activeDeadlineSeconds") != NULL)
		(void)rk_forbidden(check, &deadline,
				   rk_arena_printf(check->arena,
						   "activeDeadlineSeconds in %s is not Supported",
						   kind));
}

/* Whether the pods of the template would be found again. */
void rk_check_selects(const struct rk_check *check, const struct rk_path *path,
		      const struct rk_selector *selector, const struct rk_val *form)
{
	const struct rk_path labels = rk_path_field(path, "metadata.labels");
	const struct rk_val *has = rk_val_at(form, "metadata.labels");

	if (!rk_selector_is_everything(selector) && !rk_selector_matches(selector, has))
		(void)rk_bad(check, &labels, has != NULL ? has : rk_val_map(check->arena),
			     "`selector` does not match template `labels`");
}

static void check_template(const struct rk_check *check, const struct rk_path *up,
			   const struct rk_val *spec, const char *kind)
{
	const struct rk_path path = rk_path_field(up, "template");
	const struct rk_val *form = rk_val_at(spec, "template");
	struct rk_selector *selector = NULL;

	if (form == NULL) {
		(void)rk_missing(check, &path, "");
		return;
	}
	if (rk_val_count(rk_val_at(spec, "selector")) > 0 &&
	    rk_selector_of(check->arena, rk_val_at(spec, "selector"), &selector, NULL) == RK_OK)
		rk_check_selects(check, &path, selector, form);
	rk_validate_template(check, &path, form);
	check_lasting(check, &path, form, kind);
}

static void check_selector(const struct rk_check *check, const struct rk_path *up,
			   const struct rk_val *spec, const char *kind)
{
	const struct rk_path path = rk_path_field(up, "selector");
	const struct rk_val *has = rk_val_at(spec, "selector");

	if (has == NULL) {
		(void)rk_missing(check, &path, "");
		return;
	}
	rk_check_selector(check, &path, has);
	if (rk_val_count(has) == 0)
		(void)rk_bad(
			check, &path, has,
			rk_arena_printf(check->arena, "empty selector is invalid for %s", kind));
}

static void check_workload(const struct rk_check *check, const struct rk_val *obj,
			   const struct rk_val *old)
{
	const struct rk_path path = rk_path_field(NULL, "spec");
	const struct rk_val *spec = rk_val_at(obj, "spec");

	(void)rk_check_not_negative(check, &path, spec, "replicas");
	(void)rk_check_not_negative(check, &path, spec, "minReadySeconds");
	check_selector(check, &path, spec, "deployment");
	check_template(check, &path, spec, "ReplicaSet");
	if (old != NULL)
		(void)rk_check_same(check, &path, spec, rk_val_at(old, "spec"), "selector");
}

void rk_validate_replicaset(const struct rk_check *check, const struct rk_val *obj,
			    const struct rk_val *old)
{
	check_workload(check, obj, old);
}

/* A number, or a percentage; *ret is the number, or -1 for percentages. False when it is neither.
 */
bool rk_check_share(const struct rk_check *check, const struct rk_path *path,
		    const struct rk_val *val, bool at_most_all, int64_t *ret)
{
	if (rk_val_is(val, RK_VAL_INT)) {
		*ret = val->integer;
		return val->integer >= 0 ||
		       rk_bad(check, path, val, "must be greater than or equal to 0");
	}
	const struct rk_span text = rk_val_text(val);
	uint64_t share = 0;
	if (!rk_span_ends(text, RK_SPAN("%")) ||
	    !rk_span_u64(rk_span_sub(text, 0, text.size - 1), &share))
		return rk_bad(
			check, path, val,
			"a valid percent string must be a numeric string followed by an ending '%' "
			"(e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')");
	if (at_most_all && share > 100)
		return rk_bad(check, path, val, "must not be greater than 100%");
	*ret = share == 0 ? 0 : -1;
	return true;
}

static void check_strategy(const struct rk_check *check, const struct rk_path *up,
			   const struct rk_val *spec)
{
	const struct rk_path path = rk_path_field(up, "strategy"),
			     rolling = rk_path_field(&path, "rollingUpdate");
	const struct rk_path down = rk_path_field(&rolling, "maxUnavailable"),
			     more = rk_path_field(&rolling, "maxSurge");
	const struct rk_val *has = rk_val_at(spec, "strategy.rollingUpdate");
	int64_t unavailable = -1, surge = -1;

	if (rk_span_is(rk_val_text_at(spec, "strategy.type"), "Recreate")) {
		if (has != NULL)
			(void)rk_forbidden(
				check, &rolling,
				"may not be specified when strategy `type` is 'Recreate'");
		return;
	}
	if (has == NULL)
		return;
	const bool down_ok =
		rk_check_share(check, &down, rk_val_at(has, "maxUnavailable"), true, &unavailable);
	const bool more_ok =
		rk_check_share(check, &more, rk_val_at(has, "maxSurge"), false, &surge);
	if (down_ok && more_ok && unavailable == 0 && surge == 0)
		(void)rk_bad(check, &down, rk_val_at(has, "maxUnavailable"),
			     "may not be 0 when `maxSurge` is 0");
}

void rk_validate_deployment(const struct rk_check *check, const struct rk_val *obj,
			    const struct rk_val *old)
{
	const struct rk_path path = rk_path_field(NULL, "spec");
	const struct rk_path deadline = rk_path_field(&path, "progressDeadlineSeconds");
	const struct rk_val *spec = rk_val_at(obj, "spec");

	check_workload(check, obj, old);
	check_strategy(check, &path, spec);
	(void)rk_check_not_negative(check, &path, spec, "revisionHistoryLimit");
	(void)rk_check_not_negative(check, &path, spec, "progressDeadlineSeconds");
	if (rk_val_is(rk_val_at(spec, "progressDeadlineSeconds"), RK_VAL_INT) &&
	    rk_val_int_at(spec, "progressDeadlineSeconds", 0) <=
		    rk_val_int_at(spec, "minReadySeconds", 0))
		(void)rk_bad(check, &deadline, rk_val_at(spec, "progressDeadlineSeconds"),
			     "must be greater than minReadySeconds");
}

/* --- StatefulSets --- */

static void check_set_strategy(const struct rk_check *check, const struct rk_val *spec)
{
	const struct rk_path path = rk_path_field(NULL, "spec.updateStrategy");
	const struct rk_path rolling = rk_path_field(&path, "rollingUpdate");
	const struct rk_val *strategy = rk_val_at(spec, "updateStrategy");
	const struct rk_val *limits = rk_val_at(strategy, "rollingUpdate");
	const struct rk_span type = rk_val_text_at(strategy, "type");
	static const struct rk_rule rules[] = { RK_AT_LEAST("partition", 0) };

	if (rk_span_is(type, "OnDelete") && limits != NULL)
		(void)rk_bad(check, &rolling, limits,
			     "only allowed for updateStrategy 'RollingUpdate'");
	else if (rk_span_is(type, "RollingUpdate"))
		rk_check_rules(check, &rolling, limits, NULL, rules, RK_COUNT(rules));
	else if (!rk_span_is(type, "OnDelete"))
		(void)rk_bad(check, &path, strategy, "must be 'RollingUpdate' or 'OnDelete'");
}

/* What may change in a set that exists. */
static void check_set_update(const struct rk_check *check, const struct rk_val *spec,
			     const struct rk_val *old)
{
	static const char *const may[] = { "replicas",
					   "ordinals",
					   "template",
					   "updateStrategy",
					   "persistentVolumeClaimRetentionPolicy",
					   "minReadySeconds" };
	const struct rk_path path = rk_path_field(NULL, "spec");
	struct rk_val *now = rk_val_copy(check->arena, spec);
	struct rk_val *was = rk_val_copy(check->arena, rk_val_at(old, "spec"));

	for (size_t i = 0; i < RK_COUNT(may); i++) {
		(void)rk_val_remove(now, rk_span_str(may[i]));
		(void)rk_val_remove(was, rk_span_str(may[i]));
	}
	if (!rk_val_eq(now, was))
		(void)rk_forbidden(
			check, &path,
			"updates to statefulset spec for fields other than 'replicas', "
			"'ordinals', 'template', 'updateStrategy', "
			"'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are "
			"forbidden");
}

void rk_validate_statefulset(const struct rk_check *check, const struct rk_val *obj,
			     const struct rk_val *old)
{
	static const char *const keeps[] = { "Delete", "Retain", NULL };
	static const struct rk_rule rules[] = {
		RK_AT_LEAST("spec.replicas", 0),
		RK_AT_LEAST("spec.minReadySeconds", 0),
		RK_AT_LEAST("spec.ordinals.start", 0),
		RK_ONE_OF("spec.persistentVolumeClaimRetentionPolicy.whenDeleted", keeps),
		RK_ONE_OF("spec.persistentVolumeClaimRetentionPolicy.whenScaled", keeps),
	};
	const struct rk_path path = rk_path_field(NULL, "spec"),
			     order = rk_path_field(&path, "podManagementPolicy");
	const struct rk_val *spec = rk_val_at(obj, "spec");
	const struct rk_span policy = rk_val_text_at(spec, "podManagementPolicy");

	rk_check_rules(check, NULL, obj, old, rules, RK_COUNT(rules));
	if (!rk_span_is(policy, "OrderedReady") && !rk_span_is(policy, "Parallel"))
		(void)rk_bad_text(check, &order, policy, "must be 'OrderedReady' or 'Parallel'");
	check_set_strategy(check, spec);
	check_selector(check, &path, spec, "statefulset");
	check_template(check, &path, spec, "StatefulSet");
	if (old != NULL && rk_val_is(spec, RK_VAL_MAP))
		check_set_update(check, spec, old);
}

/* --- DaemonSets --- */

static void check_daemon_strategy(const struct rk_check *check, const struct rk_val *spec)
{
	static const char *const types[] = { "RollingUpdate", "OnDelete", NULL };
	static const struct rk_rule known[] = { RK_ONE_OF("type", types) };
	const struct rk_path path = rk_path_field(NULL, "spec.updateStrategy");
	const struct rk_path down = rk_path_field(&path, "rollingUpdate.maxUnavailable");
	const struct rk_path more = rk_path_field(&path, "rollingUpdate.maxSurge");
	const struct rk_val *strategy = rk_val_at(spec, "updateStrategy");
	const struct rk_val *limits = rk_val_at(strategy, "rollingUpdate");
	int64_t unavailable = 0, surge = 0;

	rk_check_rules(check, &path, strategy, NULL, known, RK_COUNT(known));
	if (!rk_span_is(rk_val_text_at(strategy, "type"), "RollingUpdate"))
		return;
	if (!rk_check_share(check, &down, rk_val_at(limits, "maxUnavailable"), true,
			    &unavailable) ||
	    !rk_check_share(check, &more, rk_val_at(limits, "maxSurge"), true, &surge))
		return;
	if (unavailable != 0 && surge != 0)
		(void)rk_bad(check, &more, rk_val_at(limits, "maxSurge"),
			     "may not be set when maxUnavailable is non-zero");
	else if (unavailable == 0 && surge == 0)
		(void)rk_missing(check, &down, "cannot be 0 when maxSurge is 0");
}

void rk_validate_daemonset(const struct rk_check *check, const struct rk_val *obj,
			   const struct rk_val *old)
{
	static const struct rk_rule rules[] = {
		RK_AT_LEAST("spec.minReadySeconds", 0),
		RK_AT_LEAST("spec.revisionHistoryLimit", 0),
		RK_FIXED("spec.selector"),
	};
	const struct rk_path path = rk_path_field(NULL, "spec");
	const struct rk_val *spec = rk_val_at(obj, "spec");

	check_selector(check, &path, spec, "daemonset");
	check_template(check, &path, spec, "DaemonSet");
	check_daemon_strategy(check, spec);
	rk_check_rules(check, NULL, obj, old, rules, RK_COUNT(rules));
}

/* --- ReplicationControllers, templates and revisions --- */

void rk_validate_replicationcontroller(const struct rk_check *check, const struct rk_val *obj,
				       const struct rk_val *old)
{
	static const struct rk_rule rules[] = {
		RK_AT_LEAST("spec.minReadySeconds", 0),
		RK_NEEDED("spec.selector"),
		RK_NEEDED("spec.replicas"),
		RK_AT_LEAST("spec.replicas", 0),
		RK_NEEDED("spec.template"),
	};
	const struct rk_path path = rk_path_field(NULL, "spec.template");
	const struct rk_val *form = rk_val_at(obj, "spec.template");

	rk_check_rules(check, NULL, obj, old, rules, RK_COUNT(rules));
	if (form == NULL)
		return;
	rk_check_selects(check, &path,
			 rk_selector_of_map(check->arena, rk_val_at(obj, "spec.selector")), form);
	rk_validate_template(check, &path, form);
	check_lasting(check, &path, form, "ReplicationController");
}

void rk_validate_podtemplate(const struct rk_check *check, const struct rk_val *obj,
			     const struct rk_val *old)
{
	const struct rk_path path = rk_path_field(NULL, "template");

	(void)old;
	rk_validate_template(check, &path, rk_val_at(obj, "template"));
}

void rk_validate_controllerrevision(const struct rk_check *check, const struct rk_val *obj,
				    const struct rk_val *old)
{
	static const struct rk_rule rules[] = {
		RK_NEEDED_FOR("data", "data is mandatory"),
		RK_AT_LEAST("revision", 0),
		RK_FIXED("data"),
	};

	rk_check_rules(check, NULL, obj, old, rules, RK_COUNT(rules));
}
