#include <stdio.h>
#include <strings.h>

#include "base/mem.h"
#include "wire/http1.h"
#include "wire/http_conn.h"

/* HTTP/1.1 answers in order, so one exchange at a time: what is pipelined waits in the stream,
 * which stops reading when that becomes too much. */
struct http1 {
	struct rk_http1 *parser;
	struct rk_buf body, head;
	struct rk_http_exchange exchange;
	bool is_busy; /* the exchange is with the handler */
	bool keep_alive, is_chunked;
	bool is_ended_by_client;
};

static struct http1 *http1_of(const struct rk_http_conn *conn) { return conn->protocol_state; }

static void http1_open(struct rk_http_conn *conn)
{
	struct http1 *http = rk_zalloc(sizeof *http);

	http->parser = rk_http1_new(true);
	http->exchange.conn = conn;
	conn->protocol_state = http;
}

/* --- answering --- */

static bool header_given(const struct rk_http_header *headers, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (rk_span_is(headers[i].name, name))
			return true;
	return false;
}

static void head_begin(struct rk_http_conn *conn, int status, const struct rk_http_header *headers,
		       size_t count)
{
	struct rk_buf *head = &http1_of(conn)->head;
	char line[64];

	(void)snprintf(line, sizeof line, "HTTP/1.1 %d %s\r\n", status,
		       rk_http_status_name(status));
	rk_buf_clear(head);
	rk_buf_put_str(head, line);
	for (size_t i = 0; i < count; i++) {
		rk_buf_put_span(head, headers[i].name);
		rk_buf_put(head, ": ", 2);
		rk_buf_put_span(head, headers[i].value);
		rk_buf_put(head, "\r\n", 2);
	}
}

static void head_end(struct rk_http_conn *conn)
{
	struct http1 *http = http1_of(conn);

	rk_buf_put_str(&http->head, "date: ");
	rk_buf_put_span(&http->head, rk_http_server_date(conn));
	if (!http->keep_alive)
		rk_buf_put_str(&http->head, "\r\nconnection: close");
	rk_buf_put_str(&http->head, "\r\n\r\n");
	(void)rk_stream_write(conn->stream, rk_buf_span(&http->head));
}

static bool has_no_body(int status) { return status == 204 || status == 304 || status < 200; }

static void http1_respond(struct rk_http_exchange *exchange, int status,
			  const struct rk_http_header *headers, size_t count, struct rk_blob *body)
{
	struct rk_http_conn *conn = exchange->conn;
	struct http1 *http = http1_of(conn);
	char line[40];

	if (rk_http_server_is_draining(conn))
		http->keep_alive = false;
	head_begin(conn, status, headers, count);
	if (!has_no_body(status) && !header_given(headers, count, "content-length")) {
		(void)snprintf(line, sizeof line, "content-length: %zu\r\n",
			       rk_blob_span(body).size);
		rk_buf_put_str(&http->head, line);
	}
	head_end(conn);
	if (body != NULL && !exchange->is_head && !has_no_body(status))
		(void)rk_stream_write_blob(conn->stream, body);
	else
		(void)rk_blob_unref(body);
	rk_http_conn_kick(conn);
}

static void http1_begin(struct rk_http_exchange *exchange, int status,
			const struct rk_http_header *headers, size_t count)
{
	struct rk_http_conn *conn = exchange->conn;
	struct http1 *http = http1_of(conn);
	const bool has_length =
		header_given(headers, count, "content-length") || has_no_body(status);

	http->is_chunked = !has_length && rk_http1_head(http->parser)->minor >= 1;
	if ((!has_length && !http->is_chunked) || rk_http_server_is_draining(conn))
		http->keep_alive = false; /* its end is the end of the connection */
	head_begin(conn, status, headers, count);
	if (http->is_chunked)
		rk_buf_put_str(&http->head, "transfer-encoding: chunked\r\n");
	head_end(conn);
	if (http->is_ended_by_client)
		rk_http_conn_end(conn, true); /* nobody waits for what a stream will say later */
}

static bool http1_write(struct rk_http_exchange *exchange, struct rk_blob *blob)
{
	struct rk_stream *stream = exchange->conn->stream;
	char line[24];

	if (!http1_of(exchange->conn)->is_chunked)
		return rk_stream_write_blob(stream, blob);
	(void)snprintf(line, sizeof line, "%x\r\n", blob->size);
	(void)rk_stream_write(stream, rk_span_str(line));
	(void)rk_stream_write_blob(stream, blob);
	return rk_stream_write(stream, RK_SPAN("\r\n"));
}

