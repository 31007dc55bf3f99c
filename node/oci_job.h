/* node/oci_job.h - inside the real runtime: one act on its way through a job. */
#ifndef RK_NODE_OCI_JOB_H
#define RK_NODE_OCI_JOB_H

#include "node/job_io.h"
#include "node/oci_runtime_io.h"

#define RK_LOG_ROTATE_BYTES (10 << 20)
#define RK_LOG_ROTATE_FILES 5

struct rk_oci_live { /* a container that runs, or is being started */
	struct rk_oci_live *next;
	char id[RK_CONTAINER_ID_MAX];
	bool is_starting;
	char log[RK_PATH_MAX];
};

struct rk_oci_runtime {
	struct rk_runtime base;
	struct rk_oci oci;
	struct rk_oci_runtime_opts opts;
	char host_ip[64];
	struct rk_jobs *jobs, *checks; /* checks: probes and hooks, which nothing waits behind */
	struct rk_podnet *podnet;
	struct rk_oci_live *live;
	int inotify;
	ev_io exits;
	ev_timer rotate;
};

struct rk_oci_job { /* a copy of an act */
	struct rk_oci_runtime *runtime;
	struct rk_arena arena;
	struct rk_act act;
	struct rk_pod_view view;
	char id[RK_CONTAINER_ID_MAX];
};

/* What runs in the child. */
int rk_oci_work(void *context, struct rk_buf *out, struct rk_error *error);

/* Ends of containers: watches DIR/exits, and rotates logs. RK_EIO. */
RK_MUST_CHECK int rk_oci_exits_open(struct rk_oci_runtime *runtime, struct rk_error *error);
void rk_oci_exits_close(struct rk_oci_runtime *runtime);
/* If that run has ended: reports it (a fact) and removes what is left. */
bool rk_oci_exits_check(struct rk_oci_runtime *runtime, const char *id);
struct rk_oci_live *rk_oci_live_add(struct rk_oci_runtime *runtime, const char *id,
				    const char *log);
void rk_oci_live_drop(struct rk_oci_runtime *runtime, const char *id);
/* Removes a run's remains, later. */
void rk_oci_remove_later(struct rk_oci_runtime *runtime, struct rk_span uid, const char *id);

#endif
