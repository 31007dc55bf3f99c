#include "base/log.h"
#include "base/mem.h"
#include "node/exec_io.h"
#include "wire/json.h"
#include "wire/spdy.h"

#define FINISH_MS 5000u
#define OPEN_MS   30000u       /* for the client to open its streams */
#define QUEUE_MAX (256u << 10) /* output that waits for the client's window */

enum channel { STDIN, STDOUT, STDERR, STATUS, RESIZE, CHANNELS };

static const char *const channel_names[CHANNELS] = { "stdin", "stdout", "stderr", "error",
						     "resize" };

struct session {
	struct rk_session listed;
	struct rk_stream *stream;
	struct rk_spdy *spdy;
	struct rk_exec *exec;
	struct rk_exec_opts opts; /* until it starts: the words and id are copies */
	struct rk_arena arena;
	bool is_wanted[CHANNELS], is_json;
	uint32_t streams[CHANNELS]; /* 0: not opened yet */
	struct rk_buf queues[CHANNELS];
	bool has_ended, is_client_full;
	uint32_t stdin_unread; /* bytes taken and not yet given back to the window */
};

static void session_free(struct session *session)
{
	rk_session_unlink(&session->listed);
	session->exec = rk_exec_close(session->exec);
	session->spdy = rk_spdy_free(session->spdy);
	for (int i = 0; i < CHANNELS; i++)
		rk_buf_done(&session->queues[i]);
	rk_arena_done(&session->arena);
	free(session);
}

static void flush(struct session *session)
{
	struct rk_buf *out = rk_spdy_out(session->spdy);

	if (out->size > 0 && !rk_stream_write(session->stream, rk_buf_span(out)))
		session->is_client_full = true; /* until it is drained */
	rk_buf_clear(out);
}

/* As much of the queues as the windows allow. */
static void pump(struct session *session)
{
	size_t waiting = 0;

	for (int i = 0; i < CHANNELS; i++) {
		struct rk_buf *queue = &session->queues[i];
		const uint32_t stream = session->streams[i];

		while (stream != 0 && queue->size > 0) {
			const size_t room =
				RK_MIN(rk_spdy_room(session->spdy, stream), queue->size);
			if (room == 0)
				break;
			rk_spdy_write(session->spdy, stream, rk_span_of(queue->data, room), false);
			rk_buf_consume(queue, room);
		}
		waiting += queue->size;
	}
	flush(session);
	if (session->exec != NULL)
		rk_exec_pause(session->exec, session->is_client_full || waiting > QUEUE_MAX);
}

/* True: everything was said, and the session is freed. */
static bool end_when_said(struct session *session)
{
	static const enum channel order[] = { STDOUT, STDERR, STATUS };

	if (!session->has_ended)
		return false;
	for (int i = 0; i < CHANNELS; i++)
		if (session->queues[i].size > 0)
			return false;
	for (size_t i = 0; i < RK_COUNT(order); i++)
		if (session->streams[order[i]] != 0)
			rk_spdy_write(session->spdy, session->streams[order[i]],
				      (struct rk_span){ 0 }, true);
	rk_spdy_goaway(session->spdy);
	flush(session);
	rk_stream_finish(session->stream, FINISH_MS);
	session_free(session);
	return true;
}

static void on_output(void *context, int channel, struct rk_span bytes)
{
	struct session *session = context;

	if (session->streams[channel] == 0)
		return;
	rk_buf_put_span(&session->queues[channel], bytes);
	pump(session);
}

static void on_ended(void *context, int code)
{
	struct session *session = context;
	struct rk_buf *status = &session->queues[STATUS];

	session->exec = NULL;
	session->has_ended = true;
	if (session->is_json)
		rk_exec_status(status, code);
	else if (code != 0) /* before v4 only failures were told, in words */
		rk_buf_printf(status, "command terminated with non-zero exit code: exit status %d",
			      code);
	pump(session);
	(void)end_when_said(session);
}

static void on_input_drained(void *context)
{
	struct session *session = context;

	rk_spdy_consumed(session->spdy, session->streams[STDIN], session->stdin_unread);
	session->stdin_unread = 0;
	rk_stream_resume(session->stream);
	flush(session);
}

/* --- from the client --- */

static bool all_open(const struct session *session)
{
	for (int i = 0; i < CHANNELS; i++)
		if (session->is_wanted[i] && session->streams[i] == 0)
			return false;
	return true;
}

static int start_when_open(struct session *session)
{
	struct rk_error error = { 0 };

	if (session->exec != NULL || session->has_ended || !all_open(session))
		return 0;
	rk_stream_idle_ms(session->stream, 0);
	const int err = rk_exec_start(&session->exec, &session->opts, &error);
	if (err < 0)
		rk_log(RK_LOG_ERROR, "exec failed", "container=%s error=\"%s\"", session->opts.id,
		       error.text);
	return err;
}

