/* Streams over real sockets: both sides in one process on one loop, plain and TLS. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "help.h"

struct side {
	struct rk_stream *stream;
	struct rk_buf in;
	struct rk_error error;
	struct rk_tls_peer peer;
	size_t take_max; /* 0: everything */
	unsigned data_calls;
	bool is_open, is_drained, is_finished, is_closed, has_in;
	size_t in_wanted;
	bool echo;
};

static void on_opened(void *context, struct rk_stream *stream)
{
	struct side *side = context;

	side->is_open = true;
	rk_stream_peer(stream, &side->peer);
}

static size_t on_data(void *context, struct rk_stream *stream, struct rk_span bytes)
{
	struct side *side = context;
	const size_t size =
		side->take_max > 0 && bytes.size > side->take_max ? side->take_max : bytes.size;

	side->data_calls++;
	rk_buf_put(&side->in, bytes.data, size);
	if (side->echo)
		(void)rk_stream_write(stream, rk_span_sub(bytes, 0, size));
	side->has_in = side->in.size >= side->in_wanted;
	return size;
}

static void on_drained(void *context, struct rk_stream *stream)
{
	(void)stream;
	((struct side *)context)->is_drained = true;
}

static void on_finished(void *context, struct rk_stream *stream)
{
	(void)stream;
	((struct side *)context)->is_finished = true;
}

static void on_closed(void *context, struct rk_stream *stream, const struct rk_error *error)
{
	struct side *side = context;

	(void)stream;
	side->error = *error;
	side->stream = NULL;
	side->is_closed = true;
}

static const struct rk_stream_events events = { on_opened, on_data, on_drained, NULL, on_closed };
static const struct rk_stream_events half_events = { on_opened, on_data, on_drained, on_finished,
						     on_closed };

struct pair {
	struct ev_loop *loop;
	struct pki pki;
	struct rk_tls *server_tls, *client_tls;
	struct side server, client;
	int listen_fd;
};

static void pair_open(struct pair *pair, bool is_tls, const struct rk_stream_events *server_events)
{
	uint16_t port = 0;
	char address[32];
	struct rk_error error = { 0 };

	*pair = (struct pair){ .loop = ev_loop_new(EVFLAG_AUTO) };
	if (is_tls) {
		pki_make(&pair->pki);
		pair->server_tls = pki_server(&pair->pki, true, NULL);
		pair->client_tls = pki_client(&pair->pki, NULL);
	}
	cr_assert_eq(rk_listen("127.0.0.1:0", false, &pair->listen_fd, &port, &error), RK_OK, "%s",
		     error.text);
	(void)snprintf(address, sizeof address, "127.0.0.1:%u", port);
	pair->client.stream = rk_stream_connect(pair->loop, address, NULL, pair->client_tls, 1000,
						&events, &pair->client);
	const int fd = accept(pair->listen_fd, NULL, NULL);
	if (fd < 0) {
		run_for(pair->loop, 10);
	}
	pair->server.stream =
		rk_stream_accept(pair->loop, fd >= 0 ? fd : accept(pair->listen_fd, NULL, NULL),
				 pair->server_tls, server_events, &pair->server);
	run_until(pair->loop, &pair->client.is_open);
	run_until(pair->loop, &pair->server.is_open);
}

static void pair_close(struct pair *pair)
{
	rk_stream_close(pair->server.stream);
	rk_stream_close(pair->client.stream);
	rk_tls_unref(pair->server_tls);
	rk_tls_unref(pair->client_tls);
	rk_buf_done(&pair->server.in);
	rk_buf_done(&pair->client.in);
	pki_done(&pair->pki);
	close(pair->listen_fd);
	ev_run(pair->loop, 0); /* streams that finish outlive their owners for a moment */
	ev_loop_destroy(pair->loop);
}

Test(stream, small_writes_leave_together_and_come_back)
{
	for (int is_tls = 0; is_tls <= 1; is_tls++) {
		struct pair pair;
		pair_open(&pair, is_tls, &events);
		pair.server.echo = true;
		pair.client.in_wanted = 300;
		for (int i = 0; i < 100; i++)
			cr_expect(rk_stream_write(pair.client.stream, RK_SPAN("abc")));
		run_until(pair.loop, &pair.client.has_in);
		cr_expect_eq(pair.client.in.size, 300);
		cr_expect_eq(pair.server.data_calls, 1, "%u reads", pair.server.data_calls);
		if (is_tls) {
			cr_expect_str_eq(pair.server.peer.name, "admin");
			cr_expect_eq(pair.server.peer.group_count, 2);
			cr_expect_str_eq(pair.server.peer.groups[0], "system:masters");
			cr_expect_str_eq(pair.client.peer.name, "m1");
		}
		cr_expect(strncmp(pair.server.peer.address, "127.0.0.1:", 10) == 0);
		pair_close(&pair);
	}
}

