/* reckon cluster up, down, status, enter: a whole cluster on this one machine. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock_io.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/call_io.h"
#include "cli/commands.h"
#include "cli/local.h"
#include "cli/pki_io.h"
#include "node/cgroup_io.h"
#include "node/files_io.h"
#include "raft/peers_io.h"

#define MEMBERS_READY_MS 15000
#define NODES_READY_MS   30000

static int run_up(int argc, char **argv);
static int run_down(int argc, char **argv);
static int run_status(int argc, char **argv);
static int run_enter(int argc, char **argv);

const struct rk_command rk_command_cluster_up = {
	.name = "cluster up",
	.usage = "--dir DIR [--members N] [--nodes N]",
	.summary = "Start a whole cluster on this machine",
	.examples = "  reckon cluster up --dir /tmp/demo\n  reckon cluster up --dir /tmp/big "
		    "--members 5 --nodes 100 --simulated\n",
	.run = run_up,
	.section = "Clusters on this machine",
};
const struct rk_command rk_command_cluster_down = {
	.name = "cluster down",
	.usage = "--dir DIR [--keep]",
	.summary = "Stop it and remove all that it made",
	.examples = "  reckon cluster down --dir /tmp/demo\n",
	.run = run_down,
	.section = "Clusters on this machine",
};
const struct rk_command rk_command_cluster_status = {
	.name = "cluster status",
	.usage = "--dir DIR",
	.summary = "Show its members and nodes",
	.examples = "  reckon cluster status --dir /tmp/demo\n",
	.run = run_status,
	.section = "Clusters on this machine",
};
const struct rk_command rk_command_cluster_enter = {
	.name = "cluster enter",
	.usage = "--dir DIR NODE -- COMMAND [ARG...]",
	.summary = "Run a command as if on one of its nodes",
	.examples =
		"  reckon cluster enter --dir /tmp/demo node-1 -- wget -qO- http://10.96.0.20\n",
	.run = run_enter,
	.section = "Clusters on this machine",
};

/* --- up --- */

static int make_certs(const struct rk_local *local, struct rk_error *error)
{
	static const char *const admin_groups[] = { "system:masters", NULL };
	static const char *const no_groups[] = { NULL }; /* only its key is of use: for tokens */
	static const char *const member_groups[] = { RK_PEER_GROUP, NULL };
	static const char *const node_groups[] = { "system:nodes", NULL };
	char bridge[16], host[32], subject[64];

	rk_local_host(local, bridge, host);
	RK_TRY(rk_pki_make_ca(local->dir, error));
	RK_TRY(rk_pki_make_cert(local->dir, "admin", "admin", admin_groups, NULL, error));
	RK_TRY(rk_pki_make_cert(local->dir, "service-accounts", "service-accounts", no_groups, NULL,
				error));
	for (unsigned i = 1; i <= local->members; i++) {
		struct rk_local_part member;
		rk_local_member(local, i, &member);
		const char *const hosts[] = { member.name,
					      "localhost",
					      "127.0.0.1",
					      host,
					      "kubernetes",
					      "kubernetes.default",
					      "kubernetes.default.svc",
					      "kubernetes.default.svc.cluster.local",
					      "10.96.0.1",
					      NULL };
		(void)snprintf(subject, sizeof subject, RK_PEER_NAME_FORMAT, (unsigned long long)i);
		RK_TRY(rk_pki_make_cert(local->dir, member.name, subject, member_groups, hosts,
					error));
	}
	for (unsigned i = 1; i <= local->nodes && !local->is_simulated; i++) {
		struct rk_local_part node;
		rk_local_node(local, i, &node);
		const char *const hosts[] = { node.name, node.address, NULL };
		(void)snprintf(subject, sizeof subject, "system:node:%s", node.name);
		RK_TRY(rk_pki_make_cert(local->dir, node.name, subject, node_groups, hosts, error));
	}
	if (local->is_simulated) {
		static const char *const hosts[] = { "sim", "localhost", "127.0.0.1", NULL };
		RK_TRY(rk_pki_make_cert(local->dir, "sim", "system:node:sim*", node_groups, hosts,
					error));
	}
	return RK_OK;
}

