#include "wire/client_io.h"

#include "base/mem.h"
#include "wire/http1.h"

#define CONNECTIONS_DEFAULT 64
#define CONNECT_MS_DEFAULT  2000
#define HEAD_MS_DEFAULT     10000
#define IDLE_CONN_MS        60000

struct conn {
	struct rk_http_client *client;
	struct conn *next, *prev;
	struct rk_stream *stream;
	struct rk_http1 *parser;
	struct rk_http_call *call; /* NULL: idle */
	unsigned busy;             /* callbacks that stand on it */
	bool is_dead, is_reused, has_answer;
	bool has_more; /* bytes behind the end of the answer: it must not be used again */
};

struct rk_http_call {
	struct rk_http_client *client;
	struct rk_http_call *next; /* in line */
	struct conn *conn;         /* NULL: waits */
	struct rk_http_call_opts opts;
	struct rk_buf head; /* the request's, as it is sent */
	ev_timer timer;
	ev_tstamp active_at;
	int err; /* found wrong before it was sent; told from the loop */
	bool is_head, is_idempotent, is_retried, is_head_here, is_over;
};

struct rk_http_client {
	struct rk_http_client_opts opts;
	char *address, *server_name;
	struct conn *conns;
	unsigned count;
	struct rk_http_call *first, **last; /* calls that wait for a connection */
	bool is_closing;
};

static void start_waiting(struct rk_http_client *client);

struct rk_span rk_http_answer_header(const struct rk_http_answer *answer, const char *name)
{
	for (size_t i = 0; i < answer->header_count; i++)
		if (rk_span_is(answer->headers[i].name, name))
			return answer->headers[i].value;
	return (struct rk_span){ NULL, 0 };
}

/* --- connections --- */

static void conn_release(struct conn *conn)
{
	if (conn->busy > 0 || !conn->is_dead)
		return;
	rk_http1_free(conn->parser);
	free(conn);
}

static void conn_drop(struct conn *conn)
{
	struct rk_http_client *client = conn->client;

	if (conn->is_dead)
		return;
	conn->is_dead = true;
	conn->stream = rk_stream_close(conn->stream);
	if (conn->prev != NULL)
		conn->prev->next = conn->next;
	else
		client->conns = conn->next;
	if (conn->next != NULL)
		conn->next->prev = conn->prev;
	client->count--;
	conn_release(conn);
}

/* --- calls --- */

static void call_free(struct rk_http_call *call)
{
	(void)rk_blob_unref(call->opts.body);
	rk_buf_done(&call->head);
	free(call);
}

static void call_over(struct rk_http_call *call, int err, const struct rk_error *error)
{
	call->is_over = true;
	call->conn = NULL;
	ev_timer_stop(call->client->opts.loop, &call->timer);
	call->opts.done(call->opts.context, call, err, error);
	call_free(call);
}

static void call_enqueue(struct rk_http_call *call)
{
	call->next = NULL;
	*call->client->last = call;
	call->client->last = &call->next;
}

static void call_unqueue(struct rk_http_call *call)
{
	struct rk_http_client *client = call->client;

	for (struct rk_http_call **at = &client->first; *at != NULL; at = &(*at)->next) {
		if (*at != call)
			continue;
		*at = call->next;
		if (client->last == &call->next)
			client->last = at;
		return;
	}
}

static size_t request_size(const struct rk_http_call *call)
{
	return call->head.size + rk_blob_span(call->opts.body).size;
}

static void call_send(struct rk_http_call *call, struct conn *conn)
{
	call->conn = conn;
	conn->call = call;
	conn->has_answer = false;
	rk_stream_idle_ms(conn->stream, 0);
	(void)rk_stream_write(conn->stream, rk_buf_span(&call->head));
	if (call->opts.body != NULL)
		(void)rk_stream_write_blob(conn->stream, rk_blob_ref(call->opts.body));
}

/* --- what a connection brings --- */

/* The answer is whole. The connection is free before `done`, which may start the next call on it.
 */
