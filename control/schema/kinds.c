#include "control/schema/kinds.h"

#include <stdlib.h>

#include "base/mem.h"
#include "control/schema/custom.h"
#include "control/schema/registry.h"

static struct rk_kinds *own(const struct rk_kinds *kinds)
{
	return (struct rk_kinds *)(uintptr_t)kinds; /* made here or in load.c, and only counted in */
}

const struct rk_kinds *rk_kinds_ref(const struct rk_kinds *kinds)
{
	(void)atomic_fetch_add_explicit(&own(kinds)->refs, 1, memory_order_relaxed);
	return kinds;
}

const struct rk_kinds *rk_kinds_free(const struct rk_kinds *kinds)
{
	if (kinds == NULL ||
	    atomic_fetch_sub_explicit(&own(kinds)->refs, 1, memory_order_acq_rel) > 1)
		return NULL;
	struct rk_kinds *last = own(kinds);
	for (size_t i = 0; i < last->custom_count; i++)
		(void)rk_custom_unref(last->customs[i]);
	free(last->customs);
	free(last->custom_kinds);
	(void)rk_kinds_free(last->base);
	rk_arena_done(&last->arena);
	free(last);
	return NULL;
}

static void add_custom(struct rk_kinds *kinds, struct rk_custom *custom)
{
	size_t count = 0;
	const struct rk_kind *first = rk_custom_kinds(custom, &count);

	kinds->customs[kinds->custom_count++] = rk_custom_ref(custom);
	kinds->custom_kinds = rk_realloc(kinds->custom_kinds, (kinds->custom_kind_count + count + 1) *
								     sizeof *kinds->custom_kinds);
	for (size_t i = 0; i < count; i++)
		kinds->custom_kinds[kinds->custom_kind_count++] = &first[i];
}

/* "v2beta1" as (2, beta, 1). Versions that are not of this form come before all that are. */
static uint64_t version_rank(const char *version)
{
	static const char *const stages[] = { "alpha", "beta", "" };
	uint64_t major = 0, minor = 0, stage = 0;
	const char *at = version + 1;

	if (version[0] != 'v' || *at < '1' || *at > '9')
		return 0;
	for (; *at >= '0' && *at <= '9' && major < 10000; at++)
		major = major * 10 + (uint64_t)(*at - '0');
	while (strncmp(at, stages[stage], strlen(stages[stage])) != 0)
		stage++;
	at += strlen(stages[stage]);
	for (; *at >= '0' && *at <= '9' && minor < 10000; at++)
		minor = minor * 10 + (uint64_t)(*at - '0');
	return *at == 0 ? (stage + 1) << 40 | major << 20 | minor : 0;
}

/* By group, then the version that clients should rather take last, then name: as the built-in ones are. */
static int by_place(const void *left, const void *right)
{
	const struct rk_kind *a = *(const struct rk_kind *const *)left,
			     *b = *(const struct rk_kind *const *)right;
	const uint64_t rank_a = version_rank(a->version), rank_b = version_rank(b->version);
	int order = strcmp(a->group, b->group);

	if (order == 0)
		order = rank_a < rank_b ? -1 : rank_a > rank_b;
	if (order == 0)
		order = strcmp(b->version, a->version);
	return order != 0 ? order : strcmp(a->plural, b->plural);
}

const struct rk_kinds *rk_kinds_with(const struct rk_kinds *base, struct rk_custom *const *customs,
				     size_t count)
{
	struct rk_kinds *kinds = rk_zalloc(sizeof *kinds);

	atomic_init(&kinds->refs, 1);
	kinds->base = rk_kinds_ref(base);
	kinds->customs = rk_zalloc((count + 1) * sizeof *kinds->customs);
	for (size_t i = 0; i < count; i++)
		if (customs[i] != NULL)
			add_custom(kinds, customs[i]);
	if (kinds->custom_kind_count > 0)
		qsort((void *)kinds->custom_kinds, kinds->custom_kind_count,
		      sizeof *kinds->custom_kinds, by_place);
	return kinds;
}

static const struct rk_kinds *built_in(const struct rk_kinds *kinds)
{
	return kinds->base != NULL ? kinds->base : kinds;
}

size_t rk_kinds_bytes(const struct rk_kinds *kinds)
{
	return sizeof *kinds + built_in(kinds)->arena.used;
}

size_t rk_kinds_count(const struct rk_kinds *kinds)
{
	return built_in(kinds)->kind_count + kinds->custom_kind_count;
}

size_t rk_types_count(const struct rk_kinds *kinds) { return built_in(kinds)->type_count; }

const struct rk_kind *rk_kinds_at(const struct rk_kinds *kinds, size_t index)
{
	const struct rk_kinds *base = built_in(kinds);

	if (index < base->kind_count)
		return &base->kinds[index];
	rk_assert(index - base->kind_count < kinds->custom_kind_count);
	return kinds->custom_kinds[index - base->kind_count];
}

const struct rk_type *rk_types_at(const struct rk_kinds *kinds, size_t index)
{
	rk_assert(index < built_in(kinds)->type_count);
	return &built_in(kinds)->types[index];
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
	const struct rk_kinds *base = built_in(kinds);
	size_t low = 0, high = base->kind_count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		const struct rk_kind *kind = &base->kinds[middle];
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
	for (size_t i = 0; i < kinds->custom_kind_count; i++) {
		const struct rk_kind *kind = kinds->custom_kinds[i];
		if (rk_span_is(plural, kind->plural) && rk_span_is(group, kind->group) &&
		    rk_span_is(version, kind->version))
			return kind;
	}
	return NULL;
}

const struct rk_kind *rk_kinds_by_kind(const struct rk_kinds *kinds, struct rk_span group,
				       struct rk_span version, struct rk_span kind_name)
{
	for (size_t i = 0; i < rk_kinds_count(kinds); i++) {
		const struct rk_kind *kind = rk_kinds_at(kinds, i);
		if (rk_span_is(kind_name, kind->kind) && rk_span_is(group, kind->group) &&
		    rk_span_is(version, kind->version))
			return kind;
	}
	return NULL;
}

const struct rk_kind *rk_kinds_of(const struct rk_kinds *kinds, struct rk_span api_version,
				  struct rk_span kind_name)
{
	for (size_t i = 0; i < rk_kinds_count(kinds); i++) {
		const struct rk_kind *kind = rk_kinds_at(kinds, i);
		if (rk_span_is(kind_name, kind->kind) && rk_span_is(api_version, kind->api_version))
			return kind;
	}
	return NULL;
}

const struct rk_kind *rk_kinds_by_resource(const struct rk_kinds *kinds, struct rk_span resource)
{
	const struct rk_kinds *base = built_in(kinds);
	size_t low = 0, high = base->stored_count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		const int order =
			rk_span_cmp(resource, rk_span_str(base->stored[middle]->resource));
		if (order == 0)
			return base->stored[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	for (size_t i = 0; i < kinds->custom_kind_count; i++)
		if (rk_span_is(resource, kinds->custom_kinds[i]->resource))
			return kinds->custom_kinds[i]->stored;
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

	for (size_t i = 0; i < rk_kinds_count(kinds); i++) {
		const struct rk_kind *kind = rk_kinds_at(kinds, i);
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
	const struct rk_type *types = built_in(kinds)->types;
	size_t low = 0, high = built_in(kinds)->type_count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		const int order = rk_span_cmp(name, rk_span_str(types[middle].name));
		if (order == 0)
			return &types[middle];
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
