#include <nghttp2/nghttp2.h>
#include <stdio.h>

#include "base/mem.h"
#include "wire/http1.h"
#include "wire/http_conn.h"
#include "wire/stream_queue.h"

#define STREAMS_MAX   1000
#define HEAD_MAX      (64u << 10)
#define HEAD_USUAL    512
#define STREAM_WINDOW (256 << 10)
#define CONN_WINDOW   (1 << 20)
#define BODIES_MIN                                                                                 \
	(16u << 20) /* of all unfinished requests of a connection together, at least this much */
#define OUT_HIGH       (256u << 10) /* of one response */
#define OUT_LOW        (64u << 10)
#define DROPPED_MAX    (16u << 20)
#define RESETS_BURST   1000. /* a client that opens and resets streams for the sake of it */
#define RESETS_PER_SEC 33.

struct http2_exchange {
	struct rk_http_exchange base;
	struct http2_exchange *next, *prev;
	int32_t id;
	struct rk_buf bytes; /* names and values of the head, each behind a 32-bit size */
	struct rk_http_header *headers;
	struct rk_buf body;
	struct rk_stream_queue out;
	struct rk_buf trailers; /* as bytes */
	bool is_deferred, is_out_ended;
	bool is_body_ended;
	int refused; /* a status that we answered ourselves; the rest of the request is dropped */
	size_t dropped; /* bytes of it */
};

struct http2 {
	nghttp2_session *session;
	struct http2_exchange *exchanges;
	unsigned receiving; /* exchanges whose request is not whole */
	size_t bodies;      /* bytes of them */
	double resets;
	ev_tstamp resets_at;
	bool is_in_head, is_in_data, has_room;
};

static struct http2 *http2_of(const struct rk_http_conn *conn) { return conn->protocol_state; }

static struct http2_exchange *exchange_of(struct rk_http_exchange *base)
{
	return RK_CONTAINER(base, struct http2_exchange, base);
}

/* --- exchanges --- */

static struct http2_exchange *exchange_new(struct rk_http_conn *conn, int32_t id)
{
	struct http2 *http = http2_of(conn);
	struct http2_exchange *exchange = rk_zalloc(sizeof *exchange);

	exchange->base.conn = conn;
	exchange->base.state = RK_HTTP_RECEIVING;
	exchange->base.request.peer = &conn->peer;
	exchange->base.request.version = 2;
	exchange->id = id;
	(void)rk_buf_room(&exchange->bytes, HEAD_USUAL);
	exchange->next = http->exchanges;
	if (exchange->next != NULL)
		exchange->next->prev = exchange;
	http->exchanges = exchange;
	http->receiving++;
	return exchange;
}

static void exchange_received(struct http2_exchange *exchange)
{
	struct http2 *http = http2_of(exchange->base.conn);

	http->receiving--;
	http->bodies -= exchange->body.size;
}

static void exchange_free(struct http2_exchange *exchange)
{
	struct http2 *http = http2_of(exchange->base.conn);

	if (exchange->base.state == RK_HTTP_RECEIVING)
		exchange_received(exchange);
	if (exchange->prev != NULL)
		exchange->prev->next = exchange->next;
	else
		http->exchanges = exchange->next;
	if (exchange->next != NULL)
		exchange->next->prev = exchange->prev;
	rk_http_conn_gone(&exchange->base);
	rk_buf_done(&exchange->bytes);
	rk_buf_done(&exchange->body);
	rk_buf_done(&exchange->trailers);
	rk_stream_queue_done(&exchange->out);
	free(exchange->headers);
	free(exchange);
}

/* --- sending --- */

static void put_pair(struct rk_buf *out, struct rk_span name, struct rk_span value)
{
	rk_buf_put_u32(out, (uint32_t)name.size);
	rk_buf_put_u32(out, (uint32_t)value.size);
	rk_buf_put_span(out, name);
	rk_buf_put_span(out, value);
}

static void take_pair(struct rk_reader *reader, struct rk_span *ret_name, struct rk_span *ret_value)
{
	const uint32_t name_size = rk_read_u32(reader), value_size = rk_read_u32(reader);

	*ret_name = rk_read_raw(reader, name_size);
	*ret_value = rk_read_raw(reader, value_size);
}

