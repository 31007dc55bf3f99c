#include "raft/walrepair_io.h"

#include <stdio.h>

#include "base/mem.h"
#include "raft/segments_io.h"
#include "raft/wal_inner_io.h"

#define MARK_NAME "amnesia"

bool rk_walrepair_is_marked(struct rk_vfs *vfs)
{
	RK_AUTO(rk_vfile_drop) struct rk_vfile *file = NULL;

	return rk_vfs_open(vfs, MARK_NAME, RK_VFILE_READ, &file) == RK_OK;
}

int rk_walrepair_mark(struct rk_vfs *vfs, struct rk_error *error)
{
	RK_AUTO(rk_vfile_drop) struct rk_vfile *file = NULL;

	if (rk_vfs_open(vfs, MARK_NAME, RK_VFILE_NEW, &file) < 0 || rk_vfile_sync(file) < 0 ||
	    rk_vfs_sync(vfs) < 0)
		return rk_fail_errno(error, "cannot mark the log as damaged");
	return RK_OK;
}

int rk_walrepair_unmark(struct rk_vfs *vfs)
{
	(void)rk_vfs_remove(vfs, MARK_NAME);
	return rk_walrepair_is_marked(vfs) ? RK_EIO : rk_vfs_sync(vfs);
}

static void take_hard(struct rk_span body, struct rk_hard_state *hard)
{
	struct rk_reader reader = rk_reader_of(body);
	struct rk_record record;

	while (rk_record_next(&reader, &record) == 1) {
		const struct rk_hard_state *is = record.kind == RK_RECORD_HARD   ? &record.hard
						 : record.kind == RK_RECORD_HEAD ? &record.head.hard
										 : NULL;
		if (is != NULL && is->term >= hard->term)
			*hard = *is;
	}
}

void rk_walrepair_hard(struct rk_vfs *vfs, uint64_t sequence, struct rk_hard_state *hard)
{
	RK_AUTO(rk_segment_unload) struct rk_segment_bytes segment = { 0 };
	char name[RK_SEGMENT_NAME_MAX];

	rk_segment_name(name, sequence);
	if (rk_segment_load(&segment, vfs, name, NULL) < 0)
		return;
	const struct rk_span bytes = rk_buf_span(&segment.bytes);
	for (size_t at = 0; at < bytes.size; at += RK_FRAME_ALIGN) {
		struct rk_frames frames = rk_frames_of(rk_span_sub(bytes, at, bytes.size));
		struct rk_span body;
		if (!rk_frame_is_at(bytes, at) || rk_frames_next(&frames, &body) != 1)
			continue;
		take_hard(body, hard);
		at += frames.at - RK_FRAME_ALIGN;
	}
}

static void damaged_name(char name[RK_SEGMENT_NAME_MAX + 16], uint64_t sequence)
{
	char segment[RK_SEGMENT_NAME_MAX];

	rk_segment_name(segment, sequence);
	(void)snprintf(name, RK_SEGMENT_NAME_MAX + 16, "%s.damaged", segment);
}

int rk_walrepair_set_aside(struct rk_vfs *vfs, uint64_t sequence, struct rk_error *error)
{
	char name[RK_SEGMENT_NAME_MAX], to[RK_SEGMENT_NAME_MAX + 16];

	rk_segment_name(name, sequence);
	damaged_name(to, sequence);
	if (rk_vfs_rename(vfs, name, to) < 0 || rk_vfs_sync(vfs) < 0)
		return rk_fail_errno(error, "cannot set %s aside", name);
	return RK_OK;
}

int rk_walrepair_cut(struct rk_vfs *vfs, uint64_t sequence, size_t at, struct rk_error *error)
{
	RK_AUTO(rk_segment_unload) struct rk_segment_bytes segment = { 0 };
	RK_AUTO(rk_vfile_drop) struct rk_vfile *copy_file = NULL;
	RK_AUTO(rk_vfile_drop) struct rk_vfile *file = NULL;
	char name[RK_SEGMENT_NAME_MAX], copy[RK_SEGMENT_NAME_MAX + 16];

	rk_segment_name(name, sequence);
	damaged_name(copy, sequence);
	RK_TRY(rk_segment_load(&segment, vfs, name, error));
	if (rk_vfs_open(vfs, copy, RK_VFILE_NEW, &copy_file) < 0 ||
	    rk_vfile_write(copy_file, 0, rk_buf_span(&segment.bytes)) < 0 ||
	    rk_vfile_sync(copy_file) < 0)
		return rk_fail_errno(error, "cannot keep a copy of %s", name);
	if (rk_vfs_open(vfs, name, RK_VFILE_WRITE, &file) < 0 ||
	    rk_wal_zero(file, at, segment.bytes.size) < 0 || rk_vfile_sync(file) < 0 ||
	    rk_vfs_sync(vfs) < 0)
		return rk_fail_errno(error, "cannot cut %s", name);
	return RK_OK;
}
