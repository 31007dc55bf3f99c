/* The agent's core: facts in, acts out, under a clock of the test's own. */
#include <criterion/criterion.h>
#include <signal.h>

#include "base/err.h"
#include "base/mem.h"
#include "node/core.h"
#include "node/pod_status.h"
#include "wire/doc.h"
#include "wire/yaml.h"

#define UID "u-1"

struct world {
	struct rk_nodecore *core;
	struct rk_acts acts;
	struct rk_now now;
	struct rk_arena arena;
};

static void world_done(struct world *world)
{
	world->core = rk_nodecore_free(world->core);
	rk_acts_done(&world->acts);
	rk_arena_done(&world->arena);
}

static struct world world_new(void)
{
	return (struct world){ .core = rk_nodecore_new("192.0.2.1", (struct rk_size){ 4000, 4 << 20 }),
			       .now = { 1700000000000, 5000 } };
}

static void step(struct world *world, const struct rk_fact *fact)
{
	rk_acts_reset(&world->acts);
	rk_nodecore_step(world->core, world->now, fact, &world->acts);
}

static const struct rk_val *parse(struct world *world, const char *spec, const char *more)
{
	struct rk_val *docs = NULL;
	struct rk_error error = { 0 };
	const char *text = rk_arena_printf(
		&world->arena, "metadata: {name: p, namespace: ns, uid: " UID "%s}\nspec: {%s}\n",
		more, spec);

	cr_assert_eq(rk_yaml_parse(&world->arena, rk_span_str(text), &docs, &error), 0, "%s",
		     error.text);
	return rk_val_item(docs, 0);
}

static void put_pod(struct world *world, const char *spec, const char *more)
{
	const struct rk_fact fact = { .kind = RK_FACT_POD, .pod = parse(world, spec, more) };

	step(world, &fact);
}

static struct rk_fact about(enum rk_fact_kind kind, const char *container, uint32_t attempt)
{
	return (struct rk_fact){ .kind = kind,
				 .uid = RK_SPAN(UID),
				 .container = rk_span_str(container),
				 .attempt = attempt };
}

static void tell(struct world *world, enum rk_fact_kind kind)
{
	struct rk_fact fact = about(kind, "", 0);

	fact.address = RK_SPAN("10.0.0.5");
	fact.pid = 77;
	step(world, &fact);
}

static void tell_of(struct world *world, enum rk_fact_kind kind, const char *container,
		    uint32_t attempt)
{
	struct rk_fact fact = about(kind, container, attempt);

	fact.time_ms = world->now.wall;
	fact.id = RK_SPAN("id");
	step(world, &fact);
}

static void fail_of(struct world *world, enum rk_fact_kind kind, const char *container,
		    uint32_t attempt, int err, const char *reason)
{
	struct rk_fact fact = about(kind, container, attempt);

	fact.err = err;
	fact.reason = rk_span_str(reason);
	fact.text = RK_SPAN("why");
	step(world, &fact);
}

static void tell_exit(struct world *world, const char *container, uint32_t attempt, int code)
{
	struct rk_fact fact = about(RK_FACT_EXITED, container, attempt);

	fact.code = code;
	fact.time_ms = world->now.wall;
	step(world, &fact);
}

static void probe(struct world *world, enum rk_probe_kind kind, const char *container,
		  uint32_t attempt, bool is_good)
{
	struct rk_fact fact = about(RK_FACT_PROBED, container, attempt);

	fact.probe = kind;
	fact.err = is_good ? 0 : RK_EIO;
	fact.text = RK_SPAN("no");
	step(world, &fact);
}

static void wait_ms(struct world *world, int64_t ms)
{
	const struct rk_fact fact = { .kind = RK_FACT_TIME };

	world->now.mono += ms;
	world->now.wall += ms;
	step(world, &fact);
}

static const struct rk_act *find_act(const struct world *world, enum rk_act_kind kind,
				     const char *container)
{
	for (size_t i = 0; i < world->acts.count; i++) {
		const struct rk_act *act = &world->acts.items[i];
		if (act->kind == kind &&
		    (container == NULL ||
		     rk_span_is(rk_val_text_at(act->container, "name"), container)))
			return act;
	}
	return NULL;
}

static bool has_event(const struct world *world, const char *reason)
{
	for (size_t i = 0; i < world->acts.count; i++)
		if (world->acts.items[i].kind == RK_ACT_EVENT &&
		    rk_span_is(world->acts.items[i].reason, reason))
			return true;
	return false;
}

/* A text of the pod's status as it is now. */
static const char *status(struct world *world, const char *path)
{
	const struct rk_pod *pod = rk_nodecore_find(world->core, RK_SPAN(UID));
	const struct rk_val *val;

	cr_assert_not_null(pod);
	val = rk_pod_status(&world->arena, (struct rk_pod *)(uintptr_t)pod, "192.0.2.1",
			    world->now);
	return rk_arena_str(&world->arena, rk_val_text_at(val, path));
}

static const struct rk_val *status_val(struct world *world, const char *list, uint32_t at)
{
	const struct rk_pod *pod = rk_nodecore_find(world->core, RK_SPAN(UID));

	return rk_val_item(rk_val_at(rk_pod_status(&world->arena, (struct rk_pod *)(uintptr_t)pod,
						   "192.0.2.1", world->now),
				     list),
			   at);
}

static const char *condition(struct world *world, const char *type)
{
	for (uint32_t i = 0; i < 8; i++) {
		const struct rk_val *val = status_val(world, "conditions", i);
		if (rk_span_is(rk_val_text_at(val, "type"), type))
			return rk_arena_str(&world->arena, rk_val_text_at(val, "status"));
	}
	return "none";
}

