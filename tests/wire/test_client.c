/* The HTTP client against our own server, and against bytes as bad servers send them. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "web.h"
#include "wire/client_io.h"

struct result {
	struct rk_buf body;
	struct rk_error error;
	struct rk_stream *taken;
	int status, err;
	unsigned done_calls;
	bool is_done, is_head_here;
};

static void on_head(void *context, struct rk_http_call *call, const struct rk_http_answer *answer)
{
	struct result *result = context;

	result->status = answer->status;
	result->is_head_here = true;
	if (answer->status == 101)
		result->taken = rk_http_call_take_stream(call);
}

static void on_data(void *context, struct rk_http_call *call, struct rk_span bytes)
{
	(void)call;
	rk_buf_put_span(&((struct result *)context)->body, bytes);
}

static void on_done(void *context, struct rk_http_call *call, int err, const struct rk_error *error)
{
	struct result *result = context;

	(void)call;
	result->err = err;
	result->error = *error;
	result->done_calls++;
	result->is_done = true;
}

static struct rk_http_call *call(struct rk_http_client *client, const char *method,
				 const char *target, const char *body, struct result *result)
{
	struct rk_blob *blob = body != NULL ? rk_blob_copy(rk_span_str(body)) : NULL;
	struct rk_http_call *made =
		rk_http_call_start(client, &(struct rk_http_call_opts){ .method = method,
									.target = target,
									.body = blob,
									.head_ms = 500,
									.context = result,
									.head = on_head,
									.data = on_data,
									.done = on_done });
	rk_blob_unref(blob);
	return made;
}

Test(client, calls_reuse_the_connection)
{
	struct pki pki;

	pki_make(&pki);
	struct rk_tls *server = pki_server(&pki, true, NULL), *tls = pki_client(&pki, NULL);
	struct web web;
	web_open(&web, server);
	struct rk_http_client *client = rk_http_client_new(&(struct rk_http_client_opts){
		.loop = web.loop, .address = web.address, .tls = tls });
	static const struct {
		const char *method, *target, *body, *wanted;
	} cases[] = {
		{ "GET", "/echo?a=1", NULL, "GET /echo?a=1 " },
		{ "POST", "/echo", "hello", "POST /echo? hello" },
		{ "HEAD", "/echo", NULL, "" },
		{ "PUT", "/echo", "", "PUT /echo? " },
		{ "GET", "/stream", NULL, "onetwothree" },
		{ "GET", "/later", NULL, "GET /later? " },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct result result = { 0 };
		call(client, cases[i].method, cases[i].target, cases[i].body, &result);
		run_until(web.loop, &result.is_done);
		cr_expect_eq(result.err, RK_OK, "%s", result.error.text);
		cr_expect_eq(result.status, 200);
		cr_expect_str_eq(rk_buf_cstr(&result.body), cases[i].wanted);
		cr_expect_eq(rk_http_server_connections(web.server), 1);
		rk_buf_done(&result.body);
	}
	rk_http_client_free(client);
	web_close(&web);
	rk_tls_unref(server);
	rk_tls_unref(tls);
	pki_done(&pki);
}

Test(client, more_calls_than_connections_wait_in_line)
{
	struct web web;
	struct result results[20] = { 0 };

	web_open(&web, NULL);
	struct rk_http_client *client = rk_http_client_new(&(struct rk_http_client_opts){
		.loop = web.loop, .address = web.address, .connections_max = 3 });
	for (size_t i = 0; i < 20; i++)
		call(client, "GET", "/echo", NULL, &results[i]);
	for (size_t i = 0; i < 20; i++) {
		run_until(web.loop, &results[i].is_done);
		cr_expect_eq(results[i].status, 200);
		rk_buf_done(&results[i].body);
	}
	cr_expect_eq(rk_http_server_connections(web.server), 3);
	rk_http_client_free(client);
	web_close(&web);
}

Test(client, abort_timeout_upgrade_and_freeing_with_calls_in_flight)
{
	struct web web;
	struct result aborted = { 0 }, silent = { 0 }, watch = { 0 }, up = { 0 }, waiting = { 0 };

	web_open(&web, NULL);
	struct rk_http_client *client = rk_http_client_new(&(struct rk_http_client_opts){
		.loop = web.loop, .address = web.address, .connections_max = 4 });
	struct rk_http_call *doomed = call(client, "GET", "/watch", NULL, &aborted);
	run_until(web.loop, &aborted.is_head_here);
	rk_http_call_abort(doomed);
	run_until(web.loop, &web.is_quiet);
	call(client, "GET", "/silent", NULL, &silent);
	run_until(web.loop, &silent.is_done);
	cr_expect_eq(silent.err, RK_ETIMEDOUT);
	const struct rk_http_header headers[] = { { RK_SPAN("connection"), RK_SPAN("Upgrade") },
						  { RK_SPAN("upgrade"), RK_SPAN("echo") } };
	(void)rk_http_call_start(client, &(struct rk_http_call_opts){ .method = "POST",
								      .target = "/upgrade",
								      .headers = headers,
								      .header_count = 2,
								      .context = &up,
								      .head = on_head,
								      .done = on_done });
	run_until(web.loop, &up.is_head_here);
	cr_assert_not_null(up.taken);
	cr_expect_not(up.is_done);
	rk_stream_close(up.taken);
	call(client, "GET", "/watch", NULL, &watch);
	run_until(web.loop, &watch.is_head_here);
	call(client, "GET", "/later", NULL, &waiting);
	rk_http_client_free(client);
	cr_expect_eq(watch.err, RK_ECLOSED);
	cr_expect_eq(waiting.err, RK_ECLOSED);
	cr_expect_eq(aborted.done_calls, 0);
	cr_expect_eq(watch.done_calls + waiting.done_calls + silent.done_calls, 3);
	rk_buf_done(&watch.body);
	rk_buf_done(&aborted.body);
	web_close(&web);
}

Test(client, headers_cannot_smuggle_requests)
{
	struct web web;
	struct result result = { 0 }, target = { 0 };
	const struct rk_http_header header = { RK_SPAN("x"),
					       RK_SPAN("a\r\n\r\nGET /evil HTTP/1.1") };

	web_open(&web, NULL);
	struct rk_http_client *client = rk_http_client_new(
		&(struct rk_http_client_opts){ .loop = web.loop, .address = web.address });
	(void)rk_http_call_start(client, &(struct rk_http_call_opts){ .method = "GET",
								      .target = "/echo",
								      .headers = &header,
								      .header_count = 1,
								      .context = &result,
								      .done = on_done });
	call(client, "GET", "/a HTTP/1.1\r\n\r\n", NULL, &target);
	run_until(web.loop, &result.is_done);
	run_until(web.loop, &target.is_done);
	cr_expect_eq(result.err, RK_EINVAL);
	cr_expect_eq(target.err, RK_EINVAL);
	cr_expect_eq(web.requests, 0);
	rk_http_client_free(client);
	web_close(&web);
}

/* A server that answers each connection with fixed bytes after reading something, then closes. */
struct canned {
	int fd;
	const char *const *answers; /* one for each connection; NULL ends */
};