static int start_member(const struct rk_local *local, unsigned number, struct rk_error *error)
{
	struct rk_local_part member;
	struct rk_buf members = { 0 };
	char bridge[16], host[32], texts[11][RK_PATH_MAX];
	int err;

	rk_local_member(local, number, &member);
	rk_local_host(local, bridge, host);
	const struct rk_process process = rk_local_process(&member, false);
	if (rk_process_find(&process) != 0)
		return RK_OK;
	for (unsigned i = 0; i < local->members; i++)
		rk_buf_printf(&members, "%s%u=127.0.0.1:%u", i > 0 ? "," : "", i + 1,
			      local->peer_port + i);
	(void)snprintf(texts[0], RK_PATH_MAX, "--dir=%s/data", member.dir);
	(void)snprintf(texts[1], RK_PATH_MAX, "--id=%u", number);
	(void)snprintf(texts[2], RK_PATH_MAX, "--cluster-id=%s", local->cluster_id);
	(void)snprintf(texts[3], RK_PATH_MAX, "--members=%s", rk_buf_cstr(&members));
	(void)snprintf(texts[4], RK_PATH_MAX, "--listen=%s", member.address);
	(void)snprintf(texts[5], RK_PATH_MAX, "--cert=%s/pki/%s.crt", local->dir, member.name);
	(void)snprintf(texts[6], RK_PATH_MAX, "--key=%s/pki/%s.key", local->dir, member.name);
	(void)snprintf(texts[7], RK_PATH_MAX, "--ca=%s/pki/ca.crt", local->dir);
	(void)snprintf(texts[8], RK_PATH_MAX, "--listen=%s:%u", host, local->api_port + number - 1);
	(void)snprintf(texts[9], RK_PATH_MAX, "--etcd-listen=127.0.0.1:%u",
		       local->etcd_port + (number - 1) * 100);
	(void)snprintf(texts[10], RK_PATH_MAX, "--service-account-key=%s/pki/service-accounts.key",
		       local->dir);
	char program[] = "reckon", command[] = "server";
	char *argv[] = { program,
			 command,
			 texts[0],
			 texts[1],
			 texts[2],
			 texts[3],
			 texts[4],
			 texts[5],
			 texts[6],
			 texts[7],
			 texts[10],
			 NULL,
			 NULL,
			 NULL };
	size_t argc = 11;
	if (!local->is_simulated && local->nodes > 0)
		argv[argc++] = texts[8];
	if (local->etcd_port != 0)
		argv[argc++] = texts[9];
	err = rk_process_start(&process, argv, error);
	rk_buf_done(&members);
	return err;
}

/* Waits until the member serves, or says why it does not. */
static int wait_member(const struct rk_local *local, unsigned number, struct rk_tls *tls,
		       uint64_t until_ms, struct rk_error *error)
{
	struct rk_local_part member;
	char words[256];

	rk_local_member(local, number, &member);
	const struct rk_process process = rk_local_process(&member, false);
	for (;;) {
		struct rk_arena arena = { 0 };
		const int err =
			rk_call_get(member.address, tls, "/readyz", 1000, &arena, NULL, error);
		rk_arena_done(&arena);
		if (err == RK_OK)
			return RK_OK;
		if (rk_process_find(&process) == 0) {
			rk_process_last_words(&process, words, sizeof words);
			return rk_fail(error, RK_EIO, "member %s did not start: %s", member.name,
				       words);
		}
		if (rk_clock_mono_ms() > until_ms)
			return rk_fail_wrap(error, RK_ETIMEDOUT,
					    "member %s is not ready (see %s/log)", member.name,
					    member.dir);
		(void)usleep(20000);
	}
}

