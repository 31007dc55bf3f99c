/* cli/advertise_io.h - a member says where its API can be reached: an EndpointSlice of the Service
 * default/kubernetes, so that pods find the API at that Service's address. */
#ifndef RK_CLI_ADVERTISE_IO_H
#define RK_CLI_ADVERTISE_IO_H

#include "base/err.h"
#include "wire/tls_io.h"

#define RK_ADVERTISE_SLICES     "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
#define RK_ADVERTISE_MS         2000 /* for each answer */
#define RK_ADVERTISE_ANSWER_MAX (1u << 20)
#define RK_ADVERTISE_LABEL "reckon.dev/member" /* of the slice: the member's id */

struct rk_advertise_opts {
	const char *name;    /* the member's: "m1" */
	uint64_t id;
	const char *address; /* "10.0.0.1:6443", IPv4, not loopback: what others are told */
	const char *ask;     /* "HOST:PORT" where this member serves: asked to write it */
	struct rk_tls *client;
};

/* Writes it, or brings it up to date. RK_EAGAIN: not now (no leader yet); try again. */
RK_MUST_CHECK int rk_advertise(const struct rk_advertise_opts *opts, struct rk_error *error);
/* The first of the addresses ("HOST:PORT", ends with NULL) that others can reach; NULL when there
 * is none. */
const char *rk_advertise_choose(const char *const *addresses);

#endif
