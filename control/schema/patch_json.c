/* JSON patch (RFC 6902) with JSON pointers (RFC 6901). */
#include "base/mem.h"
#include "control/schema/patch_inner.h"

struct edit {
	struct rk_arena *arena;
	struct rk_val *root;
	size_t nodes; /* in the document, counted up by copies */
	struct rk_val **ret_status;
};

static int refuse_path(const struct edit *edit, const char *op, struct rk_span path,
		       const char *why)
{
	return rk_patch_refuse(edit->arena, edit->ret_status, 422,
			       "%s operation does not apply: doc is missing %s: \"%.*s\"", op, why,
			       RK_SPAN_ARGS(path));
}

static size_t count_nodes(const struct rk_val *val)
{
	size_t count = 1;

	for (uint32_t i = 0; i < rk_val_count(val); i++)
		count += count_nodes(val->kind == RK_VAL_LIST ? val->items[i] : val->fields[i].val);
	return count;
}

/* One step of a pointer with "~1" and "~0" undone. */
static struct rk_span unescape(struct rk_arena *arena, struct rk_span step)
{
	uint8_t *out = rk_arena_alloc(arena, step.size + 1);
	size_t size = 0;

	for (size_t i = 0; i < step.size; i++) {
		uint8_t c = step.data[i];
		if (c == '~' && i + 1 < step.size &&
		    (step.data[i + 1] == '0' || step.data[i + 1] == '1'))
			c = step.data[++i] == '1' ? '/' : '~';
		out[size++] = c;
	}
	return rk_span_of(out, size);
}

static bool read_index(struct rk_span step, uint32_t count, uint32_t *ret)
{
	uint64_t index = 0;

	if ((step.size > 1 && step.data[0] == '0') || !rk_span_u64(step, &index) || index >= count)
		return false;
	*ret = (uint32_t)index;
	return true;
}

static struct rk_val *child(const struct rk_val *parent, struct rk_span step)
{
	uint32_t index = 0;

	if (rk_val_is(parent, RK_VAL_LIST))
		return read_index(step, parent->count, &index) ? parent->items[index] : NULL;
	return rk_val_get(parent, step);
}

/* The container that the last step stands in; NULL when something on the way is not there. The path
 * is not "". */
static struct rk_val *walk(const struct edit *edit, struct rk_span path, struct rk_span *ret_last)
{
	struct rk_val *at = edit->root;
	struct rk_span step, rest = rk_span_sub(path, 1, path.size);

	for (;;) {
		rest = rk_span_cut(rest, '/', &step);
		*ret_last = unescape(edit->arena, step);
		if (rest.data == NULL)
			return at;
		at = child(at, *ret_last);
		if (rk_val_count(at) == 0 && !rk_val_is(at, RK_VAL_MAP) &&
		    !rk_val_is(at, RK_VAL_LIST))
			return NULL;
	}
}

static struct rk_val *find(const struct edit *edit, struct rk_span path)
{
	struct rk_span last;

	if (path.size == 0)
		return edit->root;
	return child(walk(edit, path, &last), last);
}

static void insert(struct rk_arena *arena, struct rk_val *list, uint32_t at, struct rk_val *val)
{
	rk_val_append(arena, list, val);
	memmove(list->items + at + 1, list->items + at,
		(list->count - 1 - at) * sizeof(struct rk_val *));
	list->items[at] = val;
}

static int op_add(struct edit *edit, struct rk_span path, struct rk_val *val, const char *op)
{
	struct rk_span last;
	uint32_t index = 0;

	if (path.size == 0) {
		edit->root = val;
		return RK_OK;
	}
	struct rk_val *parent = walk(edit, path, &last);
	if (rk_val_is(parent, RK_VAL_MAP)) {
		rk_val_set(edit->arena, parent, last, val);
		return RK_OK;
	}
	if (!rk_val_is(parent, RK_VAL_LIST))
		return refuse_path(edit, op, path, "path");
	if (rk_span_is(last, "-"))
		rk_val_append(edit->arena, parent, val);
	else if (read_index(last, parent->count + 1, &index))
		insert(edit->arena, parent, index, val);
	else
		return refuse_path(edit, op, path, "index");
	return RK_OK;
}

static int op_remove(struct edit *edit, struct rk_span path, const char *op)
{
	struct rk_span last;
	uint32_t index = 0;
	struct rk_val *parent = path.size > 0 ? walk(edit, path, &last) : NULL;

	if (rk_val_is(parent, RK_VAL_LIST) && read_index(last, parent->count, &index)) {
		rk_val_remove_item(parent, index);
		return RK_OK;
	}
	if (rk_val_is(parent, RK_VAL_MAP) && rk_val_remove(parent, last))
		return RK_OK;
	return refuse_path(edit, op, path, "key");
}

