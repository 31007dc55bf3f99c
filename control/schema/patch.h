/* control/schema/patch.h - JSON patch (RFC 6902), merge patch (RFC 7386), strategic merge patch.
 *
 * `target` and `patch` are not changed, and the result shares nothing with either. */
#ifndef RK_CONTROL_SCHEMA_PATCH_H
#define RK_CONTROL_SCHEMA_PATCH_H

#include "control/schema/kinds.h"

#define RK_PATCH_OPS_MAX   10000
#define RK_PATCH_DEPTH_MAX 100
#define RK_PATCH_NODES_MAX 200000 /* that copy operations may make a document grow to */

/* On RK_EINVAL *ret_status is a Status: 400 for a malformed patch, 422 for one that cannot be
 * applied. */
RK_MUST_CHECK int rk_patch_json(struct rk_arena *arena, const struct rk_val *target,
				const struct rk_val *patch, struct rk_val **ret,
				struct rk_val **ret_status);
RK_MUST_CHECK int rk_patch_merge(struct rk_arena *arena, const struct rk_val *target,
				 const struct rk_val *patch, struct rk_val **ret,
				 struct rk_val **ret_status);
/* Driven by the kind's type: merge keys, $patch, $deleteFromPrimitiveList, $setElementOrder,
 * $retainKeys. */
RK_MUST_CHECK int rk_patch_strategic(struct rk_arena *arena, const struct rk_type *type,
				     const struct rk_val *target, const struct rk_val *patch,
				     struct rk_val **ret, struct rk_val **ret_status);
/* `form`: "json", "merge" or "strategic". */
RK_MUST_CHECK int rk_patch_apply(struct rk_arena *arena, const struct rk_type *type,
				 struct rk_span form, const struct rk_val *target,
				 const struct rk_val *patch, struct rk_val **ret,
				 struct rk_val **ret_status);

#endif
