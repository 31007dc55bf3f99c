#include "node/pod_status.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "control/schema/pod.h"
#include "node/container_step.h"
#include "node/pod_view.h"
#include "node/resize.h"
#include "wire/doc.h"

enum condition {
	HAS_SANDBOX,
	INITIALIZED,
	READY,
	CONTAINERS_READY,
	RESIZE_PENDING,
	RESIZE_IN_PROGRESS,
	CONDITIONS
};

_Static_assert(CONDITIONS == RK_COUNT(((struct rk_pod *)0)->condition_since),
	       "one time for each condition");

static struct rk_val *time_val(struct rk_arena *arena, int64_t wall)
{
	char text[RK_TIME_TEXT_MAX];

	(void)rk_time_format(text, wall);
	return rk_val_cstr(arena, rk_arena_str(arena, rk_span_str(text)));
}

static void put_copy(struct rk_arena *arena, struct rk_val *map, const char *key, const char *text)
{
	if (text != NULL && text[0] != '\0')
		rk_val_put_cstr(arena, map, key, rk_arena_str(arena, rk_span_str(text)));
}

/* In a patch, what is not said stays as it was. */
static void put_or_clear(struct rk_arena *arena, struct rk_val *map, const char *key, const char *text)
{
	if (text != NULL && text[0] != '\0')
		put_copy(arena, map, key, text);
	else
		rk_val_put(arena, map, key, rk_val_null(arena));
}

/* --- phase --- */

struct tally {
	uint32_t apps, waiting, running, stopped, failed, init_left;
	bool init_failed;
};

static struct tally count(const struct rk_pod *pod)
{
	struct tally tally = { 0 };

	for (uint32_t i = 0; i < pod->container_count; i++) {
		const struct rk_container *container = &pod->containers[i];
		const bool has_exited = container->phase == RK_CONTAINER_EXITED;
		const bool has_failed = has_exited && container->ending.code != 0;

		if (container->is_sidecar) {
			tally.init_left += !rk_container_is_started(container) && !has_exited;
		} else if (container->is_init) {
			tally.init_left += !has_exited || has_failed;
			tally.init_failed |= has_failed && !rk_container_restarts(pod, container);
		} else if (rk_container_is_app(container)) {
			tally.apps++;
			tally.running += container->phase == RK_CONTAINER_RUNNING &&
					 !container->is_starting_hook;
			tally.stopped += has_exited || container->last.is_set;
			tally.failed += has_failed;
			tally.waiting += !has_exited && !container->last.is_set &&
					 !rk_container_is_alive(container);
		}
	}
	return tally;
}

static bool apps_have_ended(const struct rk_pod *pod)
{
	for (uint32_t i = 0; i < pod->container_count; i++) {
		const struct rk_container *container = &pod->containers[i];

		if (rk_container_is_app(container) &&
		    (container->phase != RK_CONTAINER_EXITED ||
		     (!pod->is_stopping && rk_container_restarts(pod, container))))
			return false;
	}
	return true;
}

const char *rk_pod_phase(const struct rk_pod *pod)
{
	const struct tally tally = count(pod);

	if (pod->phase[0] != '\0')
		return pod->phase;
	if (tally.init_failed)
		return "Failed";
	if (apps_have_ended(pod))
		return tally.failed > 0 ? "Failed" : "Succeeded";
	if (tally.init_left > 0)
		return "Pending";
	return tally.running > 0 || tally.stopped > 0 ? "Running" : "Pending";
}

/* --- containers --- */

static struct rk_val *ending_val(struct rk_arena *arena, const struct rk_ending *ending)
{
	struct rk_val *val = rk_val_map(arena);

	rk_val_put_int(arena, val, "exitCode", ending->code);
	put_copy(arena, val, "reason", ending->reason);
	put_copy(arena, val, "message", ending->message);
	if (ending->started > 0)
		rk_val_put(arena, val, "startedAt", time_val(arena, ending->started));
	rk_val_put(arena, val, "finishedAt", time_val(arena, ending->finished));
	if (ending->id != NULL)
		rk_val_put(arena, val, "containerID",
			   rk_val_strf(arena, "reckon://%s", ending->id));
	return val;
}

static struct rk_val *waiting_val(struct rk_arena *arena, const char *reason, const char *message)
{
	struct rk_val *val = rk_val_map(arena);

	put_copy(arena, val, "reason", reason);
	put_copy(arena, val, "message", message);
	return val;
}

