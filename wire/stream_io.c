#include "wire/stream_io.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/mem.h"
#include "wire/address_io.h"
#include "wire/stream_queue.h"
#include "wire/tls_ssl.h"

#define HANDSHAKE_SECS 5.0
#define READ_ROOM      (32u << 10)
#define RECORD_MAX     (16u << 10)  /* what one TLS record holds */
#define IN_MAX         (256u << 10) /* bytes that nobody takes stop the reading */
#define PIECES_MAX     64
#define STALL_MS       60000 /* the longest that sent bytes may stay unacknowledged */

enum stream_state {
	CONNECTING,
	HANDSHAKING,
	OPEN,
	FINISHING, /* the owner is gone; what is queued leaves, then we wait for the other side's
		      end */
	CLOSED,
};

struct rk_stream {
	struct ev_loop *loop;
	ev_io io;
	ev_timer deadline; /* of connecting and the handshake, or of finishing; while open: idleness
			    */
	ev_prepare kick;   /* never started: fed, to run as soon as the present callback is over */
	int fd;
	enum stream_state state;
	unsigned busy; /* callbacks that are running: freed only after the last */
	SSL *ssl;      /* NULL: plain */
	struct rk_tls *tls;
	const struct rk_stream_events *events;
	void *context;
	struct rk_buf in; /* bytes that nobody took yet */
	struct rk_stream_queue out;
	struct addrinfo *found, *trying;
	char *server_name;
	char address[RK_HOST_MAX + 8];
	struct rk_error why; /* of a failure that is told later, from the loop */
	ev_tstamp idle_secs, active_at;
	bool is_paused, is_read_ended, is_sent_shutdown;
	bool wants_deliver, wants_drained, write_blocked, write_wants_read;
};

static void on_io(struct ev_loop *loop, ev_io *watcher, int revents);
static void on_kick(struct ev_loop *loop, ev_prepare *watcher, int revents);
static void on_deadline(struct ev_loop *loop, ev_timer *watcher, int revents);

static void ignore_sigpipe(void)
{
	(void)signal(SIGPIPE, SIG_IGN); /* OpenSSL writes without MSG_NOSIGNAL */
}

static struct rk_stream *stream_new(struct ev_loop *loop, struct rk_tls *tls,
				    const struct rk_stream_events *events, void *context)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct rk_stream *stream = rk_zalloc(sizeof *stream);

	(void)pthread_once(&once, ignore_sigpipe);
	stream->loop = loop;
	stream->fd = -1;
	stream->tls = rk_tls_ref(tls);
	stream->events = events;
	stream->context = context;
	stream->active_at = ev_now(loop);
	ev_init(&stream->io, on_io);
	ev_init(&stream->kick, on_kick);
	ev_init(&stream->deadline, on_deadline);
	return stream;
}

/* --- the end --- */

static void release(struct rk_stream *stream)
{
	rk_stream_queue_done(&stream->out);
	rk_buf_done(&stream->in);
	free(stream->server_name);
	free(stream);
}

/* Gives back what the world sees at once; the memory once no callback stands on it. */
static void shut(struct rk_stream *stream)
{
	stream->state = CLOSED;
	ev_io_stop(stream->loop, &stream->io);
	ev_timer_stop(stream->loop, &stream->deadline);
	(void)ev_clear_pending(stream->loop, &stream->kick);
	SSL_free(stream->ssl);
	stream->ssl = NULL;
	stream->tls = rk_tls_unref(stream->tls);
	rk_drop_fd(&stream->fd);
	stream->fd = -1;
	if (stream->found != NULL)
		freeaddrinfo(stream->found);
	stream->found = NULL;
}

static void leave(struct rk_stream *stream)
{
	if (--stream->busy == 0 && stream->state == CLOSED)
		release(stream);
}

/* Only from the loop's callbacks, so that no caller finds its stream gone under it. */
static void fail(struct rk_stream *stream, const struct rk_error *error)
{
	const bool is_owned = stream->state != FINISHING && stream->state != CLOSED;

	shut(stream);
	if (is_owned)
		stream->events->closed(stream->context, stream, error);
}

static void fail_later(struct rk_stream *stream)
{
	ev_feed_event(stream->loop, &stream->kick, EV_CUSTOM);
}

/* --- what to wait for --- */

static bool wants_read(const struct rk_stream *stream)
{
	if (stream->is_read_ended)
		return false;
	return stream->state == FINISHING ||
	       (!stream->is_paused && (stream->in.size < IN_MAX || stream->wants_deliver));
}

