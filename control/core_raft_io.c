/* The core's dealings with raft: recovery, and what each turn brings: jobs, messages, entries to
 * apply, snapshots. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock_io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/vfs_io.h"
#include "control/core_inner.h"
#include "raft/snapshot_io.h"

#define SNAPSHOT_BYTES (8u << 20) /* of log in memory, at least... */
#define SNAPSHOT_PART                                                                              \
	2 /* ... and this part of what the last snapshot held, or big states were copied all the   \
	     time */
#define SNAPSHOT_AGAIN_MS 10000 /* after one that failed */
#define ASKS_MS           3000 /* then the log says what the member waits for */
#define TRAILING          1000  /* entries read back before the snapshot, for peers that lag */

void rk_core_fatal(struct rk_core *core, const struct rk_error *error)
{
	core->opts.fatal(core->opts.context, error);
}

/* --- recovery --- */

static int recover_raft(struct rk_core *core, const struct rk_wal_found *found,
			struct rk_error *error)
{
	const uint64_t seed =
		rk_clock_mono_ns() ^ (core->member.id << 48) ^ (core->member.incarnation << 32);
	const struct rk_raft_opts opts = {
		.id = core->member.id,
		.seed = seed,
		.heartbeat_ms = core->opts.heartbeat_ms,
		.election_ms = core->opts.election_ms,
		.lease_reads = true,
		.is_witness = core->opts.is_witness,
		.config = core->opts.members,
		.log_as_of = found->log_as_of,
		.hard = found->hard,
		.snapshot = core->newest,
		.base_index = found->base_index,
		.base_term = found->base_term,
		.count = found->count,
		.entries = found->entries,
	};

	RK_TRY(rk_raft_new(&core->raft, &opts, error));
	if (core->newest.index > 0) /* the machine was made from it */
		rk_raft_applied(core->raft, core->newest.index);
	return RK_OK;
}

static void on_persisted(void *context, uint64_t id)
{
	struct rk_core *core = context;
	struct rk_core_note *note = rk_zalloc(sizeof *note);

	note->message.kind = RK_CORE_PERSISTED;
	note->value = id;
	rk_queue_push(core->inbox, &note->message);
}

static void on_full(void *context, bool is_full, const char *why)
{
	struct rk_core *core = context;
	struct rk_core_note *note = rk_zalloc(sizeof *note);

	if (is_full)
		rk_log(RK_LOG_ERROR, "disk full",
		       "why=\"%s\" what=\"writes wait until there is room\"", why);
	else
		rk_log(RK_LOG_INFO, "disk has room again", "%s", "");
	note->message.kind = RK_CORE_DISK_FULL;
	note->flag = is_full;
	rk_queue_push(core->inbox, &note->message);
}

static void on_failed(void *context, const struct rk_error *error)
{
	rk_core_fatal(context, error);
}

static int open_log(struct rk_core *core, struct rk_wal_found *found, struct rk_error *error)
{
	char dir[512];
	struct rk_wal *wal = NULL;
	const uint64_t snapshot = core->newest.index;
	const bool is_alone =
		snapshot > 0 ? core->newest.config.count == 1 : core->opts.members.count == 1;

	(void)snprintf(dir, sizeof dir, "%s/log", core->dir);
	const struct rk_wal_opts opts = { .dir = dir,
					  .cluster = core->member.cluster,
					  .member = core->member.id,
					  .history_bytes = core->opts.history_bytes,
					  .repair = !is_alone && !core->opts.no_repair,
					  .from_index =
						  snapshot > TRAILING ? snapshot - TRAILING : 0 };
	RK_TRY(rk_wal_open(&wal, &opts, found, error));
	if (found->holes > 0)
		rk_log(RK_LOG_ERROR, "log damaged",
		       "where=\"%s\" entries=%zu what=\"peers give them back; until then this member does not lead\"",
		       found->damage.text, found->holes);
	if (found->lost_from != 0)
		rk_log(RK_LOG_ERROR, "log damaged",
		       "where=\"%s\" lost_from=%" PRIu64 " what=\"the damaged files are kept as "
							 "*.damaged; peers give the entries back\"",
		       found->damage.text, found->lost_from);
	const struct rk_disk_opts disk = { .wal = wal,
					   .context = core,
					   .persisted = on_persisted,
					   .full = on_full,
					   .failed = on_failed };
	return rk_disk_new(&core->disk, &disk, error);
}

