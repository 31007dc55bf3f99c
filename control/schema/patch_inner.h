/* control/schema/patch_inner.h - what the kinds of patches share. */
#ifndef RK_CONTROL_SCHEMA_PATCH_INNER_H
#define RK_CONTROL_SCHEMA_PATCH_INNER_H

#include <stdarg.h>
#include <stdio.h>

#include "control/schema/patch.h"

/* Makes the Status and returns RK_EINVAL. code: 400, 413 or 422. */
int rk_patch_refuse(struct rk_arena *arena, struct rk_val **ret_status, int code,
		    const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Whether the value is nested deeper than that. */
bool rk_patch_is_deep(const struct rk_val *val, unsigned levels);

#endif
