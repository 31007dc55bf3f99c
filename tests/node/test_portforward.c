/* Port-forward as a client sees it: SPDY/3.1, plain and inside a WebSocket, to ports of this
 * process. The pod is one with the host's network, so that no namespace is needed. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "node/portforward_io.h"
#include "wire/client_io.h"
#include "wire/spdy.h"

#define STREAMS  64
#define MEGABYTE (1u << 20)

/* --- the pod's side: a thread that serves one connection after the other --- */

enum habit { ECHO, HANG_UP, WAIT, TELL };

struct pod {
	int fd;
	uint16_t port;
	enum habit habit;
	unsigned connections;
	atomic_bool may_read, saw_end;
	pthread_t thread;
};

/* What comes until the client ends its half goes back as a whole. */
static void echo(struct pod *pod, int fd)
{
	RK_AUTO(rk_buf_done) struct rk_buf all = { 0 };
	ssize_t got;

	while ((got = recv(fd, rk_buf_room(&all, 65536), 65536, 0)) > 0)
		all.size += (size_t)got;
	atomic_store(&pod->saw_end, true);
	for (size_t at = 0; at < all.size; at += (size_t)got)
		if ((got = send(fd, all.data + at, all.size - at, MSG_NOSIGNAL)) <= 0)
			return;
}