/* The newest snapshot that is whole. A member with peers sets damaged ones aside: the log may reach
 * back to an older one, or the peers send another. */
static int load_snapshot(struct rk_core *core, struct rk_store **ret, struct rk_error *error)
{
	const bool may_repair = core->opts.members.count != 1 && !core->opts.no_repair;
	RK_AUTO(rk_vfs_drop) struct rk_vfs *vfs = NULL;
	struct rk_error damage = { 0 };

	RK_TRY(rk_vfs_dir(&vfs, core->snapshot_dir, false, error));
	const int err = rk_snapshot_recover(vfs, core->member.cluster, may_repair, ret,
					    &core->newest, &damage, error);
	if (damage.code != 0)
		rk_log(RK_LOG_ERROR, "snapshot damaged",
		       "why=\"%s\" what=\"it is kept as *.damaged\"", damage.text);
	return err;
}

int rk_core_recover(struct rk_core *core, struct rk_error *error)
{
	struct rk_store *store = NULL;
	RK_AUTO(rk_wal_found_done) struct rk_wal_found found = { 0 };
	const int err = load_snapshot(core, core->opts.is_witness ? NULL : &store, error);

	if (err < 0 && err != RK_ENOENT)
		return err;
	core->machine = store != NULL ? rk_machine_of(core->opts.kinds, store)
				      : rk_machine_new(core->opts.kinds);
	core->applied = core->newest.index;
	core->applied_term = core->newest.term;
	core->applied_time_ms = core->newest.time_ms;
	RK_TRY(open_log(core, &found, error));
	if (found.base_index > core->newest.index && core->opts.members.count != 1 &&
	    !core->opts.no_repair)
		found.hard.commit =
			RK_COMMIT_FORGOTTEN; /* the log without its snapshot is no memory */
	RK_TRY(recover_raft(core, &found, error));
	rk_log(RK_LOG_INFO, "recovered",
	       "snapshot=%" PRIu64 " entries=%zu torn_bytes=%zu term=%" PRIu64, core->newest.index,
	       found.count, found.torn_bytes, found.hard.term);
	return RK_OK;
}

/* --- applying --- */

static struct rk_feed_answer *answer_of(const struct rk_pending_write *write, uint64_t index,
					struct rk_applied *applied)
{
	struct rk_feed_answer *answer = rk_zalloc(sizeof *answer);

	answer->request_id = write->request_id;
	answer->index = index;
	answer->revision = applied->revision;
	answer->count = applied->outcome_count;
	answer->results = rk_zalloc(RK_MAX(answer->count, (size_t)1) * sizeof *answer->results);
	for (size_t i = 0; i < answer->count; i++) {
		answer->results[i].code = applied->outcomes[i].code;
		answer->results[i].doc = rk_take_ptr(applied->outcomes[i].doc);
		answer->results[i].warnings = rk_take_ptr(applied->outcomes[i].warnings);
	}
	return answer;
}

static void keep_changes(struct rk_core *core, struct rk_changes *changes)
{
	core->moved = true;
	if (changes->count == 0) {
		(void)rk_changes_unref(changes);
		return;
	}
	core->changes = rk_grow(core->changes, &core->changes_capacity, core->changes_count + 1,
				sizeof *core->changes);
	core->changes[core->changes_count++] = changes;
}

