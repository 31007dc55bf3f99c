#include "net/podnet_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/addresses.h"
#include "net/netlink_io.h"

#define PORT_PREFIX  "rk"
#define LINK_NAME    16 /* IFNAMSIZ */
#define MTU_DEFAULT  1500
#define LOOPBACK     1 /* its index in every namespace */
#define POD_LINK     "eth0"
#define FORWARD_PATH "/proc/sys/net/ipv4/ip_forward"

struct rk_podnet {
	struct rk_netlink *netlink;
	struct rk_addresses *addresses;
	unsigned bridge;
	unsigned mtu;
	char gateway[RK_IP_TEXT_MAX];
};

/* The host's end of a pod's pair. 52 bits of a hash: two of a node's pods never meet there in
 * practice, and if they did, the second attach would fail with "exists". */
static void port_name(const char *key, char name[LINK_NAME])
{
	const uint64_t hash = rk_hash64(rk_span_str(key), 0);

	(void)snprintf(name, LINK_NAME, PORT_PREFIX "%013llx",
		       (unsigned long long)(hash & UINT64_C(0xfffffffffffff)));
}

static int turn_on_forwarding(struct rk_error *error)
{
	RK_AUTO(rk_drop_fd) int fd = open(FORWARD_PATH, O_RDWR | O_CLOEXEC);
	char have = '0';

	if (fd < 0 || pread(fd, &have, 1, 0) != 1)
		return rk_fail_errno(error, "cannot read %s", FORWARD_PATH);
	if (have == '0' && pwrite(fd, "1", 1, 0) != 1)
		return rk_fail_errno(error, "cannot write %s", FORWARD_PATH);
	return RK_OK;
}

static int make_bridge(struct rk_podnet *podnet, const char *name, struct rk_error *error)
{
	const uint32_t gateway = rk_addresses_gateway(podnet->addresses);
	const uint8_t mac[6] = { 0x02,
				 0x72,
				 (uint8_t)(gateway >> 24),
				 (uint8_t)(gateway >> 16),
				 (uint8_t)(gateway >> 8),
				 (uint8_t)gateway };
	const int rc = rk_link_make_bridge(podnet->netlink, name, mac, error);

	if (rc < 0 && rc != RK_EEXIST)
		return rc;
	RK_TRY(rk_link_find(podnet->netlink, name, &podnet->bridge, error));
	RK_TRY(rk_link_add_address(podnet->netlink, podnet->bridge, gateway,
				   rk_addresses_prefix(podnet->addresses), error));
	RK_TRY(rk_link_up(podnet->netlink, podnet->bridge, podnet->mtu, error));
	return turn_on_forwarding(error);
}

static int open_parts(struct rk_podnet *podnet, const struct rk_podnet_opts *opts,
		      struct rk_error *error)
{
	if (strlen(opts->bridge) >= LINK_NAME)
		return rk_fail(error, RK_EINVAL, "bridge name \"%s\" is longer than %d bytes",
			       opts->bridge, LINK_NAME - 1);
	RK_TRY(rk_addresses_new(&podnet->addresses, opts->pod_cidr, error));
	rk_ipv4_format(rk_addresses_gateway(podnet->addresses), podnet->gateway);
	podnet->mtu = opts->mtu != 0 ? opts->mtu : MTU_DEFAULT;
	RK_TRY(rk_netlink_open(&podnet->netlink, -1, error));
	return make_bridge(podnet, opts->bridge, error);
}

int rk_podnet_open(struct rk_podnet **ret, const struct rk_podnet_opts *opts,
		   struct rk_error *error)
{
	struct rk_podnet *podnet = rk_zalloc(sizeof *podnet);
	const int rc = open_parts(podnet, opts, error);

	if (rc < 0) {
		(void)rk_podnet_close(podnet);
		return rc;
	}
	*ret = podnet;
	return RK_OK;
}

struct rk_podnet *rk_podnet_close(struct rk_podnet *podnet)
{
	if (podnet == NULL)
		return NULL;
	(void)rk_netlink_close(podnet->netlink);
	(void)rk_addresses_free(podnet->addresses);
	free(podnet);
	return NULL;
}

/* For what has nobody to report to: what remains is named. */
static void warn_of(int rc, const struct rk_error *error)
{
	if (rc < 0)
		rk_log(RK_LOG_WARN, "pod network: something is left behind", "reason=\"%s\"",
		       error->text);
}

void rk_podnet_destroy(struct rk_podnet *podnet)
{
	struct rk_error error;

	/* As much as can be removed is: what is gone already is no failure, and there is nobody to
	 * tell of others. */
	warn_of(rk_route_delete_ours(podnet->netlink, &error), &error);
	warn_of(rk_link_delete_ports(podnet->netlink, podnet->bridge, PORT_PREFIX, &error), &error);
	warn_of(rk_link_delete(podnet->netlink, podnet->bridge, &error), &error);
	(void)rk_podnet_close(podnet);
}

const char *rk_podnet_gateway(const struct rk_podnet *podnet) { return podnet->gateway; }

/* What the pod has from an earlier life of the agent: its address and link are ours if both ends
 * are there. */
