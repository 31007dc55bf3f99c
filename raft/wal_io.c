#include "raft/wal_io.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "raft/segments_io.h"
#include "raft/walrepair_io.h"

#define SEGMENT_BYTES (8u << 20)
#define HISTORY_BYTES (64u << 20)
#define SPARE_NAME    "next.wal.tmp"

struct segment { /* that the log keeps, oldest first */
	uint64_t sequence, base_index, bytes;
};

struct rk_wal {
	struct rk_wal_opts opts;
	char *dir;
	int dir_fd, fd;  /* fd: the segment that is written, -1 before the first */
	size_t at, size; /* in it */
	size_t good_to;  /* in the segment that was read last: up to here all was well */
	uint64_t salt, group;
	struct rk_hard_state hard;
	uint64_t last_index, last_term; /* newest entry written */
	int64_t last_time_ms;
	bool has_spare;
	bool has_mark; /* of repair: goes with the first write */
	bool failed;
	struct segment *segments;
	size_t segment_count, segment_capacity;
	struct rk_buf out;
};

void rk_wal_found_done(struct rk_wal_found *found)
{
	rk_entries_done(found->entries, found->count);
	free(found->entries);
	*found = (struct rk_wal_found){ 0 };
}

/* --- reading back --- */

static void found_cut(struct rk_wal_found *found, uint64_t from)
{
	while (found->count > 0 && found->entries[found->count - 1].index >= from)
		rk_entries_done(&found->entries[--found->count], 1);
}

static int found_entry(struct rk_wal *wal, struct rk_wal_found *found,
		       const struct rk_record *record, struct rk_error *error)
{
	struct rk_entry entry = record->entry;

	if (entry.index > wal->last_index + 1 || entry.index == 0)
		return rk_fail(error, RK_ECORRUPT, "entry %llu follows entry %llu",
			       (unsigned long long)entry.index,
			       (unsigned long long)wal->last_index);
	wal->last_index = entry.index;
	wal->last_term = entry.term;
	wal->last_time_ms = entry.time_ms;
	found_cut(found, entry.index);
	if (entry.index <= wal->opts.from_index || entry.index <= found->base_index) {
		found->base_index = entry.index;
		found->base_term = entry.term;
		return RK_OK;
	}
	if (entry.kind != RK_ENTRY_NOOP)
		entry.payload = rk_blob_copy(record->payload);
	found->entries =
		rk_grow(found->entries, &found->capacity, found->count + 1, sizeof *found->entries);
	found->entries[found->count++] = entry;
	return RK_OK;
}

static int found_head(struct rk_wal *wal, struct rk_wal_found *found,
		      const struct rk_segment_head *head, bool is_first, struct rk_error *error)
{
	if (head->cluster.high != wal->opts.cluster.high ||
	    head->cluster.low != wal->opts.cluster.low || head->member != wal->opts.member)
		return rk_fail(error, RK_EPERM, "it is the log of another cluster or member");
	if (is_first) {
		found->base_index = wal->last_index = head->base_index;
		found->base_term = wal->last_term = head->base_term;
		wal->last_time_ms = head->time_ms;
		wal->hard = head->hard;
	} else if (head->base_index != wal->last_index || head->base_term != wal->last_term) {
		return rk_fail(error, RK_ECORRUPT,
			       "the segment follows entry %llu, the log before it ends with %llu",
			       (unsigned long long)head->base_index,
			       (unsigned long long)wal->last_index);
	}
	return RK_OK;
}

static int found_record(struct rk_wal *wal, struct rk_wal_found *found,
			const struct rk_record *record, bool is_first, struct rk_error *error)
{
	switch (record->kind) {
	case RK_RECORD_HEAD: return found_head(wal, found, &record->head, is_first, error);
	case RK_RECORD_HARD: wal->hard = record->hard; return RK_OK;
	case RK_RECORD_RESET:
		found_cut(found, 0);
		found->base_index = wal->last_index = record->mark.index;
		found->base_term = wal->last_term = record->mark.term;
		wal->last_time_ms = record->mark.time_ms;
		return RK_OK;
	case RK_RECORD_ENTRY: return found_entry(wal, found, record, error);
	}
	return RK_ECORRUPT;
}