static void apply_payload(struct rk_core *core, const struct rk_entry *entry)
{
	const struct rk_span payload = rk_blob_span(entry->payload);
	struct rk_pending_write *waiting = NULL;
	struct rk_envelope envelope;
	struct rk_applied applied;

	if (rk_envelope_read(payload, &envelope) == RK_OK && envelope.origin == core->member.id &&
	    envelope.incarnation == core->member.incarnation)
		waiting = rk_pending_find(&core->pending, envelope.sequence);
	rk_machine_apply(core->machine, entry->index, entry->time_ms, payload, waiting != NULL,
			 &applied);
	if (waiting != NULL && !applied.is_duplicate) {
		rk_core_answer(core, waiting->owner, answer_of(waiting, entry->index, &applied));
		rk_pending_answered(&core->pending, envelope.sequence);
	}
	keep_changes(core, rk_take_ptr(applied.changes));
	rk_applied_done(&applied);
}

static void apply(struct rk_core *core, const struct rk_entry *entry)
{
	if (entry->kind == RK_ENTRY_NORMAL) {
		apply_payload(core, entry);
	} else {
		rk_machine_skip(core->machine, entry->index, entry->time_ms);
		core->moved = true;
	}
	core->applied = entry->index;
	core->applied_term = entry->term;
	core->applied_time_ms = entry->time_ms;
	core->digests[entry->index % RK_DIGESTS].index = entry->index;
	core->digests[entry->index % RK_DIGESTS].hash =
		rk_store_hash(rk_machine_store(core->machine)).low;
}

static void apply_all(struct rk_core *core)
{
	const struct rk_raft_out *out = &core->out;

	if (out->committed_count == 0)
		return;
	for (size_t i = 0; i < out->committed_count; i++)
		apply(core, &out->committed[i]);
	rk_raft_applied(core->raft, core->applied);
	rk_raft_digest(core->raft, core->applied, core->digests[core->applied % RK_DIGESTS].hash);
}

/* --- the same state everywhere --- */

static void note_odd_peer(struct rk_core *core, const struct rk_raft_digest *digest)
{
	for (uint32_t i = 0; i < core->odd_count; i++)
		if (core->odd_peers[i] == digest->peer)
			return;
	rk_log(RK_LOG_ERROR, "state differs", "entry=%" PRIu64 " peer=%" PRIu64, digest->index,
	       digest->peer);
	core->odd_peers[core->odd_count++] = digest->peer;
	/* The one that a majority contradicts is the wrong one. */
	const uint32_t members = rk_raft_config(core->raft)->count;
	if (core->odd_count > members / 2 && !core->quarantined) {
		core->quarantined = true;
		rk_log(RK_LOG_ERROR, "quarantined",
		       "what=\"this member's state is not that of the others: it serves nothing; "
		       "stop it, remove its data directory's "
		       "snapshots and start it to rebuild the state\" entry=%" PRIu64,
		       digest->index);
		if (rk_raft_transfer(core->raft, 0) < 0)
			return; /* it does not lead */
	}
}

static void compare_digests(struct rk_core *core)
{
	for (uint32_t i = 0; i < core->out.digests_count; i++) {
		const struct rk_raft_digest *digest = &core->out.digests[i];
		if (core->digests[digest->index % RK_DIGESTS].index == digest->index &&
		    core->digests[digest->index % RK_DIGESTS].hash != digest->digest)
			note_odd_peer(core, digest);
	}
}

/* --- snapshots --- */

static bool is_snapshot_due(const struct rk_core *core)
{
	const uint64_t every = core->opts.snapshot_entries;
	const size_t bytes = RK_MAX((size_t)SNAPSHOT_BYTES, core->newest_bytes / SNAPSHOT_PART);
	struct rk_raft_status status;

	if (core->snapshot_runs || core->quarantined || core->opts.is_witness ||
	    core->applied == core->newest.index || core->now_ms < core->snapshot_after_ms)
		return false;
	rk_raft_status(core->raft, &status);
	return status.log_bytes >= bytes ||
	       (every != 0 && core->applied - core->newest.index >= every);
}