static unsigned count_ready(const struct rk_val *list)
{
	const struct rk_val *items = rk_val_at(list, "items");
	unsigned ready = 0;

	for (uint32_t i = 0; i < rk_val_count(items); i++) {
		const struct rk_val *conditions =
			rk_val_at(rk_val_item(items, i), "status.conditions");
		for (uint32_t j = 0; j < rk_val_count(conditions); j++)
			ready += rk_span_is(rk_val_text_at(rk_val_item(conditions, j), "type"),
					    "Ready") &&
				 rk_span_is(rk_val_text_at(rk_val_item(conditions, j), "status"),
					    "True");
	}
	return ready;
}

/* Members and pods reach each other as if on one network. */
static void route_to_pods(const struct rk_local *local, const struct rk_val *list)
{
	const struct rk_val *items = rk_val_at(list, "items");

	for (uint32_t i = 0; i < rk_val_count(items); i++) {
		const struct rk_val *node = rk_val_item(items, i);
		const struct rk_val *addresses = rk_val_at(node, "status.addresses");
		char cidr[32], address[32];
		(void)snprintf(cidr, sizeof cidr, "%.*s",
			       RK_SPAN_ARGS(rk_val_text_at(node, "spec.podCIDR")));
		(void)snprintf(address, sizeof address, "%.*s",
			       RK_SPAN_ARGS(rk_val_text_at(rk_val_item(addresses, 0), "address")));
		if (cidr[0] != '\0' && address[0] != '\0')
			rk_local_net_route(local, cidr, address);
	}
}

static int wait_nodes(const struct rk_local *local, struct rk_tls *tls, struct rk_error *error)
{
	const uint64_t until_ms = rk_clock_mono_ms() + NODES_READY_MS;
	struct rk_local_part member;
	unsigned ready = 0;

	rk_local_member(local, 1, &member);
	for (;;) {
		struct rk_arena arena = { 0 };
		struct rk_val *list = NULL;
		if (rk_call_get(member.address, tls, "/api/v1/nodes", 2000, &arena, &list, error) ==
		    RK_OK)
			ready = count_ready(list);
		if (ready >= local->nodes && !local->is_simulated)
			route_to_pods(local, list);
		rk_arena_done(&arena);
		if (ready >= local->nodes)
			return RK_OK;
		if (rk_clock_mono_ms() > until_ms)
			return rk_fail(error, RK_ETIMEDOUT,
				       "%u of %u nodes are ready (see %s/nodes/*/log)", ready,
				       local->nodes, local->dir);
		if (isatty(STDOUT_FILENO) != 0)
			(void)printf("\r  %u of %u ready", ready, local->nodes),
				(void)fflush(stdout);
		(void)usleep(100000);
	}
}

static double since_s(uint64_t from_ms) { return (double)(rk_clock_mono_ms() - from_ms) / 1000.0; }

static int start_members(const struct rk_local *local, struct rk_tls *tls, struct rk_error *error)
{
	const uint64_t begin_ms = rk_clock_mono_ms();

	for (unsigned i = 1; i <= local->members; i++)
		RK_TRY(start_member(local, i, error));
	for (unsigned i = 1; i <= local->members; i++)
		RK_TRY(wait_member(local, i, tls, begin_ms + MEMBERS_READY_MS, error));
	(void)printf("Members     %u ready after %.2f s\n", local->members, since_s(begin_ms));
	return RK_OK;
}

static int start_nodes(const struct rk_local *local, struct rk_tls *tls, struct rk_error *error)
{
	const uint64_t begin_ms = rk_clock_mono_ms();

	if (local->nodes == 0)
		return RK_OK;
	if (local->is_simulated)
		RK_TRY(rk_local_sim_start(local, error));
	for (unsigned i = 1; i <= local->nodes && !local->is_simulated; i++)
		RK_TRY(rk_local_node_start(local, i, error));
	RK_TRY(wait_nodes(local, tls, error));
	(void)printf("%sNodes       %u ready after %.2f s%s\n",
		     isatty(STDOUT_FILENO) != 0 ? "\r" : "", local->nodes, since_s(begin_ms),
		     local->is_simulated ? " (simulated: they run no containers)" : "");
	return RK_OK;
}

