/* Whether this member's disk is what it last was: see raft/raft.h. Peers remember how far they saw
 * each member; one that starts asks them before it promises anything. */
#include "base/mem.h"
#include "base/mutant.h"
#include "raft/inner.h"

/* Votes that are on their way when the memory is lost are counted within this many election times.
 */
#define COOL_DOWN 4

static struct rk_seen *find(struct rk_raft *raft, uint64_t id)
{
	uint32_t at = 0;

	while (at < raft->seen_count && raft->seen[at].id != id)
		at++;
	if (at == raft->seen_count) {
		if (at == RK_MEMBERS_MAX)
			return NULL;
		raft->seen[raft->seen_count++] = (struct rk_seen){ .id = id };
	}
	return &raft->seen[at];
}

void rk_raft_seen_prune(struct rk_raft *raft)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < raft->seen_count; i++)
		if (rk_config_find(&raft->config, raft->seen[i].id) >= 0)
			raft->seen[kept++] = raft->seen[i];
	raft->seen_count = kept;
}

static bool is_before(uint64_t term, uint64_t index, uint64_t other_term, uint64_t other_index)
{
	return term < other_term || (term == other_term && index < other_index);
}

void rk_raft_note_seen(struct rk_raft *raft, const struct rk_raft_msg *msg)
{
	const bool leads = msg->kind == RK_MSG_APPEND || msg->kind == RK_MSG_HEARTBEAT;
	const bool is_vote = msg->kind == RK_MSG_VOTE;
	/* What it acknowledged is known by the log of the leader that it acknowledged it to. */
	const bool is_ack = msg->kind == RK_MSG_APPEND_ANSWER && !msg->reject &&
			    raft->role == RK_RAFT_LEADER && msg->term == raft->term;
	/* A candidate's log may be cut by the leader of the term that it asks votes for. */
	const uint64_t as_of = is_vote ? msg->term - 1 : msg->term;
	const uint64_t index = leads ? msg->hint_index : msg->index;
	const uint64_t term = leads	? msg->hint_term
			      : is_vote ? msg->log_term
			      : is_ack	? rk_raftlog_term(&raft->log, msg->index)
					: 0;

	if (!leads && !is_vote && msg->kind != RK_MSG_APPEND_ANSWER &&
	    msg->kind != RK_MSG_VOTE_ANSWER)
		return;
	struct rk_seen *seen = find(raft, msg->from);
	if (seen == NULL)
		return;
	seen->term =
		RK_MAX(seen->term, msg->kind == RK_MSG_VOTE_ANSWER && msg->reject ? 0 : msg->term);
	if (term != 0 && (as_of > seen->as_of || (as_of == seen->as_of &&
						  is_before(seen->log_term, seen->index, term, index)))) {
		seen->as_of = as_of;
		seen->log_term = term;
		seen->index = index;
	}
}

/* Of what was seen of the others one thing is on the disk: who got this member's vote had come to that term, and must
 * still know. */
static void note_vote(struct rk_raft *raft)
{
	const uint64_t voted = raft->vote;
	struct rk_seen *seen;

	if (voted == raft->id || rk_config_find(&raft->config, voted) < 0)
		return;
	seen = find(raft, voted);
	if (seen != NULL)
		seen->term = RK_MAX(seen->term, raft->term);
}

void rk_raft_note_held(struct rk_raft *raft)
{
	const uint64_t stable = raft->log.stable, term = rk_raftlog_term(&raft->log, stable);

	if (is_before(raft->held_term, raft->held_index, term, stable)) {
		raft->held_term = term;
		raft->held_index = stable;
	}
}

void rk_raft_doubt_start(struct rk_raft *raft)
{
	const int self = rk_raft_self(raft);
	const bool is_alone = raft->config.count == 1 && self == 0;

	note_vote(raft);
	raft->doubt_id = rk_raft_random(raft);
	rk_raft_note_held(raft);
	raft->doubt = RK_MUTANT(NO_AMNESIA) ? RK_DOUBT_NONE
		      : raft->handed_hard.commit == RK_COMMIT_FORGOTTEN ? RK_DOUBT_LOST
		      : is_alone || self < 0                          ? RK_DOUBT_NONE
								      : RK_DOUBT_ASKS;
}

