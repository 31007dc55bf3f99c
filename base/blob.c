#include "base/blob.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"

struct rk_blob *rk_blob_new(size_t size)
{
	rk_assert(size <= UINT32_MAX);
	struct rk_blob *blob = rk_alloc(sizeof *blob + size);

	atomic_init(&blob->refs, 1);
	blob->size = (uint32_t)size;
	return blob;
}

struct rk_blob *rk_blob_copy(struct rk_span bytes)
{
	struct rk_blob *blob = rk_blob_new(bytes.size);

	if (bytes.size > 0)
		memcpy(blob->data, bytes.data, bytes.size);
	return blob;
}

struct rk_blob *rk_blob_ref(struct rk_blob *blob)
{
	if (blob != NULL)
		atomic_fetch_add_explicit(&blob->refs, 1, memory_order_relaxed);
	return blob;
}

struct rk_blob *rk_blob_unref(struct rk_blob *blob)
{
	if (blob != NULL && atomic_fetch_sub_explicit(&blob->refs, 1, memory_order_acq_rel) == 1)
		free(blob);
	return NULL;
}
