/* Changing the members, as the leader does it and as everybody takes it: Raft paper section 6,
 * thesis chapter 4. What follows what is in raft/membership.c. */
#include "base/mem.h"
#include "base/mutant.h"
#include "raft/inner.h"
#include "raft/membership.h"

/* The steps of a change are entries. One at a time, none before the leader has committed an entry
 * of its own term, and each proposed only when the one before is in force. */
static bool may_propose(const struct rk_raft *raft)
{
	return raft->role == RK_RAFT_LEADER && raft->transfer_to == 0 && !raft->opts.is_witness &&
	       raft->delivered >= raft->config_after;
}

static void propose(struct rk_raft *raft, const struct rk_config *config)
{
	RK_AUTO(rk_buf_done) struct rk_buf bytes = { 0 };

	rk_config_encode(config, &bytes);
	struct rk_blob *payload = rk_blob_copy(rk_buf_span(&bytes));
	const bool taken = rk_raft_append(raft, RK_ENTRY_CONFIG, payload);
	rk_assert(taken); /* limits are for what clients propose */
	raft->config_after = rk_raftlog_last(&raft->log);
	(void)rk_blob_unref(payload);
}

int rk_raft_change(struct rk_raft *raft, const struct rk_config *target, struct rk_error *error)
{
	struct rk_config next;

	if (raft->role != RK_RAFT_LEADER)
		return rk_fail(error, RK_EAGAIN, "this member does not lead");
	RK_TRY(rk_membership_start(&raft->config, target, &next, error));
	if (RK_MUTANT(NO_JOINT))
		next = *target;
	if (!may_propose(raft)) {
		const struct rk_entry *waits = rk_raftlog_at(&raft->log, raft->config_after);
		if (raft->transfer_to == 0 && waits != NULL && waits->kind == RK_ENTRY_CONFIG)
			return rk_fail(error, RK_EBUSY,
				       "another change of the members is under way");
		return rk_fail(error, RK_EAGAIN, "the leader is taking over or handing over");
	}
	propose(raft, &next);
	return RK_OK;
}

/* It streams, and was nowhere further behind than one election time. */
static bool has_caught_up(const struct rk_raft *raft, uint32_t at)
{
	return raft->peers[at].state == RK_PROGRESS_REPLICATE &&
	       raft->peers[at].match >= raft->round_index;
}

/* Who has lost its memory does not lead: once those that leave are out, nobody else could. */
static bool can_elect(const struct rk_raft *raft, const struct rk_config *config)
{
	enum rk_vote votes[RK_MEMBERS_MAX] = { 0 };

	for (uint32_t i = 0; i < config->count; i++) {
		const int at = rk_config_find(&raft->config, config->at[i].id);
		if (config->at[i].id == raft->id || (at >= 0 && raft->peers[at].remembers))
			votes[i] = RK_VOTE_YES;
	}
	return rk_quorum_votes(config, votes) == RK_VOTE_WON;
}

void rk_raft_change_step(struct rk_raft *raft)
{
	struct rk_config next;

	if (!may_propose(raft) || rk_membership_next(&raft->config, &next) < 0)
		return;
	for (uint32_t i = 0; i < raft->config.count; i++)
		if ((raft->config.at[i].role & RK_MEMBER_NEXT_VOTER) != 0 &&
		    !has_caught_up(raft, i))
			return;
	if (rk_membership_is_joint(&raft->config) && !can_elect(raft, &next))
		return;
	/* Those that leave may be the ones that held for a witness what it does not. */
	if (rk_membership_is_joint(&raft->config) && rk_membership_has_witness(&next) &&
	    rk_raft_full_hold(raft, &next) < raft->config_after)
		return;
	propose(raft, &next);
}

bool rk_raft_config_waits(const struct rk_raft *raft)
{
	for (uint64_t i = raft->delivered + 1; i <= raft->log.committed; i++) {
		const struct rk_entry *entry = rk_raftlog_at(&raft->log, i);
		if (entry != NULL && entry->kind == RK_ENTRY_CONFIG)
			return true;
	}
	return false;
}

static bool votes(const struct rk_raft *raft)
{
	const int self = rk_raft_self(raft);

	return self >= 0 && rk_member_votes(&raft->config.at[self]);
}

/* A leader that is no voter any more: the rest of them hear what is committed, and the best of them
 * shall lead at once. */
static void step_aside(struct rk_raft *raft)
{
	const uint64_t successor = rk_raft_best_successor(raft, false);

	rk_raft_flush_peers(raft);
	if (successor != 0) {
		raft->lease_off = true;
		rk_raft_send(raft, rk_raft_msg_new(RK_MSG_TIMEOUT_NOW, successor));
	}
	rk_raft_become_follower(raft, raft->term, 0);
}

void rk_raft_config_delivered(struct rk_raft *raft, const struct rk_entry *entry)
{
	struct rk_config config;

	if (rk_config_decode(rk_blob_span(entry->payload), &config) < 0)
		return;
	raft->config_index = entry->index;
	if (raft->role == RK_RAFT_LEADER)
		rk_raft_farewell(raft, &config);
	rk_raft_adopt_config(raft, &config);
	if (raft->role == RK_RAFT_LEADER && !votes(raft)) {
		step_aside(raft);
	} else if (raft->role == RK_RAFT_LEADER) {
		rk_raft_try_commit(raft); /* fewer may have to agree now */
		rk_raft_reads_acked(raft);
	} else if (raft->role != RK_RAFT_FOLLOWER && !votes(raft)) {
		rk_raft_become_follower(raft, raft->term, 0);
	}
}

void rk_raft_tell_gone(struct rk_raft *raft, const struct rk_raft_msg *msg)
{
	const bool is_sure =
		may_propose(raft) && rk_raftlog_term(&raft->log, raft->log.committed) == raft->term;

	if (msg->kind == RK_MSG_PREVOTE && msg->term == raft->term + 1 && is_sure &&
	    rk_config_find(&raft->config, msg->from) < 0)
		rk_raft_send(raft, rk_raft_msg_new(RK_MSG_GONE, msg->from));
}

void rk_raft_step_gone(struct rk_raft *raft)
{
	rk_raft_become_follower(raft, raft->term, 0);
	raft->removed = true;
}
