/* Replication: Raft paper sections 5.3, 5.4.2 and 7; pipelining with a window as in the
 * thesis, 10.2.1. */
#include "base/mem.h"
#include "base/mutant.h"
#include "raft/inner.h"

void rk_raft_lead(struct rk_raft *raft)
{
	struct rk_raftlog *log = &raft->log;

	for (uint32_t i = 0; i < raft->config.count; i++)
		rk_progress_reset(&raft->peers[i], rk_raftlog_last(log) + 1);
	const int self = rk_raft_self(raft);
	raft->peers[self].match = log->stable;
	raft->peers[self].active = true;
	raft->uncommitted_bytes = 0;
	for (uint64_t i = log->committed + 1; i <= rk_raftlog_last(log); i++)
		raft->uncommitted_bytes += rk_entry_size(rk_raftlog_at(log, i));
	raft->quorum_checked_ms = raft->heartbeat_sent_ms = raft->mono_ms;
	/* Entries of older terms are committed only through one of our own (section 5.4.2). */
	(void)rk_raft_append(raft, RK_ENTRY_NOOP, NULL);
	raft->config_after = raft->round_index = rk_raftlog_last(log);
}

bool rk_raft_append(struct rk_raft *raft, enum rk_entry_kind kind, struct rk_blob *payload)
{
	struct rk_entry entry = { .index = rk_raftlog_last(&raft->log) + 1,
				  .term = raft->term,
				  .kind = kind,
				  .payload = payload };
	const size_t size = rk_entry_size(&entry);

	/* One entry is always let in, however large, or it could never be. */
	if (kind == RK_ENTRY_NORMAL && raft->uncommitted_bytes > 0 &&
	    raft->uncommitted_bytes + size > raft->opts.uncommitted_bytes)
		return false;
	raft->last_time_ms = RK_MAX(raft->last_time_ms, raft->wall_ms);
	entry.time_ms = raft->last_time_ms;
	(void)rk_blob_ref(payload);
	rk_raftlog_push(&raft->log, entry);
	raft->uncommitted_bytes += size;
	return true;
}

void rk_raft_commit_to(struct rk_raft *raft, uint64_t index)
{
	struct rk_raftlog *log = &raft->log;

	rk_assert(index <= rk_raftlog_last(log));
	while (log->committed < index) {
		log->committed++;
		if (raft->role == RK_RAFT_LEADER) {
			const size_t size = rk_entry_size(rk_raftlog_at(log, log->committed));
			raft->uncommitted_bytes -= RK_MIN(size, raft->uncommitted_bytes);
		}
	}
}

void rk_raft_try_commit(struct rk_raft *raft)
{
	uint64_t match[RK_MEMBERS_MAX] = { 0 };

	if (raft->role != RK_RAFT_LEADER)
		return;
	for (uint32_t i = 0; i < raft->config.count; i++)
		match[i] = raft->peers[i].match;
	const uint64_t reached = rk_quorum_reached(&raft->config, match);
	if (reached != UINT64_MAX && reached > raft->log.committed &&
	    (rk_raftlog_term(&raft->log, reached) == raft->term || RK_MUTANT(OLD_TERM_COMMIT)))
		rk_raft_commit_to(raft, reached);
}

/* What it counts on its own disk for: the peers remember it for the day when that disk comes back older. */
static void tell_durable(const struct rk_raft *raft, struct rk_raft_msg *msg)
{
	msg->hint_index = raft->log.stable;
	msg->hint_term = rk_raftlog_term(&raft->log, raft->log.stable);
}

