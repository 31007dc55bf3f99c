#include "raft/raft.h"

#include "base/mem.h"
#include "base/mutant.h"
#include "raft/inner.h"

/* SplitMix64: small, and any seed will do. */
uint64_t rk_raft_random(struct rk_raft *raft)
{
	uint64_t z = (raft->rng += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

bool rk_raft_dirty(const struct rk_raft *raft)
{
	return raft->reset_pending || rk_raftlog_last(&raft->log) > raft->log.handed ||
	       raft->term != raft->handed_hard.term || raft->vote != raft->handed_hard.vote ||
	       /* Or a member that starts again would wait for the votes of those that left. */
	       raft->config_index > raft->handed_hard.commit ||
	       rk_raft_forgot(raft) != (raft->handed_hard.commit == RK_COMMIT_FORGOTTEN);
}

/* What a message says about this member's log, term or vote must survive a crash of it. */
static bool promises(enum rk_raft_msg_kind kind)
{
	return kind == RK_MSG_APPEND_ANSWER || kind == RK_MSG_VOTE_ANSWER || kind == RK_MSG_VOTE;
}

void rk_raft_send(struct rk_raft *raft, struct rk_raft_msg *msg)
{
	const uint64_t after =
		raft->issued_id + (rk_raft_dirty(raft) ? 1 : 0) + (raft->fills_count > 0 ? 1 : 0);

	msg->from = raft->id;
	if (msg->term == 0 && msg->kind != RK_MSG_PROPOSE && msg->kind != RK_MSG_READ &&
	    msg->kind != RK_MSG_CHECK && msg->kind != RK_MSG_FETCH)
		msg->term = raft->term;
	if (promises(msg->kind) && after > raft->durable_id && !RK_MUTANT(ACK_BEFORE_SYNC)) {
		raft->held = rk_grow(raft->held, &raft->held_capacity, raft->held_count + 1,
				     sizeof *raft->held);
		raft->held[raft->held_count++] = (struct rk_held_msg){ after, msg };
		return;
	}
	raft->sent =
		rk_grow(raft->sent, &raft->sent_capacity, raft->sent_count + 1, sizeof *raft->sent);
	raft->sent[raft->sent_count++] = msg;
}

void rk_raft_adopt_config(struct rk_raft *raft, const struct rk_config *config)
{
	const struct rk_config old = raft->config;
	struct rk_progress peers[RK_MEMBERS_MAX] = { 0 };
	enum rk_vote votes[RK_MEMBERS_MAX] = { RK_VOTE_NONE };
	enum rk_vote answers[RK_MEMBERS_MAX] = { RK_VOTE_NONE };

	for (uint32_t i = 0; i < config->count; i++) {
		const int was = rk_config_find(&old, config->at[i].id);
		if (was >= 0) {
			peers[i] = raft->peers[was];
			votes[i] = raft->votes[was];
			answers[i] = raft->doubt_answers[was];
			raft->peers[was] = (struct rk_progress){ 0 };
		} else {
			rk_progress_init(&peers[i], raft->opts.inflight_max, raft->opts.inflight_bytes);
			rk_progress_reset(&peers[i], rk_raftlog_last(&raft->log) + 1);
			peers[i].active = true; /* time to show itself before check-quorum counts it */
		}
	}
	for (uint32_t i = 0; i < old.count; i++)
		rk_progress_done(&raft->peers[i]);
	if (rk_config_find(config, raft->id) >= 0)
		raft->removed = false;
	else if (rk_config_find(&old, raft->id) >= 0)
		raft->removed = true;
	raft->config = *config;
	memcpy(raft->peers, peers, sizeof peers);
	memcpy(raft->votes, votes, sizeof votes);
	memcpy(raft->doubt_answers, answers, sizeof answers);
	rk_raft_seen_prune(raft);
}

static void fill_defaults(struct rk_raft_opts *opts)
{
#define RK_DEFAULT(field, value) opts->field = opts->field != 0 ? opts->field : (value)
	RK_DEFAULT(heartbeat_ms, 50);
	RK_DEFAULT(election_ms, 300);
	RK_DEFAULT(append_bytes, 512 * 1024);
	RK_DEFAULT(inflight_max, 128);
	RK_DEFAULT(inflight_bytes, 8u * 1024 * 1024);
	RK_DEFAULT(uncommitted_bytes, 32u * 1024 * 1024);
	RK_DEFAULT(apply_bytes, 1024 * 1024);
	RK_DEFAULT(trailing_max, 8192);
	RK_DEFAULT(trailing_bytes, 4u * 1024 * 1024);
	RK_DEFAULT(reads_max, 65536);
#undef RK_DEFAULT
	opts->append_bytes = RK_MIN(opts->append_bytes, RK_PAYLOAD_MAX);
}

static int check_opts(const struct rk_raft_opts *opts, struct rk_error *error)
{
	uint64_t term = opts->base_term;

	if (opts->id == 0)
		return rk_fail(error, RK_EINVAL, "a member id must not be 0");
	if (opts->heartbeat_ms * 2 > opts->election_ms)
		return rk_fail(error, RK_EINVAL,
			       "the election time (%u ms) must be at least twice the heartbeat time (%u ms)",
			       opts->election_ms, opts->heartbeat_ms);
	for (size_t i = 0; i < opts->count; i++) {
		const struct rk_entry *entry = &opts->entries[i];
		if (entry->index != opts->base_index + 1 + i || entry->term < term)
			return rk_fail(error, RK_EINVAL, "the log does not go on at entry %llu",
				       (unsigned long long)(opts->base_index + 1 + i));
		term = entry->term;
	}
	if (opts->hard.term < term)
		return rk_fail(error, RK_EINVAL, "the log's last term %llu is beyond the recorded term %llu",
			       (unsigned long long)term, (unsigned long long)opts->hard.term);
	if (opts->base_index > opts->snapshot.index && opts->hard.commit != RK_COMMIT_FORGOTTEN)
		return rk_fail(error, RK_EINVAL,
			       "the log starts after entry %llu but the newest snapshot is of entry %llu",
			       (unsigned long long)opts->base_index,
			       (unsigned long long)opts->snapshot.index);
	return RK_OK;
}

static void load_log(struct rk_raft *raft, const struct rk_raft_opts *opts)
{
	const struct rk_snapshot_meta *snapshot = &opts->snapshot;

	if (opts->base_index > snapshot->index) {
		/* The snapshot that the log follows is lost: the log means nothing without it. */
		rk_raftlog_init(&raft->log, snapshot->index, snapshot->term);
		raft->last_time_ms = snapshot->time_ms;
		raft->reset_pending = true;
		return;
	}
	rk_raftlog_init(&raft->log, opts->base_index, opts->base_term);
	raft->last_time_ms = snapshot->time_ms;
	for (size_t i = 0; i < opts->count; i++) {
		rk_raftlog_push(&raft->log, rk_entry_ref(&opts->entries[i]));
		raft->last_time_ms = RK_MAX(raft->last_time_ms, opts->entries[i].time_ms);
	}
	raft->log.stable = raft->log.handed = rk_raftlog_last(&raft->log);
	if (snapshot->index > 0 && rk_raftlog_term(&raft->log, snapshot->index) != snapshot->term) {
		/* A crash came between the snapshot of a leader and the note of it in the log. */
		rk_raftlog_restart(&raft->log, snapshot->index, snapshot->term);
		raft->reset_pending = true;
	}
	while (raft->log.lost > 0 && rk_raftlog_first_lost(&raft->log) <= snapshot->index) {
		/* What the snapshot covers is not missed. */
		const uint64_t gone = rk_raftlog_first_lost(&raft->log);
		raft->log.committed = RK_MAX(raft->log.committed, gone);
		rk_raftlog_drop(&raft->log, gone);
	}
	const uint64_t commit = opts->hard.commit != RK_COMMIT_FORGOTTEN ? opts->hard.commit : 0;
	raft->log.committed = RK_MAX(snapshot->index, RK_MIN(commit, rk_raftlog_last(&raft->log)));
	raft->log.committed = RK_MAX(raft->log.committed, raft->log.base_index);
}

void rk_raft_begin_install(struct rk_raft *raft)
{
	raft->delivered = raft->snapshot.index;
	raft->install_pending = !raft->opts.is_witness;
	raft->installing = raft->opts.is_witness ? 0 : raft->delivered;
	if (raft->opts.is_witness)
		raft->applied = raft->delivered;
}

int rk_raft_new(struct rk_raft **ret, const struct rk_raft_opts *given, struct rk_error *error)
{
	struct rk_raft_opts opts = *given;

	fill_defaults(&opts);
	RK_TRY(check_opts(&opts, error));
	struct rk_raft *raft = rk_zalloc(sizeof *raft);
	raft->opts = opts;
	raft->opts.entries = NULL;
	raft->opts.count = 0;
	raft->id = opts.id;
	raft->rng = opts.seed ^ (opts.id * UINT64_C(0xd1342543de82ef95));
	raft->term = raft->told_term = opts.hard.term;
	raft->vote = opts.hard.vote;
	if (opts.snapshot.term > raft->term) { /* it came, and then a crash, before the term was noted */
		raft->term = raft->told_term = opts.snapshot.term;
		raft->vote = 0;
	}
	raft->handed_hard = opts.hard;
	raft->snapshot = opts.snapshot;
	load_log(raft, &opts);
	rk_raft_adopt_config(raft, opts.snapshot.index > 0 ? &opts.snapshot.config : &opts.config);
	if (opts.snapshot.index > 0)
		rk_raft_begin_install(raft);
	raft->reads.started = raft->reads.done = rk_raft_random(raft) >> 2;
	raft->election_timeout_ms = raft->opts.election_ms +
				    rk_raft_random(raft) % raft->opts.election_ms;
	rk_raft_doubt_start(raft);
	*ret = raft;
	return RK_OK;
}

struct rk_raft *rk_raft_free(struct rk_raft *raft)
{
	if (raft == NULL)
		return NULL;
	for (size_t i = 0; i < raft->held_count; i++)
		(void)rk_raft_msg_free(raft->held[i].msg);
	for (size_t i = 0; i < raft->sent_count; i++)
		(void)rk_raft_msg_free(raft->sent[i]);
	for (uint32_t i = 0; i < raft->config.count; i++)
		rk_progress_done(&raft->peers[i]);
	(void)rk_raft_msg_free(raft->forward);
	rk_raftlog_done(&raft->log);
	free(raft->held);
	free(raft->fills);
	free(raft->sent);
	free(raft->reads.at);
	free(raft->answered);
	free(raft);
	return NULL;
}

void rk_raft_clock(struct rk_raft *raft, uint64_t mono_ms, int64_t wall_ms)
{
	if (!raft->clock_set) {
		raft->clock_set = true;
		raft->mono_ms = raft->heard_ms = raft->led_ms = raft->started_ms = mono_ms;
	}
	raft->mono_ms = RK_MAX(raft->mono_ms, mono_ms);
	raft->wall_ms = wall_ms;
}

void rk_raft_tick(struct rk_raft *raft)
{
	rk_raft_doubt_tick(raft);
	rk_raft_holes_tick(raft);
	rk_raft_tick_election(raft);
	rk_raft_reads_tick(raft);
}

static void step_propose(struct rk_raft *raft, const struct rk_raft_msg *msg)
{
	if (raft->role != RK_RAFT_LEADER || raft->transfer_to != 0 || raft->opts.is_witness)
		return;
	for (uint32_t i = 0; i < msg->count; i++)
		if (msg->entries[i].kind == RK_ENTRY_NORMAL &&
		    !rk_raft_append(raft, RK_ENTRY_NORMAL, msg->entries[i].payload))
			return;
}

static void dispatch(struct rk_raft *raft, struct rk_raft_msg *msg)
{
	switch (msg->kind) {
	case RK_MSG_PREVOTE:
	case RK_MSG_VOTE: rk_raft_step_vote(raft, msg); break;
	case RK_MSG_PREVOTE_ANSWER:
	case RK_MSG_VOTE_ANSWER: rk_raft_step_vote_answer(raft, msg); break;
	case RK_MSG_APPEND: rk_raft_step_append(raft, msg); break;
	case RK_MSG_APPEND_ANSWER: rk_raft_step_append_answer(raft, msg); break;
	case RK_MSG_HEARTBEAT: rk_raft_step_heartbeat(raft, msg); break;
	case RK_MSG_HEARTBEAT_ANSWER: rk_raft_step_heartbeat_answer(raft, msg); break;
	case RK_MSG_SNAPSHOT: rk_raft_step_snapshot(raft, msg); break;
	case RK_MSG_PROPOSE: step_propose(raft, msg); break;
	case RK_MSG_READ: rk_raft_step_read(raft, msg); break;
	case RK_MSG_READ_ANSWER: rk_raft_step_read_answer(raft, msg); break;
	case RK_MSG_TIMEOUT_NOW:
		if (raft->role == RK_RAFT_FOLLOWER && msg->from == raft->leader_id &&
		    !raft->opts.is_witness)
			rk_raft_start_election(raft, true);
		break;
	case RK_MSG_GONE: rk_raft_step_gone(raft); break;
	case RK_MSG_CHECK:
	case RK_MSG_CHECK_ANSWER:
	case RK_MSG_FETCH:
	case RK_MSG_FETCH_ANSWER:
	case RK_MSG_ADMIN:
	case RK_MSG_ADMIN_ANSWER: break;
	}
}

static void step(struct rk_raft *raft, struct rk_raft_msg *msg, bool is_termless)
{
	rk_raft_note_seen(raft, msg);
	if (msg->kind == RK_MSG_CHECK)
		rk_raft_step_check(raft, msg);
	else if (msg->kind == RK_MSG_CHECK_ANSWER)
		rk_raft_step_check_answer(raft, msg);
	else if (msg->kind == RK_MSG_FETCH)
		rk_raft_step_fetch(raft, msg);
	else if (msg->kind == RK_MSG_FETCH_ANSWER)
		rk_raft_step_fetch_answer(raft, msg);
	/* A snapshot is of committed entries, whatever became of the leader that sent it. */
	else if (msg->kind == RK_MSG_SNAPSHOT &&
		 (msg->term < raft->term || !rk_raft_may_take(raft)))
		rk_raft_step_snapshot(raft, msg);
	else if (!rk_raft_may_take(raft))
		return;
	else if (is_termless || rk_raft_step_term(raft, msg))
		dispatch(raft, msg);
}

void rk_raft_step(struct rk_raft *raft, struct rk_raft_msg *msg)
{
	const bool is_termless = msg->kind == RK_MSG_PROPOSE || msg->kind == RK_MSG_READ ||
				 msg->kind == RK_MSG_CHECK_ANSWER ||
				 msg->kind == RK_MSG_CHECK || msg->kind == RK_MSG_FETCH;

	if (msg->to == raft->id && msg->from != raft->id && msg->from != 0 &&
	    (is_termless || msg->term != 0))
		step(raft, msg, is_termless);
	(void)rk_raft_msg_free(msg);
}

static void forward_flush(struct rk_raft *raft)
{
	if (raft->forward == NULL)
		return;
	rk_raft_send(raft, rk_take_ptr(raft->forward));
	raft->forward_bytes = 0;
}

static void forward(struct rk_raft *raft, struct rk_blob *payload)
{
	const size_t size = 64 + (size_t)payload->size;

	if (raft->forward != NULL &&
	    (raft->forward->to != raft->leader_id || raft->forward->count == 256 ||
	     raft->forward_bytes + size > raft->opts.append_bytes))
		forward_flush(raft);
	if (raft->forward == NULL) {
		raft->forward = rk_raft_msg_new(RK_MSG_PROPOSE, raft->leader_id);
		raft->forward->entries = rk_alloc(256 * sizeof *raft->forward->entries);
	}
	raft->forward->entries[raft->forward->count] = (struct rk_entry){
		.index = raft->forward->count + 1,
		.kind = RK_ENTRY_NORMAL,
		.payload = rk_blob_ref(payload),
	};
	raft->forward->count++;
	raft->forward_bytes += size;
}

int rk_raft_propose(struct rk_raft *raft, struct rk_blob *payload, uint64_t *ret_index,
		    uint64_t *ret_term)
{
	if (payload->size > RK_PAYLOAD_MAX)
		return RK_ETOOBIG;
	if (raft->leader_id == 0 || raft->transfer_to != 0 || raft->opts.is_witness)
		return RK_EAGAIN;
	if (raft->role != RK_RAFT_LEADER) {
		forward(raft, payload);
		*ret_index = *ret_term = 0;
		return RK_OK;
	}
	if (!rk_raft_append(raft, RK_ENTRY_NORMAL, payload))
		return RK_EAGAIN;
	*ret_index = rk_raftlog_last(&raft->log);
	*ret_term = raft->term;
	return RK_OK;
}

void rk_raft_persisted(struct rk_raft *raft, uint64_t id)
{
	const int self = rk_raft_self(raft);

	rk_assert(id <= raft->issued_id);
	raft->durable_id = RK_MAX(raft->durable_id, id);
	raft->disk_since_ms = raft->mono_ms;
	rk_raftlog_written(&raft->log, id);
	rk_raft_note_held(raft);
	if (raft->role == RK_RAFT_LEADER && self >= 0) {
		(void)rk_progress_match(&raft->peers[self], raft->log.stable);
		rk_raft_try_commit(raft);
	}
	rk_raft_own_vote_durable(raft);
}

void rk_raft_applied(struct rk_raft *raft, uint64_t index)
{
	rk_assert(index <= raft->delivered);
	raft->applied = RK_MAX(raft->applied, index);
	if (raft->applied >= raft->installing)
		raft->installing = 0;
}

void rk_raft_snapshot_saved(struct rk_raft *raft, const struct rk_snapshot_meta *meta)
{
	if (meta->index > raft->snapshot.index && meta->index <= raft->applied)
		raft->snapshot = *meta;
}

void rk_raft_compact(struct rk_raft *raft, uint64_t index)
{
	struct rk_raftlog *log = &raft->log;
	size_t bytes = 0;
	uint64_t kept = 0;

	index = RK_MIN(RK_MIN(index, raft->snapshot.index), RK_MIN(raft->applied, log->stable));
	while (index > log->base_index && kept < raft->opts.trailing_max) {
		bytes += rk_entry_size(rk_raftlog_at(log, index));
		if (bytes > raft->opts.trailing_bytes)
			break;
		index--;
		kept++;
	}
	/* A peer on its way to a snapshot goes on from there; do not pull that away as well. */
	for (uint32_t i = 0; raft->role == RK_RAFT_LEADER && i < raft->config.count; i++)
		if (raft->peers[i].state == RK_PROGRESS_SNAPSHOT)
			index = RK_MIN(index, raft->peers[i].snapshot_index);
	rk_raftlog_drop(log, index);
}

void rk_raft_snapshot_sent(struct rk_raft *raft, uint64_t peer_id, bool ok)
{
	const int at = rk_config_find(&raft->config, peer_id);

	if (raft->role != RK_RAFT_LEADER || at < 0 ||
	    raft->peers[at].state != RK_PROGRESS_SNAPSHOT)
		return;
	if (!ok)
		raft->peers[at].snapshot_index = 0;
	rk_progress_probe(&raft->peers[at]);
	raft->peers[at].probe_sent = true; /* until it speaks, by its answer or a heartbeat's */
}

void rk_raft_unreachable(struct rk_raft *raft, uint64_t peer_id)
{
	const int at = rk_config_find(&raft->config, peer_id);

	if (raft->role == RK_RAFT_LEADER && at >= 0 &&
	    raft->peers[at].state == RK_PROGRESS_REPLICATE)
		rk_progress_probe(&raft->peers[at]);
}

void rk_raft_digest(struct rk_raft *raft, uint64_t index, uint64_t digest)
{
	raft->digest_index = index;
	raft->digest = digest;
}

static bool may_lead(const struct rk_member *member)
{
	return (member->role & (RK_MEMBER_VOTER | RK_MEMBER_WITNESS)) == RK_MEMBER_VOTER;
}

uint64_t rk_raft_best_successor(const struct rk_raft *raft, bool active_only)
{
	uint64_t best = 0, match = 0;

	for (uint32_t i = 0; i < raft->config.count; i++) {
		const struct rk_member *member = &raft->config.at[i];
		if (member->id != raft->id && may_lead(member) &&
		    (raft->peers[i].active || !active_only) && raft->peers[i].match > match) {
			best = member->id;
			match = raft->peers[i].match;
		}
	}
	return best;
}

int rk_raft_transfer(struct rk_raft *raft, uint64_t to)
{
	if (raft->role != RK_RAFT_LEADER || raft->transfer_to != 0)
		return RK_EAGAIN;
	if (to == 0)
		to = rk_raft_best_successor(raft, true);
	const int at = rk_config_find(&raft->config, to);
	if (at < 0 || (raft->config.at[at].role & RK_MEMBER_VOTER) == 0)
		return RK_ENOENT;
	if (to == raft->id)
		return RK_EEXIST;
	if (!may_lead(&raft->config.at[at]))
		return RK_EPERM;
	raft->transfer_to = to;
	raft->transfer_since_ms = raft->mono_ms;
	if (raft->peers[at].match == rk_raftlog_last(&raft->log)) {
		raft->lease_off = true;
		rk_raft_send(raft, rk_raft_msg_new(RK_MSG_TIMEOUT_NOW, to));
	} else {
		raft->peers[at].wants_append = true;
	}
	return RK_OK;
}

void rk_raft_campaign(struct rk_raft *raft)
{
	rk_raft_start_election(raft, false);
}

/* ---- outputs ---- */

static struct rk_persist *make_job(struct rk_raft *raft)
{
	struct rk_raftlog *log = &raft->log;
	const uint64_t from = log->handed + 1;
	const size_t count = (size_t)(rk_raftlog_last(log) - log->handed);
	struct rk_persist *job = rk_zalloc(sizeof *job + count * sizeof job->entries[0]);

	if (raft->durable_id == raft->issued_id)
		raft->disk_since_ms = raft->mono_ms;
	job->id = ++raft->issued_id;
	job->hard = (struct rk_hard_state){ raft->term, raft->vote, log->committed };
	if (rk_raft_forgot(raft))
		job->hard.commit = RK_COMMIT_FORGOTTEN;
	job->reset = raft->reset_pending;
	if (job->reset)
		job->mark = raft->snapshot;
	for (; job->count < count; job->count++)
		job->entries[job->count] = rk_entry_ref(rk_raftlog_at(log, from + job->count));
	raft->handed_hard = job->hard;
	if (RK_MUTANT(FORGET_VOTE))
		job->hard.vote = 0;
	raft->reset_pending = false;
	rk_raftlog_handed(log, job->id);
	return job;
}

static void release_held(struct rk_raft *raft)
{
	size_t done = 0;

	/* `after` never falls along the list. */
	while (done < raft->held_count && raft->held[done].after <= raft->durable_id) {
		raft->sent = rk_grow(raft->sent, &raft->sent_capacity, raft->sent_count + 1,
				     sizeof *raft->sent);
		raft->sent[raft->sent_count++] = raft->held[done++].msg;
	}
	raft->held_count -= done;
	if (done > 0 && raft->held_count > 0)
		memmove(raft->held, raft->held + done, raft->held_count * sizeof *raft->held);
}

/* Only what is durable here too: a snapshot must never be ahead of the log that it cuts. */
static void deliver(struct rk_raft *raft, struct rk_raft_out *out)
{
	const uint64_t limit = RK_MIN(raft->log.committed, raft->log.stable);
	size_t bytes = 0;

	if (raft->installing != 0)
		return;
	while (raft->delivered < limit && bytes < raft->opts.apply_bytes) {
		const struct rk_entry *entry = rk_raftlog_at(&raft->log, raft->delivered + 1);
		rk_assert(entry != NULL);
		if (entry->kind == RK_ENTRY_LOST && !RK_MUTANT(APPLY_HOLES))
			break;
		if (!raft->opts.is_witness) {
			out->committed = rk_grow(out->committed, &out->committed_capacity,
						 out->committed_count + 1, sizeof *out->committed);
			out->committed[out->committed_count++] = rk_entry_ref(entry);
			bytes += rk_entry_size(entry);
		}
		raft->delivered++;
		if (entry->kind == RK_ENTRY_CONFIG)
			rk_raft_config_delivered(raft, entry);
	}
	if (raft->opts.is_witness)
		raft->applied = raft->delivered;
	if (raft->campaign_due && !rk_raft_config_waits(raft)) {
		raft->campaign_due = false;
		rk_raft_start_election(raft, true);
	}
}

static void swap_messages(struct rk_raft *raft, struct rk_raft_out *out)
{
	struct rk_raft_msg **empty = out->messages;
	const size_t capacity = out->messages_capacity;

	out->messages = raft->sent;
	out->messages_count = raft->sent_count;
	out->messages_capacity = raft->sent_capacity;
	raft->sent = empty;
	raft->sent_capacity = capacity;
	raft->sent_count = 0;
}

static void swap_reads(struct rk_raft *raft, struct rk_raft_out *out)
{
	struct rk_raft_read *empty = out->reads;
	const size_t capacity = out->reads_capacity;

	out->reads = raft->answered;
	out->reads_count = raft->answered_count;
	out->reads_capacity = raft->answered_capacity;
	raft->answered = empty;
	raft->answered_capacity = capacity;
	raft->answered_count = 0;
}

static void collect_rest(struct rk_raft *raft, struct rk_raft_out *out)
{
	out->leader_changed = raft->role != raft->told_role || raft->term != raft->told_term ||
			      raft->leader_id != raft->told_leader_id;
	out->role = raft->told_role = raft->role;
	out->term = raft->told_term = raft->term;
	out->leader_id = raft->told_leader_id = raft->leader_id;
	out->install = raft->install_pending;
	if (out->install)
		out->installed = raft->snapshot;
	raft->install_pending = false;
	out->sends_count = raft->sends_count;
	memcpy(out->sends, raft->sends, sizeof out->sends);
	if (out->sends_count > 0)
		out->send_meta = raft->snapshot;
	raft->sends_count = 0;
	out->digests_count = raft->digests_count;
	memcpy(out->digests, raft->digests, sizeof out->digests);
	raft->digests_count = 0;
	out->compact_index = raft->log.base_index > raft->compact_told ? raft->log.base_index : 0;
	raft->compact_told = RK_MAX(raft->compact_told, raft->log.base_index);
}

bool rk_raft_ready(struct rk_raft *raft, struct rk_raft_out *out)
{
	rk_raft_out_clear(out);
	forward_flush(raft);
	rk_raft_reads_flush(raft);
	rk_raft_change_step(raft);
	rk_raft_pass_lead(raft);
	if (raft->role == RK_RAFT_LEADER)
		rk_raft_flush_peers(raft);
	if (rk_raft_dirty(raft))
		out->persist = make_job(raft);
	else if (raft->fills_count > 0)
		out->persist = rk_raft_fill_job(raft);
	release_held(raft);
	deliver(raft, out);
	swap_messages(raft, out);
	swap_reads(raft, out);
	collect_rest(raft, out);
	return out->persist != NULL || out->messages_count > 0 || out->committed_count > 0 ||
	       out->install || out->reads_count > 0 || out->sends_count > 0 ||
	       out->digests_count > 0 || out->leader_changed || out->compact_index != 0;
}

void rk_raft_out_clear(struct rk_raft_out *out)
{
	out->persist = rk_persist_free(out->persist);
	for (size_t i = 0; i < out->messages_count; i++)
		(void)rk_raft_msg_free(out->messages[i]);
	rk_entries_done(out->committed, out->committed_count);
	out->messages_count = out->committed_count = out->reads_count = 0;
	out->sends_count = out->digests_count = 0;
	out->install = out->leader_changed = false;
	out->compact_index = 0;
}

void rk_raft_out_done(struct rk_raft_out *out)
{
	rk_raft_out_clear(out);
	free(out->messages);
	free(out->committed);
	free(out->reads);
	*out = (struct rk_raft_out){ 0 };
}

/* ---- looking in ---- */

static const char *progress_name(const struct rk_raft *raft, uint32_t at)
{
	static const char *const names[] = { "probe", "replicate", "snapshot" };

	return raft->config.at[at].id == raft->id ? "self" : names[raft->peers[at].state];
}

void rk_raft_status(const struct rk_raft *raft, struct rk_raft_status *ret)
{
	*ret = (struct rk_raft_status){
		.id = raft->id,
		.term = raft->term,
		.vote = raft->vote,
		.leader_id = raft->leader_id,
		.role = raft->role,
		.first_index = raft->log.base_index + 1,
		.last_index = rk_raftlog_last(&raft->log),
		.last_term = rk_raftlog_last_term(&raft->log),
		.stable_index = raft->log.stable,
		.commit_index = raft->log.committed,
		.applied_index = raft->applied,
		.snapshot_index = raft->snapshot.index,
		.log_bytes = raft->log.bytes,
		.uncommitted_bytes = raft->uncommitted_bytes,
		.transfer_to = raft->transfer_to,
		.doubt = raft->doubt,
		.holes = raft->log.lost,
		.yields = raft->yields,
		.removed = raft->removed,
		.misplaced = raft->misplaced,
		.peers_count = raft->config.count,
	};
	for (uint32_t i = 0; i < raft->config.count; i++)
		ret->peers[i] = (struct rk_raft_peer_status){ .id = raft->config.at[i].id,
							      .state = progress_name(raft, i),
							      .match = raft->peers[i].match,
							      .next = raft->peers[i].next,
							      .active = raft->peers[i].active };
}

const char *rk_raft_role_name(enum rk_raft_role role)
{
	static const char *const names[] = { "follower", "pre-candidate", "candidate", "leader" };

	return (size_t)role < RK_COUNT(names) ? names[role] : "unknown";
}

const struct rk_config *rk_raft_config(const struct rk_raft *raft)
{
	return &raft->config;
}

uint32_t rk_raft_next_tick_ms(const struct rk_raft *raft)
{
	const bool leads = raft->role == RK_RAFT_LEADER;
	const uint64_t due = leads ? raft->heartbeat_sent_ms + raft->opts.heartbeat_ms :
				     raft->heard_ms + raft->election_timeout_ms;

	if (due <= raft->mono_ms)
		return 1;
	return (uint32_t)RK_MIN(due - raft->mono_ms, (uint64_t)raft->opts.heartbeat_ms);
}

const struct rk_entry *rk_raft_entry(const struct rk_raft *raft, uint64_t index)
{
	return rk_raftlog_at(&raft->log, index);
}
