/* store/item.h - a key with its value: immutable, in every moment of the store between its birth and its death. */
#ifndef RK_STORE_ITEM_H
#define RK_STORE_ITEM_H

#include "base/blob.h"
#include "base/hash.h"

struct rk_item {
	uint32_t born; /* in which RK_ITEM_AGES ages (store/moments.h): the tree's own note */
	uint32_t key_size;
	uint64_t revision;
	struct rk_blob *value; /* NULL where the key says it all */
	uint8_t key[];
};

/* So many ages are one to an item: it may lie a little longer than it must. */
#define RK_ITEM_AGES 1024u

/* Takes the share of `value`. */
struct rk_item *rk_item_new(struct rk_span key, struct rk_blob *value, uint64_t revision)
	__attribute__((returns_nonnull));
struct rk_item *rk_item_free(struct rk_item *item); /* takes NULL, returns NULL */

static inline struct rk_span rk_item_key(const struct rk_item *item)
{
	return (struct rk_span){ item->key, item->key_size };
}

/* Over key, revision and value. */
struct rk_hash128 rk_item_hash(const struct rk_item *item);

#endif
