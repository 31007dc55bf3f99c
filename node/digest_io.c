#include "node/digest_io.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>

#include "base/mem.h"

static void drop_digest(EVP_MD_CTX **context) { EVP_MD_CTX_free(*context); }

static void to_text(EVP_MD_CTX *context, char ret[RK_DIGEST_MAX])
{
	uint8_t bytes[EVP_MAX_MD_SIZE];
	unsigned size = 0;

	rk_assert(EVP_DigestFinal_ex(context, bytes, &size) == 1 && size == 32);
	(void)snprintf(ret, RK_DIGEST_MAX, "sha256:");
	for (unsigned i = 0; i < size; i++)
		(void)snprintf(ret + 7 + 2 * i, 3, "%02x", bytes[i]);
}

static EVP_MD_CTX *begin(void)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	rk_assert(context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1);
	return context;
}

void rk_digest_bytes(struct rk_span bytes, char ret[RK_DIGEST_MAX])
{
	RK_AUTO(drop_digest) EVP_MD_CTX *context = begin();

	rk_assert(EVP_DigestUpdate(context, bytes.data, bytes.size) == 1);
	to_text(context, ret);
}

int rk_digest_file(const char *path, char ret[RK_DIGEST_MAX], struct rk_error *error)
{
	RK_AUTO(rk_drop_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	RK_AUTO(drop_digest) EVP_MD_CTX *context = begin();
	uint8_t bytes[65536];
	ssize_t got;

	if (fd < 0)
		return rk_fail_errno(error, "open %s", path);
	while ((got = read(fd, bytes, sizeof bytes)) > 0)
		rk_assert(EVP_DigestUpdate(context, bytes, (size_t)got) == 1);
	if (got < 0)
		return rk_fail_errno(error, "read %s", path);
	to_text(context, ret);
	return 0;
}
