#include "net/ids.h"

#include "base/mem.h"

#define WORD_BITS 64

void rk_ids_init(struct rk_ids *ids, uint32_t max)
{
	*ids = (struct rk_ids){ .max = max };
	ids->words = rk_zalloc((max / WORD_BITS + 1) * sizeof *ids->words);
}

void rk_ids_done(struct rk_ids *ids)
{
	free(ids->words);
	free(ids->resting);
	*ids = (struct rk_ids){ 0 };
}

static bool is_taken(const struct rk_ids *ids, uint32_t id)
{
	return (ids->words[id / WORD_BITS] >> (id % WORD_BITS) & 1) != 0;
}

static void mark(struct rk_ids *ids, uint32_t base, uint32_t count)
{
	for (uint32_t id = base; id < base + count; id++)
		ids->words[id / WORD_BITS] |= UINT64_C(1) << (id % WORD_BITS);
	ids->used += count;
	while (ids->low < ids->max && is_taken(ids, ids->low))
		ids->low++;
}

int rk_ids_take(struct rk_ids *ids, uint32_t count, uint32_t *ret_base)
{
	uint32_t run = 0;

	rk_assert(count > 0);
	if (count > rk_ids_left(ids))
		return RK_ETOOBIG;
	for (uint32_t id = ids->low; id < ids->max; id++) {
		if (id % WORD_BITS == 0 && ids->words[id / WORD_BITS] == UINT64_MAX) {
			run = 0;
			id += WORD_BITS - 1;
			continue;
		}
		run = is_taken(ids, id) ? 0 : run + 1;
		if (run == count) {
			*ret_base = id + 1 - count;
			mark(ids, *ret_base, count);
			return RK_OK;
		}
	}
	return RK_ETOOBIG;
}

bool rk_ids_claim(struct rk_ids *ids, uint32_t base, uint32_t count)
{
	if (base > ids->max || count > ids->max - base)
		return false;
	for (uint32_t id = base; id < base + count; id++)
		if (is_taken(ids, id))
			return false;
	mark(ids, base, count);
	return true;
}

void rk_ids_give_back(struct rk_ids *ids, uint32_t base, uint32_t count)
{
	for (uint32_t id = base; id < base + count; id++) {
		rk_assert(is_taken(ids, id));
		ids->words[id / WORD_BITS] &= ~(UINT64_C(1) << (id % WORD_BITS));
	}
	ids->used -= count;
	ids->low = RK_MIN(ids->low, base);
}

void rk_ids_rest(struct rk_ids *ids, uint32_t base, uint32_t count)
{
	if (count == 0)
		return;
	ids->resting = rk_grow(ids->resting, &ids->resting_capacity, ids->resting_count + 1,
			       sizeof *ids->resting);
	ids->resting[ids->resting_count++] = (struct rk_run){ base, count };
}

void rk_ids_wake(struct rk_ids *ids)
{
	for (size_t i = 0; i < ids->resting_count; i++)
		rk_ids_give_back(ids, ids->resting[i].base, ids->resting[i].count);
	ids->resting_count = 0;
}
