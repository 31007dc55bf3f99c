#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "wire/http1.h"
#include "wire/http_conn.h"

#define ACCEPTS_MAX 64 /* in one turn of the loop */

struct rk_http_server {
	struct rk_http_server_opts opts;
	ev_io accept;
	ev_timer retry; /* accepting again after the process ran out of files */
	struct rk_http_conn *conns;
	unsigned count;
	bool is_draining;
	time_t date_at;
	char date[40];
};

const struct rk_http_server_opts *rk_http_server_opts_of(const struct rk_http_conn *conn)
{
	return &conn->server->opts;
}

bool rk_http_server_is_draining(const struct rk_http_conn *conn)
{
	return conn->server->is_draining;
}

struct rk_span rk_http_server_date(const struct rk_http_conn *conn)
{
	static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
					    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	struct rk_http_server *server = conn->server;
	const time_t now = (time_t)ev_now(server->opts.loop);
	struct tm tm;

	if (now != server->date_at && gmtime_r(&now, &tm) != NULL) {
		server->date_at = now;
		(void)snprintf(server->date, sizeof server->date,
			       "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday % 7],
			       tm.tm_mday, months[tm.tm_mon % 12], (tm.tm_year + 1900) % 10000,
			       tm.tm_hour, tm.tm_min, tm.tm_sec);
	}
	return rk_span_str(server->date);
}

/* --- connections --- */

static void conn_free(struct rk_http_conn *conn)
{
	struct rk_http_server *server = conn->server;

	conn->is_ended = true;
	if (conn->protocol != NULL)
		conn->protocol->close(conn);
	conn->stream = rk_stream_close(conn->stream);
	ev_timer_stop(server->opts.loop, &conn->timer);
	(void)ev_clear_pending(server->opts.loop, &conn->kick);
	if (conn->prev != NULL)
		conn->prev->next = conn->next;
	else
		server->conns = conn->next;
	if (conn->next != NULL)
		conn->next->prev = conn->prev;
	server->count--;
	free(conn);
}

void rk_http_conn_deadline(struct rk_http_conn *conn, ev_tstamp secs)
{
	struct ev_loop *loop = conn->server->opts.loop;

	if (secs <= 0) {
		conn->deadline = 0;
		return;
	}
	conn->deadline = ev_now(loop) + secs;
	/* A timer that is due earlier looks again by itself: most requests touch no timer at all.
	 */
	if (ev_is_active(&conn->timer) && ev_timer_remaining(loop, &conn->timer) <= secs)
		return;
	ev_timer_stop(loop, &conn->timer);
	ev_timer_set(&conn->timer, secs, 0.);
	ev_timer_start(loop, &conn->timer);
}

void rk_http_conn_kick(struct rk_http_conn *conn)
{
	ev_feed_event(conn->server->opts.loop, &conn->kick, EV_CUSTOM);
}

void rk_http_conn_end(struct rk_http_conn *conn, bool politely)
{
	if (conn->stream != NULL && politely)
		rk_stream_finish(conn->stream, RK_HTTP_LINGER_MS);
	else
		(void)rk_stream_close(conn->stream);
	conn->stream = NULL;
	conn->is_ended = true;
	rk_http_conn_kick(conn);
}

void rk_http_conn_request(struct rk_http_exchange *exchange)
{
	const struct rk_http_server_opts *opts = &exchange->conn->server->opts;

	exchange->state = RK_HTTP_WAITING;
	opts->request(opts->context, exchange);
}

void rk_http_conn_gone(struct rk_http_exchange *exchange)
{
	const struct rk_http_server_opts *opts = &exchange->conn->server->opts;

	if (exchange->state != RK_HTTP_RECEIVING && opts->gone != NULL)
		opts->gone(opts->context, exchange);
}

void rk_http_target(struct rk_http_request *request, struct rk_span target)
{
	request->query = rk_span_cut(target, '?', &request->path);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct rk_http_conn *conn = RK_CONTAINER(timer, struct rk_http_conn, timer);
	const ev_tstamp left = conn->deadline - ev_now(loop);

	(void)revents;
	if (conn->deadline <= 0)
		return;
	if (left > 0) {
		ev_timer_set(timer, left, 0.);
		ev_timer_start(loop, timer);
		return;
	}
	conn->deadline = 0;
	if (conn->protocol != NULL)
		conn->protocol->timeout(conn);
	else
		rk_http_conn_end(conn, false);
}

