/* control/auth/token.h - what the tokens of service accounts say (Kubernetes' claims, RFC 7519), and whether that still
 * holds. Pure: signing is wire/jws_io.h's. */
#ifndef RK_CONTROL_AUTH_TOKEN_H
#define RK_CONTROL_AUTH_TOKEN_H

#include "control/auth/rbac.h"

#define RK_TOKEN_ISSUER    "https://kubernetes.default.svc.cluster.local"
#define RK_TOKEN_SECONDS   3600
#define RK_TOKEN_SECONDS_MIN 600
#define RK_TOKEN_SECONDS_MAX (365 * 86400)

struct rk_token {
	struct rk_span ns, name, uid; /* of the account */
	struct rk_span bound_kind, bound_name, bound_uid; /* Pod or Secret that it ends with; empty: none */
	struct rk_span node_name, node_uid; /* where that Pod runs; empty: nowhere yet */
	const struct rk_val *audiences; /* a list of texts */
	struct rk_span id; /* of the token: for people who look for it */
	int64_t now_s, seconds;
};

struct rk_val *rk_token_claims(struct rk_arena *arena, const struct rk_token *token)
	__attribute__((returns_nonnull));
/* The group of a namespace's accounts: "system:serviceaccounts:NS". */
struct rk_span rk_token_group(struct rk_arena *arena, struct rk_span ns);
/* Whether the claims hold at `now_s` in this state: not expired, for one of `audiences` (a list of texts; NULL: the API
 * itself), of an account that is still there, bound to what is still there. Then *ret is who it is. */
bool rk_token_user(struct rk_arena *arena, const struct rk_view *view, const struct rk_val *claims,
		   int64_t now_s, const struct rk_val *audiences, struct rk_user *ret);

#endif
