/* Who asks: the certificate, or whom it may speak for (Impersonate-User and its like). */
#include "base/mem.h"
#include "control/api/access.h"
#include "control/api/server.h"
#include "control/auth/token.h"
#include "control/status.h"

#define GROUPS_MAX     64
#define AUTHENTICATION "authentication.k8s.io"

const struct rk_rbac *rk_api_rbac(struct rk_api_thread *thread)
{
	if (thread->rbac == NULL && thread->view != NULL)
		thread->rbac = rk_rbac_new(thread->view);
	return thread->rbac;
}

/* `sub`: of an extra field, its key. */
static bool may_speak_for(struct rk_req *req, const char *resource, struct rk_span sub,
			  struct rk_span ns, struct rk_span name)
{
	const bool is_core = strcmp(resource, "uids") != 0 && strcmp(resource, "userextras") != 0;
	const struct rk_ask ask = { .verb = RK_SPAN("impersonate"),
				    .group = is_core ? RK_SPAN("") : RK_SPAN(AUTHENTICATION),
				    .resource = rk_span_str(resource),
				    .sub = sub,
				    .ns = ns,
				    .name = name };

	if (rk_access_allowed(&req->arena, rk_api_rbac(req->thread), &req->user, &ask, NULL))
		return true;
	struct rk_val *status = rk_status(
		&req->arena, 403, "Forbidden",
		"%s%s \"%.*s\" is forbidden: User \"%.*s\" cannot impersonate resource \"%s%s%.*s\" in API "
		"group \"%.*s\" at the cluster scope",
		resource, is_core ? "" : "." AUTHENTICATION, RK_SPAN_ARGS(name),
		RK_SPAN_ARGS(req->user.name), resource, sub.size > 0 ? "/" : "", RK_SPAN_ARGS(sub),
		RK_SPAN_ARGS(ask.group));
	rk_status_about(&req->arena, status, ask.group, rk_span_str(resource), name);
	rk_req_status(req, status);
	return false;
}

/* The namespace and the name of "system:serviceaccount:NS:NAME"; false: somebody else. */
static bool is_account(struct rk_span name, struct rk_span *ret_ns, struct rk_span *ret_name)
{
	static const char account[] = "system:serviceaccount:";

	if (!rk_span_starts(name, RK_SPAN(account)))
		return false;
	*ret_name = rk_span_cut(rk_span_sub(name, sizeof account - 1, name.size), ':', ret_ns);
	return true;
}

static bool may_speak_for_user(struct rk_req *req, struct rk_span name)
{
	struct rk_span ns, of;

	if (is_account(name, &ns, &of))
		return may_speak_for(req, "serviceaccounts", RK_SPAN(""), ns, of);
	return may_speak_for(req, "users", RK_SPAN(""), RK_SPAN(""), name);
}

/* The groups that were named, if the user may be them; who names none but a service account is in those that all of
 * them are. False: answered. */
static bool take_groups(struct rk_req *req, struct rk_user *user)
{
	struct rk_span *groups = rk_arena_alloc(&req->arena, (GROUPS_MAX + 3) * sizeof *groups), ns, of;
	const bool is_anonymous = rk_span_is(user->name, "system:anonymous");
	const char *everybody = is_anonymous ? "system:unauthenticated" : "system:authenticated";
	bool is_said = false;

	user->groups = groups;
	for (size_t i = 0; i < req->http->header_count && user->group_count < GROUPS_MAX; i++) {
		if (!rk_span_is(req->http->headers[i].name, "impersonate-group"))
			continue;
		const struct rk_span group = req->http->headers[i].value;
		if (!may_speak_for(req, "groups", RK_SPAN(""), RK_SPAN(""), group))
			return false;
		is_said = is_said || rk_span_is(group, "system:authenticated") ||
			  rk_span_is(group, "system:unauthenticated");
		groups[user->group_count++] = group;
	}
	if (user->group_count == 0 && is_account(user->name, &ns, &of)) {
		groups[user->group_count++] = RK_SPAN("system:serviceaccounts");
		groups[user->group_count++] = rk_token_group(&req->arena, ns);
	}
	if (!is_said)
		groups[user->group_count++] = rk_span_str(everybody);
	return true;
}

/* Impersonate-Extra-KEY: VALUE, the key percent-encoded; each may come several times. False: answered. */
static bool take_extra(struct rk_req *req, struct rk_user *user)
{
	static const char prefix[] = "impersonate-extra-";
	struct rk_arena *arena = &req->arena;
	struct rk_val *extra = rk_val_map(arena);

	for (size_t i = 0; i < req->http->header_count; i++) {
		const struct rk_http_header *header = &req->http->headers[i];
		struct rk_span key = rk_span_sub(header->name, sizeof prefix - 1, header->name.size);
		if (!rk_span_starts(header->name, RK_SPAN(prefix)))
			continue;
		if (key.size == 0 || !rk_url_decode(arena, key, false, &key)) {
			rk_req_fail(req, 400, "BadRequest", "malformed header %.*s",
				    RK_SPAN_ARGS(header->name));
			return false;
		}
		if (!may_speak_for(req, "userextras", key, RK_SPAN(""), header->value))
			return false;
		struct rk_val *list = rk_val_get(extra, key);
		if (list == NULL) {
			list = rk_val_list(arena);
			rk_val_put(arena, extra, rk_arena_str(arena, key), list);
		}
		rk_val_append(arena, list, rk_val_str(arena, header->value));
	}
	user->extra = extra;
	return true;
}

static bool names_anybody(const struct rk_req *req)
{
	for (size_t i = 0; i < req->http->header_count; i++)
		if (rk_span_starts(req->http->headers[i].name, RK_SPAN("impersonate-")))
			return true;
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
	struct rk_user user = { .name = rk_http_header(req->http, "impersonate-user"),
				.uid = rk_http_header(req->http, "impersonate-uid") };

	req->user = rk_access_user(&req->arena, req->http->peer);
	if (!read_token(req))
		return false;
	if (!names_anybody(req))
		return true;
	if (user.name.size == 0) {
		rk_req_fail(req, 403, "Forbidden",
			    "requested impersonation of groups, a uid or extra fields without "
			    "impersonating a user");
		return false;
	}
	if (!may_speak_for_user(req, user.name) || !take_groups(req, &user) ||
	    (user.uid.size > 0 &&
	     !may_speak_for(req, "uids", RK_SPAN(""), RK_SPAN(""), user.uid)) ||
	    !take_extra(req, &user))
		return false;
	req->user = user;
	return true;
}
