/* control/scale.h - autoscaling/v1 Scale: a window on the replicas of an object. Where they are, a custom
 * kind's definition says. */
#ifndef RK_CONTROL_SCALE_H
#define RK_CONTROL_SCALE_H

#include "control/schema/kinds.h"

struct rk_val *rk_scale_of(struct rk_arena *arena, const struct rk_kind *kind,
			   const struct rk_val *object) __attribute__((returns_nonnull));
/* The dotted path of the number of replicas that is wanted. */
const char *rk_scale_path(const struct rk_kind *kind);

#endif