static nghttp2_nv nv_of(struct rk_span name, struct rk_span value)
{
	return (nghttp2_nv){ .name = (uint8_t *)(uintptr_t)name.data,
			     .namelen = name.size,
			     .value = (uint8_t *)(uintptr_t)value.data,
			     .valuelen = value.size };
}

static void submit_trailers(nghttp2_session *session, const struct http2_exchange *exchange)
{
	struct rk_reader reader = rk_reader_of(rk_buf_span(&exchange->trailers));
	nghttp2_nv nv[RK_HTTP_HEADERS_MAX];
	size_t used = 0;

	while (rk_reader_left(&reader) > 0 && used < RK_COUNT(nv)) {
		struct rk_span name, value;
		take_pair(&reader, &name, &value);
		nv[used++] = nv_of(name, value);
	}
	/* It fails only for a stream that is closing. */
	(void)nghttp2_submit_trailer(session, exchange->id, nv, used);
}

static ssize_t on_read_source(nghttp2_session *session, int32_t id, uint8_t *bytes, size_t room,
			      uint32_t *flags, nghttp2_data_source *source, void *context)
{
	struct http2_exchange *exchange = source->ptr;
	const size_t size = RK_MIN(room, exchange->out.size);

	(void)id;
	(void)bytes;
	(void)context;
	if (size == 0 && !exchange->is_out_ended) {
		exchange->is_deferred = true;
		return NGHTTP2_ERR_DEFERRED;
	}
	*flags |= NGHTTP2_DATA_FLAG_NO_COPY;
	if (exchange->is_out_ended && size == exchange->out.size) {
		*flags |= NGHTTP2_DATA_FLAG_EOF;
		if (exchange->trailers.size > 0) {
			*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
			submit_trailers(session, exchange);
		}
	}
	return (ssize_t)size;
}

/* The payload of a DATA frame goes from the response's queue into the stream's without a copy. */
static int on_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *frame_head,
			size_t size, nghttp2_data_source *source, void *context)
{
	struct rk_http_conn *conn = context;
	struct http2_exchange *exchange = source->ptr;

	(void)session;
	rk_assert(frame->data.padlen == 0);
	(void)rk_stream_write(conn->stream, rk_span_of(frame_head, 9));
	while (size > 0) {
		const struct rk_queue_part *part = rk_stream_queue_first(&exchange->out);
		const size_t here = RK_MIN(size, part->end - part->from);
		(void)rk_stream_write_part(conn->stream, rk_blob_ref(part->blob), part->from, here);
		rk_stream_queue_drop(&exchange->out, here);
		size -= here;
	}
	if (exchange->base.is_blocked && exchange->out.size < OUT_LOW)
		http2_of(conn)->has_room = true;
	return 0;
}

static void tell_drained(struct rk_http_conn *conn)
{
	struct http2 *http = http2_of(conn);
	const struct rk_http_server_opts *opts = rk_http_server_opts_of(conn);
	struct http2_exchange *next;

	http->has_room = false;
	for (struct http2_exchange *at = http->exchanges; at != NULL && !conn->is_ended;
	     at = next) {
		next = at->next;
		if (!at->base.is_blocked || at->out.size >= OUT_LOW ||
		    at->base.state != RK_HTTP_STREAMING)
			continue;
		at->base.is_blocked = false;
		if (opts->drained != NULL)
			opts->drained(opts->context, &at->base);
	}
}

/* Moves frames into the stream while it has room, and sees when the connection is over. Not from
 * nghttp2's callbacks. */
