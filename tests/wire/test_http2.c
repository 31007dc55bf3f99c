/* The HTTP/2 server against nghttp2's client side. */
#include <criterion/criterion.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/mem.h"
#include "web.h"

struct answer {
	struct rk_buf body;
	int status;
	uint32_t code;
	bool is_closed;
	size_t send_left; /* of the request's body */
};

struct client {
	struct rk_stream *stream;
	nghttp2_session *session;
	struct web *web;
	bool is_closed, is_slow, got_goaway;
	unsigned closed_streams;
	unsigned trailers;
	size_t received;
};

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
		     size_t name_size, const uint8_t *value, size_t value_size, uint8_t flags,
		     void *context)
{
	struct answer *answer = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
	uint64_t status = 0;

	(void)flags;
	(void)context;
	if (answer != NULL && rk_span_is(rk_span_of(name, name_size), ":status") &&
	    rk_span_u64(rk_span_of(value, value_size), &status))
		answer->status = (int)status;
	return 0;
}

static int on_chunk(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
		    size_t size, void *context)
{
	struct answer *answer = nghttp2_session_get_stream_user_data(session, id);

	(void)flags;
	((struct client *)context)->received += size;
	if (answer != NULL)
		rk_buf_put(&answer->body, bytes, size);
	return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
	struct client *client = context;

	(void)session;
	if (frame->hd.type == NGHTTP2_GOAWAY)
		client->got_goaway = true;
	if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_HEADERS)
		client->trailers++;
	return 0;
}

static int on_stream_closed(nghttp2_session *session, int32_t id, uint32_t code, void *context)
{
	struct answer *answer = nghttp2_session_get_stream_user_data(session, id);

	((struct client *)context)->closed_streams++;
	if (answer != NULL) {
		answer->is_closed = true;
		answer->code = code;
	}
	return 0;
}

static void pump(struct client *client)
{
	const uint8_t *bytes;
	ssize_t size;

	while (client->stream != NULL &&
	       (size = nghttp2_session_mem_send(client->session, &bytes)) > 0)
		(void)rk_stream_write(client->stream, rk_span_of(bytes, (size_t)size));
}

static size_t on_data(void *context, struct rk_stream *stream, struct rk_span bytes)
{
	struct client *client = context;

	(void)stream;
	cr_assert(nghttp2_session_mem_recv(client->session, bytes.data, bytes.size) >= 0);
	pump(client);
	return bytes.size;
}

static void on_closed(void *context, struct rk_stream *stream, const struct rk_error *error)
{
	struct client *client = context;

	(void)stream;
	(void)error;
	client->stream = NULL;
	client->is_closed = true;
}

static const struct rk_stream_events events = { .data = on_data, .closed = on_closed };

static void client_open(struct client *client, struct web *web, struct rk_tls *tls)
{
	nghttp2_session_callbacks *callbacks;

	*client = (struct client){ .web = web };
	cr_assert_eq(nghttp2_session_callbacks_new(&callbacks), 0);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_chunk);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_closed);
	cr_assert_eq(nghttp2_session_client_new(&client->session, callbacks, client), 0);
	nghttp2_session_callbacks_del(callbacks);
	client->stream =
		rk_stream_connect(web->loop, web->address, NULL, tls, 1000, &events, client);
	nghttp2_submit_settings(client->session, NGHTTP2_FLAG_NONE, NULL, 0);
	pump(client);
}

static void client_close(struct client *client)
{
	rk_stream_close(client->stream);
	nghttp2_session_del(client->session);
}

static ssize_t read_body(nghttp2_session *session, int32_t id, uint8_t *bytes, size_t room,
			 uint32_t *flags, nghttp2_data_source *source, void *context)
{
	struct answer *answer = source->ptr;
	const size_t size = RK_MIN(room, answer->send_left);

	(void)session;
	(void)id;
	(void)context;
	memset(bytes, 'b', size);
	answer->send_left -= size;
	if (answer->send_left == 0)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)size;
}

static nghttp2_nv nv(const char *name, const char *value)
{
	return (nghttp2_nv){ (uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name),
			     strlen(value), 0 };
}

static int32_t ask(struct client *client, const char *method, const char *path,
		   struct answer *answer)
{
	const nghttp2_nv head[] = { nv(":method", method), nv(":path", path),
				    nv(":scheme", "https"), nv(":authority", "test") };
	const nghttp2_data_provider provider = { { .ptr = answer }, read_body };
	const int32_t id = nghttp2_submit_request(
		client->session, NULL, head, 4,
		answer != NULL && answer->send_left > 0 ? &provider : NULL, answer);

	cr_assert(id > 0);
	pump(client);
	return id;
}

