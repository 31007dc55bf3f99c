#include "cli/three_way.h"

#include "base/mem.h"
#include "wire/json.h"

struct three {
	struct rk_arena *arena;
	const struct rk_prop *prop; /* of the field that is being compared; NULL: unknown */
	const struct rk_val *original, *modified, *current;
};

static struct rk_val *map_patch(struct rk_arena *arena, const struct rk_type *type,
				const struct rk_val *original, const struct rk_val *modified,
				const struct rk_val *current);

static struct rk_span directive(struct rk_arena *arena, const char *what, struct rk_span field)
{
	return rk_span_str(rk_arena_printf(arena, "$%s/%.*s", what, RK_SPAN_ARGS(field)));
}

/* --- lists whose items have a key --- */

static const struct rk_val *with_key(const struct rk_val *list, const char *key,
				     const struct rk_val *item)
{
	const struct rk_val *wanted = rk_val_get(item, rk_span_str(key));

	for (uint32_t i = 0; wanted != NULL && i < rk_val_count(list); i++) {
		const struct rk_val *other = rk_val_item(list, i);
		if (rk_val_eq(rk_val_get(other, rk_span_str(key)), wanted))
			return other;
	}
	return NULL;
}

static struct rk_val *key_only(struct rk_arena *arena, const char *key, const struct rk_val *item)
{
	struct rk_val *map = rk_val_map(arena);

	rk_val_put(arena, map, key, rk_val_copy(arena, rk_val_get(item, rk_span_str(key))));
	return map;
}

/* Whether the items that both have stand in the same order. */
static bool same_order(const struct rk_val *modified, const struct rk_val *current, const char *key)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < rk_val_count(current); i++) {
		const struct rk_val *item = rk_val_item(current, i);
		if (with_key(modified, key, item) == NULL)
			continue;
		while (at < rk_val_count(modified) &&
		       with_key(current, key, rk_val_item(modified, at)) == NULL)
			at++;
		if (at == rk_val_count(modified) ||
		    !rk_val_eq(rk_val_get(rk_val_item(modified, at), rk_span_str(key)),
			       rk_val_get(item, rk_span_str(key))))
			return false;
		at++;
	}
	return true;
}

static bool all_keyed(const struct rk_val *list, const char *key)
{
	for (uint32_t i = 0; i < rk_val_count(list); i++)
		if (rk_val_get(rk_val_item(list, i), rk_span_str(key)) == NULL)
			return false;
	return true;
}

static void put_keyed(const struct three *three, struct rk_span field, struct rk_val *patch)
{
	struct rk_arena *arena = three->arena;
	const char *key = three->prop->patch_key;
	struct rk_val *list = rk_val_list(arena), *order = rk_val_list(arena);

	for (uint32_t i = 0; i < rk_val_count(three->modified); i++) {
		struct rk_val *item = rk_val_item(three->modified, i), *change;
		const struct rk_val *live = with_key(three->current, key, item);
		rk_val_append(arena, order, key_only(arena, key, item));
		if (live == NULL) {
			rk_val_append(arena, list, item);
			continue;
		}
		change = map_patch(arena, three->prop->type, with_key(three->original, key, item),
				   item, live);
		if (rk_val_count(change) == 0)
			continue;
		rk_val_put(arena, change, key, rk_val_get(item, rk_span_str(key)));
		if ((three->prop->patch & RK_PATCH_RETAIN_KEYS) != 0) {
			struct rk_val *keys = rk_val_list(arena);
			for (uint32_t n = 0; n < item->count; n++)
				rk_val_append(arena, keys, rk_val_str(arena, item->fields[n].key));
			rk_val_sort(keys);
			rk_val_put(arena, change, "$retainKeys", keys);
		}
		rk_val_append(arena, list, change);
	}
	for (uint32_t i = 0; i < rk_val_count(three->original); i++) {
		const struct rk_val *item = rk_val_item(three->original, i);
		if (with_key(three->modified, key, item) != NULL ||
		    with_key(three->current, key, item) == NULL)
			continue;
		struct rk_val *gone = key_only(arena, key, item);
		rk_val_put_cstr(arena, gone, "$patch", "delete");
		rk_val_append(arena, list, gone);
	}
	if (rk_val_count(list) > 0)
		rk_val_set(arena, patch, field, list);
	if (rk_val_count(list) > 0 || !same_order(three->modified, three->current, key))
		rk_val_set(arena, patch, directive(arena, "setElementOrder", field), order);
}

/* --- sets of plain values --- */

static bool holds(const struct rk_val *list, const struct rk_val *value)
{
	for (uint32_t i = 0; i < rk_val_count(list); i++)
		if (rk_val_eq(rk_val_item(list, i), value))
			return true;
	return false;
}

static void put_set(const struct three *three, struct rk_span field, struct rk_val *patch)
{
	struct rk_arena *arena = three->arena;
	struct rk_val *added = rk_val_list(arena), *gone = rk_val_list(arena);

	for (uint32_t i = 0; i < rk_val_count(three->modified); i++)
		if (!holds(three->current, rk_val_item(three->modified, i)))
			rk_val_append(arena, added, rk_val_item(three->modified, i));
	for (uint32_t i = 0; i < rk_val_count(three->original); i++) {
		struct rk_val *value = rk_val_item(three->original, i);
		if (!holds(three->modified, value) && holds(three->current, value))
			rk_val_append(arena, gone, value);
	}
	if (rk_val_count(added) > 0)
		rk_val_set(arena, patch, field, added);
	if (rk_val_count(gone) > 0)
		rk_val_set(arena, patch, directive(arena, "deleteFromPrimitiveList", field), gone);
}

