/* node/cgroup_io.h - the control groups of a node's pods, in version 2, version 1 or both (hybrid).
 *
 * Below the node's path each pod has `pod<uid>`, with a leaf for each container and `run` for what
 * starts them. A process is put into `run` before it starts a container or an exec, so that its
 * sockets are the pod's from the first. */
#ifndef RK_NODE_CGROUP_IO_H
#define RK_NODE_CGROUP_IO_H

#include "base/err.h"
#include "node/files_io.h"

#define RK_CGROUP_ROOTS_MAX 16

struct rk_cgroups {
	char path[256]; /* of the node, below each root: "/reckon/n1" */
	bool is_pure;   /* version 2 only */
	unsigned root_count;
	char roots[RK_CGROUP_ROOTS_MAX][128]; /* where hierarchies are mounted; [0] is version 2 */
};

/* Finds what is mounted and makes the node's directory in version 2. RK_ENOTSUP without a cgroup2
 * file system. */
RK_MUST_CHECK int rk_cgroups_open(struct rk_cgroups *ret, const char *path, struct rk_error *error);
/* Moves the calling process (a job) to the pod's `run`. */
RK_MUST_CHECK int rk_cgroups_enter(const struct rk_cgroups *cgroups, const char *pod,
				   struct rk_error *error);
/* Whether the kernel killed a process of that container for want of memory; while its group is
 * still there. */
bool rk_cgroups_oom_killed(const struct rk_cgroups *cgroups, const char *pod, const char *id);
/* Removes the pod's groups everywhere, whose processes have ended or end within a second: blocks. NULL: the node's own. */
void rk_cgroups_remove(const struct rk_cgroups *cgroups, const char *pod);

#endif
