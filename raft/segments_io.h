/* raft/segments_io.h - the files of a log: found, opened, mapped; shared by the writer and the
 * reader. */
#ifndef RK_RAFT_SEGMENTS_IO_H
#define RK_RAFT_SEGMENTS_IO_H

#include "raft/frame.h"

#define RK_SEGMENT_NAME_MAX 32

struct rk_segments { /* sequence numbers, ascending */
	uint64_t *at;
	size_t count, capacity;
};

void rk_segment_name(char name[RK_SEGMENT_NAME_MAX],
		     uint64_t sequence); /* "0000000000000001.wal" */
RK_MUST_CHECK int rk_segments_list(int dir_fd, const char *dir, struct rk_segments *ret,
				   struct rk_error *error);
void rk_segments_done(struct rk_segments *segments);

struct rk_mapping { /* a whole file, read only */
	struct rk_span bytes;
};
RK_MUST_CHECK int rk_mapping_open(struct rk_mapping *ret, int dir_fd, const char *name,
				  struct rk_error *error);
void rk_mapping_close(struct rk_mapping *mapping);

/* The head record of a mapped segment; false when its first frame is not whole. */
bool rk_segment_head_of(struct rk_span segment, struct rk_segment_head *ret);

#endif
