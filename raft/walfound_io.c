/* Recovery: the log is read from its oldest needed segment on; a torn end is cut. Of damage it finds
 * out what was lost, by the trail of the next whole frame (raft/frame.h): entries whose index and
 * term are known become holes, to be filled by peers. When that cannot be known, the rest of the log
 * is set aside, and the member knows that it lost its memory. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/mutant.h"
#include "raft/wal_inner_io.h"
#include "raft/walrepair_io.h"

#define HOLES_MAX (1u << 20) /* more are no damage but nonsense */

struct reading {
	struct rk_wal *wal;
	struct rk_wal_found *found;
	const struct rk_segments *segments;
	size_t segment;     /* in `segments`: where we are */
	size_t good_to;     /* in it: up to here all was well */
	bool is_first;      /* of the segments that are read */
	bool in_gap;        /* damage was met, and no whole frame since */
	size_t gap_segment; /* where that began... */
	size_t gap_good_to;
	struct rk_error gap; /* ... as a text */
};

static void found_cut(struct rk_wal_found *found, uint64_t from)
{
	while (found->count > 0 && found->entries[found->count - 1].index >= from) {
		found->holes -= found->entries[found->count - 1].kind == RK_ENTRY_LOST;
		rk_entries_done(&found->entries[--found->count], 1);
	}
}

static void found_push(struct rk_wal_found *found, struct rk_entry entry)
{
	found->entries =
		rk_grow(found->entries, &found->capacity, found->count + 1, sizeof *found->entries);
	found->entries[found->count++] = entry;
	found->holes += entry.kind == RK_ENTRY_LOST;
}

/* The entry needs not be read: it is in the snapshot. */
static bool is_old(const struct rk_wal *wal, const struct rk_wal_found *found, uint64_t index)
{
	return index <= wal->opts.from_index || index <= found->base_index;
}

static int found_entry(struct reading *reading, const struct rk_record *record,
		       struct rk_error *error)
{
	struct rk_wal *wal = reading->wal;
	struct rk_wal_found *found = reading->found;
	struct rk_entry entry = record->entry;

	if (entry.index > wal->trail.index + 1 || entry.index == 0)
		return rk_fail(error, RK_ECORRUPT, "entry %llu follows entry %llu",
			       (unsigned long long)entry.index,
			       (unsigned long long)wal->trail.index);
	wal->trail.index = entry.index;
	wal->trail.term = entry.term;
	wal->last_time_ms = entry.time_ms;
	if (entry.kind == RK_ENTRY_CONFIG)
		wal->trail.config_index = entry.index;
	found_cut(found, entry.index);
	if (is_old(wal, found, entry.index)) {
		found->base_index = entry.index;
		found->base_term = entry.term;
		return RK_OK;
	}
	if (entry.kind != RK_ENTRY_NOOP)
		entry.payload = rk_blob_copy(record->payload);
	found_push(found, entry);
	return RK_OK;
}

static void found_fill(struct rk_wal_found *found, const struct rk_record *record)
{
	const uint64_t index = record->entry.index;

	if (found->count == 0 || index < found->entries[0].index ||
	    index > found->entries[found->count - 1].index)
		return;
	struct rk_entry *hole = &found->entries[index - found->entries[0].index];
	if (hole->kind != RK_ENTRY_LOST || hole->term != record->entry.term)
		return;
	*hole = record->entry;
	if (hole->kind != RK_ENTRY_NOOP)
		hole->payload = rk_blob_copy(record->payload);
	found->holes--;
}

static int found_head(struct reading *reading, const struct rk_segment_head *head,
		      struct rk_error *error)
{
	struct rk_wal *wal = reading->wal;

	if (head->cluster.high != wal->opts.cluster.high ||
	    head->cluster.low != wal->opts.cluster.low || head->member != wal->opts.member)
		return rk_fail(error, RK_EPERM, "it is the log of another cluster or member");
	if (reading->is_first) {
		reading->found->base_index = wal->trail.index = head->base_index;
		reading->found->base_term = wal->trail.term = head->base_term;
		wal->trail.config_index = head->base_index;
		wal->last_time_ms = head->time_ms;
		wal->hard = head->hard;
		return RK_OK;
	}
	if (!reading->in_gap &&
	    (head->base_index != wal->trail.index || head->base_term != wal->trail.term))
		return rk_fail(error, RK_ECORRUPT,
			       "the segment follows entry %llu, the log before it ends with %llu",
			       (unsigned long long)head->base_index,
			       (unsigned long long)wal->trail.index);
	return RK_OK;
}

