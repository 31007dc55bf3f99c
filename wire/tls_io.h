/* wire/tls_io.h - TLS 1.2 and 1.3 by OpenSSL: identities, and who the other side is. */
#ifndef RK_WIRE_TLS_IO_H
#define RK_WIRE_TLS_IO_H

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

struct rk_tls; /* an identity with what it trusts; immutable once made, shared by threads, counted */

struct rk_tls_opts { /* PEM, in memory or by path (a path wins); borrowed for the call */
	const char *cert_path, *key_path, *ca_path;
	struct rk_span cert, key, ca;
	bool is_server;
	bool takes_any_cert;     /* client: does not check who the other side is */
	bool peer_cert_required; /* server: refuse clients without a certificate of our CA */
	const char *const *alpn; /* such as {"h2", "http/1.1", NULL}; NULL: none */
};

/* RK_EINVAL with what is wrong with which file: not PEM, key and certificate do not match, expired... */
RK_MUST_CHECK int rk_tls_new(struct rk_tls **ret, const struct rk_tls_opts *opts, struct rk_error *error);
struct rk_tls *rk_tls_ref(struct rk_tls *tls);
struct rk_tls *rk_tls_unref(struct rk_tls *tls); /* takes NULL, returns NULL */

#define RK_TLS_GROUPS_MAX 8
struct rk_tls_peer { /* from the certificate of the other side, verified */
	bool has_cert;
	char name[128];                        /* subject CN */
	char groups[RK_TLS_GROUPS_MAX][128];   /* subject O, in order */
	unsigned group_count;
	char address[64];                      /* "10.0.0.1:4711" */
};

/* --- a small certificate authority, for clusters that make their own --- */

struct rk_pem_pair { /* heap text, rk_pem_pair_done frees and wipes */
	char *cert, *key;
};
void rk_pem_pair_done(struct rk_pem_pair *pair);
/* A self-signed CA (P-256, 10 years). */
RK_MUST_CHECK int rk_ca_make(struct rk_pem_pair *ret, const char *name, struct rk_error *error);
#define RK_CA_BYTES_MAX (256u << 10)
/* Appends the certificates of a PEM file, and nothing else that it may hold: a text to publish. RK_EINVAL: there are none;
 * RK_ETOOBIG. */
RK_MUST_CHECK int rk_ca_read(struct rk_buf *ret, const char *path, struct rk_error *error);
struct rk_cert_opts {
	const char *name;            /* CN */
	const char *const *groups;   /* O; ends with NULL */
	const char *const *hosts;    /* subjectAltNames: DNS names and IP addresses; ends with NULL */
	bool is_server, is_client;   /* extended key usage */
	int days;                    /* may be negative, for tests of expired ones */
};
RK_MUST_CHECK int rk_cert_make(struct rk_pem_pair *ret, const struct rk_pem_pair *ca, const struct rk_cert_opts *opts,
			       struct rk_error *error);

#endif
