/* node/pod_user.h - which user and groups a container's process has. Pure. */
#ifndef RK_NODE_POD_USER_H
#define RK_NODE_POD_USER_H

#include "base/err.h"
#include "wire/val.h"

#define RK_USER_GROUPS_MAX 64

struct rk_user {
	uint32_t uid, gid;
	uint32_t group_count;
	uint32_t groups[RK_USER_GROUPS_MAX]; /* supplementary */
	struct rk_span home;                 /* from passwd; empty when it is not there */
};

/* security contexts win over the image's User ("name", "1000", "name:group"...), whose names are
 * looked up in the image's own passwd and group. RK_EINVAL: no such name, or runAsNonRoot and it
 * would be root. */
RK_MUST_CHECK int rk_pod_user(const struct rk_val *pod, const struct rk_val *container,
			      struct rk_span image_user, struct rk_span passwd,
			      struct rk_span group, struct rk_user *ret, struct rk_error *error);

#endif
