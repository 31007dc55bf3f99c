/* From protobuf to the value that the same object's JSON gives. Nothing in it is trusted. */
#include <string.h>

#include "control/schema/proto_inner.h"
#include "wire/base64.h"

/* --- one value --- */

static bool is_number(const struct rk_type *type)
{
	return type->kind == RK_TYPE_BOOL || type->kind == RK_TYPE_INT32 ||
	       type->kind == RK_TYPE_INT64;
}

static bool read_number(struct rk_protobuf_in *in, const struct rk_type *type, uint64_t value,
			struct rk_val **ret)
{
	if (type->kind == RK_TYPE_BOOL)
		*ret = rk_val_bool(in->arena, value != 0);
	else /* what is left of it in 32 bits, as everybody who reads protobuf has it */
		*ret = rk_val_int(in->arena, type->kind == RK_TYPE_INT32
						     ? (int64_t)(int32_t)(uint32_t)value
						     : (int64_t)value);
	return rk_protobuf_count(in);
}

/* A whole number is one in JSON too, whatever it is called here. */
static bool read_real(struct rk_protobuf_in *in, uint64_t bits, struct rk_val **ret)
{
	const double whole_max = 9007199254740992.0; /* up to there all of them are exact */
	double value;

	memcpy(&value, &bits, sizeof value);
	if ((bits >> 52 & 0x7ff) == 0x7ff)
		return rk_protobuf_bad(in, "not a number");
	if (value >= -whole_max && value <= whole_max && value == (double)(int64_t)value)
		*ret = rk_val_int(in->arena, (int64_t)value);
	else
		*ret = rk_val_real(in->arena, value);
	return rk_protobuf_count(in);
}

/* Anything that has a length. *ret is not NULL when the message came in parts and this one is a
 * further part of it. */
static bool read_bytes(struct rk_protobuf_in *in, const struct rk_type *type, struct rk_span bytes,
		       unsigned depth, struct rk_val **ret)
{
	if (!rk_protobuf_count(in))
		return false;
	if (rk_protobuf_is_schema_or(type))
		return rk_protobuf_read_schema_or(in, type, bytes, depth, ret);
	switch (type->kind) {
	case RK_TYPE_STRING: return rk_protobuf_text(in, bytes, ret);
	case RK_TYPE_BYTES:
		*ret = rk_val_str(in->arena, rk_base64_encode(in->arena, bytes));
		return true;
	case RK_TYPE_OBJECT:
		if (*ret == NULL)
			*ret = rk_val_map(in->arena);
		return rk_protobuf_message(in, type, bytes, depth, *ret);
	case RK_TYPE_ANY:
	case RK_TYPE_TIME:
	case RK_TYPE_MICRO_TIME:
	case RK_TYPE_QUANTITY:
	case RK_TYPE_STRINGS:
	case RK_TYPE_INT_OR_STRING: break;
	case RK_TYPE_BOOL:
	case RK_TYPE_NUMBER:
	case RK_TYPE_INT32:
	case RK_TYPE_INT64: return rk_protobuf_bad(in, "a number was expected");
	}
	return rk_protobuf_special(in, type->kind, bytes, depth, ret);
}

static bool read_value(struct rk_protobuf_in *in, const struct rk_type *type,
		       const struct rk_proto_field *field, unsigned depth, struct rk_val **ret)
{
	if (depth > RK_PROTOBUF_DEPTH_MAX)
		return rk_protobuf_bad(in, "nested too deep");
	if (field->kind == RK_PROTO_BYTES)
		return read_bytes(in, type, field->bytes, depth, ret);
	if (type->kind == RK_TYPE_NUMBER && field->fixed_size == 8)
		return read_real(in, field->value, ret);
	if (!is_number(type) || field->fixed_size != 0)
		return rk_protobuf_bad(in, "not the wire type of the field");
	return read_number(in, type, field->value, ret);
}

/* --- structure --- */

/* The field's own value so far; NULL when there is none. Names are the registry's: the same field
 * has the same pointer. */
static struct rk_val **slot_of(struct rk_protobuf_in *in, struct rk_val *map,
			       const struct rk_prop *prop)
{
	const struct rk_span name = rk_span_str(prop->name);

	for (uint32_t i = 0; i < map->count; i++)
		if (map->fields[i].key.data == name.data)
			return &map->fields[i].val;
	rk_val_set(in->arena, map, name, rk_val_null(in->arena));
	map->fields[map->count - 1].val = NULL;
	return &map->fields[map->count - 1].val;
}

