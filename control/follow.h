/* control/follow.h - who hears of a change, and who does the work that follows from it. */
#ifndef RK_CONTROL_FOLLOW_H
#define RK_CONTROL_FOLLOW_H

#include "control/state.h"

/* A controller: what it follows, and what it does for one key. Its number is in the log's state: never reuse one. */
struct rk_controller {
	uint8_t number;
	const char *name;
	/* Called for each change of any object, before anything else happens: turns it into keys of work (rk_work_add,
	 * rk_work_at). Must be quick, and change nothing but the queue, timers and derived caches. */
	void (*follow)(struct rk_state *state, const struct rk_change *change);
	/* Does the work of one key, in bounded time; what is left it adds to the queue again. */
	void (*reconcile)(struct rk_state *state, struct rk_span key);
};

/* Numbers of the controllers; see control/controllers/. */
enum rk_controller_number {
	RK_CONTROLLER_NAMESPACE = 1,
	RK_CONTROLLER_GARBAGE = 2,
	RK_CONTROLLER_REPLICASET = 3,
	RK_CONTROLLER_DEPLOYMENT = 4,
	RK_CONTROLLER_SCHEDULER = 5,
	RK_CONTROLLER_ENDPOINTS = 6,
	RK_CONTROLLER_NODE = 7,
	RK_CONTROLLER_EVICTION = 8,
	RK_CONTROLLER_EVENTS = 9,
	RK_CONTROLLER_SERVICEACCOUNT = 10,
	RK_CONTROLLER_NODEIPAM = 11,
	RK_CONTROLLER_PODGC = 12,
	RK_CONTROLLER_ETCD = 13,
	RK_CONTROLLER_CUSTOM = 14,
	RK_CONTROLLER_CLUSTERROLE = 15,
	RK_CONTROLLER_BUDGET = 16,
	RK_CONTROLLER_KUBERNETES = 17,
	RK_CONTROLLER_ROOTCA = 18,
};


void rk_follow(struct rk_state *state, const struct rk_change *change);
/* Works until the queue is empty or `budget` changes were made under this entry. */
void rk_controllers_run(struct rk_state *state, size_t budget);

/* The key of an object as work: ns NUL name; and back. */
struct rk_span rk_work_key(struct rk_state *state, struct rk_span ns, struct rk_span name);
void rk_work_key_split(struct rk_span key, struct rk_span *ret_ns, struct rk_span *ret_name);

#endif
