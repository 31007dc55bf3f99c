/* control/schema/proto_inner.h - what the files of the protobuf codec share. Only for them. */
#ifndef RK_CONTROL_SCHEMA_PROTO_INNER_H
#define RK_CONTROL_SCHEMA_PROTO_INNER_H

#include "control/schema/proto.h"
#include "wire/proto.h"

#define RK_PROTOBUF_DEPTH_MAX                                                                      \
	100u /* levels of the value; what is around it in a command has room */

/* --- reading --- */

struct rk_protobuf_in {
	struct rk_arena *arena;
	const struct rk_type *schema; /* a JSON schema's */
	uint32_t values;
	const struct rk_type *owner; /* where the first thing that is wrong is */
	const char *field;
	const char *why;
};

bool rk_protobuf_bad(struct rk_protobuf_in *in, const char *why); /* false, always */
bool rk_protobuf_count(struct rk_protobuf_in *in); /* one value more: there is a limit */
bool rk_protobuf_is_utf8(struct rk_span text);
bool rk_protobuf_text(struct rk_protobuf_in *in, struct rk_span text, struct rk_val **ret);
/* What stands for one value though it is a message: times, quantities, free-form values... */
bool rk_protobuf_special(struct rk_protobuf_in *in, enum rk_type_kind kind, struct rk_span bytes,
			 unsigned depth, struct rk_val **ret);
bool rk_protobuf_message(struct rk_protobuf_in *in, const struct rk_type *type,
			 struct rk_span bytes, unsigned depth, struct rk_val *into);

/* --- writing --- */

struct rk_protobuf_out {
	struct rk_buf *buf;
	struct rk_arena *arena;
	struct rk_reader doc;
};

/* Begins a message that is field `number`; returns where its content starts, which `end` wants. */
size_t rk_protobuf_begin(struct rk_buf *buf, uint32_t number);
void rk_protobuf_end(struct rk_buf *buf, size_t start);
void rk_protobuf_put_number(struct rk_buf *buf, uint32_t number, int64_t value);
/* The value at the cursor, as field `number` of a message of type `owner`. */
void rk_protobuf_put_value(struct rk_protobuf_out *out, uint32_t number,
			   const struct rk_type *owner, const struct rk_type *type);

/* --- proto_schema.c: what in a JSON schema is a schema or something else --- */

bool rk_protobuf_is_schema_or(const struct rk_type *type);
bool rk_protobuf_read_schema_or(struct rk_protobuf_in *in, const struct rk_type *type,
				struct rk_span bytes, unsigned depth, struct rk_val **ret);
/* `schema` is the type of the schemas. */
void rk_protobuf_put_schema_or(struct rk_protobuf_out *out, uint32_t number,
			       const struct rk_type *type, const struct rk_type *schema);

#endif
