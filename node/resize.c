#include "node/resize.h"

#include <stdio.h>

#include "base/mem.h"
#include "control/schema/quantity.h"
#include "node/container_step.h"
#include "wire/doc.h"

/* --- granting --- */

static struct rk_size size_of(const struct rk_val *resources)
{
	return (struct rk_size){ rk_quantity_milli(rk_val_text_at(resources, "requests.cpu"), 0),
				 rk_quantity_value(rk_val_text_at(resources, "requests.memory"), 0) };
}

/* Containers side by side; or one that runs before them, when that is more. */
static struct rk_size sum(const struct rk_pod *pod, bool is_wanted)
{
	struct rk_size all = { 0 };

	for (uint32_t i = pod->container_count; i-- > 0;) { /* init containers are first */
		const struct rk_container *container = &pod->containers[i];
		const struct rk_size size =
			size_of(is_wanted && container->wanted != NULL ? container->wanted
								       : rk_val_at(container->spec, "resources"));
		const bool is_alone = container->is_init && !container->is_sidecar;
		all.cpu_milli = is_alone ? RK_MAX(all.cpu_milli, size.cpu_milli) : all.cpu_milli + size.cpu_milli;
		all.memory = is_alone ? RK_MAX(all.memory, size.memory) : all.memory + size.memory;
	}
	return all;
}

struct rk_size rk_pod_size(const struct rk_pod *pod) { return sum(pod, false); }

bool rk_resize_is_wanted(const struct rk_pod *pod)
{
	for (uint32_t i = 0; i < pod->container_count; i++)
		if (pod->containers[i].wanted != NULL)
			return true;
	return false;
}

static void set_pending(struct rk_pod *pod, const char *reason, const char *text)
{
	pod->resize_pending = reason;
	rk_text_set(&pod->resize_text, rk_span_str(text));
}

/* NULL: it fits. */
static const char *why_not(struct rk_size wants, struct rk_size room, struct rk_size used, char text[256])
{
	const bool has_memory = wants.memory <= room.memory, has_cpu = wants.cpu_milli <= room.cpu_milli;
	const bool is_cpu_free = wants.cpu_milli + used.cpu_milli <= room.cpu_milli;

	if (!has_memory || !has_cpu) {
		(void)snprintf(text, 256, "Node didn't have enough capacity: %s, requested: %lld, capacity: %lld",
			       has_memory ? "cpu" : "memory", (long long)(has_memory ? wants.cpu_milli : wants.memory),
			       (long long)(has_memory ? room.cpu_milli : room.memory));
		return "Infeasible";
	}
	if (is_cpu_free && wants.memory + used.memory <= room.memory)
		return NULL;
	(void)snprintf(text, 256, "Node didn't have enough resource: %s, requested: %lld, used: %lld, capacity: %lld",
		       is_cpu_free ? "memory" : "cpu", (long long)(is_cpu_free ? wants.memory : wants.cpu_milli),
		       (long long)(is_cpu_free ? used.memory : used.cpu_milli),
		       (long long)(is_cpu_free ? room.memory : room.cpu_milli));
	return "Deferred";
}

void rk_resize_grant(struct rk_pod *pod, struct rk_size room, struct rk_size used)
{
	char text[256] = "";
	const char *why = rk_resize_is_wanted(pod) ? why_not(sum(pod, true), room, used, text) : NULL;

	set_pending(pod, why, text);
	if (why != NULL)
		return;
	for (uint32_t i = 0; i < pod->container_count; i++) {
		struct rk_container *container = &pod->containers[i];
		if (container->wanted != NULL)
			rk_val_put(&pod->arena, container->spec, "resources", container->wanted);
		container->wanted = NULL;
	}
}

/* --- doing it --- */

static struct rk_blob *granted(const struct rk_container *container)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	struct rk_val *resources = rk_val_at(container->spec, "resources");

	return rk_doc_of(resources != NULL ? resources : rk_val_map(&arena));
}

static bool has_its_size(const struct rk_container *container)
{
	struct rk_blob *size = granted(container);
	const bool is_same = rk_span_eq(rk_blob_span(size), rk_blob_span(container->applied));

	(void)rk_blob_unref(size);
	return is_same;
}

bool rk_resize_is_due(const struct rk_container *container)
{
	return container->phase == RK_CONTAINER_RUNNING && !container->is_ephemeral && !has_its_size(container);
}

void rk_resize_started(struct rk_container *container)
{
	(void)rk_blob_unref(container->applied);
	container->applied = granted(container);
	container->is_resizing = container->is_restarting = false;
	container->resize = (struct rk_backoff){ 0 };
	rk_text_set(&container->resize_error, (struct rk_span){ 0 });
}

static bool differs(const struct rk_container *container, const char *resource)
{
	static const char *const kinds[] = { "requests", "limits" };
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	const struct rk_val *had = rk_doc_val(&arena, container->applied);

	for (size_t i = 0; i < RK_COUNT(kinds); i++) {
		const struct rk_val *was = rk_val_get(rk_val_at(had, kinds[i]), rk_span_str(resource));
		const struct rk_val *now = rk_val_get(rk_val_at(rk_val_at(container->spec, "resources"), kinds[i]),
						      rk_span_str(resource));
		if ((was == NULL) != (now == NULL) ||
		    (was != NULL && rk_quantity_cmp(rk_val_text(was), rk_val_text(now)) != 0))
			return true;
	}
	return false;
}

static bool needs_another_run(const struct rk_container *container)
{
	const struct rk_val *policies = rk_val_at(container->spec, "resizePolicy");

	for (uint32_t i = 0; i < rk_val_count(policies); i++) {
		const struct rk_val *policy = rk_val_item(policies, i);
		if (rk_span_is(rk_val_text_at(policy, "restartPolicy"), "RestartContainer") &&
		    (rk_span_is(rk_val_text_at(policy, "resourceName"), "cpu") ? differs(container, "cpu")
									       : differs(container, "memory")))
			return true;
	}
	return false;
}

void rk_resize_run(struct rk_pod *pod, struct rk_container *container, struct rk_now now, struct rk_acts *acts)
{
	if (container->stop != RK_STOP_NONE || container->is_resizing || rk_backoff_waits(&container->resize, now.mono) ||
	    !rk_resize_is_due(container))
		return;
	if (needs_another_run(container)) {
		container->is_restarting = true;
		rk_act_event(acts, pod, container, false, "Killing", "Container %s resize requires restart",
			     container->name);
		rk_container_stop(pod, container, pod->grace_ms, now, acts);
		return;
	}
	container->is_resizing = true;
	(void)rk_blob_unref(container->sent);
	container->sent = granted(container);
	(void)rk_act_add(acts, RK_ACT_RESIZE, pod, container);
}

void rk_resize_done(struct rk_pod *pod, struct rk_container *container, struct rk_now now, const struct rk_fact *fact,
		    struct rk_acts *acts)
{
	if (fact->attempt != container->attempt || !container->is_resizing)
		return;
	container->is_resizing = false;
	rk_text_set(&container->resize_error, fact->text);
	if (fact->err < 0) {
		rk_backoff_fail_waiting(&container->resize, now.mono);
		rk_act_event(acts, pod, container, true, "ResizeError", "%.*s", RK_SPAN_ARGS(fact->text));
		return;
	}
	(void)rk_blob_unref(container->applied);
	container->applied = rk_take_ptr(container->sent);
	container->resize = (struct rk_backoff){ 0 };
}
