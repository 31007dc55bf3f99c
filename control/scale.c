#include "control/scale.h"

#include "control/schema/selector.h"

const char *rk_scale_path(const struct rk_kind *kind)
{
	return kind->custom != NULL ? kind->custom->scale_spec : "spec.replicas";
}

/* The selector as text: a custom kind has it so, the others have a LabelSelector. */
static void put_selector(struct rk_arena *arena, const struct rk_kind *kind,
			 const struct rk_val *object, struct rk_val *status)
{
	const struct rk_val *given = rk_val_at(object, "spec.selector");
	struct rk_selector *selector = NULL;

	if (kind->custom != NULL) {
		if (kind->custom->scale_selector != NULL)
			rk_val_put_str(arena, status, "selector",
				       rk_val_text_at(object, kind->custom->scale_selector));
		return;
	}
	/* A ReplicationController is older than LabelSelectors: it has the labels themselves. */
	if (strcmp(kind->kind, "ReplicationController") == 0)
		selector = rk_selector_of_map(arena, given);
	else if (rk_selector_of(arena, given, &selector, NULL) < 0)
		return;
	if (!rk_selector_is_everything(selector))
		rk_val_put_str(arena, status, "selector", rk_selector_text(arena, selector));
}

struct rk_val *rk_scale_of(struct rk_arena *arena, const struct rk_kind *kind,
			   const struct rk_val *object)
{
	struct rk_val *scale = rk_val_map(arena);
	struct rk_val *meta = rk_val_make(arena, scale, "metadata");
	static const char *const kept[] = { "name", "namespace", "uid", "resourceVersion",
					    "creationTimestamp" };
	const bool is_custom = kind->custom != NULL;

	rk_val_put_cstr(arena, scale, "kind", "Scale");
	rk_val_put_cstr(arena, scale, "apiVersion", "autoscaling/v1");
	for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
		rk_val_put(arena, meta, kept[i],
			   rk_val_get(rk_val_at(object, "metadata"), rk_span_str(kept[i])));
	rk_val_put(arena, scale, "metadata", meta);
	rk_val_put_int(arena, rk_val_make(arena, scale, "spec"), "replicas",
		       rk_val_int_at(object, rk_scale_path(kind), is_custom ? 0 : 1));
	struct rk_val *status = rk_val_make(arena, scale, "status");
	rk_val_put_int(arena, status, "replicas",
		       rk_val_int_at(object, is_custom ? kind->custom->scale_status : "status.replicas", 0));
	put_selector(arena, kind, object, status);
	return scale;
}
