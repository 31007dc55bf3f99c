/* One object laid over another, by the type: what is applied wins, what only the other has stays. Items of lists
 * keep the order that was applied, and the others their places among them. */
#include "control/schema/fieldset_typed.h"

struct list { /* of items with steps */
	struct rk_children sorted;
	const struct rk_child **placed;
	uint32_t count;
};

static struct rk_val *merge(struct rk_arena *arena, const struct rk_spot *spot, struct rk_val *live,
			    struct rk_val *config);

static void children_of(struct rk_arena *arena, const struct rk_spot *spot, const struct rk_val *val,
			struct rk_children *ret)
{
	const char *why;
	const int err = rk_spot_children(arena, spot, val, ret, &why);

	rk_assert(err == RK_OK); /* it has passed rk_fields_of */
}

static struct list list_of(struct rk_arena *arena, const struct rk_spot *spot, const struct rk_val *val)
{
	struct list list;

	children_of(arena, spot, val, &list.sorted);
	list.count = list.sorted.count;
	list.placed = rk_arena_alloc(arena, list.count * sizeof(struct rk_child *));
	for (uint32_t i = 0; i < list.count; i++)
		list.placed[list.sorted.at[i].at] = &list.sorted.at[i];
	return list;
}

/* --- lists --- */

struct weave { /* of two lists into one */
	struct rk_arena *arena;
	struct list live, config;
	uint32_t at_live, at_config;
	uint32_t shared; /* place in `config` of the next item that both have; config.count when there is none */
	bool *is_taken;  /* of the items of `config` */
	struct rk_val *out;
};

static bool same_step(const struct rk_child *a, const struct rk_child *b)
{
	return rk_step_cmp(&a->step, &b->step) == 0;
}

/* From which item of `live` the one of `config` goes on; none when there are several. */
static struct rk_val *live_like(const struct weave *weave, const struct rk_child *child)
{
	const struct rk_children *sorted = &weave->live.sorted;
	const struct rk_child *like = rk_children_find(sorted, &child->step);

	if (like == NULL)
		return NULL;
	const bool repeats = (like > sorted->at && same_step(like - 1, like)) ||
			     (like + 1 < sorted->at + sorted->count && same_step(like, like + 1));
	return repeats ? NULL : like->val;
}

static void find_shared(struct weave *weave, uint32_t from)
{
	weave->shared = from;
	while (weave->shared < weave->config.count &&
	       rk_children_find(&weave->live.sorted, &weave->config.placed[weave->shared]->step) == NULL)
		weave->shared++;
}

static void take_config(struct weave *weave)
{
	const uint32_t at = weave->at_config++;
	const struct rk_child *child = weave->config.placed[at];

	rk_val_append(weave->arena, weave->out,
		      merge(weave->arena, &child->spot, live_like(weave, child), child->val));
	weave->is_taken[at] = true;
	if (at == weave->shared)
		find_shared(weave, at + 1);
}

/* Whether the next item of `live` was dealt with: it stays where it is, or comes with its fellow of `config`. */
static bool pass_live(struct weave *weave)
{
	const struct rk_child *child = weave->live.placed[weave->at_live];
	const struct rk_child *fellow = rk_children_find(&weave->config.sorted, &child->step);
	const bool both_go_on = weave->at_config < weave->config.count;

	if (fellow == NULL) {
		rk_val_append(weave->arena, weave->out, child->val);
	} else if (both_go_on && weave->at_config == fellow->at) {
		take_config(weave);
	} else if (both_go_on && weave->shared < weave->config.count && weave->shared != fellow->at) {
		/* not the one whose turn it is */
	} else if (!weave->is_taken[fellow->at]) {
		return false;
	} else if (both_go_on) { /* one that repeats: gone, and the next of `config` has its turn */
		take_config(weave);
	}
	weave->at_live++;
	return true;
}

static struct rk_val *merge_list(struct rk_arena *arena, const struct rk_spot *spot, const struct rk_val *live,
				 const struct rk_val *config)
{
	struct weave weave = {
		.arena = arena,
		.live = list_of(arena, spot, live),
		.config = list_of(arena, spot, config),
		.out = rk_val_list(arena),
	};

	weave.is_taken = rk_arena_zalloc(arena, weave.config.count);
	find_shared(&weave, 0);
	while (weave.at_live < weave.live.count || weave.at_config < weave.config.count)
		if (weave.at_live == weave.live.count || !pass_live(&weave))
			take_config(&weave);
	return weave.out;
}

/* --- maps --- */

static struct rk_val *merge_map(struct rk_arena *arena, const struct rk_spot *spot, const struct rk_val *live,
				const struct rk_val *config)
{
	struct rk_val *out = rk_val_map(arena);
	struct rk_children had, has;

	children_of(arena, spot, live, &had);
	children_of(arena, spot, config, &has);
	out->capacity = had.count + has.count;
	out->fields = rk_arena_alloc(arena, out->capacity * sizeof *out->fields);
	for (uint32_t i = 0; i < had.count; i++) {
		const struct rk_child *child = &had.at[i], *over = rk_children_find(&has, &child->step);
		struct rk_val *val =
			over != NULL ? merge(arena, &child->spot, child->val, over->val) : child->val;
		out->fields[child->at] = (struct rk_field){ child->step.text, val };
	}
	out->count = had.count;
	for (uint32_t i = 0; i < has.count; i++)
		if (rk_children_find(&had, &has.at[i].step) == NULL)
			out->fields[out->count++] = (struct rk_field){ has.at[i].step.text, has.at[i].val };
	return out;
}

static struct rk_val *merge(struct rk_arena *arena, const struct rk_spot *spot, struct rk_val *live,
			    struct rk_val *config)
{
	if (rk_val_count(live) == 0 || rk_spot_kind_of(spot, live) == RK_SPOT_LEAF ||
	    rk_spot_kind_of(spot, config) == RK_SPOT_LEAF)
		return config;
	if (config->kind == RK_VAL_NULL) /* says nothing of what is owned by parts */
		return live;
	return live->kind == RK_VAL_LIST ? merge_list(arena, spot, live, config) : merge_map(arena, spot, live, config);
}

struct rk_val *rk_fields_merge(struct rk_arena *arena, const struct rk_type *type, struct rk_val *live,
			       struct rk_val *config)
{
	const struct rk_spot spot = rk_spot_of(type);

	return merge(arena, &spot, live, config);
}
