#include "raft/walsalvage_io.h"

#include "base/mem.h"
#include "base/vfs_io.h"
#include "raft/segments_io.h"

static void take_body(const struct rk_salvage *salvage, struct rk_span body)
{
	struct rk_reader reader = rk_reader_of(body);
	struct rk_record record;

	while (salvage->record != NULL && rk_record_next(&reader, &record) == 1)
		salvage->record(salvage->context, &record);
}

/* The frame at `at`, if there is a whole one: its body, and where the next one starts. */
static bool frame_at(struct rk_span bytes, size_t at, struct rk_span *ret_body, size_t *ret_end)
{
	struct rk_frames frames = rk_frames_of(rk_span_sub(bytes, at, bytes.size));

	if (!rk_frame_is_at(bytes, at) || rk_frames_next(&frames, ret_body) != 1)
		return false;
	*ret_end = at + frames.at;
	return true;
}

static bool is_blank(struct rk_span bytes, size_t from)
{
	for (size_t i = from; i < bytes.size; i++)
		if (bytes.data[i] != 0)
			return false;
	return true;
}

void rk_salvage_segment(const struct rk_salvage *salvage, const char *name, struct rk_span bytes,
			bool is_newest)
{
	size_t good = 0, at = 0;

	while (at < bytes.size) {
		struct rk_span body;
		size_t end = 0;
		if (!frame_at(bytes, at, &body, &end)) {
			at += RK_FRAME_ALIGN;
			continue;
		}
		if (at > good && salvage->damage != NULL)
			salvage->damage(salvage->context, name, good, at);
		take_body(salvage, body);
		good = at = end;
	}
	if (!is_newest && salvage->damage != NULL && !is_blank(bytes, good))
		salvage->damage(salvage->context, name, good, bytes.size);
}

int rk_salvage_dir(const struct rk_salvage *salvage, const char *dir, struct rk_error *error)
{
	RK_AUTO(rk_segments_done) struct rk_segments segments = { 0 };
	RK_AUTO(rk_vfs_drop) struct rk_vfs *vfs = NULL;

	RK_TRY(rk_vfs_dir(&vfs, dir, false, error));
	RK_TRY(rk_segments_list(vfs, &segments, error));
	if (segments.count == 0)
		return rk_fail(error, RK_ENOENT, "%s holds no log", dir);
	for (size_t i = 0; i < segments.count; i++) {
		RK_AUTO(rk_segment_unload) struct rk_segment_bytes segment = { 0 };
		char name[RK_SEGMENT_NAME_MAX];
		rk_segment_name(name, segments.at[i]);
		RK_TRY(rk_segment_load(&segment, vfs, name, error));
		rk_salvage_segment(salvage, name, rk_buf_span(&segment.bytes),
				   i + 1 == segments.count);
	}
	return RK_OK;
}
