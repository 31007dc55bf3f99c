#include "node/pod_state.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "node/resize.h"
#include "wire/doc.h"

void rk_text_set(char **text, struct rk_span value)
{
	char *copy = NULL;

	if (value.size > 0) {
		value = rk_span_sub(value, 0, RK_TEXT_KEPT_MAX);
		copy = rk_alloc(value.size + 1);
		memcpy(copy, value.data, value.size);
		copy[value.size] = '\0';
	}
	free(*text);
	*text = copy;
}

static enum rk_restart_policy policy_of(const struct rk_val *object)
{
	const struct rk_span policy = rk_val_text_at(object, "spec.restartPolicy");

	if (rk_span_is(policy, "Never"))
		return RK_RESTART_NEVER;
	return rk_span_is(policy, "OnFailure") ? RK_RESTART_ON_FAILURE : RK_RESTART_ALWAYS;
}

static const char *list_of(const struct rk_container *container)
{
	return container->is_init	? "spec.initContainers" :
	       container->is_ephemeral ? "spec.ephemeralContainers" :
					 "spec.containers";
}

static struct rk_val *spec_named(const struct rk_val *list, const char *name)
{
	for (uint32_t i = 0; i < rk_val_count(list); i++)
		if (rk_span_is(rk_val_text_at(rk_val_item(list, i), "name"), name))
			return rk_val_item(list, i);
	return NULL;
}

/* Containers of a new object keep the resources that they were granted; other ones wait (node/resize.h). */
static void take_container(struct rk_arena *arena, struct rk_container *container, struct rk_val *spec)
{
	struct rk_val *says = rk_val_at(spec, "resources"), *had = rk_val_at(container->spec, "resources");

	container->wanted = NULL;
	if (spec != NULL && !container->is_ephemeral && rk_val_count(says) > 0 && !rk_val_eq(says, had)) {
		container->wanted = says;
		rk_val_put(arena, spec, "resources", had != NULL ? rk_val_copy(arena, had) : NULL);
	}
	container->spec = spec;
}

static void take_object(struct rk_pod *pod, const struct rk_val *object)
{
	struct rk_arena arena = { 0 };

	pod->object = rk_val_copy(&arena, object);
	for (uint32_t i = 0; i < pod->container_count; i++) {
		struct rk_container *container = &pod->containers[i];
		take_container(&arena, container, spec_named(rk_val_at(pod->object, list_of(container)), container->name));
	}
	rk_arena_done(&pod->arena);
	pod->arena = arena;
	pod->uid = rk_val_text_at(pod->object, "metadata.uid");
	pod->ns = rk_val_text_at(pod->object, "metadata.namespace");
	pod->name = rk_val_text_at(pod->object, "metadata.name");
	pod->policy = policy_of(pod->object);
}

static void add_container(struct rk_pod *pod, const struct rk_container *kind, struct rk_val *spec)
{
	struct rk_container *container = &pod->containers[pod->container_count++];

	*container = *kind;
	container->spec = spec;
	rk_text_set(&container->name, rk_val_text_at(spec, "name"));
	container->is_sidecar =
		kind->is_init && rk_span_is(rk_val_text_at(spec, "restartPolicy"), "Always");
	(void)snprintf(container->reason, sizeof container->reason, "%s",
		       !kind->is_ephemeral && rk_val_count(rk_val_at(pod->object, "spec.initContainers")) > 0
			       ? "PodInitializing"
			       : "ContainerCreating");
}

