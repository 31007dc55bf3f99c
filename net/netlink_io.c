#include "net/netlink_io.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/mem.h"
#include "net/addresses.h"
#include "net/netns_io.h"

#define REQUEST_ROOM 2048 /* the longest one, a veth pair, takes under 300 bytes */
#define ANSWER_ROOM  32768
#define WAIT_SECONDS 5
#define ROUTE_MARK   114 /* rtm_protocol: tells our routes from other people's */
#define FOUND_MAX    4096

struct rk_netlink {
	struct mnl_socket *socket;
	unsigned sequence;
	char request[REQUEST_ROOM] __attribute__((aligned(8)));
	char answer[ANSWER_ROOM] __attribute__((aligned(8)));
};

static int open_in(int netns_fd, struct mnl_socket **ret, struct rk_error *error)
{
	int here = -1;

	if (netns_fd >= 0)
		RK_TRY(rk_netns_enter(netns_fd, &here, error));
	*ret = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (netns_fd >= 0)
		rk_netns_leave(here);
	return *ret != NULL ? RK_OK : rk_fail_errno(error, "cannot open a netlink socket");
}

int rk_netlink_open(struct rk_netlink **ret, int netns_fd, struct rk_error *error)
{
	const struct timeval wait = { .tv_sec = WAIT_SECONDS };
	struct mnl_socket *opened = NULL;

	RK_TRY(open_in(netns_fd, &opened, error));
	if (mnl_socket_bind(opened, 0, MNL_SOCKET_AUTOPID) < 0) {
		const int code = rk_fail_errno(error, "cannot bind a netlink socket");
		(void)mnl_socket_close(opened);
		return code;
	}
	(void)setsockopt(mnl_socket_get_fd(opened), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
	*ret = rk_zalloc(sizeof **ret);
	(*ret)->socket = opened;
	return RK_OK;
}

struct rk_netlink *rk_netlink_close(struct rk_netlink *netlink)
{
	if (netlink != NULL)
		(void)mnl_socket_close(netlink->socket);
	free(netlink);
	return NULL;
}

static struct nlmsghdr *begin(struct rk_netlink *netlink, int type, int flags)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(netlink->request);

	request->nlmsg_type = (uint16_t)type;
	request->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
	request->nlmsg_seq = ++netlink->sequence;
	return request;
}

static struct nlmsghdr *begin_link(struct rk_netlink *netlink, int type, int flags, unsigned index,
				   unsigned up)
{
	struct nlmsghdr *request = begin(netlink, type, flags);
	struct ifinfomsg *info = mnl_nlmsg_put_extra_header(request, sizeof *info);

	info->ifi_family = AF_UNSPEC;
	info->ifi_index = (int)index;
	info->ifi_change = info->ifi_flags = up;
	return request;
}

/* Sends the request and reads until its end; `each` sees every message on the way. False with
 * errno. */
static bool talk(struct rk_netlink *netlink, struct nlmsghdr *request, mnl_cb_t each, void *context)
{
	const unsigned port = mnl_socket_get_portid(netlink->socket);
	int left = 1;

	if (mnl_socket_sendto(netlink->socket, request, request->nlmsg_len) < 0)
		return false;
	while (left > 0) {
		const ssize_t size = mnl_socket_recvfrom(netlink->socket, netlink->answer,
							 sizeof netlink->answer);
		if (size < 0 && errno == EINTR)
			continue;
		if (size <= 0)
			return false;
		left = mnl_cb_run(netlink->answer, (size_t)size, netlink->sequence, port, each,
				  context);
	}
	return left == 0;
}

/* The attribute after `last`, or the first one behind a header of `size` bytes; NULL at the end. */
static const struct nlattr *attr_of(const struct nlmsghdr *message, size_t size,
				    const struct nlattr *last)
{
	const struct nlattr *attr =
		last != NULL ? mnl_attr_next(last) : mnl_nlmsg_get_payload_offset(message, size);
	const char *end = mnl_nlmsg_get_payload_tail(message);

	return mnl_attr_ok(attr, (int)(end - (const char *)attr)) ? attr : NULL;
}

