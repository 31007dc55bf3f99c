/* node/runtime.h - what runs the containers: the real one (node/oci_runtime_io.h) and its simulated
 * twin (node/sim_runtime_io.h). */
#ifndef RK_NODE_RUNTIME_H
#define RK_NODE_RUNTIME_H

#include "node/facts.h"

struct rk_runtime;

struct rk_runtime_ops {
	/* Begins to do what an act for the runtime asks; never waits. The act is borrowed for the
	 * call. */
	void (*act)(struct rk_runtime *runtime, const struct rk_act *act);
	/* After a pod was restored: says (by facts) what became of it meanwhile. state: as in
	 * RK_ACT_SAVE. */
	void (*adopt)(struct rk_runtime *runtime, const struct rk_val *pod,
		      const struct rk_val *state);
	/* Objects that the pod's volumes hold have changed. */
	void (*refresh)(struct rk_runtime *runtime, const struct rk_act *volumes);
	struct rk_runtime *(*free)(struct rk_runtime *runtime); /* containers go on; returns NULL */
};

struct rk_runtime { /* the first member of each implementation */
	const struct rk_runtime_ops *ops;
	void *context;
	/* Takes a copy; may be called at any time, also within `act`. */
	void (*fact)(void *context, const struct rk_fact *fact);
};

#endif
