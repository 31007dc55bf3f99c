/* CustomResourceDefinitions. */
#include "base/mem.h"
#include "control/schema/names.h"
#include "control/schema/rules.h"
#include "control/schema/validate.h"

#define SCHEMA_DEPTH_MAX 64

/* --- names --- */

static void check_kind_name(const struct rk_check *check, const struct rk_path *up,
			    const struct rk_val *names, const char *field)
{
	const struct rk_path path = rk_path_field(up, field);
	const struct rk_span text = rk_val_text_at(names, field);
	uint8_t *low = rk_arena_alloc(check->arena, text.size + 1);

	for (size_t i = 0; i < text.size; i++)
		low[i] = text.data[i] >= 'A' && text.data[i] <= 'Z' ? (uint8_t)(text.data[i] + 32)
								    : text.data[i];
	const char *why = rk_name_label_1035(rk_span_of(low, text.size));
	if (text.size == 0)
		(void)rk_missing(check, &path, "");
	else if (why != NULL)
		(void)rk_bad_text(
			check, &path, text,
			rk_arena_printf(check->arena,
					"may have mixed case, but should otherwise match: %s",
					why));
}

static void check_names(const struct rk_check *check, const struct rk_val *spec)
{
	const struct rk_path path = rk_path_field(NULL, "spec.names"),
			     list_kind = rk_path_field(&path, "listKind");
	const struct rk_val *names = rk_val_at(spec, "names");
	static const char *const lists[] = { "shortNames", "categories" };

	(void)rk_check_named(check, &path, names, "plural", rk_name_label_1035);
	(void)rk_check_syntax(check, &path, names, "singular", rk_name_label_1035);
	check_kind_name(check, &path, names, "kind");
	check_kind_name(check, &path, names, "listKind");
	if (rk_val_text_at(names, "kind").size > 0 &&
	    rk_span_eq(rk_val_text_at(names, "kind"), rk_val_text_at(names, "listKind")))
		(void)rk_bad(check, &list_kind, rk_val_at(names, "listKind"),
			     "kind and listKind may not be the same");
	for (size_t l = 0; l < RK_COUNT(lists); l++) {
		const struct rk_path field = rk_path_field(&path, lists[l]);
		const struct rk_val *list = rk_val_at(names, lists[l]);
		for (uint32_t i = 0; i < rk_val_count(list); i++) {
			const struct rk_path item = rk_path_item(&field, i);
			const char *why = rk_name_label_1035(rk_val_text(rk_val_item(list, i)));
			if (why != NULL)
				(void)rk_bad(check, &item, rk_val_item(list, i), why);
		}
	}
}

static void check_group(const struct rk_check *check, const struct rk_val *obj)
{
	const struct rk_path path = rk_path_field(NULL, "spec.group"),
			     name_path = rk_path_field(NULL, "metadata.name");
	const struct rk_span group = rk_val_text_at(obj, "spec.group"),
			     name = rk_val_text_at(obj, "metadata.name");
	const char *wanted = rk_arena_printf(check->arena, "%.*s.%.*s",
					     RK_SPAN_ARGS(rk_val_text_at(obj, "spec.names.plural")),
					     RK_SPAN_ARGS(group));

	if (!rk_span_is(name, wanted))
		(void)rk_bad_text(check, &name_path, name,
				  "must be spec.names.plural+\".\"+spec.group");
	if (group.size == 0)
		(void)rk_missing(check, &path, "");
	else if (rk_name_subdomain(group) != NULL)
		(void)rk_bad_text(check, &path, group, rk_name_subdomain(group));
	else if (memchr(group.data, '.', group.size) == NULL)
		(void)rk_bad_text(check, &path, group, "should be a domain with at least one dot");
}

/* --- versions --- */

static const struct rk_val *names_cel(const struct rk_val *val, unsigned depth)
{
	const struct rk_val *found = NULL;

	if (depth > SCHEMA_DEPTH_MAX)
		return NULL;
	for (uint32_t i = 0; i < rk_val_count(val) && found == NULL; i++) {
		const bool is_map = val->kind == RK_VAL_MAP;
		const struct rk_val *item = is_map ? val->fields[i].val : val->items[i];
		if (is_map && rk_span_is(val->fields[i].key, "x-kubernetes-validations") &&
		    rk_val_is(item, RK_VAL_LIST) && item->count > 0)
			return item;
		found = names_cel(item, depth + 1);
	}
	return found;
}