static void on_kick(struct ev_loop *loop, ev_prepare *watcher, int revents)
{
	struct rk_http_conn *conn = RK_CONTAINER(watcher, struct rk_http_conn, kick);

	(void)loop;
	(void)revents;
	if (!conn->is_ended && conn->protocol != NULL)
		conn->protocol->kick(conn);
	if (conn->is_ended)
		conn_free(conn);
}

static void choose(struct rk_http_conn *conn, const struct rk_http_protocol *protocol)
{
	conn->protocol = protocol;
	protocol->open(conn);
}

static void on_opened(void *context, struct rk_stream *stream)
{
	struct rk_http_conn *conn = context;

	rk_stream_peer(stream, &conn->peer);
	if (rk_span_is(rk_stream_alpn(stream), "h2"))
		choose(conn, &rk_http2_protocol);
	rk_http_conn_deadline(conn, RK_HTTP_HEAD_SECS);
}

static size_t on_data(void *context, struct rk_stream *stream, struct rk_span bytes)
{
	static const char preface[] = "PRI * HTTP/2.0\r\n";
	struct rk_http_conn *conn = context;
	const size_t same = RK_MIN(bytes.size, sizeof preface - 1);

	(void)stream;
	if (conn->is_ended)
		return bytes.size;
	if (conn->protocol == NULL) {
		const bool is_h2 = memcmp(bytes.data, preface, same) == 0;
		if (is_h2 && same < sizeof preface - 1)
			return 0;
		choose(conn, is_h2 ? &rk_http2_protocol : &rk_http1_protocol);
	}
	return conn->protocol->data(conn, bytes);
}

static void on_drained(void *context, struct rk_stream *stream)
{
	struct rk_http_conn *conn = context;

	(void)stream;
	if (!conn->is_ended && conn->protocol != NULL)
		conn->protocol->drained(conn);
}

static void on_finished(void *context, struct rk_stream *stream)
{
	struct rk_http_conn *conn = context;

	(void)stream;
	if (conn->is_ended)
		return;
	if (conn->protocol != NULL)
		conn->protocol->finished(conn);
	else
		rk_http_conn_end(conn, true);
}

static void on_closed(void *context, struct rk_stream *stream, const struct rk_error *error)
{
	struct rk_http_conn *conn = context;

	(void)stream;
	if (error->code != RK_ECLOSED)
		rk_log(RK_LOG_DEBUG, "http connection failed", "error=\"%s\"", error->text);
	conn->stream = NULL;
	conn_free(conn);
}

static const struct rk_stream_events stream_events = { on_opened, on_data, on_drained, on_finished,
						       on_closed };

static void conn_new(struct rk_http_server *server, int fd)
{
	struct rk_http_conn *conn = rk_zalloc(sizeof *conn);

	conn->server = server;
	conn->next = server->conns;
	if (conn->next != NULL)
		conn->next->prev = conn;
	server->conns = conn;
	server->count++;
	ev_init(&conn->timer, on_timer);
	ev_init(&conn->kick, on_kick);
	conn->stream =
		rk_stream_accept(server->opts.loop, fd, server->opts.tls, &stream_events, conn);
}

/* --- accepting --- */

static void on_accept(struct ev_loop *loop, ev_io *watcher, int revents)
{
	struct rk_http_server *server = RK_CONTAINER(watcher, struct rk_http_server, accept);

	(void)revents;
	for (int i = 0; i < ACCEPTS_MAX; i++) {
		const int fd = accept4(watcher->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0 && server->count >= server->opts.connections_max) {
			(void)close(fd);
		} else if (fd >= 0) {
			conn_new(server, fd);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			   errno == ENOMEM) {
			rk_log(RK_LOG_WARN, "cannot accept", "errno=%d connections=%u", errno,
			       server->count);
			ev_io_stop(loop, watcher);
			ev_timer_start(loop, &server->retry);
			return;
		} else if (errno == EAGAIN) {
			return;
		}
	}
}

static void on_retry(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct rk_http_server *server = RK_CONTAINER(timer, struct rk_http_server, retry);

	(void)revents;
	ev_timer_set(timer, 0.1, 0.);
	ev_io_start(loop, &server->accept);
}

int rk_http_server_new(struct rk_http_server **ret, const struct rk_http_server_opts *opts)
{
	struct rk_http_server *server;

	if (opts->listen_fd < 0 || opts->request == NULL)
		return RK_EINVAL;
	server = rk_zalloc(sizeof *server);
	server->opts = *opts;
	server->opts.tls = rk_tls_ref(opts->tls);
	ev_io_init(&server->accept, on_accept, opts->listen_fd, EV_READ);
	ev_timer_init(&server->retry, on_retry, 0.1, 0.);
	ev_io_start(opts->loop, &server->accept);
	*ret = server;
	return RK_OK;
}

