#include "control/schema/custom.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "control/schema/custom_rules.h"
#include "wire/doc.h"
#include "wire/jsonpath.h"

struct rk_custom {
	atomic_uint refs;
	struct rk_arena arena; /* everything below, and what the kinds point to */
	const struct rk_kinds *base;
	const struct rk_val *definition;
	size_t kind_count; /* served ones; the form that objects are stored in may come behind them
			    */
	struct rk_kind *kinds;
	size_t rules_count;
	struct rk_structures *rules; /* beside kinds */
};

static const char *text(struct rk_custom *custom, const struct rk_val *from, const char *path)
{
	return rk_arena_str(&custom->arena, rk_val_text_at(from, path));
}

static const char *const *texts(struct rk_custom *custom, const struct rk_val *list,
				const char *first)
{
	const uint32_t extra = first != NULL;
	const char **made =
		rk_arena_zalloc(&custom->arena, (rk_val_count(list) + extra + 1) * sizeof *made);

	if (first != NULL)
		made[0] = first;
	for (uint32_t i = 0; i < rk_val_count(list); i++)
		made[i + extra] = rk_arena_str(&custom->arena, rk_val_text(rk_val_item(list, i)));
	return made;
}

/* --- types, for what knows objects by them: owners of fields, explain --- */

static const struct rk_type *type_of(struct rk_custom *custom, const struct rk_structure *rule,
				     const char *name);

static const struct rk_type scalars[] = {
	[RK_STRUCTURE_ANY] = { .name = "any", .schema = "", .doc = "", .kind = RK_TYPE_ANY },
	[RK_STRUCTURE_OBJECT] = { .name = "any", .schema = "", .doc = "", .kind = RK_TYPE_ANY },
	[RK_STRUCTURE_ARRAY] = { .name = "any", .schema = "", .doc = "", .kind = RK_TYPE_ANY },
	[RK_STRUCTURE_STRING] = { .name = "string",
				  .schema = "",
				  .doc = "",
				  .kind = RK_TYPE_STRING },
	[RK_STRUCTURE_INTEGER] = { .name = "integer",
				   .schema = "",
				   .doc = "",
				   .kind = RK_TYPE_INT64 },
	[RK_STRUCTURE_NUMBER] = { .name = "number", .schema = "", .doc = "", .kind = RK_TYPE_ANY },
	[RK_STRUCTURE_BOOLEAN] = { .name = "boolean",
				   .schema = "",
				   .doc = "",
				   .kind = RK_TYPE_BOOL },
};

static const struct rk_type int_or_string = {
	.name = "int-or-string", .schema = "", .doc = "", .kind = RK_TYPE_INT_OR_STRING
};

static void fill_prop(struct rk_custom *custom, const struct rk_structure *rule,
		      struct rk_prop *prop)
{
	const struct rk_structure *item = rule;

	prop->doc = rule->doc;
	prop->preset = rule->preset;
	prop->is_atomic = rule->is_atomic;
	if (rule->type == RK_STRUCTURE_ARRAY && rule->items != NULL) {
		prop->shape = RK_SHAPE_LIST;
		prop->list_type = (uint8_t)rule->list_type;
		prop->keys = rule->keys;
		item = rule->items;
	} else if (rule->type == RK_STRUCTURE_OBJECT && rule->values != NULL) {
		prop->shape = RK_SHAPE_MAP;
		item = rule->values;
	}
	prop->type = type_of(custom, item, prop->name);
}

static int by_name(const void *left, const void *right)
{
	const struct rk_prop *a = left, *b = right;

	return strcmp(a->name, b->name);
}

/* apiVersion, kind and metadata of an object of its own. */
static uint32_t meta_props(struct rk_custom *custom, struct rk_prop *props)
{
	const struct rk_type *meta = rk_types_by_name(custom->base, RK_SPAN("ObjectMeta"));
	const struct rk_prop own[] = {
		{ .name = "apiVersion",
		  .doc = "Group and version of this form.",
		  .type = &scalars[RK_STRUCTURE_STRING] },
		{ .name = "kind", .doc = "What it is.", .type = &scalars[RK_STRUCTURE_STRING] },
		{ .name = "metadata",
		  .doc = "Name, labels and the rest that every object has.",
		  .type = meta },
	};

	rk_assert(meta != NULL);
	memcpy(props, own, sizeof own);
	return RK_COUNT(own);
}

