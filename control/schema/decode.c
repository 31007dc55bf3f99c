/* From what a client sent to an object in normal form, or to the first thing that is wrong with it.
 */
#include "base/buf.h"
#include "base/timefmt.h"
#include "control/schema/path.h"
#include "control/schema/quantity.h"
#include "control/schema/custom_rules.h"
#include "control/schema/schema.h"
#include "control/status.h"
#include "wire/json.h"

#define UNKNOWN_MAX 64 /* unknown fields that are told by name */

struct decode {
	struct rk_arena *arena;
	enum rk_strictness strictness;
	struct rk_val *unknown; /* texts */
	const char *why;        /* what is wrong */
};

bool rk_strictness_of(struct rk_span text, enum rk_strictness *ret)
{
	if (text.size == 0 || rk_span_is(text, "Warn"))
		*ret = RK_STRICT_WARN;
	else if (rk_span_is(text, "Ignore"))
		*ret = RK_STRICT_IGNORE;
	else if (rk_span_is(text, "Strict"))
		*ret = RK_STRICT_STRICT;
	else
		return false;
	return true;
}

/* --- what is wrong --- */

static const char *const go_types[] = { "interface {}",
					"bool",
					"int32",
					"int64",
					"string",
					"[]uint8",
					"v1.Time",
					"v1.MicroTime",
					"resource.Quantity",
					"intstr.IntOrString",
					"float64",
					"v1.ExtraValue",
					"" };

/* "v1.PodSpec" of "io.k8s.api.core.v1.PodSpec"; from `parts` dots before the end. */
static const char *schema_end(const struct rk_type *type, unsigned parts)
{
	size_t at = strlen(type->schema);

	while (at > 0 && (type->schema[at - 1] != '.' || --parts > 0))
		at--;
	return type->schema + at;
}

static const char *go_type(struct rk_arena *arena, const struct rk_type *type, enum rk_shape shape)
{
	const char *one = type->kind == RK_TYPE_OBJECT ? schema_end(type, 2) : go_types[type->kind];

	if (shape == RK_SHAPE_ONE)
		return one;
	return rk_arena_printf(arena, "%s%s", shape == RK_SHAPE_LIST ? "[]" : "map[string]", one);
}

static const char *json_kind(struct rk_arena *arena, const struct rk_val *val)
{
	switch (val->kind) {
	case RK_VAL_NULL: return "null";
	case RK_VAL_BOOL: return "bool";
	case RK_VAL_INT: return rk_arena_printf(arena, "number %lld", (long long)val->integer);
	case RK_VAL_REAL: break;
	case RK_VAL_STR: return "string";
	case RK_VAL_LIST: return "array";
	case RK_VAL_MAP: return "object";
	}
	struct rk_buf text = { 0 };
	rk_json_write_real(&text, val->real);
	const char *kind = rk_arena_printf(arena, "number %s", rk_buf_cstr(&text));
	rk_buf_done(&text);
	return kind;
}

struct place {                       /* where the walk is */
	const struct rk_type *owner; /* the type whose field it is */
	const struct rk_path *path;
};

static bool wrong_type(struct decode *decode, const struct place *place, const struct rk_val *val,
		       const struct rk_type *type, enum rk_shape shape)
{
	const bool is_number = val->kind == RK_VAL_INT || val->kind == RK_VAL_REAL;
	const bool wants_number = shape == RK_SHAPE_ONE &&
				  (type->kind == RK_TYPE_INT32 || type->kind == RK_TYPE_INT64 ||
				   type->kind == RK_TYPE_NUMBER);

	/* Go names the number only when a number was wanted. */
	decode->why = rk_arena_printf(
		decode->arena, "json: cannot unmarshal %s into Go struct field %s.%s of type %s",
		is_number && !wants_number ? "number" : json_kind(decode->arena, val),
		schema_end(place->owner, 1), rk_path_text(decode->arena, place->path, false),
		go_type(decode->arena, type, shape));
	return false;
}

static bool wrong_text(struct decode *decode, const struct place *place, const char *why)
{
	decode->why = rk_arena_printf(decode->arena, "%s: %s",
				      rk_path_text(decode->arena, place->path, true), why);
	return false;
}

