/* A member: what control/core_io.c and its threads do, step by step under virtual time. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "control/etcd/apply.h"
#include "control/snapshots_io.h"
#include "raft/membership.h"
#include "sim/inner.h"

#define RETRY_MS   400
#define TIMEOUT_MS 3000
#define SEAL_MS    20

/* --- clocks --- */

uint64_t sim_node_mono_ms(const struct sim *sim, const struct sim_node *node)
{
	const uint64_t now = RK_MAX(node->clock_since_ms,
				    sim->now_ms < node->clock_frozen_until_ms ? node->clock_since_ms
									      : sim->now_ms);

	return node->clock_base_ms + (now - node->clock_since_ms) * node->clock_rate / 1000;
}

void sim_node_clock_again(struct sim *sim, struct sim_node *node, uint32_t rate)
{
	node->clock_base_ms = sim_node_mono_ms(sim, node);
	node->clock_since_ms = sim->now_ms;
	node->clock_rate = rate;
}

static int64_t wall_ms(const struct sim *sim, const struct sim_node *node)
{
	return INT64_C(1767323045000) + (int64_t)sim->now_ms + node->wall_skew_ms;
}

static void set_clock(const struct sim *sim, struct sim_node *node)
{
	rk_raft_clock(node->raft, sim_node_mono_ms(sim, node), wall_ms(sim, node));
}

/* --- start and end --- */

static int recover_snapshot(struct sim *sim, struct sim_node *node, bool may_repair,
			    struct rk_error *error)
{
	struct rk_store *store = NULL;
	struct rk_error damage = { 0 };
	const int err = rk_snapshot_recover(node->snapshots, sim->cluster, may_repair,
					    node->is_witness ? NULL : &store, &node->newest,
					    &damage, error);

	if (err < 0 && err != RK_ENOENT)
		return err;
	if (err == RK_ENOENT)
		node->newest = (struct rk_snapshot_meta){ 0 };
	node->applied = node->newest.index;
	if (node->is_witness)
		return RK_OK;
	node->machine = err == RK_OK ? rk_machine_of(sim->kinds, store) : rk_machine_new(sim->kinds);
	return RK_OK;
}

struct rk_wal_opts sim_node_wal_opts(const struct sim *sim, const struct sim_node *node,
				     struct sim_disk *disk, uint64_t snapshot)
{
	const uint64_t trailing = sim->params.trailing;

	return (struct rk_wal_opts){
		.vfs = sim_disk_dir(disk, SIM_DIR_LOG),
		.seed = 1,
		.cluster = sim->cluster,
		.member = node->id,
		.segment_bytes = sim->params.segment_bytes,
		.history_bytes = sim->params.segment_bytes * 2,
		.from_index = snapshot > trailing ? snapshot - trailing : 0,
		.repair = true,
	};
}

static int recover(struct sim *sim, struct sim_node *node, struct rk_error *error)
{
	const bool may_repair = sim->params.nodes > 1;
	RK_AUTO(rk_wal_found_done) struct rk_wal_found found = { 0 };

	node->snapshots = sim_disk_dir(node->disk, SIM_DIR_SNAPSHOTS);
	RK_TRY(recover_snapshot(sim, node, may_repair, error));
	struct rk_wal_opts wal = sim_node_wal_opts(sim, node, node->disk, node->newest.index);
	wal.seed = sim_draw(&sim->dice) | 1;
	wal.repair = may_repair;
	RK_TRY(rk_wal_open(&node->wal, &wal, &found, error));
	if (found.base_index > node->newest.index && may_repair)
		found.hard.commit = RK_COMMIT_FORGOTTEN; /* the log without its snapshot is no memory */
	sim->result->counts[SIM_HOLES] += found.holes;
	sim->result->counts[SIM_AMNESIA] += found.hard.commit == RK_COMMIT_FORGOTTEN;
	if (found.damage.code != 0)
		sim_note(sim, "%u: %zu holes, lost from %llu: %s", node->id, found.holes,
			 (unsigned long long)found.lost_from, found.damage.text);
	const bool is_first = rk_config_find(&sim->config, node->id) >= 0;
	const struct rk_raft_opts opts = {
		.id = node->id,
		.seed = sim_draw(&sim->dice),
		.append_bytes = sim->params.append_bytes,
		.inflight_max = 8,
		.uncommitted_bytes = 64 * 1024,
		.apply_bytes = 2048,
		.trailing_max = sim->params.trailing,
		.lease_reads = sim->params.lease_reads,
		.is_witness = node->is_witness,
		.config = is_first ? sim->config : (struct rk_config){ 0 },
		.log_as_of = found.log_as_of,
		.hard = found.hard,
		.snapshot = node->newest,
		.base_index = found.base_index,
		.base_term = found.base_term,
		.count = found.count,
		.entries = found.entries,
	};
	RK_TRY(rk_raft_new(&node->raft, &opts, error));
	if (node->newest.index > 0)
		rk_raft_applied(node->raft, node->newest.index);
	return RK_OK;
}

