#include "node/container_step.h"

#include <signal.h>
#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "node/resize.h"

#define KILL_AGAIN_MS   10000
#define GRACE_LEAST_MS  2000 /* for TERM, however long the hook took */
#define RETRY_SOON_MS   1000
#define RETRY_CONFIG_MS 10000
#define HOOK_TIMEOUT_MS 600000

bool rk_container_restarts(const struct rk_pod *pod, const struct rk_container *container)
{
	const enum rk_restart_policy policy =
		container->is_sidecar ? RK_RESTART_ALWAYS : pod->policy;
	const bool is_init = container->is_init && !container->is_sidecar;

	return !container->is_ephemeral &&
	       (container->is_restarting || rk_restart_wanted(policy, is_init, container->ending.code));
}

static void set_waiting(struct rk_container *container, const char *reason, struct rk_span message)
{
	container->phase = RK_CONTAINER_WAITING;
	(void)snprintf(container->reason, sizeof container->reason, "%s", reason);
	rk_text_set(&container->message, message);
}

/* --- running --- */

static void begin_again(struct rk_container *container)
{
	free(container->last.message);
	free(container->last.id);
	container->last = container->ending;
	container->ending = (struct rk_ending){ 0 };
	container->attempt++;
	container->restarts++;
	container->has_image = container->said_backoff = container->is_restarting = false;
	container->stop = RK_STOP_NONE;
	set_waiting(container, "ContainerCreating", (struct rk_span){ 0 });
}

static void run_probes(struct rk_pod *pod, struct rk_container *container, struct rk_now now,
		       struct rk_acts *acts)
{
	const bool is_starting = !container->probes[RK_PROBE_STARTUP].is_healthy;

	if (container->is_starting_hook || container->stop != RK_STOP_NONE)
		return;
	for (int kind = 0; kind < RK_PROBE_KINDS; kind++) {
		struct rk_probe_state *probe = &container->probes[kind];

		if (probe->spec == NULL || probe->is_running || probe->due > now.mono ||
		    is_starting != (kind == RK_PROBE_STARTUP))
			continue;
		probe->is_running = true;
		struct rk_act *act = rk_act_add(acts, RK_ACT_PROBE, pod, container);
		act->probe = (enum rk_probe_kind)kind;
		act->handler = probe->spec;
		act->timeout_ms = rk_probe_timeout_ms(probe->spec);
	}
}

static void say_backoff(struct rk_pod *pod, struct rk_container *container, struct rk_acts *acts)
{
	if (container->said_backoff)
		return;
	container->said_backoff = true;
	rk_act_event(acts, pod, container, true, "BackOff",
		     "Back-off restarting failed container %s in pod %.*s_%.*s(%.*s)",
		     container->name, RK_SPAN_ARGS(pod->name), RK_SPAN_ARGS(pod->ns),
		     RK_SPAN_ARGS(pod->uid));
}

/* One whose processes it should see has to be there. */
static bool find_target(struct rk_pod *pod, struct rk_container *container, uint32_t *ret_attempt)
{
	const struct rk_span name = rk_val_text_at(container->spec, "targetContainerName");
	const struct rk_container *target = name.size > 0 ? rk_pod_find_container(pod, name) : NULL;
	char text[320];

	if (target != NULL && target->phase == RK_CONTAINER_RUNNING)
		*ret_attempt = target->attempt;
	if (name.size == 0 || (target != NULL && target->phase == RK_CONTAINER_RUNNING))
		return true;
	(void)snprintf(text, sizeof text, "unable to find target container %.*s",
		       RK_SPAN_ARGS(rk_span_sub(name, 0, 253)));
	set_waiting(container, "CreateContainerConfigError", rk_span_str(text));
	return false;
}

static void start(struct rk_pod *pod, struct rk_container *container, struct rk_now now,
		  struct rk_acts *acts)
{
	uint32_t target_attempt = 0;