static void note_unknown(struct decode *decode, const struct rk_path *path,
			 const struct rk_type *type, struct rk_span name)
{
	const char *near = rk_type_nearest(type, name);
	const char *where = rk_path_text(decode->arena, path, true);
	struct rk_val *text;

	if (decode->strictness == RK_STRICT_IGNORE || rk_val_count(decode->unknown) >= UNKNOWN_MAX)
		return;
	if (near != NULL)
		text = rk_val_strf(decode->arena, "unknown field \"%s\" (did you mean \"%s\"?)",
				   where, near);
	else
		text = rk_val_strf(decode->arena, "unknown field \"%s\"", where);
	rk_val_append(decode->arena, decode->unknown, text);
}

/* --- scalars --- */

static bool decode_quantity(struct decode *decode, const struct place *place, struct rk_val *val,
			    const struct rk_type *type)
{
	struct rk_quantity quantity;
	struct rk_buf text = { 0 };
	char canonical[RK_QUANTITY_TEXT_MAX];

	if (val->kind == RK_VAL_STR)
		rk_buf_put_span(&text, val->str);
	else if (val->kind == RK_VAL_INT)
		rk_buf_printf(&text, "%lld", (long long)val->integer);
	else if (val->kind == RK_VAL_REAL)
		rk_json_write_real(&text, val->real);
	else
		return wrong_type(decode, place, val, type, RK_SHAPE_ONE);
	const int err = rk_quantity_parse(rk_buf_span(&text), &quantity);
	rk_buf_done(&text);
	if (err < 0)
		return wrong_text(decode, place,
				  "quantities must match the regular expression "
				  "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
	const size_t size = rk_quantity_format(canonical, &quantity);
	*val = *rk_val_str(decode->arena,
			   rk_arena_span(decode->arena, rk_span_of(canonical, size)));
	return true;
}

/* The microseconds of the second, as far as they are written. */
static int64_t fraction_us(struct rk_span text)
{
	int64_t us = 0, weight = 100000;
	struct rk_span head;
	const struct rk_span rest = rk_span_cut(text, '.', &head);

	for (size_t i = 0;
	     i < rest.size && weight > 0 && rest.data[i] >= '0' && rest.data[i] <= '9'; i++) {
		us += weight * (rest.data[i] - '0');
		weight /= 10;
	}
	return us;
}

static bool decode_time(struct decode *decode, const struct place *place, struct rk_val *val,
			const struct rk_type *type)
{
	char text[RK_TIME_TEXT_MAX];
	int64_t ms;
	size_t size;

	if (val->kind != RK_VAL_STR)
		return wrong_type(decode, place, val, type, RK_SHAPE_ONE);
	if (!rk_time_parse(val->str, &ms))
		return wrong_text(decode, place,
				  rk_arena_printf(decode->arena,
						  "parsing time \"%.*s\" as "
						  "\"2006-01-02T15:04:05Z07:00\": cannot parse",
						  RK_SPAN_ARGS(val->str)));
	const int64_t seconds = ms / 1000 - (ms % 1000 < 0);
	if (type->kind == RK_TYPE_TIME)
		size = rk_time_format(text, seconds * 1000);
	else
		size = rk_time_format_micro(text, seconds * 1000000 + fraction_us(val->str));
	*val = *rk_val_str(decode->arena, rk_arena_span(decode->arena, rk_span_of(text, size)));
	return true;
}

static bool is_base64(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '+' || c == '/';
}

/* Go's decoder ignores line ends; they go. */
static bool decode_bytes(struct decode *decode, const struct place *place, struct rk_val *val,
			 const struct rk_type *type)
{
	size_t size = 0, pads = 0;

	if (val->kind != RK_VAL_STR)
		return wrong_type(decode, place, val, type, RK_SHAPE_ONE);
	uint8_t *out = rk_arena_alloc(decode->arena, val->str.size + 1);
	for (size_t i = 0; i < val->str.size; i++) {
		const uint8_t c = val->str.data[i];
		if (c == '\n' || c == '\r')
			continue;
		pads += c == '=';
		if ((c != '=' && (pads > 0 || !is_base64(c))) || pads > 2)
			return wrong_text(decode, place,
					  rk_arena_printf(decode->arena,
							  "illegal base64 data at input byte %zu",
							  i));
		out[size++] = c;
	}
	if (size % 4 != 0)
		return wrong_text(decode, place,
				  rk_arena_printf(decode->arena,
						  "illegal base64 data at input byte %zu", size));
	val->str = rk_span_of(out, size);
	return true;
}

static bool is_texts(const struct rk_val *val)
{
	for (uint32_t i = 0; val->kind == RK_VAL_LIST && i < val->count; i++)
		if (val->items[i]->kind != RK_VAL_STR)
			return false;
	return val->kind == RK_VAL_LIST;
}

static bool is_kind_of(const struct rk_val *val, const struct rk_type *type)
{
	switch (type->kind) {
	case RK_TYPE_ANY: return true;
	case RK_TYPE_BOOL: return val->kind == RK_VAL_BOOL;
	case RK_TYPE_INT32:
		return val->kind == RK_VAL_INT && val->integer >= INT32_MIN &&
		       val->integer <= INT32_MAX;
	case RK_TYPE_INT64: return val->kind == RK_VAL_INT;
	case RK_TYPE_STRING: return val->kind == RK_VAL_STR;
	case RK_TYPE_INT_OR_STRING:
		return val->kind == RK_VAL_STR ||
		       (val->kind == RK_VAL_INT && val->integer >= INT32_MIN &&
			val->integer <= INT32_MAX);
	case RK_TYPE_NUMBER: return val->kind == RK_VAL_INT || val->kind == RK_VAL_REAL;
	case RK_TYPE_STRINGS: return is_texts(val);
	case RK_TYPE_OBJECT: return val->kind == RK_VAL_MAP;
	case RK_TYPE_BYTES:
	case RK_TYPE_TIME:
	case RK_TYPE_MICRO_TIME:
	case RK_TYPE_QUANTITY: break;
	}
	return false;
}

static bool decode_object(struct decode *decode, const struct rk_path *path,
			  const struct rk_type *type, struct rk_val *val);

static bool decode_one(struct decode *decode, const struct place *place, const struct rk_type *type,
		       struct rk_val *val)
{
	switch (type->kind) {
	case RK_TYPE_QUANTITY: return decode_quantity(decode, place, val, type);
	case RK_TYPE_TIME:
	case RK_TYPE_MICRO_TIME: return decode_time(decode, place, val, type);
	case RK_TYPE_BYTES: return decode_bytes(decode, place, val, type);
	case RK_TYPE_ANY:
	case RK_TYPE_BOOL:
	case RK_TYPE_INT32:
	case RK_TYPE_INT64:
	case RK_TYPE_STRING:
	case RK_TYPE_INT_OR_STRING:
	case RK_TYPE_NUMBER:
	case RK_TYPE_STRINGS:
	case RK_TYPE_OBJECT: break;
	}
	if (!is_kind_of(val, type))
		return wrong_type(decode, place, val, type, RK_SHAPE_ONE);
	return type->kind != RK_TYPE_OBJECT || decode_object(decode, place->path, type, val);
}

/* --- structure --- */

/* What Go makes of a null in a list or a map: the zero value. */
static struct rk_val *zero_of(struct rk_arena *arena, const struct rk_type *type)
{
	switch (type->kind) {
	case RK_TYPE_ANY: break;
	case RK_TYPE_BOOL: return rk_val_bool(arena, false);
	case RK_TYPE_INT32:
	case RK_TYPE_INT64:
	case RK_TYPE_NUMBER:
	case RK_TYPE_INT_OR_STRING: return rk_val_int(arena, 0);
	case RK_TYPE_STRINGS: return rk_val_list(arena);
	case RK_TYPE_QUANTITY: return rk_val_cstr(arena, "0");
	case RK_TYPE_OBJECT: return rk_val_map(arena);
	case RK_TYPE_STRING:
	case RK_TYPE_BYTES: return rk_val_cstr(arena, "");
	case RK_TYPE_TIME:
	case RK_TYPE_MICRO_TIME: break;
	}
	return rk_val_null(arena);
}

static bool decode_item(struct decode *decode, const struct place *place,
			const struct rk_type *type, struct rk_val **item)
{
	if ((*item)->kind != RK_VAL_NULL)
		return decode_one(decode, place, type, *item);
	*item = zero_of(decode->arena, type);
	return true;
}

static bool decode_list(struct decode *decode, const struct place *place,
			const struct rk_type *type, struct rk_val *list)
{
	if (list->kind != RK_VAL_LIST)
		return wrong_type(decode, place, list, type, RK_SHAPE_LIST);
	for (uint32_t i = 0; i < list->count; i++) {
		const struct rk_path path = rk_path_item(place->path, i);
		const struct place item = { place->owner, &path };
		if (!decode_item(decode, &item, type, &list->items[i]))
			return false;
	}
	return true;
}

static bool decode_map(struct decode *decode, const struct place *place, const struct rk_type *type,
		       struct rk_val *map)
{
	if (map->kind != RK_VAL_MAP)
		return wrong_type(decode, place, map, type, RK_SHAPE_MAP);
	for (uint32_t i = 0; i < map->count; i++) {
		const struct rk_path path = rk_path_key(place->path, map->fields[i].key);
		const struct place item = { place->owner, &path };
		if (!decode_item(decode, &item, type, &map->fields[i].val))
			return false;
	}
	return true;
}

static bool is_zero(const struct rk_val *val)
{
	switch (val->kind) {
	case RK_VAL_NULL: return true;
	case RK_VAL_BOOL: return !val->boolean;
	case RK_VAL_INT: return val->integer == 0;
	case RK_VAL_STR: return val->str.size == 0;
	case RK_VAL_LIST:
	case RK_VAL_MAP: return val->count == 0;
	case RK_VAL_REAL: break;
	}
	return false;
}

/* Whether the field stays in the object is *ret_keep. */
static bool decode_field(struct decode *decode, const struct rk_path *path,
			 const struct rk_type *owner, const struct rk_prop *prop,
			 struct rk_val *val, bool *ret_keep)
{
	const struct place place = { owner, path };
	bool ok;

	*ret_keep = false;
	if (val->kind == RK_VAL_NULL && prop->type->kind != RK_TYPE_ANY)
		return true;
	if (prop->shape == RK_SHAPE_LIST)
		ok = decode_list(decode, &place, prop->type, val);
	else if (prop->shape == RK_SHAPE_MAP)
		ok = decode_map(decode, &place, prop->type, val);
	else
		ok = decode_one(decode, &place, prop->type, val);
	/* Go's omitempty means nothing for structs. */
	*ret_keep = !prop->drops_zero || !is_zero(val) ||
		    (prop->shape == RK_SHAPE_ONE && prop->type->kind == RK_TYPE_OBJECT);
	return ok;
}

static bool decode_object(struct decode *decode, const struct rk_path *path,
			  const struct rk_type *type, struct rk_val *val)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < val->count; i++) {
		struct rk_field *field = &val->fields[i];
		const struct rk_path here = { path, field->key, -1, false };
		const struct rk_prop *prop = rk_type_prop(type, field->key);
		bool keep = false;
		if (prop == NULL)
			note_unknown(decode, &here, type, field->key);
		else if (!decode_field(decode, &here, type, prop, field->val, &keep))
			return false;
		if (keep)
			val->fields[kept++] = *field;
	}
	val->count = kept;
	return true;
}

