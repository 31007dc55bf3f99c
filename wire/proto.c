#include "wire/proto.h"

int rk_proto_next(struct rk_reader *reader, struct rk_proto_field *ret)
{
	struct rk_proto_field field = { 0 };

	if (rk_reader_left(reader) == 0 && !reader->failed)
		return 0;
	const uint64_t tag = rk_read_varint(reader);
	field.number = (uint32_t)(tag >> 3);
	if (reader->failed || tag >> 3 == 0 || tag >> 3 > (1u << 29) - 1)
		return RK_EINVAL;
	field.fixed_size = (tag & 7) == 1 ? 8 : (tag & 7) == 5 ? 4 : 0;
	switch (tag & 7) {
	case 0: field.value = rk_read_varint(reader); break;
	case 1: field.value = rk_read_u64(reader); break;
	case 2:
		field.kind = RK_PROTO_BYTES;
		field.bytes = rk_read_bytes(reader);
		break;
	case 5: field.value = rk_read_u32(reader); break;
	default: return RK_EINVAL;
	}
	if (reader->failed)
		return RK_EINVAL;
	*ret = field;
	return 1;
}

int rk_proto_store(const struct rk_proto_row *rows, size_t count,
		   const struct rk_proto_field *field, void *into)
{
	for (size_t i = 0; i < count; i++) {
		void *place = (char *)into + rows[i].offset;
		if (rows[i].number != field->number)
			continue;
		if ((rows[i].type == RK_PROTO_SPAN) != (field->kind == RK_PROTO_BYTES))
			return RK_EINVAL;
		if (rows[i].type == RK_PROTO_SPAN)
			*(struct rk_span *)place = field->bytes;
		else if (rows[i].type == RK_PROTO_FLAG)
			*(bool *)place = field->value != 0;
		else
			*(int64_t *)place = (int64_t)field->value;
		break;
	}
	return RK_OK;
}

int rk_proto_read(const struct rk_proto_row *rows, size_t count, struct rk_span bytes, void *into)
{
	struct rk_reader reader = rk_reader_of(bytes);
	struct rk_proto_field field;
	int more;

	while ((more = rk_proto_next(&reader, &field)) == 1)
		RK_TRY(rk_proto_store(rows, count, &field, into));
	return more;
}

void rk_proto_put_number(struct rk_buf *out, uint32_t number, uint64_t value)
{
	if (value == 0)
		return;
	rk_buf_put_varint(out, (uint64_t)number << 3);
	rk_buf_put_varint(out, value);
}

void rk_proto_put_message(struct rk_buf *out, uint32_t number, struct rk_span bytes)
{
	rk_buf_put_varint(out, (uint64_t)number << 3 | 2);
	rk_buf_put_bytes(out, bytes);
}

void rk_proto_put_bytes(struct rk_buf *out, uint32_t number, struct rk_span bytes)
{
	if (bytes.size > 0)
		rk_proto_put_message(out, number, bytes);
}
