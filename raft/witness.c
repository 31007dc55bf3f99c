/* Witnesses (RK_MEMBER_WITNESS): voters that keep the log and no state. What such a member does otherwise, and what a
 * leader does for one.
 *
 * It votes, acknowledges and counts like any voter, so what is committed may be on one full member and a witness
 * only. Hence: it drops no entry before as many full members hold it as make a majority, and while it is itself the
 * only one that can be elected, it leads for as long as it takes to give its log to a full voter. */
#include "base/mem.h"
#include "base/mutant.h"
#include "raft/inner.h"

/* Election times without any leader before a witness stands for one. */
#define PATIENCE 3

/* Entries that it keeps for a full member that is away; then that one needs a snapshot of another. */
#define KEEP_MAX 262144

bool rk_raft_is_patient(const struct rk_raft *raft)
{
	return raft->opts.is_witness &&
	       raft->mono_ms - raft->led_ms < PATIENCE * (uint64_t)raft->opts.election_ms;
}

uint64_t rk_raft_full_hold(const struct rk_raft *raft, const struct rk_config *config)
{
	uint64_t match[RK_MEMBERS_MAX] = { 0 };

	for (uint32_t i = 0; i < config->count; i++) {
		const int at = rk_config_find(&raft->config, config->at[i].id);
		if (at >= 0 && (config->at[i].role & RK_MEMBER_WITNESS) == 0)
			match[i] = raft->peers[at].match;
	}
	const uint64_t reached = rk_quorum_reached(config, match);
	return reached != UINT64_MAX ? reached : 0;
}

uint64_t rk_raft_droppable(const struct rk_raft *raft)
{
	const uint64_t saved = raft->opts.is_witness ? 0 : raft->snapshot.index;
	const uint64_t held = RK_MIN(saved, rk_raft_full_hold(raft, &raft->config));

	if (RK_MUTANT(WITNESS_DROPS))
		return saved;
	return RK_MAX(held, saved > KEEP_MAX ? saved - KEEP_MAX : 0);
}

void rk_raft_send_meta(struct rk_raft *raft, uint32_t at)
{
	struct rk_progress *peer = &raft->peers[at];
	struct rk_raft_msg *msg = rk_raft_msg_new(RK_MSG_SNAPSHOT, raft->config.at[at].id);

	msg->snapshot = rk_memdup(&raft->snapshot, sizeof raft->snapshot);
	rk_raft_send(raft, msg);
	rk_progress_snapshot(peer, raft->snapshot.index);
	rk_progress_probe(peer);
	peer->probe_sent = true; /* until it speaks */
}

bool rk_raft_may_skip_to(const struct rk_raft *raft, uint64_t index)
{
	return !raft->opts.is_witness || index <= raft->droppable ||
	       (raft->doubt == RK_DOUBT_NONE && raft->log.lost == 0);
}

bool rk_raft_takes_meta(const struct rk_raft *raft, const struct rk_raft_msg *msg)
{
	return raft->opts.is_witness && msg->to == raft->id && msg->from != raft->id &&
	       msg->snapshot != NULL && msg->snapshot->index > raft->snapshot.index &&
	       rk_raft_may_skip_to(raft, msg->snapshot->index);
}

void rk_raft_note_droppable(struct rk_raft *raft, const struct rk_raft_msg *msg)
{
	raft->misplaced = msg->force != raft->opts.is_witness;
	if (raft->opts.is_witness)
		raft->droppable = RK_MAX(raft->droppable, msg->index);
}

void rk_raft_pass_lead(struct rk_raft *raft)
{
	if (!raft->opts.is_witness || raft->role != RK_RAFT_LEADER || raft->transfer_to != 0 ||
	    RK_MUTANT(WITNESS_STAYS))
		return;
	const uint64_t best = rk_raft_best_successor(raft, true);
	const int at = rk_config_find(&raft->config, best);
	if (at < 0 || raft->peers[at].match < rk_raftlog_last(&raft->log))
		return;
	const int err = rk_raft_transfer(raft, best); /* it takes no proposals meanwhile */
	rk_assert(err == RK_OK);
}

/* The configuration that was in force after `index`, which is applied. */
static void config_at(const struct rk_raft *raft, uint64_t index, struct rk_config *ret)
{
	*ret = raft->snapshot.index > 0 ? raft->snapshot.config : raft->opts.config;
	for (uint64_t i = index; i > raft->snapshot.index; i--) {
		const struct rk_entry *entry = rk_raftlog_at(&raft->log, i);
		if (entry != NULL && entry->kind == RK_ENTRY_CONFIG &&
		    rk_config_decode(rk_blob_span(entry->payload), ret) == RK_OK)
			return;
	}
}

bool rk_raft_mark(const struct rk_raft *raft, struct rk_snapshot_meta *ret)
{
	const uint64_t index = RK_MIN(raft->droppable, raft->applied);
	const struct rk_entry *entry = rk_raftlog_at(&raft->log, index);
	struct rk_config config;

	if (!raft->opts.is_witness || index <= raft->snapshot.index || entry == NULL)
		return false;
	config_at(raft, index, &config);
	if (config.count == 0)
		return false; /* it joined, and does not know yet what */
	*ret = (struct rk_snapshot_meta){
		.index = index, .term = entry->term, .time_ms = entry->time_ms, .config = config
	};
	return true;
}
