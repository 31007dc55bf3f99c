/* node/volume_io.h - a pod's volumes on the disk. Blocks: for jobs. */
#ifndef RK_NODE_VOLUME_IO_H
#define RK_NODE_VOLUME_IO_H

#include "node/files_io.h"
#include "node/oci_spec.h"
#include "node/pod_view.h"

#define RK_POD_MOUNTS_MAX 64

/* Makes or refreshes every volume below `dir` (one directory each). RK_EAGAIN: an object is not
 * read yet; RK_ENOENT: it, or a key, or a host path is not there; RK_ENOTSUP: a kind that is not
 * implemented. */
RK_MUST_CHECK int rk_volumes_prepare(const char *dir, const struct rk_pod_view *view,
				     struct rk_error *error);
/* Where the volumes of a container are: fills `mounts` (strings in the arena). RK_EINVAL: no such
 * volume, a subPath that leaves it. */
RK_MUST_CHECK int rk_volume_mounts(struct rk_arena *arena, const char *dir,
				   const struct rk_pod_view *view, const struct rk_val *container,
				   struct rk_spec_mount mounts[RK_POD_MOUNTS_MAX],
				   size_t *ret_count, struct rk_error *error);

#endif