static int write_kubeconfig(const struct rk_local *local, struct rk_error *error)
{
	struct rk_local_part members[RK_LOCAL_MEMBERS_MAX];
	const char *addresses[RK_LOCAL_MEMBERS_MAX + 1] = { NULL };

	for (unsigned i = 0; i < local->members; i++) {
		rk_local_member(local, i + 1, &members[i]);
		addresses[i] = members[i].address;
	}
	return rk_pki_write_kubeconfig(local->dir, addresses, error);
}

static void drop_tls(struct rk_tls **tls) { (void)rk_tls_unref(*tls); }

static int bring_up(struct rk_local *local, struct rk_error *error)
{
	RK_AUTO(drop_tls) struct rk_tls *tls = NULL;

	if (!local->is_simulated && local->nodes > 0)
		RK_TRY(rk_local_net_up(local, error));
	RK_TRY(rk_local_save(local, error));
	RK_TRY(make_certs(local, error));
	RK_TRY(write_kubeconfig(local, error));
	RK_TRY(rk_call_identity(local->dir, &tls, error));
	RK_TRY(start_members(local, tls, error));
	RK_TRY(start_nodes(local, tls, error));
	(void)printf("Kubeconfig  %s/admin.kubeconfig\n", local->dir);
	return RK_OK;
}

static int run_up(int argc, char **argv)
{
	const char *dir = NULL;
	int64_t members = 3, nodes = 2, port = 6443, peer_port = 6543, etcd_port = 0;
	bool simulated = false, given = false;
	const struct rk_flag flags[] = {
		{ "dir", 'd', RK_FLAG_TEXT, &dir, "DIR", "where everything of the cluster is kept",
		  NULL },
		{ "members", 0, RK_FLAG_NUMBER, &members, "N",
		  "members of the control plane, 1 to 7", &given },
		{ "nodes", 0, RK_FLAG_NUMBER, &nodes, "N", "nodes", &given },
		{ "simulated", 0, RK_FLAG_BOOL, &simulated, NULL,
		  "nodes that only pretend to run containers; needs no root", NULL },
		{ "port", 0, RK_FLAG_NUMBER, &port, "N",
		  "port of the first member's API; the others follow", NULL },
		{ "peer-port", 0, RK_FLAG_NUMBER, &peer_port, "N",
		  "port of the first member for the others; these follow", NULL },
		{ "etcd-port", 0, RK_FLAG_NUMBER, &etcd_port, "N",
		  "port of the first member's etcd API, such as 2379; the others each a hundred on "
		  "(default: none)",
		  NULL },
		{ 0 },
	};
	struct rk_error error = { 0 };
	struct rk_local local;
	int status;

	if (!rk_cli_begin(&rk_command_cluster_up, flags, &argc, argv, NULL, &status))
		return status;
	if (dir == NULL || argc > 0)
		return rk_cli_fail(&(struct rk_error){
			RK_EINVAL, "cluster up needs --dir DIR, and no other words" });
	if (members < 1 || members > RK_LOCAL_MEMBERS_MAX || nodes < 0 ||
	    (nodes > RK_LOCAL_NODES_MAX && !simulated) || nodes > 10000)
		return rk_cli_fail(&(struct rk_error){
			RK_EINVAL,
			"--members must be 1 to 7, --nodes 0 to 64 (10000 with --simulated)" });
	int err = rk_local_load(&local, dir, &error);
	if (err == RK_ENOENT) {
		err = rk_local_new(&local, dir, &error);
		local.members = (unsigned)members;
		local.nodes = (unsigned)nodes;
		local.api_port = (unsigned)port;
		local.peer_port = (unsigned)peer_port;
		local.etcd_port = (unsigned)etcd_port;
		local.is_simulated = simulated || geteuid() != 0;
		if (local.is_simulated && !simulated && nodes > 0)
			(void)printf("Note        without root the nodes are simulated: they run "
				     "no containers\n");
	} else if (err == RK_OK && given && (local.members != members || local.nodes != nodes)) {
		err = rk_fail(&error, RK_EEXIST,
			      "the cluster in %s has %u members and %u nodes; take it down first "
			      "to make another one",
			      dir, local.members, local.nodes);
	}
	if (err == RK_OK)
		err = bring_up(&local, &error);
	return err < 0 ? rk_cli_fail(&error) : 0;
}

