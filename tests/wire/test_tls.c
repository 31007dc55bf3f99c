/* Identities: what is refused, and what each side is told about the other's certificate. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "help.h"

static X509 *x509_of(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	BIO_free(bio);
	cr_assert_not_null(x509);
	return x509;
}

Test(tls, certificates_carry_what_clients_insist_on)
{
	struct pki pki;

	pki_make(&pki);
	X509 *ca = x509_of(pki.ca.cert), *server = x509_of(pki.server.cert),
	     *client = x509_of(pki.client.cert);
	cr_expect(X509_check_ca(ca) == 1);
	cr_expect(X509_check_ca(server) == 0);
	cr_expect(X509_check_purpose(server, X509_PURPOSE_SSL_SERVER, 0) == 1);
	cr_expect(X509_check_purpose(client, X509_PURPOSE_SSL_SERVER, 0) == 0);
	cr_expect(X509_check_purpose(client, X509_PURPOSE_SSL_CLIENT, 0) == 1);
	cr_expect(X509_check_host(server, "localhost", 0, 0, NULL) == 1);
	cr_expect(X509_check_host(server, "elsewhere", 0, 0, NULL) == 0);
	cr_expect(X509_check_ip_asc(server, "127.0.0.1", 0) == 1);
	cr_expect(X509_check_ip_asc(server, "127.0.0.2", 0) == 0);
	cr_expect(X509_get0_authority_key_id(server) != NULL);
	cr_expect(ASN1_INTEGER_cmp(X509_get0_serialNumber(server),
				   X509_get0_serialNumber(client)) != 0);
	X509_free(ca);
	X509_free(server);
	X509_free(client);
	pki_done(&pki);
}

Test(tls, what_is_wrong_is_said)
{
	struct pki pki;
	struct rk_tls *tls = NULL;
	struct rk_pem_pair old = { 0 };
	struct rk_error error;

	pki_make(&pki);
	cr_assert_eq(rk_cert_make(&old, &pki.ca, &(struct rk_cert_opts){ .name = "m9", .days = -1 },
				  NULL),
		     RK_OK);
	const struct {
		struct rk_tls_opts opts;
		const char *text;
	} cases[] = {
		{ { .is_server = true }, "needed together" },
		{ { .cert = rk_span_str(pki.client.cert) }, "needed together" },
		{ { .cert_path = "/nowhere", .key = rk_span_str(pki.client.key) },
		  "/nowhere: cannot be read" },
		{ { .cert = RK_SPAN("junk"), .key = rk_span_str(pki.client.key) },
		  "not a PEM certificate" },
		{ { .cert = rk_span_str(pki.client.cert), .key = RK_SPAN("junk") },
		  "not a PEM key" },
		{ { .cert = rk_span_str(pki.client.cert), .key = rk_span_str(pki.server.key) },
		  "does not belong" },
		{ { .cert = rk_span_str(old.cert), .key = rk_span_str(old.key) }, "has expired" },
		{ { .ca = RK_SPAN("junk") }, "no PEM certificate" },
		{ { .cert = rk_span_str(pki.client.cert),
		    .key = rk_span_str(pki.client.key),
		    .is_server = true,
		    .peer_cert_required = true },
		  "there is no CA" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		cr_expect_eq(rk_tls_new(&tls, &cases[i].opts, &error), RK_EINVAL, "%s",
			     cases[i].text);
		cr_expect(strstr(error.text, cases[i].text) != NULL, "%s: %s", cases[i].text,
			  error.text);
	}
	rk_pem_pair_done(&old);
	pki_done(&pki);
}

/* A server that is OpenSSL alone, so that it may show certificates that rk_tls_new refuses. */
struct bare {
	int fd;
	const struct rk_pem_pair *pair;
};

static void *bare_run(void *context)
{
	const struct bare *bare = context;
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	X509 *x509 = x509_of(bare->pair->cert);
	BIO *bio = BIO_new_mem_buf(bare->pair->key, -1);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

	SSL_CTX_use_certificate(ctx, x509);
	SSL_CTX_use_PrivateKey(ctx, key);
	SSL *ssl = SSL_new(ctx);
	const int fd = accept(bare->fd, NULL, NULL);
	SSL_set_fd(ssl, fd);
	(void)SSL_accept(ssl);
	SSL_free(ssl);
	close(fd);
	X509_free(x509);
	EVP_PKEY_free(key);
	BIO_free(bio);
	SSL_CTX_free(ctx);
	return NULL;
}

struct end {
	struct rk_error error;
	bool is_closed, is_open;
};

static void on_opened(void *context, struct rk_stream *stream)
{
	(void)stream;
	((struct end *)context)->is_open = true;
}

static size_t on_data(void *context, struct rk_stream *stream, struct rk_span bytes)
{
	(void)context;
	(void)stream;
	return bytes.size;
}

static void on_closed(void *context, struct rk_stream *stream, const struct rk_error *error)
{
	struct end *end = context;

	(void)stream;
	end->error = *error;
	end->is_closed = true;
}

static const struct rk_stream_events events = { on_opened, on_data, NULL, NULL, on_closed };

