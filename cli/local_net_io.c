/* The machine's side of a local cluster's network: a bridge that the nodes' namespaces are plugged
 * into. */
#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/local.h"
#include "node/files_io.h"

#define FILE_MAX (1u << 20)

#define IP(error, ...) rk_run((error), (const char *const[]){ "ip", __VA_ARGS__, NULL })

static bool netns_exists(const char *name)
{
	char path[RK_PATH_MAX];

	(void)snprintf(path, sizeof path, "/run/netns/%s", name);
	return access(path, F_OK) == 0;
}

static bool link_exists(const char *name)
{
	char path[RK_PATH_MAX];

	(void)snprintf(path, sizeof path, "/sys/class/net/%s", name);
	return access(path, F_OK) == 0;
}

/* A range that nothing else here uses; kept once it is chosen. */
static int choose_subnet(struct rk_local *local, struct rk_error *error)
{
	for (unsigned tried = 0; tried < 254; tried++) {
		RK_AUTO(rk_buf_done) struct rk_buf routes = { 0 };
		char needle[32];
		RK_TRY(rk_file_read("/proc/net/fib_trie", FILE_MAX, &routes, error));
		(void)snprintf(needle, sizeof needle, "10.199.%u.", local->subnet);
		if (memmem(routes.data, routes.size, needle, strlen(needle)) == NULL)
			return RK_OK;
		local->subnet = (local->subnet + 1) % 254;
	}
	return rk_fail(error, RK_EBUSY, "every network of 10.199.0.0/16 is in use on this machine");
}

static int bridge_up(struct rk_local *local, struct rk_error *error)
{
	char bridge[16], address[32], with_size[40];

	rk_local_host(local, bridge, address);
	if (link_exists(bridge))
		return RK_OK;
	RK_TRY(choose_subnet(local, error));
	rk_local_host(local, bridge, address);
	(void)snprintf(with_size, sizeof with_size, "%s/24", address);
	RK_TRY(IP(error, "link", "add", bridge, "type", "bridge"));
	RK_TRY(IP(error, "address", "add", with_size, "dev", bridge));
	return IP(error, "link", "set", bridge, "up");
}

static int node_up(const struct rk_local *local, unsigned number, struct rk_error *error)
{
	struct rk_local_part node;
	char bridge[16], address[32], with_size[72];

	rk_local_node(local, number, &node);
	rk_local_host(local, bridge, address);
	if (netns_exists(node.netns) && link_exists(node.link))
		return RK_OK;
	(void)snprintf(with_size, sizeof with_size, "%s/24", node.address);
	if (!netns_exists(node.netns))
		RK_TRY(IP(error, "netns", "add", node.netns));
	RK_TRY(IP(error, "link", "add", node.link, "type", "veth", "peer", "name", "eth0", "netns",
		  node.netns));
	RK_TRY(IP(error, "link", "set", node.link, "master", bridge, "up"));
	RK_TRY(IP(error, "-n", node.netns, "address", "add", with_size, "dev", "eth0"));
	RK_TRY(IP(error, "-n", node.netns, "link", "set", "lo", "up"));
	RK_TRY(IP(error, "-n", node.netns, "link", "set", "eth0", "up"));
	return IP(error, "-n", node.netns, "route", "add", "default", "via", address);
}

int rk_local_net_up(struct rk_local *local, struct rk_error *error)
{
	RK_TRY(bridge_up(local, error));
	for (unsigned i = 1; i <= local->nodes; i++)
		RK_TRY(node_up(local, i, error));
	return RK_OK;
}

void rk_local_net_down(const struct rk_local *local)
{
	char bridge[16], address[32];
	struct rk_error error;

	for (unsigned i = 1; i <= local->nodes; i++) {
		struct rk_local_part node;
		rk_local_node(local, i, &node);
		if (link_exists(node.link) && IP(&error, "link", "delete", node.link) < 0)
			(void)fprintf(stderr, "reckon: %s\n", error.text);
		if (netns_exists(node.netns) && IP(&error, "netns", "delete", node.netns) < 0)
			(void)fprintf(stderr, "reckon: %s\n", error.text);
	}
	rk_local_host(local, bridge, address);
	if (link_exists(bridge) && IP(&error, "link", "delete", bridge) < 0)
		(void)fprintf(stderr, "reckon: %s\n", error.text);
}

void rk_local_net_route(const struct rk_local *local, const char *pod_cidr,
			const char *node_address)
{
	char bridge[16], address[32];
	struct rk_error error;

	rk_local_host(local, bridge, address);
	/* It is there already, or another cluster has the range: then this machine itself does not
	 * reach those pods. */
	if (IP(&error, "route", "add", pod_cidr, "via", node_address, "dev", bridge) < 0)
		return;
}
