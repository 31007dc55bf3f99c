/* control/etcd/etcd_io.h - the etcd v3 API of a member: gRPC over HTTP/2.
 *
 * Each thread has a listener, a loop and a feed of its own (control/core_io.h), answers reads from
 * the newest view that it was given, and takes watch events from that view too. Over TLS a client
 * needs a certificate of the cluster's CA in the group system:masters, or a member's; without TLS
 * anybody who can connect may do anything, which is why only loopback addresses are listened on
 * then. */
#ifndef RK_CONTROL_ETCD_ETCD_IO_H
#define RK_CONTROL_ETCD_ETCD_IO_H

#include "control/core_io.h"
#include "wire/tls_io.h"

struct rk_etcd;

struct rk_etcd_opts {
	struct rk_core *core;
	const char *address;   /* "127.0.0.1:2379" */
	const char *advertise; /* its URL for clients, "https://127.0.0.1:2379"; NULL: from the
				  address */
	struct rk_tls *server; /* a share is taken; requires client certificates. NULL: plain */
	unsigned threads;      /* 0: 1 */
	uint64_t cluster_id, member_id;
	const char *name; /* the member's */
};

/* Listens and starts the threads. RK_EBUSY when the port is in use; RK_EINVAL: plain, but not
 * loopback. */
RK_MUST_CHECK int rk_etcd_new(struct rk_etcd **ret, const struct rk_etcd_opts *opts,
			      struct rk_error *error);
/* Ends watches, gives what is in flight up to `grace_ms`; takes NULL, returns NULL. */
struct rk_etcd *rk_etcd_free(struct rk_etcd *etcd, uint32_t grace_ms);

#endif
