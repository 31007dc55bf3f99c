/* node/pod_state.h - what the core knows about one pod and its containers. Pure. */
#ifndef RK_NODE_POD_STATE_H
#define RK_NODE_POD_STATE_H

#include "base/blob.h"
#include "node/facts.h"
#include "node/probe_state.h"
#include "node/restart.h"

#define RK_TEXT_KEPT_MAX 1024

/* Life of a container: WAITING -> PULLING -> STARTING -> RUNNING -> EXITED -> WAITING (when it
 * restarts) ... A failed pull or start goes back to WAITING with a reason and a back-off. */
enum rk_container_phase {
	RK_CONTAINER_WAITING,
	RK_CONTAINER_PULLING,
	RK_CONTAINER_STARTING,
	RK_CONTAINER_RUNNING,
	RK_CONTAINER_EXITED,
};

/* How far stopping a running container has got. */
enum rk_stop_stage { RK_STOP_NONE, RK_STOP_HOOK, RK_STOP_TERM, RK_STOP_KILL };

struct rk_ending { /* how a run ended */
	bool is_set;
	int code;
	int64_t started, finished; /* wall */
	char reason[64];
	char *message; /* heap, may be NULL */
	char *id;      /* heap */
};

struct rk_container {
	char *name;                /* heap */
	struct rk_val *spec;       /* in the pod's object, with the resources that were granted */
	struct rk_val *wanted;     /* resources that are asked for and not granted; NULL: none */
	bool is_init, is_sidecar;
	bool is_ephemeral;   /* added to look at the others: no part of the pod's phase, started once */
	bool is_unsupported; /* ephemeral, with a field that is not implemented: it stays where it is */
	enum rk_container_phase phase;
	uint32_t attempt; /* number of the current, or next, run: 0, 1... */
	uint32_t restarts;
	char *id, *image_id;           /* heap; of the current run */
	int64_t started;               /* wall */
	char reason[64];               /* why it waits */
	char *message;                 /* heap */
	struct rk_ending ending, last; /* of this run when EXITED, and of the one before */
	struct rk_backoff restart, image;
	bool has_image, is_starting_hook, said_backoff;
	enum rk_stop_stage stop;
	int64_t stop_until; /* mono: when the next stage begins */
	int64_t grace_ms;   /* what is left for TERM after the hook */
	struct rk_probe_state probes[RK_PROBE_KINDS];
	struct rk_blob *applied, *sent; /* resources, encoded: what the run has, and what is on its way */
	bool is_resizing, is_restarting; /* on its way; it ends to begin again with another size */
	struct rk_backoff resize;
	char *resize_error; /* heap */
};

struct rk_size {
	int64_t cpu_milli, memory;
};

enum rk_step_state { RK_STEP_TODO, RK_STEP_BUSY, RK_STEP_DONE };

struct rk_pod {
	struct rk_pod *next;
	struct rk_arena arena; /* holds the object */
	struct rk_val *object;
	struct rk_span uid, ns, name; /* in the object */
	enum rk_restart_policy policy;
	uint32_t container_count;
	struct rk_container *containers; /* init containers first, in order; ephemeral ones last */
	enum rk_step_state volumes, sandbox, clearing;
	struct rk_backoff volumes_backoff, sandbox_backoff, clear_backoff;
	bool sandbox_exists; /* something to clear */
	pid_t sandbox_pid;
	char address[64];
	int64_t start_time;  /* wall; 0: not seen yet */
	bool is_stopping;    /* deletion asked, or it ended early */
	bool is_gone;        /* the object is no longer there */
	bool is_deleting;    /* the final delete was asked for */
	bool is_dead;        /* freed with the next step */
	bool is_ended;       /* phase Succeeded or Failed: final */
	bool is_unsupported; /* a field that it needs is not implemented */
	int64_t grace_ms;
	int64_t delete_at; /* mono: when to ask again */
	char phase[16];    /* once it is final */
	char reason[64];   /* of the pod, such as DeadlineExceeded */
	char *message;
	uint64_t status_hash, saved_hash;
	int64_t synced; /* mono: what was due by then is done */
	const char *resize_pending; /* "Deferred", "Infeasible", or NULL */
	char *resize_text;          /* heap: why */
	int64_t condition_since[6]; /* wall; by enum of pod_status.c */
	bool condition_is_true[6];
};

struct rk_pod *rk_pod_new(const struct rk_val *object) __attribute__((returns_nonnull));
struct rk_pod *rk_pod_free(struct rk_pod *pod); /* returns NULL */
/* A newer form of the same pod (same uid). It may bring ephemeral containers, and then moves the others. */
void rk_pod_update(struct rk_pod *pod, const struct rk_val *object);
static inline bool rk_container_is_app(const struct rk_container *container)
{
	return !container->is_init && !container->is_ephemeral;
}
struct rk_container *rk_pod_find_container(const struct rk_pod *pod, struct rk_span name);
/* Replaces a heap text, cut to RK_TEXT_KEPT_MAX. */
void rk_text_set(char **text, struct rk_span value);
/* The state of a pod as a value, and back. */
struct rk_val *rk_pod_save(struct rk_arena *arena, const struct rk_pod *pod);
void rk_pod_restore(struct rk_pod *pod, const struct rk_val *state, struct rk_now now);

/* True when the run counts as started: running, its hook is over and its startup probe has
 * succeeded. */
bool rk_container_is_started(const struct rk_container *container);
bool rk_container_is_ready(const struct rk_container *container);
/* Starts the book-keeping of probes for a run. */
void rk_container_begin_probes(struct rk_container *container, int64_t now_mono);

#endif