static void flush(struct rk_http_conn *conn)
{
	struct http2 *http = http2_of(conn);

	while (!conn->is_ended && rk_stream_queued(conn->stream) <= RK_STREAM_QUEUE_HIGH) {
		const uint8_t *bytes = NULL;
		const ssize_t size = nghttp2_session_mem_send(http->session, &bytes);
		if (size < 0)
			rk_http_conn_end(conn, false);
		if (size <= 0)
			break;
		(void)rk_stream_write(conn->stream, rk_span_of(bytes, (size_t)size));
	}
	if (conn->is_ended)
		return;
	if (rk_stream_queued(conn->stream) > RK_STREAM_QUEUE_HIGH)
		(void)rk_stream_write(conn->stream,
				      (struct rk_span){ NULL, 0 }); /* asks for `drained` */
	else if (!nghttp2_session_want_read(http->session) &&
		 !nghttp2_session_want_write(http->session))
		rk_http_conn_end(conn, true);
	else if (rk_http_server_is_draining(conn) && http->exchanges == NULL)
		rk_http_conn_end(conn, true);
	if (http->has_room && !conn->is_ended)
		tell_drained(conn);
}

static void set_deadline(struct rk_http_conn *conn)
{
	struct http2 *http = http2_of(conn);

	if (conn->is_ended)
		return;
	rk_http_conn_deadline(conn, http->is_in_head          ? RK_HTTP_HEAD_SECS
				    : http->receiving > 0     ? RK_HTTP_BODY_SECS
				    : http->exchanges == NULL ? RK_HTTP_IDLE_SECS
							      : 0);
}

static void flush_later(struct rk_http_conn *conn)
{
	if (!http2_of(conn)->is_in_data)
		rk_http_conn_kick(conn);
}

/* Headers that have no place in HTTP/2 (RFC 9113 8.2.2). */
static bool is_hop_by_hop(struct rk_span name)
{
	return rk_span_is(name, "connection") || rk_span_is(name, "transfer-encoding") ||
	       rk_span_is(name, "keep-alive") || rk_span_is(name, "upgrade");
}

static void submit(struct http2_exchange *exchange, int status,
		   const struct rk_http_header *headers, size_t count, const struct rk_span *length,
		   bool has_body)
{
	struct rk_http_conn *conn = exchange->base.conn;
	const nghttp2_data_provider provider = { { .ptr = exchange }, on_read_source };
	nghttp2_nv nv[RK_HTTP_HEADERS_MAX + 3];
	size_t used = 0;
	char status_text[12];
	bool has_length = false;

	rk_assert(count <= RK_HTTP_HEADERS_MAX);
	(void)snprintf(status_text, sizeof status_text, "%d", status);
	nv[used++] = nv_of(RK_SPAN(":status"), rk_span_str(status_text));
	for (size_t i = 0; i < count; i++) {
		has_length = has_length || rk_span_is(headers[i].name, "content-length");
		if (!is_hop_by_hop(headers[i].name))
			nv[used++] = nv_of(headers[i].name, headers[i].value);
	}
	if (length != NULL && !has_length)
		nv[used++] = nv_of(RK_SPAN("content-length"), *length);
	nv[used++] = nv_of(RK_SPAN("date"), rk_http_server_date(conn));
	/* It fails only when the stream has just been closed: `gone` is on its way then. */
	(void)nghttp2_submit_response(http2_of(conn)->session, exchange->id, nv, used,
				      has_body ? &provider : NULL);
	flush_later(conn);
}

static void http2_respond(struct rk_http_exchange *base, int status,
			  const struct rk_http_header *headers, size_t count, struct rk_blob *body)
{
	struct http2_exchange *exchange = exchange_of(base);
	const bool is_bare = status == 204 || status == 304;
	const bool has_body = body != NULL && body->size > 0 && !base->is_head && !is_bare;
	char text[24];
	struct rk_span length;

	(void)snprintf(text, sizeof text, "%zu", rk_blob_span(body).size);
	length = rk_span_str(text);
	exchange->is_out_ended = true;
	if (has_body)
		rk_stream_queue_put_part(&exchange->out, body, 0, body->size);
	else
		(void)rk_blob_unref(body);
	submit(exchange, status, headers, count, is_bare ? NULL : &length, has_body);
}

static void http2_begin(struct rk_http_exchange *base, int status,
			const struct rk_http_header *headers, size_t count)
{
	submit(exchange_of(base), status, headers, count, NULL, !base->is_head);
}

