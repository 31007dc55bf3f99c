#include "control/schema/patch.h"

#include "control/schema/patch_inner.h"
#include "control/status.h"

int rk_patch_refuse(struct rk_arena *arena, struct rk_val **ret_status, int code,
		    const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	*ret_status = rk_status(arena, code,
				code == 400   ? "BadRequest"
				: code == 413 ? "RequestEntityTooLarge"
					      : "Invalid",
				"%s", text);
	return RK_EINVAL;
}

bool rk_patch_is_deep(const struct rk_val *val, unsigned levels)
{
	if (rk_val_count(val) == 0)
		return false;
	if (levels == 0)
		return true;
	for (uint32_t i = 0; i < val->count; i++)
		if (rk_patch_is_deep(val->kind == RK_VAL_LIST ? val->items[i] : val->fields[i].val,
				     levels - 1))
			return true;
	return false;
}

/* --- merge patch --- */

static struct rk_val *merge(struct rk_arena *arena, struct rk_val *target,
			    const struct rk_val *patch)
{
	if (!rk_val_is(patch, RK_VAL_MAP))
		return rk_val_copy(arena, patch);
	if (!rk_val_is(target, RK_VAL_MAP))
		target = rk_val_map(arena);
	for (uint32_t i = 0; i < patch->count; i++) {
		const struct rk_span key = patch->fields[i].key;
		const struct rk_val *val = patch->fields[i].val;
		if (rk_val_is(val, RK_VAL_NULL))
			(void)rk_val_remove(target, key);
		else
			rk_val_set(arena, target, rk_arena_span(arena, key),
				   merge(arena, rk_val_get(target, key), val));
	}
	return target;
}

int rk_patch_merge(struct rk_arena *arena, const struct rk_val *target, const struct rk_val *patch,
		   struct rk_val **ret, struct rk_val **ret_status)
{
	if (!rk_val_is(patch, RK_VAL_MAP))
		return rk_patch_refuse(arena, ret_status, 400, "a merge patch is an object");
	if (rk_patch_is_deep(patch, RK_PATCH_DEPTH_MAX))
		return rk_patch_refuse(arena, ret_status, 400,
				       "the patch is nested deeper than %d levels",
				       RK_PATCH_DEPTH_MAX);
	*ret = merge(arena, rk_val_copy(arena, target), patch);
	return RK_OK;
}

int rk_patch_apply(struct rk_arena *arena, const struct rk_type *type, struct rk_span form,
		   const struct rk_val *target, const struct rk_val *patch, struct rk_val **ret,
		   struct rk_val **ret_status)
{
	if (rk_span_is(form, "json"))
		return rk_patch_json(arena, target, patch, ret, ret_status);
	if (rk_span_is(form, "merge"))
		return rk_patch_merge(arena, target, patch, ret, ret_status);
	if (rk_span_is(form, "strategic"))
		return rk_patch_strategic(arena, type, target, patch, ret, ret_status);
	return rk_patch_refuse(arena, ret_status, 400, "unknown patch form \"%.*s\"",
			       RK_SPAN_ARGS(form));
}
