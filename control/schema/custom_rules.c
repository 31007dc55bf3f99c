/* Compiling structural schemas. What upstream requires of them is checked here: a type for
 * everything that is specified, and nothing of structure under allOf, anyOf, oneOf and not. */
#include "control/schema/custom_rules.h"

#include <stdlib.h>

#include "base/mem.h"
#include "control/schema/pattern.h"

struct compile {
	struct rk_arena *arena;
	const struct rk_check *check;
	struct rk_structures *rules;
	bool is_full; /* too many nodes: said once */
};

struct spot { /* where the walk is */
	const struct rk_path *path;
	unsigned depth;
	bool is_logical; /* within allOf and its like: only what values must be */
	bool is_either;  /* one of the two that x-kubernetes-int-or-string spells out: has a type */
};

static const struct rk_structure *compile(struct compile *c, const struct spot *spot,
					  const struct rk_val *schema);

static struct rk_span text_of(const struct rk_val *schema, const char *key)
{
	return rk_val_text(rk_val_get(schema, rk_span_str(key)));
}

static bool flag_of(const struct rk_val *schema, const char *key)
{
	const struct rk_val *val = rk_val_get(schema, rk_span_str(key));

	return rk_val_is(val, RK_VAL_BOOL) && val->boolean;
}

static int64_t count_of(const struct rk_val *schema, const char *key)
{
	const struct rk_val *val = rk_val_get(schema, rk_span_str(key));

	return rk_val_is(val, RK_VAL_INT) && val->integer >= 0 ? val->integer : -1;
}

static const struct rk_val *number_of(const struct rk_val *schema, const char *key)
{
	const struct rk_val *val = rk_val_get(schema, rk_span_str(key));

	return rk_val_is(val, RK_VAL_INT) || rk_val_is(val, RK_VAL_REAL) ? val : NULL;
}

static enum rk_structure_type type_of(struct compile *c, const struct spot *spot,
				      const struct rk_val *schema)
{
	static const char *const names[] = { "",        "object", "array",   "string",
					     "integer", "number", "boolean", NULL };
	const struct rk_span text = text_of(schema, "type");
	const struct rk_path path = rk_path_field(spot->path, "type");

	for (int i = 0; names[i] != NULL; i++)
		if (rk_span_is(text, names[i]))
			return (enum rk_structure_type)i;
	(void)rk_unsupported(c->check, &path, rk_val_get(schema, RK_SPAN("type")), names + 1);
	return RK_STRUCTURE_ANY;
}

static const char *const *texts_of(struct compile *c, const struct rk_val *list)
{
	const char **texts = rk_arena_zalloc(c->arena, (rk_val_count(list) + 1) * sizeof *texts);

	for (uint32_t i = 0; i < rk_val_count(list); i++)
		texts[i] = rk_arena_str(c->arena, rk_val_text(rk_val_item(list, i)));
	return texts;
}

/* --- what is not served --- */

static void refuse(struct compile *c, const struct spot *spot, const struct rk_val *schema)
{
	static const struct {
		const char *key, *why;
	} refused[] = {
		{ "x-kubernetes-validations", "CEL rules are not served yet" },
		{ "$ref", "$ref is not supported" },
		{ "definitions", "definitions is not supported" },
		{ "dependencies", "dependencies are not supported" },
		{ "patternProperties", "patternProperties is not supported" },
		{ "additionalItems", "additionalItems is not supported" },
		{ "id", "id is not supported" },
	};

	for (size_t i = 0; i < RK_COUNT(refused); i++) {
		const struct rk_path path = rk_path_field(spot->path, refused[i].key);
		const struct rk_val *val = rk_val_get(schema, rk_span_str(refused[i].key));
		const bool is_there = rk_val_count(val) > 0 || rk_val_text(val).size > 0;
		if (is_there)
			(void)rk_forbidden(c->check, &path, refused[i].why);
	}
	if (spot->is_logical) {
		static const char *const structural[] = { "type", "default", "nullable",
							  "additionalProperties" };
		for (size_t i = 0; i < RK_COUNT(structural); i++) {
			const struct rk_path path = rk_path_field(spot->path, structural[i]);
			if (rk_val_get(schema, rk_span_str(structural[i])) != NULL &&
			    (i > 0 || !spot->is_either))
				(void)rk_forbidden(c->check, &path,
						   "must be empty to be structural");
		}
	}
}

