/* Field selectors. */
#include <stdio.h>

#include "base/buf.h"
#include "base/mem.h"
#include "control/schema/selector.h"
#include "wire/doc.h"

struct term {
	struct rk_span value;
	const char *path;
	enum rk_type_kind type; /* of the field */
	bool is_not;
};

struct rk_fields {
	size_t count;
	struct term at[];
};

/* Names that differ from where the value is. */
static const char *path_of(const struct rk_kind *kind, const char *name)
{
	/* The second form of events has other names for what is stored. */
	static const char *const event_paths[][2] = {
		{ "source", "source.component" },
		{ "regarding.apiVersion", "involvedObject.apiVersion" },
		{ "regarding.fieldPath", "involvedObject.fieldPath" },
		{ "regarding.kind", "involvedObject.kind" },
		{ "regarding.name", "involvedObject.name" },
		{ "regarding.namespace", "involvedObject.namespace" },
		{ "regarding.resourceVersion", "involvedObject.resourceVersion" },
		{ "regarding.uid", "involvedObject.uid" },
		{ "reportingController", "reportingComponent" },
	};

	if (strcmp(kind->kind, "Pod") == 0 && strcmp(name, "spec.host") == 0)
		return "spec.nodeName";
	if (strcmp(kind->kind, "Pod") == 0 && strcmp(name, "status.podIPs") == 0)
		return "status.podIP";
	if (strcmp(kind->kind, "Event") != 0)
		return name;
	for (size_t i = 0; i < RK_COUNT(event_paths); i++)
		if (strcmp(name, event_paths[i][0]) == 0)
			return event_paths[i][1];
	return name;
}

static enum rk_type_kind type_at(const struct rk_type *type, const char *path)
{
	struct rk_span rest = rk_span_str(path), name;

	do {
		rest = rk_span_cut(rest, '.', &name);
		const struct rk_prop *prop = rk_type_prop(type, name);
		if (prop == NULL)
			return RK_TYPE_STRING;
		type = prop->type;
	} while (rest.data != NULL);
	return type->kind;
}

static const char *known_field(const struct rk_kind *kind, struct rk_span name)
{
	if (rk_span_is(name, "metadata.name"))
		return "metadata.name";
	if (rk_span_is(name, "metadata.namespace"))
		return "metadata.namespace";
	for (size_t i = 0; kind->fields[i] != NULL; i++)
		if (rk_span_is(name, kind->fields[i]))
			return kind->fields[i];
	return NULL;
}

static int unknown_field(const struct rk_kind *kind, struct rk_span name, struct rk_error *error)
{
	const char *best = NULL;
	unsigned apart = 0, least = 0;

	for (size_t i = 0; kind->fields[i] != NULL; i++) {
		if (rk_names_near(name, rk_span_str(kind->fields[i]), &apart) &&
		    (best == NULL || apart < least)) {
			best = kind->fields[i];
			least = apart;
		}
	}
	if (best != NULL)
		return rk_fail(error, RK_EINVAL,
			       "field label not supported: %.*s (did you mean \"%s\"?)",
			       RK_SPAN_ARGS(name), best);
	return rk_fail(error, RK_EINVAL, "field label not supported: %.*s", RK_SPAN_ARGS(name));
}

/* The value with its escapes ("\,", "\=", "\\") undone. False for any other escape. */
static bool unescape(struct rk_arena *arena, struct rk_span text, struct rk_span *ret)
{
	uint8_t *out = rk_arena_alloc(arena, text.size + 1);
	size_t size = 0;

	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] == '=')
			return false;
		if (text.data[i] == '\\') {
			i++;
			if (i == text.size ||
			    (text.data[i] != ',' && text.data[i] != '=' && text.data[i] != '\\'))
				return false;
		}
		out[size++] = text.data[i];
	}
	*ret = rk_span_of(out, size);
	return true;
}

static int parse_term(struct rk_arena *arena, const struct rk_kind *kind, struct rk_span all,
		      struct rk_span text, struct term *ret, struct rk_error *error)
{
	size_t at = 0;

