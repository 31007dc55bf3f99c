/* control/api/relay.h - a request that another server answers: a node, or what runs on one. */
#ifndef RK_CONTROL_API_RELAY_H
#define RK_CONTROL_API_RELAY_H

#include "control/api/server.h"
#include "wire/pipe_io.h"

struct rk_relay_opts { /* what is pointed to stays as long as the request (its arena) */
	const char *address, *server_name; /* of the server; server_name NULL: the host of the address */
	struct rk_tls *tls;                /* NULL: plain */
	/* NULL: that server answers. Otherwise it opens a connection to the one that does, at this target (101, "tcp"). */
	const char *way;
	const char *method, *target;
	const struct rk_http_header *headers;
	size_t header_count;
	struct rk_blob *body; /* NULL: none; a share is taken */
	uint32_t head_ms;
	/* A proxy: whatever the server answers is the answer. Otherwise its errors are told as our own. */
	bool is_proxy;
	struct rk_span prefix; /* of a proxy: stands before the paths of its redirections */
};

/* Answers the request, now or later. */
void rk_api_relay(struct rk_req *req, const struct rk_relay_opts *opts);
void rk_api_relay_drained(struct rk_req *req);
void rk_api_relay_free(struct rk_req *req); /* there may be none */

/* proxy_io.c: sets where the agent of a pod's node is. False: there is none (answered). */
bool rk_api_node_of(struct rk_req *req, const struct rk_val *pod, struct rk_relay_opts *ret);

#endif
