/* What a template makes of a value. */
#include "wire/jsonpath_inner.h"

#include "base/mem.h"
#include "wire/json.h"

struct found { /* borrowed values */
	const struct rk_val **at;
	size_t count, capacity;
};

static void drop_found(struct found *found) { free(found->at); }

static bool add(struct found *found, const struct rk_val *val)
{
	if (val == NULL)
		return true;
	if (found->count == RK_JSONPATH_RESULTS_MAX)
		return false;
	found->at = rk_grow(found->at, &found->capacity, found->count + 1, sizeof *found->at);
	found->at[found->count++] = val;
	return true;
}

static bool walk(const struct rk_step *step, const struct rk_val *root, const struct rk_val *val,
		 struct found *out);

static bool children(const struct rk_val *val, struct found *out)
{
	for (uint32_t i = 0; i < rk_val_count(val); i++)
		if (!add(out, val->kind == RK_VAL_MAP ? val->fields[i].val : val->items[i]))
			return false;
	return true;
}

static bool deep(const struct rk_val *val, struct found *out)
{
	if (!add(out, val))
		return false;
	for (uint32_t i = 0; i < rk_val_count(val); i++)
		if (!deep(val->kind == RK_VAL_MAP ? val->fields[i].val : val->items[i], out))
			return false;
	return true;
}

static bool slice(const struct rk_step *step, const struct rk_val *val, struct found *out)
{
	const int64_t count = rk_val_count(val);
	int64_t from = step->has_from ? step->from : 0, to = step->has_to ? step->to : count;

	if (!rk_val_is(val, RK_VAL_LIST))
		return true;
	from += from < 0 ? count : 0;
	to += to < 0 ? count : 0;
	if (step->is_index)
		return from < 0 || from >= count || add(out, rk_val_item(val, (uint32_t)from));
	for (int64_t i = RK_MAX(from, 0); i < RK_MIN(to, count); i += step->by)
		if (!add(out, rk_val_item(val, (uint32_t)i)))
			return false;
	return true;
}

/* --- filters --- */

static double real_of(const struct rk_val *val)
{
	return val->kind == RK_VAL_REAL ? val->real : (double)val->integer;
}

static bool is_number(const struct rk_val *val)
{
	return rk_val_is(val, RK_VAL_INT) || rk_val_is(val, RK_VAL_REAL);
}

/* False when they cannot be compared. */
static bool compare(const struct rk_val *a, const struct rk_val *b, int *ret)
{
	if (rk_val_is(a, RK_VAL_INT) && rk_val_is(b, RK_VAL_INT))
		*ret = a->integer < b->integer ? -1 : a->integer > b->integer;
	else if (is_number(a) && is_number(b))
		*ret = real_of(a) < real_of(b) ? -1 : real_of(a) > real_of(b);
	else if (rk_val_is(a, RK_VAL_STR) && rk_val_is(b, RK_VAL_STR))
		*ret = rk_span_cmp(a->str, b->str);
	else if (rk_val_is(a, RK_VAL_BOOL) && rk_val_is(b, RK_VAL_BOOL))
		*ret = (int)a->boolean - (int)b->boolean;
	else
		return false;
	return true;
}

static bool operand(const struct rk_operand *operand, const struct rk_val *root,
		    const struct rk_val *val, const struct rk_val **ret)
{
	RK_AUTO(drop_found) struct found found = { 0 };

	*ret = operand->literal;
	if (operand->literal != NULL)
		return true;
	if (!walk(operand->path, root, val, &found))
		return false;
	*ret = found.count > 0 ? found.at[0] : NULL;
	return true;
}

static bool passes(const struct rk_step *step, const struct rk_val *root, const struct rk_val *val,
		   bool *ret)
{
	const struct rk_val *left = NULL, *right = NULL;
	int order = 0;

	*ret = false;
	if (!operand(&step->left, root, val, &left))
		return false;
	if (step->op[0] == '\0') {
		*ret = left != NULL;
		return true;
	}
	if (!operand(&step->right, root, val, &right))
		return false;
	if (left == NULL || right == NULL || !compare(left, right, &order))
		return true;
	const bool with_equal = step->op[1] == '=';
	*ret = step->op[0] == '='   ? order == 0
	       : step->op[0] == '!' ? order != 0
	       : step->op[0] == '<' ? order < 0 || (with_equal && order == 0)
				    : order > 0 || (with_equal && order == 0);
	return true;
}