/* --- the parts --- */

static int by_name(const void *left, const void *right)
{
	const struct rk_structure_field *a = left, *b = right;

	return rk_span_cmp(a->name, b->name);
}

static void compile_fields(struct compile *c, const struct spot *spot, const struct rk_val *schema,
			   struct rk_structure *rule)
{
	const struct rk_val *fields = rk_val_get(schema, RK_SPAN("properties"));
	const struct rk_path up = rk_path_field(spot->path, "properties");

	if (!rk_val_is(fields, RK_VAL_MAP) || fields->count == 0)
		return;
	struct rk_structure_field *made = rk_arena_zalloc(c->arena, fields->count * sizeof *made);
	for (uint32_t i = 0; i < fields->count; i++) {
		const struct rk_path path = rk_path_key(&up, fields->fields[i].key);
		const struct spot here = { &path, spot->depth + 1, spot->is_logical, false };
		made[i].name = fields->fields[i].key;
		made[i].rule = compile(c, &here, fields->fields[i].val);
	}
	qsort(made, fields->count, sizeof *made, by_name);
	rule->fields = made;
	rule->field_count = fields->count;
}

static void compile_values(struct compile *c, const struct spot *spot, const struct rk_val *schema,
			   struct rk_structure *rule)
{
	const struct rk_val *values = rk_val_get(schema, RK_SPAN("additionalProperties"));
	const struct rk_path path = rk_path_field(spot->path, "additionalProperties");
	const struct spot here = { &path, spot->depth + 1, spot->is_logical, false };

	if (values == NULL)
		return;
	if (rule->field_count > 0)
		(void)rk_forbidden(c->check, &path,
				   "additionalProperties and properties are mutual exclusive");
	if (rk_val_is(values, RK_VAL_BOOL) && values->boolean)
		rule->keeps_unknown = true;
	else if (rk_val_is(values, RK_VAL_BOOL))
		(void)rk_forbidden(c->check, &path, "additionalProperties cannot be set to false");
	else
		rule->values = compile(c, &here, values);
}

static void compile_items(struct compile *c, const struct spot *spot, const struct rk_val *schema,
			  struct rk_structure *rule)
{
	const struct rk_val *items = rk_val_get(schema, RK_SPAN("items"));
	const struct rk_path path = rk_path_field(spot->path, "items");
	const struct spot here = { &path, spot->depth + 1, spot->is_logical, false };

	if (rk_val_is(items, RK_VAL_MAP))
		rule->items = compile(c, &here, items);
	else if (items != NULL)
		(void)rk_forbidden(c->check, &path,
				   "items must be a schema object and not an array");
	else if (rule->type == RK_STRUCTURE_ARRAY && !spot->is_logical)
		(void)rk_missing(c->check, &path, "must be specified");
}

static struct rk_structure_list compile_list(struct compile *c, const struct spot *spot,
					     const struct rk_val *schema, const char *key,
					     bool is_either)
{
	const struct rk_val *list = rk_val_get(schema, rk_span_str(key));
	const struct rk_path up = rk_path_field(spot->path, key);
	struct rk_structure_list made = { 0, NULL };

	if (!rk_val_is(list, RK_VAL_LIST) || list->count == 0)
		return made;
	made.at = rk_arena_zalloc(c->arena, list->count * sizeof *made.at);
	for (uint32_t i = 0; i < list->count; i++) {
		const struct rk_path path = rk_path_item(&up, i);
		const struct spot here = { &path, spot->depth + 1, true, is_either };
		made.at[made.count++] = compile(c, &here, list->items[i]);
	}
	return made;
}

static void compile_pattern(struct compile *c, const struct spot *spot, const struct rk_val *schema,
			    struct rk_structure *rule)
{
	const struct rk_path path = rk_path_field(spot->path, "pattern");
	const char *why = NULL;