static void stop_accepting(struct rk_http_server *server)
{
	ev_io_stop(server->opts.loop, &server->accept);
	ev_timer_stop(server->opts.loop, &server->retry);
	rk_drop_fd(&server->opts.listen_fd);
	server->opts.listen_fd = -1;
}

void rk_http_server_drain(struct rk_http_server *server)
{
	if (server->is_draining)
		return;
	server->is_draining = true;
	stop_accepting(server);
	for (struct rk_http_conn *conn = server->conns; conn != NULL; conn = conn->next) {
		if (conn->is_ended)
			continue;
		if (conn->protocol != NULL)
			conn->protocol->drain(conn);
		else
			rk_http_conn_end(conn, false);
	}
}

struct rk_http_server *rk_http_server_free(struct rk_http_server *server)
{
	if (server == NULL)
		return NULL;
	stop_accepting(server);
	while (server->conns != NULL)
		conn_free(server->conns);
	server->opts.tls = rk_tls_unref(server->opts.tls);
	free(server);
	return NULL;
}

unsigned rk_http_server_connections(const struct rk_http_server *server) { return server->count; }

/* --- exchanges --- */

struct rk_span rk_http_header(const struct rk_http_request *request, const char *name)
{
	for (size_t i = 0; i < request->header_count; i++)
		if (rk_span_is(request->headers[i].name, name))
			return request->headers[i].value;
	return (struct rk_span){ NULL, 0 };
}

const struct rk_http_request *rk_http_request(const struct rk_http_exchange *exchange)
{
	return &exchange->request;
}

const void *rk_http_connection(const struct rk_http_exchange *exchange) { return exchange->conn; }

void rk_http_set_user(struct rk_http_exchange *exchange, void *user) { exchange->user = user; }

void *rk_http_user(const struct rk_http_exchange *exchange) { return exchange->user; }

void rk_http_respond(struct rk_http_exchange *exchange, int status,
		     const struct rk_http_header *headers, size_t count, struct rk_blob *body)
{
	rk_assert(exchange->state == RK_HTTP_WAITING);
	if (exchange->conn->is_ended)
		(void)rk_blob_unref(body);
	else
		exchange->conn->protocol->respond(exchange, status, headers, count, body);
	exchange->state = RK_HTTP_ENDED;
}

void rk_http_begin(struct rk_http_exchange *exchange, int status,
		   const struct rk_http_header *headers, size_t count)
{
	rk_assert(exchange->state == RK_HTTP_WAITING);
	exchange->state = RK_HTTP_STREAMING;
	if (!exchange->conn->is_ended)
		exchange->conn->protocol->begin(exchange, status, headers, count);
}

bool rk_http_write(struct rk_http_exchange *exchange, struct rk_blob *blob)
{
	rk_assert(exchange->state == RK_HTTP_STREAMING);
	if (exchange->conn->is_ended || exchange->is_head || blob->size == 0) {
		(void)rk_blob_unref(blob);
		return true;
	}
	exchange->is_blocked = !exchange->conn->protocol->write(exchange, blob);
	return !exchange->is_blocked;
}

void rk_http_end(struct rk_http_exchange *exchange)
{
	rk_assert(exchange->state == RK_HTTP_STREAMING);
	exchange->state = RK_HTTP_ENDED;
	if (!exchange->conn->is_ended)
		exchange->conn->protocol->end(exchange);
}

void rk_http_trailers(struct rk_http_exchange *exchange, const struct rk_http_header *headers,
		      size_t count)
{
	rk_assert(exchange->state == RK_HTTP_STREAMING);
	if (!exchange->conn->is_ended && exchange->conn->protocol->trailers != NULL)
		exchange->conn->protocol->trailers(exchange, headers, count);
	rk_http_end(exchange);
}

void rk_http_abort(struct rk_http_exchange *exchange)
{
	if (exchange->state == RK_HTTP_ENDED)
		return;
	exchange->state = RK_HTTP_ENDED;
	if (!exchange->conn->is_ended)
		exchange->conn->protocol->abort(exchange);
}

bool rk_http_is_upgrade(const struct rk_http_exchange *exchange) { return exchange->is_upgrade; }