static void http1_end(struct rk_http_exchange *exchange)
{
	struct http1 *http = http1_of(exchange->conn);

	if (http->is_chunked && !exchange->is_head)
		(void)rk_stream_write(exchange->conn->stream, RK_SPAN("0\r\n\r\n"));
	rk_http_conn_kick(exchange->conn);
}

static void http1_abort(struct rk_http_exchange *exchange)
{
	/* Without the last chunk: the client sees that something is missing. */
	rk_http_conn_end(exchange->conn, true);
}

/* --- receiving --- */

/* Answers what is no good and ends the connection: where the next request begins is unknown. */
static void refuse(struct rk_http_conn *conn, int status, const char *why)
{
	struct http1 *http = http1_of(conn);
	char line[200];

	(void)snprintf(line, sizeof line, "%s\n", why);
	http->keep_alive = false;
	head_begin(conn, status, NULL, 0);
	rk_buf_printf(&http->head,
		      "content-type: text/plain; charset=utf-8\r\ncontent-length: %zu\r\n",
		      strlen(line));
	head_end(conn);
	(void)rk_stream_write(conn->stream, rk_span_str(line));
	rk_http_conn_end(conn, true);
}

static void head_came(struct rk_http_conn *conn)
{
	struct http1 *http = http1_of(conn);
	const struct rk_http1_head *head = rk_http1_head(http->parser);
	struct rk_http_request *request = &http->exchange.request;
	const size_t body_max = rk_http_server_opts_of(conn)->body_max;

	http->exchange = (struct rk_http_exchange){ .conn = conn, .state = RK_HTTP_RECEIVING };
	http->exchange.is_upgrade = head->is_upgrade;
	http->exchange.is_head = rk_span_is(head->method, "HEAD");
	http->keep_alive = head->keep_alive && head->minor >= 1;
	rk_http_target(request, head->target);
	request->method = head->method;
	request->headers = head->headers;
	request->header_count = head->header_count;
	request->peer = &conn->peer;
	request->version = 1;
	rk_buf_clear(&http->body);
	if (head->has_length && head->length > body_max) {
		refuse(conn, 413, "the body is too large");
		return;
	}
	const struct rk_span expect = rk_http_header(request, "expect");
	if (expect.data == NULL || head->minor == 0)
		return;
	if (expect.size == 12 && strncasecmp((const char *)expect.data, "100-continue", 12) == 0)
		(void)rk_stream_write(conn->stream, RK_SPAN("HTTP/1.1 100 Continue\r\n\r\n"));
	else
		refuse(conn, 417, "only 100-continue can be expected");
}

static void body_came(struct rk_http_conn *conn)
{
	struct http1 *http = http1_of(conn);
	const struct rk_http1_head *head = rk_http1_head(http->parser);
	const struct rk_span piece = rk_http1_piece(http->parser);

	if (piece.size > rk_http_server_opts_of(conn)->body_max - http->body.size) {
		refuse(conn, 413, "the body is too large");
		return;
	}
	if (http->body.size == 0 &&
	    head->has_length) /* no copying while it grows; untouched pages cost nothing */
		(void)rk_buf_room(&http->body, (size_t)head->length);
	rk_buf_put_span(&http->body, piece);
}

/* After the last word of a response: the connection is free for the next request, or ends. */
static void exchange_over(struct rk_http_conn *conn)
{
	struct http1 *http = http1_of(conn);

	http->is_busy = false;
	rk_http_conn_gone(&http->exchange);
	if (http->body.capacity > (64u << 10))
		rk_buf_done(&http->body); /* a connection at rest holds little memory */
	if (conn->is_ended)
		return;
	if (!http->keep_alive || http->is_ended_by_client)
		rk_http_conn_end(conn, true);
	else
		rk_http_conn_deadline(conn, RK_HTTP_IDLE_SECS);
}

static void request_came(struct rk_http_conn *conn)
{
	struct http1 *http = http1_of(conn);

	http->exchange.request.body = rk_buf_span(&http->body);
	http->is_busy = true;
	rk_http_conn_deadline(conn, 0);
	rk_http_conn_request(&http->exchange);
	if (http->exchange.state == RK_HTTP_ENDED && conn->stream != NULL)
		exchange_over(conn);
}