	rule->pattern_text = text_of(schema, "pattern");
	if (rule->pattern_text.size == 0)
		return;
	struct rk_pattern *pattern = rk_pattern_new(rule->pattern_text, c->rules->patterns, &why);
	if (pattern == NULL) {
		(void)rk_bad_text(
			c->check, &path, rule->pattern_text,
			rk_arena_printf(c->check->arena,
					"must be a valid regular expression, but isn't: %s", why));
		return;
	}
	c->rules->patterns = pattern;
	rule->pattern = pattern;
}

static void compile_list_type(struct compile *c, const struct spot *spot,
			      const struct rk_val *schema, struct rk_structure *rule)
{
	static const char *const types[] = { "atomic", "map", "set", NULL };
	const struct rk_val *keys = rk_val_get(schema, RK_SPAN("x-kubernetes-list-map-keys"));
	const struct rk_span text = text_of(schema, "x-kubernetes-list-type");
	const struct rk_path path = rk_path_field(spot->path, "x-kubernetes-list-type"),
			     keys_path = rk_path_field(spot->path, "x-kubernetes-list-map-keys");

	for (int i = 0; types[i] != NULL; i++)
		if (rk_span_is(text, types[i]))
			rule->list_type = (enum rk_list_type)i;
	if (text.size > 0 && !rk_span_is(text, types[rule->list_type]))
		(void)rk_unsupported(c->check, &path,
				     rk_val_get(schema, RK_SPAN("x-kubernetes-list-type")), types);
	if (rule->list_type == RK_LIST_MAP && rk_val_count(keys) == 0)
		(void)rk_missing(c->check, &keys_path,
				 "must not be empty if x-kubernetes-list-type is map");
	if (rule->list_type != RK_LIST_MAP && rk_val_count(keys) > 0)
		(void)rk_bad(c->check, &path, rk_val_get(schema, RK_SPAN("x-kubernetes-list-type")),
			     "must be map if x-kubernetes-list-map-keys is non-empty");
	if (rk_val_count(keys) > 0)
		rule->keys = texts_of(c, keys);
}

static void compile_bounds(const struct rk_val *schema, struct rk_structure *rule)
{
	rule->minimum = number_of(schema, "minimum");
	rule->maximum = number_of(schema, "maximum");
	rule->multiple_of = number_of(schema, "multipleOf");
	rule->above_minimum = flag_of(schema, "exclusiveMinimum");
	rule->below_maximum = flag_of(schema, "exclusiveMaximum");
	rule->length_min = count_of(schema, "minLength");
	rule->length_max = count_of(schema, "maxLength");
	rule->items_min = count_of(schema, "minItems");
	rule->items_max = count_of(schema, "maxItems");
	rule->fields_min = count_of(schema, "minProperties");
	rule->fields_max = count_of(schema, "maxProperties");
	rule->unique = flag_of(schema, "uniqueItems");
	rule->format = text_of(schema, "format");
	rule->choices = rk_val_get(schema, RK_SPAN("enum"));
	if (rk_val_count(rule->choices) == 0)
		rule->choices = NULL;
}

static void compile_required(struct compile *c, const struct rk_val *schema,
			     struct rk_structure *rule)
{
	const struct rk_val *list = rk_val_get(schema, RK_SPAN("required"));
	struct rk_span *names = rk_arena_zalloc(c->arena, (rk_val_count(list) + 1) * sizeof *names);

	for (uint32_t i = 0; i < rk_val_count(list); i++)
		names[rule->required_count++] = rk_val_text(rk_val_item(list, i));
	rule->required = names;
}

static const char *doc_of(struct compile *c, const struct rk_val *schema)
{
	const struct rk_span text = text_of(schema, "description");

	return text.size > 0 ? rk_arena_str(c->arena, text) : "";
}

/* Everything that is specified has a type, but for what takes an integer or a string. */
static void check_type(struct compile *c, const struct spot *spot, const struct rk_structure *rule)
{
	const struct rk_path path = rk_path_field(spot->path, "type"),
			     embedded = rk_path_field(spot->path, "x-kubernetes-embedded-resource");

	if (spot->is_logical)
		return;
	if (rule->type == RK_STRUCTURE_ANY && !rule->int_or_string && !rule->keeps_unknown)
		(void)rk_missing(c->check, &path, "must not be empty for specified object fields");
	if (rule->int_or_string && rule->type != RK_STRUCTURE_ANY)
		(void)rk_forbidden(c->check, &path,
				   "must be empty if x-kubernetes-int-or-string is true");
	if (rule->is_embedded && rule->type != RK_STRUCTURE_OBJECT)
		(void)rk_bad(c->check, &embedded, NULL, "must be an object");
}

