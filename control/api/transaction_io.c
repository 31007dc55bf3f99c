/* Several writes in one entry of the log, all or nothing (reckon.dev/v1 Transaction): each is checked here like
 * a request of its own, and together they are one command. */
#include "base/mem.h"
#include "control/api/access.h"
#include "control/api/server.h"
#include "control/schema/convert.h"
#include "control/status.h"
#include "wire/doc.h"

#define OPERATIONS_MAX 10000

/* Says where in the body the refusal belongs: it stands in the way of all of them. */
static void refuse(struct rk_req *req, uint32_t at, const char *field, const char *why)
{
	struct rk_val *causes = rk_val_list(&req->arena);
	const char *path = rk_arena_printf(&req->arena, "spec.operations[%u]%s%s", at,
					   field[0] != 0 ? "." : "", field);

	rk_cause_add(&req->arena, causes, "FieldValueInvalid", path, "Invalid value: %s", why);
	rk_req_status(req, rk_status_invalid(&req->arena, RK_SPAN("reckon.dev"),
					     RK_SPAN("Transaction"), RK_SPAN(""), causes));
}

static struct rk_span either(struct rk_span first, struct rk_span second)
{
	return first.size > 0 ? first : second;
}

static const struct rk_kind *kind_of(struct rk_req *req, const struct rk_val *operation)
{
	const struct rk_val *object = rk_val_at(operation, "object");

	return rk_kinds_of(req->kinds,
			   either(rk_val_text_at(object, "apiVersion"),
				  rk_val_text_at(operation, "apiVersion")),
			   either(rk_val_text_at(object, "kind"), rk_val_text_at(operation, "kind")));
}

/* The route that its own request would have had. False after answering why there is none. */
static bool route_of(struct rk_req *req, uint32_t at, const struct rk_val *operation,
		     struct rk_route *ret)
{
	const struct rk_val *object = rk_val_at(operation, "object");
	const struct rk_kind *kind = kind_of(req, operation);
	const struct rk_span sub = rk_val_text_at(operation, "subresource");
	const bool creates = rk_span_is(rk_val_text_at(operation, "verb"), "create");

	*ret = (struct rk_route){ .what = RK_ROUTE_OBJECT, .kind = kind, .sub = sub };
	ret->name = creates ? RK_SPAN("")
			    : either(rk_val_text_at(operation, "name"),
				     rk_val_text_at(object, "metadata.name"));
	if (kind == NULL || kind->is_request)
		refuse(req, at, "kind", "no object of this apiVersion and kind is stored here");
	else if (!creates && ret->name.size == 0)
		refuse(req, at, "name", "it is missing");
	else if (sub.size > 0 && ((!rk_span_is(sub, "status") && !rk_span_is(sub, "scale")) ||
				  !rk_kind_has_sub(kind, sub) || creates))
		refuse(req, at, "subresource", "it may be status or scale, of a kind that has them");
	else if (object == NULL && (creates || rk_span_is(rk_val_text_at(operation, "verb"), "update")))
		refuse(req, at, "object", "it is missing");
	else {
		ret->group = rk_span_str(kind->group);
		ret->version = rk_span_str(kind->version);
		if (kind->namespaced)
			ret->ns = either(either(rk_val_text_at(operation, "namespace"),
						rk_val_text_at(object, "metadata.namespace")),
					 RK_SPAN("default"));
		return true;
	}
	return false;
}

static struct rk_val *patch_op(struct rk_req *req, uint32_t at, const struct rk_val *operation)
{
	struct rk_val *patch = rk_val_at(operation, "patch");
	const struct rk_span type = rk_val_text_at(operation, "patchType");
	const bool is_strategic = rk_span_is(type, "strategic");

	if (patch == NULL || type.size == 0) {
		refuse(req, at, patch == NULL ? "patch" : "patchType", "it is missing");
		return NULL;
	}
	if (is_strategic && req->route.kind->custom != NULL) {
		refuse(req, at, "patchType", "custom resources have no strategic merge patch");
		return NULL;
	}
	if (!rk_api_may_grant(req, NULL))
		return NULL;
	struct rk_val *op = rk_api_op(req, "patch", patch);
	rk_api_patch_as(req, op, type, rk_val_bool_at(operation, "force", false));
	return op;
}

