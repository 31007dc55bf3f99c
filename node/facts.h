/* node/facts.h - what the agent's pure core is told (facts) and what it asks for (acts). */
#ifndef RK_NODE_FACTS_H
#define RK_NODE_FACTS_H

#include <sys/types.h>

#include "base/arena.h"
#include "wire/val.h"

struct rk_now { /* both in milliseconds; the wall clock for what people read, the other for waiting
		 */
	int64_t wall, mono;
};

enum rk_probe_kind { RK_PROBE_STARTUP, RK_PROBE_LIVENESS, RK_PROBE_READINESS, RK_PROBE_KINDS };
enum rk_hook_kind { RK_HOOK_POST_START, RK_HOOK_PRE_STOP };

enum rk_fact_kind {
	RK_FACT_TIME,     /* nothing but the time */
	RK_FACT_POD,      /* pod: the object as it is wanted now */
	RK_FACT_RESTORED, /* pod and state: from an earlier life of the agent; before anything else
			     of that pod */
	RK_FACT_GONE,     /* uid: the object is no longer there */
	RK_FACT_VOLUMES,  /* uid, err, text */
	RK_FACT_SANDBOX,  /* uid, err, text, or: pid, address */
	RK_FACT_SANDBOX_LOST, /* uid: its first process ended */
	RK_FACT_IMAGE,        /* uid, container, err, reason, text, or: image_id, text (event) */
	RK_FACT_STARTED,      /* uid, container, attempt, err, reason, text, or: id, time_ms */
	RK_FACT_EXITED,       /* uid, container, attempt, code, is_oom, time_ms, text (termination
				 message) */
	RK_FACT_HOOK,         /* uid, container, attempt, hook, err, text */
	RK_FACT_PROBED,       /* uid, container, attempt, probe, err (0: healthy), text */
	RK_FACT_RESIZED,      /* uid, container, attempt, err, text */
	RK_FACT_CLEARED,      /* uid, err, text */
	RK_FACT_ARRIVED,      /* uid: something that its volumes wait for (RK_EAGAIN) */
};

struct rk_fact { /* spans and values are borrowed for the step */
	enum rk_fact_kind kind;
	struct rk_span uid, container;
	uint32_t attempt;
	int err;
	struct rk_span reason, text, id, image_id, address;
	int64_t time_ms; /* wall */
	pid_t pid;
	int code;
	bool is_oom;
	enum rk_probe_kind probe;
	enum rk_hook_kind hook;
	const struct rk_val *pod, *state;
};

enum rk_act_kind {
	/* For the runtime; each is answered by the fact of the same name (RESIZE: RESIZED), except SIGNAL (EXITED,
	   some day) and FORGET. */
	RK_ACT_VOLUMES,
	RK_ACT_SANDBOX,
	RK_ACT_PULL,   /* container: have its image, as imagePullPolicy says */
	RK_ACT_START,  /* container, attempt, target_attempt */
	RK_ACT_SIGNAL, /* container, attempt, signal */
	RK_ACT_HOOK,   /* container, attempt, hook, handler, timeout_ms */
	RK_ACT_PROBE,  /* container, attempt, probe, handler, timeout_ms */
	RK_ACT_RESIZE, /* container, attempt: give the run the container's resources */
	RK_ACT_CLEAR,  /* end the sandbox and unmount everything; logs and records stay */
	RK_ACT_FORGET, /* nothing of the pod stays on the node */
	/* For the agent. */
	RK_ACT_STATUS, /* body: the pod's new status */
	RK_ACT_EVENT,  /* is_warning, reason, text; container: what it is about, or NULL */
	RK_ACT_DELETE, /* the pod has ended: delete the object for good */
	RK_ACT_SAVE,   /* body: what RK_FACT_RESTORED wants to see again */
};

struct rk_act { /* borrowed until the next step of the core */
	enum rk_act_kind kind;
	struct rk_span uid, ns, name, address;
	const struct rk_val *pod;       /* the object */
	const struct rk_val *container; /* its part of the spec */
	uint32_t attempt;
	uint32_t target_attempt; /* START: the run of the container's targetContainerName */
	pid_t sandbox_pid;
	int signal;
	enum rk_probe_kind probe;
	enum rk_hook_kind hook;
	const struct rk_val *handler;
	uint32_t timeout_ms;
	const struct rk_val *body;
	bool is_warning;
	struct rk_span reason, text;
};

struct rk_acts { /* all zero is empty; the arena holds what the acts point to */
	struct rk_arena arena;
	struct rk_act *items;
	size_t count, capacity;
};

void rk_acts_reset(struct rk_acts *acts);
void rk_acts_done(struct rk_acts *acts);

#endif
