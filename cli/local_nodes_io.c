/* The nodes of a local cluster: agents, each in a network namespace and a control group of its own.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/local.h"
#include "node/cgroup_io.h"
#include "node/files_io.h"
#include "node/node_io.h"

#define ARGS_MAX 48

struct args {
	char *at[ARGS_MAX];
	size_t count;
};

__attribute__((format(printf, 2, 3))) static void add(struct args *args, const char *format, ...)
{
	char text[RK_PATH_MAX];
	va_list values;

	rk_assert(args->count + 1 < ARGS_MAX);
	va_start(values, format);
	(void)vsnprintf(text, sizeof text, format, values);
	va_end(values);
	args->at[args->count++] = rk_strdup(text);
}

static void args_done(struct args *args)
{
	for (size_t i = 0; i < args->count; i++)
		free(args->at[i]);
}

struct rk_process rk_local_process(const struct rk_local_part *part, bool enters)
{
	return (struct rk_process){ .dir = part->dir, .netns = enters ? part->netns : NULL };
}

static void add_servers(struct args *args, const struct rk_local *local, const char *host)
{
	for (unsigned i = 0; i < local->members; i++)
		add(args, "--server=%s:%u", host, local->api_port + i);
}

int rk_local_node_start(const struct rk_local *local, unsigned number, struct rk_error *error)
{
	RK_AUTO(args_done) struct args args = { 0 };
	struct rk_local_part node;
	char bridge[16], host[32];

	rk_local_node(local, number, &node);
	rk_local_host(local, bridge, host);
	const struct rk_process process = rk_local_process(&node, true);
	if (rk_process_find(&process) != 0)
		return RK_OK;
	add(&args, "reckon");
	add(&args, "node");
	add(&args, "--name=%s", node.name);
	add(&args, "--dir=%s", node.dir);
	add(&args, "--ip=%s", node.address);
	add(&args, "--cert=%s/pki/%s.crt", local->dir, node.name);
	add(&args, "--key=%s/pki/%s.key", local->dir, node.name);
	add(&args, "--ca=%s/pki/ca.crt", local->dir);
	add(&args, "--cgroup=%s", node.cgroup);
	add(&args, "--bpf-dir=%s", node.bpf_dir);
	add_servers(&args, local, host);
	return rk_process_start(&process, args.at, error);
}

int rk_local_sim_start(const struct rk_local *local, struct rk_error *error)
{
	RK_AUTO(args_done) struct args args = { 0 };
	struct rk_local_part node;

	rk_local_node(local, 1, &node);
	(void)snprintf(node.dir, sizeof node.dir, "%s/nodes/sim", local->dir);
	const struct rk_process process = rk_local_process(&node, false);
	if (rk_process_find(&process) != 0)
		return RK_OK;
	add(&args, "reckon");
	add(&args, "node");
	add(&args, "--runtime=sim");
	add(&args, "--count=%u", local->nodes);
	add(&args, "--name=sim");
	add(&args, "--dir=%s", node.dir);
	add(&args, "--ip=127.0.0.1");
	add(&args, "--cert=%s/pki/sim.crt", local->dir);
	add(&args, "--key=%s/pki/sim.key", local->dir);
	add(&args, "--ca=%s/pki/ca.crt", local->dir);
	add_servers(&args, local, "127.0.0.1");
	return rk_process_start(&process, args.at, error);
}

/* The directories that all nodes' groups are in go with the last of them. */
static void remove_cgroup_parents(const struct rk_local_part *node)
{
	struct rk_cgroups cgroups;
	char path[RK_PATH_MAX];

	if (rk_cgroups_open(&cgroups, node->cgroup, NULL) < 0)
		return;
	for (unsigned i = 0; i < cgroups.root_count; i++) {
		rk_path(path, "%s%s/host", cgroups.roots[i], node->cgroup);
		(void)rmdir(path);
		rk_path(path, "%s%s", cgroups.roots[i], node->cgroup);
		(void)rmdir(path);
		*strrchr(path, '/') = '\0';
		(void)rmdir(path);
	}
}

/* In the node's own namespace, so in a child. */
static void clean(const struct rk_local_part *node)
{
	struct rk_error error = { 0 };
	const char *const no_servers[] = { NULL };
	const struct rk_node_opts opts = { .name = node->name,
					   .dir = node->dir,
					   .servers = no_servers,
					   .node_ip = node->address,
					   .cgroup = node->cgroup,
					   .bpf_dir = node->bpf_dir };
	const struct rk_process process = rk_local_process(node, true);

	if (rk_process_enter(&process, &error) < 0 || rk_node_clean(&opts, &error) < 0)
		(void)fprintf(stderr, "reckon: %s: %s\n", node->name, error.text);
}

void rk_local_node_remove(const struct rk_local *local, unsigned number)
{
	struct rk_local_part node;
	int status;

	rk_local_node(local, number, &node);
	const struct rk_process process = rk_local_process(&node, true);
	rk_process_stop(&process, 3000);
	const pid_t pid = fork();
	if (pid == 0) {
		clean(&node);
		_exit(0);
	}
	if (pid > 0)
		(void)waitpid(pid, &status, 0);
	remove_cgroup_parents(&node);
}
