/* HorizontalPodAutoscaler: autoscaling/v1 knows one measure, the share of the requested CPU; what
 * else v2 can say stands in annotations there, in a form of its own. The pairs are upstream's
 * pkg/apis/autoscaling/v1/conversion.go. */
#include "base/buf.h"
#include "base/mem.h"
#include "control/schema/convert.h"
#include "control/status.h"
#include "wire/json.h"

#define ALPHA         "autoscaling.alpha.kubernetes.io/"
#define LAST_CPU_PATH "currentCPUUtilizationPercentage"

/* Where a value of a measure stands in the annotation (v1) and in v2. */
struct pair {
	const char *field, *v1, *v2;
};

static const struct pair spec_pairs[] = {
	{ "object", "target", "describedObject" },
	{ "object", "metricName", "metric.name" },
	{ "object", "targetValue", "target.value" },
	{ "object", "selector", "metric.selector" },
	{ "object", "averageValue", "target.averageValue" },
	{ "pods", "metricName", "metric.name" },
	{ "pods", "targetAverageValue", "target.averageValue" },
	{ "pods", "selector", "metric.selector" },
	{ "resource", "name", "name" },
	{ "resource", "targetAverageUtilization", "target.averageUtilization" },
	{ "resource", "targetAverageValue", "target.averageValue" },
	{ "containerResource", "name", "name" },
	{ "containerResource", "container", "container" },
	{ "containerResource", "targetAverageUtilization", "target.averageUtilization" },
	{ "containerResource", "targetAverageValue", "target.averageValue" },
	{ "external", "metricName", "metric.name" },
	{ "external", "metricSelector", "metric.selector" },
	{ "external", "targetValue", "target.value" },
	{ "external", "targetAverageValue", "target.averageValue" },
};

static const struct pair status_pairs[] = {
	{ "object", "target", "describedObject" },
	{ "object", "metricName", "metric.name" },
	{ "object", "currentValue", "current.value" },
	{ "object", "selector", "metric.selector" },
	{ "object", "averageValue", "current.averageValue" },
	{ "pods", "metricName", "metric.name" },
	{ "pods", "currentAverageValue", "current.averageValue" },
	{ "pods", "selector", "metric.selector" },
	{ "resource", "name", "name" },
	{ "resource", "currentAverageUtilization", "current.averageUtilization" },
	{ "resource", "currentAverageValue", "current.averageValue" },
	{ "containerResource", "name", "name" },
	{ "containerResource", "container", "container" },
	{ "containerResource", "currentAverageUtilization", "current.averageUtilization" },
	{ "containerResource", "currentAverageValue", "current.averageValue" },
	{ "external", "metricName", "metric.name" },
	{ "external", "metricSelector", "metric.selector" },
	{ "external", "currentValue", "current.value" },
	{ "external", "currentAverageValue", "current.averageValue" },
};

struct pairs {
	const struct pair *at;
	size_t count;
	bool is_spec;
};

static const struct pairs specs = { spec_pairs, RK_COUNT(spec_pairs), true };
static const struct pairs statuses = { status_pairs, RK_COUNT(status_pairs), false };

/* --- one measure --- */

/* v1 does not say which kind of target it is: it follows from the values that are there. */
static const char *target_type(const char *field, const struct rk_val *target)
{
	const bool has_average = rk_val_at(target, "averageValue") != NULL;

	if (rk_val_at(target, "averageUtilization") != NULL)
		return "Utilization";
	if (strcmp(field, "object") == 0)
		return has_average ? "AverageValue" : "Value";
	if (strcmp(field, "external") == 0 && rk_val_at(target, "value") != NULL)
		return "Value";
	return "AverageValue";
}

static struct rk_val *measure_in(struct rk_arena *arena, const struct pairs *pairs,
				 const struct rk_val *from)
{
	struct rk_val *to = rk_val_map(arena);

	rk_val_put_str(arena, to, "type", rk_val_text_at(from, "type"));
	for (size_t i = 0; i < pairs->count; i++) {
		const struct pair *pair = &pairs->at[i];
		struct rk_val *val = rk_val_at(rk_val_at(from, pair->field), pair->v1);
		if (val != NULL)
			rk_val_set_at(arena, rk_val_make(arena, to, pair->field), pair->v2, val);
	}
	for (size_t i = 0; pairs->is_spec && i < pairs->count; i++) {
		const char *field = pairs->at[i].field;
		if (rk_val_at(to, field) == NULL)
			continue;
		struct rk_val *target = rk_val_make(arena, rk_val_at(to, field), "target");
		rk_val_put_cstr(arena, target, "type", target_type(field, target));
	}
	return to;
}

