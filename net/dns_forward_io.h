/* net/dns_forward_io.h - asks the upstream resolver. Each question goes out from a socket (so, a
 * port) and under an id of its own, both random, and takes at most two seconds. */
#ifndef RK_NET_DNS_FORWARD_IO_H
#define RK_NET_DNS_FORWARD_IO_H

#include <ev.h>
#include <netinet/in.h>

#include "net/dns_message.h"

#define RK_FORWARDS_MAX      512  /* questions under way; further ones are refused */
#define RK_FORWARD_QUERY_MAX 4096 /* bytes of a query */

struct rk_dns_client {           /* who asked */
	struct sockaddr_in from; /* by UDP */
	void *conn;              /* by TCP; NULL for UDP */
};

/* answer: whole, under the client's id; empty: there was none. `query` is what was asked, as
 * rk_forward_ask got it. */
typedef void rk_forward_done_fn(void *context, const struct rk_dns_client *client,
				struct rk_span query, struct rk_span answer);

struct rk_forward;

/* upstream: "address" or "address:port". RK_EINVAL. */
RK_MUST_CHECK int rk_forward_open(struct rk_forward **ret, struct ev_loop *loop,
				  const char *upstream, rk_forward_done_fn *done, void *context,
				  struct rk_error *error);
struct rk_forward *rk_forward_close(struct rk_forward *forward); /* takes NULL, returns NULL */
/* False: too many are under way, or no socket could be had; `done` is not called. The same
 * transport as the client's. */
bool rk_forward_ask(struct rk_forward *forward, const struct rk_dns_client *client,
		    const struct rk_dns_query *query, struct rk_span message);
/* The connection is closed: its answers go nowhere. */
void rk_forward_forget(struct rk_forward *forward, const void *conn);
/* Whether the upstream is this address itself, which would ask in circles. */
bool rk_forward_is(const struct rk_forward *forward, const struct sockaddr_in *address);

#endif
