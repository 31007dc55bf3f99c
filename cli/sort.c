#include "cli/sort.h"

#include <stdlib.h>

#include "control/schema/quantity.h"

struct keyed {
	struct rk_val *item;
	const struct rk_val *key;
	uint32_t place;
};

static int compare(const void *left, const void *right)
{
	const struct keyed *a = left, *b = right;
	struct rk_quantity qa, qb;
	int order = 0;

	if (a->key == NULL || b->key == NULL)
		order = (a->key != NULL) - (b->key != NULL);
	else if (rk_val_is(a->key, RK_VAL_INT) && rk_val_is(b->key, RK_VAL_INT))
		order = a->key->integer < b->key->integer ? -1 : a->key->integer > b->key->integer;
	else if (rk_quantity_parse(rk_val_text(a->key), &qa) == RK_OK &&
		 rk_quantity_parse(rk_val_text(b->key), &qb) == RK_OK)
		order = qa.nano < qb.nano ? -1 : qa.nano > qb.nano;
	else
		order = rk_span_cmp(rk_val_text(a->key), rk_val_text(b->key));
	return order != 0 ? order : (a->place < b->place ? -1 : a->place > b->place);
}

int rk_sort_list(struct rk_arena *arena, struct rk_val *list, const char *within,
		 const struct rk_jsonpath *path, struct rk_error *error)
{
	const uint32_t count = rk_val_count(list);
	struct keyed *keyed = rk_arena_alloc(arena, (count + 1) * sizeof *keyed);

	for (uint32_t i = 0; i < count; i++) {
		struct rk_val *item = rk_val_item(list, i), *found = NULL;
		RK_TRY(rk_jsonpath_find(arena, path,
					within != NULL ? rk_val_at(item, within) : item, &found,
					error));
		keyed[i] = (struct keyed){ item, rk_val_item(found, 0), i };
	}
	qsort(keyed, count, sizeof *keyed, compare);
	for (uint32_t i = 0; i < count; i++)
		list->items[i] = keyed[i].item;
	return RK_OK;
}
