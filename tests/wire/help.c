#include "help.h"

#include <criterion/criterion.h>

static struct rk_pem_pair make(const struct rk_pem_pair *ca, const struct rk_cert_opts *opts)
{
	struct rk_pem_pair pair = { 0 };
	struct rk_error error = { 0 };

	cr_assert_eq(rk_cert_make(&pair, ca, opts, &error), RK_OK, "%s", error.text);
	return pair;
}

void pki_make(struct pki *pki)
{
	const char *const hosts[] = { "127.0.0.1", "::1", "localhost", NULL };
	const char *const groups[] = { "system:masters", "people", NULL };

	cr_assert_eq(rk_ca_make(&pki->ca, "test-ca", NULL), RK_OK);
	pki->server = make(&pki->ca, &(struct rk_cert_opts){ .name = "m1",
							     .hosts = hosts,
							     .is_server = true,
							     .is_client = true,
							     .days = 1 });
	pki->client =
		make(&pki->ca,
		     &(struct rk_cert_opts){
			     .name = "admin", .groups = groups, .is_client = true, .days = 1 });
}

void pki_done(struct pki *pki)
{
	rk_pem_pair_done(&pki->ca);
	rk_pem_pair_done(&pki->server);
	rk_pem_pair_done(&pki->client);
}

static struct rk_tls *tls_of(const struct rk_tls_opts *opts)
{
	struct rk_tls *tls = NULL;
	struct rk_error error = { 0 };

	cr_assert_eq(rk_tls_new(&tls, opts, &error), RK_OK, "%s", error.text);
	return tls;
}

struct rk_tls *pki_server(const struct pki *pki, bool peer_cert_required, const char *const *alpn)
{
	return tls_of(&(struct rk_tls_opts){ .cert = rk_span_str(pki->server.cert),
					     .key = rk_span_str(pki->server.key),
					     .ca = rk_span_str(pki->ca.cert),
					     .is_server = true,
					     .peer_cert_required = peer_cert_required,
					     .alpn = alpn });
}

struct rk_tls *pki_client(const struct pki *pki, const char *const *alpn)
{
	return tls_of(&(struct rk_tls_opts){ .cert = rk_span_str(pki->client.cert),
					     .key = rk_span_str(pki->client.key),
					     .ca = rk_span_str(pki->ca.cert),
					     .alpn = alpn });
}

static void give_up(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)revents;
	*(bool *)timer->data = true;
	ev_break(loop, EVBREAK_ONE);
}

void run_until(struct ev_loop *loop, const bool *done)
{
	bool late = false;
	ev_timer timer;

	ev_now_update(loop);
	ev_timer_init(&timer, give_up, 2., 0.);
	timer.data = &late;
	ev_timer_start(loop, &timer);
	while (!*done && !late)
		ev_run(loop, EVRUN_ONCE);
	ev_timer_stop(loop, &timer);
	cr_assert(*done, "it took too long");
}

void run_for(struct ev_loop *loop, unsigned ms)
{
	bool late = false;
	ev_timer timer;

	ev_now_update(loop);
	ev_timer_init(&timer, give_up, ms / 1000., 0.);
	timer.data = &late;
	ev_timer_start(loop, &timer);
	while (!late)
		ev_run(loop, EVRUN_ONCE);
	ev_timer_stop(loop, &timer);
}
