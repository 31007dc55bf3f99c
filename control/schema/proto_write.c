/* From a stored document to protobuf, without a tree between. */
#include "base/mem.h"
#include "base/timefmt.h"
#include "control/schema/base64.h"
#include "control/schema/proto.h"
#include "wire/doc.h"
#include "wire/proto.h"

enum wire { WIRE_VARINT = 0, WIRE_BYTES = 2 };

struct write {
	struct rk_buf *out;
	struct rk_arena *arena;
	struct rk_reader doc;
};

static void put_tag(struct rk_buf *out, uint32_t number, enum wire wire)
{
	rk_buf_put_varint(out, (uint64_t)number << 3 | wire);
}

/* Most messages are shorter than 128 bytes: room for one byte of length is left, and a longer one
 * is moved when it has ended. Returns where the content starts. */
static size_t begin(struct rk_buf *out, uint32_t number)
{
	put_tag(out, number, WIRE_BYTES);
	rk_buf_put_u8(out, 0);
	return out->size;
}

static void end(struct rk_buf *out, size_t start)
{
	const size_t size = out->size - start;
	size_t more = 0;

	for (size_t left = size >> 7; left > 0; left >>= 7)
		more++;
	if (more > 0) {
		(void)rk_buf_room(out, more);
		memmove(out->data + start + more, out->data + start, size);
	}
	out->size = start - 1;
	rk_buf_put_varint(out, size);
	out->size += size;
}

static void put_number(struct rk_buf *out, uint32_t number, int64_t value)
{
	put_tag(out, number, WIRE_VARINT);
	rk_buf_put_varint(out, (uint64_t)value);
}

/* --- one value --- */

static void put_time(struct write *write, uint32_t number, enum rk_type_kind kind,
		     struct rk_span text)
{
	const int64_t zero_us = -62135596800000000; /* Go's zero time: an empty message */
	const size_t start = begin(write->out, number);
	int64_t us = zero_us;

	if (rk_time_parse_micro(text, &us) && us != zero_us) {
		const int64_t rest = (us % 1000000 + 1000000) % 1000000;
		put_number(write->out, 1, (us - rest) / 1000000);
		put_number(write->out, 2, kind == RK_TYPE_MICRO_TIME ? rest * 1000 : 0);
	}
	end(write->out, start);
}

static void put_int_or_string(struct write *write, uint32_t number, const struct rk_doc_head *head)
{
	const size_t start = begin(write->out, number);

	put_number(write->out, 1, head->kind == RK_VAL_STR);
	put_number(write->out, 2, head->integer);
	rk_proto_put_message(write->out, 3, head->text);
	end(write->out, start);
}

static void put_text(struct write *write, uint32_t number, enum rk_type_kind kind,
		     const struct rk_doc_head *head)
{
	struct rk_span bytes = head->text;

	if (kind == RK_TYPE_TIME || kind == RK_TYPE_MICRO_TIME) {
		put_time(write, number, kind, head->text);
	} else if (kind == RK_TYPE_INT_OR_STRING) {
		put_int_or_string(write, number, head);
	} else if (kind == RK_TYPE_QUANTITY) {
		const size_t start = begin(write->out, number);
		rk_proto_put_message(write->out, 1, head->text);
		end(write->out, start);
	} else if (kind == RK_TYPE_STRING || rk_base64_decode(write->arena, head->text, &bytes)) {
		rk_proto_put_message(write->out, number, bytes);
	}
}

/* Free-form values are JSON within a message of their own (RawExtension, FieldsV1, JSON). */
static void put_any(struct write *write, uint32_t number)
{
	const size_t from = write->doc.at;

	rk_doc_skip(&write->doc);
	const size_t start = begin(write->out, number), raw = begin(write->out, 1);
	const int err = rk_doc_to_json(
		write->out, rk_span_sub(write->doc.bytes, from, write->doc.at - from), false);
	write->doc.failed = write->doc.failed || err < 0;
	end(write->out, raw);
	end(write->out, start);
}

static bool is_text(enum rk_type_kind kind)
{
	return kind == RK_TYPE_STRING || kind == RK_TYPE_BYTES || kind == RK_TYPE_TIME ||
	       kind == RK_TYPE_MICRO_TIME || kind == RK_TYPE_QUANTITY ||
	       kind == RK_TYPE_INT_OR_STRING;
}

static void put_texts(struct write *write, uint32_t number, uint32_t count)
{
	const size_t start = begin(write->out, number);

	for (uint32_t i = 0; i < count && !write->doc.failed; i++) {
		const struct rk_doc_head head = rk_doc_next(&write->doc);
		if (head.kind == RK_VAL_STR)
			rk_proto_put_message(write->out, 1, head.text);
		else
			write->doc.failed = true;
	}
	end(write->out, start);
}

