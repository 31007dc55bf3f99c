/* One level of an object: what is below, in order, and by which steps. */
#include <stdlib.h>

#include "control/schema/fieldset_typed.h"

static const struct rk_type anything = { .name = "any", .schema = "", .doc = "", .kind = RK_TYPE_ANY };

/* Fields of built-in types have numbers in protobuf, but for kind and apiVersion. */
static bool is_custom(const struct rk_prop *prop) { return prop != NULL && prop->proto[0] == 0; }

struct rk_spot rk_spot_of(const struct rk_type *type)
{
	return (struct rk_spot){ type, NULL, RK_SHAPE_ONE, 0, is_custom(rk_type_prop(type, RK_SPAN("metadata"))) };
}

static enum rk_spot_kind kind_of_one(const struct rk_spot *spot)
{
	if (spot->type->kind == RK_TYPE_ANY && spot->is_custom)
		return RK_SPOT_MAP;
	return spot->type->kind == RK_TYPE_OBJECT && !spot->type->is_atomic ? RK_SPOT_OBJECT : RK_SPOT_LEAF;
}

enum rk_spot_kind rk_spot_kind(const struct rk_spot *spot)
{
	const struct rk_prop *prop = spot->prop;

	if (spot->type == NULL || spot->depth >= RK_FIELDSET_DEPTH_MAX || (prop != NULL && prop->is_atomic))
		return RK_SPOT_LEAF;
	if (spot->shape == RK_SHAPE_MAP)
		return RK_SPOT_MAP;
	if (spot->shape == RK_SHAPE_ONE)
		return kind_of_one(spot);
	if (prop == NULL || prop->list_type == RK_LIST_ATOMIC)
		return RK_SPOT_LEAF;
	if (prop->list_type == RK_LIST_SET)
		return spot->type->kind != RK_TYPE_OBJECT ? RK_SPOT_SET : RK_SPOT_LEAF;
	return prop->keys != NULL && spot->type->kind == RK_TYPE_OBJECT ? RK_SPOT_KEYED : RK_SPOT_LEAF;
}

enum rk_spot_kind rk_spot_kind_of(const struct rk_spot *spot, const struct rk_val *val)
{
	const enum rk_spot_kind kind = rk_spot_kind(spot);
	const bool is_list = kind == RK_SPOT_KEYED || kind == RK_SPOT_SET;

	if (val == NULL || val->kind == RK_VAL_NULL || val->kind == (is_list ? RK_VAL_LIST : RK_VAL_MAP))
		return kind;
	return RK_SPOT_LEAF;
}

static struct rk_spot spot_of_field(const struct rk_spot *spot, struct rk_span name)
{
	const struct rk_prop *prop = rk_type_prop(spot->type, name);

	if (prop != NULL)
		return (struct rk_spot){ prop->type, prop, (enum rk_shape)prop->shape, spot->depth + 1,
					 is_custom(prop) };
	return (struct rk_spot){ spot->is_custom ? &anything : NULL, NULL, RK_SHAPE_ONE, spot->depth + 1,
				 spot->is_custom };
}

static struct rk_spot spot_of_item(const struct rk_spot *spot)
{
	return (struct rk_spot){ spot->type, NULL, RK_SHAPE_ONE, spot->depth + 1, spot->is_custom };
}

struct rk_spot rk_spot_below(const struct rk_spot *spot, const struct rk_step *step)
{
	const enum rk_spot_kind kind = rk_spot_kind(spot);

	if (kind == RK_SPOT_OBJECT && step->kind == RK_STEP_FIELD)
		return spot_of_field(spot, step->text);
	if ((kind == RK_SPOT_MAP && step->kind == RK_STEP_FIELD) ||
	    (kind == RK_SPOT_KEYED && step->kind == RK_STEP_KEY) || (kind == RK_SPOT_SET && step->kind == RK_STEP_VALUE))
		return spot_of_item(spot);
	return (struct rk_spot){ NULL, NULL, RK_SHAPE_ONE, spot->depth + 1, false };
}

bool rk_spot_is_lasting(const struct rk_spot *spot)
{
	const struct rk_prop *prop = spot->prop;

	if (prop == NULL || spot->is_custom)
		return false;
	if (prop->is_required || (rk_val_is(prop->preset, RK_VAL_MAP) && prop->preset->count == 0))
		return true;
	return prop->shape == RK_SHAPE_ONE && prop->type->kind == RK_TYPE_OBJECT &&
	       (strcmp(prop->name, "metadata") == 0 || strcmp(prop->name, "spec") == 0 ||
		strcmp(prop->name, "status") == 0);
}

/* --- the steps of items --- */

