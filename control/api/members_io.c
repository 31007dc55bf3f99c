/* /reckon/v1/members and /reckon/v1/transfer: the members themselves, for administrators. */
#include "control/api/server.h"
#include "control/status.h"
#include "wire/doc.h"
#include "wire/json.h"

static void answered(struct rk_req *req, struct rk_feed_answer *answer)
{
	if (answer->err < 0) {
		rk_req_err(req, answer->err);
		return;
	}
	struct rk_val *val = NULL;
	if (rk_doc_read(&req->arena, rk_blob_span(answer->results[0].doc), &val) < 0) {
		rk_req_fail(req, 500, "InternalError", "the leader's answer cannot be read");
		return;
	}
	const int64_t code = rk_val_int_at(val, "code", 500);
	rk_req_val(req, code >= 200 && code < 600 ? (int)code : 500, val);
}

static void ask(struct rk_req *req, struct rk_val *val, const char *op)
{
	rk_val_put_cstr(&req->arena, val, "op", op);
	struct rk_blob *doc = rk_doc_of(val);
	if (rk_req_await(req, answered))
		rk_feed_admin(req->thread->feed, req->id, doc, RK_API_WRITE_MS);
	else
		(void)rk_blob_unref(doc);
}

void rk_api_members(struct rk_req *req)
{
	const bool is_transfer = req->route.what == RK_ROUTE_TRANSFER;
	struct rk_error error = { 0 };
	struct rk_val *val = NULL;

	if (!is_transfer && strcmp(req->verb, "get") == 0) {
		ask(req, rk_val_map(&req->arena), "list");
	} else if (strcmp(req->verb, "create") != 0) {
		rk_req_fail(req, 405, "MethodNotAllowed",
			    "the server does not allow this method on the requested resource");
	} else if (req->http->body.size > 0 &&
		   rk_json_parse(&req->arena, req->http->body, RK_JSON_UNIQUE_KEYS, &val, &error) <
			   0) {
		rk_req_fail(req, 400, "BadRequest", "the body cannot be read as JSON: %s",
			    error.text);
	} else if (val != NULL && !rk_val_is(val, RK_VAL_MAP)) {
		rk_req_fail(req, 400, "BadRequest", "the body must be an object");
	} else {
		ask(req, val != NULL ? val : rk_val_map(&req->arena),
		    is_transfer ? "transfer" : "change");
	}
}