/* --- whole objects --- */

static struct rk_val *refusal(struct rk_arena *arena, const char *kind_name, const char *version,
			      const char *why)
{
	const char *slash = strrchr(version, '/');

	return rk_status_bad_request(arena, "%s in version \"%s\" cannot be handled as a %s: %s",
				     kind_name, slash != NULL ? slash + 1 : version, kind_name,
				     why);
}

static const char *join_unknown(const struct decode *decode)
{
	struct rk_buf text = { 0 };

	rk_buf_put_str(&text, "strict decoding error: ");
	for (uint32_t i = 0; i < rk_val_count(decode->unknown); i++) {
		rk_buf_put_str(&text, i > 0 ? ", " : "");
		rk_buf_put_span(&text, rk_val_text(rk_val_item(decode->unknown, i)));
	}
	const char *joined = rk_arena_str(decode->arena, rk_buf_span(&text));
	rk_buf_done(&text);
	return joined;
}

/* Whether the body is an object that may be of this kind. */
static bool check_body(struct rk_arena *arena, const char *kind_name, const char *version,
		       const struct rk_val *obj, struct rk_val **ret_status)
{
	const struct rk_span says = rk_val_text_at(obj, "kind");

	if (!rk_val_is(obj, RK_VAL_MAP))
		*ret_status = refusal(arena, kind_name, version, "the body is not an object");
	else if (says.size > 0 && !rk_span_is(says, kind_name))
		*ret_status = rk_status_bad_request(
			arena, "the kind in the data (%.*s) does not match the expected kind (%s)",
			RK_SPAN_ARGS(says), kind_name);
	else
		return true;
	return false;
}

