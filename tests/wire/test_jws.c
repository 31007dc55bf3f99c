/* Tokens: what one key signs, it alone opens; and what others need to check them. */
#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "wire/json.h"
#include "wire/jws_io.h"
#include "wire/val.h"

static int key_file(char path[32], const char *group)
{
	EVP_PKEY *key = EVP_EC_gen(group);

	strcpy(path, "/tmp/reckon-jws-XXXXXX");
	const int fd = mkstemp(path);
	FILE *file = fdopen(fd, "w");
	const bool ok = key != NULL && file != NULL &&
			PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1;
	EVP_PKEY_free(key);
	return file != NULL && fclose(file) == 0 && ok ? 0 : -1;
}

static struct rk_jws *new_key(void)
{
	struct rk_error error = { 0 };
	struct rk_jws *jws = NULL;
	char path[32];

	cr_assert_eq(key_file(path, "P-256"), 0);
	cr_assert_eq(rk_jws_new(&jws, path, &error), RK_OK, "%s", error.text);
	(void)unlink(path);
	return jws;
}

Test(jws, one_key_opens_what_it_signed)
{
	struct rk_arena arena = { 0 };
	struct rk_jws *mine = new_key(), *other = new_key();
	const struct rk_span payload = RK_SPAN("{\"sub\":\"a\"}");
	const struct rk_span token = rk_jws_sign(&arena, mine, payload);
	struct rk_span got;

	cr_assert(rk_jws_open(&arena, mine, token, &got));
	cr_expect(rk_span_eq(got, payload));
	cr_expect_not(rk_jws_open(&arena, other, token, &got));
	/* no byte of it is without weight */
	for (size_t i = 0; i < token.size; i++) {
		struct rk_span torn = rk_arena_span(&arena, token);
		((uint8_t *)(uintptr_t)torn.data)[i] ^= 1;
		cr_expect_not(rk_jws_open(&arena, mine, torn, &got), "byte %zu", i);
		cr_expect_not(rk_jws_open(&arena, mine, rk_span_sub(token, 0, i), &got),
			      "%zu bytes", i);
	}
	(void)rk_jws_free(mine);
	(void)rk_jws_free(other);
	rk_arena_done(&arena);
}

Test(jws, the_set_of_keys_names_the_one_in_the_header)
{
	struct rk_arena arena = { 0 };
	struct rk_error error = { 0 };
	struct rk_jws *jws = new_key();
	struct rk_val *keys = NULL;

	cr_assert_eq(rk_json_parse(&arena, rk_jws_keys(&arena, jws), 0, &keys, &error), RK_OK, "%s",
		     error.text);
	const struct rk_val *list = rk_val_get(keys, RK_SPAN("keys"));
	cr_assert_eq(rk_val_count(list), 1);
	const struct rk_val *key = rk_val_item(list, 0);
	cr_expect(rk_span_is(rk_val_text_at(key, "kty"), "EC"));
	cr_expect(rk_span_is(rk_val_text_at(key, "crv"), "P-256"));
	cr_expect_eq(rk_val_text_at(key, "kid").size, 43); /* 32 bytes */
	cr_expect_eq(rk_val_text_at(key, "x").size, 43);
	cr_expect_eq(rk_val_text_at(key, "y").size, 43);
	(void)rk_jws_free(jws);
	rk_arena_done(&arena);
}

Test(jws, keys_of_other_forms_are_refused)
{
	struct rk_error error = { 0 };
	struct rk_jws *jws = NULL;
	char path[32];

	cr_assert_eq(key_file(path, "P-384"), 0);
	cr_expect_eq(rk_jws_new(&jws, path, &error), RK_EINVAL);
	(void)unlink(path);
	cr_expect_lt(rk_jws_new(&jws, path, &error), 0);
}
