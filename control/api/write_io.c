/* Writes: read, checked and completed here, then a command for the log; what depends on the state
 * is decided when it is applied. */
#include <stdlib.h>

#include "base/mem.h"
#include "control/api/access.h"
#include "control/api/server.h"
#include "control/schema/convert.h"
#include "control/schema/proto.h"
#include "control/schema/schema.h"
#include "control/status.h"
#include "wire/doc.h"
#include "wire/json.h"
#include "wire/yaml.h"

#define MANAGER_MAX 128

/* --- reading the body --- */

static struct rk_span media_type(const struct rk_req *req)
{
	struct rk_span type;

	(void)rk_span_cut(rk_http_header(req->http, "content-type"), ';', &type);
	return type;
}

static struct rk_val *parse_yaml(struct rk_req *req)
{
	struct rk_error error = { 0 };
	struct rk_val *documents = NULL;

	if (rk_yaml_parse(&req->arena, req->http->body, &documents, &error) < 0) {
		rk_req_fail(req, 400, "BadRequest", "the body cannot be read as YAML: %s",
			    error.text);
		return NULL;
	}
	if (rk_val_count(documents) != 1) {
		rk_req_fail(req, 400, "BadRequest",
			    "the body must hold one YAML document, it holds %u",
			    rk_val_count(documents));
		return NULL;
	}
	return rk_val_item(documents, 0);
}

static struct rk_val *parse_json(struct rk_req *req)
{
	struct rk_error error = { 0 };
	struct rk_val *val = NULL;
	const bool strict = rk_span_is(rk_req_query(req, "fieldValidation"), "Strict");
	const int err = rk_json_parse(&req->arena, req->http->body,
				      strict ? RK_JSON_UNIQUE_KEYS : 0, &val, &error);

	if (err < 0)
		rk_req_fail(req, 400, "BadRequest", "the body cannot be read as JSON: %s",
			    error.text);
	return err < 0 ? NULL : val;
}

static struct rk_val *parse_protobuf(struct rk_req *req)
{
	struct rk_error error = { 0 };
	struct rk_val *val = NULL;
	const int err = rk_protobuf_read(&req->arena, req->kinds, req->http->body,
					 &val, &error);

	if (err < 0)
		rk_req_fail(req, 400, "BadRequest", "the body cannot be read as protobuf: %s",
			    error.text);
	return err < 0 ? NULL : val;
}

/* The body as a value, or NULL after answering why not. */
static struct rk_val *body_of(struct rk_req *req)
{
	const struct rk_span type = media_type(req);
	struct rk_val *val = NULL;

	if (type.size == 0 || rk_span_is(type, "application/json") ||
	    rk_span_ends(type, RK_SPAN("+json"))) {
		val = parse_json(req);
	} else if (rk_span_is(type, "application/yaml") || rk_span_ends(type, RK_SPAN("+yaml"))) {
		val = parse_yaml(req);
	} else if (rk_span_is(type, RK_PROTOBUF_TYPE)) {
		val = parse_protobuf(req);
	} else if (rk_span_is(type, "application/msgpack")) {
		if (rk_doc_read(&req->arena, req->http->body, &val) < 0)
			rk_req_fail(req, 400, "BadRequest", "the body is not msgpack");
	} else {
		rk_req_fail(req, 415, "UnsupportedMediaType",
			    "the body of the request was in an unknown format - accepted media "
			    "types include: application/json, application/yaml, " RK_PROTOBUF_TYPE);
	}
	return val;
}

/* --- the command --- */

static struct rk_val *opts_of(struct rk_req *req)
{
	struct rk_arena *arena = &req->arena;
	struct rk_val *opts = rk_val_map(arena);
	struct rk_span manager = rk_req_query(req, "fieldManager");
	const struct rk_span validation = rk_req_query(req, "fieldValidation");

