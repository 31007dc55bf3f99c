/* node/oci_parts.h - the parts of config.json that do not depend on the container's command. Pure.
 */
#ifndef RK_NODE_OCI_PARTS_H
#define RK_NODE_OCI_PARTS_H

#include "base/err.h"
#include "wire/val.h"

/* process.capabilities: the usual set, with the container's add and drop; everything when
 * privileged. `most`: what there is to give here, a bit each by the kernel's numbers; that is what "everything" means.
 * RK_EINVAL: no such capability. */
RK_MUST_CHECK int rk_oci_capabilities(struct rk_arena *arena, const struct rk_val *container, uint64_t most,
				      struct rk_val **ret, struct rk_error *error);
/* linux.resources from the container's requests and limits. */
struct rk_val *rk_oci_resources(struct rk_arena *arena, const struct rk_val *container);
/* proc, dev, sys and friends. shm: a directory that becomes /dev/shm; NULL: none. */
struct rk_val *rk_oci_system_mounts(struct rk_arena *arena, bool is_privileged, const char *shm);
/* linux.maskedPaths and linux.readonlyPaths. */
void rk_oci_hide_paths(struct rk_arena *arena, struct rk_val *linux_part);
struct rk_val *rk_oci_mount(struct rk_arena *arena, const char *to, const char *type,
			    const char *from, const char *const *options);
bool rk_container_is_privileged(const struct rk_val *container);

#endif
