/* Questions that are answered and not stored: who am I, what may I do, may he do that. */
#include "base/mem.h"
#include "control/api/access.h"
#include "control/api/server.h"
#include "control/status.h"
#include "wire/doc.h"

static struct rk_ask ask_of(const struct rk_val *spec)
{
	const struct rk_val *resource = rk_val_at(spec, "resourceAttributes"),
			    *path = rk_val_at(spec, "nonResourceAttributes");

	if (resource == NULL)
		return (struct rk_ask){ .verb = rk_val_text_at(path, "verb"),
					.path = rk_val_text_at(path, "path") };
	return (struct rk_ask){
		.verb = rk_val_text_at(resource, "verb"),
		.group = rk_val_text_at(resource, "group"),
		.resource = rk_val_text_at(resource, "resource"),
		.sub = rk_val_text_at(resource, "subresource"),
		.ns = rk_val_text_at(resource, "namespace"),
		.name = rk_val_text_at(resource, "name"),
	};
}

static void answer(struct rk_req *req, struct rk_val *review, struct rk_val *status)
{
	rk_val_put(&req->arena, review, "status", status);
	struct rk_blob *doc = rk_doc_of(review);
	rk_req_object(req, 201, rk_blob_span(doc));
	(void)rk_blob_unref(doc);
}

static void invalid(struct rk_req *req, const char *field, const char *why)
{
	struct rk_val *causes = rk_val_list(&req->arena);
	const struct rk_kind *kind = req->route.kind;

	rk_cause_add(&req->arena, causes, "FieldValueInvalid", field, "Invalid value: null: %s",
		     why);
	rk_req_status(req, rk_status_invalid(&req->arena, rk_span_str(kind->group),
					     rk_span_str(kind->kind), RK_SPAN(""), causes));
}

/* --- may he do that --- */

static void review_access(struct rk_req *req, struct rk_val *review, const struct rk_user *user)
{
	struct rk_arena *arena = &req->arena;
	const struct rk_val *spec = rk_val_at(review, "spec");
	const bool of_resource = rk_val_at(spec, "resourceAttributes") != NULL,
		   of_path = rk_val_at(spec, "nonResourceAttributes") != NULL;
	struct rk_val *status = rk_val_map(arena);
	const char *why = "";

	if (of_resource == of_path) {
		invalid(req, "spec.resourceAttributes",
			of_path ? "cannot be specified in combination with nonResourceAttributes"
				: "exactly one of nonResourceAttributes or resourceAttributes must "
				  "be specified");
		return;
	}
	const struct rk_ask ask = ask_of(spec);
	rk_val_put_bool(arena, status, "allowed",
			rk_access_allowed(arena, rk_api_rbac(req->thread), user, &ask, &why));
	if (why[0] != 0)
		rk_val_put_cstr(arena, status, "reason", why);
	answer(req, review, status);
}

static void subject_access(struct rk_req *req, struct rk_val *review)
{
	const struct rk_val *spec = rk_val_at(review, "spec"), *list = rk_val_at(spec, "groups");
	struct rk_span *groups =
		rk_arena_alloc(&req->arena, (rk_val_count(list) + 1) * sizeof *groups);
	struct rk_user user = { .name = rk_val_text_at(spec, "user"),
				.group_count = rk_val_count(list),
				.groups = groups };
	struct rk_val *place = rk_val_at(review, "spec.resourceAttributes.namespace");

	for (uint32_t i = 0; i < user.group_count; i++)
		groups[i] = rk_val_text(rk_val_item(list, i));
	if (user.name.size == 0 && user.group_count == 0)
		invalid(req, "spec.user", "at least one of user or group must be specified");
	else if (req->route.ns.size > 0 && !rk_span_eq(rk_val_text(place), req->route.ns))
		invalid(req, "spec.resourceAttributes.namespace", "must match metadata.namespace");
	else
		review_access(req, review, &user);
}

static void self_subject_access(struct rk_req *req, struct rk_val *review)
{
	review_access(req, review, &req->user);
}

/* --- what may I do --- */

static struct rk_val *everything(struct rk_arena *arena, const char *const *keys)
{
	struct rk_val *rule = rk_val_map(arena);

	for (size_t i = 0; keys[i] != NULL; i++) {
		struct rk_val *any = rk_val_list(arena);
		rk_val_append(arena, any, rk_val_cstr(arena, "*"));
		rk_val_put(arena, rule, keys[i], any);
	}
	return rule;
}

