/* The HTTP/1.1 server against bytes as clients send them, well and ill formed. */
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "web.h"

struct client {
	struct rk_stream *stream;
	struct rk_buf in;
	const char *wanted; /* the answer so far holds it */
	bool has_wanted, is_closed;
};

static size_t on_data(void *context, struct rk_stream *stream, struct rk_span bytes)
{
	struct client *client = context;

	(void)stream;
	rk_buf_put_span(&client->in, bytes);
	client->has_wanted =
		client->wanted != NULL && strstr(rk_buf_cstr(&client->in), client->wanted) != NULL;
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
	*client = (struct client){ 0 };
	client->stream =
		rk_stream_connect(web->loop, web->address, NULL, tls, 1000, &events, client);
}

static void client_send(struct client *client, const char *text)
{
	client->has_wanted = false;
	rk_buf_clear(&client->in);
	(void)rk_stream_write(client->stream, rk_span_str(text));
}

static void client_close(struct client *client)
{
	rk_stream_close(client->stream);
	rk_buf_done(&client->in);
}

static unsigned count_of(struct rk_buf *buf, const char *text)
{
	unsigned count = 0;

	for (const char *at = rk_buf_cstr(buf); (at = strstr(at, text)) != NULL; at++)
		count++;
	return count;
}

Test(http, answers)
{
	static const struct {
		const char *name, *request, *wanted; /* the end of the answer */
	} cases[] = {
		{ "get", "GET /echo?a=b HTTP/1.1\r\nHost: x\r\n\r\n", "\r\n\r\nGET /echo?a=b " },
		{ "get, leading empty lines", "\r\n\r\nGET /echo HTTP/1.1\r\nHost: x\r\n\r\n",
		  "\r\n\r\nGET /echo? " },
		{ "post", "POST /echo HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
		  "POST /echo? hello" },
		{ "chunks",
		  "PUT /echo HTTP/1.1\r\nTransfer-Encoding: "
		  "chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: u\r\n\r\n",
		  "PUT /echo? abcde" },
		{ "patch", "PATCH /echo HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}",
		  "PATCH /echo? {}" },
		{
			"stream",
			"GET /stream HTTP/1.1\r\n\r\n",
			"transfer-encoding: chunked\r\n",
		},
		{ "stream's pieces", "GET /stream HTTP/1.1\r\n\r\n",
		  "\r\n\r\n3\r\none\r\n3\r\ntwo\r\n5\r\nthree\r\n0\r\n\r\n" },
		{ "stream for 1.0", "GET /stream HTTP/1.0\r\n\r\n",
		  "connection: close\r\n\r\nonetwothree" },
		{ "later", "GET /later HTTP/1.1\r\n\r\n", "GET /later? " },
		{ "pipelined", "GET /later?1 HTTP/1.1\r\n\r\nGET /echo?2 HTTP/1.1\r\n\r\n",
		  "GET /echo?2 " },
		{ "connection: close", "GET /echo HTTP/1.1\r\nConnection: close\r\n\r\n",
		  "connection: close\r\n" },
		{ "continue",
		  "POST /echo HTTP/1.1\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n",
		  "HTTP/1.1 100 Continue\r\n\r\n" },
		{ "h2c is not taken",
		  "GET /echo HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
		  "GET /echo? " },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		for (int bytewise = 0; bytewise <= 1; bytewise++) {
			struct web web;
			struct client client;
			web_open(&web, NULL);
			client_open(&client, &web, NULL);
			client.wanted = cases[i].wanted;
			if (!bytewise)
				client_send(&client, cases[i].request);
			for (size_t n = 0; bytewise && n < strlen(cases[i].request); n++) {
				(void)rk_stream_write(client.stream,
						      rk_span_of(cases[i].request + n, 1));
				ev_run(web.loop, EVRUN_NOWAIT);
				ev_run(web.loop, EVRUN_NOWAIT);
			}
			run_until(web.loop, &client.has_wanted);
			client_close(&client);
			web_close(&web);
		}
	}
}