/* Those that are not there yet: at first all, later ephemeral ones. */
static void add_containers(struct rk_pod *pod)
{
	static const struct rk_container kinds[] = { { .is_init = true }, { .is_init = false }, { .is_ephemeral = true } };
	const struct rk_val *lists[RK_COUNT(kinds)];
	uint32_t count = 0;

	for (size_t k = 0; k < RK_COUNT(kinds); k++) {
		lists[k] = rk_val_at(pod->object, list_of(&kinds[k]));
		count += rk_val_count(lists[k]);
	}
	if (count <= pod->container_count)
		return;
	pod->containers = rk_realloc(pod->containers, count * sizeof *pod->containers);
	for (size_t k = pod->container_count > 0 ? 2 : 0; k < RK_COUNT(kinds); k++)
		for (uint32_t i = 0; i < rk_val_count(lists[k]); i++)
			if (pod->container_count < count &&
			    rk_pod_find_container(pod, rk_val_text_at(rk_val_item(lists[k], i), "name")) == NULL)
				add_container(pod, &kinds[k], rk_val_item(lists[k], i));
}

struct rk_pod *rk_pod_new(const struct rk_val *object)
{
	struct rk_pod *pod = rk_zalloc(sizeof *pod);

	take_object(pod, object);
	add_containers(pod);
	return pod;
}

static void ending_done(struct rk_ending *ending)
{
	free(ending->message);
	free(ending->id);
}

struct rk_pod *rk_pod_free(struct rk_pod *pod)
{
	if (pod == NULL)
		return NULL;
	for (uint32_t i = 0; i < pod->container_count; i++) {
		struct rk_container *container = &pod->containers[i];

		free(container->name);
		free(container->id);
		free(container->image_id);
		free(container->message);
		free(container->resize_error);
		(void)rk_blob_unref(container->applied);
		(void)rk_blob_unref(container->sent);
		ending_done(&container->ending);
		ending_done(&container->last);
	}
	free(pod->containers);
	free(pod->message);
	free(pod->resize_text);
	rk_arena_done(&pod->arena);
	free(pod);
	return NULL;
}

struct rk_container *rk_pod_find_container(const struct rk_pod *pod, struct rk_span name)
{
	for (uint32_t i = 0; i < pod->container_count; i++)
		if (rk_span_is(name, pod->containers[i].name))
			return &pod->containers[i];
	return NULL;
}

static const char *const probe_fields[RK_PROBE_KINDS] = {
	[RK_PROBE_STARTUP] = "startupProbe",
	[RK_PROBE_LIVENESS] = "livenessProbe",
	[RK_PROBE_READINESS] = "readinessProbe",
};

/* Containers are fixed in a pod, but for ephemeral ones; what they point to moves to the new object. */
void rk_pod_update(struct rk_pod *pod, const struct rk_val *object)
{
	take_object(pod, object);
	for (uint32_t i = 0; i < pod->container_count; i++) {
		struct rk_container *container = &pod->containers[i];
		for (int kind = 0; kind < RK_PROBE_KINDS; kind++)
			if (container->probes[kind].spec != NULL)
				container->probes[kind].spec =
					rk_val_at(container->spec, probe_fields[kind]);
	}
	add_containers(pod);
}

void rk_container_begin_probes(struct rk_container *container, int64_t now_mono)
{
	for (int kind = 0; kind < RK_PROBE_KINDS; kind++)
		rk_probe_begin(&container->probes[kind], (enum rk_probe_kind)kind,
			       rk_val_at(container->spec, probe_fields[kind]), now_mono);
}

bool rk_container_is_started(const struct rk_container *container)
{
	return container->phase == RK_CONTAINER_RUNNING && !container->is_starting_hook &&
	       container->probes[RK_PROBE_STARTUP].is_healthy;
}

bool rk_container_is_ready(const struct rk_container *container)
{
	if (container->is_ephemeral)
		return false;
	if (container->is_init && !container->is_sidecar)
		return container->phase == RK_CONTAINER_EXITED && container->ending.code == 0;
	return rk_container_is_started(container) &&
	       container->probes[RK_PROBE_READINESS].is_healthy && container->stop == RK_STOP_NONE;
}

/* --- to and from a value --- */

