#include "wire/yaml.h"

#include <math.h>
#include <stdlib.h>
#include <yaml.h>

#include "base/mem.h"
#include "wire/json.h"

#define SIMPLE_KEY_MAX 128 /* bytes; readers take at most 1,024 before the ":", writers stop here */

struct anchor {
	struct anchor *next;
	struct rk_span name;
	struct rk_val *val;
	uint32_t nodes; /* in the value, aliases expanded */
};

struct loader {
	struct rk_arena *arena;
	yaml_parser_t parser;
	yaml_event_t event; /* the current one */
	struct anchor *anchors;
	uint32_t nodes;
	struct rk_error *error;
};

static int fail_at(struct loader *loader, yaml_mark_t mark, const char *what)
{
	return rk_fail(loader->error, RK_EINVAL, "line %zu, column %zu: %s", mark.line + 1,
		       mark.column + 1, what);
}

static int advance(struct loader *loader)
{
	yaml_event_delete(&loader->event);
	memset(&loader->event, 0, sizeof loader->event);
	if (yaml_parser_parse(&loader->parser, &loader->event))
		return RK_OK;
	const yaml_mark_t mark = loader->parser.problem_mark;
	return fail_at(loader, mark,
		       loader->parser.problem != NULL ? loader->parser.problem : "bad YAML");
}

static bool one_of(struct rk_span text, const char *const *words)
{
	for (; *words != NULL; words++)
		if (rk_span_is(text, *words))
			return true;
	return false;
}

/* Decimal, 0x, 0o and 0-octal, 0b, with '_' between digits; false when it is no integer or too
 * large. */
