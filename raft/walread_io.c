/* The log as it lies on disk, record by record, for tools. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "raft/segments_io.h"
#include "raft/wal_io.h"

struct rk_wal_reader {
	char *dir;
	int dir_fd;
	struct rk_segments segments;
	size_t next; /* segment to open */
	struct rk_mapping mapping;
	struct rk_frames frames;
	struct rk_reader body;
	uint64_t group;
	struct rk_wal_place place;
};

/* The newest segment that begins before entry `from`; damage is for rk_wal_reader_next to tell. */
static size_t segment_of(const struct rk_wal_reader *reader, uint64_t from)
{
	for (size_t i = from > 0 ? reader->segments.count : 0; i > 0; i--) {
		RK_AUTO(rk_mapping_close) struct rk_mapping mapping = { 0 };
		char name[RK_SEGMENT_NAME_MAX];
		struct rk_segment_head head;
		rk_segment_name(name, reader->segments.at[i - 1]);
		if (rk_mapping_open(&mapping, reader->dir_fd, name, NULL) == RK_OK &&
		    rk_segment_head_of(mapping.bytes, &head) && head.base_index < from)
			return i - 1;
	}
	return 0;
}

int rk_wal_reader_open(struct rk_wal_reader **ret, const char *dir, uint64_t from,
		       struct rk_error *error)
{
	struct rk_wal_reader *reader = rk_zalloc(sizeof *reader);

	reader->dir = rk_strdup(dir);
	reader->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = reader->dir_fd < 0
			  ? rk_fail_errno(error, "cannot open %s", dir)
			  : rk_segments_list(reader->dir_fd, dir, &reader->segments, error);
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
	rk_mapping_close(&reader->mapping);
	rk_segments_done(&reader->segments);
	if (reader->dir_fd >= 0)
		(void)close(reader->dir_fd);
	free(reader->dir);
	free(reader);
	return NULL;
}

/* 1 when another segment is open, 0 when there is none. One that a running member removed meanwhile
 * is passed over. */
static int next_segment(struct rk_wal_reader *reader, struct rk_error *error)
{
	while (reader->next < reader->segments.count) {
		rk_mapping_close(&reader->mapping);
		rk_segment_name(reader->place.segment, reader->segments.at[reader->next++]);
		const int err = rk_mapping_open(&reader->mapping, reader->dir_fd,
						reader->place.segment, error);
		if (err == RK_ENOENT)
			continue;
		RK_TRY(err);
		reader->frames = rk_frames_of(reader->mapping.bytes);
		return 1;
	}
	return 0;
}

static int damaged(const struct rk_wal_reader *reader, struct rk_error *error)
{
	return rk_fail(error, RK_ECORRUPT, "%s/%s, byte %zu: damaged", reader->dir,
		       reader->place.segment, reader->place.offset);
}

static int next_frame(struct rk_wal_reader *reader, struct rk_error *error)
{
	for (;;) {
		struct rk_span body;
		reader->place.offset = reader->frames.at;
		const int more = rk_frames_next(&reader->frames, &body);
		const bool is_last = reader->next == reader->segments.count;
		if (more == 1) {
			if (reader->group != 0 && reader->frames.group != reader->group + 1)
				return damaged(reader, error);
			reader->group = reader->frames.group;
			reader->body = rk_reader_of(body);
			return 1;
		}
		if (more == RK_ECORRUPT || (more == RK_EAGAIN && !is_last))
			return damaged(reader, error);
		if (is_last)
			return more;
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
		if (more == 1) {
			if (ret_place != NULL)
				*ret_place = reader->place;
			return 1;
		}
		const int frame = next_frame(reader, error);
		if (frame != 1)
			return frame;
	}
}