static void watch(struct rk_stream *stream)
{
	int events = 0;

	if (stream->state != OPEN && stream->state != FINISHING)
		return;
	if (wants_read(stream) || stream->write_wants_read)
		events |= EV_READ;
	if (stream->write_blocked)
		events |= EV_WRITE;
	if (ev_is_active(&stream->io) && (stream->io.events & (EV_READ | EV_WRITE)) == events)
		return;
	ev_io_stop(stream->loop, &stream->io);
	if (events == 0)
		return;
	ev_io_set(&stream->io, stream->fd, events);
	ev_io_start(stream->loop, &stream->io);
}

static void wait_for(struct rk_stream *stream, int events)
{
	ev_io_stop(stream->loop, &stream->io);
	ev_io_set(&stream->io, stream->fd, events);
	ev_io_start(stream->loop, &stream->io);
}

static void set_deadline(struct rk_stream *stream, ev_tstamp secs)
{
	ev_timer_stop(stream->loop, &stream->deadline);
	if (secs <= 0)
		return;
	ev_timer_set(&stream->deadline, secs, 0.);
	ev_timer_start(stream->loop, &stream->deadline);
}

/* --- reading --- */

/* Offers bytes to the owner; what is not taken is kept. `fresh` is behind what is kept already. */
static void deliver(struct rk_stream *stream, struct rk_span fresh)
{
	stream->wants_deliver = false;
	if (stream->state == FINISHING)
		return;
	if (stream->in.size > 0 || stream->is_paused) {
		rk_buf_put_span(&stream->in, fresh);
		fresh = (struct rk_span){ NULL, 0 };
	}
	for (;;) {
		const struct rk_span bytes = stream->in.size > 0 ? rk_buf_span(&stream->in) : fresh;
		if (bytes.size == 0 || stream->is_paused)
			break;
		const size_t taken = stream->events->data(stream->context, stream, bytes);
		if (stream->state != OPEN)
			return;
		rk_assert(taken <= bytes.size);
		if (stream->in.size > 0)
			rk_buf_consume(&stream->in, taken);
		else
			rk_buf_put_span(&stream->in, rk_span_sub(fresh, taken, fresh.size));
		fresh = (struct rk_span){ NULL, 0 };
		if (!stream->wants_deliver)
			break;
		stream->wants_deliver =
			false; /* another owner, or one that asked to see them again */
	}
	if (stream->in.size == 0)
		rk_buf_done(&stream->in); /* idle connections hold no memory */
}

static void read_ended(struct rk_stream *stream)
{
	struct rk_error error;

	stream->is_read_ended = true;
	if (stream->state == OPEN && stream->events->finished != NULL) {
		stream->events->finished(stream->context, stream);
		return;
	}
	if (stream->state == FINISHING && stream->out.size > 0)
		return; /* half closed: it still gets what is queued */
	(void)rk_fail(&error, RK_ECLOSED, "%s: closed by the other side", stream->address);
	fail(stream, &error);
}

/* One read of the socket: how many bytes; 0: not now; -1: the stream is over, in one way or
 * another. */
static ssize_t read_some(struct rk_stream *stream, uint8_t *bytes, size_t room)
{
	struct rk_error error;

	if (stream->ssl == NULL) {
		const ssize_t count = recv(stream->fd, bytes, room, 0);
		if (count > 0)
			return count;
		if (count == 0) {
			read_ended(stream);
			return -1;
		}
		if (errno == EAGAIN || errno == EINTR)
			return 0;
		(void)rk_fail_errno(&error, "%s", stream->address);
		error.code = errno == ECONNRESET || errno == EPIPE ? RK_ECLOSED : error.code;
		fail(stream, &error);
		return -1;
	}
	const int count = SSL_read(stream->ssl, bytes, (int)room);
	if (count > 0)
		return count;
	switch (SSL_get_error(stream->ssl, count)) {
	case SSL_ERROR_WANT_READ: return 0;
	case SSL_ERROR_WANT_WRITE: stream->write_blocked = true; return 0;
	case SSL_ERROR_ZERO_RETURN: read_ended(stream); return -1;
	default:
		(void)rk_tls_fail(stream->ssl, &error, stream->address);
		fail(stream, &error);
		return -1;
	}
}

