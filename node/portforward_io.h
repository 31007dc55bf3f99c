/* node/portforward_io.h - port-forward: a TCP connection to a port inside a pod, on the loop, and
 * the session that carries many of them to one client. */
#ifndef RK_NODE_PORTFORWARD_IO_H
#define RK_NODE_PORTFORWARD_IO_H

#include <ev.h>

#include "node/oci_container_io.h"
#include "node/session_io.h"

#define RK_PORTFORWARD_INPUT_MAX (1u << 20) /* bytes that may wait for the pod to read them */

struct rk_portforward;

struct rk_portforward_place { /* whose network it is */
	const struct rk_oci *oci;
	struct rk_span uid; /* of the pod */
	bool is_host;       /* a pod with hostNetwork */
};

/* The calling thread goes into that network: the sockets that it makes until it leaves belong there. */
RK_MUST_CHECK int rk_portforward_enter(const struct rk_portforward_place *place, int *ret_here,
				       struct rk_error *error);
void rk_portforward_leave(int here);

struct rk_portforward_opts {
	struct ev_loop *loop;
	struct rk_portforward_place place;
	uint16_t port; /* of 127.0.0.1 */
	void *context;
	void (*data)(void *context, struct rk_span bytes);
	void (*finished)(void *context);      /* the pod sends no more */
	void (*input_drained)(void *context); /* rk_portforward_write takes bytes again */
	/* The last call: code 0 when both sides have ended what they sent. */
	void (*closed)(void *context, bool was_connected, const struct rk_error *error);
};

/* Starts to connect; bytes may be written at once. Fails when the pod has no network any more. */
RK_MUST_CHECK int rk_portforward_start(struct rk_portforward **ret,
				       const struct rk_portforward_opts *opts,
				       struct rk_error *error);
/* Queues bytes; false: RK_PORTFORWARD_INPUT_MAX is reached, wait for input_drained. */
bool rk_portforward_write(struct rk_portforward *forward, struct rk_span bytes);
void rk_portforward_close_input(
	struct rk_portforward *forward); /* once what is queued is written */
void rk_portforward_pause(struct rk_portforward *forward,
			  bool is_paused); /* stops and continues reading */
/* Drops it; no callback follows. Takes NULL, returns NULL. */
struct rk_portforward *rk_portforward_close(struct rk_portforward *forward);

/* A client that asks for a pod's ports, by SPDY/3.1 or by SPDY/3.1 inside a WebSocket. Answers the
 * upgrade or refuses it; then it lives by itself, in the list, until one side ends. */
void rk_portforward_serve(struct rk_http_exchange *exchange, struct ev_loop *loop,
			  const struct rk_portforward_place *place, struct rk_session **list);

#endif
