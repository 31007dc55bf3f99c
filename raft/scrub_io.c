#include "raft/scrub_io.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/vfs_io.h"
#include "raft/segments_io.h"
#include "raft/walsalvage_io.h"

#define PIECE    (256u * 1024)
#define STEP_MS  100
#define PAUSE_MS 60000
#define FILE_MAX (1u << 30) /* a segment or snapshot beyond is passed over with a warning */

struct rk_scrub {
	struct rk_scrub_opts opts;
	char *log_dir, *snapshot_dir;
	pthread_t thread;
	atomic_bool stops;
	pthread_mutex_t lock; /* of the status */
	struct rk_scrub_status status;
	uint64_t found; /* in this round */
	char where[64];
};

/* False: the thread shall end. */
static bool wait_ms(struct rk_scrub *scrub, uint64_t ms)
{
	while (ms > 0 && !atomic_load(&scrub->stops)) {
		const uint64_t step = RK_MIN(ms, (uint64_t)STEP_MS);
		const struct timespec span = { 0, (long)step * 1000000 };
		(void)nanosleep(&span, NULL);
		ms -= step;
	}
	return !atomic_load(&scrub->stops);
}

static void note_damage(struct rk_scrub *scrub, const char *name, const char *why)
{
	scrub->found++;
	(void)snprintf(scrub->where, sizeof scrub->where, "%s", name);
	rk_log(RK_LOG_ERROR, "scrub: damaged", "file=%s why=\"%s\"", name, why);
}

/* The whole file, from the medium and not from memory, at the set pace. False: it is gone, or
 * cannot be read. */
