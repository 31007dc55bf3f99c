/* control/etcd/protojson.h - protobuf messages as JSON and back, by tables. Pure.
 *
 * As protobuf's own mapping has it: 64-bit numbers are strings, bytes base64, enums names; what is
 * zero or empty is left out. Names are written as in the .proto file, and read like that or in
 * lower camel case; numbers and names of enums are both taken; what a table does not name is
 * skipped. */
#ifndef RK_CONTROL_ETCD_PROTOJSON_H
#define RK_CONTROL_ETCD_PROTOJSON_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "wire/val.h"

enum rk_protojson_type {
	RK_PROTOJSON_I64,
	RK_PROTOJSON_U64,
	RK_PROTOJSON_U32,
	RK_PROTOJSON_BOOL,
	RK_PROTOJSON_ENUM,
	RK_PROTOJSON_STRING,
	RK_PROTOJSON_BYTES,
	RK_PROTOJSON_MESSAGE,
};

struct rk_protojson {
	const char *name; /* of the message */
	const struct rk_protojson_field {
		uint32_t number;
		const char *name; /* NULL: the end */
		enum rk_protojson_type type;
		bool is_list;
		const struct rk_protojson *message;
		const char *const *values; /* of an enum, from 0 on; ends with NULL */
	} * fields;
};

/* Appends the message. RK_EINVAL: a value that the field cannot have, told in *error; RK_ETOOBIG:
 * too deep. */
RK_MUST_CHECK int rk_protojson_read(struct rk_arena *arena, const struct rk_protojson *message,
				    const struct rk_val *val, struct rk_buf *out,
				    struct rk_error *error);
/* Appends the text. RK_EINVAL: the bytes are not such a message. */
RK_MUST_CHECK int rk_protojson_write(struct rk_arena *arena, const struct rk_protojson *message,
				     struct rk_span bytes, struct rk_buf *out);

/* Cuts the first whole object off. False: there is none yet. What is no object is taken to the end
 * of it, or, when nothing follows (is_last), whole: reading it tells why. */
bool rk_protojson_cut(struct rk_span *bytes, bool is_last, struct rk_span *ret);

#endif
