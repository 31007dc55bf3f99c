/* net/service_io.h - Services in the kernel: eBPF programs on a cgroup that turn a cluster address
 * into an endpoint's when a socket connects or sends. See shared anchors in docs/network.md for the
 * order of map writes.
 *
 * Feed it objects as they come (Service, EndpointSlice); `sync` writes what differs. */
#ifndef RK_NET_SERVICE_IO_H
#define RK_NET_SERVICE_IO_H

#include "base/err.h"
#include "wire/val.h"

struct rk_services;

struct rk_services_opts {
	const char *cgroup; /* a cgroup2 directory: processes in it and below have their connections
			       translated */
	const char *pin;  /* a directory for this node in a bpf file system: links and maps outlive
			     the process */
	const char *node; /* this node's name, for internalTrafficPolicy: Local */
};

/* Loads and attaches, or takes over what an earlier life pinned. RK_ENOTSUP with the reason where
 * the kernel cannot. */
RK_MUST_CHECK int rk_services_open(struct rk_services **ret, const struct rk_services_opts *opts,
				   struct rk_error *error);
struct rk_services *rk_services_close(
	struct rk_services *services); /* programs stay attached; takes NULL, returns NULL */
void rk_services_destroy(struct rk_services *services); /* detaches, unpins, closes */

/* object NULL: it is gone. Nothing reaches the kernel until sync. */
void rk_services_put(struct rk_services *services, struct rk_span ns, struct rk_span name,
		     const struct rk_val *service);
void rk_services_put_slice(struct rk_services *services, struct rk_span ns, struct rk_span name,
			   const struct rk_val *slice);
/* All objects that exist have been put, once: what an earlier life served beyond them goes with the
 * next sync. Until this call (or 30 s, whichever is first) its addresses and endpoints stay, so
 * that a restart is not noticed. */
void rk_services_settle(struct rk_services *services);
/* RK_ETOOBIG when a table is full (error names it); what fits is served. */
RK_MUST_CHECK int rk_services_sync(struct rk_services *services, struct rk_error *error);

#endif