static const char *container_text(struct world *world, uint32_t at, const char *path)
{
	return rk_arena_str(&world->arena,
			    rk_val_text_at(status_val(world, "containerStatuses", at), path));
}

/* To the point where containers may start. */
static void prepare(struct world *world, const char *spec)
{
	put_pod(world, spec, "");
	cr_assert_not_null(find_act(world, RK_ACT_VOLUMES, NULL));
	cr_assert_null(find_act(world, RK_ACT_SANDBOX, NULL), "volumes come first");
	tell(world, RK_FACT_VOLUMES);
	cr_assert_not_null(find_act(world, RK_ACT_SANDBOX, NULL));
	tell(world, RK_FACT_SANDBOX);
}

static void start(struct world *world, const char *container, uint32_t attempt)
{
	cr_assert_not_null(find_act(world, RK_ACT_PULL, container), "%s is not pulled", container);
	tell_of(world, RK_FACT_IMAGE, container, attempt);
	const struct rk_act *act = find_act(world, RK_ACT_START, container);
	cr_assert_not_null(act, "%s is not started", container);
	cr_assert_eq(act->attempt, attempt);
	tell_of(world, RK_FACT_STARTED, container, attempt);
}

#define ONE "containers: [{name: a, image: i}]"

Test(core, a_pod_runs)
{
	RK_AUTO(world_done) struct world world = world_new();

	prepare(&world, ONE);
	cr_assert_str_eq(status(&world, "phase"), "Pending");
	cr_assert_str_eq(container_text(&world, 0, "state.waiting.reason"), "ContainerCreating");
	start(&world, "a", 0);
	cr_assert_not_null(find_act(&world, RK_ACT_STATUS, NULL));
	cr_assert_not_null(find_act(&world, RK_ACT_SAVE, NULL));
	cr_assert_str_eq(status(&world, "phase"), "Running");
	cr_assert_str_eq(status(&world, "podIP"), "10.0.0.5");
	cr_assert_str_eq(status(&world, "hostIP"), "192.0.2.1");
	cr_assert_str_eq(status(&world, "qosClass"), "BestEffort");
	cr_assert_str_eq(condition(&world, "Ready"), "True");
	cr_assert_str_eq(condition(&world, "Initialized"), "True");
	cr_assert_str_eq(condition(&world, "PodReadyToStartContainers"), "True");
	cr_assert_str_eq(container_text(&world, 0, "containerID"), "reckon://id");
	wait_ms(&world, 1000);
	cr_assert_null(find_act(&world, RK_ACT_STATUS, NULL), "nothing has changed");
}

Test(core, a_crash_backs_off_and_doubles)
{
	static const int64_t waits[] = { 0, 10000, 20000, 40000, 80000, 160000, 300000, 300000 };
	RK_AUTO(world_done) struct world world = world_new();

	prepare(&world, ONE);
	start(&world, "a", 0);
	for (uint32_t i = 0; i < RK_COUNT(waits); i++) {
		wait_ms(&world, 1000);
		tell_exit(&world, "a", i, 1);
		if (waits[i] > 0) {
			cr_assert_null(find_act(&world, RK_ACT_PULL, "a"),
				       "round %u starts at once", i);
			cr_assert_str_eq(container_text(&world, 0, "state.waiting.reason"),
					 "CrashLoopBackOff");
			cr_assert_str_eq(container_text(&world, 0, "lastState.terminated.reason"),
					 "Error");
			cr_assert(has_event(&world, "BackOff"));
			wait_ms(&world, waits[i] - 1);
			cr_assert_null(find_act(&world, RK_ACT_PULL, "a"),
				       "round %u starts too soon", i);
			wait_ms(&world, 1);
		}
		start(&world, "a", i + 1);
		cr_assert_eq(rk_val_int_at(status_val(&world, "containerStatuses", 0),
					   "restartCount", 0),
			     i + 1);
	}
	wait_ms(&world, RK_BACKOFF_RESET_MS);
	tell_exit(&world, "a", RK_COUNT(waits), 1);
	cr_assert_not_null(find_act(&world, RK_ACT_PULL, "a"), "a long run forgets old failures");
}

Test(core, restart_policies_decide_the_end)
{
	static const struct {
		const char *policy;
		int code;
		bool restarts;
		const char *phase;
	} cases[] = {
		{ "Always", 0, true, "Running" },       { "Always", 1, true, "Running" },
		{ "OnFailure", 0, false, "Succeeded" }, { "OnFailure", 2, true, "Running" },
		{ "Never", 0, false, "Succeeded" },     { "Never", 3, false, "Failed" },
	};

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		RK_AUTO(world_done) struct world world = world_new();
		const char *spec =
			rk_arena_printf(&world.arena, "restartPolicy: %s, " ONE, cases[i].policy);

		prepare(&world, spec);
		start(&world, "a", 0);
		tell_exit(&world, "a", 0, cases[i].code);
		cr_assert_eq(find_act(&world, RK_ACT_PULL, "a") != NULL, cases[i].restarts, "%zu",
			     i);
		cr_assert_eq(find_act(&world, RK_ACT_CLEAR, NULL) != NULL, !cases[i].restarts,
			     "%zu", i);
		cr_assert_str_eq(status(&world, "phase"), cases[i].phase, "%zu", i);
		if (!cases[i].restarts) {
			tell(&world, RK_FACT_CLEARED);
			cr_assert_null(find_act(&world, RK_ACT_DELETE, NULL),
				       "an ended pod stays until it is deleted");
			cr_assert_str_eq(status(&world, "phase"), cases[i].phase);
		}
	}
}

