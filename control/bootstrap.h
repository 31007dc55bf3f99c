/* control/bootstrap.h - the first entry of a cluster: its identity, its ranges, and the objects that every cluster has. */
#ifndef RK_CONTROL_BOOTSTRAP_H
#define RK_CONTROL_BOOTSTRAP_H

#include "control/state.h"

/* `body` is rk_cluster_config_encode's. A second one changes nothing. */
void rk_bootstrap_apply(struct rk_state *state, struct rk_span body);
/* Takes the cluster's identity from the store into *state, after a restore. */
void rk_bootstrap_recall(struct rk_state *state);
bool rk_bootstrap_is_done(const struct rk_state *state);
/* The configuration document; {NULL, 0} before the first entry. */
struct rk_span rk_bootstrap_config(const struct rk_state *state);
/* Makes the Service default/kubernetes, through which pods reach the API; `address` is its clusterIP, empty: a free one. */
void rk_bootstrap_service(struct rk_state *state, struct rk_span address);

#endif
