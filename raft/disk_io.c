#include "raft/disk_io.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "base/queue_io.h"

#define BATCH_MAX   512
#define BATCH_BYTES (4u << 20)
#define RETRY_MS    200
#define SEAL_MS     20 /* idle for so long: rk_wal_seal */

enum work_kind { WORK_WRITE, WORK_DROP, WORK_STOP };

struct work {
	struct rk_message message;
	struct rk_persist *job;
	uint64_t index;
};

struct rk_disk {
	struct rk_disk_opts opts;
	struct rk_queue *queue;
	pthread_t thread;
	bool is_full, has_failed;
	atomic_bool is_stopping;
	size_t batch_count, batch_bytes;
	struct rk_persist *batch[BATCH_MAX];
};

static void pause_ms(long ms)
{
	const struct timespec span = { ms / 1000, ms % 1000 * 1000000 };

	(void)nanosleep(&span, NULL);
}

static void set_full(struct rk_disk *disk, bool is_full, const char *why)
{
	if (disk->is_full != is_full)
		disk->opts.full(disk->opts.context, is_full, why);
	disk->is_full = is_full;
}

/* Everything gathered becomes durable, or the log is given up. A full disk is waited out: nothing
 * has been written then; nor was anything acknowledged of what is dropped when the member stops. */
static void flush(struct rk_disk *disk)
{
	struct rk_error error = { 0 };
	int err = disk->has_failed || disk->batch_count == 0 ? RK_ECLOSED : RK_ENOSPC;

	while (err == RK_ENOSPC) {
		err = rk_wal_write(disk->opts.wal, disk->batch, disk->batch_count, &error);
		if (err == RK_ENOSPC) {
			set_full(disk, true, error.text);
			disk->has_failed = atomic_load(&disk->is_stopping);
			if (disk->has_failed)
				break; /* and nothing after it, or the log had a gap */
			pause_ms(RETRY_MS);
		}
	}
	if (err == RK_OK) {
		disk->opts.persisted(disk->opts.context, disk->batch[disk->batch_count - 1]->id);
	} else if (!disk->has_failed && disk->batch_count > 0) {
		disk->has_failed = true;
		disk->opts.failed(disk->opts.context, &error);
	}
	for (size_t i = 0; i < disk->batch_count; i++)
		(void)rk_persist_free(disk->batch[i]);
	disk->batch_count = disk->batch_bytes = 0;
}

static void gather(struct rk_disk *disk, struct rk_persist *job)
{
	disk->batch[disk->batch_count++] = job;
	for (size_t i = 0; i < job->count; i++)
		disk->batch_bytes += rk_entry_size(&job->entries[i]);
	if (disk->batch_count == BATCH_MAX || disk->batch_bytes >= BATCH_BYTES)
		flush(disk);
}

/* False: stop. */
static bool do_all(struct rk_disk *disk, struct rk_message *next)
{
	bool goes_on = true;

	while (next != NULL) {
		struct work *work = RK_CONTAINER(next, struct work, message);
		next = next->next;
		if (work->message.kind == WORK_WRITE)
			gather(disk, work->job);
		else if (work->message.kind == WORK_DROP)
			rk_wal_drop(disk->opts.wal, work->index);
		else
			goes_on = false;
		free(work);
	}
	flush(disk);
	return goes_on;
}

/* Nothing came for a while, or will come. */
static void seal(struct rk_disk *disk)
{
	struct rk_error error;
	const int err = disk->has_failed ? RK_OK : rk_wal_seal(disk->opts.wal, &error);

	if (err < 0 && err != RK_ENOSPC) {
		disk->has_failed = true;
		disk->opts.failed(disk->opts.context, &error);
	}
}

static int wait_ms(const struct rk_disk *disk)
{
	if (disk->is_full) /* while it is, nothing may come to be written, so it looks by itself */
		return RETRY_MS;
	return rk_wal_is_sealed(disk->opts.wal) ? -1 : SEAL_MS;
}

static void *run(void *context)
{
	struct rk_disk *disk = context;
	struct rk_error error;
	bool goes_on = true;

	(void)pthread_setname_np(pthread_self(), "reckon-disk");
	while (goes_on) {
		rk_queue_wait(disk->queue, wait_ms(disk));
		struct rk_message *next = rk_queue_take(disk->queue);
		const bool is_idle = next == NULL;
		goes_on = do_all(disk, next);
		if (is_idle || !goes_on)
			seal(disk);
		if (disk->has_failed)
			continue;
		const bool has_room = rk_wal_prepare(disk->opts.wal, &error) == RK_OK;
		set_full(disk, !has_room, has_room ? "" : error.text);
	}
	return NULL;
}

int rk_disk_new(struct rk_disk **ret, const struct rk_disk_opts *opts, struct rk_error *error)
{
	struct rk_disk *disk = rk_zalloc(sizeof *disk);

	disk->opts = *opts;
	if (rk_queue_new(&disk->queue) < 0 || pthread_create(&disk->thread, NULL, run, disk) != 0) {
		(void)rk_queue_free(disk->queue);
		(void)rk_wal_close(opts->wal);
		free(disk);
		return rk_fail(error, RK_EIO, "cannot start the disk thread");
	}
	*ret = disk;
	return RK_OK;
}

static void push(struct rk_disk *disk, enum work_kind kind, struct rk_persist *job, uint64_t index)
{
	struct work *work = rk_zalloc(sizeof *work);

	work->message.kind = (int)kind;
	work->job = job;
	work->index = index;
	rk_queue_push(disk->queue, &work->message);
}

struct rk_disk *rk_disk_free(struct rk_disk *disk)
{
	if (disk == NULL)
		return NULL;
	atomic_store(&disk->is_stopping, true);
	push(disk, WORK_STOP, NULL, 0);
	(void)pthread_join(disk->thread, NULL);
	(void)rk_queue_free(disk->queue);
	(void)rk_wal_close(disk->opts.wal);
	free(disk);
	return NULL;
}

void rk_disk_write(struct rk_disk *disk, struct rk_persist *job) { push(disk, WORK_WRITE, job, 0); }

void rk_disk_drop(struct rk_disk *disk, uint64_t index) { push(disk, WORK_DROP, NULL, index); }