static void heartbeat(struct rk_raft *raft, uint32_t at)
{
	struct rk_raft_msg *msg = rk_raft_msg_new(RK_MSG_HEARTBEAT, raft->config.at[at].id);

	/* Never beyond what the peer is known to hold: the rest of its log may not be ours. */
	msg->commit = RK_MIN(raft->peers[at].match, raft->log.committed);
	msg->log_term = rk_raftlog_term(&raft->log, msg->commit);
	tell_durable(raft, msg);
	msg->context = raft->reads.started;
	msg->stamp_ms = raft->mono_ms;
	msg->digest_index = raft->digest_index;
	msg->digest = raft->digest;
	msg->force = (raft->config.at[at].role & RK_MEMBER_WITNESS) != 0;
	msg->index = msg->force ? rk_raft_droppable(raft) : 0;
	rk_raft_send(raft, msg);
}

void rk_raft_heartbeat_all(struct rk_raft *raft)
{
	raft->heartbeat_sent_ms = raft->mono_ms;
	for (uint32_t i = 0; i < raft->config.count; i++)
		if (raft->config.at[i].id != raft->id)
			heartbeat(raft, i);
}

static void start_snapshot(struct rk_raft *raft, uint32_t at)
{
	struct rk_progress *peer = &raft->peers[at];

	/* A peer that is away would only hold the transfer open; after a failed one, wait until it
	 * speaks. */
	if (!peer->active || peer->probe_sent || raft->snapshot.index < raft->log.base_index ||
	    raft->snapshot.index == 0 || raft->opts.is_witness)
		return;
	if ((raft->config.at[at].role & RK_MEMBER_WITNESS) != 0) {
		rk_raft_send_meta(raft, at);
		return;
	}
	rk_progress_snapshot(peer, raft->snapshot.index);
	raft->sends[raft->sends_count++] = raft->config.at[at].id;
}

static uint32_t batch_size(const struct rk_raft *raft, uint64_t from, size_t *ret_bytes)
{
	const uint64_t last = rk_raftlog_last(&raft->log);
	uint32_t count = 0;
	size_t bytes = 0;

	for (uint64_t i = from; i <= last && count < RK_RAFT_MSG_ENTRIES_MAX; i++, count++) {
		const size_t size = rk_entry_size(rk_raftlog_at(&raft->log, i));
		if (count > 0 && bytes + size > raft->opts.append_bytes)
			break;
		bytes += size;
	}
	*ret_bytes = bytes;
	return count;
}

static void send_append(struct rk_raft *raft, uint32_t at, bool with_entries)
{
	struct rk_progress *peer = &raft->peers[at];
	struct rk_raft_msg *msg = rk_raft_msg_new(RK_MSG_APPEND, raft->config.at[at].id);
	size_t bytes = 0;

	msg->index = peer->next - 1;
	msg->log_term = rk_raftlog_term(&raft->log, msg->index);
	msg->commit = raft->log.committed;
	tell_durable(raft, msg);
	msg->count = with_entries ? batch_size(raft, peer->next, &bytes) : 0;
	/* It only tells what is committed, to a peer that is known to hold that: no answer is news. */
	msg->force = msg->count == 0 && peer->state == RK_PROGRESS_REPLICATE &&
		     peer->match == msg->index;
	if (msg->count > 0) {
		msg->entries = rk_alloc(msg->count * sizeof *msg->entries);
		for (uint32_t i = 0; i < msg->count; i++)
			msg->entries[i] = rk_entry_ref(rk_raftlog_at(&raft->log, peer->next + i));
	}
	peer->commit_sent = raft->log.committed;
	peer->wants_append = false;
	if (msg->count > 0)
		rk_progress_sent(peer, msg->index + msg->count, bytes);
	else if (peer->state == RK_PROGRESS_PROBE)
		peer->probe_sent = true;
	rk_raft_send(raft, msg);
}

static void flush_peer(struct rk_raft *raft, uint32_t at)
{
	struct rk_progress *peer = &raft->peers[at];

	if (peer->state == RK_PROGRESS_SNAPSHOT)
		return;
	if (peer->next - 1 < raft->log.base_index) {
		start_snapshot(raft, at);
		return;
	}
	while (!rk_progress_paused(peer) && peer->next <= rk_raftlog_last(&raft->log))
		send_append(raft, at, true);
	if (peer->wants_append || peer->commit_sent < raft->log.committed ||
	    (peer->state == RK_PROGRESS_PROBE && !peer->probe_sent)) {
		if (peer->state == RK_PROGRESS_REPLICATE || !peer->probe_sent)
			send_append(raft, at, false);
	}
}

