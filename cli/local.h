/* cli/local.h - what a local cluster is: members and nodes on this one machine, all below one
 * directory (DIR/cluster.yaml). */
#ifndef RK_CLI_LOCAL_H
#define RK_CLI_LOCAL_H

#include "base/err.h"
#include "base/span.h"
#include "cli/process_io.h"

#define RK_LOCAL_MEMBERS_MAX 7
#define RK_LOCAL_NODES_MAX   64
#define RK_LOCAL_TEXT        128

struct rk_local {
	char dir[384]; /* absolute */
	char tag[8];   /* four hexadecimal digits from the directory: names of links, namespaces,
			  control groups */
	char cluster_id[40];
	unsigned members, nodes;
	bool is_simulated;            /* nodes run nothing for real */
	unsigned api_port, peer_port; /* of m1; the others follow */
	unsigned etcd_port;           /* of m1, the others each a hundred on; 0: no etcd API */
	unsigned subnet;              /* nodes are 10.199.SUBNET.0/24, the host is .1 */
};

/* The paths, names and addresses that follow from it. Numbers from 1. */
struct rk_local_part {
	char name[32]; /* "m1", "node-1" */
	char dir[448];
	char address[64];         /* member: "127.0.0.1:6443"; node: "10.199.7.11" */
	char netns[64], link[16]; /* node: its namespace, the host's end of its cable */
	char cgroup[96];          /* node: "/reckon/TAG-node-1" */
	char bpf_dir[128];
};
void rk_local_member(const struct rk_local *local, unsigned number, struct rk_local_part *ret);
void rk_local_node(const struct rk_local *local, unsigned number, struct rk_local_part *ret);
void rk_local_host(const struct rk_local *local, char ret_bridge[16], char ret_address[32]);

/* RK_ENOENT: no cluster there. */
RK_MUST_CHECK int rk_local_load(struct rk_local *ret, const char *dir, struct rk_error *error);
RK_MUST_CHECK int rk_local_save(const struct rk_local *local, struct rk_error *error);
/* A new one, with identity and names of its own. */
RK_MUST_CHECK int rk_local_new(struct rk_local *ret, const char *dir, struct rk_error *error);

/* --- local_net_io.c: the host's side of the network --- */

RK_MUST_CHECK int rk_local_net_up(struct rk_local *local, struct rk_error *error);
void rk_local_net_down(const struct rk_local *local);
/* This machine's way to a node's pods, and so theirs back to the members; goes with the bridge. */
void rk_local_net_route(const struct rk_local *local, const char *pod_cidr,
			const char *node_address);

/* --- local_nodes_io.c --- */

RK_MUST_CHECK int rk_local_node_start(const struct rk_local *local, unsigned number,
				      struct rk_error *error);
RK_MUST_CHECK int rk_local_sim_start(const struct rk_local *local, struct rk_error *error);
/* Ends the agent and everything that it runs, and removes what it made outside its directory. */
void rk_local_node_remove(const struct rk_local *local, unsigned number);
/* Where the agent's process is kept. */
struct rk_process rk_local_process(const struct rk_local_part *part, bool enters);

#endif
