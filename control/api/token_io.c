/* Tokens of service accounts: made on request, and read from who shows one. */
#include <stdlib.h>
#include <sys/random.h>

#include "base/clock_io.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "control/api/access.h"
#include "control/api/server.h"
#include "control/auth/token.h"
#include "control/status.h"
#include "wire/doc.h"
#include "wire/json.h"
#include "wire/jws_io.h"

/* --- reading --- the signature of a token is checked once by each thread, what it says at each
 * request */

static struct rk_known_token *place_of(struct rk_api_thread *thread, struct rk_span token)
{
	return &thread->tokens[rk_hash64(token, 0) % RK_API_TOKENS];
}

static struct rk_blob *claims_of(struct rk_api_thread *thread, struct rk_span token)
{
	struct rk_known_token *known = place_of(thread, token);
	struct rk_arena arena = { 0 };
	struct rk_span payload;
	struct rk_val *claims = NULL;

	if (known->token != NULL && rk_span_eq(rk_blob_span(known->token), token))
		return known->claims;
	if (rk_jws_open(&arena, thread->api->opts.tokens, token, &payload) &&
	    rk_json_parse(&arena, payload, 0, &claims, NULL) == RK_OK) {
		(void)rk_blob_unref(known->token);
		(void)rk_blob_unref(known->claims);
		known->token = rk_blob_copy(token);
		known->claims = rk_doc_of(claims);
	}
	rk_arena_done(&arena);
	return claims != NULL ? known->claims : NULL;
}

void rk_api_tokens_done(struct rk_api_thread *thread)
{
	for (size_t i = 0; i < RK_API_TOKENS; i++) {
		(void)rk_blob_unref(thread->tokens[i].token);
		(void)rk_blob_unref(thread->tokens[i].claims);
	}
}

bool rk_api_token_user(struct rk_req *req, struct rk_span token, const struct rk_val *audiences,
		       struct rk_user *ret)
{
	struct rk_api_thread *thread = req->thread;

	if (thread->api->opts.tokens == NULL || thread->view == NULL || token.size == 0)
		return false;
	struct rk_blob *claims = claims_of(thread, token);
	return claims != NULL &&
	       rk_token_user(&req->arena, thread->view, rk_doc_val(&req->arena, claims),
			     rk_clock_wall_ms() / 1000, audiences, ret);
}

/* --- making: serviceaccounts/token --- */

static void invalid(struct rk_req *req, const char *field, const char *why)
{
	struct rk_val *causes = rk_val_list(&req->arena);

	rk_cause_add(&req->arena, causes, "FieldValueInvalid", field, "Invalid value: %s", why);
	rk_req_status(req, rk_status_invalid(&req->arena, RK_SPAN("authentication.k8s.io"),
					     RK_SPAN("TokenRequest"), RK_SPAN(""), causes));
}

static struct rk_span new_id(struct rk_req *req)
{
	uint8_t bytes[16];
	char *text = rk_arena_alloc(&req->arena, 33);

