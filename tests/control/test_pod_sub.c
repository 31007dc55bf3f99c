/* pods/ephemeralcontainers and pods/resize: what of a pod each of them reaches, and what it may be made. */
#include <criterion/criterion.h>

#include "tests/control/apply_world.h"

#define POD(spec)   "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"x\"},\"spec\":{" spec "}}"
#define A           "{\"name\":\"a\",\"image\":\"i\"}"
#define DEBUG(list) "{\"spec\":{\"ephemeralContainers\":[" list "]}}"
#define D           "{\"name\":\"d\",\"image\":\"i:1\""
#define MORE        "ephemeralcontainers"
#define INVALID     "Pod \"x\" is invalid: "
#define EPHEMERAL   INVALID "spec.ephemeralContainers"

#define OF_A ".spec.containers[name=\"a\"]"
#define CREATOR                                                                                                        \
	"eve Update 1s: .spec.dnsPolicy .spec.enableServiceLinks .spec.restartPolicy .spec.schedulerName "              \
	".spec.terminationGracePeriodSeconds " OF_A " " OF_A ".image " OF_A ".imagePullPolicy " OF_A ".name " OF_A       \
	".resources " OF_A ".terminationMessagePath " OF_A ".terminationMessagePolicy"
#define OF_D ".spec.ephemeralContainers[name=\"d\"]"
#define DEBUGGER                                                                                                       \
	CREATOR "; kit Update ephemeralcontainers 2s: .spec.ephemeralContainers " OF_D " " OF_D ".image " OF_D           \
		".imagePullPolicy " OF_D ".name " OF_D ".resources " OF_D ".targetContainerName " OF_D                   \
		".terminationMessagePath " OF_D ".terminationMessagePolicy"

Test(pod_sub, ephemeral_containers_are_added_and_stay)
{
	static const struct write writes[] = {
		{ "create", "eve", "", POD("\"containers\":[" A "]"), 201, NULL, CREATOR, "metadata.generation", "1" },
		{ "strategic", "kit", MORE, DEBUG(D ",\"targetContainerName\":\"a\"}"), 200, NULL,
		  DEBUGGER,
		  "metadata.generation", "2" },
		{ "strategic", "kit", MORE, DEBUG(D ",\"stdin\":true}"), 422,
		  EPHEMERAL ": Forbidden: existing ephemeral containers \"d\" may not be changed\n", NULL, NO_PART },
		{ "json", "kit", MORE, "[{\"op\":\"remove\",\"path\":\"/spec/ephemeralContainers/0\"}]", 422,
		  EPHEMERAL ": Forbidden: existing ephemeral containers \"d\" may not be removed\n", NULL, NO_PART },
		/* Not through the pod itself. */
		{ "json", "kit", "", "[{\"op\":\"remove\",\"path\":\"/spec/ephemeralContainers\"}]", 422, NULL, NULL, NO_PART },
		/* Nothing else, whatever is sent. */
		{ "strategic", "kit", MORE,
		  "{\"metadata\":{\"labels\":{\"k\":\"v\"}},\"spec\":{\"containers\":[{\"name\":\"a\",\"image\":\"other\"}]}}",
		  200, NULL, NULL, "metadata.labels", "nothing" },
	};
	CHECK("pods", writes);
}