static void resume(struct http2_exchange *exchange)
{
	if (exchange->is_deferred) {
		exchange->is_deferred = false;
		(void)nghttp2_session_resume_data(http2_of(exchange->base.conn)->session,
						  exchange->id);
	}
	flush_later(exchange->base.conn);
}

static bool http2_write(struct rk_http_exchange *base, struct rk_blob *blob)
{
	struct http2_exchange *exchange = exchange_of(base);

	rk_stream_queue_put_part(&exchange->out, blob, 0, blob->size);
	resume(exchange);
	return exchange->out.size <= OUT_HIGH;
}

static void http2_end(struct rk_http_exchange *base)
{
	exchange_of(base)->is_out_ended = true;
	resume(exchange_of(base));
}

static void http2_trailers(struct rk_http_exchange *base, const struct rk_http_header *headers,
			   size_t count)
{
	rk_assert(count <= RK_HTTP_HEADERS_MAX);
	for (size_t i = 0; i < count; i++)
		put_pair(&exchange_of(base)->trailers, headers[i].name, headers[i].value);
}

static void http2_abort(struct rk_http_exchange *base)
{
	(void)nghttp2_submit_rst_stream(http2_of(base->conn)->session, NGHTTP2_FLAG_NONE,
					exchange_of(base)->id, NGHTTP2_INTERNAL_ERROR);
	flush_later(base->conn);
}

/* --- receiving --- */

static void refuse(struct http2_exchange *exchange, int status)
{
	if (exchange->refused != 0)
		return;
	exchange->refused = status;
	exchange->is_out_ended = true;
	submit(exchange, status, NULL, 0, &RK_SPAN("0"), false);
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
	struct rk_http_conn *conn = context;

	http2_of(conn)->is_in_head = true;
	if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
		(void)nghttp2_session_set_stream_user_data(session, frame->hd.stream_id,
							   exchange_new(conn, frame->hd.stream_id));
	return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
		     size_t name_size, const uint8_t *value, size_t value_size, uint8_t flags,
		     void *context)
{
	struct http2_exchange *exchange =
		nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

	(void)flags;
	(void)context;
	if (exchange == NULL || frame->headers.cat != NGHTTP2_HCAT_REQUEST ||
	    exchange->refused != 0)
		return 0; /* trailers are of no use here */
	if (exchange->bytes.size + name_size + value_size + 8 > HEAD_MAX ||
	    exchange->base.request.header_count >= RK_HTTP_HEADERS_MAX + 4) {
		refuse(exchange, 431);
		return 0;
	}
	put_pair(&exchange->bytes, rk_span_of(name, name_size), rk_span_of(value, value_size));
	exchange->base.request.header_count++;
	return 0;
}

/* The head is whole and its bytes move no more: the headers can point at them. */
static void head_came(struct http2_exchange *exchange)
{
	struct rk_http_request *request = &exchange->base.request;
	struct rk_reader reader = rk_reader_of(rk_buf_span(&exchange->bytes));
	size_t count = 0;

	exchange->headers = rk_alloc((request->header_count + 1) * sizeof *exchange->headers);
	while (rk_reader_left(&reader) > 0) {
		struct rk_span name, value;
		take_pair(&reader, &name, &value);
		if (rk_span_is(name, ":method"))
			request->method = value;
		else if (rk_span_is(name, ":path"))
			rk_http_target(request, value);
		else if (rk_span_is(name, ":authority"))
			exchange->headers[count++] =
				(struct rk_http_header){ RK_SPAN("host"), value };
		else if (name.size > 0 && name.data[0] != ':')
			exchange->headers[count++] = (struct rk_http_header){ name, value };
	}
	request->headers = exchange->headers;
	request->header_count = count;
	exchange->base.is_head = rk_span_is(request->method, "HEAD");
	uint64_t length;
	if (rk_span_u64(rk_http_header(request, "content-length"), &length) &&
	    length > rk_http_server_opts_of(exchange->base.conn)->body_max)
		refuse(exchange, 413);
}

/* Many clients (curl) see only a broken stream when a reset follows an early answer, so a body that
 * is a little too large is heard out. */
