/* net/dns_io.h - cluster DNS on a node: A and SRV (and PTR) records of Services and headless
 * endpoints, UDP and TCP; other names go to the upstream servers. */
#ifndef RK_NET_DNS_IO_H
#define RK_NET_DNS_IO_H

#include <ev.h>

#include "base/err.h"
#include "wire/val.h"

struct rk_dns;

struct rk_dns_opts {
	struct ev_loop *loop;
	const char *address;  /* "10.244.1.1:53" */
	const char *domain;   /* "cluster.local" */
	const char *upstream; /* "host" or "host:port" of a resolver; NULL: names outside the
				 cluster get SERVFAIL */
};

RK_MUST_CHECK int rk_dns_open(struct rk_dns **ret, const struct rk_dns_opts *opts,
			      struct rk_error *error);
struct rk_dns *rk_dns_close(struct rk_dns *dns); /* takes NULL, returns NULL */
/* object NULL: it is gone. */
void rk_dns_put(struct rk_dns *dns, struct rk_span ns, struct rk_span name,
		const struct rk_val *service);
void rk_dns_put_slice(struct rk_dns *dns, struct rk_span ns, struct rk_span name,
		      const struct rk_val *slice);

#endif
