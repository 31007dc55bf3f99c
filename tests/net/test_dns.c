/* The server on loopback, by UDP and TCP, with another of its kind as upstream. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/clock_io.h"
#include "base/mem.h"
#include "net/dns_io.h"
#include "tests/net/cluster.h"

#define WEB   "\3web\7default\3svc\7cluster\5local\0\0\1\0\1"
#define OTHER "\3www\5other\4test\0\0\1\0\1"
#define ASK   "\xab\xcd\1\0\0\1\0\0\0\0\0\0"

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons(port),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

/* A port that is free for UDP and, most surely, for TCP. */
static uint16_t free_port(void)
{
	RK_AUTO(rk_drop_fd) int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in at = loopback(0);
	socklen_t size = sizeof at;

	cr_assert_eq(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&at, &size), 0);
	return ntohs(at.sin_port);
}

static struct rk_dns *open_dns(struct ev_loop *loop, uint16_t port, const char *domain,
			       const char *upstream)
{
	char address[32];
	const struct rk_dns_opts opts = { loop, address, domain, upstream };
	struct rk_error error = { 0 };
	struct rk_dns *dns = NULL;

	(void)snprintf(address, sizeof address, "127.0.0.1:%u", port);
	cr_assert_eq(rk_dns_open(&dns, &opts, &error), 0, "%s", error.text);
	return dns;
}

static void put_web(struct rk_dns *dns)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };

	rk_dns_put(dns, RK_SPAN("default"), RK_SPAN("web"),
		   test_object(&arena, "{spec: {clusterIP: 10.96.0.10}}"));
}

/* Turns the loop until the socket has something, at most three seconds. */
static ssize_t wait_for(struct ev_loop *loop, int fd, uint8_t *answer, size_t room)
{
	const uint64_t end = rk_clock_mono_ms() + 3000;
	ssize_t got = -1;

	while (got < 0 && rk_clock_mono_ms() < end) {
		(void)ev_run(loop, EVRUN_NOWAIT);
		got = recv(fd, answer, room, MSG_DONTWAIT);
		if (got < 0)
			(void)poll(NULL, 0, 1);
	}
	return got;
}