	rk_assert(getrandom(bytes, sizeof bytes, 0) == sizeof bytes);
	for (size_t i = 0; i < sizeof bytes; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	return rk_span_of(text, 32);
}

static bool is_stale(struct rk_span uid, struct rk_span has)
{
	return uid.size > 0 && !rk_span_eq(uid, has);
}

#define STALE                                                                                      \
	"the UID in the bound object reference (%.*s) does not match the UID in record. The "       \
	"object might have been deleted and then recreated"

/* NodeRestriction: a node gets what its own pods need, and that goes with them. False after
 * answering why not. */
static bool node_may_ask(struct rk_req *req, const struct rk_val *ref)
{
	const char *why = !rk_span_is(rk_val_text_at(ref, "kind"), "Pod") ||
					  !rk_span_is(rk_val_text_at(ref, "apiVersion"), "v1")
				  ? "node requested token not bound to a pod"
			  : rk_val_text_at(ref, "uid").size == 0
				  ? "node requested token with a pod binding without a uid"
				  : NULL;

	if (why == NULL || rk_access_node(&req->user).size == 0)
		return true;
	rk_req_status(req, rk_status_forbidden(&req->arena, RK_SPAN("serviceaccounts"),
					       req->route.name, "%s", why));
	return false;
}

static bool node_may_bind(struct rk_req *req, struct rk_span uid, struct rk_span pod)
{
	const struct rk_span account = req->route.name;

	if (rk_access_node(&req->user).size == 0)
		return true;
	if (is_stale(uid, rk_doc_text(pod, "metadata.uid")))
		rk_req_status(req, rk_status_forbidden(&req->arena, RK_SPAN("serviceaccounts"),
						       account, STALE, RK_SPAN_ARGS(uid)));
	else if (!rk_access_is_own_pod(&req->user, pod))
		rk_req_status(req, rk_status_forbidden(&req->arena, RK_SPAN("serviceaccounts"), account,
						       "node requested token bound to a pod scheduled on a "
						       "different node"));
	else
		return true;
	return false;
}

/* False after answering why the token cannot be bound to the object. */
static bool may_bind(struct rk_req *req, const struct rk_val *ref, struct rk_span doc,
		     const struct rk_token *token)
{
	const struct rk_span kind = rk_val_text_at(ref, "kind"), uid = rk_val_text_at(ref, "uid");

	if (!node_may_bind(req, uid, doc))
		return false;
	if (rk_span_is(kind, "Pod") &&
	    !rk_span_eq(rk_doc_text(doc, "spec.serviceAccountName"), token->name)) {
		rk_req_fail(req, 400, "BadRequest",
			    "cannot bind token for serviceaccount \"%.*s\" to pod running with "
			    "different serviceaccount name.",
			    RK_SPAN_ARGS(token->name));
		return false;
	}
	if (is_stale(uid, rk_doc_text(doc, "metadata.uid"))) {
		rk_req_status(req, rk_status_conflict(&req->arena, kind, rk_val_text_at(ref, "name"),
						      STALE, RK_SPAN_ARGS(uid)));
		return false;
	}
	return true;
}

/* A token may end with a pod of the account, or with a Secret. False after answering what is wrong
 * with it. */
static bool bind_to(struct rk_req *req, const struct rk_val *ref, struct rk_token *token)
{
	const struct rk_span kind = rk_val_text_at(ref, "kind"), name = rk_val_text_at(ref, "name");
	const bool is_pod = rk_span_is(kind, "Pod");
	const struct rk_span resource = is_pod ? RK_SPAN("pods") : RK_SPAN("secrets");
	struct rk_span group = rk_val_text_at(ref, "apiVersion"), version = group;
	struct rk_object object;

	if (!node_may_ask(req, ref))
		return false;
	if (ref == NULL)
		return true;
	if (memchr(group.data, '/', group.size) != NULL)
		version = rk_span_cut(group, '/', &group);
	else
		group.size = 0;
	if ((!is_pod && !rk_span_is(kind, "Secret")) || group.size > 0) {
		rk_req_fail(req, 400, "BadRequest", "cannot bind token to object of type %.*s/%.*s, Kind=%.*s",
			    RK_SPAN_ARGS(group), RK_SPAN_ARGS(version), RK_SPAN_ARGS(kind));
		return false;
	}
	if (!rk_view_get(req->thread->view, resource, token->ns, name, &object)) {
		rk_req_status(req, rk_status_not_found(&req->arena, resource, name));
		return false;
	}
	const struct rk_span doc = rk_blob_span(object.doc);
	if (!may_bind(req, ref, doc, token))
		return false;
	token->bound_kind = kind;
	token->bound_name = name;
	token->bound_uid = rk_doc_text(doc, "metadata.uid");
	token->node_name = is_pod ? rk_doc_text(doc, "spec.nodeName") : RK_SPAN("");
	if (token->node_name.size > 0 && rk_view_get(req->thread->view, RK_SPAN("nodes"), RK_SPAN(""), token->node_name, &object))
		token->node_uid = rk_doc_text(rk_blob_span(object.doc), "metadata.uid");
	return true;
}

static void make(struct rk_req *req, struct rk_span account)
{
	struct rk_arena *arena = &req->arena;
	struct rk_val *request = rk_api_body_of(req, "TokenRequest", "authentication.k8s.io/v1");
	char until[RK_TIME_TEXT_MAX];

	if (request == NULL)
		return;
	const struct rk_val *spec = rk_val_at(request, "spec");
	struct rk_token token = {
		.ns = req->route.ns,
		.name = req->route.name,
		.uid = rk_doc_text(account, "metadata.uid"),
		.audiences = rk_val_at(spec, "audiences"),
		.id = new_id(req),
		.now_s = rk_clock_wall_ms() / 1000,
		.seconds = rk_val_int_at(spec, "expirationSeconds", RK_TOKEN_SECONDS),
	};
	if (token.seconds < RK_TOKEN_SECONDS_MIN) {
		invalid(req, "spec.expirationSeconds",
			"may not specify a duration less than 10 minutes");
		return;
	}
	token.seconds = RK_MIN(token.seconds, (int64_t)RK_TOKEN_SECONDS_MAX);
	if (!bind_to(req, rk_val_at(spec, "boundObjectRef"), &token))
		return;
	struct rk_buf claims = { 0 };
	rk_json_write(&claims, rk_token_claims(arena, &token), false);
	struct rk_val *status = rk_val_map(arena);
	rk_val_put_str(
		arena, status, "expirationTimestamp",
		rk_arena_span(
			arena,
			rk_span_of(until,
				   rk_time_format(until, (token.now_s + token.seconds) * 1000))));
	rk_val_put_str(arena, status, "token",
		       rk_jws_sign(arena, req->thread->api->opts.tokens, rk_buf_span(&claims)));
	rk_buf_done(&claims);
	rk_val_put(arena, request, "status", status);
	struct rk_blob *doc = rk_doc_of(request);
	rk_req_object(req, 201, rk_blob_span(doc));
	(void)rk_blob_unref(doc);
}

/* Account and pod may have been made on another member just now. */
static void look(struct rk_req *req, struct rk_feed_answer *answer)
{
	struct rk_object account;

	if (answer->err < 0)
		rk_req_err(req, answer->err);
	else if (rk_view_get(req->thread->view, RK_SPAN("serviceaccounts"), req->route.ns,
			     req->route.name, &account))
		make(req, rk_blob_span(account.doc));
	else
		rk_req_not_found(req);
}

void rk_api_token(struct rk_req *req)
{
	if (strcmp(req->verb, "create") != 0)
		rk_req_fail(req, 405, "MethodNotAllowed",
			    "the server does not allow this method on the requested resource");
	else if (req->thread->api->opts.tokens == NULL)
		rk_req_fail(
			req, 501, "NotImplemented",
			"this member has no key for tokens: start it with --service-account-key");
	else if (rk_req_await(req, look))
		rk_feed_read(req->thread->feed, req->id, RK_API_READ_MS);
}

static void put_list(struct rk_req *req, struct rk_val *val, const char *key, const char *only)
{
	struct rk_val *list = rk_val_list(&req->arena);

	rk_val_append(&req->arena, list, rk_val_cstr(&req->arena, only));
	rk_val_put(&req->arena, val, key, list);
}

void rk_api_token_keys(struct rk_req *req)
{
	const struct rk_jws *jws = req->thread->api->opts.tokens;
	const struct rk_span host = rk_http_header(req->http, "host");
	struct rk_val *val = rk_val_map(&req->arena);

	if (jws == NULL) {
		rk_req_fail(req, 404, "NotFound", "this member signs no tokens: it was started without --service-account-key");
		return;
	}
	if (req->route.what == RK_ROUTE_OPENID_KEYS) {
		rk_req_send(req, 200, "application/jwk-set+json", rk_blob_copy(rk_jws_keys(&req->arena, jws)));
		return;
	}
	rk_val_put_cstr(&req->arena, val, "issuer", RK_TOKEN_ISSUER);
	rk_val_put(&req->arena, val, "jwks_uri",
		   host.size > 0 ? rk_val_strf(&req->arena, "https://%.*s/openid/v1/jwks", RK_SPAN_ARGS(host))
				 : rk_val_strf(&req->arena, RK_TOKEN_ISSUER "/openid/v1/jwks"));
	put_list(req, val, "response_types_supported", "id_token");
	put_list(req, val, "subject_types_supported", "public");
	put_list(req, val, "id_token_signing_alg_values_supported", "ES256");
	rk_req_val(req, 200, val);
}
