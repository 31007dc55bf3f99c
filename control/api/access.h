/* control/api/access.h - who may do what. Administrators and members may do everything, nodes what their work
 * needs; everybody else what RBAC grants (control/auth/rbac.h). Pure. */
#ifndef RK_CONTROL_API_ACCESS_H
#define RK_CONTROL_API_ACCESS_H

#include "control/api/route.h"
#include "control/auth/rbac.h"
#include "wire/tls_io.h"

/* Who asks, as the certificate says; everybody with one is in system:authenticated as well, and who has none is
 * system:anonymous. */
struct rk_user rk_access_user(struct rk_arena *arena, const struct rk_tls_peer *peer);
/* verb: get, list, watch, create, update, patch, delete, deletecollection (lower-case HTTP methods for
 * other paths, with `path`). */
struct rk_ask rk_access_ask(const char *verb, const struct rk_route *route, struct rk_span path);

/* *ret_why (may be NULL): what allowed it, a constant or in the arena. A node may write its own Node and Lease;
 * that a pod is its own is checked by rk_access_is_own_pod where the pod is known. `rbac`: NULL while there is
 * no state, then nothing is granted by it. */
bool rk_access_allowed(struct rk_arena *arena, const struct rk_rbac *rbac, const struct rk_user *user,
		       const struct rk_ask *ask, const char **ret_why);
/* Whether the user may do everything, whatever RBAC says. */
bool rk_access_is_master(const struct rk_user *user);
/* Whether the user may write this role or binding: one that grants no more than the user may do, or with the
 * verb "escalate" (roles) or "bind" (bindings). `object`: NULL for patches, whose result is not known yet. True for
 * all other kinds. */
bool rk_access_may_grant(struct rk_arena *arena, const struct rk_rbac *rbac, const struct rk_user *user,
			 const struct rk_ask *ask, const struct rk_val *object);
/* For writes of nodes to pods: whether the object is bound to that node. True for everybody who is
 * not a node. */
bool rk_access_is_own_pod(const struct rk_user *user, struct rk_span pod_doc);
/* The node's name when the user is one ("system:node:NAME" in group system:nodes), else an empty span. */
struct rk_span rk_access_node(const struct rk_user *user);

#endif
