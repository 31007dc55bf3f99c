#include "raft/log.h"

#include <stdlib.h>

#include "base/mem.h"

void rk_raftlog_init(struct rk_raftlog *log, uint64_t base_index, uint64_t base_term)
{
	*log = (struct rk_raftlog){ 0 };
	log->base_index = log->stable = log->handed = log->committed = base_index;
	log->base_term = base_term;
}

void rk_raftlog_done(struct rk_raftlog *log)
{
	rk_entries_done(log->entries != NULL ? log->entries + log->head : NULL, log->count);
	free(log->entries);
	free(log->jobs);
	*log = (struct rk_raftlog){ 0 };
}

struct rk_entry *rk_raftlog_at(const struct rk_raftlog *log, uint64_t index)
{
	if (index <= log->base_index || index > rk_raftlog_last(log))
		return NULL;
	return &log->entries[log->head + (size_t)(index - log->base_index - 1)];
}

uint64_t rk_raftlog_term(const struct rk_raftlog *log, uint64_t index)
{
	const struct rk_entry *entry = rk_raftlog_at(log, index);

	if (entry != NULL)
		return entry->term;
	return index == log->base_index ? log->base_term : 0;
}

void rk_raftlog_push(struct rk_raftlog *log, struct rk_entry entry)
{
	rk_assert(entry.index == rk_raftlog_last(log) + 1);
	rk_assert(entry.term >= rk_raftlog_last_term(log));
	if (log->head + log->count == log->capacity && log->head > log->capacity / 2) {
		memmove(log->entries, log->entries + log->head, log->count * sizeof *log->entries);
		log->head = 0;
	}
	log->entries = rk_grow(log->entries, &log->capacity, log->head + log->count + 1,
			       sizeof *log->entries);
	log->bytes += rk_entry_size(&entry);
	log->lost += entry.kind == RK_ENTRY_LOST;
	log->entries[log->head + log->count++] = entry;
}

uint64_t rk_raftlog_first_lost(const struct rk_raftlog *log)
{
	size_t at = 0;

	rk_assert(log->lost > 0);
	while (log->entries[log->head + at].kind != RK_ENTRY_LOST)
		at++;
	return log->base_index + 1 + at;
}

void rk_raftlog_fill(struct rk_raftlog *log, struct rk_entry entry)
{
	struct rk_entry *hole = rk_raftlog_at(log, entry.index);

	rk_assert(hole->kind == RK_ENTRY_LOST && hole->term == entry.term);
	log->bytes += rk_entry_size(&entry) - rk_entry_size(hole);
	log->lost--;
	*hole = entry;
}

void rk_raftlog_cut(struct rk_raftlog *log, uint64_t from)
{
	rk_assert(from > log->committed && from > log->base_index);
	while (rk_raftlog_last(log) >= from) {
		struct rk_entry *last = &log->entries[log->head + log->count - 1];
		log->bytes -= rk_entry_size(last);
		log->lost -= last->kind == RK_ENTRY_LOST;
		rk_entries_done(last, 1);
		log->count--;
	}
	log->stable = RK_MIN(log->stable, from - 1);
	log->handed = RK_MIN(log->handed, from - 1);
	for (size_t i = 0; i < log->jobs_count; i++)
		log->jobs[i].last = RK_MIN(log->jobs[i].last, from - 1);
}

void rk_raftlog_restart(struct rk_raftlog *log, uint64_t index, uint64_t term)
{
	rk_assert(index >= log->committed);
	rk_entries_done(log->entries != NULL ? log->entries + log->head : NULL, log->count);
	log->head = log->count = log->bytes = log->lost = 0;
	log->base_index = log->stable = log->handed = log->committed = index;
	log->base_term = term;
	for (size_t i = 0; i < log->jobs_count; i++)
		log->jobs[i].last = 0; /* they wrote what is no longer the log */
}

void rk_raftlog_drop(struct rk_raftlog *log, uint64_t index)
{
	if (index <= log->base_index)
		return;
	rk_assert(index <= log->stable && index <= log->committed);
	const size_t gone = (size_t)(index - log->base_index);
	const uint64_t term = rk_raftlog_term(log, index);

	for (size_t i = 0; i < gone; i++) {
		log->bytes -= rk_entry_size(&log->entries[log->head + i]);
		log->lost -= log->entries[log->head + i].kind == RK_ENTRY_LOST;
	}
	rk_entries_done(log->entries + log->head, gone);
	log->head += gone;
	log->count -= gone;
	log->base_index = index;
	log->base_term = term;
	if (log->capacity > 1024 && log->count < log->capacity / 4) {
		memmove(log->entries, log->entries + log->head, log->count * sizeof *log->entries);
		log->head = 0;
		log->capacity = RK_MAX(log->count, (size_t)64);
		log->entries = rk_realloc(log->entries, log->capacity * sizeof *log->entries);
	}
}

uint64_t rk_raftlog_conflict(const struct rk_raftlog *log, uint64_t index, uint64_t term)
{
	uint64_t at = RK_MIN(index, rk_raftlog_last(log));

	/* Below the base nothing is known, but all of it is committed: the base is as far back as it goes. */
	while (at > log->base_index && rk_raftlog_term(log, at) > term)
		at--;
	return at;
}

void rk_raftlog_handed(struct rk_raftlog *log, uint64_t id)
{
	log->handed = rk_raftlog_last(log);
	log->jobs = rk_grow(log->jobs, &log->jobs_capacity, log->jobs_count + 1, sizeof *log->jobs);
	log->jobs[log->jobs_count++] = (struct rk_raftlog_job){ id, log->handed };
}

void rk_raftlog_written(struct rk_raftlog *log, uint64_t id)
{
	size_t done = 0;

	while (done < log->jobs_count && log->jobs[done].id <= id) {
		log->stable = RK_MAX(log->stable, log->jobs[done].last);
		done++;
	}
	log->jobs_count -= done;
	if (done > 0 && log->jobs_count > 0)
		memmove(log->jobs, log->jobs + done, log->jobs_count * sizeof *log->jobs);
	rk_assert(log->stable <= log->handed);
}
