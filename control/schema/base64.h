/* control/schema/base64.h - bytes as base64 text (RFC 4648), and how many bytes such a text stands
 * for. */
#ifndef RK_CONTROL_SCHEMA_BASE64_H
#define RK_CONTROL_SCHEMA_BASE64_H

#include "base/arena.h"

struct rk_span rk_base64_encode(struct rk_arena *arena, struct rk_span bytes);
/* False when the text is not base64 (whole groups of four, padding at the end only). */
bool rk_base64_decode(struct rk_arena *arena, struct rk_span text, struct rk_span *ret);
size_t rk_base64_size(struct rk_span text); /* of what it decodes to; the text is well formed */

#endif
