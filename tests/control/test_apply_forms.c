/* Owners and server-side apply where a kind has several versions, and where it is made by a definition. */
#include "control/schema/custom.h"
#include "tests/control/apply_world.h"

#define HPA(version, spec)                                                                        \
	"{\"apiVersion\":\"autoscaling/" version "\",\"kind\":\"HorizontalPodAutoscaler\",\"metadata\":{\"name\":\"x\"},\"spec\":{" \
	"\"scaleTargetRef\":{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"name\":\"d\"},\"maxReplicas\":9" spec "}}"
#define CPU(percent)                                                                              \
	",\"metrics\":[{\"type\":\"Resource\",\"resource\":{\"name\":\"cpu\",\"target\":{\"type\":\"Utilization\"," \
	"\"averageUtilization\":" percent "}}}]"

#define V2_REST \
	".spec.metrics .spec.scaleTargetRef.apiVersion .spec.scaleTargetRef.kind .spec.scaleTargetRef.name"

/* Whoever speaks an older version owns fields by its paths, and is asked by them. */
Test(apply_forms, versions_with_other_paths)
{
	static const struct write v1[] = {
		{ "apply", "a", "", HPA("v1", ",\"targetCPUUtilizationPercentage\":50"), 201, NULL,
		  "a Apply 1s: .spec.maxReplicas .spec.scaleTargetRef .spec.targetCPUUtilizationPercentage",
		  "spec.metrics",
		  "[{\"type\":\"Resource\",\"resource\":{\"name\":\"cpu\",\"target\":{\"type\":\"Utilization\","
		  "\"averageUtilization\":50}}}]" },
	};
	static const struct write v2[] = {
		{ "apply", "b", "", HPA("v2", CPU("60")), 409,
		  "Apply failed with 1 conflict: conflict with \"a\": .spec.targetCPUUtilizationPercentage", NULL, NO_PART },
		{ "apply", "b", "", HPA("v2", CPU("50")), 200, NULL, NULL, NO_PART },
		{ "merge", "c", "", "{\"spec\":{\"maxReplicas\":8}}", 200, NULL, NULL, NO_PART },
		{ "force", "b", "", HPA("v2", CPU("60")), 200, NULL, NULL, "spec.maxReplicas", "9" },
	};
	static const char *const owners[] = {
		NULL,
		"a Apply 1s: .spec.maxReplicas .spec.scaleTargetRef .spec.targetCPUUtilizationPercentage; "
		"b Apply 3s: .spec.maxReplicas " V2_REST,
		"a Apply 1s: .spec.scaleTargetRef .spec.targetCPUUtilizationPercentage; "
		"b Apply 3s: " V2_REST "; c Update 4s: .spec.maxReplicas",
		"a Apply 1s: .spec.scaleTargetRef; b Apply 5s: .spec.maxReplicas " V2_REST,
	};
	struct world world = world_new();
	const struct rk_kind *old = rk_kinds_of(world.kinds, RK_SPAN("autoscaling/v1"), RK_SPAN("HorizontalPodAutoscaler"));
	const struct rk_kind *new = rk_kinds_of(world.kinds, RK_SPAN("autoscaling/v2"), RK_SPAN("HorizontalPodAutoscaler"));

	cr_assert(old != NULL && new != NULL);
	check_write(&world, old, &v1[0], 1, v1[0].owners);
	for (size_t i = 0; i < RK_COUNT(v2); i++)
		check_write(&world, new, &v2[i], i + 2, owners[i] != NULL ? owners[i] : v1[0].owners);
	world_done(&world);
}

static const char definition[] =
	"{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":\"CustomResourceDefinition\",\"metadata\":{\"name\":"
	"\"things.example.com\"},\"spec\":{\"group\":\"example.com\",\"scope\":\"Namespaced\",\"names\":{\"plural\":\"things\","
	"\"kind\":\"Thing\"},\"versions\":[{\"name\":\"v1\",\"served\":true,\"storage\":true,\"subresources\":{\"status\":{},"
	"\"scale\":{\"specReplicasPath\":\".spec.count\",\"statusReplicasPath\":\".status.count\"}},\"schema\":{"
	"\"openAPIV3Schema\":{\"type\":\"object\",\"properties\":{\"spec\":{\"type\":\"object\",\"properties\":{\"count\":{"
	"\"type\":\"integer\"},\"name\":{\"type\":\"string\"},\"parts\":{\"type\":\"array\",\"x-kubernetes-list-type\":\"map\","
	"\"x-kubernetes-list-map-keys\":[\"id\"],\"items\":{\"type\":\"object\",\"required\":[\"id\"],\"properties\":{\"id\":{"
	"\"type\":\"integer\"},\"v\":{\"type\":\"string\"}}}},\"list\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
	"\"free\":{\"type\":\"object\",\"x-kubernetes-preserve-unknown-fields\":true}}},\"status\":{\"type\":\"object\","
	"\"properties\":{\"count\":{\"type\":\"integer\"}}}}}}},{\"name\":\"v2\",\"served\":true,\"storage\":false,"
	"\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\",\"x-kubernetes-preserve-unknown-fields\":true}}}]}}";

#define THING(version, spec) \
	"{\"apiVersion\":\"example.com/" version "\",\"kind\":\"Thing\",\"metadata\":{\"name\":\"x\"},\"spec\":{" spec "}}"

