/* wire/stream_io.h - a byte stream over a socket, TLS or plain, on a libev loop: never blocks, bounded both ways.
 *
 * One thread owns a stream. The first one makes the process ignore SIGPIPE. Writes are queued as shared
 * blobs and leave in large TLS records; above RK_STREAM_QUEUE_HIGH the writer is told to wait for `drained`.
 * Callbacks may close the stream. */
#ifndef RK_WIRE_STREAM_IO_H
#define RK_WIRE_STREAM_IO_H

#include <ev.h>

#include "base/blob.h"
#include "wire/tls_io.h"

#define RK_STREAM_QUEUE_HIGH (1u << 20) /* bytes */

struct rk_stream;

struct rk_stream_events { /* every call gets the context given at open */
	/* The connection (and the TLS handshake) is complete; rk_stream_peer and rk_stream_alpn tell more. May be NULL. */
	void (*opened)(void *context, struct rk_stream *stream);
	/* Bytes came. Returns how many it took; what is left comes again with more behind it, or after rk_stream_resume. */
	size_t (*data)(void *context, struct rk_stream *stream, struct rk_span bytes);
	/* The queue is below half of the high mark again, after a write returned false. May be NULL. */
	void (*drained)(void *context, struct rk_stream *stream);
	/* The other side will send no more (half close or close_notify). May be NULL: then the stream is closed. */
	void (*finished)(void *context, struct rk_stream *stream);
	/* The last call: failed (err < 0, error tells) or closed by the other side (RK_ECLOSED); the stream is freed
	 * after it returns. Not called after rk_stream_close. */
	void (*closed)(void *context, struct rk_stream *stream, const struct rk_error *error);
};

/* An accepted socket (taken). tls NULL: plain. */
struct rk_stream *rk_stream_accept(struct ev_loop *loop, int fd, struct rk_tls *tls,
				   const struct rk_stream_events *events, void *context) __attribute__((returns_nonnull));
/* Connects to "host:port" (an IP address or a name in /etc/hosts; names that need DNS may block briefly); failure comes
 * through `closed`. server_name: for SNI and for the check of the certificate; NULL: the host of the address. */
struct rk_stream *rk_stream_connect(struct ev_loop *loop, const char *address, const char *server_name, struct rk_tls *tls,
				    uint32_t timeout_ms, const struct rk_stream_events *events, void *context)
	__attribute__((returns_nonnull));
/* Drops it now; what is queued is lost; no callback follows. Takes NULL, returns NULL. */
struct rk_stream *rk_stream_close(struct rk_stream *stream);
/* Closes once everything queued is sent (at most `timeout_ms` from now); no callback follows. */
void rk_stream_finish(struct rk_stream *stream, uint32_t timeout_ms);

/* Queues bytes; false: above the high mark, write no more until `drained`. */
bool rk_stream_write(struct rk_stream *stream, struct rk_span bytes);
bool rk_stream_write_blob(struct rk_stream *stream, struct rk_blob *blob); /* takes the share */
/* A part of a blob, without copying it; takes the share. */
bool rk_stream_write_part(struct rk_stream *stream, struct rk_blob *blob, size_t from, size_t size);
size_t rk_stream_queued(const struct rk_stream *stream);
/* Stops and continues reading: back-pressure. */
void rk_stream_pause(struct rk_stream *stream);
void rk_stream_resume(struct rk_stream *stream);
/* Closed (RK_ETIMEDOUT) when nothing was read or written for this long; 0: never (default 0). */
void rk_stream_idle_ms(struct rk_stream *stream, uint32_t timeout_ms);
void rk_stream_peer(const struct rk_stream *stream, struct rk_tls_peer *ret);
struct rk_span rk_stream_alpn(const struct rk_stream *stream);
void *rk_stream_context(const struct rk_stream *stream);
/* Gives the stream to somebody else: other events and context from now on. */
void rk_stream_hand_over(struct rk_stream *stream, const struct rk_stream_events *events, void *context);

/* Listens on "address:port" (SO_REUSEADDR; SO_REUSEPORT when `shared`, so that each thread has its own). A port in use is
 * RK_EBUSY with a line that says so. *ret_port is the port, also when 0 was asked. */
RK_MUST_CHECK int rk_listen(const char *address, bool shared, int *ret_fd, uint16_t *ret_port, struct rk_error *error);

#endif
