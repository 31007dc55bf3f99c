/* The operations of kinds: what clients look at to learn whether a server knows dryRun and
 * fieldValidation, and what others make their code from. */
#include <ctype.h>

#include "base/buf.h"
#include "base/mem.h"
#include "control/schema/openapi.h"
#include "control/schema/subresource.h"

struct operation {
	const char *verb, *method;
	const char *action; /* x-kubernetes-action */
	const char *word;   /* in the operation's id */
	const char *behind; /* in the id, before what it is about */
	bool takes_body, writes, is_list;
};

static const struct operation of_collection[] = {
	{ "list", "get", "list", "list", "", false, false, true },
	{ "create", "post", "post", "create", "", true, true, false },
	{ "deletecollection", "delete", "deletecollection", "delete", "Collection", false, false, true },
};
static const struct operation of_all[] = {
	{ "list", "get", "list", "list", "", false, false, true },
};
static const struct operation of_object[] = {
	{ "get", "get", "get", "read", "", false, false, false },
	{ "update", "put", "put", "replace", "", true, true, false },
	{ "patch", "patch", "patch", "patch", "", true, true, false },
	{ "delete", "delete", "delete", "delete", "", false, false, false },
};
static const struct operation of_subresource[] = {
	{ "get", "get", "get", "read", "", false, false, false },
	{ "create", "post", "post", "create", "", true, true, false },
	{ "update", "put", "put", "replace", "", true, true, false },
	{ "patch", "patch", "patch", "patch", "", true, true, false },
};
static const struct operation of_stream[] = {
	{ "get", "get", "connect", "connect", "Get", false, false, false },
	{ "create", "post", "connect", "connect", "Post", false, false, false },
	{ "update", "put", "connect", "connect", "Put", false, false, false },
	{ "patch", "patch", "connect", "connect", "Patch", false, false, false },
	{ "delete", "delete", "connect", "connect", "Delete", false, false, false },
};

struct subject { /* what the operations of a path are about */
	const struct rk_kind *kind;
	const char *group, *version, *speaks; /* the kind that comes and goes */
	const char *schema;                   /* its schema; NULL: text */
	const char *scope, *tail;             /* in ids: before and behind the kind */
	bool has_namespace, has_name;
};

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

static struct rk_val *schema_of(const struct rk_openapi_doc *doc, const char *schema)
{
	if (schema != NULL)
		return rk_openapi_ref(doc, schema);
	struct rk_val *text = rk_val_map(doc->arena);
	rk_val_put_cstr(doc->arena, text, "type", "string");
	return text;
}

static struct rk_val *content(const struct rk_openapi_doc *doc, const char *type,
			      const char *schema)
{
	struct rk_val *all = rk_val_map(doc->arena), *one = rk_val_map(doc->arena);

	rk_val_put(doc->arena, one, "schema", schema_of(doc, schema));
	rk_val_put(doc->arena, all, schema != NULL ? type : "*/*", one);
	return all;
}

static const char *const patch_types[] = { "application/json-patch+json",
					   "application/merge-patch+json",
					   "application/apply-patch+yaml",
					   "application/strategic-merge-patch+json" };

/* Strategic merge patches are of the kinds that are built in. */
static size_t patch_count(const struct rk_kind *kind)
{
	return RK_COUNT(patch_types) - (kind->custom != NULL);
}

static void put_body(const struct rk_openapi_doc *doc, struct rk_val *operation,
		     struct rk_val *parameters, const struct subject *subject, bool is_patch)
{
	struct rk_arena *arena = doc->arena;
	const size_t types = patch_count(subject->kind);
	struct rk_val *body = rk_val_map(arena), *object = rk_val_map(arena);

