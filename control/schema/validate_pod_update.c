/* A pod that exists runs as it was made; few things in it may change. */
#include "base/mem.h"
#include "control/schema/validate.h"

static const char *const lists[] = { "containers", "initContainers" };

/* The old spec with everything taken over that may change: then nothing else may differ. */
static struct rk_val *allowed_form(const struct rk_check *check, const struct rk_val *spec,
				   const struct rk_val *old)
{
	static const char *const free_fields[] = { "activeDeadlineSeconds",
						   "tolerations",
						   "terminationGracePeriodSeconds",
						   "nodeName",
						   "schedulingGates" };
	struct rk_arena *arena = check->arena;
	struct rk_val *form = rk_val_copy(arena, old);

	for (size_t i = 0; i < RK_COUNT(free_fields); i++)
		rk_val_put(arena, form, free_fields[i], rk_val_at(spec, free_fields[i]));
	if (check->is_lenient)
		rk_val_put(arena, form, "ephemeralContainers", rk_val_at(spec, "ephemeralContainers"));
	for (size_t l = 0; l < RK_COUNT(lists); l++) {
		const struct rk_val *now = rk_val_at(spec, lists[l]),
				    *was = rk_val_at(form, lists[l]);
		for (uint32_t i = 0; i < rk_val_count(was) && i < rk_val_count(now); i++)
			rk_val_put(arena, rk_val_item(was, i), "image",
				   rk_val_at(rk_val_item(now, i), "image"));
	}
	return form;
}

static void check_deadline(const struct rk_check *check, const struct rk_path *up,
			   const struct rk_val *spec, const struct rk_val *was)
{
	const struct rk_path path = rk_path_field(up, "activeDeadlineSeconds");
	const struct rk_val *now = rk_val_at(spec, "activeDeadlineSeconds");
	const struct rk_val *before = rk_val_at(was, "activeDeadlineSeconds");

	if (before == NULL)
		return;
	if (now == NULL)
		(void)rk_bad(check, &path, NULL,
			     "must not update from a positive integer to nil value");
	else if (rk_val_int_at(spec, "activeDeadlineSeconds", 0) >
		 rk_val_int_at(was, "activeDeadlineSeconds", 0))
		(void)rk_bad(check, &path, now, "must be less than or equal to previous value");
}

/* Tolerations may be added, and only their seconds changed. */
static void check_tolerations(const struct rk_check *check, const struct rk_path *up,
			      const struct rk_val *spec, const struct rk_val *was)
{
	const struct rk_path path = rk_path_field(up, "tolerations");
	const struct rk_val *now = rk_val_at(spec, "tolerations"),
			    *before = rk_val_at(was, "tolerations");

	for (uint32_t i = 0; i < rk_val_count(before); i++) {
		bool kept = false;
		struct rk_val *one = rk_val_copy(check->arena, rk_val_item(before, i));
		(void)rk_val_remove(one, RK_SPAN("tolerationSeconds"));
		for (uint32_t n = 0; n < rk_val_count(now) && !kept; n++) {
			struct rk_val *other = rk_val_copy(check->arena, rk_val_item(now, n));
			(void)rk_val_remove(other, RK_SPAN("tolerationSeconds"));
			kept = rk_val_eq(one, other);
		}
		if (!kept) {
			(void)rk_forbidden(check, &path,
					   "existing toleration can not be modified except its "
					   "tolerationSeconds");
			return;
		}
	}
}

static void check_lists(const struct rk_check *check, const struct rk_path *up,
			const struct rk_val *spec, const struct rk_val *was)
{
	for (size_t l = 0; l < RK_COUNT(lists); l++) {
		const struct rk_path path = rk_path_field(up, lists[l]);
		if (rk_val_count(rk_val_at(spec, lists[l])) !=
		    rk_val_count(rk_val_at(was, lists[l])))
			(void)rk_forbidden(
				check, &path,
				l == 0 ? "pod updates may not add or remove containers"
				       : "pod updates may not add or remove initContainers");
	}
}

void rk_validate_pod_update(const struct rk_check *check, const struct rk_val *obj,
			    const struct rk_val *old)
{
	const struct rk_path path = rk_path_field(NULL, "spec"),
			     node = rk_path_field(&path, "nodeName");
	const struct rk_val *spec = rk_val_at(obj, "spec"), *was = rk_val_at(old, "spec");
	const struct rk_span had_node = rk_val_text_at(was, "nodeName");

	if (rk_val_eq(spec, was))
		return;
	check_lists(check, &path, spec, was);
	check_deadline(check, &path, spec, was);
	check_tolerations(check, &path, spec, was);
	if (!rk_span_eq(had_node, rk_val_text_at(spec, "nodeName")))
		(void)rk_forbidden(check, &node,
				   "may not be changed; pods are placed through their binding");
	if (!rk_val_eq(allowed_form(check, spec, was), spec))
		(void)rk_forbidden(
			check, &path,
			"pod updates may not change fields other than `spec.containers[*].image`,"
			"`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec."
			"tolerations` (only additions "
			"to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it "
			"to be set to 1 if it "
			"was previously negative)");
}