	if (manager.size == 0)
		(void)rk_span_cut(rk_http_header(req->http, "user-agent"), '/', &manager);
	rk_val_put_str(arena, opts, "manager", rk_span_sub(manager, 0, MANAGER_MAX));
	if (validation.size > 0)
		rk_val_put_str(arena, opts, "fieldValidation", validation);
	if (rk_req_query(req, "dryRun").size > 0)
		rk_val_put_bool(arena, opts, "dryRun", true);
	return opts;
}

static bool check_query(struct rk_req *req)
{
	const struct rk_span dry = rk_req_query(req, "dryRun");
	const struct rk_span validation = rk_req_query(req, "fieldValidation");
	const struct rk_span manager = rk_req_query(req, "fieldManager");
	enum rk_strictness strictness;

	if (dry.size > 0 && !rk_span_is(dry, "All"))
		rk_req_fail(req, 400, "BadRequest",
			    "dryRun: Unsupported value: \"%.*s\": supported values: \"All\"",
			    RK_SPAN_ARGS(dry));
	else if (!rk_strictness_of(validation, &strictness))
		rk_req_fail(req, 400, "BadRequest",
			    "fieldValidation: Unsupported value: \"%.*s\": supported values: "
			    "\"Ignore\", \"Strict\", \"Warn\"",
			    RK_SPAN_ARGS(validation));
	else if (manager.size > MANAGER_MAX)
		rk_req_fail(req, 400, "BadRequest",
			    "fieldManager: Too long: may not be more than %d bytes", MANAGER_MAX);
	else
		return true;
	return false;
}

struct rk_val *rk_api_op(struct rk_req *req, const char *verb, struct rk_val *doc)
{
	struct rk_arena *arena = &req->arena;
	struct rk_val *op = rk_val_map(arena);

	rk_val_put_cstr(arena, op, "verb", verb);
	rk_val_put_cstr(arena, op, "kind", req->route.kind->resource);
	rk_val_put_cstr(arena, op, "version", req->route.kind->version);
	if (req->route.kind->stored != req->route.kind)
		rk_val_put_cstr(arena, op, "form", req->route.kind->api_version);
	rk_val_put_str(arena, op, "ns", req->route.ns);
	rk_val_put_str(arena, op, "name", req->route.name);
	if (req->route.sub.size > 0)
		rk_val_put_str(arena, op, "sub", req->route.sub);
	if (doc != NULL)
		rk_val_put(arena, op, "doc", doc);
	rk_val_put(arena, op, "opts", opts_of(req));
	return op;
}

static void merge_warnings(struct rk_req *req, const struct rk_blob *warnings)
{
	if (warnings == NULL)
		return;
	const struct rk_val *more = rk_doc_val(&req->arena, warnings);
	if (req->warnings == NULL)
		req->warnings = rk_val_list(&req->arena);
	for (uint32_t i = 0; i < rk_val_count(more); i++)
		rk_val_append(&req->arena, req->warnings, rk_val_item(more, i));
}

static void answered(struct rk_req *req, struct rk_feed_answer *answer)
{
	if (answer->err < 0) {
		rk_req_err(req, answer->err);
		return;
	}
	/* The last one: the first that was refused, or the only one. */
	if (answer->count == 0 || answer->results[answer->count - 1].doc == NULL) {
		rk_req_fail(req, 500, "InternalError", "the command had no outcome");
		return;
	}
	merge_warnings(req, answer->results[answer->count - 1].warnings);
	rk_req_object(req, answer->results[answer->count - 1].code,
		      rk_blob_span(answer->results[answer->count - 1].doc));
}