static void drop(struct http2_exchange *exchange, size_t size)
{
	const bool was_much = exchange->dropped > DROPPED_MAX;

	exchange->dropped += size;
	if (exchange->dropped > DROPPED_MAX && !was_much)
		(void)nghttp2_submit_rst_stream(http2_of(exchange->base.conn)->session,
						NGHTTP2_FLAG_NONE, exchange->id, NGHTTP2_NO_ERROR);
}

/* A body that the handler takes in pieces; false when it is not one. */
static bool tell_data(struct http2_exchange *exchange, struct rk_span bytes, bool is_last)
{
	const struct rk_http_server_opts *opts = rk_http_server_opts_of(exchange->base.conn);
	const enum rk_http_state state = exchange->base.state;

	if (opts->data == NULL || exchange->refused != 0)
		return false;
	if ((state == RK_HTTP_WAITING || state == RK_HTTP_STREAMING) && !exchange->is_body_ended) {
		exchange->is_body_ended = is_last;
		opts->data(opts->context, &exchange->base, bytes, is_last);
	}
	return true;
}

static int on_chunk(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
		    size_t size, void *context)
{
	struct rk_http_conn *conn = context;
	struct http2 *http = http2_of(conn);
	struct http2_exchange *exchange = nghttp2_session_get_stream_user_data(session, id);
	const size_t body_max = rk_http_server_opts_of(conn)->body_max;

	(void)flags;
	if (exchange != NULL && tell_data(exchange, rk_span_of(bytes, size), false))
		return 0;
	if (exchange == NULL || exchange->base.state != RK_HTTP_RECEIVING)
		return 0;
	if (exchange->refused != 0) {
		drop(exchange, size);
		return 0;
	}
	if (size > body_max - exchange->body.size ||
	    http->bodies + size > RK_MAX((size_t)BODIES_MIN, body_max)) {
		refuse(exchange, 413);
		return 0;
	}
	rk_buf_put(&exchange->body, bytes, size);
	http->bodies += size;
	return 0;
}

static void request_came(struct http2_exchange *exchange)
{
	if (exchange->refused != 0 || exchange->base.state != RK_HTTP_RECEIVING)
		return;
	exchange_received(exchange);
	exchange->base.request.body = rk_buf_span(&exchange->body);
	rk_http_conn_request(&exchange->base);
}

/* Opening streams and resetting them at once costs the client nothing and us a request each. */
static void reset_came(struct rk_http_conn *conn)
{
	struct http2 *http = http2_of(conn);
	const ev_tstamp now = ev_now(rk_http_server_opts_of(conn)->loop);

	http->resets = RK_MAX(0., http->resets - (now - http->resets_at) * RESETS_PER_SEC) + 1;
	http->resets_at = now;
	if (http->resets > RESETS_BURST)
		(void)nghttp2_session_terminate_session(http->session, NGHTTP2_ENHANCE_YOUR_CALM);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
	struct rk_http_conn *conn = context;
	struct http2_exchange *exchange =
		nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

	if (frame->hd.type == NGHTTP2_HEADERS)
		http2_of(conn)->is_in_head = false;
	if (frame->hd.type == NGHTTP2_RST_STREAM)
		reset_came(conn);
	if (exchange == NULL)
		return 0;
	if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
		head_came(exchange);
	if (frame->hd.type == NGHTTP2_HEADERS && rk_http_server_opts_of(conn)->data != NULL)
		request_came(exchange);
	const bool has_end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
	if (has_end && (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
	    tell_data(exchange, (struct rk_span){ NULL, 0 }, true))
		return 0;
	if (!has_end && frame->hd.type == NGHTTP2_HEADERS &&
	    rk_span_is(rk_http_header(&exchange->base.request, "expect"), "100-continue")) {
		const nghttp2_nv nv = nv_of(RK_SPAN(":status"), RK_SPAN("100"));
		(void)nghttp2_submit_headers(session, NGHTTP2_FLAG_NONE, exchange->id, NULL, &nv, 1,
					     NULL);
	}
	if (has_end && (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA))
		request_came(exchange);
	return 0;
}

/* A response with trailers that ended before its request did: the client need not send the rest
 * (RFC 9113 8.1). */
static int on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
	const int32_t id = frame->hd.stream_id;

	(void)context;
	if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_HEADERS &&
	    (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 &&
	    nghttp2_session_get_stream_remote_close(session, id) == 0)
		(void)nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id, NGHTTP2_NO_ERROR);
	return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *context)
{
	struct http2_exchange *exchange = nghttp2_session_get_stream_user_data(session, id);

	(void)code;
	(void)context;
	if (exchange != NULL) {
		(void)nghttp2_session_set_stream_user_data(session, id, NULL);
		exchange_free(exchange);
	}
	return 0;
}