static void drop_process(struct sim_node *node)
{
	for (size_t i = 0; i < node->jobs_count; i++)
		(void)rk_persist_free(node->jobs[i].persist);
	free(node->jobs);
	node->jobs = NULL;
	node->jobs_count = node->jobs_capacity = 0;
	node->raft = rk_raft_free(node->raft);
	rk_raft_out_done(&node->out);
	node->machine = rk_machine_free(node->machine);
	node->wal = rk_wal_close(node->wal);
	node->snapshots = rk_vfs_close(node->snapshots);
	rk_pending_done(&node->pending);
	node->pending = (struct rk_pending){ 0 };
	node->up = false;
}

void sim_node_start(struct sim *sim, struct sim_node *node)
{
	struct rk_error error = { 0 };

	if (node->up)
		return;
	sim_disk_set_full(node->disk, false);
	node->disk_full = false;
	sim_disk_errors(node->disk, 0, 0);
	if (!sim->healed && sim_roll(sim, 8) == 0)
		sim_disk_crash_in(node->disk, 1 + sim_roll(sim, 60));
	const int err = recover(sim, node, &error);
	if (err < 0 || sim_disk_is_dead(node->disk)) {
		const bool died = sim_disk_is_dead(node->disk);
		drop_process(node);
		sim_disk_crash(node->disk);
		if (!died)
			sim_fail(sim, "member %u does not start: %s", node->id, error.text);
		return;
	}
	node->up = true;
	node->incarnation++;
	node->up_since_ms = sim->now_ms;
	node->since_snapshot = node->compact_to = 0;
	node->was_leader = false;
	node->told_leader = node->proposed_index = node->proposed_term = 0;
	node->die_in = 0;
	node->clock_base_ms = sim_roll(sim, 100000); /* another clock than before the restart */
	node->clock_since_ms = sim->now_ms;
	node->clock_frozen_until_ms = 0;
	node->asleep_until_ms = node->disk_until_ms = 0;
	if (!sim->healed) {
		sim_disk_errors(node->disk, sim->params.write_error, sim->params.sync_error);
		if (sim_strikes(sim, sim->params.io_crash))
			sim_disk_crash_in(node->disk, 1 + sim_roll(sim, 200));
	}
	struct rk_raft_status status;
	rk_raft_status(node->raft, &status);
	node->told_doubt = status.doubt;
	node->told_yields = 0;
	sim_note(sim, "%u: starts, snapshot %llu, term %llu, log %llu to %llu, %s, %llu holes",
		 node->id, (unsigned long long)node->newest.index, (unsigned long long)status.term,
		 (unsigned long long)status.first_index, (unsigned long long)status.last_index,
		 rk_raft_doubt_name(status.doubt), (unsigned long long)status.holes);
}

void sim_node_crash(struct sim *sim, struct sim_node *node)
{
	if (!node->up)
		return;
	sim_note(sim, "%u: crashes", node->id);
	sim_count(sim, SIM_CRASHES);
	/* What was on its way to the disk may have got there. */
	for (size_t i = 0, kept = sim_roll(sim, node->jobs_count + 1); i < kept; i++)
		if (rk_wal_write(node->wal, &node->jobs[i].persist, 1, NULL) < 0)
			break;
	sim_clients_node_died(sim, node);
	drop_process(node);
	sim_disk_crash(node->disk);
}

/* The process could not go on: its disk failed it. */
static bool ends_if_dead(struct sim *sim, struct sim_node *node, int err)
{
	if (!sim_disk_is_dead(node->disk) && (err >= 0 || err == RK_ENOSPC))
		return false;
	if (sim_disk_is_dead(node->disk))
		sim_count(sim, SIM_IO_CRASHES);
	sim_node_crash(sim, node);
	return true;
}

