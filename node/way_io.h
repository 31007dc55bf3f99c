/* node/way_io.h - a way for the API server to a port of a pod: the request is upgraded to "tcp" once the port has been
 * reached, and from then on bytes go both ways. */
#ifndef RK_NODE_WAY_IO_H
#define RK_NODE_WAY_IO_H

#include "node/portforward_io.h"
#include "wire/pipe_io.h"

#define RK_WAY_PROTOCOL "tcp" /* of the header Upgrade */

struct rk_way; /* one that is not open yet */

struct rk_way_opts {
	struct ev_loop *loop;
	struct rk_portforward_place place;
	const char *address;    /* "ip:port", as it is reached from the pod's own network; copied */
	bool is_tls;            /* speaks TLS with the port, whoever that says it is */
	struct rk_pipe **pipes; /* where it lives once it is open */
};

/* Connects, and answers the exchange: 101, or 502 with what is wrong. NULL: that is answered already. */
struct rk_way *rk_way_open(struct rk_http_exchange *exchange, const struct rk_way_opts *opts);
/* The exchange is gone; takes NULL. */
void rk_way_drop(struct rk_way *way);

#endif