static void answered(struct conn *conn)
{
	struct rk_http_call *call = rk_take_ptr(conn->call);

	if (rk_http1_head(conn->parser)->keep_alive && !conn->has_more &&
	    !conn->client->is_closing) {
		conn->is_reused = true;
		rk_stream_resume(conn->stream);
		rk_stream_idle_ms(conn->stream, IDLE_CONN_MS);
	} else {
		conn_drop(conn);
	}
	struct rk_http_client *client = call->client;
	start_waiting(client);
	call_over(call, RK_OK, &(struct rk_error){ 0 });
}

static void failed(struct conn *conn, const struct rk_error *error)
{
	struct rk_http_client *client = conn->client;
	struct rk_http_call *call = rk_take_ptr(conn->call);

	conn_drop(conn);
	start_waiting(client);
	if (call != NULL)
		call_over(call, error->code, error);
}

static void failed_with(struct conn *conn, int code, const char *what)
{
	struct rk_error error;

	(void)rk_fail(&error, code, "%s: %s", conn->client->address, what);
	failed(conn, &error);
}

static void head_came(struct conn *conn)
{
	const struct rk_http1_head *head = rk_http1_head(conn->parser);
	struct rk_http_call *call = conn->call;
	const struct rk_http_answer answer = { head->status, head->header_count, head->headers };

	if (head->status < 200 && head->status != 101)
		return; /* 100 Continue and its like: the answer follows */
	if (call->is_head)
		rk_http1_no_body(conn->parser);
	call->is_head_here = true;
	call->active_at = ev_now(call->client->opts.loop);
	ev_timer_stop(call->client->opts.loop, &call->timer);
	if (call->opts.idle_ms > 0 && head->status != 101) {
		ev_timer_set(&call->timer, call->opts.idle_ms / 1000., 0.);
		ev_timer_start(call->client->opts.loop, &call->timer);
	}
	if (call->opts.head != NULL)
		call->opts.head(call->opts.context, call, &answer);
	if (conn->call == call && head->status == 101)
		rk_stream_pause(conn->stream); /* until somebody takes it */
}

static bool is_upgraded(const struct conn *conn)
{
	return conn->call == NULL ||
	       (conn->call->is_head_here && rk_http1_head(conn->parser)->status == 101);
}

/* One thing that the parser found. False: look no further. */
static bool handle(struct conn *conn, enum rk_http1_event event)
{
	struct rk_http_call *call = conn->call;

	conn->has_answer = true;
	if (event == RK_HTTP1_HEAD) {
		head_came(conn);
		return !conn->is_dead && !is_upgraded(conn);
	}
	if (event == RK_HTTP1_BODY) {
		call->active_at = ev_now(call->client->opts.loop);
		if (call->opts.data != NULL)
			call->opts.data(call->opts.context, call, rk_http1_piece(conn->parser));
		return !conn->is_dead;
	}
	if (event == RK_HTTP1_DONE && call->is_head_here)
		answered(conn);
	return event == RK_HTTP1_DONE && !conn->is_dead;
}

static size_t on_data(void *context, struct rk_stream *stream, struct rk_span bytes)
{
	struct conn *conn = context;
	size_t at = 0;

	(void)stream;
	conn->busy++;
	for (bool more = true; more && !conn->is_dead;) {
		enum rk_http1_event event = RK_HTTP1_MORE;
		size_t used = 0;
		if (conn->call == NULL && at < bytes.size) {
			failed_with(conn, RK_EINVAL, "an answer without a question");
			break;
		}
		if (conn->call == NULL)
			break;
		conn->has_answer = true;
		if (rk_http1_feed(conn->parser, rk_span_sub(bytes, at, bytes.size), &used, &event) <
		    0) {
			failed_with(conn, RK_EINVAL, rk_http1_reason(conn->parser));
			break;
		}
		at += used;
		conn->has_more = at < bytes.size;
		more = handle(conn, event);
	}
	conn->busy--;
	conn_release(conn);
	return at;
}