static void ask(struct rk_raft *raft)
{
	for (uint32_t i = 0; i < raft->config.count; i++) {
		if (raft->config.at[i].id == raft->id || raft->doubt_answers[i] == RK_VOTE_YES)
			continue;
		struct rk_raft_msg *msg = rk_raft_msg_new(RK_MSG_CHECK, raft->config.at[i].id);
		msg->term = raft->term;
		msg->commit = raft->opts.log_as_of;
		msg->force = raft->doubt == RK_DOUBT_LOST;
		msg->index = raft->log.stable;
		msg->log_term = rk_raftlog_term(&raft->log, msg->index);
		msg->context = raft->doubt_id;
		rk_raft_send(raft, msg);
	}
	raft->doubt_asked_ms = raft->mono_ms;
}

void rk_raft_step_check(struct rk_raft *raft, const struct rk_raft_msg *msg)
{
	struct rk_seen *seen = find(raft, msg->from);
	const int at = rk_config_find(&raft->config, msg->from);
	struct rk_raft_msg *answer = rk_raft_msg_new(RK_MSG_CHECK_ANSWER, msg->from);
	const uint64_t last = rk_raftlog_last(&raft->log);

	if (seen != NULL && msg->force)
		seen->as_of = seen->log_term = seen->index = 0;
	answer->context = msg->context;
	answer->reject = last > 0;
	answer->force = rk_raft_forgot(raft);
	answer->index = raft->log.stable;
	answer->log_term = rk_raftlog_term(&raft->log, answer->index);
	answer->term = raft->term;
	if (seen != NULL)
		answer->commit = seen->term;
	/* Before that term a leader may have cut what was seen, in good order. */
	if (seen != NULL && seen->as_of >= msg->commit) {
		answer->hint_index = seen->index;
		answer->hint_term = seen->log_term;
	}
	rk_raft_send(raft, answer);
	if (at >= 0)
		raft->peers[at].remembers = false; /* until it is sure again, and says so */
	/* What it acknowledged is not there any more, or a snapshot went to an earlier life: begin
	 * again with it. */
	if (raft->role == RK_RAFT_LEADER && at >= 0 &&
	    (raft->peers[at].match > msg->index || raft->peers[at].state == RK_PROGRESS_SNAPSHOT ||
	     (msg->index > raft->log.base_index &&
	      rk_raftlog_term(&raft->log, msg->index) != msg->log_term)))
		rk_progress_reset(&raft->peers[at], last + 1);
}

/* Every majority that this member was part of has another member among those that answered. */
static bool half_answered(const struct rk_raft *raft, uint8_t half)
{
	const int self = rk_raft_self(raft);
	uint32_t count = 0, answered = 0;

	for (uint32_t i = 0; i < raft->config.count; i++) {
		if ((raft->config.at[i].role & half) == 0)
			continue;
		count++;
		answered += (int)i != self && raft->doubt_answers[i] == RK_VOTE_YES;
	}
	return self < 0 || (raft->config.at[self].role & half) == 0 || answered >= (count + 1) / 2;
}

static void lose(struct rk_raft *raft)
{
	/* Those that answered before may have been without memory: all are asked anew. */
	memset(raft->doubt_answers, 0, sizeof raft->doubt_answers);
	raft->doubt_asked_ms = 0;
	raft->doubt = RK_DOUBT_LOST; /* with the next job: a restart does not make it forget that */
	if (raft->role != RK_RAFT_FOLLOWER)
		rk_raft_become_follower(raft, raft->term, 0);
}

/* From here on it keeps to the newest term that it may have promised anything in, and votes as if
 * it held what those that answered hold: all that was committed with its help is there. */
static void begin_to_fill(struct rk_raft *raft)
{
	if (raft->doubt_term > raft->term)
		rk_raft_become_follower(raft, raft->doubt_term, 0);
	raft->vote = RK_VOTE_FORGOTTEN;
	raft->doubt = RK_DOUBT_FILLS;
	raft->no_vote_until_ms = raft->mono_ms + COOL_DOWN * (uint64_t)raft->opts.election_ms;
}

static bool is_empty(const struct rk_raft *raft)
{
	return raft->term == 0 && raft->log.stable == 0;
}

/* Those that answered saw nothing that is not here. One that holds nothing at all is new, or its
 * disk was replaced: what it may have promised is known only to the others, so as many are heard as
 * one without memory hears. */