static bool is_meta(struct rk_span name)
{
	return rk_span_is(name, "apiVersion") || rk_span_is(name, "kind") ||
	       rk_span_is(name, "metadata");
}

static const struct rk_type *object_type(struct rk_custom *custom, const struct rk_structure *rule,
					 const char *name, bool is_object)
{
	struct rk_type *type = rk_arena_zalloc(&custom->arena, sizeof *type);
	struct rk_prop *props =
		rk_arena_zalloc(&custom->arena, (rule->field_count + 4) * sizeof *props);
	uint32_t count = is_object ? meta_props(custom, props) : 0;

	for (uint32_t i = 0; i < rule->field_count; i++) {
		if (is_object && is_meta(rule->fields[i].name))
			continue;
		props[count].name = rk_arena_str(&custom->arena, rule->fields[i].name);
		fill_prop(custom, rule->fields[i].rule, &props[count++]);
	}
	for (uint32_t i = 0; i < rule->required_count; i++)
		for (uint32_t n = 0; n < count; n++)
			props[n].is_required |= rk_span_is(rule->required[i], props[n].name);
	qsort(props, count, sizeof *props, by_name);
	*type = (struct rk_type){ .name = name,
				  .schema = "",
				  .doc = rule->doc,
				  .kind = RK_TYPE_OBJECT,
				  .prop_count = count,
				  .props = props,
				  .is_atomic = rule->is_atomic };
	return type;
}

static const struct rk_type *type_of(struct rk_custom *custom, const struct rk_structure *rule,
				     const char *name)
{
	if (rule->int_or_string)
		return &int_or_string;
	if (rule->type == RK_STRUCTURE_OBJECT && (rule->field_count > 0 || rule->is_embedded))
		return object_type(custom, rule, name, rule->is_embedded);
	return &scalars[rule->type];
}

/* --- kinds --- */

static const struct rk_jsonpath *path_of(struct rk_custom *custom, struct rk_span where)
{
	struct rk_jsonpath *path = NULL;

	return rk_jsonpath_parse_one(&custom->arena, where, &path, NULL) == RK_OK ? path : NULL;
}

static struct rk_column column(struct rk_custom *custom, const struct rk_val *from)
{
	return (struct rk_column){
		.name = text(custom, from, "name"),
		.type = text(custom, from, "type"),
		.format = text(custom, from, "format"),
		.doc = text(custom, from, "description"),
		.priority = (int)rk_val_int_at(from, "priority", 0),
		.path = path_of(custom, rk_val_text_at(from, "jsonPath")),
	};
}

/* Name first; Age when the definition names no columns. */
static void fill_columns(struct rk_custom *custom, const struct rk_val *version,
			 struct rk_kind *kind)
{
	static const struct rk_column name = { .name = "Name",
					       .type = "string",
					       .format = "name",
					       .doc = "Its name, unique in the namespace." };
	static const struct rk_column age = {
		.name = "Age", .type = "date", .format = "", .doc = "How long ago it was made."
	};
	const struct rk_val *own = rk_val_at(version, "additionalPrinterColumns");
	struct rk_column *columns =
		rk_arena_zalloc(&custom->arena, (rk_val_count(own) + 2) * sizeof *columns);

	columns[kind->column_count++] = name;
	for (uint32_t i = 0; i < rk_val_count(own); i++)
		columns[kind->column_count++] = column(custom, rk_val_item(own, i));
	if (rk_val_count(own) == 0) {
		columns[kind->column_count] = age;
		columns[kind->column_count++].path =
			path_of(custom, RK_SPAN(".metadata.creationTimestamp"));
	}
	kind->columns = columns;
}