Test(apply_forms, custom_kinds)
{
	static const struct {
		const char *version;
		struct write write;
	} writes[] = {
		{ "v1", { "create", "a", "", THING("v1", "\"count\":1,\"parts\":[{\"id\":1,\"v\":\"a\"}]"), 201, NULL,
			  "a Update 2s: .spec .spec.count .spec.parts .spec.parts[id=1] .spec.parts[id=1].id .spec.parts[id=1].v",
			  NO_PART } },
		{ "v1", { "apply", "b", "", THING("v1", "\"parts\":[{\"id\":2}],\"list\":[\"a\"],\"free\":{\"x\":{\"y\":1},\"l\":[1]}"),
			  200, NULL,
			  "b Apply 3s: .spec.list .spec.free.l .spec.free.x .spec.free.x.y .spec.parts[id=2] .spec.parts[id=2].id; "
			  "a Update 2s: .spec .spec.count .spec.parts .spec.parts[id=1] .spec.parts[id=1].id .spec.parts[id=1].v",
			  NO_PART } },
		/* what the schema does not know is owned key by key */
		{ "v1", { "apply", "c", "", THING("v1", "\"free\":{\"x\":{\"z\":1}}"), 200, NULL,
			  "b Apply 3s: .spec.list .spec.free.l .spec.free.x .spec.free.x.y .spec.parts[id=2] .spec.parts[id=2].id; "
			  "c Apply 4s: .spec.free.x .spec.free.x.z; "
			  "a Update 2s: .spec .spec.count .spec.parts .spec.parts[id=1] .spec.parts[id=1].id .spec.parts[id=1].v",
			  "spec.free", "{\"x\":{\"y\":1,\"z\":1},\"l\":[1]}" } },
		{ "v1", { "apply", "c", "", THING("v1", "\"free\":{\"x\":{\"y\":2}}"), 409,
			  "Apply failed with 1 conflict: conflict with \"b\": .spec.free.x.y", NULL, NO_PART } },
		{ "v1", { "apply", "c", "", THING("v1", "\"nope\":1"), 500,
			  "failed to create typed patch object (/x; example.com/v1, Kind=Thing): .spec.nope: field not declared in schema",
			  NULL, NO_PART } },
		{ "v1", { "apply", "c", "", THING("v1", "\"count\":\"1\""), 500,
			  "failed to create typed patch object (/x; example.com/v1, Kind=Thing): .spec.count: expected numeric (int "
			  "or float), got string",
			  NULL, NO_PART } },
		/* another version: its paths are the same */
		{ "v2", { "apply", "d", "", THING("v2", "\"count\":2"), 409,
			  "Apply failed with 1 conflict: conflict with \"a\" using example.com/v1: .spec.count", NULL, NO_PART } },
		{ "v2", { "force", "d", "", THING("v2", "\"count\":2,\"name\":\"n\""), 200, NULL,
			  "b Apply 3s: .spec.list .spec.free.l .spec.free.x .spec.free.x.y .spec.parts[id=2] .spec.parts[id=2].id; "
			  "c Apply 4s: .spec.free.x .spec.free.x.z; d Apply 9s: .spec .spec.count .spec.name; "
			  "a Update 2s: .spec .spec.parts .spec.parts[id=1] .spec.parts[id=1].id .spec.parts[id=1].v",
			  "apiVersion", "\"example.com/v1\"" } },
		/* the scale stands where the definition says */
		{ "v1", { "merge", "h", "scale", "{\"spec\":{\"replicas\":3}}", 200, NULL,
			  "b Apply 3s: .spec.list .spec.free.l .spec.free.x .spec.free.x.y .spec.parts[id=2] .spec.parts[id=2].id; "
			  "c Apply 4s: .spec.free.x .spec.free.x.z; d Apply 9s: .spec .spec.name; "
			  "a Update 2s: .spec .spec.parts .spec.parts[id=1] .spec.parts[id=1].id .spec.parts[id=1].v; "
			  "h Update scale 10s: .spec.count",
			  NO_PART } },
		{ "v1", { "apply", "s", "status",
			  "{\"apiVersion\":\"example.com/v1\",\"kind\":\"Thing\",\"spec\":{\"count\":7},\"status\":{\"count\":1}}", 200, NULL,
			  "b Apply 3s: .spec.list .spec.free.l .spec.free.x .spec.free.x.y .spec.parts[id=2] .spec.parts[id=2].id; "
			  "c Apply 4s: .spec.free.x .spec.free.x.z; d Apply 9s: .spec .spec.name; s Apply status 11s: .status.count; "
			  "a Update 2s: .spec .spec.parts .spec.parts[id=1] .spec.parts[id=1].id .spec.parts[id=1].v; "
			  "h Update scale 10s: .spec.count",
			  "spec.count", "3" } },
	};
	struct world world = world_new();
	const struct write define = { "create", "", "", definition, 201, NULL, NULL, NO_PART };
	struct rk_val *val = json_in(&world.arena, definition);
	const char *owners = "";

	cr_assert_eq(run(&world, kind_named(world.kinds, "customresourcedefinitions"), &define), 201);
	rk_custom_default(&world.arena, val);
	struct rk_blob *doc = rk_doc_of(val);
	struct rk_custom *custom = rk_custom_new(world.kinds, rk_blob_span(doc));
	const struct rk_kinds *kinds = rk_kinds_with(world.kinds, &custom, 1);
	(void)rk_blob_unref(doc);
	for (size_t i = 0; i < RK_COUNT(writes); i++) {
		const struct rk_kind *kind = rk_kinds_by_plural(kinds, RK_SPAN("example.com"),
								rk_span_str(writes[i].version), RK_SPAN("things"));
		cr_assert_not_null(kind);
		owners = writes[i].write.owners != NULL ? writes[i].write.owners : owners;
		check_write(&world, kind, &writes[i].write, i + 1, owners);
	}
	(void)rk_custom_unref(custom);
	(void)rk_kinds_free(kinds);
	world_done(&world);
}
