#include "raft/segments_io.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

#define PIECE      (1u << 20)
#define UNREADABLE 0xa5 /* so that a lost sector is not taken for one that was never written */
#define HEAD_BYTES 4096

void rk_segment_name(char name[RK_SEGMENT_NAME_MAX], uint64_t sequence)
{
	(void)snprintf(name, RK_SEGMENT_NAME_MAX, "%016llx.wal", (unsigned long long)sequence);
}

static bool sequence_of(const char *name, uint64_t *ret)
{
	char back[RK_SEGMENT_NAME_MAX];

	*ret = strtoull(name, NULL, 16);
	rk_segment_name(back, *ret);
	return strcmp(back, name) == 0;
}

static int by_number(const void *left, const void *right)
{
	const uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return a < b ? -1 : a > b;
}

static void note_name(void *context, const char *name)
{
	struct rk_segments *segments = context;
	uint64_t sequence;

	if (!sequence_of(name, &sequence))
		return;
	segments->at = rk_grow(segments->at, &segments->capacity, segments->count + 1,
			       sizeof *segments->at);
	segments->at[segments->count++] = sequence;
}

int rk_segments_list(struct rk_vfs *vfs, struct rk_segments *ret, struct rk_error *error)
{
	*ret = (struct rk_segments){ 0 };
	if (rk_vfs_list(vfs, ret, note_name) < 0) {
		rk_segments_done(ret);
		return rk_fail_errno(error, "cannot list %s", vfs->path);
	}
	if (ret->count > 0)
		qsort(ret->at, ret->count, sizeof *ret->at, by_number);
	return RK_OK;
}

void rk_segments_done(struct rk_segments *segments)
{
	free(segments->at);
	*segments = (struct rk_segments){ 0 };
}

/* Halves what cannot be read until only single sectors are left out. */
static void read_around(struct rk_segment_bytes *segment, struct rk_vfile *file, size_t at,
			size_t size)
{
	uint8_t *bytes = segment->bytes.data + at;

	if (rk_vfile_read(file, at, bytes, size) == RK_OK)
		return;
	if (size <= RK_SECTOR) {
		memset(bytes, UNREADABLE, size);
		segment->unreadable += size;
		return;
	}
	const size_t half = (size / 2 + RK_SECTOR - 1) / RK_SECTOR * RK_SECTOR;
	read_around(segment, file, at, half);
	read_around(segment, file, at + half, size - half);
}

int rk_segment_load(struct rk_segment_bytes *ret, struct rk_vfs *vfs, const char *name,
		    struct rk_error *error)
{
	RK_AUTO(rk_vfile_drop) struct rk_vfile *file = NULL;
	uint64_t size;

	*ret = (struct rk_segment_bytes){ 0 };
	if (rk_vfs_open(vfs, name, RK_VFILE_READ, &file) < 0 || rk_vfile_size(file, &size) < 0)
		return rk_fail_errno(error, "cannot open %s/%s", vfs->path, name);
	(void)rk_buf_room(&ret->bytes, (size_t)size);
	ret->bytes.size = (size_t)size;
	for (size_t at = 0; at < size; at += PIECE)
		read_around(ret, file, at, RK_MIN((size_t)PIECE, (size_t)size - at));
	return RK_OK;
}

void rk_segment_unload(struct rk_segment_bytes *segment)
{
	rk_buf_done(&segment->bytes);
	*segment = (struct rk_segment_bytes){ 0 };
}

bool rk_segment_head_of(struct rk_span segment, struct rk_segment_head *ret)
{
	struct rk_frames frames = rk_frames_of(segment);
	struct rk_span body;
	struct rk_record record;

	if (rk_frames_next(&frames, &body) != 1)
		return false;
	struct rk_reader reader = rk_reader_of(body);
	if (rk_record_next(&reader, &record) != 1 || record.kind != RK_RECORD_HEAD)
		return false;
	*ret = record.head;
	return true;
}

bool rk_segment_peek(struct rk_vfs *vfs, const char *name, struct rk_segment_head *ret,
		     uint64_t *ret_size)
{
	RK_AUTO(rk_vfile_drop) struct rk_vfile *file = NULL;
	uint8_t bytes[HEAD_BYTES];

	*ret_size = 0;
	return rk_vfs_open(vfs, name, RK_VFILE_READ, &file) == RK_OK &&
	       rk_vfile_size(file, ret_size) == RK_OK &&
	       rk_vfile_read(file, 0, bytes, sizeof bytes) == RK_OK &&
	       rk_segment_head_of(rk_span_of(bytes, sizeof bytes), ret);
}
