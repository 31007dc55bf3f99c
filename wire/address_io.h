/* wire/address_io.h - "host:port" as sockets want it. Only for wire/'s own files. */
#ifndef RK_WIRE_ADDRESS_IO_H
#define RK_WIRE_ADDRESS_IO_H

#include <netdb.h>
#include <stdbool.h>

#include "base/err.h"

#define RK_HOST_MAX 256

/* Splits "host:port" and "[::1]:port". An empty host stays empty. RK_EINVAL. */
RK_MUST_CHECK int rk_address_split(const char *address, char ret_host[RK_HOST_MAX],
				   char ret_port[8], struct rk_error *error);
/* The addresses behind it, for connecting or (passive) listening; freeaddrinfo is the caller's.
 * RK_EINVAL, RK_ENOENT. */
RK_MUST_CHECK int rk_address_find(const char *address, bool passive, struct addrinfo **ret,
				  struct rk_error *error);
/* "10.0.0.1:4711" of the other side of a socket; "" when there is none. */
void rk_address_peer(int fd, char *ret, size_t room);

#endif
