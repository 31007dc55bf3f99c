/* wire/client_io.h - an HTTP/1.1 client on a libev loop, with a blocking form for programs that have nothing else to do.
 *
 * A client keeps connections to one address alive and reuses them. Every call ends with exactly one `done`. */
#ifndef RK_WIRE_CLIENT_IO_H
#define RK_WIRE_CLIENT_IO_H

#include "base/buf.h"
#include "wire/http_io.h"

struct rk_http_client;
struct rk_http_call;

struct rk_http_client_opts {
	struct ev_loop *loop;
	const char *address;     /* "host:port"; copied */
	const char *server_name; /* for TLS; NULL: the host of the address; copied */
	struct rk_tls *tls;      /* a share is taken; NULL: plain */
	unsigned connections_max; /* 0: 64; further calls wait in line */
	uint32_t connect_ms;     /* 0: 2,000 */
	struct rk_stream *stream; /* taken; NULL, or the one connection that there is: nothing is connected, and one call is made */
};
struct rk_http_client *rk_http_client_new(const struct rk_http_client_opts *opts) __attribute__((returns_nonnull));
/* Calls in flight end with RK_ECLOSED first. Takes NULL, returns NULL. */
struct rk_http_client *rk_http_client_free(struct rk_http_client *client);

struct rk_http_answer { /* the head of a response; borrowed for the call */
	int status;
	size_t header_count;
	const struct rk_http_header *headers;
};
struct rk_span rk_http_answer_header(const struct rk_http_answer *answer, const char *name);

struct rk_http_call_opts { /* everything is copied (body: a share is taken) */
	const char *method;
	const char *target; /* path and query, encoded */
	const struct rk_http_header *headers;
	size_t header_count;
	struct rk_blob *body;    /* NULL: none */
	uint32_t head_ms;        /* until the head of the response must be here; 0: 10,000 */
	uint32_t idle_ms;        /* the longest silence within the body; 0: no limit (watches, logs) */
	void *context;
	void (*head)(void *context, struct rk_http_call *call, const struct rk_http_answer *answer); /* may be NULL */
	void (*data)(void *context, struct rk_http_call *call, struct rk_span bytes);                /* may be NULL */
	void (*done)(void *context, struct rk_http_call *call, int err, const struct rk_error *error);
};
struct rk_http_call *rk_http_call_start(struct rk_http_client *client, const struct rk_http_call_opts *opts)
	__attribute__((returns_nonnull));
void rk_http_call_abort(struct rk_http_call *call); /* no callback follows */
void rk_http_call_pause(struct rk_http_call *call);
void rk_http_call_resume(struct rk_http_call *call);
/* After a head with status 101: the stream, from now on the caller's; the call is over (no `done` follows). */
struct rk_stream *rk_http_call_take_stream(struct rk_http_call *call);

/* One request, whole, on a loop of its own: blocks at most timeout_ms. *ret_body is cleared first. */
struct rk_http_simple {
	const char *method, *target;
	const struct rk_http_header *headers;
	size_t header_count;
	struct rk_blob *body; /* borrowed */
	size_t answer_max;    /* bytes; RK_ETOOBIG beyond */
	uint32_t timeout_ms;
};
RK_MUST_CHECK int rk_http_simple(const char *address, struct rk_tls *tls, const struct rk_http_simple *request,
				 int *ret_status, struct rk_buf *ret_body, struct rk_error *error);

#endif