/* --- down --- */

static int run_down(int argc, char **argv)
{
	const char *dir = NULL;
	bool keep = false;
	const struct rk_flag flags[] = {
		{ "dir", 'd', RK_FLAG_TEXT, &dir, "DIR", "the cluster's directory", NULL },
		{ "keep", 0, RK_FLAG_BOOL, &keep, NULL,
		  "stop the processes only; `cluster up` goes on where it was", NULL },
		{ 0 },
	};
	struct rk_error error = { 0 };
	struct rk_local local;
	int status;

	if (!rk_cli_begin(&rk_command_cluster_down, flags, &argc, argv, NULL, &status))
		return status;
	if (dir == NULL || argc > 0)
		return rk_cli_fail(&(struct rk_error){
			RK_EINVAL, "cluster down needs --dir DIR, and no other words" });
	if (rk_local_load(&local, dir, &error) < 0)
		return rk_cli_fail(&error);
	rk_log_set_level(RK_LOG_WARN); /* what the nodes' code says while it cleans up */
	struct rk_local_part part;
	if (local.is_simulated) {
		rk_local_node(&local, 1, &part);
		(void)snprintf(part.dir, sizeof part.dir, "%s/nodes/sim", local.dir);
		const struct rk_process process = rk_local_process(&part, false);
		rk_process_stop(&process, 3000);
	}
	for (unsigned i = 1; i <= local.nodes && !local.is_simulated; i++) {
		rk_local_node(&local, i, &part);
		const struct rk_process process = rk_local_process(&part, true);
		rk_process_stop(&process, 3000);
		if (!keep)
			rk_local_node_remove(&local, i);
	}
	for (unsigned i = 1; i <= local.members; i++) {
		rk_local_member(&local, i, &part);
		const struct rk_process process = rk_local_process(&part, false);
		rk_process_stop(&process, 5000);
	}
	if (keep)
		return 0;
	if (!local.is_simulated)
		rk_local_net_down(&local);
	if (rk_dir_remove(local.dir, &error) < 0)
		return rk_cli_fail(&error);
	(void)printf("Removed %s and everything that the cluster made\n", local.dir);
	return 0;
}

/* --- status --- */

static void print_member(const struct rk_local *local, unsigned number, struct rk_tls *tls,
			 bool *ret_all)
{
	struct rk_local_part member;
	struct rk_arena arena = { 0 };
	struct rk_val *val = NULL;
	struct rk_error error;

	rk_local_member(local, number, &member);
	const struct rk_process process = rk_local_process(&member, false);
	const pid_t pid = rk_process_find(&process);
	if (pid == 0 ||
	    rk_call_get(member.address, tls, "/reckon/v1/status", 2000, &arena, &val, &error) < 0) {
		(void)printf("%-8s %-16s %-14s %s\n", member.name, member.address,
			     pid == 0 ? "stopped" : "unreachable", pid == 0 ? "" : error.text);
		*ret_all = false;
	} else {
		const bool quarantined = rk_val_bool_at(val, "quarantined", false);
		(void)printf("%-8s %-16s %-14.*s %-6lld %-9lld %-9lld %-9lld %-17.16s %d%s%s\n",
			     member.name, member.address, RK_SPAN_ARGS(rk_val_text_at(val, "role")),
			     (long long)rk_val_int_at(val, "term", 0),
			     (long long)rk_val_int_at(val, "applied", 0),
			     (long long)rk_val_int_at(val, "revision", 0),
			     (long long)rk_val_int_at(val, "snapshot", 0),
			     (const char *)rk_val_text_at(val, "hash").data, (int)pid,
			     rk_val_bool_at(val, "diskFull", false) ? " DISK FULL" : "",
			     rk_span_is(rk_val_text_at(val, "memory"), "lost") ||
					     rk_span_is(rk_val_text_at(val, "memory"), "fills")
				     ? " AMNESIA"
			     : rk_val_bool_at(val, "removed", false) ? " REMOVED"
			     : quarantined			   ? " QUARANTINED"
								   : "");
		*ret_all = *ret_all && !quarantined;
	}
	rk_arena_done(&arena);
}