static bool waits_to_restart(const struct rk_pod *pod, const struct rk_container *container,
			     struct rk_now now)
{
	return container->phase == RK_CONTAINER_EXITED && !pod->is_stopping && !pod->is_ended &&
	       rk_container_restarts(pod, container) &&
	       rk_backoff_waits(&container->restart, now.mono);
}

static struct rk_val *image_backoff_val(struct rk_arena *arena,
					const struct rk_container *container)
{
	const char *reason = strcmp(container->reason, "ErrImagePull") == 0 ? "ImagePullBackOff"
									    : container->reason;

	return waiting_val(arena, reason,
			   rk_arena_printf(arena, "Back-off pulling image \"%.*s\": %s",
					   RK_SPAN_ARGS(rk_val_text_at(container->spec, "image")),
					   container->message != NULL ? container->message
								      : container->reason));
}

static struct rk_val *crash_val(struct rk_arena *arena, const struct rk_pod *pod,
				const struct rk_container *container)
{
	return waiting_val(
		arena, "CrashLoopBackOff",
		rk_arena_printf(
			arena, "back-off %llds restarting failed container=%s pod=%.*s_%.*s(%.*s)",
			(long long)(container->restart.waited_ms / 1000), container->name,
			RK_SPAN_ARGS(pod->name), RK_SPAN_ARGS(pod->ns), RK_SPAN_ARGS(pod->uid)));
}

static struct rk_val *state_val(struct rk_arena *arena, const struct rk_pod *pod,
				const struct rk_container *container, struct rk_now now)
{
	struct rk_val *state = rk_val_map(arena), *running = rk_val_map(arena);
	const bool is_running =
		container->phase == RK_CONTAINER_RUNNING && !container->is_starting_hook;

	if (is_running) {
		rk_val_put(arena, running, "startedAt", time_val(arena, container->started));
		rk_val_put(arena, state, "running", running);
	} else if (waits_to_restart(pod, container, now)) {
		rk_val_put(arena, state, "waiting", crash_val(arena, pod, container));
	} else if (container->phase == RK_CONTAINER_EXITED) {
		rk_val_put(arena, state, "terminated", ending_val(arena, &container->ending));
	} else if (container->phase == RK_CONTAINER_WAITING &&
		   rk_backoff_waits(&container->image, now.mono) &&
		   strcmp(container->reason, "ErrImagePull") == 0 &&
		   container->image.delay_ms > 2 * RK_BACKOFF_FIRST_MS) {
		rk_val_put(arena, state, "waiting", image_backoff_val(arena, container));
	} else {
		rk_val_put(arena, state, "waiting",
			   waiting_val(arena, container->reason, container->message));
	}
	return state;
}

/* What it was granted, and what it has. */
static void put_size(struct rk_arena *arena, struct rk_val *val, const struct rk_container *container)
{
	const struct rk_val *granted = rk_val_at(container->spec, "resources"),
			    *requests = rk_val_at(granted, "requests");
	struct rk_val *has = container->phase == RK_CONTAINER_RUNNING && container->applied != NULL
				     ? rk_doc_val(arena, container->applied)
			     : granted != NULL ? rk_val_copy(arena, granted)
					       : rk_val_map(arena);

	if (rk_val_count(requests) > 0)
		rk_val_put(arena, val, "allocatedResources", rk_val_copy(arena, requests));
	rk_val_put(arena, val, "resources", has);
}

static struct rk_val *container_val(struct rk_arena *arena, const struct rk_pod *pod,
				    const struct rk_container *container, struct rk_now now)
{
	struct rk_val *val = rk_val_map(arena), *last = rk_val_map(arena);
	const struct rk_ending *before =
		waits_to_restart(pod, container, now) ? &container->ending : &container->last;
	const char *id = container->id != NULL ? container->id : container->ending.id;

	put_copy(arena, val, "name", container->name);
	rk_val_put(arena, val, "state", state_val(arena, pod, container, now));
	if (before->is_set)
		rk_val_put(arena, last, "terminated", ending_val(arena, before));
	rk_val_put(arena, val, "lastState", last);
	rk_val_put_bool(arena, val, "ready", rk_container_is_ready(container));
	rk_val_put_int(arena, val, "restartCount", container->restarts);
	rk_val_put_str(arena, val, "image",
		       rk_arena_span(arena, rk_val_text_at(container->spec, "image")));
	rk_val_put_cstr(arena, val, "imageID",
			container->image_id != NULL
				? rk_arena_str(arena, rk_span_str(container->image_id))
				: "");
	if (id == NULL)
		id = before->id;
	if (id != NULL)
		rk_val_put(arena, val, "containerID", rk_val_strf(arena, "reckon://%s", id));
	if (!container->is_ephemeral) {
		rk_val_put_bool(arena, val, "started", rk_container_is_started(container));
		put_size(arena, val, container);
	}
	return val;
}

