/* From protobuf to the value that the same object's JSON gives. Nothing in it is trusted. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/timefmt.h"
#include "control/schema/base64.h"
#include "control/schema/proto.h"
#include "wire/json.h"
#include "wire/proto.h"

#define DEPTH_MAX  100u       /* levels of the value; what is around it in a command has room */
#define VALUES_MAX (1u << 20) /* a byte or two can stand for a value of forty */

struct read {
	struct rk_arena *arena;
	uint32_t values;
	const struct rk_type *owner; /* where it is, for the text of an error */
	const char *field;
	const char *why;
};

static bool bad(struct read *read, const char *why)
{
	if (read->why == NULL)
		read->why = why;
	return false;
}

static bool count_value(struct read *read)
{
	return ++read->values <= VALUES_MAX || bad(read, "the message holds too many values");
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

static bool is_utf8(struct rk_span text)
{
	for (size_t at = 0; at < text.size;) {
		const size_t size = sequence(text.data + at, text.size - at);
		if (size == 0)
			return false;
		at += size;
	}
	return true;
}

static bool read_text(struct read *read, struct rk_span text, struct rk_val **ret)
{
	if (!is_utf8(text))
		return bad(read, "the text is not UTF-8");
	*ret = rk_val_str(read->arena, text);
	return true;
}

/* --- messages that stand for one value --- */

struct parts { /* every special message fits into three fields */
	int64_t numbers[4];
	struct rk_span texts[4];
	bool is_empty;
};

static bool read_parts(struct read *read, struct rk_span bytes, struct parts *ret)
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
	return more == 0 || bad(read, "a message within is malformed");
}

static bool read_time(struct read *read, enum rk_type_kind kind, const struct parts *parts,
		      struct rk_val **ret)
{
	const int64_t year_0 = -62167219200, year_9999 = 253402300799;
	const int64_t seconds = parts->numbers[1], nanos = parts->numbers[2];
	char text[RK_TIME_TEXT_MAX];
	size_t size;

	if (parts->is_empty) { /* no time at all */
		*ret = rk_val_null(read->arena);
		return true;
	}
	if (seconds < year_0 || seconds > year_9999 || nanos < 0 || nanos > 999999999)
		return bad(read, "the time is out of range");
	if (kind == RK_TYPE_TIME)
		size = rk_time_format(text, seconds * 1000);
	else
		size = rk_time_format_micro(text, seconds * 1000000 + nanos / 1000);
	*ret = rk_val_str(read->arena, rk_arena_span(read->arena, rk_span_of(text, size)));
	return true;
}

