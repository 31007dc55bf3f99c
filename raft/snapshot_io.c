#include "raft/snapshot_io.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/mem.h"

#define MAGIC      0x4e534b52u /* "RKSN" */
#define VERSION    1
#define LEVEL      -1 /* values that nothing makes smaller cost a third of what 1 costs */
#define HEAD_MAX   (64 + RK_CONFIG_SIZE_MAX + 64)
#define TAIL_BYTES 4 /* CRC32C of all before */

static void path_of(char *path, size_t size, const char *dir, uint64_t index, const char *ending)
{
	(void)snprintf(path, size, "%s/%016llx.%s", dir, (unsigned long long)index, ending);
}

static int write_all(int fd, struct rk_span bytes)
{
	while (bytes.size > 0) {
		const ssize_t done = write(fd, bytes.data, bytes.size);
		if (done <= 0)
			return RK_EIO;
		bytes = rk_span_sub(bytes, (size_t)done, bytes.size);
	}
	return RK_OK;
}

static int sync_dir(const char *dir)
{
	RK_AUTO(rk_drop_fd) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || fsync(fd) < 0 ? RK_EIO : RK_OK;
}

/* --- writing --- */

struct rk_snapshot_writer {
	char *dir;
	uint64_t index;
	char path[512];
	int fd;
	uint32_t crc;
	ZSTD_CCtx *zstd;
	uint8_t out[RK_SNAPSHOT_PIECE];
};

static int put(struct rk_snapshot_writer *writer, struct rk_span bytes, struct rk_error *error)
{
	writer->crc = rk_crc32c(writer->crc, bytes.data, bytes.size);
	if (write_all(writer->fd, bytes) < 0)
		return rk_fail_errno(error, "cannot write %s", writer->path);
	return RK_OK;
}

static void put_head(struct rk_buf *out, struct rk_cluster_id cluster,
		     const struct rk_snapshot_meta *meta)
{
	struct rk_buf encoded = { 0 };

	rk_snapshot_meta_encode(meta, &encoded);
	rk_buf_put_u32(out, MAGIC);
	rk_buf_put_u32(out, VERSION);
	rk_buf_put_u64(out, cluster.high);
	rk_buf_put_u64(out, cluster.low);
	rk_buf_put_u32(out, (uint32_t)encoded.size);
	rk_buf_put_span(out, rk_buf_span(&encoded));
	rk_buf_done(&encoded);
}

int rk_snapshot_create(struct rk_snapshot_writer **ret, const char *dir,
		       struct rk_cluster_id cluster, const struct rk_snapshot_meta *meta,
		       struct rk_error *error)
{
	struct rk_snapshot_writer *writer = rk_zalloc(sizeof *writer);
	RK_AUTO(rk_buf_done) struct rk_buf head = { 0 };

	writer->dir = rk_strdup(dir);
	writer->index = meta->index;
	path_of(writer->path, sizeof writer->path, dir, meta->index, "tmp");
	writer->fd = open(writer->path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
	writer->zstd = ZSTD_createCCtx();
	put_head(&head, cluster, meta);
	int err = writer->fd < 0 || writer->zstd == NULL
			  ? rk_fail_errno(error, "cannot make %s", writer->path)
			  : put(writer, rk_buf_span(&head), error);
	if (err < 0) {
		(void)rk_snapshot_abort(writer);
		return err;
	}
	(void)ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_compressionLevel, LEVEL);
	*ret = writer;
	return RK_OK;
}

static int compress(struct rk_snapshot_writer *writer, struct rk_span bytes, ZSTD_EndDirective mode,
		    struct rk_error *error)
{
	ZSTD_inBuffer in = { bytes.data, bytes.size, 0 };
	size_t left;

	do {
		ZSTD_outBuffer out = { writer->out, sizeof writer->out, 0 };
		left = ZSTD_compressStream2(writer->zstd, &out, &in, mode);
		if (ZSTD_isError(left))
			return rk_fail(error, RK_EIO, "cannot compress a snapshot: %s",
				       ZSTD_getErrorName(left));
		RK_TRY(put(writer, rk_span_of(writer->out, out.pos), error));
	} while (mode == ZSTD_e_end ? left != 0 : in.pos < in.size);
	return RK_OK;
}

