/* node/server_io.h - the agent's HTTPS server: logs, exec and health, for members and
 * administrators only. */
#ifndef RK_NODE_SERVER_IO_H
#define RK_NODE_SERVER_IO_H

#include "node/agent.h"

/* Listens on the node's address. RK_EBUSY: the port is in use. */
RK_MUST_CHECK int rk_node_server_open(struct rk_node_server **ret, struct rk_agent *agent,
				      struct rk_error *error);
struct rk_node_server *rk_node_server_close(
	struct rk_node_server *server); /* takes NULL, returns NULL */

#endif
