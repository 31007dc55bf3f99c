/* node/oci_runtime_io.h - the real runtime: acts become jobs, ends of containers become facts. */
#ifndef RK_NODE_OCI_RUNTIME_IO_H
#define RK_NODE_OCI_RUNTIME_IO_H

#include <ev.h>

#include "net/podnet_io.h"
#include "node/oci_container_io.h"
#include "node/runtime.h"

struct rk_oci_runtime_opts {
	struct ev_loop *loop;
	const char *dir;    /* absolute */
	const char *cgroup; /* "/reckon/n1" */
	const char *host_ip;
	const char *domain; /* "cluster.local" */
	int64_t node_cpu_milli, node_memory;
	const struct rk_objects *objects; /* lives as long as the runtime */
	void *context;
	void (*fact)(void *context, const struct rk_fact *fact);
};

RK_MUST_CHECK int rk_oci_runtime_new(struct rk_runtime **ret,
				     const struct rk_oci_runtime_opts *opts,
				     struct rk_error *error);
/* Until there is one, only pods with hostNetwork start. dns: the address of the cluster DNS for
 * pods, or "". */
void rk_oci_runtime_set_network(struct rk_runtime *runtime, struct rk_podnet *podnet,
				const char *dns);
const struct rk_oci *rk_oci_runtime_oci(struct rk_runtime *runtime);

#endif