/* --- disk --- */

static void note_stored(struct sim *sim, struct sim_node *node, const struct rk_persist *job)
{
	for (size_t i = 0; i < job->count && !job->fills; i++) {
		const struct rk_entry *entry = &job->entries[i];
		const struct rk_entry *before = rk_raft_entry(node->raft, entry->index - 1);
		sim_check_stored(sim, entry, before != NULL ? before->term : 0);
	}
}

/* False: the process ended. */
static bool finish_jobs(struct sim *sim, struct sim_node *node)
{
	struct rk_persist *batch[64];
	size_t count = 0;
	int err;

	if (sim->now_ms < node->disk_until_ms)
		return true;
	while (count < node->jobs_count && count < RK_COUNT(batch) &&
	       node->jobs[count].due_ms <= sim->now_ms) {
		batch[count] = node->jobs[count].persist;
		count++;
	}
	if (count > 0) {
		err = rk_wal_write(node->wal, batch, count, NULL);
		node->written_ms = sim->now_ms;
		if (err == RK_ENOSPC) {
			node->disk_full = true;
			return true;
		}
		if (ends_if_dead(sim, node, err))
			return false;
		node->disk_full = false;
		rk_raft_persisted(node->raft, batch[count - 1]->id);
		for (size_t i = 0; i < count; i++)
			(void)rk_persist_free(batch[i]);
		node->jobs_count -= count;
		memmove(node->jobs, node->jobs + count, node->jobs_count * sizeof *node->jobs);
	}
	if (node->compact_to != 0 && node->jobs_count == 0) {
		rk_wal_drop(node->wal, node->compact_to);
		node->compact_to = 0;
	}
	err = rk_wal_prepare(node->wal, NULL);
	if (err >= 0 && node->jobs_count == 0 && sim->now_ms - node->written_ms >= SEAL_MS)
		err = rk_wal_seal(node->wal, NULL);
	return !ends_if_dead(sim, node, err);
}

static void to_disk(struct sim *sim, struct sim_node *node, struct rk_persist *persist)
{
	const uint64_t last = node->jobs_count > 0 ? node->jobs[node->jobs_count - 1].due_ms : 0;
	const uint64_t due = sim->now_ms + sim_roll(sim, sim->params.disk_max_ms + 1);

	note_stored(sim, node, persist);
	node->jobs = rk_grow(node->jobs, &node->jobs_capacity, node->jobs_count + 1,
			     sizeof *node->jobs);
	node->jobs[node->jobs_count++] = (struct sim_job){ persist, RK_MAX(due, last) };
}

/* --- the machine --- */

static void apply(struct sim *sim, struct sim_node *node, const struct rk_entry *entry)
{
	const uint64_t revision_before = rk_store_revision(rk_machine_store(node->machine));
	struct rk_envelope envelope;

	if (entry->kind != RK_ENTRY_NORMAL) {
		rk_machine_skip(node->machine, entry->index, entry->time_ms);
		sim_check_applied(sim, node, entry);
		return;
	}
	const struct rk_span payload = rk_blob_span(entry->payload);
	if (rk_envelope_read(payload, &envelope) < 0) {
		sim_fail(sim, "entry %llu is no envelope", (unsigned long long)entry->index);
		return;
	}
	const bool is_own = envelope.origin == node->id && envelope.incarnation == node->incarnation;
	struct rk_pending_write *write =
		is_own ? rk_pending_find(&node->pending, envelope.sequence) : NULL;
	struct rk_applied applied;
	rk_machine_apply(node->machine, entry->index, entry->time_ms, payload, write != NULL,
			 &applied);
	if (applied.is_duplicate &&
	    rk_store_revision(rk_machine_store(node->machine)) != revision_before)
		sim_fail(sim, "exactly once: entry %llu was applied again",
			 (unsigned long long)entry->index);
	sim_check_applied(sim, node, entry);
	if (write != NULL && !applied.is_duplicate && applied.outcome_count == 1) {
		void *owner = write->owner;
		const uint64_t request = write->request_id;
		rk_pending_answered(&node->pending, envelope.sequence);
		if (owner != NULL)
			sim_client_wrote(sim, node, owner, request, RK_OK, applied.outcomes[0].code,
					 rk_blob_span(applied.outcomes[0].doc));
	}
	rk_applied_done(&applied);
}

