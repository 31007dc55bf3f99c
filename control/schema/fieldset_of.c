/* The paths that an object has, and what it takes for an object to be applied. */
#include "control/schema/fieldset_typed.h"
#include "wire/json.h"

/* --- its paths --- */

struct of {
	struct rk_arena *arena;
	const char **ret_why;
};

static bool is_same_step(const struct rk_children *children, uint32_t a, uint32_t b)
{
	return b < children->count && rk_step_cmp(&children->at[a].step, &children->at[b].step) == 0;
}

/* *ret_is_member: whether the value itself is a path, not only what is in it. */
static int set_of(const struct of *of, const struct rk_spot *spot, const struct rk_val *val,
		  const struct rk_fieldset **ret, bool *ret_is_member)
{
	struct rk_fieldset_maker maker = { 0 };
	struct rk_children children;
	uint32_t next;

	*ret_is_member = rk_spot_kind_of(spot, val) == RK_SPOT_LEAF || val->kind == RK_VAL_NULL ||
			 (val->kind == RK_VAL_MAP && val->count == 0);
	RK_TRY(rk_spot_children(of->arena, spot, val, &children, of->ret_why));
	for (uint32_t i = 0; i < children.count; i = next) {
		const struct rk_child *child = &children.at[i];
		const struct rk_fieldset *below = NULL;
		bool is_member = true;
		for (next = i + 1; is_same_step(&children, i, next);)
			next++;
		if (next == i + 1) /* an item that is there twice is owned as one */
			RK_TRY(set_of(of, &child->spot, child->val, &below, &is_member));
		rk_fieldset_add(of->arena, &maker, child->step, is_member || !child->is_declared, below);
	}
	*ret = rk_fieldset_made(of->arena, &maker);
	return RK_OK;
}

int rk_fields_of(struct rk_arena *arena, const struct rk_type *type, const struct rk_val *val,
		 const struct rk_fieldset **ret, const char **ret_why)
{
	const struct of of = { arena, ret_why };
	const struct rk_spot spot = rk_spot_of(type);
	bool is_member;

	return set_of(&of, &spot, val, ret, &is_member);
}

/* --- whether it may be applied --- */

#define WRONGS_MAX 32 /* that are told */

struct check {
	struct rk_arena *arena;
	struct rk_buf path;
	struct rk_val *wrongs;
};

static void wrong(struct check *check, const char *why)
{
	if (rk_val_count(check->wrongs) >= WRONGS_MAX)
		return;
	rk_val_append(check->arena, check->wrongs,
		      rk_val_strf(check->arena, "%.*s: %s", (int)check->path.size,
				  check->path.size > 0 ? (const char *)check->path.data : "", why));
}

static const char *shown(struct rk_arena *arena, const struct rk_val *val)
{
	struct rk_buf text = { 0 };

	rk_json_write(&text, val, false);
	const char *copy = rk_arena_str(arena, rk_span_sub(rk_buf_span(&text), 0, 200));
	rk_buf_done(&text);
	return copy;
}

static const char *go_kind(const struct rk_val *val)
{
	switch (val->kind) {
	case RK_VAL_NULL: break;
	case RK_VAL_BOOL: return "bool";
	case RK_VAL_INT: return "int64";
	case RK_VAL_REAL: return "float64";
	case RK_VAL_STR: return "string";
	case RK_VAL_LIST: return "[]interface {}";
	case RK_VAL_MAP: return "map[string]interface {}";
	}
	return "<nil>";
}

static bool is_scalar(const struct rk_val *val)
{
	return val->kind != RK_VAL_LIST && val->kind != RK_VAL_MAP;
}

static void check_scalar(struct check *check, const struct rk_type *type, const struct rk_val *val)
{
	struct rk_arena *arena = check->arena;

	switch (type->kind) {
	case RK_TYPE_ANY:
	case RK_TYPE_OBJECT: break;
	case RK_TYPE_STRINGS:
		if (val->kind != RK_VAL_LIST)
			wrong(check, rk_arena_printf(arena, "expected list, got &{%s}", shown(arena, val)));
		break;
	case RK_TYPE_BOOL:
		if (val->kind != RK_VAL_BOOL)
			wrong(check, rk_arena_printf(arena, "expected boolean, got &{%s}", shown(arena, val)));
		break;
	case RK_TYPE_INT32:
	case RK_TYPE_INT64:
	case RK_TYPE_NUMBER:
		if (val->kind != RK_VAL_INT && val->kind != RK_VAL_REAL)
			wrong(check, rk_arena_printf(arena, "expected numeric (int or float), got %s", go_kind(val)));
		break;
	case RK_TYPE_STRING:
	case RK_TYPE_BYTES:
	case RK_TYPE_TIME:
	case RK_TYPE_MICRO_TIME:
		if (val->kind != RK_VAL_STR)
			wrong(check, rk_arena_printf(arena, "expected string, got &value.valueUnstructured{Value:%s}",
						     shown(arena, val)));
		break;
	case RK_TYPE_QUANTITY:
	case RK_TYPE_INT_OR_STRING:
		if (!is_scalar(val))
			wrong(check, rk_arena_printf(arena, "expected any scalar, got &{%s}", shown(arena, val)));
		break;
	}
}