	rk_val_put_bool(arena, body, "required", true);
	rk_val_put_cstr(arena, object, "type", "object");
	if (doc->form == RK_OPENAPI_V3) {
		struct rk_val *all = rk_val_map(arena), *any = rk_val_map(arena);
		rk_val_put(arena, any, "schema", object);
		for (size_t i = 0; is_patch && i < types; i++)
			rk_val_put(arena, all, patch_types[i], any);
		rk_val_put(arena, body, "content",
			   is_patch ? all : content(doc, "application/json", subject->schema));
		rk_val_put(arena, operation, "requestBody", body);
		return;
	}
	struct rk_val *consumes = rk_val_list(arena);
	for (size_t i = 0; is_patch && i < types; i++)
		rk_val_append(arena, consumes, rk_val_cstr(arena, patch_types[i]));
	if (!is_patch)
		rk_val_append(arena, consumes, rk_val_cstr(arena, "*/*"));
	rk_val_put_cstr(arena, body, "name", "body");
	rk_val_put_cstr(arena, body, "in", "body");
	rk_val_put(arena, body, "schema", is_patch ? object : schema_of(doc, subject->schema));
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
		rk_val_put(doc->arena, ok, "schema", schema_of(doc, schema));
	rk_val_put(doc->arena, responses, "200", ok);
	rk_val_put(doc->arena, operation, "responses", responses);
}

/* --- ids, as upstream makes them: listCoreV1NamespacedPod --- */

static void put_title(struct rk_buf *out, struct rk_span word)
{
	if (word.size > 0)
		rk_buf_put_u8(out, (uint8_t)toupper(word.data[0]));
	rk_buf_put_span(out, rk_span_sub(word, 1, word.size));
}

/* "" is Core, "networking.k8s.io" Networking, "rbac.authorization.k8s.io" RbacAuthorization. */
static void put_group(struct rk_buf *out, const char *group)
{
	static const char upstream[] = ".k8s.io";
	struct rk_span rest = group[0] != 0 ? rk_span_str(group) : RK_SPAN("core"), word;

	if (rk_span_ends(rest, RK_SPAN(upstream)))
		rest = rk_span_sub(rest, 0, rest.size - (sizeof upstream - 1));
	while (rest.size > 0) {
		rest = rk_span_cut(rest, '.', &word);
		put_title(out, word);
	}
}

static struct rk_val *id_of(struct rk_arena *arena, const struct subject *subject,
			    const struct operation *what)
{
	struct rk_buf out = { 0 };

	rk_buf_put_str(&out, what->word);
	put_group(&out, subject->kind->group);
	put_title(&out, rk_span_str(subject->kind->version));
	rk_buf_printf(&out, "%s%s%s", what->behind, subject->scope, subject->kind->kind);
	put_title(&out, rk_span_str(subject->tail));
	struct rk_val *id = rk_val_str(arena, rk_arena_span(arena, rk_buf_span(&out)));
	rk_buf_done(&out);
	return id;
}

/* --- operations --- */

static const char *answer_of(const struct rk_openapi_doc *doc, const struct subject *subject,
			     const struct operation *what)
{
	const struct rk_type *status = rk_types_by_name(doc->kinds, RK_SPAN("Status"));

	if (strcmp(what->action, "connect") == 0)
		return NULL;
	if (strcmp(what->method, "delete") == 0 && status != NULL)
		return status->schema;
	return what->is_list ? rk_arena_printf(doc->arena, "%sList", subject->schema)
			     : subject->schema;
}

static struct rk_val *operation_of(const struct rk_openapi_doc *doc, const struct subject *subject,
				   const struct operation *what)
{
	struct rk_arena *arena = doc->arena;
	struct rk_val *operation = rk_val_map(arena), *parameters = rk_val_list(arena);
	const bool is_delete = strcmp(what->action, "delete") == 0 ||
			       strcmp(what->action, "deletecollection") == 0;

	rk_val_put(arena, operation, "operationId", id_of(arena, subject, what));
	if (what->takes_body)
		put_body(doc, operation, parameters, subject, strcmp(what->method, "patch") == 0);
	if (what->writes || is_delete)
		rk_val_append(
			arena, parameters,
			parameter(doc, "dryRun", "query", "All: do everything but store nothing."));
	if (what->writes) {
		rk_val_append(arena, parameters,
			      parameter(doc, "fieldManager", "query", "Who makes the change."));
		rk_val_append(arena, parameters,
			      parameter(doc, "fieldValidation", "query",
					"Ignore, Warn or Strict, for unknown fields."));
	}
	rk_val_put(arena, operation, "parameters", parameters);
	put_responses(doc, operation, answer_of(doc, subject, what));
	rk_val_put_cstr(arena, operation, "x-kubernetes-action", what->action);
	rk_val_put(arena, operation, "x-kubernetes-group-version-kind",
		   rk_openapi_gvk(arena, subject->group, subject->version, subject->speaks));
	return operation;
}

