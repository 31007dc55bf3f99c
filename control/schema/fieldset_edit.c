/* What a set of paths means for an object of its type: taking things out, laying one object over another. */
#include "control/schema/fieldset_typed.h"

/* --- sets made to fit the type --- */

static const struct rk_fieldset *named_at(struct rk_arena *arena, const struct rk_spot *spot,
					  const struct rk_fieldset *set)
{
	struct rk_fieldset_maker maker = { 0 };

	for (uint32_t i = 0; set != NULL && i < set->count; i++) {
		const struct rk_fieldset_node *node = &set->at[i];
		const struct rk_spot below = rk_spot_below(spot, &node->step);
		rk_fieldset_add(arena, &maker, node->step, node->is_member || below.prop != NULL,
				named_at(arena, &below, node->children));
	}
	return rk_fieldset_made(arena, &maker);
}

const struct rk_fieldset *rk_fields_named(struct rk_arena *arena, const struct rk_type *type,
					  const struct rk_fieldset *set)
{
	const struct rk_spot spot = rk_spot_of(type);

	return named_at(arena, &spot, set);
}

static const struct rk_fieldset *fit_at(struct rk_arena *arena, const struct rk_spot *spot,
					const struct rk_fieldset *set)
{
	struct rk_fieldset_maker maker = { 0 };
	bool same = true;

	for (uint32_t i = 0; set != NULL && i < set->count; i++) {
		const struct rk_fieldset_node *node = &set->at[i];
		const struct rk_spot below = rk_spot_below(spot, &node->step);
		const bool is_whole = below.type != NULL && rk_spot_kind(&below) == RK_SPOT_LEAF;
		const struct rk_fieldset *children =
			is_whole || node->children == NULL ? NULL : fit_at(arena, &below, node->children);
		same = same && children == node->children;
		rk_fieldset_add(arena, &maker, node->step, node->is_member || is_whole, children);
	}
	return same ? set : rk_fieldset_made(arena, &maker);
}

const struct rk_fieldset *rk_fields_fit(struct rk_arena *arena, const struct rk_type *type,
					const struct rk_fieldset *set)
{
	const struct rk_spot spot = rk_spot_of(type);

	return fit_at(arena, &spot, set);
}

/* --- taking out --- */

/* The children of a value in the order in which they stand there. The value has been through rk_fields_of, so
 * every item has a step. */
static struct rk_child *in_place(struct rk_arena *arena, const struct rk_spot *spot, const struct rk_val *val,
				 struct rk_children *ret)
{
	struct rk_child *placed;
	const char *why;

	const int err = rk_spot_children(arena, spot, val, ret, &why);
	rk_assert(err == RK_OK);
	placed = rk_arena_alloc(arena, ret->count * sizeof *placed);
	for (uint32_t i = 0; i < ret->count; i++)
		placed[ret->at[i].at] = ret->at[i];
	return placed;
}

static struct rk_val *without(struct rk_arena *arena, const struct rk_spot *spot, struct rk_val *val,
			      const struct rk_fieldset *set)
{
	struct rk_children children;

	if (set == NULL || rk_val_count(val) == 0)
		return val;
	const struct rk_child *placed = in_place(arena, spot, val, &children);
	if (children.count == 0) /* a leaf */
		return val;
	struct rk_val *rest = val->kind == RK_VAL_LIST ? rk_val_list(arena) : rk_val_map(arena);
	if (rest->kind == RK_VAL_MAP) {
		rest->capacity = children.count;
		rest->fields = rk_arena_alloc(arena, children.count * sizeof *rest->fields);
	}
	for (uint32_t i = 0; i < children.count; i++) {
		const struct rk_fieldset_node *node = rk_fieldset_find(set, &placed[i].step);
		struct rk_val *item = placed[i].val;
		if (node != NULL && node->is_member)
			continue;
		if (node != NULL)
			item = without(arena, &placed[i].spot, item, node->children);
		if (rest->kind == RK_VAL_LIST && item->kind == RK_VAL_NULL)
			continue; /* nothing is left of it */
		if (rest->kind == RK_VAL_LIST)
			rk_val_append(arena, rest, item);
		else
			rest->fields[rest->count++] = (struct rk_field){ val->fields[i].key, item };
	}
	return rest->count > 0 ? rest : rk_val_null(arena);
}

struct rk_val *rk_fields_without(struct rk_arena *arena, const struct rk_type *type, struct rk_val *val,
				 const struct rk_fieldset *set)
{
	const struct rk_spot spot = rk_spot_of(type);

	return without(arena, &spot, val, set);
}