Test(core, init_containers_run_in_order)
{
	RK_AUTO(world_done) struct world world = world_new();

	prepare(&world, "initContainers: [{name: i1, image: i}, {name: i2, image: i}], " ONE);
	start(&world, "i1", 0);
	cr_assert_null(find_act(&world, RK_ACT_PULL, "i2"));
	cr_assert_str_eq(condition(&world, "Initialized"), "False");
	tell_exit(&world, "i1", 0, 1);
	cr_assert_not_null(find_act(&world, RK_ACT_PULL, "i1"), "a failed one is tried again");
	start(&world, "i1", 1);
	tell_exit(&world, "i1", 1, 0);
	start(&world, "i2", 0);
	cr_assert_null(find_act(&world, RK_ACT_PULL, "a"));
	tell_exit(&world, "i2", 0, 0);
	start(&world, "a", 0);
	cr_assert_str_eq(condition(&world, "Initialized"), "True");
	cr_assert_str_eq(status(&world, "phase"), "Running");
}

#define DEBUG(more) ONE ", ephemeralContainers: [{name: d, image: i, targetContainerName: a" more "}]"

Test(core, ephemeral_containers_join_a_running_pod)
{
	RK_AUTO(world_done) struct world world = world_new();

	prepare(&world, ONE);
	start(&world, "a", 0);
	put_pod(&world, DEBUG(""), "");
	tell_of(&world, RK_FACT_IMAGE, "d", 0);
	cr_assert_not_null(find_act(&world, RK_ACT_START, "d"));
	tell_of(&world, RK_FACT_STARTED, "d", 0);
	cr_assert_not_null(rk_val_at(status_val(&world, "ephemeralContainerStatuses", 0), "state.running"));
	cr_assert_not(rk_val_bool_at(status_val(&world, "ephemeralContainerStatuses", 0), "ready", true));
	cr_assert_null(status_val(&world, "containerStatuses", 1));
	cr_assert_str_eq(condition(&world, "Ready"), "True");
	tell_exit(&world, "d", 0, 1);
	cr_assert_null(find_act(&world, RK_ACT_PULL, "d"), "they run once");
	wait_ms(&world, 600000);
	cr_assert_null(find_act(&world, RK_ACT_PULL, "d"));
	cr_assert_eq(rk_val_int_at(status_val(&world, "ephemeralContainerStatuses", 0), "state.terminated.exitCode", 0),
		     1);
	cr_assert_str_eq(status(&world, "phase"), "Running");
	cr_assert_str_eq(condition(&world, "Ready"), "True");
}

Test(core, an_ephemeral_container_waits_for_its_target)
{
	RK_AUTO(world_done) struct world world = world_new();

	prepare(&world, DEBUG("") ", initContainers: [{name: i1, image: i}]");
	cr_assert_not_null(find_act(&world, RK_ACT_PULL, "i1"));
	cr_assert_not_null(find_act(&world, RK_ACT_PULL, "d"), "it does not wait for init containers");
	tell_of(&world, RK_FACT_IMAGE, "d", 0);
	cr_assert_null(find_act(&world, RK_ACT_START, "d"));
	cr_assert_str_eq(rk_arena_str(&world.arena, rk_val_text_at(status_val(&world, "ephemeralContainerStatuses", 0),
								   "state.waiting.message")),
			 "unable to find target container a");
	tell_of(&world, RK_FACT_IMAGE, "i1", 0);
	tell_of(&world, RK_FACT_STARTED, "i1", 0);
	tell_exit(&world, "i1", 0, 0);
	tell_of(&world, RK_FACT_IMAGE, "a", 0);
	tell_of(&world, RK_FACT_STARTED, "a", 0);
	tell_exit(&world, "a", 0, 1);
	tell_of(&world, RK_FACT_IMAGE, "a", 1);
	tell_of(&world, RK_FACT_STARTED, "a", 1);
	tell_of(&world, RK_FACT_STARTED, "d", 0);
	cr_assert_null(find_act(&world, RK_ACT_START, "d"), "it runs");
}

Test(core, an_ephemeral_container_knows_the_run_of_its_target)
{
	RK_AUTO(world_done) struct world world = world_new();

	prepare(&world, ONE);
	start(&world, "a", 0);
	tell_exit(&world, "a", 0, 1);
	start(&world, "a", 1);
	put_pod(&world, DEBUG(""), "");
	tell_of(&world, RK_FACT_IMAGE, "d", 0);
	cr_assert_eq(find_act(&world, RK_ACT_START, "d")->target_attempt, 1);
}

Test(core, an_ephemeral_container_ends_with_its_pod)
{
	RK_AUTO(world_done) struct world world = world_new();

	prepare(&world, "restartPolicy: Never, " ONE);
	start(&world, "a", 0);
	put_pod(&world, "restartPolicy: Never, " DEBUG(""), "");
	start(&world, "d", 0);
	tell_exit(&world, "a", 0, 0);
	cr_assert_str_eq(status(&world, "phase"), "Succeeded");
	cr_assert_not_null(find_act(&world, RK_ACT_SIGNAL, "d"));
	cr_assert_null(find_act(&world, RK_ACT_CLEAR, NULL));
	tell_exit(&world, "d", 0, 137);
	cr_assert_not_null(find_act(&world, RK_ACT_CLEAR, NULL));
	cr_assert_str_eq(status(&world, "phase"), "Succeeded");
}