static int read_body(struct rk_wal *wal, struct rk_wal_found *found, struct rk_span body,
		     bool is_first, struct rk_error *error)
{
	struct rk_reader reader = rk_reader_of(body);
	struct rk_record record;
	int more;

	while ((more = rk_record_next(&reader, &record)) == 1)
		RK_TRY(found_record(wal, found, &record, is_first, error));
	if (more < 0)
		return rk_fail(error, RK_ECORRUPT, "a record makes no sense");
	return RK_OK;
}

static int read_frames(struct rk_wal *wal, struct rk_wal_found *found, struct rk_frames *frames,
		       bool is_first, bool is_last, struct rk_error *error)
{
	struct rk_span body;
	int more;

	while ((more = rk_frames_next(frames, &body)) == 1) {
		if (wal->group != 0 && frames->group != wal->group + 1)
			return rk_fail(error, RK_ECORRUPT, "jobs %llu to %llu are missing",
				       (unsigned long long)wal->group + 1,
				       (unsigned long long)frames->group - 1);
		RK_TRY(read_body(wal, found, body, is_first, error));
		wal->group = frames->group;
		wal->good_to = frames->at;
	}
	if (more == RK_EAGAIN && is_last)
		return RK_OK; /* torn: the caller cuts it */
	if (more < 0)
		return rk_fail(error, RK_ECORRUPT,
			       "the bytes there are damaged, and later ones are whole");
	return RK_OK;
}

static int read_segment(struct rk_wal *wal, struct rk_wal_found *found, uint64_t sequence,
			bool is_first, bool is_last, struct rk_error *error)
{
	RK_AUTO(rk_mapping_close) struct rk_mapping mapping = { 0 };
	char name[RK_SEGMENT_NAME_MAX];
	struct rk_segment_head head;

	rk_segment_name(name, sequence);
	RK_TRY(rk_mapping_open(&mapping, wal->dir_fd, name, error));
	struct rk_frames frames = rk_frames_of(mapping.bytes);
	wal->good_to = 0;
	const int err = read_frames(wal, found, &frames, is_first, is_last, error);
	if (err < 0)
		return rk_fail_wrap(error, err, "%s/%s, byte %zu, after entry %llu", wal->dir, name,
				    frames.at, (unsigned long long)wal->last_index);
	if (!frames.began) { /* made, but nothing of it became durable */
		if (!is_last || is_first)
			return rk_fail(error, RK_ECORRUPT, "%s/%s: its beginning is damaged",
				       wal->dir, name);
		(void)unlinkat(wal->dir_fd, name, 0);
		return RK_OK;
	}
	const bool has_head = rk_segment_head_of(mapping.bytes, &head);
	rk_assert(has_head);
	wal->segments = rk_grow(wal->segments, &wal->segment_capacity, wal->segment_count + 1,
				sizeof *wal->segments);
	wal->segments[wal->segment_count++] =
		(struct segment){ sequence, head.base_index, mapping.bytes.size };
	wal->salt = frames.salt;
	wal->at = frames.at;
	wal->size = mapping.bytes.size;
	return RK_OK;
}

/* The newest segment that begins at or before `from_index`: what is before it need not be read. */
static int first_needed(struct rk_wal *wal, const struct rk_segments *segments, size_t *ret,
			struct rk_error *error)
{
	*ret = 0;
	for (size_t i = segments->count; i > 1; i--) {
		RK_AUTO(rk_mapping_close) struct rk_mapping mapping = { 0 };
		char name[RK_SEGMENT_NAME_MAX];
		struct rk_segment_head head;
		rk_segment_name(name, segments->at[i - 1]);
		RK_TRY(rk_mapping_open(&mapping, wal->dir_fd, name, error));
		if (rk_segment_head_of(mapping.bytes, &head) &&
		    head.base_index <= wal->opts.from_index) {
			*ret = i - 1;
			return RK_OK;
		}
	}
	return RK_OK;
}

static int note_older(struct rk_wal *wal, uint64_t sequence, struct rk_error *error)
{
	RK_AUTO(rk_mapping_close) struct rk_mapping mapping = { 0 };
	char name[RK_SEGMENT_NAME_MAX];
	struct rk_segment_head head = { 0 };

	rk_segment_name(name, sequence);
	RK_TRY(rk_mapping_open(&mapping, wal->dir_fd, name, error));
	(void)rk_segment_head_of(
		mapping.bytes,
		&head); /* history: not needed, so damage in it is for `log verify` */
	wal->segments = rk_grow(wal->segments, &wal->segment_capacity, wal->segment_count + 1,
				sizeof *wal->segments);
	wal->segments[wal->segment_count++] =
		(struct segment){ sequence, head.base_index, mapping.bytes.size };
	return RK_OK;
}

