/* cli/api_io.h - calls to the API: one connection that is kept, another member when one does not
 * answer, and answers that are errors made into what kubectl prints. */
#ifndef RK_CLI_API_IO_H
#define RK_CLI_API_IO_H

#include <ev.h>

#include "cli/kubeconfig.h"
#include "wire/client_io.h"

struct rk_api;

/* `access` is copied where it is kept. timeout_ms: for each answer; 0: 30 s. */
RK_MUST_CHECK int rk_api_new(struct rk_api **ret, const struct rk_access *access,
			     uint32_t timeout_ms, struct rk_error *error);
struct rk_api *rk_api_free(struct rk_api *api); /* takes NULL, returns NULL */

struct rk_api_call {
	const char *method; /* NULL: GET */
	const char *target; /* path and query, encoded */
	const char *accept; /* NULL: application/json */
	const char *type;   /* of the body; NULL: application/json */
	const struct rk_val *body;
	/* An answer in pieces (logs, watches), instead of a value: gets each piece; not 0 ends the
	 * call. */
	int (*data)(void *context, struct rk_span bytes);
	void *context;
	uint32_t for_ms; /* with data: the longest time that the answer may take; 0: any */
};

/* *ret (may be NULL) is the JSON answer. Failures: a Status becomes the line that kubectl prints
 * (rk_api_is_refused is true then, and rk_api_text has it whole); RK_ENOENT for NotFound, RK_EEXIST
 * for AlreadyExists, RK_ESTALE for Conflict and Expired, RK_EAGAIN for 429, else RK_EPERM. Nobody
 * answers: RK_EIO. The time of for_ms passed: RK_ETIMEDOUT. Warnings go to stderr. */
RK_MUST_CHECK int rk_api_call(struct rk_api *api, struct rk_arena *arena,
			      const struct rk_api_call *call, struct rk_val **ret,
			      struct rk_error *error);

/* About the last call that failed. */
bool rk_api_is_refused(const struct rk_api *api);
const char *rk_api_text(const struct rk_api *api); /* the whole line; NULL when it was no Status */

/* For exec, which goes on with the connection by itself. */
struct ev_loop *rk_api_loop(const struct rk_api *api);
struct rk_http_client *rk_api_client(const struct rk_api *api);
/* The value of `authorization`, as with the last call; empty: there is none. */
struct rk_span rk_api_bearer(const struct rk_api *api);
const char *rk_api_server(const struct rk_api *api); /* "host:port" in use */
/* Makes the error of a Status with this body. */
int rk_api_refusal(struct rk_api *api, int status, struct rk_span body, struct rk_error *error);

#endif
