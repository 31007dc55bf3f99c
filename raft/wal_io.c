#include "raft/wal_io.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/mutant.h"
#include "base/vfs_io.h"
#include "raft/wal_inner_io.h"
#include "raft/walrepair_io.h"

#define SEGMENT_BYTES (8u << 20)
#define HISTORY_BYTES (64u << 20)
#define SPARE_NAME    "next.wal.tmp"

void rk_wal_found_done(struct rk_wal_found *found)
{
	rk_entries_done(found->entries, found->count);
	free(found->entries);
	*found = (struct rk_wal_found){ 0 };
}

/* --- files --- */

int rk_wal_zero(struct rk_vfile *file, size_t from, size_t to)
{
	static const uint8_t zeros[1 << 16];

	while (from < to) {
		const size_t size = RK_MIN(sizeof zeros, to - from);
		RK_TRY(rk_vfile_write(file, from, rk_span_of(zeros, size)));
		from += size;
	}
	return RK_OK;
}

void rk_wal_note_segment(struct rk_wal *wal, uint64_t sequence, uint64_t base_index, uint64_t bytes)
{
	wal->segments = rk_grow(wal->segments, &wal->segment_capacity, wal->segment_count + 1,
				sizeof *wal->segments);
	wal->segments[wal->segment_count++] =
		(struct rk_wal_segment){ sequence, base_index, bytes };
}

/* Zeros that are really there, so that a sync of what is written later has no block to map, and so that what never came
 * to the disk can be told. A segment that is dropped is used again (rk_wal_drop). */
static int make_spare(struct rk_wal *wal, size_t size, struct rk_error *error)
{
	RK_AUTO(rk_vfile_drop) struct rk_vfile *file = NULL;
	uint64_t old = 0;

	if (rk_vfs_open(wal->vfs, SPARE_NAME, RK_VFILE_WRITE, &file) < 0 ||
	    rk_vfile_size(file, &old) < 0 || old != size) {
		file = rk_vfile_close(file);
		if (rk_vfs_open(wal->vfs, SPARE_NAME, RK_VFILE_NEW, &file) < 0)
			return rk_fail_errno(error, "cannot make %s/" SPARE_NAME, wal->vfs->path);
	}
	if (rk_vfile_reserve(file, size) < 0 || rk_wal_zero(file, 0, size) < 0 ||
	    rk_vfile_sync(file) < 0) {
		const int why = errno;
		file = rk_vfile_close(file);
		(void)rk_vfs_remove(wal->vfs, SPARE_NAME);
		errno = why;
		return rk_fail(error, why == EIO ? RK_EIO : RK_ENOSPC,
			       "%s: no room for a log segment of %zu bytes", wal->vfs->path, size);
	}
	wal->has_spare = true;
	return RK_OK;
}

static uint64_t next_sequence(const struct rk_wal *wal)
{
	return wal->segment_count == 0 ? 1 : wal->segments[wal->segment_count - 1].sequence + 1;
}

static int new_salt(struct rk_wal *wal)
{
	if (wal->opts.seed != 0) {
		wal->random = rk_hash64(rk_span_of(&wal->group, sizeof wal->group),
					wal->random ^ wal->opts.seed);
		wal->salt = wal->random;
		return RK_OK;
	}
	return getrandom(&wal->salt, sizeof wal->salt, 0) == (ssize_t)sizeof wal->salt ? RK_OK
										       : RK_EIO;
}

static int put_out(struct rk_wal *wal, struct rk_error *error)
{
	rk_assert(wal->out.size <= wal->size - wal->at);
	if (rk_vfile_write(wal->file, wal->at, rk_buf_span(&wal->out)) < 0 ||
	    (!RK_MUTANT(NO_SYNC) && rk_vfile_sync(wal->file) < 0 && !RK_MUTANT(SYNC_AGAIN))) {
		wal->failed = true;
		return rk_fail_errno(error, "cannot write to the log in %s", wal->vfs->path);
	}
	wal->at += wal->out.size;
	return RK_OK;
}

