/* tests/wire/help.h - certificates and a loop for the tests of what talks over sockets. */
#ifndef RK_TESTS_WIRE_HELP_H
#define RK_TESTS_WIRE_HELP_H

#include <ev.h>

#include "wire/stream_io.h"

struct pki { /* a CA and identities "m1" (server, for 127.0.0.1 and localhost) and "admin" (client,
		group system:masters) */
	struct rk_pem_pair ca, server, client;
};

void pki_make(struct pki *pki);
void pki_done(struct pki *pki);
struct rk_tls *pki_server(const struct pki *pki, bool peer_cert_required, const char *const *alpn);
struct rk_tls *pki_client(const struct pki *pki,
			  const char *const *alpn); /* with the client's certificate */
/* Runs the loop until *done is true; fails the test after two seconds. */
void run_until(struct ev_loop *loop, const bool *done);
void run_for(struct ev_loop *loop, unsigned ms);

#endif