static void fill(struct compile *c, const struct spot *spot, const struct rk_val *schema,
		 struct rk_structure *rule)
{
	const struct rk_path negated = rk_path_field(spot->path, "not");
	const struct spot logical = { &negated, spot->depth + 1, true, false };
	const struct rk_val *not_of = rk_val_get(schema, RK_SPAN("not"));

	rule->type = type_of(c, spot, schema);
	rule->doc = doc_of(c, schema);
	rule->nullable = flag_of(schema, "nullable");
	rule->int_or_string = flag_of(schema, "x-kubernetes-int-or-string");
	rule->keeps_unknown = flag_of(schema, "x-kubernetes-preserve-unknown-fields");
	rule->is_embedded = flag_of(schema, "x-kubernetes-embedded-resource");
	rule->is_atomic = rk_span_is(text_of(schema, "x-kubernetes-map-type"), "atomic");
	rule->preset = rk_val_get(schema, RK_SPAN("default"));
	refuse(c, spot, schema);
	check_type(c, spot, rule);
	compile_bounds(schema, rule);
	compile_required(c, schema, rule);
	compile_list_type(c, spot, schema, rule);
	compile_pattern(c, spot, schema, rule);
	compile_fields(c, spot, schema, rule);
	compile_values(c, spot, schema, rule);
	compile_items(c, spot, schema, rule);
	rule->all_of = compile_list(c, spot, schema, "allOf", false);
	rule->any_of = compile_list(c, spot, schema, "anyOf", rule->int_or_string);
	rule->one_of = compile_list(c, spot, schema, "oneOf", false);
	if (rk_val_is(not_of, RK_VAL_MAP))
		rule->not_of = compile(c, &logical, not_of);
}

static const struct rk_structure *compile(struct compile *c, const struct spot *spot,
					  const struct rk_val *schema)
{
	struct rk_structure *rule = rk_arena_zalloc(c->arena, sizeof *rule);

	rule->doc = "";
	rule->length_min = rule->length_max = rule->items_min = rule->items_max = -1;
	rule->fields_min = rule->fields_max = -1;
	if (spot->depth > RK_RULES_DEPTH_MAX || c->rules->nodes >= RK_RULES_NODES_MAX) {
		if (!c->is_full)
			(void)rk_forbidden(c->check, spot->path, "the schema is too large");
		c->is_full = true;
		return rule;
	}
	c->rules->nodes++;
	if (rk_val_is(schema, RK_VAL_MAP))
		fill(c, spot, schema, rule);
	else
		(void)rk_bad(c->check, spot->path, schema, "must be a schema object");
	return rule;
}

void rk_structures_compile(struct rk_arena *arena, const struct rk_check *check,
			   const struct rk_path *path, const struct rk_val *schema,
			   struct rk_structures *ret)
{
	struct compile c = { arena, check, ret, false };
	const struct spot spot = { path, 0, false, false };
	const struct rk_path type = rk_path_field(path, "type");

	*ret = (struct rk_structures){ 0 };
	ret->root = compile(&c, &spot, schema);
	if (ret->root->type != RK_STRUCTURE_OBJECT && ret->root->type != RK_STRUCTURE_ANY)
		(void)rk_bad(check, &type, rk_val_get(schema, RK_SPAN("type")),
			     "must be object at the root");
}

void rk_structures_done(struct rk_structures *rules)
{
	rules->patterns = rk_pattern_free_all(rules->patterns);
}

static int find(const void *key, const void *field)
{
	return rk_span_cmp(*(const struct rk_span *)key,
			   ((const struct rk_structure_field *)field)->name);
}

const struct rk_structure *rk_structure_below(const struct rk_structure *rule, struct rk_span name)
{
	const struct rk_structure_field *field =
		rule->field_count == 0 ? NULL
				       : bsearch(&name, rule->fields, rule->field_count,
						 sizeof *rule->fields, find);

	return field != NULL ? field->rule : rule->values;
}