/* Between the last whole frame and one with this trail there was damage. */
static int close_gap(struct reading *reading, const struct rk_trail *trail, struct rk_error *error)
{
	struct rk_wal *wal = reading->wal;
	struct rk_wal_found *found = reading->found;
	const struct rk_trail before = wal->trail;

	if (trail->index <= wal->opts.from_index) {
		found_cut(found, 0); /* all of it is in the snapshot */
		found->base_index = trail->index;
		found->base_term = trail->term;
	} else if (!rk_trail_tells(&before, trail) || trail->config_index > before.config_index ||
		   trail->index - before.index > HOLES_MAX) {
		return rk_fail(error, RK_ECORRUPT, "it cannot be known what was there");
	} else {
		for (uint64_t i = before.index + 1; i <= trail->index; i++) {
			if (is_old(wal, found, i)) {
				found->base_index = i;
				found->base_term = trail->term;
				continue;
			}
			found_push(found, (struct rk_entry){ .index = i,
							     .term = trail->term,
							     .time_ms = wal->last_time_ms,
							     .kind = RK_ENTRY_LOST });
		}
	}
	wal->trail = *trail;
	reading->in_gap = false;
	return RK_OK;
}

static int found_record(struct reading *reading, const struct rk_record *record,
			struct rk_error *error)
{
	struct rk_wal *wal = reading->wal;

	if (reading->in_gap && record->kind != RK_RECORD_HEAD && record->kind != RK_RECORD_TRAIL)
		return rk_fail(error, RK_ECORRUPT, "it cannot be known what was there");
	switch (record->kind) {
	case RK_RECORD_HEAD: return found_head(reading, &record->head, error);
	case RK_RECORD_HARD: wal->hard = record->hard; return RK_OK;
	case RK_RECORD_TRAIL:
		if (reading->in_gap)
			return close_gap(reading, &record->trail, error);
		wal->trail.config_index =
			RK_MAX(wal->trail.config_index, record->trail.config_index);
		wal->trail.reset_group = record->trail.reset_group;
		return RK_OK;
	case RK_RECORD_RESET:
		found_cut(reading->found, 0);
		reading->found->base_index = record->mark.index;
		reading->found->base_term = record->mark.term;
		wal->trail = (struct rk_trail){ record->mark.index, record->mark.term,
						record->mark.index, wal->group + 1 };
		wal->last_time_ms = record->mark.time_ms;
		return RK_OK;
	case RK_RECORD_LOST: break;
	case RK_RECORD_FILL: found_fill(reading->found, record); return RK_OK;
	case RK_RECORD_ENTRY: return found_entry(reading, record, error);
	}
	return RK_ECORRUPT;
}

static int read_body(struct reading *reading, struct rk_span body, uint64_t group,
		     struct rk_error *error)
{
	struct rk_reader reader = rk_reader_of(body);
	struct rk_wal *wal = reading->wal;
	struct rk_record record;
	int more;

	if (!reading->in_gap && wal->group != 0 && group != wal->group + 1)
		return rk_fail(error, RK_ECORRUPT, "jobs %llu to %llu are missing",
			       (unsigned long long)wal->group + 1, (unsigned long long)group - 1);
	while ((more = rk_record_next(&reader, &record)) == 1)
		RK_TRY(found_record(reading, &record, error));
	if (more < 0 || reading->in_gap)
		return rk_fail(error, RK_ECORRUPT, "a record makes no sense");
	wal->group = group;
	return RK_OK;
}

/* RK_OK: go on behind the damage, if there are peers that can fill what it held. */
static int open_gap(struct reading *reading, struct rk_error *error)
{
	if (!reading->in_gap) {
		reading->in_gap = true;
		reading->gap_segment = reading->segment;
		reading->gap_good_to = reading->good_to;
		reading->gap = *error;
		if (reading->found->damage.code == 0)
			reading->found->damage = *error;
	}
	/* Without a whole frame before it there is nothing that the next one could be compared with. */
	return reading->wal->opts.repair && !reading->is_first ? RK_OK : RK_ECORRUPT;
}

static int where(struct reading *reading, int err, size_t at, struct rk_error *error)
{
	char name[RK_SEGMENT_NAME_MAX];

	rk_segment_name(name, reading->segments->at[reading->segment]);
	return rk_fail_wrap(error, err, "%s/%s, byte %zu, after entry %llu",
			    reading->wal->vfs->path, name, at,
			    (unsigned long long)reading->wal->trail.index);
}