static void propose(struct sim_node *node, enum rk_entry_type type, struct rk_span body)
{
	RK_AUTO(rk_buf_done) struct rk_buf bytes = { 0 };
	uint64_t index = 0, term = 0;

	rk_envelope_write(&bytes, &(struct rk_envelope){ .type = type, .body = body });
	struct rk_blob *payload = rk_blob_copy(rk_buf_span(&bytes));
	if (rk_raft_propose(node->raft, payload, &index, &term) == RK_OK) {
		node->proposed_index = index;
		node->proposed_term = term;
	}
	(void)rk_blob_unref(payload);
}

static void propose_due(struct sim *sim, struct sim_node *node)
{
	const struct rk_cluster_config cluster = { sim->cluster.high, sim->cluster.low,
						   RK_SPAN("10.96.0.0/16"),
						   RK_SPAN("10.244.0.0/16"),
						   RK_SPAN("cluster.local") };
	struct rk_raft_status status;

	rk_raft_status(node->raft, &status);
	if (status.role != RK_RAFT_LEADER || node->is_witness || node->applied < status.commit_index ||
	    (node->proposed_term == status.term && node->applied < node->proposed_index) ||
	    status.last_term != status.term)
		return;
	if (!rk_machine_is_initialised(node->machine)) {
		struct rk_blob *body = rk_cluster_config_encode(&cluster);
		propose(node, RK_ENTRY_INIT, rk_blob_span(body));
		(void)rk_blob_unref(body);
	} else if (rk_machine_has_work(node->machine)) {
		propose(node, RK_ENTRY_ADVANCE, RK_SPAN(""));
	} else if (rk_machine_next_due_ms(node->machine) <= wall_ms(sim, node)) {
		propose(node, RK_ENTRY_TICK, RK_SPAN(""));
	}
}

/* --- clients' requests --- */

int sim_node_write(struct sim *sim, struct sim_node *node, void *client, uint64_t request,
		   struct rk_span etcd_body)
{
	RK_AUTO(rk_buf_done) struct rk_buf bytes = { 0 };
	const uint64_t oldest = rk_pending_oldest(&node->pending);
	const struct rk_envelope envelope = { .type = RK_ENTRY_ETCD,
					      .origin = node->id,
					      .incarnation = node->incarnation,
					      .sequence = rk_pending_next(&node->pending),
					      .answered = oldest != 0 ? oldest : 1,
					      .body = etcd_body };

	rk_envelope_write(&bytes, &envelope);
	struct rk_blob *payload = rk_blob_copy(rk_buf_span(&bytes));
	const int err = rk_pending_write(&node->pending, client, request, sim->now_ms + TIMEOUT_MS,
					 payload);
	if (err < 0)
		(void)rk_blob_unref(payload);
	return err;
}

int sim_node_read(struct sim *sim, struct sim_node *node, void *client, uint64_t request)
{
	uint64_t context;

	RK_TRY(rk_pending_read(&node->pending, client, request, sim->now_ms + TIMEOUT_MS, &context));
	if (rk_raft_read(node->raft, context) == RK_OK)
		return RK_OK;
	node->pending.read_count--;
	return RK_EAGAIN;
}

static void propose_pending(struct sim *sim, struct sim_node *node)
{
	struct rk_pending *pending = &node->pending;
	struct rk_raft_status status;

	rk_raft_status(node->raft, &status);
	for (size_t i = 0; i < pending->count && status.leader_id != 0; i++) {
		struct rk_pending_write *write = rk_pending_at(pending, i);
		uint64_t index, term;
		if (write->owner == NULL ||
		    (write->proposed_ms != 0 &&
		     (write->proposed_term != 0 ? write->proposed_term == status.term
						: sim->now_ms - write->proposed_ms < RETRY_MS)))
			continue;
		if (rk_raft_propose(node->raft, write->payload, &index, &term) < 0)
			break;
		write->proposed_ms = sim->now_ms;
		write->was_proposed = true;
		write->proposed_term = term;
	}
}