Test(http2, requests_side_by_side)
{
	static const char *const alpn[] = { "h2", "http/1.1", NULL };
	struct pki pki;

	pki_make(&pki);
	struct rk_tls *server = pki_server(&pki, false, alpn), *tls = pki_client(&pki, alpn);
	struct web web;
	struct client client;
	struct answer later = { 0 }, echo = { 0 }, head = { 0 }, stream = { 0 },
		      post = { .send_left = 90000 };
	web_open(&web, server);
	client_open(&client, &web, tls);
	ask(&client, "GET", "/later?x=1", &later);
	ask(&client, "GET", "/echo", &echo);
	ask(&client, "HEAD", "/echo", &head);
	ask(&client, "GET", "/stream", &stream);
	ask(&client, "POST", "/echo", &post);
	run_until(web.loop, &later.is_closed);
	run_until(web.loop, &post.is_closed);
	cr_expect(rk_span_is(rk_stream_alpn(client.stream), "h2"));
	cr_expect_str_eq(rk_buf_cstr(&later.body), "GET /later?x=1 ");
	cr_expect_str_eq(rk_buf_cstr(&echo.body), "GET /echo? ");
	cr_expect_str_eq(rk_buf_cstr(&stream.body), "onetwothree");
	cr_expect_eq(head.body.size, 0);
	cr_expect_eq(post.body.size, 90000 + strlen("POST /echo? "));
	cr_expect_eq(echo.status + head.status + stream.status + post.status + later.status, 1000);
	cr_expect_eq(rk_http_server_connections(web.server), 1);
	struct answer *const all[] = { &later, &echo, &head, &stream, &post };
	for (size_t i = 0; i < RK_COUNT(all); i++)
		rk_buf_done(&all[i]->body);
	client_close(&client);
	web_close(&web);
	rk_tls_unref(server);
	rk_tls_unref(tls);
	pki_done(&pki);
}

Test(http2, a_flood_waits_for_the_window)
{
	struct web web;
	struct client client;
	struct answer flood = { 0 };

	web_open(&web, NULL);
	client_open(&client, &web, NULL);
	ask(&client, "GET", "/flood", &flood);
	run_until(web.loop, &flood.is_closed);
	cr_assert_eq(flood.body.size, FLOOD_SIZE);
	for (size_t i = 0; i < FLOOD_SIZE; i += 997)
		cr_assert_eq(flood.body.data[i], (uint8_t)(i * 31 >> 3));
	cr_expect(web.drained > 5, "%u", web.drained);
	rk_buf_done(&flood.body);
	client_close(&client);
	web_close(&web);
}

Test(http2, bodies_and_heads_are_bounded)
{
	struct web web;
	struct client client;
	struct answer large = { .send_left = 100001 };
	static char path[70000];

	memset(path, 'p', sizeof path - 1);
	path[0] = '/';
	web_open(&web, NULL);
	client_open(&client, &web, NULL);
	ask(&client, "POST", "/echo", &large);
	run_until(web.loop, &large.is_closed);
	cr_expect_eq(large.status, 413);
	cr_expect_eq(web.requests, 0);
	struct answer fine = { 0 }, long_path = { 0 };
	path[60000] = '\0';
	char *const long_value = path;
	const nghttp2_nv head[] = { nv(":method", "GET"),   nv(":path", "/echo"),
				    nv(":scheme", "https"), nv(":authority", "x"),
				    nv("a", long_value),    nv("b", long_value) };
	cr_assert(nghttp2_submit_request(client.session, NULL, head, 6, NULL, &long_path) > 0 ||
		  true);
	ask(&client, "GET", "/echo", &fine);
	run_until(web.loop, &fine.is_closed);
	cr_expect_eq(fine.status, 200);
	cr_expect_neq(long_path.status, 200);
	cr_expect_eq(web.requests, 1);
	rk_buf_done(&large.body);
	rk_buf_done(&fine.body);
	client_close(&client);
	web_close(&web);
}

