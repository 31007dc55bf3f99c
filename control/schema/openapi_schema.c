/* Types as OpenAPI schemas. */
#include "base/mem.h"
#include "control/schema/openapi.h"

static void add_type(struct rk_openapi_doc *doc, const struct rk_type *type);

struct rk_openapi_doc rk_openapi_begin(struct rk_arena *arena, const struct rk_kinds *kinds,
				       enum rk_openapi form)
{
	return (struct rk_openapi_doc){ .arena = arena,
					.kinds = kinds,
					.form = form,
					.seen = rk_arena_zalloc(arena, rk_types_count(kinds)),
					.schemas = rk_val_map(arena),
					.paths = rk_val_map(arena) };
}

struct rk_val *rk_openapi_info(struct rk_arena *arena)
{
	struct rk_val *info = rk_val_map(arena);

	rk_val_put_cstr(arena, info, "title", "Kubernetes");
	rk_val_put_cstr(arena, info, "version", "v1.31.0");
	return info;
}

struct rk_val *rk_openapi_ref(const struct rk_openapi_doc *doc, const char *schema)
{
	struct rk_val *val = rk_val_map(doc->arena);
	const char *where = doc->form == RK_OPENAPI_V3 ? "#/components/schemas/" : "#/definitions/";

	rk_val_put(doc->arena, val, "$ref", rk_val_strf(doc->arena, "%s%s", where, schema));
	return val;
}

struct rk_val *rk_openapi_gvk(struct rk_arena *arena, const char *group, const char *version,
			      const char *kind)
{
	struct rk_val *val = rk_val_map(arena);

	rk_val_put_cstr(arena, val, "group", group);
	rk_val_put_cstr(arena, val, "kind", kind);
	rk_val_put_cstr(arena, val, "version", version);
	return val;
}

static void put_text(struct rk_arena *arena, struct rk_val *map, const char *key, const char *text)
{
	if (text[0] != 0)
		rk_val_put_cstr(arena, map, key, text);
}

static void put_texts(struct rk_arena *arena, struct rk_val *map, const char *key,
		      const char *const *texts)
{
	struct rk_val *list = rk_val_list(arena);

	if (texts == NULL)
		return;
	for (size_t i = 0; texts[i] != NULL; i++)
		rk_val_append(arena, list, rk_val_cstr(arena, texts[i]));
	rk_val_put(arena, map, key, list);
}

static struct rk_val *scalar(struct rk_arena *arena, const char *type, const char *format)
{
	struct rk_val *val = rk_val_map(arena);

	rk_val_put_cstr(arena, val, "type", type);
	put_text(arena, val, "format", format);
	return val;
}

static struct rk_val *texts(struct rk_arena *arena)
{
	struct rk_val *val = scalar(arena, "array", "");

	rk_val_put(arena, val, "items", scalar(arena, "string", ""));
	return val;
}

/* What is kept as it is: an object, or any value at all. */
static struct rk_val *anything(struct rk_arena *arena, const struct rk_type *type)
{
	struct rk_val *val = rk_val_map(arena);

	if (strcmp(type->name, "raw") == 0)
		return scalar(arena, "object", "");
	rk_val_put_cstr(arena, val, "description", "Any JSON value.");
	return val;
}

/* A value of the type: by reference where the type has a name of its own. */
static struct rk_val *one(struct rk_openapi_doc *doc, const struct rk_type *type)
{
	switch (type->kind) {
	case RK_TYPE_ANY:
		if (type->schema[0] == 0)
			return scalar(doc->arena, "object", "");
		break;
	case RK_TYPE_BOOL: return scalar(doc->arena, "boolean", "");
	case RK_TYPE_INT32: return scalar(doc->arena, "integer", "int32");
	case RK_TYPE_INT64: return scalar(doc->arena, "integer", "int64");
	case RK_TYPE_STRING: return scalar(doc->arena, "string", "");
	case RK_TYPE_BYTES: return scalar(doc->arena, "string", "byte");
	case RK_TYPE_NUMBER: return scalar(doc->arena, "number", "double");
	case RK_TYPE_STRINGS: return texts(doc->arena);
	case RK_TYPE_TIME:
	case RK_TYPE_MICRO_TIME:
	case RK_TYPE_QUANTITY:
	case RK_TYPE_INT_OR_STRING:
	case RK_TYPE_OBJECT: break;
	}
	add_type(doc, type);
	return rk_openapi_ref(doc, type->schema);
}

