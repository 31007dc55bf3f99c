/* net/podnet_io.h - the network of one node's pods: a bridge, a veth pair for each pod, addresses,
 * routes to other nodes.
 *
 * Works in the network namespace that the process is in (a node of a local cluster has its own).
 * Everything is done by rtnetlink; no packet filter rule is made. What is there already, from an
 * earlier life, is taken over. */
#ifndef RK_NET_PODNET_IO_H
#define RK_NET_PODNET_IO_H

#include <sys/types.h>

#include "base/err.h"
#include "base/span.h"

#define RK_IP_TEXT_MAX 16

struct rk_podnet;

struct rk_podnet_opts {
	const char *bridge;   /* "reckon0" */
	const char *pod_cidr; /* this node's, "10.244.1.0/24": the first address is the bridge's,
				 and the pods' gateway and DNS */
	unsigned mtu;         /* 0: 1500 */
};

/* Makes (or takes over) the bridge and turns on forwarding. RK_EPERM without CAP_NET_ADMIN. */
RK_MUST_CHECK int rk_podnet_open(struct rk_podnet **ret, const struct rk_podnet_opts *opts,
				 struct rk_error *error);
struct rk_podnet *rk_podnet_close(
	struct rk_podnet *podnet); /* leaves the links; takes NULL, returns NULL */
/* Removes the bridge and every pod link of ours. */
void rk_podnet_destroy(struct rk_podnet *podnet);
const char *rk_podnet_gateway(const struct rk_podnet *podnet); /* address text */

/* Gives the pod whose first process is `pid` its network: eth0 with an address of the range, the
 * default route, and lo up. `key` (the pod's uid) names the host's end, so that it is found again.
 * `address` holds the wanted address or ""; afterwards the one it has. The same call again changes
 * nothing. RK_ENOSPC: the range is used up. */
RK_MUST_CHECK int rk_podnet_attach(struct rk_podnet *podnet, const char *key, pid_t pid,
				   char address[RK_IP_TEXT_MAX], struct rk_error *error);
/* An address that a pod of an earlier life of the agent still has. */
void rk_podnet_adopt(struct rk_podnet *podnet, const char *key, const char *address);
/* Frees the address; the links went with the namespace or are removed here. */
void rk_podnet_detach(struct rk_podnet *podnet, const char *key);

/* The way to another node's pods; the same again changes nothing; gateway NULL removes it. */
RK_MUST_CHECK int rk_podnet_route(struct rk_podnet *podnet, const char *pod_cidr,
				  const char *gateway, struct rk_error *error);

#endif
