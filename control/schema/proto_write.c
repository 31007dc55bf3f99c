/* From a stored document to protobuf, without a tree between. */
#include "base/timefmt.h"
#include "control/schema/proto_inner.h"
#include "wire/base64.h"
#include "wire/doc.h"

enum wire { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2 };

static void put_tag(struct rk_buf *buf, uint32_t number, enum wire wire)
{
	rk_buf_put_varint(buf, (uint64_t)number << 3 | wire);
}

/* Most messages are shorter than 128 bytes: room for one byte of length is left, and a longer one
 * is moved when it has ended. */
size_t rk_protobuf_begin(struct rk_buf *buf, uint32_t number)
{
	put_tag(buf, number, WIRE_BYTES);
	rk_buf_put_u8(buf, 0);
	return buf->size;
}

void rk_protobuf_end(struct rk_buf *buf, size_t start)
{
	const size_t size = buf->size - start;
	size_t more = 0;

	for (size_t left = size >> 7; left > 0; left >>= 7)
		more++;
	if (more > 0) {
		(void)rk_buf_room(buf, more);
		memmove(buf->data + start + more, buf->data + start, size);
	}
	buf->size = start - 1;
	rk_buf_put_varint(buf, size);
	buf->size += size;
}

void rk_protobuf_put_number(struct rk_buf *buf, uint32_t number, int64_t value)
{
	put_tag(buf, number, WIRE_VARINT);
	rk_buf_put_varint(buf, (uint64_t)value);
}

/* --- one value --- */

static void put_time(struct rk_buf *buf, uint32_t number, enum rk_type_kind kind,
		     struct rk_span text)
{
	const int64_t zero_us = -62135596800000000; /* Go's zero time: an empty message */
	const size_t start = rk_protobuf_begin(buf, number);
	int64_t us = zero_us;

	if (rk_time_parse_micro(text, &us) && us != zero_us) {
		const int64_t rest = (us % 1000000 + 1000000) % 1000000;
		rk_protobuf_put_number(buf, 1, (us - rest) / 1000000);
		rk_protobuf_put_number(buf, 2, kind == RK_TYPE_MICRO_TIME ? rest * 1000 : 0);
	}
	rk_protobuf_end(buf, start);
}

static void put_int_or_string(struct rk_buf *buf, uint32_t number, const struct rk_doc_head *head)
{
	const size_t start = rk_protobuf_begin(buf, number);

	rk_protobuf_put_number(buf, 1, head->kind == RK_VAL_STR);
	rk_protobuf_put_number(buf, 2, head->integer);
	rk_proto_put_message(buf, 3, head->text);
	rk_protobuf_end(buf, start);
}

static void put_text(struct rk_protobuf_out *out, uint32_t number, enum rk_type_kind kind,
		     const struct rk_doc_head *head)
{
	struct rk_span bytes = head->text;

	if (kind == RK_TYPE_TIME || kind == RK_TYPE_MICRO_TIME) {
		put_time(out->buf, number, kind, head->text);
	} else if (kind == RK_TYPE_INT_OR_STRING) {
		put_int_or_string(out->buf, number, head);
	} else if (kind == RK_TYPE_QUANTITY) {
		const size_t start = rk_protobuf_begin(out->buf, number);
		rk_proto_put_message(out->buf, 1, head->text);
		rk_protobuf_end(out->buf, start);
	} else if (kind == RK_TYPE_STRING || rk_base64_decode(out->arena, head->text, &bytes)) {
		rk_proto_put_message(out->buf, number, bytes);
	}
}

static void put_real(struct rk_buf *buf, uint32_t number, const struct rk_doc_head *head)
{
	const double value = head->kind == RK_VAL_INT ? (double)head->integer : head->real;
	uint64_t bits;

	memcpy(&bits, &value, sizeof bits);
	put_tag(buf, number, WIRE_FIXED64);
	rk_buf_put_u64(buf, bits);
}

