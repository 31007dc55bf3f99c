/* The rules for CustomResourceDefinitions, with upstream's texts. */
#include "base/mem.h"
#include "control/schema/custom.h"
#include "control/schema/custom_rules.h"
#include "control/schema/names.h"
#include "wire/jsonpath.h"

#define VERSIONS_MAX 64
#define FIELDS_MAX   8 /* selectable ones of a version */

static void check_kind_name(const struct rk_check *check, const struct rk_path *up,
			    const struct rk_val *names, const char *field)
{
	const struct rk_path path = rk_path_field(up, field);
	const struct rk_span text = rk_val_text(rk_val_get(names, rk_span_str(field)));
	uint8_t *low = rk_arena_alloc(check->arena, text.size + 1);

	for (size_t i = 0; i < text.size; i++)
		low[i] = text.data[i] >= 'A' && text.data[i] <= 'Z' ? (uint8_t)(text.data[i] + 32)
								    : text.data[i];
	const char *why = rk_name_label_1035(rk_span_of(low, text.size));
	if (rk_check_text(check, up, names, field) && why != NULL)
		(void)rk_bad_text(
			check, &path, text,
			rk_arena_printf(check->arena,
					"may have mixed case, but should otherwise match: %s",
					why));
}

static void check_names(const struct rk_check *check, const struct rk_val *spec)
{
	const struct rk_path up = rk_path_field(NULL, "spec"), names = rk_path_field(&up, "names"),
			     shorts = rk_path_field(&names, "shortNames"),
			     categories = rk_path_field(&names, "categories");
	const struct rk_val *val = rk_val_at(spec, "names");
	const struct {
		const struct rk_path *path;
		const struct rk_val *list;
	} lists[] = { { &shorts, rk_val_at(val, "shortNames") },
		      { &categories, rk_val_at(val, "categories") } };

	(void)rk_check_named(check, &names, val, "plural", rk_name_label_1035);
	(void)rk_check_syntax(check, &names, val, "singular", rk_name_label_1035);
	check_kind_name(check, &names, val, "kind");
	check_kind_name(check, &names, val, "listKind");
	if (rk_val_text_at(val, "kind").size > 0 &&
	    rk_span_eq(rk_val_text_at(val, "kind"), rk_val_text_at(val, "listKind"))) {
		const struct rk_path path = rk_path_field(&names, "listKind");
		(void)rk_bad(check, &path, rk_val_at(val, "listKind"),
			     "kind and listKind may not be the same");
	}
	for (size_t i = 0; i < RK_COUNT(lists); i++)
		for (uint32_t n = 0; n < rk_val_count(lists[i].list); n++) {
			const struct rk_path path = rk_path_item(lists[i].path, n);
			const struct rk_span text = rk_val_text(rk_val_item(lists[i].list, n));
			const char *why = rk_name_label_1035(text);
			if (why != NULL)
				(void)rk_bad_text(check, &path, text, why);
		}
}

static void check_group(const struct rk_check *check, const struct rk_val *definition)
{
	const struct rk_path up = rk_path_field(NULL, "spec"), path = rk_path_field(&up, "group"),
			     meta = rk_path_field(NULL, "metadata"),
			     name_path = rk_path_field(&meta, "name");
	const struct rk_span group = rk_val_text_at(definition, "spec.group");
	const struct rk_span plural = rk_val_text_at(definition, "spec.names.plural");
	const struct rk_span name = rk_val_text_at(definition, "metadata.name");
	const struct rk_val *spec = rk_val_at(definition, "spec");

	if (rk_check_named(check, &up, spec, "group", rk_name_subdomain) &&
	    memchr(group.data, '.', group.size) == NULL)
		(void)rk_bad_text(check, &path, group, "should be a domain with at least one dot");
	const char *wanted = rk_arena_printf(check->arena, "%.*s.%.*s", RK_SPAN_ARGS(plural),
					     RK_SPAN_ARGS(group));
	if (!rk_span_is(name, wanted))
		(void)rk_bad_text(check, &name_path, name,
				  "must be spec.names.plural+\".\"+spec.group");
}

/* --- versions --- */