static int missing(struct rk_wal *wal, uint64_t sequence, struct rk_error *error)
{
	wal->good_to = 0;
	return rk_fail(error, RK_ECORRUPT, "%s: segment %016llx is missing", wal->dir,
		       (unsigned long long)sequence);
}

/* *ret_bad: the position of the segment that the failure is about. */
static int read_all(struct rk_wal *wal, const struct rk_segments *segments,
		    struct rk_wal_found *found, size_t *ret_bad, struct rk_error *error)
{
	size_t first = 0;

	*ret_bad = 0;
	if (segments->count == 0)
		return RK_OK;
	RK_TRY(first_needed(wal, segments, &first, error));
	for (size_t i = 0; i < segments->count; i++) {
		*ret_bad = i;
		if (i > 0 && segments->at[i] != segments->at[i - 1] + 1)
			return missing(wal, segments->at[i - 1] + 1, error);
		if (i < first)
			RK_TRY(note_older(wal, segments->at[i], error));
		else
			RK_TRY(read_segment(wal, found, segments->at[i], i == first,
					    i + 1 == segments->count, error));
	}
	return RK_OK;
}

/* The segment at `bad` is cut where it is damaged, and those behind it are set aside. The mark comes first: a crash
 * in the midst of this must not leave a member that knows of no loss. */
static int set_aside(struct rk_wal *wal, const struct rk_segments *segments, size_t bad,
		     struct rk_wal_found *found, struct rk_error *error)
{
	found->damage = *error;
	found->lost_from = wal->last_index + 1;
	for (size_t i = bad; i < segments->count; i++)
		rk_walrepair_hard(wal->dir_fd, segments->at[i], &wal->hard);
	RK_TRY(rk_walrepair_mark(wal->dir_fd, &wal->hard, error));
	for (size_t i = segments->count; i > bad + 1; i--)
		RK_TRY(rk_walrepair_set_aside(wal->dir_fd, segments->at[i - 1], error));
	/* Of a gap, the segment behind it is whole but follows nothing. */
	if (wal->good_to == 0)
		RK_TRY(rk_walrepair_set_aside(wal->dir_fd, segments->at[bad], error));
	else
		RK_TRY(rk_walrepair_cut(wal->dir_fd, segments->at[bad], wal->good_to, error));
	return RK_OK;
}

static void forget_found(struct rk_wal *wal, struct rk_wal_found *found)
{
	const struct rk_error damage = found->damage;
	const uint64_t lost_from = found->lost_from;

	rk_wal_found_done(found);
	found->damage = damage;
	found->lost_from = lost_from;
	wal->segment_count = 0;
	wal->group = wal->last_index = wal->last_term = 0;
	wal->last_time_ms = 0;
}

static int read_or_repair(struct rk_wal *wal, struct rk_segments *segments,
			  struct rk_wal_found *found, struct rk_error *error)
{
	struct rk_hard_state hard;
	size_t bad;
	int err = read_all(wal, segments, found, &bad, error);

	if (err == RK_ECORRUPT && wal->opts.repair) {
		RK_TRY(set_aside(wal, segments, bad, found, error));
		hard = wal->hard;
		forget_found(wal, found);
		rk_segments_done(segments);
		RK_TRY(rk_segments_list(wal->dir_fd, wal->dir, segments, error));
		err = read_all(wal, segments, found, &bad, error);
		wal->hard = hard;
	}
	return err;
}

/* --- files --- */

static int write_all(int fd, const uint8_t *data, size_t size, size_t at)
{
	while (size > 0) {
		const ssize_t done = pwrite(fd, data, size, (off_t)at);
		if (done <= 0)
			return RK_EIO;
		data += done;
		at += (size_t)done;
		size -= (size_t)done;
	}
	return RK_OK;
}

static int zero_from(int fd, size_t from, size_t to)
{
	static const uint8_t zeros[1 << 16];

	while (from < to) {
		const size_t size = RK_MIN(sizeof zeros, to - from);
		RK_TRY(write_all(fd, zeros, size, from));
		from += size;
	}
	return RK_OK;
}

