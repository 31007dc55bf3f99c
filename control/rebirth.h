/* control/rebirth.h - a state that begins anew as another cluster's, where the old one may have
 * gone on unseen. Pure.
 *
 * What the old cluster did behind this state is not known here, but others saw it: revisions, uids,
 * names. None of it may come a second time with another meaning. So the cluster's id changes, from
 * which uids and names are derived; revisions go on further up, and what watchers of the old one
 * knew counts as compacted; and proposals of the old members are forgotten, whose numbers begin
 * again. */
#ifndef RK_CONTROL_REBIRTH_H
#define RK_CONTROL_REBIRTH_H

#include "control/schema/kinds.h"
#include "raft/entry.h"
#include "store/store.h"

struct rk_rebirth {
	struct rk_cluster_id cluster; /* the new one */
	uint64_t skip; /* revisions that are left out; 0: none, and nothing is compacted */
};

/* RK_EINVAL when the state has not even a first entry. The same everywhere: state and `how` alone
 * decide. */
RK_MUST_CHECK int rk_rebirth(struct rk_store *store, const struct rk_kinds *kinds,
			     const struct rk_rebirth *how);

/* A new cluster's id. The upper half is random; the lower half follows from it and from what the
 * cluster begins with, so that members which were made apart can only be of one cluster when they
 * begin with the same. */
struct rk_cluster_id rk_rebirth_id(uint64_t random, uint64_t index, struct rk_hash128 state_hash,
				   uint64_t skip, const struct rk_config *members);

struct rk_holdings { /* what a state holds, for people */
	uint64_t objects, keys, leases;
};
struct rk_holdings rk_rebirth_count(const struct rk_store *store);

#endif
