/* A few fields of a JSON schema hold a schema or else a truth, a list of schemas, or a list of
 * texts. Protobuf has a message for each: {1: truth, 2: schema}, {1: schema, 2: schemas}, {1:
 * schema, 2: texts}. */
#include "control/schema/proto_inner.h"
#include "wire/doc.h"

bool rk_protobuf_is_schema_or(const struct rk_type *type)
{
	return type->kind == RK_TYPE_ANY &&
	       rk_span_starts(rk_span_str(type->name), RK_SPAN("schema-or-"));
}

static bool read_schema(struct rk_protobuf_in *in, struct rk_span bytes, unsigned depth,
			struct rk_val **ret)
{
	*ret = rk_val_map(in->arena);
	rk_assert(in->schema != NULL);
	if (depth >= RK_PROTOBUF_DEPTH_MAX)
		return rk_protobuf_bad(in, "nested too deep");
	return rk_protobuf_message(in, in->schema, bytes, depth + 1, *ret);
}

static bool read_one_of_list(struct rk_protobuf_in *in, const struct rk_type *type,
			     struct rk_span bytes, unsigned depth, struct rk_val *list)
{
	struct rk_val *item = NULL;

	if (!rk_protobuf_count(in))
		return false;
	if (rk_span_is(rk_span_str(type->name), "schema-or-array")
		    ? !read_schema(in, bytes, depth + 1, &item)
		    : !rk_protobuf_text(in, bytes, &item))
		return false;
	rk_val_append(in->arena, list, item);
	return true;
}

bool rk_protobuf_read_schema_or(struct rk_protobuf_in *in, const struct rk_type *type,
				struct rk_span bytes, unsigned depth, struct rk_val **ret)
{
	const bool or_bool = rk_span_is(rk_span_str(type->name), "schema-or-bool");
	struct rk_reader reader = rk_reader_of(bytes);
	struct rk_proto_field field;
	struct rk_val *one = NULL, *list = rk_val_list(in->arena);
	bool truth = false;
	int more;

	while ((more = rk_proto_next(&reader, &field)) == 1) {
		const bool is_bytes = field.kind == RK_PROTO_BYTES;
		if (field.number == 1 && or_bool && !is_bytes)
			truth = field.value != 0;
		else if (field.number == (or_bool ? 2 : 1) && is_bytes) {
			if (!read_schema(in, field.bytes, depth, &one))
				return false;
		} else if (field.number == 2 && is_bytes) {
			if (!read_one_of_list(in, type, field.bytes, depth, list))
				return false;
		}
	}
	*ret = one != NULL ? one : or_bool ? rk_val_bool(in->arena, truth) : list;
	return more == 0 || rk_protobuf_bad(in, "a message within is malformed");
}

/* A list of schemas or of texts: the same number for both. */
static void put_list(struct rk_protobuf_out *out, const struct rk_type *schema, uint32_t count)
{
	for (uint32_t i = 0; i < count && !out->doc.failed; i++) {
		struct rk_reader at = out->doc;
		const struct rk_doc_head head = rk_doc_next(&at);
		if (head.kind == RK_VAL_STR) {
			rk_proto_put_message(out->buf, 2, head.text);
			out->doc = at;
		} else {
			rk_protobuf_put_value(out, 2, schema, schema);
		}
	}
}

void rk_protobuf_put_schema_or(struct rk_protobuf_out *out, uint32_t number,
			       const struct rk_type *type, const struct rk_type *schema)
{
	const bool or_bool = rk_span_is(rk_span_str(type->name), "schema-or-bool");
	const size_t start = rk_protobuf_begin(out->buf, number);
	struct rk_reader at = out->doc;
	const struct rk_doc_head head = rk_doc_next(&at);

	if (head.kind == RK_VAL_MAP) {
		if (or_bool)
			rk_protobuf_put_number(out->buf, 1, 1);
		rk_protobuf_put_value(out, or_bool ? 2 : 1, schema, schema);
	} else if (head.kind == RK_VAL_LIST) {
		out->doc = at;
		put_list(out, schema, head.count);
	} else {
		rk_doc_skip(&out->doc);
		if (or_bool)
			rk_protobuf_put_number(out->buf, 1, head.integer != 0);
	}
	rk_protobuf_end(out->buf, start);
}