static uint32_t address_in(struct rk_netlink *pod)
{
	uint32_t address = 0;
	unsigned index;

	if (rk_link_find(pod, POD_LINK, &index, NULL) < 0 ||
	    rk_link_address(pod, index, &address, NULL) < 0)
		return 0;
	return address;
}

/* The pair of `port`; a host's end without the pod's one is left over from a namespace that is
 * gone. */
static int make_pair(struct rk_podnet *podnet, struct rk_netlink *pod, const char *port,
		     int netns_fd, unsigned *ret_inner, struct rk_error *error)
{
	unsigned outer = 0;

	if (rk_link_find(pod, POD_LINK, ret_inner, NULL) == RK_OK) {
		RK_TRY(rk_link_find(podnet->netlink, port, &outer, error));
	} else {
		if (rk_link_find(podnet->netlink, port, &outer, NULL) == RK_OK)
			RK_TRY(rk_link_delete(podnet->netlink, outer, error));
		RK_TRY(rk_link_make_veth(podnet->netlink, port, podnet->bridge, podnet->mtu,
					 POD_LINK, netns_fd, error));
		RK_TRY(rk_link_find(podnet->netlink, port, &outer, error));
		RK_TRY(rk_link_find(pod, POD_LINK, ret_inner, error));
	}
	return rk_link_hairpin(podnet->netlink, outer, error);
}

static int attach(struct rk_podnet *podnet, const char *key, int netns_fd, uint32_t *address,
		  struct rk_error *error)
{
	RK_AUTO(rk_drop_netlink) struct rk_netlink *pod = NULL;
	char port[LINK_NAME];
	unsigned inner;

	RK_TRY(rk_netlink_open(&pod, netns_fd, error));
	const uint32_t has = address_in(pod);
	if (rk_addresses_take(podnet->addresses, key, has != 0 ? has : *address, address) < 0)
		return rk_fail(error, RK_ENOSPC, "no address is free in the node's range of %s/%u",
			       podnet->gateway, rk_addresses_prefix(podnet->addresses));
	if (has != 0 && has != *address)
		return rk_fail(error, RK_EBUSY, "the pod has an address that is another one's");
	port_name(key, port);
	RK_TRY(make_pair(podnet, pod, port, netns_fd, &inner, error));
	RK_TRY(rk_link_up(pod, LOOPBACK, 0, error));
	RK_TRY(rk_link_add_address(pod, inner, *address, rk_addresses_prefix(podnet->addresses),
				   error));
	RK_TRY(rk_link_up(pod, inner, podnet->mtu, error));
	return rk_route_set(pod, 0, 0, rk_addresses_gateway(podnet->addresses), error);
}

int rk_podnet_attach(struct rk_podnet *podnet, const char *key, pid_t pid,
		     char address[RK_IP_TEXT_MAX], struct rk_error *error)
{
	RK_AUTO(rk_drop_fd) int netns_fd = -1;
	char path[64];
	uint32_t wanted = 0;

	(void)snprintf(path, sizeof path, "/proc/%ld/ns/net", (long)pid);
	netns_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (netns_fd < 0)
		return rk_fail_errno(error, "cannot open %s", path);
	if (address[0] != '\0' && !rk_ipv4_parse(rk_span_str(address), &wanted))
		return rk_fail(error, RK_EINVAL, "\"%s\" is not an IPv4 address", address);
	const bool had = rk_addresses_has(podnet->addresses, key);
	const int rc = attach(podnet, key, netns_fd, &wanted, error);
	if (rc < 0) {
		if (!had) /* else what it has still serves it */
			rk_podnet_detach(podnet, key);
		return rc;
	}
	rk_ipv4_format(wanted, address);
	return RK_OK;
}

void rk_podnet_adopt(struct rk_podnet *podnet, const char *key, const char *address)
{
	uint32_t wanted = 0;

	/* One that is taken or not in the range is found out, and said, when the pod is attached.
	 */
	if (rk_ipv4_parse(rk_span_str(address), &wanted) &&
	    rk_addresses_take(podnet->addresses, key, wanted, &wanted) < 0)
		rk_log(RK_LOG_WARN, "pod network: no address is left to take over", "pod=%s", key);
}

void rk_podnet_detach(struct rk_podnet *podnet, const char *key)
{
	struct rk_error error;
	char port[LINK_NAME];
	unsigned index;

	port_name(key, port);
	if (rk_link_find(podnet->netlink, port, &index, NULL) == RK_OK)
		warn_of(rk_link_delete(podnet->netlink, index, &error), &error);
	rk_addresses_give_back(podnet->addresses, key);
}

int rk_podnet_route(struct rk_podnet *podnet, const char *pod_cidr, const char *gateway,
		    struct rk_error *error)
{
	uint32_t base, by;
	unsigned prefix;

	RK_TRY(rk_range_parse(pod_cidr, &base, &prefix, error));
	if (prefix == 0)
		return rk_fail(error, RK_EINVAL, "\"%s\" is everything, not a node's range",
			       pod_cidr);
	if (gateway == NULL)
		return rk_route_delete(podnet->netlink, base, prefix, error);
	if (!rk_ipv4_parse(rk_span_str(gateway), &by))
		return rk_fail(error, RK_EINVAL, "\"%s\" is not an IPv4 address", gateway);
	return rk_route_set(podnet->netlink, base, prefix, by, error);
}