Test(core, an_ephemeral_container_that_cannot_run_stops_nothing)
{
	RK_AUTO(world_done) struct world world = world_new();

	prepare(&world, ONE);
	start(&world, "a", 0);
	put_pod(&world, DEBUG(", volumeDevices: [{name: v, devicePath: /d}]"), "");
	cr_assert(has_event(&world, "Unsupported"));
	cr_assert_null(find_act(&world, RK_ACT_PULL, "d"));
	cr_assert_str_eq(rk_arena_str(&world.arena, rk_val_text_at(status_val(&world, "ephemeralContainerStatuses", 0),
								   "state.waiting.reason")),
			 "CreateContainerConfigError");
	tell_exit(&world, "a", 0, 1);
	start(&world, "a", 1);
	cr_assert_str_eq(condition(&world, "Ready"), "True");
}

/* --- resize --- */

#define SIZED(cpu, memory, more)                                                                                   \
	"containers: [{name: a, image: i, resources: {requests: {cpu: " cpu ", memory: " memory "}}" more "}]"

static const struct rk_val *find_condition(struct world *world, const char *type)
{
	for (uint32_t i = 0; i < 8; i++)
		if (rk_span_is(rk_val_text_at(status_val(world, "conditions", i), "type"), type))
			return status_val(world, "conditions", i);
	return NULL;
}

static const char *condition_text(struct world *world, const char *type, const char *path)
{
	return rk_arena_str(&world->arena, rk_val_text_at(find_condition(world, type), path));
}

Test(core, a_resize_in_place)
{
	RK_AUTO(world_done) struct world world = world_new();

	prepare(&world, SIZED("'1'", "1Mi", ""));
	start(&world, "a", 0);
	cr_assert_str_eq(container_text(&world, 0, "allocatedResources.cpu"), "1");
	cr_assert_str_eq(container_text(&world, 0, "resources.requests.cpu"), "1");
	put_pod(&world, SIZED("'2'", "1Mi", ""), "");
	const struct rk_act *act = find_act(&world, RK_ACT_RESIZE, "a");
	cr_assert_not_null(act);
	cr_assert(rk_span_is(rk_val_text_at(act->container, "resources.requests.cpu"), "2"));
	cr_assert_not_null(find_act(&world, RK_ACT_SAVE, NULL));
	cr_assert_str_eq(container_text(&world, 0, "allocatedResources.cpu"), "2");
	cr_assert_str_eq(container_text(&world, 0, "resources.requests.cpu"), "1");
	cr_assert_str_eq(condition(&world, "PodResizeInProgress"), "True");
	fail_of(&world, RK_FACT_RESIZED, "a", 0, RK_EIO, "");
	cr_assert_str_eq(condition_text(&world, "PodResizeInProgress", "reason"), "Error");
	cr_assert_str_eq(condition_text(&world, "PodResizeInProgress", "message"), "why");
	cr_assert_null(find_act(&world, RK_ACT_RESIZE, "a"), "it waits");
	wait_ms(&world, 10000);
	cr_assert_not_null(find_act(&world, RK_ACT_RESIZE, "a"));
	tell_of(&world, RK_FACT_RESIZED, "a", 0);
	cr_assert_str_eq(container_text(&world, 0, "resources.requests.cpu"), "2");
	cr_assert_str_eq(condition_text(&world, "PodResizeInProgress", "$patch"), "delete");
	cr_assert_eq(rk_val_int_at(status_val(&world, "containerStatuses", 0), "restartCount", 9), 0);
	wait_ms(&world, 10000);
	cr_assert_null(find_act(&world, RK_ACT_RESIZE, "a"));
}

Test(core, a_resize_by_another_run)
{
	static const char more[] = ", resizePolicy: [{resourceName: memory, restartPolicy: RestartContainer}]";
	RK_AUTO(world_done) struct world world = world_new();

	prepare(&world, rk_arena_printf(&world.arena, "restartPolicy: OnFailure, " SIZED("'1'", "1Mi", "%s"), more));
	start(&world, "a", 0);
	put_pod(&world, rk_arena_printf(&world.arena, "restartPolicy: OnFailure, " SIZED("'2'", "1Mi", "%s"), more), "");
	cr_assert_not_null(find_act(&world, RK_ACT_RESIZE, "a"), "cpu in place");
	tell_of(&world, RK_FACT_RESIZED, "a", 0);
	put_pod(&world, rk_arena_printf(&world.arena, "restartPolicy: OnFailure, " SIZED("'2'", "2Mi", "%s"), more), "");
	cr_assert_null(find_act(&world, RK_ACT_RESIZE, "a"));
	cr_assert_not_null(find_act(&world, RK_ACT_SIGNAL, "a"));
	cr_assert_str_eq(condition(&world, "PodResizeInProgress"), "True");
	tell_exit(&world, "a", 0, 0);
	start(&world, "a", 1);
	cr_assert_str_eq(status(&world, "phase"), "Running");
	cr_assert_str_eq(container_text(&world, 0, "resources.requests.memory"), "2Mi");
	cr_assert_eq(rk_val_int_at(status_val(&world, "containerStatuses", 0), "restartCount", 0), 1);
	tell_exit(&world, "a", 1, 0);
	cr_assert_str_eq(status(&world, "phase"), "Succeeded", "once, for the size");
}

