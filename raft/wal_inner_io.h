/* raft/wal_inner_io.h - what wal_io.c (writing) and walfound_io.c (recovery) share, and nobody else. */
#ifndef RK_RAFT_WAL_INNER_IO_H
#define RK_RAFT_WAL_INNER_IO_H

#include "raft/segments_io.h"
#include "raft/votes_io.h"
#include "raft/wal_io.h"

struct rk_wal_segment { /* that the log keeps, oldest first */
	uint64_t sequence, base_index, bytes;
};

struct rk_wal {
	struct rk_wal_opts opts;
	struct rk_vfs *vfs;
	struct rk_vfile *file; /* the segment that is written; NULL before the first */
	size_t at, size;      /* in it */
	uint64_t salt, group;
	struct rk_hard_state hard;
	struct rk_votes votes;
	struct rk_trail trail; /* of the next frame */
	int64_t last_time_ms;
	bool sealed;    /* nothing that was acknowledged is in the newest frame alone */
	bool has_spare;
	bool has_mark;  /* of repair: goes with the first write */
	bool failed;
	uint64_t random; /* with opts.seed: for salts */
	struct rk_wal_segment *segments;
	size_t segment_count, segment_capacity;
	struct rk_buf out;
};

/* walfound_io.c: everything is read, a torn end cut, damage dealt with. */
RK_MUST_CHECK int rk_wal_recover(struct rk_wal *wal, struct rk_wal_found *found,
				 struct rk_error *error);
/* wal_io.c */
RK_MUST_CHECK int rk_wal_zero(struct rk_vfile *file, size_t from, size_t to);
void rk_wal_note_segment(struct rk_wal *wal, uint64_t sequence, uint64_t base_index,
			 uint64_t bytes);

#endif