static bool read_packed(struct rk_protobuf_in *in, const struct rk_type *type, struct rk_span bytes,
			struct rk_val *list)
{
	struct rk_reader reader = rk_reader_of(bytes);
	struct rk_val *item = NULL;

	while (rk_reader_left(&reader) > 0) {
		const uint64_t value = rk_read_varint(&reader);
		if (reader.failed)
			return rk_protobuf_bad(in, "a packed list is malformed");
		if (!read_number(in, type, value, &item))
			return false;
		rk_val_append(in->arena, list, item);
	}
	return true;
}

static bool read_item(struct rk_protobuf_in *in, const struct rk_type *type,
		      const struct rk_proto_field *field, unsigned depth, struct rk_val *list)
{
	struct rk_val *item = NULL;

	if (field->kind == RK_PROTO_BYTES && is_number(type))
		return read_packed(in, type, field->bytes, list);
	if (!read_value(in, type, field, depth + 1, &item))
		return false;
	rk_val_append(in->arena, list, item);
	return true;
}

/* What an entry without a value has: the zero of its type. */
static bool zero_value(struct rk_protobuf_in *in, const struct rk_type *type, unsigned depth,
		       struct rk_val **ret)
{
	const bool is_real = type->kind == RK_TYPE_NUMBER;
	const struct rk_proto_field none = {
		.kind = is_number(type) || is_real ? RK_PROTO_NUMBER : RK_PROTO_BYTES,
		.fixed_size = is_real ? 8 : 0,
	};

	return read_value(in, type, &none, depth, ret);
}

/* An entry is a message {1: key, 2: value}. That a key is there once is seen to at the end. */
static bool read_entry(struct rk_protobuf_in *in, const struct rk_type *type,
		       const struct rk_proto_field *entry, unsigned depth, struct rk_val *map)
{
	struct rk_reader reader = rk_reader_of(entry->bytes);
	struct rk_proto_field field;
	struct rk_span key = RK_SPAN("");
	struct rk_val *val = NULL;
	int more;

	if (entry->kind != RK_PROTO_BYTES)
		return rk_protobuf_bad(in, "not the wire type of the field");
	while ((more = rk_proto_next(&reader, &field)) == 1) {
		if (field.number == 1 && field.kind == RK_PROTO_BYTES)
			key = field.bytes;
		else if (field.number == 2 && !read_value(in, type, &field, depth + 1, &val))
			return false;
	}
	if (more < 0)
		return rk_protobuf_bad(in, "an entry of a map is malformed");
	if (!rk_protobuf_is_utf8(key))
		return rk_protobuf_bad(in, "a key is not UTF-8");
	if (val == NULL && !zero_value(in, type, depth + 1, &val))
		return false;
	if (map->count == map->capacity) {
		struct rk_field *more_fields = rk_arena_alloc(
			in->arena, (2 * (size_t)map->count + 8) * sizeof *more_fields);
		if (map->count > 0)
			memcpy(more_fields, map->fields, map->count * sizeof *more_fields);
		map->fields = more_fields;
		map->capacity = 2 * map->count + 8;
	}
	map->fields[map->count++] = (struct rk_field){ key, val };
	return true;
}

static bool read_prop(struct rk_protobuf_in *in, const struct rk_prop *prop,
		      const struct rk_proto_field *field, unsigned depth, struct rk_val *into)
{
	struct rk_val **slot = slot_of(in, into, prop);

	if (prop->shape == RK_SHAPE_ONE)
		return read_value(in, prop->type, field, depth + 1, slot);
	if (*slot == NULL)
		*slot = prop->shape == RK_SHAPE_LIST ? rk_val_list(in->arena)
						     : rk_val_map(in->arena);
	if (prop->shape == RK_SHAPE_LIST)
		return read_item(in, prop->type, field, depth + 1, *slot);
	return read_entry(in, prop->type, field, depth + 1, *slot);
}

struct place { /* the numbers of the messages around, within one that JSON shows as one */
	const struct rk_type *type;
	uint32_t around[RK_PROTO_DEPTH];
	unsigned levels;
};

static bool is_around(const struct place *place, const struct rk_prop *prop, uint32_t number)
{
	for (unsigned i = 0; i < place->levels; i++)
		if (prop->proto[i] != place->around[i])
			return false;
	return prop->proto[place->levels] == number;
}