static bool may_retry(const struct conn *conn, const struct rk_stream *stream)
{
	const struct rk_http_call *call = conn->call;

	return conn->is_reused && !conn->has_answer && !call->is_retried &&
	       !conn->client->is_closing &&
	       (call->is_idempotent || rk_stream_queued(stream) == request_size(call));
}

static void lost(struct conn *conn, const struct rk_stream *stream, const struct rk_error *error)
{
	struct rk_http_client *client = conn->client;

	if (conn->call == NULL || !may_retry(conn, stream)) {
		failed(conn, error);
		return;
	}
	struct rk_http_call *call = rk_take_ptr(conn->call);
	call->is_retried = true;
	call->conn = NULL;
	call_enqueue(call);
	conn_drop(conn);
	start_waiting(client);
}

/* An answer without a length ends with the connection; everything else is cut off by it. */
static void on_finished(void *context, struct rk_stream *stream)
{
	struct conn *conn = context;
	enum rk_http1_event event = RK_HTTP1_MORE;
	struct rk_error error;

	conn->busy++;
	if (conn->call != NULL && conn->call->is_head_here && !is_upgraded(conn) &&
	    rk_http1_finish(conn->parser, &event) == RK_OK && event == RK_HTTP1_DONE) {
		answered(conn);
		conn_drop(conn);
	} else {
		(void)rk_fail(&error, RK_ECLOSED, "%s: closed by the other side",
			      conn->client->address);
		lost(conn, stream, &error);
	}
	conn->busy--;
	conn_release(conn);
}

static void on_closed(void *context, struct rk_stream *stream, const struct rk_error *error)
{
	struct conn *conn = context;

	conn->stream = NULL; /* it goes by itself */
	lost(conn, stream, error);
}

static const struct rk_stream_events stream_events = { NULL, on_data, NULL, on_finished,
						       on_closed };

static struct conn *conn_new(struct rk_http_client *client)
{
	const struct rk_http_client_opts *opts = &client->opts;
	struct conn *conn = rk_zalloc(sizeof *conn);

	conn->client = client;
	conn->parser = rk_http1_new(false);
	conn->next = client->conns;
	if (conn->next != NULL)
		conn->next->prev = conn;
	client->conns = conn;
	client->count++;
	conn->stream = rk_take_ptr(client->opts.stream);
	if (conn->stream != NULL)
		rk_stream_hand_over(conn->stream, &stream_events, conn);
	else
		conn->stream = rk_stream_connect(opts->loop, client->address, client->server_name,
						 opts->tls, opts->connect_ms, &stream_events, conn);
	return conn;
}

static struct conn *conn_idle(struct rk_http_client *client)
{
	struct conn *conn = client->conns;

	while (conn != NULL && conn->call != NULL)
		conn = conn->next;
	return conn;
}

static void start_waiting(struct rk_http_client *client)
{
	while (client->first != NULL && !client->is_closing) {
		struct conn *conn = conn_idle(client);
		if (conn != NULL &&
		    client->first->is_retried) { /* once burnt: only a new one will do */
			conn_drop(conn);
			conn = NULL;
		}
		if (conn == NULL && client->count < client->opts.connections_max)
			conn = conn_new(client);
		if (conn == NULL)
			return;
		struct rk_http_call *call = client->first;
		client->first = call->next;
		if (client->first == NULL)
			client->last = &client->first;
		call_send(call, conn);
	}
}

/* --- the owner calls --- */

struct rk_http_client *rk_http_client_new(const struct rk_http_client_opts *opts)
{
	struct rk_http_client *client = rk_zalloc(sizeof *client);

	client->opts = *opts;
	client->opts.tls = rk_tls_ref(opts->tls);
	client->address = rk_strdup(opts->address);
	client->server_name = opts->server_name != NULL ? rk_strdup(opts->server_name) : NULL;
	if (opts->connections_max == 0)
		client->opts.connections_max = CONNECTIONS_DEFAULT;
	if (opts->connect_ms == 0)
		client->opts.connect_ms = CONNECT_MS_DEFAULT;
	client->last = &client->first;
	return client;
}

struct rk_http_client *rk_http_client_free(struct rk_http_client *client)
{
	struct rk_error error;

