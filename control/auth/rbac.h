/* control/auth/rbac.h - role-based access control (rbac.authorization.k8s.io/v1): may this user do that?
 * Compiled from a moment of the state; pure, immutable, and made anew when roles or bindings change. */
#ifndef RK_CONTROL_AUTH_RBAC_H
#define RK_CONTROL_AUTH_RBAC_H

#include "store/view.h"
#include "wire/val.h"

struct rk_user {
	struct rk_span name;
	uint32_t group_count;
	const struct rk_span *groups;
	struct rk_span uid;         /* may be empty */
	const struct rk_val *extra; /* a map of lists of texts; NULL: nothing */
};

struct rk_ask {                /* what somebody wants to do */
	struct rk_span verb;   /* "get", "create", ...; lower-case HTTP methods for paths */
	struct rk_span group, resource, sub, ns, name;
	struct rk_span path;   /* of what is no resource; then the others but the verb are empty */
};

struct rk_rbac;

/* Whether a change of this kind makes the compiled form stale. */
bool rk_rbac_follows(struct rk_span kind);
struct rk_rbac *rk_rbac_new(const struct rk_view *view) __attribute__((returns_nonnull));
struct rk_rbac *rk_rbac_free(struct rk_rbac *rbac); /* takes NULL, returns NULL */

/* *ret_why (may be NULL), when it may: a text in `arena` that names the binding and the role. */
bool rk_rbac_allows(struct rk_arena *arena, const struct rk_rbac *rbac, const struct rk_user *user,
		    const struct rk_ask *ask, const char **ret_why);
/* What a user may do in a namespace (and in the cluster), as SelfSubjectRulesReview lists it. */
void rk_rbac_rules(struct rk_arena *arena, const struct rk_rbac *rbac, const struct rk_user *user,
		   struct rk_span ns, struct rk_val *resource_rules, struct rk_val *path_rules);
/* Whether the user may do in `ns` ("": everywhere) all that these PolicyRules allow: who grants more than
 * that makes others, or himself, mightier than he is. */
bool rk_rbac_covers(const struct rk_rbac *rbac, const struct rk_user *user, struct rk_span ns,
		    const struct rk_val *rules);
/* The rules of the role that a roleRef in `ns` names, as they are stored; NULL when there is none. */
const struct rk_val *rk_rbac_role(const struct rk_rbac *rbac, const struct rk_val *role_ref,
				  struct rk_span ns);

#endif
