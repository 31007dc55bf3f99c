#include "raft/snapshot_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/mem.h"
#include "base/mutant.h"
#include "base/vfs_io.h"

#define MAGIC      0x4e534b52u /* "RKSN" */
#define VERSION    1
#define LEVEL      -1 /* values that nothing makes smaller cost a third of what 1 costs */
#define HEAD_MAX   (64 + RK_CONFIG_SIZE_MAX + 64)
#define TAIL_BYTES 4 /* CRC32C of all before */

void rk_snapshot_name(char name[RK_SNAPSHOT_NAME_MAX], uint64_t index, const char *ending)
{
	(void)snprintf(name, RK_SNAPSHOT_NAME_MAX, "%016llx.%s", (unsigned long long)index, ending);
}

bool rk_snapshot_is_name(const char *name, const char *ending, uint64_t *ret_index)
{
	char *end = NULL;
	const uint64_t index = strtoull(name, &end, 16);

	if (end != name + 16 || *end != '.' || strcmp(end + 1, ending) != 0)
		return false;
	*ret_index = index;
	return true;
}

void rk_snapshot_incoming_name(char name[RK_SNAPSHOT_NAME_MAX], uint64_t peer)
{
	(void)snprintf(name, RK_SNAPSHOT_NAME_MAX, "incoming-%llx.tmp", (unsigned long long)peer);
}

/* --- writing --- */

struct rk_snapshot_writer {
	struct rk_vfs *vfs;
	uint64_t index;
	char name[RK_SNAPSHOT_NAME_MAX];
	struct rk_vfile *file;
	uint64_t at;
	uint32_t crc;
	ZSTD_CCtx *zstd;
	uint8_t out[RK_SNAPSHOT_PIECE];
};

static int failed(const struct rk_snapshot_writer *writer, struct rk_error *error)
{
	return rk_fail_errno(error, "cannot write %s/%s", writer->vfs->path, writer->name);
}