static void *serve(void *context)
{
	struct pod *pod = context;

	for (unsigned i = 0; i < pod->connections; i++) {
		const int fd = accept(pod->fd, NULL, NULL);
		const struct linger at_once = { .l_onoff = 1 };
		char byte;

		if (fd < 0)
			break;
		while (pod->habit == WAIT && !atomic_load(&pod->may_read))
			(void)usleep(1000);
		if (pod->habit == HANG_UP) {
			(void)recv(fd, &byte, 1, 0);
			(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
		} else if (pod->habit == TELL) {
			(void)send(fd, "hello", 5, MSG_NOSIGNAL);
		} else {
			echo(pod, fd);
		}
		(void)close(fd);
	}
	return NULL;
}

static void pod_open(struct pod *pod, enum habit habit, unsigned connections)
{
	const int small = 65536;

	*pod = (struct pod){ .habit = habit, .connections = connections };
	cr_assert_eq(rk_listen("127.0.0.1:0", false, &pod->fd, &pod->port, NULL), 0);
	(void)setsockopt(pod->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	(void)fcntl(pod->fd, F_SETFL, 0); /* it may wait */
	cr_assert_eq(pthread_create(&pod->thread, NULL, serve, pod), 0);
}

static void pod_close(struct pod *pod)
{
	(void)pthread_join(pod->thread, NULL);
	(void)close(pod->fd);
}

/* A port where nobody listens. */
static uint16_t closed_port(void)
{
	uint16_t port;
	int fd;

	cr_assert_eq(rk_listen("127.0.0.1:0", false, &fd, &port, NULL), 0);
	(void)close(fd);
	return port;
}

/* --- the node's server and a client in one loop --- */

struct seen { /* of one stream */
	struct rk_buf data;
	bool is_fin, is_reset, is_open;
};

struct fixture {
	struct ev_loop *loop;
	struct rk_http_server *server;
	struct rk_session *sessions;
	struct rk_http_client *http;
	struct rk_stream *stream;
	struct rk_spdy *spdy;
	struct rk_ws_parser parser;
	struct rk_buf in;
	bool is_websocket, is_closed;
	int status;
	struct seen seen[STREAMS]; /* by half of the id */
};

static void on_request(void *context, struct rk_http_exchange *exchange)
{
	struct fixture *fix = context;
	const struct rk_portforward_place place = { .uid = RK_SPAN("uid-1"), .is_host = true };

	rk_portforward_serve(exchange, fix->loop, &place, &fix->sessions);
}

static void on_gone(void *context, struct rk_http_exchange *exchange)
{
	(void)context, (void)exchange;
}

static struct seen *seen_of(struct fixture *fix, uint32_t id)
{
	cr_assert_lt(id / 2, STREAMS);
	return &fix->seen[id / 2];
}

static void flush(struct fixture *fix)
{
	static const uint8_t mask[4] = { 1, 2, 3, 4 };
	RK_AUTO(rk_buf_done) struct rk_buf frame = { 0 };
	struct rk_buf *out = rk_spdy_out(fix->spdy);

	if (out->size == 0)
		return;
	if (fix->is_websocket)
		rk_ws_write(&frame, RK_WS_BINARY, rk_buf_span(out), mask);
	(void)rk_stream_write(fix->stream, rk_buf_span(fix->is_websocket ? &frame : out));
	rk_buf_clear(out);
}

static void take(struct fixture *fix, struct rk_span bytes)
{
	struct rk_spdy_event event;

	cr_assert_eq(rk_spdy_feed(fix->spdy, bytes), 0);
	while (rk_spdy_next(fix->spdy, &event)) {
		struct seen *seen = seen_of(fix, event.stream);
		seen->is_open |= event.kind == RK_SPDY_REPLY;
		seen->is_reset |= event.kind == RK_SPDY_RESET;
		seen->is_fin |= event.is_fin;
		rk_buf_put_span(&seen->data, event.data);
		rk_spdy_consumed(fix->spdy, event.stream, event.data.size);
	}
	flush(fix);
}

static size_t on_data(void *context, struct rk_stream *stream, struct rk_span bytes)
{
	struct fixture *fix = context;
	struct rk_ws_message message;
	size_t used = 0;

	(void)stream;
	if (!fix->is_websocket) {
		take(fix, bytes);
		return bytes.size;
	}
	rk_buf_put_span(&fix->in, bytes);
	while (rk_ws_read(&fix->parser, fix->in.data, fix->in.size, &used, &message) == 0) {
		cr_assert_eq(message.opcode, RK_WS_BINARY);
		take(fix, message.payload);
		rk_buf_consume(&fix->in, used);
	}
	rk_buf_consume(&fix->in, used);
	return bytes.size;
}

static void on_closed(void *context, struct rk_stream *stream, const struct rk_error *error)
{
	struct fixture *fix = context;

	(void)stream, (void)error;
	fix->stream = NULL;
	fix->is_closed = true;
}

static const struct rk_stream_events events = { .data = on_data, .closed = on_closed };

static void on_head(void *context, struct rk_http_call *call, const struct rk_http_answer *answer)
{
	struct fixture *fix = context;

	fix->status = answer->status;
	if (answer->status == 101) {
		fix->stream = rk_http_call_take_stream(call);
		rk_stream_hand_over(fix->stream, &events, fix);
	}
}

static void on_done(void *context, struct rk_http_call *call, int err, const struct rk_error *error)
{
	(void)context, (void)call, (void)err, (void)error;
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)loop, (void)revents;
	*(bool *)timer->data = true;
}

/* Runs the loop until `is_true` holds; false: not within `seconds`. */
static bool wait_until(struct fixture *fix, double seconds, bool (*is_true)(struct seen *),
		       struct seen *seen)
{
	bool is_late = false;
	ev_timer timer;

	ev_timer_init(&timer, on_timer, seconds, 0.);
	timer.data = &is_late;
	ev_timer_start(fix->loop, &timer);
	while (!is_late && (is_true == NULL || !is_true(seen)))
		ev_run(fix->loop, EVRUN_ONCE);
	ev_timer_stop(fix->loop, &timer);
	return !is_late;
}

static bool is_fin(struct seen *seen) { return seen->is_fin; }
static bool is_reset(struct seen *seen) { return seen->is_reset; }
static bool has_status(struct seen *seen)
{
	return RK_CONTAINER(seen, struct fixture, seen)->status != 0;
}
static bool is_over(struct seen *seen)
{
	return RK_CONTAINER(seen, struct fixture, seen)->is_closed;
}

static void open_with(struct fixture *fix, bool is_websocket, const char *protocol)
{
	const struct rk_http_header headers[] = {
		{ RK_SPAN("connection"), RK_SPAN("Upgrade") },
		{ RK_SPAN("upgrade"), rk_span_str(is_websocket ? "websocket" : "SPDY/3.1") },
		{ rk_span_str(is_websocket ? "sec-websocket-protocol"
					   : "x-stream-protocol-version"),
		  rk_span_str(protocol) },
		{ RK_SPAN("sec-websocket-version"), RK_SPAN("13") },
		{ RK_SPAN("sec-websocket-key"), RK_SPAN("AAAAAAAAAAAAAAAAAAAAAA==") },
	};
	char address[32];
	uint16_t port;
	int fd;

	*fix = (struct fixture){ .loop = ev_loop_new(0), .is_websocket = is_websocket };
	fix->parser.is_client = true;
	cr_assert_eq(rk_listen("127.0.0.1:0", false, &fd, &port, NULL), 0);
	cr_assert_eq(rk_http_server_new(&fix->server,
					&(struct rk_http_server_opts){ .loop = fix->loop,
								       .listen_fd = fd,
								       .body_max = 1000,
								       .connections_max = 8,
								       .context = fix,
								       .request = on_request,
								       .gone = on_gone }),
		     0);
	(void)snprintf(address, sizeof address, "127.0.0.1:%u", port);
	fix->http = rk_http_client_new(
		&(struct rk_http_client_opts){ .loop = fix->loop, .address = address });
	(void)rk_http_call_start(fix->http,
				 &(struct rk_http_call_opts){ .method = "GET",
							      .target = "/",
							      .headers = headers,
							      .header_count = RK_COUNT(headers),
							      .context = fix,
							      .head = on_head,
							      .done = on_done });
	cr_assert(wait_until(fix, 3, has_status, fix->seen));
	fix->spdy = rk_spdy_new(false);
}

static void fixture_open(struct fixture *fix, bool is_websocket)
{
	open_with(fix, is_websocket,
		  is_websocket ? "SPDY/3.1+portforward.k8s.io" : "portforward.k8s.io");
	cr_assert_eq(fix->status, 101);
}

static void fixture_close(struct fixture *fix)
{
	while (fix->sessions != NULL)
		fix->sessions->end(fix->sessions);
	(void)rk_stream_close(fix->stream);
	(void)rk_http_client_free(fix->http);
	(void)rk_http_server_free(fix->server);
	(void)rk_spdy_free(fix->spdy);
	rk_ws_parser_done(&fix->parser);
	rk_buf_done(&fix->in);
	for (size_t i = 0; i < STREAMS; i++)
		rk_buf_done(&fix->seen[i].data);
	ev_loop_destroy(fix->loop);
}

static uint32_t open_stream(struct fixture *fix, const char *type, const char *port, const char *id)
{
	const struct rk_spdy_header headers[] = { { RK_SPAN("streamtype"), rk_span_str(type) },
						  { RK_SPAN("port"), rk_span_str(port) },
						  { RK_SPAN("requestid"), rk_span_str(id) } };
	const uint32_t stream = rk_spdy_open(fix->spdy, headers, RK_COUNT(headers));

	flush(fix);
	return stream;
}

struct connection {
	uint32_t error, data;
};

static struct connection dial(struct fixture *fix, uint16_t port, const char *id)
{
	struct connection made;
	char text[8];

	(void)snprintf(text, sizeof text, "%u", port);
	made.error = open_stream(fix, "error", text, id);
	made.data = open_stream(fix, "data", text, id);
	return made;
}

/* Sends as much as the window (once there is one) and the connection take within `seconds`; returns
 * what is left. */
static size_t push(struct fixture *fix, uint32_t stream, struct rk_span bytes, double seconds)
{
	const double until = ev_time() + seconds;

	while (bytes.size > 0 && ev_time() < until) {
		const bool is_full = rk_stream_queued(fix->stream) > 65536;
		const size_t room =
			is_full ? 0 : RK_MIN(rk_spdy_room(fix->spdy, stream), bytes.size);

		rk_spdy_write(fix->spdy, stream, rk_span_sub(bytes, 0, room), false);
		bytes = rk_span_sub(bytes, room, bytes.size);
		flush(fix);
		if (room == 0)
			(void)wait_until(fix, 0.002, NULL, NULL);
	}
	return bytes.size;
}

static void finish(struct fixture *fix, uint32_t stream)
{
	rk_spdy_write(fix->spdy, stream, (struct rk_span){ 0 }, true);
	flush(fix);
}

static void fill(struct rk_buf *buf, size_t size)
{
	uint8_t *bytes = rk_buf_room(buf, size);

	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(i * 2654435761u >> 13);
	buf->size = size;
}

/* --- the tests: each over both transports --- */

static void whole_connections(bool is_websocket)
{
	RK_AUTO(rk_buf_done) struct rk_buf bytes = { 0 };
	struct fixture fix;
	struct pod pod, other;

	fill(&bytes, MEGABYTE);
	pod_open(&pod, ECHO, 1);
	pod_open(&other, ECHO, 1);
	fixture_open(&fix, is_websocket);
	const struct connection one = dial(&fix, pod.port, "1"), two = dial(&fix, other.port, "2");
	cr_expect_eq(push(&fix, one.data, rk_buf_span(&bytes), 5), 0);
	cr_expect_eq(push(&fix, two.data, RK_SPAN("short"), 5), 0);
	finish(&fix, two.data);
	cr_expect(wait_until(&fix, 3, is_fin, seen_of(&fix, two.error)));
	cr_expect(rk_span_is(rk_buf_span(&seen_of(&fix, two.data)->data), "short"));
	cr_expect(seen_of(&fix, two.data)->is_fin);
	cr_expect_not(seen_of(&fix, one.data)->is_fin, "the first is still open");
	finish(&fix, one.data);
	cr_expect(wait_until(&fix, 3, is_fin, seen_of(&fix, one.error)));
	cr_expect(rk_span_eq(rk_buf_span(&seen_of(&fix, one.data)->data), rk_buf_span(&bytes)));
	cr_expect_eq(seen_of(&fix, one.error)->data.size, 0);
	fixture_close(&fix);
	pod_close(&pod);
	pod_close(&other);
}

Test(portforward, connections_side_by_side_carry_all_and_end_by_halves)
{
	whole_connections(false);
	whole_connections(true);
}

static void refused_port(bool is_websocket)
{
	const uint16_t port = closed_port();
	struct fixture fix;
	struct pod pod;
	char wanted[256];

	pod_open(&pod, ECHO, 1);
	fixture_open(&fix, is_websocket);
	const struct connection none = dial(&fix, port, "1");
	cr_expect(wait_until(&fix, 3, is_fin, seen_of(&fix, none.error)));
	(void)snprintf(wanted, sizeof wanted,
		       "error forwarding port %u to pod uid-1, uid : failed to connect to "
		       "localhost:%u inside the pod, IPv4: dial tcp4 127.0.0.1:%u: connect: "
		       "connection refused",
		       port, port, port);
	cr_expect_str_eq(rk_buf_cstr(&seen_of(&fix, none.error)->data), wanted);
	cr_expect(wait_until(&fix, 3, is_fin, seen_of(&fix, none.data)));
	const struct connection next = dial(&fix, pod.port, "2");
	cr_expect_eq(push(&fix, next.data, RK_SPAN("alive"), 3), 0);
	finish(&fix, next.data);
	cr_expect(wait_until(&fix, 3, is_fin, seen_of(&fix, next.data)));
	cr_expect(rk_span_is(rk_buf_span(&seen_of(&fix, next.data)->data), "alive"));
	fixture_close(&fix);
	pod_close(&pod);
}

Test(portforward, a_refused_port_is_told_and_the_session_goes_on)
{
	refused_port(false);
	refused_port(true);
}

Test(portforward, a_connection_that_breaks_off_is_no_failure_of_the_forwarding)
{
	struct fixture fix;
	struct pod pod;

	pod_open(&pod, HANG_UP, 1);
	fixture_open(&fix, false);
	const struct connection one = dial(&fix, pod.port, "1");
	cr_expect_eq(push(&fix, one.data, RK_SPAN("x"), 3), 0);
	cr_expect(wait_until(&fix, 3, is_reset, seen_of(&fix, one.data)));
	cr_expect(wait_until(&fix, 3, is_fin, seen_of(&fix, one.error)));
	cr_expect_eq(seen_of(&fix, one.error)->data.size, 0);
	fixture_close(&fix);
	pod_close(&pod);
}

Test(portforward, the_pods_end_comes_through_before_the_clients)
{
	struct fixture fix;
	struct pod pod;

	pod_open(&pod, TELL, 1);
	fixture_open(&fix, false);
	const struct connection one = dial(&fix, pod.port, "1");
	cr_expect(wait_until(&fix, 3, is_fin, seen_of(&fix, one.data)));
	cr_expect(wait_until(&fix, 3, is_fin, seen_of(&fix, one.error)));
	cr_expect(rk_span_is(rk_buf_span(&seen_of(&fix, one.data)->data), "hello"));
	fixture_close(&fix);
	pod_close(&pod);
}

static void slow_pod(bool is_websocket)
{
	RK_AUTO(rk_buf_done) struct rk_buf bytes = { 0 };
	struct fixture fix;
	struct pod pod;

	fill(&bytes, 32u * MEGABYTE);
	pod_open(&pod, WAIT, 1);
	fixture_open(&fix, is_websocket);
	const struct connection one = dial(&fix, pod.port, "1");
	const size_t left = push(&fix, one.data, rk_buf_span(&bytes), 1);
	/* What waits is in the node's queue (1 MiB) and in sockets, and no more goes in. */
	cr_expect_gt(left, 16u * MEGABYTE);
	cr_expect_eq(push(&fix, one.data, rk_span_of(bytes.data, MEGABYTE), 0.3), MEGABYTE);
	atomic_store(&pod.may_read, true);
	cr_expect_eq(
		push(&fix, one.data, rk_span_sub(rk_buf_span(&bytes), bytes.size - left, left), 10),
		0);
	finish(&fix, one.data);
	cr_expect(wait_until(&fix, 10, is_fin, seen_of(&fix, one.data)));
	cr_expect(rk_span_eq(rk_buf_span(&seen_of(&fix, one.data)->data), rk_buf_span(&bytes)));
	fixture_close(&fix);
	pod_close(&pod);
}

Test(portforward, a_pod_that_does_not_read_holds_the_client_back)
{
	slow_pod(false);
	slow_pod(true);
}

Test(portforward, a_client_that_resets_ends_the_pods_connection)
{
	struct fixture fix;
	struct pod pod;

	pod_open(&pod, ECHO, 1);
	fixture_open(&fix, false);
	const struct connection one = dial(&fix, pod.port, "1");
	cr_expect_eq(push(&fix, one.data, RK_SPAN("x"), 3), 0);
	(void)wait_until(&fix, 0.1, NULL, NULL);
	cr_expect_not(atomic_load(&pod.saw_end));
	rk_spdy_reset(fix.spdy, one.data);
	flush(&fix);
	cr_expect(wait_until(&fix, 3, is_fin, seen_of(&fix, one.error)));
	(void)wait_until(&fix, 0.2, NULL, NULL);
	cr_expect(atomic_load(&pod.saw_end));
	fixture_close(&fix);
	pod_close(&pod);
}

Test(portforward, streams_that_make_no_sense_are_reset)
{
	static const struct {
		const char *type, *port, *id;
	} cases[] = {
		{ "data", "", "1" },
		{ "data", "0", "1" },
		{ "data", "65536", "1" },
		{ "data", "-1", "1" },
		{ "data", "80x", "1" },
		{ "stdin", "80", "1" },
		{ "", "80", "1" },
		{ "error", "80",
		  "a very long id, longer than any client "
		  "has ever sent: 0123456789012345" },
	};
	struct fixture fix;

	fixture_open(&fix, false);
	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		const uint32_t id = open_stream(&fix, cases[i].type, cases[i].port, cases[i].id);
		cr_expect(wait_until(&fix, 3, is_reset, seen_of(&fix, id)), "case %zu", i);
	}
	const uint32_t first = open_stream(&fix, "error", "80", "7");
	const uint32_t again = open_stream(&fix, "error", "80", "7");
	cr_expect(wait_until(&fix, 3, is_reset, seen_of(&fix, again)), "twice the same");
	cr_expect(seen_of(&fix, first)->is_open && !seen_of(&fix, first)->is_reset);
	fixture_close(&fix);
}

Test(portforward, what_is_no_spdy_ends_the_session)
{
	struct fixture fix;

	fixture_open(&fix, false);
	(void)rk_stream_write(fix.stream, RK_SPAN("\x80\x09garbage that is no frame of ours"));
	cr_expect(wait_until(&fix, 3, is_over, fix.seen));
	cr_expect_null(fix.sessions);
	fixture_close(&fix);
}

Test(portforward, other_protocols_are_refused)
{
	static const struct {
		bool is_websocket;
		const char *protocol;
		int status;
	} cases[] = {
		{ false, "v4.channel.k8s.io", 403 },
		{ false, "v4.channel.k8s.io, portforward.k8s.io", 101 },
		{ true, "v5.channel.k8s.io", 400 },
		{ true, "portforward.k8s.io", 400 },
	};

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		struct fixture fix;
		open_with(&fix, cases[i].is_websocket, cases[i].protocol);
		cr_expect_eq(fix.status, cases[i].status, "%s: %d", cases[i].protocol, fix.status);
		fixture_close(&fix);
	}
}