int rk_snapshot_write(struct rk_snapshot_writer *writer, struct rk_span bytes,
		      struct rk_error *error)
{
	return compress(writer, bytes, ZSTD_e_continue, error);
}

static int finish(struct rk_snapshot_writer *writer, struct rk_error *error)
{
	RK_AUTO(rk_buf_done) struct rk_buf tail = { 0 };
	char path[512];

	RK_TRY(compress(writer, RK_SPAN(""), ZSTD_e_end, error));
	rk_buf_put_u32(&tail, writer->crc);
	path_of(path, sizeof path, writer->dir, writer->index, "snap");
	if (write_all(writer->fd, rk_buf_span(&tail)) < 0 || fsync(writer->fd) < 0 ||
	    rename(writer->path, path) < 0 || sync_dir(writer->dir) < 0)
		return rk_fail_errno(error, "cannot write %s", path);
	return RK_OK;
}

int rk_snapshot_commit(struct rk_snapshot_writer *writer, struct rk_error *error)
{
	const int err = finish(writer, error);

	(void)rk_snapshot_abort(writer); /* after a success the name that it removes is not there */
	return err;
}

struct rk_snapshot_writer *rk_snapshot_abort(struct rk_snapshot_writer *writer)
{
	if (writer == NULL)
		return NULL;
	if (writer->fd >= 0)
		(void)close(writer->fd);
	(void)unlink(writer->path);
	(void)ZSTD_freeCCtx(writer->zstd);
	free(writer->dir);
	free(writer);
	return NULL;
}

/* --- reading --- */

struct rk_snapshot_reader {
	int fd;
	char path[512];
	uint64_t left; /* bytes of the file before the tail that have not been read */
	uint32_t crc;
	bool ended;
	ZSTD_DCtx *zstd;
	ZSTD_inBuffer in;
	uint8_t bytes[RK_SNAPSHOT_PIECE];
	uint8_t out[RK_SNAPSHOT_PIECE];
};

static int damaged(const struct rk_snapshot_reader *reader, const char *what,
		   struct rk_error *error)
{
	return rk_fail(error, RK_ECORRUPT, "%s: %s", reader->path, what);
}

static int fetch(struct rk_snapshot_reader *reader, size_t size, struct rk_error *error)
{
	size_t got = 0;

	size = (size_t)RK_MIN((uint64_t)size, reader->left);
	while (got < size) {
		const ssize_t more = read(reader->fd, reader->bytes + got, size - got);
		if (more <= 0)
			return damaged(reader, "cannot be read to its end", error);
		got += (size_t)more;
	}
	reader->crc = rk_crc32c(reader->crc, reader->bytes, size);
	reader->left -= size;
	reader->in = (ZSTD_inBuffer){ reader->bytes, size, 0 };
	return RK_OK;
}

static int read_head(struct rk_snapshot_reader *reader, struct rk_cluster_id cluster,
		     struct rk_snapshot_meta *ret_meta, struct rk_error *error)
{
	RK_TRY(fetch(reader, 28, error));
	struct rk_reader in = rk_reader_of(rk_span_of(reader->bytes, reader->in.size));
	const uint32_t magic = rk_read_u32(&in), version = rk_read_u32(&in);
	const struct rk_cluster_id found = { rk_read_u64(&in), rk_read_u64(&in) };
	const uint32_t size = rk_read_u32(&in);
	if (in.failed || magic != MAGIC || size > HEAD_MAX)
		return damaged(reader, "is not a snapshot", error);
	if (version != VERSION)
		return rk_fail(error, RK_ENOTSUP,
			       "%s: is of version %u, which this program does not know",
			       reader->path, version);
	if (found.high != cluster.high || found.low != cluster.low)
		return rk_fail(error, RK_EPERM, "%s: is another cluster's", reader->path);
	RK_TRY(fetch(reader, size, error));
	if (rk_snapshot_meta_decode(rk_span_of(reader->bytes, reader->in.size), ret_meta) < 0)
		return damaged(reader, "its head is damaged", error);
	reader->in = (ZSTD_inBuffer){ reader->bytes, 0, 0 };
	return RK_OK;
}