static size_t http1_data(struct rk_http_conn *conn, struct rk_span bytes)
{
	struct http1 *http = http1_of(conn);
	const bool was_within = rk_http1_is_within(http->parser);
	bool has_body = false;
	size_t at = 0;

	while (!http->is_busy && !conn->is_ended) {
		enum rk_http1_event event;
		size_t used = 0;
		const int err = rk_http1_feed(http->parser, rk_span_sub(bytes, at, bytes.size),
					      &used, &event);
		if (err < 0) {
			refuse(conn, err == RK_ETOOBIG ? 431 : 400, rk_http1_reason(http->parser));
			return bytes.size;
		}
		at += used;
		if (event == RK_HTTP1_HEAD) {
			head_came(conn);
			has_body = true;
		} else if (event == RK_HTTP1_BODY) {
			body_came(conn);
			has_body = true;
		} else if (event == RK_HTTP1_DONE) {
			request_came(conn);
		} else {
			break;
		}
	}
	if (conn->is_ended)
		return conn->stream == NULL && http->exchange.is_upgrade ? at : bytes.size;
	if (!http->is_busy && rk_http1_is_within(http->parser)) {
		if (has_body)
			rk_http_conn_deadline(conn, RK_HTTP_BODY_SECS);
		else if (!was_within) /* a head has one deadline from its first byte */
			rk_http_conn_deadline(conn, RK_HTTP_HEAD_SECS);
	}
	return at;
}

static void http1_kick(struct rk_http_conn *conn)
{
	struct http1 *http = http1_of(conn);

	if (!http->is_busy || http->exchange.state != RK_HTTP_ENDED)
		return;
	exchange_over(conn);
	if (!conn->is_ended)
		rk_stream_resume(conn->stream); /* the next request may be there already */
}

static void http1_drained(struct rk_http_conn *conn)
{
	struct http1 *http = http1_of(conn);
	const struct rk_http_server_opts *opts = rk_http_server_opts_of(conn);

	if (!http->is_busy || !http->exchange.is_blocked ||
	    http->exchange.state != RK_HTTP_STREAMING)
		return;
	http->exchange.is_blocked = false;
	if (opts->drained != NULL)
		opts->drained(opts->context, &http->exchange);
}

static void http1_finished(struct rk_http_conn *conn)
{
	struct http1 *http = http1_of(conn);

	http->is_ended_by_client = true;
	/* A client that half closes still gets the answer to what it asked; one that follows a
	 * stream has gone. */
	if (!http->is_busy || http->exchange.state == RK_HTTP_STREAMING)
		rk_http_conn_end(conn, true);
}

static void http1_timeout(struct rk_http_conn *conn)
{
	if (rk_http1_is_within(http1_of(conn)->parser))
		refuse(conn, 408, "the request did not arrive in time");
	else
		rk_http_conn_end(conn, true);
}

static void http1_drain(struct rk_http_conn *conn)
{
	struct http1 *http = http1_of(conn);

	if (!http->is_busy && !rk_http1_is_within(http->parser))
		rk_http_conn_end(conn, true);
}

static void http1_close(struct rk_http_conn *conn)
{
	struct http1 *http = http1_of(conn);

	if (http->is_busy)
		rk_http_conn_gone(&http->exchange);
	rk_http1_free(http->parser);
	rk_buf_done(&http->body);
	rk_buf_done(&http->head);
	free(http);
	conn->protocol_state = NULL;
}

const struct rk_http_protocol rk_http1_protocol = {
	.open = http1_open,
	.data = http1_data,
	.kick = http1_kick,
	.drained = http1_drained,
	.finished = http1_finished,
	.timeout = http1_timeout,
	.drain = http1_drain,
	.close = http1_close,
	.respond = http1_respond,
	.begin = http1_begin,
	.write = http1_write,
	.end = http1_end,
	.abort = http1_abort,
};

struct rk_stream *rk_http_upgrade(struct rk_http_exchange *exchange,
				  const struct rk_http_header *headers, size_t count)
{
	struct rk_http_conn *conn = exchange->conn;

	if (conn->is_ended || !exchange->is_upgrade || exchange->state != RK_HTTP_WAITING)
		return NULL;
	head_begin(conn, 101, headers, count);
	struct rk_buf *head = &http1_of(conn)->head;
	if (!header_given(headers, count, "connection"))
		rk_buf_put_str(head, "connection: Upgrade\r\n");
	rk_buf_put_str(head, "\r\n");
	(void)rk_stream_write(conn->stream, rk_buf_span(head));
	struct rk_stream *stream = rk_take_ptr(conn->stream);
	exchange->state = RK_HTTP_ENDED;
	conn->is_ended = true;
	rk_http_conn_kick(conn); /* `gone`, and the connection's own end */
	return stream;
}
