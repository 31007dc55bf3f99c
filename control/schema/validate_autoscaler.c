/* HorizontalPodAutoscalers. */
#include "base/mem.h"
#include "control/schema/names.h"
#include "control/schema/quantity.h"
#include "control/schema/rules.h"
#include "control/schema/validate.h"

#define WINDOW_MAX_S 3600
#define PERIOD_MAX_S 1800

static void check_reference(const struct rk_check *check, const struct rk_path *path,
			    const struct rk_val *to)
{
	(void)rk_check_named(check, path, to, "kind", rk_name_path_segment);
	(void)rk_check_named(check, path, to, "name", rk_name_path_segment);
}

/* --- one measure --- */

static void check_positive(const struct rk_check *check, const struct rk_path *up,
			   const struct rk_val *target, const char *field)
{
	const struct rk_path path = rk_path_field(up, field);
	const struct rk_val *val = rk_val_at(target, field);

	if (val != NULL && rk_quantity_cmp(rk_val_text(val), RK_SPAN("0")) <= 0)
		(void)rk_bad(check, &path, val, "must be positive");
}

static void check_target(const struct rk_check *check, const struct rk_path *path,
			 const struct rk_val *target)
{
	static const struct rk_rule rules[] = {
		RK_NEEDED_FOR("type", "must specify a metric target type"),
		{ RK_RULE_AT_LEAST, "averageUtilization", "must be greater than 0", 1, NULL, NULL },
	};
	const struct rk_path type_path = rk_path_field(path, "type");
	const struct rk_span type = rk_val_text_at(target, "type");

	rk_check_rules(check, path, target, NULL, rules, RK_COUNT(rules));
	if (!rk_span_is(type, "Utilization") && !rk_span_is(type, "Value") &&
	    !rk_span_is(type, "AverageValue"))
		(void)rk_bad_text(check, &type_path, type,
				  "must be either Utilization, Value, or AverageValue");
	check_positive(check, path, target, "value");
	check_positive(check, path, target, "averageValue");
}

static void check_resource(const struct rk_check *check, const struct rk_path *path,
			   const struct rk_val *source)
{
	static const struct rk_rule rules[] = {
		RK_NEEDED_FOR("name", "must specify a resource name"),
	};
	const struct rk_path share = rk_path_field(path, "target.averageUtilization");
	const struct rk_path average = rk_path_field(path, "target.averageValue");
	const bool has_share = rk_val_at(source, "target.averageUtilization") != NULL;
	const bool has_average = rk_val_at(source, "target.averageValue") != NULL;

	rk_check_rules(check, path, source, NULL, rules, RK_COUNT(rules));
	if (!has_share && !has_average)
		(void)rk_missing(check, &share,
				 "must set either a target raw value or a target utilization");
	if (has_share && has_average)
		(void)rk_forbidden(check, &average,
				   "may not set both a target raw value and a target utilization");
}

static void check_metric_name(const struct rk_check *check, const struct rk_path *path,
			      const struct rk_val *source)
{
	static const struct rk_rule rules[] = {
		RK_NEEDED_FOR("metric.name", "must specify a metric name"),
		RK_SYNTAX("metric.name", rk_name_path_segment),
		RK_SELECTOR("metric.selector"),
	};

	rk_check_rules(check, path, source, NULL, rules, RK_COUNT(rules));
}

static void check_pods(const struct rk_check *check, const struct rk_path *path,
		       const struct rk_val *source)
{
	static const struct rk_rule rules[] = {
		RK_NEEDED_FOR("target.averageValue", "must specify a positive target averageValue"),
	};

	check_metric_name(check, path, source);
	rk_check_rules(check, path, source, NULL, rules, RK_COUNT(rules));
}

/* Object and External: one of the two values. */
static void check_values(const struct rk_check *check, const struct rk_path *path,
			 const struct rk_val *source, const char *needed, const char *both)
{
	const struct rk_path average = rk_path_field(path, "target.averageValue");
	const struct rk_path value = rk_path_field(path, "target.value");
	const bool has_value = rk_val_at(source, "target.value") != NULL;
	const bool has_average = rk_val_at(source, "target.averageValue") != NULL;

	check_metric_name(check, path, source);
	if (!has_value && !has_average)
		(void)rk_missing(check, &average, needed);
	if (has_value && has_average && both != NULL)
		(void)rk_forbidden(check, &value, both);
}

static void check_object(const struct rk_check *check, const struct rk_path *path,
			 const struct rk_val *source)
{
	const struct rk_path to = rk_path_field(path, "describedObject");

	check_reference(check, &to, rk_val_at(source, "describedObject"));
	check_values(check, path, source, "must set either a target value or averageValue", NULL);
}

static void check_external(const struct rk_check *check, const struct rk_path *path,
			   const struct rk_val *source)
{
	check_values(check, path, source,
		     "must set either a target value for metric or a per-pod target",
		     "may not set both a target value for metric and a per-pod target");
}

static void check_container(const struct rk_check *check, const struct rk_path *path,
			    const struct rk_val *source)
{
	static const struct rk_rule rules[] = {
		RK_NEEDED_FOR("container", "must specify a container"),
	};

	check_resource(check, path, source);
	rk_check_rules(check, path, source, NULL, rules, RK_COUNT(rules));
}

