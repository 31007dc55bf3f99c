#include "control/schema/default_pod.h"

#include "base/mem.h"

static const char *const container_lists[] = { "initContainers", "containers",
					       "ephemeralContainers" };

/* "repository[:tag][@digest]": whether it means the newest image, now or later. */
static bool is_latest(struct rk_span image)
{
	struct rk_span named;
	const struct rk_span digest = rk_span_cut(image, '@', &named);
	size_t last = named.size;

	while (last > 0 && named.data[last - 1] != '/')
		last--;
	struct rk_span repository;
	const struct rk_span tag =
		rk_span_cut(rk_span_sub(named, last, named.size), ':', &repository);
	return tag.data == NULL ? digest.data == NULL : rk_span_is(tag, "latest");
}

static void default_container(struct rk_arena *arena, struct rk_val *container)
{
	if (rk_val_at(container, "imagePullPolicy") == NULL)
		rk_val_put_cstr(arena, container, "imagePullPolicy",
				is_latest(rk_val_text_at(container, "image")) ? "Always"
									      : "IfNotPresent");
}

/* A volume that does not say what it is, is an empty directory. */
static void default_volume(struct rk_arena *arena, struct rk_val *volume)
{
	if (rk_val_count(volume) == 1 && rk_val_at(volume, "name") != NULL)
		rk_val_put(arena, volume, "emptyDir", rk_val_map(arena));
}

static void default_spec(struct rk_arena *arena, struct rk_val *spec)
{
	const struct rk_val *old_name = rk_val_at(spec, "serviceAccount");
	const struct rk_val *volumes = rk_val_at(spec, "volumes");

	for (size_t l = 0; l < RK_COUNT(container_lists); l++) {
		const struct rk_val *list = rk_val_at(spec, container_lists[l]);
		for (uint32_t i = 0; i < rk_val_count(list); i++)
			default_container(arena, rk_val_item(list, i));
	}
	for (uint32_t i = 0; i < rk_val_count(volumes); i++)
		default_volume(arena, rk_val_item(volumes, i));
	if (rk_val_at(spec, "serviceAccountName") == NULL && old_name != NULL)
		rk_val_put_str(arena, spec, "serviceAccountName", rk_val_text(old_name));
	if (rk_val_at(spec, "serviceAccountName") != NULL)
		rk_val_put_str(arena, spec, "serviceAccount",
			       rk_val_text_at(spec, "serviceAccountName"));
}

void rk_default_template(struct rk_arena *arena, struct rk_val *pod_template)
{
	struct rk_val *spec = rk_val_at(pod_template, "spec");

	if (rk_val_is(spec, RK_VAL_MAP))
		default_spec(arena, spec);
}

/* What is limited and not requested is requested at its limit. */
static void request_limits(struct rk_arena *arena, struct rk_val *container)
{
	const struct rk_val *limits = rk_val_at(container, "resources.limits");

	for (uint32_t i = 0; i < rk_val_count(limits); i++) {
		struct rk_val *requests = rk_val_make(arena, container, "resources.requests");
		if (rk_val_get(requests, limits->fields[i].key) == NULL)
			rk_val_set(arena, requests, limits->fields[i].key, limits->fields[i].val);
	}
}

static void host_ports(struct rk_arena *arena, struct rk_val *container)
{
	const struct rk_val *ports = rk_val_at(container, "ports");

	for (uint32_t i = 0; i < rk_val_count(ports); i++) {
		struct rk_val *port = rk_val_item(ports, i);
		if (rk_val_int_at(port, "hostPort", 0) == 0)
			rk_val_put_int(arena, port, "hostPort",
				       rk_val_int_at(port, "containerPort", 0));
	}
}

void rk_default_pod(struct rk_arena *arena, struct rk_val *pod)
{
	struct rk_val *spec = rk_val_at(pod, "spec");
	const bool on_host = rk_val_bool_at(spec, "hostNetwork", false);

	if (!rk_val_is(spec, RK_VAL_MAP))
		return;
	default_spec(arena, spec);
	for (size_t l = 0; l < 2; l++) {
		const struct rk_val *list = rk_val_at(spec, container_lists[l]);
		for (uint32_t i = 0; i < rk_val_count(list); i++) {
			request_limits(arena, rk_val_item(list, i));
			if (on_host)
				host_ports(arena, rk_val_item(list, i));
		}
	}
	if (rk_val_at(spec, "enableServiceLinks") == NULL)
		rk_val_put_bool(arena, spec, "enableServiceLinks", true);
}