static int open_path(struct rk_snapshot_reader **ret, const char *path,
		     struct rk_cluster_id cluster, struct rk_snapshot_meta *ret_meta,
		     struct rk_error *error)
{
	struct rk_snapshot_reader *reader = rk_zalloc(sizeof *reader);
	struct stat status;

	(void)snprintf(reader->path, sizeof reader->path, "%s", path);
	reader->fd = open(path, O_RDONLY | O_CLOEXEC);
	reader->zstd = ZSTD_createDCtx();
	int err = RK_OK;
	if (reader->fd < 0 || reader->zstd == NULL || fstat(reader->fd, &status) < 0)
		err = rk_fail_errno(error, "cannot open %s", path);
	else if (status.st_size <= TAIL_BYTES)
		err = damaged(reader, "is not a snapshot", error);
	if (err == RK_OK) {
		reader->left = (uint64_t)status.st_size - TAIL_BYTES;
		err = read_head(reader, cluster, ret_meta, error);
	}
	if (err < 0) {
		(void)rk_snapshot_close(reader);
		return err;
	}
	*ret = reader;
	return RK_OK;
}

static uint64_t newest(const char *dir)
{
	DIR *listing = opendir(dir);
	const struct dirent *entry;
	uint64_t best = 0;

	while (listing != NULL && (entry = readdir(listing)) != NULL) {
		char *end = NULL;
		const uint64_t index = strtoull(entry->d_name, &end, 16);
		if (end == entry->d_name + 16 && strcmp(end, ".snap") == 0)
			best = RK_MAX(best, index);
	}
	if (listing != NULL)
		(void)closedir(listing);
	return best;
}

int rk_snapshot_open(struct rk_snapshot_reader **ret, const char *dir, struct rk_cluster_id cluster,
		     uint64_t index, struct rk_snapshot_meta *ret_meta, struct rk_error *error)
{
	char path[512];

	if (index == 0)
		index = newest(dir);
	if (index == 0)
		return rk_fail(error, RK_ENOENT, "%s holds no snapshot", dir);
	path_of(path, sizeof path, dir, index, "snap");
	return open_path(ret, path, cluster, ret_meta, error);
}

static int check_tail(struct rk_snapshot_reader *reader, struct rk_error *error)
{
	uint8_t tail[TAIL_BYTES];

	if (read(reader->fd, tail, sizeof tail) != (ssize_t)sizeof tail)
		return damaged(reader, "cannot be read to its end", error);
	struct rk_reader in = rk_reader_of(rk_span_of(tail, sizeof tail));
	if (!reader->ended || rk_read_u32(&in) != reader->crc)
		return damaged(reader, "its checksum is wrong", error);
	return 0;
}

int rk_snapshot_read(struct rk_snapshot_reader *reader, struct rk_span *ret, struct rk_error *error)
{
	for (;;) {
		if (reader->in.pos == reader->in.size) {
			if (reader->left == 0)
				return check_tail(reader, error);
			RK_TRY(fetch(reader, sizeof reader->bytes, error));
		}
		ZSTD_outBuffer out = { reader->out, sizeof reader->out, 0 };
		const size_t more = ZSTD_decompressStream(reader->zstd, &out, &reader->in);
		if (ZSTD_isError(more) || (reader->ended && out.pos > 0))
			return damaged(reader, "its bytes are damaged", error);
		reader->ended = more == 0;
		if (out.pos > 0) {
			*ret = rk_span_of(reader->out, out.pos);
			return 1;
		}
	}
}

struct rk_snapshot_reader *rk_snapshot_close(struct rk_snapshot_reader *reader)
{
	if (reader == NULL)
		return NULL;
	if (reader->fd >= 0)
		(void)close(reader->fd);
	(void)ZSTD_freeDCtx(reader->zstd);
	free(reader);
	return NULL;
}

/* --- the files --- */

int rk_snapshot_raw(const char *dir, uint64_t index, int *ret_fd, uint64_t *ret_size,
		    struct rk_error *error)
{
	char path[512];
	struct stat status;