static int make_spare(struct rk_wal *wal, size_t size, struct rk_error *error)
{
	RK_AUTO(rk_drop_fd)
	int fd = openat(wal->dir_fd, SPARE_NAME, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);

	/* Zeros that are really there, so that a sync of what is written later has no block to map.
	 */
	if (fd < 0 || posix_fallocate(fd, 0, (off_t)size) != 0 || zero_from(fd, 0, size) < 0 ||
	    fsync(fd) < 0) {
		(void)unlinkat(wal->dir_fd, SPARE_NAME, 0);
		return rk_fail(error, RK_ENOSPC, "%s: no room for a log segment of %zu bytes",
			       wal->dir, size);
	}
	wal->has_spare = true;
	return RK_OK;
}

static uint64_t next_sequence(const struct rk_wal *wal)
{
	return wal->segment_count == 0 ? 1 : wal->segments[wal->segment_count - 1].sequence + 1;
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
	RK_AUTO(rk_drop_fd) int fd = openat(wal->dir_fd, SPARE_NAME, O_RDWR | O_CLOEXEC);
	if (fd < 0 || renameat(wal->dir_fd, SPARE_NAME, wal->dir_fd, name) < 0 ||
	    fsync(wal->dir_fd) < 0)
		return rk_fail_errno(error, "cannot make %s/%s", wal->dir, name);
	wal->has_spare = false;
	if (wal->fd >= 0)
		(void)close(wal->fd);
	wal->fd = rk_take_fd(&fd);
	wal->at = 0;
	wal->size = size;
	if (getrandom(&wal->salt, sizeof wal->salt, 0) != (ssize_t)sizeof wal->salt)
		return rk_fail_errno(error, "no randomness");
	const struct rk_segment_head head = { .sequence = sequence,
					      .cluster = wal->opts.cluster,
					      .member = wal->opts.member,
					      .base_index = wal->last_index,
					      .base_term = wal->last_term,
					      .time_ms = wal->last_time_ms,
					      .hard = wal->hard };
	rk_buf_clear(&wal->out);
	const size_t start = rk_frame_begin(&wal->out);
	rk_frame_put_head(&wal->out, &head);
	rk_frame_end(&wal->out, start, wal->salt, ++wal->group);
	/* Durable before the first job's frame is written: only the newest frame may ever be torn.
	 */
	if (write_all(wal->fd, wal->out.data, wal->out.size, 0) < 0 || fdatasync(wal->fd) < 0) {
		wal->failed = true;
		return rk_fail_errno(error, "cannot write %s/%s", wal->dir, name);
	}
	wal->at = wal->out.size;
	wal->segments = rk_grow(wal->segments, &wal->segment_capacity, wal->segment_count + 1,
				sizeof *wal->segments);
	wal->segments[wal->segment_count++] = (struct segment){ sequence, head.base_index, size };
	return RK_OK;
}

static int reopen_last(struct rk_wal *wal, struct rk_wal_found *found, struct rk_error *error)
{
	char name[RK_SEGMENT_NAME_MAX];
	struct stat status;

	if (wal->segment_count == 0)
		return RK_OK;
	rk_segment_name(name, wal->segments[wal->segment_count - 1].sequence);
	wal->fd = openat(wal->dir_fd, name, O_RDWR | O_CLOEXEC);
	if (wal->fd < 0 || fstat(wal->fd, &status) < 0)
		return rk_fail_errno(error, "cannot open %s/%s", wal->dir, name);
	/* A torn job leaves bytes behind: they go before anything is written over their beginning.
	 */
	for (size_t at = wal->at; at < wal->size;) {
		uint8_t page[4096];
		const ssize_t got = pread(wal->fd, page, sizeof page, (off_t)at);
		if (got <= 0)
			return rk_fail_errno(error, "cannot read %s/%s", wal->dir, name);
		for (ssize_t i = 0; i < got; i++)
			if (page[i] != 0)
				found->torn_bytes = at + (size_t)i + 1 - wal->at;
		at += (size_t)got;
	}
	if (found->torn_bytes > 0 &&
	    (zero_from(wal->fd, wal->at, wal->at + found->torn_bytes) < 0 ||
	     fdatasync(wal->fd) < 0))
		return rk_fail_errno(error, "cannot cut the torn end of %s/%s", wal->dir, name);
	return RK_OK;
}