/* ".spec.replicas" as the dotted path "spec.replicas". */
static const char *dotted(struct rk_custom *custom, struct rk_span path)
{
	if (path.size > 0 && path.data[0] == '.')
		path = rk_span_sub(path, 1, path.size - 1);
	return path.size > 0 ? rk_arena_str(&custom->arena, path) : NULL;
}

static void fill_subresources(struct rk_custom *custom, const struct rk_val *version,
			      struct rk_kind *kind, struct rk_custom_kind *own)
{
	const struct rk_val *scale = rk_val_at(version, "subresources.scale");
	const char **subs = rk_arena_zalloc(&custom->arena, 3 * sizeof *subs);
	size_t count = 0;

	kind->has_status = rk_val_at(version, "subresources.status") != NULL;
	kind->has_scale = scale != NULL;
	if (kind->has_scale)
		subs[count++] = "scale";
	if (kind->has_status)
		subs[count++] = "status";
	kind->subresources = subs;
	own->scale_spec = dotted(custom, rk_val_text_at(scale, "specReplicasPath"));
	own->scale_status = dotted(custom, rk_val_text_at(scale, "statusReplicasPath"));
	own->scale_selector = dotted(custom, rk_val_text_at(scale, "labelSelectorPath"));
}

static const char *const *fields_of(struct rk_custom *custom, const struct rk_val *version)
{
	const struct rk_val *list = rk_val_at(version, "selectableFields");
	const char **made =
		rk_arena_zalloc(&custom->arena, (rk_val_count(list) + 1) * sizeof *made);
	size_t count = 0;

	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		made[count] = dotted(custom, rk_val_text_at(rk_val_item(list, i), "jsonPath"));
		count += made[count] != NULL;
	}
	return made;
}

/* "example.com", "v1", "Widget": "com.example.v1.Widget". */
static const char *schema_name(struct rk_custom *custom, const struct rk_kind *kind)
{
	struct rk_buf out = { 0 };
	const char *end = kind->group + strlen(kind->group);

	while (end > kind->group) {
		const char *start = end;
		while (start > kind->group && start[-1] != '.')
			start--;
		rk_buf_printf(&out, "%.*s.", (int)(end - start), start);
		end = start > kind->group ? start - 1 : start;
	}
	rk_buf_printf(&out, "%s.%s", kind->version, kind->kind);
	const char *name = rk_arena_str(&custom->arena, rk_buf_span(&out));
	rk_buf_done(&out);
	return name;
}

static void fill_kind(struct rk_custom *custom, const struct rk_val *version,
		      const struct rk_structure *rules, struct rk_kind *kind)
{
	static const char *const verbs[] = { "create", "delete", "deletecollection",
					     "get",    "list",   "patch",
					     "update", "watch",  NULL };
	const struct rk_val *spec = rk_val_at(custom->definition, "spec");
	struct rk_custom_kind *own = rk_arena_zalloc(&custom->arena, sizeof *own);

	kind->group = text(custom, spec, "group");
	kind->version = text(custom, version, "name");
	kind->api_version = rk_arena_printf(&custom->arena, "%s/%s", kind->group, kind->version);
	kind->kind = text(custom, spec, "names.kind");
	kind->list_kind = text(custom, spec, "names.listKind");
	kind->plural = text(custom, spec, "names.plural");
	kind->singular = text(custom, spec, "names.singular");
	kind->resource = rk_arena_printf(&custom->arena, "%s.%s", kind->plural, kind->group);
	kind->short_names = texts(custom, rk_val_at(spec, "names.shortNames"), NULL);
	kind->categories = texts(custom, rk_val_at(spec, "names.categories"), NULL);
	kind->fields = fields_of(custom, version);
	kind->verbs = verbs;
	kind->namespaced = rk_span_is(rk_val_text_at(spec, "scope"), "Namespaced");
	own->rules = rules;
	own->schema = rk_val_at(version, "schema.openAPIV3Schema");
	own->is_deprecated = rk_val_bool_at(version, "deprecated", false);
	own->warning = rk_val_text_at(version, "deprecationWarning").size > 0
			       ? text(custom, version, "deprecationWarning")
			       : rk_arena_printf(&custom->arena, "%s %s is deprecated",
						 kind->api_version, kind->kind);
	kind->custom = own;
	kind->counts_generation = true;
	fill_subresources(custom, version, kind, own);
	fill_columns(custom, version, kind);
	struct rk_type *type = rk_arena_zalloc(&custom->arena, sizeof *type);
	*type = *object_type(custom, rules, kind->kind, true);
	type->schema = schema_name(custom, kind);
	kind->type = type;
}