void rk_raft_flush_peers(struct rk_raft *raft)
{
	for (uint32_t i = 0; i < raft->config.count; i++)
		if (raft->config.at[i].id != raft->id)
			flush_peer(raft, i);
}

void rk_raft_farewell(struct rk_raft *raft, const struct rk_config *next)
{
	for (uint32_t i = 0; i < raft->config.count; i++) {
		const struct rk_progress *peer = &raft->peers[i];
		if (raft->config.at[i].id != raft->id &&
		    rk_config_find(next, raft->config.at[i].id) < 0 &&
		    peer->state != RK_PROGRESS_SNAPSHOT && peer->next > raft->log.base_index)
			send_append(raft, i, !rk_progress_paused(peer) &&
						     peer->next <= rk_raftlog_last(&raft->log));
	}
}

static bool entries_make_sense(const struct rk_raft_msg *msg)
{
	uint64_t term = msg->log_term;

	for (uint32_t i = 0; i < msg->count; i++) {
		if (msg->entries[i].term < term || msg->entries[i].term > msg->term ||
		    msg->entries[i].term == 0 || msg->entries[i].index != msg->index + 1 + i)
			return false;
		term = msg->entries[i].term;
	}
	return true;
}

/* Puts the entries into the log, cutting what contradicts them. False when they contradict what is
 * committed. */
static bool take_entries(struct rk_raft *raft, struct rk_raft_msg *msg)
{
	struct rk_raftlog *log = &raft->log;

	for (uint32_t i = 0; i < msg->count; i++) {
		struct rk_entry *entry = &msg->entries[i];
		if (entry->index <= rk_raftlog_last(log)) {
			if (rk_raftlog_term(log, entry->index) == entry->term ||
			    entry->index <= log->base_index) {
				(void)rk_raft_fill(raft, entry);
				continue;
			}
			if (entry->index <= log->committed)
				return false;
			rk_raftlog_cut(log, entry->index);
		}
		raft->last_time_ms = RK_MAX(raft->last_time_ms, entry->time_ms);
		rk_raftlog_push(log, *entry);
		entry->payload = NULL; /* its share moved */
	}
	return true;
}

void rk_raft_step_append(struct rk_raft *raft, struct rk_raft_msg *msg)
{
	struct rk_raftlog *log = &raft->log;

	if (!entries_make_sense(msg))
		return;
	struct rk_raft_msg *answer = rk_raft_msg_new(RK_MSG_APPEND_ANSWER, msg->from);
	if (msg->index < log->committed) {
		answer->index = rk_raft_sure_to(raft, log->committed); /* an old append: it is all here */
	} else if (msg->index <= rk_raftlog_last(log) &&
		   (rk_raftlog_term(log, msg->index) == msg->log_term || RK_MUTANT(NO_PREV_CHECK))) {
		if (!take_entries(raft, msg)) {
			(void)rk_raft_msg_free(answer);
			return;
		}
		answer->index = msg->index + msg->count;
		rk_raft_commit_to(raft, RK_MAX(log->committed, RK_MIN(msg->commit, answer->index)));
		answer->index = rk_raft_sure_to(raft, answer->index);
	} else {
		answer->reject = true;
		answer->index = msg->index;
		answer->hint_index = rk_raftlog_conflict(log, msg->index, msg->log_term);
		answer->hint_term = rk_raftlog_term(log, answer->hint_index);
	}
	if (msg->force && !answer->reject)
		(void)rk_raft_msg_free(answer);
	else
		rk_raft_send(raft, answer);
}