static void check_columns(const struct rk_check *check, const struct rk_path *up,
			  const struct rk_val *version)
{
	static const char *const types[] = {
		"boolean", "date", "integer", "number", "string", NULL
	};
	static const struct rk_rule rules[] = {
		RK_NEEDED("name"),
		RK_NEEDED("type"),
		RK_ONE_OF("type", types),
		RK_NEEDED("jsonPath"),
	};
	const struct rk_path path = rk_path_field(up, "additionalPrinterColumns");
	const struct rk_val *list = rk_val_at(version, "additionalPrinterColumns");

	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_path item = rk_path_item(&path, i);
		rk_check_rules(check, &item, rk_val_item(list, i), NULL, rules, RK_COUNT(rules));
	}
}

static void check_version(const struct rk_check *check, const struct rk_path *path,
			  const struct rk_val *version)
{
	const struct rk_path name = rk_path_field(path, "name"),
			     schema_path = rk_path_field(path, "schema.openAPIV3Schema");
	const struct rk_val *schema = rk_val_at(version, "schema.openAPIV3Schema");
	const char *why = rk_name_label_1035(rk_val_text_at(version, "name"));

	if (why != NULL)
		(void)rk_bad_text(check, &name, rk_val_text_at(version, "name"), why);
	if (schema == NULL)
		(void)rk_missing(check, &schema_path, "schemas are required");
	else if (names_cel(schema, 0) != NULL)
		(void)rk_forbidden(
			check, &schema_path,
			"not served yet: x-kubernetes-validations would not be evaluated");
	check_columns(check, path, version);
}

static void check_versions(const struct rk_check *check, const struct rk_val *spec)
{
	const struct rk_path path = rk_path_field(NULL, "spec.versions");
	const struct rk_val *list = rk_val_at(spec, "versions");
	unsigned stored = 0;
	bool twice = false;

	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_path item = rk_path_item(&path, i);
		const struct rk_val *version = rk_val_item(list, i);
		check_version(check, &item, version);
		stored += rk_val_bool_at(version, "storage", false);
		for (uint32_t n = 0; n < i; n++)
			twice = twice || rk_span_eq(rk_val_text_at(version, "name"),
						    rk_val_text_at(rk_val_item(list, n), "name"));
	}
	if (twice)
		(void)rk_bad(check, &path, list, "must contain unique version names");
	if (stored != 1)
		(void)rk_bad(check, &path, list,
			     "must have exactly one version marked as storage version");
}

static void check_conversion(const struct rk_check *check, const struct rk_val *spec)
{
	static const char *const strategies[] = { "None", "Webhook", NULL };
	static const struct rk_rule rules[] = { RK_NEEDED("strategy"),
						RK_ONE_OF("strategy", strategies) };
	const struct rk_path path = rk_path_field(NULL, "spec.conversion"),
			     strategy = rk_path_field(&path, "strategy"),
			     webhook = rk_path_field(&path, "webhook");
	const struct rk_val *conversion = rk_val_at(spec, "conversion");

	rk_check_rules(check, &path, conversion, NULL, rules, RK_COUNT(rules));
	if (rk_span_is(rk_val_text_at(conversion, "strategy"), "Webhook"))
		(void)rk_forbidden(check, &strategy,
				   "not served yet: conversion webhooks would not be called");
	else if (rk_val_at(conversion, "webhook") != NULL)
		(void)rk_forbidden(check, &webhook,
				   "should not be set when strategy is not set to Webhook");
}

void rk_validate_crd(const struct rk_check *check, const struct rk_val *obj,
		     const struct rk_val *old)
{
	static const char *const scopes[] = { "Cluster", "Namespaced", NULL };
	static const struct rk_rule rules[] = {
		RK_NEEDED("spec.scope"),       RK_ONE_OF("spec.scope", scopes),
		RK_FIXED("spec.scope"),        RK_FIXED("spec.group"),
		RK_FIXED("spec.names.plural"), RK_FIXED("spec.names.kind"),
	};
	const struct rk_path keeps = rk_path_field(NULL, "spec.preserveUnknownFields");
	const struct rk_val *spec = rk_val_at(obj, "spec");

	check_group(check, obj);
	check_names(check, spec);
	rk_check_rules(check, NULL, obj, old, rules, RK_COUNT(rules));
	check_versions(check, spec);
	check_conversion(check, spec);
	if (rk_val_bool_at(spec, "preserveUnknownFields", false))
		(void)rk_bad(check, &keeps, rk_val_at(spec, "preserveUnknownFields"),
			     "must be false");
}
