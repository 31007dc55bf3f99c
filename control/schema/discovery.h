/* control/schema/discovery.h - what the server says about itself: API discovery and OpenAPI, from the registry alone. */
#ifndef RK_CONTROL_SCHEMA_DISCOVERY_H
#define RK_CONTROL_SCHEMA_DISCOVERY_H

#include "base/buf.h"
#include "control/schema/kinds.h"

/* GET /api: APIVersions. server: "host:port" that clients are told to use. */
struct rk_val *rk_discovery_api(struct rk_arena *arena, struct rk_span server) __attribute__((returns_nonnull));
/* GET /apis: APIGroupList. GET /apis/<group>: APIGroup, or NULL. */
struct rk_val *rk_discovery_groups(struct rk_arena *arena, const struct rk_kinds *kinds) __attribute__((returns_nonnull));
struct rk_val *rk_discovery_group(struct rk_arena *arena, const struct rk_kinds *kinds, struct rk_span group);
/* GET /api/v1 and /apis/<group>/<version>: APIResourceList, or NULL. */
struct rk_val *rk_discovery_resources(struct rk_arena *arena, const struct rk_kinds *kinds, struct rk_span group,
				      struct rk_span version);
/* The aggregated forms of /api (is_core) and /apis. format: "v2" or "v2beta1". */
struct rk_val *rk_discovery_aggregated(struct rk_arena *arena, const struct rk_kinds *kinds, bool is_core,
				       const char *format) __attribute__((returns_nonnull));

/* GET /openapi/v3: paths with their hashes. GET /openapi/v3/api/v1 and /openapi/v3/apis/<g>/<v>: the document, or NULL. */
struct rk_val *rk_openapi_root(struct rk_arena *arena, const struct rk_kinds *kinds) __attribute__((returns_nonnull));
struct rk_val *rk_openapi_v3(struct rk_arena *arena, const struct rk_kinds *kinds, struct rk_span group,
			     struct rk_span version);
/* GET /openapi/v2, as a value and as gnostic's protobuf form (appended). */
struct rk_val *rk_openapi_v2(struct rk_arena *arena, const struct rk_kinds *kinds) __attribute__((returns_nonnull));
void rk_openapi_v2_proto(struct rk_buf *out, const struct rk_val *document);

#endif
