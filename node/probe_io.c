#include "node/probe_io.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/clock_io.h"
#include "base/mem.h"

int rk_probe_port(const struct rk_val *port, const struct rk_val *container, uint16_t *ret,
		  struct rk_error *error)
{
	const struct rk_val *ports = rk_val_at(container, "ports");
	int64_t number = rk_val_is(port, RK_VAL_INT) ? port->integer : 0;

	if (rk_val_is(port, RK_VAL_STR)) {
		for (uint32_t i = 0; i < rk_val_count(ports); i++)
			if (rk_span_eq(rk_val_text_at(rk_val_item(ports, i), "name"), port->str))
				number = rk_val_int_at(rk_val_item(ports, i), "containerPort", 0);
		for (size_t i = 0; number == 0 && i < port->str.size && port->str.size <= 5; i++)
			if (port->str.data[i] < '0' || port->str.data[i] > '9')
				return rk_fail(error, RK_EINVAL,
					       "the container has no port named %.*s",
					       RK_SPAN_ARGS(port->str));
		if (number == 0) {
			char text[8];
			(void)snprintf(text, sizeof text, "%.*s",
				       RK_SPAN_ARGS(rk_span_sub(port->str, 0, 5)));
			number = strtol(text, NULL, 10);
		}
	}
	if (number < 1 || number > 65535)
		return rk_fail(error, RK_EINVAL, "the probe names no valid port");
	*ret = (uint16_t)number;
	return 0;
}

static int wait_ready(int fd, short events, uint64_t deadline, struct rk_error *error)
{
	struct pollfd wait = { fd, events, 0 };
	const uint64_t now = rk_clock_mono_ms();
	int failure = 0;
	socklen_t size = sizeof failure;

	if (now >= deadline || poll(&wait, 1, (int)(deadline - now)) == 0)
		return rk_fail(error, RK_ETIMEDOUT, "i/o timeout");
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &size) == 0 && failure != 0) {
		errno = failure;
		return rk_fail_errno(error, "connect");
	}
	return 0;
}

static void drop_addresses(struct addrinfo **list)
{
	if (*list != NULL)
		freeaddrinfo(*list);
}

/* A connected, blocking socket whose reads and writes end with the deadline. */
static int dial(const char *host, uint16_t port, uint32_t timeout_ms, int *ret_fd,
		struct rk_error *error)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	const struct timeval limit = { .tv_sec = timeout_ms / 1000,
				       .tv_usec = (timeout_ms % 1000) * 1000 };
	RK_AUTO(drop_addresses) struct addrinfo *list = NULL;
	char service[8];

	(void)snprintf(service, sizeof service, "%u", port);
	if (host[0] == '\0' || getaddrinfo(host, service, &hints, &list) != 0)
		return rk_fail(error, RK_EINVAL, "dial tcp %s:%u: no such host", host, port);
	RK_AUTO(rk_drop_fd)
	int fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return rk_fail_errno(error, "socket");
	if (connect(fd, list->ai_addr, list->ai_addrlen) < 0 && errno != EINPROGRESS)
		return rk_fail_errno(error, "dial tcp %s:%u", host, port);
	const int err = wait_ready(fd, POLLOUT, rk_clock_mono_ms() + timeout_ms, error);
	if (err < 0)
		return rk_fail_wrap(error, err, "dial tcp %s:%u", host, port);
	(void)fcntl(fd, F_SETFL, 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	*ret_fd = rk_take_fd(&fd);
	return 0;
}

int rk_probe_tcp(const struct rk_val *tcp, const struct rk_val *container, const char *address,
		 uint32_t timeout_ms, struct rk_error *error)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	RK_AUTO(rk_drop_fd) int fd = -1;
	const struct rk_span host = rk_val_text_at(tcp, "host");
	uint16_t port;

	RK_TRY(rk_probe_port(rk_val_at(tcp, "port"), container, &port, error));
	return dial(host.size > 0 ? rk_arena_str(&arena, host) : address, port, timeout_ms, &fd,
		    error);
}

struct line { /* plain, or TLS when ssl is there */
	int fd;
	SSL *ssl;
};

static void drop_ssl(SSL **ssl) { SSL_free(*ssl); }

static ssize_t line_read(const struct line *line, void *bytes, size_t size)
{
	return line->ssl != NULL ? SSL_read(line->ssl, bytes, (int)size)
				 : read(line->fd, bytes, size);
}

static ssize_t line_write(const struct line *line, struct rk_span bytes)
{
	return line->ssl != NULL ? SSL_write(line->ssl, bytes.data, (int)bytes.size)
				 : send(line->fd, bytes.data, bytes.size, MSG_NOSIGNAL);
}

