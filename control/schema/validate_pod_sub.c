/* What may change in a pod through pods/ephemeralcontainers and pods/resize. The rest of the new form is the old one
 * (control/created.c). */
#include "base/mem.h"
#include "control/schema/pod.h"
#include "control/schema/quantity.h"
#include "control/schema/validate.h"

static const char *const lists[] = { "containers", "initContainers" };
static const char *const kinds[] = { "requests", "limits" };

/* A mirror of what its node was told by a file, not by us. */
static bool is_mirror(const struct rk_val *pod)
{
	return rk_val_get(rk_val_at(pod, "metadata.annotations"), RK_SPAN("kubernetes.io/config.mirror")) != NULL;
}

static void refuse_all(const struct rk_check *check, const char *why)
{
	const struct rk_path nowhere = rk_path_field(NULL, "");

	(void)rk_forbidden(check, &nowhere, why);
}

/* --- ephemeral containers: they are added, and stay as they are --- */

void rk_validate_pod_ephemeral(const struct rk_check *check, const struct rk_val *obj, const struct rk_val *old)
{
	const struct rk_path spec = rk_path_field(NULL, "spec"),
			     path = rk_path_field(&spec, "ephemeralContainers");
	const struct rk_val *had = rk_val_at(old, "spec.ephemeralContainers");

	if (is_mirror(old))
		refuse_all(check, "static pods do not support ephemeral containers");
	for (uint32_t i = 0; i < rk_val_count(had) && !is_mirror(old); i++) {
		const struct rk_span name = rk_val_text_at(rk_val_item(had, i), "name");
		const struct rk_val *now = rk_val_find(rk_val_at(obj, "spec.ephemeralContainers"), "name", name);
		if (now == NULL || !rk_val_eq(now, rk_val_item(had, i)))
			(void)rk_forbidden(check, &path,
					   rk_arena_printf(check->arena,
							   "existing ephemeral containers \"%.*s\" may not be %s\n",
							   RK_SPAN_ARGS(name), now == NULL ? "removed" : "changed"));
	}
}

/* --- resize --- */

/* A list of containers without one, or in another order: then there is nothing to compare. */
static bool are_in_place(const struct rk_check *check, const struct rk_path *spec, const struct rk_val *obj,
			 const struct rk_val *old)
{
	const uint32_t before = rk_val_count(check->causes);

	for (size_t l = 0; l < RK_COUNT(lists); l++) {
		const struct rk_path path = rk_path_field(spec, lists[l]);
		const struct rk_val *now = rk_val_at(rk_val_at(obj, "spec"), lists[l]);
		const struct rk_val *was = rk_val_at(rk_val_at(old, "spec"), lists[l]);
		if (rk_val_count(now) != rk_val_count(was)) {
			(void)rk_forbidden(check, &path,
					   rk_arena_printf(check->arena, "%s may not be added or removed on resize",
							   lists[l]));
			continue;
		}
		for (uint32_t i = 0; i < rk_val_count(was); i++) {
			const struct rk_path item = rk_path_item(&path, i), name = rk_path_field(&item, "name");
			if (!rk_span_eq(rk_val_text_at(rk_val_item(now, i), "name"),
					rk_val_text_at(rk_val_item(was, i), "name")))
				(void)rk_forbidden(check, &name,
						   rk_arena_printf(check->arena,
								   "%s may not be renamed or reordered on resize",
								   lists[l]));
		}
	}
	return rk_val_count(check->causes) == before;
}

/* The kernel does not take memory away from a process: less of it takes another process. */
static void check_less_memory(const struct rk_check *check, const struct rk_path *limits, const struct rk_val *now,
			      const struct rk_val *was)
{
	const struct rk_path path = rk_path_key(limits, RK_SPAN("memory"));
	const struct rk_val *limit = rk_val_at(now, "resources.limits.memory"),
			    *had = rk_val_at(was, "resources.limits.memory");
	const struct rk_val *policy = rk_val_at(now, "resizePolicy");

	for (uint32_t i = 0; i < rk_val_count(policy); i++)
		if (rk_span_is(rk_val_text_at(rk_val_item(policy, i), "resourceName"), "memory") &&
		    rk_span_is(rk_val_text_at(rk_val_item(policy, i), "restartPolicy"), "RestartContainer"))
			return;
	if (limit != NULL && had == NULL)
		(void)rk_forbidden(check, &path,
				   "memory limits cannot be added unless resizePolicy is RestartContainer");
	else if (limit != NULL && rk_quantity_cmp(rk_val_text(limit), rk_val_text(had)) < 0)
		(void)rk_forbidden(check, &path,
				   "memory limits cannot be decreased unless resizePolicy is RestartContainer");
}

