/* Elections: Raft paper sections 5.2 and 5.4.1, pre-vote and check-quorum as in the thesis, 9.6 and 6.4. */
#include "base/mem.h"
#include "base/mutant.h"
#include "raft/inner.h"

static void set_election_timer(struct rk_raft *raft)
{
	/* Who lost a leader acts soon: a fifth of the time keeps two apart that began to wait together. Who was not
	 * elected waits for longer, or they would meet again and again. */
	const uint32_t spread = raft->leader_id != 0 ? RK_MAX(raft->opts.election_ms / 5, 1u)
						     : raft->opts.election_ms;

	raft->heard_ms = raft->mono_ms;
	raft->election_timeout_ms = raft->opts.election_ms + rk_raft_random(raft) % spread;
}

static void clear_votes(struct rk_raft *raft)
{
	for (size_t i = 0; i < RK_MEMBERS_MAX; i++)
		raft->votes[i] = RK_VOTE_NONE;
}

void rk_raft_become_follower(struct rk_raft *raft, uint64_t term, uint64_t leader_id)
{
	const bool changed =
		term != raft->term || leader_id != raft->leader_id || raft->role != RK_RAFT_FOLLOWER;

	rk_assert(term >= raft->term);
	if (term > raft->term) {
		raft->term = term;
		raft->vote = 0;
		raft->lease_off = false;
	}
	raft->role = RK_RAFT_FOLLOWER;
	raft->leader_id = leader_id;
	raft->transfer_to = 0;
	raft->own_vote_after = 0;
	raft->campaign_due = false;
	raft->uncommitted_bytes = 0;
	if (changed) {
		set_election_timer(raft);
		rk_raft_reads_restart(raft);
	}
}

static void ask_for_votes(struct rk_raft *raft, enum rk_raft_msg_kind kind, uint64_t term, bool force)
{
	for (uint32_t i = 0; i < raft->config.count; i++) {
		if (raft->config.at[i].id == raft->id || !rk_member_votes(&raft->config.at[i]))
			continue;
		struct rk_raft_msg *msg = rk_raft_msg_new(kind, raft->config.at[i].id);
		msg->term = term;
		msg->force = force;
		msg->index = rk_raftlog_last(&raft->log);
		msg->log_term = rk_raftlog_last_term(&raft->log);
		rk_raft_send(raft, msg);
	}
}

static void become_leader(struct rk_raft *raft)
{
	raft->role = RK_RAFT_LEADER;
	raft->leader_id = raft->id;
	raft->own_vote_after = 0;
	raft->transfer_to = 0;
	rk_raft_reads_restart(raft);
	rk_raft_lead(raft);
}

/* The term is taken and our own vote given; both count only once they are durable. Requests wait for
 * that too: a crash must not leave answers about a log that was longer than what survived. */
static void become_candidate(struct rk_raft *raft, bool force)
{
	raft->role = RK_RAFT_CANDIDATE;
	raft->leader_id = 0;
	raft->term++;
	raft->vote = raft->id;
	raft->lease_off = false;
	clear_votes(raft);
	set_election_timer(raft);
	rk_raft_reads_restart(raft);
	raft->own_vote_after = raft->issued_id + 1;
	ask_for_votes(raft, RK_MSG_VOTE, raft->term, force);
	if (RK_MUTANT(OWN_VOTE_EARLY))
		rk_raft_own_vote_durable(raft);
}

static void become_precandidate(struct rk_raft *raft)
{
	raft->role = RK_RAFT_PRECANDIDATE;
	raft->leader_id = 0;
	clear_votes(raft);
	set_election_timer(raft);
	rk_raft_reads_restart(raft);
	raft->votes[rk_raft_self(raft)] = RK_VOTE_YES;
	ask_for_votes(raft, RK_MSG_PREVOTE, raft->term + 1, false);
	if (rk_quorum_votes(&raft->config, raft->votes) == RK_VOTE_WON)
		become_candidate(raft, false);
}

static bool promotable(const struct rk_raft *raft)
{
	const int self = rk_raft_self(raft);

	return self >= 0 && rk_member_votes(&raft->config.at[self]) && raft->installing == 0 &&
	       !raft->removed && raft->log.lost == 0 && rk_raft_may_campaign(raft);
}

void rk_raft_start_election(struct rk_raft *raft, bool force)
{
	if (raft->role == RK_RAFT_LEADER || !promotable(raft))
		return;
	/* A configuration that is committed must be in force before it is asked for its votes. */
	if (rk_raft_config_waits(raft)) {
		raft->campaign_due = force;
		return;
	}
	if (force)
		become_candidate(raft, true);
	else
		become_precandidate(raft);
}

