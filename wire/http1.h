/* wire/http1.h - HTTP/1.x messages out of bytes, by llhttp: pure, used by the server (requests) and
 * the client (responses).
 *
 * Limits: the head RK_HTTP1_HEAD_MAX bytes and RK_HTTP_HEADERS_MAX headers. Bodies come in pieces;
 * the owner bounds them. */
#ifndef RK_WIRE_HTTP1_H
#define RK_WIRE_HTTP1_H

#include "base/buf.h"
#include "base/err.h"
#include "wire/http_io.h"

#define RK_HTTP1_HEAD_MAX   (64u << 10)
#define RK_HTTP_HEADERS_MAX 128

struct rk_http1;

enum rk_http1_event {
	RK_HTTP1_MORE, /* every byte is used; feed the next ones */
	RK_HTTP1_HEAD, /* the head is whole: rk_http1_head */
	RK_HTTP1_BODY, /* a piece of the body: rk_http1_piece */
	RK_HTTP1_DONE, /* the message is whole; feeding on begins the next one */
};

struct rk_http1_head {         /* borrowed until the next message begins */
	struct rk_span method; /* requests */
	struct rk_span target;
	int status;     /* responses */
	unsigned minor; /* HTTP/1.minor */
	size_t header_count;
	const struct rk_http_header *headers; /* names in lower case */
	bool has_length;
	uint64_t length; /* content-length */
	bool is_upgrade;
	bool keep_alive;
};

struct rk_http1 *rk_http1_new(bool is_server)
	__attribute__((returns_nonnull));              /* a server reads requests */
struct rk_http1 *rk_http1_free(struct rk_http1 *http); /* takes NULL, returns NULL */
/* Takes bytes until something happened; *ret_used is how many. RK_EINVAL: malformed, RK_ETOOBIG:
 * the head is too large; after an error the connection is of no use. */
RK_MUST_CHECK int rk_http1_feed(struct rk_http1 *http, struct rk_span bytes, size_t *ret_used,
				enum rk_http1_event *ret_event);
/* The other side ended: RK_HTTP1_DONE when that ends the message (a response without a length),
 * RK_HTTP1_MORE when it was between messages; RK_EINVAL when it was cut off. */
RK_MUST_CHECK int rk_http1_finish(struct rk_http1 *http, enum rk_http1_event *ret_event);
const struct rk_http1_head *rk_http1_head(const struct rk_http1 *http);
struct rk_span rk_http1_piece(const struct rk_http1 *http);
/* Whether a message has begun and is not done. */
bool rk_http1_is_within(const struct rk_http1 *http);
/* After a head: the response has no body whatever it says (it answers HEAD). */
void rk_http1_no_body(struct rk_http1 *http);
/* Why it failed: "Invalid method encountered". Never NULL. */
const char *rk_http1_reason(const struct rk_http1 *http);
/* "Not Found" for 404; "" for numbers without a name. */
const char *rk_http_status_name(int status);

#endif