static struct rk_val *measure_out(struct rk_arena *arena, const struct pairs *pairs,
				  const struct rk_val *from)
{
	struct rk_val *to = rk_val_map(arena);

	rk_val_put_str(arena, to, "type", rk_val_text_at(from, "type"));
	for (size_t i = 0; i < pairs->count; i++) {
		const struct pair *pair = &pairs->at[i];
		struct rk_val *val = rk_val_at(rk_val_at(from, pair->field), pair->v2);
		if (val != NULL)
			rk_val_put(arena, rk_val_make(arena, to, pair->field), pair->v1, val);
	}
	return to;
}

static bool is_cpu(const struct rk_val *measure)
{
	return rk_span_is(rk_val_text_at(measure, "type"), "Resource") &&
	       rk_span_is(rk_val_text_at(measure, "resource.name"), "cpu");
}

static struct rk_val *cpu_measure(struct rk_arena *arena, const char *side, struct rk_val *share)
{
	struct rk_val *measure = rk_val_map(arena);

	rk_val_put_cstr(arena, measure, "type", "Resource");
	struct rk_val *resource = rk_val_make(arena, measure, "resource");
	rk_val_put_cstr(arena, resource, "name", "cpu");
	struct rk_val *values = rk_val_make(arena, resource, side);
	if (strcmp(side, "target") == 0)
		rk_val_put_cstr(arena, values, "type", "Utilization");
	rk_val_put(arena, values, "averageUtilization", share);
	return measure;
}

/* --- annotations --- */

/* The behaviour stands in its annotation with the names of Go's fields: "ScaleUp" for "scaleUp". */
#define LEVELS 3
static const char *const behavior_keys[LEVELS][4] = {
	{ "scaleDown", "scaleUp", NULL },
	{ "policies", "selectPolicy", "stabilizationWindowSeconds", NULL },
	{ "periodSeconds", "type", "value", NULL },
};

static const char *with_big_letter(struct rk_arena *arena, const char *key)
{
	return rk_arena_printf(arena, "%c%s", key[0] - 'a' + 'A', key + 1);
}

static struct rk_val *behavior_of(struct rk_arena *arena, struct rk_val *val, size_t level,
				  bool is_big)
{
	struct rk_val *to;

	if (rk_val_is(val, RK_VAL_LIST)) {
		to = rk_val_list(arena);
		for (uint32_t i = 0; i < val->count; i++)
			rk_val_append(arena, to,
				      behavior_of(arena, val->items[i], LEVELS - 1, is_big));
		return to;
	}
	if (!rk_val_is(val, RK_VAL_MAP) || level >= LEVELS)
		return val;
	to = rk_val_map(arena);
	for (size_t i = 0; behavior_keys[level][i] != NULL; i++) {
		const char *small = behavior_keys[level][i], *big = with_big_letter(arena, small);
		struct rk_val *has = rk_val_at(val, big);
		if (has == NULL)
			has = rk_val_at(val, small);
		if (has != NULL)
			rk_val_put(arena, to, is_big ? big : small,
				   behavior_of(arena, has, level + 1, is_big));
	}
	return to;
}

static void annotate(struct rk_arena *arena, struct rk_val *obj, const char *name,
		     const struct rk_val *val)
{
	struct rk_buf text = { 0 };

	rk_json_write(&text, val, false);
	rk_val_set(arena, rk_val_make(arena, obj, "metadata.annotations"), rk_span_str(name),
		   rk_val_str(arena, rk_arena_span(arena, rk_buf_span(&text))));
	rk_buf_done(&text);
}

/* Takes the annotation off and reads it. *ret is NULL when there is none. */
static int take_annotation(struct rk_arena *arena, struct rk_val *obj, const char *name,
			   enum rk_val_kind kind, struct rk_val **ret, struct rk_val **ret_status)
{
	struct rk_val *annotations = rk_val_at(obj, "metadata.annotations");
	const struct rk_val *text = rk_val_get(annotations, rk_span_str(name));
	struct rk_error error = { 0 };

	*ret = NULL;
	if (text == NULL)
		return RK_OK;
	if (rk_json_parse(arena, rk_val_text(text), 0, ret, &error) < 0 || !rk_val_is(*ret, kind)) {
		*ret_status =
			rk_status_bad_request(arena, "the annotation %s cannot be read: %s", name,
					      error.text[0] != 0 ? error.text : "wrong type");
		return RK_EINVAL;
	}
	(void)rk_val_remove(annotations, rk_span_str(name));
	if (rk_val_count(annotations) == 0)
		(void)rk_val_remove(rk_val_at(obj, "metadata"), RK_SPAN("annotations"));
	return RK_OK;
}

/* --- in --- */

