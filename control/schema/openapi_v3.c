/* OpenAPI v3: a document for each group and version. */
#include "base/hash.h"
#include "control/schema/discovery.h"
#include "control/schema/openapi.h"
#include "wire/json.h"

struct rk_val *rk_openapi_v3(struct rk_arena *arena, const struct rk_kinds *kinds,
			     struct rk_span group, struct rk_span version)
{
	struct rk_openapi_doc doc = rk_openapi_begin(arena, kinds, RK_OPENAPI_V3);
	struct rk_val *val = rk_val_map(arena), *components = rk_val_map(arena);

	for (size_t i = 0; i < rk_kinds_count(kinds); i++) {
		const struct rk_kind *kind = rk_kinds_at(kinds, i);
		if (rk_span_is(group, kind->group) && rk_span_is(version, kind->version))
			rk_openapi_add(&doc, kind);
	}
	if (doc.paths->count == 0)
		return NULL;
	rk_openapi_add_common(&doc);
	rk_val_put_cstr(arena, val, "openapi", "3.0.0");
	rk_val_put(arena, val, "info", rk_openapi_info(arena));
	rk_val_put(arena, val, "paths", doc.paths);
	rk_val_put(arena, components, "schemas", doc.schemas);
	rk_val_put(arena, val, "components", components);
	return val;
}

struct rk_val *rk_openapi_root(struct rk_arena *arena, const struct rk_kinds *kinds)
{
	struct rk_val *val = rk_val_map(arena), *paths = rk_val_map(arena);

	for (size_t i = 0; i < rk_kinds_count(kinds); i++) {
		const struct rk_kind *kind = rk_kinds_at(kinds, i);
		const char *path = rk_arena_printf(arena, "%s%s", kind->group[0] ? "apis/" : "api/",
						   kind->api_version);
		if (rk_val_get(paths, rk_span_str(path)) != NULL)
			continue;
		/* The document is made in an arena of its own: only its hash is wanted. */
		struct rk_arena work = { 0 };
		struct rk_buf text = { 0 };
		rk_json_write(&text,
			      rk_openapi_v3(&work, kinds, rk_span_str(kind->group),
					    rk_span_str(kind->version)),
			      false);
		const struct rk_hash128 hash = rk_hash128(rk_buf_span(&text), 0);
		rk_buf_done(&text);
		rk_arena_done(&work);
		struct rk_val *one = rk_val_map(arena);
		rk_val_put(arena, one, "serverRelativeURL",
			   rk_val_strf(arena, "/openapi/v3/%s?hash=%016llX%016llX", path,
				       (unsigned long long)hash.high,
				       (unsigned long long)hash.low));
		rk_val_put(arena, paths, path, one);
	}
	rk_val_put(arena, val, "paths", paths);
	return val;
}