static int on_link(const struct nlmsghdr *message, void *context)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);

	if (message->nlmsg_type == RTM_NEWLINK)
		*(unsigned *)context = (unsigned)info->ifi_index;
	return MNL_CB_OK;
}

int rk_link_find(struct rk_netlink *netlink, const char *name, unsigned *ret_index,
		 struct rk_error *error)
{
	struct nlmsghdr *request = begin_link(netlink, RTM_GETLINK, 0, 0, 0);
	unsigned index = 0;

	mnl_attr_put_strz(request, IFLA_IFNAME, name);
	if (!talk(netlink, request, on_link, &index)) {
		if (errno == ENODEV)
			return rk_fail(error, RK_ENOENT, "there is no link %s", name);
		return rk_fail_errno(error, "cannot look for link %s", name);
	}
	*ret_index = index;
	return RK_OK;
}

int rk_link_make_bridge(struct rk_netlink *netlink, const char *name, const uint8_t mac[6],
			struct rk_error *error)
{
	struct nlmsghdr *request =
		begin_link(netlink, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0, IFF_UP);

	mnl_attr_put_strz(request, IFLA_IFNAME, name);
	mnl_attr_put(request, IFLA_ADDRESS, 6, mac);
	struct nlattr *info = mnl_attr_nest_start(request, IFLA_LINKINFO);
	mnl_attr_put_strz(request, IFLA_INFO_KIND, "bridge");
	mnl_attr_nest_end(request, info);
	if (talk(netlink, request, NULL, NULL))
		return RK_OK;
	return rk_fail_errno(error, "cannot make bridge %s", name);
}

/* One request, so that no half-made pair is ever to be seen. */
int rk_link_make_veth(struct rk_netlink *netlink, const char *name, unsigned bridge, unsigned mtu,
		      const char *peer_name, int peer_netns_fd, struct rk_error *error)
{
	struct nlmsghdr *request =
		begin_link(netlink, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0, IFF_UP);

	mnl_attr_put_strz(request, IFLA_IFNAME, name);
	mnl_attr_put_u32(request, IFLA_MASTER, bridge);
	mnl_attr_put_u32(request, IFLA_MTU, mtu);
	struct nlattr *info = mnl_attr_nest_start(request, IFLA_LINKINFO);
	mnl_attr_put_strz(request, IFLA_INFO_KIND, "veth");
	struct nlattr *data = mnl_attr_nest_start(request, IFLA_INFO_DATA);
	struct nlattr *peer = mnl_attr_nest_start(request, VETH_INFO_PEER);
	(void)mnl_nlmsg_put_extra_header(request, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(request, IFLA_IFNAME, peer_name);
	mnl_attr_put_u32(request, IFLA_MTU, mtu);
	mnl_attr_put_u32(request, IFLA_NET_NS_FD, (uint32_t)peer_netns_fd);
	mnl_attr_nest_end(request, peer);
	mnl_attr_nest_end(request, data);
	mnl_attr_nest_end(request, info);
	if (talk(netlink, request, NULL, NULL))
		return RK_OK;
	return rk_fail_errno(error, "cannot make the links %s and %s", name, peer_name);
}

int rk_link_up(struct rk_netlink *netlink, unsigned index, unsigned mtu, struct rk_error *error)
{
	struct nlmsghdr *request = begin_link(netlink, RTM_NEWLINK, 0, index, IFF_UP);

	if (mtu > 0)
		mnl_attr_put_u32(request, IFLA_MTU, mtu);
	if (talk(netlink, request, NULL, NULL))
		return RK_OK;
	return rk_fail_errno(error, "cannot turn on link number %u", index);
}

int rk_link_hairpin(struct rk_netlink *netlink, unsigned port, struct rk_error *error)
{
	struct nlmsghdr *request = begin(netlink, RTM_SETLINK, 0);
	struct ifinfomsg *info = mnl_nlmsg_put_extra_header(request, sizeof *info);

	info->ifi_family = PF_BRIDGE;
	info->ifi_index = (int)port;
	struct nlattr *options = mnl_attr_nest_start(request, IFLA_PROTINFO);
	mnl_attr_put_u8(request, IFLA_BRPORT_MODE, 1);
	mnl_attr_nest_end(request, options);
	if (talk(netlink, request, NULL, NULL))
		return RK_OK;
	return rk_fail_errno(error, "cannot set hairpin mode of link number %u", port);
}

int rk_link_delete(struct rk_netlink *netlink, unsigned index, struct rk_error *error)
{
	struct nlmsghdr *request = begin_link(netlink, RTM_DELLINK, 0, index, 0);

	if (talk(netlink, request, NULL, NULL) || errno == ENODEV)
		return RK_OK;
	return rk_fail_errno(error, "cannot delete link number %u", index);
}

struct ports {
	unsigned bridge;
	const char *prefix;
	unsigned count;
	unsigned at[FOUND_MAX];
};

static int on_port(const struct nlmsghdr *message, void *context)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
	struct ports *ports = context;
	const struct nlattr *attr;
	bool is_port = false, is_named = false;

	for (attr = attr_of(message, sizeof *info, NULL); attr != NULL;
	     attr = attr_of(message, 0, attr)) {
		const uint16_t type = mnl_attr_get_type(attr);
		if (type == IFLA_MASTER)
			is_port = mnl_attr_get_u32(attr) == ports->bridge;
		else if (type == IFLA_IFNAME)
			is_named = strncmp(mnl_attr_get_str(attr), ports->prefix,
					   strlen(ports->prefix)) == 0;
	}
	if (is_port && is_named && ports->count < FOUND_MAX)
		ports->at[ports->count++] = (unsigned)info->ifi_index;
	return MNL_CB_OK;
}

