/* Kinds that are another form of what is stored: both ways. */
#include "base/mem.h"
#include "control/schema/convert.h"
#include "control/schema/schema.h"
#include "control/schema/selector.h"
#include "tests/control/schema.h"

#define HPA   "\"kind\":\"HorizontalPodAutoscaler\",\"metadata\":{\"name\":\"a\"}"
#define SCALE "\"scaleTargetRef\":{\"kind\":\"Deployment\",\"name\":\"d\"},\"maxReplicas\":5"

static const struct rk_kind *form_of(const struct rk_kinds *kinds, const char *version,
				     const char *kind)
{
	const struct rk_kind *form = rk_kinds_of(kinds, rk_span_str(version), rk_span_str(kind));

	cr_assert_not_null(form);
	cr_assert_neq(form->stored, form);
	return form;
}

/* A document of the form, as the server takes it in. */
static struct rk_val *taken(struct rk_arena *arena, const struct rk_kind *form, const char *json)
{
	struct rk_val *val = json_in(arena, json), *status = NULL;

	cr_assert_eq(rk_schema_decode(arena, form, val, RK_STRICT_STRICT, NULL, &status), RK_OK,
		     "%s: %s", json, json_out(arena, status));
	rk_schema_default(arena, form, val);
	cr_assert_eq(rk_convert_in(arena, form, val, &val, &status), RK_OK, "%s: %s", json,
		     json_out(arena, status));
	return val;
}

Test(convert, the_only_measure_of_v1_becomes_one_of_many)
{
	const struct rk_kinds *kinds = rk_kinds_new();
	const struct rk_kind *form = form_of(kinds, "autoscaling/v1", "HorizontalPodAutoscaler");
	struct rk_arena arena = { 0 };
	const struct rk_val *val =
		taken(&arena, form,
		      "{" HPA ",\"spec\":{" SCALE ",\"targetCPUUtilizationPercentage\":60}}");

	cr_expect_str_eq(json_out(&arena, rk_val_at(val, "spec.metrics")),
			 "[{\"type\":\"Resource\",\"resource\":{\"name\":\"cpu\",\"target\":{"
			 "\"type\":\"Utilization\",\"averageUtilization\":60}}}]");
	cr_expect_null(rk_val_at(val, "spec.targetCPUUtilizationPercentage"));
	cr_expect(rk_span_is(rk_val_text_at(val, "apiVersion"), "autoscaling/v2"));
	cr_expect_eq(rk_val_int_at(val, "spec.minReplicas", 0), 1);
	/* and back */
	const struct rk_val *out = rk_convert_out(&arena, form, rk_val_copy(&arena, val));
	cr_expect_eq(rk_val_int_at(out, "spec.targetCPUUtilizationPercentage", 0), 60);
	cr_expect_null(rk_val_at(out, "spec.metrics"));
	cr_expect_null(rk_val_at(out, "metadata.annotations"));
	cr_expect(rk_span_is(rk_val_text_at(out, "apiVersion"), "autoscaling/v1"));
	rk_arena_done(&arena);
	(void)rk_kinds_free(kinds);
}