Test(core, a_resize_that_does_not_fit)
{
	RK_AUTO(world_done) struct world world = world_new();
	struct rk_val *docs = NULL;
	const char *other = "metadata: {name: q, namespace: ns, uid: u-2}\nspec: {" SIZED("'2'", "1Mi", "") "}\n";

	prepare(&world, SIZED("'1'", "1Mi", ""));
	start(&world, "a", 0);
	cr_assert_eq(rk_yaml_parse(&world.arena, rk_span_str(other), &docs, NULL), 0);
	const struct rk_fact neighbour = { .kind = RK_FACT_POD, .pod = rk_val_item(docs, 0) };
	step(&world, &neighbour);
	put_pod(&world, SIZED("'5'", "1Mi", ""), "");
	cr_assert_str_eq(condition_text(&world, "PodResizePending", "reason"), "Infeasible");
	cr_assert_str_eq(condition_text(&world, "PodResizePending", "message"),
			 "Node didn't have enough capacity: cpu, requested: 5000, capacity: 4000");
	put_pod(&world, SIZED("'1'", "5Mi", ""), "");
	cr_assert_str_eq(condition_text(&world, "PodResizePending", "message"),
			 "Node didn't have enough capacity: memory, requested: 5242880, capacity: 4194304");
	put_pod(&world, SIZED("'3'", "1Mi", ""), "");
	cr_assert_str_eq(condition_text(&world, "PodResizePending", "reason"), "Deferred");
	cr_assert_str_eq(condition_text(&world, "PodResizePending", "message"),
			 "Node didn't have enough resource: cpu, requested: 3000, used: 2000, capacity: 4000");
	cr_assert_null(find_act(&world, RK_ACT_RESIZE, "a"));
	cr_assert_str_eq(container_text(&world, 0, "allocatedResources.cpu"), "1");
	tell_exit(&world, "a", 0, 1);
	cr_assert_null(find_act(&world, RK_ACT_RESIZE, "a"));
	const struct rk_act *again = find_act(&world, RK_ACT_PULL, "a");
	cr_assert(rk_span_is(rk_val_text_at(again->container, "resources.requests.cpu"), "1"), "it runs as granted");
	tell_of(&world, RK_FACT_IMAGE, "a", 1);
	tell_of(&world, RK_FACT_STARTED, "a", 1);
	static const enum rk_fact_kind end[] = { RK_FACT_GONE, RK_FACT_VOLUMES, RK_FACT_CLEARED };
	for (size_t i = 0; i < RK_COUNT(end); i++) {
		const struct rk_fact fact = { .kind = end[i], .uid = RK_SPAN("u-2") };
		cr_assert_null(find_act(&world, RK_ACT_RESIZE, "a"));
		step(&world, &fact);
	}
	const struct rk_act *resize = find_act(&world, RK_ACT_RESIZE, "a");
	cr_assert_not_null(resize, "there is room now");
	cr_assert(rk_span_is(rk_val_text_at(resize->container, "resources.requests.cpu"), "3"));
	cr_assert_str_eq(condition_text(&world, "PodResizePending", "$patch"), "delete");
}

Test(core, a_resize_outlives_the_agent)
{
	RK_AUTO(world_done) struct world world = world_new(), next = world_new();

	prepare(&world, SIZED("'1'", "1Mi", ""));
	start(&world, "a", 0);
	put_pod(&world, SIZED("'2'", "1Mi", ""), "");
	const struct rk_act *save = find_act(&world, RK_ACT_SAVE, NULL);
	cr_assert_not_null(save);
	const struct rk_fact restored = { .kind = RK_FACT_RESTORED, .pod = save->pod, .state = save->body };
	step(&next, &restored);
	tell(&next, RK_FACT_VOLUMES);
	const struct rk_act *act = find_act(&next, RK_ACT_RESIZE, "a");
	cr_assert_not_null(act, "it was granted, and is not there yet");
	tell_of(&next, RK_FACT_RESIZED, "a", 0);
	put_pod(&next, SIZED("'2'", "1Mi", ""), "");
	cr_assert_null(find_act(&next, RK_ACT_RESIZE, "a"));
	cr_assert_str_eq(container_text(&next, 0, "resources.requests.cpu"), "2");
}

/* Otherwise every pod would seem to have become ready when its agent started again. */
Test(core, conditions_keep_their_times)
{
	RK_AUTO(world_done) struct world world = world_new(), next = world_new();

	prepare(&world, ONE);
	start(&world, "a", 0);
	const struct rk_act *save = find_act(&world, RK_ACT_SAVE, NULL);
	cr_assert_not_null(save);
	const char *since = condition_text(&world, "Ready", "lastTransitionTime");
	cr_assert_str_eq(condition_text(&world, "Ready", "status"), "True");
	next.now.wall += 60000;
	const struct rk_fact restored = { .kind = RK_FACT_RESTORED, .pod = save->pod, .state = save->body };
	step(&next, &restored);
	cr_assert_str_eq(condition_text(&next, "Ready", "lastTransitionTime"), since);
	tell_exit(&next, "a", 0, 1);
	cr_assert_str_eq(condition_text(&next, "Ready", "status"), "False");
	cr_assert_str_neq(condition_text(&next, "Ready", "lastTransitionTime"), since);
}

Test(core, a_failed_init_container_ends_a_pod_that_never_restarts)
{
	RK_AUTO(world_done) struct world world = world_new();

	prepare(&world, "restartPolicy: Never, initContainers: [{name: i1, image: i}], " ONE);
	start(&world, "i1", 0);
	tell_exit(&world, "i1", 0, 1);
	cr_assert_not_null(find_act(&world, RK_ACT_CLEAR, NULL));
	cr_assert_str_eq(status(&world, "phase"), "Failed");
}

Test(core, a_sidecar_stays_and_ends_last)
{
	RK_AUTO(world_done) struct world world = world_new();

	prepare(&world, "restartPolicy: Never, initContainers: [{name: s, image: i, restartPolicy: "
			"Always}], " ONE);
	start(&world, "s", 0);
	start(&world, "a", 0);
	cr_assert_null(find_act(&world, RK_ACT_SIGNAL, "s"));
	tell_exit(&world, "a", 0, 0);
	const struct rk_act *act = find_act(&world, RK_ACT_SIGNAL, "s");
	cr_assert_not_null(act);
	cr_assert_eq(act->signal, SIGTERM);
	tell_exit(&world, "s", 0, 143);
	cr_assert_not_null(find_act(&world, RK_ACT_CLEAR, NULL));
	cr_assert_str_eq(status(&world, "phase"), "Succeeded");
}

