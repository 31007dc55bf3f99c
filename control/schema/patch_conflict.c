#include "control/schema/patch_conflict.h"

#include <stdlib.h>

#include "control/status.h"
#include "wire/json.h"

#define CAUSES_MAX 1000 /* that are told */

static int by_owner(const void *a, const void *b)
{
	const struct rk_owner *left = ((const struct rk_conflict *)a)->owner;
	const struct rk_owner *right = ((const struct rk_conflict *)b)->owner;
	int order = rk_span_cmp(left->manager, right->manager);

	if (order == 0)
		order = right->is_apply - left->is_apply;
	if (order == 0)
		order = rk_span_cmp(left->api_version, right->api_version);
	return order != 0 ? order : rk_span_cmp(left->sub, right->sub);
}

static void print_owner(struct rk_buf *out, const struct rk_owner *owner)
{
	rk_json_write_str(out, owner->manager);
	if (owner->sub.size > 0) {
		rk_buf_put_str(out, " with subresource ");
		rk_json_write_str(out, owner->sub);
	}
	if (!owner->is_apply)
		rk_buf_printf(out, " using %.*s", RK_SPAN_ARGS(owner->api_version));
}

struct telling {
	struct rk_arena *arena;
	struct rk_buf text;
	struct rk_val *causes;
	const char *owner; /* whose fields are being told */
	size_t count;      /* of all conflicts */
};

static void tell(void *context, struct rk_span path)
{
	struct telling *telling = context;
	const char *field = rk_arena_str(telling->arena, path);

	if (telling->causes->count >= CAUSES_MAX)
		return;
	rk_cause_add(telling->arena, telling->causes, "FieldManagerConflict", field, "conflict with %s",
		     telling->owner);
	if (telling->count == 1)
		rk_buf_printf(&telling->text, "conflict with %s: %s", telling->owner, field);
	else
		rk_buf_printf(&telling->text, "\n- %s", field);
}

struct rk_val *rk_conflicts_status(struct rk_arena *arena, struct rk_conflict *conflicts, uint32_t count)
{
	struct telling telling = { .arena = arena, .causes = rk_val_list(arena) };

	qsort(conflicts, count, sizeof *conflicts, by_owner);
	for (uint32_t i = 0; i < count; i++)
		telling.count += rk_fieldset_size(conflicts[i].fields);
	for (uint32_t i = 0; i < count; i++) {
		struct rk_buf owner = { 0 };
		print_owner(&owner, conflicts[i].owner);
		telling.owner = rk_arena_str(arena, rk_buf_span(&owner));
		rk_buf_done(&owner);
		if (telling.count > 1)
			rk_buf_printf(&telling.text, "%sconflicts with %s:", i > 0 ? "\n" : "", telling.owner);
		rk_fieldset_each(conflicts[i].fields, tell, &telling);
	}
	struct rk_val *status =
		rk_status(arena, 409, "Conflict", "Apply failed with %zu conflict%s: %s", telling.count,
			  telling.count > 1 ? "s" : "", rk_buf_cstr(&telling.text));
	rk_val_put(arena, rk_val_make(arena, status, "details"), "causes", telling.causes);
	rk_buf_done(&telling.text);
	return status;
}
