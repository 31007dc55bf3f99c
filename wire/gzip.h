/* wire/gzip.h - answers in gzip (RFC 1952) for clients that take it. */
#ifndef RK_WIRE_GZIP_H
#define RK_WIRE_GZIP_H

#include "base/blob.h"
#include "base/buf.h"

/* Whether an Accept-Encoding header takes gzip: it is named, and not with q=0. */
bool rk_gzip_is_taken(struct rk_span accept_encoding);
/* Piece by piece, at the fastest level: what a client waits for most is the first byte. */
struct rk_gzip;
struct rk_gzip *rk_gzip_new(void) __attribute__((returns_nonnull));
struct rk_gzip *rk_gzip_free(struct rk_gzip *gzip); /* takes NULL, returns NULL */
void rk_gzip_put(struct rk_gzip *gzip, struct rk_span bytes, bool is_last, struct rk_buf *out);
/* All at once. */
struct rk_blob *rk_gzip_of(struct rk_span bytes) __attribute__((returns_nonnull));

#endif
