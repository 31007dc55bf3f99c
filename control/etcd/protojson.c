#include "control/etcd/protojson.h"

#include <inttypes.h>

#include "base/mem.h"
#include "wire/base64.h"
#include "wire/json.h"
#include "wire/proto.h"

#define DEPTH_MAX 64

/* --- reading JSON --- */

struct in {
	struct rk_arena *arena;
	struct rk_error *error;
	unsigned depth;
};

static int refuse(const struct in *in, const struct rk_protojson_field *field, const char *wanted)
{
	return rk_fail(in->error, RK_EINVAL, "field \"%s\" must be %s", field->name, wanted);
}

/* "create_revision" is "createRevision" too. */
static bool is_named(const char *name, struct rk_span key)
{
	size_t at = 0;

	if (rk_span_is(key, name))
		return true;
	for (; *name != 0; name++, at++) {
		char want = *name;
		if (want == '_' && name[1] >= 'a' && name[1] <= 'z')
			want = (char)(*++name - 'a' + 'A');
		if (at >= key.size || key.data[at] != (uint8_t)want)
			return false;
	}
	return at == key.size;
}

static int read_number(const struct in *in, const struct rk_protojson_field *field,
		       const struct rk_val *val, uint64_t *ret)
{
	const bool is_signed = field->type == RK_PROTOJSON_I64;

	if (val->kind == RK_VAL_INT) {
		if (val->integer < 0 && !is_signed)
			return refuse(in, field, "a number that is not negative");
		*ret = (uint64_t)val->integer;
	} else if (val->kind == RK_VAL_STR) {
		const bool is_minus = is_signed && rk_span_starts(val->str, RK_SPAN("-"));
		if (!rk_span_u64(rk_span_sub(val->str, is_minus, val->str.size), ret) ||
		    (is_signed && *ret > (uint64_t)INT64_MAX + is_minus))
			return refuse(in, field, "a number of 64 bits");
		if (is_minus)
			*ret = -*ret;
	} else {
		return refuse(in, field, "a number of 64 bits");
	}
	return field->type == RK_PROTOJSON_U32 && *ret > UINT32_MAX
		       ? refuse(in, field, "a number of 32 bits")
		       : RK_OK;
}

static int read_enum(const struct in *in, const struct rk_protojson_field *field,
		     const struct rk_val *val, uint64_t *ret)
{
	if (val->kind == RK_VAL_INT) {
		*ret = (uint64_t)val->integer;
		return RK_OK;
	}
	for (uint64_t i = 0; val->kind == RK_VAL_STR && field->values[i] != NULL; i++) {
		if (rk_span_is(val->str, field->values[i])) {
			*ret = i;
			return RK_OK;
		}
	}
	return refuse(in, field, "one of the enum's names");
}

/* Standard or URL alphabet, padded or not. */
static int read_bytes(const struct in *in, const struct rk_protojson_field *field,
		      struct rk_span text, struct rk_span *ret)
{
	while (text.size > 0 && text.data[text.size - 1] == '=')
		text.size--;
	return rk_base64_decode(in->arena, rk_base64_from_url(in->arena, text), ret)
		       ? RK_OK
		       : refuse(in, field, "base64");
}

static int read_message(struct in *in, const struct rk_protojson *message, const struct rk_val *val,
			struct rk_buf *out);

/* Numbers of a list are written when they are zero, too. */
static void put_number(struct rk_buf *out, const struct rk_protojson_field *field, uint64_t number)
{
	if (number == 0 && !field->is_list)
		return;
	rk_buf_put_varint(out, (uint64_t)field->number << 3);
	rk_buf_put_varint(out, number);
}

static int read_value(struct in *in, const struct rk_protojson_field *field,
		      const struct rk_val *val, struct rk_buf *out)
{
	struct rk_buf inner = { 0 };
	struct rk_span bytes = { 0 };
	uint64_t number = 0;
	int err;

	switch (field->type) {
	case RK_PROTOJSON_BOOL:
		if (val->kind != RK_VAL_BOOL)
			return refuse(in, field, "true or false");
		put_number(out, field, val->boolean);
		return RK_OK;
	case RK_PROTOJSON_ENUM: RK_TRY(read_enum(in, field, val, &number)); break;
	case RK_PROTOJSON_STRING:
	case RK_PROTOJSON_BYTES:
		if (val->kind != RK_VAL_STR)
			return refuse(in, field, "a string");
		bytes = val->str;
		if (field->type == RK_PROTOJSON_BYTES)
			RK_TRY(read_bytes(in, field, val->str, &bytes));
		if (field->is_list)
			rk_proto_put_message(out, field->number, bytes);
		else
			rk_proto_put_bytes(out, field->number, bytes);
		return RK_OK;
	case RK_PROTOJSON_MESSAGE:
		err = read_message(in, field->message, val, &inner);
		rk_proto_put_message(out, field->number, rk_buf_span(&inner));
		rk_buf_done(&inner);
		return err;
	default: RK_TRY(read_number(in, field, val, &number));
	}
	put_number(out, field, number);
	return RK_OK;
}

static int read_field(struct in *in, const struct rk_protojson_field *field,
		      const struct rk_val *val, struct rk_buf *out)
{
	if (val->kind == RK_VAL_NULL)
		return RK_OK;
	if (!field->is_list)
		return read_value(in, field, val, out);
	if (val->kind != RK_VAL_LIST)
		return refuse(in, field, "a list");
	for (uint32_t i = 0; i < val->count; i++)
		RK_TRY(read_value(in, field, val->items[i], out));
	return RK_OK;
}