static const struct {
	const char *type, *field;
	void (*check)(const struct rk_check *check, const struct rk_path *path,
		      const struct rk_val *source);
} sources[] = {
	{ "ContainerResource", "containerResource", check_container },
	{ "External", "external", check_external },
	{ "Object", "object", check_object },
	{ "Pods", "pods", check_pods },
	{ "Resource", "resource", check_resource },
};

static void check_measure(const struct rk_check *check, const struct rk_path *path,
			  const struct rk_val *measure)
{
	static const char *const types[] = { "ContainerResource", "External", "Object", "Pods",
					     "Resource",          NULL };
	const struct rk_path type_path = rk_path_field(path, "type");
	const struct rk_val *type = rk_val_at(measure, "type");
	bool is_known = false;

	if (rk_val_text(type).size == 0)
		(void)rk_missing(check, &type_path, "must specify a metric source type");
	for (size_t i = 0; i < RK_COUNT(sources); i++) {
		const struct rk_path field = rk_path_field(path, sources[i].field);
		const struct rk_path target = rk_path_field(&field, "target");
		const struct rk_val *source = rk_val_at(measure, sources[i].field);
		const bool is_it = rk_span_is(rk_val_text(type), sources[i].type);
		is_known = is_known || is_it;
		if (is_it && source == NULL)
			(void)rk_missing(check, &field,
					 "must populate information for the given metric source");
		if (!is_it && source != NULL)
			(void)rk_forbidden(check, &field,
					   "must populate the given metric source only");
		if (!is_it || source == NULL)
			continue;
		sources[i].check(check, &field, source);
		check_target(check, &target, rk_val_at(source, "target"));
	}
	if (!is_known)
		(void)rk_unsupported(check, &type_path, type, types);
}

/* --- how fast the number may change --- */

static void check_direction(const struct rk_check *check, const struct rk_path *up,
			    const struct rk_val *behavior, const char *field)
{
	static const char *const selects[] = { "Disabled", "Max", "Min", NULL };
	static const char *const types[] = { "Percent", "Pods", NULL };
	static const struct rk_rule rules[] = {
		{ RK_RULE_AT_LEAST, "stabilizationWindowSeconds",
		  "must be greater than or equal to zero", 0, NULL, NULL },
		{ RK_RULE_AT_MOST, "stabilizationWindowSeconds", NULL, WINDOW_MAX_S, NULL, NULL },
		RK_ONE_OF("selectPolicy", selects),
		RK_NEEDED_FOR("policies", "must specify at least one Policy"),
	};
	static const struct rk_rule step[] = {
		RK_ONE_OF("type", types),
		{ RK_RULE_AT_LEAST, "value", "must be greater than zero", 1, NULL, NULL },
		{ RK_RULE_AT_LEAST, "periodSeconds", "must be greater than zero", 1, NULL, NULL },
		{ RK_RULE_AT_MOST, "periodSeconds", NULL, PERIOD_MAX_S, NULL, NULL },
	};
	const struct rk_path path = rk_path_field(up, field),
			     list = rk_path_field(&path, "policies");
	const struct rk_val *side = rk_val_at(behavior, field),
			    *policies = rk_val_at(side, "policies");

	if (side == NULL)
		return;
	rk_check_rules(check, &path, side, NULL, rules, RK_COUNT(rules));
	for (uint32_t i = 0; i < rk_val_count(policies); i++) {
		const struct rk_path item = rk_path_item(&list, i);
		rk_check_rules(check, &item, rk_val_item(policies, i), NULL, step, RK_COUNT(step));
	}
}

void rk_validate_autoscaler(const struct rk_check *check, const struct rk_val *obj,
			    const struct rk_val *old)
{
	static const struct rk_rule rules[] = {
		RK_AT_LEAST("spec.minReplicas", 1),
		{ RK_RULE_AT_LEAST, "spec.maxReplicas", "must be greater than 0", 1, NULL, NULL },
	};
	const struct rk_path spec = rk_path_field(NULL, "spec"),
			     max = rk_path_field(&spec, "maxReplicas");
	const struct rk_path to = rk_path_field(&spec, "scaleTargetRef"),
			     list = rk_path_field(&spec, "metrics"),
			     behavior = rk_path_field(&spec, "behavior");
	const struct rk_val *metrics = rk_val_at(obj, "spec.metrics");
	const int64_t most = rk_val_int_at(obj, "spec.maxReplicas", 0);

	rk_check_rules(check, NULL, obj, old, rules, RK_COUNT(rules));
	if (rk_val_at(obj, "spec.maxReplicas") == NULL)
		(void)rk_bad(check, &max, rk_val_int(check->arena, 0), "must be greater than 0");
	if (most < rk_val_int_at(obj, "spec.minReplicas", 1))
		(void)rk_bad(check, &max, rk_val_int(check->arena, most),
			     "must be greater than or equal to `minReplicas`");
	check_reference(check, &to, rk_val_at(obj, "spec.scaleTargetRef"));
	for (uint32_t i = 0; i < rk_val_count(metrics); i++) {
		const struct rk_path item = rk_path_item(&list, i);
		check_measure(check, &item, rk_val_item(metrics, i));
	}
	check_direction(check, &behavior, rk_val_at(obj, "spec.behavior"), "scaleUp");
	check_direction(check, &behavior, rk_val_at(obj, "spec.behavior"), "scaleDown");
}