/* --- maps --- */

static void put_map(const struct three *three, struct rk_span field, struct rk_val *patch)
{
	struct rk_arena *arena = three->arena;
	const struct rk_type *type = three->prop != NULL ? three->prop->type : NULL;
	struct rk_val *inner;

	if (three->prop != NULL && three->prop->shape == RK_SHAPE_MAP) {
		/* Values of a free map: objects with one type, or plain. */
		inner = map_patch(arena, NULL, three->original, three->modified, three->current);
	} else {
		inner = map_patch(arena, type, three->original, three->modified, three->current);
	}
	if (rk_val_count(inner) == 0)
		return;
	if (three->prop != NULL && (three->prop->patch & RK_PATCH_RETAIN_KEYS) != 0) {
		struct rk_val *keys = rk_val_list(arena);
		for (uint32_t i = 0; i < three->modified->count; i++)
			rk_val_append(arena, keys,
				      rk_val_str(arena, three->modified->fields[i].key));
		rk_val_sort(keys);
		rk_val_put(arena, inner, "$retainKeys", keys);
	}
	rk_val_set(arena, patch, field, inner);
}

static void put_field(const struct three *three, struct rk_span field, struct rk_val *modified,
		      struct rk_val *patch)
{
	const bool both_lists =
		rk_val_is(modified, RK_VAL_LIST) && rk_val_is(three->current, RK_VAL_LIST);
	const bool merges = three->prop != NULL && (three->prop->patch & RK_PATCH_MERGE) != 0;

	if (rk_val_is(modified, RK_VAL_NULL)) {
		if (three->current != NULL)
			rk_val_set(three->arena, patch, field, modified);
	} else if (rk_val_is(modified, RK_VAL_MAP) && rk_val_is(three->current, RK_VAL_MAP)) {
		put_map(three, field, patch);
	} else if (both_lists && merges && three->prop->patch_key != NULL &&
		   all_keyed(modified, three->prop->patch_key)) {
		put_keyed(three, field, patch);
	} else if (both_lists && merges && three->prop->patch_key == NULL) {
		put_set(three, field, patch);
	} else if (three->current == NULL || !rk_val_eq(modified, three->current)) {
		rk_val_set(three->arena, patch, field, modified);
	}
}

static struct rk_val *map_patch(struct rk_arena *arena, const struct rk_type *type,
				const struct rk_val *original, const struct rk_val *modified,
				const struct rk_val *current)
{
	struct rk_val *patch = rk_val_map(arena);

	for (uint32_t i = 0; rk_val_is(modified, RK_VAL_MAP) && i < modified->count; i++) {
		const struct rk_span field = modified->fields[i].key;
		const struct three three = {
			.arena = arena,
			.prop = type != NULL ? rk_type_prop(type, field) : NULL,
			.original = rk_val_get(original, field),
			.modified = modified->fields[i].val,
			.current = rk_val_get(current, field),
		};
		put_field(&three, field, modified->fields[i].val, patch);
	}
	for (uint32_t i = 0; rk_val_is(original, RK_VAL_MAP) && i < original->count; i++) {
		const struct rk_span field = original->fields[i].key;
		if (rk_val_get(modified, field) == NULL && rk_val_get(current, field) != NULL)
			rk_val_set(arena, patch, field, rk_val_null(arena));
	}
	return patch;
}

struct rk_val *rk_three_way(struct rk_arena *arena, const struct rk_type *type,
			    const struct rk_val *original, const struct rk_val *modified,
			    const struct rk_val *current)
{
	return map_patch(arena, type, original, modified, current);
}

/* --- the annotation --- */

static void sort_keys(struct rk_val *val)
{
	if (rk_val_is(val, RK_VAL_MAP))
		rk_val_sort(val);
	for (uint32_t i = 0; i < rk_val_count(val); i++)
		sort_keys(val->kind == RK_VAL_MAP ? val->fields[i].val : val->items[i]);
}

struct rk_val *rk_last_applied_put(struct rk_arena *arena, const struct rk_val *object)
{
	struct rk_val *remembered = rk_val_copy(arena, object);
	struct rk_val *result = rk_val_copy(arena, object);
	RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };
	struct rk_val *annotations = rk_val_make(arena, remembered, "metadata.annotations");

	(void)rk_val_remove(annotations, RK_SPAN(RK_LAST_APPLIED));
	sort_keys(remembered);
	rk_json_write(&text, remembered, false);
	rk_buf_put_u8(&text, '\n');
	rk_val_put_str(arena, rk_val_make(arena, result, "metadata.annotations"), RK_LAST_APPLIED,
		       rk_arena_span(arena, rk_buf_span(&text)));
	return result;
}

struct rk_val *rk_last_applied_of(struct rk_arena *arena, const struct rk_val *live)
{
	const struct rk_span text = rk_val_text(
		rk_val_get(rk_val_at(live, "metadata.annotations"), RK_SPAN(RK_LAST_APPLIED)));
	struct rk_val *val = NULL;

	if (text.size == 0 || rk_json_parse(arena, text, 0, &val, NULL) < 0 ||
	    !rk_val_is(val, RK_VAL_MAP))
		return NULL;
	return val;
}
