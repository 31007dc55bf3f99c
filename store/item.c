#include "store/item.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"

struct rk_item *rk_item_new(struct rk_span key, struct rk_blob *value, uint64_t revision)
{
	rk_assert(key.size <= UINT32_MAX);
	struct rk_item *item = rk_alloc(sizeof *item + key.size);

	item->born = 0;
	item->key_size = (uint32_t)key.size;
	item->revision = revision;
	item->value = value;
	memcpy(item->key, key.data, key.size);
	return item;
}

struct rk_item *rk_item_free(struct rk_item *item)
{
	if (item != NULL) {
		(void)rk_blob_unref(item->value);
		free(item);
	}
	return NULL;
}

struct rk_hash128 rk_item_hash(const struct rk_item *item)
{
	const uint64_t seed = rk_hash64(rk_item_key(item), item->revision);

	return rk_hash128(rk_blob_span(item->value), seed);
}
