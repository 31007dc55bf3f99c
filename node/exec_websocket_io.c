#include "base/log.h"
#include "base/mem.h"
#include "node/exec_io.h"
#include "wire/json.h"

#define FINISH_MS 5000u

enum channel { STDIN, STDOUT, STDERR, STATUS, RESIZE, CLOSE = 255 };

struct session {
	struct rk_session listed;
	struct rk_ws_end client;
	struct rk_exec *exec;
	bool has_stdout, has_stderr;
};

static void session_free(struct session *session)
{
	rk_session_unlink(&session->listed);
	session->exec = rk_exec_close(session->exec);
	rk_ws_end_done(&session->client);
	free(session);
}

static void send(struct session *session, enum channel channel, struct rk_span bytes)
{
	RK_AUTO(rk_buf_done) struct rk_buf payload = { 0 };

	rk_buf_put_u8(&payload, (uint8_t)channel);
	rk_buf_put_span(&payload, bytes);
	if (!rk_ws_end_send(&session->client, rk_buf_span(&payload)) && session->exec != NULL)
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
	(void)rk_stream_write(session->client.stream, rk_buf_span(&frame));
	rk_stream_finish(session->client.stream, FINISH_MS);
	session_free(session);
}

static void on_input_drained(void *context)
{
	rk_stream_resume(((struct session *)context)->client.stream);
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

static int on_message(void *context, struct rk_span payload)
{
	struct session *session = context;
	const struct rk_span rest = rk_span_sub(payload, 1, payload.size);

	if (payload.size == 0)
		return 0;
	switch (payload.data[0]) {
	case STDIN:
		if (rest.size > 0 && !rk_exec_write(session->exec, rest))
			rk_stream_pause(session->client.stream);
		break;
	case RESIZE: resize(session, rest); break;
	case CLOSE: /* of v5: that channel has ended */
		if (rest.size == 1 && rest.data[0] == STDIN)
			rk_exec_close_input(session->exec);
		break;
	default: break; /* clients have no say on the other channels */
	}
	return 0;
}

static size_t on_data(void *context, struct rk_stream *stream, struct rk_span bytes)
{
	struct session *session = context;

	if (rk_ws_end_feed(&session->client, bytes, on_message, session) < 0) {
		(void)rk_stream_close(stream);
		session_free(session);
	}
	return bytes.size;
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

static void end(struct rk_session *listed)
{
	struct session *session = RK_CONTAINER(listed, struct session, listed);

	session->exec = rk_exec_abandon(session->exec);
	(void)rk_stream_close(session->client.stream);
	session_free(session);
}

void rk_exec_websocket(struct rk_http_exchange *exchange, const struct rk_exec_opts *exec,
		       bool wants_stdout, bool wants_stderr, struct rk_session **list)
{
	static const char *const protocols[] = { "v5.channel.k8s.io", "v4.channel.k8s.io", NULL };
	const char *protocol = rk_session_ws_protocol(exchange, protocols);
	struct rk_exec_opts opts = *exec;
	struct rk_error error = { 0 };

	if (protocol == NULL)
		return;
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
		rk_http_respond(exchange, 400, NULL, 0, rk_blob_copy(rk_span_str(error.text)));
		return;
	}
	session->client.stream = rk_session_ws(exchange, protocol);
	if (session->client.stream == NULL) {
		session_free(session);
		return;
	}
	session->listed.end = end;
	rk_session_link(&session->listed, list);
	rk_stream_hand_over(session->client.stream, &events, session);
}