static bool read_slowly(struct rk_scrub *scrub, const char *path, const char *name,
			struct rk_buf *out)
{
	RK_AUTO(rk_drop_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	const uint64_t piece_ms =
		PIECE * UINT64_C(1000) / ((uint64_t)scrub->opts.mib_per_second << 20);
	ssize_t got = 1;

	rk_buf_clear(out);
	if (fd < 0)
		return false; /* removed meanwhile */
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	while (got > 0 && out->size < FILE_MAX) {
		got = read(fd, rk_buf_room(out, PIECE), PIECE);
		if (got < 0) {
			note_damage(scrub, name, "it cannot be read");
			return false;
		}
		out->size += (size_t)got;
		if (!wait_ms(scrub, got > 0 ? RK_MAX(piece_ms, (uint64_t)1) : 0))
			return false;
	}
	(void)pthread_mutex_lock(&scrub->lock);
	scrub->status.bytes += out->size;
	(void)pthread_mutex_unlock(&scrub->lock);
	if (out->size >= FILE_MAX)
		rk_log(RK_LOG_WARN, "scrub: too large a file", "file=%s", name);
	return out->size < FILE_MAX;
}

struct finding {
	bool is_bad;
};

static void on_damage(void *context, const char *segment, size_t from, size_t to)
{
	struct finding *finding = context;

	(void)segment;
	(void)from;
	(void)to;
	finding->is_bad = true;
}

/* Sealed segments only: the newest one is being written. */
static void scrub_log(struct rk_scrub *scrub, struct rk_buf *bytes)
{
	RK_AUTO(rk_segments_done) struct rk_segments segments = { 0 };
	RK_AUTO(rk_vfs_drop) struct rk_vfs *vfs = NULL;

	if (rk_vfs_dir(&vfs, scrub->log_dir, false, NULL) < 0 ||
	    rk_segments_list(vfs, &segments, NULL) < 0)
		return;
	for (size_t i = 0; i + 1 < segments.count && !atomic_load(&scrub->stops); i++) {
		struct finding finding = { 0 };
		const struct rk_salvage salvage = { .context = &finding, .damage = on_damage };
		char name[RK_SEGMENT_NAME_MAX], path[768];
		rk_segment_name(name, segments.at[i]);
		(void)snprintf(path, sizeof path, "%s/%s", scrub->log_dir, name);
		if (!read_slowly(scrub, path, name, bytes))
			continue;
		rk_salvage_segment(&salvage, name, rk_buf_span(bytes), false);
		if (finding.is_bad)
			note_damage(scrub, name, "its bytes are not those that were written");
	}
}

static void scrub_snapshot(struct rk_scrub *scrub, const char *name, struct rk_buf *bytes)
{
	char path[768];

	(void)snprintf(path, sizeof path, "%s/%s", scrub->snapshot_dir, name);
	if (!read_slowly(scrub, path, name, bytes))
		return;
	/* A checksum of all before it is at the end (raft/snapshot_io.c). */
	struct rk_reader in = rk_reader_of(rk_buf_span(bytes));
	const struct rk_span body = rk_read_raw(&in, bytes->size >= 4 ? bytes->size - 4 : 0);
	if (bytes->size < 4 || rk_read_u32(&in) != rk_crc32c(0, body.data, body.size))
		note_damage(scrub, name, "its bytes are not those that were written");
}

static void scrub_snapshots(struct rk_scrub *scrub, struct rk_buf *bytes)
{
	DIR *listing = opendir(scrub->snapshot_dir);
	const struct dirent *entry;

	while (listing != NULL && !atomic_load(&scrub->stops) &&
	       (entry = readdir(listing)) != NULL) {
		const size_t size = strlen(entry->d_name);
		if (size == 21 && strcmp(entry->d_name + 16, ".snap") == 0)
			scrub_snapshot(scrub, entry->d_name, bytes);
	}
	if (listing != NULL)
		(void)closedir(listing);
}

static void end_round(struct rk_scrub *scrub)
{
	(void)pthread_mutex_lock(&scrub->lock);
	scrub->status.rounds++;
	scrub->status.damaged = scrub->found;
	memcpy(scrub->status.where, scrub->where, sizeof scrub->where);
	(void)pthread_mutex_unlock(&scrub->lock);
	scrub->found = 0;
	scrub->where[0] = 0;
}

static void *run(void *context)
{
	struct rk_scrub *scrub = context;
	const uint32_t pause = scrub->opts.pause_ms != 0 ? scrub->opts.pause_ms : PAUSE_MS;

	(void)pthread_setname_np(pthread_self(), "reckon-scrub");
	while (wait_ms(scrub, pause)) {
		struct rk_buf bytes = { 0 };
		scrub_log(scrub, &bytes);
		scrub_snapshots(scrub, &bytes);
		rk_buf_done(&bytes);
		if (!atomic_load(&scrub->stops))
			end_round(scrub);
	}
	return NULL;
}

int rk_scrub_new(struct rk_scrub **ret, const struct rk_scrub_opts *opts, struct rk_error *error)
{
	struct rk_scrub *scrub = rk_zalloc(sizeof *scrub);

	rk_assert(opts->mib_per_second > 0);
	scrub->opts = *opts;
	scrub->log_dir = rk_strdup(opts->log_dir);
	scrub->snapshot_dir = rk_strdup(opts->snapshot_dir);
	(void)pthread_mutex_init(&scrub->lock, NULL);
	if (pthread_create(&scrub->thread, NULL, run, scrub) != 0) {
		free(scrub->log_dir);
		free(scrub->snapshot_dir);
		free(scrub);
		return rk_fail(error, RK_EIO, "cannot start the scrub thread");
	}
	*ret = scrub;
	return RK_OK;
}

struct rk_scrub *rk_scrub_free(struct rk_scrub *scrub)
{
	if (scrub == NULL)
		return NULL;
	atomic_store(&scrub->stops, true);
	(void)pthread_join(scrub->thread, NULL);
	(void)pthread_mutex_destroy(&scrub->lock);
	free(scrub->log_dir);
	free(scrub->snapshot_dir);
	free(scrub);
	return NULL;
}

void rk_scrub_status(struct rk_scrub *scrub, struct rk_scrub_status *ret)
{
	(void)pthread_mutex_lock(&scrub->lock);
	*ret = scrub->status;
	(void)pthread_mutex_unlock(&scrub->lock);
}