/* Certificates of probed containers are their own affair. */
static SSL *handshake(int fd)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	SSL *ssl = context != NULL ? SSL_new(context) : NULL;

	SSL_CTX_free(context); /* the connection has its share */
	if (ssl != NULL && SSL_set_fd(ssl, fd) == 1 && SSL_connect(ssl) == 1)
		return ssl;
	SSL_free(ssl);
	return NULL;
}

static bool is_clean(struct rk_span text)
{
	for (size_t i = 0; i < text.size; i++)
		if (text.data[i] < ' ' || text.data[i] == 127)
			return false;
	return true;
}

static int put_request(struct rk_buf *out, const struct rk_val *http, const char *host,
		       uint16_t port, struct rk_error *error)
{
	const struct rk_val *headers = rk_val_at(http, "httpHeaders");
	const struct rk_span path = rk_val_text_at(http, "path");
	bool has_host = false, has_agent = false;

	rk_buf_printf(out, "GET %s%.*s HTTP/1.1\r\n",
		      path.size > 0 && path.data[0] == '/' ? "" : "/", RK_SPAN_ARGS(path));
	for (uint32_t i = 0; i < rk_val_count(headers); i++) {
		const struct rk_span name = rk_val_text_at(rk_val_item(headers, i), "name");
		const struct rk_span value = rk_val_text_at(rk_val_item(headers, i), "value");

		if (!is_clean(name) || !is_clean(value))
			return rk_fail(error, RK_EINVAL, "httpHeaders: a control character");
		has_host |= name.size == 4 && strncasecmp((const char *)name.data, "host", 4) == 0;
		has_agent |= name.size == 10 &&
			     strncasecmp((const char *)name.data, "user-agent", 10) == 0;
		rk_buf_printf(out, "%.*s: %.*s\r\n", RK_SPAN_ARGS(name), RK_SPAN_ARGS(value));
	}
	if (!is_clean(path))
		return rk_fail(error, RK_EINVAL, "httpGet.path: a control character");
	if (!has_host)
		rk_buf_printf(out, "Host: %s:%u\r\n", host, port);
	if (!has_agent)
		rk_buf_put_str(out, "User-Agent: kube-probe/1.32\r\nAccept: */*\r\n");
	rk_buf_put_str(out, "Connection: close\r\n\r\n");
	return 0;
}

/* Only the first line matters. */
static int read_status(const struct line *line, int *ret_status, struct rk_error *error)
{
	char text[64] = "";
	size_t size = 0;

	while (size < sizeof text - 1 && strchr(text, '\n') == NULL) {
		const ssize_t got = line_read(line, text + size, sizeof text - 1 - size);
		if (got <= 0)
			return rk_fail(error, RK_ETIMEDOUT,
				       "no answer: the connection ended or the deadline passed");
		size += (size_t)got;
		text[size] = '\0';
	}
	if (strncmp(text, "HTTP/1.", 7) != 0 || strlen(text) < 12)
		return rk_fail(error, RK_EIO, "malformed HTTP response");
	*ret_status = (int)strtol(text + 9, NULL, 10);
	return 0;
}

int rk_probe_http(const struct rk_val *http, const struct rk_val *container, const char *address,
		  uint32_t timeout_ms, struct rk_error *error)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	RK_AUTO(rk_buf_done) struct rk_buf request = { 0 };
	RK_AUTO(rk_drop_fd) int fd = -1;
	RK_AUTO(drop_ssl) SSL *ssl = NULL;
	const struct rk_span named = rk_val_text_at(http, "host");
	const char *host = named.size > 0 ? rk_arena_str(&arena, named) : address;
	uint16_t port;
	int status = 0;

	RK_TRY(rk_probe_port(rk_val_at(http, "port"), container, &port, error));
	RK_TRY(put_request(&request, http, host, port, error));
	RK_TRY(dial(host, port, timeout_ms, &fd, error));
	if (rk_span_is(rk_val_text_at(http, "scheme"), "HTTPS")) {
		ssl = handshake(fd);
		if (ssl == NULL)
			return rk_fail(error, RK_EIO, "the TLS handshake failed");
	}
	const struct line line = { fd, ssl };
	if (line_write(&line, rk_buf_span(&request)) != (ssize_t)request.size)
		return rk_fail(error, RK_EIO, "the request could not be sent");
	RK_TRY(read_status(&line, &status, error));
	if (status < 200 || status >= 400)
		return rk_fail(error, RK_EIO, "HTTP probe failed with statuscode: %d", status);
	return 0;
}
