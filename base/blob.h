/* base/blob.h - immutable bytes shared by counting: log payloads and stored documents. */
#ifndef RK_BASE_BLOB_H
#define RK_BASE_BLOB_H

#include <stdatomic.h>

#include "base/span.h"

struct rk_blob { /* never changes once a second owner has it; any thread may take or drop a share */
	atomic_uint refs;
	uint32_t size;
	uint8_t data[];
};

/* A blob of `size` bytes for the caller to fill before sharing. One share belongs to the caller. */
struct rk_blob *rk_blob_new(size_t size) __attribute__((returns_nonnull));
struct rk_blob *rk_blob_copy(struct rk_span bytes) __attribute__((returns_nonnull));
struct rk_blob *rk_blob_ref(struct rk_blob *blob);   /* takes NULL; returns blob */
struct rk_blob *rk_blob_unref(struct rk_blob *blob); /* takes NULL; returns NULL */

static inline struct rk_span rk_blob_span(const struct rk_blob *blob)
{
	return blob != NULL ? (struct rk_span){ blob->data, blob->size } : (struct rk_span){ NULL, 0 };
}

static inline void rk_drop_blob(struct rk_blob **blob)
{
	(void)rk_blob_unref(*blob);
}

#endif
