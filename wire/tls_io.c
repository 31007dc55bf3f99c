#include "wire/tls_io.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "wire/tls_ssl.h"

#define ALPN_MAX 64

struct rk_tls {
	atomic_uint refs;
	SSL_CTX *ctx;
	bool is_server;
	unsigned char alpn[ALPN_MAX]; /* as it goes over the wire: a length before each name */
	unsigned alpn_size;
};

static void drop_bio(BIO **bio) { BIO_free(*bio); }

static void drop_x509(X509 **x509) { X509_free(*x509); }

static void drop_key(EVP_PKEY **key) { EVP_PKEY_free(*key); }

static void drop_tls(struct rk_tls **tls) { (void)rk_tls_unref(*tls); }

/* One PEM input: a file, or bytes in memory. */
struct pem {
	const char *what, *path;
	struct rk_span bytes;
};

static bool pem_given(const struct pem *pem) { return pem->path != NULL || pem->bytes.size > 0; }

static const char *pem_name(const struct pem *pem)
{
	return pem->path != NULL ? pem->path : "in memory";
}

static int pem_open(const struct pem *pem, BIO **ret, struct rk_error *error)
{
	BIO *bio;

	if (pem->path == NULL) {
		if (pem->bytes.size > (1u << 20))
			return rk_fail(error, RK_ETOOBIG, "%s: more than 1 MiB", pem->what);
		bio = BIO_new_mem_buf(pem->bytes.data, (int)pem->bytes.size);
		rk_assert(bio != NULL);
	} else {
		bio = BIO_new_file(pem->path, "r");
		if (bio == NULL) {
			ERR_clear_error();
			return rk_fail(error, RK_EINVAL, "%s %s: cannot be read", pem->what,
				       pem->path);
		}
	}
	*ret = bio;
	return RK_OK;
}

static int load_cert(SSL_CTX *ctx, const struct pem *pem, struct rk_error *error)
{
	RK_AUTO(drop_bio) BIO *bio = NULL;
	RK_AUTO(drop_x509) X509 *leaf = NULL;

	RK_TRY(pem_open(pem, &bio, error));
	leaf = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	if (leaf == NULL || SSL_CTX_use_certificate(ctx, leaf) != 1) {
		ERR_clear_error();
		return rk_fail(error, RK_EINVAL, "certificate %s: not a PEM certificate",
			       pem_name(pem));
	}
	if (X509_cmp_current_time(X509_get0_notAfter(leaf)) < 0)
		return rk_fail(error, RK_EINVAL, "certificate %s: has expired", pem_name(pem));
	for (;;) { /* the chain behind it */
		X509 *next = PEM_read_bio_X509(bio, NULL, NULL, NULL);
		if (next == NULL)
			break;
		rk_assert(SSL_CTX_add0_chain_cert(ctx, next) == 1);
	}
	ERR_clear_error();
	return RK_OK;
}

static int load_key(SSL_CTX *ctx, const struct pem *pem, struct rk_error *error)
{
	RK_AUTO(drop_bio) BIO *bio = NULL;
	RK_AUTO(drop_key) EVP_PKEY *key = NULL;
	static char no_password[] = "";

	RK_TRY(pem_open(pem, &bio, error));
	key = PEM_read_bio_PrivateKey(bio, NULL, NULL, no_password);
	if (key == NULL) {
		ERR_clear_error();
		return rk_fail(error, RK_EINVAL, "key %s: not a PEM key (without a password)",
			       pem_name(pem));
	}
	if (SSL_CTX_use_PrivateKey(ctx, key) != 1 || SSL_CTX_check_private_key(ctx) != 1) {
		ERR_clear_error();
		return rk_fail(error, RK_EINVAL, "key %s: does not belong to the certificate",
			       pem_name(pem));
	}
	return RK_OK;
}

static int load_ca(SSL_CTX *ctx, const struct pem *pem, bool is_server, struct rk_error *error)
{
	RK_AUTO(drop_bio) BIO *bio = NULL;
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);
	unsigned count = 0;

	RK_TRY(pem_open(pem, &bio, error));
	for (;; count++) {
		RK_AUTO(drop_x509) X509 *x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL);
		if (x509 == NULL)
			break;
		rk_assert(X509_STORE_add_cert(store, x509) == 1);
		if (is_server)
			rk_assert(SSL_CTX_add_client_CA(ctx, x509) == 1);
	}
	ERR_clear_error();
	if (count == 0)
		return rk_fail(error, RK_EINVAL, "CA %s: no PEM certificate in it", pem_name(pem));
	return RK_OK;
}