/* --- conditions --- */

static bool all_ready(const struct rk_pod *pod)
{
	for (uint32_t i = 0; i < pod->container_count; i++)
		if ((rk_container_is_app(&pod->containers[i]) || pod->containers[i].is_sidecar) &&
		    !rk_container_is_ready(&pod->containers[i]))
			return false;
	return !pod->is_ended;
}

/* "containers with unready status: [a b]" */
static const char *unready_text(struct rk_arena *arena, const struct rk_pod *pod, bool is_init)
{
	RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };

	rk_buf_printf(&text, "containers with %s status: [", is_init ? "incomplete" : "unready");
	const size_t empty = text.size;
	for (uint32_t i = 0; i < pod->container_count; i++) {
		const struct rk_container *container = &pod->containers[i];
		const bool is_counted =
			is_init ? container->is_init
				: rk_container_is_app(container) || container->is_sidecar;

		if (is_counted && !rk_container_is_ready(container))
			rk_buf_printf(&text, "%s%s", text.size > empty ? " " : "", container->name);
	}
	rk_buf_put_str(&text, "]");
	return rk_arena_str(arena, rk_buf_span(&text));
}

static struct rk_val *condition_val(struct rk_arena *arena, struct rk_pod *pod,
				    enum condition which, const char *type, bool is_true,
				    const char *reason, const char *message, struct rk_now now)
{
	struct rk_val *val = rk_val_map(arena);

	if (pod->condition_since[which] == 0 || pod->condition_is_true[which] != is_true) {
		pod->condition_since[which] = now.wall;
		pod->condition_is_true[which] = is_true;
	}
	rk_val_put_cstr(arena, val, "type", type);
	rk_val_put_cstr(arena, val, "status", is_true ? "True" : "False");
	rk_val_put(arena, val, "lastProbeTime", rk_val_null(arena));
	rk_val_put(arena, val, "lastTransitionTime", time_val(arena, pod->condition_since[which]));
	const bool has_reason = !is_true || strcmp(reason, "PodCompleted") == 0;
	put_or_clear(arena, val, "reason", has_reason ? reason : NULL);
	put_or_clear(arena, val, "message", is_true ? NULL : message);
	return val;
}

static const struct rk_val *find_condition(const struct rk_pod *pod, const char *type)
{
	return rk_val_find(rk_val_at(pod->object, "status.conditions"), "type", rk_span_str(type));
}

/* A condition that is there only while it holds; the status is a patch, so that its end has to be said. */
static void add_passing(struct rk_arena *arena, struct rk_val *list, struct rk_pod *pod, enum condition which,
			const char *type, bool holds, const char *reason, const char *message, struct rk_now now)
{
	struct rk_val *val;

	if (!holds && find_condition(pod, type) == NULL && pod->condition_since[which] == 0)
		return;
	if (holds) {
		val = condition_val(arena, pod, which, type, true, "", NULL, now);
		put_or_clear(arena, val, "reason", reason);
		put_or_clear(arena, val, "message", message);
	} else {
		val = rk_val_map(arena);
		rk_val_put_cstr(arena, val, "type", type);
		rk_val_put_cstr(arena, val, "$patch", "delete");
		pod->condition_is_true[which] = false;
	}
	rk_val_append(arena, list, val);
}

static void add_resize(struct rk_arena *arena, struct rk_val *list, struct rk_pod *pod, struct rk_now now)
{
	const char *error = NULL;
	bool is_due = false;

	for (uint32_t i = 0; i < pod->container_count; i++) {
		is_due |= rk_resize_is_due(&pod->containers[i]) || pod->containers[i].is_restarting;
		if (pod->containers[i].resize_error != NULL)
			error = pod->containers[i].resize_error;
	}
	add_passing(arena, list, pod, RESIZE_PENDING, "PodResizePending", pod->resize_pending != NULL && !pod->is_ended,
		    pod->resize_pending, pod->resize_text, now);
	add_passing(arena, list, pod, RESIZE_IN_PROGRESS, "PodResizeInProgress", is_due && !pod->is_ended,
		    error != NULL ? "Error" : NULL, error, now);
}

