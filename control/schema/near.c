/* The nearest right name for a slip of the pen. */
#include "control/schema/registry.h"

#define WORD_MAX     64
#define DISTANCE_MAX 3

static uint8_t lower(uint8_t c) { return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c; }

/* Edit distance with swaps of neighbours (optimal string alignment); case does not count. */
static unsigned distance(struct rk_span a, struct rk_span b)
{
	unsigned rows[3][WORD_MAX + 1];

	for (size_t n = 0; n <= b.size; n++)
		rows[0][n] = (unsigned)n;
	for (size_t i = 1; i <= a.size; i++) {
		unsigned *now = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
		now[0] = (unsigned)i;
		for (size_t n = 1; n <= b.size; n++) {
			const uint8_t left = lower(a.data[i - 1]), right = lower(b.data[n - 1]);
			unsigned best = last[n - 1] + (left != right);
			best = best < last[n] + 1 ? best : last[n] + 1;
			best = best < now[n - 1] + 1 ? best : now[n - 1] + 1;
			if (i > 1 && n > 1 && left == lower(b.data[n - 2]) &&
			    lower(a.data[i - 2]) == right)
				best = best < before[n - 2] + 1 ? best : before[n - 2] + 1;
			now[n] = best;
		}
	}
	return rows[a.size % 3][b.size];
}

bool rk_names_near(struct rk_span a, struct rk_span b, unsigned *ret_distance)
{
	const size_t longer = a.size > b.size ? a.size : b.size;
	const size_t limit = longer / 3 < DISTANCE_MAX ? longer / 3 : DISTANCE_MAX;

	if (a.size == 0 || b.size == 0 || longer > WORD_MAX)
		return false;
	const unsigned apart = distance(a, b);
	if (apart > limit)
		return false;
	*ret_distance = apart;
	return true;
}

/* Keeps the nearest; of equals the first. */
static void consider(struct rk_span typed, const char *name, const char **best,
		     unsigned *best_distance)
{
	unsigned apart = 0;

	if (rk_names_near(typed, rk_span_str(name), &apart) &&
	    (*best == NULL || apart < *best_distance)) {
		*best = name;
		*best_distance = apart;
	}
}

const char *rk_type_nearest(const struct rk_type *type, struct rk_span name)
{
	const char *best = NULL;
	unsigned apart = 0;

	for (uint32_t i = 0; i < type->prop_count; i++)
		consider(name, type->props[i].name, &best, &apart);
	return best;
}

const char *rk_kinds_nearest(const struct rk_kinds *kinds, struct rk_span name)
{
	const char *best = NULL;
	unsigned apart = 0;

	for (size_t i = 0; i < rk_kinds_count(kinds); i++) {
		const struct rk_kind *kind = rk_kinds_at(kinds, i);
		consider(name, kind->plural, &best, &apart);
		for (size_t n = 0; kind->short_names[n] != NULL; n++)
			consider(name, kind->short_names[n], &best, &apart);
	}
	return best;
}
