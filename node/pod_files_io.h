/* node/pod_files_io.h - the files that every container of a pod sees: hosts, hostname, resolv.conf,
 * and its /dev/shm. */
#ifndef RK_NODE_POD_FILES_IO_H
#define RK_NODE_POD_FILES_IO_H

#include "node/oci_container_io.h"

/* Writes DIR/pods/UID/etc/... and mounts DIR/pods/UID/shm. Again: the same. */
RK_MUST_CHECK int rk_pod_files(const struct rk_oci *oci, const struct rk_pod_view *view,
			       struct rk_error *error);

#endif
