/* reckon exec: a command in a container, over WebSocket (v5.channel.k8s.io). */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <termios.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/commands.h"
#include "cli/podref.h"
#include "wire/base64.h"
#include "wire/json.h"
#include "wire/websocket.h"

#define STDIN_PIECE 32768
#define REFUSAL_MAX 65536

static int run_exec(int argc, char **argv);

const struct rk_command rk_command_exec = {
	.name = "exec",
	.usage = "(POD | TYPE/NAME) [-c CONTAINER] [-i] [-t] -- COMMAND [ARG...]",
	.summary = "Run a command in a container",
	.examples = "  reckon exec deploy/web -- hostname\n  reckon exec -it web-1 -- sh\n",
	.run = run_exec,
	.section = "Looking deeper",
};

enum channel {
	CHANNEL_IN,
	CHANNEL_OUT,
	CHANNEL_ERR,
	CHANNEL_STATUS,
	CHANNEL_RESIZE,
	CHANNEL_CLOSE = 255
};

struct exec {
	struct rk_session session;
	const char *container;
	bool has_stdin, has_tty, is_quiet;

	struct ev_loop *loop;
	struct rk_stream *stream;
	struct rk_ws_parser parser;
	struct rk_buf in, refusal;
	ev_io input;
	ev_signal resized;
	struct termios saved;
	bool is_raw, is_over, has_status;
	int http_status, exit_code, err;
	struct rk_error *error;
};

static void over(struct exec *exec)
{
	exec->is_over = true;
	ev_break(exec->loop, EVBREAK_ALL);
}

static bool send_frame(struct exec *exec, enum rk_ws_opcode opcode, struct rk_span payload)
{
	RK_AUTO(rk_buf_done) struct rk_buf frame = { 0 };
	uint8_t mask[4];

	if (getrandom(mask, sizeof mask, 0) != (ssize_t)sizeof mask)
		memset(mask, 0x5a, sizeof mask); /* masks protect proxies, not secrets */
	rk_ws_write(&frame, opcode, payload, mask);
	return rk_stream_write(exec->stream, rk_buf_span(&frame));
}

static bool send_on(struct exec *exec, enum channel channel, struct rk_span bytes)
{
	RK_AUTO(rk_buf_done) struct rk_buf payload = { 0 };

	rk_buf_put_u8(&payload, (uint8_t)channel);
	rk_buf_put_span(&payload, bytes);
	return send_frame(exec, RK_WS_BINARY, rk_buf_span(&payload));
}

/* --- our side: input and the size of the terminal --- */

static void on_input(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct exec *exec = watcher->data;
	uint8_t piece[STDIN_PIECE];
	const uint8_t channel = CHANNEL_IN;
	const ssize_t got = read(STDIN_FILENO, piece, sizeof piece);

	(void)events;
	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (got <= 0) {
		ev_io_stop(loop, watcher);
		(void)send_on(exec, CHANNEL_CLOSE, rk_span_of(&channel, 1));
		return;
	}
	if (!send_on(exec, CHANNEL_IN, rk_span_of(piece, (size_t)got)))
		ev_io_stop(loop, watcher);
}

static void send_size(struct exec *exec)
{
	struct winsize size;
	char text[64];

	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) < 0)
		return;
	(void)snprintf(text, sizeof text, "{\"Width\":%u,\"Height\":%u}", size.ws_col, size.ws_row);
	(void)send_on(exec, CHANNEL_RESIZE, rk_span_str(text));
}

static void on_resized(struct ev_loop *loop, ev_signal *watcher, int events)
{
	(void)loop, (void)events;
	send_size(watcher->data);
}

static void begin_terminal(struct exec *exec)
{
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, &exec->saved) == 0) {
		raw = exec->saved;
		cfmakeraw(&raw);
		exec->is_raw = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
	}
	ev_signal_init(&exec->resized, on_resized, SIGWINCH);
	exec->resized.data = exec;
	ev_signal_start(exec->loop, &exec->resized);
	send_size(exec);
}

static void end_terminal(struct exec *exec)
{
	if (exec->is_raw)
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &exec->saved);
	exec->is_raw = false;
}

/* --- the other side --- */

static void write_all(int fd, struct rk_span bytes)
{
	while (bytes.size > 0) {
		const ssize_t put = write(fd, bytes.data, bytes.size);
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return; /* nobody reads: the command still runs to its end */
		bytes = rk_span_sub(bytes, (size_t)put, bytes.size);
	}
}