#define DELETED ", deletionTimestamp: \"2026-01-01T00:00:00Z\", deletionGracePeriodSeconds: 5"

Test(core, deletion_is_graceful_then_forced)
{
	RK_AUTO(world_done) struct world world = world_new();

	prepare(&world, ONE);
	start(&world, "a", 0);
	put_pod(&world, ONE, DELETED);
	cr_assert_eq(find_act(&world, RK_ACT_SIGNAL, "a")->signal, SIGTERM);
	cr_assert(has_event(&world, "Killing"));
	wait_ms(&world, 4999);
	cr_assert_null(find_act(&world, RK_ACT_SIGNAL, "a"));
	cr_assert_eq(rk_nodecore_due(world.core, world.now), world.now.mono + 1);
	wait_ms(&world, 1);
	cr_assert_eq(find_act(&world, RK_ACT_SIGNAL, "a")->signal, SIGKILL);
	tell_exit(&world, "a", 0, 137);
	cr_assert_not_null(find_act(&world, RK_ACT_CLEAR, NULL));
	cr_assert_null(find_act(&world, RK_ACT_PULL, "a"), "it does not start again");
	tell(&world, RK_FACT_CLEARED);
	cr_assert_not_null(find_act(&world, RK_ACT_DELETE, NULL));
	cr_assert_not_null(find_act(&world, RK_ACT_STATUS, NULL));
	cr_assert_str_eq(status(&world, "phase"), "Failed");
	wait_ms(&world, 10000);
	cr_assert_not_null(find_act(&world, RK_ACT_DELETE, NULL), "asked again until it is gone");
	tell(&world, RK_FACT_GONE);
	cr_assert_not_null(find_act(&world, RK_ACT_FORGET, NULL));
	cr_assert_null(rk_nodecore_find(world.core, RK_SPAN(UID)));
}

Test(core, pre_stop_runs_within_the_grace)
{
	RK_AUTO(world_done) struct world world = world_new();
	static const char spec[] =
		"containers: [{name: a, image: i, lifecycle: {preStop: {exec: {command: [x]}}}}]";

	prepare(&world, spec);
	start(&world, "a", 0);
	put_pod(&world, spec, DELETED);
	cr_assert_null(find_act(&world, RK_ACT_SIGNAL, "a"));
	cr_assert_eq(find_act(&world, RK_ACT_HOOK, "a")->hook, RK_HOOK_PRE_STOP);
	wait_ms(&world, 4500);
	struct rk_fact fact = about(RK_FACT_HOOK, "a", 0);
	fact.hook = RK_HOOK_PRE_STOP;
	step(&world, &fact);
	cr_assert_eq(find_act(&world, RK_ACT_SIGNAL, "a")->signal, SIGTERM);
	wait_ms(&world, 1999);
	cr_assert_null(find_act(&world, RK_ACT_SIGNAL, "a"), "at least two seconds after the hook");
	wait_ms(&world, 1);
	cr_assert_eq(find_act(&world, RK_ACT_SIGNAL, "a")->signal, SIGKILL);
}

Test(core, a_failed_post_start_kills)
{
	RK_AUTO(world_done) struct world world = world_new();

	prepare(&world, "containers: [{name: a, image: i, lifecycle: {postStart: {exec: {command: "
			"[x]}}}}]");
	start(&world, "a", 0);
	cr_assert_str_eq(container_text(&world, 0, "state.waiting.reason"), "ContainerCreating");
	struct rk_fact fact = about(RK_FACT_HOOK, "a", 0);
	fact.hook = RK_HOOK_POST_START;
	fact.err = RK_EIO;
	step(&world, &fact);
	cr_assert(has_event(&world, "FailedPostStartHook"));
	cr_assert_eq(find_act(&world, RK_ACT_SIGNAL, "a")->signal, SIGTERM);
}

Test(core, readiness_follows_its_probe)
{
	RK_AUTO(world_done) struct world world = world_new();

	prepare(&world, "containers: [{name: a, image: i, readinessProbe: {tcpSocket: {port: 1}, "
			"periodSeconds: 2, "
			"failureThreshold: 2, initialDelaySeconds: 1}}]");
	start(&world, "a", 0);
	cr_assert_null(find_act(&world, RK_ACT_PROBE, "a"), "not before its delay");
	cr_assert_str_eq(condition(&world, "Ready"), "False");
	wait_ms(&world, 1000);
	cr_assert_not_null(find_act(&world, RK_ACT_PROBE, "a"));
	probe(&world, RK_PROBE_READINESS, "a", 0, true);
	cr_assert_str_eq(condition(&world, "Ready"), "True");
	for (int i = 0; i < 2; i++) {
		cr_assert_str_eq(condition(&world, "Ready"), "True");
		wait_ms(&world, 2000);
		cr_assert_not_null(find_act(&world, RK_ACT_PROBE, "a"));
		probe(&world, RK_PROBE_READINESS, "a", 0, false);
		cr_assert(has_event(&world, "Unhealthy"));
	}
	cr_assert_str_eq(condition(&world, "Ready"), "False");
	cr_assert_null(find_act(&world, RK_ACT_SIGNAL, "a"), "readiness never kills");
}