static void expect_refused(const struct rk_pem_pair *shown, struct rk_tls *tls,
			   const char *server_name, const char *text)
{
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	struct bare bare = { -1, shown };
	struct end end = { 0 };
	uint16_t port = 0;
	char address[32];
	pthread_t thread;

	cr_assert_eq(rk_listen("127.0.0.1:0", false, &bare.fd, &port, NULL), RK_OK);
	(void)fcntl(bare.fd, F_SETFL, 0);
	(void)snprintf(address, sizeof address, "127.0.0.1:%u", port);
	cr_assert_eq(pthread_create(&thread, NULL, bare_run, &bare), 0);
	(void)rk_stream_connect(loop, address, server_name, tls, 1000, &events, &end);
	run_until(loop, &end.is_closed);
	pthread_join(thread, NULL);
	cr_expect_not(end.is_open);
	cr_expect_eq(end.error.code, RK_EPERM, "%s", end.error.text);
	cr_expect(strstr(end.error.text, text) != NULL, "%s: %s", text, end.error.text);
	close(bare.fd);
	ev_loop_destroy(loop);
}

Test(tls, the_connecting_side_says_what_it_holds_against_a_certificate)
{
	struct pki pki, other;
	struct rk_pem_pair old = { 0 };
	const char *const hosts[] = { "127.0.0.1", NULL };

	pki_make(&pki);
	pki_make(&other);
	struct rk_tls *tls = pki_client(&pki, NULL);
	cr_assert_eq(
		rk_cert_make(&old, &pki.ca,
			     &(struct rk_cert_opts){
				     .name = "m2", .hosts = hosts, .is_server = true, .days = -2 },
			     NULL),
		RK_OK);
	expect_refused(&old, tls, NULL, "certificate has expired");
	expect_refused(&other.server, tls, NULL, "certificate of m1 is not signed by our CA");
	expect_refused(&pki.server, tls, "elsewhere.example", "does not name this host");
	expect_refused(&pki.server, tls, "", "does not name this host");
	expect_refused(&pki.client, tls, NULL, "certificate of admin");
	rk_tls_unref(tls);
	rk_pem_pair_done(&old);
	pki_done(&pki);
	pki_done(&other);
}

/* Two of our own sides; returns what each was told. */
static void meet(struct rk_tls *server_tls, struct rk_tls *client_tls, struct end *server,
		 struct end *client)
{
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	int fd = -1;
	uint16_t port = 0;
	char address[32];

	cr_assert_eq(rk_listen("127.0.0.1:0", false, &fd, &port, NULL), RK_OK);
	(void)fcntl(fd, F_SETFL, 0);
	(void)snprintf(address, sizeof address, "127.0.0.1:%u", port);
	(void)rk_stream_connect(loop, address, NULL, client_tls, 1000, &events, client);
	(void)rk_stream_accept(loop, accept(fd, NULL, NULL), server_tls, &events, server);
	run_until(loop, &client->is_closed);
	run_until(loop, &server->is_closed);
	close(fd);
	ev_loop_destroy(loop);
}

Test(tls, a_client_without_our_certificate_is_told_so)
{
	struct pki pki, other;
	struct rk_tls *none = NULL;

	pki_make(&pki);
	pki_make(&other);
	struct rk_tls *server = pki_server(&pki, true, NULL);
	cr_assert_eq(
		rk_tls_new(&none, &(struct rk_tls_opts){ .ca = rk_span_str(pki.ca.cert) }, NULL),
		RK_OK);
	struct end a = { 0 }, b = { 0 };
	meet(server, none, &a, &b);
	cr_expect(strstr(b.error.text, "client certificate is required") != NULL, "%s",
		  b.error.text);
	cr_expect(strstr(a.error.text, "client certificate is required") != NULL, "%s",
		  a.error.text);
	struct rk_tls *foreign = NULL;
	cr_assert_eq(rk_tls_new(&foreign,
				&(struct rk_tls_opts){ .ca = rk_span_str(pki.ca.cert),
						       .cert = rk_span_str(other.client.cert),
						       .key = rk_span_str(other.client.key) },
				NULL),
		     RK_OK);
	struct end c = { 0 }, d = { 0 };
	meet(server, foreign, &c, &d);
	cr_expect(strstr(c.error.text, "certificate of admin is not signed by our CA") != NULL,
		  "%s", c.error.text);
	cr_expect(strstr(d.error.text, "refused our certificate") != NULL, "%s", d.error.text);
	rk_tls_unref(server);
	rk_tls_unref(none);
	rk_tls_unref(foreign);
	pki_done(&pki);
	pki_done(&other);
}

Test(tls, only_certificates_are_published)
{
	struct pki pki;
	struct rk_error error = { 0 };
	RK_AUTO(rk_buf_done) struct rk_buf all = { 0 }, want = { 0 };
	char path[] = "/tmp/rk-ca-XXXXXX";
	const int fd = mkstemp(path);

	pki_make(&pki);
	cr_expect_eq(rk_ca_read(&all, path, &error), RK_EINVAL, "an empty file");
	cr_assert_gt(dprintf(fd, "who: me\n%s%s# and\n%s", pki.ca.cert, pki.ca.key, pki.server.cert), 0);
	(void)close(fd);
	cr_assert_eq(rk_ca_read(&all, path, &error), RK_OK, "%s", error.text);
	rk_buf_printf(&want, "%s%s", pki.ca.cert, pki.server.cert);
	cr_expect_str_eq(rk_buf_cstr(&all), rk_buf_cstr(&want));
	cr_expect_eq(rk_ca_read(&all, "/nowhere", &error), RK_EINVAL);
	(void)unlink(path);
	pki_done(&pki);
}
