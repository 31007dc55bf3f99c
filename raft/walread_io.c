/* The log as it lies on disk, record by record, for tools. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/vfs_io.h"
#include "raft/segments_io.h"
#include "raft/wal_io.h"

struct rk_wal_reader {
	struct rk_vfs *vfs;
	struct rk_segments segments;
	size_t next; /* segment to open */
	struct rk_segment_bytes segment;
	struct rk_frames frames;
	struct rk_reader body;
	uint64_t group;
	struct rk_wal_place place;
	bool in_gap;
	struct rk_wal_place gap;
	struct rk_trail trail; /* behind what was read */
};

/* The newest segment that begins before entry `from`; damage is for rk_wal_reader_next to tell. */
static size_t segment_of(const struct rk_wal_reader *reader, uint64_t from)
{
	for (size_t i = from > 0 ? reader->segments.count : 0; i > 0; i--) {
		char name[RK_SEGMENT_NAME_MAX];
		struct rk_segment_head head;
		uint64_t size;
		rk_segment_name(name, reader->segments.at[i - 1]);
		if (rk_segment_peek(reader->vfs, name, &head, &size) && head.base_index < from)
			return i - 1;
	}
	return 0;
}

int rk_wal_reader_open(struct rk_wal_reader **ret, const char *dir, uint64_t from,
		       struct rk_error *error)
{
	struct rk_wal_reader *reader = rk_zalloc(sizeof *reader);
	int err = rk_vfs_dir(&reader->vfs, dir, false, error);

	if (err == RK_OK)
		err = rk_segments_list(reader->vfs, &reader->segments, error);
	if (err == RK_OK && reader->segments.count == 0)
		err = rk_fail(error, RK_ENOENT, "%s holds no log", dir);
	if (err < 0) {
		(void)rk_wal_reader_close(reader);
		return err;
	}
	reader->next = segment_of(reader, from);
	*ret = reader;
	return RK_OK;
}

struct rk_wal_reader *rk_wal_reader_close(struct rk_wal_reader *reader)
{
	if (reader == NULL)
		return NULL;
	rk_segment_unload(&reader->segment);
	rk_segments_done(&reader->segments);
	(void)rk_vfs_close(reader->vfs);
	free(reader);
	return NULL;
}

/* 1 when another segment is open, 0 when there is none. One that a running member removed meanwhile
 * is passed over. */
static int next_segment(struct rk_wal_reader *reader, struct rk_error *error)
{
	while (reader->next < reader->segments.count) {
		rk_segment_unload(&reader->segment);
		rk_segment_name(reader->place.segment, reader->segments.at[reader->next++]);
		const int err = rk_segment_load(&reader->segment, reader->vfs,
						reader->place.segment, error);
		if (err == RK_ENOENT)
			continue;
		RK_TRY(err);
		reader->frames = rk_frames_of(rk_buf_span(&reader->segment.bytes));
		return 1;
	}
	return 0;
}

static int damaged(const struct rk_wal_reader *reader, struct rk_error *error)
{
	return rk_fail(error, RK_ECORRUPT, "%s/%s, byte %zu: damaged", reader->vfs->path,
		       reader->place.segment, reader->place.offset);
}

static int take_frame(struct rk_wal_reader *reader, struct rk_span body, struct rk_error *error)
{
	if (reader->group != 0 && reader->frames.group != reader->group + 1 && !reader->in_gap)
		return damaged(reader, error);
	reader->group = reader->frames.group;
	reader->body = rk_reader_of(body);
	return 1;
}

/* What was damaged, if this frame's trail tells. */
static int close_gap(struct rk_wal_reader *reader, struct rk_record *record, struct rk_error *error)
{
	const struct rk_trail before = reader->trail, after = record->trail;

	if (record->kind == RK_RECORD_HEAD)
		return 1;
	if (record->kind != RK_RECORD_TRAIL || !rk_trail_tells(&before, &after)) {
		reader->place = reader->gap;
		return damaged(reader, error);
	}
	reader->in_gap = false;
	record->kind = RK_RECORD_LOST;
	record->entry = (struct rk_entry){ .index = before.index + 1, .term = after.term };
	return 1;
}

static void follow(struct rk_wal_reader *reader, const struct rk_record *record)
{
	switch (record->kind) {
	case RK_RECORD_HEAD:
		if (reader->trail.index == 0)
			reader->trail = (struct rk_trail){ .index = record->head.base_index,
							   .term = record->head.base_term };
		break;
	case RK_RECORD_ENTRY:
		reader->trail.index = record->entry.index;
		reader->trail.term = record->entry.term;
		break;
	case RK_RECORD_RESET:
		reader->trail.index = record->mark.index;
		reader->trail.term = record->mark.term;
		reader->trail.reset_group = reader->group;
		break;
	case RK_RECORD_TRAIL:
	case RK_RECORD_LOST: reader->trail = record->trail; break;
	case RK_RECORD_HARD:
	case RK_RECORD_FILL: break;
	}
}

static int next_frame(struct rk_wal_reader *reader, struct rk_error *error)
{
	for (;;) {
		struct rk_span body;
		reader->place.offset = reader->frames.at;
		const int more = rk_frames_next(&reader->frames, &body);
		const bool is_last = reader->next == reader->segments.count;
		if (more == 1)
			return take_frame(reader, body, error);
		if (more == RK_ECORRUPT || (more == RK_EAGAIN && !is_last)) {
			if (!reader->in_gap)
				reader->gap = reader->place;
			reader->in_gap = true;
			if (rk_frames_resume(&reader->frames, &body))
				return take_frame(reader, body, error);
		}
		if (is_last)
			return reader->in_gap ? damaged(reader, error) : more;
		const int opened = next_segment(reader, error);
		if (opened != 1)
			return opened;
	}
}

int rk_wal_reader_next(struct rk_wal_reader *reader, struct rk_record *ret,
		       struct rk_wal_place *ret_place, struct rk_error *error)
{
	for (;;) {
		const int more = rk_record_next(&reader->body, ret);
		if (more < 0)
			return damaged(reader, error);
		if (more == 1 && reader->in_gap)
			RK_TRY(close_gap(reader, ret, error));
		if (more == 1) {
			follow(reader, ret);
			if (ret_place != NULL)
				*ret_place = reader->place;
			return 1;
		}
		const int frame = next_frame(reader, error);
		if (frame != 1)
			return frame;
	}
}
