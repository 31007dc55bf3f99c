/* Which paths differ between two forms of an object. */
#include "control/schema/fieldset_typed.h"

struct diff {
	struct rk_arena *arena;
	const char **ret_why;
};

struct differs { /* at one value and below it */
	const struct rk_fieldset *changed, *removed;
	bool is_changed, is_removed;
};

struct group { /* what is at one step on one side: one value, or several items that have the same step */
	const struct rk_child *at;
	uint32_t count;
};

/* What Go has where nothing was said. */
static const struct rk_val nothing_map = { .kind = RK_VAL_MAP }, nothing = { .kind = RK_VAL_NULL };

static bool is_bare(const struct rk_val *val)
{
	return val == NULL || val->kind == RK_VAL_NULL || rk_val_count(val) == 0;
}

static bool is_leaf(const struct rk_spot *spot, const struct rk_val *before, const struct rk_val *after)
{
	return rk_spot_kind_of(spot, before) == RK_SPOT_LEAF || rk_spot_kind_of(spot, after) == RK_SPOT_LEAF ||
	       (is_bare(before) && is_bare(after));
}

static int differ(const struct diff *diff, const struct rk_spot *spot, const struct rk_val *before,
		  const struct rk_val *after, struct differs *ret);

static bool are_equal(const struct group *a, const struct group *b)
{
	if (a->count != b->count)
		return false;
	for (uint32_t i = 0; i < a->count; i++)
		if (!rk_val_eq(a->at[i].val, b->at[i].val))
			return false;
	return true;
}

/* Items that are there more than once are compared, and owned, as one. */
static int differ_repeated(const struct diff *diff, const struct group *before, const struct group *after,
			   struct differs *ret)
{
	*ret = (struct differs){ 0 };
	if (before->count > 1 && after->count > 1) {
		ret->is_changed = !are_equal(before, after);
		return RK_OK;
	}
	if (before->count > 1) {
		if (after->count > 0)
			RK_TRY(differ(diff, &after->at->spot, NULL, after->at->val, ret));
		ret->is_removed = true;
		return RK_OK;
	}
	if (before->count > 0)
		RK_TRY(differ(diff, &before->at->spot, before->at->val, NULL, ret));
	ret->is_changed = true;
	return RK_OK;
}

static struct group next_group(const struct rk_children *children, uint32_t *at)
{
	const struct group none = { NULL, 0 };
	uint32_t count = 1;

	if (*at >= children->count)
		return none;
	while (*at + count < children->count &&
	       rk_step_cmp(&children->at[*at].step, &children->at[*at + count].step) == 0)
		count++;
	return (struct group){ &children->at[*at], count };
}

struct sides { /* which of the two are there at all, above */
	bool before, after;
};

static int differ_group(const struct diff *diff, const struct sides *sides, const struct group *before,
			const struct group *after, struct differs *ret)
{
	const struct rk_spot *spot = before->count > 0 ? &before->at->spot : &after->at->spot;
	const struct rk_val *had = before->count > 0 ? before->at->val : NULL;
	const struct rk_val *has = after->count > 0 ? after->at->val : NULL;

	if (before->count > 1 || after->count > 1)
		return differ_repeated(diff, before, after, ret);
	if ((had == NULL || has == NULL) && rk_spot_is_lasting(spot)) {
		const struct rk_val *bare = spot->shape == RK_SHAPE_ONE && spot->type->kind == RK_TYPE_OBJECT ?
						    &nothing_map :
						    &nothing;
		if (had == NULL && sides->before)
			had = bare;
		else if (has == NULL && sides->after)
			has = bare;
	}
	return differ(diff, spot, had, has, ret);
}

static int differ_below(const struct diff *diff, const struct rk_spot *spot, const struct rk_val *before,
			const struct rk_val *after, struct differs *ret)
{
	struct rk_fieldset_maker changed = { 0 }, removed = { 0 };
	const struct sides sides = { before != NULL, after != NULL };
	const struct group none = { NULL, 0 };
	struct rk_children had, has;
	uint32_t at_had = 0, at_has = 0;

	RK_TRY(rk_spot_children(diff->arena, spot, before, &had, diff->ret_why));
	RK_TRY(rk_spot_children(diff->arena, spot, after, &has, diff->ret_why));
	while (at_had < had.count || at_has < has.count) {
		struct group left = next_group(&had, &at_had), right = next_group(&has, &at_has);
		const int order = left.count == 0  ? 1 :
				  right.count == 0 ? -1 :
						     rk_step_cmp(&left.at->step, &right.at->step);
		struct differs below;
		left = order > 0 ? none : left;
		right = order < 0 ? none : right;
		at_had += left.count;
		at_has += right.count;
		const struct rk_step step = left.count > 0 ? left.at->step : right.at->step;
		RK_TRY(differ_group(diff, &sides, &left, &right, &below));
		rk_fieldset_add(diff->arena, &changed, step, below.is_changed, below.changed);
		rk_fieldset_add(diff->arena, &removed, step, below.is_removed, below.removed);
	}
	ret->changed = rk_fieldset_made(diff->arena, &changed);
	ret->removed = rk_fieldset_made(diff->arena, &removed);
	return RK_OK;
}

static int differ(const struct diff *diff, const struct rk_spot *spot, const struct rk_val *before,
		  const struct rk_val *after, struct differs *ret)
{
	const bool leaf = is_leaf(spot, before, after);

	*ret = (struct differs){ .is_changed = before == NULL, .is_removed = after == NULL };
	/* Most writes leave the metadata, the spec or the status as it is. Only here, so that no part is looked at more
	 * often than twice. */
	if (!leaf && spot->depth == 1 && before != NULL && after != NULL && rk_val_eq(before, after))
		return RK_OK;
	if (!leaf)
		return differ_below(diff, spot, before, after, ret);
	if (before != NULL && after != NULL)
		ret->is_changed = !rk_val_eq(before, after);
	return RK_OK;
}

int rk_fields_diff(struct rk_arena *arena, const struct rk_type *type, const struct rk_val *before,
		   const struct rk_val *after, struct rk_fields_diff *ret, const char **ret_why)
{
	const struct diff diff = { arena, ret_why };
	const struct rk_spot spot = rk_spot_of(type);
	struct differs all;

	RK_TRY(differ(&diff, &spot, before != NULL ? before : &nothing_map, after, &all));
	*ret = (struct rk_fields_diff){ all.changed, all.removed };
	return RK_OK;
}
