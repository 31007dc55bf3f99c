/* Strategic merge patch: a merge patch that knows which lists are merged, by which key, from the
 * kind's type. */
#include "base/mem.h"
#include "control/schema/patch_inner.h"

static const char set_order[] = "$setElementOrder/", delete_from[] = "$deleteFromPrimitiveList/";

struct strategic {
	struct rk_arena *arena;
	struct rk_val **ret_status;
};

static int merge_map(const struct strategic *patch, const struct rk_type *type,
		     struct rk_val *target, struct rk_val *from);

static int malformed(const struct strategic *patch, const char *why)
{
	return rk_patch_refuse(patch->arena, patch->ret_status, 400, "%s", why);
}

static bool is_directive(struct rk_span key)
{
	return rk_span_is(key, "$patch") || rk_span_is(key, "$retainKeys") ||
	       rk_span_starts(key, rk_span_str(set_order)) ||
	       rk_span_starts(key, rk_span_str(delete_from));
}

static struct rk_span key_of(const struct rk_prop *prop) { return rk_span_str(prop->patch_key); }

/* Where the item with this key (of maps), or this very item (of scalars), is in the list; count
 * when it is not. */
static uint32_t find_item(const struct rk_val *list, const struct rk_prop *prop,
			  const struct rk_val *like)
{
	const uint32_t count = rk_val_count(list);

	for (uint32_t i = 0; i < count; i++) {
		const struct rk_val *item = list->items[i];
		const bool same = prop->patch_key != NULL
					  ? rk_val_get(like, key_of(prop)) != NULL &&
						    rk_val_eq(rk_val_get(item, key_of(prop)),
							      rk_val_get(like, key_of(prop)))
					  : rk_val_eq(item, like);
		if (same)
			return i;
	}
	return count;
}

/* --- lists --- */

static bool says(const struct rk_val *item, const char *directive)
{
	return rk_span_is(rk_val_text_at(item, "$patch"), directive);
}

/* An item that says `$patch: replace` makes the others of the patch the whole list. */
static bool replaces_list(const struct rk_val *from)
{
	for (uint32_t i = 0; i < from->count; i++)
		if (says(from->items[i], "replace"))
			return true;
	return false;
}

static int merge_item(const struct strategic *patch, const struct rk_prop *prop,
		      struct rk_val *target, struct rk_val *item)
{
	if (!rk_val_is(item, RK_VAL_MAP) || rk_val_get(item, key_of(prop)) == NULL)
		return rk_patch_refuse(patch->arena, patch->ret_status, 422,
				       "map: does not contain declared merge key: %s",
				       prop->patch_key);
	uint32_t at = find_item(target, prop, item);
	if (says(item, "delete")) {
		for (; at < target->count; at = find_item(target, prop, item))
			rk_val_remove_item(target, at);
		return RK_OK;
	}
	if (at == target->count)
		rk_val_append(patch->arena, target, rk_val_map(patch->arena));
	if (!rk_val_is(target->items[at], RK_VAL_MAP))
		target->items[at] = rk_val_map(patch->arena);
	return merge_map(patch, prop->type, target->items[at], item);
}

static int merge_items(const struct strategic *patch, const struct rk_prop *prop,
		       struct rk_val *target, struct rk_val *from)
{
	if (prop->patch_key == NULL) { /* a set of scalars */
		for (uint32_t i = 0; i < from->count; i++)
			if (find_item(target, prop, from->items[i]) == target->count)
				rk_val_append(patch->arena, target, from->items[i]);
		return RK_OK;
	}
	if (replaces_list(from))
		target->count = 0;
	for (uint32_t i = 0; i < from->count; i++)
		if (!says(from->items[i], "replace"))
			RK_TRY(merge_item(patch, prop, target, from->items[i]));
	return RK_OK;
}

/* Items named in `order` follow it; the others keep their places among themselves, and go before a
 * named one when they stood before it on the server. */
static void reorder(const struct strategic *patch, const struct rk_prop *prop, struct rk_val *list,
		    const struct rk_val *order, const struct rk_val *server)
{
	struct rk_val *named = rk_val_list(patch->arena), *others = rk_val_list(patch->arena);
	uint32_t left = 0, right = 0;

	for (uint32_t i = 0; i < rk_val_count(order); i++) {
		const uint32_t at = find_item(list, prop, order->items[i]);
		if (at < list->count && find_item(named, prop, order->items[i]) == named->count)
			rk_val_append(patch->arena, named, list->items[at]);
	}
	for (uint32_t i = 0; i < list->count; i++)
		if (find_item(named, prop, list->items[i]) == named->count)
			rk_val_append(patch->arena, others, list->items[i]);
	list->count = 0;
	while (left < others->count || right < named->count) {
		bool other_first = right == named->count;
		if (left < others->count && right < named->count) {
			const uint32_t a = find_item(server, prop, others->items[left]);
			const uint32_t b = find_item(server, prop, named->items[right]);
			other_first = a < rk_val_count(server) && b < rk_val_count(server) && a < b;
		}
		rk_val_append(patch->arena, list,
			      other_first ? others->items[left++] : named->items[right++]);
	}
}

/* --- maps --- */

static int retain_keys(const struct strategic *patch, struct rk_val *target,
		       const struct rk_val *from)
{
	const struct rk_val *keys = rk_val_get(from, RK_SPAN("$retainKeys"));
	uint32_t kept = 0;

	if (keys == NULL)
		return RK_OK;
	if (!rk_val_is(keys, RK_VAL_LIST))
		return malformed(patch, "invalid patch format of retainKeys");
	for (uint32_t i = 0; i < from->count; i++)
		if (!is_directive(from->fields[i].key) &&
		    from->fields[i].val->kind != RK_VAL_NULL &&
		    !rk_val_has_text(keys, from->fields[i].key))
			return malformed(patch, "invalid patch format of retainKeys");
	for (uint32_t i = 0; i < target->count; i++)
		if (rk_val_has_text(keys, target->fields[i].key))
			target->fields[kept++] = target->fields[i];
	target->count = kept;
	return RK_OK;
}