static void check_size(const struct rk_check *check, const struct rk_path *container, const struct rk_val *now,
		       const struct rk_val *was)
{
	static const char *const why[] = { "resource requests cannot be removed", "resource limits cannot be removed" };
	const struct rk_path resources = rk_path_field(container, "resources"),
			     limits = rk_path_field(&resources, "limits");

	for (size_t k = 0; k < RK_COUNT(kinds); k++) {
		const struct rk_path path = rk_path_field(&resources, kinds[k]);
		const struct rk_val *amounts = rk_val_at(rk_val_at(now, "resources"), kinds[k]);
		const struct rk_val *had = rk_val_at(rk_val_at(was, "resources"), kinds[k]);
		bool is_less = false;
		for (uint32_t i = 0; i < rk_val_count(had); i++)
			is_less |= rk_val_get(amounts, had->fields[i].key) == NULL;
		if (is_less)
			(void)rk_forbidden(check, &path, why[k]);
	}
	check_less_memory(check, &limits, now, was);
}

/* A copy without cpu and memory, and without what says nothing. */
static struct rk_val *beside_size(struct rk_arena *arena, const struct rk_val *container)
{
	struct rk_val *form = rk_val_copy(arena, container), *resources = rk_val_at(form, "resources");

	for (size_t k = 0; k < RK_COUNT(kinds); k++) {
		struct rk_val *amounts = rk_val_at(resources, kinds[k]);
		if (amounts == NULL)
			continue;
		(void)rk_val_remove(amounts, RK_SPAN("cpu"));
		(void)rk_val_remove(amounts, RK_SPAN("memory"));
		if (rk_val_count(amounts) == 0)
			(void)rk_val_remove(resources, rk_span_str(kinds[k]));
	}
	return form;
}

static void check_container(const struct rk_check *check, const struct rk_path *spec, const struct rk_path *item,
			    const struct rk_val *now, const struct rk_val *was, bool is_init)
{
	const bool is_sidecar = is_init && rk_span_is(rk_val_text_at(was, "restartPolicy"), "Always");

	if (is_init && !is_sidecar) {
		if (!rk_val_eq(now, was))
			(void)rk_forbidden(check, spec, "resources for non-sidecar init containers are immutable");
		return;
	}
	check_size(check, item, now, was);
	if (!rk_val_eq(beside_size(check->arena, now), beside_size(check->arena, was)))
		(void)rk_forbidden(check, spec,
				   is_sidecar ? "only cpu and memory resources for sidecar containers are mutable" :
						"only cpu and memory resources are mutable");
}

/* A node that resizes says what its containers have. */
static bool node_can(const struct rk_val *pod)
{
	const struct rk_val *statuses = rk_val_at(pod, "status.containerStatuses");

	for (uint32_t i = 0; i < rk_val_count(statuses); i++)
		if (rk_val_at(rk_val_item(statuses, i), "state.running") != NULL)
			return rk_val_at(rk_val_item(statuses, i), "resources") != NULL;
	return true;
}

void rk_validate_pod_resize(const struct rk_check *check, const struct rk_val *obj, const struct rk_val *old)
{
	const struct rk_path spec = rk_path_field(NULL, "spec");

	if (is_mirror(old)) {
		refuse_all(check, "static pods cannot be resized");
		return;
	}
	if (rk_span_is(rk_val_text_at(old, "spec.os.name"), "windows")) {
		refuse_all(check, "windows pods cannot be resized");
		return;
	}
	if (rk_val_count(rk_val_at(old, "spec.resources")) > 0) {
		refuse_all(check, "pods with pod-level resources cannot be resized");
		return;
	}
	if (!are_in_place(check, &spec, obj, old))
		return;
	if (strcmp(rk_pod_qos(old), rk_pod_qos(obj)) != 0)
		(void)rk_bad_text(check, &spec, rk_val_text_at(old, "status.qosClass"),
				  "Pod QOS Class may not change as a result of resizing");
	if (!node_can(old))
		(void)rk_forbidden(check, &spec, "Pod running on node without support for resize");
	for (size_t l = RK_COUNT(lists); l-- > 0;) {
		const struct rk_path path = rk_path_field(&spec, lists[l]);
		const struct rk_val *now = rk_val_at(rk_val_at(obj, "spec"), lists[l]);
		const struct rk_val *was = rk_val_at(rk_val_at(old, "spec"), lists[l]);
		for (uint32_t i = 0; i < rk_val_count(was); i++) {
			const struct rk_path item = rk_path_item(&path, i);
			check_container(check, &spec, &item, rk_val_item(now, i), rk_val_item(was, i), l == 1);
		}
	}
}
