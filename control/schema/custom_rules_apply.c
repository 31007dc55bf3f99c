/* Pruning and defaults by a structural schema. */
#include "control/schema/custom_rules.h"

#define UNKNOWN_MAX 64 /* that are told by name */

/* --- pruning --- */

struct prune {
	struct rk_arena *arena;
	struct rk_val *unknown;
};

static void prune(const struct prune *p, const struct rk_path *path,
		  const struct rk_structure *rule, struct rk_val *val, bool is_object);

static void note(const struct prune *p, const struct rk_path *path)
{
	if (p->unknown != NULL && rk_val_count(p->unknown) < UNKNOWN_MAX)
		rk_val_append(p->arena, p->unknown,
			      rk_val_strf(p->arena, "unknown field \"%s\"",
					  rk_path_text(p->arena, path, true)));
}

/* What every object has, whatever its schema says. */
static bool is_type_meta(struct rk_span name)
{
	return rk_span_is(name, "apiVersion") || rk_span_is(name, "kind") ||
	       rk_span_is(name, "metadata");
}

static void prune_map(const struct prune *p, const struct rk_path *path,
		      const struct rk_structure *rule, struct rk_val *val, bool is_object)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < val->count; i++) {
		const struct rk_field field = val->fields[i];
		const struct rk_path here = { path, field.key, -1, false };
		const struct rk_structure *of_field = rk_structure_below(rule, field.key);
		const bool is_meta = is_object && is_type_meta(field.key);
		if (of_field == NULL && !rule->keeps_unknown && !is_meta) {
			note(p, &here);
			continue;
		}
		if (of_field != NULL && !is_meta)
			prune(p, &here, of_field, field.val, of_field->is_embedded);
		val->fields[kept++] = field;
	}
	val->count = kept;
}

static void prune(const struct prune *p, const struct rk_path *path,
		  const struct rk_structure *rule, struct rk_val *val, bool is_object)
{
	if (rk_val_is(val, RK_VAL_MAP)) {
		prune_map(p, path, rule, val, is_object);
		return;
	}
	for (uint32_t i = 0; rk_val_is(val, RK_VAL_LIST) && rule->items != NULL && i < val->count;
	     i++) {
		const struct rk_path here = rk_path_item(path, i);
		prune(p, &here, rule->items, val->items[i], rule->items->is_embedded);
	}
}

void rk_structure_prune(struct rk_arena *arena, const struct rk_structure *rule,
			struct rk_val *object, struct rk_val *unknown)
{
	const struct prune p = { arena, unknown };

	prune(&p, NULL, rule, object, true);
}

/* --- defaults --- */

static void drop_nulls(const struct rk_structure *rule, struct rk_val *map)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < map->count; i++) {
		const struct rk_structure *of_field = rk_structure_below(rule, map->fields[i].key);
		const bool may_be_null = of_field == NULL || of_field->nullable;
		if (!rk_val_is(map->fields[i].val, RK_VAL_NULL) || may_be_null)
			map->fields[kept++] = map->fields[i];
	}
	map->count = kept;
}

static void fill_map(struct rk_arena *arena, const struct rk_structure *rule, struct rk_val *map)
{
	drop_nulls(rule, map);
	for (uint32_t i = 0; i < rule->field_count; i++) {
		const struct rk_structure_field *field = &rule->fields[i];
		if (field->rule->preset != NULL && rk_val_get(map, field->name) == NULL)
			rk_val_set(arena, map, field->name,
				   rk_val_copy(arena, field->rule->preset));
	}
	for (uint32_t i = map->count; i > 0; i--) {
		const struct rk_span name = map->fields[i - 1].key;
		const struct rk_structure *of_field = rk_structure_below(rule, name);
		if (of_field != NULL)
			rk_structure_default(arena, of_field, map->fields[i - 1].val);
	}
}

void rk_structure_default(struct rk_arena *arena, const struct rk_structure *rule,
			  struct rk_val *object)
{
	if (rk_val_is(object, RK_VAL_MAP))
		fill_map(arena, rule, object);
	for (uint32_t i = 0;
	     rk_val_is(object, RK_VAL_LIST) && rule->items != NULL && i < object->count; i++)
		rk_structure_default(arena, rule->items, object->items[i]);
}
