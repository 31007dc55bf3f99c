#include "web.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "base/buf.h"

static void answer(struct rk_http_exchange *exchange)
{
	const struct rk_http_request *request = rk_http_request(exchange);
	const struct rk_http_header header = { RK_SPAN("content-type"), RK_SPAN("text/plain") };
	struct rk_buf text = { 0 };

	rk_buf_printf(&text, "%.*s %.*s?%.*s ", RK_SPAN_ARGS(request->method),
		      RK_SPAN_ARGS(request->path), RK_SPAN_ARGS(request->query));
	rk_buf_put_span(&text, request->body);
	rk_http_respond(exchange, 200, &header, 1, rk_blob_copy(rk_buf_span(&text)));
	rk_buf_done(&text);
}

static void on_late(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct web *web = timer->data;

	(void)loop;
	(void)revents;
	if (web->late != NULL)
		answer(web->late);
	web->late = NULL;
}

static void flood(struct web *web, struct rk_http_exchange *exchange)
{
	bool has_room = true;

	while (web->flood_left > 0 && has_room) {
		struct rk_blob *blob =
			rk_blob_new(web->flood_left < 60000 ? web->flood_left : 60000);
		for (uint32_t i = 0; i < blob->size; i++)
			blob->data[i] = (uint8_t)((FLOOD_SIZE - web->flood_left + i) * 31 >> 3);
		web->flood_left -= blob->size;
		has_room = rk_http_write(exchange, blob);
	}
	if (web->flood_left == 0 && has_room)
		rk_http_end(exchange);
}

static size_t up_data(void *context, struct rk_stream *stream, struct rk_span bytes)
{
	(void)context;
	(void)rk_stream_write(stream, bytes);
	return bytes.size;
}

static void up_closed(void *context, struct rk_stream *stream, const struct rk_error *error)
{
	(void)stream;
	(void)error;
	((struct web *)context)->upgraded = NULL;
}

static const struct rk_stream_events up_events = { .data = up_data, .closed = up_closed };

static void on_request(void *context, struct rk_http_exchange *exchange)
{
	struct web *web = context;
	const struct rk_span path = rk_http_request(exchange)->path;

	web->requests++;
	web->is_quiet = false;
	if (rk_span_is(path, "/later")) {
		web->late = exchange;
		ev_timer_set(&web->timer, 0.02, 0.);
		ev_timer_start(web->loop, &web->timer);
	} else if (rk_span_is(path, "/stream")) {
		rk_http_begin(exchange, 200, NULL, 0);
		(void)rk_http_write(exchange, rk_blob_copy(RK_SPAN("one")));
		(void)rk_http_write(exchange, rk_blob_copy(RK_SPAN("two")));
		(void)rk_http_write(exchange, rk_blob_copy(RK_SPAN("three")));
		rk_http_end(exchange);
	} else if (rk_span_is(path, "/watch") || rk_span_is(path, "/abort")) {
		rk_http_begin(exchange, 200, NULL, 0);
		(void)rk_http_write(exchange, rk_blob_copy(RK_SPAN("begun\n")));
		if (rk_span_is(path, "/abort"))
			rk_http_abort(exchange);
	} else if (rk_span_is(path, "/flood")) {
		web->flood_left = FLOOD_SIZE;
		rk_http_begin(exchange, 200, NULL, 0);
		flood(web, exchange);
	} else if (rk_span_is(path, "/upgrade") && rk_http_is_upgrade(exchange)) {
		const struct rk_http_header header = { RK_SPAN("upgrade"), RK_SPAN("echo") };
		web->upgraded = rk_http_upgrade(exchange, &header, 1);
		rk_stream_hand_over(web->upgraded, &up_events, web);
	} else if (!rk_span_is(path, "/silent")) {
		answer(exchange);
	}
}

static void on_gone(void *context, struct rk_http_exchange *exchange)
{
	struct web *web = context;

	if (web->late == exchange)
		web->late = NULL;
	web->gone++;
	web->is_quiet = web->gone == web->requests;
}

static void on_drained(void *context, struct rk_http_exchange *exchange)
{
	struct web *web = context;

	web->drained++;
	flood(web, exchange);
}

void web_open(struct web *web, struct rk_tls *tls)
{
	int fd = -1;

	*web = (struct web){ .loop = ev_loop_new(EVFLAG_AUTO) };
	ev_init(&web->timer, on_late);
	web->timer.data = web;
	cr_assert_eq(rk_listen("127.0.0.1:0", false, &fd, &web->port, NULL), RK_OK);
	(void)snprintf(web->address, sizeof web->address, "127.0.0.1:%u", web->port);
	cr_assert_eq(rk_http_server_new(&web->server,
					&(struct rk_http_server_opts){ .loop = web->loop,
								       .listen_fd = fd,
								       .tls = tls,
								       .body_max = 100000,
								       .connections_max = 8,
								       .context = web,
								       .request = on_request,
								       .gone = on_gone,
								       .drained = on_drained }),
		     RK_OK);
}

void web_close(struct web *web)
{
	rk_http_server_free(web->server);
	cr_expect_eq(web->gone, web->requests, "%u of %u requests were told as gone", web->gone,
		     web->requests);
	rk_stream_close(web->upgraded);
	ev_timer_stop(web->loop, &web->timer);
	ev_run(web->loop, 0); /* streams that finish outlive their owners for a moment */
	ev_loop_destroy(web->loop);
}
