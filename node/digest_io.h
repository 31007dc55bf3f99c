/* node/digest_io.h - sha256 of bytes and files, as image manifests name them. */
#ifndef RK_NODE_DIGEST_IO_H
#define RK_NODE_DIGEST_IO_H

#include "base/err.h"
#include "base/span.h"

#define RK_DIGEST_MAX 72 /* "sha256:" and 64 hex digits */

void rk_digest_bytes(struct rk_span bytes, char ret[RK_DIGEST_MAX]);
RK_MUST_CHECK int rk_digest_file(const char *path, char ret[RK_DIGEST_MAX], struct rk_error *error);

#endif