/* A Status: success, or the exit code as a cause. */
static void take_status(struct exec *exec, struct rk_span text)
{
	struct rk_val *status = NULL;
	uint64_t code;

	exec->has_status = true;
	if (rk_json_parse(&exec->session.arena, rk_arena_span(&exec->session.arena, text), 0,
			  &status, NULL) < 0) {
		exec->err = rk_fail(exec->error, RK_EIO, "the server sent a malformed status");
		return;
	}
	if (rk_span_is(rk_val_text_at(status, "status"), "Success"))
		return;
	const struct rk_val *causes = rk_val_at(status, "details.causes");
	for (uint32_t i = 0; i < rk_val_count(causes); i++) {
		const struct rk_val *cause = rk_val_item(causes, i);
		if (rk_span_is(rk_val_text_at(cause, "reason"), "ExitCode") &&
		    rk_span_u64(rk_val_text_at(cause, "message"), &code)) {
			exec->exit_code = (int)(code & 0xff);
			return;
		}
	}
	exec->err = rk_fail(exec->error, RK_EIO, "%.*s",
			    RK_SPAN_ARGS(rk_val_text_at(status, "message")));
}

static void take_message(struct exec *exec, const struct rk_ws_message *message)
{
	const struct rk_span bytes = rk_span_sub(message->payload, 1, message->payload.size);

	if (message->opcode == RK_WS_PING)
		(void)send_frame(exec, RK_WS_PONG, message->payload);
	if (message->opcode == RK_WS_CLOSE)
		over(exec);
	if ((message->opcode != RK_WS_BINARY && message->opcode != RK_WS_TEXT) ||
	    message->payload.size == 0)
		return;
	switch (message->payload.data[0]) {
	case CHANNEL_OUT: write_all(STDOUT_FILENO, bytes); break;
	case CHANNEL_ERR: write_all(STDERR_FILENO, bytes); break;
	case CHANNEL_STATUS: take_status(exec, bytes); break;
	default: break; /* an empty greeting on a channel that is ours */
	}
}

static size_t on_bytes(void *context, struct rk_stream *stream, struct rk_span bytes)
{
	struct exec *exec = context;
	struct rk_ws_message message;
	size_t used, at = 0;
	int err = RK_OK;

	(void)stream;
	rk_buf_put_span(&exec->in, bytes);
	while (at < exec->in.size && !exec->is_over) {
		err = rk_ws_read(&exec->parser, exec->in.data + at, exec->in.size - at, &used,
				 &message);
		at += used;
		if (err < 0)
			break;
		take_message(exec, &message);
	}
	rk_buf_consume(&exec->in, at);
	if (err < 0 && err != RK_EAGAIN) {
		exec->err = rk_fail(exec->error, err, "the server broke the WebSocket protocol");
		over(exec);
	}
	return bytes.size;
}

static void on_drained(void *context, struct rk_stream *stream)
{
	struct exec *exec = context;

	(void)stream;
	if (exec->has_stdin)
		ev_io_start(exec->loop, &exec->input);
}

static void on_closed(void *context, struct rk_stream *stream, const struct rk_error *error)
{
	struct exec *exec = context;

	(void)stream;
	exec->stream = NULL;
	if (!exec->has_status && exec->err == RK_OK)
		exec->err = rk_fail(exec->error, RK_ECLOSED,
				    "the connection was lost before the command ended: %s",
				    error->text);
	over(exec);
}

static const struct rk_stream_events stream_events = {
	.data = on_bytes,
	.drained = on_drained,
	.closed = on_closed,
};

/* --- the request --- */

static void on_head(void *context, struct rk_http_call *call, const struct rk_http_answer *answer)
{
	struct exec *exec = context;

	exec->http_status = answer->status;
	if (answer->status != 101)
		return;
	exec->stream = rk_http_call_take_stream(call);
	rk_stream_hand_over(exec->stream, &stream_events, exec);
	if (exec->has_tty)
		begin_terminal(exec);
	ev_io_init(&exec->input, on_input, STDIN_FILENO, EV_READ);
	exec->input.data = exec;
	if (exec->has_stdin)
		ev_io_start(exec->loop, &exec->input);
}

static void on_data(void *context, struct rk_http_call *call, struct rk_span bytes)
{
	struct exec *exec = context;

	(void)call;
	if (exec->refusal.size < REFUSAL_MAX)
		rk_buf_put_span(&exec->refusal, bytes);
}

static void on_done(void *context, struct rk_http_call *call, int err, const struct rk_error *error)
{
	struct exec *exec = context;

	(void)call;
	exec->err = err;
	if (err < 0)
		*exec->error = *error;
	else
		exec->err = rk_api_refusal(exec->session.api, exec->http_status,
					   rk_buf_span(&exec->refusal), exec->error);
	over(exec);
}