static bool is_among(const char *const *verbs, const char *verb)
{
	while (*verbs != NULL && strcmp(*verbs, verb) != 0)
		verbs++;
	return *verbs != NULL;
}

static void add_path(struct rk_openapi_doc *doc, const struct subject *subject, const char *path,
		     const struct operation *all, size_t count, const char *const *verbs)
{
	struct rk_val *item = rk_val_map(doc->arena), *parameters = rk_val_list(doc->arena);

	for (size_t i = 0; i < count; i++)
		if (is_among(verbs, all[i].verb))
			rk_val_put(doc->arena, item, all[i].method,
				   operation_of(doc, subject, &all[i]));
	if (item->count == 0)
		return;
	if (subject->has_name)
		rk_val_append(doc->arena, parameters,
			      parameter(doc, "name", "path", "Name of the object."));
	if (subject->has_namespace)
		rk_val_append(doc->arena, parameters,
			      parameter(doc, "namespace", "path", "Its namespace."));
	if (parameters->count > 0)
		rk_val_put(doc->arena, item, "parameters", parameters);
	rk_val_put(doc->arena, doc->paths, path, item);
}

static void add_subresource(struct rk_openapi_doc *doc, const struct subject *object,
			    const char *path, const struct rk_subresource *sub)
{
	struct subject subject = *object;

	path = rk_arena_printf(doc->arena, "%s/%s", path, sub->name);
	subject.tail = sub->name;
	if (sub->kind != NULL) {
		subject.group = sub->group;
		subject.version = sub->version;
		subject.speaks = rk_subresource_kind(doc->arena, subject.kind, sub);
		const struct rk_type *type =
			rk_types_by_name(doc->kinds, rk_span_str(subject.speaks));
		subject.schema = type != NULL ? type->schema : NULL;
	}
	if (strcmp(sub->name, "log") == 0)
		subject.schema = NULL;
	if (sub->is_streamed)
		add_path(doc, &subject, path, of_stream, RK_COUNT(of_stream), sub->verbs);
	else
		add_path(doc, &subject, path, of_subresource, RK_COUNT(of_subresource), sub->verbs);
}

void rk_openapi_add_paths(struct rk_openapi_doc *doc, const struct rk_kind *kind)
{
	const char *root = rk_arena_printf(doc->arena, "/%s%s/%s", kind->group[0] ? "apis/" : "api",
					   kind->group, kind->version);
	const char *all = rk_arena_printf(doc->arena, "%s/%s", root, kind->plural);
	const char *collection =
		kind->namespaced ? rk_arena_printf(doc->arena, "%s/namespaces/{namespace}/%s", root,
						   kind->plural)
				 : all;
	const char *object = rk_arena_printf(doc->arena, "%s/{name}", collection);
	struct subject subject = { .kind = kind,
				   .group = kind->group,
				   .version = kind->version,
				   .speaks = kind->kind,
				   .schema = kind->type->schema,
				   .scope = "",
				   .tail = "" };

	if (kind->namespaced) {
		subject.tail = "ForAllNamespaces";
		add_path(doc, &subject, all, of_all, RK_COUNT(of_all), kind->verbs);
		subject.scope = "Namespaced";
		subject.tail = "";
	}
	subject.has_namespace = kind->namespaced;
	add_path(doc, &subject, collection, of_collection, RK_COUNT(of_collection), kind->verbs);
	subject.has_name = true;
	add_path(doc, &subject, object, of_object, RK_COUNT(of_object), kind->verbs);
	for (size_t i = 0; kind->subresources[i] != NULL; i++) {
		const struct rk_subresource *sub = rk_subresource_find(rk_span_str(kind->subresources[i]));
		if (sub != NULL)
			add_subresource(doc, &subject, object, sub);
	}
}
