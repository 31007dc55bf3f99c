#include "wire/json.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

static void drop_json(json_t **json)
{
	json_decref(*json);
}

/* Copies out of jansson's tree, which counts references and allocates each node on its own. */
static int convert(struct rk_arena *arena, json_t *json, int depth, struct rk_val **ret)
{
	struct rk_val *val;

	if (depth > RK_JSON_DEPTH_MAX)
		return RK_ETOOBIG;
	switch (json_typeof(json)) {
	case JSON_NULL: val = rk_val_null(arena); break;
	case JSON_TRUE: val = rk_val_bool(arena, true); break;
	case JSON_FALSE: val = rk_val_bool(arena, false); break;
	case JSON_INTEGER: val = rk_val_int(arena, json_integer_value(json)); break;
	case JSON_REAL: val = rk_val_real(arena, json_real_value(json)); break;
	case JSON_STRING:
		val = rk_val_str(arena, rk_arena_span(arena, rk_span_of(json_string_value(json),
									json_string_length(json))));
		break;
	case JSON_ARRAY:
		val = rk_val_list(arena);
		for (size_t i = 0; i < json_array_size(json); i++) {
			struct rk_val *item;
			RK_TRY(convert(arena, json_array_get(json, i), depth + 1, &item));
			rk_val_append(arena, val, item);
		}
		break;
	case JSON_OBJECT:
	default:
		val = rk_val_map(arena);
		val->count = val->capacity = (uint32_t)json_object_size(json);
		val->fields = rk_arena_alloc(arena, val->count * sizeof *val->fields);
		struct rk_field *field = val->fields;
		for (void *at = json_object_iter(json); at != NULL; at = json_object_iter_next(json, at)) {
			field->key = rk_arena_span(arena, rk_span_str(json_object_iter_key(at)));
			RK_TRY(convert(arena, json_object_iter_value(at), depth + 1, &field->val));
			field++;
		}
		break;
	}
	*ret = val;
	return RK_OK;
}

/* jansson recurses as deep as 2,048 levels; what nests deeper than we keep is refused before it runs. */
static bool too_deep(struct rk_span text)
{
	int depth = 0;
	bool in_string = false;

	for (size_t i = 0; i < text.size; i++) {
		const uint8_t byte = text.data[i];
		if (in_string) {
			if (byte == '\\')
				i++;
			else if (byte == '"')
				in_string = false;
		} else if (byte == '"') {
			in_string = true;
		} else if (byte == '{' || byte == '[') {
			if (++depth > RK_JSON_DEPTH_MAX)
				return true;
		} else if (byte == '}' || byte == ']') {
			depth--;
		}
	}
	return false;
}

int rk_json_parse(struct rk_arena *arena, struct rk_span text, unsigned flags, struct rk_val **ret,
		  struct rk_error *error)
{
	json_error_t where;
	const size_t how = JSON_DECODE_ANY | JSON_ALLOW_NUL |
			   ((flags & RK_JSON_UNIQUE_KEYS) != 0 ? JSON_REJECT_DUPLICATES : 0);

	if (too_deep(text))
		return rk_fail(error, RK_ETOOBIG, "JSON is nested deeper than %d levels", RK_JSON_DEPTH_MAX);
	RK_AUTO(drop_json) json_t *json = json_loadb((const char *)text.data, text.size, how, &where);
	if (json == NULL)
		return rk_fail(error, RK_EINVAL, "line %d, column %d: %s", where.line,
			       where.column > 0 ? where.column : 1, where.text);
	return convert(arena, json, 0, ret);
}

/* Whether one of eight bytes is below 0x20, a quote or a backslash. May say so of one behind such a byte too. */
static bool has_special(const uint8_t *at)
{
	const uint64_t ones = 0x0101010101010101, high = ones << 7;
	uint64_t word;

	memcpy(&word, at, sizeof word);
	const uint64_t quote = word ^ (ones * '"'), slash = word ^ (ones * '\\');
	return ((((word - ones * 0x20) & ~word) | ((quote - ones) & ~quote) |
		 ((slash - ones) & ~slash)) &
		high) != 0;
}

static bool is_special(uint8_t byte) { return byte < 0x20 || byte == '"' || byte == '\\'; }