Test(core, a_failed_liveness_restarts)
{
	RK_AUTO(world_done) struct world world = world_new();

	prepare(&world, "terminationGracePeriodSeconds: 9, containers: [{name: a, image: i, "
			"livenessProbe: {tcpSocket: "
			"{port: 1}, periodSeconds: 1, failureThreshold: 3}}]");
	start(&world, "a", 0);
	for (int i = 0; i < 3; i++) {
		cr_assert_null(find_act(&world, RK_ACT_SIGNAL, "a"));
		probe(&world, RK_PROBE_LIVENESS, "a", 0, false);
		if (i < 2)
			wait_ms(&world, 1000);
	}
	cr_assert_eq(find_act(&world, RK_ACT_SIGNAL, "a")->signal, SIGTERM);
	tell_exit(&world, "a", 0, 143);
	start(&world, "a", 1);
	probe(&world, RK_PROBE_LIVENESS, "a", 0, false);
	cr_assert_not(has_event(&world, "Unhealthy"), "a result of the run before says nothing");
}

Test(core, startup_gates_the_other_probes)
{
	RK_AUTO(world_done) struct world world = world_new();

	prepare(&world, "containers: [{name: a, image: i, startupProbe: {tcpSocket: {port: 1}, "
			"periodSeconds: 1, "
			"failureThreshold: 30}, livenessProbe: {tcpSocket: {port: 1}}}]");
	start(&world, "a", 0);
	cr_assert_eq(find_act(&world, RK_ACT_PROBE, "a")->probe, RK_PROBE_STARTUP);
	probe(&world, RK_PROBE_STARTUP, "a", 0, false);
	wait_ms(&world, 1000);
	cr_assert_eq(find_act(&world, RK_ACT_PROBE, "a")->probe, RK_PROBE_STARTUP);
	cr_assert_not(rk_val_bool_at(status_val(&world, "containerStatuses", 0), "started", true));
	probe(&world, RK_PROBE_STARTUP, "a", 0, true);
	cr_assert_eq(find_act(&world, RK_ACT_PROBE, "a")->probe, RK_PROBE_LIVENESS);
	cr_assert(rk_val_bool_at(status_val(&world, "containerStatuses", 0), "started", false));
}

Test(core, a_missing_image_backs_off)
{
	RK_AUTO(world_done) struct world world = world_new();

	prepare(&world, ONE);
	fail_of(&world, RK_FACT_IMAGE, "a", 0, RK_EIO, "ErrImagePull");
	cr_assert_str_eq(container_text(&world, 0, "state.waiting.reason"), "ErrImagePull");
	cr_assert(has_event(&world, "Failed"));
	wait_ms(&world, 9999);
	cr_assert_null(find_act(&world, RK_ACT_PULL, "a"));
	wait_ms(&world, 1);
	cr_assert_not_null(find_act(&world, RK_ACT_PULL, "a"));
	fail_of(&world, RK_FACT_IMAGE, "a", 0, RK_EIO, "ErrImagePull");
	cr_assert_str_eq(container_text(&world, 0, "state.waiting.reason"), "ImagePullBackOff");
	wait_ms(&world, 20000);
	start(&world, "a", 0);
}

Test(core, a_config_error_is_tried_again_without_counting)
{
	RK_AUTO(world_done) struct world world = world_new();

	prepare(&world, ONE);
	tell_of(&world, RK_FACT_IMAGE, "a", 0);
	fail_of(&world, RK_FACT_STARTED, "a", 0, RK_ENOENT, "CreateContainerConfigError");
	cr_assert_str_eq(container_text(&world, 0, "state.waiting.reason"),
			 "CreateContainerConfigError");
	cr_assert_str_eq(container_text(&world, 0, "state.waiting.message"), "why");
	wait_ms(&world, 10000);
	cr_assert_not_null(find_act(&world, RK_ACT_START, "a"));
	cr_assert_eq(find_act(&world, RK_ACT_START, "a")->attempt, 0);
}

Test(core, what_is_not_implemented_is_named)
{
	RK_AUTO(world_done) struct world world = world_new();

	put_pod(&world, "volumes: [{name: v, nfs: {server: s, path: /}}], " ONE, "");
	cr_assert(has_event(&world, "Unsupported"));
	cr_assert_null(find_act(&world, RK_ACT_VOLUMES, NULL));
	cr_assert_str_eq(container_text(&world, 0, "state.waiting.reason"),
			 "CreateContainerConfigError");
	cr_assert_not_null(
		strstr(container_text(&world, 0, "state.waiting.message"), "spec.volumes[0].nfs"));
	put_pod(&world, "volumes: [{name: v, nfs: {server: s, path: /}}], " ONE, DELETED);
	cr_assert_not_null(find_act(&world, RK_ACT_DELETE, NULL), "it can still be deleted");
}

Test(core, an_active_deadline_fails_the_pod)
{
	RK_AUTO(world_done) struct world world = world_new();

	prepare(&world, "activeDeadlineSeconds: 60, " ONE);
	start(&world, "a", 0);
	cr_assert_eq(rk_nodecore_due(world.core, world.now), world.now.mono + 60000);
	wait_ms(&world, 60000);
	cr_assert_not_null(find_act(&world, RK_ACT_SIGNAL, "a"));
	tell_exit(&world, "a", 0, 143);
	cr_assert_str_eq(status(&world, "phase"), "Failed");
	cr_assert_str_eq(status(&world, "reason"), "DeadlineExceeded");
}

Test(core, a_lost_sandbox_is_made_again)
{
	RK_AUTO(world_done) struct world world = world_new();

	prepare(&world, ONE);
	start(&world, "a", 0);
	tell(&world, RK_FACT_SANDBOX_LOST);
	cr_assert_not_null(find_act(&world, RK_ACT_SANDBOX, NULL));
	cr_assert_not_null(find_act(&world, RK_ACT_SIGNAL, "a"));
	tell_exit(&world, "a", 0, 137);
	tell(&world, RK_FACT_SANDBOX);
	start(&world, "a", 1);
	cr_assert_str_eq(condition(&world, "Ready"), "True");
}

