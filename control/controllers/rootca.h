/* control/controllers/rootca.h - what members' certificates are checked with: the leader tells its --ca to the log, and every
 * namespace has it in the ConfigMap kube-root-ca.crt. */
#ifndef RK_CONTROL_CONTROLLERS_ROOTCA_H
#define RK_CONTROL_CONTROLLERS_ROOTCA_H

#include "control/state.h"

/* The body of an RK_ENTRY_ROOT_CA: certificates as PEM. They take the place of those from before, in every namespace. */
void rk_rootca_apply(struct rk_state *state, struct rk_span pem);
/* Whether the cluster should be told of these. */
bool rk_rootca_is_news(const struct rk_state *state, struct rk_span pem);

#endif
