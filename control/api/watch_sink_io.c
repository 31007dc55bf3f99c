/* Where the events of a watch go: a response in pieces, or the messages of a WebSocket. */
#include <stdlib.h>

#include "base/mem.h"
#include "control/api/watch.h"
#include "control/schema/proto.h"
#include "wire/websocket.h"

#define BACKLOG_MAX (8u << 20) /* bytes that a client may leave unread */
#define FINISH_MS   1000
#define SAID_MAX    4096 /* of a message that a client has not ended */
#define FRAME_HEAD  4    /* the length before a protobuf frame: a WebSocket's message has its own */

/* --- WebSocket --- */

/* The exchange is long gone, and whoever ended it may still look at the watch: it is freed with the
 * next tick. */
static void leave(struct rk_watch *watch)
{
	watch->ended = true;
	rk_req_unlink(watch->req);
	rk_req_link(watch->req, &watch->req->thread->finished);
}

static void socket_drained(void *context, struct rk_stream *stream)
{
	struct rk_watch *watch = context;

	(void)stream;
	rk_api_watch_drained(watch->req);
}

static void socket_closed(void *context, struct rk_stream *stream, const struct rk_error *error)
{
	struct rk_watch *watch = context;

	(void)stream;
	(void)error;
	watch->socket = NULL;
	leave(watch);
}

/* Nothing that a client says here means anything but its leaving; a ping is answered. */
static int listen_to(struct rk_buf *bytes, struct rk_buf *answer, size_t *ret_used)
{
	struct rk_ws_parser parser = { 0 };
	struct rk_ws_message message;
	size_t used;
	int err = RK_OK;

	while (err == RK_OK && *ret_used < bytes->size) {
		err = rk_ws_read(&parser, bytes->data + *ret_used, bytes->size - *ret_used, &used,
				 &message);
		if (err == RK_OK && message.opcode == RK_WS_CLOSE)
			err = RK_ECLOSED;
		if (err == RK_OK && message.opcode == RK_WS_PING)
			rk_ws_write(answer, RK_WS_PONG, message.payload, NULL);
		*ret_used += err == RK_OK ? used : 0;
	}
	rk_ws_parser_done(&parser);
	return err;
}

static size_t socket_data(void *context, struct rk_stream *stream, struct rk_span bytes)
{
	struct rk_watch *watch = context;
	struct rk_buf copy = { 0 }, answer = { 0 };
	size_t used = 0;

	rk_buf_put_span(&copy, bytes);
	const int err = listen_to(&copy, &answer, &used);
	rk_buf_done(&copy);
	if (answer.size > 0)
		(void)rk_stream_write(stream, rk_buf_span(&answer));
	rk_buf_done(&answer);
	if (err != RK_OK && (err != RK_EAGAIN || bytes.size - used > SAID_MAX)) {
		rk_api_watch_end(watch);
		return bytes.size;
	}
	return used;
}

static const struct rk_stream_events socket_events = { .data = socket_data,
						       .drained = socket_drained,
						       .closed = socket_closed };

static bool open_socket(struct rk_watch *watch)
{
	struct rk_req *req = watch->req;
	char accept[32];

	if (rk_ws_accept(rk_http_header(req->http, "sec-websocket-key"), accept) < 0) {
		rk_req_fail(req, 400, "BadRequest", "the Sec-WebSocket-Key is malformed");
		return false;
	}
	const struct rk_http_header headers[] = { rk_req_audit_id(req),
						  { RK_SPAN("upgrade"), RK_SPAN("websocket") },
						  { RK_SPAN("sec-websocket-accept"),
						    rk_span_str(accept) } };
	watch->socket = rk_http_upgrade(req->exchange, headers, RK_COUNT(headers));
	if (watch->socket == NULL)
		return false;
	rk_stream_hand_over(watch->socket, &socket_events, watch);
	return true;
}

static bool put_message(struct rk_watch *watch, struct rk_blob *line)
{
	const bool is_proto = watch->req->form.is_proto;
	const struct rk_span all = rk_blob_span(line);
	struct rk_buf frame = { 0 };

	rk_ws_write(&frame, is_proto ? RK_WS_BINARY : RK_WS_TEXT,
		    is_proto ? rk_span_sub(all, FRAME_HEAD, all.size) : all, NULL);
	const bool goes_on = rk_stream_write(watch->socket, rk_buf_span(&frame));
	rk_buf_done(&frame);
	(void)rk_blob_unref(line);
	return goes_on;
}

/* --- either --- */

bool rk_api_watch_open(struct rk_watch *watch)
{
	struct rk_req *req = watch->req;
	const struct rk_http_header headers[] = {
		rk_req_audit_id(req),
		{ RK_SPAN("content-type"),
		  rk_span_str(req->form.is_proto ? RK_PROTOBUF_WATCH : "application/json") },
		{ RK_SPAN("cache-control"), RK_SPAN("no-cache, private") }
	};

	if (rk_http_is_upgrade(req->exchange))
		return open_socket(watch);
	rk_http_begin(req->exchange, 200, headers, RK_COUNT(headers));
	return true;
}

static void cut_off(struct rk_watch *watch)
{
	if (watch->socket != NULL) {
		rk_stream_finish(rk_take_ptr(watch->socket), 0);
		leave(watch);
		return;
	}
	watch->ended = true;
	rk_http_abort(watch->req->exchange);
}

bool rk_api_watch_put(struct rk_watch *watch, struct rk_blob *line)
{
	if (watch->ended) {
		(void)rk_blob_unref(line);
		return false;
	}
	rk_counts_event(&watch->req->thread->counts);
	watch->unread += line->size;
	const bool goes_on = watch->socket != NULL ? put_message(watch, line)
						   : rk_http_write(watch->req->exchange, line);
	if (goes_on)
		watch->unread = 0;
	else if (watch->unread > BACKLOG_MAX) /* too slow to be served: it may list again */
		cut_off(watch);
	return goes_on;
}

void rk_api_watch_end(struct rk_watch *watch)
{
	struct rk_buf frame = { 0 };

	if (watch->ended)
		return;
	if (watch->socket == NULL) {
		watch->ended = true;
		rk_req_unlink(watch->req);
		rk_http_end(watch->req->exchange);
		return;
	}
	rk_ws_write_close(&frame, 1000, NULL);
	(void)rk_stream_write(watch->socket, rk_buf_span(&frame));
	rk_buf_done(&frame);
	rk_stream_finish(rk_take_ptr(watch->socket), FINISH_MS);
	leave(watch);
}

void rk_api_watch_drop(struct rk_watch *watch)
{
	(void)rk_stream_close(watch->socket);
	(void)rk_view_unref(watch->begins);
	free(watch);
}
