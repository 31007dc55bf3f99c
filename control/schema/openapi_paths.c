/* The operations of kinds: what clients look at to learn whether a server knows dryRun and
 * fieldValidation. */
#include "base/mem.h"
#include "control/schema/openapi.h"

struct verb {
	const char *method, *action;
	bool takes_body, writes;
};

static const struct verb of_collection[] = { { "get", "list", false, false },
					     { "post", "post", true, true } };
static const struct verb of_object[] = { { "get", "get", false, false },
					 { "put", "put", true, true },
					 { "patch", "patch", true, true },
					 { "delete", "delete", false, false } };

static struct rk_val *parameter(const struct rk_openapi_doc *doc, const char *name, const char *in,
				const char *text)
{
	struct rk_val *val = rk_val_map(doc->arena), *holder = val;

	rk_val_put_cstr(doc->arena, val, "name", name);
	rk_val_put_cstr(doc->arena, val, "in", in);
	rk_val_put_cstr(doc->arena, val, "description", text);
	if (strcmp(in, "path") == 0)
		rk_val_put_bool(doc->arena, val, "required", true);
	if (doc->form == RK_OPENAPI_V3) {
		holder = rk_val_map(doc->arena);
		rk_val_put(doc->arena, val, "schema", holder);
	}
	rk_val_put_cstr(doc->arena, holder, "type", "string");
	rk_val_put_bool(doc->arena, holder, "uniqueItems", true);
	return val;
}

static struct rk_val *content(const struct rk_openapi_doc *doc, const char *type,
			      const char *schema)
{
	struct rk_val *all = rk_val_map(doc->arena), *one = rk_val_map(doc->arena);

	rk_val_put(doc->arena, one, "schema", rk_openapi_ref(doc, schema));
	rk_val_put(doc->arena, all, type, one);
	return all;
}

static const char *const patch_types[] = { "application/json-patch+json",
					   "application/merge-patch+json",
					   "application/strategic-merge-patch+json" };

static void put_body(const struct rk_openapi_doc *doc, struct rk_val *operation,
		     struct rk_val *parameters, const struct rk_kind *kind, const struct verb *verb)
{
	struct rk_arena *arena = doc->arena;
	const bool is_patch = strcmp(verb->method, "patch") == 0;
	struct rk_val *body = rk_val_map(arena);

	rk_val_put_bool(arena, body, "required", true);
	if (doc->form == RK_OPENAPI_V3) {
		struct rk_val *all = rk_val_map(arena), *any = rk_val_map(arena),
			      *object = rk_val_map(arena);
		rk_val_put_cstr(arena, object, "type", "object");
		rk_val_put(arena, any, "schema", object);
		for (size_t i = 0; is_patch && i < RK_COUNT(patch_types); i++)
			rk_val_put(arena, all, patch_types[i], any);
		rk_val_put(arena, body, "content",
			   is_patch ? all : content(doc, "application/json", kind->type->schema));
		rk_val_put(arena, operation, "requestBody", body);
		return;
	}
	struct rk_val *consumes = rk_val_list(arena), *object = rk_val_map(arena);
	for (size_t i = 0; is_patch && i < RK_COUNT(patch_types); i++)
		rk_val_append(arena, consumes, rk_val_cstr(arena, patch_types[i]));
	if (!is_patch)
		rk_val_append(arena, consumes, rk_val_cstr(arena, "*/*"));
	rk_val_put_cstr(arena, object, "type", "object");
	rk_val_put_cstr(arena, body, "name", "body");
	rk_val_put_cstr(arena, body, "in", "body");
	rk_val_put(arena, body, "schema",
		   is_patch ? object : rk_openapi_ref(doc, kind->type->schema));
	rk_val_append(arena, parameters, body);
	rk_val_put(arena, operation, "consumes", consumes);
}