/* The scheduler's condition is kept as it came; one is made where nobody did. */
static struct rk_val *scheduled_val(struct rk_arena *arena, struct rk_pod *pod)
{
	const struct rk_val *had = find_condition(pod, "PodScheduled");
	struct rk_val *val = rk_val_map(arena);

	if (had != NULL)
		return rk_val_copy(arena, had);
	rk_val_put_cstr(arena, val, "type", "PodScheduled");
	rk_val_put_cstr(arena, val, "status", "True");
	rk_val_put(arena, val, "lastProbeTime", rk_val_null(arena));
	rk_val_put(arena, val, "lastTransitionTime", time_val(arena, pod->start_time));
	return val;
}

static struct rk_val *conditions(struct rk_arena *arena, struct rk_pod *pod, struct rk_now now)
{
	const struct tally tally = count(pod);
	const bool is_ready = all_ready(pod),
		   has_ended = strcmp(rk_pod_phase(pod), "Succeeded") == 0;
	const bool is_initialized = tally.init_left == 0 || has_ended;
	const char *why = has_ended ? "PodCompleted" : "ContainersNotReady";
	const char *unready = is_ready || has_ended ? NULL : unready_text(arena, pod, false);
	struct rk_val *list = rk_val_list(arena);

	rk_val_append(arena, list,
		      condition_val(arena, pod, HAS_SANDBOX, "PodReadyToStartContainers",
				    pod->sandbox == RK_STEP_DONE, "", NULL, now));
	rk_val_append(arena, list,
		      condition_val(arena, pod, INITIALIZED, "Initialized", is_initialized,
				    has_ended ? "PodCompleted" : "ContainersNotInitialized",
				    is_initialized ? NULL : unready_text(arena, pod, true), now));
	rk_val_append(arena, list,
		      condition_val(arena, pod, READY, "Ready", is_ready, why, unready, now));
	rk_val_append(arena, list,
		      condition_val(arena, pod, CONTAINERS_READY, "ContainersReady", is_ready, why,
				    unready, now));
	rk_val_append(arena, list, scheduled_val(arena, pod));
	add_resize(arena, list, pod, now);
	return list;
}

static void put_ips(struct rk_arena *arena, struct rk_val *status, const char *one,
		    const char *many, const char *address)
{
	struct rk_val *list = rk_val_list(arena), *entry = rk_val_map(arena);

	if (address[0] == '\0')
		return;
	put_copy(arena, status, one, address);
	put_copy(arena, entry, "ip", address);
	rk_val_append(arena, list, entry);
	rk_val_put(arena, status, many, list);
}

struct rk_val *rk_pod_status(struct rk_arena *arena, struct rk_pod *pod, const char *host_ip,
			     struct rk_now now)
{
	struct rk_val *status = rk_val_map(arena), *apps = rk_val_list(arena),
		      *init = rk_val_list(arena), *ephemeral = rk_val_list(arena);

	put_copy(arena, status, "phase", rk_pod_phase(pod));
	put_copy(arena, status, "reason", pod->reason);
	put_copy(arena, status, "message", pod->message);
	rk_val_put(arena, status, "conditions", conditions(arena, pod, now));
	put_ips(arena, status, "hostIP", "hostIPs", host_ip);
	put_ips(arena, status, "podIP", "podIPs", pod->address);
	rk_val_put(arena, status, "startTime", time_val(arena, pod->start_time));
	for (uint32_t i = 0; i < pod->container_count; i++) {
		struct rk_val *val = container_val(arena, pod, &pod->containers[i], now);
		rk_val_append(arena,
			      pod->containers[i].is_init	? init
			      : pod->containers[i].is_ephemeral ? ephemeral
								: apps,
			      val);
	}
	if (rk_val_count(init) > 0)
		rk_val_put(arena, status, "initContainerStatuses", init);
	rk_val_put(arena, status, "containerStatuses", apps);
	if (rk_val_count(ephemeral) > 0)
		rk_val_put(arena, status, "ephemeralContainerStatuses", ephemeral);
	const struct rk_span qos = rk_val_text_at(pod->object, "status.qosClass");
	rk_val_put_cstr(arena, status, "qosClass",
			qos.size > 0 ? rk_arena_str(arena, qos) : rk_pod_qos(pod->object));
	return status;
}