static int put(struct rk_snapshot_writer *writer, struct rk_span bytes, struct rk_error *error)
{
	writer->crc = rk_crc32c(writer->crc, bytes.data, bytes.size);
	if (rk_vfile_write(writer->file, writer->at, bytes) < 0)
		return failed(writer, error);
	writer->at += bytes.size;
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

int rk_snapshot_create(struct rk_snapshot_writer **ret, struct rk_vfs *vfs,
		       struct rk_cluster_id cluster, const struct rk_snapshot_meta *meta,
		       struct rk_error *error)
{
	struct rk_snapshot_writer *writer = rk_zalloc(sizeof *writer);
	RK_AUTO(rk_buf_done) struct rk_buf head = { 0 };

	writer->vfs = rk_vfs_dup(vfs);
	writer->index = meta->index;
	rk_snapshot_name(writer->name, meta->index, "tmp");
	writer->zstd = ZSTD_createCCtx();
	put_head(&head, cluster, meta);
	int err = writer->zstd == NULL || rk_vfs_open(writer->vfs, writer->name, RK_VFILE_NEW,
						      &writer->file) < 0
			  ? rk_fail_errno(error, "cannot make %s/%s", vfs->path, writer->name)
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
	char name[RK_SNAPSHOT_NAME_MAX];

	RK_TRY(compress(writer, RK_SPAN(""), ZSTD_e_end, error));
	rk_buf_put_u32(&tail, writer->crc);
	rk_snapshot_name(name, writer->index, RK_SNAPSHOT_WHOLE);
	if (rk_vfile_write(writer->file, writer->at, rk_buf_span(&tail)) < 0 ||
	    (!RK_MUTANT(NO_SNAPSHOT_SYNC) && rk_vfile_sync(writer->file) < 0) ||
	    rk_vfs_rename(writer->vfs, writer->name, name) < 0 || rk_vfs_sync(writer->vfs) < 0)
		return failed(writer, error);
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
	if (writer->file != NULL)
		(void)rk_vfs_remove(writer->vfs, writer->name);
	(void)rk_vfile_close(writer->file);
	(void)rk_vfs_close(writer->vfs);
	(void)ZSTD_freeCCtx(writer->zstd);
	free(writer);
	return NULL;
}

/* --- reading --- */

struct rk_snapshot_reader {
	struct rk_vfile *file;
	char path[512]; /* for messages */
	uint64_t at;
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
	size = (size_t)RK_MIN((uint64_t)size, reader->left);
	if (rk_vfile_read(reader->file, reader->at, reader->bytes, size) < 0)
		return damaged(reader, "cannot be read to its end", error);
	reader->at += size;
	reader->crc = rk_crc32c(reader->crc, reader->bytes, size);
	reader->left -= size;
	reader->in = (ZSTD_inBuffer){ reader->bytes, size, 0 };
	return RK_OK;
}

/* What its head says may be damage. */
static bool is_whole(struct rk_snapshot_reader *reader)
{
	uint64_t size = 0;
	uint32_t crc = 0;

	if (rk_vfile_size(reader->file, &size) < 0 || size < TAIL_BYTES)
		return false;
	for (uint64_t at = 0; at < size - TAIL_BYTES; at += sizeof reader->bytes) {
		const size_t piece =
			(size_t)RK_MIN((uint64_t)sizeof reader->bytes, size - TAIL_BYTES - at);
		if (rk_vfile_read(reader->file, at, reader->bytes, piece) < 0)
			return false;
		crc = rk_crc32c(crc, reader->bytes, piece);
	}
	uint8_t tail[TAIL_BYTES];
	if (rk_vfile_read(reader->file, size - TAIL_BYTES, tail, sizeof tail) < 0)
		return false;
	struct rk_reader in = rk_reader_of(rk_span_of(tail, sizeof tail));
	return rk_read_u32(&in) == crc;
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
	if ((version != VERSION || found.high != cluster.high || found.low != cluster.low) &&
	    !is_whole(reader))
		return damaged(reader, "its head is damaged", error);
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

static int open_name(struct rk_snapshot_reader **ret, struct rk_vfs *vfs, const char *name,
		     struct rk_cluster_id cluster, struct rk_snapshot_meta *ret_meta,
		     struct rk_error *error)
{
	struct rk_snapshot_reader *reader = rk_zalloc(sizeof *reader);
	uint64_t size = 0;

	(void)snprintf(reader->path, sizeof reader->path, "%s/%s", vfs->path, name);
	reader->zstd = ZSTD_createDCtx();
	int err = RK_OK;
	if (reader->zstd == NULL || rk_vfs_open(vfs, name, RK_VFILE_READ, &reader->file) < 0 ||
	    rk_vfile_size(reader->file, &size) < 0)
		err = rk_fail_errno(error, "cannot open %s", reader->path);
	else if (size <= TAIL_BYTES)
		err = damaged(reader, "is not a snapshot", error);
	if (err == RK_OK) {
		reader->left = size - TAIL_BYTES;
		err = read_head(reader, cluster, ret_meta, error);
	}
	if (err < 0) {
		(void)rk_snapshot_close(reader);
		return err;
	}
	*ret = reader;
	return RK_OK;
}

static void note_newest(void *context, const char *name)
{
	uint64_t *best = context, index;

	if (rk_snapshot_is_name(name, RK_SNAPSHOT_WHOLE, &index))
		*best = RK_MAX(*best, index);
}

static uint64_t newest(struct rk_vfs *vfs)
{
	uint64_t best = 0;

	(void)rk_vfs_list(vfs, &best, note_newest);
	return best;
}

int rk_snapshot_open(struct rk_snapshot_reader **ret, struct rk_vfs *vfs,
		     struct rk_cluster_id cluster, uint64_t index,
		     struct rk_snapshot_meta *ret_meta, struct rk_error *error)
{
	char name[RK_SNAPSHOT_NAME_MAX];

	if (index == 0)
		index = newest(vfs);
	if (index == 0)
		return rk_fail(error, RK_ENOENT, "%s holds no snapshot", vfs->path);
	rk_snapshot_name(name, index, RK_SNAPSHOT_WHOLE);
	return open_name(ret, vfs, name, cluster, ret_meta, error);
}

static int check_tail(struct rk_snapshot_reader *reader, struct rk_error *error)
{
	uint8_t tail[TAIL_BYTES];

	if (rk_vfile_read(reader->file, reader->at, tail, sizeof tail) < 0)
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
	(void)rk_vfile_close(reader->file);
	(void)ZSTD_freeDCtx(reader->zstd);
	free(reader);
	return NULL;
}

/* --- the files --- */

static void path_of(char *path, size_t size, const char *dir, const char *name)
{
	(void)snprintf(path, size, "%s/%s", dir, name);
}

int rk_snapshot_raw(const char *dir, uint64_t index, int *ret_fd, uint64_t *ret_size,
		    uint32_t *ret_checksum, struct rk_error *error)
{
	char name[RK_SNAPSHOT_NAME_MAX], path[512];
	uint8_t tail[TAIL_BYTES];
	struct stat status;

	rk_snapshot_name(name, index, RK_SNAPSHOT_WHOLE);
	path_of(path, sizeof path, dir, name);
	RK_AUTO(rk_drop_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status) < 0)
		return rk_fail_errno(error, "cannot open %s", path);
	if (status.st_size <= TAIL_BYTES ||
	    pread(fd, tail, sizeof tail, status.st_size - TAIL_BYTES) != TAIL_BYTES)
		return rk_fail(error, RK_ECORRUPT, "%s: is not a snapshot", path);
	struct rk_reader in = rk_reader_of(rk_span_of(tail, sizeof tail));
	if (ret_checksum != NULL)
		*ret_checksum = rk_read_u32(&in);
	*ret_fd = rk_take_fd(&fd);
	*ret_size = (uint64_t)status.st_size;
	return RK_OK;
}

static int read_to_end(struct rk_snapshot_reader *reader, const struct rk_snapshot_meta *found,
		       const struct rk_snapshot_meta *meta, struct rk_error *error)
{
	struct rk_span bytes;
	int more;

	do
		more = rk_snapshot_read(reader, &bytes, error);
	while (more == 1);
	if (more == 0 && (found->index != meta->index || found->term != meta->term))
		return damaged(reader, "is not the snapshot that was announced", error);
	return more;
}

int rk_snapshot_admit(struct rk_vfs *vfs, uint64_t peer, struct rk_cluster_id cluster,
		      const struct rk_snapshot_meta *meta, struct rk_error *error)
{
	static const char checked[] = "checked.tmp";
	RK_AUTO(rk_vfile_drop) struct rk_vfile *file = NULL;
	struct rk_snapshot_reader *reader = NULL;
	struct rk_snapshot_meta found;
	char came[RK_SNAPSHOT_NAME_MAX], name[RK_SNAPSHOT_NAME_MAX];

	/* Out of the way of the next one from the same peer: what is checked is what is kept. */
	rk_snapshot_incoming_name(came, peer);
	if (rk_vfs_rename(vfs, came, checked) < 0)
		return rk_fail_errno(error, "cannot find %s/%s", vfs->path, came);
	RK_TRY(open_name(&reader, vfs, checked, cluster, &found, error));
	const int err = read_to_end(reader, &found, meta, error);
	(void)rk_snapshot_close(reader);
	RK_TRY(err);
	rk_snapshot_name(name, meta->index, RK_SNAPSHOT_WHOLE);
	if (rk_vfs_open(vfs, checked, RK_VFILE_WRITE, &file) < 0 || rk_vfile_sync(file) < 0 ||
	    rk_vfs_rename(vfs, checked, name) < 0 || rk_vfs_sync(vfs) < 0)
		return rk_fail_errno(error, "cannot make %s/%s", vfs->path, name);
	return RK_OK;
}

int rk_snapshot_set_aside(struct rk_vfs *vfs, struct rk_error *error)
{
	char from[RK_SNAPSHOT_NAME_MAX], to[RK_SNAPSHOT_NAME_MAX];
	const uint64_t index = newest(vfs);

	if (index == 0)
		return rk_fail(error, RK_ENOENT, "%s holds no snapshot", vfs->path);
	rk_snapshot_name(from, index, RK_SNAPSHOT_WHOLE);
	rk_snapshot_name(to, index, "snap.damaged");
	if (rk_vfs_rename(vfs, from, to) < 0 || rk_vfs_sync(vfs) < 0)
		return rk_fail_errno(error, "cannot set %s/%s aside", vfs->path, from);
	return RK_OK;
}

#define KEEP_MAX 16
struct pruning {
	uint64_t kept[KEEP_MAX]; /* the newest, descending */
	unsigned keep;
	bool sweep;
	char (*gone)[RK_SNAPSHOT_NAME_MAX];
	size_t gone_count, gone_capacity;
};

static void note_kept(void *context, const char *name)
{
	struct pruning *pruning = context;
	uint64_t index;

	if (!rk_snapshot_is_name(name, RK_SNAPSHOT_WHOLE, &index))
		return;
	for (unsigned i = 0; i < pruning->keep; i++) {
		const uint64_t other = pruning->kept[i];
		if (index > other) {
			pruning->kept[i] = index;
			index = other;
		}
	}
}

static bool is_gone(const struct pruning *pruning, const char *name)
{
	const size_t size = strlen(name);
	uint64_t index;

	if (rk_snapshot_is_name(name, RK_SNAPSHOT_WHOLE, &index))
		return index < pruning->kept[pruning->keep - 1];
	if (rk_snapshot_is_name(name, RK_SNAPSHOT_PART, &index) ||
	    rk_snapshot_is_name(name, RK_SNAPSHOT_SUMS, &index))
		return index <= pruning->kept[0];
	return pruning->sweep && size > 4 && strcmp(name + size - 4, ".tmp") == 0;
}

static void note_gone(void *context, const char *name)
{
	struct pruning *pruning = context;
	const size_t size = strlen(name);

	if (size >= RK_SNAPSHOT_NAME_MAX || !is_gone(pruning, name))
		return;
	pruning->gone = rk_grow(pruning->gone, &pruning->gone_capacity, pruning->gone_count + 1,
				sizeof *pruning->gone);
	memcpy(pruning->gone[pruning->gone_count++], name, size + 1);
}

void rk_snapshot_prune(struct rk_vfs *vfs, unsigned keep, bool sweep)
{
	struct pruning pruning = { .keep = keep, .sweep = sweep };

	rk_assert(keep <= KEEP_MAX);
	(void)rk_vfs_list(vfs, &pruning, note_kept);
	(void)rk_vfs_list(vfs, &pruning, note_gone);
	for (size_t i = 0; i < pruning.gone_count; i++)
		(void)rk_vfs_remove(vfs, pruning.gone[i]);
	free(pruning.gone);
}