static void put_patch(struct rk_arena *arena, struct rk_val *val, const struct rk_prop *prop)
{
	static const char *const strategies[] = { "", "merge", "retainKeys", "merge,retainKeys" };
	static const char *const list_types[] = { "atomic", "map", "set" };

	if (prop->shape == RK_SHAPE_LIST) {
		put_texts(arena, val, "x-kubernetes-list-map-keys", prop->keys);
		rk_val_put_cstr(arena, val, "x-kubernetes-list-type", list_types[prop->list_type]);
	}
	if (prop->is_atomic)
		rk_val_put_cstr(arena, val, "x-kubernetes-map-type", "atomic");
	if (prop->patch_key != NULL)
		rk_val_put_cstr(arena, val, "x-kubernetes-patch-merge-key", prop->patch_key);
	put_text(arena, val, "x-kubernetes-patch-strategy", strategies[prop->patch]);
}

static struct rk_val *field(struct rk_openapi_doc *doc, const struct rk_prop *prop)
{
	struct rk_arena *arena = doc->arena;
	struct rk_val *item = one(doc, prop->type), *val = rk_val_map(arena);
	const bool is_ref = rk_val_at(item, "$ref") != NULL;

	if (doc->form == RK_OPENAPI_V3 && prop->shape != RK_SHAPE_MAP && prop->choices != NULL &&
	    !is_ref)
		put_texts(arena, item, "enum", prop->choices);
	put_text(arena, val, "description", prop->doc);
	if (doc->form == RK_OPENAPI_V3 && prop->preset != NULL)
		rk_val_put(arena, val, "default", rk_val_copy(arena, prop->preset));
	if (prop->shape == RK_SHAPE_LIST) {
		rk_val_put_cstr(arena, val, "type", "array");
		rk_val_put(arena, val, "items", item);
	} else if (prop->shape == RK_SHAPE_MAP) {
		rk_val_put_cstr(arena, val, "type", "object");
		rk_val_put(arena, val, "additionalProperties", item);
	} else if (is_ref && doc->form == RK_OPENAPI_V3) {
		/* In v3 nothing may stand beside a $ref. */
		struct rk_val *all = rk_val_list(arena);
		rk_val_append(arena, all, item);
		rk_val_put(arena, val, "allOf", all);
	} else {
		for (uint32_t i = 0; i < item->count; i++)
			rk_val_set(arena, val, item->fields[i].key, item->fields[i].val);
	}
	put_patch(arena, val, prop);
	return val;
}

static struct rk_val *object(struct rk_openapi_doc *doc, const struct rk_type *type)
{
	struct rk_arena *arena = doc->arena;
	struct rk_val *val = rk_val_map(arena), *properties = rk_val_map(arena),
		      *required = rk_val_list(arena);

	put_text(arena, val, "description", type->doc);
	for (uint32_t i = 0; i < type->prop_count; i++) {
		rk_val_put(arena, properties, type->props[i].name, field(doc, &type->props[i]));
		if (type->props[i].is_required)
			rk_val_append(arena, required, rk_val_cstr(arena, type->props[i].name));
	}
	if (required->count > 0)
		rk_val_put(arena, val, "required", required);
	rk_val_put_cstr(arena, val, "type", "object");
	rk_val_put(arena, val, "properties", properties);
	if (type->is_atomic)
		rk_val_put_cstr(arena, val, "x-kubernetes-map-type", "atomic");
	return val;
}

/* Types that are written as a number or as text. */
static struct rk_val *either(struct rk_openapi_doc *doc, const char *number, const char *format)
{
	struct rk_val *val, *choices;

	if (doc->form == RK_OPENAPI_V2)
		return scalar(doc->arena, "string", format);
	val = rk_val_map(doc->arena);
	choices = rk_val_list(doc->arena);
	put_text(doc->arena, val, "format", format);
	rk_val_append(doc->arena, choices, scalar(doc->arena, number, ""));
	rk_val_append(doc->arena, choices, scalar(doc->arena, "string", ""));
	rk_val_put(doc->arena, val, "oneOf", choices);
	return val;
}

