#include "control/schema/pod.h"

#include "base/mem.h"
#include "control/schema/quantity.h"

/* Whether every container sets this limit, and requests nothing less. */
static bool is_guaranteed(const struct rk_val *container, const char *resource)
{
	const struct rk_span name = rk_span_str(resource);
	const struct rk_val *limit = rk_val_get(rk_val_at(container, "resources.limits"), name);
	const struct rk_val *request = rk_val_get(rk_val_at(container, "resources.requests"), name);

	return limit != NULL && rk_quantity_milli(rk_val_text(limit), 0) > 0 &&
	       (request == NULL || rk_quantity_cmp(rk_val_text(limit), rk_val_text(request)) == 0);
}

static bool sets_any(const struct rk_val *container)
{
	static const char *const paths[] = { "resources.limits.cpu", "resources.limits.memory",
					     "resources.requests.cpu",
					     "resources.requests.memory" };

	for (size_t i = 0; i < RK_COUNT(paths); i++)
		if (rk_val_at(container, paths[i]) != NULL)
			return true;
	return false;
}

const char *rk_pod_qos(const struct rk_val *pod)
{
	static const char *const lists[] = { "spec.initContainers", "spec.containers" };
	bool any = false, all = true;

	for (size_t i = 0; i < RK_COUNT(lists); i++) {
		const struct rk_val *list = rk_val_at(pod, lists[i]);
		for (uint32_t k = 0; k < rk_val_count(list); k++) {
			const struct rk_val *container = rk_val_item(list, k);
			any |= sets_any(container);
			all &= is_guaranteed(container, "cpu") &&
			       is_guaranteed(container, "memory");
		}
	}
	if (!any)
		return "BestEffort";
	return all ? "Guaranteed" : "Burstable";
}

const struct rk_val *rk_pod_container(const struct rk_val *pod, struct rk_span name)
{
	static const char *const lists[] = { "spec.containers", "spec.initContainers", "spec.ephemeralContainers" };
	const struct rk_val *found = NULL;

	for (size_t i = 0; i < RK_COUNT(lists) && found == NULL; i++)
		found = rk_val_find(rk_val_at(pod, lists[i]), "name", name);
	return found;
}
