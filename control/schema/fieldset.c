#include "control/schema/fieldset.h"

#include <stdlib.h>

/* --- making --- */

void rk_fieldset_add(struct rk_arena *arena, struct rk_fieldset_maker *maker, struct rk_step step, bool is_member,
		     const struct rk_fieldset *children)
{
	if (!is_member && children == NULL)
		return;
	maker->at = rk_arena_grow(arena, maker->at, &maker->capacity, maker->count, sizeof *maker->at);
	maker->at[maker->count++] = (struct rk_fieldset_node){ step, is_member, children };
}

static int by_step(const void *a, const void *b)
{
	const struct rk_fieldset_node *left = a, *right = b;

	return rk_step_cmp(&left->step, &right->step);
}

static bool is_sorted(const struct rk_fieldset_maker *maker)
{
	for (uint32_t i = 1; i < maker->count; i++)
		if (rk_step_cmp(&maker->at[i - 1].step, &maker->at[i].step) >= 0)
			return false;
	return true;
}

const struct rk_fieldset *rk_fieldset_made(struct rk_arena *arena, struct rk_fieldset_maker *maker)
{
	uint32_t kept = 0;

	if (maker->count == 0)
		return NULL;
	if (!is_sorted(maker)) {
		qsort(maker->at, maker->count, sizeof *maker->at, by_step);
		for (uint32_t i = 0; i < maker->count; i++) {
			struct rk_fieldset_node *last = kept > 0 ? &maker->at[kept - 1] : NULL;
			if (last == NULL || rk_step_cmp(&last->step, &maker->at[i].step) != 0) {
				maker->at[kept++] = maker->at[i];
				continue;
			}
			last->is_member = last->is_member || maker->at[i].is_member;
			last->children = rk_fieldset_union(arena, last->children, maker->at[i].children);
		}
		maker->count = kept;
	}
	struct rk_fieldset *set = rk_arena_alloc(arena, sizeof *set);
	*set = (struct rk_fieldset){ maker->count, maker->at };
	return set;
}

/* --- reckoning: one walk along two sorted lists --- */

struct pair { /* the next step of either, with what each has there */
	const struct rk_fieldset_node *a, *b;
};

struct walk {
	const struct rk_fieldset *a, *b;
	uint32_t at_a, at_b;
};

static bool next_pair(struct walk *walk, struct pair *ret)
{
	const bool has_a = walk->a != NULL && walk->at_a < walk->a->count;
	const bool has_b = walk->b != NULL && walk->at_b < walk->b->count;
	const struct rk_fieldset_node *a = has_a ? &walk->a->at[walk->at_a] : NULL;
	const struct rk_fieldset_node *b = has_b ? &walk->b->at[walk->at_b] : NULL;

	if (!has_a && !has_b)
		return false;
	const int order = !has_b ? -1 : !has_a ? 1 : rk_step_cmp(&a->step, &b->step);
	ret->a = order <= 0 ? a : NULL;
	ret->b = order >= 0 ? b : NULL;
	walk->at_a += order <= 0;
	walk->at_b += order >= 0;
	return true;
}

/* What of a node is left: is_member and children; `same` falls when it is not the whole node. */
static void keep(struct rk_arena *arena, struct rk_fieldset_maker *maker, const struct rk_fieldset_node *of,
		 bool is_member, const struct rk_fieldset *children, bool *same)
{
	if (of->is_member != is_member || of->children != children)
		*same = false;
	rk_fieldset_add(arena, maker, of->step, is_member, children);
}

const struct rk_fieldset *rk_fieldset_union(struct rk_arena *arena, const struct rk_fieldset *a,
					    const struct rk_fieldset *b)
{
	struct rk_fieldset_maker maker = { 0 };
	struct walk walk = { a, b, 0, 0 };
	struct pair pair;
	bool is_a = true, is_b = true;

	if (a == NULL || b == NULL || a == b)
		return a != NULL ? a : b;
	while (next_pair(&walk, &pair)) {
		is_a = is_a && pair.a != NULL;
		is_b = is_b && pair.b != NULL;
		if (pair.a == NULL || pair.b == NULL) {
			const struct rk_fieldset_node *one = pair.a != NULL ? pair.a : pair.b;
			rk_fieldset_add(arena, &maker, one->step, one->is_member, one->children);
			continue;
		}
		const struct rk_fieldset *children =
			rk_fieldset_union(arena, pair.a->children, pair.b->children);
		const bool is_member = pair.a->is_member || pair.b->is_member;
		is_b = is_b && pair.b->is_member == is_member && pair.b->children == children;
		keep(arena, &maker, pair.a, is_member, children, &is_a);
	}
	return is_a ? a : is_b ? b : rk_fieldset_made(arena, &maker);
}