static void expire(struct sim *sim, struct sim_node *node)
{
	struct rk_pending *pending = &node->pending;
	size_t kept = 0;

	for (uint64_t sequence = pending->first, end = rk_pending_next(pending); sequence < end;
	     sequence++) {
		const struct rk_pending_write *write = rk_pending_find(pending, sequence);
		if (write == NULL || write->deadline_ms > sim->now_ms)
			continue;
		void *owner = write->owner;
		const uint64_t request = write->request_id;
		const int err = write->was_proposed ? RK_ETIMEDOUT : RK_EAGAIN;
		rk_pending_answered(pending, sequence);
		if (owner != NULL)
			sim_client_wrote(sim, node, owner, request, err, 0, RK_SPAN(""));
	}
	for (size_t i = 0; i < pending->read_count; i++) {
		const struct rk_pending_read read = pending->reads[i];
		if (read.owner == NULL)
			continue;
		if (read.deadline_ms > sim->now_ms)
			pending->reads[kept++] = read;
		else
			sim_client_may_read(sim, node, read.owner, read.request_id, RK_EAGAIN);
	}
	pending->read_count = kept;
}

static void note_reads(struct sim *sim, struct sim_node *node)
{
	for (size_t i = 0; i < node->out.reads_count; i++) {
		const struct rk_raft_read *read = &node->out.reads[i];
		struct rk_pending_read *waits = rk_pending_find_read(&node->pending, read->context);
		if (waits == NULL || waits->owner == NULL)
			continue;
		if (read->err == RK_OK) {
			waits->index = read->index;
			continue;
		}
		sim_client_may_read(sim, node, waits->owner, waits->request_id, read->err);
		waits->owner = NULL;
	}
}

static void finish_reads(struct sim *sim, struct sim_node *node)
{
	struct rk_pending *pending = &node->pending;
	size_t kept = 0;

	for (size_t i = 0; i < pending->read_count; i++) {
		const struct rk_pending_read read = pending->reads[i];
		if (read.owner == NULL)
			continue;
		if (read.index == 0 || read.index > node->applied)
			pending->reads[kept++] = read;
		else
			sim_client_may_read(sim, node, read.owner, read.request_id, RK_OK);
	}
	pending->read_count = kept;
}

/* --- turns --- */

static bool install(struct sim *sim, struct sim_node *node)
{
	struct rk_store *store = NULL;
	struct rk_snapshot_meta meta;

	if (node->out.installed.index <= node->applied)
		return true;
	const int err = rk_snapshot_load(node->snapshots, sim->cluster, node->out.installed.index,
					 &store, &meta, NULL);
	if (err < 0) {
		/* It was checked when it came, and is damaged now: the process cannot go on. */
		if (!ends_if_dead(sim, node, RK_EIO))
			sim_node_crash(sim, node);
		return false;
	}
	sim_count(sim, SIM_INSTALLS);
	(void)rk_machine_free(node->machine);
	node->machine = rk_machine_of(sim->kinds, store);
	node->applied = meta.index;
	node->newest = meta;
	rk_raft_applied(node->raft, node->applied);
	sim_note(sim, "%u: installs snapshot %llu", node->id, (unsigned long long)meta.index);
	return true;
}

static void note_leader(struct sim *sim, struct sim_node *node)
{
	sim_check_leader(sim, node);
	if (!node->out.leader_changed || node->out.leader_id == node->told_leader)
		return;
	node->told_leader = node->out.leader_id;
	for (size_t i = 0; i < node->pending.count; i++)
		rk_pending_at(&node->pending, i)->proposed_ms = 0;
}

/* False: the process ended. */
static bool take_outputs(struct sim *sim, struct sim_node *node)
{
	struct rk_raft_out *out = &node->out;

	if (out->persist != NULL)
		to_disk(sim, node, rk_take_ptr(out->persist));
	for (size_t i = 0; i < out->messages_count; i++)
		sim_send(sim, rk_take_ptr(out->messages[i]));
	for (uint32_t i = 0; i < out->sends_count; i++)
		sim_send_snapshot(sim, node, (uint32_t)out->sends[i], out->term, &out->send_meta);
	if (out->install && !install(sim, node))
		return false;
	if (out->compact_index != 0)
		node->compact_to = out->compact_index;
	note_reads(sim, node);
	for (size_t i = 0; i < out->committed_count && !sim_failed(sim); i++) {
		/* Whatever is done when memory is refused, the process ends there. */
		if (node->die_in > 0 && --node->die_in == 0) {
			sim_count(sim, SIM_MEMORY);
			sim_node_crash(sim, node);
			return false;
		}
		apply(sim, node, &out->committed[i]);
	}
	if (out->committed_count > 0)
		rk_raft_applied(node->raft, node->applied);
	finish_reads(sim, node);
	return true;
}