static int open_dir(struct rk_wal *wal, struct rk_error *error)
{
	if (mkdir(wal->dir, 0700) < 0 && access(wal->dir, F_OK) < 0)
		return rk_fail_errno(error, "cannot make %s", wal->dir);
	wal->dir_fd = open(wal->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (wal->dir_fd < 0)
		return rk_fail_errno(error, "cannot open %s", wal->dir);
	(void)unlinkat(wal->dir_fd, SPARE_NAME, 0);
	return RK_OK;
}

static int recover(struct rk_wal *wal, struct rk_wal_found *found, struct rk_error *error)
{
	RK_AUTO(rk_segments_done) struct rk_segments segments = { 0 };

	RK_TRY(open_dir(wal, error));
	RK_TRY(rk_segments_list(wal->dir_fd, wal->dir, &segments, error));
	RK_TRY(read_or_repair(wal, &segments, found, error));
	wal->has_mark = rk_walrepair_is_marked(wal->dir_fd, &wal->hard);
	if (wal->has_mark)
		wal->hard.commit = RK_COMMIT_FORGOTTEN;
	found->hard = wal->hard;
	return reopen_last(wal, found, error);
}

int rk_wal_open(struct rk_wal **ret, const struct rk_wal_opts *opts, struct rk_wal_found *found,
		struct rk_error *error)
{
	struct rk_wal *wal = rk_zalloc(sizeof *wal);

	wal->opts = *opts;
	wal->dir = rk_strdup(opts->dir);
	wal->dir_fd = wal->fd = -1;
	if (wal->opts.segment_bytes == 0)
		wal->opts.segment_bytes = SEGMENT_BYTES;
	if (wal->opts.history_bytes == 0)
		wal->opts.history_bytes = HISTORY_BYTES;
	*found = (struct rk_wal_found){ 0 };
	const int err = recover(wal, found, error);
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
	if (wal->fd >= 0)
		(void)close(wal->fd);
	if (wal->dir_fd >= 0)
		(void)close(wal->dir_fd);
	rk_buf_done(&wal->out);
	free(wal->segments);
	free(wal->dir);
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

static void put_job(struct rk_wal *wal, const struct rk_persist *job)
{
	if (job->reset) {
		rk_frame_put_reset(&wal->out, &job->mark);
		wal->last_index = job->mark.index;
		wal->last_term = job->mark.term;
		wal->last_time_ms = job->mark.time_ms;
	}
	for (size_t i = 0; i < job->count; i++)
		rk_frame_put_entry(&wal->out, &job->entries[i]);
	if (job->count > 0) {
		const struct rk_entry *last = &job->entries[job->count - 1];
		wal->last_index = last->index;
		wal->last_term = last->term;
		wal->last_time_ms = last->time_ms;
	}
	rk_frame_put_hard(&wal->out, &job->hard);
	wal->hard = job->hard;
}

int rk_wal_write(struct rk_wal *wal, struct rk_persist *const *jobs, size_t count,
		 struct rk_error *error)
{
	size_t need = RK_FRAME_HEAD_SIZE + RK_FRAME_ALIGN;

	if (wal->failed)
		return rk_fail(error, RK_EIO, "%s: an earlier write failed", wal->dir);
	for (size_t i = 0; i < count; i++)
		need += job_size(jobs[i]);
	if (wal->fd < 0 || wal->size - wal->at < need)
		RK_TRY(roll(wal, need, error));
	rk_buf_clear(&wal->out);
	const size_t start = rk_frame_begin(&wal->out);
	for (size_t i = 0; i < count; i++)
		put_job(wal, jobs[i]);
	rk_frame_end(&wal->out, start, wal->salt, ++wal->group);
	rk_assert(wal->out.size <= wal->size - wal->at);
	if (write_all(wal->fd, wal->out.data, wal->out.size, wal->at) < 0 ||
	    fdatasync(wal->fd) < 0) {
		wal->failed = true;
		return rk_fail_errno(error, "cannot write to the log in %s", wal->dir);
	}
	wal->at += wal->out.size;
	if (wal->has_mark && rk_walrepair_unmark(wal->dir_fd) == RK_OK)
		wal->has_mark = false; /* the log itself says it now */
	if (wal->out.capacity > (1u << 20))
		rk_buf_done(&wal->out);
	return RK_OK;
}

int rk_wal_prepare(struct rk_wal *wal, struct rk_error *error)
{
	if (wal->has_spare || wal->failed || (wal->fd >= 0 && wal->at < wal->size / 2))
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
		(void)unlinkat(wal->dir_fd, name, 0); /* what stays is only history */
		bytes -= wal->segments[gone].bytes;
		gone++;
	}
	wal->segment_count -= gone;
	if (gone > 0)
		memmove(wal->segments, wal->segments + gone,
			wal->segment_count * sizeof *wal->segments);
}
