/* control/schema/conditions.h - looking things up in the conditions of a status. */
#ifndef RK_CONTROL_SCHEMA_CONDITIONS_H
#define RK_CONTROL_SCHEMA_CONDITIONS_H

#include "wire/val.h"

/* The first condition of that type, or NULL. */
const struct rk_val *rk_conditions_find(const struct rk_val *conditions, const char *type);
bool rk_conditions_say(const struct rk_val *conditions, const char *type, const char *status);

#endif
