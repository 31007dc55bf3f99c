/* control/schema/patch_conflict.h - fields that an applier wants otherwise than those who own them. */
#ifndef RK_CONTROL_SCHEMA_PATCH_CONFLICT_H
#define RK_CONTROL_SCHEMA_PATCH_CONFLICT_H

#include "control/schema/owners.h"

/* Whether anyone but `own` owns something of `changed`. */
bool rk_conflicts_exist(struct rk_arena *arena, const struct rk_owners *owners, const struct rk_owner *own,
			const struct rk_fieldset *changed);
/* 409 that names every such field and its owner. */
struct rk_val *rk_conflicts_status(struct rk_arena *arena, const struct rk_owners *owners,
				   const struct rk_owner *own, const struct rk_fieldset *changed);

#endif