/* Room for a frame of `need` bytes in a new segment. */
static int roll(struct rk_wal *wal, size_t need, struct rk_error *error)
{
	const size_t size = RK_MAX((size_t)wal->opts.segment_bytes, need + 4096);
	const uint64_t sequence = next_sequence(wal);
	char name[RK_SEGMENT_NAME_MAX];

	if (!wal->has_spare || size > wal->opts.segment_bytes)
		RK_TRY(make_spare(wal, size, error));
	rk_segment_name(name, sequence);
	RK_AUTO(rk_vfile_drop) struct rk_vfile *file = NULL;
	if (rk_vfs_open(wal->vfs, SPARE_NAME, RK_VFILE_WRITE, &file) < 0 ||
	    rk_vfs_rename(wal->vfs, SPARE_NAME, name) < 0 || rk_vfs_sync(wal->vfs) < 0) {
		wal->failed = true;
		return rk_fail_errno(error, "cannot make %s/%s", wal->vfs->path, name);
	}
	wal->has_spare = false;
	(void)rk_vfile_close(wal->file);
	wal->file = rk_take_ptr(file);
	wal->at = 0;
	wal->size = size;
	if (new_salt(wal) < 0)
		return rk_fail_errno(error, "no randomness");
	const struct rk_segment_head head = { .sequence = sequence,
					      .cluster = wal->opts.cluster,
					      .member = wal->opts.member,
					      .base_index = wal->trail.index,
					      .base_term = wal->trail.term,
					      .time_ms = wal->last_time_ms,
					      .hard = wal->hard };
	rk_buf_clear(&wal->out);
	const size_t start = rk_frame_begin(&wal->out);
	rk_frame_put_head(&wal->out, &head);
	rk_frame_put_trail(&wal->out, &wal->trail);
	rk_frame_end(&wal->out, start, wal->salt, ++wal->group, wal->at);
	/* Durable before the first job's frame is written: only the newest frame may ever be torn.
	 */
	RK_TRY(put_out(wal, error));
	rk_wal_note_segment(wal, sequence, head.base_index, size);
	return RK_OK;
}

int rk_wal_open(struct rk_wal **ret, const struct rk_wal_opts *opts, struct rk_wal_found *found,
		struct rk_error *error)
{
	struct rk_wal *wal = rk_zalloc(sizeof *wal);

	wal->opts = *opts;
	wal->vfs = opts->vfs;
	wal->random = opts->seed;
	if (wal->opts.segment_bytes == 0)
		wal->opts.segment_bytes = SEGMENT_BYTES;
	if (wal->opts.history_bytes == 0)
		wal->opts.history_bytes = HISTORY_BYTES;
	*found = (struct rk_wal_found){ 0 };
	int err = wal->vfs != NULL ? RK_OK : rk_vfs_dir(&wal->vfs, opts->dir, true, error);
	if (err == RK_OK)
		err = rk_wal_recover(wal, found, error);
	if (err < 0) {
		rk_wal_found_done(found);
		(void)rk_wal_close(wal);
		return err;
	}
	*ret = wal;
	return RK_OK;
}

struct rk_wal *rk_wal_close(struct rk_wal *wal)
{
	if (wal == NULL)
		return NULL;
	rk_votes_close(&wal->votes);
	(void)rk_vfile_close(wal->file);
	(void)rk_vfs_close(wal->vfs);
	rk_buf_done(&wal->out);
	free(wal->segments);
	free(wal);
	return NULL;
}

/* --- writing --- */

static size_t job_size(const struct rk_persist *job)
{
	size_t size = 256 + (job->reset ? 256 + RK_CONFIG_SIZE_MAX : 0);

	for (size_t i = 0; i < job->count; i++)
		size += rk_entry_size(&job->entries[i]);
	return size;
}

/* What the next frame's trail will say. */
static void follow(struct rk_wal *wal, const struct rk_persist *job)
{
	if (job->reset) {
		wal->trail = (struct rk_trail){ job->mark.index, job->mark.term, job->mark.index,
						wal->group + 1 };
		wal->last_time_ms = job->mark.time_ms;
	}
	for (size_t i = 0; i < job->count && !job->fills; i++) {
		const struct rk_entry *entry = &job->entries[i];
		wal->trail.index = entry->index;
		wal->trail.term = entry->term;
		wal->last_time_ms = entry->time_ms;
		if (entry->kind == RK_ENTRY_CONFIG)
			wal->trail.config_index = entry->index;
	}
}

static void put_job(struct rk_wal *wal, const struct rk_persist *job)
{
	if (job->reset)
		rk_frame_put_reset(&wal->out, &job->mark);
	for (size_t i = 0; i < job->count; i++)
		rk_frame_put_entry(&wal->out, job->fills ? RK_RECORD_FILL : RK_RECORD_ENTRY,
				   &job->entries[i]);
	rk_frame_put_hard(&wal->out, &job->hard);
	follow(wal, job);
	wal->hard = job->hard;
}