static int read_frames(struct reading *reading, struct rk_frames *frames, bool is_last,
		       struct rk_error *error)
{
	for (;;) {
		struct rk_span body;
		const size_t at = frames->at;
		int more = rk_frames_next(frames, &body);
		if (more == 0 || (more == RK_EAGAIN && is_last) || (RK_MUTANT(CUT_MIDDLE) && is_last && more < 0))
			return RK_OK; /* torn: the caller cuts it */
		if (more < 0) {
			(void)rk_fail(error, RK_ECORRUPT,
				      "the bytes there are damaged, and later ones are whole");
			(void)where(reading, RK_ECORRUPT, at, error);
			RK_TRY(open_gap(reading, error));
			if (!rk_frames_resume(frames, &body))
				return is_last ? RK_ECORRUPT : RK_OK;
		}
		const int err = read_body(reading, body, frames->group, error);
		if (err < 0)
			return where(reading, err, at, error);
		reading->is_first = false;
		reading->good_to = frames->at;
	}
}

static int read_segment(struct reading *reading, bool is_last, struct rk_error *error)
{
	RK_AUTO(rk_segment_unload) struct rk_segment_bytes segment = { 0 };
	struct rk_wal *wal = reading->wal;
	const uint64_t sequence = reading->segments->at[reading->segment];
	const bool is_first = reading->is_first;
	char name[RK_SEGMENT_NAME_MAX];
	struct rk_segment_head head = { .base_index = wal->trail.index };

	rk_segment_name(name, sequence);
	RK_TRY(rk_segment_load(&segment, wal->vfs, name, error));
	const struct rk_span bytes = rk_buf_span(&segment.bytes);
	struct rk_frames frames = rk_frames_of(bytes);
	reading->good_to = 0;
	RK_TRY(read_frames(reading, &frames, is_last, error));
	if (!frames.began) { /* made, but nothing of it became durable */
		if (!is_last || (is_first && sequence != 1)) {
			(void)rk_fail(error, RK_ECORRUPT, "%s/%s: its beginning is damaged",
				      wal->vfs->path, name);
			RK_TRY(open_gap(reading, error));
			rk_wal_note_segment(wal, sequence, head.base_index, bytes.size);
			return RK_OK;
		}
		/* For good, before anything is written to the one before it: were it there again after a crash, that one's
		 * torn end would be taken for damage. */
		if (rk_vfs_remove(wal->vfs, name) < 0 || rk_vfs_sync(wal->vfs) < 0)
			return rk_fail_errno(error, "cannot remove %s/%s, in which nothing is", wal->vfs->path, name);
		return RK_OK;
	}
	(void)rk_segment_head_of(bytes, &head);
	rk_wal_note_segment(wal, sequence, head.base_index, bytes.size);
	wal->salt = frames.salt;
	wal->at = reading->good_to;
	wal->size = bytes.size;
	return RK_OK;
}

/* The newest segment that begins at or before `from_index`: what is before it need not be read. */
static size_t first_needed(struct rk_wal *wal, const struct rk_segments *segments)
{
	for (size_t i = segments->count; i > 1; i--) {
		char name[RK_SEGMENT_NAME_MAX];
		struct rk_segment_head head;
		uint64_t size;
		rk_segment_name(name, segments->at[i - 1]);
		if (rk_segment_peek(wal->vfs, name, &head, &size) &&
		    head.base_index <= wal->opts.from_index)
			return i - 1;
	}
	return 0;
}

/* History: not needed, so damage in it is for `log verify`. */
static void note_older(struct rk_wal *wal, uint64_t sequence)
{
	char name[RK_SEGMENT_NAME_MAX];
	struct rk_segment_head head = { 0 };
	uint64_t size = 0;

	rk_segment_name(name, sequence);
	if (!rk_segment_peek(wal->vfs, name, &head, &size))
		head.base_index = 0;
	rk_wal_note_segment(wal, sequence, head.base_index, size);
}

static int missing(struct reading *reading, struct rk_error *error)
{
	const uint64_t before = reading->segments->at[reading->segment - 1];

	(void)rk_fail(error, RK_ECORRUPT, "%s: segment %016llx is missing",
		      reading->wal->vfs->path, (unsigned long long)before + 1);
	reading->good_to = 0;
	return open_gap(reading, error);
}

static int read_all(struct reading *reading, struct rk_error *error)
{
	const struct rk_segments *segments = reading->segments;
	const size_t first = segments->count > 0 ? first_needed(reading->wal, segments) : 0;

	for (size_t i = 0; i < segments->count; i++) {
		reading->segment = i;
		if (i < first) {
			note_older(reading->wal, segments->at[i]);
			continue;
		}
		if (i > first && segments->at[i] != segments->at[i - 1] + 1)
			RK_TRY(missing(reading, error));
		reading->is_first = i == first;
		RK_TRY(read_segment(reading, i + 1 == segments->count, error));
	}
	if (!reading->in_gap)
		return RK_OK;
	*error = reading->gap; /* nothing whole came after it */
	return RK_ECORRUPT;
}

