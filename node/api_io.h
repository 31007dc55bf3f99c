/* node/api_io.h - the agent's way to the control plane: calls and watches over HTTPS, from member
 * to member as they fail. */
#ifndef RK_NODE_API_IO_H
#define RK_NODE_API_IO_H

#include <ev.h>

#include "wire/client_io.h"
#include "wire/tls_io.h"
#include "wire/val.h"

#define RK_API_ANSWER_MAX  (64u << 20) /* bytes: a list of every pod of a large cluster */
#define RK_API_SERVERS_MAX 16

#define RK_MERGE_PATCH     "application/merge-patch+json"
#define RK_STRATEGIC_PATCH "application/strategic-merge-patch+json"
#define RK_JSON_TYPE       "application/json"

struct rk_apiclient;

/* servers: "host:port" or "https://host:port", ends with NULL; copied. RK_EINVAL: none, or too
 * many. */
RK_MUST_CHECK int rk_apiclient_new(struct rk_apiclient **ret, struct ev_loop *loop,
				   const char *const *servers, struct rk_tls *tls,
				   struct rk_error *error);
/* Every call in flight ends with RK_ECLOSED. Takes NULL, returns NULL. */
struct rk_apiclient *rk_apiclient_free(struct rk_apiclient *api);

struct rk_apiclient_call { /* borrowed for the call */
	const char *method;
	const char *target;
	const char *type;          /* of the body */
	const struct rk_val *body; /* NULL: none */
	void *context;
	/* Exactly once. err < 0: no member answered. answer: borrowed, NULL when it is not JSON.
	 * May be NULL. */
	void (*done)(void *context, int err, int status, const struct rk_val *answer);
};
/* Another member is tried when one does not answer; each has 5 s. */
void rk_apiclient_call(struct rk_apiclient *api, const struct rk_apiclient_call *call);
unsigned rk_apiclient_in_flight(const struct rk_apiclient *api);

/* --- for watches --- */
struct rk_http_client *rk_apiclient_watch_client(struct rk_apiclient *api);
/* That client's member did not answer: go to another one. */
void rk_apiclient_blame(struct rk_apiclient *api, const struct rk_http_client *client);
struct ev_loop *rk_apiclient_loop(struct rk_apiclient *api);

#endif
