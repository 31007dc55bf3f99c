/* wire/spdy.h - SPDY/3.1 sessions as kubectl speaks them for exec, attach and port-forward: pure, bytes in and bytes out.
 *
 * The server side, and the client side for our own tests. Header blocks are zlib with SPDY's dictionary. Limits: 256 streams,
 * 64 KiB of headers, frames of 1 MiB. Flow control by WINDOW_UPDATE (initial 64 KiB as in the draft) holds for peers that take
 * part in it (they send SETTINGS or WINDOW_UPDATE). kubectl's library neither sends nor heeds window updates: towards such a
 * peer there is always room, and only the connection's own back-pressure bounds both directions. */
#ifndef RK_WIRE_SPDY_H
#define RK_WIRE_SPDY_H

#include "base/buf.h"
#include "base/err.h"

#define RK_SPDY_STREAMS_MAX 256 /* open at once: 128 forwarded connections */

struct rk_spdy;

enum rk_spdy_event_kind {
	RK_SPDY_OPEN,  /* the other side opened `stream`; headers; is_fin */
	RK_SPDY_REPLY, /* our stream was accepted; headers */
	RK_SPDY_DATA,  /* bytes on `stream`; is_fin: it sends no more */
	RK_SPDY_RESET, /* `stream` is gone */
	RK_SPDY_AWAY,  /* GOAWAY: the other side ends */
	RK_SPDY_ROOM,  /* `stream` may send again */
};
struct rk_spdy_header {
	struct rk_span name, value; /* names in lower case */
};
struct rk_spdy_event { /* borrowed until the next rk_spdy_feed */
	enum rk_spdy_event_kind kind;
	uint32_t stream;
	bool is_fin;
	size_t header_count;
	const struct rk_spdy_header *headers;
	struct rk_span data;
};

struct rk_spdy *rk_spdy_new(bool is_server) __attribute__((returns_nonnull));
struct rk_spdy *rk_spdy_free(struct rk_spdy *spdy); /* takes NULL, returns NULL */
/* Bytes from the other side; the events of the call before must have been taken. RK_EINVAL or RK_ETOOBIG: close the
 * connection. Pings are answered by itself. */
RK_MUST_CHECK int rk_spdy_feed(struct rk_spdy *spdy, struct rk_span bytes);
bool rk_spdy_next(struct rk_spdy *spdy, struct rk_spdy_event *ret); /* events of what was fed, in order */
struct rk_buf *rk_spdy_out(struct rk_spdy *spdy);                   /* bytes to send; the caller takes them out */

uint32_t rk_spdy_open(struct rk_spdy *spdy, const struct rk_spdy_header *headers, size_t count); /* its stream id; 0: too many */
void rk_spdy_reply(struct rk_spdy *spdy, uint32_t stream);
/* Bytes that the window has room for now. */
size_t rk_spdy_room(const struct rk_spdy *spdy, uint32_t stream);
void rk_spdy_write(struct rk_spdy *spdy, uint32_t stream, struct rk_span data, bool fin); /* at most rk_spdy_room bytes */
void rk_spdy_reset(struct rk_spdy *spdy, uint32_t stream);
/* The receiver has used `bytes` of a stream's data: the other side may send that many more. */
void rk_spdy_consumed(struct rk_spdy *spdy, uint32_t stream, size_t bytes);
void rk_spdy_goaway(struct rk_spdy *spdy);

#endif
