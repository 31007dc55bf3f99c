#include "control/etcd/compact.h"

#include "base/mem.h"
#include "control/follow.h"
#include "control/work.h"

#define DELAY_MS 1000
#define PIECE    384 /* events: some 2 ms of work... */
#define PAUSE_MS 10  /* ... and then others have their turn: 38,400 a second, more than are written */

enum rk_etcd_error rk_etcd_compact(struct rk_etcd_run *run, int64_t revision)
{
	if (revision <= 0 ||
	    (uint64_t)revision <= rk_etcd_mark(rk_etcd_run_root(run), RK_ETCD_COMPACT))
		return RK_ETCD_COMPACTED;
	if ((uint64_t)revision > rk_etcd_run_now(run))
		return RK_ETCD_FUTURE_REVISION;
	rk_store_put(run->state->store, RK_ETCD_COMPACT, NULL, (uint64_t)revision);
	rk_work_at(run->state, run->state->now_ms + DELAY_MS, RK_CONTROLLER_ETCD, RK_SPAN("C"));
	return RK_ETCD_OK;
}

/* Removes the versions of `key` from `revision` (itself, when it is a deletion that nobody can see
 * any more) to the oldest. */
static void remove_versions(struct rk_etcd_run *run, struct rk_span key, uint64_t revision,
			    bool with_deletion)
{
	struct rk_buf at = { 0 };
	struct rk_tree_iter iter;

	for (;;) {
		rk_buf_clear(&at);
		rk_etcd_key_version(&at, key, revision);
		const struct rk_span prefix = rk_span_sub(rk_buf_span(&at), 0, at.size - 8);
		rk_tree_seek(&iter, rk_etcd_run_root(run), rk_buf_span(&at));
		const struct rk_item *item = rk_tree_next(&iter);
		if (item != NULL && rk_span_eq(rk_item_key(item), rk_buf_span(&at)) &&
		    !(with_deletion && item->value == NULL))
			item = rk_tree_next(&iter);
		if (item == NULL || item->key_size != at.size ||
		    !rk_span_starts(rk_item_key(item), prefix))
			break;
		const struct rk_span old = rk_arena_span(&run->state->arena, rk_item_key(item));
		(void)rk_store_remove(run->state->store, old);
	}
	rk_buf_done(&at);
}

/* What one event made unreachable. False: nothing is left to do. */
static bool remove_one(struct rk_etcd_run *run, uint64_t compact)
{
	const uint64_t removed = rk_etcd_mark(rk_etcd_run_root(run), RK_ETCD_REMOVED);
	struct rk_tree_iter iter;
	struct rk_buf from = { 0 };

	/* Everything before `removed` is gone, but the events of the last compacted revision stay.
	 */
	rk_etcd_key_event(&from, removed, 0);
	rk_tree_seek(&iter, rk_etcd_run_root(run), rk_buf_span(&from));
	rk_buf_done(&from);
	const struct rk_item *item = rk_tree_next(&iter);
	if (item == NULL || item->key[0] != RK_SPACE_EVENT || rk_etcd_be64(item->key + 1) > compact)
		return false;
	const uint64_t revision = rk_etcd_be64(item->key + 1);
	const struct rk_span at = rk_arena_span(&run->state->arena, rk_item_key(item));
	RK_AUTO(rk_drop_blob) struct rk_blob *key = rk_blob_ref(item->value);
	if (revision == compact)
		return false;
	remove_versions(run, rk_blob_span(key), revision, true);
	(void)rk_store_remove(run->state->store, at);
	rk_store_put(run->state->store, RK_ETCD_REMOVED, NULL, revision);
	return true;
}

/* The revision at which it was compacted keeps its events; what they replaced goes. */
static void finish(struct rk_etcd_run *run, uint64_t compact)
{
	struct rk_etcd_events events;
	struct rk_etcd_event event;
	struct rk_span keys[RK_ETCD_OPS_MAX];
	size_t count = 0;

	rk_etcd_events_begin(&events, rk_etcd_run_root(run), compact);
	while (count < RK_COUNT(keys) && rk_etcd_events_next(&events, &event) &&
	       event.revision == compact)
		keys[count++] = rk_arena_span(&run->state->arena, event.key);
	for (size_t i = 0; i < count; i++)
		remove_versions(run, keys[i], compact, false);
	rk_store_put(run->state->store, RK_ETCD_REMOVED, NULL, compact);
}

void rk_etcd_compact_work(struct rk_etcd_run *run)
{
	const uint64_t compact = rk_etcd_mark(rk_etcd_run_root(run), RK_ETCD_COMPACT);

	for (unsigned i = 0; i < PIECE; i++) {
		if (!remove_one(run, compact)) {
			finish(run, compact);
			return;
		}
	}
	rk_work_at(run->state, run->state->now_ms + PAUSE_MS, RK_CONTROLLER_ETCD, RK_SPAN("C"));
}