static void maybe_snapshot(struct rk_core *core)
{
	const struct rk_store *store = rk_machine_store(core->machine);

	if (!is_snapshot_due(core))
		return;
	const struct rk_snapshot_meta meta = { .index = core->applied,
					       .term = core->applied_term,
					       .time_ms = core->applied_time_ms,
					       .state_hash = rk_store_hash(store),
					       .config = *rk_raft_config(core->raft) };
	core->snapshot_runs = true;
	rk_snapshots_save(core->snapshots, rk_store_view(store), &meta);
}

/* A witness: the others have a state of what it need not keep then. */
static void maybe_mark(struct rk_core *core)
{
	struct rk_snapshot_meta meta;

	if (core->snapshot_runs || core->now_ms < core->snapshot_after_ms ||
	    !rk_raft_mark(core->raft, &meta))
		return;
	core->snapshot_runs = true;
	rk_snapshots_save(core->snapshots, NULL, &meta);
}

static void snapshot_saved(struct rk_core *core, const struct rk_snapshot_result *result)
{
	core->snapshot_runs = false;
	if (result->err < 0) {
		rk_log(RK_LOG_ERROR, "snapshot failed", "why=\"%s\"", result->error.text);
		core->snapshot_after_ms = core->now_ms + SNAPSHOT_AGAIN_MS;
		return;
	}
	if (result->meta.index > core->newest.index)
		core->newest = result->meta;
	core->newest_bytes = result->bytes;
	rk_raft_snapshot_saved(core->raft, &result->meta);
	rk_raft_compact(core->raft, core->applied);
}

static void snapshot_admitted(struct rk_core *core, const struct rk_snapshot_result *result)
{
	if (core->peers != NULL && result->work == RK_SNAPSHOT_ADMIT)
		rk_peers_snapshot_done(core->peers, result->peer);
	if (result->err < 0) {
		rk_log(RK_LOG_ERROR, "snapshot refused", "from=%" PRIu64 " why=\"%s\"",
		       result->peer, result->error.text);
		return;
	}
	struct rk_raft_msg *msg = rk_raft_msg_new(RK_MSG_SNAPSHOT, core->member.id);
	msg->from = result->peer;
	msg->term = result->term;
	msg->snapshot = rk_memdup(&result->meta, sizeof result->meta);
	rk_raft_step(core->raft, msg);
}

static void snapshot_loaded(struct rk_core *core, struct rk_snapshot_result *result)
{
	if (result->err < 0) {
		rk_core_fatal(core, &result->error);
		return;
	}
	(void)rk_machine_free(core->machine);
	core->machine = rk_machine_of(core->opts.kinds, rk_take_ptr(result->store));
	core->newest = result->meta;
	core->applied = result->meta.index;
	core->applied_term = result->meta.term;
	core->applied_time_ms = result->meta.time_ms;
	core->restarted = true;
	rk_raft_applied(core->raft, core->applied);
	rk_log(RK_LOG_INFO, "snapshot installed", "index=%" PRIu64, core->applied);
}

void rk_core_snapshot_result(struct rk_core *core, struct rk_snapshot_result *result)
{
	switch (result->work) {
	case RK_SNAPSHOT_SAVE: snapshot_saved(core, result); break;
	case RK_SNAPSHOT_ADMIT:
	case RK_SNAPSHOT_NOTE: snapshot_admitted(core, result); break;
	case RK_SNAPSHOT_LOAD: snapshot_loaded(core, result); break;
	}
	rk_snapshot_result_free(result);
}

void rk_core_take_msg(struct rk_core *core, struct rk_raft_msg *msg)
{
	if (rk_core_admin_msg(core, msg)) {
		(void)rk_raft_msg_free(msg);
	} else if (msg->kind == RK_MSG_SNAPSHOT) { /* the peers let it through for a witness only */
		if (rk_raft_takes_meta(core->raft, msg))
			rk_snapshots_note(core->snapshots, msg->from, msg->term, msg->snapshot);
		(void)rk_raft_msg_free(msg);
	} else {
		rk_raft_step(core->raft, msg);
	}
}

/* --- turns --- */