static struct rk_val *delete_op(struct rk_req *req, const struct rk_val *operation)
{
	static const char *const keys[][2] = { { "uid", "uid" },
					       { "resourceVersion", "rv" },
					       { "propagationPolicy", "propagation" } };
	struct rk_val *op = rk_api_op(req, "delete", NULL);

	for (size_t i = 0; i < RK_COUNT(keys); i++)
		if (rk_val_text_at(operation, keys[i][0]).size > 0)
			rk_val_put_str(&req->arena, rk_val_at(op, "opts"), keys[i][1],
				       rk_val_text_at(operation, keys[i][0]));
	return op;
}

static struct rk_val *object_op(struct rk_req *req, const struct rk_val *operation)
{
	struct rk_val *object = rk_api_object(req, rk_val_at(operation, "object"));

	return object != NULL && rk_api_may_grant(req, object) ? rk_api_op(req, req->verb, object)
							       : NULL;
}

/* One operation, as the request that it stands for; NULL after answering why not. */
static struct rk_val *op_of(struct rk_req *req, uint32_t at, const struct rk_val *operation)
{
	static const char *const verbs[] = { "create", "update", "patch", "delete" };
	const struct rk_span verb = rk_val_text_at(operation, "verb");

	if (!route_of(req, at, operation, &req->route))
		return NULL;
	for (size_t i = 0; i < RK_COUNT(verbs); i++)
		if (rk_span_is(verb, verbs[i]))
			req->verb = verbs[i];
	const struct rk_ask ask = rk_access_ask(req->verb, &req->route, req->http->path);
	if (!rk_access_allowed(&req->arena, rk_api_rbac(req->thread), &req->user, &ask, NULL)) {
		rk_api_forbid(req);
		return NULL;
	}
	if (!rk_kind_has_verb(req->route.kind, verb)) {
		refuse(req, at, "verb", "this kind does not have it");
		return NULL;
	}
	if (rk_span_is(verb, "patch"))
		return patch_op(req, at, operation);
	return rk_span_is(verb, "delete") ? delete_op(req, operation) : object_op(req, operation);
}

/* --- the answer --- */

static void answered(struct rk_req *req, struct rk_feed_answer *answer)
{
	struct rk_arena *arena = &req->arena;
	struct rk_val *results = rk_val_list(arena);

	if (answer->err < 0) {
		rk_req_err(req, answer->err);
		return;
	}
	/* The one that was refused is all that there is. */
	if (answer->count > 0 && answer->results[answer->count - 1].code >= 400) {
		rk_req_object(req, answer->results[answer->count - 1].code,
			      rk_blob_span(answer->results[answer->count - 1].doc));
		return;
	}
	const struct rk_val *operations = rk_val_at(req->transaction, "spec.operations");
	for (uint32_t i = 0; i < answer->count; i++) {
		struct rk_val *result = rk_val_map(arena);
		rk_val_put_int(arena, result, "code", answer->results[i].code);
		rk_val_put(arena, result, "object",
			   rk_convert_out(arena, kind_of(req, rk_val_item(operations, i)),
					  rk_doc_val(arena, answer->results[i].doc)));
		rk_val_append(arena, results, result);
	}
	struct rk_val *status = rk_val_make(arena, req->transaction, "status");
	rk_val_put(arena, status, "results", results);
	rk_req_val(req, 201, req->transaction);
}

void rk_api_transaction(struct rk_req *req)
{
	const struct rk_route own = req->route;
	struct rk_val *ops = rk_val_list(&req->arena);

	req->transaction = rk_api_body(req);
	if (req->transaction == NULL)
		return;
	/* What is in it is changed on the way into the command; the answer shows it as it came. */
	const struct rk_val *operations =
		rk_val_copy(&req->arena, rk_val_at(req->transaction, "spec.operations"));
	if (rk_val_count(operations) == 0 || rk_val_count(operations) > OPERATIONS_MAX) {
		refuse(req, 0, "", "there must be some, and at most 10000");
		return;
	}
	for (uint32_t i = 0; i < rk_val_count(operations); i++) {
		struct rk_val *op = op_of(req, i, rk_val_item(operations, i));
		if (op == NULL)
			return;
		rk_val_append(&req->arena, ops, op);
	}
	req->route = own;
	req->verb = "create";
	rk_api_propose(req, ops, answered);
}