	if (rk_backoff_waits(&container->image, now.mono) ||
	    rk_backoff_waits(&container->restart, now.mono))
		return;
	if (!container->has_image) {
		container->phase = RK_CONTAINER_PULLING;
		(void)rk_act_add(acts, RK_ACT_PULL, pod, container);
		return;
	}
	if (!find_target(pod, container, &target_attempt))
		return;
	container->phase = RK_CONTAINER_STARTING;
	rk_resize_started(container);
	rk_act_add(acts, RK_ACT_START, pod, container)->target_attempt = target_attempt;
}

void rk_container_run(struct rk_pod *pod, struct rk_container *container, struct rk_now now,
		      struct rk_acts *acts)
{
	switch (container->phase) {
	case RK_CONTAINER_WAITING: start(pod, container, now, acts); break;
	case RK_CONTAINER_RUNNING:
		rk_container_stop_on(pod, container, now, acts);
		run_probes(pod, container, now, acts);
		rk_resize_run(pod, container, now, acts);
		break;
	case RK_CONTAINER_EXITED:
		if (!rk_container_restarts(pod, container))
			break;
		if (rk_backoff_waits(&container->restart, now.mono)) {
			say_backoff(pod, container, acts);
			break;
		}
		begin_again(container);
		start(pod, container, now, acts);
		break;
	case RK_CONTAINER_PULLING:
	case RK_CONTAINER_STARTING: break;
	}
}

/* --- stopping --- */

static void send_signal(struct rk_pod *pod, struct rk_container *container, int number,
			struct rk_acts *acts)
{
	rk_act_add(acts, RK_ACT_SIGNAL, pod, container)->signal = number;
}

static void send_term(struct rk_pod *pod, struct rk_container *container, struct rk_now now,
		      struct rk_acts *acts)
{
	container->stop = RK_STOP_TERM;
	container->stop_until = now.mono + container->grace_ms;
	send_signal(pod, container, SIGTERM, acts);
}

void rk_container_stop(struct rk_pod *pod, struct rk_container *container, int64_t grace_ms,
		       struct rk_now now, struct rk_acts *acts)
{
	const struct rk_val *hook = rk_val_at(container->spec, "lifecycle.preStop");

	if (container->phase != RK_CONTAINER_RUNNING)
		return;
	if (container->stop != RK_STOP_NONE) { /* a shorter grace than before counts */
		if (container->stop != RK_STOP_KILL && container->stop_until > now.mono + grace_ms)
			container->stop_until = now.mono + grace_ms;
		return;
	}
	container->grace_ms = grace_ms;
	rk_act_event(acts, pod, container, false, "Killing", "Stopping container %s",
		     container->name);
	if (hook == NULL || grace_ms == 0) {
		send_term(pod, container, now, acts);
		return;
	}
	container->stop = RK_STOP_HOOK;
	container->stop_until = now.mono + grace_ms;
	struct rk_act *act = rk_act_add(acts, RK_ACT_HOOK, pod, container);
	act->hook = RK_HOOK_PRE_STOP;
	act->handler = hook;
	act->timeout_ms = (uint32_t)grace_ms;
}

void rk_container_stop_on(struct rk_pod *pod, struct rk_container *container, struct rk_now now,
			  struct rk_acts *acts)
{
	if (container->stop == RK_STOP_NONE || now.mono < container->stop_until)
		return;
	if (container->stop == RK_STOP_HOOK) {
		container->grace_ms = GRACE_LEAST_MS;
		send_term(pod, container, now, acts);
		return;
	}
	container->stop = RK_STOP_KILL;
	container->stop_until = now.mono + KILL_AGAIN_MS;
	send_signal(pod, container, SIGKILL, acts);
}

/* --- facts --- */

