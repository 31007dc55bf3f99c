/* node/node_io.h - `reckon node`: the agent of one machine, or of many simulated ones. */
#ifndef RK_NODE_NODE_IO_H
#define RK_NODE_NODE_IO_H

#include "base/err.h"

struct rk_node_opts {     /* borrowed while it runs */
	const char *name; /* of the node; with count > 1: the stem, "sim" -> "sim-0", "sim-1"... */
	const char *dir;  /* what it keeps; made when it is not there */
	const char *const *servers; /* members, "host:port"; ends with NULL */
	const char *cert, *key,
		*ca;         /* PEM files: who it is, and whom it trusts; also its server's */
	const char *node_ip; /* its address */
	const char *runtime; /* "oci" (NULL too) or "sim" */
	unsigned count;      /* of simulated nodes; 0: one */
	const char *cgroup;  /* "/reckon/NAME"; NULL: that */
	const char
		*bpf_dir;   /* in a bpf file system, for this node; NULL: /sys/fs/bpf/reckon/NAME */
	const char *domain; /* NULL: "cluster.local" */
	const char *upstream_dns;  /* NULL: names outside the cluster fail */
	const char *bridge;        /* NULL: "reckon0" */
	const char *const *labels; /* "key=value"; ends with NULL; NULL: none */
	unsigned short port;       /* of its HTTPS server; 0: 10250 */
};

/* Runs until SIGTERM or SIGINT; containers go on. 0, or why it could not start. */
RK_MUST_CHECK int rk_node_run(const struct rk_node_opts *opts, struct rk_error *error);
/* Ends every pod of this node and removes mounts, control groups, links and programs (not `dir`
 * itself). */
RK_MUST_CHECK int rk_node_clean(const struct rk_node_opts *opts, struct rk_error *error);

#endif
