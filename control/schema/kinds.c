#include "control/schema/kinds.h"

#include <stdlib.h>

#include "control/schema/registry.h"

const struct rk_kinds *rk_kinds_free(const struct rk_kinds *kinds)
{
	if (kinds != NULL) {
		struct rk_kinds *own =
			(struct rk_kinds *)(uintptr_t)kinds; /* it came from rk_kinds_load */
		rk_arena_done(&own->arena);
		free(own);
	}
	return NULL;
}

size_t rk_kinds_bytes(const struct rk_kinds *kinds) { return sizeof *kinds + kinds->arena.used; }
size_t rk_kinds_count(const struct rk_kinds *kinds) { return kinds->kind_count; }
size_t rk_types_count(const struct rk_kinds *kinds) { return kinds->type_count; }

const struct rk_kind *rk_kinds_at(const struct rk_kinds *kinds, size_t index)
{
	rk_assert(index < kinds->kind_count);
	return &kinds->kinds[index];
}

const struct rk_type *rk_types_at(const struct rk_kinds *kinds, size_t index)
{
	rk_assert(index < kinds->type_count);
	return &kinds->types[index];
}

int rk_kind_order(const struct rk_kind *a, const struct rk_kind *b)
{
	int order = strcmp(a->group, b->group);

	if (order == 0)
		order = strcmp(a->version, b->version);
	return order != 0 ? order : strcmp(a->plural, b->plural);
}

const struct rk_kind *rk_kinds_by_plural(const struct rk_kinds *kinds, struct rk_span group,
					 struct rk_span version, struct rk_span plural)
{
	size_t low = 0, high = kinds->kind_count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		const struct rk_kind *kind = &kinds->kinds[middle];
		int order = rk_span_cmp(group, rk_span_str(kind->group));
		if (order == 0)
			order = rk_span_cmp(version, rk_span_str(kind->version));
		if (order == 0)
			order = rk_span_cmp(plural, rk_span_str(kind->plural));
		if (order == 0)
			return kind;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

const struct rk_kind *rk_kinds_by_kind(const struct rk_kinds *kinds, struct rk_span group,
				       struct rk_span version, struct rk_span kind_name)
{
	for (size_t i = 0; i < kinds->kind_count; i++) {
		const struct rk_kind *kind = &kinds->kinds[i];
		if (rk_span_is(kind_name, kind->kind) && rk_span_is(group, kind->group) &&
		    rk_span_is(version, kind->version))
			return kind;
	}
	return NULL;
}

const struct rk_kind *rk_kinds_of(const struct rk_kinds *kinds, struct rk_span api_version,
				  struct rk_span kind_name)
{
	for (size_t i = 0; i < kinds->kind_count; i++) {
		const struct rk_kind *kind = &kinds->kinds[i];
		if (rk_span_is(kind_name, kind->kind) && rk_span_is(api_version, kind->api_version))
			return kind;
	}
	return NULL;
}

const struct rk_kind *rk_kinds_by_resource(const struct rk_kinds *kinds, struct rk_span resource)
{
	size_t low = 0, high = kinds->stored_count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		const int order =
			rk_span_cmp(resource, rk_span_str(kinds->stored[middle]->resource));
		if (order == 0)
			return kinds->stored[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

static bool is_word(struct rk_span text, const char *word)
{
	if (text.size != strlen(word))
		return false;
	for (size_t i = 0; i < text.size; i++) {
		const uint8_t a = text.data[i], b = (uint8_t)word[i];
		const uint8_t low_a = a >= 'A' && a <= 'Z' ? (uint8_t)(a + 32) : a;
		const uint8_t low_b = b >= 'A' && b <= 'Z' ? (uint8_t)(b + 32) : b;
		if (low_a != low_b)
			return false;
	}
	return true;
}

static bool is_name_of(struct rk_span name, const struct rk_kind *kind)
{
	if (is_word(name, kind->plural) || is_word(name, kind->singular) ||
	    is_word(name, kind->kind))
		return true;
	for (size_t i = 0; kind->short_names[i] != NULL; i++)
		if (is_word(name, kind->short_names[i]))
			return true;
	return false;
}

/* "group", "version.group"; for the core group "", "version", "version.". */
static bool is_suffix_of(struct rk_span suffix, const struct rk_kind *kind)
{
	struct rk_span version;
	const struct rk_span group = rk_span_cut(suffix, '.', &version);

	if (is_word(suffix, kind->group))
		return true;
	return is_word(version, kind->version) && is_word(group, kind->group);
}

const struct rk_kind *rk_kinds_by_name(const struct rk_kinds *kinds, struct rk_span name)
{
	const struct rk_kind *found = NULL;
	struct rk_span head;
	const struct rk_span suffix = rk_span_cut(name, '.', &head);

	for (size_t i = 0; i < kinds->kind_count; i++) {
		const struct rk_kind *kind = &kinds->kinds[i];
		if (!is_name_of(head, kind) || (suffix.data != NULL && !is_suffix_of(suffix, kind)))
			continue;
		/* A form that others are stored in goes before the others. */
		if (kind->stored == kind)
			return kind;
		found = found != NULL ? found : kind;
	}
	return found;
}

static bool has_text(const char *const *list, struct rk_span text)
{
	for (size_t i = 0; list[i] != NULL; i++)
		if (rk_span_is(text, list[i]))
			return true;
	return false;
}

bool rk_kind_has_sub(const struct rk_kind *kind, struct rk_span subresource)
{
	return has_text(kind->subresources, subresource);
}

bool rk_kind_has_verb(const struct rk_kind *kind, struct rk_span verb)
{
	return has_text(kind->verbs, verb);
}

const struct rk_type *rk_types_by_name(const struct rk_kinds *kinds, struct rk_span name)
{
	size_t low = 0, high = kinds->type_count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		const int order = rk_span_cmp(name, rk_span_str(kinds->types[middle].name));
		if (order == 0)
			return &kinds->types[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

const struct rk_prop *rk_type_prop(const struct rk_type *type, struct rk_span name)
{
	size_t low = 0, high = type->prop_count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		const int order = rk_span_cmp(name, rk_span_str(type->props[middle].name));
		if (order == 0)
			return &type->props[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}
