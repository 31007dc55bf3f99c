/* control/schema/registry.h - what kinds.c and load.c share. */
#ifndef RK_CONTROL_SCHEMA_REGISTRY_H
#define RK_CONTROL_SCHEMA_REGISTRY_H

#include "control/schema/kinds.h"

struct rk_kinds {
	struct rk_arena arena; /* holds everything but the strings, which are in the packed bytes */
	size_t type_count, kind_count;
	struct rk_type *types;         /* sorted by name */
	struct rk_kind *kinds;         /* by group, version, plural */
	const struct rk_kind **stored; /* by resource: those in whose form objects are stored */
	size_t stored_count;
};

/* By group, version, plural: <0, 0, >0. */
int rk_kind_order(const struct rk_kind *a, const struct rk_kind *b);

#endif