/* A record that came whole is read with one system call; OpenSSL says whether it holds more. */
static void read_all(struct rk_stream *stream)
{
	uint8_t bytes[READ_ROOM];

	do {
		const ssize_t count = read_some(stream, bytes, sizeof bytes);
		if (count <= 0)
			return;
		stream->active_at = ev_now(stream->loop);
		deliver(stream, rk_span_of(bytes, (size_t)count));
	} while (stream->state != CLOSED && stream->ssl != NULL && wants_read(stream) &&
		 SSL_has_pending(stream->ssl));
}

/* --- writing --- */

static ssize_t send_plain(struct rk_stream *stream)
{
	struct iovec pieces[PIECES_MAX];
	struct msghdr message = { .msg_iov = pieces };
	struct rk_error error;

	message.msg_iovlen = (size_t)rk_stream_queue_pieces(&stream->out, pieces, PIECES_MAX);
	const ssize_t count = sendmsg(stream->fd, &message, MSG_NOSIGNAL);
	if (count >= 0)
		return count;
	if (errno == EAGAIN || errno == EINTR)
		return 0;
	(void)rk_fail_errno(&error, "%s", stream->address);
	error.code = errno == ECONNRESET || errno == EPIPE ? RK_ECLOSED : error.code;
	fail(stream, &error);
	return -1;
}

static ssize_t send_tls(struct rk_stream *stream)
{
	uint8_t scratch[RECORD_MAX];
	const struct rk_span bytes = rk_stream_queue_gather(&stream->out, scratch, sizeof scratch);
	struct rk_error error;
	const int count = SSL_write(stream->ssl, bytes.data, (int)bytes.size);

	if (count > 0)
		return count;
	switch (SSL_get_error(stream->ssl, count)) {
	case SSL_ERROR_WANT_WRITE: return 0;
	case SSL_ERROR_WANT_READ: stream->write_wants_read = true; return 0;
	default:
		(void)rk_tls_fail(stream->ssl, &error, stream->address);
		fail(stream, &error);
		return -1;
	}
}

/* Everything is sent: tell the other side, and wait for it, so that its last bytes do not turn into
 * a reset. */
static void say_goodbye(struct rk_stream *stream)
{
	if (stream->is_sent_shutdown)
		return;
	stream->is_sent_shutdown = true;
	if (stream->ssl != NULL && SSL_shutdown(stream->ssl) < 0)
		ERR_clear_error();
	(void)shutdown(stream->fd, SHUT_WR);
	if (stream->is_read_ended)
		shut(stream);
}

static void flush(struct rk_stream *stream)
{
	stream->write_wants_read = false;
	while (stream->out.size > 0) {
		const ssize_t count = stream->ssl != NULL ? send_tls(stream) : send_plain(stream);
		if (count < 0)
			return;
		stream->write_blocked = count == 0;
		if (count == 0)
			break;
		stream->active_at = ev_now(stream->loop);
		rk_stream_queue_drop(&stream->out, (size_t)count);
	}
	if (stream->out.size == 0)
		stream->write_blocked = false;
	if (stream->state == FINISHING && stream->out.size == 0) {
		say_goodbye(stream);
		return;
	}
	if (stream->wants_drained && stream->out.size < RK_STREAM_QUEUE_HIGH / 2) {
		stream->wants_drained = false;
		if (stream->state == OPEN && stream->events->drained != NULL)
			stream->events->drained(stream->context, stream);
	}
}

/* --- opening --- */

static void opened(struct rk_stream *stream)
{
	stream->state = OPEN;
	set_deadline(stream, stream->idle_secs);
	stream->active_at = ev_now(stream->loop);
	if (stream->events->opened != NULL)
		stream->events->opened(stream->context, stream);
	if (stream->state == OPEN && stream->ssl != NULL && SSL_has_pending(stream->ssl))
		read_all(
			stream); /* the first request came together with the end of the handshake */
	if (stream->state == OPEN && stream->out.size > 0)
		flush(stream);
	watch(stream);
}

static void handshake(struct rk_stream *stream)
{
	struct rk_error error;
	const int done = SSL_do_handshake(stream->ssl);

	if (done == 1) {
		opened(stream);
		return;
	}
	switch (SSL_get_error(stream->ssl, done)) {
	case SSL_ERROR_WANT_READ: wait_for(stream, EV_READ); break;
	case SSL_ERROR_WANT_WRITE: wait_for(stream, EV_WRITE); break;
	default: (void)rk_tls_fail(stream->ssl, &error, stream->address); fail(stream, &error);
	}
}

