/* control/api/api_io.h - the API server of a member: HTTPS for kubectl and every other client of
 * the Kubernetes API.
 *
 * Each thread has a listener, a loop and a feed of its own (control/core_io.h), and answers reads
 * from the newest view that it was given. Who somebody is, a certificate of the cluster's CA says, or
 * the token of a service account.
 */
#ifndef RK_CONTROL_API_API_IO_H
#define RK_CONTROL_API_API_IO_H

#include "control/core_io.h"
#include "control/schema/kinds.h"
#include "wire/tls_io.h"

struct rk_api;
struct rk_jws;

#define RK_API_ADDRESSES_MAX 8

struct rk_apiserver_opts {
	struct rk_core *core;
	const struct rk_kinds *kinds;
	const char *addresses[RK_API_ADDRESSES_MAX]; /* "127.0.0.1:6443"...: ends with NULL */
	struct rk_tls *server; /* shares are taken; who shows neither certificate nor token is system:anonymous */
	const struct rk_jws *tokens; /* with which those of service accounts are signed; NULL: there are none */
	struct rk_tls *client; /* with which nodes are called for logs and exec */
	unsigned threads;      /* 0: 2 */
	const char *dir;       /* the member's data directory, for the log endpoints */
	const char *name;      /* the member's, for people: "m1" */
	bool is_witness;       /* the member has no data: who asks for some is told so */
};

/* Listens and starts the threads. RK_EBUSY when a port is in use. */
RK_MUST_CHECK int rk_apiserver_new(struct rk_api **ret, const struct rk_apiserver_opts *opts,
				   struct rk_error *error);
/* Stops accepting, ends watches, gives what is in flight up to `grace_ms`; takes NULL, returns
 * NULL. */
struct rk_api *rk_apiserver_free(struct rk_api *api, uint32_t grace_ms);

#endif
