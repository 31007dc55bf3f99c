#include "wire/jws_io.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "wire/base64.h"

#define HALF 32 /* bytes of r and of s */

struct rk_jws {
	EVP_PKEY *key;
	struct rk_buf header; /* of every token */
	struct rk_buf id;     /* of the key */
};

/* --- the key --- */

/* The hash of the public half, as upstream's API server names its keys. */
static void name_key(struct rk_jws *jws)
{
	uint8_t *der = NULL, hash[EVP_MAX_MD_SIZE];
	struct rk_arena arena = { 0 };
	unsigned size = 0;
	const int der_size = i2d_PUBKEY(jws->key, &der);

	rk_assert(der_size > 0 &&
		  EVP_Digest(der, (size_t)der_size, hash, &size, EVP_sha256(), NULL) == 1);
	OPENSSL_free(der);
	rk_buf_put_span(&jws->id, rk_base64url_encode(&arena, rk_span_of(hash, size)));
	rk_buf_printf(&jws->header, "{\"alg\":\"ES256\",\"kid\":\"%.*s\"}",
		      RK_SPAN_ARGS(rk_buf_span(&jws->id)));
	rk_arena_done(&arena);
}

static struct rk_span coordinate(struct rk_arena *arena, const struct rk_jws *jws,
				 const char *which)
{
	BIGNUM *number = NULL;
	uint8_t bytes[HALF];

	rk_assert(EVP_PKEY_get_bn_param(jws->key, which, &number) == 1 &&
		  BN_bn2binpad(number, bytes, HALF) == HALF);
	BN_free(number);
	return rk_base64url_encode(arena, rk_span_of(bytes, HALF));
}

struct rk_span rk_jws_keys(struct rk_arena *arena, const struct rk_jws *jws)
{
	const struct rk_span x = coordinate(arena, jws, OSSL_PKEY_PARAM_EC_PUB_X),
			     y = coordinate(arena, jws, OSSL_PKEY_PARAM_EC_PUB_Y);

	return rk_span_str(rk_arena_printf(
		arena,
		"{\"keys\":[{\"use\":\"sig\",\"kty\":\"EC\",\"kid\":\"%.*s\",\"crv\":\"P-256\","
		"\"alg\":\"ES256\",\"x\":\"%.*s\",\"y\":\"%.*s\"}]}",
		RK_SPAN_ARGS(rk_buf_span(&jws->id)), RK_SPAN_ARGS(x), RK_SPAN_ARGS(y)));
}

int rk_jws_new(struct rk_jws **ret, const char *key_path, struct rk_error *error)
{
	FILE *file = fopen(key_path, "re");
	char group[32] = "";

	if (file == NULL)
		return rk_fail_errno(error, "cannot open %s", key_path);
	EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
	(void)fclose(file);
	if (key == NULL || EVP_PKEY_get_base_id(key) != EVP_PKEY_EC ||
	    EVP_PKEY_get_group_name(key, group, sizeof group, NULL) != 1 ||
	    strcmp(group, "prime256v1") != 0) {
		EVP_PKEY_free(key);
		return rk_fail(error, RK_EINVAL, "%s: not a private key on P-256 in PEM", key_path);
	}
	*ret = rk_zalloc(sizeof **ret);
	(*ret)->key = key;
	name_key(*ret);
	return RK_OK;
}

struct rk_jws *rk_jws_free(struct rk_jws *jws)
{
	if (jws == NULL)
		return NULL;
	EVP_PKEY_free(jws->key);
	rk_buf_done(&jws->header);
	rk_buf_done(&jws->id);
	free(jws);
	return NULL;
}

/* --- signing --- OpenSSL has signatures in DER, tokens have r and s one after the other */

static struct rk_span signature_of(struct rk_arena *arena, const struct rk_jws *jws,
				   struct rk_span text)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	uint8_t der[128], raw[2 * HALF];
	size_t size = sizeof der;

	rk_assert(context != NULL &&
		  EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, jws->key) == 1 &&
		  EVP_DigestSign(context, der, &size, text.data, text.size) == 1);
	const uint8_t *at = der;
	ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &at, (long)size);
	rk_assert(signature != NULL &&
		  BN_bn2binpad(ECDSA_SIG_get0_r(signature), raw, HALF) == HALF &&
		  BN_bn2binpad(ECDSA_SIG_get0_s(signature), raw + HALF, HALF) == HALF);
	ECDSA_SIG_free(signature);
	EVP_MD_CTX_free(context);
	return rk_base64url_encode(arena, rk_span_of(raw, sizeof raw));
}

struct rk_span rk_jws_sign(struct rk_arena *arena, const struct rk_jws *jws, struct rk_span payload)
{
	struct rk_buf out = { 0 };

	rk_buf_put_span(&out, rk_base64url_encode(arena, rk_buf_span(&jws->header)));
	rk_buf_put_u8(&out, '.');
	rk_buf_put_span(&out, rk_base64url_encode(arena, payload));
	const struct rk_span signature = signature_of(arena, jws, rk_buf_span(&out));
	rk_buf_put_u8(&out, '.');
	rk_buf_put_span(&out, signature);
	const struct rk_span token = rk_arena_span(arena, rk_buf_span(&out));
	rk_buf_done(&out);
	return token;
}

static bool is_signed(const struct rk_jws *jws, struct rk_span text, struct rk_span raw)
{
	ECDSA_SIG *signature = ECDSA_SIG_new();
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	uint8_t *der = NULL;
	bool is = false;

	rk_assert(signature != NULL && context != NULL);
	BIGNUM *r = BN_bin2bn(raw.data, HALF, NULL), *s = BN_bin2bn(raw.data + HALF, HALF, NULL);
	rk_assert(r != NULL && s != NULL && ECDSA_SIG_set0(signature, r, s) == 1);
	const int size = i2d_ECDSA_SIG(signature, &der);
	if (size > 0)
		is = EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, jws->key) == 1 &&
		     EVP_DigestVerify(context, der, (size_t)size, text.data, text.size) == 1;
	OPENSSL_free(der);
	EVP_MD_CTX_free(context);
	ECDSA_SIG_free(signature);
	return is;
}

bool rk_jws_open(struct rk_arena *arena, const struct rk_jws *jws, struct rk_span token,
		 struct rk_span *ret)
{
	struct rk_span head, body, raw, first;
	const struct rk_span rest = rk_span_cut(token, '.', &head);
	const struct rk_span signature = rk_span_cut(rest, '.', &body);

	/* Whatever another header says of itself, ours are all of one form. */
	return token.size <= RK_JWS_BYTES_MAX && signature.data != NULL &&
	       rk_base64url_decode(arena, head, &first) &&
	       rk_span_eq(first, rk_buf_span(&jws->header)) &&
	       rk_base64url_decode(arena, signature, &raw) && raw.size == 2 * HALF &&
	       is_signed(jws, rk_span_sub(token, 0, head.size + 1 + body.size), raw) &&
	       rk_base64url_decode(arena, body, ret);
}
