#include <arpa/inet.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/mem.h"
#include "wire/tls_io.h"

#define CA_DAYS   3650
#define DAY_SECS  86400L
#define CLOCK_LAG 3600L /* a certificate is valid an hour before it was made: clocks differ */

static void drop_x509(X509 **x509) { X509_free(*x509); }

static void drop_key(EVP_PKEY **key) { EVP_PKEY_free(*key); }

static void drop_bio(BIO **bio) { BIO_free(*bio); }

void rk_pem_pair_done(struct rk_pem_pair *pair)
{
	free(pair->cert);
	if (pair->key != NULL)
		OPENSSL_cleanse(pair->key, strlen(pair->key));
	free(pair->key);
	*pair = (struct rk_pem_pair){ NULL, NULL };
}

static char *bio_text(BIO *bio)
{
	char *data = NULL;
	const long size = BIO_get_mem_data(bio, &data);
	char *text = rk_alloc((size_t)size + 1);

	memcpy(text, data, (size_t)size);
	text[size] = '\0';
	return text;
}

static void pair_write(struct rk_pem_pair *ret, X509 *x509, EVP_PKEY *key)
{
	RK_AUTO(drop_bio) BIO *cert_bio = BIO_new(BIO_s_mem());
	RK_AUTO(drop_bio) BIO *key_bio = BIO_new(BIO_s_secmem());

	rk_assert(cert_bio != NULL && key_bio != NULL);
	rk_assert(PEM_write_bio_X509(cert_bio, x509) == 1);
	rk_assert(PEM_write_bio_PKCS8PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL) == 1);
	ret->cert = bio_text(cert_bio);
	ret->key = bio_text(key_bio);
}

static void set_serial(X509 *x509)
{
	BIGNUM *serial = BN_new();

	/* 127 bits with the highest set: positive, never zero, at most 16 bytes. */
	rk_assert(serial != NULL && BN_rand(serial, 127, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1);
	rk_assert(BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(x509)) != NULL);
	BN_free(serial);
}

static bool name_add(X509_NAME *name, const char *field, const char *text)
{
	return X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, (const unsigned char *)text,
					  -1, -1, 0) == 1;
}

static void add_extension(X509 *x509, X509 *issuer, int nid, const char *text)
{
	X509V3_CTX context;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, issuer, x509, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, text);
	rk_assert(extension != NULL && X509_add_ext(x509, extension, -1) == 1);
	X509_EXTENSION_free(extension);
}

/* The parts that every certificate has. Serial, validity and key; the caller sets the names. */
static X509 *cert_begin(EVP_PKEY *key, long days)
{
	X509 *x509 = X509_new();

	rk_assert(x509 != NULL && X509_set_version(x509, X509_VERSION_3) == 1);
	set_serial(x509);
	const long start = days < 0 ? days * DAY_SECS - CLOCK_LAG : -CLOCK_LAG;
	rk_assert(X509_gmtime_adj(X509_getm_notBefore(x509), start) != NULL);
	rk_assert(X509_gmtime_adj(X509_getm_notAfter(x509), days * DAY_SECS) != NULL);
	rk_assert(X509_set_pubkey(x509, key) == 1);
	return x509;
}

int rk_ca_make(struct rk_pem_pair *ret, const char *name, struct rk_error *error)
{
	RK_AUTO(drop_key) EVP_PKEY *key = EVP_EC_gen("P-256");

	rk_assert(key != NULL);
	RK_AUTO(drop_x509) X509 *x509 = cert_begin(key, CA_DAYS);
	if (!name_add(X509_get_subject_name(x509), "CN", name)) {
		ERR_clear_error();
		return rk_fail(error, RK_EINVAL, "\"%s\" cannot be the name of a CA", name);
	}
	rk_assert(X509_set_issuer_name(x509, X509_get_subject_name(x509)) == 1);
	add_extension(x509, x509, NID_basic_constraints, "critical,CA:TRUE");
	add_extension(x509, x509, NID_key_usage, "critical,digitalSignature,keyCertSign,cRLSign");
	add_extension(x509, x509, NID_subject_key_identifier, "hash");
	rk_assert(X509_sign(x509, key, EVP_sha256()) > 0);
	pair_write(ret, x509, key);
	return RK_OK;
}

int rk_ca_read(struct rk_buf *ret, const char *path, struct rk_error *error)
{
	RK_AUTO(drop_bio) BIO *from = BIO_new_file(path, "r");
	RK_AUTO(drop_bio) BIO *to = BIO_new(BIO_s_mem());
	char *text = NULL;
	long size = 0;

	rk_assert(to != NULL);
	while (from != NULL && size <= (long)RK_CA_BYTES_MAX) {
		RK_AUTO(drop_x509) X509 *x509 = PEM_read_bio_X509(from, NULL, NULL, NULL);
		if (x509 == NULL)
			break;
		rk_assert(PEM_write_bio_X509(to, x509) == 1);
		size = BIO_get_mem_data(to, &text);
	}
	ERR_clear_error();
	if (size == 0)
		return rk_fail(error, RK_EINVAL, "%s holds no certificate that can be read", path);
	if (size > (long)RK_CA_BYTES_MAX)
		return rk_fail(error, RK_ETOOBIG, "%s holds more than %u KiB of certificates", path, RK_CA_BYTES_MAX >> 10);
	rk_buf_put(ret, text, (size_t)size);
	return RK_OK;
}