/* The field of that number; *ret_embeds: there is none, but fields within it. */
static const struct rk_prop *numbered(const struct place *place, uint32_t number, bool *ret_embeds)
{
	const unsigned inner = place->levels + 1;

	*ret_embeds = false;
	for (uint32_t i = 0; i < place->type->prop_count; i++) {
		const struct rk_prop *prop = &place->type->props[i];
		if (!is_around(place, prop, number))
			continue;
		if (inner == RK_PROTO_DEPTH || prop->proto[inner] == 0)
			return prop;
		*ret_embeds = true;
	}
	return NULL;
}

static bool read_fields(struct rk_protobuf_in *in, const struct place *place, struct rk_span bytes,
			unsigned depth, struct rk_val *into);

/* A message whose fields stand among those of the type. */
static bool read_embedded(struct rk_protobuf_in *in, const struct place *place,
			  const struct rk_proto_field *field, unsigned depth, struct rk_val *into)
{
	struct place inner = *place;

	if (field->kind != RK_PROTO_BYTES)
		return rk_protobuf_bad(in, "an embedded message is malformed");
	inner.around[inner.levels++] = field->number;
	return read_fields(in, &inner, field->bytes, depth, into);
}

static bool read_field(struct rk_protobuf_in *in, const struct place *place,
		       const struct rk_proto_field *field, unsigned depth, struct rk_val *into)
{
	bool embeds;
	const struct rk_prop *prop = numbered(place, field->number, &embeds);

	if (prop == NULL) /* or a newer client's field */
		return !embeds || read_embedded(in, place, field, depth, into);
	if (read_prop(in, prop, field, depth, into))
		return true;
	if (in->field == NULL) {
		in->owner = place->type;
		in->field = prop->name;
	}
	return false;
}

static bool read_fields(struct rk_protobuf_in *in, const struct place *place, struct rk_span bytes,
			unsigned depth, struct rk_val *into)
{
	struct rk_reader reader = rk_reader_of(bytes);
	struct rk_proto_field field;
	int more;

	while ((more = rk_proto_next(&reader, &field)) == 1)
		if (!read_field(in, place, &field, depth, into))
			return false;
	return more == 0 || rk_protobuf_bad(in, "the message is malformed");
}

/* Upstream's maps are sorted and hold a key once. */
static bool settle_maps(struct rk_protobuf_in *in, struct rk_val *message,
			const struct rk_type *type)
{
	for (uint32_t i = 0; i < message->count; i++) {
		struct rk_val *map = message->fields[i].val;
		const struct rk_prop *prop = rk_type_prop(type, message->fields[i].key);
		if (prop == NULL || prop->shape != RK_SHAPE_MAP)
			continue;
		rk_val_sort(map);
		for (uint32_t n = 1; n < map->count; n++)
			if (rk_span_eq(map->fields[n - 1].key, map->fields[n].key))
				return rk_protobuf_bad(in, "a map holds a key twice");
	}
	return true;
}

bool rk_protobuf_message(struct rk_protobuf_in *in, const struct rk_type *type,
			 struct rk_span bytes, unsigned depth, struct rk_val *into)
{
	const struct place place = { .type = type };

	return read_fields(in, &place, bytes, depth, into) && settle_maps(in, into, type);
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
	if (!rk_protobuf_is_utf8(says->api_version) || !rk_protobuf_is_utf8(says->kind))
		return rk_fail(error, RK_EINVAL, "the kind is not UTF-8");
	return RK_OK;
}

int rk_protobuf_read(struct rk_arena *arena, const struct rk_kinds *kinds, struct rk_span body,
		     struct rk_val **ret, struct rk_error *error)
{
	struct unknown unknown = { 0 };
	struct says says = { 0 };
	struct rk_protobuf_in in = { .arena = arena,
				     .schema =
					     rk_types_by_name(kinds, RK_SPAN("JSONSchemaProps")) };

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
	if (!rk_protobuf_message(&in, type, unknown.raw, 1, object))
		return rk_fail(error, RK_EINVAL, "%s%s%s: %s",
			       in.owner != NULL ? in.owner->name : type->name,
			       in.field != NULL ? "." : "", in.field != NULL ? in.field : "",
			       in.why);
	*ret = object;
	return RK_OK;
}
