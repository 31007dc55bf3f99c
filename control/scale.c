#include "control/scale.h"

#include "control/schema/selector.h"

struct rk_val *rk_scale_of(struct rk_arena *arena, const struct rk_val *object)
{
	struct rk_val *scale = rk_val_map(arena);
	struct rk_val *meta = rk_val_make(arena, scale, "metadata");
	static const char *const kept[] = { "name", "namespace", "uid", "resourceVersion",
					    "creationTimestamp" };
	struct rk_selector *selector = NULL;

	rk_val_put_cstr(arena, scale, "kind", "Scale");
	rk_val_put_cstr(arena, scale, "apiVersion", "autoscaling/v1");
	for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
		rk_val_put(arena, meta, kept[i],
			   rk_val_get(rk_val_at(object, "metadata"), rk_span_str(kept[i])));
	rk_val_put(arena, scale, "metadata", meta);
	rk_val_put_int(arena, rk_val_make(arena, scale, "spec"), "replicas",
		       rk_val_int_at(object, "spec.replicas", 1));
	struct rk_val *status = rk_val_make(arena, scale, "status");
	rk_val_put_int(arena, status, "replicas", rk_val_int_at(object, "status.replicas", 0));
	/* A ReplicationController is older than LabelSelectors: it has the labels themselves. */
	if (rk_span_is(rk_val_text_at(object, "kind"), "ReplicationController"))
		selector = rk_selector_of_map(arena, rk_val_at(object, "spec.selector"));
	else if (rk_selector_of(arena, rk_val_at(object, "spec.selector"), &selector, NULL) < 0)
		return scale;
	if (!rk_selector_is_everything(selector))
		rk_val_put_str(arena, status, "selector", rk_selector_text(arena, selector));
	return scale;
}