static void check_columns(const struct rk_check *check, const struct rk_path *up,
			  const struct rk_val *list)
{
	static const char *const types[] = {
		"boolean", "date", "integer", "number", "string", NULL
	};

	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_path item = rk_path_item(up, i),
				     type = rk_path_field(&item, "type"),
				     where = rk_path_field(&item, "jsonPath");
		const struct rk_val *column = rk_val_item(list, i);
		const struct rk_span path = rk_val_text_at(column, "jsonPath");
		struct rk_jsonpath *parsed;
		bool is_known = false;
		(void)rk_check_text(check, &item, column, "name");
		for (size_t n = 0; types[n] != NULL; n++)
			is_known |= rk_span_is(rk_val_text_at(column, "type"), types[n]);
		if (!is_known)
			(void)rk_unsupported(check, &type, rk_val_at(column, "type"), types);
		if (!rk_check_text(check, &item, column, "jsonPath"))
			continue;
		if (path.data[0] != '.' ||
		    rk_jsonpath_parse_one(check->arena, path, &parsed, NULL) < 0)
			(void)rk_bad_text(check, &where, path, "must be a valid JSON path");
	}
}

/* ".spec.a.b": letters, digits, '-', '_' between dots, below the part where it has to be. */
static bool is_simple(struct rk_span path, const char *below)
{
	if (!rk_span_starts(path, rk_span_str(below)) || path.size <= strlen(below))
		return false;
	for (size_t i = 0; i < path.size; i++) {
		const uint8_t c = path.data[i];
		const bool is_dot = c == '.';
		if (is_dot ? i + 1 == path.size || path.data[i + 1] == '.'
			   : !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			       (c >= '0' && c <= '9') || c == '-' || c == '_'))
			return false;
	}
	return true;
}

static void check_scale(const struct rk_check *check, const struct rk_path *up,
			const struct rk_val *scale)
{
	const struct {
		const char *field, *below;
		bool is_optional;
	} paths[] = {
		{ "specReplicasPath", ".spec.", false },
		{ "statusReplicasPath", ".status.", false },
		{ "labelSelectorPath", ".", true },
	};

	for (size_t i = 0; i < RK_COUNT(paths); i++) {
		const struct rk_path path = rk_path_field(up, paths[i].field);
		const struct rk_span text =
			rk_val_text(rk_val_get(scale, rk_span_str(paths[i].field)));
		if (text.size == 0 && paths[i].is_optional)
			continue;
		if (rk_check_text(check, up, scale, paths[i].field) &&
		    !is_simple(text, paths[i].below))
			(void)rk_bad_text(check, &path, text,
					  rk_arena_printf(check->arena,
							  "should be a json path under %s",
							  paths[i].below));
	}
}

static void check_fields(const struct rk_check *check, const struct rk_path *up,
			 const struct rk_val *list)
{
	if (rk_val_count(list) > FIELDS_MAX)
		(void)rk_bad(check, up, NULL, "must have at most 8 items");
	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_path item = rk_path_item(up, i),
				     path = rk_path_field(&item, "jsonPath");
		const struct rk_span text = rk_val_text_at(rk_val_item(list, i), "jsonPath");
		if (!is_simple(text, "."))
			(void)rk_bad_text(check, &path, text, "must be a simple path to a field");
	}
}

static void check_version(const struct rk_check *check, const struct rk_path *up,
			  const struct rk_val *version)
{
	const struct rk_path schema = rk_path_field(up, "schema"),
			     root = rk_path_field(&schema, "openAPIV3Schema"),
			     subs = rk_path_field(up, "subresources"),
			     scale = rk_path_field(&subs, "scale"),
			     columns = rk_path_field(up, "additionalPrinterColumns"),
			     fields = rk_path_field(up, "selectableFields");
	const struct rk_val *given = rk_val_at(version, "schema.openAPIV3Schema");
	struct rk_arena arena = { 0 };
	struct rk_structures rules;

	(void)rk_check_named(check, up, version, "name", rk_name_label_1035);
	if (given == NULL) {
		(void)rk_missing(check, &root, "schemas are required");
	} else {
		rk_structures_compile(&arena, check, &root, given, &rules);
		rk_structures_done(&rules);
		rk_arena_done(&arena);
	}
	if (rk_val_at(version, "subresources.scale") != NULL)
		check_scale(check, &scale, rk_val_at(version, "subresources.scale"));
	check_columns(check, &columns, rk_val_at(version, "additionalPrinterColumns"));
	check_fields(check, &fields, rk_val_at(version, "selectableFields"));
}

static bool is_first(const struct rk_val *versions, uint32_t at)
{
	const struct rk_span name = rk_val_text_at(rk_val_item(versions, at), "name");

	for (uint32_t i = 0; i < at; i++)
		if (rk_span_eq(rk_val_text_at(rk_val_item(versions, i), "name"), name))
			return false;
	return true;
}

