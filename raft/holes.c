/* Entries that are damaged on this member's disk, of which it still knows index and term (RK_ENTRY_LOST). It acknowledged
 * them, so it neither forgets them nor votes for a log that lacks them; it asks the others for them, one
 * after the other, and until it has them it does not lead, apply or acknowledge anything at or behind them
 * (Alagappan et al., Protocol-Aware Recovery, FAST 2018). An (index, term) names one entry, so whoever has it may
 * give it back, in whatever role and term. */
#include "base/mem.h"
#include "raft/inner.h"

uint64_t rk_raft_sure_to(const struct rk_raft *raft, uint64_t index)
{
	return raft->log.lost == 0 ? index
				   : RK_MIN(index, rk_raftlog_first_lost(&raft->log) - 1);
}

bool rk_raft_fill(struct rk_raft *raft, struct rk_entry *entry)
{
	struct rk_entry *hole = rk_raftlog_at(&raft->log, entry->index);

	if (hole == NULL || hole->kind != RK_ENTRY_LOST || hole->term != entry->term ||
	    entry->kind == RK_ENTRY_LOST)
		return false;
	rk_raftlog_fill(&raft->log, *entry);
	entry->payload = NULL; /* its share moved */
	raft->fills = rk_grow(raft->fills, &raft->fills_capacity, raft->fills_count + 1,
			      sizeof *raft->fills);
	raft->fills[raft->fills_count++] = entry->index;
	return true;
}

/* Those that were filled and are still in the log, on their way to the disk. */
struct rk_persist *rk_raft_fill_job(struct rk_raft *raft)
{
	struct rk_persist *job =
		rk_zalloc(sizeof *job + raft->fills_count * sizeof job->entries[0]);

	if (raft->durable_id == raft->issued_id)
		raft->disk_since_ms = raft->mono_ms;
	job->id = ++raft->issued_id;
	job->hard = raft->handed_hard;
	job->fills = true;
	for (size_t i = 0; i < raft->fills_count; i++) {
		const struct rk_entry *entry = rk_raftlog_at(&raft->log, raft->fills[i]);
		if (entry != NULL && entry->index <= raft->log.stable)
			job->entries[job->count++] = rk_entry_ref(entry);
	}
	raft->fills_count = 0;
	return job;
}

void rk_raft_holes_tick(struct rk_raft *raft)
{
	const struct rk_raftlog *log = &raft->log;

	if (log->lost == 0 || raft->config.count == 0 ||
	    (raft->fetch_asked_ms != 0 &&
	     raft->mono_ms - raft->fetch_asked_ms < raft->opts.heartbeat_ms))
		return;
	raft->fetch_asked_ms = raft->mono_ms;
	const uint64_t first = rk_raftlog_first_lost(log);
	const struct rk_member *peer = &raft->config.at[raft->fetch_round++ % raft->config.count];
	if (peer->id == raft->id)
		peer = &raft->config.at[raft->fetch_round++ % raft->config.count];
	if (peer->id == raft->id)
		return;
	struct rk_raft_msg *msg = rk_raft_msg_new(RK_MSG_FETCH, peer->id);
	msg->index = first;
	msg->log_term = rk_raftlog_term(log, first);
	msg->hint_index = first;
	while (rk_raftlog_term(log, msg->hint_index + 1) == msg->log_term &&
	       rk_raftlog_at(log, msg->hint_index + 1)->kind == RK_ENTRY_LOST)
		msg->hint_index++;
	rk_raft_send(raft, msg);
}

/* It asks for what is in our snapshot only: as the leader, send that. */
static void offer_snapshot(struct rk_raft *raft, const struct rk_raft_msg *msg)
{
	const int at = rk_config_find(&raft->config, msg->from);

	if (raft->role != RK_RAFT_LEADER || at < 0 || raft->opts.is_witness ||
	    raft->peers[at].state == RK_PROGRESS_SNAPSHOT)
		return;
	rk_progress_reset(&raft->peers[at], msg->index);
	raft->peers[at].active = true;
}

void rk_raft_step_fetch(struct rk_raft *raft, const struct rk_raft_msg *msg)
{
	const struct rk_raftlog *log = &raft->log;
	size_t bytes = 0;

	if (msg->index <= log->base_index) {
		offer_snapshot(raft, msg);
		return;
	}
	struct rk_raft_msg *answer = rk_raft_msg_new(RK_MSG_FETCH_ANSWER, msg->from);
	answer->index = msg->index - 1;
	answer->entries = rk_alloc(RK_RAFT_MSG_ENTRIES_MAX * sizeof *answer->entries);
	for (uint64_t i = msg->index;
	     i <= msg->hint_index && answer->count < RK_RAFT_MSG_ENTRIES_MAX; i++) {
		const struct rk_entry *entry = rk_raftlog_at(log, i);
		if (entry == NULL || entry->term != msg->log_term || entry->kind == RK_ENTRY_LOST ||
		    (answer->count > 0 && bytes + rk_entry_size(entry) > raft->opts.append_bytes))
			break;
		bytes += rk_entry_size(entry);
		answer->entries[answer->count++] = rk_entry_ref(entry);
	}
	if (answer->count > 0)
		rk_raft_send(raft, answer);
	else
		(void)rk_raft_msg_free(answer); /* silence: one that has it will speak */
}

void rk_raft_step_fetch_answer(struct rk_raft *raft, struct rk_raft_msg *msg)
{
	bool any = false;

	for (uint32_t i = 0; i < msg->count; i++)
		any |= rk_raft_fill(raft, &msg->entries[i]);
	if (any)
		raft->fetch_asked_ms = 0; /* the next ones at once */
}
