#include "control/auth/token.h"

#include "base/mem.h"
#include "wire/doc.h"

static struct rk_val *texts_of(struct rk_arena *arena, const struct rk_val *given)
{
	struct rk_val *list = rk_val_list(arena);

	if (rk_val_count(given) > 0)
		return rk_val_copy(arena, given);
	rk_val_append(arena, list, rk_val_cstr(arena, RK_TOKEN_ISSUER));
	return list;
}

static void put_ref(struct rk_arena *arena, struct rk_val *claims, const char *key,
		    struct rk_span name, struct rk_span uid)
{
	struct rk_val *ref = rk_val_make(arena, claims, key);

	rk_val_put_str(arena, ref, "name", name);
	rk_val_put_str(arena, ref, "uid", uid);
}

struct rk_val *rk_token_claims(struct rk_arena *arena, const struct rk_token *token)
{
	struct rk_val *claims = rk_val_map(arena), *own = rk_val_map(arena);

	rk_val_put(arena, claims, "aud", texts_of(arena, token->audiences));
	rk_val_put_int(arena, claims, "exp", token->now_s + token->seconds);
	rk_val_put_int(arena, claims, "iat", token->now_s);
	rk_val_put_cstr(arena, claims, "iss", RK_TOKEN_ISSUER);
	rk_val_put_str(arena, claims, "jti", token->id);
	rk_val_put_str(arena, own, "namespace", token->ns);
	if (token->node_name.size > 0)
		put_ref(arena, own, "node", token->node_name, token->node_uid);
	put_ref(arena, own, "serviceaccount", token->name, token->uid);
	if (token->bound_name.size > 0)
		put_ref(arena, own, rk_span_is(token->bound_kind, "Pod") ? "pod" : "secret",
			token->bound_name, token->bound_uid);
	rk_val_put(arena, claims, "kubernetes.io", own);
	rk_val_put_int(arena, claims, "nbf", token->now_s);
	rk_val_put(arena, claims, "sub",
		   rk_val_strf(arena, "system:serviceaccount:%.*s:%.*s", RK_SPAN_ARGS(token->ns),
			       RK_SPAN_ARGS(token->name)));
	return claims;
}

struct rk_span rk_token_group(struct rk_arena *arena, struct rk_span ns)
{
	return rk_span_str(
		rk_arena_printf(arena, "system:serviceaccounts:%.*s", RK_SPAN_ARGS(ns)));
}

static bool is_meant(const struct rk_val *claims, const struct rk_val *audiences)
{
	const struct rk_val *given = rk_val_get(claims, RK_SPAN("aud"));

	if (audiences == NULL)
		return rk_val_has_text(given, RK_SPAN(RK_TOKEN_ISSUER));
	for (uint32_t i = 0; i < rk_val_count(audiences); i++)
		if (rk_val_has_text(given, rk_val_text(rk_val_item(audiences, i))))
			return true;
	return false;
}

/* The same object, not another one that has its name. */
static bool is_there(const struct rk_view *view, const char *kind, struct rk_span ns,
		     const struct rk_val *ref)
{
	struct rk_object object;

	return rk_view_get(view, rk_span_str(kind), ns, rk_val_text_at(ref, "name"), &object) &&
	       rk_span_eq(rk_doc_text(rk_blob_span(object.doc), "metadata.uid"),
			  rk_val_text_at(ref, "uid"));
}

static void put_extra(struct rk_arena *arena, struct rk_val *extra, const char *key, struct rk_span text)
{
	struct rk_val *list = rk_val_list(arena);

	if (text.size == 0)
		return;
	rk_val_append(arena, list, rk_val_str(arena, text));
	rk_val_put(arena, extra, rk_arena_printf(arena, "authentication.kubernetes.io/%s", key), list);
}

/* What upstream tells of a token beside the account: its own id, and the pod that it is bound to with its node. */
static const struct rk_val *extra_of(struct rk_arena *arena, const struct rk_val *claims)
{
	const struct rk_val *own = rk_val_get(claims, RK_SPAN("kubernetes.io")),
			    *node = rk_val_at(own, "node"), *pod = rk_val_at(own, "pod");
	struct rk_val *extra = rk_val_map(arena);

	put_extra(arena, extra, "credential-id",
		  rk_span_str(rk_arena_printf(arena, "JTI=%.*s",
					      RK_SPAN_ARGS(rk_val_text_at(claims, "jti")))));
	put_extra(arena, extra, "node-name", rk_val_text_at(node, "name"));
	put_extra(arena, extra, "node-uid", rk_val_text_at(node, "uid"));
	put_extra(arena, extra, "pod-name", rk_val_text_at(pod, "name"));
	put_extra(arena, extra, "pod-uid", rk_val_text_at(pod, "uid"));
	return extra;
}

bool rk_token_user(struct rk_arena *arena, const struct rk_view *view, const struct rk_val *claims,
		   int64_t now_s, const struct rk_val *audiences, struct rk_user *ret)
{
	const struct rk_val *own = rk_val_get(claims, RK_SPAN("kubernetes.io")),
			    *account = rk_val_at(own, "serviceaccount"),
			    *pod = rk_val_at(own, "pod"), *secret = rk_val_at(own, "secret");
	const struct rk_span ns = rk_val_text_at(own, "namespace");
	struct rk_span *groups = rk_arena_alloc(arena, 3 * sizeof *groups);

	if (!rk_span_is(rk_val_text_at(claims, "iss"), RK_TOKEN_ISSUER) ||
	    now_s >= rk_val_int_at(claims, "exp", 0) ||
	    now_s + 60 < rk_val_int_at(claims, "nbf", 0) || !is_meant(claims, audiences) ||
	    !is_there(view, "serviceaccounts", ns, account) ||
	    (pod != NULL && !is_there(view, "pods", ns, pod)) ||
	    (secret != NULL && !is_there(view, "secrets", ns, secret)))
		return false;
	groups[0] = RK_SPAN("system:serviceaccounts");
	groups[1] = rk_token_group(arena, ns);
	groups[2] = RK_SPAN("system:authenticated");
	*ret = (struct rk_user){ .name = rk_val_text_at(claims, "sub"),
				 .group_count = 3,
				 .groups = groups,
				 .uid = rk_val_text_at(account, "uid"),
				 .extra = extra_of(arena, claims) };
	return true;
}