Test(http2, reset_and_abort)
{
	struct web web;
	struct client client;
	struct answer watch = { 0 }, aborted = { 0 };

	web_open(&web, NULL);
	client_open(&client, &web, NULL);
	const int32_t id = ask(&client, "GET", "/watch", &watch);
	ask(&client, "GET", "/abort", &aborted);
	run_until(web.loop, &aborted.is_closed);
	cr_expect_eq(aborted.code, NGHTTP2_INTERNAL_ERROR);
	cr_expect_eq(web.gone, 1);
	nghttp2_submit_rst_stream(client.session, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
	pump(&client);
	run_until(web.loop, &web.is_quiet);
	struct answer again = { 0 };
	ask(&client, "GET", "/watch", &again);
	run_for(web.loop, 20);
	cr_expect_str_eq(rk_buf_cstr(&again.body), "begun\n");
	rk_buf_done(&watch.body);
	rk_buf_done(&aborted.body);
	rk_buf_done(&again.body);
	client_close(&client);
	run_until(web.loop, &web.is_quiet);
	web_close(&web);
}

Test(http2, rapid_resets_end_the_connection)
{
	struct web web;
	struct client client;

	web_open(&web, NULL);
	client_open(&client, &web, NULL);
	run_for(web.loop, 10);
	for (int i = 0; i < 1100 && !client.is_closed; i++) {
		const int32_t id = ask(&client, "GET", "/silent", NULL);
		nghttp2_submit_rst_stream(client.session, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
		pump(&client);
		if (i % 20 == 0)
			run_for(web.loop, 1);
	}
	run_until(web.loop, &client.is_closed);
	cr_expect(client.got_goaway);
	cr_expect(web.requests <= 1010, "%u", web.requests);
	client_close(&client);
	web_close(&web);
}

Test(http2, drain_lets_what_runs_finish)
{
	struct web web;
	struct client client;
	struct answer later = { 0 };

	web_open(&web, NULL);
	client_open(&client, &web, NULL);
	ask(&client, "GET", "/later", &later);
	run_for(web.loop, 5);
	rk_http_server_drain(web.server);
	run_until(web.loop, &client.is_closed);
	cr_expect(client.got_goaway);
	cr_expect_eq(later.status, 200);
	rk_buf_done(&later.body);
	client_close(&client);
	web_close(&web);
}

/* --- bodies that stream in, trailers that follow the response --- */

static void streamed_request(void *context, struct rk_http_exchange *exchange)
{
	static const struct rk_http_header early = { { (const uint8_t *)"status-of-all", 13 },
						     { (const uint8_t *)"204", 3 } };

	((struct web *)context)->requests++;
	cr_expect_eq(rk_http_request(exchange)->body.size, 0);
	rk_http_begin(exchange, 200, NULL, 0);
	if (rk_span_is(rk_http_request(exchange)->path, "/early"))
		rk_http_trailers(exchange, &early, 1);
}

static void streamed_data(void *context, struct rk_http_exchange *exchange, struct rk_span bytes,
			  bool is_last)
{
	static const struct rk_http_header trailer = { { (const uint8_t *)"checked", 7 },
						       { (const uint8_t *)"yes", 3 } };
	struct web *web = context;

	web->flood_left += bytes.size;
	if (bytes.size > 0)
		(void)rk_http_write(exchange, rk_blob_copy(bytes));
	if (is_last)
		rk_http_trailers(exchange, &trailer, 1);
}

static void streamed_gone(void *context, struct rk_http_exchange *exchange)
{
	(void)exchange;
	((struct web *)context)->gone++;
}

static void streamed_open(struct web *web)
{
	int fd = -1;

	*web = (struct web){ .loop = ev_loop_new(EVFLAG_AUTO) };
	ev_init(&web->timer, NULL);
	cr_assert_eq(rk_listen("127.0.0.1:0", false, &fd, &web->port, NULL), RK_OK);
	(void)snprintf(web->address, sizeof web->address, "127.0.0.1:%u", web->port);
	const struct rk_http_server_opts opts = { .loop = web->loop,
						  .listen_fd = fd,
						  .body_max = 10,
						  .connections_max = 8,
						  .context = web,
						  .request = streamed_request,
						  .gone = streamed_gone,
						  .data = streamed_data };
	cr_assert_eq(rk_http_server_new(&web->server, &opts), RK_OK);
}

Test(http2, a_body_in_pieces_comes_back_with_trailers)
{
	struct web web;
	struct client client;
	struct answer echo = { .send_left = 300000 }, empty = { 0 }, early = { .send_left = 9 };

	streamed_open(&web);
	client_open(&client, &web, NULL);
	ask(&client, "POST", "/echo", &echo);
	ask(&client, "POST", "/empty", &empty);
	ask(&client, "POST", "/early", &early);
	run_until(web.loop, &echo.is_closed);
	run_until(web.loop, &empty.is_closed);
	run_until(web.loop, &early.is_closed);
	cr_expect_eq(web.flood_left, 300000, "body_max does not bound it: %zu", web.flood_left);
	cr_expect_eq(echo.body.size, 300000);
	cr_expect_eq(echo.status, 200);
	cr_expect_eq(echo.code, NGHTTP2_NO_ERROR);
	cr_expect_eq(empty.body.size, 0);
	cr_expect_eq(early.code, NGHTTP2_NO_ERROR);
	cr_expect_eq(client.trailers, 3, "%u trailers", client.trailers);
	rk_buf_done(&echo.body);
	client_close(&client);
	web_close(&web);
}
