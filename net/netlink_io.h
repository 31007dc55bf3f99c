/* net/netlink_io.h - the few rtnetlink requests that a pod network is made of.
 *
 * Addresses are in host order. Each call waits for the kernel's answer. A request that finds what
 * it asks for already there is RK_OK, unless it says otherwise. */
#ifndef RK_NET_NETLINK_IO_H
#define RK_NET_NETLINK_IO_H

#include "base/err.h"
#include "base/span.h"

struct rk_netlink;

/* A socket in the network namespace `netns_fd` (-1: the caller's). */
RK_MUST_CHECK int rk_netlink_open(struct rk_netlink **ret, int netns_fd, struct rk_error *error);
struct rk_netlink *rk_netlink_close(struct rk_netlink *netlink); /* takes NULL, returns NULL */
static inline void rk_drop_netlink(struct rk_netlink **netlink)
{
	(void)rk_netlink_close(*netlink);
}

RK_MUST_CHECK int rk_link_find(struct rk_netlink *netlink, const char *name, unsigned *ret_index,
			       struct rk_error *error); /* RK_ENOENT */
/* A bridge with an address of its own, so that it does not change as ports come and go. RK_EEXIST.
 */
RK_MUST_CHECK int rk_link_make_bridge(struct rk_netlink *netlink, const char *name,
				      const uint8_t mac[6], struct rk_error *error);
/* A pair: `name` here, up, as a port of `bridge`; `peer_name` in the other namespace. RK_EEXIST. */
RK_MUST_CHECK int rk_link_make_veth(struct rk_netlink *netlink, const char *name, unsigned bridge,
				    unsigned mtu, const char *peer_name, int peer_netns_fd,
				    struct rk_error *error);
RK_MUST_CHECK int rk_link_up(struct rk_netlink *netlink, unsigned index, unsigned mtu,
			     struct rk_error *error); /* mtu 0: as it is */
/* Lets a frame leave by the port that it came in by: a pod that reaches itself through its node. */
RK_MUST_CHECK int rk_link_hairpin(struct rk_netlink *netlink, unsigned port,
				  struct rk_error *error);
RK_MUST_CHECK int rk_link_delete(struct rk_netlink *netlink, unsigned index,
				 struct rk_error *error);
/* Deletes the ports of `bridge` whose name starts with `prefix`. */
RK_MUST_CHECK int rk_link_delete_ports(struct rk_netlink *netlink, unsigned bridge,
				       const char *prefix, struct rk_error *error);

RK_MUST_CHECK int rk_link_add_address(struct rk_netlink *netlink, unsigned index, uint32_t address,
				      unsigned prefix, struct rk_error *error);
/* The first IPv4 address of a link. RK_ENOENT. */
RK_MUST_CHECK int rk_link_address(struct rk_netlink *netlink, unsigned index, uint32_t *ret_address,
				  struct rk_error *error);

/* Makes or replaces a route that carries our mark; prefix 0 is the default route. */
RK_MUST_CHECK int rk_route_set(struct rk_netlink *netlink, uint32_t base, unsigned prefix,
			       uint32_t gateway, struct rk_error *error);
RK_MUST_CHECK int rk_route_delete(struct rk_netlink *netlink, uint32_t base, unsigned prefix,
				  struct rk_error *error);
RK_MUST_CHECK int rk_route_delete_ours(struct rk_netlink *netlink, struct rk_error *error);

#endif
