/* control/state.h - the state while one entry is applied: what operations, controllers and the scheduler read and change.
 *
 * Nothing here reads a clock, rolls dice or does I/O. `now_ms` is the entry's time; names and uids come from a hash
 * of (cluster id, log index, counter). Everything that is decided later from what is remembered here is a key
 * of the store, so that a member restored from a snapshot goes on exactly like one that replayed the log. */
#ifndef RK_CONTROL_STATE_H
#define RK_CONTROL_STATE_H

#include "control/command.h"
#include "control/schema/kinds.h"
#include "store/store.h"

/* What a new cluster begins with. What apply does may differ from what it did only where state->version says so: a log
 * gives for ever what it gave. */
#define RK_MACHINE_VERSION 3
#define RK_OWNERS_SINCE	   2 /* fields have owners (managedFields), and there is server-side apply */
#define RK_POLICY_SINCE	   2 /* roles and the system's priority classes are there from the beginning */
#define RK_PRIORITY_SINCE  2 /* pods have the priority of their class */
#define RK_BUDGETS_SINCE   2 /* evictions keep to PodDisruptionBudgets */
#define RK_KEPT_SINCE	   2 /* what a cluster cannot be without stays, or comes back */
#define RK_ACCOUNTS_SINCE  3 /* pods act as accounts that are there; every namespace has the cluster's CA */
#define RK_PARTS_SINCE	   3 /* pods count their changes, and change in parts: ephemeral containers, sizes */

struct rk_customs;
struct rk_sched_cache;

struct rk_state {
	struct rk_store *store;         /* owned */
	const struct rk_kinds *built_in; /* borrowed */
	struct rk_customs *customs;     /* owned; derived from definitions: see control/customs.h, as for the next two */
	const struct rk_kinds *kinds;   /* a share; read it by rk_state_kinds */
	bool kinds_stale;
	struct rk_sched_cache *sched;   /* owned; derived from nodes and pods */
	struct rk_arena arena;          /* of the entry that is being applied */
	uint64_t cluster_high, cluster_low;
	uint32_t version;               /* of the machine that the cluster runs (machine.h); 0 before its first entry */
	uint64_t index;                 /* of the entry */
	int64_t now_ms;
	uint32_t counter;               /* of uids and names made under this entry */
	struct rk_change *changes;      /* made under this entry, in revision order */
	size_t change_count, change_capacity;
};

/* --- reading --- */

/* Borrowed until the next change; NULL when there is none. */
const struct rk_item *rk_state_item(const struct rk_state *state, struct rk_span kind, struct rk_span ns,
				    struct rk_span name);
/* The encoded object, borrowed until the next change; {NULL, 0} when there is none. */
struct rk_span rk_state_doc(const struct rk_state *state, const char *kind, struct rk_span ns,
			    struct rk_span name);
/* Decoded into the entry's arena, the caller's to change; strings are copies, so it outlives any change. */
struct rk_val *rk_state_val(struct rk_state *state, struct rk_span kind, struct rk_span ns,
			    struct rk_span name);

struct rk_name { /* of an object; spans live in the entry's arena */
	struct rk_span kind, ns, name;
};
struct rk_names {
	struct rk_name *at;
	size_t count, capacity;
};
/* Appends the names of every object of the kind (in the namespace when ns.size > 0), in order. */
void rk_state_names(struct rk_state *state, struct rk_span kind, struct rk_span ns, struct rk_names *ret);
/* As above, from a derived index (control/index.h). */
void rk_state_indexed(struct rk_state *state, char index, struct rk_span value, struct rk_names *ret);
void rk_names_add(struct rk_state *state, struct rk_names *names, struct rk_span kind, struct rk_span ns,
		  struct rk_span name);

/* --- changing: the one way in which an object comes, changes and goes --- */

/* Stores the whole object under a new revision, which is set in metadata.resourceVersion. Indexes, watchers and
 * every controller that follows the kind hear of it. */
void rk_state_put(struct rk_state *state, struct rk_span kind, struct rk_span ns, struct rk_span name,
		  struct rk_val *object);
void rk_state_remove(struct rk_state *state, struct rk_span kind, struct rk_span ns, struct rk_span name);

/* --- identity --- */

uint64_t rk_state_random(struct rk_state *state);                        /* 64 bits, different at each call */
struct rk_span rk_state_uid(struct rk_state *state);                     /* an RFC 9562 version 8 UUID */
struct rk_span rk_state_suffix(struct rk_state *state, struct rk_span base); /* base and five letters */
struct rk_span rk_safe_text(struct rk_arena *arena, uint64_t hash, size_t letters); /* Kubernetes' safe alphabet */

struct rk_span rk_state_time(struct rk_state *state); /* now, as metav1.Time */

#endif
