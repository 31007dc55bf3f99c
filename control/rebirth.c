#include "control/rebirth.h"

#include "base/mem.h"
#include "control/bootstrap.h"
#include "control/etcd/compact.h"
#include "wire/doc.h"

#define CONFIG_KEY RK_SPAN("mconfig")

static void rename_cluster(struct rk_state *state, struct rk_cluster_id cluster)
{
	const struct rk_item *item = rk_store_get(state->store, CONFIG_KEY);
	struct rk_val *config = rk_doc_val(&state->arena, item->value);

	rk_val_put(&state->arena, config, "clusterID",
		   rk_val_strf(&state->arena, "%016llx%016llx", (unsigned long long)cluster.high,
			       (unsigned long long)cluster.low));
	rk_store_put(state->store, CONFIG_KEY, rk_doc_of(config), 0);
}

static void remove_space(struct rk_state *state, struct rk_span prefix)
{
	for (;;) {
		struct rk_tree_iter iter;
		rk_store_seek(state->store, &iter, prefix);
		const struct rk_item *item = rk_tree_next(&iter);
		if (item == NULL || !rk_span_starts(rk_item_key(item), prefix))
			return;
		const struct rk_span key = rk_arena_span(&state->arena, rk_item_key(item));
		(void)rk_store_remove(state->store, key);
	}
}

int rk_rebirth(struct rk_store *store, const struct rk_kinds *kinds, const struct rk_rebirth *how)
{
	static const char done[] = { RK_SPACE_DONE };
	struct rk_state state = { .store = store,
				  .kinds = kinds,
				  .index = rk_store_index(store),
				  .now_ms = rk_store_time_ms(store) };
	struct rk_etcd_run run = { .state = &state };

	if (!rk_bootstrap_is_done(&state))
		return RK_EINVAL;
	rename_cluster(&state, how->cluster);
	remove_space(&state, rk_span_of(done, sizeof done));
	remove_space(&state, RK_ETCD_MEMBER);
	if (how->skip > 0) {
		const uint64_t revision = rk_store_revision(store) + how->skip;
		rk_store_skip_revisions(store, revision);
		const enum rk_etcd_error error = rk_etcd_compact(&run, (int64_t)revision);
		rk_assert(error == RK_ETCD_OK);
	}
	rk_arena_done(&state.arena);
	return RK_OK;
}

struct rk_cluster_id rk_rebirth_id(uint64_t random, uint64_t index, struct rk_hash128 state_hash,
				   uint64_t skip, const struct rk_config *members)
{
	RK_AUTO(rk_buf_done) struct rk_buf bytes = { 0 };

	rk_buf_put_u64(&bytes, random);
	rk_buf_put_u64(&bytes, index);
	rk_buf_put_u64(&bytes, state_hash.low);
	rk_buf_put_u64(&bytes, state_hash.high);
	rk_buf_put_u64(&bytes, skip);
	rk_config_encode(members, &bytes);
	return (struct rk_cluster_id){ random, rk_hash64(rk_buf_span(&bytes), 0) };
}

static uint64_t count(const struct rk_store *store, struct rk_span prefix)
{
	const struct rk_item *item;
	struct rk_tree_iter iter;
	uint64_t found = 0;

	rk_store_seek(store, &iter, prefix);
	while ((item = rk_tree_next(&iter)) != NULL && rk_span_starts(rk_item_key(item), prefix))
		found++;
	return found;
}

struct rk_holdings rk_rebirth_count(const struct rk_store *store)
{
	static const char object[] = { RK_SPACE_OBJECT }, key[] = { RK_SPACE_ETCD };

	return (struct rk_holdings){ .objects = count(store, rk_span_of(object, 1)),
				     .keys = count(store, rk_span_of(key, 1)),
				     .leases = count(store, RK_SPAN("l0")) };
}