/* The segment where the gap begins is cut there, and those behind it are set aside. The mark comes first: a crash
 * in the midst of this must not leave a member that knows of no loss. */
static int set_aside(struct reading *reading, struct rk_error *error)
{
	struct rk_wal *wal = reading->wal;
	const struct rk_segments *segments = reading->segments;
	size_t bad = reading->segment, good_to = reading->good_to;

	if (reading->in_gap) {
		bad = reading->gap_segment;
		good_to = reading->gap_good_to;
	}
	for (size_t i = bad; i < segments->count; i++)
		rk_walrepair_hard(wal->vfs, segments->at[i], &wal->hard);
	RK_TRY(rk_walrepair_mark(wal->vfs, error));
	for (size_t i = segments->count; i > bad + 1; i--)
		RK_TRY(rk_walrepair_set_aside(wal->vfs, segments->at[i - 1], error));
	/* Of a gap, the segment behind it is whole but follows nothing. */
	return good_to == 0 ? rk_walrepair_set_aside(wal->vfs, segments->at[bad], error)
			    : rk_walrepair_cut(wal->vfs, segments->at[bad], good_to, error);
}

static void start_again(struct rk_wal *wal)
{
	wal->segment_count = 0;
	wal->group = 0;
	wal->trail = (struct rk_trail){ 0 };
	wal->last_time_ms = 0;
}

static int read_or_repair(struct rk_wal *wal, struct rk_wal_found *found, struct rk_error *error)
{
	RK_AUTO(rk_segments_done) struct rk_segments segments = { 0 };
	struct rk_error damage = { 0 }, again = { 0 };

	RK_TRY(rk_segments_list(wal->vfs, &segments, error));
	struct reading reading = { .wal = wal, .found = found, .segments = &segments };
	int err = read_all(&reading, &damage);
	if (err == RK_OK)
		return RK_OK;
	if (err != RK_ECORRUPT || !wal->opts.repair) {
		if (error != NULL)
			*error = damage;
		return err;
	}
	RK_TRY(set_aside(&reading, error));
	const uint64_t lost_from = wal->trail.index + 1;
	const struct rk_hard_state hard = wal->hard;
	rk_wal_found_done(found);
	start_again(wal);
	rk_segments_done(&segments);
	RK_TRY(rk_segments_list(wal->vfs, &segments, error));
	reading = (struct reading){ .wal = wal, .found = found, .segments = &segments };
	err = read_all(&reading, &again);
	wal->hard = hard;
	found->lost_from = lost_from;
	found->damage = damage;
	if (err < 0 && error != NULL)
		*error = again;
	return err;
}

/* A torn job leaves bytes behind: they go before anything is written over their beginning. */
static int cut_torn(struct rk_wal *wal, struct rk_wal_found *found, struct rk_error *error)
{
	uint8_t page[4096];

	for (size_t at = wal->at, size; at < wal->size; at += size) {
		size = RK_MIN(sizeof page, wal->size - at);
		const bool is_readable = rk_vfile_read(wal->file, at, page, size) == RK_OK;
		for (size_t i = 0; i < size; i++)
			if (!is_readable || page[i] != 0)
				found->torn_bytes = at + i + 1 - wal->at;
	}
	if (found->torn_bytes > 0 &&
	    (rk_wal_zero(wal->file, wal->at, wal->at + found->torn_bytes) < 0 ||
	     rk_vfile_sync(wal->file) < 0))
		return rk_fail_errno(error, "cannot cut the torn end of the log in %s",
				     wal->vfs->path);
	return RK_OK;
}

static int reopen_last(struct rk_wal *wal, struct rk_wal_found *found, struct rk_error *error)
{
	char name[RK_SEGMENT_NAME_MAX];

	if (wal->segment_count == 0)
		return RK_OK;
	rk_segment_name(name, wal->segments[wal->segment_count - 1].sequence);
	if (rk_vfs_open(wal->vfs, name, RK_VFILE_WRITE, &wal->file) < 0)
		return rk_fail_errno(error, "cannot open %s/%s", wal->vfs->path, name);
	return cut_torn(wal, found, error);
}

int rk_wal_recover(struct rk_wal *wal, struct rk_wal_found *found, struct rk_error *error)
{
	RK_TRY(read_or_repair(wal, found, error));
	wal->has_mark = rk_walrepair_is_marked(wal->vfs);
	found->log_as_of = wal->hard.term;
	RK_TRY(rk_votes_open(&wal->votes, wal->vfs, &wal->hard, error));
	if (wal->has_mark)
		wal->hard.commit = RK_COMMIT_FORGOTTEN;
	found->hard = wal->hard;
	return reopen_last(wal, found, error);
}
