/* tests/raft/peer_tls.h - what a member shows to the others, made for a test. */
#ifndef RK_TESTS_RAFT_PEER_TLS_H
#define RK_TESTS_RAFT_PEER_TLS_H

#include "wire/tls_io.h"

/* Of member `id` on this machine, signed by `ca`. The caller owns a share of each. */
void peer_tls_make(struct rk_tls **server, struct rk_tls **client, const struct rk_pem_pair *ca,
		   unsigned id);

#endif