	if (client == NULL)
		return NULL;
	client->is_closing = true;
	(void)rk_fail(&error, RK_ECLOSED, "%s: the client was closed", client->address);
	while (client->conns != NULL)
		failed(client->conns, &error);
	while (client->first != NULL) {
		struct rk_http_call *call = client->first;
		call_unqueue(call);
		call_over(call, error.code, &error);
	}
	client->opts.stream = rk_stream_close(client->opts.stream);
	client->opts.tls = rk_tls_unref(client->opts.tls);
	free(client->address);
	free(client->server_name);
	free(client);
	return NULL;
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct rk_http_call *call = RK_CONTAINER(timer, struct rk_http_call, timer);
	const ev_tstamp left = call->active_at + call->opts.idle_ms / 1000. - ev_now(loop);
	struct rk_error error;

	(void)revents;
	if (call->err == 0 && call->is_head_here && left > 0) {
		ev_timer_set(timer, left, 0.);
		ev_timer_start(loop, timer);
		return;
	}
	if (call->err != 0)
		(void)rk_fail(&error, call->err,
			      "a header or the target holds a control character");
	else
		(void)rk_fail(&error, RK_ETIMEDOUT, "%s: no answer in time", call->client->address);
	if (call->conn != NULL) {
		failed(call->conn, &error);
		return;
	}
	call_unqueue(call);
	call_over(call, error.code, &error);
}

static bool is_clean(struct rk_span text)
{
	for (size_t i = 0; i < text.size; i++)
		if ((text.data[i] < 0x20 && text.data[i] != '\t') || text.data[i] == 0x7f)
			return false;
	return true;
}

static int head_write(struct rk_http_call *call, const struct rk_http_call_opts *opts)
{
	struct rk_buf *head = &call->head;
	const size_t size = rk_blob_span(opts->body).size;
	bool has_host = false;

	if (!is_clean(rk_span_str(opts->target)) || strchr(opts->target, ' ') != NULL)
		return RK_EINVAL;
	rk_buf_printf(head, "%s %s HTTP/1.1\r\n", opts->method, opts->target);
	for (size_t i = 0; i < opts->header_count; i++) {
		if (!is_clean(opts->headers[i].name) || !is_clean(opts->headers[i].value))
			return RK_EINVAL;
		has_host = has_host || rk_span_is(opts->headers[i].name, "host");
		rk_buf_put_span(head, opts->headers[i].name);
		rk_buf_put(head, ": ", 2);
		rk_buf_put_span(head, opts->headers[i].value);
		rk_buf_put(head, "\r\n", 2);
	}
	if (!has_host)
		rk_buf_printf(head, "host: %s\r\n", call->client->address);
	if (size > 0 || !call->is_idempotent)
		rk_buf_printf(head, "content-length: %zu\r\n", size);
	rk_buf_put(head, "\r\n", 2);
	return RK_OK;
}

struct rk_http_call *rk_http_call_start(struct rk_http_client *client,
					const struct rk_http_call_opts *opts)
{
	struct rk_http_call *call = rk_zalloc(sizeof *call);
	const uint32_t head_ms = opts->head_ms > 0 ? opts->head_ms : HEAD_MS_DEFAULT;

	call->client = client;
	call->opts = *opts;
	(void)rk_blob_ref(opts->body);
	call->is_head = strcmp(opts->method, "HEAD") == 0;
	call->is_idempotent = call->is_head || strcmp(opts->method, "GET") == 0;
	call->err = head_write(call, opts);
	call->opts.method = call->opts.target = NULL; /* the caller's; they are in the head now */
	call->opts.headers = NULL;
	ev_timer_init(&call->timer, on_timer, call->err != 0 ? 0. : head_ms / 1000., 0.);
	ev_timer_start(client->opts.loop, &call->timer);
	if (call->err == 0) {
		call_enqueue(call);
		start_waiting(client);
	}
	return call;
}