int rk_link_delete_ports(struct rk_netlink *netlink, unsigned bridge, const char *prefix,
			 struct rk_error *error)
{
	RK_AUTO(rk_drop_mem) struct ports *ports = rk_zalloc(sizeof *ports);

	ports->bridge = bridge;
	ports->prefix = prefix;
	if (!talk(netlink, begin_link(netlink, RTM_GETLINK, NLM_F_DUMP, 0, 0), on_port, ports))
		return rk_fail_errno(error, "cannot list the links");
	for (unsigned i = 0; i < ports->count; i++)
		RK_TRY(rk_link_delete(netlink, ports->at[i], error));
	return RK_OK;
}

int rk_link_add_address(struct rk_netlink *netlink, unsigned index, uint32_t address,
			unsigned prefix, struct rk_error *error)
{
	struct nlmsghdr *request = begin(netlink, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE);
	struct ifaddrmsg *info = mnl_nlmsg_put_extra_header(request, sizeof *info);

	info->ifa_family = AF_INET;
	info->ifa_prefixlen = (uint8_t)prefix;
	info->ifa_scope = RT_SCOPE_UNIVERSE;
	info->ifa_index = index;
	mnl_attr_put_u32(request, IFA_LOCAL, htonl(address));
	mnl_attr_put_u32(request, IFA_ADDRESS, htonl(address));
	mnl_attr_put_u32(request, IFA_BROADCAST, htonl(address | (UINT32_MAX >> prefix)));
	if (talk(netlink, request, NULL, NULL))
		return RK_OK;
	return rk_fail_errno(error, "cannot give link number %u its address", index);
}

struct found_address {
	unsigned index;
	uint32_t address;
};

static int on_address(const struct nlmsghdr *message, void *context)
{
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(message);
	struct found_address *found = context;
	const struct nlattr *attr;

	if (info->ifa_index != found->index || found->address != 0)
		return MNL_CB_OK;
	for (attr = attr_of(message, sizeof *info, NULL); attr != NULL;
	     attr = attr_of(message, 0, attr))
		if (mnl_attr_get_type(attr) == IFA_LOCAL &&
		    mnl_attr_get_payload_len(attr) == sizeof(uint32_t))
			found->address = ntohl(mnl_attr_get_u32(attr));
	return MNL_CB_OK;
}

