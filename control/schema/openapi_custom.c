/* Custom kinds in OpenAPI: the schema of the definition, with what every object has. Version 2
 * knows less than definitions may say; what it cannot say is left out, as upstream does. */
#include "control/schema/openapi.h"

static bool is_beyond_v2(struct rk_span key)
{
	static const char *const keys[] = {
		"oneOf", "anyOf", "allOf", "not", "nullable", "default"
	};

	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		if (rk_span_is(key, keys[i]))
			return true;
	return false;
}

/* Version 2 cannot speak of what is one of two types, or anything. */
static bool is_loose(const struct rk_val *schema)
{
	return rk_val_bool_at(schema, "x-kubernetes-int-or-string", false) ||
	       rk_val_bool_at(schema, "x-kubernetes-preserve-unknown-fields", false) ||
	       rk_val_bool_at(schema, "nullable", false);
}

static struct rk_val *simpler(struct rk_arena *arena, const struct rk_val *schema);

static struct rk_val *simpler_each(struct rk_arena *arena, const struct rk_val *schemas)
{
	struct rk_val *val = rk_val_map(arena);

	for (uint32_t i = 0; i < rk_val_count(schemas); i++)
		rk_val_set(arena, val, schemas->fields[i].key,
			   simpler(arena, schemas->fields[i].val));
	return val;
}

static struct rk_val *simpler(struct rk_arena *arena, const struct rk_val *schema)
{
	struct rk_val *val = rk_val_map(arena);

	for (uint32_t i = 0; rk_val_is(schema, RK_VAL_MAP) && i < schema->count; i++) {
		const struct rk_span key = schema->fields[i].key;
		struct rk_val *part = schema->fields[i].val;
		const bool is_structure =
			rk_span_is(key, "type") || rk_span_is(key, "properties") ||
			rk_span_is(key, "items") || rk_span_is(key, "additionalProperties");
		if (is_beyond_v2(key) || (is_structure && is_loose(schema)))
			continue;
		if (rk_span_is(key, "properties"))
			part = simpler_each(arena, part);
		else if (is_structure && rk_val_is(part, RK_VAL_MAP))
			part = simpler(arena, part);
		rk_val_set(arena, val, key, part);
	}
	return val;
}

static struct rk_val *text(struct rk_arena *arena, const char *doc)
{
	struct rk_val *val = rk_val_map(arena);

	rk_val_put_cstr(arena, val, "description", doc);
	rk_val_put_cstr(arena, val, "type", "string");
	return val;
}

struct rk_val *rk_openapi_custom(const struct rk_openapi_doc *doc, const struct rk_kind *kind)
{
	struct rk_arena *arena = doc->arena;
	const struct rk_type *meta = rk_types_by_name(doc->kinds, RK_SPAN("ObjectMeta"));
	struct rk_val *val = doc->form == RK_OPENAPI_V2 ? simpler(arena, kind->custom->schema)
							: rk_val_copy(arena, kind->custom->schema);

	rk_val_put_cstr(arena, val, "type", "object");
	struct rk_val *fields = rk_val_make(arena, val, "properties");
	rk_val_put(arena, fields, "apiVersion", text(arena, "Group and version of this form."));
	rk_val_put(arena, fields, "kind", text(arena, "What it is."));
	rk_val_put(arena, fields, "metadata", rk_openapi_ref(doc, meta->schema));
	return val;
}
