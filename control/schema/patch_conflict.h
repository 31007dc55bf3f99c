/* control/schema/patch_conflict.h - fields that an applier wants otherwise than those who own them. */
#ifndef RK_CONTROL_SCHEMA_PATCH_CONFLICT_H
#define RK_CONTROL_SCHEMA_PATCH_CONFLICT_H

#include "control/schema/owners.h"

struct rk_conflict { /* with one owner */
	const struct rk_owner *owner;
	const struct rk_fieldset *fields; /* never NULL */
};

/* 409 that names every such field and its owner. Sorts the conflicts, of which there is one at least. */
struct rk_val *rk_conflicts_status(struct rk_arena *arena, struct rk_conflict *conflicts, uint32_t count);

#endif