int rk_link_address(struct rk_netlink *netlink, unsigned index, uint32_t *ret_address,
		    struct rk_error *error)
{
	struct nlmsghdr *request = begin(netlink, RTM_GETADDR, NLM_F_DUMP);
	struct ifaddrmsg *info = mnl_nlmsg_put_extra_header(request, sizeof *info);
	struct found_address found = { .index = index };

	info->ifa_family = AF_INET;
	if (!talk(netlink, request, on_address, &found))
		return rk_fail_errno(error, "cannot list the addresses");
	if (found.address == 0)
		return rk_fail(error, RK_ENOENT, "link number %u has no IPv4 address", index);
	*ret_address = found.address;
	return RK_OK;
}

static struct nlmsghdr *begin_route(struct rk_netlink *netlink, int type, int flags, uint32_t base,
				    unsigned prefix)
{
	struct nlmsghdr *request = begin(netlink, type, flags);
	struct rtmsg *route = mnl_nlmsg_put_extra_header(request, sizeof *route);

	route->rtm_family = AF_INET;
	route->rtm_dst_len = (uint8_t)prefix;
	route->rtm_table = RT_TABLE_MAIN;
	route->rtm_protocol = ROUTE_MARK;
	route->rtm_scope = RT_SCOPE_UNIVERSE;
	route->rtm_type = RTN_UNICAST;
	if (prefix > 0)
		mnl_attr_put_u32(request, RTA_DST, htonl(base));
	return request;
}

int rk_route_set(struct rk_netlink *netlink, uint32_t base, unsigned prefix, uint32_t gateway,
		 struct rk_error *error)
{
	struct nlmsghdr *request =
		begin_route(netlink, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, base, prefix);
	char to[16], by[16];

	mnl_attr_put_u32(request, RTA_GATEWAY, htonl(gateway));
	if (talk(netlink, request, NULL, NULL))
		return RK_OK;
	const int saved = errno;
	rk_ipv4_format(base, to);
	rk_ipv4_format(gateway, by);
	errno = saved;
	return rk_fail_errno(error, "cannot route %s/%u by %s", to, prefix, by);
}

int rk_route_delete(struct rk_netlink *netlink, uint32_t base, unsigned prefix,
		    struct rk_error *error)
{
	if (talk(netlink, begin_route(netlink, RTM_DELROUTE, 0, base, prefix), NULL, NULL) ||
	    errno == ESRCH)
		return RK_OK;
	return rk_fail_errno(error, "cannot delete a route");
}

struct routes {
	unsigned count;
	struct {
		uint32_t base;
		unsigned prefix;
	} at[FOUND_MAX];
};

static int on_route(const struct nlmsghdr *message, void *context)
{
	const struct rtmsg *route = mnl_nlmsg_get_payload(message);
	struct routes *routes = context;
	const struct nlattr *attr;
	uint32_t base = 0;

	if (route->rtm_protocol != ROUTE_MARK || routes->count == FOUND_MAX)
		return MNL_CB_OK;
	for (attr = attr_of(message, sizeof *route, NULL); attr != NULL;
	     attr = attr_of(message, 0, attr))
		if (mnl_attr_get_type(attr) == RTA_DST &&
		    mnl_attr_get_payload_len(attr) == sizeof(uint32_t))
			base = ntohl(mnl_attr_get_u32(attr));
	routes->at[routes->count].base = base;
	routes->at[routes->count++].prefix = route->rtm_dst_len;
	return MNL_CB_OK;
}

int rk_route_delete_ours(struct rk_netlink *netlink, struct rk_error *error)
{
	RK_AUTO(rk_drop_mem) struct routes *routes = rk_zalloc(sizeof *routes);
	struct nlmsghdr *request = begin_route(netlink, RTM_GETROUTE, NLM_F_DUMP, 0, 0);

	if (!talk(netlink, request, on_route, routes))
		return rk_fail_errno(error, "cannot list the routes");
	for (unsigned i = 0; i < routes->count; i++)
		RK_TRY(rk_route_delete(netlink, routes->at[i].base, routes->at[i].prefix, error));
	return RK_OK;
}
