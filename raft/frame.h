/* raft/frame.h - the bytes of a log segment: frames, each what one disk job wrote, made of records.
 * Pure.
 *
 *     frame: magic u32, head checksum u32, salt u64, group u64, body size u32, body checksum u32,
 *            sectors that are zeros u32, 0 u32, body, padding
 *
 * Frames start at multiples of RK_FRAME_ALIGN. The salt is the segment's own, so bytes of an
 * earlier life of the file are never taken for its frames; groups count up by one over the whole
 * log.
 *
 * Torn or damaged? The disk does one job at a time, so only the newest frame can be torn: one that
 * is bad although a later one is there was damaged. Of the newest, a torn one lacks whole sectors,
 * which are still the zeros that the segment was made of; a bad one that has no more such sectors than it was written
 * with was damaged too. Each frame says in its trail where the log stood before it, so what a damaged frame
 * held is known by index and term from the next one (Alagappan et al., Protocol-Aware Recovery, FAST 2018,
 * keep identifiers apart from entries for this). A log that falls idle gets a frame with a trail alone. */
#ifndef RK_RAFT_FRAME_H
#define RK_RAFT_FRAME_H

#include "raft/entry.h"

#define RK_FRAME_ALIGN     64
#define RK_FRAME_HEAD_SIZE 40
#define RK_SECTOR          512 /* what a disk writes whole or not at all */

struct rk_segment_head {   /* first record of a segment */
	uint64_t sequence; /* 1, 2, 3... */
	struct rk_cluster_id cluster;
	uint64_t member;
	uint64_t base_index, base_term; /* the entry before the first one that may follow */
	int64_t time_ms;                /* of that entry */
	struct rk_hard_state hard;
};

struct rk_trail { /* where the log stood before a frame */
	uint64_t index, term;  /* of its newest entry */
	uint64_t config_index; /* at least that of its newest configuration */
	uint64_t reset_group;  /* the newest frame that held a RESET */
};

/* Between a log that stood at `before` and a frame whose trail is `after` there was damage: whether it is known what was
 * lost, entries before.index + 1 to after.index, all of one term. Its leader never takes back an entry of its own. */
bool rk_trail_tells(const struct rk_trail *before, const struct rk_trail *after);

enum rk_record_kind {
	RK_RECORD_HEAD = 1,
	RK_RECORD_HARD,
	RK_RECORD_RESET,
	RK_RECORD_ENTRY,
	RK_RECORD_TRAIL,
	RK_RECORD_FILL, /* an entry that was damaged, come back from a peer; those after it stay */
	RK_RECORD_LOST, /* never written: readers say so of entries that are damaged, trail.index the last of them */
};

struct rk_record {
	enum rk_record_kind kind;
	struct rk_segment_head head;
	struct rk_hard_state hard;
	struct rk_snapshot_meta mark; /* RESET: the log follows this snapshot */
	struct rk_trail trail;
	struct rk_entry entry;        /* ENTRY, FILL; payload is NULL here: ... */
	struct rk_span payload;       /* ... its bytes, borrowed from the frame */
};

/* Writing: begin, records, end. The frame is padded to RK_FRAME_ALIGN. */
size_t rk_frame_begin(struct rk_buf *out); /* returns where the frame starts in `out` */
void rk_frame_put_head(struct rk_buf *out, const struct rk_segment_head *head);
void rk_frame_put_hard(struct rk_buf *out, const struct rk_hard_state *hard);
void rk_frame_put_reset(struct rk_buf *out, const struct rk_snapshot_meta *mark);
void rk_frame_put_trail(struct rk_buf *out, const struct rk_trail *trail);
/* kind: RK_RECORD_ENTRY or RK_RECORD_FILL. */
void rk_frame_put_entry(struct rk_buf *out, enum rk_record_kind kind, const struct rk_entry *entry);
/* `at`: where in the segment it will be. */
void rk_frame_end(struct rk_buf *out, size_t start, uint64_t salt, uint64_t group, size_t at);

struct rk_frames { /* walks the frames of one segment */
	struct rk_span bytes;
	size_t at; /* of the next frame; after a failure, of the bad one */
	bool began;
	uint64_t salt;  /* taken from the first frame */
	uint64_t group; /* of the frame that was returned last */
};

static inline struct rk_frames rk_frames_of(struct rk_span segment)
{
	return (struct rk_frames){ .bytes = segment };
}
/* 1: *ret_body is the next frame's body. 0: the end (nothing but zeros and nothing valid follows).
 * RK_EAGAIN: a torn frame at `at`, nothing valid after it. RK_ECORRUPT: a damaged one. */
int rk_frames_next(struct rk_frames *frames, struct rk_span *ret_body);
/* Behind damage: goes on at the next whole frame. False when there is none. */
bool rk_frames_resume(struct rk_frames *frames, struct rk_span *ret_body);

/* A frame's head is there and whole, whatever its body is. */
bool rk_frame_is_at(struct rk_span segment, size_t at);

/* Takes one record from the front of a body. 1: *ret; 0: the end; RK_ECORRUPT. */
int rk_record_next(struct rk_reader *body, struct rk_record *ret);

#endif