	path_of(path, sizeof path, dir, index, "snap");
	RK_AUTO(rk_drop_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status) < 0)
		return rk_fail_errno(error, "cannot open %s", path);
	*ret_fd = rk_take_fd(&fd);
	*ret_size = (uint64_t)status.st_size;
	return RK_OK;
}

static void incoming_path(char *path, size_t size, const char *dir, uint64_t peer)
{
	(void)snprintf(path, size, "%s/incoming-%llx.tmp", dir, (unsigned long long)peer);
}

int rk_snapshot_incoming(const char *dir, uint64_t peer, int *ret_fd, struct rk_error *error)
{
	char path[512];

	incoming_path(path, sizeof path, dir, peer);
	(void)unlink(path); /* an older one may still be written by a connection that hangs */
	const int fd = open(path, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return rk_fail_errno(error, "cannot make %s", path);
	*ret_fd = fd;
	return RK_OK;
}

int rk_snapshot_admit(const char *dir, uint64_t peer, struct rk_cluster_id cluster,
		      const struct rk_snapshot_meta *meta, struct rk_error *error)
{
	struct rk_snapshot_reader *reader = NULL;
	struct rk_snapshot_meta found;
	struct rk_span bytes;
	char came[512], from[512], to[512];
	int more;

	/* Out of the way of the next one from the same peer: what is checked is what is kept. */
	incoming_path(came, sizeof came, dir, peer);
	(void)snprintf(from, sizeof from, "%s/checked.tmp", dir);
	if (rename(came, from) < 0)
		return rk_fail_errno(error, "cannot find %s", came);
	RK_TRY(open_path(&reader, from, cluster, &found, error));
	do
		more = rk_snapshot_read(reader, &bytes, error);
	while (more == 1);
	if (more == 0 && (found.index != meta->index || found.term != meta->term))
		more = damaged(reader, "is not the snapshot that was announced", error);
	if (more == 0 && fsync(reader->fd) < 0)
		more = rk_fail_errno(error, "cannot write %s", from);
	(void)rk_snapshot_close(reader);
	if (more < 0)
		return more;
	path_of(to, sizeof to, dir, meta->index, "snap");
	if (rename(from, to) < 0 || sync_dir(dir) < 0)
		return rk_fail_errno(error, "cannot make %s", to);
	return RK_OK;
}

int rk_snapshot_set_aside(const char *dir, struct rk_error *error)
{
	char from[512], to[512];
	const uint64_t index = newest(dir);

	if (index == 0)
		return rk_fail(error, RK_ENOENT, "%s holds no snapshot", dir);
	path_of(from, sizeof from, dir, index, "snap");
	path_of(to, sizeof to, dir, index, "snap.damaged");
	if (rename(from, to) < 0 || sync_dir(dir) < 0)
		return rk_fail_errno(error, "cannot set %s aside", from);
	return RK_OK;
}

void rk_snapshot_prune(const char *dir, unsigned keep, bool sweep)
{
	uint64_t newest_kept[16] = { 0 }; /* descending */
	char path[768];

	rk_assert(keep <= RK_COUNT(newest_kept));
	for (int pass = 0; pass < 2; pass++) {
		DIR *listing = opendir(dir);
		const struct dirent *entry;
		while (listing != NULL && (entry = readdir(listing)) != NULL) {
			char *end = NULL;
			uint64_t index = strtoull(entry->d_name, &end, 16);
			const bool whole = end == entry->d_name + 16 && strcmp(end, ".snap") == 0;
			(void)snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
			if (whole && pass == 0) {
				for (unsigned i = 0; i < keep; i++) {
					const uint64_t other = newest_kept[i];
					if (index > other) {
						newest_kept[i] = index;
						index = other;
					}
				}
			} else if (whole && index < newest_kept[keep - 1]) {
				(void)unlink(path);
			} else if (sweep && pass == 1 && strlen(entry->d_name) > 4 &&
				   strcmp(entry->d_name + strlen(entry->d_name) - 4, ".tmp") == 0) {
				(void)unlink(path);
			}
		}
		if (listing != NULL)
			(void)closedir(listing);
	}
}
