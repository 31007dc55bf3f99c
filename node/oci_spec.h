/* node/oci_spec.h - the OCI runtime's config.json of a pod's sandbox and of its containers. Pure.
 */
#ifndef RK_NODE_OCI_SPEC_H
#define RK_NODE_OCI_SPEC_H

#include <sys/types.h>

#include "node/pod_user.h"
#include "node/pod_view.h"

struct rk_spec_mount { /* a bind mount */
	const char *from, *to;
	bool is_readonly;
	const char *propagation; /* "rprivate", "rslave", "rshared" */
};

struct rk_spec_in {
	const struct rk_pod_view *view;
	const struct rk_val *container;    /* of the pod's spec */
	const struct rk_val *image_config; /* the OCI image config, whole */
	const struct rk_val *env;          /* from rk_pod_env */
	const struct rk_user *user;
	const char *rootfs;       /* absolute */
	const char *cgroups_path; /* "/reckon/n1/pod<uid>/<id>" */
	pid_t sandbox_pid;        /* whose namespaces it joins */
	pid_t target_pid;         /* whose processes it sees; 0: its own, or the pod's */
	size_t mount_count;
	const struct rk_spec_mount *mounts;
	const char *shm; /* the pod's /dev/shm */
	int oom_least;   /* the lowest oom_score_adj that may be set here */
	uint64_t capabilities; /* that there are to give: a bit each */
};

/* RK_EINVAL: there is nothing to run, or a field that cannot be honoured (error says which). */
RK_MUST_CHECK int rk_oci_spec(struct rk_arena *arena, const struct rk_spec_in *in,
			      struct rk_val **ret, struct rk_error *error);
/* The infra container: holds the namespaces that the pod does not share with the node. */
struct rk_val *rk_oci_sandbox_spec(struct rk_arena *arena, const struct rk_pod_view *view,
				   const char *rootfs, const char *cgroups_path, int oom_least);
/* The pod's host name: spec.hostname or its name, cut to 63 bytes. */
struct rk_span rk_pod_hostname(const struct rk_val *pod);
/* oom_score_adj of a container, by its pod's QoS. */
int rk_oom_score(const struct rk_pod_view *view, const struct rk_val *container);
/* The command with its arguments, $(NAME) replaced: a list. RK_EINVAL: neither the pod nor the
 * image says what to run. */
RK_MUST_CHECK int rk_oci_args(struct rk_arena *arena, const struct rk_val *container,
			      const struct rk_val *image_config, const struct rk_val *env,
			      struct rk_val **ret, struct rk_error *error);

#endif
