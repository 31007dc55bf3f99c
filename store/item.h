/* store/item.h - a key with its value: immutable, shared by every moment of the store that holds it. */
#ifndef RK_STORE_ITEM_H
#define RK_STORE_ITEM_H

#include "base/blob.h"
#include "base/hash.h"

struct rk_item {
	atomic_uint refs;
	uint32_t key_size;
	uint64_t revision;
	struct rk_blob *value; /* NULL where the key says it all */
	uint8_t key[];
};

/* Takes the share of `value`. The caller owns one share of the item. */
struct rk_item *rk_item_new(struct rk_span key, struct rk_blob *value, uint64_t revision)
	__attribute__((returns_nonnull));
struct rk_item *rk_item_ref(struct rk_item *item);
struct rk_item *rk_item_unref(struct rk_item *item); /* takes NULL, returns NULL */

static inline struct rk_span rk_item_key(const struct rk_item *item)
{
	return (struct rk_span){ item->key, item->key_size };
}

/* Over key, revision and value. */
struct rk_hash128 rk_item_hash(const struct rk_item *item);

#endif