void rk_api_propose(struct rk_req *req, struct rk_val *ops,
		    void (*resume)(struct rk_req *req, struct rk_feed_answer *answer))
{
	struct rk_arena *arena = &req->arena;
	struct rk_val *command = rk_val_map(arena), *groups = rk_val_list(arena);

	rk_val_put_str(arena, command, "user", req->user.name);
	for (uint32_t i = 0; i < req->user.group_count; i++)
		rk_val_append(arena, groups, rk_val_str(arena, req->user.groups[i]));
	rk_val_put(arena, command, "groups", groups);
	rk_val_put(arena, command, "ops", ops);
	struct rk_blob *doc = rk_doc_of(command);
	if (doc->size > RK_COMMAND_BYTES_MAX) {
		(void)rk_blob_unref(doc);
		rk_req_fail(req, 413, "RequestEntityTooLarge",
			    "the object is too large: more than %u bytes", RK_COMMAND_BYTES_MAX);
		return;
	}
	if (!rk_req_await(req, resume)) {
		(void)rk_blob_unref(doc);
		return;
	}
	rk_feed_write(req->thread->feed, req->id, doc, RK_API_WRITE_MS);
}

static void propose(struct rk_req *req, struct rk_val *op)
{
	struct rk_val *ops = rk_val_list(&req->arena);

	rk_val_append(&req->arena, ops, op);
	rk_api_propose(req, ops, answered);
}

/* --- create and update --- */

static struct rk_val *own_type(struct rk_req *req, const char *name, const char *version,
			       struct rk_val *object)
{
	const struct rk_type *type =
		rk_types_by_name(req->kinds, rk_span_str(name));
	struct rk_val *status = NULL;
	enum rk_strictness strictness = RK_STRICT_WARN;

	rk_assert(type != NULL);
	(void)rk_strictness_of(rk_req_query(req, "fieldValidation"), &strictness);
	req->warnings = rk_val_list(&req->arena);
	if (rk_schema_decode_type(&req->arena, type, name, version, object, strictness,
				  req->warnings, &status) < 0) {
		rk_req_status(req, status);
		return NULL;
	}
	return object;
}

static bool check_place(struct rk_req *req, struct rk_val *object)
{
	const struct rk_span ns = rk_val_text_at(object, "metadata.namespace");
	const struct rk_span name = rk_val_text_at(object, "metadata.name");

	if (ns.size > 0 && !rk_span_eq(ns, req->route.ns)) {
		rk_req_fail(req, 400, "BadRequest",
			    "the namespace of the provided object does not match the namespace "
			    "sent on the request");
		return false;
	}
	if (req->route.name.size > 0 && name.size > 0 && !rk_span_eq(name, req->route.name)) {
		rk_req_fail(
			req, 400, "BadRequest",
			"the name of the object (%.*s) does not match the name on the URL (%.*s)",
			RK_SPAN_ARGS(name), RK_SPAN_ARGS(req->route.name));
		return false;
	}
	if (req->route.name.size > 0 && name.size == 0)
		rk_val_put_str(&req->arena, rk_val_make(&req->arena, object, "metadata"), "name",
			       req->route.name);
	if (req->route.kind->namespaced && req->route.ns.size > 0)
		rk_val_put_str(&req->arena, rk_val_make(&req->arena, object, "metadata"),
			       "namespace", req->route.ns);
	return true;
}

/* Decoded, completed and checked; NULL after answering what is wrong with it. */
struct rk_val *rk_api_object(struct rk_req *req, struct rk_val *object)
{
	const struct rk_kind *kind = req->route.kind;
	struct rk_val *status = NULL, *causes = rk_val_list(&req->arena);
	enum rk_strictness strictness = RK_STRICT_WARN;

	(void)rk_strictness_of(rk_req_query(req, "fieldValidation"), &strictness);
	req->warnings = rk_val_list(&req->arena);
	if (rk_schema_decode(&req->arena, kind, object, strictness, req->warnings, &status) < 0) {
		rk_req_status(req, status);
		return NULL;
	}
	if (!check_place(req, object))
		return NULL;
	rk_schema_default(&req->arena, kind, object);
	if (strcmp(req->verb, "create") == 0)
		rk_schema_validate(&req->arena, kind, object, NULL, causes);
	if (rk_val_count(causes) == 0 &&
	    rk_convert_in(&req->arena, kind, object, &object, &status) < 0) {
		rk_req_status(req, status);
		return NULL;
	}
	if (rk_val_count(causes) == 0 && kind->stored != kind && kind->custom == NULL && strcmp(req->verb, "create") == 0)
		rk_schema_validate(&req->arena, kind->stored, object, NULL, causes);
	if (rk_val_count(causes) > 0) {
		rk_req_status(req,
			      rk_status_invalid(&req->arena, rk_span_str(kind->group),
						rk_span_str(kind->kind),
						rk_val_text_at(object, "metadata.name"), causes));
		return NULL;
	}
	return object;
}