/* --- the connection --- */

static nghttp2_session *session_new(struct rk_http_conn *conn)
{
	nghttp2_session_callbacks *callbacks = NULL;
	nghttp2_session *session = NULL;

	rk_assert(nghttp2_session_callbacks_new(&callbacks) == 0);
	nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_chunk);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
	nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
	nghttp2_session_callbacks_set_send_data_callback(callbacks, on_send_data);
	rk_assert(nghttp2_session_server_new(&session, callbacks, conn) == 0);
	nghttp2_session_callbacks_del(callbacks);
	return session;
}

static void http2_open(struct rk_http_conn *conn)
{
	static const nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, STREAMS_MAX },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HEAD_MAX },
	};
	struct http2 *http = rk_zalloc(sizeof *http);

	conn->protocol_state = http;
	http->session = session_new(conn);
	rk_assert(nghttp2_submit_settings(http->session, NGHTTP2_FLAG_NONE, settings,
					  RK_COUNT(settings)) == 0);
	rk_assert(nghttp2_session_set_local_window_size(http->session, NGHTTP2_FLAG_NONE, 0,
							CONN_WINDOW) == 0);
	rk_http_conn_kick(conn);
}

static size_t http2_data(struct rk_http_conn *conn, struct rk_span bytes)
{
	struct http2 *http = http2_of(conn);
	const bool was_in_head = http->is_in_head;

	http->is_in_data = true;
	const ssize_t used = nghttp2_session_mem_recv(http->session, bytes.data, bytes.size);
	http->is_in_data = false;
	if (used < 0 && !conn->is_ended)
		rk_http_conn_end(conn, false);
	if (!conn->is_ended)
		flush(conn);
	if (!was_in_head ||
	    !http->is_in_head) /* a head has one deadline, however slowly it comes */
		set_deadline(conn);
	return bytes.size;
}

static void http2_kick(struct rk_http_conn *conn)
{
	flush(conn);
	if (!conn->is_ended && http2_of(conn)->exchanges == NULL && conn->deadline <= 0)
		set_deadline(conn);
}

static void http2_finished(struct rk_http_conn *conn) { rk_http_conn_end(conn, false); }

static void http2_timeout(struct rk_http_conn *conn)
{
	struct http2 *http = http2_of(conn);

	(void)nghttp2_session_terminate_session(
		http->session, http->receiving > 0 ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_NO_ERROR);
	flush(conn);
	if (!conn->is_ended)
		rk_http_conn_end(conn, true);
}

static void http2_drain(struct rk_http_conn *conn)
{
	struct http2 *http = http2_of(conn);

	(void)nghttp2_submit_goaway(http->session, NGHTTP2_FLAG_NONE,
				    nghttp2_session_get_last_proc_stream_id(http->session),
				    NGHTTP2_NO_ERROR, NULL, 0);
	flush_later(conn);
}

static void http2_close(struct rk_http_conn *conn)
{
	struct http2 *http = http2_of(conn);

	while (http->exchanges != NULL)
		exchange_free(http->exchanges);
	nghttp2_session_del(http->session);
	free(http);
	conn->protocol_state = NULL;
}

const struct rk_http_protocol rk_http2_protocol = {
	.open = http2_open,
	.data = http2_data,
	.kick = http2_kick,
	.drained = flush,
	.finished = http2_finished,
	.timeout = http2_timeout,
	.drain = http2_drain,
	.close = http2_close,
	.respond = http2_respond,
	.begin = http2_begin,
	.write = http2_write,
	.end = http2_end,
	.trailers = http2_trailers,
	.abort = http2_abort,
};
