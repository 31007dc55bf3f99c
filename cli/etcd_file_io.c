#include "cli/etcd_file_io.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#define PIECE_BYTES  (64u << 10)
#define PAD_BYTES    512
#define DIGEST_BYTES 32

static int read_at(int fd, const char *path, uint64_t at, uint8_t *bytes, size_t size,
		   struct rk_error *error)
{
	while (size > 0) {
		const ssize_t got = pread(fd, bytes, size, (off_t)at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? rk_fail_errno(error, "cannot read %s", path)
				       : rk_fail(error, RK_ECORRUPT, "%s: is cut off", path);
		bytes += got;
		at += (uint64_t)got;
		size -= (size_t)got;
	}
	return RK_OK;
}

static int add_pieces(EVP_MD_CTX *digest, struct rk_store_load *load, int fd, const char *path,
		      uint64_t size, struct rk_error *error)
{
	uint8_t bytes[PIECE_BYTES];

	for (uint64_t at = 0; at < size; at += sizeof bytes) {
		const size_t piece = (size_t)RK_MIN((uint64_t)sizeof bytes, size - at);
		RK_TRY(read_at(fd, path, at, bytes, piece, error));
		if (EVP_DigestUpdate(digest, bytes, piece) != 1)
			return rk_fail(error, RK_ENOTSUP, "no SHA-256 is here");
		if (load != NULL && rk_store_load_feed(load, rk_span_of(bytes, piece)) < 0)
			return rk_fail(error, RK_ECORRUPT,
				       "%s: is whole, but holds no state of reckon", path);
	}
	return RK_OK;
}

/* Reads the first `size` bytes, whose digest is behind them; with `load`, into it. */
static int read_all(struct rk_store_load *load, int fd, const char *path, uint64_t size,
		    struct rk_error *error)
{
	uint8_t want[DIGEST_BYTES], got[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	int err = RK_OK;

	if (digest == NULL || EVP_DigestInit_ex(digest, EVP_sha256(), NULL) != 1)
		err = rk_fail(error, RK_ENOTSUP, "no SHA-256 is here");
	if (err == RK_OK)
		err = add_pieces(digest, load, fd, path, size, error);
	if (err == RK_OK)
		err = read_at(fd, path, size, want, sizeof want, error);
	if (err == RK_OK &&
	    (EVP_DigestFinal_ex(digest, got, NULL) != 1 || memcmp(want, got, sizeof want) != 0))
		err = rk_fail(error, RK_ECORRUPT, "%s: is damaged: its SHA-256 is wrong", path);
	EVP_MD_CTX_free(digest);
	return err;
}

int rk_etcd_file_read(const char *path, struct rk_store **ret, uint64_t *ret_bytes,
		      struct rk_error *error)
{
	RK_AUTO(rk_drop_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;

	if (fd < 0 || fstat(fd, &status) < 0)
		return rk_fail_errno(error, "cannot open %s", path);
	const uint64_t bytes = (uint64_t)status.st_size;
	if (!S_ISREG(status.st_mode) || bytes <= DIGEST_BYTES || bytes % PAD_BYTES != DIGEST_BYTES)
		return rk_fail(error, RK_ECORRUPT,
			       "%s: is cut off, or was not written by etcdctl snapshot save", path);
	RK_TRY(read_all(NULL, fd, path, bytes - DIGEST_BYTES, error));
	struct rk_store_load *load = rk_store_load_new();
	rk_store_load_padded(load);
	int err = read_all(load, fd, path, bytes - DIGEST_BYTES, error);
	if (err == RK_OK && rk_store_load_finish(load, ret) < 0)
		err = rk_fail(error, RK_ECORRUPT, "%s: is not the state that it says it is", path);
	(void)rk_store_load_free(load);
	RK_TRY(err);
	*ret_bytes = bytes;
	return RK_OK;
}
