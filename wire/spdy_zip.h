/* wire/spdy_zip.h - SPDY/3's header blocks: name-value lists behind zlib with the protocol's
 * dictionary. Only for wire/.
 *
 * Both directions keep state from block to block, so every block that arrives must be read, wanted
 * or not. */
#ifndef RK_WIRE_SPDY_ZIP_H
#define RK_WIRE_SPDY_ZIP_H

#include "base/arena.h"
#include "wire/spdy.h"

struct rk_spdy_zip;

struct rk_spdy_zip *rk_spdy_zip_new(void) __attribute__((returns_nonnull));
struct rk_spdy_zip *rk_spdy_zip_free(struct rk_spdy_zip *zip); /* takes NULL, returns NULL */
/* Reads one block; the headers live in the arena. RK_EINVAL, RK_ETOOBIG. */
RK_MUST_CHECK int rk_spdy_zip_read(struct rk_spdy_zip *zip, struct rk_arena *arena,
				   struct rk_span block, struct rk_spdy_header **ret,
				   size_t *ret_count);
/* Appends one block. */
void rk_spdy_zip_write(struct rk_spdy_zip *zip, struct rk_buf *out,
		       const struct rk_spdy_header *headers, size_t count);

#endif