static struct rk_val *body_object(struct rk_req *req)
{
	struct rk_val *object = body_of(req);

	if (object != NULL && !rk_val_is(object, RK_VAL_MAP)) {
		rk_req_fail(req, 400, "BadRequest", "the body must be an object");
		return NULL;
	}
	return object;
}

struct rk_val *rk_api_body_of(struct rk_req *req, const char *type, const char *version)
{
	struct rk_val *object = body_object(req);

	return object != NULL ? own_type(req, type, version, object) : NULL;
}

struct rk_val *rk_api_body(struct rk_req *req)
{
	struct rk_val *object = body_object(req);

	return object != NULL ? rk_api_object(req, object) : NULL;
}

/* Nobody makes himself or others mightier than he is. */
bool rk_api_may_grant(struct rk_req *req, const struct rk_val *object)
{
	const struct rk_kind *kind = req->route.kind;
	const struct rk_ask ask = rk_access_ask(req->verb, &req->route, req->http->path);

	if (rk_access_may_grant(&req->arena, rk_api_rbac(req->thread), &req->user, &ask, object))
		return true;
	struct rk_val *status = rk_status(
		&req->arena, 403, "Forbidden",
		"%s \"%.*s\" is forbidden: user \"%.*s\" is attempting to grant RBAC permissions not "
		"currently held",
		kind->resource, RK_SPAN_ARGS(object != NULL ? rk_val_text_at(object, "metadata.name")
							   : req->route.name),
		RK_SPAN_ARGS(req->user.name));
	rk_status_about(&req->arena, status, rk_span_str(kind->group), rk_span_str(kind->plural),
			req->route.name);
	rk_req_status(req, status);
	return false;
}

/* DeleteOptions from the body, then from the query, which wins. */
static bool delete_opts(struct rk_req *req, struct rk_val *opts, const struct rk_val *body)
{
	struct rk_arena *arena = &req->arena;
	struct rk_span policy = rk_req_query(req, "propagationPolicy");
	const struct rk_span orphan = rk_req_query(req, "orphanDependents");
	int64_t grace = 0;

	if (policy.size == 0)
		policy = rk_val_text_at(body, "propagationPolicy");
	if (policy.size == 0 &&
	    (rk_span_is(orphan, "true") || rk_val_bool_at(body, "orphanDependents", false)))
		policy = RK_SPAN("Orphan");
	if (policy.size > 0 && !rk_span_is(policy, "Background") &&
	    !rk_span_is(policy, "Foreground") && !rk_span_is(policy, "Orphan")) {
		rk_req_fail(req, 400, "BadRequest",
			    "propagationPolicy: Unsupported value: \"%.*s\": supported values: "
			    "\"Background\", \"Foreground\", \"Orphan\"",
			    RK_SPAN_ARGS(policy));
		return false;
	}
	if (policy.size > 0)
		rk_val_put_str(arena, opts, "propagation", policy);
	if (rk_req_query_int(req, "gracePeriodSeconds", &grace))
		rk_val_put_int(arena, opts, "grace", grace);
	else if (rk_val_is(rk_val_at(body, "gracePeriodSeconds"), RK_VAL_INT))
		rk_val_put_int(arena, opts, "grace",
			       RK_MAX(rk_val_int_at(body, "gracePeriodSeconds", 0), (int64_t)0));
	if (rk_val_text_at(body, "preconditions.uid").size > 0)
		rk_val_put_str(arena, opts, "uid", rk_val_text_at(body, "preconditions.uid"));
	if (rk_val_text_at(body, "preconditions.resourceVersion").size > 0)
		rk_val_put_str(arena, opts, "rv",
			       rk_val_text_at(body, "preconditions.resourceVersion"));
	if (rk_val_count(rk_val_at(body, "dryRun")) > 0)
		rk_val_put_bool(arena, opts, "dryRun", true);
	return true;
}