static void check_spot(struct check *check, const struct rk_spot *spot, const struct rk_val *val);

static void check_below(struct check *check, const struct rk_spot *spot, const struct rk_step *step,
			const struct rk_val *val)
{
	const size_t size = check->path.size;

	rk_step_print(&check->path, step);
	check_spot(check, spot, val);
	check->path.size = size;
}

static void check_fields(struct check *check, const struct rk_spot *spot, const struct rk_val *val)
{
	if (val->kind != RK_VAL_MAP) {
		wrong(check, rk_arena_printf(check->arena, "expected map, got &{%s}", shown(check->arena, val)));
		return;
	}
	for (uint32_t i = 0; i < val->count; i++) {
		const struct rk_step step = rk_step_field(val->fields[i].key);
		const struct rk_prop *prop =
			spot->shape == RK_SHAPE_MAP ? NULL : rk_type_prop(spot->type, step.text);
		struct rk_spot below = { spot->type, NULL, RK_SHAPE_ONE, 0, spot->is_custom };
		if (prop != NULL)
			below = (struct rk_spot){ prop->type, prop, (enum rk_shape)prop->shape, 0, prop->proto[0] == 0 };
		else if (spot->shape != RK_SHAPE_MAP)
			below.type = NULL;
		if (below.type != NULL || !spot->is_custom) /* else its schema says what may stand there */
			check_below(check, &below, &step, val->fields[i].val);
	}
}

static void check_twice(struct check *check, const struct rk_children *children)
{
	for (uint32_t i = 1; i < children->count; i++) {
		struct rk_buf text = { 0 };
		if (!is_same_step(children, i - 1, i))
			continue;
		rk_buf_put_str(&text, "duplicate entries for key ");
		rk_step_print(&text, &children->at[i].step);
		wrong(check, rk_arena_str(check->arena, rk_buf_span(&text)));
		rk_buf_done(&text);
	}
}

static void check_items(struct check *check, const struct rk_spot *spot, const struct rk_val *val)
{
	const struct rk_spot item = { spot->type, NULL, RK_SHAPE_ONE, 0, spot->is_custom };
	const enum rk_spot_kind kind = rk_spot_kind(spot);
	struct rk_children children;
	const char *why;

	if (val->kind != RK_VAL_LIST) {
		wrong(check, rk_arena_printf(check->arena, "expected list, got &{%s}", shown(check->arena, val)));
		return;
	}
	if (kind == RK_SPOT_KEYED || kind == RK_SPOT_SET) {
		if (rk_spot_children(check->arena, spot, val, &children, &why) < 0) {
			wrong(check, why);
			return;
		}
		check_twice(check, &children);
		for (uint32_t i = 0; i < children.count; i++)
			check_below(check, &item, &children.at[i].step, children.at[i].val);
		return;
	}
	for (uint32_t i = 0; i < val->count; i++) {
		const char *text = rk_arena_printf(check->arena, "%u", i);
		const struct rk_step step = { RK_STEP_INDEX, rk_span_str(text), NULL };
		check_below(check, &item, &step, val->items[i]);
	}
}

static void check_spot(struct check *check, const struct rk_spot *spot, const struct rk_val *val)
{
	if (spot->type == NULL)
		wrong(check, "field not declared in schema");
	else if (val->kind == RK_VAL_NULL)
		return;
	else if (spot->shape == RK_SHAPE_LIST)
		check_items(check, spot, val);
	else if (spot->shape == RK_SHAPE_MAP || spot->type->kind == RK_TYPE_OBJECT)
		check_fields(check, spot, val);
	else
		check_scalar(check, spot->type, val);
}

const char *rk_fields_check(struct rk_arena *arena, const struct rk_type *type, const struct rk_val *val)
{
	const struct rk_spot spot = rk_spot_of(type);
	struct check check = { arena, { 0 }, rk_val_list(arena) };
	struct rk_buf all = { 0 };

	check_spot(&check, &spot, val);
	rk_buf_done(&check.path);
	const uint32_t count = check.wrongs->count;
	if (count == 0)
		return NULL;
	if (count > 1)
		rk_buf_put_str(&all, "errors:");
	for (uint32_t i = 0; i < count; i++) {
		rk_buf_put_str(&all, count > 1 ? "\n  " : "");
		rk_buf_put_span(&all, rk_val_text(check.wrongs->items[i]));
	}
	const char *text = rk_arena_str(arena, rk_buf_span(&all));
	rk_buf_done(&all);
	return text;
}