static void put_message(struct write *write, const struct rk_type *type);

/* A value of another kind than the type's cannot be said: it is passed over, as nothing is stored
 * that was not decoded by this type. */
static void put_value(struct write *write, uint32_t number, const struct rk_type *type)
{
	struct rk_reader at = write->doc;
	const struct rk_doc_head head = rk_doc_next(&at);

	if (type->kind == RK_TYPE_ANY) {
		put_any(write, number);
	} else if (type->kind == RK_TYPE_OBJECT && head.kind == RK_VAL_MAP) {
		const size_t start = begin(write->out, number);
		put_message(write, type);
		end(write->out, start);
	} else if (head.kind == RK_VAL_LIST && type->kind == RK_TYPE_STRINGS) {
		write->doc = at;
		put_texts(write, number, head.count);
	} else if (head.kind == RK_VAL_STR && is_text(type->kind)) {
		write->doc = at;
		put_text(write, number, type->kind, &head);
	} else if (head.kind == RK_VAL_INT && type->kind == RK_TYPE_INT_OR_STRING) {
		write->doc = at;
		put_int_or_string(write, number, &head);
	} else if ((head.kind == RK_VAL_BOOL && type->kind == RK_TYPE_BOOL) ||
		   (head.kind == RK_VAL_INT &&
		    (type->kind == RK_TYPE_INT32 || type->kind == RK_TYPE_INT64))) {
		write->doc = at;
		put_number(write->out, number, head.integer);
	} else {
		rk_doc_skip(&write->doc);
	}
}

/* --- structure --- */

static void put_map(struct write *write, uint32_t number, const struct rk_type *type,
		    uint32_t count)
{
	for (uint32_t i = 0; i < count && !write->doc.failed; i++) {
		const size_t start = begin(write->out, number);
		rk_proto_put_message(write->out, 1, rk_doc_key(&write->doc));
		put_value(write, 2, type);
		end(write->out, start);
	}
}

static void put_prop(struct write *write, const struct rk_prop *prop, uint32_t number)
{
	struct rk_reader at = write->doc;
	const struct rk_doc_head head = rk_doc_next(&at);

	if (prop->shape == RK_SHAPE_ONE) {
		put_value(write, number, prop->type);
	} else if (prop->shape == RK_SHAPE_LIST && head.kind == RK_VAL_LIST) {
		write->doc = at;
		for (uint32_t i = 0; i < head.count && !write->doc.failed; i++)
			put_value(write, number, prop->type);
	} else if (prop->shape == RK_SHAPE_MAP && head.kind == RK_VAL_MAP) {
		write->doc = at;
		put_map(write, number, prop->type, head.count);
	} else {
		rk_doc_skip(&write->doc);
	}
}

/* Fields of an embedded message are written as parts of it, one by one: whoever reads protobuf puts
 * the parts of a message together. */
static void put_field(struct write *write, const struct rk_prop *prop, size_t level)
{
	if (level + 1 == RK_COUNT(prop->proto) || prop->proto[level + 1] == 0) {
		put_prop(write, prop, prop->proto[level]);
		return;
	}
	const size_t start = begin(write->out, prop->proto[level]);
	put_field(write, prop, level + 1);
	end(write->out, start);
}

static void put_message(struct write *write, const struct rk_type *type)
{
	const struct rk_doc_head head = rk_doc_next(&write->doc);

	rk_assert(head.kind == RK_VAL_MAP);
	for (uint32_t i = 0; i < head.count && !write->doc.failed; i++) {
		const struct rk_prop *prop = rk_type_prop(type, rk_doc_key(&write->doc));
		if (prop == NULL || prop->proto[0] == 0)
			rk_doc_skip(&write->doc);
		else
			put_field(write, prop, 0);
	}
}

void rk_protobuf_put_message(struct rk_buf *out, struct rk_arena *arena, const struct rk_type *type,
			     struct rk_span doc)
{
	struct write write = { out, arena, rk_reader_of(doc) };

	put_message(&write, type);
	rk_assert(!write.doc.failed); /* documents of our own are well formed */
}

void rk_protobuf_put_field(struct rk_buf *out, struct rk_arena *arena, uint32_t number,
			   const struct rk_type *type, struct rk_span doc)
{
	const size_t start = begin(out, number);

	rk_protobuf_put_message(out, arena, type, doc);
	end(out, start);
}