static void *canned_run(void *context)
{
	const struct canned *canned = context;
	char request[2000];

	for (size_t i = 0; canned->answers[i] != NULL; i++) {
		const int fd = accept(canned->fd, NULL, NULL);
		if (read(fd, request, sizeof request) > 0)
			(void)!write(fd, canned->answers[i], strlen(canned->answers[i]));
		usleep(20000); /* the client may send on the same connection once more */
		close(fd);
	}
	return NULL;
}

static void canned_start(struct canned *canned, char address[32], pthread_t *thread)
{
	uint16_t port;

	cr_assert_eq(rk_listen("127.0.0.1:0", false, &canned->fd, &port, NULL), RK_OK);
	(void)fcntl(canned->fd, F_SETFL, 0);
	(void)snprintf(address, 32, "127.0.0.1:%u", port);
	cr_assert_eq(pthread_create(thread, NULL, canned_run, canned), 0);
}

Test(client, answers_of_bad_servers)
{
	static const struct {
		const char *answer;
		int err;
		const char *body;
	} cases[] = {
		{ "HTTP/1.0 200 OK\r\n\r\nuntil the end", RK_OK, "until the end" },
		{ "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", RK_OK, "hello" },
		{ "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
		  RK_OK, "ok" },
		{ "HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhello", RK_ECLOSED, "hello" },
		{ "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello", RK_ECLOSED,
		  "hello" },
		{ "SSH-2.0-OpenSSH\r\n", RK_EINVAL, "" },
		{ "", RK_ECLOSED, "" },
		{ "HTTP/1.1 200", RK_ECLOSED, "" },
		{ "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", RK_OK, "" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *const answers[] = { cases[i].answer, NULL };
		struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
		struct canned canned = { -1, answers };
		struct result result = { 0 };
		char address[32];
		pthread_t thread;
		canned_start(&canned, address, &thread);
		struct rk_http_client *client = rk_http_client_new(
			&(struct rk_http_client_opts){ .loop = loop, .address = address });
		call(client, "GET", "/", NULL, &result);
		run_until(loop, &result.is_done);
		cr_expect_eq(result.err, cases[i].err, "%s: %s", cases[i].answer,
			     result.error.text);
		cr_expect_str_eq(rk_buf_cstr(&result.body), cases[i].body);
		rk_http_client_free(client);
		pthread_join(thread, NULL);
		rk_buf_done(&result.body);
		close(canned.fd);
		ev_loop_destroy(loop);
	}
}

static const char hello[] = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

Test(client, a_connection_that_was_closed_meanwhile_is_retried_once)
{
	static const struct {
		const char *method;
		int err;
	} cases[] = { { "GET", RK_OK }, { "POST", RK_ECLOSED } };

	for (size_t i = 0; i < 2; i++) {
		const char *const answers[] = { hello, cases[i].err == RK_OK ? hello : NULL, NULL };
		struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
		struct canned canned = { -1, answers };
		struct result first = { 0 }, second = { 0 };
		char address[32];
		pthread_t thread;
		canned_start(&canned, address, &thread);
		struct rk_http_client *client = rk_http_client_new(
			&(struct rk_http_client_opts){ .loop = loop, .address = address });
		call(client, "GET", "/1", NULL, &first);
		run_until(loop, &first.is_done);
		call(client, cases[i].method, "/2", NULL,
		     &second); /* on a connection that will be closed unread */
		run_until(loop, &second.is_done);
		cr_expect_eq(second.err, cases[i].err, "%s: %s", cases[i].method,
			     second.error.text);
		rk_http_client_free(client);
		pthread_join(thread, NULL);
		rk_buf_done(&first.body);
		rk_buf_done(&second.body);
		close(canned.fd);
		ev_loop_destroy(loop);
	}
}

Test(client, simple)
{
	static const char *const answers[] = { hello, hello, NULL };
	struct canned canned = { -1, answers };
	struct rk_buf body = { 0 };
	struct rk_error error = { 0 };
	char address[32];
	pthread_t thread;
	int status = 0;

	canned_start(&canned, address, &thread);
	const struct rk_http_simple request = {
		.method = "GET", .target = "/", .answer_max = 5, .timeout_ms = 1000
	};
	cr_expect_eq(rk_http_simple(address, NULL, &request, &status, &body, &error), RK_OK, "%s",
		     error.text);
	cr_expect_eq(status, 200);
	cr_expect_str_eq(rk_buf_cstr(&body), "hello");
	const struct rk_http_simple small = {
		.method = "GET", .target = "/", .answer_max = 4, .timeout_ms = 1000
	};
	cr_expect_eq(rk_http_simple(address, NULL, &small, &status, &body, &error), RK_ETOOBIG);
	pthread_join(thread, NULL);
	const struct rk_http_simple late = {
		.method = "GET", .target = "/", .answer_max = 4, .timeout_ms = 30
	};
	cr_expect_eq(rk_http_simple(address, NULL, &late, &status, &body, &error), RK_ETIMEDOUT,
		     "%s", error.text);
	close(canned.fd);
	cr_expect_eq(rk_http_simple(address, NULL, &late, &status, &body, &error), RK_EIO, "%s",
		     error.text);
	rk_buf_done(&body);
}
