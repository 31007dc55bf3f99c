/* wire/json.h - JSON (RFC 8259) to and from value trees. */
#ifndef RK_WIRE_JSON_H
#define RK_WIRE_JSON_H

#include "base/buf.h"
#include "base/err.h"
#include "wire/val.h"

#define RK_JSON_DEPTH_MAX 128

enum rk_json_flags {
	RK_JSON_UNIQUE_KEYS = 1, /* a key twice in one object is an error (else the last one wins) */
};

/* Parses exactly one JSON value. On RK_EINVAL `error` says line, column and what is wrong; RK_ETOOBIG for depth. */
RK_MUST_CHECK int rk_json_parse(struct rk_arena *arena, struct rk_span text, unsigned flags,
				struct rk_val **ret, struct rk_error *error);

/* Appends; integers stay integers; strings are escaped as needed and kept in UTF-8. */
void rk_json_write(struct rk_buf *out, const struct rk_val *val, bool pretty);
void rk_json_write_str(struct rk_buf *out, struct rk_span text); /* with its quotes */
void rk_json_write_real(struct rk_buf *out, double value);       /* shortest form that reads back the same */

#endif