/* Tells of unknown fields, and completes what every object says of itself. */
static int finish(struct decode *decode, const char *kind_name, const char *version,
		  struct rk_val *obj, struct rk_val *warnings, struct rk_val **ret_status)
{
	if (decode->strictness == RK_STRICT_STRICT && rk_val_count(decode->unknown) > 0) {
		*ret_status = refusal(decode->arena, kind_name, version, join_unknown(decode));
		return RK_EINVAL;
	}
	for (uint32_t i = 0; warnings != NULL && i < rk_val_count(decode->unknown); i++)
		rk_val_append(decode->arena, warnings, rk_val_item(decode->unknown, i));
	if (rk_val_at(obj, "kind") == NULL)
		rk_val_put_cstr(decode->arena, obj, "kind", kind_name);
	if (rk_val_at(obj, "apiVersion") == NULL)
		rk_val_put_cstr(decode->arena, obj, "apiVersion", version);
	return RK_OK;
}

int rk_schema_decode_type(struct rk_arena *arena, const struct rk_type *type, const char *kind_name,
			  const char *version, struct rk_val *obj, enum rk_strictness strictness,
			  struct rk_val *warnings, struct rk_val **ret_status)
{
	struct decode decode = { arena, strictness, rk_val_list(arena), NULL };

	if (!check_body(arena, kind_name, version, obj, ret_status))
		return RK_EINVAL;
	if (!decode_object(&decode, NULL, type, obj)) {
		*ret_status = refusal(arena, kind_name, version, decode.why);
		return RK_EINVAL;
	}
	return finish(&decode, kind_name, version, obj, warnings, ret_status);
}