static void write_object(struct rk_req *req)
{
	const struct rk_span sub = req->route.sub;
	struct rk_val *object = body_object(req);

	if (object == NULL)
		return;
	if (rk_span_is(sub, "scale"))
		object = own_type(req, "Scale", "autoscaling/v1", object);
	else if (rk_span_is(sub, "binding"))
		object = own_type(req, "Binding", "v1", object);
	else if (rk_span_is(sub, "eviction"))
		object = own_type(req, "Eviction", "policy/v1", object);
	else
		object = rk_api_object(req, object);
	if (object == NULL || !rk_api_may_grant(req, object))
		return;
	struct rk_val *op = rk_api_op(req, req->verb, object);
	/* An eviction is a delete, and says in itself how. */
	if (!rk_span_is(sub, "eviction") ||
	    delete_opts(req, rk_val_at(op, "opts"), rk_val_at(object, "deleteOptions")))
		propose(req, op);
}

/* --- patch --- */

static const char *patch_form(struct rk_req *req)
{
	const struct rk_span type = media_type(req);

	if (rk_span_is(type, "application/json-patch+json"))
		return "json";
	if (rk_span_is(type, "application/merge-patch+json"))
		return "merge";
	if (rk_span_is(type, "application/strategic-merge-patch+json") &&
	    req->route.kind->custom == NULL)
		return "strategic";
	if (rk_span_is(type, "application/apply-patch+yaml"))
		return "apply";
	rk_req_fail(req, 415, "UnsupportedMediaType",
		    "the body of the request was in an unknown format - accepted media types "
		    "include: application/json-patch+json, application/merge-patch+json, "
		    "application/strategic-merge-patch+json, application/apply-patch+yaml");
	return NULL;
}

/* Who applies must say as whom; only who applies may take fields from others. */
static bool check_patch_query(struct rk_req *req, bool is_apply)
{
	struct rk_val *causes = rk_val_list(&req->arena);

	if (is_apply && rk_req_query(req, "fieldManager").size == 0)
		rk_cause_add(&req->arena, causes, "FieldValueRequired", "fieldManager",
			     "Required value: is required for apply patch");
	if (!is_apply && rk_req_query(req, "force").size > 0)
		rk_cause_add(&req->arena, causes, "FieldValueForbidden", "force",
			     "Forbidden: may not be specified for non-apply patch");
	if (rk_val_count(causes) == 0)
		return true;
	rk_req_status(req, rk_status_invalid(&req->arena, RK_SPAN("meta.k8s.io"),
					     RK_SPAN("PatchOptions"), RK_SPAN(""), causes));
	return false;
}

/* YAML, though it is JSON that most clients send. */
static struct rk_val *config_of(struct rk_req *req)
{
	const struct rk_span body = req->http->body;
	const bool strict = rk_span_is(rk_req_query(req, "fieldValidation"), "Strict");
	struct rk_val *config = NULL;

	if (rk_span_starts(body, RK_SPAN("{")) &&
	    rk_json_parse(&req->arena, body, strict ? RK_JSON_UNIQUE_KEYS : 0, &config, NULL) == RK_OK)
		return config;
	return parse_yaml(req);
}

void rk_api_patch_as(struct rk_req *req, struct rk_val *op, struct rk_span form, bool is_forced)
{
	const struct rk_ask ask = rk_access_ask("create", &req->route, req->http->path);
	struct rk_val *opts = rk_val_at(op, "opts");

	rk_val_put_str(&req->arena, op, "patch", form);
	if (is_forced)
		rk_val_put_bool(&req->arena, opts, "force", true);
	if (rk_span_is(form, "apply") &&
	    !rk_access_allowed(&req->arena, rk_api_rbac(req->thread), &req->user, &ask, NULL))
		rk_val_put_bool(&req->arena, opts, "noCreate", true);
}