static int op_replace(struct edit *edit, struct rk_span path, struct rk_val *val)
{
	struct rk_span last;
	uint32_t index = 0;

	if (path.size == 0 || find(edit, path) == NULL)
		return path.size == 0 ? op_add(edit, path, val, "replace")
				      : refuse_path(edit, "replace", path, "key");
	struct rk_val *parent = walk(edit, path, &last);
	if (rk_val_is(parent, RK_VAL_MAP))
		rk_val_set(edit->arena, parent, last, val);
	else if (read_index(last, parent->count, &index))
		parent->items[index] = val;
	return RK_OK;
}

static int op_copy(struct edit *edit, struct rk_span from, struct rk_span path)
{
	const struct rk_val *val = find(edit, from);

	if (val == NULL)
		return refuse_path(edit, "copy", from, "from path");
	edit->nodes += count_nodes(val);
	if (edit->nodes > RK_PATCH_NODES_MAX)
		return rk_patch_refuse(
			edit->arena, edit->ret_status, 422,
			"the copies in this patch make the object larger than %d values",
			RK_PATCH_NODES_MAX);
	return op_add(edit, path, rk_val_copy(edit->arena, val), "copy");
}

static int op_move(struct edit *edit, struct rk_span from, struct rk_span path)
{
	struct rk_val *val = find(edit, from);

	if (val == NULL)
		return refuse_path(edit, "move", from, "from path");
	if (rk_span_starts(path, from) && path.size > from.size && path.data[from.size] == '/')
		return rk_patch_refuse(edit->arena, edit->ret_status, 422,
				       "a value cannot be moved into itself");
	RK_TRY(op_remove(edit, from, "move"));
	return op_add(edit, path, val, "move");
}

static int op_test(struct edit *edit, struct rk_span path, const struct rk_val *val)
{
	const struct rk_val *has = find(edit, path);

	/* Upstream's library takes what is missing for a null. */
	if ((has == NULL && rk_val_is(val, RK_VAL_NULL)) || rk_val_eq(has, val))
		return RK_OK;
	return rk_patch_refuse(edit->arena, edit->ret_status, 422,
			       "testing path %.*s value failed: test failed", RK_SPAN_ARGS(path));
}

static bool is_pointer(const struct rk_val *val)
{
	const struct rk_span text = rk_val_text(val);

	return rk_val_is(val, RK_VAL_STR) && (text.size == 0 || text.data[0] == '/');
}

static int malformed(const struct edit *edit, uint32_t at, const char *why)
{
	return rk_patch_refuse(edit->arena, edit->ret_status, 400, "operation %u of the patch: %s",
			       at, why);
}

static int run(struct edit *edit, const struct rk_val *op, uint32_t at)
{
	const struct rk_span verb = rk_val_text_at(op, "op");
	const struct rk_val *from = rk_val_at(op, "from"), *val = rk_val_at(op, "value");
	const struct rk_span path = rk_val_text_at(op, "path");
	const bool needs_from = rk_span_is(verb, "move") || rk_span_is(verb, "copy");
	const bool needs_value =
		rk_span_is(verb, "add") || rk_span_is(verb, "replace") || rk_span_is(verb, "test");

	if (!needs_from && !needs_value && !rk_span_is(verb, "remove"))
		return malformed(edit, at, "op is none of add, remove, replace, move, copy, test");
	if (!is_pointer(rk_val_at(op, "path")))
		return malformed(edit, at, "path is not a JSON pointer");
	if (needs_from && !is_pointer(from))
		return malformed(edit, at, "from is not a JSON pointer");
	if (needs_value && val == NULL)
		return malformed(edit, at, "value is missing");
	if (rk_span_is(verb, "add"))
		return op_add(edit, path, rk_val_copy(edit->arena, val), "add");
	if (rk_span_is(verb, "replace"))
		return op_replace(edit, path, rk_val_copy(edit->arena, val));
	if (rk_span_is(verb, "test"))
		return op_test(edit, path, val);
	if (rk_span_is(verb, "move"))
		return op_move(edit, rk_val_text(from), path);
	return needs_from ? op_copy(edit, rk_val_text(from), path)
			  : op_remove(edit, path, "remove");
}

int rk_patch_json(struct rk_arena *arena, const struct rk_val *target, const struct rk_val *patch,
		  struct rk_val **ret, struct rk_val **ret_status)
{
	struct edit edit = { arena, rk_val_copy(arena, target), count_nodes(target), ret_status };

	if (!rk_val_is(patch, RK_VAL_LIST))
		return rk_patch_refuse(arena, ret_status, 400,
				       "a JSON patch is a list of operations");
	if (patch->count > RK_PATCH_OPS_MAX)
		return rk_patch_refuse(
			arena, ret_status, 413,
			"The allowed maximum operations in a JSON patch is %d, got %u",
			RK_PATCH_OPS_MAX, patch->count);
	for (uint32_t i = 0; i < patch->count; i++)
		RK_TRY(run(&edit, patch->items[i], i));
	if (!rk_val_is(edit.root, RK_VAL_MAP) || rk_patch_is_deep(edit.root, RK_PATCH_DEPTH_MAX))
		return rk_patch_refuse(
			arena, ret_status, 422,
			"what the patch leaves is not an object, or nested too deep");
	*ret = edit.root;
	return RK_OK;
}