static void note_reads(struct rk_core *core)
{
	struct rk_pending *pending = &core->pending;

	for (size_t i = 0; i < core->out.reads_count; i++) {
		const struct rk_raft_read *read = &core->out.reads[i];
		struct rk_pending_read *waiting = rk_pending_find_read(pending, read->context);
		if (waiting == NULL)
			continue;
		if (read->err == RK_OK) {
			waiting->index = read->index;
			continue;
		}
		rk_core_answer_err(core, waiting->owner, waiting->request_id, read->err);
		waiting->owner = NULL; /* finish_reads takes it out */
	}
}

static void finish_reads(struct rk_core *core)
{
	struct rk_pending *pending = &core->pending;
	size_t kept = 0;

	for (size_t i = 0; i < pending->read_count; i++) {
		const struct rk_pending_read *read = &pending->reads[i];
		if (read->owner == NULL)
			continue;
		if (read->index == 0 || read->index > core->applied) {
			pending->reads[kept++] = *read;
			continue;
		}
		struct rk_feed_answer *answer = rk_zalloc(sizeof *answer);
		answer->request_id = read->request_id;
		answer->index = read->index;
		answer->revision = rk_store_revision(rk_machine_store(core->machine));
		rk_core_answer(core, read->owner, answer);
	}
	pending->read_count = kept;
}

static void note_leader(struct rk_core *core)
{
	const struct rk_raft_out *out = &core->out;

	if (!out->leader_changed)
		return;
	if (out->leader_id != core->told_leader) {
		rk_log(RK_LOG_INFO, "leader", "id=%" PRIu64 " term=%" PRIu64 " role=%s",
		       out->leader_id, out->term, rk_raft_role_name(out->role));
		core->leader_changed = true;
		core->told_leader = out->leader_id;
		/* Whatever was on its way to the old one may be lost. */
		for (size_t i = 0; i < core->pending.count; i++)
			rk_pending_at(&core->pending, i)->proposed_ms = 0;
		core->repropose = true;
	}
}

static void note_doubt(struct rk_core *core)
{
	struct rk_raft_status status;

	rk_raft_status(core->raft, &status);
	if (status.doubt == RK_DOUBT_ASKS && core->asks_since_ms == 0)
		core->asks_since_ms = core->now_ms;
	if (status.doubt == RK_DOUBT_ASKS && core->asks_since_ms != UINT64_MAX &&
	    core->now_ms - core->asks_since_ms >= ASKS_MS) {
		core->asks_since_ms = UINT64_MAX; /* said once */
		rk_log(RK_LOG_WARN, "waiting for the other members",
		       "what=\"%s\" members=%u",
		       status.last_index == 0
			       ? "this one has no data: it is new or its disk was replaced, and more than a majority must say which"
			       : "a majority must confirm that this disk is the one they know",
		       status.peers_count);
	}
	if (status.doubt == core->told_doubt)
		return;
	if (status.doubt == RK_DOUBT_LOST ||
	    (status.doubt == RK_DOUBT_FILLS && core->told_doubt != RK_DOUBT_LOST))
		rk_log(RK_LOG_ERROR, "amnesia",
		       "what=\"this disk holds less than the others saw of it: was it replaced or "
		       "rolled back? "
		       "The member does not vote until it holds again what it lost\" last=%" PRIu64,
		       status.last_index);
	else if (status.doubt == RK_DOUBT_NONE && core->told_doubt != RK_DOUBT_ASKS)
		rk_log(RK_LOG_INFO, "amnesia over", "last=%" PRIu64, status.last_index);
	core->told_doubt = status.doubt;
}

/* What a witness does in the place of applying; and it ends when it is none for the others. */
static void note_witness(struct rk_core *core)
{
	struct rk_raft_status status;
	struct rk_error error = { 0 };

	rk_raft_status(core->raft, &status);
	if (status.misplaced) {
		(void)rk_fail(&error, RK_EPERM,
			      "member %" PRIu64 " %s a witness for the others, and was started %s --witness",
			      core->member.id, core->opts.is_witness ? "is not" : "is",
			      core->opts.is_witness ? "with" : "without");
		rk_core_fatal(core, &error);
	}
	if (!core->opts.is_witness)
		return;
	core->applied = status.applied_index;
	maybe_mark(core);
}