static int delete_scalars(const struct strategic *patch, struct rk_val *target,
			  struct rk_span field, const struct rk_val *gone)
{
	struct rk_val *list = rk_val_get(target, field);

	if (!rk_val_is(gone, RK_VAL_LIST))
		return malformed(patch, "invalid patch format of primitive list");
	for (uint32_t i = 0; i < rk_val_count(list);) {
		bool is_gone = false;
		for (uint32_t n = 0; n < gone->count; n++)
			is_gone = is_gone || rk_val_eq(gone->items[n], list->items[i]);
		if (is_gone)
			rk_val_remove_item(list, i);
		else
			i++;
	}
	return RK_OK;
}

static int merge_field(const struct strategic *patch, const struct rk_type *type,
		       struct rk_val *target, struct rk_field *field)
{
	const struct rk_prop *prop = type != NULL ? rk_type_prop(type, field->key) : NULL;
	struct rk_val *has = rk_val_get(target, field->key);
	const bool merges =
		prop != NULL && prop->shape == RK_SHAPE_LIST && (prop->patch & RK_PATCH_MERGE) != 0;

	if (field->val->kind == RK_VAL_NULL) {
		(void)rk_val_remove(target, field->key);
		return RK_OK;
	}
	if (field->val->kind == RK_VAL_MAP) {
		const bool is_object = prop != NULL && prop->shape == RK_SHAPE_ONE &&
				       prop->type->kind == RK_TYPE_OBJECT;
		if (!rk_val_is(has, RK_VAL_MAP)) {
			has = rk_val_map(patch->arena);
			rk_val_set(patch->arena, target, field->key, has);
		}
		return merge_map(patch, is_object ? prop->type : NULL, has, field->val);
	}
	if (field->val->kind != RK_VAL_LIST || !merges) {
		rk_val_set(patch->arena, target, field->key, field->val);
		return RK_OK;
	}
	if (!rk_val_is(has, RK_VAL_LIST)) {
		has = rk_val_list(patch->arena);
		rk_val_set(patch->arena, target, field->key, has);
	}
	return merge_items(patch, prop, has, field->val);
}

/* Orders of lists, once all of them are merged. `server` is the target as it was. */
static int set_orders(const struct strategic *patch, const struct rk_type *type,
		      struct rk_val *target, const struct rk_val *from, const struct rk_val *server)
{
	for (uint32_t i = 0; i < from->count; i++) {
		const struct rk_span key = from->fields[i].key;
		if (!rk_span_starts(key, rk_span_str(set_order)))
			continue;
		const struct rk_span name = rk_span_sub(key, sizeof set_order - 1, key.size);
		const struct rk_prop *prop = type != NULL ? rk_type_prop(type, name) : NULL;
		struct rk_val *list = rk_val_get(target, name);
		if (!rk_val_is(from->fields[i].val, RK_VAL_LIST))
			return malformed(patch, "invalid patch format of setElementOrder list");
		if (prop != NULL && (prop->patch & RK_PATCH_MERGE) != 0 &&
		    rk_val_is(list, RK_VAL_LIST))
			reorder(patch, prop, list, from->fields[i].val, rk_val_get(server, name));
	}
	return RK_OK;
}

/* Changes `target`; may take parts of `from` into it. */
static int merge_map(const struct strategic *patch, const struct rk_type *type,
		     struct rk_val *target, struct rk_val *from)
{
	const struct rk_val *how = rk_val_get(from, RK_SPAN("$patch"));
	struct rk_val server = *target;

	if (how != NULL && !says(from, "merge") && !says(from, "replace") && !says(from, "delete"))
		return malformed(patch, "Unknown patch type found in $patch");
	if (says(from, "replace") || says(from, "delete"))
		target->count = 0;
	if (says(from, "delete"))
		return RK_OK;
	/* The fields move while the map changes, the lists' items too: what was there is kept for
	 * the orders. */
	for (uint32_t i = 0; i < from->count; i++)
		if (rk_span_starts(from->fields[i].key, rk_span_str(set_order))) {
			server = *rk_val_copy(patch->arena, target);
			break;
		}
	RK_TRY(retain_keys(patch, target, from));
	for (uint32_t i = 0; i < from->count; i++) {
		struct rk_field *field = &from->fields[i];
		if (rk_span_starts(field->key, rk_span_str(delete_from)))
			RK_TRY(delete_scalars(
				patch, target,
				rk_span_sub(field->key, sizeof delete_from - 1, field->key.size),
				field->val));
		else if (!is_directive(field->key))
			RK_TRY(merge_field(patch, type, target, field));
	}
	return set_orders(patch, type, target, from, &server);
}

int rk_patch_strategic(struct rk_arena *arena, const struct rk_type *type,
		       const struct rk_val *target, const struct rk_val *patch, struct rk_val **ret,
		       struct rk_val **ret_status)
{
	const struct strategic strategic = { arena, ret_status };
	struct rk_val *result = rk_val_copy(arena, target);

	if (!rk_val_is(patch, RK_VAL_MAP))
		return malformed(&strategic, "a strategic merge patch is an object");
	if (rk_patch_is_deep(patch, RK_PATCH_DEPTH_MAX))
		return malformed(&strategic, "the patch is nested too deep");
	RK_TRY(merge_map(&strategic, type, result, rk_val_copy(arena, patch)));
	*ret = result;
	return RK_OK;
}