static void add_type(struct rk_openapi_doc *doc, const struct rk_type *type)
{
	struct rk_val *val;

	if (doc->seen[type->index] || type->schema[0] == 0)
		return;
	doc->seen[type->index] = true; /* before its fields: types may refer to themselves */
	switch (type->kind) {
	case RK_TYPE_TIME:
	case RK_TYPE_MICRO_TIME: val = scalar(doc->arena, "string", "date-time"); break;
	case RK_TYPE_QUANTITY: val = either(doc, "number", ""); break;
	case RK_TYPE_INT_OR_STRING: val = either(doc, "integer", "int-or-string"); break;
	case RK_TYPE_OBJECT: val = object(doc, type); break;
	case RK_TYPE_ANY: val = anything(doc->arena, type); break;
	case RK_TYPE_NUMBER:
	case RK_TYPE_STRINGS:
	case RK_TYPE_BOOL:
	case RK_TYPE_INT32:
	case RK_TYPE_INT64:
	case RK_TYPE_STRING:
	case RK_TYPE_BYTES:
	default: return;
	}
	rk_val_put(doc->arena, doc->schemas, type->schema, val);
}

static void put_gvk(struct rk_openapi_doc *doc, const char *schema, const char *group,
		    const char *version, const char *kind)
{
	struct rk_val *list = rk_val_list(doc->arena);
	struct rk_val *val = rk_val_get(doc->schemas, rk_span_str(schema));

	rk_val_append(doc->arena, list, rk_openapi_gvk(doc->arena, group, version, kind));
	if (val != NULL)
		rk_val_put(doc->arena, val, "x-kubernetes-group-version-kind", list);
}

static void add_list(struct rk_openapi_doc *doc, const struct rk_kind *kind)
{
	struct rk_arena *arena = doc->arena;
	const char *name = rk_arena_printf(arena, "%sList", kind->type->schema);
	const struct rk_type *meta = rk_types_by_name(doc->kinds, RK_SPAN("ListMeta"));
	struct rk_val *val = rk_val_map(arena), *properties = rk_val_map(arena),
		      *items = rk_val_map(arena);
	struct rk_val *required = rk_val_list(arena);

	rk_val_put_cstr(arena, items, "type", "array");
	rk_val_put(arena, items, "items", rk_openapi_ref(doc, kind->type->schema));
	rk_val_put(arena, properties, "apiVersion", scalar(arena, "string", ""));
	rk_val_put(arena, properties, "items", items);
	rk_val_put(arena, properties, "kind", scalar(arena, "string", ""));
	if (meta != NULL)
		rk_val_put(arena, properties, "metadata", one(doc, meta));
	rk_val_append(arena, required, rk_val_cstr(arena, "items"));
	rk_val_put(arena, val, "description", rk_val_strf(arena, "A list of %s.", kind->plural));
	rk_val_put(arena, val, "required", required);
	rk_val_put_cstr(arena, val, "type", "object");
	rk_val_put(arena, val, "properties", properties);
	rk_val_put(arena, doc->schemas, name, val);
	put_gvk(doc, name, kind->group, kind->version, kind->list_kind);
}

void rk_openapi_add(struct rk_openapi_doc *doc, const struct rk_kind *kind)
{
	if (kind->custom != NULL) {
		(void)one(doc, rk_types_by_name(doc->kinds, RK_SPAN("ObjectMeta")));
		rk_val_put(doc->arena, doc->schemas, kind->type->schema, rk_openapi_custom(doc, kind));
	} else {
		add_type(doc, kind->type);
	}
	put_gvk(doc, kind->type->schema, kind->group, kind->version, kind->kind);
	add_list(doc, kind);
	rk_openapi_add_paths(doc, kind);
}

void rk_openapi_add_common(struct rk_openapi_doc *doc)
{
	static const struct {
		const char *type, *group, *version;
	} common[] = {
		{ "Binding", "", "v1" },          { "DeleteOptions", "", "v1" },
		{ "Eviction", "policy", "v1" },   { "Status", "", "v1" },
		{ "Scale", "autoscaling", "v1" }, { "TokenRequest", "authentication.k8s.io", "v1" },
	};

	for (size_t i = 0; i < RK_COUNT(common); i++) {
		const struct rk_type *type =
			rk_types_by_name(doc->kinds, rk_span_str(common[i].type));
		if (type == NULL)
			continue;
		add_type(doc, type);
		put_gvk(doc, type->schema, common[i].group, common[i].version, common[i].type);
	}
}