static void print_nodes(const struct rk_local *local)
{
	(void)printf("\n%-8s %-16s %s\n", "NODE", "ADDRESS", "PID");
	for (unsigned i = 1; i <= local->nodes; i++) {
		struct rk_local_part node;
		rk_local_node(local, i, &node);
		const struct rk_process process = rk_local_process(&node, true);
		const pid_t pid = rk_process_find(&process);
		(void)printf("%-8s %-16s %s%.0d\n", node.name, node.address,
			     pid == 0 ? "stopped" : "", (int)pid);
	}
}

static int run_status(int argc, char **argv)
{
	const char *dir = NULL;
	const struct rk_flag flags[] = {
		{ "dir", 'd', RK_FLAG_TEXT, &dir, "DIR", "the cluster's directory", NULL }, { 0 }
	};
	RK_AUTO(drop_tls) struct rk_tls *tls = NULL;
	struct rk_error error = { 0 };
	struct rk_local local;
	bool all = true;
	int status;

	if (!rk_cli_begin(&rk_command_cluster_status, flags, &argc, argv, NULL, &status))
		return status;
	if (dir == NULL || argc > 0)
		return rk_cli_fail(&(struct rk_error){
			RK_EINVAL, "cluster status needs --dir DIR, and no other words" });
	if (rk_local_load(&local, dir, &error) < 0 || rk_call_identity(local.dir, &tls, &error) < 0)
		return rk_cli_fail(&error);
	(void)printf("%-8s %-16s %-14s %-6s %-9s %-9s %-9s %-17s %s\n", "MEMBER", "API", "ROLE",
		     "TERM", "INDEX", "REVISION", "SNAPSHOT", "STATE HASH", "PID");
	for (unsigned i = 1; i <= local.members; i++)
		print_member(&local, i, tls, &all);
	if (!local.is_simulated && local.nodes > 0)
		print_nodes(&local);
	else if (local.nodes > 0)
		(void)printf("\n%u simulated nodes\n", local.nodes);
	return all ? 0 : 1;
}

/* --- enter --- */

static int enter(const struct rk_local *local, const char *name, char **argv,
		 struct rk_error *error)
{
	for (unsigned i = 1; i <= local->nodes && !local->is_simulated; i++) {
		struct rk_local_part node;
		struct rk_cgroups cgroups;
		char cgroup[512];
		rk_local_node(local, i, &node);
		if (strcmp(node.name, name) != 0)
			continue;
		RK_TRY(rk_cgroups_open(&cgroups, node.cgroup, error));
		(void)snprintf(cgroup, sizeof cgroup, "%s%s/host", cgroups.roots[0], node.cgroup);
		RK_TRY(rk_dir_make(cgroup, 0700, error));
		const struct rk_process process = { .dir = node.dir,
						    .netns = node.netns,
						    .cgroup = cgroup };
		return rk_process_become(&process, argv, error);
	}
	return rk_fail(error, RK_ENOENT, "the cluster has no node %s that runs for real", name);
}

static int run_enter(int argc, char **argv)
{
	const char *dir = NULL;
	const struct rk_flag flags[] = {
		{ "dir", 'd', RK_FLAG_TEXT, &dir, "DIR", "the cluster's directory", NULL }, { 0 }
	};
	struct rk_error error = { 0 };
	struct rk_local local;
	int status, dash;

	if (!rk_cli_begin(&rk_command_cluster_enter, flags, &argc, argv, &dash, &status))
		return status;
	if (dir == NULL || dash != 1 || argc < 2)
		return rk_cli_fail(&(struct rk_error){
			RK_EINVAL, "cluster enter needs --dir DIR NODE -- COMMAND" });
	argv[argc] = NULL;
	if (rk_local_load(&local, dir, &error) == RK_OK)
		(void)enter(&local, argv[0], argv + 1, &error);
	return rk_cli_fail(&error);
}