static bool is_confirmed(const struct rk_raft *raft)
{
	const int self = rk_raft_self(raft);
	enum rk_vote answers[RK_MEMBERS_MAX];

	if (is_empty(raft) &&
	    (!half_answered(raft, RK_MEMBER_VOTER) || !half_answered(raft, RK_MEMBER_OUTGOING)))
		return false;
	memcpy(answers, raft->doubt_answers, sizeof answers);
	if (self >= 0)
		answers[self] = RK_VOTE_YES;
	return rk_quorum_votes(&raft->config, answers) == RK_VOTE_WON;
}

/* Who has to be heard depends on the configuration, which may change meanwhile. */
static void conclude(struct rk_raft *raft)
{
	const uint64_t stable = raft->log.stable;

	/* Others that hold nothing may have a term, and so may have had this member's vote. */
	if (raft->doubt == RK_DOUBT_ASKS && is_confirmed(raft) && is_empty(raft) && raft->doubt_term > 0)
		begin_to_fill(raft);
	else if (raft->doubt == RK_DOUBT_ASKS && is_confirmed(raft))
		raft->doubt = RK_DOUBT_NONE;
	else if (raft->doubt == RK_DOUBT_LOST && half_answered(raft, RK_MEMBER_VOTER) &&
		 half_answered(raft, RK_MEMBER_OUTGOING))
		begin_to_fill(raft);
	if (raft->doubt == RK_DOUBT_FILLS && !is_before(rk_raftlog_term(&raft->log, stable), stable,
							raft->fill_term, raft->fill_index))
		raft->doubt = RK_DOUBT_NONE;
}

/* By what was here at any time: the answer may be late, and a leader may have cut the log since. */
static bool contradicts(const struct rk_raft *raft, const struct rk_raft_msg *msg)
{
	return (msg->reject && is_empty(raft)) ||
	       msg->commit > raft->term ||
	       is_before(raft->held_term, raft->held_index, msg->hint_term, msg->hint_index);
}

void rk_raft_step_check_answer(struct rk_raft *raft, const struct rk_raft_msg *msg)
{
	const int at = rk_config_find(&raft->config, msg->from);

	if (msg->context != raft->doubt_id || at < 0 || raft->doubt == RK_DOUBT_FILLS)
		return;
	if (raft->doubt != RK_DOUBT_LOST && contradicts(raft, msg))
		lose(raft);
	if (raft->doubt == RK_DOUBT_NONE || (raft->doubt == RK_DOUBT_LOST && msg->force))
		return; /* all is well; or it has forgotten as well */
	raft->doubt_answers[at] = RK_VOTE_YES;
	raft->doubt_term = RK_MAX(raft->doubt_term, RK_MAX(msg->term, msg->commit));
	if (is_before(raft->fill_term, raft->fill_index, msg->log_term, msg->index)) {
		raft->fill_term = msg->log_term;
		raft->fill_index = msg->index;
	}
	conclude(raft);
}

void rk_raft_doubt_tick(struct rk_raft *raft)
{
	const bool asks = raft->doubt == RK_DOUBT_ASKS || raft->doubt == RK_DOUBT_LOST;

	if (asks && (raft->doubt_asked_ms == 0 ||
		     raft->mono_ms - raft->doubt_asked_ms >= raft->opts.heartbeat_ms))
		ask(raft);
	conclude(raft);
}

bool rk_raft_forgot(const struct rk_raft *raft)
{
	return raft->doubt == RK_DOUBT_LOST || raft->doubt == RK_DOUBT_FILLS;
}

bool rk_raft_may_vote(const struct rk_raft *raft, const struct rk_raft_msg *msg)
{
	return (raft->doubt == RK_DOUBT_NONE || raft->doubt == RK_DOUBT_FILLS) &&
	       raft->mono_ms >= raft->no_vote_until_ms &&
	       (raft->doubt == RK_DOUBT_NONE ||
		!is_before(msg->log_term, msg->index, raft->fill_term, raft->fill_index));
}

bool rk_raft_may_campaign(const struct rk_raft *raft)
{
	return raft->doubt == RK_DOUBT_NONE && raft->mono_ms >= raft->no_vote_until_ms;
}

bool rk_raft_may_take(const struct rk_raft *raft)
{
	return raft->doubt == RK_DOUBT_NONE || raft->doubt == RK_DOUBT_FILLS;
}

const char *rk_raft_doubt_name(enum rk_raft_doubt doubt)
{
	static const char *const names[] = { "sure", "asks", "lost", "fills" };

	return names[doubt];
}
