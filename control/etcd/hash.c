#include "control/etcd/hash.h"

#include "base/hash.h"
#include "store/store.h"

static uint64_t hash_of(const struct rk_item *item)
{
	const uint64_t key = rk_hash64(rk_item_key(item), item->revision);

	return item->value != NULL ? rk_hash64(rk_blob_span(item->value), key) : key;
}

static uint64_t hash_now(const struct rk_node *root, uint64_t revision)
{
	struct rk_tree_iter iter;
	const struct rk_item *item;
	uint64_t sum = 0;

	rk_tree_seek(&iter, root, RK_SPAN("e"));
	while ((item = rk_tree_next(&iter)) != NULL && item->key[0] == RK_SPACE_ETCD)
		if (item->revision <= revision)
			sum += rk_hash64(rk_blob_span(item->value), 0);
	return sum;
}

/* Whether the key behind a version has a current value as old as `compact`: it hides all versions.
 */
static bool is_hidden(const struct rk_node *root, struct rk_span key, uint64_t compact)
{
	struct rk_buf at = { 0 };

	rk_etcd_key_now(&at, key);
	const struct rk_item *item = rk_tree_get(root, rk_buf_span(&at));
	rk_buf_done(&at);
	return item != NULL && item->revision <= compact;
}

uint32_t rk_etcd_hash(const struct rk_node *root, uint64_t revision)
{
	const uint64_t compact = rk_etcd_mark(root, RK_ETCD_COMPACT);
	struct rk_span last = { NULL, 0 }; /* the key of the version before, as it is stored */
	struct rk_tree_iter iter;
	const struct rk_item *item;
	uint64_t sum = hash_now(root, revision);
	bool is_over = false; /* a version that the compaction kept was seen: older ones are gone */

	rk_tree_seek(&iter, root, RK_SPAN("v"));
	while ((item = rk_tree_next(&iter)) != NULL && item->key[0] == RK_SPACE_VERSION) {
		const struct rk_span key = rk_span_sub(rk_item_key(item), 0, item->key_size - 8);
		if (!rk_span_eq(key, last))
			is_over = false;
		last = key;
		if (item->revision > revision || is_over)
			continue;
		is_over = item->revision <= compact;
		if (item->value == NULL && item->revision < compact)
			continue;
		if (item->value == NULL)
			sum += hash_of(item);
		else if (!is_over ||
			 !is_hidden(root, rk_etcd_kv_read(rk_blob_span(item->value)).key, compact))
			sum += rk_hash64(rk_blob_span(item->value), 0);
	}
	return (uint32_t)(sum ^ sum >> 32);
}