/* Of a custom kind only the metadata are of a type of ours; what else is wrong, its schema says when it is
 * validated. */
static int decode_custom(struct decode *decode, const struct rk_kind *kind, struct rk_val *obj,
			 struct rk_val *warnings, struct rk_val **ret_status)
{
	const struct rk_path path = rk_path_field(NULL, "metadata");
	const struct rk_prop *prop = rk_type_prop(kind->type, RK_SPAN("metadata"));
	struct rk_val *meta = rk_val_at(obj, "metadata");
	bool keep;

	if (!check_body(decode->arena, kind->kind, kind->api_version, obj, ret_status))
		return RK_EINVAL;
	if (meta != NULL && !decode_field(decode, &path, kind->type, prop, meta, &keep)) {
		*ret_status = refusal(decode->arena, kind->kind, kind->api_version, decode->why);
		return RK_EINVAL;
	}
	rk_structure_prune(decode->arena, kind->custom->rules, obj,
		       decode->strictness != RK_STRICT_IGNORE ? decode->unknown : NULL);
	return finish(decode, kind->kind, kind->api_version, obj, warnings, ret_status);
}

int rk_schema_decode(struct rk_arena *arena, const struct rk_kind *kind, struct rk_val *obj,
		     enum rk_strictness strictness, struct rk_val *warnings,
		     struct rk_val **ret_status)
{
	const struct rk_span version = rk_val_text_at(obj, "apiVersion");
	struct decode decode = { arena, strictness, rk_val_list(arena), NULL };

	if (version.size > 0 && !rk_span_is(version, kind->api_version)) {
		*ret_status = rk_status_bad_request(arena,
						    "the API version in the data (%.*s) does not "
						    "match the expected API version (%s)",
						    RK_SPAN_ARGS(version), kind->api_version);
		return RK_EINVAL;
	}
	if (kind->custom != NULL)
		return decode_custom(&decode, kind, obj, warnings, ret_status);
	return rk_schema_decode_type(arena, kind->type, kind->kind, kind->api_version, obj,
				     strictness, warnings, ret_status);
}