static const char *step_of_object(struct rk_arena *arena, const struct rk_spot *spot, const struct rk_val *item,
				  struct rk_step *ret)
{
	if (rk_val_is(item, RK_VAL_NULL))
		return "associative list with keys may not have a null element";
	if (!rk_val_is(item, RK_VAL_MAP))
		return "associative list with keys may not have non-map elements";
	struct rk_val *key = rk_val_map(arena);
	for (size_t i = 0; spot->prop->keys[i] != NULL; i++) {
		const struct rk_span name = rk_span_str(spot->prop->keys[i]);
		const struct rk_prop *field = rk_type_prop(spot->type, name);
		const struct rk_val *val = rk_val_get(item, name);
		if (val == NULL && field != NULL)
			val = field->preset;
		if (val == NULL)
			return rk_arena_printf(arena,
					       "associative list with keys has an element that omits key field \"%s\" "
					       "(and doesn't have default value)",
					       spot->prop->keys[i]);
		rk_val_set(arena, key, name, rk_val_copy(arena, val));
	}
	rk_val_sort(key);
	*ret = rk_step_key(arena, key);
	return NULL;
}

static const char *step_of_scalar(struct rk_arena *arena, const struct rk_val *item, struct rk_step *ret)
{
	if (item->kind == RK_VAL_MAP)
		return "associative list without keys has an element that's a map type";
	if (item->kind == RK_VAL_LIST)
		return "not supported: associative list with lists as elements";
	if (item->kind == RK_VAL_NULL)
		return "associative list without keys has an element that's an explicit null";
	*ret = rk_step_value(arena, item);
	return NULL;
}

/* --- children --- */

static int by_step(const void *a, const void *b)
{
	const struct rk_child *left = a, *right = b;
	const int order = rk_step_cmp(&left->step, &right->step);

	return order != 0 ? order : (left->at > right->at) - (left->at < right->at);
}

static void sort(struct rk_children *children)
{
	for (uint32_t i = 1; i < children->count; i++)
		if (by_step(&children->at[i - 1], &children->at[i]) > 0) {
			qsort(children->at, children->count, sizeof *children->at, by_step);
			return;
		}
}

static void fields_below(const struct rk_spot *spot, const struct rk_val *val, struct rk_children *ret)
{
	const bool is_object = rk_spot_kind(spot) == RK_SPOT_OBJECT;

	for (uint32_t i = 0; i < val->count; i++) {
		const struct rk_span key = val->fields[i].key;
		const struct rk_spot below = is_object ? spot_of_field(spot, key) : spot_of_item(spot);
		ret->at[ret->count++] = (struct rk_child){
			rk_step_field(key), below, val->fields[i].val, i, below.prop != NULL,
		};
	}
}

static int items_below(struct rk_arena *arena, const struct rk_spot *spot, const struct rk_val *val,
		       struct rk_children *ret, const char **ret_why)
{
	const bool is_keyed = rk_spot_kind(spot) == RK_SPOT_KEYED;

	for (uint32_t i = 0; i < val->count; i++) {
		struct rk_child *child = &ret->at[ret->count++];
		*child = (struct rk_child){ .spot = spot_of_item(spot), .val = val->items[i], .at = i };
		const char *why = is_keyed ? step_of_object(arena, spot, val->items[i], &child->step) :
					     step_of_scalar(arena, val->items[i], &child->step);
		if (why != NULL) {
			*ret_why = rk_arena_printf(arena, "element %u: %s", i, why);
			return RK_EINVAL;
		}
	}
	return RK_OK;
}

int rk_spot_children(struct rk_arena *arena, const struct rk_spot *spot, const struct rk_val *val,
		     struct rk_children *ret, const char **ret_why)
{
	const enum rk_spot_kind kind = rk_spot_kind_of(spot, val);
	const bool is_list = kind == RK_SPOT_KEYED || kind == RK_SPOT_SET;

	*ret = (struct rk_children){ 0 };
	if (kind == RK_SPOT_LEAF || rk_val_count(val) == 0)
		return RK_OK;
	ret->at = rk_arena_alloc(arena, val->count * sizeof *ret->at);
	if (is_list)
		RK_TRY(items_below(arena, spot, val, ret, ret_why));
	else
		fields_below(spot, val, ret);
	sort(ret);
	return RK_OK;
}

const struct rk_child *rk_children_find(const struct rk_children *children, const struct rk_step *step)
{
	uint32_t from = 0, to = children->count;

	while (from < to) {
		const uint32_t middle = from + (to - from) / 2;
		const int order = rk_step_cmp(&children->at[middle].step, step);
		if (order == 0)
			return &children->at[middle];
		if (order < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return NULL;
}
