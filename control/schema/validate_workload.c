/* Deployments and ReplicaSets: a number, a selector, and the template of the pods. */
#include "control/schema/names.h"
#include "control/schema/selector.h"
#include "control/schema/validate.h"

static void check_template(const struct rk_check *check, const struct rk_path *up,
			   const struct rk_val *spec)
{
	const struct rk_path path = rk_path_field(up, "template"),
			     meta = rk_path_field(&path, "metadata");
	const struct rk_path labels = rk_path_field(&meta, "labels"),
			     pod = rk_path_field(&path, "spec");
	const struct rk_path policy = rk_path_field(&pod, "restartPolicy");
	const struct rk_path deadline = rk_path_field(&pod, "activeDeadlineSeconds");
	static const char *const always[] = { "Always", NULL };
	const struct rk_val *form = rk_val_at(spec, "template");
	const struct rk_val *has = rk_val_at(form, "metadata.labels");
	struct rk_selector *selector = NULL;

	if (form == NULL) {
		(void)rk_missing(check, &path, "");
		return;
	}
	if (rk_val_count(rk_val_at(spec, "selector")) > 0 &&
	    rk_selector_of(check->arena, rk_val_at(spec, "selector"), &selector, NULL) == RK_OK &&
	    !rk_selector_is_everything(selector) && !rk_selector_matches(selector, has))
		(void)rk_bad(check, &labels, has != NULL ? has : rk_val_map(check->arena),
			     "`selector` does not match template `labels`");
	rk_check_labels(check, &labels, has);
	rk_validate_pod_spec(check, &pod, rk_val_at(form, "spec"));
	if (rk_val_text_at(form, "spec.restartPolicy").size > 0 &&
	    !rk_span_is(rk_val_text_at(form, "spec.restartPolicy"), "Always"))
		(void)rk_unsupported(check, &policy, rk_val_at(form, "spec.restartPolicy"), always);
	if (rk_val_at(form, "spec.activeDeadlineSeconds") != NULL)
		(void)rk_forbidden(check, &deadline,
				   "activeDeadlineSeconds in ReplicaSet is not Supported");
}

static void check_workload(const struct rk_check *check, const struct rk_val *obj,
			   const struct rk_val *old)
{
	const struct rk_path path = rk_path_field(NULL, "spec"),
			     selector = rk_path_field(&path, "selector");
	const struct rk_val *spec = rk_val_at(obj, "spec"), *has = rk_val_at(spec, "selector");

	(void)rk_check_not_negative(check, &path, spec, "replicas");
	(void)rk_check_not_negative(check, &path, spec, "minReadySeconds");
	if (has == NULL) {
		(void)rk_missing(check, &selector, "");
	} else {
		rk_check_selector(check, &selector, has);
		if (rk_val_count(has) == 0)
			(void)rk_bad(check, &selector, has,
				     "empty selector is invalid for deployment");
	}
	check_template(check, &path, spec);
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
static bool check_share(const struct rk_check *check, const struct rk_path *path,
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
		check_share(check, &down, rk_val_at(has, "maxUnavailable"), true, &unavailable);
	const bool more_ok = check_share(check, &more, rk_val_at(has, "maxSurge"), false, &surge);
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