static void put_text(struct rk_arena *arena, struct rk_val *map, const char *key, const char *text)
{
	if (text != NULL && text[0] != '\0')
		rk_val_put_cstr(arena, map, key, rk_arena_str(arena, rk_span_str(text)));
}

static void save_ending(struct rk_arena *arena, struct rk_val *map, const char *key,
			const struct rk_ending *ending)
{
	struct rk_val *val = rk_val_map(arena);

	if (!ending->is_set)
		return;
	rk_val_put_int(arena, val, "code", ending->code);
	rk_val_put_int(arena, val, "started", ending->started);
	rk_val_put_int(arena, val, "finished", ending->finished);
	put_text(arena, val, "reason", ending->reason);
	put_text(arena, val, "message", ending->message);
	put_text(arena, val, "id", ending->id);
	rk_val_put(arena, map, key, val);
}

static struct rk_val *save_conditions(struct rk_arena *arena, const struct rk_pod *pod)
{
	struct rk_val *list = rk_val_list(arena);

	for (size_t i = 0; i < RK_COUNT(pod->condition_since); i++) {
		struct rk_val *val = rk_val_map(arena);
		rk_val_put_int(arena, val, "since", pod->condition_since[i]);
		rk_val_put_bool(arena, val, "isTrue", pod->condition_is_true[i]);
		rk_val_append(arena, list, val);
	}
	return list;
}

struct rk_val *rk_pod_save(struct rk_arena *arena, const struct rk_pod *pod)
{
	struct rk_val *state = rk_val_map(arena), *list = rk_val_list(arena);

	rk_val_put_int(arena, state, "startTime", pod->start_time);
	rk_val_put_bool(arena, state, "sandbox", pod->sandbox_exists);
	rk_val_put_int(arena, state, "pid", pod->sandbox == RK_STEP_DONE ? pod->sandbox_pid : 0);
	put_text(arena, state, "address", pod->address);
	put_text(arena, state, "phase", pod->phase);
	put_text(arena, state, "reason", pod->reason);
	put_text(arena, state, "message", pod->message);
	for (uint32_t i = 0; i < pod->container_count; i++) {
		const struct rk_container *container = &pod->containers[i];
		struct rk_val *val = rk_val_map(arena);

		put_text(arena, val, "name", container->name);
		rk_val_put_int(arena, val, "phase", container->phase);
		rk_val_put_int(arena, val, "attempt", container->attempt);
		rk_val_put_int(arena, val, "restarts", container->restarts);
		rk_val_put_int(arena, val, "started", container->started);
		rk_val_put_int(arena, val, "delay", container->restart.delay_ms);
		rk_val_put_int(arena, val, "waited", container->restart.waited_ms);
		rk_val_put_bool(arena, val, "ready", rk_container_is_ready(container));
		rk_val_put_bool(arena, val, "isStarted", rk_container_is_started(container));
		put_text(arena, val, "id", container->id);
		put_text(arena, val, "imageID", container->image_id);
		/* What was granted is in the object, which is written when this changes. */
		rk_val_put(arena, val, "granted", rk_val_at(container->spec, "resources"));
		if (container->applied != NULL)
			rk_val_put(arena, val, "applied", rk_doc_val(arena, container->applied));
		save_ending(arena, val, "ending", &container->ending);
		save_ending(arena, val, "last", &container->last);
		rk_val_append(arena, list, val);
	}
	rk_val_put(arena, state, "containers", list);
	rk_val_put(arena, state, "conditions", save_conditions(arena, pod));
	return state;
}

static void fill(char *text, size_t size, struct rk_span value)
{
	(void)snprintf(text, size, "%.*s", RK_SPAN_ARGS(rk_span_sub(value, 0, size - 1)));
}