static int read_message(struct in *in, const struct rk_protojson *message, const struct rk_val *val,
			struct rk_buf *out)
{
	if (val->kind != RK_VAL_MAP)
		return rk_fail(in->error, RK_EINVAL, "%s must be an object", message->name);
	if (++in->depth > DEPTH_MAX)
		return rk_fail(in->error, RK_ETOOBIG, "%s is too deep", message->name);
	for (uint32_t i = 0; i < val->count; i++)
		for (const struct rk_protojson_field *field = message->fields; field->name != NULL;
		     field++)
			if (is_named(field->name, val->fields[i].key))
				RK_TRY(read_field(in, field, val->fields[i].val, out));
	in->depth--;
	return RK_OK;
}

int rk_protojson_read(struct rk_arena *arena, const struct rk_protojson *message,
		      const struct rk_val *val, struct rk_buf *out, struct rk_error *error)
{
	struct in in = { arena, error, 0 };

	return read_message(&in, message, val, out);
}

/* --- writing JSON --- */

struct out {
	struct rk_arena *arena;
	struct rk_buf *text;
	unsigned depth;
};

static int write_message(struct out *out, const struct rk_protojson *message, struct rk_span bytes);

static size_t count_of(const struct rk_protojson_field *field)
{
	size_t count = 0;

	while (field->values[count] != NULL)
		count++;
	return count;
}

static int write_value(struct out *out, const struct rk_protojson_field *field,
		       const struct rk_proto_field *value)
{
	const bool is_number = field->type < RK_PROTOJSON_STRING;

	if (is_number != (value->kind == RK_PROTO_NUMBER))
		return RK_EINVAL;
	switch (field->type) {
	case RK_PROTOJSON_I64:
		rk_buf_printf(out->text, "\"%" PRId64 "\"", (int64_t)value->value);
		break;
	case RK_PROTOJSON_U64: rk_buf_printf(out->text, "\"%" PRIu64 "\"", value->value); break;
	case RK_PROTOJSON_U32: rk_buf_printf(out->text, "%" PRIu64, value->value); break;
	case RK_PROTOJSON_BOOL:
		rk_buf_put_str(out->text, value->value != 0 ? "true" : "false");
		break;
	case RK_PROTOJSON_ENUM:
		if (value->value < count_of(field))
			rk_buf_printf(out->text, "\"%s\"", field->values[value->value]);
		else
			rk_buf_printf(out->text, "%" PRId64, (int64_t)value->value);
		break;
	case RK_PROTOJSON_STRING: rk_json_write_str(out->text, value->bytes); break;
	case RK_PROTOJSON_BYTES:
		rk_json_write_str(out->text, rk_base64_encode(out->arena, value->bytes));
		break;
	case RK_PROTOJSON_MESSAGE: return write_message(out, field->message, value->bytes);
	}
	return RK_OK;
}

static bool is_zero(const struct rk_protojson_field *field, const struct rk_proto_field *value)
{
	return field->type != RK_PROTOJSON_MESSAGE && value->value == 0 && value->bytes.size == 0;
}

/* All elements, one after the other; of several of one that is no list, the last. */
static int write_field(struct out *out, const struct rk_protojson_field *field,
		       struct rk_span bytes, bool *is_first)
{
	struct rk_reader reader = rk_reader_of(bytes);
	struct rk_proto_field at, last = { 0 };
	bool any = false;
	int more;

	while ((more = rk_proto_next(&reader, &at)) == 1) {
		if (at.number != field->number)
			continue;
		last = at;
		if (field->is_list) {
			rk_buf_put_str(out->text, any ? "," : *is_first ? "" : ",");
			if (!any)
				rk_buf_printf(out->text, "\"%s\":[", field->name);
			RK_TRY(write_value(out, field, &at));
		}
		any = true;
	}
	if (more < 0 || !any || (!field->is_list && is_zero(field, &last)))
		return more;
	if (field->is_list) {
		rk_buf_put_u8(out->text, ']');
	} else {
		rk_buf_printf(out->text, "%s\"%s\":", *is_first ? "" : ",", field->name);
		RK_TRY(write_value(out, field, &last));
	}
	*is_first = false;
	return RK_OK;
}

static int write_message(struct out *out, const struct rk_protojson *message, struct rk_span bytes)
{
	bool is_first = true;

	if (++out->depth > DEPTH_MAX)
		return RK_EINVAL;
	rk_buf_put_u8(out->text, '{');
	for (const struct rk_protojson_field *field = message->fields; field->name != NULL; field++)
		RK_TRY(write_field(out, field, bytes, &is_first));
	rk_buf_put_u8(out->text, '}');
	out->depth--;
	return RK_OK;
}

int rk_protojson_write(struct rk_arena *arena, const struct rk_protojson *message,
		       struct rk_span bytes, struct rk_buf *out)
{
	struct out state = { arena, out, 0 };

	return write_message(&state, message, bytes);
}

/* --- one after the other --- */

bool rk_protojson_cut(struct rk_span *bytes, bool is_last, struct rk_span *ret)
{
	size_t at = 0, depth = 0;
	bool in_text = false;

	while (at < bytes->size && memchr(" \t\r\n", bytes->data[at], 4) != NULL)
		at++;
	*bytes = rk_span_sub(*bytes, at, bytes->size);
	for (at = 0; at < bytes->size; at++) {
		const uint8_t c = bytes->data[at];
		if (in_text) {
			at += c == '\\';
			in_text = c != '"';
			continue;
		}
		in_text = c == '"';
		depth += c == '{' || c == '[';
		if ((c != '}' && c != ']') || (depth > 0 && --depth > 0))
			continue;
		*ret = rk_span_sub(*bytes, 0, at + 1);
		*bytes = rk_span_sub(*bytes, at + 1, bytes->size);
		return true;
	}
	*ret = *bytes;
	return is_last && bytes->size > 0;
}
