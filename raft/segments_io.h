/* raft/segments_io.h - the files of a log: found and read; shared by the writer and the readers. */
#ifndef RK_RAFT_SEGMENTS_IO_H
#define RK_RAFT_SEGMENTS_IO_H

#include "base/vfs.h"
#include "raft/frame.h"

#define RK_SEGMENT_NAME_MAX 32

struct rk_segments { /* sequence numbers, ascending */
	uint64_t *at;
	size_t count, capacity;
};

void rk_segment_name(char name[RK_SEGMENT_NAME_MAX],
		     uint64_t sequence); /* "0000000000000001.wal" */
RK_MUST_CHECK int rk_segments_list(struct rk_vfs *vfs, struct rk_segments *ret,
				   struct rk_error *error);
void rk_segments_done(struct rk_segments *segments);

struct rk_segment_bytes { /* a whole segment */
	struct rk_buf bytes;
	size_t unreadable; /* bytes that the disk does not give: here, they are some that no frame has */
};
/* What cannot be read is looked at sector by sector, so that no more than that is lost. */
RK_MUST_CHECK int rk_segment_load(struct rk_segment_bytes *ret, struct rk_vfs *vfs,
				  const char *name, struct rk_error *error);
void rk_segment_unload(struct rk_segment_bytes *segment);

/* The head record of a segment; false when its first frame is not whole. */
bool rk_segment_head_of(struct rk_span segment, struct rk_segment_head *ret);
/* The same, and its size, reading no more of the file than that. */
bool rk_segment_peek(struct rk_vfs *vfs, const char *name, struct rk_segment_head *ret,
		     uint64_t *ret_size);

#endif