static int on_open(struct session *session, const struct rk_spdy_event *event)
{
	struct rk_span type = { 0 };

	for (size_t i = 0; i < event->header_count; i++)
		if (rk_span_is(event->headers[i].name, "streamtype"))
			type = event->headers[i].value;
	for (int i = 0; i < CHANNELS; i++)
		if (rk_span_is(type, channel_names[i]) && session->is_wanted[i] &&
		    session->streams[i] == 0) {
			session->streams[i] = event->stream;
			rk_spdy_reply(session->spdy, event->stream);
			return start_when_open(session);
		}
	rk_spdy_reset(session->spdy, event->stream);
	return 0;
}

static void resize(struct session *session, struct rk_span text)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	struct rk_val *size = NULL;

	if (session->exec != NULL && rk_json_parse(&arena, text, 0, &size, NULL) == 0)
		rk_exec_resize(session->exec, (unsigned)rk_val_int_at(size, "Width", 0),
			       (unsigned)rk_val_int_at(size, "Height", 0));
}

static void on_stream_data(struct session *session, const struct rk_spdy_event *event)
{
	if (event->stream == session->streams[RESIZE]) {
		resize(session, event->data);
		rk_spdy_consumed(session->spdy, event->stream, event->data.size);
		return;
	}
	if (event->stream != session->streams[STDIN] || session->exec == NULL)
		return;
	/* The window is given back when the command has taken the bytes. But kubectl's SPDY knows
	 * of no windows and goes on: what holds it back is that nothing is read. */
	if (event->data.size == 0 || rk_exec_write(session->exec, event->data)) {
		rk_spdy_consumed(session->spdy, event->stream, event->data.size);
	} else {
		session->stdin_unread += (uint32_t)event->data.size;
		rk_stream_pause(session->stream);
	}
	if (event->is_fin)
		rk_exec_close_input(session->exec);
}

static size_t on_data(void *context, struct rk_stream *stream, struct rk_span bytes)
{
	struct session *session = context;
	struct rk_spdy_event event;
	int err = rk_spdy_feed(session->spdy, bytes);

	while (err == 0 && rk_spdy_next(session->spdy, &event)) {
		if (event.kind == RK_SPDY_OPEN)
			err = on_open(session, &event);
		else if (event.kind == RK_SPDY_DATA)
			on_stream_data(session, &event);
	}
	if (err < 0) {
		(void)rk_stream_close(stream);
		session_free(session);
		return bytes.size;
	}
	pump(session);
	(void)end_when_said(session);
	return bytes.size;
}

static void on_drained(void *context, struct rk_stream *stream)
{
	struct session *session = context;

	(void)stream;
	session->is_client_full = false;
	pump(session);
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
	(void)rk_stream_close(session->stream);
	session_free(session);
}

static const char *const *copy_words(struct rk_arena *arena, const char *const *from)
{
	const char **words = rk_arena_alloc(arena, (RK_EXEC_ARGS_MAX + 1) * sizeof *words);
	size_t count = 0;

	for (; from[count] != NULL && count < RK_EXEC_ARGS_MAX; count++)
		words[count] = rk_arena_str(arena, rk_span_str(from[count]));
	words[count] = NULL;
	return words;
}

static struct session *session_new(const struct rk_exec_opts *exec, bool wants_stdout,
				   bool wants_stderr)
{
	struct session *session = rk_zalloc(sizeof *session);

	session->opts = *exec;
	if (exec->words != NULL)
		session->opts.words = copy_words(&session->arena, exec->words);
	session->opts.id = rk_arena_str(&session->arena, rk_span_str(exec->id));
	session->opts.uid = rk_arena_span(&session->arena, exec->uid);
	session->opts.context = session;
	session->opts.data = on_output;
	session->opts.ended = on_ended;
	session->opts.input_drained = on_input_drained;
	session->is_wanted[STDIN] = exec->has_stdin;
	session->is_wanted[STDOUT] = wants_stdout;
	session->is_wanted[STDERR] = wants_stderr && !exec->has_tty;
	session->is_wanted[STATUS] = true;
	session->spdy = rk_spdy_new(true);
	return session;
}

void rk_exec_spdy(struct rk_http_exchange *exchange, const struct rk_exec_opts *exec,
		  bool wants_stdout, bool wants_stderr, struct rk_session **list)
{
	static const char *const ours[] = { "v4.channel.k8s.io", "v3.channel.k8s.io",
					    "v2.channel.k8s.io", "channel.k8s.io", NULL };
	const char *protocol = rk_session_spdy_protocol(exchange, ours);

	if (protocol == NULL)
		return;
	struct session *session = session_new(exec, wants_stdout, wants_stderr);
	session->is_json = protocol[1] == '4';
	session->is_wanted[RESIZE] = exec->has_tty && (protocol[1] == '4' || protocol[1] == '3');
	session->stream = rk_session_spdy(exchange, protocol);
	if (session->stream == NULL) {
		session_free(session);
		return;
	}
	session->listed.end = end;
	rk_session_link(&session->listed, list);
	rk_stream_idle_ms(session->stream, OPEN_MS);
	rk_stream_hand_over(session->stream, &events, session);
}