static int measures_in(struct rk_arena *arena, struct rk_val *obj, struct rk_val **ret_status)
{
	struct rk_val *spec = rk_val_make(arena, obj, "spec"), *told = NULL;
	struct rk_val *share = rk_val_at(spec, "targetCPUUtilizationPercentage");
	struct rk_val *list = rk_val_list(arena);

	RK_TRY(take_annotation(arena, obj, ALPHA "metrics", RK_VAL_LIST, &told, ret_status));
	for (uint32_t i = 0; i < rk_val_count(told); i++)
		rk_val_append(arena, list, measure_in(arena, &specs, rk_val_item(told, i)));
	if (share != NULL)
		rk_val_append(arena, list, cpu_measure(arena, "target", share));
	(void)rk_val_remove(spec, RK_SPAN("targetCPUUtilizationPercentage"));
	if (list->count > 0)
		rk_val_put(arena, spec, "metrics", list);
	return RK_OK;
}

static int status_in(struct rk_arena *arena, struct rk_val *obj, struct rk_val **ret_status)
{
	struct rk_val *status = rk_val_at(obj, "status"), *told = NULL, *conditions = NULL;
	struct rk_val *share = rk_val_at(status, LAST_CPU_PATH), *list = rk_val_list(arena);

	RK_TRY(take_annotation(arena, obj, ALPHA "current-metrics", RK_VAL_LIST, &told,
			       ret_status));
	RK_TRY(take_annotation(arena, obj, ALPHA "conditions", RK_VAL_LIST, &conditions,
			       ret_status));
	for (uint32_t i = 0; i < rk_val_count(told); i++)
		rk_val_append(arena, list, measure_in(arena, &statuses, rk_val_item(told, i)));
	if (told == NULL && share != NULL)
		rk_val_append(arena, list, cpu_measure(arena, "current", share));
	if (status != NULL)
		(void)rk_val_remove(status, RK_SPAN(LAST_CPU_PATH));
	if (list->count > 0)
		rk_val_put(arena, rk_val_make(arena, obj, "status"), "currentMetrics", list);
	if (conditions != NULL)
		rk_val_put(arena, rk_val_make(arena, obj, "status"), "conditions", conditions);
	return RK_OK;
}

int rk_convert_autoscaler_in(struct rk_arena *arena, struct rk_val *obj, struct rk_val **ret_status)
{
	struct rk_val *behavior = NULL;

	RK_TRY(measures_in(arena, obj, ret_status));
	RK_TRY(take_annotation(arena, obj, ALPHA "behavior", RK_VAL_MAP, &behavior, ret_status));
	if (behavior != NULL)
		rk_val_put(arena, rk_val_make(arena, obj, "spec"), "behavior",
			   behavior_of(arena, behavior, 0, false));
	return status_in(arena, obj, ret_status);
}

/* --- out --- */

static void measures_out(struct rk_arena *arena, struct rk_val *obj)
{
	struct rk_val *spec = rk_val_at(obj, "spec"), *list = rk_val_at(spec, "metrics");
	struct rk_val *rest = rk_val_list(arena);
	bool has_share = false;

	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		struct rk_val *measure = rk_val_item(list, i);
		struct rk_val *share = rk_val_at(measure, "resource.target.averageUtilization");
		if (!is_cpu(measure) || share == NULL)
			rk_val_append(arena, rest, measure_out(arena, &specs, measure));
		else if (!has_share)
			rk_val_put(arena, spec, "targetCPUUtilizationPercentage", share);
		has_share = has_share || is_cpu(measure);
	}
	if (spec != NULL)
		(void)rk_val_remove(spec, RK_SPAN("metrics"));
	if (rest->count > 0)
		annotate(arena, obj, ALPHA "metrics", rest);
}

static void status_out(struct rk_arena *arena, struct rk_val *obj)
{
	struct rk_val *status = rk_val_at(obj, "status"),
		      *list = rk_val_at(status, "currentMetrics");
	struct rk_val *conditions = rk_val_at(status, "conditions"), *told = rk_val_list(arena);

	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		struct rk_val *measure = rk_val_item(list, i);
		struct rk_val *share = rk_val_at(measure, "resource.current.averageUtilization");
		if (is_cpu(measure) && share != NULL)
			rk_val_put(arena, status, LAST_CPU_PATH, share);
		rk_val_append(arena, told, measure_out(arena, &statuses, measure));
	}
	if (told->count > 0)
		annotate(arena, obj, ALPHA "current-metrics", told);
	if (rk_val_count(conditions) > 0)
		annotate(arena, obj, ALPHA "conditions", conditions);
	if (status == NULL)
		return;
	(void)rk_val_remove(status, RK_SPAN("currentMetrics"));
	(void)rk_val_remove(status, RK_SPAN("conditions"));
}

void rk_convert_autoscaler_out(struct rk_arena *arena, struct rk_val *obj)
{
	struct rk_val *behavior = rk_val_at(obj, "spec.behavior");

	measures_out(arena, obj);
	status_out(arena, obj);
	if (behavior == NULL)
		return;
	annotate(arena, obj, ALPHA "behavior", behavior_of(arena, behavior, 0, true));
	(void)rk_val_remove(rk_val_at(obj, "spec"), RK_SPAN("behavior"));
}