Test(http, head_has_no_body_and_the_connection_stays)
{
	struct web web;
	struct client client;

	web_open(&web, NULL);
	client_open(&client, &web, NULL);
	client.wanted = "GET /echo? ";
	client_send(&client, "HEAD /echo HTTP/1.1\r\n\r\nHEAD /stream HTTP/1.1\r\n\r\nGET /echo "
			     "HTTP/1.1\r\n\r\n");
	run_until(web.loop, &client.has_wanted);
	cr_expect_eq(count_of(&client.in, "HTTP/1.1 200 OK"), 3);
	cr_expect_eq(count_of(&client.in, "HEAD"), 0);
	cr_expect_eq(count_of(&client.in, "one"), 0);
	cr_expect_eq(rk_http_server_connections(web.server), 1);
	client_close(&client);
	web_close(&web);
}

Test(http, many_pipelined_requests_are_answered_in_order)
{
	struct web web;
	struct client client;
	struct rk_buf text = { 0 };
	size_t at = 0;

	web_open(&web, NULL);
	client_open(&client, &web, NULL);
	for (int i = 0; i < 2000; i++)
		rk_buf_printf(&text, "GET %s?n=%d. HTTP/1.1\r\nHost: pipeline\r\n\r\n",
			      i % 500 == 7 ? "/later" : "/echo", i);
	client.wanted = "n=1999.";
	client_send(&client, rk_buf_cstr(&text));
	run_until(web.loop, &client.has_wanted);
	for (int i = 0; i < 2000; i++) {
		char wanted[32];
		(void)snprintf(wanted, sizeof wanted, "n=%d.", i);
		const char *found = strstr(rk_buf_cstr(&client.in) + at, wanted);
		cr_assert_not_null(found, "%s", wanted);
		at = (size_t)(found - (const char *)client.in.data);
	}
	rk_buf_done(&text);
	client_close(&client);
	web_close(&web);
}

/* A start and then far too many bytes of the same. */
static struct rk_buf endless(const char *start)
{
	struct rk_buf buf = { 0 };

	rk_buf_put_str(&buf, start);
	memset(rk_buf_room(&buf, 110000), 'x', 110000);
	buf.size += 110000;
	return buf;
}

Test(http, what_is_malformed_or_too_large_is_refused)
{
	struct rk_buf long_head = endless("GET /echo HTTP/1.1\r\nx: "),
		      long_path = endless("GET /");
	struct rk_buf long_body =
		endless("POST /echo HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1a000\r\n");
	struct rk_buf trailers =
		endless("POST /echo HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx: ");
	struct rk_buf many = { 0 };

	rk_buf_put_str(&many, "GET /echo HTTP/1.1\r\n");
	for (int i = 0; i < 130; i++)
		rk_buf_printf(&many, "h%d: v\r\n", i);
	rk_buf_put_str(&many, "\r\n");
	const struct {
		const char *name, *request, *wanted;
	} cases[] = {
		{ "no HTTP at all", "\x16\x03\x01 hello there\r\n\r\n", "HTTP/1.1 400 " },
		{ "unknown method", "FROB / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 " },
		{ "both lengths",
		  "POST / HTTP/1.1\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n",
		  "HTTP/1.1 400 " },
		{ "two lengths",
		  "POST / HTTP/1.1\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\n",
		  "HTTP/1.1 400 " },
		{ "a length that is none", "POST / HTTP/1.1\r\ncontent-length: -3\r\n\r\n",
		  "HTTP/1.1 400 " },
		{ "a huge length",
		  "POST / HTTP/1.1\r\ncontent-length: 99999999999999999999999\r\n\r\n",
		  "HTTP/1.1 400 " },
		{ "a bad chunk", "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
		  "HTTP/1.1 400 " },
		{ "a NUL in a header", "GET / HTTP/1.1\r\nx: a\x01z\r\n\r\n", "HTTP/1.1 400 " },
		{ "a long value", rk_buf_cstr(&long_head), "HTTP/1.1 431 " },
		{ "a long path", rk_buf_cstr(&long_path), "HTTP/1.1 431 " },
		{ "many headers", rk_buf_cstr(&many), "HTTP/1.1 431 " },
		{ "endless trailers", rk_buf_cstr(&trailers), "HTTP/1.1 431 " },
		{ "a long body that says so", "POST / HTTP/1.1\r\ncontent-length: 100001\r\n\r\n",
		  "HTTP/1.1 413 " },
		{ "the same, asking first",
		  "POST / HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 100001\r\n\r\n",
		  "HTTP/1.1 413 " },
		{ "a long body in chunks", rk_buf_cstr(&long_body), "HTTP/1.1 413 " },
		{ "another expectation",
		  "POST / HTTP/1.1\r\nexpect: miracles\r\ncontent-length: 1\r\n\r\n",
		  "HTTP/1.1 417 " },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct web web;
		struct client client;
		web_open(&web, NULL);
		client_open(&client, &web, NULL);
		client_send(&client, cases[i].request);
		run_until(web.loop, &client.is_closed);
		cr_expect(strncmp(rk_buf_cstr(&client.in), cases[i].wanted,
				  strlen(cases[i].wanted)) == 0,
			  "%s: %s", cases[i].name, rk_buf_cstr(&client.in));
		cr_expect_eq(web.requests, 0, "%s", cases[i].name);
		client_close(&client);
		web_close(&web);
	}
	rk_buf_done(&long_head);
	rk_buf_done(&long_path);
	rk_buf_done(&many);
	rk_buf_done(&long_body);
	rk_buf_done(&trailers);
}

