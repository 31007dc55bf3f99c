/* control/schema/openapi.h - what OpenAPI v2 and v3 share: schemas of types, and the operations of
 * kinds. */
#ifndef RK_CONTROL_SCHEMA_OPENAPI_H
#define RK_CONTROL_SCHEMA_OPENAPI_H

#include "control/schema/kinds.h"

enum rk_openapi { RK_OPENAPI_V2, RK_OPENAPI_V3 };

struct rk_openapi_doc { /* being made */
	struct rk_arena *arena;
	const struct rk_kinds *kinds;
	enum rk_openapi form;
	bool *seen;             /* a flag for each type */
	struct rk_val *schemas; /* by their OpenAPI names */
	struct rk_val *paths;
};

struct rk_openapi_doc rk_openapi_begin(struct rk_arena *arena, const struct rk_kinds *kinds,
				       enum rk_openapi form);
/* Schemas and paths of a kind, with everything that they refer to. */
void rk_openapi_add(struct rk_openapi_doc *doc, const struct rk_kind *kind);
/* What is in no kind of its own: options, Status, bodies of subresources. */
void rk_openapi_add_common(struct rk_openapi_doc *doc);
struct rk_val *rk_openapi_info(struct rk_arena *arena);

/* {"$ref": ...} to a schema, and its full form */
struct rk_val *rk_openapi_ref(const struct rk_openapi_doc *doc, const char *schema);
struct rk_val *rk_openapi_gvk(struct rk_arena *arena, const char *group, const char *version,
			      const char *kind);
/* The schema of a custom kind, as its definition has it. */
struct rk_val *rk_openapi_custom(const struct rk_openapi_doc *doc, const struct rk_kind *kind);
void rk_openapi_add_paths(struct rk_openapi_doc *doc, const struct rk_kind *kind);

#endif
