#include "node/way_io.h"

#include <stdlib.h>

#include "base/mem.h"

#define CONNECT_MS 10000

struct rk_way {
	struct rk_http_exchange *exchange; /* NULL once it has been answered */
	struct rk_stream *stream;          /* to the pod; NULL once it is somebody else's, or closed */
	struct rk_pipe **pipes;
};

static void refuse(struct rk_http_exchange *exchange, const struct rk_error *error)
{
	static const struct rk_http_header headers[] = { { RK_SPAN("content-type"),
							   RK_SPAN("text/plain") } };

	rk_http_respond(exchange, 502, headers, RK_COUNT(headers),
			rk_blob_copy(rk_span_str(error->text)));
}

static void on_opened(void *context, struct rk_stream *stream)
{
	static const struct rk_http_header headers[] = { { RK_SPAN("connection"), RK_SPAN("Upgrade") },
							 { RK_SPAN("upgrade"), RK_SPAN(RK_WAY_PROTOCOL) } };
	struct rk_way *way = context;
	struct rk_pipe **pipes = way->pipes;

	way->stream = NULL;
	/* The way is dropped while this answers: `gone` follows at once. */
	struct rk_stream *client =
		rk_http_upgrade(rk_take_ptr(way->exchange), headers, RK_COUNT(headers));
	rk_pipe_start(pipes, client, stream);
}

static size_t on_data(void *context, struct rk_stream *stream, struct rk_span bytes)
{
	(void)context, (void)stream, (void)bytes;
	return 0; /* it is the pipe's */
}

static void on_closed(void *context, struct rk_stream *stream, const struct rk_error *error)
{
	struct rk_way *way = context;

	(void)stream;
	way->stream = NULL;
	refuse(rk_take_ptr(way->exchange), error);
}

static const struct rk_stream_events events = { .opened = on_opened,
						.data = on_data,
						.closed = on_closed };

static int connect_to(struct rk_way *way, const struct rk_way_opts *opts, struct rk_error *error)
{
	const struct rk_tls_opts any = { .takes_any_cert = true };
	struct rk_tls *tls = NULL;
	int here;

	if (opts->is_tls)
		RK_TRY(rk_tls_new(&tls, &any, error));
	const int err = rk_portforward_enter(&opts->place, &here, error);
	if (err == 0) {
		way->stream = rk_stream_connect(opts->loop, opts->address, NULL, tls, CONNECT_MS,
						&events, way);
		rk_portforward_leave(here);
	}
	(void)rk_tls_unref(tls);
	return err;
}

struct rk_way *rk_way_open(struct rk_http_exchange *exchange, const struct rk_way_opts *opts)
{
	struct rk_way *way = rk_zalloc(sizeof *way);
	struct rk_error error = { 0 };

	way->exchange = exchange;
	way->pipes = opts->pipes;
	if (connect_to(way, opts, &error) == 0)
		return way;
	refuse(exchange, &error);
	free(way);
	return NULL;
}

void rk_way_drop(struct rk_way *way)
{
	if (way == NULL)
		return;
	(void)rk_stream_close(way->stream);
	free(way);
}
