#include "control/work.h"

#include "base/mem.h"

/* Keys: 'q' '0' be64(sequence) -> controller, key   the queue in order
 *       'q' '1' controller key                      what waits already
 *       't' be64(due ms) controller key             timers */

#define TIMER_GRAIN_MS 100

static void put_be64(struct rk_buf *out, uint64_t value)
{
	for (int shift = 56; shift >= 0; shift -= 8)
		rk_buf_put_u8(out, (uint8_t)(value >> shift));
}

static uint64_t get_be64(const uint8_t *bytes)
{
	uint64_t value = 0;

	for (int i = 0; i < 8; i++)
		value = value << 8 | bytes[i];
	return value;
}

static const uint8_t sequence_key[] = "mwork";

static uint64_t next_sequence(struct rk_state *state)
{
	const struct rk_span key = rk_span_of(sequence_key, sizeof sequence_key - 1);
	const struct rk_item *item = rk_store_get(state->store, key);
	const uint64_t next = item != NULL ? item->revision + 1 : 1;

	rk_store_put(state->store, key, NULL, next);
	return next;
}

static void waiting_key(struct rk_buf *out, uint8_t controller, struct rk_span key)
{
	rk_buf_put(out, "q1", 2);
	rk_buf_put_u8(out, controller);
	rk_buf_put_span(out, key);
}

void rk_work_add(struct rk_state *state, uint8_t controller, struct rk_span key)
{
	struct rk_buf waiting = { 0 }, place = { 0 };

	waiting_key(&waiting, controller, key);
	if (rk_store_get(state->store, rk_buf_span(&waiting)) == NULL) {
		rk_store_put(state->store, rk_buf_span(&waiting), NULL, 0);
		rk_buf_put(&place, "q0", 2);
		put_be64(&place, next_sequence(state));
		rk_store_put(state->store, rk_buf_span(&place),
			     rk_blob_copy(rk_span_sub(rk_buf_span(&waiting), 2, waiting.size)), 0);
	}
	rk_buf_done(&waiting);
	rk_buf_done(&place);
}

bool rk_work_take(struct rk_state *state, struct rk_work *ret)
{
	struct rk_tree_iter iter;

	rk_store_seek(state->store, &iter, RK_SPAN("q0"));
	const struct rk_item *item = rk_tree_next(&iter);
	if (item == NULL || !rk_span_starts(rk_item_key(item), RK_SPAN("q0")))
		return false;
	const struct rk_span place = rk_arena_span(&state->arena, rk_item_key(item));
	const struct rk_span what = rk_arena_span(&state->arena, rk_blob_span(item->value));
	struct rk_buf waiting = { 0 };
	waiting_key(&waiting, what.data[0], rk_span_sub(what, 1, what.size));
	(void)rk_store_remove(state->store, place);
	(void)rk_store_remove(state->store, rk_buf_span(&waiting));
	rk_buf_done(&waiting);
	*ret = (struct rk_work){ what.data[0], rk_span_sub(what, 1, what.size) };
	return true;
}

bool rk_work_waits(const struct rk_state *state)
{
	struct rk_tree_iter iter;

	rk_store_seek(state->store, &iter, RK_SPAN("q0"));
	const struct rk_item *item = rk_tree_next(&iter);
	return item != NULL && rk_span_starts(rk_item_key(item), RK_SPAN("q0"));
}

void rk_work_at(struct rk_state *state, int64_t due_ms, uint8_t controller, struct rk_span key)
{
	struct rk_buf timer = { 0 };

	if (due_ms <= state->now_ms) {
		rk_work_add(state, controller, key);
		return;
	}
	due_ms = (due_ms + TIMER_GRAIN_MS - 1) / TIMER_GRAIN_MS * TIMER_GRAIN_MS;
	rk_buf_put_u8(&timer, RK_SPACE_TIMER);
	put_be64(&timer, (uint64_t)due_ms);
	rk_buf_put_u8(&timer, controller);
	rk_buf_put_span(&timer, key);
	rk_store_put(state->store, rk_buf_span(&timer), NULL, 0);
	rk_buf_done(&timer);
}

static const struct rk_item *first_timer(const struct rk_store *store)
{
	struct rk_tree_iter iter;

	rk_store_seek(store, &iter, RK_SPAN("t"));
	const struct rk_item *item = rk_tree_next(&iter);
	return item != NULL && item->key[0] == RK_SPACE_TIMER && item->key_size >= 10 ? item : NULL;
}

int64_t rk_work_next_due(const struct rk_store *store)
{
	const struct rk_item *item = first_timer(store);

	return item != NULL ? (int64_t)get_be64(item->key + 1) : INT64_MAX;
}

void rk_work_ripen(struct rk_state *state)
{
	while (rk_work_next_due(state->store) <= state->now_ms) {
		const struct rk_span key = rk_arena_span(&state->arena, rk_item_key(first_timer(state->store)));
		(void)rk_store_remove(state->store, key);
		rk_work_add(state, key.data[9], rk_span_sub(key, 10, key.size));
	}
}