static bool may_by_rule(struct rk_req *req)
{
	const struct rk_ask all = { .verb = RK_SPAN("*"),
				    .group = RK_SPAN("*"),
				    .resource = RK_SPAN("*") };
	const struct rk_rbac *rbac = rk_api_rbac(req->thread);

	return rbac != NULL && rk_rbac_allows(&req->arena, rbac, &req->user, &all, NULL);
}

static void self_subject_rules(struct rk_req *req, struct rk_val *review)
{
	static const char *const of_resources[] = { "verbs", "apiGroups", "resources", NULL };
	static const char *const of_paths[] = { "verbs", "nonResourceURLs", NULL };
	struct rk_arena *arena = &req->arena;
	const struct rk_span ns = rk_val_text_at(review, "spec.namespace");
	struct rk_val *status = rk_val_map(arena), *resources = rk_val_list(arena),
		      *paths = rk_val_list(arena);
	const struct rk_rbac *rbac = rk_api_rbac(req->thread);

	/* Of system:masters a binding says so; unless somebody took it away, which takes nothing
	 * from them. */
	if (rk_access_is_master(&req->user) && !may_by_rule(req)) {
		rk_val_append(arena, resources, everything(arena, of_resources));
		rk_val_append(arena, paths, everything(arena, of_paths));
	}
	if (rbac != NULL)
		rk_rbac_rules(arena, rbac, &req->user, ns, resources, paths);
	rk_val_put(arena, status, "resourceRules", resources);
	rk_val_put(arena, status, "nonResourceRules", paths);
	/* What a node may do beyond that is said by no rule. */
	rk_val_put_bool(arena, status, "incomplete", rk_access_node(&req->user).size > 0);
	answer(req, review, status);
}

/* --- who is it --- */

static struct rk_val *info_of(struct rk_arena *arena, const struct rk_user *user)
{
	struct rk_val *info = rk_val_map(arena), *groups = rk_val_list(arena);

	for (uint32_t i = 0; i < user->group_count; i++)
		rk_val_append(arena, groups, rk_val_str(arena, user->groups[i]));
	rk_val_put_str(arena, info, "username", user->name);
	if (user->uid.size > 0)
		rk_val_put_str(arena, info, "uid", user->uid);
	rk_val_put(arena, info, "groups", groups);
	if (rk_val_count(user->extra) > 0)
		rk_val_put(arena, info, "extra", rk_val_copy(arena, user->extra));
	return info;
}

static void self_subject(struct rk_req *req, struct rk_val *review)
{
	struct rk_val *status = rk_val_map(&req->arena);

	rk_val_put(&req->arena, status, "userInfo", info_of(&req->arena, &req->user));
	answer(req, review, status);
}

static void token(struct rk_req *req, struct rk_val *review)
{
	struct rk_arena *arena = &req->arena;
	struct rk_val *status = rk_val_map(arena), *audiences = rk_val_at(review, "spec.audiences");
	struct rk_user user;

	if (rk_val_count(audiences) == 0)
		audiences = NULL;
	if (rk_api_token_user(req, rk_val_text_at(review, "spec.token"), audiences, &user)) {
		rk_val_put_bool(arena, status, "authenticated", true);
		rk_val_put(arena, status, "user", info_of(arena, &user));
		if (audiences != NULL)
			rk_val_put(arena, status, "audiences", rk_val_copy(arena, audiences));
	} else {
		rk_val_put_cstr(arena, status, "error",
				"it is no token of this cluster that is good now");
	}
	answer(req, review, status);
}

void rk_api_review(struct rk_req *req)
{
	static const struct {
		const char *kind;
		void (*review)(struct rk_req *req, struct rk_val *review);
	} reviews[] = {
		{ "SelfSubjectAccessReview", self_subject_access },
		{ "SubjectAccessReview", subject_access },
		{ "LocalSubjectAccessReview", subject_access },
		{ "SelfSubjectRulesReview", self_subject_rules },
		{ "SelfSubjectReview", self_subject },
		{ "TokenReview", token },
	};

	if (strcmp(req->route.kind->group, "reckon.dev") == 0) {
		rk_api_transaction(req);
		return;
	}

	for (size_t i = 0; i < RK_COUNT(reviews); i++) {
		if (strcmp(req->route.kind->kind, reviews[i].kind) != 0)
			continue;
		struct rk_val *review = rk_api_body(req);
		if (review != NULL)
			reviews[i].review(req, review);
		return;
	}
	rk_req_fail(req, 405, "MethodNotAllowed",
		    "the server does not allow this method on the requested resource");
}