static void append_refused(struct rk_raft *raft, struct rk_progress *peer,
			   const struct rk_raft_msg *msg)
{
	uint64_t hint = msg->hint_index;

	/* Skip our own entries of terms that the peer cannot have at that place. */
	if (msg->hint_term > 0)
		hint = rk_raftlog_conflict(&raft->log, hint, msg->hint_term);
	/* It refuses what it acknowledged: it has lost that, and the acknowledgement came late. */
	if (peer->state == RK_PROGRESS_PROBE && peer->next - 1 == msg->index &&
	    peer->match == msg->index && hint < peer->match) {
		rk_progress_reset(peer, hint + 1);
		peer->active = true;
		return;
	}
	if (rk_progress_back_up(peer, msg->index, hint) && peer->state == RK_PROGRESS_REPLICATE)
		rk_progress_probe(peer);
}

static void hand_over_if_ready(struct rk_raft *raft, uint32_t at)
{
	if (raft->transfer_to != raft->config.at[at].id ||
	    raft->peers[at].match != rk_raftlog_last(&raft->log))
		return;
	raft->lease_off = true;
	rk_raft_send(raft, rk_raft_msg_new(RK_MSG_TIMEOUT_NOW, raft->transfer_to));
}

/* The peer has everything up to `index` on its disk. */
static void peer_holds(struct rk_raft *raft, uint32_t at, uint64_t index)
{
	struct rk_progress *peer = &raft->peers[at];
	const bool news = rk_progress_match(peer, index);

	if (!news && !(peer->state == RK_PROGRESS_PROBE && peer->match == index))
		return;
	if (peer->state == RK_PROGRESS_PROBE ||
	    (peer->state == RK_PROGRESS_SNAPSHOT && peer->match + 1 > raft->log.base_index))
		rk_progress_replicate(peer);
	rk_raft_try_commit(raft);
	hand_over_if_ready(raft, at);
}

void rk_raft_step_append_answer(struct rk_raft *raft, const struct rk_raft_msg *msg)
{
	const int at = rk_config_find(&raft->config, msg->from);

	if (raft->role != RK_RAFT_LEADER || at < 0)
		return;
	struct rk_progress *peer = &raft->peers[at];
	peer->active = true;
	if (msg->reject) {
		append_refused(raft, peer, msg);
		return;
	}
	if (msg->index > rk_raftlog_last(&raft->log))
		return; /* holds what we never had: not an answer to us */
	peer_holds(raft, (uint32_t)at, msg->index);
}

void rk_raft_note_digest(struct rk_raft *raft, const struct rk_raft_msg *msg)
{
	uint32_t at = 0;

	if (msg->digest_index == 0)
		return;
	while (at < raft->digests_count && raft->digests[at].peer != msg->from)
		at++;
	if (at == RK_MEMBERS_MAX)
		return;
	raft->digests_count = RK_MAX(raft->digests_count, at + 1);
	raft->digests[at] = (struct rk_raft_digest){ msg->from, msg->digest_index, msg->digest };
}

void rk_raft_step_heartbeat(struct rk_raft *raft, const struct rk_raft_msg *msg)
{
	struct rk_raft_msg *answer = rk_raft_msg_new(RK_MSG_HEARTBEAT_ANSWER, msg->from);

	rk_raft_note_digest(raft, msg);
	rk_raft_note_droppable(raft, msg);
	/* The leader's match for us was durable here, unless the disk lied: then it is another entry. */
	if (msg->commit > raft->log.committed && msg->log_term != 0 &&
	    rk_raftlog_term(&raft->log, msg->commit) == msg->log_term)
		rk_raft_commit_to(raft, msg->commit);
	answer->context = msg->context;
	answer->stamp_ms = msg->stamp_ms;
	answer->force = rk_raft_forgot(raft);
	answer->commit = rk_raft_sure_to(raft, RK_MIN(raft->log.committed, raft->log.stable));
	answer->digest_index = raft->digest_index;
	answer->digest = raft->digest;
	rk_raft_send(raft, answer);
}