/* One that fails is no loss: the next one is tried later. False: the process ended. */
static bool note_saved(struct sim *sim, struct sim_node *node, const struct rk_snapshot_meta *meta,
		       int err)
{
	if (sim_disk_is_dead(node->disk))
		return !ends_if_dead(sim, node, err);
	if (err < 0)
		return true;
	sim_count(sim, node->is_witness ? SIM_MARKS : SIM_SNAPSHOTS);
	node->newest = *meta;
	rk_raft_snapshot_saved(node->raft, meta);
	rk_raft_compact(node->raft, meta->index);
	return true;
}

static bool take_snapshot(struct sim *sim, struct sim_node *node)
{
	const struct rk_entry *entry = rk_raft_entry(node->raft, node->applied);
	struct rk_store *store = rk_machine_store(node->machine);
	size_t bytes;

	if (sim->params.snapshot_every == 0 || node->since_snapshot < sim->params.snapshot_every ||
	    entry == NULL)
		return true;
	node->since_snapshot = 0;
	const struct rk_snapshot_meta meta = { .index = node->applied,
					       .term = entry->term,
					       .time_ms = entry->time_ms,
					       .state_hash = rk_store_hash(store),
					       .config = *rk_raft_config(node->raft) };
	struct rk_view *view = rk_store_view(store);
	const int err = rk_snapshot_save(node->snapshots, sim->cluster, &meta, view, &bytes, NULL);
	(void)rk_view_unref(view);
	return note_saved(sim, node, &meta, err);
}

static bool take_mark(struct sim *sim, struct sim_node *node)
{
	struct rk_snapshot_meta meta;
	size_t bytes;

	if (!rk_raft_mark(node->raft, &meta))
		return true;
	const int err = rk_snapshot_save(node->snapshots, sim->cluster, &meta, NULL, &bytes, NULL);
	return note_saved(sim, node, &meta, err);
}

static void note_doubt(struct sim *sim, struct sim_node *node)
{
	struct rk_raft_status status;

	rk_raft_status(node->raft, &status);
	if (status.doubt != node->told_doubt)
		sim_note(sim, "%u: memory: %s, term %llu, log %llu to %llu, committed %llu", node->id,
			 rk_raft_doubt_name(status.doubt), (unsigned long long)status.term,
			 (unsigned long long)status.first_index,
			 (unsigned long long)status.last_index,
			 (unsigned long long)status.commit_index);
	sim->result->counts[SIM_YIELDS] += status.yields - node->told_yields;
	node->told_yields = status.yields;
	node->told_doubt = status.doubt;
	if (status.doubt == RK_DOUBT_LOST || status.doubt == RK_DOUBT_FILLS)
		node->damaged = node->lost = true; /* also one that was new and came late */
}

void sim_node_turn(struct sim *sim, struct sim_node *node)
{
	if (!node->up || sim->now_ms < node->asleep_until_ms)
		return;
	sim_count(sim, SIM_TURNS);
	set_clock(sim, node);
	if (!finish_jobs(sim, node))
		return;
	/* One inbox: a client's request may be in it before what other members say. */
	const bool clients_first = sim_roll(sim, 2) == 0;
	if (clients_first)
		sim_clients_turn(sim, node);
	sim_receive(sim, node);
	if (!node->up)
		return;
	if (!clients_first)
		sim_clients_turn(sim, node);
	propose_pending(sim, node);
	rk_raft_tick(node->raft);
	propose_due(sim, node);
	while (!sim_failed(sim) && rk_raft_ready(node->raft, &node->out)) {
		note_leader(sim, node);
		if (sim_failed(sim) || !take_outputs(sim, node))
			return;
		propose_due(sim, node);
	}
	if (sim_failed(sim))
		return;
	finish_reads(sim, node);
	expire(sim, node);
	note_doubt(sim, node);
	if (node->is_witness)
		(void)take_mark(sim, node);
	else
		(void)take_snapshot(sim, node);
}