static const char *target_of(struct exec *exec, const struct rk_val *pod, struct rk_span container,
			     int argc, char **argv)
{
	struct rk_arena *arena = &exec->session.arena;
	const char *target =
		rk_target(arena, rk_kinds_by_name(exec->session.kinds, RK_SPAN("pods")),
			  rk_val_text_at(pod, "metadata.namespace"),
			  rk_val_text_at(pod, "metadata.name"), "exec");

	for (int i = 0; i < argc; i++)
		target = rk_target_with(arena, target, "command", rk_span_str(argv[i]));
	target = rk_target_with(arena, target, "container", container);
	target = rk_target_with(arena, target, "stdout", RK_SPAN("true"));
	if (exec->has_stdin)
		target = rk_target_with(arena, target, "stdin", RK_SPAN("true"));
	return rk_target_with(arena, target, exec->has_tty ? "tty" : "stderr", RK_SPAN("true"));
}

static int connect_and_run(struct exec *exec, const char *target, struct rk_error *error)
{
	uint8_t random[16];

	if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
		return rk_fail_errno(error, "getrandom");
	const struct rk_http_header headers[] = {
		{ RK_SPAN("connection"), RK_SPAN("Upgrade") },
		{ RK_SPAN("upgrade"), RK_SPAN("websocket") },
		{ RK_SPAN("sec-websocket-version"), RK_SPAN("13") },
		{ RK_SPAN("sec-websocket-key"),
		  rk_base64_encode(&exec->session.arena, rk_span_of(random, sizeof random)) },
		{ RK_SPAN("sec-websocket-protocol"), RK_SPAN("v5.channel.k8s.io") },
		{ RK_SPAN("authorization"), rk_api_bearer(exec->session.api) },
	};
	const size_t without = rk_api_bearer(exec->session.api).size == 0;
	exec->error = error;
	exec->parser.is_client = true;
	exec->loop = rk_api_loop(exec->session.api);
	(void)rk_http_call_start(rk_api_client(exec->session.api),
				 &(struct rk_http_call_opts){ .method = "GET",
							      .target = target,
							      .headers = headers,
							      .header_count = RK_COUNT(headers) - without,
							      .head_ms = 30000,
							      .context = exec,
							      .head = on_head,
							      .data = on_data,
							      .done = on_done });
	while (!exec->is_over)
		(void)ev_run(exec->loop, 0);
	end_terminal(exec);
	ev_io_stop(exec->loop, &exec->input);
	if (ev_is_active(&exec->resized))
		ev_signal_stop(exec->loop, &exec->resized);
	exec->stream = rk_stream_close(exec->stream);
	rk_ws_parser_done(&exec->parser);
	rk_buf_done(&exec->in);
	rk_buf_done(&exec->refusal);
	return exec->err;
}

static int run_with(struct exec *exec, int argc, char **argv, int dash, struct rk_error *error)
{
	struct rk_val *pods = NULL;
	const int words = dash >= 0 ? dash : 1;

	if (argc < 1 || words != 1 || argc - words < 1)
		return rk_fail(error, RK_EINVAL,
			       "exec needs POD or TYPE/NAME, and behind -- a COMMAND");
	RK_TRY(rk_session_open(&exec->session, error));
	RK_TRY(rk_podref_find(&exec->session, argv[0], &pods, error));
	const struct rk_val *pod = rk_val_item(pods, 0);
	struct rk_span container = rk_span_str(exec->container);
	if (exec->container != NULL) {
		RK_TRY(rk_podref_check(pod, container, error));
	} else {
		container = rk_podref_container(pod);
		if (!exec->is_quiet)
			rk_podref_tell(pod, container);
	}
	if (exec->has_tty && isatty(STDIN_FILENO) == 0) {
		(void)fprintf(stderr, "Unable to use a TTY - input is not a terminal or the right "
				      "kind of file\n");
		exec->has_tty = false;
	}
	return connect_and_run(exec, target_of(exec, pod, container, argc - words, argv + words),
			       error);
}

static int run_exec(int argc, char **argv)
{
	struct exec exec = { 0 };
	struct rk_error error = { 0 };
	int status, dash;
	const struct rk_flag flags[] = {
		RK_FLAG_STR("container", 'c', &exec.container, "NAME", "which container"),
		RK_FLAG_YES("stdin", 'i', &exec.has_stdin, "pass our input on"),
		RK_FLAG_YES("tty", 't', &exec.has_tty, "in a terminal"),
		RK_FLAG_YES("quiet", 'q', &exec.is_quiet, "only what the command writes"),
		RK_SESSION_FLAGS(&exec.session),
		{ 0 },
	};

	if (!rk_cli_begin(&rk_command_exec, flags, &argc, argv, &dash, &status))
		return status;
	const int err = run_with(&exec, argc, argv, dash, &error);
	const int code = exec.exit_code;
	if (err == RK_OK && code != 0 && !exec.is_quiet)
		(void)fprintf(stderr, "command terminated with exit code %d\n", code);
	status = rk_session_end(&exec.session, err, &error);
	return err == RK_OK ? code : status;
}