static const char rich[] =
	"{\"apiVersion\":\"autoscaling/v2\"," HPA ",\"spec\":{" SCALE ",\"minReplicas\":2,"
	"\"metrics\":["
	"{\"type\":\"Object\",\"object\":{\"describedObject\":{\"kind\":\"Service\",\"name\":\"s\"}"
	","
	"\"metric\":{\"name\":\"hits\",\"selector\":{\"matchLabels\":{\"x\":\"y\"}}},\"target\":{"
	"\"type\":\"Value\",\"value\":\"5k\"}}},"
	"{\"type\":\"Pods\",\"pods\":{\"metric\":{\"name\":\"q\"},\"target\":{\"type\":"
	"\"AverageValue\",\"averageValue\":\"7\"}}},"
	"{\"type\":\"Resource\",\"resource\":{\"name\":\"memory\",\"target\":{\"type\":"
	"\"AverageValue\",\"averageValue\":\"1Gi\"}}},"
	"{\"type\":\"ContainerResource\",\"containerResource\":{\"name\":\"cpu\",\"container\":"
	"\"c\",\"target\":{\"type\":\"Utilization\",\"averageUtilization\":50}}},"
	"{\"type\":\"External\",\"external\":{\"metric\":{\"name\":\"e\"},\"target\":{\"type\":"
	"\"Value\",\"value\":\"3\"}}},"
	"{\"type\":\"Resource\",\"resource\":{\"name\":\"cpu\",\"target\":{\"type\":"
	"\"Utilization\","
	"\"averageUtilization\":70}}}],"
	"\"behavior\":{\"scaleUp\":{\"stabilizationWindowSeconds\":0,\"selectPolicy\":\"Max\","
	"\"policies\":[{\"type\":\"Pods\",\"value\":4,\"periodSeconds\":15}]},\"scaleDown\":{"
	"\"selectPolicy\":\"Min\",\"policies\":[{\"type\":\"Percent\",\"value\":50,"
	"\"periodSeconds\":60}]}}},"
	"\"status\":{\"currentReplicas\":1,\"desiredReplicas\":3,\"conditions\":[{\"type\":"
	"\"AbleToScale\",\"status\":\"True\",\"lastTransitionTime\":\"2026-01-02T03:04:05Z\"}],"
	"\"currentMetrics\":[{\"type\":\"Resource\",\"resource\":{\"name\":\"cpu\",\"current\":{"
	"\"averageUtilization\":10,\"averageValue\":\"20m\"}}},{\"type\":\"Object\",\"object\":{"
	"\"describedObject\":{\"kind\":\"Service\",\"name\":\"s\"},\"metric\":{\"name\":\"hits\"},"
	"\"current\":{\"value\":\"4k\"}}}]}}";

Test(convert, what_v1_cannot_say_survives_in_annotations)
{
	const struct rk_kinds *kinds = rk_kinds_new();
	const struct rk_kind *form = form_of(kinds, "autoscaling/v1", "HorizontalPodAutoscaler");
	struct rk_arena arena = { 0 };
	struct rk_val *stored = json_in(&arena, rich), *status = NULL;

	cr_assert_eq(
		rk_schema_decode(&arena, form->stored, stored, RK_STRICT_STRICT, NULL, &status),
		RK_OK, "%s", json_out(&arena, status));
	rk_schema_default(&arena, form->stored, stored);
	const struct rk_val *shown = rk_convert_out(&arena, form, stored);
	const struct rk_val *annotations = rk_val_at(shown, "metadata.annotations");
	cr_expect_eq(rk_val_count(annotations), 4, "%s", json_out(&arena, annotations));
	cr_expect_eq(rk_val_int_at(shown, "spec.targetCPUUtilizationPercentage", 0), 70);
	cr_expect_eq(rk_val_int_at(shown, "status.currentCPUUtilizationPercentage", 0), 10);
	cr_expect(rk_span_starts(
		rk_val_text(rk_val_get(annotations,
				       RK_SPAN("autoscaling.alpha.kubernetes.io/metrics"))),
		RK_SPAN("[{\"type\":\"Object\",\"object\":{\"target\":{\"kind\":\"Service\","
			"\"name\""
			":\"s\"},\"metricName\":\"hits\",\"targetValue\":\"5k\"")));
	cr_expect(rk_span_starts(
		rk_val_text(rk_val_get(annotations,
				       RK_SPAN("autoscaling.alpha.kubernetes.io/behavior"))),
		RK_SPAN("{\"ScaleDown\":{\"Policies\":[{\"PeriodSeconds\":60,")));
	/* Whoever reads v1 and writes it back loses nothing. */
	struct rk_val *again = taken(&arena, form, json_out(&arena, shown));
	cr_expect(rk_val_eq(stored, again), "\n%s\n%s", json_out(&arena, stored),
		  json_out(&arena, again));
	rk_arena_done(&arena);
	(void)rk_kinds_free(kinds);
}