static bool filter(const struct rk_step *step, const struct rk_val *root, const struct rk_val *val,
		   struct found *out)
{
	for (uint32_t i = 0; rk_val_is(val, RK_VAL_LIST) && i < val->count; i++) {
		bool is_in;
		if (!passes(step, root, val->items[i], &is_in) ||
		    (is_in && !add(out, val->items[i])))
			return false;
	}
	return true;
}

static bool one_step(const struct rk_step *step, const struct rk_val *root,
		     const struct rk_val *val, struct found *out)
{
	switch (step->kind) {
	case RK_STEP_ROOT: return add(out, root);
	case RK_STEP_FIELD: return add(out, rk_val_get(val, step->name));
	case RK_STEP_ANY: return children(val, out);
	case RK_STEP_DEEP: return deep(val, out);
	case RK_STEP_SLICE: return slice(step, val, out);
	case RK_STEP_FILTER: return filter(step, root, val, out);
	case RK_STEP_UNION:
		for (const struct rk_step *choice = step->choices; choice != NULL;
		     choice = choice->next_choice)
			if (!one_step(choice, root, val, out))
				return false;
	}
	return true;
}

/* Every step makes a set of the one before. False when a set grows beyond all measure. */
static bool walk(const struct rk_step *step, const struct rk_val *root, const struct rk_val *val,
		 struct found *out)
{
	RK_AUTO(drop_found) struct found now = { 0 };

	if (!add(&now, val))
		return false;
	for (; step != NULL; step = step->next) {
		struct found then = { 0 };
		bool ok = true;
		for (size_t i = 0; i < now.count && ok; i++)
			ok = one_step(step, root, now.at[i], &then);
		free(now.at);
		now = then;
		if (!ok)
			return false;
	}
	for (size_t i = 0; i < now.count; i++)
		if (!add(out, now.at[i]))
			return false;
	return true;
}

void rk_jsonpath_put(struct rk_buf *out, const struct rk_val *val)
{
	if (rk_val_is(val, RK_VAL_STR))
		rk_buf_put_span(out, val->str);
	else if (!rk_val_is(val, RK_VAL_NULL))
		rk_json_write(out, val, false);
}

static bool print(const struct rk_jsonpath *node, const struct rk_val *root,
		  const struct rk_val *val, struct rk_buf *out)
{
	for (; node != NULL; node = node->next) {
		RK_AUTO(drop_found) struct found found = { 0 };
		if (node->kind == RK_NODE_TEXT) {
			rk_buf_put_span(out, node->text);
			continue;
		}
		if (!walk(node->path, root, val, &found))
			return false;
		for (size_t i = 0; i < found.count; i++) {
			if (node->kind == RK_NODE_RANGE) {
				if (!print(node->body, root, found.at[i], out))
					return false;
				continue;
			}
			rk_buf_put_str(out, i > 0 ? " " : "");
			rk_jsonpath_put(out, found.at[i]);
		}
	}
	return true;
}

int rk_jsonpath_print(const struct rk_jsonpath *path, const struct rk_val *val, struct rk_buf *out,
		      struct rk_error *error)
{
	if (!print(path, val, val, out))
		return rk_fail(error, RK_ETOOBIG, "jsonpath: more than %d results",
			       RK_JSONPATH_RESULTS_MAX);
	return RK_OK;
}

int rk_jsonpath_find(struct rk_arena *arena, const struct rk_jsonpath *path,
		     const struct rk_val *val, struct rk_val **ret, struct rk_error *error)
{
	RK_AUTO(drop_found) struct found found = { 0 };

	while (path != NULL && path->kind == RK_NODE_TEXT)
		path = path->next;
	if (path != NULL && !walk(path->path, val, val, &found))
		return rk_fail(error, RK_ETOOBIG, "jsonpath: more than %d results",
			       RK_JSONPATH_RESULTS_MAX);
	*ret = rk_val_list(arena);
	for (size_t i = 0; i < found.count; i++)
		rk_val_append(arena, *ret, rk_val_copy(arena, found.at[i]));
	return RK_OK;
}
