/* control/schema/registry.h - what kinds.c and load.c share. */
#ifndef RK_CONTROL_SCHEMA_REGISTRY_H
#define RK_CONTROL_SCHEMA_REGISTRY_H

#include "control/schema/kinds.h"

struct rk_kinds {
	struct rk_arena arena; /* holds everything but the strings, which are in the packed bytes */
	size_t type_count, kind_count;
	struct rk_type *types; /* sorted by name */
	struct rk_kind *kinds; /* by group, version, plural */
};

#endif