static int choose_alpn(SSL *ssl, const unsigned char **ret, unsigned char *ret_size,
		       const unsigned char *offered, unsigned size, void *context)
{
	const struct rk_tls *tls = context;
	unsigned char *chosen = NULL;

	(void)ssl;
	if (SSL_select_next_proto(&chosen, ret_size, tls->alpn, tls->alpn_size, offered, size) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*ret = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static int set_alpn(struct rk_tls *tls, const char *const *names, struct rk_error *error)
{
	for (; names != NULL && *names != NULL; names++) {
		const size_t size = strlen(*names);
		if (size == 0 || tls->alpn_size + size + 1 > ALPN_MAX)
			return rk_fail(error, RK_EINVAL, "ALPN: too many or empty names");
		tls->alpn[tls->alpn_size] = (unsigned char)size;
		memcpy(tls->alpn + tls->alpn_size + 1, *names, size);
		tls->alpn_size += (unsigned)size + 1;
	}
	if (tls->alpn_size == 0)
		return RK_OK;
	if (tls->is_server)
		SSL_CTX_set_alpn_select_cb(tls->ctx, choose_alpn, tls);
	else
		rk_assert(SSL_CTX_set_alpn_protos(tls->ctx, tls->alpn, tls->alpn_size) == 0);
	return RK_OK;
}

/* OpenSSL forgets a certificate that it refuses; we keep it beside the connection, to say whose it
 * was. */
static int refused_slot;

static void refused_free(void *parent, void *x509, CRYPTO_EX_DATA *data, int slot, long arg,
			 void *arg_pointer)
{
	(void)parent;
	(void)data;
	(void)slot;
	(void)arg;
	(void)arg_pointer;
	X509_free(x509);
}

static void refused_init(void)
{
	refused_slot = SSL_get_ex_new_index(0, NULL, NULL, NULL, refused_free);
	rk_assert(refused_slot >= 0);
}

static int on_verified(int is_good, X509_STORE_CTX *context)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(context, SSL_get_ex_data_X509_STORE_CTX_idx());
	X509 *leaf = X509_STORE_CTX_get0_cert(context);

	if (!is_good && leaf != NULL && SSL_get_ex_data(ssl, refused_slot) == NULL &&
	    X509_up_ref(leaf) == 1)
		rk_assert(SSL_set_ex_data(ssl, refused_slot, leaf) == 1);
	return is_good;
}

/* A client without a CA trusts what the system trusts; a server without one asks for no
 * certificates. */
static int set_trust(struct rk_tls *tls, const struct rk_tls_opts *opts, struct rk_error *error)
{
	const struct pem ca = { "CA", opts->ca_path, opts->ca };
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int mode = SSL_VERIFY_PEER;

	(void)pthread_once(&once, refused_init);
	if (pem_given(&ca))
		RK_TRY(load_ca(tls->ctx, &ca, tls->is_server, error));
	else if (opts->peer_cert_required)
		return rk_fail(error, RK_EINVAL,
			       "client certificates are required, but there is no CA");
	else if (tls->is_server || opts->takes_any_cert)
		mode = SSL_VERIFY_NONE;
	else
		(void)SSL_CTX_set_default_verify_paths(
			tls->ctx); /* none there: nothing is trusted */
	if (opts->peer_cert_required)
		mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	SSL_CTX_set_verify(tls->ctx, mode, on_verified);
	return RK_OK;
}

static void set_modes(SSL_CTX *ctx)
{
	static const unsigned char session_context[] = "reckon";

	rk_assert(SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
					 SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_read_ahead(
		ctx, 1); /* a record costs one read, not one for its head and one for its body */
	rk_assert(SSL_CTX_set_session_id_context(ctx, session_context,
						 sizeof session_context - 1) == 1);
}

int rk_tls_new(struct rk_tls **ret, const struct rk_tls_opts *opts, struct rk_error *error)
{
	RK_AUTO(drop_tls) struct rk_tls *tls = rk_zalloc(sizeof *tls);
	const struct pem cert = { "certificate", opts->cert_path, opts->cert };
	const struct pem key = { "key", opts->key_path, opts->key };

	atomic_init(&tls->refs, 1);
	tls->is_server = opts->is_server;
	tls->ctx = SSL_CTX_new(opts->is_server ? TLS_server_method() : TLS_client_method());
	rk_assert(tls->ctx != NULL);
	set_modes(tls->ctx);
	if (pem_given(&cert) != pem_given(&key) || (opts->is_server && !pem_given(&cert)))
		return rk_fail(error, RK_EINVAL, "a certificate and its key are needed together");
	if (pem_given(&cert)) {
		RK_TRY(load_cert(tls->ctx, &cert, error));
		RK_TRY(load_key(tls->ctx, &key, error));
	}
	RK_TRY(set_trust(tls, opts, error));
	RK_TRY(set_alpn(tls, opts->alpn, error));
	*ret = rk_take_ptr(tls);
	return RK_OK;
}

struct rk_tls *rk_tls_ref(struct rk_tls *tls)
{
	if (tls != NULL)
		atomic_fetch_add_explicit(&tls->refs, 1, memory_order_relaxed);
	return tls;
}

struct rk_tls *rk_tls_unref(struct rk_tls *tls)
{
	if (tls != NULL && atomic_fetch_sub_explicit(&tls->refs, 1, memory_order_acq_rel) == 1) {
		SSL_CTX_free(tls->ctx);
		free(tls);
	}
	return NULL;
}

static void expect_name(SSL *ssl, const char *name)
{
	struct in6_addr address;

	if (inet_pton(AF_INET, name, &address) == 1 || inet_pton(AF_INET6, name, &address) == 1) {
		rk_assert(X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1);
		return;
	}
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	/* What is no host name at all is refused by OpenSSL: then nothing may match. */
	if (SSL_set1_host(ssl, name) != 1 ||
	    SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
		     (void *)(uintptr_t)name) != 1)
		(void)SSL_set1_host(ssl, "invalid.");
}

SSL *rk_tls_open(struct rk_tls *tls, int fd, const char *server_name)
{
	SSL *ssl = SSL_new(tls->ctx);

	rk_assert(ssl != NULL && SSL_set_fd(ssl, fd) == 1);
	if (tls->is_server) {
		SSL_set_accept_state(ssl);
		return ssl;
	}
	SSL_set_connect_state(ssl);
	expect_name(ssl, server_name != NULL ? server_name : "invalid.");
	return ssl;
}

/* One attribute of a subject as UTF-8; false when it does not fit or holds a NUL, so that nobody is
 * mistaken for another. */
static bool subject_text(const X509_NAME_ENTRY *entry, char *ret, size_t room)
{
	unsigned char *text = NULL;
	const int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(entry));
	const bool fits =
		size > 0 && (size_t)size < room && memchr(text, '\0', (size_t)size) == NULL;

	if (fits) {
		memcpy(ret, text, (size_t)size);
		ret[size] = '\0';
	}
	OPENSSL_free(text);
	return fits;
}