static void on_image(struct rk_pod *pod, struct rk_container *container, struct rk_now now,
		     const struct rk_fact *fact, struct rk_acts *acts)
{
	if (container->phase != RK_CONTAINER_PULLING)
		return;
	if (fact->err == 0) {
		container->has_image = true;
		container->image = (struct rk_backoff){ 0 };
		rk_text_set(&container->image_id, fact->image_id);
		set_waiting(container, "ContainerCreating", (struct rk_span){ 0 });
		rk_act_event(acts, pod, container, false, "Pulled", "%.*s",
			     RK_SPAN_ARGS(fact->text));
		return;
	}
	rk_backoff_fail_waiting(&container->image, now.mono);
	const char *reason =
		fact->reason.size > 0 ? rk_arena_str(&acts->arena, fact->reason) : "ErrImagePull";
	set_waiting(container, reason, fact->text);
	rk_act_event(acts, pod, container, true, "Failed", "Failed to pull image \"%.*s\": %.*s",
		     RK_SPAN_ARGS(rk_val_text_at(container->spec, "image")),
		     RK_SPAN_ARGS(fact->text));
	rk_act_event(acts, pod, container, true, "Failed", "Error: %s", reason);
}

static void on_start_failed(struct rk_pod *pod, struct rk_container *container, struct rk_now now,
			    const struct rk_fact *fact, struct rk_acts *acts)
{
	if (fact->err == RK_EAGAIN) { /* something is not read yet: no failure */
		set_waiting(container, "ContainerCreating", fact->text);
		container->restart.until = now.mono + RETRY_SOON_MS;
		return;
	}
	const char *reason = fact->reason.size > 0 ? rk_arena_str(&acts->arena, fact->reason)
						   : "RunContainerError";
	set_waiting(container, reason, fact->text);
	if (strcmp(reason, "CreateContainerConfigError") == 0)
		container->restart.until = now.mono + RETRY_CONFIG_MS;
	else
		rk_backoff_fail_waiting(&container->restart, now.mono);
	rk_act_event(acts, pod, container, true, "Failed", "Error: %.*s", RK_SPAN_ARGS(fact->text));
}

static void on_started(struct rk_pod *pod, struct rk_container *container, struct rk_now now,
		       const struct rk_fact *fact, struct rk_acts *acts)
{
	const struct rk_val *hook = rk_val_at(container->spec, "lifecycle.postStart");

	if (fact->attempt != container->attempt || !rk_container_is_alive(container))
		return;
	if (fact->err < 0) {
		on_start_failed(pod, container, now, fact, acts);
		return;
	}
	container->phase = RK_CONTAINER_RUNNING;
	container->started = fact->time_ms;
	container->stop = RK_STOP_NONE;
	rk_text_set(&container->id, fact->id);
	rk_text_set(&container->message, (struct rk_span){ 0 });
	rk_container_begin_probes(container, now.mono);
	rk_act_event(acts, pod, container, false, "Created", "Created container: %s",
		     container->name);
	rk_act_event(acts, pod, container, false, "Started", "Started container %s",
		     container->name);
	container->is_starting_hook = hook != NULL;
	if (hook == NULL)
		return;
	struct rk_act *act = rk_act_add(acts, RK_ACT_HOOK, pod, container);
	act->hook = RK_HOOK_POST_START;
	act->handler = hook;
	act->timeout_ms = HOOK_TIMEOUT_MS;
}

static void on_exited(struct rk_pod *pod, struct rk_container *container, struct rk_now now,
		      const struct rk_fact *fact)
{
	struct rk_ending *ending = &container->ending;
	const char *reason = fact->is_oom ? "OOMKilled" : fact->code == 0 ? "Completed" : "Error";

	if (fact->attempt != container->attempt || !rk_container_is_alive(container))
		return;
	container->phase = RK_CONTAINER_EXITED;
	container->is_starting_hook = false;
	container->stop = RK_STOP_NONE;
	ending->is_set = true;
	ending->code = fact->code;
	ending->started = container->started;
	ending->finished = fact->time_ms;
	(void)snprintf(ending->reason, sizeof ending->reason, "%s",
		       fact->reason.size > 0 ? "ContainerStatusUnknown" : reason);
	rk_text_set(&ending->message, fact->text);
	free(ending->id);
	ending->id = rk_take_ptr(container->id);
	if (!container->is_restarting && rk_container_restarts(pod, container)) {
		rk_backoff_ran(&container->restart, ending->finished - ending->started);
		rk_backoff_fail(&container->restart, now.mono);
	}
}

