/* Who asks: the certificate, or whom it may speak for (Impersonate-User and its like). */
#include "base/mem.h"
#include "control/api/access.h"
#include "control/api/server.h"
#include "control/status.h"

#define GROUPS_MAX 64

const struct rk_rbac *rk_api_rbac(struct rk_api_thread *thread)
{
	if (thread->rbac == NULL && thread->view != NULL)
		thread->rbac = rk_rbac_new(thread->view);
	return thread->rbac;
}

static bool may_speak_for(struct rk_req *req, const char *resource, struct rk_span ns,
			  struct rk_span name)
{
	const struct rk_ask ask = { .verb = RK_SPAN("impersonate"),
				    .resource = rk_span_str(resource),
				    .ns = ns,
				    .name = name };

	if (rk_access_allowed(&req->arena, rk_api_rbac(req->thread), &req->user, &ask, NULL))
		return true;
	struct rk_val *status = rk_status(
		&req->arena, 403, "Forbidden",
		"%s \"%.*s\" is forbidden: User \"%.*s\" cannot impersonate resource \"%s\" in API "
		"group \"\" at the cluster scope",
		resource, RK_SPAN_ARGS(name), RK_SPAN_ARGS(req->user.name), resource);
	rk_status_about(&req->arena, status, RK_SPAN(""), rk_span_str(resource), name);
	rk_req_status(req, status);
	return false;
}

static bool may_speak_for_user(struct rk_req *req, struct rk_span name)
{
	static const char account[] = "system:serviceaccount:";
	struct rk_span ns;

	if (!rk_span_starts(name, RK_SPAN(account)))
		return may_speak_for(req, "users", RK_SPAN(""), name);
	const struct rk_span of =
		rk_span_cut(rk_span_sub(name, sizeof account - 1, name.size), ':', &ns);
	return may_speak_for(req, "serviceaccounts", ns, of);
}

/* The groups that were named; who names none but a service account is in those that all of them
 * are. */
static uint32_t groups_of(struct rk_req *req, struct rk_span groups[GROUPS_MAX + 1])
{
	uint32_t count = 0;

	for (size_t i = 0; i < req->http->header_count && count < GROUPS_MAX; i++)
		if (rk_span_is(req->http->headers[i].name, "impersonate-group"))
			groups[count++] = req->http->headers[i].value;
	return count;
}

static bool is_refused_header(struct rk_req *req)
{
	for (size_t i = 0; i < req->http->header_count; i++) {
		const struct rk_span name = req->http->headers[i].name;
		if (rk_span_is(name, "impersonate-uid") ||
		    rk_span_starts(name, RK_SPAN("impersonate-extra-"))) {
			rk_req_fail(req, 403, "Forbidden", "%.*s is not served yet",
				    RK_SPAN_ARGS(name));
			return true;
		}
	}
	return false;
}

/* Who shows a certificate needs no token. */
static bool read_token(struct rk_req *req)
{
	const struct rk_span given = rk_http_header(req->http, "authorization");
	struct rk_span scheme;
	const struct rk_span token = rk_span_cut(given, ' ', &scheme);

	if (req->http->peer->has_cert || given.data == NULL)
		return true;
	if ((rk_span_is(scheme, "Bearer") || rk_span_is(scheme, "bearer")) &&
	    rk_api_token_user(req, token, NULL, &req->user))
		return true;
	rk_req_fail(req, 401, "Unauthorized", "Unauthorized");
	return false;
}

bool rk_api_user(struct rk_req *req)
{
	const struct rk_span name = rk_http_header(req->http, "impersonate-user");
	struct rk_span *groups;

	req->user = rk_access_user(&req->arena, req->http->peer);
	if (!read_token(req) || is_refused_header(req))
		return false;
	if (name.size == 0 && rk_http_header(req->http, "impersonate-group").data == NULL)
		return true;
	if (name.size == 0) {
		rk_req_fail(req, 403, "Forbidden",
			    "requested impersonation of groups without impersonating a user");
		return false;
	}
	groups = rk_arena_alloc(&req->arena, (GROUPS_MAX + 1) * sizeof *groups);
	uint32_t count = groups_of(req, groups);
	if (!may_speak_for_user(req, name))
		return false;
	for (uint32_t i = 0; i < count; i++)
		if (!may_speak_for(req, "groups", RK_SPAN(""), groups[i]))
			return false;
	groups[count++] = RK_SPAN("system:authenticated");
	req->user = (struct rk_user){ name, count, groups };
	return true;
}