void rk_raft_step_heartbeat_answer(struct rk_raft *raft, const struct rk_raft_msg *msg)
{
	const int at = rk_config_find(&raft->config, msg->from);

	if (raft->role != RK_RAFT_LEADER || at < 0)
		return;
	struct rk_progress *peer = &raft->peers[at];
	rk_raft_note_digest(raft, msg);
	peer->active = true;
	peer->remembers = !msg->force;
	/* What it knows to be committed is the same as ours: ends a snapshot whose own answer was
	 * lost. */
	if (msg->commit > peer->match && msg->commit <= rk_raftlog_last(&raft->log))
		peer_holds(raft, (uint32_t)at, msg->commit);
	/* It is without memory, and an acknowledgement from before that came late: without news to send nothing else
	 * would show that it lacks what it is thought to hold. */
	if (msg->force && peer->state == RK_PROGRESS_REPLICATE && msg->commit < peer->match)
		rk_progress_probe(peer);
	peer->probe_sent = false;
	if (peer->match < rk_raftlog_last(&raft->log)) {
		rk_progress_free_first(peer);
		peer->wants_append = true; /* shows whether appends were lost */
	}
	if (msg->context <= raft->reads.started)
		peer->read_acked = RK_MAX(peer->read_acked, msg->context);
	if (msg->stamp_ms <= raft->mono_ms)
		peer->lease_acked_ms = RK_MAX(peer->lease_acked_ms, msg->stamp_ms);
	rk_raft_reads_acked(raft);
}

/* The snapshot takes the place of what the log had up to it. `keeps_rest`: what the log has behind it follows it. */
static void install(struct rk_raft *raft, const struct rk_snapshot_meta *meta, bool keeps_rest)
{
	struct rk_raftlog *log = &raft->log;

	if (keeps_rest) {
		rk_raft_commit_to(raft, RK_MAX(meta->index, log->committed));
		rk_raftlog_drop(log, meta->index);
	} else {
		rk_raftlog_restart(log, meta->index, meta->term);
		raft->reset_pending = true;
	}
	raft->snapshot = *meta;
	rk_raft_begin_install(raft);
	raft->last_time_ms = RK_MAX(raft->last_time_ms, meta->time_ms);
	rk_raft_adopt_config(raft, &raft->snapshot.config);
}

void rk_raft_step_snapshot(struct rk_raft *raft, const struct rk_raft_msg *msg)
{
	const struct rk_snapshot_meta *meta = msg->snapshot;
	struct rk_raftlog *log = &raft->log;

	if (meta == NULL || meta->index == 0 || !rk_raft_may_skip_to(raft, meta->index))
		return;
	if (meta->term > raft->term) /* it came outside of terms, to a member without memory */
		rk_raft_become_follower(raft, meta->term, 0);
	struct rk_raft_msg *answer = rk_raft_msg_new(RK_MSG_APPEND_ANSWER, msg->from);
	const bool is_known = rk_raftlog_term(log, meta->index) == meta->term;
	const bool bridges = rk_raft_sure_to(raft, meta->index) < meta->index &&
			     meta->index > raft->delivered;
	if (RK_MUTANT(OLD_SNAPSHOT) && !raft->opts.is_witness && meta->index < raft->delivered &&
	    meta->index >= log->base_index) {
		raft->install_pending = true;
		raft->snapshot = *meta;
		raft->installing = raft->delivered = meta->index;
	} else if (bridges && is_known && meta->index <= log->stable) {
		install(raft, meta, true);
	} else if (meta->index > log->committed) {
		if (is_known) /* The log has it already (section 7): nothing is thrown away. */
			rk_raft_commit_to(raft, meta->index);
		else
			install(raft, meta, false);
	}
	answer->index = rk_raft_sure_to(raft, log->committed);
	rk_raft_send(raft, answer);
}