static void set_socket(int fd)
{
	const int on = 1, idle = 30, interval = 10, count = 3;
	const unsigned stall = STALL_MS;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
	/* Also ends connections whose other side stopped reading. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &stall, sizeof stall);
}

/* The socket is connected: TLS, or done. */
static void start(struct rk_stream *stream)
{
	set_socket(stream->fd);
	if (stream->tls == NULL) {
		opened(stream);
		return;
	}
	stream->state = HANDSHAKING;
	set_deadline(stream, HANDSHAKE_SECS);
	stream->ssl = rk_tls_open(stream->tls, stream->fd, stream->server_name);
	handshake(stream);
}

/* Tries the addresses in turn until one takes the connection. */
static void try_connect(struct rk_stream *stream)
{
	for (; stream->trying != NULL; stream->trying = stream->trying->ai_next) {
		const struct addrinfo *to = stream->trying;
		stream->fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (stream->fd >= 0 && (connect(stream->fd, to->ai_addr, to->ai_addrlen) == 0 ||
					errno == EINPROGRESS)) {
			wait_for(stream, EV_WRITE);
			return;
		}
		(void)rk_fail_errno(&stream->why, "cannot connect to %s", stream->address);
		rk_drop_fd(&stream->fd);
		stream->fd = -1;
	}
	fail_later(stream);
}

static void connected(struct rk_stream *stream)
{
	int err = 0;
	socklen_t size = sizeof err;

	(void)getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &err, &size);
	if (err == 0) {
		start(stream);
		return;
	}
	errno = err;
	(void)rk_fail_errno(&stream->why, "cannot connect to %s", stream->address);
	ev_io_stop(stream->loop, &stream->io);
	rk_drop_fd(&stream->fd);
	stream->fd = -1;
	if (stream->trying != NULL)
		stream->trying = stream->trying->ai_next;
	try_connect(stream);
}

/* --- the loop calls --- */

static void on_io(struct ev_loop *loop, ev_io *watcher, int revents)
{
	struct rk_stream *stream = RK_CONTAINER(watcher, struct rk_stream, io);

	(void)loop;
	stream->busy++;
	if (stream->state == CONNECTING) {
		connected(stream);
	} else if (stream->state == HANDSHAKING) {
		handshake(stream);
	} else {
		const bool flush_too = (revents & EV_WRITE) != 0 || stream->write_wants_read;
		if ((revents & EV_READ) != 0 && wants_read(stream))
			read_all(stream);
		if (stream->state != CLOSED && flush_too)
			flush(stream);
		watch(stream);
	}
	leave(stream);
}

static void on_kick(struct ev_loop *loop, ev_prepare *watcher, int revents)
{
	struct rk_stream *stream = RK_CONTAINER(watcher, struct rk_stream, kick);

	(void)loop;
	(void)revents;
	stream->busy++;
	if (stream->why.code != 0 && stream->fd < 0) {
		const struct rk_error why = stream->why;
		fail(stream, &why);
	} else if (stream->state == OPEN || stream->state == FINISHING) {
		if (stream->wants_deliver && !stream->is_paused) {
			deliver(stream, (struct rk_span){ NULL, 0 });
			if (stream->state == OPEN && stream->ssl != NULL && wants_read(stream) &&
			    SSL_has_pending(stream->ssl))
				read_all(stream);
		}
		if (stream->state != CLOSED && !stream->write_blocked)
			flush(stream);
		watch(stream);
	}
	leave(stream);
}

static void on_deadline(struct ev_loop *loop, ev_timer *watcher, int revents)
{
	struct rk_stream *stream = RK_CONTAINER(watcher, struct rk_stream, deadline);
	struct rk_error error;

	(void)revents;
	const ev_tstamp left = stream->active_at + stream->idle_secs - ev_now(loop);
	if (stream->state == OPEN && left > 0) { /* something moved since it was set */
		set_deadline(stream, left);
		return;
	}
	stream->busy++;
	(void)rk_fail(&error, RK_ETIMEDOUT, "%s: %s", stream->address,
		      stream->state == CONNECTING    ? "cannot connect in time"
		      : stream->state == HANDSHAKING ? "the TLS handshake took too long"
						     : "silent for too long");
	fail(stream, &error);
	leave(stream);
}

/* --- the owner calls --- */