static ssize_t ask_udp(struct ev_loop *loop, uint16_t port, struct rk_span message,
		       uint8_t answer[512])
{
	RK_AUTO(rk_drop_fd) int fd = socket(AF_INET, SOCK_DGRAM, 0);
	const struct sockaddr_in to = loopback(port);

	cr_assert_eq(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
	cr_assert_eq(send(fd, message.data, message.size, 0), (ssize_t)message.size);
	return wait_for(loop, fd, answer, 512);
}

Test(dns, cluster_names_by_udp_and_tcp, .timeout = 20)
{
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	const uint16_t port = free_port();
	struct rk_dns *dns = open_dns(loop, port, "cluster.local", NULL);
	const struct sockaddr_in to = loopback(port);
	uint8_t answer[512];

	put_web(dns);
	ssize_t got = ask_udp(loop, port, RK_SPAN(ASK WEB), answer);
	cr_assert_gt(got, 4);
	cr_expect_eq(memcmp(answer, "\xab\xcd\x85\0", 4), 0);
	cr_expect_eq(memcmp(answer + got - 4, "\x0a\x60\0\x0a", 4), 0);

	/* Two questions in one segment, the second one in pieces. */
	RK_AUTO(rk_drop_fd) int fd = socket(AF_INET, SOCK_STREAM, 0);
	cr_assert_eq(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
	const struct rk_span one = RK_SPAN("\0\x2f" ASK WEB);
	cr_assert_eq(one.size, 0x2f + 2);
	cr_assert_eq(send(fd, one.data, one.size, 0), (ssize_t)one.size);
	cr_assert_eq(send(fd, one.data, 10, 0), 10);
	got = wait_for(loop, fd, answer, sizeof answer);
	cr_assert_gt(got, 6);
	cr_expect_eq((answer[0] << 8 | answer[1]) + 2, got);
	cr_assert_eq(send(fd, one.data + 10, one.size - 10, 0), (ssize_t)one.size - 10);
	cr_expect_eq(wait_for(loop, fd, answer, sizeof answer), got);
	/* What is longer than any question ends the connection. */
	cr_assert_eq(send(fd, "\xff\xff", 2, 0), 2);
	cr_expect_eq(wait_for(loop, fd, answer, sizeof answer), 0);
	(void)rk_dns_close(dns);
	ev_loop_destroy(loop);
}

Test(dns, other_names_without_an_upstream, .timeout = 20)
{
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	const uint16_t port = free_port();
	struct rk_dns *dns = open_dns(loop, port, "cluster.local", NULL);
	uint8_t answer[512];

	cr_assert_gt(ask_udp(loop, port, RK_SPAN(ASK OTHER), answer), 0);
	cr_expect_eq(answer[3] & 15, 2, "SERVFAIL");
	(void)rk_dns_close(dns);
	ev_loop_destroy(loop);
}

Test(dns, other_names_go_upstream, .timeout = 20)
{
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	const uint16_t port = free_port(), above = free_port();
	char upstream[32];
	uint8_t answer[512];

	(void)snprintf(upstream, sizeof upstream, "127.0.0.1:%u", above);
	struct rk_dns *dns = open_dns(loop, port, "here.local", upstream);
	const struct sockaddr_in to = loopback(port);
	/* Nobody is there yet. */
	cr_assert_gt(ask_udp(loop, port, RK_SPAN(ASK WEB), answer), 0);
	cr_expect_eq(answer[3] & 15, 2, "SERVFAIL");
	struct rk_dns *other = open_dns(loop, above, "cluster.local", NULL);
	put_web(other);
	ssize_t got = ask_udp(loop, port, RK_SPAN(ASK WEB), answer);
	cr_assert_gt(got, 4);
	cr_expect_eq(memcmp(answer, "\xab\xcd\x85\0", 4), 0, "the client's own id");
	cr_expect_eq(memcmp(answer + got - 4, "\x0a\x60\0\x0a", 4), 0);

	RK_AUTO(rk_drop_fd) int fd = socket(AF_INET, SOCK_STREAM, 0);
	cr_assert_eq(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
	cr_assert_eq(send(fd, "\0\x2f" ASK WEB, 0x2f + 2, 0), 0x2f + 2);
	cr_expect_eq(wait_for(loop, fd, answer, sizeof answer), got + 2);
	cr_expect_eq(memcmp(answer + 2, "\xab\xcd\x85\0", 4), 0);
	/* A client that goes away while its question is under way. */
	cr_assert_eq(send(fd, "\0\x2f" ASK WEB, 0x2f + 2, 0), 0x2f + 2);
	(void)ev_run(loop, EVRUN_NOWAIT);
	(void)rk_dns_close(dns);
	(void)rk_dns_close(other);
	ev_loop_destroy(loop);
}

Test(dns, an_upstream_that_is_silent, .timeout = 20)
{
	RK_AUTO(rk_drop_fd) int silent = socket(AF_INET, SOCK_DGRAM, 0);
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	struct sockaddr_in at = loopback(0);
	socklen_t size = sizeof at;
	const uint16_t port = free_port();
	char upstream[32];
	uint8_t answer[512];

	cr_assert_eq(bind(silent, (struct sockaddr *)&at, sizeof at), 0);
	cr_assert_eq(getsockname(silent, (struct sockaddr *)&at, &size), 0);
	(void)snprintf(upstream, sizeof upstream, "127.0.0.1:%u", ntohs(at.sin_port));
	struct rk_dns *dns = open_dns(loop, port, "here.local", upstream);
	const uint64_t before = rk_clock_mono_ms();
	cr_assert_gt(ask_udp(loop, port, RK_SPAN(ASK WEB), answer), 0);
	cr_expect_eq(answer[3] & 15, 2, "SERVFAIL");
	cr_expect_lt(rk_clock_mono_ms() - before, 2500);
	(void)rk_dns_close(dns);
	ev_loop_destroy(loop);
}

Test(dns, bad_options_are_refused)
{
	static const struct {
		const char *address, *domain, *upstream;
		int rc;
	} bad[] = {
		{ "127.0.0.1", "cluster.local", NULL, RK_EINVAL },
		{ "localhost:53", "cluster.local", NULL, RK_EINVAL },
		{ "127.0.0.1:5353", "cluster..local", NULL, RK_EINVAL },
		{ "127.0.0.1:5353", "cluster.local", "resolver.example", RK_EINVAL },
		{ "127.0.0.1:5353", "cluster.local", "127.0.0.1:5353", RK_EINVAL },
	};
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);

	for (size_t i = 0; i < RK_COUNT(bad); i++) {
		const struct rk_dns_opts opts = { loop, bad[i].address, bad[i].domain,
						  bad[i].upstream };
		struct rk_dns *dns = NULL;
		struct rk_error error = { 0 };
		cr_expect_eq(rk_dns_open(&dns, &opts, &error), bad[i].rc, "%zu: %s", i, error.text);
	}
	ev_loop_destroy(loop);
}
