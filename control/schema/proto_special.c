/* Values that are texts, and messages that stand for one value. */
#include "base/timefmt.h"
#include "control/schema/proto_inner.h"
#include "wire/json.h"

#define VALUES_MAX (1u << 20) /* a byte or two can stand for a value of forty */

bool rk_protobuf_bad(struct rk_protobuf_in *in, const char *why)
{
	if (in->why == NULL)
		in->why = why;
	return false;
}

bool rk_protobuf_count(struct rk_protobuf_in *in)
{
	return ++in->values <= VALUES_MAX ||
	       rk_protobuf_bad(in, "the message holds too many values");
}

/* --- texts --- */

/* The size of the UTF-8 sequence that starts here, 0 when it is none (RFC 3629). */
static size_t sequence(const uint8_t *at, size_t left)
{
	const uint8_t lead = at[0];
	const size_t size = lead < 0x80                   ? 1
			    : lead >= 0xc2 && lead < 0xe0 ? 2
			    : lead >= 0xe0 && lead < 0xf0 ? 3
			    : lead >= 0xf0 && lead < 0xf5 ? 4
							  : 0;

	if (size == 0 || size > left)
		return 0;
	for (size_t i = 1; i < size; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	/* Overlong forms, surrogates, and what lies behind the last character. */
	if ((lead == 0xe0 && at[1] < 0xa0) || (lead == 0xed && at[1] >= 0xa0) ||
	    (lead == 0xf0 && at[1] < 0x90) || (lead == 0xf4 && at[1] >= 0x90))
		return 0;
	return size;
}

bool rk_protobuf_is_utf8(struct rk_span text)
{
	for (size_t at = 0; at < text.size;) {
		const size_t size = sequence(text.data + at, text.size - at);
		if (size == 0)
			return false;
		at += size;
	}
	return true;
}

bool rk_protobuf_text(struct rk_protobuf_in *in, struct rk_span text, struct rk_val **ret)
{
	if (!rk_protobuf_is_utf8(text))
		return rk_protobuf_bad(in, "the text is not UTF-8");
	*ret = rk_val_str(in->arena, text);
	return true;
}

/* --- messages that stand for one value --- */

struct parts { /* every special message fits into three fields */
	int64_t numbers[4];
	struct rk_span texts[4];
	bool is_empty;
};

static bool read_parts(struct rk_protobuf_in *in, struct rk_span bytes, struct parts *ret)
{
	struct rk_reader reader = rk_reader_of(bytes);
	struct rk_proto_field field;
	int more;

	*ret = (struct parts){ .is_empty = bytes.size == 0 };
	while ((more = rk_proto_next(&reader, &field)) == 1) {
		if (field.number >= 4)
			continue;
		if (field.kind == RK_PROTO_BYTES)
			ret->texts[field.number] = field.bytes;
		else
			ret->numbers[field.number] = (int64_t)field.value;
	}
	return more == 0 || rk_protobuf_bad(in, "a message within is malformed");
}

static bool read_time(struct rk_protobuf_in *in, enum rk_type_kind kind, const struct parts *parts,
		      struct rk_val **ret)
{
	const int64_t year_0 = -62167219200, year_9999 = 253402300799;
	const int64_t seconds = parts->numbers[1], nanos = parts->numbers[2];
	char text[RK_TIME_TEXT_MAX];
	size_t size;

	if (parts->is_empty) { /* no time at all */
		*ret = rk_val_null(in->arena);
		return true;
	}
	if (seconds < year_0 || seconds > year_9999 || nanos < 0 || nanos > 999999999)
		return rk_protobuf_bad(in, "the time is out of range");
	if (kind == RK_TYPE_TIME)
		size = rk_time_format(text, seconds * 1000);
	else
		size = rk_time_format_micro(text, seconds * 1000000 + nanos / 1000);
	*ret = rk_val_str(in->arena, rk_arena_span(in->arena, rk_span_of(text, size)));
	return true;
}

static bool read_int_or_string(struct rk_protobuf_in *in, const struct parts *parts,
			       struct rk_val **ret)
{
	if (parts->numbers[1] == 1)
		return rk_protobuf_text(in, parts->texts[3], ret);
	if (parts->numbers[1] != 0)
		return rk_protobuf_bad(in, "neither a number nor a text");
	*ret = rk_val_int(in->arena, (int32_t)parts->numbers[2]);
	return true;
}

static unsigned depth_of(const struct rk_val *val)
{
	unsigned deepest = 0;

	for (uint32_t i = 0; i < rk_val_count(val); i++) {
		const unsigned depth =
			depth_of(val->kind == RK_VAL_LIST ? val->items[i] : val->fields[i].val);
		deepest = depth > deepest ? depth : deepest;
	}
	return deepest + 1;
}

static bool read_any(struct rk_protobuf_in *in, struct rk_span json, unsigned depth,
		     struct rk_val **ret)
{
	struct rk_error error = { .text = "" };

	if (json.size == 0) {
		*ret = rk_val_null(in->arena);
		return true;
	}
	if (rk_json_parse(in->arena, json, 0, ret, &error) < 0)
		return rk_protobuf_bad(in, rk_arena_printf(in->arena, "not JSON: %s", error.text));
	return depth + depth_of(*ret) <= RK_PROTOBUF_DEPTH_MAX ||
	       rk_protobuf_bad(in, "nested too deep");
}

/* ExtraValue: {1: text} any number of times. */
static bool read_strings(struct rk_protobuf_in *in, struct rk_span bytes, struct rk_val **ret)
{
	struct rk_reader reader = rk_reader_of(bytes);
	struct rk_proto_field field;
	struct rk_val *text = NULL;
	int more;

	*ret = rk_val_list(in->arena);
	while ((more = rk_proto_next(&reader, &field)) == 1) {
		if (field.number != 1 || field.kind != RK_PROTO_BYTES)
			continue;
		if (!rk_protobuf_count(in) || !rk_protobuf_text(in, field.bytes, &text))
			return false;
		rk_val_append(in->arena, *ret, text);
	}
	return more == 0 || rk_protobuf_bad(in, "a message within is malformed");
}

bool rk_protobuf_special(struct rk_protobuf_in *in, enum rk_type_kind kind, struct rk_span bytes,
			 unsigned depth, struct rk_val **ret)
{
	struct parts parts;

	if (kind == RK_TYPE_STRINGS)
		return read_strings(in, bytes, ret);
	if (!read_parts(in, bytes, &parts))
		return false;
	if (kind == RK_TYPE_ANY)
		return read_any(in, parts.texts[1], depth, ret);
	if (kind == RK_TYPE_INT_OR_STRING)
		return read_int_or_string(in, &parts, ret);
	if (kind == RK_TYPE_QUANTITY)
		return rk_protobuf_text(in, parts.texts[1].size > 0 ? parts.texts[1] : RK_SPAN("0"),
					ret);
	return read_time(in, kind, &parts, ret);
}