void rk_raft_own_vote_durable(struct rk_raft *raft)
{
	const int self = rk_raft_self(raft);

	if (raft->role != RK_RAFT_CANDIDATE || raft->own_vote_after == 0 ||
	    (raft->own_vote_after > raft->durable_id && !RK_MUTANT(OWN_VOTE_EARLY)) || self < 0)
		return;
	raft->own_vote_after = 0;
	raft->votes[self] = RK_VOTE_YES;
	if (rk_quorum_votes(&raft->config, raft->votes) == RK_VOTE_WON)
		become_leader(raft);
}

/* A member that hears its leader does not help to unseat it (thesis 6.4, 4.2.3). */
static bool holds_to_leader(const struct rk_raft *raft)
{
	if (raft->role == RK_RAFT_LEADER)
		return true;
	/* Whom it heard before it was restarted is forgotten, but a lease may still count on it. */
	if (raft->opts.lease_reads && raft->mono_ms - raft->started_ms < raft->opts.election_ms)
		return true;
	return raft->leader_id != 0 && raft->mono_ms - raft->heard_ms < raft->opts.election_ms;
}

static bool from_leader(enum rk_raft_msg_kind kind)
{
	return kind == RK_MSG_APPEND || kind == RK_MSG_HEARTBEAT || kind == RK_MSG_SNAPSHOT;
}

static void refuse_old_term(struct rk_raft *raft, const struct rk_raft_msg *msg)
{
	if (from_leader(msg->kind)) {
		/* A leader of an old term must learn ours, or a member whose term ran ahead is stuck for good:
		 * the leader cannot talk to it and others hold to the leader. */
		rk_raft_send(raft, rk_raft_msg_new(RK_MSG_APPEND_ANSWER, msg->from));
	} else if (msg->kind == RK_MSG_PREVOTE) {
		struct rk_raft_msg *answer = rk_raft_msg_new(RK_MSG_PREVOTE_ANSWER, msg->from);
		answer->reject = true;
		rk_raft_send(raft, answer);
	}
}

/* One that left the cluster while it was ahead of us gives us no vote, but what it knows to be committed may
 * show that we need not ask it. True in any term. */
static void learn_commit(struct rk_raft *raft, const struct rk_raft_msg *msg)
{
	if (msg->commit > raft->log.committed && msg->log_term != 0 &&
	    rk_raftlog_term(&raft->log, msg->commit) == msg->log_term)
		rk_raft_commit_to(raft, msg->commit);
}

bool rk_raft_step_term(struct rk_raft *raft, const struct rk_raft_msg *msg)
{
	const bool asks = msg->kind == RK_MSG_VOTE || msg->kind == RK_MSG_PREVOTE;

	if (msg->kind == RK_MSG_VOTE_ANSWER || msg->kind == RK_MSG_PREVOTE_ANSWER)
		learn_commit(raft, msg);
	if (msg->term > raft->term) {
		if (asks && !msg->force && holds_to_leader(raft)) {
			rk_raft_tell_gone(raft, msg);
			return false;
		}
		if (msg->kind == RK_MSG_PREVOTE ||
		    (msg->kind == RK_MSG_PREVOTE_ANSWER && !msg->reject))
			return true; /* these speak of a term that nobody has taken yet */
		rk_raft_become_follower(raft, msg->term, from_leader(msg->kind) ? msg->from : 0);
		return true;
	}
	if (msg->term < raft->term) {
		refuse_old_term(raft, msg);
		return false;
	}
	if (from_leader(msg->kind)) {
		if (raft->role == RK_RAFT_LEADER)
			return false; /* two leaders of one term cannot be: not a message of this cluster's protocol */
		if (raft->role != RK_RAFT_FOLLOWER || raft->leader_id != msg->from)
			rk_raft_become_follower(raft, msg->term, msg->from);
		raft->heard_ms = raft->led_ms = raft->mono_ms;
		raft->removed = raft->removed && rk_raft_self(raft) < 0;
	}
	return true;
}

/* Section 5.4.1: later last term wins, then the longer log. */
static bool up_to_date(const struct rk_raft *raft, const struct rk_raft_msg *msg)
{
	const uint64_t last_term = rk_raftlog_last_term(&raft->log);

	return msg->log_term > last_term ||
	       (msg->log_term == last_term && msg->index >= rk_raftlog_last(&raft->log));
}

