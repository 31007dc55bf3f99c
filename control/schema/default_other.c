/* Rights, networks, storage, bounds and custom kinds. */
#include "control/schema/default_kinds.h"

#define RBAC "rbac.authorization.k8s.io"

/* RoleBinding and ClusterRoleBinding. */
void rk_default_binding(struct rk_arena *arena, struct rk_val *obj)
{
	struct rk_val *role = rk_val_at(obj, "roleRef");
	const struct rk_val *subjects = rk_val_at(obj, "subjects");

	if (role != NULL && rk_val_text_at(role, "apiGroup").size == 0)
		rk_val_put_cstr(arena, role, "apiGroup", RBAC);
	for (uint32_t i = 0; i < rk_val_count(subjects); i++) {
		struct rk_val *subject = rk_val_item(subjects, i);
		const struct rk_span kind = rk_val_text_at(subject, "kind");
		if (rk_val_text_at(subject, "apiGroup").size == 0 &&
		    (rk_span_is(kind, "User") || rk_span_is(kind, "Group")))
			rk_val_put_cstr(arena, subject, "apiGroup", RBAC);
	}
}

void rk_default_networkpolicy(struct rk_arena *arena, struct rk_val *obj)
{
	struct rk_val *spec = rk_val_at(obj, "spec");

	if (spec == NULL || rk_val_count(rk_val_at(spec, "policyTypes")) > 0)
		return;
	struct rk_val *types = rk_val_list(arena);
	rk_val_append(arena, types, rk_val_cstr(arena, "Ingress"));
	if (rk_val_count(rk_val_at(spec, "egress")) > 0)
		rk_val_append(arena, types, rk_val_cstr(arena, "Egress"));
	rk_val_put(arena, spec, "policyTypes", types);
}

/* PersistentVolume; not the same spec where a VolumeAttachment holds it. */
void rk_default_volume_kind(struct rk_arena *arena, struct rk_val *obj)
{
	struct rk_val *spec = rk_val_make(arena, obj, "spec");

	if (rk_val_text_at(spec, "persistentVolumeReclaimPolicy").size == 0)
		rk_val_put_cstr(arena, spec, "persistentVolumeReclaimPolicy", "Retain");
	if (rk_val_at(spec, "volumeMode") == NULL)
		rk_val_put_cstr(arena, spec, "volumeMode", "Filesystem");
}

static void copy_missing(struct rk_arena *arena, struct rk_val *to, const struct rk_val *from)
{
	for (uint32_t i = 0; i < rk_val_count(from); i++)
		if (rk_val_get(to, from->fields[i].key) == NULL)
			rk_val_set(arena, to, from->fields[i].key, from->fields[i].val);
}

/* Of containers: the limit is the most that is allowed, the request the limit, or the least. */
void rk_default_limitrange(struct rk_arena *arena, struct rk_val *obj)
{
	const struct rk_val *limits = rk_val_at(obj, "spec.limits");

	for (uint32_t i = 0; i < rk_val_count(limits); i++) {
		struct rk_val *item = rk_val_item(limits, i);
		if (!rk_span_is(rk_val_text_at(item, "type"), "Container"))
			continue;
		struct rk_val *limit = rk_val_make(arena, item, "default");
		copy_missing(arena, limit, rk_val_at(item, "max"));
		struct rk_val *request = rk_val_make(arena, item, "defaultRequest");
		copy_missing(arena, request, limit);
		copy_missing(arena, request, rk_val_at(item, "min"));
		if (rk_val_count(limit) == 0)
			(void)rk_val_remove(item, RK_SPAN("default"));
		if (rk_val_count(request) == 0)
			(void)rk_val_remove(item, RK_SPAN("defaultRequest"));
	}
}

