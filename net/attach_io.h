/* net/attach_io.h - the socket programs in the kernel: loaded, attached to a cgroup, and pinned so
 * that they and their maps outlive the process. What an earlier life pinned with the same layout is
 * taken over without a gap. */
#ifndef RK_NET_ATTACH_IO_H
#define RK_NET_ATTACH_IO_H

#include "base/err.h"

struct rk_attached;

/* RK_ENOTSUP: this kernel, or this process's rights, cannot; RK_EINVAL: not a cgroup2 or bpf
 * directory. */
RK_MUST_CHECK int rk_attach(struct rk_attached **ret, const char *cgroup, const char *pin,
			    struct rk_error *error);
struct rk_attached *rk_attached_close(struct rk_attached *attached); /* takes NULL, returns NULL */
/* Detaches and removes the pins; still to be closed. */
void rk_attached_detach(struct rk_attached *attached);
/* Of the map of that name (see net/bpf/sock.bpf.c); borrowed. */
int rk_attached_map(const struct rk_attached *attached, const char *name);

#endif
