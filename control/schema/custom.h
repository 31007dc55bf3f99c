/* control/schema/custom.h - the kinds that a CustomResourceDefinition (apiextensions.k8s.io/v1)
 * makes: a kind for each version that is served. Compiled once when the definition is written;
 * shared by every registry that holds it. */
#ifndef RK_CONTROL_SCHEMA_CUSTOM_H
#define RK_CONTROL_SCHEMA_CUSTOM_H

#include "control/schema/check.h"
#include "control/schema/kinds.h"

#define RK_CUSTOM_RESOURCE "customresourcedefinitions.apiextensions.k8s.io"

struct rk_custom;

/* From a stored definition (msgpack, copied). NULL when it defines nothing that can be served: what
 * rk_custom_validate would refuse. `base` gives ObjectMeta, and outlives it. */
struct rk_custom *rk_custom_new(const struct rk_kinds *base, struct rk_span doc);
struct rk_custom *rk_custom_ref(struct rk_custom *custom);
struct rk_custom *rk_custom_unref(struct rk_custom *custom); /* takes NULL, returns NULL */
const struct rk_kind *rk_custom_kinds(const struct rk_custom *custom, size_t *ret_count);

/* The rules for definitions. `old` is NULL for what is new. */
void rk_custom_validate(const struct rk_check *check, const struct rk_val *definition,
			const struct rk_val *old);
/* What upstream fills in: names.singular and listKind, conversion, spec.preserveUnknownFields. */
void rk_custom_default(struct rk_arena *arena, struct rk_val *definition);

#endif
