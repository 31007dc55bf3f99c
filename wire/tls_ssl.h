/* wire/tls_ssl.h - what the stream needs from an identity: OpenSSL's objects. Only for wire/'s own
 * files. */
#ifndef RK_WIRE_TLS_SSL_H
#define RK_WIRE_TLS_SSL_H

#include <openssl/ssl.h>

#include "wire/tls_io.h"

/* A connection's state over `fd` (borrowed). server_name: what the certificate of a server must say
 * (NULL on the server side itself). Never NULL. */
SSL *rk_tls_open(struct rk_tls *tls, int fd, const char *server_name)
	__attribute__((returns_nonnull));
/* Fills in name and groups from the verified certificate of the other side. */
void rk_tls_peer_of(SSL *ssl, struct rk_tls_peer *ret);
/* Why the last handshake, read or write failed, for people; empties OpenSSL's queue of errors. */
int rk_tls_fail(SSL *ssl, struct rk_error *error, const char *address);

#endif
