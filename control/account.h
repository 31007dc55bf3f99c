/* control/account.h - pods act as service accounts: what upstream's admission of that name does when a pod is made. */
#ifndef RK_CONTROL_ACCOUNT_H
#define RK_CONTROL_ACCOUNT_H

#include "control/objects.h"

/* Where clients in pods look for the way to the API, and for a token. */
#define RK_ACCOUNT_PLACE "/var/run/secrets/kubernetes.io/serviceaccount"

/* Gives the pod an account that is there, a volume with its token, and what else the account has for it. False: a
 * refusal stands in *ret. */
bool rk_account_admit(struct rk_state *state, struct rk_val *pod, struct rk_outcome *ret);
/* Makes the account `default`, unless it is there or the namespace is going. */
void rk_account_make(struct rk_state *state, struct rk_span ns);

#endif
