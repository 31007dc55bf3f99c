/* wire/base64.h - bytes as base64 text (RFC 4648), its URL form too, and how many bytes such a text stands for. */
#ifndef RK_WIRE_BASE64_H
#define RK_WIRE_BASE64_H

#include "base/arena.h"

struct rk_span rk_base64_encode(struct rk_arena *arena, struct rk_span bytes);
/* False when the text is not base64 (whole groups of four, padding at the end only). */
bool rk_base64_decode(struct rk_arena *arena, struct rk_span text, struct rk_span *ret);
size_t rk_base64_size(struct rk_span text); /* of what it decodes to; the text is well formed */

/* Of RFC 4648, section 5: without padding. */
struct rk_span rk_base64url_encode(struct rk_arena *arena, struct rk_span bytes);
/* Takes only what rk_base64url_encode gives: one text for one value. */
bool rk_base64url_decode(struct rk_arena *arena, struct rk_span text, struct rk_span *ret);
/* For those who take either form: the text with the letters of the plain one, filled up to whole groups. */
struct rk_span rk_base64_from_url(struct rk_arena *arena, struct rk_span text);

#endif
