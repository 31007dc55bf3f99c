/* control/scheduler/cache.h - what the scheduler needs of every node, summed up: derived from nodes
 * and pods, so that placing one pod costs a look at each node and not at every pod. In order of
 * node names; nothing that it holds can change a result, it only makes it cheap. */
#ifndef RK_SCHEDULER_CACHE_H
#define RK_SCHEDULER_CACHE_H

#include "control/state.h"

enum { RK_RES_CPU, RK_RES_MEMORY, RK_RES_STORAGE, RK_RES_PODS, RK_RES_COUNT };

struct rk_resources { /* cpu in thousandths of a core, memory and storage in bytes */
	int64_t at[RK_RES_COUNT];
};

struct rk_sched_owner { /* pods of one controller on one node */
	uint64_t owner; /* hash of its uid */
	uint32_t count;
};

struct rk_sched_node {
	struct rk_span name; /* into doc's key share */
	struct rk_blob *name_blob;
	struct rk_blob *doc;           /* the Node */
	struct rk_arena arena;         /* of taints */
	const struct rk_val *taints;   /* spec.taints, decoded; NULL when there are none */
	struct rk_resources room;      /* status.allocatable */
	struct rk_resources used;      /* requests of its pods */
	struct rk_sched_owner *owners; /* sorted by owner */
	size_t owner_count, owner_capacity;
	bool exists; /* false: pods name it, but there is no such node */
};

struct rk_sched_cache;

struct rk_sched_cache *rk_sched_cache_new(void) __attribute__((returns_nonnull));
struct rk_sched_cache *rk_sched_cache_free(struct rk_sched_cache *cache);
void rk_sched_cache_rebuild(struct rk_state *state);
/* Takes in the changes of this entry that it has not seen; call it before reading, and when the
 * entry ends. */
void rk_sched_cache_sync(struct rk_state *state);
void rk_sched_cache_end(struct rk_state *state); /* the entry's changes are handed on: the next
						    entry begins at none */

/* In name order; those with exists = false are to be passed over. Borrowed until the next sync. */
struct rk_sched_node *const *rk_sched_nodes(const struct rk_sched_cache *cache, size_t *ret_count);
uint32_t rk_sched_owned(const struct rk_sched_node *node, uint64_t owner);

/* What a pod asks for, or still holds: the sum over its containers, or its largest init container, plus
 * overhead; one pod. */
struct rk_resources rk_pod_requests(struct rk_state *state, struct rk_span pod);
/* Whether a change of a pod leaves its node with more room, the pod staying there. */
bool rk_sched_lets_go(struct rk_state *state, const struct rk_change *change);
uint64_t rk_pod_owner_hash(struct rk_state *state, struct rk_span pod);

#endif