struct rk_stream *rk_stream_accept(struct ev_loop *loop, int fd, struct rk_tls *tls,
				   const struct rk_stream_events *events, void *context)
{
	struct rk_stream *stream = stream_new(loop, tls, events, context);

	stream->fd = fd;
	(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	rk_address_peer(fd, stream->address, sizeof stream->address);
	stream->state = CONNECTING; /* `opened` comes from the loop, as for the connecting side */
	wait_for(stream, EV_WRITE);
	set_deadline(stream, HANDSHAKE_SECS);
	return stream;
}

struct rk_stream *rk_stream_connect(struct ev_loop *loop, const char *address,
				    const char *server_name, struct rk_tls *tls,
				    uint32_t timeout_ms, const struct rk_stream_events *events,
				    void *context)
{
	struct rk_stream *stream = stream_new(loop, tls, events, context);
	char host[RK_HOST_MAX], port[8];

	(void)snprintf(stream->address, sizeof stream->address, "%s", address);
	set_deadline(stream, timeout_ms / 1000.);
	if (rk_address_split(address, host, port, &stream->why) < 0 ||
	    rk_address_find(address, false, &stream->found, &stream->why) < 0) {
		fail_later(stream);
		return stream;
	}
	stream->server_name = rk_strdup(server_name != NULL ? server_name : host);
	stream->trying = stream->found;
	try_connect(stream);
	return stream;
}

struct rk_stream *rk_stream_close(struct rk_stream *stream)
{
	if (stream == NULL || stream->state == CLOSED)
		return NULL;
	if (stream->state == OPEN && stream->ssl != NULL && SSL_shutdown(stream->ssl) < 0)
		ERR_clear_error();
	shut(stream);
	if (stream->busy == 0)
		release(stream);
	return NULL;
}

void rk_stream_finish(struct rk_stream *stream, uint32_t timeout_ms)
{
	if (stream->state != OPEN) {
		(void)rk_stream_close(stream);
		return;
	}
	stream->state = FINISHING;
	stream->is_paused = false;
	rk_buf_done(&stream->in);
	set_deadline(stream, RK_MAX(timeout_ms, 1u) / 1000.);
	ev_feed_event(stream->loop, &stream->kick, EV_CUSTOM);
}

/* The bytes leave when the present callback is over: many writes, one system call. */
static bool queued(struct rk_stream *stream)
{
	if (stream->state == OPEN && !stream->write_blocked)
		ev_feed_event(stream->loop, &stream->kick, EV_CUSTOM);
	if (stream->out.size <= RK_STREAM_QUEUE_HIGH)
		return true;
	stream->wants_drained = true;
	return false;
}

bool rk_stream_write(struct rk_stream *stream, struct rk_span bytes)
{
	rk_stream_queue_put(&stream->out, bytes);
	return queued(stream);
}

bool rk_stream_write_blob(struct rk_stream *stream, struct rk_blob *blob)
{
	return rk_stream_write_part(stream, blob, 0, blob->size);
}

bool rk_stream_write_part(struct rk_stream *stream, struct rk_blob *blob, size_t from, size_t size)
{
	rk_stream_queue_put_part(&stream->out, blob, from, size);
	return queued(stream);
}

size_t rk_stream_queued(const struct rk_stream *stream) { return stream->out.size; }

void rk_stream_pause(struct rk_stream *stream)
{
	stream->is_paused = true;
	watch(stream);
}

void rk_stream_resume(struct rk_stream *stream)
{
	stream->is_paused = false;
	stream->wants_deliver = true;
	watch(stream);
	ev_feed_event(stream->loop, &stream->kick, EV_CUSTOM);
}

void rk_stream_idle_ms(struct rk_stream *stream, uint32_t timeout_ms)
{
	stream->idle_secs = timeout_ms / 1000.;
	stream->active_at = ev_now(stream->loop);
	if (stream->state == OPEN)
		set_deadline(stream, stream->idle_secs);
}

void rk_stream_peer(const struct rk_stream *stream, struct rk_tls_peer *ret)
{
	*ret = (struct rk_tls_peer){ 0 };
	if (stream->fd >= 0)
		rk_address_peer(stream->fd, ret->address, sizeof ret->address);
	if (stream->ssl != NULL)
		rk_tls_peer_of(stream->ssl, ret);
}

struct rk_span rk_stream_alpn(const struct rk_stream *stream)
{
	const unsigned char *name = NULL;
	unsigned size = 0;

	if (stream->ssl != NULL)
		SSL_get0_alpn_selected(stream->ssl, &name, &size);
	return rk_span_of(name, size);
}

void *rk_stream_context(const struct rk_stream *stream) { return stream->context; }

void rk_stream_hand_over(struct rk_stream *stream, const struct rk_stream_events *events,
			 void *context)
{
	stream->events = events;
	stream->context = context;
	stream->wants_deliver = true;
	ev_feed_event(stream->loop, &stream->kick, EV_CUSTOM);
}