static void patch(struct rk_req *req)
{
	const char *form = patch_form(req);
	const bool is_apply = form != NULL && strcmp(form, "apply") == 0;

	if (form == NULL || !check_patch_query(req, is_apply))
		return;
	struct rk_val *body = is_apply ? config_of(req) : body_of(req);
	/* What becomes of a role is known when the patch is applied. */
	if (body == NULL || !rk_api_may_grant(req, NULL))
		return;
	struct rk_val *op = rk_api_op(req, "patch", body);
	const struct rk_span force = rk_req_query(req, "force");
	rk_api_patch_as(req, op, rk_span_str(form),
			force.size > 0 && !rk_span_is(force, "false") && !rk_span_is(force, "0"));
	propose(req, op);
}

/* --- delete --- */

static void delete (struct rk_req *req)
{
	struct rk_val *body = NULL;
	const bool is_all = strcmp(req->verb, "deletecollection") == 0;

	if (req->http->body.size > 0) {
		body = body_object(req);
		if (body == NULL || own_type(req, "DeleteOptions", "v1", body) == NULL)
			return;
	}
	struct rk_val *op = rk_api_op(req, req->verb, NULL);
	if (!delete_opts(req, rk_val_at(op, "opts"), body))
		return;
	if (is_all) {
		rk_val_put_str(&req->arena, op, "labels", rk_req_query(req, "labelSelector"));
		rk_val_put_str(&req->arena, op, "fields", rk_req_query(req, "fieldSelector"));
	}
	propose(req, op);
}

/* Whether the pod is the writing node's own, as far as the view tells. */
static bool is_own_pod(struct rk_req *req)
{
	struct rk_object pod;

	if (rk_access_node(&req->user).size == 0 ||
	    !rk_span_is(rk_span_str(req->route.kind->resource), "pods"))
		return true;
	return !rk_view_get(req->thread->view, RK_SPAN("pods"), req->route.ns, req->route.name,
			    &pod) ||
	       rk_access_is_own_pod(&req->user, rk_blob_span(pod.doc));
}

static void write_allowed(struct rk_req *req)
{
	if (strcmp(req->verb, "patch") == 0)
		patch(req);
	else if (strcmp(req->verb, "create") == 0 || strcmp(req->verb, "update") == 0)
		write_object(req);
	else
		delete (req);
}

/* The node may have learnt of its pod from another member before this one did: now the view is as
 * new as any. */
static void look_again(struct rk_req *req, struct rk_feed_answer *answer)
{
	if (answer->err < 0)
		rk_req_err(req, answer->err);
	else if (is_own_pod(req))
		write_allowed(req);
	else
		rk_req_fail(req, 403, "Forbidden",
			    "User \"%.*s\" may change pods of its own node only",
			    RK_SPAN_ARGS(req->user.name));
}

void rk_api_write(struct rk_req *req)
{
	const bool is_one = req->route.what == RK_ROUTE_OBJECT;
	const bool is_create = strcmp(req->verb, "create") == 0;
	const bool posts_sub =
		rk_span_is(req->route.sub, "binding") || rk_span_is(req->route.sub, "eviction");

	if (!check_query(req))
		return;
	if ((is_create && is_one != posts_sub) || (!is_create && posts_sub) ||
	    (strcmp(req->verb, "update") == 0 && !is_one) ||
	    (strcmp(req->verb, "patch") == 0 && !is_one)) {
		rk_req_fail(req, 405, "MethodNotAllowed",
			    "the server does not allow this method on the requested resource");
	} else if (is_create && req->route.kind->namespaced && req->route.ns.size == 0) {
		rk_req_fail(req, 400, "BadRequest",
			    "an empty namespace may not be set during creation");
	} else if (is_own_pod(req)) {
		write_allowed(req);
	} else if (rk_req_await(req, look_again)) {
		rk_feed_read(req->thread->feed, req->id, RK_API_READ_MS);
	}
}
