#include "wire/address_io.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "wire/stream_io.h"

#define BACKLOG 4096

static void drop_addrinfo(struct addrinfo **info)
{
	if (*info != NULL)
		freeaddrinfo(*info);
}

int rk_address_split(const char *address, char ret_host[RK_HOST_MAX], char ret_port[8],
		     struct rk_error *error)
{
	const char *colon = strrchr(address, ':');
	uint64_t port;

	if (colon == NULL || !rk_span_u64(rk_span_str(colon + 1), &port) || port > UINT16_MAX)
		return rk_fail(error, RK_EINVAL, "\"%s\" is not host:port", address);
	struct rk_span host = rk_span_of(address, (size_t)(colon - address));
	if (host.size >= 2 && host.data[0] == '[' && host.data[host.size - 1] == ']')
		host = rk_span_sub(host, 1, host.size - 2);
	else if (host.size > 0 && memchr(host.data, ':', host.size) != NULL)
		return rk_fail(error, RK_EINVAL, "\"%s\": an IPv6 address goes in brackets",
			       address);
	if (host.size >= RK_HOST_MAX)
		return rk_fail(error, RK_EINVAL, "\"%s\": the host's name is too long", address);
	(void)snprintf(ret_host, RK_HOST_MAX, "%.*s", RK_SPAN_ARGS(host));
	(void)snprintf(ret_port, 8, "%u", (unsigned)port);
	return RK_OK;
}

int rk_address_find(const char *address, bool passive, struct addrinfo **ret,
		    struct rk_error *error)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_NUMERICSERV | AI_NUMERICHOST };
	char host[RK_HOST_MAX], port[8];

	RK_TRY(rk_address_split(address, host, port, error));
	if (passive)
		hints.ai_flags |= AI_PASSIVE;
	int err = getaddrinfo(host[0] != '\0' ? host : NULL, port, &hints, ret);
	if (err == EAI_NONAME) {
		hints.ai_flags &= ~AI_NUMERICHOST;
		err = getaddrinfo(host, port, &hints, ret);
	}
	if (err != 0)
		return rk_fail(error, RK_ENOENT, "%s: %s", address, gai_strerror(err));
	return RK_OK;
}

void rk_address_peer(int fd, char *ret, size_t room)
{
	struct sockaddr_storage peer;
	socklen_t size = sizeof peer;
	char host[INET6_ADDRSTRLEN + 20], port[8];

	ret[0] = '\0';
	if (getpeername(fd, (struct sockaddr *)&peer, &size) < 0 ||
	    getnameinfo((struct sockaddr *)&peer, size, host, sizeof host, port, sizeof port,
			NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return;
	(void)snprintf(ret, room, peer.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

static uint16_t port_of(int fd)
{
	struct sockaddr_storage address;
	socklen_t size = sizeof address;

	rk_assert(getsockname(fd, (struct sockaddr *)&address, &size) == 0);
	return address.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)&address)->sin6_port)
					     : ntohs(((struct sockaddr_in *)&address)->sin_port);
}

int rk_listen(const char *address, bool shared, int *ret_fd, uint16_t *ret_port,
	      struct rk_error *error)
{
	RK_AUTO(drop_addrinfo) struct addrinfo *info = NULL;
	RK_AUTO(rk_drop_fd) int fd = -1;
	const int on = 1;

	RK_TRY(rk_address_find(address, true, &info, error));
	fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return rk_fail_errno(error, "cannot listen on %s", address);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (shared && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) < 0)
		return rk_fail_errno(error, "cannot share the port of %s", address);
	if (bind(fd, info->ai_addr, info->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0) {
		if (errno == EADDRINUSE)
			return rk_fail(error, RK_EBUSY, "cannot listen on %s: the port is in use",
				       address);
		return rk_fail_errno(error, "cannot listen on %s", address);
	}
	*ret_port = port_of(fd);
	*ret_fd = rk_take_fd(&fd);
	return RK_OK;
}