static void pass_on(struct rk_core *core)
{
	struct rk_raft_out *out = &core->out;

	/* The peers first: their way is longer than that to the own disk. */
	for (size_t i = 0; i < out->messages_count && core->peers != NULL; i++)
		rk_peers_send(core->peers, rk_take_ptr(out->messages[i]));
	if (out->persist != NULL)
		rk_disk_write(core->disk, rk_take_ptr(out->persist));
	for (uint32_t i = 0; i < out->sends_count && core->peers != NULL; i++)
		rk_peers_send_snapshot(core->peers, out->sends[i], out->term, &out->send_meta);
	if (out->install && out->installed.index > core->applied)
		rk_snapshots_load(core->snapshots, &out->installed);
	if (out->compact_index != 0)
		rk_disk_drop(core->disk, out->compact_index);
	const struct rk_config *config = rk_raft_config(core->raft);
	if (core->peers != NULL && memcmp(config, &core->told_config, sizeof *config) != 0) {
		if (rk_config_find(config, core->member.id) < 0 &&
		    rk_config_find(&core->told_config, core->member.id) >= 0)
			rk_log(RK_LOG_WARN, "removed",
			       "what=\"this is no member of the cluster any more: stop it\"");
		core->told_config = *config;
		rk_peers_set(core->peers, config);
	}
}

void rk_core_turn(struct rk_core *core)
{
	while (rk_raft_ready(core->raft, &core->out)) {
		pass_on(core);
		note_leader(core);
		compare_digests(core);
		note_reads(core);
		apply_all(core);
		finish_reads(core);
		rk_core_publish(core);
		rk_raft_clock(core->raft, rk_clock_mono_ms(), rk_clock_wall_ms());
		rk_core_propose_due(core);
	}
	finish_reads(core);
	rk_core_publish(core);
	note_doubt(core);
	note_witness(core);
	maybe_snapshot(core);
}

static void propose(struct rk_core *core, enum rk_entry_type type, struct rk_span body)
{
	RK_AUTO(rk_buf_done) struct rk_buf bytes = { 0 };
	const struct rk_envelope envelope = { .type = type, .body = body };

	rk_envelope_write(&bytes, &envelope);
	struct rk_blob *payload = rk_blob_copy(rk_buf_span(&bytes));
	uint64_t index = 0, term = 0;
	if (rk_raft_propose(core->raft, payload, &index, &term) == RK_OK) {
		core->proposed_index = index;
		core->proposed_term = term;
	}
	(void)rk_blob_unref(payload);
}

void rk_core_propose_due(struct rk_core *core)
{
	struct rk_raft_status status;

	rk_raft_status(core->raft, &status);
	/* One at a time, and only when everything before is applied: else it may not be needed. */
	if (status.role != RK_RAFT_LEADER || core->stopping || core->quarantined ||
	    core->opts.is_witness || core->applied < status.commit_index ||
	    (core->proposed_term == status.term && core->applied < core->proposed_index) ||
	    status.last_term != status.term)
		return;
	if (!rk_machine_is_initialised(core->machine)) {
		struct rk_blob *body = rk_cluster_config_encode(&core->opts.cluster);
		propose(core, RK_ENTRY_INIT, rk_blob_span(body));
		(void)rk_blob_unref(body);
	} else if (rk_machine_wants_root_ca(core->machine, core->opts.root_ca)) {
		propose(core, RK_ENTRY_ROOT_CA, core->opts.root_ca);
	} else if (rk_machine_has_work(core->machine)) {
		propose(core, RK_ENTRY_ADVANCE, RK_SPAN(""));
	} else if (rk_machine_next_due_ms(core->machine) <= rk_clock_wall_ms()) {
		propose(core, RK_ENTRY_TICK, RK_SPAN(""));
	}
}