	while (at < text.size && text.data[at] != '=')
		at++;
	ret->is_not = at > 0 && at < text.size && text.data[at - 1] == '!';
	const struct rk_span name = rk_span_sub(text, 0, ret->is_not ? at - 1 : at);
	const size_t signs = at + 1 < text.size && text.data[at + 1] == '=' && !ret->is_not ? 2 : 1;
	if (at == text.size || name.size == 0 ||
	    !unescape(arena, rk_span_sub(text, at + signs, text.size), &ret->value))
		return rk_fail(error, RK_EINVAL,
			       "invalid selector: '%.*s'; can't understand '%.*s'",
			       RK_SPAN_ARGS(all), RK_SPAN_ARGS(text));
	const char *known = known_field(kind, name);
	if (known == NULL)
		return unknown_field(kind, name, error);
	ret->path = path_of(kind, known);
	ret->type = type_at(kind->stored->type, ret->path);
	return RK_OK;
}

/* Up to the next comma that is not escaped. */
static struct rk_span next_term(struct rk_span *rest)
{
	size_t at = 0;

	while (at < rest->size && rest->data[at] != ',')
		at += rest->data[at] == '\\' ? 2 : 1;
	const struct rk_span term = rk_span_sub(*rest, 0, at);
	*rest = rk_span_sub(*rest, at + 1, rest->size);
	return term;
}

int rk_fields_parse(struct rk_arena *arena, const struct rk_kind *kind, struct rk_span text,
		    struct rk_fields **ret, struct rk_error *error)
{
	struct rk_span rest = text;
	size_t most = 1;

	if (text.size > RK_SELECTOR_BYTES_MAX)
		return rk_fail(error, RK_EINVAL, "the field selector is longer than %d bytes",
			       RK_SELECTOR_BYTES_MAX);
	for (size_t i = 0; i < text.size; i++)
		most += text.data[i] == ',';
	struct rk_fields *fields =
		rk_arena_zalloc(arena, sizeof *fields + most * sizeof fields->at[0]);
	while (rest.size > 0) {
		const struct rk_span term = next_term(&rest);
		if (term.size == 0)
			continue;
		RK_TRY(parse_term(arena, kind, text, term, &fields->at[fields->count], error));
		fields->count++;
	}
	*ret = fields;
	return RK_OK;
}

bool rk_fields_is_everything(const struct rk_fields *fields) { return fields->count == 0; }

static bool term_matches(const struct term *term, struct rk_span value)
{
	return rk_span_eq(term->value, value) != term->is_not;
}

static bool is_number(const struct term *term)
{
	return term->type == RK_TYPE_INT32 || term->type == RK_TYPE_INT64;
}

bool rk_fields_match(const struct rk_fields *fields, const struct rk_val *object)
{
	for (size_t i = 0; i < fields->count; i++) {
		const struct term *term = &fields->at[i];
		char number[24];
		struct rk_span value = rk_val_text_at(object, term->path);
		if (term->type == RK_TYPE_BOOL)
			value = rk_val_bool_at(object, term->path, false) ? RK_SPAN("true")
									  : RK_SPAN("false");
		else if (is_number(term))
			value = rk_span_of(
				number,
				(size_t)snprintf(number, sizeof number, "%lld",
						 (long long)rk_val_int_at(object, term->path, 0)));
		if (!term_matches(term, value))
			return false;
	}
	return true;
}

bool rk_fields_match_doc(const struct rk_fields *fields, struct rk_span object)
{
	for (size_t i = 0; i < fields->count; i++) {
		const struct term *term = &fields->at[i];
		char number[24];
		struct rk_span value = rk_doc_text(object, term->path);
		if (term->type == RK_TYPE_BOOL)
			value = rk_doc_bool(object, term->path, false) ? RK_SPAN("true")
								       : RK_SPAN("false");
		else if (is_number(term))
			value = rk_span_of(
				number,
				(size_t)snprintf(number, sizeof number, "%lld",
						 (long long)rk_doc_int(object, term->path, 0)));
		if (!term_matches(term, value))
			return false;
	}
	return true;
}

struct rk_span rk_fields_exact(const struct rk_fields *fields, const char *path)
{
	for (size_t i = 0; i < fields->count; i++)
		if (!fields->at[i].is_not && strcmp(fields->at[i].path, path) == 0)
			return fields->at[i].value;
	return (struct rk_span){ NULL, 0 };
}