static GENERAL_NAME *host_name(const char *host)
{
	unsigned char address[16];
	GENERAL_NAME *name = GENERAL_NAME_new();
	const int size = inet_pton(AF_INET, host, address) == 1    ? 4
			 : inet_pton(AF_INET6, host, address) == 1 ? 16
								   : 0;
	ASN1_STRING *text = size > 0 ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();

	rk_assert(name != NULL && text != NULL);
	if (size > 0)
		rk_assert(ASN1_STRING_set(text, address, size) == 1);
	else
		rk_assert(ASN1_STRING_set(text, host, -1) == 1);
	GENERAL_NAME_set0_value(name, size > 0 ? GEN_IPADD : GEN_DNS, text);
	return name;
}

static void add_hosts(X509 *x509, const char *const *hosts)
{
	if (hosts == NULL || *hosts == NULL)
		return;
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	rk_assert(names != NULL);
	for (; *hosts != NULL; hosts++)
		rk_assert(sk_GENERAL_NAME_push(names, host_name(*hosts)) > 0);
	rk_assert(X509_add1_ext_i2d(x509, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) == 1);
	GENERAL_NAMES_free(names);
}

static int ca_read(const struct rk_pem_pair *ca, X509 **ret_cert, EVP_PKEY **ret_key,
		   struct rk_error *error)
{
	RK_AUTO(drop_bio) BIO *cert_bio = BIO_new_mem_buf(ca->cert, -1);
	RK_AUTO(drop_bio) BIO *key_bio = BIO_new_mem_buf(ca->key, -1);

	rk_assert(cert_bio != NULL && key_bio != NULL);
	*ret_cert = PEM_read_bio_X509(cert_bio, NULL, NULL, NULL);
	*ret_key = PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL);
	if (*ret_cert != NULL && *ret_key != NULL &&
	    X509_check_private_key(*ret_cert, *ret_key) == 1)
		return RK_OK;
	ERR_clear_error();
	return rk_fail(error, RK_EINVAL, "the CA's certificate and key are no PEM or do not match");
}

static int set_subject(X509 *x509, const struct rk_cert_opts *opts, struct rk_error *error)
{
	X509_NAME *subject = X509_get_subject_name(x509);

	for (const char *const *group = opts->groups; group != NULL && *group != NULL; group++)
		if (!name_add(subject, "O", *group)) {
			ERR_clear_error();
			return rk_fail(error, RK_EINVAL,
				       "\"%s\" cannot be a group in a certificate", *group);
		}
	if (!name_add(subject, "CN", opts->name)) {
		ERR_clear_error();
		return rk_fail(error, RK_EINVAL, "\"%s\" cannot be the name in a certificate",
			       opts->name);
	}
	return RK_OK;
}

int rk_cert_make(struct rk_pem_pair *ret, const struct rk_pem_pair *ca,
		 const struct rk_cert_opts *opts, struct rk_error *error)
{
	RK_AUTO(drop_x509) X509 *ca_cert = NULL;
	RK_AUTO(drop_key) EVP_PKEY *ca_key = NULL;
	RK_AUTO(drop_key) EVP_PKEY *key = EVP_EC_gen("P-256");

	rk_assert(key != NULL);
	RK_TRY(ca_read(ca, &ca_cert, &ca_key, error));
	RK_AUTO(drop_x509) X509 *x509 = cert_begin(key, opts->days);
	RK_TRY(set_subject(x509, opts, error));
	rk_assert(X509_set_issuer_name(x509, X509_get_subject_name(ca_cert)) == 1);
	add_extension(x509, ca_cert, NID_basic_constraints, "critical,CA:FALSE");
	add_extension(x509, ca_cert, NID_key_usage, "critical,digitalSignature");
	if (opts->is_server || opts->is_client)
		add_extension(x509, ca_cert, NID_ext_key_usage,
			      !opts->is_client   ? "serverAuth"
			      : !opts->is_server ? "clientAuth"
						 : "serverAuth,clientAuth");
	add_extension(x509, ca_cert, NID_subject_key_identifier, "hash");
	add_extension(x509, ca_cert, NID_authority_key_identifier, "keyid:always");
	add_hosts(x509, opts->hosts);
	rk_assert(X509_sign(x509, ca_key, EVP_sha256()) > 0);
	pair_write(ret, x509, key);
	return RK_OK;
}
