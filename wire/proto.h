/* wire/proto.h - protobuf's wire format, read in place and written field by field. Pure.
 *
 * A message is a row of fields; whoever reads one skips the numbers that it does not know. Groups,
 * which proto3 has not, are refused. */
#ifndef RK_WIRE_PROTO_H
#define RK_WIRE_PROTO_H

#include "base/buf.h"
#include "base/err.h"

enum rk_proto_kind {
	RK_PROTO_NUMBER, /* varint or fixed: int64, bool, enum */
	RK_PROTO_BYTES,  /* bytes, string, message, packed numbers */
};

struct rk_proto_field {
	uint32_t number;
	enum rk_proto_kind kind;
	uint8_t fixed_size;   /* of a number that is no varint: 4 or 8 bytes */
	uint64_t value;       /* of a number */
	struct rk_span bytes; /* borrowed */
};

/* 1: *ret is the next field; 0: the message has ended; RK_EINVAL: it is malformed. */
RK_MUST_CHECK int rk_proto_next(struct rk_reader *reader, struct rk_proto_field *ret);

/* Where fields of a message go in a struct: scalars only, the last of several wins, as protobuf
 * has it. What a table does not name is left to the caller or skipped. */
enum rk_proto_type { RK_PROTO_I64, RK_PROTO_FLAG, RK_PROTO_SPAN };
struct rk_proto_row {
	uint32_t number;
	enum rk_proto_type type; /* int64_t, bool or struct rk_span */
	size_t offset;
};
/* RK_EINVAL when the field has another kind than the row says; a field without a row is RK_OK. */
RK_MUST_CHECK int rk_proto_store(const struct rk_proto_row *rows, size_t count,
				 const struct rk_proto_field *field, void *into);
/* A whole message. */
RK_MUST_CHECK int rk_proto_read(const struct rk_proto_row *rows, size_t count, struct rk_span bytes,
				void *into);

/* Writing. As proto3 has it, zero and empty are left out. */
void rk_proto_put_number(struct rk_buf *out, uint32_t number, uint64_t value);
void rk_proto_put_bytes(struct rk_buf *out, uint32_t number, struct rk_span bytes);
/* As above, but there also when it is empty: elements of a list, messages that are set. */
void rk_proto_put_message(struct rk_buf *out, uint32_t number, struct rk_span bytes);

#endif