Test(http, random_bytes_do_no_harm)
{
	uint32_t seed = 12345;

	for (int round = 0; round < 40; round++) {
		struct web web;
		struct client client;
		uint8_t bytes[3000];
		web_open(&web, NULL);
		client_open(&client, &web, NULL);
		for (size_t i = 0; i < sizeof bytes; i++)
			bytes[i] = (uint8_t)((seed = seed * 1664525 + 1013904223) >> 24);
		if (round % 2 == 0)
			(void)rk_stream_write(client.stream,
					      RK_SPAN("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
		(void)rk_stream_write(client.stream, rk_span_of(bytes, sizeof bytes));
		run_until(web.loop, &client.is_closed);
		client_close(&client);
		web_close(&web);
	}
}

Test(http, a_client_that_vanishes_is_told_as_gone)
{
	static const char *const requests[] = { "GET /watch HTTP/1.1\r\n\r\n",
						"GET /silent HTTP/1.1\r\n\r\n",
						"GET /flood HTTP/1.1\r\n\r\n" };

	for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
		struct web web;
		struct client client;
		web_open(&web, NULL);
		client_open(&client, &web, NULL);
		client.wanted = "\r\n\r\n";
		client_send(&client, requests[i]);
		if (i != 1)
			run_until(web.loop, &client.has_wanted);
		else
			run_for(web.loop, 20);
		cr_expect_eq(web.requests, 1);
		client_close(&client);
		if (i !=
		    1) { /* that one waits for an answer: a half closed client would still get it */
			run_until(web.loop, &web.is_quiet);
			cr_expect_eq(rk_http_server_connections(web.server), 0);
		}
		web_close(&web);
	}
}

Test(http, a_half_closed_client_still_gets_its_answer)
{
	struct web web;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char answer[512];
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };

	web_open(&web, NULL);
	to.sin_port = htons(web.port);
	cr_assert_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	static const char request[] = "GET /later HTTP/1.1\r\n\r\n";
	cr_assert_eq(write(fd, request, sizeof request - 1), (ssize_t)sizeof request - 1);
	cr_assert_eq(shutdown(fd, SHUT_WR), 0);
	run_for(web.loop, 60);
	const ssize_t size = read(fd, answer, sizeof answer - 1);
	cr_assert(size > 0);
	answer[size] = '\0';
	cr_expect(strstr(answer, "GET /later? ") != NULL, "%s", answer);
	cr_expect_eq(read(fd, answer, sizeof answer), 0);
	close(fd);
	web_close(&web);
}