static void on_hook(struct rk_pod *pod, struct rk_container *container, struct rk_now now,
		    const struct rk_fact *fact, struct rk_acts *acts)
{
	if (fact->attempt != container->attempt || container->phase != RK_CONTAINER_RUNNING)
		return;
	if (fact->hook == RK_HOOK_PRE_STOP) {
		if (fact->err < 0)
			rk_act_event(acts, pod, container, true, "FailedPreStopHook",
				     "PreStopHook failed: %.*s", RK_SPAN_ARGS(fact->text));
		if (container->stop != RK_STOP_HOOK)
			return;
		container->grace_ms = RK_MAX(container->stop_until - now.mono, GRACE_LEAST_MS);
		send_term(pod, container, now, acts);
		return;
	}
	container->is_starting_hook = false;
	if (fact->err == 0)
		return;
	rk_act_event(acts, pod, container, true, "FailedPostStartHook",
		     "PostStartHook failed: %.*s", RK_SPAN_ARGS(fact->text));
	rk_container_stop(pod, container, pod->grace_ms, now, acts);
}

static void on_probed(struct rk_pod *pod, struct rk_container *container, struct rk_now now,
		      const struct rk_fact *fact, struct rk_acts *acts)
{
	struct rk_probe_state *probe = &container->probes[fact->probe];
	const char *name = rk_probe_name(fact->probe);

	if (fact->attempt != container->attempt || container->phase != RK_CONTAINER_RUNNING ||
	    probe->spec == NULL)
		return;
	const bool is_decided = rk_probe_result(probe, fact->err == 0, now.mono);
	if (container->stop != RK_STOP_NONE)
		return;
	if (fact->err < 0)
		rk_act_event(acts, pod, container, true, "Unhealthy", "%s probe failed: %.*s", name,
			     RK_SPAN_ARGS(fact->text));
	if (!is_decided || probe->is_healthy || fact->probe == RK_PROBE_READINESS)
		return;
	rk_act_event(acts, pod, container, false, "Killing",
		     "Container %s failed %s probe, will be restarted", container->name,
		     fact->probe == RK_PROBE_STARTUP ? "startup" : "liveness");
	const int64_t own = rk_val_int_at(probe->spec, "terminationGracePeriodSeconds", -1);
	rk_container_stop(pod, container,
			  own > 0 ? RK_MIN(own, (int64_t)INT32_MAX) * 1000 : pod->grace_ms, now,
			  acts);
}

void rk_container_fact(struct rk_pod *pod, struct rk_container *container, struct rk_now now,
		       const struct rk_fact *fact, struct rk_acts *acts)
{
	switch (fact->kind) {
	case RK_FACT_IMAGE: on_image(pod, container, now, fact, acts); break;
	case RK_FACT_STARTED: on_started(pod, container, now, fact, acts); break;
	case RK_FACT_EXITED: on_exited(pod, container, now, fact); break;
	case RK_FACT_HOOK: on_hook(pod, container, now, fact, acts); break;
	case RK_FACT_PROBED: on_probed(pod, container, now, fact, acts); break;
	case RK_FACT_RESIZED: rk_resize_done(pod, container, now, fact, acts); break;
	default: break; /* facts about the whole pod are the core's */
	}
}

static int64_t sooner(int64_t best, int64_t at, struct rk_now now)
{
	return at > now.mono && at < best ? at : best;
}

int64_t rk_container_due(const struct rk_container *container, struct rk_now now)
{
	int64_t due = INT64_MAX;

	if (container->phase == RK_CONTAINER_WAITING || container->phase == RK_CONTAINER_EXITED) {
		due = sooner(due, container->restart.until, now);
		return sooner(due, container->image.until, now);
	}
	if (container->phase != RK_CONTAINER_RUNNING)
		return due;
	if (container->stop != RK_STOP_NONE)
		return sooner(due, container->stop_until, now);
	due = sooner(due, container->resize.until, now);
	for (int kind = 0; kind < RK_PROBE_KINDS; kind++)
		if (container->probes[kind].spec != NULL && !container->probes[kind].is_running)
			due = sooner(due, container->probes[kind].due, now);
	return due;
}