static int write_vote(struct rk_wal *wal, const struct rk_hard_state *hard, struct rk_error *error)
{
	if (hard->term == wal->hard.term && hard->vote == wal->hard.vote &&
	    (hard->commit == RK_COMMIT_FORGOTTEN) == (wal->hard.commit == RK_COMMIT_FORGOTTEN))
		return RK_OK;
	if (rk_votes_write(&wal->votes, hard) == RK_OK)
		return RK_OK;
	wal->failed = true;
	return rk_fail_errno(error, "cannot write the vote in %s", wal->vfs->path);
}

static int check_room(struct rk_wal *wal, size_t need, struct rk_error *error)
{
	if (wal->failed)
		return rk_fail(error, RK_EIO, "%s: an earlier write failed", wal->vfs->path);
	return wal->file == NULL || wal->size - wal->at < need ? roll(wal, need, error) : RK_OK;
}

int rk_wal_write(struct rk_wal *wal, struct rk_persist *const *jobs, size_t count,
		 struct rk_error *error)
{
	size_t need = RK_FRAME_HEAD_SIZE + RK_FRAME_ALIGN + 64;

	for (size_t i = 0; i < count; i++)
		need += job_size(jobs[i]);
	RK_TRY(check_room(wal, need, error));
	RK_TRY(write_vote(wal, &jobs[count - 1]->hard, error));
	rk_buf_clear(&wal->out);
	const size_t start = rk_frame_begin(&wal->out);
	rk_frame_put_trail(&wal->out, &wal->trail);
	for (size_t i = 0; i < count; i++)
		put_job(wal, jobs[i]);
	rk_frame_end(&wal->out, start, wal->salt, ++wal->group, wal->at);
	RK_TRY(put_out(wal, error));
	wal->sealed = false;
	if (wal->has_mark && rk_walrepair_unmark(wal->vfs) == RK_OK)
		wal->has_mark = false; /* the log itself says it now */
	if (wal->out.capacity > (1u << 20))
		rk_buf_done(&wal->out);
	return RK_OK;
}

bool rk_wal_is_sealed(const struct rk_wal *wal)
{
	return wal->sealed || wal->file == NULL || wal->failed;
}

int rk_wal_seal(struct rk_wal *wal, struct rk_error *error)
{
	if (rk_wal_is_sealed(wal))
		return RK_OK;
	RK_TRY(check_room(wal, 256, error));
	rk_buf_clear(&wal->out);
	const size_t start = rk_frame_begin(&wal->out);
	rk_frame_put_trail(&wal->out, &wal->trail);
	rk_frame_put_hard(&wal->out, &wal->hard);
	rk_frame_end(&wal->out, start, wal->salt, ++wal->group, wal->at);
	RK_TRY(put_out(wal, error));
	wal->sealed = true;
	return RK_OK;
}

int rk_wal_prepare(struct rk_wal *wal, struct rk_error *error)
{
	if (wal->has_spare || wal->failed || (wal->file != NULL && wal->at < wal->size / 2))
		return RK_OK;
	return make_spare(wal, wal->opts.segment_bytes, error);
}

void rk_wal_drop(struct rk_wal *wal, uint64_t index)
{
	uint64_t bytes = 0;
	size_t gone = 0;

	for (size_t i = 0; i < wal->segment_count; i++)
		bytes += wal->segments[i].bytes;
	while (gone + 1 < wal->segment_count && wal->segments[gone + 1].base_index <= index &&
	       bytes > wal->opts.history_bytes) {
		char name[RK_SEGMENT_NAME_MAX];
		rk_segment_name(name, wal->segments[gone].sequence);
		/* What stays is only history; its blocks serve again, once rk_wal_prepare has zeroed them. */
		if (wal->has_spare || rk_vfs_rename(wal->vfs, name, SPARE_NAME) < 0)
			(void)rk_vfs_remove(wal->vfs, name);
		bytes -= wal->segments[gone].bytes;
		gone++;
	}
	wal->segment_count -= gone;
	if (gone > 0)
		memmove(wal->segments, wal->segments + gone,
			wal->segment_count * sizeof *wal->segments);
}
