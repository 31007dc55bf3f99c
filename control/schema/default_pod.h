/* control/schema/default_pod.h - defaults of pods, and of the templates that pods are made from. */
#ifndef RK_CONTROL_SCHEMA_DEFAULT_POD_H
#define RK_CONTROL_SCHEMA_DEFAULT_POD_H

#include "wire/val.h"

void rk_default_pod(struct rk_arena *arena, struct rk_val *pod);
void rk_default_template(struct rk_arena *arena, struct rk_val *pod_template); /* takes NULL */

#endif