/* How many bytes from here on need no escape. */
static size_t plain_bytes(struct rk_span text)
{
	size_t at = 0;

	while (text.size - at >= 8 && !has_special(text.data + at))
		at += 8;
	while (at < text.size && !is_special(text.data[at]))
		at++;
	return at;
}

/* Nearly every text: nothing in it needs an escape. */
static void write_plain(struct rk_buf *out, struct rk_span text)
{
	uint8_t *to = rk_buf_room(out, text.size + 2);

	to[0] = to[text.size + 1] = '"';
	if (text.size > 0)
		memcpy(to + 1, text.data, text.size);
	out->size += text.size + 2;
}

void rk_json_write_str(struct rk_buf *out, struct rk_span text)
{
	static const char hex[] = "0123456789abcdef";
	size_t plain = 0, i = plain_bytes(text);

	if (i == text.size) {
		write_plain(out, text);
		return;
	}
	rk_buf_put_u8(out, '"');
	for (; i < text.size; i++) {
		const uint8_t byte = text.data[i];
		char escape = 0;
		if (!is_special(byte))
			continue;
		rk_buf_put(out, text.data + plain, i - plain);
		plain = i + 1;
		switch (byte) {
		case '"': escape = '"'; break;
		case '\\': escape = '\\'; break;
		case '\n': escape = 'n'; break;
		case '\r': escape = 'r'; break;
		case '\t': escape = 't'; break;
		default: break;
		}
		rk_buf_put_u8(out, '\\');
		if (escape != 0) {
			rk_buf_put_u8(out, (uint8_t)escape);
		} else {
			rk_buf_put(out, "u00", 3);
			rk_buf_put_u8(out, (uint8_t)hex[byte >> 4]);
			rk_buf_put_u8(out, (uint8_t)hex[byte & 15]);
		}
	}
	if (plain < text.size)
		rk_buf_put(out, text.data + plain, text.size - plain);
	rk_buf_put_u8(out, '"');
}

void rk_json_write_real(struct rk_buf *out, double value)
{
	char text[40];

	if (!isfinite(value)) {
		rk_buf_put(out, "null", 4); /* JSON has no word for it, and no document holds one */
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		(void)snprintf(text, sizeof text, "%.*g", digits, value);
		const double back = strtod(text, NULL);
		if (memcmp(&back, &value, sizeof back) == 0)
			break;
	}
	rk_buf_put_str(out, text);
}

static void newline(struct rk_buf *out, bool pretty, int depth)
{
	if (!pretty)
		return;
	rk_buf_put_u8(out, '\n');
	for (int i = 0; i < depth; i++)
		rk_buf_put(out, "  ", 2);
}

static void write_val(struct rk_buf *out, const struct rk_val *val, bool pretty, int depth)
{
	switch (val->kind) {
	case RK_VAL_NULL: rk_buf_put(out, "null", 4); return;
	case RK_VAL_BOOL: rk_buf_put_str(out, val->boolean ? "true" : "false"); return;
	case RK_VAL_INT: rk_buf_put_int(out, val->integer); return;
	case RK_VAL_REAL: rk_json_write_real(out, val->real); return;
	case RK_VAL_STR: rk_json_write_str(out, val->str); return;
	case RK_VAL_LIST:
	case RK_VAL_MAP: break;
	}
	const bool is_map = val->kind == RK_VAL_MAP;
	rk_buf_put_u8(out, is_map ? '{' : '[');
	for (uint32_t i = 0; i < val->count; i++) {
		if (i > 0)
			rk_buf_put_u8(out, ',');
		newline(out, pretty, depth + 1);
		if (is_map) {
			rk_json_write_str(out, val->fields[i].key);
			rk_buf_put(out, ": ", pretty ? 2 : 1);
		}
		write_val(out, is_map ? val->fields[i].val : val->items[i], pretty, depth + 1);
	}
	if (val->count > 0)
		newline(out, pretty, depth);
	rk_buf_put_u8(out, is_map ? '}' : ']');
}

void rk_json_write(struct rk_buf *out, const struct rk_val *val, bool pretty)
{
	write_val(out, val, pretty, 0);
}