Test(stream, a_long_blob_arrives_whole_and_the_writer_is_told_to_wait)
{
	for (int is_tls = 0; is_tls <= 1; is_tls++) {
		struct pair pair;
		const size_t size = 5u << 20;
		pair_open(&pair, is_tls, &events);
		pair.server.in_wanted = size + 3;
		struct rk_blob *blob = rk_blob_new(size);
		for (size_t i = 0; i < size; i++)
			blob->data[i] = (uint8_t)(i * 7 + i / 4096);
		rk_blob_ref(blob);
		cr_expect_not(rk_stream_write_blob(pair.client.stream, rk_blob_ref(blob)));
		cr_expect_not(rk_stream_write(pair.client.stream, RK_SPAN("end")));
		run_until(pair.loop, &pair.server.has_in);
		cr_expect(pair.client.is_drained);
		cr_expect_eq(memcmp(pair.server.in.data, blob->data, size), 0);
		rk_blob_unref(blob);
		rk_blob_unref(blob);
		pair_close(&pair);
	}
}

Test(stream, what_is_not_taken_comes_again_and_pause_holds_it_back)
{
	struct pair pair;

	pair_open(&pair, true, &events);
	pair.server.take_max = 2;
	pair.server.in_wanted = 2;
	rk_stream_write(pair.client.stream, RK_SPAN("abcdef"));
	run_until(pair.loop, &pair.server.has_in);
	cr_expect_eq(pair.server.in.size, 2);
	rk_stream_pause(pair.server.stream);
	rk_stream_write(pair.client.stream, RK_SPAN("gh"));
	run_for(pair.loop, 20);
	cr_expect_eq(pair.server.in.size, 2);
	pair.server.take_max = 0;
	rk_stream_resume(pair.server.stream);
	run_for(pair.loop, 20);
	cr_expect_str_eq(rk_buf_cstr(&pair.server.in), "abcdefgh");
	pair_close(&pair);
}

Test(stream, finish_sends_everything_and_half_close_is_told)
{
	for (int is_tls = 0; is_tls <= 1; is_tls++) {
		struct pair pair;
		pair_open(&pair, is_tls, &half_events);
		struct rk_blob *blob = rk_blob_new(2u << 20);
		memset(blob->data, 'x', blob->size);
		(void)rk_stream_write_blob(pair.client.stream, blob);
		rk_stream_finish(pair.client.stream, 1000);
		pair.client.stream = NULL;
		run_until(pair.loop, &pair.server.is_finished);
		cr_expect_eq(pair.server.in.size, 2u << 20);
		cr_expect_not(pair.server.is_closed);
		cr_expect_not(pair.client.is_closed);
		pair_close(&pair);
	}
}

Test(stream, a_side_that_vanishes_is_told_as_closed)
{
	for (int is_tls = 0; is_tls <= 1; is_tls++) {
		struct pair pair;
		pair_open(&pair, is_tls, &events);
		pair.client.stream = rk_stream_close(pair.client.stream);
		run_until(pair.loop, &pair.server.is_closed);
		cr_expect_eq(pair.server.error.code, RK_ECLOSED, "%s", pair.server.error.text);
		pair_close(&pair);
	}
}

Test(stream, idle_streams_are_closed_and_busy_ones_not)
{
	struct pair pair;

	pair_open(&pair, false, &events);
	rk_stream_idle_ms(pair.server.stream, 60);
	for (int i = 0; i < 4; i++) {
		run_for(pair.loop, 30);
		rk_stream_write(pair.client.stream, RK_SPAN("."));
	}
	cr_expect_not(pair.server.is_closed);
	run_until(pair.loop, &pair.server.is_closed);
	cr_expect_eq(pair.server.error.code, RK_ETIMEDOUT);
	pair_close(&pair);
}

static void expect_failure(const char *address, struct rk_tls *tls, int code, const char *text)
{
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	struct side side = { 0 };

	side.stream = rk_stream_connect(loop, address, NULL, tls, 100, &events, &side);
	run_until(loop, &side.is_closed);
	cr_expect_eq(side.error.code, code, "%s: %d %s", address, side.error.code, side.error.text);
	cr_expect(strstr(side.error.text, text) != NULL, "%s", side.error.text);
	ev_loop_destroy(loop);
}

Test(stream, connecting_fails_with_a_reason)
{
	uint16_t port = 0;
	int fd = -1, again = -1;
	char address[32];
	struct rk_error error = { 0 };

	cr_assert_eq(rk_listen("127.0.0.1:0", false, &fd, &port, NULL), RK_OK);
	(void)snprintf(address, sizeof address, "127.0.0.1:%u", port);
	cr_expect_eq(rk_listen(address, false, &again, &port, &error), RK_EBUSY);
	cr_expect(strstr(error.text, "in use") != NULL, "%s", error.text);
	close(fd);
	expect_failure(address, NULL, RK_EIO, "refused");
	expect_failure("nowhere", NULL, RK_EINVAL, "host:port");
	expect_failure("::1:80", NULL, RK_EINVAL, "brackets");
}
