/* raft/progress.h - what the leader knows of one peer, and how much is on the way to it.
 *
 * Probe: the peer's log is not known, one append at a time. Replicate: appends stream, `next` runs ahead of
 * `match`. Snapshot: the peer needs what the log no longer holds. */
#ifndef RK_RAFT_PROGRESS_H
#define RK_RAFT_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rk_progress_state { RK_PROGRESS_PROBE, RK_PROGRESS_REPLICATE, RK_PROGRESS_SNAPSHOT };

struct rk_inflight {
	uint64_t last; /* index of the last entry in that append */
	size_t bytes;
};

struct rk_inflights { /* a ring, oldest first */
	struct rk_inflight *at;
	uint32_t start, count, count_max;
	size_t bytes, bytes_max;
};

struct rk_progress {
	enum rk_progress_state state;
	uint64_t match, next;
	uint64_t snapshot_index; /* Snapshot: what is being sent */
	uint64_t commit_sent;    /* the newest commit index told to it */
	uint64_t read_acked;     /* newest read round it answered */
	uint64_t lease_acked_ms; /* newest of our clock stamps it gave back */
	bool active;             /* heard of since the last check-quorum */
	bool remembers;          /* it says that it has not lost its memory (raft/doubt.c) */
	bool probe_sent;         /* Probe: an append is on the way */
	bool wants_append;       /* send one, even an empty one */
	struct rk_inflights inflights;
};

void rk_progress_init(struct rk_progress *progress, uint32_t inflight_max, size_t inflight_bytes);
void rk_progress_done(struct rk_progress *progress);
/* A new leader's view of a peer. */
void rk_progress_reset(struct rk_progress *progress, uint64_t next);
void rk_progress_probe(struct rk_progress *progress);
void rk_progress_replicate(struct rk_progress *progress);
void rk_progress_snapshot(struct rk_progress *progress, uint64_t index);
/* The peer holds everything up to `index`. True when that is news. */
bool rk_progress_match(struct rk_progress *progress, uint64_t index);
/* The peer refused the append after `rejected`; `hint` is where the logs may still agree. False when
 * the refusal is old. */
bool rk_progress_back_up(struct rk_progress *progress, uint64_t rejected, uint64_t hint);
/* An append with entries up to `last` went out. */
void rk_progress_sent(struct rk_progress *progress, uint64_t last, size_t bytes);
/* No append with entries may be sent now. */
bool rk_progress_paused(const struct rk_progress *progress);
/* Lets one more out after silence: what is in flight may be lost. */
void rk_progress_free_first(struct rk_progress *progress);

#endif
