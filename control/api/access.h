/* control/api/access.h - who may do what, until RBAC: administrators and members everything, nodes
 * what their work needs. Pure. */
#ifndef RK_CONTROL_API_ACCESS_H
#define RK_CONTROL_API_ACCESS_H

#include "control/api/route.h"
#include "wire/tls_io.h"

/* verb: get, list, watch, create, update, patch, delete, deletecollection (with lower-case HTTP
 * methods for other paths). A node may write its own Node and Lease; that a pod is its own is
 * checked by rk_access_is_own_pod where the pod is known. */
bool rk_access_allowed(const struct rk_tls_peer *peer, const char *verb,
		       const struct rk_route *route);
/* For writes of nodes to pods: whether the object is bound to that node. True for everybody who is
 * not a node. */
bool rk_access_is_own_pod(const struct rk_tls_peer *peer, struct rk_span pod_doc);
/* The node's name when the peer is one ("system:node:NAME" in group system:nodes), else NULL. */
const char *rk_access_node(const struct rk_tls_peer *peer);

#endif