void rk_http_call_abort(struct rk_http_call *call)
{
	struct rk_http_client *client = call->client;

	if (call->is_over)
		return;
	if (call->conn != NULL) {
		call->conn->call = NULL;
		conn_drop(call->conn);
	} else {
		call_unqueue(call);
	}
	ev_timer_stop(client->opts.loop, &call->timer);
	call_free(call);
	start_waiting(client);
}

void rk_http_call_pause(struct rk_http_call *call)
{
	if (call->conn != NULL)
		rk_stream_pause(call->conn->stream);
}

void rk_http_call_resume(struct rk_http_call *call)
{
	call->active_at = ev_now(call->client->opts.loop);
	if (call->conn != NULL)
		rk_stream_resume(call->conn->stream);
}

struct rk_stream *rk_http_call_take_stream(struct rk_http_call *call)
{
	struct conn *conn = call->conn;
	struct rk_http_client *client = call->client;

	if (conn == NULL || !call->is_head_here || rk_http1_head(conn->parser)->status != 101)
		return NULL;
	struct rk_stream *stream = rk_take_ptr(conn->stream);
	conn->call = NULL;
	conn_drop(conn);
	ev_timer_stop(client->opts.loop, &call->timer);
	call_free(call);
	start_waiting(client);
	rk_stream_resume(stream);
	return stream;
}

/* --- one request, whole --- */

struct simple {
	const struct rk_http_simple *request;
	struct rk_buf *body;
	int status, err;
	struct rk_error error;
	bool is_done;
};

static void simple_head(void *context, struct rk_http_call *call,
			const struct rk_http_answer *answer)
{
	(void)call;
	((struct simple *)context)->status = answer->status;
}

static void simple_data(void *context, struct rk_http_call *call, struct rk_span bytes)
{
	struct simple *simple = context;

	if (bytes.size <= simple->request->answer_max - simple->body->size) {
		rk_buf_put_span(simple->body, bytes);
		return;
	}
	simple->err = rk_fail(&simple->error, RK_ETOOBIG, "the answer is larger than %zu bytes",
			      simple->request->answer_max);
	simple->is_done = true;
	rk_http_call_abort(call);
}

static void simple_done(void *context, struct rk_http_call *call, int err,
			const struct rk_error *error)
{
	struct simple *simple = context;

	(void)call;
	if (simple->is_done)
		return;
	simple->err = err;
	simple->error = *error;
	simple->is_done = true;
}

static void simple_late(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct simple *simple = timer->data;

	(void)loop;
	(void)revents;
	simple->err = rk_fail(&simple->error, RK_ETIMEDOUT, "no answer within %u ms",
			      simple->request->timeout_ms);
	simple->is_done = true;
}

int rk_http_simple(const char *address, struct rk_tls *tls, const struct rk_http_simple *request,
		   int *ret_status, struct rk_buf *ret_body, struct rk_error *error)
{
	struct simple simple = { .request = request, .body = ret_body };
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	ev_timer late;

	rk_assert(loop != NULL);
	rk_buf_clear(ret_body);
	struct rk_http_client *client = rk_http_client_new(&(struct rk_http_client_opts){
		.loop = loop, .address = address, .tls = tls, .connect_ms = request->timeout_ms });
	ev_timer_init(&late, simple_late, request->timeout_ms / 1000., 0.);
	late.data = &simple;
	ev_timer_start(loop, &late);
	(void)rk_http_call_start(client,
				 &(struct rk_http_call_opts){ .method = request->method,
							      .target = request->target,
							      .headers = request->headers,
							      .header_count = request->header_count,
							      .body = request->body,
							      .head_ms = request->timeout_ms,
							      .context = &simple,
							      .head = simple_head,
							      .data = simple_data,
							      .done = simple_done });
	while (!simple.is_done)
		(void)ev_run(loop, EVRUN_ONCE);
	(void)rk_http_client_free(client);
	ev_timer_stop(loop, &late);
	ev_loop_destroy(loop);
	if (simple.err < 0) {
		if (error != NULL)
			*error = simple.error;
		return simple.err;
	}
	*ret_status = simple.status;
	return RK_OK;
}
