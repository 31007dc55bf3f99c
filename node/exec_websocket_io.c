#include "base/log.h"
#include "base/mem.h"
#include "node/exec_session_io.h"
#include "wire/json.h"
#include "wire/websocket.h"

#define FINISH_MS 5000u

enum channel { STDIN, STDOUT, STDERR, STATUS, RESIZE, CLOSE = 255 };

struct session {
	struct rk_exec_session listed;
	struct rk_stream *stream;
	struct rk_exec *exec;
	struct rk_ws_parser parser;
	struct rk_buf in; /* received and not yet a whole message */
	bool has_stdout, has_stderr;
};

static void session_free(struct session *session)
{
	rk_exec_session_unlink(&session->listed);
	session->exec = rk_exec_close(session->exec);
	rk_ws_parser_done(&session->parser);
	rk_buf_done(&session->in);
	free(session);
}

static void send(struct session *session, enum channel channel, struct rk_span bytes)
{
	RK_AUTO(rk_buf_done) struct rk_buf payload = { 0 }, frame = { 0 };

	rk_buf_put_u8(&payload, (uint8_t)channel);
	rk_buf_put_span(&payload, bytes);
	rk_ws_write(&frame, RK_WS_BINARY, rk_buf_span(&payload), NULL);
	if (!rk_stream_write(session->stream, rk_buf_span(&frame)) && session->exec != NULL)
		rk_exec_pause(session->exec, true);
}

/* --- from the command --- */

static void on_output(void *context, int channel, struct rk_span bytes)
{
	struct session *session = context;

	if (channel == 1 ? session->has_stdout : session->has_stderr)
		send(session, channel == 1 ? STDOUT : STDERR, bytes);
}

static void on_ended(void *context, int code)
{
	struct session *session = context;
	RK_AUTO(rk_buf_done) struct rk_buf status = { 0 }, frame = { 0 };

	session->exec = NULL; /* it frees itself */
	rk_exec_status(&status, code);
	send(session, STATUS, rk_buf_span(&status));
	rk_ws_write_close(&frame, 1000, NULL);
	(void)rk_stream_write(session->stream, rk_buf_span(&frame));
	rk_stream_finish(session->stream, FINISH_MS);
	session_free(session);
}

static void on_input_drained(void *context)
{
	rk_stream_resume(((struct session *)context)->stream);
}

/* --- from the client --- */

static void resize(struct session *session, struct rk_span text)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	struct rk_val *size = NULL;

	if (rk_json_parse(&arena, text, 0, &size, NULL) == 0)
		rk_exec_resize(session->exec, (unsigned)rk_val_int_at(size, "Width", 0),
			       (unsigned)rk_val_int_at(size, "Height", 0));
}

static void on_message(struct session *session, struct rk_span payload)
{
	const struct rk_span rest = rk_span_sub(payload, 1, payload.size);

	if (payload.size == 0)
		return;
	switch (payload.data[0]) {
	case STDIN:
		if (rest.size > 0 && !rk_exec_write(session->exec, rest))
			rk_stream_pause(session->stream);
		break;
	case RESIZE: resize(session, rest); break;
	case CLOSE: /* of v5: that channel has ended */
		if (rest.size == 1 && rest.data[0] == STDIN)
			rk_exec_close_input(session->exec);
		break;
	default: break; /* clients have no say on the other channels */
	}
}

/* False: the session is over and freed. */
static bool take_message(struct session *session, const struct rk_ws_message *message)
{
	RK_AUTO(rk_buf_done) struct rk_buf frame = { 0 };

	switch (message->opcode) {
	case RK_WS_BINARY:
	case RK_WS_TEXT: on_message(session, message->payload); return true;
	case RK_WS_PING:
		rk_ws_write(&frame, RK_WS_PONG, message->payload, NULL);
		(void)rk_stream_write(session->stream, rk_buf_span(&frame));
		return true;
	case RK_WS_CLOSE:
		(void)rk_stream_close(session->stream);
		session_free(session);
		return false;
	default: return true;
	}
}

static size_t on_data(void *context, struct rk_stream *stream, struct rk_span bytes)
{
	struct session *session = context;
	struct rk_ws_message message;
	size_t used = 0;

	rk_buf_put_span(&session->in, bytes);
	for (;;) {
		const int err = rk_ws_read(&session->parser, session->in.data, session->in.size,
					   &used, &message);

		if (err == RK_EAGAIN) {
			rk_buf_consume(&session->in, used);
			return bytes.size;
		}
		if (err < 0) {
			(void)rk_stream_close(stream);
			session_free(session);
			return bytes.size;
		}
		if (!take_message(session, &message))
			return bytes.size;
		rk_buf_consume(&session->in, used);
	}
}

static void on_drained(void *context, struct rk_stream *stream)
{
	struct session *session = context;

	(void)stream;
	if (session->exec != NULL)
		rk_exec_pause(session->exec, false);
}

static void on_closed(void *context, struct rk_stream *stream, const struct rk_error *error)
{
	(void)stream, (void)error;
	session_free(context);
}

static const struct rk_stream_events events = { .data = on_data,
						.drained = on_drained,
						.closed = on_closed };

static void end(struct rk_exec_session *listed)
{
	struct session *session = RK_CONTAINER(listed, struct session, listed);

	session->exec = rk_exec_abandon(session->exec);
	(void)rk_stream_close(session->stream);
	session_free(session);
}

static void refuse(struct rk_http_exchange *exchange, const char *text)
{
	rk_http_respond(exchange, 400, NULL, 0, rk_blob_copy(rk_span_str(text)));
}

void rk_exec_websocket(struct rk_http_exchange *exchange, const struct rk_exec_opts *exec,
		       bool wants_stdout, bool wants_stderr, struct rk_exec_session **list)
{
	static const char *const protocols[] = { "v5.channel.k8s.io", "v4.channel.k8s.io", NULL };
	const struct rk_http_request *request = rk_http_request(exchange);
	const char *protocol =
		rk_ws_protocol(rk_http_header(request, "sec-websocket-protocol"), protocols);
	struct rk_exec_opts opts = *exec;
	struct rk_error error = { 0 };
	char accept[32];

	if (protocol == NULL ||
	    rk_ws_accept(rk_http_header(request, "sec-websocket-key"), accept) < 0) {
		refuse(exchange, "exec needs the WebSocket protocol v5.channel.k8s.io or "
				 "v4.channel.k8s.io\n");
		return;
	}
	struct session *session = rk_zalloc(sizeof *session);
	session->has_stdout = wants_stdout;
	session->has_stderr = wants_stderr;
	opts.context = session;
	opts.data = on_output;
	opts.ended = on_ended;
	opts.input_drained = on_input_drained;
	if (rk_exec_start(&session->exec, &opts, &error) < 0) {
		rk_log(RK_LOG_ERROR, "exec failed", "container=%s error=\"%s\"", exec->id,
		       error.text);
		session_free(session);
		refuse(exchange, error.text);
		return;
	}
	const struct rk_http_header headers[] = {
		{ RK_SPAN("upgrade"), RK_SPAN("websocket") },
		{ RK_SPAN("connection"), RK_SPAN("Upgrade") },
		{ RK_SPAN("sec-websocket-accept"), rk_span_str(accept) },
		{ RK_SPAN("sec-websocket-protocol"), rk_span_str(protocol) },
	};
	session->stream = rk_http_upgrade(exchange, headers, RK_COUNT(headers));
	if (session->stream == NULL) {
		session_free(session);
		return;
	}
	session->listed.end = end;
	rk_exec_session_link(&session->listed, list);
	rk_stream_hand_over(session->stream, &events, session);
}