static bool read_int_or_string(struct read *read, const struct parts *parts, struct rk_val **ret)
{
	if (parts->numbers[1] == 1)
		return read_text(read, parts->texts[3], ret);
	if (parts->numbers[1] != 0)
		return bad(read, "neither a number nor a text");
	*ret = rk_val_int(read->arena, (int32_t)parts->numbers[2]);
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

static bool read_any(struct read *read, struct rk_span json, unsigned depth, struct rk_val **ret)
{
	struct rk_error error = { .text = "" };

	if (json.size == 0) {
		*ret = rk_val_null(read->arena);
		return true;
	}
	if (rk_json_parse(read->arena, json, 0, ret, &error) < 0)
		return bad(read, rk_arena_printf(read->arena, "not JSON: %s", error.text));
	return depth + depth_of(*ret) <= DEPTH_MAX || bad(read, "nested too deep");
}

/* --- one value --- */

static bool read_message(struct read *read, const struct rk_type *type, struct rk_span bytes,
			 unsigned depth, struct rk_val *into);

static bool read_number(struct read *read, const struct rk_type *type, uint64_t value,
			struct rk_val **ret)
{
	if (type->kind == RK_TYPE_BOOL)
		*ret = rk_val_bool(read->arena, value != 0);
	else /* what is left of it in 32 bits, as everybody who reads protobuf has it */
		*ret = rk_val_int(read->arena, type->kind == RK_TYPE_INT32
						       ? (int64_t)(int32_t)(uint32_t)value
						       : (int64_t)value);
	return count_value(read);
}

static bool is_number(const struct rk_type *type)
{
	return type->kind == RK_TYPE_BOOL || type->kind == RK_TYPE_INT32 ||
	       type->kind == RK_TYPE_INT64;
}

/* A list as one value: a message {1: its texts}. */
static bool read_texts(struct read *read, struct rk_span bytes, struct rk_val **ret)
{
	struct rk_reader reader = rk_reader_of(bytes);
	struct rk_proto_field field;
	int more;

	if (*ret == NULL)
		*ret = rk_val_list(read->arena);
	while ((more = rk_proto_next(&reader, &field)) == 1) {
		struct rk_val *text;
		if (field.number != 1 || field.kind != RK_PROTO_BYTES)
			continue;
		if (!count_value(read) || !read_text(read, field.bytes, &text))
			return false;
		rk_val_append(read->arena, *ret, text);
	}
	return more == 0 || bad(read, "a list of texts is malformed");
}

/* Anything that has a length. *ret is not NULL when the message came in parts and this one is a
 * further part of it. */
static bool read_bytes(struct read *read, const struct rk_type *type, struct rk_span bytes,
		       unsigned depth, struct rk_val **ret)
{
	struct parts parts;

	if (!count_value(read))
		return false;
	switch (type->kind) {
	case RK_TYPE_STRING: return read_text(read, bytes, ret);
	case RK_TYPE_BYTES:
		*ret = rk_val_str(read->arena, rk_base64_encode(read->arena, bytes));
		return true;
	case RK_TYPE_OBJECT:
		if (*ret == NULL)
			*ret = rk_val_map(read->arena);
		return read_message(read, type, bytes, depth, *ret);
	case RK_TYPE_STRINGS: return read_texts(read, bytes, ret);
	case RK_TYPE_ANY:
	case RK_TYPE_TIME:
	case RK_TYPE_MICRO_TIME:
	case RK_TYPE_QUANTITY:
	case RK_TYPE_INT_OR_STRING: break;
	case RK_TYPE_BOOL:
	case RK_TYPE_INT32:
	case RK_TYPE_INT64:
	case RK_TYPE_NUMBER: return bad(read, "a number was expected");
	}
	if (!read_parts(read, bytes, &parts))
		return false;
	if (type->kind == RK_TYPE_ANY)
		return read_any(read, parts.texts[1], depth, ret);
	if (type->kind == RK_TYPE_INT_OR_STRING)
		return read_int_or_string(read, &parts, ret);
	if (type->kind == RK_TYPE_QUANTITY)
		return read_text(read, parts.texts[1].size > 0 ? parts.texts[1] : RK_SPAN("0"),
				 ret);
	return read_time(read, type->kind, &parts, ret);
}

static bool read_value(struct read *read, const struct rk_type *type,
		       const struct rk_proto_field *field, unsigned depth, struct rk_val **ret)
{
	if (depth > DEPTH_MAX)
		return bad(read, "nested too deep");
	if (field->kind == RK_PROTO_BYTES)
		return read_bytes(read, type, field->bytes, depth, ret);
	if (!is_number(type) || field->is_fixed)
		return bad(read, "not the wire type of the field");
	return read_number(read, type, field->value, ret);
}

/* --- structure --- */

/* The field's own value so far; NULL when there is none. Names are the registry's: the same field
 * has the same pointer. */
static struct rk_val **slot_of(struct read *read, struct rk_val *map, const struct rk_prop *prop)
{
	const struct rk_span name = rk_span_str(prop->name);

	for (uint32_t i = 0; i < map->count; i++)
		if (map->fields[i].key.data == name.data)
			return &map->fields[i].val;
	rk_val_set(read->arena, map, name, rk_val_null(read->arena));
	map->fields[map->count - 1].val = NULL;
	return &map->fields[map->count - 1].val;
}

static bool read_packed(struct read *read, const struct rk_type *type, struct rk_span bytes,
			struct rk_val *list)
{
	struct rk_reader reader = rk_reader_of(bytes);
	struct rk_val *item = NULL;

	while (rk_reader_left(&reader) > 0) {
		const uint64_t value = rk_read_varint(&reader);
		if (reader.failed)
			return bad(read, "a packed list is malformed");
		if (!read_number(read, type, value, &item))
			return false;
		rk_val_append(read->arena, list, item);
	}
	return true;
}

static bool read_item(struct read *read, const struct rk_type *type,
		      const struct rk_proto_field *field, unsigned depth, struct rk_val *list)
{
	struct rk_val *item = NULL;

	if (field->kind == RK_PROTO_BYTES && is_number(type))
		return read_packed(read, type, field->bytes, list);
	if (!read_value(read, type, field, depth + 1, &item))
		return false;
	rk_val_append(read->arena, list, item);
	return true;
}

/* What an entry without a value has: the zero of its type. */
static bool zero_value(struct read *read, const struct rk_type *type, unsigned depth,
		       struct rk_val **ret)
{
	const struct rk_proto_field none = {
		.kind = is_number(type) ? RK_PROTO_NUMBER : RK_PROTO_BYTES,
	};

	return read_value(read, type, &none, depth, ret);
}

/* An entry is a message {1: key, 2: value}. That a key is there once is seen to at the end. */
static bool read_entry(struct read *read, const struct rk_type *type,
		       const struct rk_proto_field *entry, unsigned depth, struct rk_val *map)
{
	struct rk_reader reader = rk_reader_of(entry->bytes);
	struct rk_proto_field field;
	struct rk_span key = RK_SPAN("");
	struct rk_val *val = NULL;
	int more;

	if (entry->kind != RK_PROTO_BYTES)
		return bad(read, "not the wire type of the field");
	while ((more = rk_proto_next(&reader, &field)) == 1) {
		if (field.number == 1 && field.kind == RK_PROTO_BYTES)
			key = field.bytes;
		else if (field.number == 2 && !read_value(read, type, &field, depth + 1, &val))
			return false;
	}
	if (more < 0)
		return bad(read, "an entry of a map is malformed");
	if (!is_utf8(key))
		return bad(read, "a key is not UTF-8");
	if (val == NULL && !zero_value(read, type, depth + 1, &val))
		return false;
	if (map->count == map->capacity) {
		struct rk_field *more_fields = rk_arena_alloc(
			read->arena, (2 * (size_t)map->count + 8) * sizeof *more_fields);
		if (map->count > 0)
			memcpy(more_fields, map->fields, map->count * sizeof *more_fields);
		map->fields = more_fields;
		map->capacity = 2 * map->count + 8;
	}
	map->fields[map->count++] = (struct rk_field){ key, val };
	return true;
}

static bool read_prop(struct read *read, const struct rk_prop *prop,
		      const struct rk_proto_field *field, unsigned depth, struct rk_val *into)
{
	struct rk_val **slot = slot_of(read, into, prop);

	if (prop->shape == RK_SHAPE_ONE)
		return read_value(read, prop->type, field, depth + 1, slot);
	if (*slot == NULL)
		*slot = prop->shape == RK_SHAPE_LIST ? rk_val_list(read->arena)
						     : rk_val_map(read->arena);
	if (prop->shape == RK_SHAPE_LIST)
		return read_item(read, prop->type, field, depth + 1, *slot);
	return read_entry(read, prop->type, field, depth + 1, *slot);
}

#define LEVELS RK_COUNT(((struct rk_prop *)0)->proto)

/* The field whose numbers these are; the rest of them are 0. */
static const struct rk_prop *numbered(const struct rk_type *type, const uint32_t numbers[LEVELS])
{
	for (uint32_t i = 0; i < type->prop_count; i++) {
		size_t level = 0;
		while (level < LEVELS && type->props[i].proto[level] == numbers[level])
			level++;
		if (level == LEVELS)
			return &type->props[i];
	}
	return NULL;
}

/* Whether fields of the type stand within the message of these numbers. */
static bool embeds(const struct rk_type *type, const uint32_t numbers[LEVELS], size_t count)
{
	for (uint32_t i = 0; count < LEVELS && i < type->prop_count; i++) {
		size_t level = 0;
		while (level < count && type->props[i].proto[level] == numbers[level])
			level++;
		if (level == count && type->props[i].proto[count] != 0)
			return true;
	}
	return false;
}

static bool read_known(struct read *read, const struct rk_type *type, const struct rk_prop *prop,
		       const struct rk_proto_field *field, unsigned depth, struct rk_val *into)
{
	if (prop == NULL) /* a newer client's field */
		return true;
	if (read_prop(read, prop, field, depth, into))
		return true;
	if (read->field == NULL) {
		read->owner = type;
		read->field = prop->name;
	}
	return false;
}

/* The fields of a message, or of one that is embedded in it: those stand among the others. */
static bool read_fields(struct read *read, const struct rk_type *type, struct rk_span bytes,
			const uint32_t outer[LEVELS], size_t level, unsigned depth,
			struct rk_val *into)
{
	struct rk_reader reader = rk_reader_of(bytes);
	struct rk_proto_field field;
	int more;

	while ((more = rk_proto_next(&reader, &field)) == 1) {
		uint32_t numbers[LEVELS];
		memcpy(numbers, outer, sizeof numbers);
		numbers[level] = field.number;
		if (!embeds(type, numbers, level + 1)) {
			if (!read_known(read, type, numbered(type, numbers), &field, depth, into))
				return false;
		} else if (field.kind != RK_PROTO_BYTES) {
			return bad(read, "an embedded message is malformed");
		} else if (!read_fields(read, type, field.bytes, numbers, level + 1, depth, into)) {
			return false;
		}
	}
	return more == 0 || bad(read, "the message is malformed");
}

/* Upstream's maps are sorted and hold a key once. */
static bool settle_maps(struct read *read, struct rk_val *message, const struct rk_type *type)
{
	for (uint32_t i = 0; i < message->count; i++) {
		struct rk_val *map = message->fields[i].val;
		const struct rk_prop *prop = rk_type_prop(type, message->fields[i].key);
		if (prop == NULL || prop->shape != RK_SHAPE_MAP)
			continue;
		rk_val_sort(map);
		for (uint32_t n = 1; n < map->count; n++)
			if (rk_span_eq(map->fields[n - 1].key, map->fields[n].key))
				return bad(read, "a map holds a key twice");
	}
	return true;
}

static bool read_message(struct read *read, const struct rk_type *type, struct rk_span bytes,
			 unsigned depth, struct rk_val *into)
{
	const uint32_t numbers[LEVELS] = { 0 };

	return read_fields(read, type, bytes, numbers, 0, depth, into) &&
	       settle_maps(read, into, type);
}

/* --- the envelope --- */

struct unknown { /* runtime.Unknown */
	struct rk_span meta, raw, encoding, content;
};

static const struct rk_proto_row unknown_rows[] = {
	{ 1, RK_PROTO_SPAN, offsetof(struct unknown, meta) },
	{ 2, RK_PROTO_SPAN, offsetof(struct unknown, raw) },
	{ 3, RK_PROTO_SPAN, offsetof(struct unknown, encoding) },
	{ 4, RK_PROTO_SPAN, offsetof(struct unknown, content) },
};

struct says {
	struct rk_span api_version, kind;
};

static const struct rk_proto_row says_rows[] = {
	{ 1, RK_PROTO_SPAN, offsetof(struct says, api_version) },
	{ 2, RK_PROTO_SPAN, offsetof(struct says, kind) },
};

static int open_envelope(struct rk_span body, struct unknown *unknown, struct says *says,
			 struct rk_error *error)
{
	if (!rk_span_starts(body, RK_SPAN("k8s\0")))
		return rk_fail(error, RK_EINVAL,
			       "provided data does not appear to be a protobuf message, expected "
			       "prefix [107 56 115 0]");
	if (rk_proto_read(unknown_rows, sizeof unknown_rows / sizeof unknown_rows[0],
			  rk_span_sub(body, 4, body.size), unknown) < 0 ||
	    rk_proto_read(says_rows, sizeof says_rows / sizeof says_rows[0], unknown->meta, says) <
		    0)
		return rk_fail(error, RK_EINVAL, "the envelope is malformed");
	if (unknown->encoding.size > 0)
		return rk_fail(error, RK_EINVAL, "the content is encoded once more");
	if (!is_utf8(says->api_version) || !is_utf8(says->kind))
		return rk_fail(error, RK_EINVAL, "the kind is not UTF-8");
	return RK_OK;
}

int rk_protobuf_read(struct rk_arena *arena, const struct rk_kinds *kinds, struct rk_span body,
		     struct rk_val **ret, struct rk_error *error)
{
	struct unknown unknown = { 0 };
	struct says says = { 0 };
	struct read read = { .arena = arena };

	RK_TRY(open_envelope(body, &unknown, &says, error));
	const struct rk_type *type = rk_protobuf_type(kinds, says.api_version, says.kind);
	if (type == NULL)
		return rk_fail(error, RK_EINVAL,
			       "no kind \"%.*s\" is registered for version \"%.*s\"",
			       RK_SPAN_ARGS(rk_span_sub(says.kind, 0, 128)),
			       RK_SPAN_ARGS(rk_span_sub(says.api_version, 0, 128)));
	struct rk_val *object = rk_val_map(arena);
	rk_val_put_str(arena, object, "kind", says.kind);
	rk_val_put_str(arena, object, "apiVersion", says.api_version);
	if (!read_message(&read, type, unknown.raw, 1, object))
		return rk_fail(error, RK_EINVAL, "%s%s%s: %s",
			       read.owner != NULL ? read.owner->name : type->name,
			       read.field != NULL ? "." : "", read.field != NULL ? read.field : "",
			       read.why);
	*ret = object;
	return RK_OK;
}