Test(core, a_pod_is_taken_over)
{
	RK_AUTO(world_done) struct world before = world_new();
	RK_AUTO(world_done) struct world after = world_new();

	prepare(&before, "containers: [{name: a, image: i}, {name: b, image: i}]");
	const struct rk_act *pull = find_act(&before, RK_ACT_PULL, "b");
	cr_assert_not_null(pull);
	tell_of(&before, RK_FACT_IMAGE, "a", 0);
	tell_of(&before, RK_FACT_STARTED, "a", 0);
	tell_of(&before, RK_FACT_IMAGE, "b", 0);
	tell_of(&before, RK_FACT_STARTED, "b", 0);
	tell_exit(&before, "b", 0, 1);
	tell_of(&before, RK_FACT_IMAGE, "b", 1);
	tell_of(&before, RK_FACT_STARTED, "b", 1);
	tell_exit(&before, "b", 1, 1);
	const struct rk_act *save = find_act(&before, RK_ACT_SAVE, NULL);
	cr_assert_not_null(save);

	after.now = before.now;
	after.now.mono = 1; /* the machine's clock may have begun anew */
	const struct rk_fact fact = { .kind = RK_FACT_RESTORED,
				      .pod = save->pod,
				      .state = save->body };
	step(&after, &fact);
	cr_assert_null(find_act(&after, RK_ACT_START, "a"), "what runs is left alone");
	cr_assert_null(find_act(&after, RK_ACT_SANDBOX, NULL));
	cr_assert_str_eq(condition(&after, "PodReadyToStartContainers"), "True");
	cr_assert_str_eq(container_text(&after, 1, "state.waiting.reason"), "CrashLoopBackOff");
	cr_assert_eq(rk_val_int_at(status_val(&after, "containerStatuses", 1), "restartCount", 0),
		     1);
	tell(&after, RK_FACT_VOLUMES);
	cr_assert_null(find_act(&after, RK_ACT_PULL, "b"), "the wait goes on where it was");
	wait_ms(&after, 10000);
	start(&after, "b", 2);
	tell_exit(&after, "a", 0, 0);
	cr_assert_not_null(find_act(&after, RK_ACT_PULL, "a"));
}

Test(core, a_pod_deleted_by_force_is_forgotten)
{
	RK_AUTO(world_done) struct world world = world_new();

	prepare(&world, ONE);
	start(&world, "a", 0);
	tell(&world, RK_FACT_GONE);
	cr_assert_eq(find_act(&world, RK_ACT_SIGNAL, "a")->signal, SIGTERM);
	wait_ms(&world, 2000);
	cr_assert_eq(find_act(&world, RK_ACT_SIGNAL, "a")->signal, SIGKILL);
	tell_exit(&world, "a", 0, 137);
	tell(&world, RK_FACT_CLEARED);
	cr_assert_not_null(find_act(&world, RK_ACT_FORGET, NULL));
	cr_assert_null(find_act(&world, RK_ACT_STATUS, NULL), "there is nobody to tell");
}

Test(core, what_falls_due_between_two_steps_is_not_lost)
{
	RK_AUTO(world_done) struct world world = world_new();

	prepare(&world, ONE);
	start(&world, "a", 0);
	put_pod(&world, ONE, DELETED);
	const int64_t kill_at = world.now.mono + 5000;
	wait_ms(&world, 4998);
	world.now.mono += 5; /* the caller asks a little after the step */
	cr_assert_eq(rk_nodecore_due(world.core, world.now), kill_at);
	wait_ms(&world, 0);
	cr_assert_eq(find_act(&world, RK_ACT_SIGNAL, "a")->signal, SIGKILL);
}

Test(core, waiting_for_the_network_is_no_failure)
{
	RK_AUTO(world_done) struct world world = world_new();

	put_pod(&world, ONE, "");
	tell(&world, RK_FACT_VOLUMES);
	fail_of(&world, RK_FACT_SANDBOX, "", 0, RK_EAGAIN, "");
	cr_assert_not(has_event(&world, "FailedCreatePodSandBox"));
	wait_ms(&world, 500);
	cr_assert_not_null(find_act(&world, RK_ACT_SANDBOX, NULL));
	fail_of(&world, RK_FACT_SANDBOX, "", 0, RK_EIO, "");
	cr_assert(has_event(&world, "FailedCreatePodSandBox"));
}

Test(core, volumes_wait_no_longer_than_they_must)
{
	RK_AUTO(world_done) struct world world = world_new();

	put_pod(&world, ONE, "");
	cr_assert_not_null(find_act(&world, RK_ACT_VOLUMES, NULL));
	fail_of(&world, RK_FACT_VOLUMES, "", 0, RK_EAGAIN, "");
	cr_assert_null(find_act(&world, RK_ACT_VOLUMES, NULL));
	cr_assert_not(has_event(&world, "FailedMount"));
	wait_ms(&world, 10);
	cr_assert_null(find_act(&world, RK_ACT_VOLUMES, NULL));
	tell(&world, RK_FACT_ARRIVED);
	cr_assert_not_null(find_act(&world, RK_ACT_VOLUMES, NULL));
	fail_of(&world, RK_FACT_VOLUMES, "", 0, RK_EPERM, "");
	cr_assert(has_event(&world, "FailedMount"));
	tell(&world, RK_FACT_VOLUMES);
	tell(&world, RK_FACT_ARRIVED); /* what comes later changes nothing here */
	cr_assert_null(find_act(&world, RK_ACT_VOLUMES, NULL));
}
