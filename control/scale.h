/* control/scale.h - autoscaling/v1 Scale: a window on the replicas of an object. */
#ifndef RK_CONTROL_SCALE_H
#define RK_CONTROL_SCALE_H

#include "wire/val.h"

struct rk_val *rk_scale_of(struct rk_arena *arena, const struct rk_val *object)
	__attribute__((returns_nonnull));

#endif
