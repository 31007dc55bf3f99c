/* wire/http_io.h - an HTTP server on a libev loop: HTTP/1.1 (llhttp) and HTTP/2 (nghttp2) behind one interface.
 *
 * A server belongs to one thread and its loop. Limits: head 64 KiB, 128 headers, body as given (413 beyond),
 * 1,000 requests in flight on one HTTP/2 connection, connections as given; a head must be whole within 10 s, a
 * body keep coming (30 s of silence), idle connections are closed after 120 s. Malformed input is answered (400, 413, 431,
 * GOAWAY) where the protocol has a way, then the connection is closed. */
#ifndef RK_WIRE_HTTP_IO_H
#define RK_WIRE_HTTP_IO_H

#include "wire/stream_io.h"

struct rk_http_server;
struct rk_http_exchange; /* a request and its response */

struct rk_http_header {
	struct rk_span name, value; /* names in lower case */
};

struct rk_http_request { /* borrowed from the exchange; stays until `gone` */
	struct rk_span method;
	struct rk_span path;  /* as sent, before "?", still percent-encoded */
	struct rk_span query; /* after "?"; empty when there is none */
	size_t header_count;
	const struct rk_http_header *headers;
	struct rk_span body;
	const struct rk_tls_peer *peer;
	int version; /* 1 or 2 */
};

/* The value of a header (name in lower case), {NULL, 0} when it is not there; of several, the first. */
struct rk_span rk_http_header(const struct rk_http_request *request, const char *name);

struct rk_http_server_opts {
	struct ev_loop *loop;
	int listen_fd;           /* taken */
	struct rk_tls *tls;      /* a share is taken; NULL: plain HTTP/1.1 and prior-knowledge HTTP/2 */
	size_t body_max;         /* bytes */
	unsigned connections_max; /* beyond: accepted and closed */
	void *context;
	/* A whole request is here. Answer now or later, in the server's thread. */
	void (*request)(void *context, struct rk_http_exchange *exchange);
	/* The last call for each exchange: sent, or the client went away. The exchange is freed after it returns. */
	void (*gone)(void *context, struct rk_http_exchange *exchange);
	/* A streamed response may go on, after rk_http_write returned false. */
	void (*drained)(void *context, struct rk_http_exchange *exchange);
	/* May be NULL. Otherwise `request` comes on HTTP/2 as soon as the head is there, with an empty body, and the
	 * body follows in pieces as it comes (body_max does not bound it: the handler does); is_last with an empty
	 * piece or with the last one. Nothing comes after the response has ended. HTTP/1.1 is as without it. */
	void (*data)(void *context, struct rk_http_exchange *exchange, struct rk_span bytes, bool is_last);
};

RK_MUST_CHECK int rk_http_server_new(struct rk_http_server **ret, const struct rk_http_server_opts *opts);
/* Stops accepting; exchanges in flight go on; HTTP/2 gets GOAWAY, idle connections are closed. */
void rk_http_server_drain(struct rk_http_server *server);
/* Drops every connection (with a `gone` for each exchange). Takes NULL, returns NULL. */
struct rk_http_server *rk_http_server_free(struct rk_http_server *server);
unsigned rk_http_server_connections(const struct rk_http_server *server);

const struct rk_http_request *rk_http_request(const struct rk_http_exchange *exchange);
/* The same for all exchanges of a connection, and for no others of the server at that time: only to be compared. */
const void *rk_http_connection(const struct rk_http_exchange *exchange);
/* A pointer of the handler's own, NULL at first. */
void rk_http_set_user(struct rk_http_exchange *exchange, void *user);
void *rk_http_user(const struct rk_http_exchange *exchange);

/* A whole response. `headers` may be NULL; content-length, date and connection headers are added. */
void rk_http_respond(struct rk_http_exchange *exchange, int status, const struct rk_http_header *headers, size_t count,
		     struct rk_blob *body /* share taken; NULL: none */);
/* A response in pieces: begin, write any number, end (or abort: the client sees that it is cut off). */
void rk_http_begin(struct rk_http_exchange *exchange, int status, const struct rk_http_header *headers, size_t count);
bool rk_http_write(struct rk_http_exchange *exchange, struct rk_blob *blob); /* share taken; false: wait for `drained` */
void rk_http_end(struct rk_http_exchange *exchange);
/* Ends it with trailers (copied). HTTP/1.1 has no place for them here: they are left out. */
void rk_http_trailers(struct rk_http_exchange *exchange, const struct rk_http_header *headers, size_t count);
void rk_http_abort(struct rk_http_exchange *exchange);

/* Whether it asks for an upgrade (HTTP/1.1 "Connection: Upgrade"). */
bool rk_http_is_upgrade(const struct rk_http_exchange *exchange);
/* Answers 101 with these headers; from then on the stream is the caller's (set its events at once by rk_stream_hand_over;
 * bytes that came already arrive as its first data), and `gone` follows for the exchange at once. NULL on HTTP/2. */
struct rk_stream *rk_http_upgrade(struct rk_http_exchange *exchange, const struct rk_http_header *headers, size_t count);

/* Percent-decoding into the arena: "%2F" -> "/" ('+' -> ' ' when is_query). False for malformed escapes. */
struct rk_arena;
struct rk_buf;
bool rk_url_decode(struct rk_arena *arena, struct rk_span text, bool is_query, struct rk_span *ret);
void rk_url_encode(struct rk_buf *out, struct rk_span text); /* everything but unreserved characters */
/* The first value of a query parameter, decoded; false when it is not there (or malformed). */
bool rk_query_get(struct rk_arena *arena, struct rk_span query, const char *name, struct rk_span *ret);
/* Walks all: *at is 0 at first. */
bool rk_query_next(struct rk_arena *arena, struct rk_span query, size_t *at, struct rk_span *ret_name, struct rk_span *ret_value);

#endif