Test(pod_sub, ephemeral_containers_by_apply_and_put)
{
	struct world world = world_new();
	const struct rk_kind *kind = kind_named(world.kinds, "pods");
	const struct write create = { "create", "eve", "", POD("\"containers\":[" A "]"), 201, NULL, NULL, NO_PART };
	const struct write apply = { "apply", "kit", MORE,
				     POD("\"hostname\":\"h\",\"ephemeralContainers\":[" D "}]"), 200, NULL, NULL, NO_PART };
	const struct write update = { "update", "pat", MORE,
				      POD("\"containers\":[" A "],\"hostname\":\"h\",\"ephemeralContainers\":[" D
					  "},{\"name\":\"e\",\"image\":\"i\"}]"),
				      200, NULL, NULL, NO_PART };

	cr_assert_eq(run(&world, kind, &create), 201);
	cr_assert_eq(run(&world, kind, &apply), 200, "%s", json_out(&world.arena, world.answer));
	cr_expect_null(rk_val_at(world.answer, "spec.hostname"));
	cr_expect(strstr(owners_out(&world, rk_val_at(world.answer, "metadata.managedFields")),
			 "kit Apply ephemeralcontainers 2s: .spec.ephemeralContainers[name=\"d\"] "
			 ".spec.ephemeralContainers[name=\"d\"].image .spec.ephemeralContainers[name=\"d\"].name") != NULL,
		  "%s", owners_out(&world, rk_val_at(world.answer, "metadata.managedFields")));
	cr_assert_eq(run(&world, kind, &update), 200, "%s", json_out(&world.arena, world.answer));
	cr_expect_null(rk_val_at(world.answer, "spec.hostname"));
	cr_expect_eq(rk_val_count(rk_val_at(world.answer, "spec.ephemeralContainers")), 2);
	cr_expect_eq(rk_val_int_at(world.answer, "metadata.generation", 0), 3);
	world_done(&world);
}

Test(pod_sub, what_an_ephemeral_container_may_not_have)
{
	static const struct {
		const char *container, *message;
	} cases[] = {
		{ "{\"name\":\"a\",\"image\":\"i\"}", "[0].name: Duplicate value: \"a\"" },
		{ "{\"name\":\"d\"}", "[0].image: Required value" },
		{ D ",\"targetContainerName\":\"d\"}", "[0].targetContainerName: Not found: \"d\"" },
		{ D ",\"ports\":[{\"containerPort\":80}]}", "[0].ports: Forbidden: cannot be set for an Ephemeral Container" },
		{ D ",\"resources\":{\"limits\":{\"cpu\":\"1\"}}}",
		  "[0].resources: Forbidden: cannot be set for an Ephemeral Container" },
		{ D ",\"livenessProbe\":{\"exec\":{\"command\":[\"c\"]}}}",
		  "[0].livenessProbe: Forbidden: cannot be set for an Ephemeral Container" },
		{ D ",\"lifecycle\":{\"preStop\":{\"exec\":{\"command\":[\"c\"]}}}}",
		  "[0].lifecycle: Forbidden: cannot be set for an Ephemeral Container" },
		{ D ",\"restartPolicy\":\"Always\"}",
		  "[0].restartPolicy: Forbidden: cannot be set for an Ephemeral Container" },
		{ D ",\"resizePolicy\":[{\"resourceName\":\"cpu\",\"restartPolicy\":\"NotRequired\"}]}",
		  "[0].resizePolicy: Forbidden: cannot be set for an Ephemeral Container" },
		{ D ",\"volumeMounts\":[{\"name\":\"v\",\"mountPath\":\"/v\",\"subPath\":\"s\"}]}",
		  "[0].volumeMounts[0].subPath: Forbidden: cannot be set for an Ephemeral Container" },
	};
	struct world world = world_new();
	const struct rk_kind *kind = kind_named(world.kinds, "pods");
	const struct write create = { "create", "eve", "",
				      POD("\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}}],\"containers\":[" A "]"), 201,
				      NULL, NULL, NO_PART };

	cr_assert_eq(run(&world, kind, &create), 201);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *body = rk_arena_printf(&world.arena, DEBUG("%s"), cases[i].container);
		const char *message = rk_arena_printf(&world.arena, EPHEMERAL "%s", cases[i].message);
		const struct write write = { "strategic", "kit", MORE, body, 422, NULL, NULL, NO_PART };
		cr_expect_eq(run(&world, kind, &write), 422, "%s", cases[i].message);
		cr_expect_str_eq(rk_arena_str(&world.arena, rk_val_text_at(world.answer, "message")), message);
	}
	world_done(&world);
}