static bool integer_of(struct rk_span text, int64_t *ret)
{
	char digits[72];
	size_t used = 0, at = 0;
	int base = 10;
	bool negative = false;

	if (text.size == 0 || text.size >= sizeof digits)
		return false;
	if (text.data[0] == '-' || text.data[0] == '+')
		negative = text.data[at++] == '-';
	struct rk_span rest = rk_span_sub(text, at, text.size);
	if (rk_span_starts(rest, RK_SPAN("0x")) || rk_span_starts(rest, RK_SPAN("0X")))
		base = 16, at += 2;
	else if (rk_span_starts(rest, RK_SPAN("0b")))
		base = 2, at += 2;
	else if (rk_span_starts(rest, RK_SPAN("0o")))
		base = 8, at += 2;
	else if (rest.size > 1 && rest.data[0] == '0')
		base = 8, at += 1;
	for (; at < text.size; at++) {
		const char c = (char)text.data[at];
		if (c == '_')
			continue;
		if (!((c >= '0' && c <= '9') ||
		      (base == 16 && ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')))))
			return false;
		digits[used++] = c;
	}
	if (used == 0 || used > 64)
		return false;
	digits[used] = '\0';
	char *end;
	const unsigned long long value = strtoull(digits, &end, base);
	if (*end != '\0' || (value == UINT64_MAX) ||
	    value > (uint64_t)INT64_MAX + (negative ? 1 : 0))
		return false;
	*ret = negative ? (int64_t)(0 - value) : (int64_t)value;
	return true;
}

static bool real_of(struct rk_span text, double *ret)
{
	char copy[72];
	bool digit = false, special = false;

	if (text.size == 0 || text.size >= sizeof copy)
		return false;
	for (size_t i = 0; i < text.size; i++) {
		const char c = (char)text.data[i];
		if (c >= '0' && c <= '9')
			digit = true;
		else if (c == '.' || c == 'e' || c == 'E')
			special = true;
		else if (c != '+' && c != '-')
			return false;
		copy[i] = c;
	}
	copy[text.size] = '\0';
	char *end;
	const double value = strtod(copy, &end);
	if (!digit || !special || *end != '\0' || !isfinite(value) || copy[0] == 'e' ||
	    copy[0] == 'E')
		return false;
	*ret = value;
	return true;
}

/* A plain scalar, by YAML 1.1's implicit tags as Kubernetes' loader (yaml.v2 behind
 * sigs.k8s.io/yaml) knows them. */
static struct rk_val *plain(struct rk_arena *arena, struct rk_span text)
{
	static const char *const nulls[] = { "", "~", "null", "Null", "NULL", NULL };
	static const char *const trues[] = { "y",    "Y",    "yes", "Yes", "YES", "true",
					     "True", "TRUE", "on",  "On",  "ON",  NULL };
	static const char *const falses[] = { "n",     "N",     "no",  "No",  "NO",  "false",
					      "False", "FALSE", "off", "Off", "OFF", NULL };
	int64_t integer;
	double real;

	if (one_of(text, nulls))
		return rk_val_null(arena);
	/* "y" and "n" alone stay text, as yaml.v2 has it for the sake of old documents. */
	if (text.size > 1 && one_of(text, trues))
		return rk_val_bool(arena, true);
	if (text.size > 1 && one_of(text, falses))
		return rk_val_bool(arena, false);
	if (integer_of(text, &integer))
		return rk_val_int(arena, integer);
	if (real_of(text, &real))
		return rk_val_real(arena, real);
	return rk_val_str(arena, rk_arena_span(arena, text));
}

static struct rk_val *scalar(struct loader *loader)
{
	const struct rk_span text =
		rk_span_of(loader->event.data.scalar.value, loader->event.data.scalar.length);
	const char *tag = (const char *)loader->event.data.scalar.tag;
	const bool is_text = loader->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE ||
			     (tag != NULL && strcmp(tag, YAML_STR_TAG) == 0);

	return is_text ? rk_val_str(loader->arena, rk_arena_span(loader->arena, text))
		       : plain(loader->arena, text);
}

static int value(struct loader *loader, int depth, struct rk_val **ret);

static int sequence(struct loader *loader, int depth, struct rk_val **ret)
{
	struct rk_val *list = rk_val_list(loader->arena);

	RK_TRY(advance(loader));
	while (loader->event.type != YAML_SEQUENCE_END_EVENT) {
		struct rk_val *item;
		RK_TRY(value(loader, depth + 1, &item));
		rk_val_append(loader->arena, list, item);
	}
	*ret = list;
	return RK_OK;
}

/* "<<: *base" puts in the keys of the other map that are not there already. */
static void merge(struct loader *loader, struct rk_val *map, const struct rk_val *from)
{
	for (uint32_t i = 0; rk_val_is(from, RK_VAL_MAP) && i < from->count; i++)
		if (rk_val_get(map, from->fields[i].key) == NULL)
			rk_val_set(loader->arena, map, from->fields[i].key, from->fields[i].val);
}

static int mapping(struct loader *loader, int depth, struct rk_val **ret)
{
	struct rk_val *map = rk_val_map(loader->arena);
	struct rk_val *item;

	RK_TRY(advance(loader));
	while (loader->event.type != YAML_MAPPING_END_EVENT) {
		const yaml_mark_t mark = loader->event.start_mark;
		if (loader->event.type != YAML_SCALAR_EVENT)
			return fail_at(loader, mark, "a key must be a plain value");
		const struct rk_span key =
			rk_arena_span(loader->arena, rk_span_of(loader->event.data.scalar.value,
								loader->event.data.scalar.length));
		const bool is_merge = rk_span_is(key, "<<") &&
				      loader->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
		RK_TRY(advance(loader));
		RK_TRY(value(loader, depth + 1, &item));
		if (is_merge) {
			merge(loader, map, item);
			continue;
		}
		if (rk_val_get(map, key) != NULL) {
			char what[160];
			(void)snprintf(what, sizeof what, "key \"%.*s\" already set in map",
				       (int)RK_MIN(key.size, (size_t)80), (const char *)key.data);
			return fail_at(loader, mark, what);
		}
		rk_val_set(loader->arena, map, key, item);
	}
	*ret = map;
	return RK_OK;
}

static int alias(struct loader *loader, struct rk_val **ret)
{
	const struct rk_span name = rk_span_str((const char *)loader->event.data.alias.anchor);

	for (const struct anchor *anchor = loader->anchors; anchor != NULL; anchor = anchor->next) {
		if (!rk_span_eq(anchor->name, name))
			continue;
		/* Counted as if written out, so that "billion laughs" ends at the limit and not in
		 * memory. */
		if (anchor->nodes > RK_YAML_NODES_MAX - loader->nodes)
			return fail_at(loader, loader->event.start_mark, "too many nodes");
		loader->nodes += anchor->nodes;
		*ret = rk_val_copy(loader->arena, anchor->val);
		return RK_OK;
	}
	return fail_at(loader, loader->event.start_mark, "unknown anchor");
}

static void remember(struct loader *loader, struct rk_span name, struct rk_val *val, uint32_t nodes)
{
	struct anchor *anchor = rk_arena_zalloc(loader->arena, sizeof *anchor);

	*anchor = (struct anchor){ loader->anchors, name, val, nodes };
	loader->anchors = anchor;
}

static struct rk_span anchor_name(struct loader *loader)
{
	const yaml_event_t *event = &loader->event;
	const yaml_char_t *name =
		event->type == YAML_SCALAR_EVENT           ? event->data.scalar.anchor
		: event->type == YAML_SEQUENCE_START_EVENT ? event->data.sequence_start.anchor
		: event->type == YAML_MAPPING_START_EVENT  ? event->data.mapping_start.anchor
							   : NULL;

	return name != NULL ? rk_arena_span(loader->arena, rk_span_str((const char *)name))
			    : (struct rk_span){ NULL, 0 };
}

/* Reads the value that the current event begins and leaves the event after it. */
static int value(struct loader *loader, int depth, struct rk_val **ret)
{
	const struct rk_span anchor = anchor_name(loader);
	const uint32_t before = loader->nodes;

	if (depth > RK_YAML_DEPTH_MAX)
		return fail_at(loader, loader->event.start_mark, "nested too deeply");
	if (++loader->nodes > RK_YAML_NODES_MAX)
		return fail_at(loader, loader->event.start_mark, "too many nodes");
	switch (loader->event.type) {
	case YAML_SCALAR_EVENT: *ret = scalar(loader); break;
	case YAML_SEQUENCE_START_EVENT: RK_TRY(sequence(loader, depth, ret)); break;
	case YAML_MAPPING_START_EVENT: RK_TRY(mapping(loader, depth, ret)); break;
	case YAML_ALIAS_EVENT: RK_TRY(alias(loader, ret)); break;
	default: return fail_at(loader, loader->event.start_mark, "a value was expected");
	}
	if (anchor.data != NULL)
		remember(loader, anchor, *ret, loader->nodes - before);
	return advance(loader);
}

static int stream(struct loader *loader, struct rk_val *documents)
{
	RK_TRY(advance(loader)); /* stream start */
	RK_TRY(advance(loader));
	while (loader->event.type == YAML_DOCUMENT_START_EVENT) {
		struct rk_val *document;
		loader->anchors = NULL;
		RK_TRY(advance(loader));
		RK_TRY(value(loader, 0, &document));
		if (document->kind != RK_VAL_NULL)
			rk_val_append(loader->arena, documents, document);
		RK_TRY(advance(loader)); /* past the document's end */
	}
	return RK_OK;
}

int rk_yaml_parse(struct rk_arena *arena, struct rk_span text, struct rk_val **ret,
		  struct rk_error *error)
{
	struct loader loader = { .arena = arena, .error = error };
	struct rk_val *documents = rk_val_list(arena);

	if (!yaml_parser_initialize(&loader.parser))
		return rk_fail(error, RK_ENOMEM, "out of memory");
	yaml_parser_set_encoding(&loader.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(
		&loader.parser, text.data != NULL ? text.data : (const uint8_t *)"", text.size);
	const int err = stream(&loader, documents);
	yaml_event_delete(&loader.event);
	yaml_parser_delete(&loader.parser);
	if (err < 0)
		return err;
	*ret = documents;
	return RK_OK;
}

/* The size of the character at `at` when YAML must not hold it as it is (DEL, C1 controls, its own
 * line breaks, byte order marks and non-characters), with its number; 0 for every other one. */
static size_t unprintable(struct rk_span text, size_t at, unsigned *ret_code)
{
	const uint8_t *byte = text.data + at;
	const size_t left = text.size - at;

	if (byte[0] < 0x20 || byte[0] == 0x7f) {
		*ret_code = byte[0];
		return 1;
	}
	if (left >= 2 && byte[0] == 0xc2 && byte[1] < 0xa0) {
		*ret_code = byte[1];
		return 2;
	}
	if (left < 3 || (byte[0] != 0xe2 && byte[0] != 0xef))
		return 0;
	*ret_code = (unsigned)(byte[0] & 0x0f) << 12 | (unsigned)(byte[1] & 0x3f) << 6 |
		    (byte[2] & 0x3f);
	return *ret_code == 0x2028 || *ret_code == 0x2029 || *ret_code == 0xfeff ||
			       *ret_code >= 0xfffe
		       ? 3
		       : 0;
}

/* Double quotes, as JSON has them, and \u for what YAML cannot hold. */
static void write_quoted(struct rk_buf *out, struct rk_span text)
{
	size_t size;

	rk_buf_put_u8(out, '"');
	for (size_t i = 0; i < text.size; i += size) {
		unsigned code = 0;
		size = unprintable(text, i, &code);
		if (size > 0 && code != '\n' && code != '\t' && code != '\r') {
			rk_buf_printf(out, "\\u%04x", code);
			continue;
		}
		size = 1;
		switch (text.data[i]) {
		case '"': rk_buf_put(out, "\\\"", 2); break;
		case '\\': rk_buf_put(out, "\\\\", 2); break;
		case '\n': rk_buf_put(out, "\\n", 2); break;
		case '\t': rk_buf_put(out, "\\t", 2); break;
		case '\r': rk_buf_put(out, "\\r", 2); break;
		default: rk_buf_put_u8(out, text.data[i]); break;
		}
	}
	rk_buf_put_u8(out, '"');
}

/* Whether text needs quotes to come back as the same text. */
static bool needs_quotes(struct rk_span text)
{
	struct rk_arena arena = { 0 };
	bool special = text.size == 0 || strchr(" -?:,[]{}#&*!|>'\"%@`=", text.data[0]) != NULL ||
		       text.data[text.size - 1] == ' ' || text.data[text.size - 1] == ':';

	/* A leading dash or colon is harmless when a word follows it. */
	if (special && text.size > 1 &&
	    (text.data[0] == '-' || text.data[0] == '?' || text.data[0] == ':') &&
	    text.data[1] > ' ' && text.data[text.size - 1] != ' ' &&
	    text.data[text.size - 1] != ':' && text.data[1] != '-')
		special = false;
	for (size_t i = 0; i < text.size && !special; i++) {
		const uint8_t byte = text.data[i];
		unsigned code;
		special = unprintable(text, i, &code) > 0 ||
			  (byte == ':' && i + 1 < text.size && text.data[i + 1] == ' ') ||
			  (byte == '#' && i > 0 && text.data[i - 1] == ' ');
	}
	if (!special) {
		special = plain(&arena, text)->kind != RK_VAL_STR || rk_span_is(text, "y") ||
			  rk_span_is(text, "n") || rk_span_is(text, "Y") || rk_span_is(text, "N");
		/* dates read as timestamps in YAML 1.1 */
		special =
			special || (text.size >= 10 && text.data[0] >= '0' && text.data[0] <= '9' &&
				    text.data[4] == '-' && text.data[7] == '-');
	}
	rk_arena_done(&arena);
	return special;
}

static void indent_by(struct rk_buf *out, int depth)
{
	for (int i = 0; i < depth; i++)
		rk_buf_put(out, "  ", 2);
}

static bool is_block_text(struct rk_span text)
{
	bool newline = false;
	unsigned code;

	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] == '\n')
			newline = true;
		else if (text.data[i] != '\t' && unprintable(text, i, &code) > 0)
			return false;
	}
	return newline && text.data[0] != ' ' && text.data[0] != '\n' && text.data[0] != '\t';
}

static void write_block_text(struct rk_buf *out, struct rk_span text, int depth)
{
	size_t ends = 0;

	while (ends < text.size && text.data[text.size - 1 - ends] == '\n')
		ends++;
	rk_buf_put_str(out, ends == 0 ? "|-\n" : ends == 1 ? "|\n" : "|+\n");
	if (ends > 0)
		text.size--;
	for (struct rk_span line; text.data != NULL;) {
		text = rk_span_cut(text, '\n', &line);
		if (line.size > 0)
			indent_by(out, depth);
		rk_buf_put_span(out, line);
		rk_buf_put_u8(out, '\n');
	}
}

static void write_text(struct rk_buf *out, struct rk_span text)
{
	bool plain_inside = true;

	if (!needs_quotes(text)) {
		rk_buf_put_span(out, text);
		return;
	}
	for (size_t i = 0; i < text.size; i++) {
		unsigned code;
		plain_inside =
			plain_inside && unprintable(text, i, &code) == 0 && text.data[i] != '\'';
	}
	const bool literal = plain_inside && text.size > 0 &&
			     strchr("{[&*#?|-<>=!%@`,:'\" ", text.data[0]) != NULL;
	if (literal) {
		rk_buf_put_u8(out, '\'');
		rk_buf_put_span(out, text);
		rk_buf_put_u8(out, '\'');
	} else {
		write_quoted(out, text);
	}
}

static void write_val(struct rk_buf *out, const struct rk_val *val, int depth, bool in_list);

static void write_member(struct rk_buf *out, const struct rk_val *val, int depth)
{
	const bool is_map = val->kind == RK_VAL_MAP && val->count > 0;
	const bool is_list = val->kind == RK_VAL_LIST && val->count > 0;

	rk_buf_put_str(out, is_map || is_list ? "\n" : " ");
	/* A list under a key is not indented further: that is how kubectl prints it. */
	write_val(out, val, is_list ? depth : depth + 1, false);
}

static void write_field(struct rk_buf *out, const struct rk_field *field, int depth)
{
	const bool is_list = field->val->kind == RK_VAL_LIST && field->val->count > 0;

	if (field->key.size <= SIMPLE_KEY_MAX) {
		write_text(out, field->key);
		rk_buf_put_u8(out, ':');
		write_member(out, field->val, depth);
		return;
	}
	rk_buf_put(out, "? ", 2);
	write_text(out, field->key);
	rk_buf_put_u8(out, '\n');
	indent_by(out, depth);
	rk_buf_put_u8(out, ':');
	write_member(out, field->val, is_list ? depth + 1 : depth);
}

static void write_val(struct rk_buf *out, const struct rk_val *val, int depth, bool in_list)
{
	if (val->kind == RK_VAL_MAP && val->count > 0) {
		for (uint32_t i = 0; i < val->count; i++) {
			if (i > 0 || !in_list)
				indent_by(out, depth);
			write_field(out, &val->fields[i], depth);
		}
	} else if (val->kind == RK_VAL_LIST && val->count > 0) {
		for (uint32_t i = 0; i < val->count; i++) {
			if (i > 0 || !in_list)
				indent_by(out, depth);
			rk_buf_put(out, "- ", 2);
			write_val(out, val->items[i], depth + 1, true);
		}
	} else if (val->kind == RK_VAL_STR && is_block_text(val->str)) {
		write_block_text(out, val->str, depth);
	} else {
		if (val->kind == RK_VAL_STR)
			write_text(out, val->str);
		else
			rk_json_write(out, val, false);
		rk_buf_put_u8(out, '\n');
	}
}

void rk_yaml_write(struct rk_buf *out, const struct rk_val *val)
{
	/* Text alone is indented, so that no line of it looks like the start of a document. */
	write_val(out, val, rk_val_is(val, RK_VAL_STR) ? 1 : 0, false);
}
