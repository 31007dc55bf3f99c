#include "tests/raft/peer_tls.h"

#include <criterion/criterion.h>
#include <stdio.h>

void peer_tls_make(struct rk_tls **server, struct rk_tls **client, const struct rk_pem_pair *ca,
		   unsigned id)
{
	static const char *const groups[] = { "reckon:members", NULL };
	static const char *const hosts[] = { "127.0.0.1", NULL };
	struct rk_pem_pair pair = { 0 };
	struct rk_error error;
	char name[32];

	(void)snprintf(name, sizeof name, "reckon:member:%u", id);
	const struct rk_cert_opts cert = { .name = name,
					   .groups = groups,
					   .hosts = hosts,
					   .is_server = true,
					   .is_client = true,
					   .days = 1 };
	cr_assert_eq(rk_cert_make(&pair, ca, &cert, &error), RK_OK, "%s", error.text);
	struct rk_tls_opts opts = { .cert = rk_span_str(pair.cert),
				    .key = rk_span_str(pair.key),
				    .ca = rk_span_str(ca->cert),
				    .is_server = true,
				    .peer_cert_required = true };
	cr_assert_eq(rk_tls_new(server, &opts, &error), RK_OK, "%s", error.text);
	opts.is_server = opts.peer_cert_required = false;
	cr_assert_eq(rk_tls_new(client, &opts, &error), RK_OK, "%s", error.text);
	rk_pem_pair_done(&pair);
}