void rk_raft_step_vote(struct rk_raft *raft, const struct rk_raft_msg *msg)
{
	const bool pre = msg->kind == RK_MSG_PREVOTE;

	if (!rk_raft_may_vote(raft, msg))
		return;
	const bool free_to_vote = raft->vote == msg->from ||
				  (raft->vote == 0 && raft->leader_id == 0) ||
				  (pre && msg->term > raft->term);
	const bool grant = (free_to_vote || RK_MUTANT(VOTE_TWICE)) &&
			   (up_to_date(raft, msg) || RK_MUTANT(ANY_LOG_WINS));
	struct rk_raft_msg *answer =
		rk_raft_msg_new(pre ? RK_MSG_PREVOTE_ANSWER : RK_MSG_VOTE_ANSWER, msg->from);

	answer->reject = !grant;
	answer->term = grant ? msg->term : raft->term;
	answer->commit = raft->log.committed;
	answer->log_term = rk_raftlog_term(&raft->log, answer->commit);
	if (grant && !pre) {
		raft->vote = msg->from;
		raft->heard_ms = raft->mono_ms;
	}
	rk_raft_send(raft, answer);
}

void rk_raft_step_vote_answer(struct rk_raft *raft, const struct rk_raft_msg *msg)
{
	const bool pre = msg->kind == RK_MSG_PREVOTE_ANSWER;
	const int voter = rk_config_find(&raft->config, msg->from);

	if (raft->role != (pre ? RK_RAFT_PRECANDIDATE : RK_RAFT_CANDIDATE) || voter < 0)
		return;
	if (pre && !msg->reject && msg->term != raft->term + 1)
		return; /* a grant for an earlier attempt */
	if (raft->votes[voter] == RK_VOTE_NONE)
		raft->votes[voter] = msg->reject ? RK_VOTE_NO : RK_VOTE_YES;
	switch (rk_quorum_votes(&raft->config, raft->votes)) {
	case RK_VOTE_WON:
		if (pre)
			become_candidate(raft, false);
		else
			become_leader(raft);
		break;
	case RK_VOTE_LOST: rk_raft_become_follower(raft, raft->term, 0); break;
	case RK_VOTE_PENDING: break;
	}
}

/* Check-quorum: a leader that has not heard of a majority for an election time is none. */
static void check_quorum(struct rk_raft *raft)
{
	enum rk_vote heard[RK_MEMBERS_MAX];

	for (uint32_t i = 0; i < raft->config.count; i++) {
		const bool active = raft->peers[i].active || raft->config.at[i].id == raft->id;
		heard[i] = active ? RK_VOTE_YES : RK_VOTE_NO;
		raft->peers[i].active = false;
	}
	raft->quorum_checked_ms = raft->mono_ms;
	raft->round_index = rk_raftlog_last(&raft->log);
	if (rk_quorum_votes(&raft->config, heard) != RK_VOTE_WON)
		rk_raft_become_follower(raft, raft->term, 0);
}

/* The disk has not answered for so long that another would be elected if it were the network. Nothing can be applied
 * here; another does better, as what it acknowledged shows. Tried again as long as it lasts. */
static void yield_if_stuck(struct rk_raft *raft)
{
	if (raft->durable_id == raft->issued_id ||
	    raft->mono_ms - raft->disk_since_ms < raft->opts.election_ms)
		return;
	const int best = rk_config_find(&raft->config, rk_raft_best_successor(raft, true));
	if (best < 0 || raft->peers[best].match <= raft->log.stable)
		return;
	raft->disk_since_ms = raft->mono_ms;
	if (rk_raft_transfer(raft, 0) == RK_OK)
		raft->yields++;
}

void rk_raft_tick_election(struct rk_raft *raft)
{
	if (raft->role != RK_RAFT_LEADER) {
		if (raft->mono_ms - raft->heard_ms >= raft->election_timeout_ms &&
		    !rk_raft_is_patient(raft))
			rk_raft_start_election(raft, false);
		return;
	}
	if (raft->transfer_to != 0 &&
	    raft->mono_ms - raft->transfer_since_ms >= raft->opts.election_ms)
		raft->transfer_to = 0;
	yield_if_stuck(raft);
	if (raft->mono_ms - raft->quorum_checked_ms >= raft->opts.election_ms)
		check_quorum(raft);
	if (raft->role == RK_RAFT_LEADER &&
	    raft->mono_ms - raft->heartbeat_sent_ms >= raft->opts.heartbeat_ms)
		rk_raft_heartbeat_all(raft);
}
