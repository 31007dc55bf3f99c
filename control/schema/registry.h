/* control/schema/registry.h - what kinds.c and load.c share. */
#ifndef RK_CONTROL_SCHEMA_REGISTRY_H
#define RK_CONTROL_SCHEMA_REGISTRY_H

#include "control/schema/kinds.h"

#include <stdatomic.h>

struct rk_kinds {
	atomic_uint refs;
	const struct rk_kinds *base; /* NULL: this is the built-in one */
	struct rk_custom **customs;  /* shares, beside base */
	size_t custom_count, custom_kind_count;
	const struct rk_kind **custom_kinds; /* of all of them */
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