Test(convert, annotations_that_cannot_be_read)
{
	static const char *const bad[] = {
		"\"autoscaling.alpha.kubernetes.io/metrics\":\"[\"",
		"\"autoscaling.alpha.kubernetes.io/metrics\":\"{}\"",
		"\"autoscaling.alpha.kubernetes.io/behavior\":\"[]\"",
		"\"autoscaling.alpha.kubernetes.io/conditions\":\"7\"",
		"\"autoscaling.alpha.kubernetes.io/current-metrics\":\"\"",
		/* read, but not what v2 can hold */
		"\"autoscaling.alpha.kubernetes.io/metrics\":\"[{\\\"type\\\":\\\"Pods\\\","
		"\\\"pods\\\":{\\\"targetAverageValue\\\":\\\"much\\\"}}]\"",
		"\"autoscaling.alpha.kubernetes.io/behavior\":\"{\\\"ScaleUp\\\":7}\"",
	};
	const struct rk_kinds *kinds = rk_kinds_new();
	const struct rk_kind *form = form_of(kinds, "autoscaling/v1", "HorizontalPodAutoscaler");

	for (size_t i = 0; i < RK_COUNT(bad); i++) {
		struct rk_arena arena = { 0 };
		struct rk_val *status = NULL;
		struct rk_val *val = json_in(
			&arena,
			rk_arena_printf(&arena, "{\"metadata\":{\"annotations\":{%s}},\"spec\":{}}",
					bad[i]));
		cr_expect_eq(rk_convert_in(&arena, form, val, &val, &status), RK_EINVAL, "%s",
			     bad[i]);
		cr_expect_eq(rk_val_int_at(status, "code", 0), 400, "%s", bad[i]);
		rk_arena_done(&arena);
	}
	(void)rk_kinds_free(kinds);
}

Test(convert, events_by_both_names)
{
	const struct rk_kinds *kinds = rk_kinds_new();
	const struct rk_kind *form = form_of(kinds, "events.k8s.io/v1", "Event");
	struct rk_arena arena = { 0 };
	static const char text[] =
		"{\"apiVersion\":\"events.k8s.io/v1\",\"kind\":\"Event\",\"metadata\":{\"name\":"
		"\"e\"},\"eventTime\":\"2026-01-02T03:04:05.000006Z\",\"reportingController\":"
		"\"x/y\",\"reportingInstance\":\"z\",\"action\":\"Do\",\"reason\":\"Done\","
		"\"regarding\":{\"kind\":\"Pod\",\"name\":\"p\"},\"note\":\"well\",\"type\":"
		"\"Normal\",\"deprecatedSource\":{\"component\":\"c\"},\"deprecatedCount\":3,"
		"\"deprecatedFirstTimestamp\":\"2026-01-02T03:04:05Z\",\"deprecatedLastTimestamp\":"
		"\"2026-01-02T03:04:06Z\"}";
	struct rk_val *val = taken(&arena, form, text);

	cr_expect(rk_span_is(rk_val_text_at(val, "apiVersion"), "v1"));
	cr_expect(rk_span_is(rk_val_text_at(val, "message"), "well"));
	cr_expect(rk_span_is(rk_val_text_at(val, "involvedObject.name"), "p"));
	cr_expect(rk_span_is(rk_val_text_at(val, "reportingComponent"), "x/y"));
	cr_expect(rk_span_is(rk_val_text_at(val, "source.component"), "c"));
	cr_expect_eq(rk_val_int_at(val, "count", 0), 3);
	cr_expect_str_eq(json_out(&arena, rk_convert_out(&arena, form, val)), text);
	/* A field selector of the one form finds what is stored in the other. */
	struct rk_fields *fields = NULL;
	cr_assert_eq(rk_fields_parse(&arena, form,
				     RK_SPAN("regarding.name=p,reportingController=x/y"), &fields,
				     NULL),
		     RK_OK);
	cr_expect(rk_fields_match(fields, val));
	cr_expect_eq(rk_fields_parse(&arena, form, RK_SPAN("involvedObject.name=p"), &fields, NULL),
		     RK_EINVAL);
	rk_arena_done(&arena);
	(void)rk_kinds_free(kinds);
}

/* What is not the stored kind is left alone: a Status, a Scale, a bookmark of the other form. */
Test(convert, others_pass_through)
{
	const struct rk_kinds *kinds = rk_kinds_new();
	const struct rk_kind *form = form_of(kinds, "autoscaling/v1", "HorizontalPodAutoscaler");
	struct rk_arena arena = { 0 };
	struct rk_val *status = json_in(&arena, "{\"kind\":\"Status\",\"apiVersion\":\"v1\"}");
	struct rk_val *bookmark = json_in(
		&arena, "{\"kind\":\"HorizontalPodAutoscaler\",\"apiVersion\":\"autoscaling/v1\"}");

	cr_expect_eq(rk_convert_out(&arena, form, status), status);
	cr_expect_eq(rk_convert_out(&arena, form, bookmark), bookmark);
	cr_expect_eq(rk_convert_out(&arena, NULL, status), status);
	cr_expect_eq(rk_convert_out(&arena, kind_named(kinds, "pods"), status), status);
	rk_arena_done(&arena);
	(void)rk_kinds_free(kinds);
}
