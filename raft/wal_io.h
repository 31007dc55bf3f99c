/* raft/wal_io.h - the write-ahead log on disk: segments of a fixed size, made and zeroed ahead, one
 * sync for each batch of jobs.
 *
 * One thread owns a log. A failed write or sync is final for it: the kernel may have thrown the
 * bytes away and call the next sync a success, so nothing is tried again (Rebello et al., ATC 2020)
 * and the process must start anew. */
#ifndef RK_RAFT_WAL_IO_H
#define RK_RAFT_WAL_IO_H

#include "base/vfs.h"
#include "raft/frame.h"

struct rk_wal;

struct rk_wal_opts {
	const char *dir;    /* of the segments; made when it is missing */
	struct rk_vfs *vfs; /* instead of `dir`: taken by rk_wal_open, whatever comes of it */
	uint64_t seed;      /* of the salts; 0: the kernel's randomness */
	struct rk_cluster_id
		cluster; /* RK_EPERM when the segments are another cluster's or member's */
	uint64_t member;
	uint32_t segment_bytes; /* 0: 8 MiB; a larger job gets a larger segment */
	uint64_t history_bytes; /* segments kept behind what the member needs; 0: 64 MiB */
	uint64_t from_index;    /* entries up to here are in a snapshot: they are not read */
	bool repair; /* there are peers that hold what is damaged here: set it aside and go on without */
};

struct rk_wal_found { /* what was on disk; rk_wal_found_done frees it */
	struct rk_hard_state hard;
	uint64_t log_as_of; /* the newest term that the log itself tells of, while hard.term may be
			       from the files beside it */
	uint64_t base_index, base_term; /* the entry before the first of `entries` */
	size_t count, capacity;
	struct rk_entry *entries;
	size_t torn_bytes; /* cut from the end: written by a job that never ended */
	/* With `repair`: entries of kind RK_ENTRY_LOST are damaged; index and term are known, the rest is with the peers. */
	size_t holes;
	/* With `repair`, when not even that is known: from which entry on nothing is left; 0: nothing was lost so.
	 * hard.commit is RK_COMMIT_FORGOTTEN then, at every start until the first write: the member must not promise
	 * anything as if it had never had those entries. The files are kept as NAME.damaged. */
	uint64_t lost_from;
	struct rk_error damage; /* of either kind: the first place */
};
void rk_wal_found_done(struct rk_wal_found *found);

/* Reads everything, cuts a torn end, gets ready to append. RK_ECORRUPT (without `repair`) names the segment, the
 * place and the entry of damage that is not a torn end: nothing is changed then. */
RK_MUST_CHECK int rk_wal_open(struct rk_wal **ret, const struct rk_wal_opts *opts,
			      struct rk_wal_found *found, struct rk_error *error);
struct rk_wal *rk_wal_close(struct rk_wal *wal); /* takes NULL, returns NULL */

/* Writes the jobs, in order, and makes them durable. RK_ENOSPC: nothing was written, and the same
 * call may be made again when there is room. Any other failure is final. */
RK_MUST_CHECK int rk_wal_write(struct rk_wal *wal, struct rk_persist *const *jobs, size_t count,
			       struct rk_error *error);
/* The log will be idle for a while: what is in the newest frame is said once more in one of its own, so that damage
 * to it can be told from a torn write. Costs a sync, once; fails as rk_wal_write does. */
bool rk_wal_is_sealed(const struct rk_wal *wal);
RK_MUST_CHECK int rk_wal_seal(struct rk_wal *wal, struct rk_error *error);
/* Makes the next segment when the present one is half full, so that rk_wal_write need not. */
RK_MUST_CHECK int rk_wal_prepare(struct rk_wal *wal, struct rk_error *error);
/* Entries up to `index` are not needed for recovery: segments of them go when the history is larger
 * than wished. */
void rk_wal_drop(struct rk_wal *wal, uint64_t index);

/* --- reading, also beside a running member and offline: `reckon log` --- */

struct rk_wal_reader;
/* Begins with the segment that holds entry `from` (0: the oldest). RK_ENOENT when there is no log. */
RK_MUST_CHECK int rk_wal_reader_open(struct rk_wal_reader **ret, const char *dir, uint64_t from,
				     struct rk_error *error);
struct rk_wal_reader *rk_wal_reader_close(
	struct rk_wal_reader *reader); /* takes NULL, returns NULL */
struct rk_wal_place {
	char segment[32];
	size_t offset;
};
/* 1: the next record (borrowed until the next call; *ret_place may be NULL). 0: the end. RK_EAGAIN:
 * the end, with a torn frame after it. RK_ECORRUPT: damage; error says where. Where it is known what was damaged,
 * there is a LOST instead, and the reading goes on. Records are given as
 * they were written: an entry whose index was seen before replaces that one and all after it; a FILL, only that one. */
int rk_wal_reader_next(struct rk_wal_reader *reader, struct rk_record *ret,
		       struct rk_wal_place *ret_place, struct rk_error *error);

#endif