static void check_versions(const struct rk_check *check, const struct rk_val *versions)
{
	const struct rk_path up = rk_path_field(NULL, "spec"),
			     path = rk_path_field(&up, "versions");
	uint32_t stored = 0;
	bool is_twice = false;

	if (rk_val_count(versions) > VERSIONS_MAX) {
		(void)rk_bad(check, &path, NULL, "must have at most 64 versions");
		return;
	}
	for (uint32_t i = 0; i < rk_val_count(versions); i++) {
		const struct rk_path item = rk_path_item(&path, i);
		check_version(check, &item, rk_val_item(versions, i));
		is_twice |= !is_first(versions, i);
		stored += rk_val_bool_at(rk_val_item(versions, i), "storage", false);
	}
	if (is_twice)
		(void)rk_bad(check, &path, versions, "must contain unique version names");
	if (stored != 1)
		(void)rk_bad(check, &path, versions,
			     "must have exactly one version marked as storage version");
}

static void check_same(const struct rk_check *check, const struct rk_val *definition,
		       const struct rk_val *old)
{
	static const char *const parts[] = { "group", "scope" };
	const struct rk_path up = rk_path_field(NULL, "spec"), names = rk_path_field(&up, "names");

	for (size_t i = 0; i < RK_COUNT(parts); i++)
		(void)rk_check_same(check, &up, rk_val_at(definition, "spec"),
				    rk_val_at(old, "spec"), parts[i]);
	(void)rk_check_same(check, &names, rk_val_at(definition, "spec.names"),
			    rk_val_at(old, "spec.names"), "plural");
	(void)rk_check_same(check, &names, rk_val_at(definition, "spec.names"),
			    rk_val_at(old, "spec.names"), "kind");
}

void rk_custom_validate(const struct rk_check *check, const struct rk_val *definition,
			const struct rk_val *old)
{
	static const char *const scopes[] = { "Cluster", "Namespaced", NULL };
	static const char *const strategies[] = { "None", "Webhook", NULL };
	const struct rk_path up = rk_path_field(NULL, "spec"), scope = rk_path_field(&up, "scope"),
			     conversion = rk_path_field(&up, "conversion"),
			     strategy = rk_path_field(&conversion, "strategy"),
			     webhook = rk_path_field(&conversion, "webhook"),
			     keeps = rk_path_field(&up, "preserveUnknownFields");
	const struct rk_val *spec = rk_val_at(definition, "spec");
	const struct rk_span how = rk_val_text_at(spec, "conversion.strategy");

	check_group(check, definition);
	check_names(check, spec);
	if (rk_check_text(check, &up, spec, "scope") &&
	    !rk_span_is(rk_val_text_at(spec, "scope"), "Cluster") &&
	    !rk_span_is(rk_val_text_at(spec, "scope"), "Namespaced"))
		(void)rk_unsupported(check, &scope, rk_val_at(spec, "scope"), scopes);
	if (how.size > 0 && !rk_span_is(how, "None") && !rk_span_is(how, "Webhook"))
		(void)rk_unsupported(check, &strategy, rk_val_at(spec, "conversion.strategy"),
				     strategies);
	else if (rk_span_is(how, "Webhook"))
		(void)rk_forbidden(check, &strategy,
				   "not served yet: conversion webhooks would not be called");
	else if (rk_val_at(spec, "conversion.webhook") != NULL)
		(void)rk_forbidden(check, &webhook,
				   "should not be set when strategy is not set to Webhook");
	if (rk_val_bool_at(spec, "preserveUnknownFields", false))
		(void)rk_bad(check, &keeps, rk_val_at(spec, "preserveUnknownFields"),
			     "must be false");
	check_versions(check, rk_val_at(spec, "versions"));
	if (old != NULL)
		check_same(check, definition, old);
}

void rk_custom_default(struct rk_arena *arena, struct rk_val *definition)
{
	struct rk_val *spec = rk_val_make(arena, definition, "spec");
	struct rk_val *names = rk_val_make(arena, spec, "names");
	const struct rk_span kind = rk_val_text_at(names, "kind");

	if (rk_val_text_at(names, "singular").size == 0 && kind.size > 0) {
		uint8_t *low = rk_arena_alloc(arena, kind.size);
		for (size_t i = 0; i < kind.size; i++)
			low[i] = kind.data[i] >= 'A' && kind.data[i] <= 'Z'
					 ? (uint8_t)(kind.data[i] + 32)
					 : kind.data[i];
		rk_val_put_str(arena, names, "singular", rk_span_of(low, kind.size));
	}
	if (rk_val_text_at(names, "listKind").size == 0 && kind.size > 0)
		rk_val_put(arena, names, "listKind",
			   rk_val_strf(arena, "%.*sList", RK_SPAN_ARGS(kind)));
	if (rk_val_at(spec, "conversion") == NULL)
		rk_val_put_cstr(arena, rk_val_make(arena, spec, "conversion"), "strategy", "None");
}
