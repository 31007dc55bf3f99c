/* wire/http_conn.h - what HTTP/1.1 and HTTP/2 share within the server, and what they do
 * differently. Only for wire/.
 *
 * A connection ends only in the loop's callbacks (rk_http_conn_end marks it, the callback that
 * stands on it or the kick tears it down), so that handlers may call anything about their exchange.
 */
#ifndef RK_WIRE_HTTP_CONN_H
#define RK_WIRE_HTTP_CONN_H

#include "base/buf.h"
#include "wire/http_io.h"

#define RK_HTTP_HEAD_SECS 10.
#define RK_HTTP_BODY_SECS 30.
#define RK_HTTP_IDLE_SECS 120.
#define RK_HTTP_LINGER_MS 2000

enum rk_http_state {
	RK_HTTP_RECEIVING, /* the request is not whole yet: the handler does not know it */
	RK_HTTP_WAITING,   /* for the handler's response */
	RK_HTTP_STREAMING, /* a response in pieces has begun */
	RK_HTTP_ENDED,     /* everything is said; `gone` follows */
};

struct rk_http_conn;

struct rk_http_exchange {
	struct rk_http_conn *conn;
	struct rk_http_request request;
	void *user;
	enum rk_http_state state;
	bool is_upgrade;
	bool is_head;    /* the method is HEAD: no body */
	bool is_blocked; /* a write returned false */
};

struct rk_http_protocol {
	void (*open)(struct rk_http_conn *conn);
	size_t (*data)(struct rk_http_conn *conn, struct rk_span bytes);
	/* Soon after rk_http_conn_kick, from the loop. */
	void (*kick)(struct rk_http_conn *conn);
	void (*drained)(struct rk_http_conn *conn);
	void (*finished)(struct rk_http_conn *conn); /* the client sends no more */
	void (*timeout)(struct rk_http_conn *conn);
	void (*drain)(struct rk_http_conn *conn); /* the server is going away */
	void (*close)(struct rk_http_conn
			      *conn); /* `gone` for every exchange; frees conn->protocol_state */
	void (*respond)(struct rk_http_exchange *exchange, int status,
			const struct rk_http_header *headers, size_t count, struct rk_blob *body);
	void (*begin)(struct rk_http_exchange *exchange, int status,
		      const struct rk_http_header *headers, size_t count);
	bool (*write)(struct rk_http_exchange *exchange, struct rk_blob *blob);
	void (*end)(struct rk_http_exchange *exchange);
	/* Before `end`: what follows the body. NULL: no place for it. */
	void (*trailers)(struct rk_http_exchange *exchange, const struct rk_http_header *headers,
			 size_t count);
	void (*abort)(struct rk_http_exchange *exchange);
};
extern const struct rk_http_protocol rk_http1_protocol, rk_http2_protocol;

struct rk_http_conn {
	struct rk_http_server *server;
	struct rk_http_conn *next, *prev;
	struct rk_stream *stream;                /* NULL once it is given away or closed */
	const struct rk_http_protocol *protocol; /* NULL until the first bytes tell */
	void *protocol_state;
	struct rk_tls_peer peer;
	ev_timer timer;
	ev_tstamp deadline; /* 0: none */
	ev_prepare kick;    /* fed, never started */
	bool is_ended;
};

const struct rk_http_server_opts *rk_http_server_opts_of(const struct rk_http_conn *conn);
bool rk_http_server_is_draining(const struct rk_http_conn *conn);
/* The text of the date header, made once a second. */
struct rk_span rk_http_server_date(const struct rk_http_conn *conn);

/* Calls protocol->timeout when `secs` from now nothing else was asked for; 0: never. Cheap. */
void rk_http_conn_deadline(struct rk_http_conn *conn, ev_tstamp secs);
void rk_http_conn_kick(struct rk_http_conn *conn);
/* The connection is over; what is queued is still sent (politely) or lost. */
void rk_http_conn_end(struct rk_http_conn *conn, bool politely);
/* Hands a whole request to the handler, and tells it the end of it. */
void rk_http_conn_request(struct rk_http_exchange *exchange);
void rk_http_conn_gone(struct rk_http_exchange *exchange);
/* Splits a request's target into path and query. */
void rk_http_target(struct rk_http_request *request, struct rk_span target);

#endif