Test(pod_sub, pods_of_a_file_are_left_alone)
{
	struct world world = world_new();
	const struct rk_kind *kind = kind_named(world.kinds, "pods");
	const struct write create = { "create", "eve", "",
				      "{\"metadata\":{\"name\":\"x\",\"annotations\":{\"kubernetes.io/config.mirror\":\"1\"}},"
				      "\"spec\":{\"containers\":[" A "]}}",
				      201, NULL, NULL, NO_PART };
	const struct write debug = { "strategic", "kit", MORE, DEBUG(D "}"), 422, NULL, NULL, NO_PART };

	cr_assert_eq(run(&world, kind, &create), 201);
	cr_expect_eq(run(&world, kind, &debug), 422);
	cr_expect_str_eq(rk_arena_str(&world.arena, rk_val_text_at(world.answer, "message")),
			 INVALID ": Forbidden: static pods do not support ephemeral containers");
	world_done(&world);
}

Test(pod_sub, older_logs_give_what_they_gave)
{
	struct world world = world_of(RK_PARTS_SINCE - 1);
	const struct rk_kind *kind = kind_named(world.kinds, "pods");
	const struct write create = { "apply", "eve", "", POD("\"containers\":[" A "],\"ephemeralContainers\":[" D "}]"), 201,
				      NULL, NULL, NO_PART };
	const struct write change = { "strategic", "eve", "", DEBUG("{\"name\":\"e\",\"image\":\"i\",\"targetContainerName\":\"z\"}"),
				      200, NULL, NULL, NO_PART };

	cr_expect_eq(run(&world, kind, &create), 201, "%s", json_out(&world.arena, world.answer));
	cr_expect_null(rk_val_at(world.answer, "metadata.generation"));
	cr_expect_eq(run(&world, kind, &change), 200, "%s", json_out(&world.arena, world.answer));
	cr_expect_null(rk_val_at(world.answer, "metadata.generation"));
	world_done(&world);
	world = world_new();
	cr_expect_eq(run(&world, kind_named(world.kinds, "pods"), &create), 422);
	world_done(&world);
}

/* --- resize --- */

#define SIZED                                                                                                          \
	POD("\"initContainers\":[{\"name\":\"i\",\"image\":\"i\",\"resources\":{\"requests\":{\"cpu\":\"1m\"}}},"         \
	    "{\"name\":\"s\",\"image\":\"i\",\"restartPolicy\":\"Always\",\"resources\":{\"requests\":{\"cpu\":\"1m\"}}}]," \
	    "\"containers\":[{\"name\":\"a\",\"image\":\"i\",\"resources\":{\"requests\":{\"cpu\":\"100m\"},"              \
	    "\"limits\":{\"cpu\":\"200m\",\"memory\":\"64Mi\"}}},"                                                        \
	    "{\"name\":\"b\",\"image\":\"i\",\"resizePolicy\":[{\"resourceName\":\"memory\","                             \
	    "\"restartPolicy\":\"RestartContainer\"}]}]")
#define SIZE(name, kinds) "{\"spec\":{\"containers\":[{\"name\":\"" name "\",\"resources\":{" kinds "}}]}}"
#define FORBIDDEN(path, why) INVALID path ": Forbidden: " why

static void expect_resize(struct world *world, const struct rk_kind *kind, const char *how, const char *body,
			  const char *message)
{
	const struct write write = { how, "kit", "resize", body, 0, NULL, NULL, NO_PART };
	const int code = run(world, kind, &write);

	cr_expect_eq(code, message == NULL ? 200 : 422, "%s: %s", body, json_out(&world->arena, world->answer));
	if (message != NULL)
		cr_expect_str_eq(rk_arena_str(&world->arena, rk_val_text_at(world->answer, "message")), message, "%s",
				 body);
}