/* Free-form values are JSON within a message of their own (RawExtension, FieldsV1, JSON). */
static void put_any(struct rk_protobuf_out *out, uint32_t number)
{
	const size_t from = out->doc.at;

	rk_doc_skip(&out->doc);
	const size_t start = rk_protobuf_begin(out->buf, number);
	const size_t raw = rk_protobuf_begin(out->buf, 1);
	const int err = rk_doc_to_json(
		out->buf, rk_span_sub(out->doc.bytes, from, out->doc.at - from), false);
	out->doc.failed = out->doc.failed || err < 0;
	rk_protobuf_end(out->buf, raw);
	rk_protobuf_end(out->buf, start);
}

/* What is no text among them stays out; nothing else is stored there. */
static void put_strings(struct rk_protobuf_out *out, uint32_t number, uint32_t count)
{
	const size_t start = rk_protobuf_begin(out->buf, number);

	for (uint32_t i = 0; i < count && !out->doc.failed; i++) {
		struct rk_reader at = out->doc;
		const struct rk_doc_head head = rk_doc_next(&at);
		rk_doc_skip(&out->doc);
		if (head.kind == RK_VAL_STR)
			rk_proto_put_message(out->buf, 1, head.text);
	}
	rk_protobuf_end(out->buf, start);
}

static bool is_number(enum rk_val_kind kind, enum rk_type_kind type)
{
	return (kind == RK_VAL_BOOL && type == RK_TYPE_BOOL) ||
	       (kind == RK_VAL_INT && (type == RK_TYPE_INT32 || type == RK_TYPE_INT64));
}

static bool is_text(enum rk_type_kind type)
{
	return type == RK_TYPE_STRING || type == RK_TYPE_BYTES || type == RK_TYPE_TIME ||
	       type == RK_TYPE_MICRO_TIME || type == RK_TYPE_QUANTITY ||
	       type == RK_TYPE_INT_OR_STRING;
}

/* A value without parts, whose head was read. False: it is none that the type can say. */
static bool put_scalar(struct rk_protobuf_out *out, uint32_t number, enum rk_type_kind type,
		       const struct rk_doc_head *head)
{
	if (head->kind == RK_VAL_STR && is_text(type))
		put_text(out, number, type, head);
	else if (head->kind == RK_VAL_INT && type == RK_TYPE_INT_OR_STRING)
		put_int_or_string(out->buf, number, head);
	else if (is_number(head->kind, type))
		rk_protobuf_put_number(out->buf, number, head->integer);
	else if (type == RK_TYPE_NUMBER && (head->kind == RK_VAL_INT || head->kind == RK_VAL_REAL))
		put_real(out->buf, number, head);
	else
		return false;
	return true;
}

/* A value whose head was read; it begins at `from`. */
struct value {
	size_t from;
	struct rk_doc_head head;
};

static struct value next_value(struct rk_protobuf_out *out)
{
	struct value value = { .from = out->doc.at };

	value.head = rk_doc_next(&out->doc);
	return value;
}

static void skip_value(struct rk_protobuf_out *out, const struct value *value)
{
	out->doc.at = value->from;
	rk_doc_skip(&out->doc);
}

static void put_fields(struct rk_protobuf_out *out, const struct rk_type *type, uint32_t count);

/* A value of another kind than the type's cannot be said: it is passed over, as nothing is stored
 * that was not decoded by this type. */
static void put_value(struct rk_protobuf_out *out, uint32_t number, const struct rk_type *owner,
		      const struct rk_type *type, const struct value *value)
{
	if (type->kind == RK_TYPE_ANY) {
		out->doc.at = value->from;
		if (rk_protobuf_is_schema_or(type))
			rk_protobuf_put_schema_or(out, number, type, owner);
		else
			put_any(out, number);
	} else if (type->kind == RK_TYPE_OBJECT && value->head.kind == RK_VAL_MAP) {
		const size_t start = rk_protobuf_begin(out->buf, number);
		put_fields(out, type, value->head.count);
		rk_protobuf_end(out->buf, start);
	} else if (type->kind == RK_TYPE_STRINGS && value->head.kind == RK_VAL_LIST) {
		put_strings(out, number, value->head.count);
	} else if (!put_scalar(out, number, type->kind, &value->head)) {
		skip_value(out, value);
	}
}

