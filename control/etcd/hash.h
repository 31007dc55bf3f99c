/* control/etcd/hash.h - the hash of all that can still be read at a revision. Pure.
 *
 * Members at the same compaction agree on it, however far each has applied or removed. */
#ifndef RK_CONTROL_ETCD_HASH_H
#define RK_CONTROL_ETCD_HASH_H

#include "control/etcd/keys.h"

uint32_t rk_etcd_hash(const struct rk_node *root, uint64_t revision);

#endif
