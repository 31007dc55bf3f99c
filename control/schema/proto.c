/* What stands around a message: which type it has, its envelope, and the frame of an event. */
#include "control/schema/proto.h"

#include "wire/proto.h"

#define MAGIC "k8s\0"

bool rk_type_has_protobuf(const struct rk_type *type)
{
	const struct rk_prop *meta = rk_type_prop(type, RK_SPAN("metadata"));

	return meta == NULL || meta->proto[0] != 0;
}

/* What goes to subresources and comes from them is of no group in particular: DeleteOptions are
 * said to be of the group whose object goes. */
static bool is_of_a_kind(const struct rk_kinds *kinds, const struct rk_type *type)
{
	for (size_t i = 0; i < rk_kinds_count(kinds); i++)
		if (rk_kinds_at(kinds, i)->type == type)
			return true;
	return false;
}

const struct rk_type *rk_protobuf_type(const struct rk_kinds *kinds, struct rk_span api_version,
				       struct rk_span kind)
{
	const struct rk_kind *known = rk_kinds_of(kinds, api_version, kind);
	const struct rk_type *type = known != NULL ? known->type : rk_types_by_name(kinds, kind);

	if (type == NULL || !rk_type_has_protobuf(type) ||
	    rk_type_prop(type, RK_SPAN("kind")) == NULL ||
	    (known == NULL && is_of_a_kind(kinds, type)))
		return NULL;
	return type;
}

void rk_protobuf_put_head(struct rk_buf *out, struct rk_type_meta meta, size_t message_size)
{
	struct rk_buf type_meta = { 0 };

	rk_proto_put_message(&type_meta, 1, rk_span_str(meta.api_version));
	rk_proto_put_message(&type_meta, 2, rk_span_str(meta.kind));
	rk_buf_put_span(out, RK_SPAN(MAGIC));
	rk_proto_put_message(out, 1, rk_buf_span(&type_meta));
	rk_buf_put_varint(out, 2 << 3 | 2);
	rk_buf_put_varint(out, message_size);
	rk_buf_done(&type_meta);
}

/* An empty encoding and content type, as upstream writes them. */
void rk_protobuf_put_tail(struct rk_buf *out)
{
	static const uint8_t tail[] = { 3 << 3 | 2, 0, 4 << 3 | 2, 0 };

	rk_buf_put(out, tail, sizeof tail);
}

void rk_protobuf_put_envelope(struct rk_buf *out, struct rk_type_meta meta, struct rk_span message)
{
	rk_protobuf_put_head(out, meta, message.size);
	rk_buf_put_span(out, message);
	rk_protobuf_put_tail(out);
}

void rk_protobuf_put_event(struct rk_buf *out, const char *type, struct rk_span envelope)
{
	const size_t start = out->size;
	struct rk_buf raw_head = { 0 };

	rk_buf_put_u32(out, 0);
	rk_proto_put_message(out, 1, rk_span_str(type));
	rk_buf_put_varint(&raw_head, 1 << 3 | 2);
	rk_buf_put_varint(&raw_head, envelope.size);
	rk_buf_put_varint(out, 2 << 3 | 2);
	rk_buf_put_varint(out, raw_head.size + envelope.size);
	rk_buf_put_span(out, rk_buf_span(&raw_head));
	rk_buf_put_span(out, envelope);
	rk_buf_done(&raw_head);
	const uint32_t size = (uint32_t)(out->size - start - 4);
	for (unsigned i = 0; i < 4; i++) /* big-endian */
		out->data[start + i] = (uint8_t)(size >> (24 - 8 * i));
}