Test(pod_sub, resize)
{
	static const struct {
		const char *how, *body, *message;
	} cases[] = {
		{ "strategic", SIZE("a", "\"requests\":{\"cpu\":\"150m\"},\"limits\":{\"memory\":\"128Mi\"}"), NULL },
		{ "strategic", SIZE("b", "\"requests\":{\"cpu\":\"10m\"},\"limits\":{\"memory\":\"1Gi\"}"), NULL },
		{ "strategic", "{\"spec\":{\"initContainers\":[{\"name\":\"s\",\"resources\":{\"requests\":{\"cpu\":\"2m\"}}}]}}",
		  NULL },
		{ "strategic", SIZE("a", "\"requests\":{\"cpu\":\"1\"}"),
		  INVALID "spec.containers[0].resources.requests: Invalid value: \"1\": must be less than or equal to cpu limit "
			  "of 200m" },
		{ "strategic", SIZE("a", "\"limits\":{\"memory\":\"127Mi\"}"),
		  FORBIDDEN("spec.containers[0].resources.limits[memory]",
			    "memory limits cannot be decreased unless resizePolicy is RestartContainer") },
		{ "strategic", SIZE("a", "\"requests\":{\"ephemeral-storage\":\"1Gi\"}"),
		  FORBIDDEN("spec", "only cpu and memory resources are mutable") },
		{ "json", "[{\"op\":\"remove\",\"path\":\"/spec/containers/0/resources/limits/cpu\"}]",
		  FORBIDDEN("spec.containers[0].resources.limits", "resource limits cannot be removed") },
		{ "json", "[{\"op\":\"remove\",\"path\":\"/spec/containers/1\"}]",
		  FORBIDDEN("spec.containers", "containers may not be added or removed on resize") },
		{ "json", "[{\"op\":\"replace\",\"path\":\"/spec/containers/1/name\",\"value\":\"c\"}]",
		  FORBIDDEN("spec.containers[1].name", "containers may not be renamed or reordered on resize") },
		{ "strategic", "{\"spec\":{\"initContainers\":[{\"name\":\"i\",\"resources\":{\"requests\":{\"cpu\":\"2m\"}}}]}}",
		  FORBIDDEN("spec", "resources for non-sidecar init containers are immutable") },
		{ "strategic",
		  "{\"spec\":{\"containers\":[{\"name\":\"a\",\"resizePolicy\":[{\"resourceName\":\"cpu\",\"restartPolicy\":"
		  "\"RestartContainer\"}]}]}}",
		  FORBIDDEN("spec", "only cpu and memory resources are mutable") },
	};
	struct world world = world_new();
	const struct rk_kind *kind = kind_named(world.kinds, "pods");
	const struct write create = { "create", "eve", "", SIZED, 201, NULL, NULL, NO_PART };
	const struct write plain = { "strategic", "kit", "", SIZE("a", "\"requests\":{\"cpu\":\"160m\"}"), 422, NULL, NULL,
				     NO_PART };

	cr_assert_eq(run(&world, kind, &create), 201);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		expect_resize(&world, kind, cases[i].how, cases[i].body, cases[i].message);
	const struct rk_val *now = stored(&world, kind);
	cr_expect_eq(rk_val_int_at(now, "metadata.generation", 0), 4);
	cr_expect(strstr(owners_out(&world, rk_val_at(now, "metadata.managedFields")), "kit Update resize 4s:") != NULL);
	cr_expect_eq(run(&world, kind, &plain), 422, "the pod itself does not change its size");
	world_done(&world);
}

Test(pod_sub, a_resize_keeps_the_class_and_asks_the_node)
{
	static const char *const statuses[] = { "{\"name\":\"a\",\"state\":{\"running\":{}}}",
						"{\"name\":\"a\",\"state\":{\"running\":{}},\"resources\":{}}" };
	struct world world = world_new();
	const struct rk_kind *kind = kind_named(world.kinds, "pods");
	const struct write create = { "create", "eve", "",
				      POD("\"containers\":[{\"name\":\"a\",\"image\":\"i\",\"resources\":{\"limits\":"
					  "{\"cpu\":\"1\",\"memory\":\"1Gi\"}}}]"),
				      201, NULL, NULL, NO_PART };

	cr_assert_eq(run(&world, kind, &create), 201);
	expect_resize(&world, kind, "strategic", SIZE("a", "\"requests\":{\"cpu\":\"500m\"}"),
		      INVALID "spec: Invalid value: \"Guaranteed\": Pod QOS Class may not change as a result of resizing");
	for (size_t i = 0; i < 2; i++) {
		const char *body = rk_arena_printf(&world.arena, "{\"status\":{\"containerStatuses\":[%s]}}", statuses[i]);
		const struct write status = { "merge", "node", "status", body, 200, NULL, NULL, NO_PART };
		cr_assert_eq(run(&world, kind, &status), 200);
		expect_resize(&world, kind, "strategic",
			      SIZE("a", "\"requests\":{\"cpu\":\"500m\"},\"limits\":{\"cpu\":\"500m\"}"),
			      i == 0 ? FORBIDDEN("spec", "Pod running on node without support for resize") : NULL);
	}
	world_done(&world);
}

