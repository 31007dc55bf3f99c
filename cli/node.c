/* reckon node: the agent of a machine, or of many simulated ones. */
#include <malloc.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "cli/commands.h"
#include "node/node_io.h"

static int run(int argc, char **argv);

const struct rk_command rk_command_node = {
	.name = "node",
	.usage = "--name NAME --dir DIR --ip ADDRESS --server HOST:PORT... --cert F --key F --ca F",
	.summary = "Run a node agent",
	.examples = "  reckon node --name n1 --dir /var/lib/reckon-node --ip 10.0.0.11 --server "
		    "10.0.0.1:6443 \\\n"
		    "      --cert n1.crt --key n1.key --ca ca.crt\n"
		    "  reckon node --runtime sim --count 100 --name sim --dir /tmp/sim --ip "
		    "127.0.0.1 --server 127.0.0.1:6443 ...\n",
	.run = run,
	.section = "Members and nodes",
};

static int check(const struct rk_node_opts *opts, const struct rk_flag_list *servers,
		 struct rk_error *error)
{
	const struct {
		const char *name;
		bool is_there;
	} needed[] = { { "name", opts->name != NULL },  { "dir", opts->dir != NULL },
		       { "ip", opts->node_ip != NULL }, { "server", servers->count > 0 },
		       { "cert", opts->cert != NULL },  { "key", opts->key != NULL },
		       { "ca", opts->ca != NULL } };

	for (size_t i = 0; i < RK_COUNT(needed); i++)
		if (!needed[i].is_there)
			return rk_fail(error, RK_EINVAL, "--%s is missing", needed[i].name);
	return RK_OK;
}

static int run(int argc, char **argv)
{
	struct rk_node_opts opts = { 0 };
	struct rk_flag_list servers = { 0 }, labels = { 0 };
	int64_t count = 0, port = 0;
	const struct rk_flag flags[] = {
		{ "name", 0, RK_FLAG_TEXT, &opts.name, "NAME",
		  "the node's name; with --count the stem of the names", NULL },
		{ "dir", 'd', RK_FLAG_TEXT, &opts.dir, "DIR", "images, pods and their state",
		  NULL },
		{ "ip", 0, RK_FLAG_TEXT, &opts.node_ip, "ADDRESS",
		  "the node's address, known to members and other nodes", NULL },
		{ "server", 's', RK_FLAG_LIST, &servers, "ADDR",
		  "HOST:PORT of a member; give all of them", NULL },
		{ "cert", 0, RK_FLAG_TEXT, &opts.cert, "FILE",
		  "certificate (PEM) of system:node:NAME", NULL },
		{ "key", 0, RK_FLAG_TEXT, &opts.key, "FILE", "its private key (PEM)", NULL },
		{ "ca", 0, RK_FLAG_TEXT, &opts.ca, "FILE", "the cluster's CA (PEM)", NULL },
		{ "runtime", 0, RK_FLAG_TEXT, &opts.runtime, "oci|sim",
		  "containers for real (default), or simulated", NULL },
		{ "count", 0, RK_FLAG_NUMBER, &count, "N", "so many simulated nodes", NULL },
		{ "cgroup", 0, RK_FLAG_TEXT, &opts.cgroup, "PATH",
		  "control group of its pods (default /reckon/NAME)", NULL },
		{ "bpf-dir", 0, RK_FLAG_TEXT, &opts.bpf_dir, "DIR",
		  "where its eBPF programs are pinned", NULL },
		{ "cluster-domain", 0, RK_FLAG_TEXT, &opts.domain, "NAME",
		  "DNS domain (default cluster.local)", NULL },
		{ "upstream-dns", 0, RK_FLAG_TEXT, &opts.upstream_dns, "ADDR",
		  "resolver for names outside the cluster", NULL },
		{ "bridge", 0, RK_FLAG_TEXT, &opts.bridge, "NAME",
		  "bridge of its pods (default reckon0)", NULL },
		{ "label", 'l', RK_FLAG_LIST, &labels, "KEY=VALUE",
		  "a label for its Node object; may be given several times", NULL },
		{ "port", 0, RK_FLAG_NUMBER, &port, "N", "of its HTTPS server (default 10250)",
		  NULL },
		{ 0 },
	};
	struct rk_error error = { 0 };
	int status;

	if (!rk_cli_begin(&rk_command_node, flags, &argc, argv, NULL, &status))
		return status;
	if (argc > 0)
		return rk_cli_fail(&(struct rk_error){ RK_EINVAL, "node takes flags only" });
	if (check(&opts, &servers, &error) < 0)
		return rk_cli_fail(&error);
	if (count < 0 || count > 10000 || port < 0 || port > 65535 ||
	    servers.count == RK_FLAG_LIST_MAX || labels.count == RK_FLAG_LIST_MAX)
		return rk_cli_fail(&(struct rk_error){
			RK_EINVAL, "--count must be 0 to 10000, --port 0 to 65535" });
	opts.servers = servers.at; /* the lists end with NULL: what was not set is */
	opts.labels = labels.at;
	opts.count = (unsigned)count;
	opts.port = (unsigned short)port;
	rk_log_set_who(opts.name);
	(void)mallopt(M_ARENA_MAX, 1);
	(void)mallopt(M_TRIM_THRESHOLD, 256 * 1024);
	return rk_node_run(&opts, &error) < 0 ? rk_cli_fail(&error) : 0;
}