static void restore_ending(struct rk_ending *ending, const struct rk_val *val)
{
	if (val == NULL)
		return;
	ending->is_set = true;
	ending->code = (int)rk_val_int_at(val, "code", 255);
	ending->started = rk_val_int_at(val, "started", 0);
	ending->finished = rk_val_int_at(val, "finished", 0);
	fill(ending->reason, sizeof ending->reason, rk_val_text_at(val, "reason"));
	rk_text_set(&ending->message, rk_val_text_at(val, "message"));
	rk_text_set(&ending->id, rk_val_text_at(val, "id"));
}

/* A run that was being started may exist or not: it is taken as running, and the runtime says when
 * it is not. */
static void restore_container(struct rk_container *container, const struct rk_val *val,
			      struct rk_now now)
{
	const int64_t phase = rk_val_int_at(val, "phase", RK_CONTAINER_WAITING);

	container->attempt = (uint32_t)rk_val_int_at(val, "attempt", 0);
	container->restarts = (uint32_t)rk_val_int_at(val, "restarts", 0);
	container->started = rk_val_int_at(val, "started", 0);
	container->restart.delay_ms = rk_val_int_at(val, "delay", 0);
	container->restart.waited_ms = rk_val_int_at(val, "waited", 0);
	rk_text_set(&container->id, rk_val_text_at(val, "id"));
	rk_text_set(&container->image_id, rk_val_text_at(val, "imageID"));
	restore_ending(&container->ending, rk_val_at(val, "ending"));
	restore_ending(&container->last, rk_val_at(val, "last"));
	if (phase == RK_CONTAINER_RUNNING || phase == RK_CONTAINER_STARTING) {
		rk_resize_started(container);
		if (rk_val_at(val, "applied") != NULL) {
			(void)rk_blob_unref(container->applied);
			container->applied = rk_doc_of(rk_val_at(val, "applied"));
		}
		container->phase = RK_CONTAINER_RUNNING;
		rk_container_begin_probes(container, now.mono);
		container->probes[RK_PROBE_STARTUP].is_healthy |=
			rk_val_bool_at(val, "isStarted", false);
		container->probes[RK_PROBE_READINESS].is_healthy |=
			rk_val_bool_at(val, "ready", false);
	} else if (phase == RK_CONTAINER_EXITED) {
		const int64_t again_at = container->ending.finished + container->restart.waited_ms;
		container->phase = RK_CONTAINER_EXITED;
		container->restart.until =
			now.mono + RK_MIN(RK_MAX(again_at - now.wall, 0), RK_BACKOFF_MAX_MS);
	}
}

void rk_pod_restore(struct rk_pod *pod, const struct rk_val *state, struct rk_now now)
{
	const struct rk_val *list = rk_val_at(state, "containers");

	pod->start_time = rk_val_int_at(state, "startTime", 0);
	pod->sandbox_exists = rk_val_bool_at(state, "sandbox", false);
	pod->sandbox_pid = (pid_t)rk_val_int_at(state, "pid", 0);
	fill(pod->address, sizeof pod->address, rk_val_text_at(state, "address"));
	fill(pod->phase, sizeof pod->phase, rk_val_text_at(state, "phase"));
	fill(pod->reason, sizeof pod->reason, rk_val_text_at(state, "reason"));
	rk_text_set(&pod->message, rk_val_text_at(state, "message"));
	pod->is_ended = pod->phase[0] != '\0';
	if (pod->sandbox_pid > 0)
		pod->sandbox = RK_STEP_DONE;
	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_val *val = rk_val_item(list, i);
		struct rk_container *container =
			rk_pod_find_container(pod, rk_val_text_at(val, "name"));
		if (container != NULL)
			restore_container(container, val, now);
	}
	list = rk_val_at(state, "conditions");
	for (uint32_t i = 0; i < rk_val_count(list) && i < RK_COUNT(pod->condition_since); i++) {
		pod->condition_since[i] = rk_val_int_at(rk_val_item(list, i), "since", 0);
		pod->condition_is_true[i] = rk_val_bool_at(rk_val_item(list, i), "isTrue", false);
	}
}