static void put_responses(const struct rk_openapi_doc *doc, struct rk_val *operation,
			  const char *schema)
{
	struct rk_val *responses = rk_val_map(doc->arena), *ok = rk_val_map(doc->arena);

	rk_val_put_cstr(doc->arena, ok, "description", "OK");
	if (doc->form == RK_OPENAPI_V3)
		rk_val_put(doc->arena, ok, "content", content(doc, "application/json", schema));
	else
		rk_val_put(doc->arena, ok, "schema", rk_openapi_ref(doc, schema));
	rk_val_put(doc->arena, responses, "200", ok);
	rk_val_put(doc->arena, operation, "responses", responses);
}

static struct rk_val *operation_of(const struct rk_openapi_doc *doc, const struct rk_kind *kind,
				   const struct verb *verb)
{
	struct rk_arena *arena = doc->arena;
	struct rk_val *operation = rk_val_map(arena), *parameters = rk_val_list(arena);
	const bool is_list = strcmp(verb->action, "list") == 0,
		   is_delete = strcmp(verb->method, "delete") == 0;
	const char *scope = kind->namespaced ? "Namespaced" : "";
	const struct rk_type *status = rk_types_by_name(doc->kinds, RK_SPAN("Status"));
	const char *schema =
		is_list ? rk_arena_printf(arena, "%sList", kind->type->schema) : kind->type->schema;

	rk_val_put(arena, operation, "operationId",
		   rk_val_strf(arena, "%s%s%s%s", verb->action, scope, kind->kind, kind->group));
	if (verb->takes_body)
		put_body(doc, operation, parameters, kind, verb);
	if (verb->writes || is_delete)
		rk_val_append(
			arena, parameters,
			parameter(doc, "dryRun", "query", "All: do everything but store nothing."));
	if (verb->writes) {
		rk_val_append(arena, parameters,
			      parameter(doc, "fieldManager", "query", "Who makes the change."));
		rk_val_append(arena, parameters,
			      parameter(doc, "fieldValidation", "query",
					"Ignore, Warn or Strict, for unknown fields."));
	}
	rk_val_put(arena, operation, "parameters", parameters);
	put_responses(doc, operation, is_delete && status != NULL ? status->schema : schema);
	rk_val_put_cstr(arena, operation, "x-kubernetes-action", verb->action);
	rk_val_put(arena, operation, "x-kubernetes-group-version-kind",
		   rk_openapi_gvk(arena, kind->group, kind->version, kind->kind));
	return operation;
}

static void add_path(struct rk_openapi_doc *doc, const struct rk_kind *kind, const char *path,
		     const struct verb *verbs, size_t count, bool has_name)
{
	struct rk_val *item = rk_val_map(doc->arena), *parameters = rk_val_list(doc->arena);

	for (size_t i = 0; i < count; i++)
		rk_val_put(doc->arena, item, verbs[i].method, operation_of(doc, kind, &verbs[i]));
	if (has_name)
		rk_val_append(doc->arena, parameters,
			      parameter(doc, "name", "path", "Name of the object."));
	if (kind->namespaced)
		rk_val_append(doc->arena, parameters,
			      parameter(doc, "namespace", "path", "Its namespace."));
	if (parameters->count > 0)
		rk_val_put(doc->arena, item, "parameters", parameters);
	rk_val_put(doc->arena, doc->paths, path, item);
}

void rk_openapi_add_paths(struct rk_openapi_doc *doc, const struct rk_kind *kind)
{
	const char *base = rk_arena_printf(
		doc->arena, "/%s%s/%s%s", kind->group[0] ? "apis/" : "api", kind->group,
		kind->version, kind->namespaced ? "/namespaces/{namespace}" : "");
	const char *collection = rk_arena_printf(doc->arena, "%s/%s", base, kind->plural);

	add_path(doc, kind, collection, of_collection, RK_COUNT(of_collection), false);
	add_path(doc, kind, rk_arena_printf(doc->arena, "%s/{name}", collection), of_object,
		 RK_COUNT(of_object), true);
}
