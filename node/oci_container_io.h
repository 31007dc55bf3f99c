/* node/oci_container_io.h - sandboxes and containers through conmon and runc (or crun). Everything
 * blocks: for jobs.
 *
 * DIR/pods/UID/c/ID is the bundle of one run; ID is "UID" for the sandbox and "UID.NAME.ATTEMPT"
 * for containers. conmon writes the exit code to DIR/exits/ID, also while the agent is down. */
#ifndef RK_NODE_OCI_CONTAINER_IO_H
#define RK_NODE_OCI_CONTAINER_IO_H

#include "node/cgroup_io.h"
#include "node/facts.h"
#include "node/pod_view.h"

#define RK_CONTAINER_ID_MAX 160

struct rk_oci {
	char dir[512]; /* absolute */
	char runtime[256], conmon[256];
	struct rk_cgroups cgroups;
	int oom_least;             /* the lowest oom_score_adj that may be set here */
	uint64_t capabilities;     /* those of this process */
	char dns[64], domain[128]; /* for resolv.conf; dns empty: the node's own */
};

struct rk_oci_run { /* one run of one container, borrowed */
	const struct rk_pod_view *view;
	const struct rk_val *container;
	uint32_t attempt;
	uint32_t target_attempt; /* of its targetContainerName, when it has one */
	pid_t sandbox_pid;
};

/* Finds the programs and makes the directories. RK_ENOENT names a missing program. */
RK_MUST_CHECK int rk_oci_open(struct rk_oci *ret, const char *dir, const char *cgroup,
			      struct rk_error *error);
void rk_oci_id(char id[RK_CONTAINER_ID_MAX], struct rk_span uid, struct rk_span container,
	       uint32_t attempt);

/* Creates and starts the infra container. */
RK_MUST_CHECK int rk_oci_sandbox(const struct rk_oci *oci, const struct rk_pod_view *view,
				 pid_t *ret_pid, struct rk_error *error);
/* Creates and starts a container whose image is there. *ret_reason: the kubelet's word for the step
 * that failed. */
RK_MUST_CHECK int rk_oci_start(const struct rk_oci *oci, const struct rk_oci_run *run,
			       pid_t *ret_pid, const char **ret_reason, struct rk_error *error);
/* SIGTERM means the image's own stop signal. A container that is not running is no error. */
RK_MUST_CHECK int rk_oci_signal(const struct rk_oci *oci, struct rk_span uid, const char *id,
				int number, struct rk_error *error);
/* Gives a running container the resources that `container` has now. */
RK_MUST_CHECK int rk_oci_resize(const struct rk_oci *oci, struct rk_span uid, const char *id,
				const struct rk_val *container, struct rk_error *error);
/* What is left of a run: the runtime's state, mounts and the bundle. */
RK_MUST_CHECK int rk_oci_remove(const struct rk_oci *oci, struct rk_span uid, const char *id,
				struct rk_error *error);
/* Every container of a pod with its sandbox, its mounts and control groups. */
RK_MUST_CHECK int rk_oci_clear(const struct rk_oci *oci, struct rk_span uid,
			       struct rk_error *error);
/* Runs a command in a container: *ret_status is its exit code. */
RK_MUST_CHECK int rk_oci_exec(const struct rk_oci *oci, struct rk_span uid, const char *id,
			      const struct rk_val *command, uint32_t timeout_ms,
			      struct rk_buf *output, int *ret_status, struct rk_error *error);
/* Where the log of a run is: DIR/logs/NS_NAME_UID/CONTAINER/ATTEMPT.log. */
void rk_oci_log_path(const struct rk_oci *oci, char path[RK_PATH_MAX],
		     const struct rk_pod_view *view, struct rk_span container, uint32_t attempt);
/* The directory of a run: conmon's sockets and pipes are there too. */
void rk_oci_bundle_path(const struct rk_oci *oci, char path[RK_PATH_MAX], struct rk_span uid,
			const char *id);
/* The first process of a run, when it is there (and is still that one); otherwise 0. */
pid_t rk_oci_pid(const struct rk_oci *oci, struct rk_span uid, const char *id);
bool rk_oci_is_running(const struct rk_oci *oci, struct rk_span uid, const char *id);

#endif
