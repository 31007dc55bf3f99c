/* control/api/route.h - what a URL path asks for. Pure. */
#ifndef RK_CONTROL_API_ROUTE_H
#define RK_CONTROL_API_ROUTE_H

#include "control/schema/kinds.h"

enum rk_route_kind {
	RK_ROUTE_NONE,      /* 404 */
	RK_ROUTE_ROOT,      /* / */
	RK_ROUTE_VERSION,   /* /version */
	RK_ROUTE_HEALTH,    /* /healthz, /livez, /readyz (which: sub), and /livez/NAME */
	RK_ROUTE_METRICS,   /* /metrics */
	RK_ROUTE_LOGS,      /* /logs/ and /logs/NAME */
	RK_ROUTE_OPENID,    /* /.well-known/openid-configuration */
	RK_ROUTE_OPENID_KEYS, /* /openid/v1/jwks */
	RK_ROUTE_API,       /* /api */
	RK_ROUTE_APIS,      /* /apis */
	RK_ROUTE_GROUP,     /* /apis/G */
	RK_ROUTE_RESOURCES, /* /api/v1, /apis/G/V */
	RK_ROUTE_OPENAPI_V2,
	RK_ROUTE_OPENAPI_V3, /* /openapi/v3: the root; with a group and version: that document */
	RK_ROUTE_OBJECTS,    /* a collection: kind, ns ("" for all or cluster-scoped) */
	RK_ROUTE_OBJECT,     /* one: name, and sub when there is a subresource */
	RK_ROUTE_STATUS,     /* /reckon/v1/status */
	RK_ROUTE_LOG,        /* /reckon/v1/log */
	RK_ROUTE_BACKUP,     /* /reckon/v1/backup */
	RK_ROUTE_MEMBERS,    /* /reckon/v1/members */
	RK_ROUTE_TRANSFER,   /* /reckon/v1/transfer */
};

struct rk_route {
	enum rk_route_kind what;
	const struct rk_kind *kind;
	struct rk_span group, version;
	struct rk_span ns, name, sub;
	struct rk_span rest; /* behind the subresource `proxy`, as it was sent: "" or "/..." */
	bool is_old_watch;   /* /api/v1/watch/...: the way before ?watch=true */
};

/* `path` as sent, still percent-encoded; the parts are decoded into the arena. */
void rk_route_parse(struct rk_arena *arena, const struct rk_kinds *kinds, struct rk_span path,
		    struct rk_route *ret);

#endif
