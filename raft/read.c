/* Linearizable reads: ReadIndex (thesis 6.4), asked for in rounds, and the leader's lease (6.4.1). */
#include "base/mem.h"
#include "base/mutant.h"
#include "raft/inner.h"

static void answer_read(struct rk_raft *raft, const struct rk_waiting_read *read, int err,
			uint64_t index)
{
	if (read->peer != 0) {
		if (err != RK_OK)
			return; /* the peer's own wait ends by itself */
		struct rk_raft_msg *msg = rk_raft_msg_new(RK_MSG_READ_ANSWER, read->peer);
		msg->context = read->context;
		msg->index = index;
		rk_raft_send(raft, msg);
		return;
	}
	raft->answered = rk_grow(raft->answered, &raft->answered_capacity, raft->answered_count + 1,
				 sizeof *raft->answered);
	raft->answered[raft->answered_count++] =
		(struct rk_raft_read){ read->context, err, err == RK_OK ? index : 0 };
}

static void finish_rounds(struct rk_raft *raft, uint64_t index)
{
	struct rk_reads *reads = &raft->reads;
	size_t kept = 0;

	reads->done = reads->started;
	for (size_t i = 0; i < reads->count; i++) {
		if (reads->at[i].round <= reads->done)
			answer_read(raft, &reads->at[i], RK_OK, index);
		else
			reads->at[kept++] = reads->at[i];
	}
	reads->count = kept;
}

/* A read is safe only when this leader knows what is committed: after an entry of its own term. */
static bool knows_commit(const struct rk_raft *raft)
{
	return rk_raftlog_term(&raft->log, raft->log.committed) == raft->term;
}

/* Followers hold to a leader for election_ms after they heard of it; a quarter is left for clocks that
 * run apart. */
static bool lease_holds(const struct rk_raft *raft)
{
	uint64_t acked[RK_MEMBERS_MAX] = { 0 };

	if (!raft->opts.lease_reads || raft->lease_off || raft->transfer_to != 0)
		return false;
	for (uint32_t i = 0; i < raft->config.count; i++)
		acked[i] = raft->config.at[i].id == raft->id ? raft->mono_ms :
							       raft->peers[i].lease_acked_ms;
	const uint64_t start = rk_quorum_reached(&raft->config, acked);
	return start != 0 && start != UINT64_MAX &&
	       (RK_MUTANT(STALE_LEASE) ||
		raft->mono_ms - start < (uint64_t)raft->opts.election_ms * 3 / 4);
}

static bool wait_read(struct rk_raft *raft, uint64_t peer, uint64_t context)
{
	struct rk_reads *reads = &raft->reads;

	if (reads->count >= raft->opts.reads_max)
		return false;
	reads->at = rk_grow(reads->at, &reads->capacity, reads->count + 1, sizeof *reads->at);
	reads->at[reads->count++] =
		(struct rk_waiting_read){ context, peer, reads->started + 1, raft->mono_ms };
	return true;
}

int rk_raft_read(struct rk_raft *raft, uint64_t context)
{
	if (raft->opts.is_witness)
		return RK_EAGAIN;
	if (raft->role == RK_RAFT_LEADER && knows_commit(raft) && lease_holds(raft)) {
		answer_read(raft, &(struct rk_waiting_read){ .context = context }, RK_OK,
			    raft->log.committed);
		return RK_OK;
	}
	return wait_read(raft, 0, context) ? RK_OK : RK_EAGAIN;
}

void rk_raft_step_read(struct rk_raft *raft, const struct rk_raft_msg *msg)
{
	if (raft->role != RK_RAFT_LEADER || raft->opts.is_witness)
		return;
	if (knows_commit(raft) && lease_holds(raft)) {
		answer_read(raft,
			    &(struct rk_waiting_read){ .context = msg->context, .peer = msg->from },
			    RK_OK, raft->log.committed);
		return;
	}
	(void)wait_read(raft, msg->from, msg->context); /* when too many wait, the peer asks again */
}

void rk_raft_step_read_answer(struct rk_raft *raft, const struct rk_raft_msg *msg)
{
	struct rk_reads *reads = &raft->reads;

	if (raft->role == RK_RAFT_FOLLOWER && msg->from == raft->leader_id &&
	    msg->context == reads->started && reads->started != reads->done)
		finish_rounds(raft, msg->index);
}

void rk_raft_reads_acked(struct rk_raft *raft)
{
	uint64_t acked[RK_MEMBERS_MAX] = { 0 };
	struct rk_reads *reads = &raft->reads;

	if (reads->started == reads->done)
		return;
	for (uint32_t i = 0; i < raft->config.count; i++)
		acked[i] = raft->config.at[i].id == raft->id ? reads->started :
							       raft->peers[i].read_acked;
	if (rk_quorum_reached(&raft->config, acked) >= reads->started)
		finish_rounds(raft, reads->index);
}

void rk_raft_reads_restart(struct rk_raft *raft)
{
	struct rk_reads *reads = &raft->reads;
	size_t kept = 0;

	reads->done = reads->started;
	for (size_t i = 0; i < reads->count; i++) {
		if (reads->at[i].peer != 0)
			continue; /* they ask the new leader */
		reads->at[kept] = reads->at[i];
		reads->at[kept++].round = reads->started + 1;
	}
	reads->count = kept;
}

static void ask_leader(struct rk_raft *raft)
{
	struct rk_raft_msg *msg = rk_raft_msg_new(RK_MSG_READ, raft->leader_id);

	msg->context = raft->reads.started;
	raft->reads.started_ms = raft->mono_ms;
	rk_raft_send(raft, msg);
}

void rk_raft_reads_flush(struct rk_raft *raft)
{
	struct rk_reads *reads = &raft->reads;

	if (reads->count == 0 || reads->started != reads->done)
		return;
	if (raft->role == RK_RAFT_LEADER && knows_commit(raft)) {
		reads->started++;
		reads->started_ms = raft->mono_ms;
		reads->index = raft->log.committed;
		rk_raft_heartbeat_all(raft);
		rk_raft_reads_acked(raft); /* a lone voter is its own quorum */
		if (RK_MUTANT(READ_UNCONFIRMED))
			finish_rounds(raft, reads->index);
	} else if (raft->role == RK_RAFT_FOLLOWER && raft->leader_id != 0) {
		reads->started++;
		ask_leader(raft);
	}
}

void rk_raft_reads_tick(struct rk_raft *raft)
{
	struct rk_reads *reads = &raft->reads;
	size_t kept = 0;

	for (size_t i = 0; i < reads->count; i++) {
		if (raft->mono_ms - reads->at[i].since_ms >= 4 * (uint64_t)raft->opts.election_ms)
			answer_read(raft, &reads->at[i], RK_EAGAIN, 0);
		else
			reads->at[kept++] = reads->at[i];
	}
	reads->count = kept;
	/* The question or its answer may be lost. A leader's rounds go out again with its heartbeats. */
	if (raft->role == RK_RAFT_FOLLOWER && raft->leader_id != 0 && reads->started != reads->done &&
	    raft->mono_ms - reads->started_ms >= raft->opts.heartbeat_ms)
		ask_leader(raft);
}
