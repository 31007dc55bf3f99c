/* control/etcd/routes.h - the methods of the API as the JSON gateway has them: POST to a path.
 * Pure. */
#ifndef RK_CONTROL_ETCD_ROUTES_H
#define RK_CONTROL_ETCD_ROUTES_H

#include "control/etcd/protojson.h"

struct rk_etcd_route {
	const char *path;   /* "/v3/kv/range" */
	const char *method; /* "/etcdserverpb.KV/Range" */
	const struct rk_protojson *request, *response;
};

extern const struct rk_etcd_route rk_etcd_routes[]; /* ends with a NULL path */

const struct rk_etcd_route *rk_etcd_route_of(struct rk_span path); /* NULL when there is none */

#endif