void rk_protobuf_put_value(struct rk_protobuf_out *out, uint32_t number,
			   const struct rk_type *owner, const struct rk_type *type)
{
	const struct value value = next_value(out);

	put_value(out, number, owner, type, &value);
}

/* --- structure --- */

static void put_map(struct rk_protobuf_out *out, uint32_t number, const struct rk_type *owner,
		    const struct rk_type *type, uint32_t count)
{
	for (uint32_t i = 0; i < count && !out->doc.failed; i++) {
		const size_t start = rk_protobuf_begin(out->buf, number);
		rk_proto_put_message(out->buf, 1, rk_doc_key(&out->doc));
		rk_protobuf_put_value(out, 2, owner, type);
		rk_protobuf_end(out->buf, start);
	}
}

static void put_prop(struct rk_protobuf_out *out, const struct rk_type *owner,
		     const struct rk_prop *prop, uint32_t number)
{
	const struct value value = next_value(out);

	if (prop->shape == RK_SHAPE_ONE)
		put_value(out, number, owner, prop->type, &value);
	else if (prop->shape == RK_SHAPE_LIST && value.head.kind == RK_VAL_LIST)
		for (uint32_t i = 0; i < value.head.count && !out->doc.failed; i++)
			rk_protobuf_put_value(out, number, owner, prop->type);
	else if (prop->shape == RK_SHAPE_MAP && value.head.kind == RK_VAL_MAP)
		put_map(out, number, owner, prop->type, value.head.count);
	else
		skip_value(out, &value);
}

/* Fields of an embedded message are written as parts of it, one by one: whoever reads protobuf puts
 * the parts of a message together. */
static void put_embedded(struct rk_protobuf_out *out, const struct rk_type *owner,
			 const struct rk_prop *prop)
{
	size_t starts[RK_PROTO_DEPTH];
	unsigned level = 0;

	for (; level + 1 < RK_PROTO_DEPTH && prop->proto[level + 1] != 0; level++)
		starts[level] = rk_protobuf_begin(out->buf, prop->proto[level]);
	put_prop(out, owner, prop, prop->proto[level]);
	while (level > 0)
		rk_protobuf_end(out->buf, starts[--level]);
}

static void put_fields(struct rk_protobuf_out *out, const struct rk_type *type, uint32_t count)
{
	for (uint32_t i = 0; i < count && !out->doc.failed; i++) {
		const struct rk_prop *prop = rk_type_prop(type, rk_doc_key(&out->doc));
		if (prop == NULL || prop->proto[0] == 0)
			rk_doc_skip(&out->doc);
		else if (prop->proto[1] == 0)
			put_prop(out, type, prop, prop->proto[0]);
		else
			put_embedded(out, type, prop);
	}
}

void rk_protobuf_put_message(struct rk_buf *buf, struct rk_arena *arena, const struct rk_type *type,
			     struct rk_span doc)
{
	struct rk_protobuf_out out = { buf, arena, rk_reader_of(doc) };

	const struct rk_doc_head head = rk_doc_next(&out.doc);
	rk_assert(head.kind == RK_VAL_MAP);
	put_fields(&out, type, head.count);
	rk_assert(!out.doc.failed); /* documents of our own are well formed */
}

void rk_protobuf_put_field(struct rk_buf *buf, struct rk_arena *arena, uint32_t number,
			   const struct rk_type *type, struct rk_span doc)
{
	const size_t start = rk_protobuf_begin(buf, number);

	rk_protobuf_put_message(buf, arena, type, doc);
	rk_protobuf_end(buf, start);
}