/* NULL when the schema does not compile. */
static struct rk_kind *make_kind(struct rk_custom *custom, const struct rk_val *version)
{
	const struct rk_check check = { .arena = &custom->arena, .causes = rk_val_list(&custom->arena) };
	struct rk_structures *rules = &custom->rules[custom->rules_count];
	struct rk_kind *kind = &custom->kinds[custom->rules_count++];

	rk_structures_compile(&custom->arena, &check, NULL,
			      rk_val_at(version, "schema.openAPIV3Schema"), rules);
	if (rk_val_count(check.causes) > 0)
		return NULL;
	fill_kind(custom, version, rules->root, kind);
	return kind;
}

static bool is_stored(const struct rk_val *version)
{
	return rk_val_bool_at(version, "storage", false);
}

static bool make_kinds(struct rk_custom *custom)
{
	const struct rk_val *versions = rk_val_at(custom->definition, "spec.versions");
	const uint32_t count = rk_val_count(versions);
	const struct rk_kind *stored = NULL;

	custom->kinds = rk_arena_zalloc(&custom->arena, (count + 1) * sizeof *custom->kinds);
	custom->rules = rk_arena_zalloc(&custom->arena, (count + 1) * sizeof *custom->rules);
	for (int pass = 0; pass < 2;
	     pass++) { /* those that are served, then perhaps that of the store */
		for (uint32_t i = 0; i < count; i++) {
			const struct rk_val *version = rk_val_item(versions, i);
			const bool served = rk_val_bool_at(version, "served", false);
			if (pass == 0 ? !served : served || !is_stored(version))
				continue;
			const struct rk_kind *kind = make_kind(custom, version);
			if (kind == NULL)
				return false;
			custom->kind_count += served;
			stored = is_stored(version) ? kind : stored;
		}
	}
	for (size_t i = 0; i < custom->rules_count; i++)
		custom->kinds[i].stored = stored;
	return custom->kind_count > 0 && stored != NULL;
}

struct rk_custom *rk_custom_new(const struct rk_kinds *base, struct rk_span doc)
{
	struct rk_custom *custom = rk_zalloc(sizeof *custom);
	struct rk_val *definition = NULL;

	atomic_init(&custom->refs, 1);
	custom->base = base;
	if (rk_doc_read(&custom->arena, rk_arena_span(&custom->arena, doc), &definition) < 0)
		return rk_custom_unref(custom);
	custom->definition = definition;
	return make_kinds(custom) ? custom : rk_custom_unref(custom);
}

struct rk_custom *rk_custom_ref(struct rk_custom *custom)
{
	(void)atomic_fetch_add_explicit(&custom->refs, 1, memory_order_relaxed);
	return custom;
}

struct rk_custom *rk_custom_unref(struct rk_custom *custom)
{
	if (custom == NULL || atomic_fetch_sub_explicit(&custom->refs, 1, memory_order_acq_rel) > 1)
		return NULL;
	for (size_t i = 0; i < custom->rules_count; i++)
		rk_structures_done(&custom->rules[i]);
	rk_arena_done(&custom->arena);
	free(custom);
	return NULL;
}

const struct rk_kind *rk_custom_kinds(const struct rk_custom *custom, size_t *ret_count)
{
	*ret_count = custom->kind_count;
	return custom->kinds;
}