Test(http, a_flood_arrives_whole_and_waits_for_the_reader)
{
	struct pki pki;

	pki_make(&pki);
	struct rk_tls *server = pki_server(&pki, false, NULL), *tls = pki_client(&pki, NULL);
	struct web web;
	struct client client;
	web_open(&web, server);
	client_open(&client, &web, tls);
	client_send(&client, "GET /flood HTTP/1.0\r\n\r\n");
	run_until(web.loop, &client.is_closed);
	const char *body = strstr(rk_buf_cstr(&client.in), "\r\n\r\n") + 4;
	const size_t size = client.in.size - (size_t)(body - (const char *)client.in.data);
	cr_assert_eq(size, FLOOD_SIZE);
	for (size_t i = 0; i < size; i += 997)
		cr_assert_eq((uint8_t)body[i], (uint8_t)(i * 31 >> 3));
	cr_expect(web.drained > 0);
	client_close(&client);
	web_close(&web);
	rk_tls_unref(server);
	rk_tls_unref(tls);
	pki_done(&pki);
}

Test(http, an_aborted_stream_shows)
{
	struct web web;
	struct client client;

	web_open(&web, NULL);
	client_open(&client, &web, NULL);
	client_send(&client, "GET /abort HTTP/1.1\r\n\r\n");
	run_until(web.loop, &client.is_closed);
	cr_expect_eq(count_of(&client.in, "begun"), 1);
	cr_expect_eq(count_of(&client.in, "0\r\n\r\n"), 0);
	client_close(&client);
	web_close(&web);
}

Test(http, upgrade_gives_the_stream_away_with_what_came_already)
{
	struct web web;
	struct client client;

	web_open(&web, NULL);
	client_open(&client, &web, NULL);
	client.wanted = "first bytes";
	client_send(&client, "POST /upgrade HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: "
			     "echo\r\n\r\nfirst bytes");
	run_until(web.loop, &client.has_wanted);
	cr_expect_eq(count_of(&client.in, "HTTP/1.1 101 Switching Protocols\r\nupgrade: echo\r\n"),
		     1);
	cr_expect_eq(web.gone, 1);
	cr_expect_eq(rk_http_server_connections(web.server), 0);
	client.wanted = "more";
	client_send(&client, "more");
	run_until(web.loop, &client.has_wanted);
	client_close(&client);
	web_close(&web);
}

Test(http, drain_ends_idle_connections_and_lets_requests_finish)
{
	struct web web;
	struct client idle, busy;

	web_open(&web, NULL);
	client_open(&idle, &web, NULL);
	client_open(&busy, &web, NULL);
	idle.wanted = "/echo";
	client_send(&idle, "GET /echo HTTP/1.1\r\n\r\n");
	run_until(web.loop, &idle.has_wanted);
	client_send(&busy, "GET /later HTTP/1.1\r\n\r\n");
	run_for(web.loop, 5);
	rk_http_server_drain(web.server);
	run_until(web.loop, &idle.is_closed);
	run_until(web.loop, &busy.is_closed);
	cr_expect_eq(count_of(&busy.in, "connection: close"), 1);
	cr_expect_eq(count_of(&busy.in, "GET /later"), 1);
	client_close(&idle);
	client_close(&busy);
	web_close(&web);
}

Test(http, connections_are_bounded)
{
	struct web web;
	struct client clients[10];
	unsigned closed = 0;

	web_open(&web, NULL);
	for (size_t i = 0; i < 10; i++)
		client_open(&clients[i], &web, NULL);
	run_for(web.loop, 50);
	for (size_t i = 0; i < 10; i++) {
		closed += clients[i].is_closed;
		client_close(&clients[i]);
	}
	cr_expect_eq(closed, 2);
	web_close(&web);
}
