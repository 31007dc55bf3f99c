/* control/auth/policy.h - the roles and bindings that every cluster begins with, as upstream's bootstrap policy
 * has them for what is served here. They are objects like any other: who may, changes them. */
#ifndef RK_CONTROL_AUTH_POLICY_H
#define RK_CONTROL_AUTH_POLICY_H

#include "control/state.h"

/* When the first entry is applied. */
void rk_policy_make(struct rk_state *state);

#endif