static void read_subject(X509 *x509, struct rk_tls_peer *ret)
{
	X509_NAME *subject = X509_get_subject_name(x509);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);

	if (at >= 0)
		(void)subject_text(X509_NAME_get_entry(subject, at), ret->name, sizeof ret->name);
	at = -1;
	while (ret->group_count < RK_TLS_GROUPS_MAX &&
	       (at = X509_NAME_get_index_by_NID(subject, NID_organizationName, at)) >= 0)
		if (subject_text(X509_NAME_get_entry(subject, at), ret->groups[ret->group_count],
				 sizeof ret->groups[0]))
			ret->group_count++;
}

void rk_tls_peer_of(SSL *ssl, struct rk_tls_peer *ret)
{
	X509 *x509 = SSL_get0_peer_certificate(ssl);

	if (x509 == NULL || SSL_get_verify_result(ssl) != X509_V_OK)
		return;
	ret->has_cert = true;
	read_subject(x509, ret);
}

/* What we hold against the certificate of the other side. */
static int fail_verify(SSL *ssl, long result, struct rk_error *error, const char *address)
{
	struct rk_tls_peer peer = { 0 };
	X509 *x509 = SSL_get_ex_data(ssl, refused_slot);

	if (x509 != NULL)
		read_subject(x509, &peer);
	const char *name = peer.name[0] != '\0' ? peer.name : "the other side";
	switch (result) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return rk_fail(error, RK_EPERM, "%s: certificate has expired (that of %s)", address,
			       name);
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return rk_fail(error, RK_EPERM, "%s: certificate of %s is not valid yet", address,
			       name);
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_SIGNATURE_FAILURE:
		return rk_fail(error, RK_EPERM, "%s: certificate of %s is not signed by our CA",
			       address, name);
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return rk_fail(error, RK_EPERM, "%s: certificate of %s does not name this host",
			       address, name);
	default:
		return rk_fail(error, RK_EPERM, "%s: certificate of %s: %s", address, name,
			       X509_verify_cert_error_string(result));
	}
}

/* What the other side held against ours, or what broke. */
static int fail_reason(unsigned long code, struct rk_error *error, const char *address)
{
	const char *reason = ERR_reason_error_string(code);

	switch (ERR_GET_REASON(code)) {
	case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
		return rk_fail(error, RK_EPERM, "%s: refused our certificate: it has expired",
			       address);
	case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
		return rk_fail(error, RK_EPERM, "%s: refused our certificate: not signed by its CA",
			       address);
	case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
	case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
		return rk_fail(error, RK_EPERM, "%s: refused our certificate", address);
	case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
	case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
		return rk_fail(error, RK_EPERM, "%s: a client certificate is required", address);
	case SSL_R_HTTP_REQUEST:
	case SSL_R_WRONG_VERSION_NUMBER:
		return rk_fail(error, RK_EINVAL, "%s: does not speak TLS", address);
	case SSL_R_UNEXPECTED_EOF_WHILE_READING:
		return rk_fail(error, RK_ECLOSED, "%s: cut off by the other side", address);
	default:
		return rk_fail(error, RK_EIO, "%s: TLS: %s", address,
			       reason != NULL ? reason : "failed");
	}
}

int rk_tls_fail(SSL *ssl, struct rk_error *error, const char *address)
{
	const unsigned long code = ERR_get_error();
	const long result = SSL_get_verify_result(ssl);

	ERR_clear_error();
	if (ERR_GET_LIB(code) == ERR_LIB_SSL &&
	    ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED)
		return fail_verify(ssl, result, error, address);
	if (code == 0)
		return rk_fail(error, RK_ECLOSED, "%s: closed by the other side", address);
	return fail_reason(code, error, address);
}
