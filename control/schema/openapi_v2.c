/* OpenAPI v2: one document of everything. */
#include "control/schema/discovery.h"
#include "control/schema/openapi.h"

struct rk_val *rk_openapi_v2(struct rk_arena *arena, const struct rk_kinds *kinds)
{
	struct rk_openapi_doc doc = rk_openapi_begin(arena, kinds, RK_OPENAPI_V2);
	struct rk_val *val = rk_val_map(arena);

	for (size_t i = 0; i < rk_kinds_count(kinds); i++)
		rk_openapi_add(&doc, rk_kinds_at(kinds, i));
	rk_openapi_add_common(&doc);
	rk_val_put_cstr(arena, val, "swagger", "2.0");
	rk_val_put(arena, val, "info", rk_openapi_info(arena));
	rk_val_put(arena, val, "paths", doc.paths);
	rk_val_put(arena, val, "definitions", doc.schemas);
	return val;
}
