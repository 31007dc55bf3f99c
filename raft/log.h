/* raft/log.h - the part of the log that is in memory: base < first ... stable ... handed ... last.
 *
 * Entries up to `stable` are durable here, those up to `handed` have been given to the disk. A rewrite of
 * the tail lowers both, so a completion that comes late cannot vouch for entries it did not write. */
#ifndef RK_RAFT_LOG_H
#define RK_RAFT_LOG_H

#include "raft/entry.h"

struct rk_raftlog_job { /* what the disk is still writing, oldest first */
	uint64_t id;
	uint64_t last; /* lowered when the tail is rewritten after the job was issued */
};

struct rk_raftlog {
	uint64_t base_index, base_term; /* the entry before the first one */
	struct rk_entry *entries;       /* entries[head] is base_index + 1 */
	size_t head, count, capacity;
	size_t bytes;
	size_t lost; /* entries of kind RK_ENTRY_LOST */
	uint64_t stable, handed, committed;
	size_t jobs_count, jobs_capacity;
	struct rk_raftlog_job *jobs;
};

void rk_raftlog_init(struct rk_raftlog *log, uint64_t base_index, uint64_t base_term);
void rk_raftlog_done(struct rk_raftlog *log);
static inline uint64_t rk_raftlog_last(const struct rk_raftlog *log)
{
	return log->base_index + log->count;
}
/* NULL when it is not in memory. */
struct rk_entry *rk_raftlog_at(const struct rk_raftlog *log, uint64_t index);
/* The term of an entry, the base included; 0 when it is not known here. */
uint64_t rk_raftlog_term(const struct rk_raftlog *log, uint64_t index);
static inline uint64_t rk_raftlog_last_term(const struct rk_raftlog *log)
{
	return rk_raftlog_term(log, rk_raftlog_last(log));
}
/* Takes over the share of the payload. The entry must be the next one. */
void rk_raftlog_push(struct rk_raftlog *log, struct rk_entry entry);
/* Drops `from` and all after it; they must not be committed. */
void rk_raftlog_cut(struct rk_raftlog *log, uint64_t from);
/* The first entry that is lost; log->lost is not 0. */
uint64_t rk_raftlog_first_lost(const struct rk_raftlog *log);
/* Puts an entry into the place of a lost one. Takes over the share of the payload. */
void rk_raftlog_fill(struct rk_raftlog *log, struct rk_entry entry);
/* Forgets everything: the log now follows (index, term). */
void rk_raftlog_restart(struct rk_raftlog *log, uint64_t index, uint64_t term);
/* Drops entries up to and with `index`, which is at most `stable` and `committed`. */
void rk_raftlog_drop(struct rk_raftlog *log, uint64_t index);
/* The largest index, at most `index`, whose term is at most `term` (section 5.3, fast back-up). */
uint64_t rk_raftlog_conflict(const struct rk_raftlog *log, uint64_t index, uint64_t term);

/* Entries handed + 1 ... last go to the disk as job `id`. */
void rk_raftlog_handed(struct rk_raftlog *log, uint64_t id);
/* Jobs up to `id` are durable. */
void rk_raftlog_written(struct rk_raftlog *log, uint64_t id);

#endif