const struct rk_fieldset *rk_fieldset_both(struct rk_arena *arena, const struct rk_fieldset *a,
					   const struct rk_fieldset *b)
{
	struct rk_fieldset_maker maker = { 0 };
	struct walk walk = { a, b, 0, 0 };
	struct pair pair;
	bool is_a = true;

	if (a == NULL || b == NULL)
		return NULL;
	if (a == b)
		return a;
	while (next_pair(&walk, &pair)) {
		if (pair.a == NULL || pair.b == NULL) {
			is_a = is_a && pair.a == NULL;
			continue;
		}
		keep(arena, &maker, pair.a, pair.a->is_member && pair.b->is_member,
		     rk_fieldset_both(arena, pair.a->children, pair.b->children), &is_a);
	}
	return is_a ? a : rk_fieldset_made(arena, &maker);
}

const struct rk_fieldset *rk_fieldset_minus(struct rk_arena *arena, const struct rk_fieldset *a,
					    const struct rk_fieldset *b)
{
	struct rk_fieldset_maker maker = { 0 };
	struct walk walk = { a, b, 0, 0 };
	struct pair pair;
	bool is_a = true;

	if (a == NULL || b == NULL)
		return a;
	if (a == b)
		return NULL;
	while (next_pair(&walk, &pair)) {
		if (pair.a == NULL)
			continue;
		if (pair.b == NULL)
			keep(arena, &maker, pair.a, pair.a->is_member, pair.a->children, &is_a);
		else
			keep(arena, &maker, pair.a, pair.a->is_member && !pair.b->is_member,
			     rk_fieldset_minus(arena, pair.a->children, pair.b->children), &is_a);
	}
	return is_a ? a : rk_fieldset_made(arena, &maker);
}

bool rk_fieldset_eq(const struct rk_fieldset *a, const struct rk_fieldset *b)
{
	if (a == b)
		return true;
	if (a == NULL || b == NULL || a->count != b->count)
		return false;
	for (uint32_t i = 0; i < a->count; i++)
		if (a->at[i].is_member != b->at[i].is_member ||
		    rk_step_cmp(&a->at[i].step, &b->at[i].step) != 0 ||
		    !rk_fieldset_eq(a->at[i].children, b->at[i].children))
			return false;
	return true;
}

const struct rk_fieldset_node *rk_fieldset_find(const struct rk_fieldset *set, const struct rk_step *step)
{
	uint32_t from = 0, to = set != NULL ? set->count : 0;

	while (from < to) {
		const uint32_t middle = from + (to - from) / 2;
		const int order = rk_step_cmp(&set->at[middle].step, step);
		if (order == 0)
			return &set->at[middle];
		if (order < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return NULL;
}

size_t rk_fieldset_size(const struct rk_fieldset *set)
{
	size_t size = 0;

	for (uint32_t i = 0; set != NULL && i < set->count; i++)
		size += set->at[i].is_member + rk_fieldset_size(set->at[i].children);
	return size;
}

/* --- listing --- */

struct listing {
	struct rk_buf path;
	void (*each)(void *context, struct rk_span path);
	void *context;
};

static void list_paths(struct listing *listing, const struct rk_fieldset *set)
{
	const size_t size = listing->path.size;

	for (uint32_t i = 0; i < set->count; i++) {
		if (!set->at[i].is_member)
			continue;
		rk_step_print(&listing->path, &set->at[i].step);
		listing->each(listing->context, rk_buf_span(&listing->path));
		listing->path.size = size;
	}
	for (uint32_t i = 0; i < set->count; i++) {
		if (set->at[i].children == NULL)
			continue;
		rk_step_print(&listing->path, &set->at[i].step);
		list_paths(listing, set->at[i].children);
		listing->path.size = size;
	}
}

void rk_fieldset_each(const struct rk_fieldset *set, void (*each)(void *context, struct rk_span path), void *context)
{
	struct listing listing = { { 0 }, each, context };

	if (set != NULL)
		list_paths(&listing, set);
	rk_buf_done(&listing.path);
}