/* --- what the scheduler makes of it --- */

#define NODE                                                                                                        \
	"{\"status\":{\"allocatable\":{\"cpu\":\"4\",\"memory\":\"8Gi\",\"pods\":\"110\"},"                            \
	"\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]}}"
#define ASKS(name, cpu)                                                                                             \
	"{\"metadata\":{\"name\":\"" name "\"},\"spec\":{\"containers\":[{\"name\":\"a\",\"image\":\"i\","             \
	"\"resources\":{\"requests\":{\"cpu\":\"" cpu "\"}}}]}}"
#define HAS(cpu) "{\"name\":\"a\",\"resources\":{},\"allocatedResources\":{\"cpu\":\"" cpu "\"}}"

static bool is_placed(struct world *world, const char *name)
{
	struct rk_view *view = rk_store_view(rk_machine_store(world->machine));
	struct rk_object object;
	const bool is_there = rk_view_get(view, RK_SPAN("pods"), RK_SPAN("default"), rk_span_str(name), &object) &&
			      rk_doc_text(rk_blob_span(object.doc), "spec.nodeName").size > 0;

	(void)rk_view_unref(view);
	return is_there;
}

Test(pod_sub, a_node_holds_what_it_allocated_until_it_lets_go)
{
	static const struct {
		const char *sub, *body, *creates;
		bool is_placed; /* the pod that was created last; the node has four */
	} steps[] = {
		{ "status", "{\"status\":{\"containerStatuses\":[" HAS("3") "]}}", ASKS("y", "2"), false },
		{ "resize", SIZE("a", "\"requests\":{\"cpu\":\"1\"}"), NULL, false },
		{ "status", "{\"status\":{\"containerStatuses\":[" HAS("1") "]}}", NULL, true },
		{ "resize", SIZE("a", "\"requests\":{\"cpu\":\"3\"}"), ASKS("z", "1"), false },
		{ "status",
		  "{\"status\":{\"conditions\":[{\"type\":\"PodResizePending\",\"status\":\"True\",\"reason\":\"Deferred\"}]}}",
		  NULL, false },
		{ "status",
		  "{\"status\":{\"conditions\":[{\"type\":\"PodResizePending\",\"status\":\"True\",\"reason\":\"Infeasible\"}]}}",
		  NULL, true },
	};
	struct world world = world_new();
	const struct rk_kind *pods = kind_named(world.kinds, "pods"), *nodes = kind_named(world.kinds, "nodes");
	const struct write node[] = { { "create", "e", "", "{\"metadata\":{\"name\":\"x\"}}", 201, NULL, NULL, NO_PART },
				      { "merge", "e", "status", NODE, 200, NULL, NULL, NO_PART },
				      { "create", "e", "", ASKS("x", "3"), 201, NULL, NULL, NO_PART } };

	for (size_t i = 0; i < 3; i++)
		cr_assert_eq(run(&world, i < 2 ? nodes : pods, &node[i]), node[i].code, "%s",
			     json_out(&world.arena, world.answer));
	cr_assert(is_placed(&world, "x"));
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		const struct write step = { "strategic", "e", steps[i].sub, steps[i].body, 200, NULL, NULL, NO_PART };
		cr_assert_eq(run(&world, pods, &step), 200, "%zu: %s", i, json_out(&world.arena, world.answer));
		if (steps[i].creates != NULL) {
			const struct write create = { "create", "e", "", steps[i].creates, 201, NULL, NULL, NO_PART };
			cr_assert_eq(run(&world, pods, &create), 201);
		}
		cr_expect_eq(is_placed(&world, i < 3 ? "y" : "z"), steps[i].is_placed, "step %zu", i);
	}
	world_done(&world);
}
