/* The core thread: one inbox, one loop. It touches no socket and no file; time comes in once a
 * turn. */
#include "control/core_io.h"

#include <signal.h>
#include <stdlib.h>

#include "base/clock_io.h"
#include "base/log.h"
#include "base/mem.h"
#include "control/core_inner.h"

#define RETRY_MS     400  /* a proposal that has not been seen applied is made again */
#define YIELD_MS     2000 /* between attempts of a leader with a full disk to hand over */
#define HAND_OVER_MS 500  /* what a stopping leader waits for a new one */

/* --- requests --- */

/* A leader whose disk is full and that found nobody to lead in its place: what it took now would be
 * answered by a timeout only. */
static bool is_stuck(const struct rk_core *core)
{
	struct rk_raft_status status;

	if (!core->disk_full)
		return false;
	rk_raft_status(core->raft, &status);
	return status.role == RK_RAFT_LEADER;
}

static void take_write(struct rk_core *core, struct rk_core_request *request)
{
	RK_AUTO(rk_buf_done) struct rk_buf bytes = { 0 };
	const uint64_t sequence = rk_pending_next(&core->pending);
	const uint64_t oldest = rk_pending_oldest(&core->pending);
	const struct rk_envelope envelope = { .type = request->type,
					      .origin = core->member.id,
					      .incarnation = core->member.incarnation,
					      .sequence = sequence,
					      .answered = oldest != 0 ? oldest : 1,
					      .body = rk_blob_span(request->command) };

	if (core->quarantined || core->stopping || core->opts.is_witness) {
		rk_core_answer_err(core, request->feed, request->id, RK_EAGAIN);
		return;
	}
	if (is_stuck(core)) {
		rk_core_answer_err(core, request->feed, request->id, RK_ENOSPC);
		return;
	}
	rk_envelope_write(&bytes, &envelope);
	struct rk_blob *payload = rk_blob_copy(rk_buf_span(&bytes));
	if (payload->size > RK_PAYLOAD_MAX ||
	    rk_pending_write(&core->pending, request->feed, request->id, request->deadline_ms,
			     payload) < 0) {
		rk_core_answer_err(core, request->feed, request->id,
				   payload->size > RK_PAYLOAD_MAX ? RK_ETOOBIG : RK_EAGAIN);
		(void)rk_blob_unref(payload);
	}
}

static void take_read(struct rk_core *core, struct rk_core_request *request)
{
	uint64_t context;

	if (core->quarantined || rk_pending_read(&core->pending, request->feed, request->id,
						 request->deadline_ms, &context) < 0) {
		rk_core_answer_err(core, request->feed, request->id, RK_EAGAIN);
	} else if (rk_raft_read(core->raft, context) < 0) {
		core->pending.read_count--;
		rk_core_answer_err(core, request->feed, request->id, RK_EAGAIN);
	}
}

static void take_status(struct rk_core *core, struct rk_core_request *request)
{
	struct rk_feed_answer *answer = rk_zalloc(sizeof *answer);

	answer->request_id = request->id;
	answer->count = 1;
	answer->results = rk_zalloc(sizeof *answer->results);
	answer->results[0].code = 200;
	answer->results[0].doc = rk_core_status(core);
	rk_core_answer(core, request->feed, answer);
}

static void take_request(struct rk_core *core, struct rk_message *message)
{
	struct rk_core_request *request = RK_CONTAINER(message, struct rk_core_request, message);

	if (message->kind == RK_CORE_WRITE)
		take_write(core, request);
	else if (message->kind == RK_CORE_READ)
		take_read(core, request);
	else if (message->kind == RK_CORE_ADMIN)
		rk_core_take_admin(core, request);
	else
		take_status(core, request);
	(void)rk_blob_unref(request->command);
	free(request);
}

static void begin_stop(struct rk_core *core)
{
	core->stopping = true;
	core->stop_ms = core->now_ms + HAND_OVER_MS;
	if (rk_raft_transfer(core->raft, 0) < 0)
		core->stop_ms = core->now_ms; /* nobody to hand over to, or nothing to hand over */
}

static void take_note(struct rk_core *core, struct rk_message *message)
{
	struct rk_core_note *note = RK_CONTAINER(message, struct rk_core_note, message);

	switch ((enum rk_core_message)message->kind) {
	case RK_CORE_PEER: rk_core_take_msg(core, rk_take_ptr(note->msg)); break;
	case RK_CORE_UNREACHABLE: rk_raft_unreachable(core->raft, note->peer); break;
	case RK_CORE_SENT: rk_raft_snapshot_sent(core->raft, note->peer, note->flag); break;
	case RK_CORE_ARRIVED:
		rk_snapshots_admit(core->snapshots, note->peer, note->value, note->meta);
		break;
	case RK_CORE_PERSISTED: rk_raft_persisted(core->raft, note->value); break;
	case RK_CORE_DISK_FULL:
		core->disk_full = note->flag;
		core->yield_ms = core->now_ms;
		break;
	case RK_CORE_STOP: begin_stop(core); break;
	default: rk_assert(false);
	}
	(void)rk_raft_msg_free(note->msg);
	free(note->meta);
	free(note);
}

static void take_message(struct rk_core *core, struct rk_message *message)
{
	switch ((enum rk_core_message)message->kind) {
	case RK_CORE_JOIN:
		rk_core_feed_joined(core, RK_CONTAINER(message, struct rk_feed, join));
		break;
	case RK_CORE_LEAVE:
		rk_core_feed_left(core, RK_CONTAINER(message, struct rk_feed, leave));
		break;
	case RK_CORE_WRITE:
	case RK_CORE_READ:
	case RK_CORE_ADMIN:
	case RK_CORE_STATUS: take_request(core, message); break;
	case RK_CORE_SNAPSHOT:
		rk_core_snapshot_result(core,
					RK_CONTAINER(message, struct rk_snapshot_result, message));
		break;
	default: take_note(core, message);
	}
}

/* --- proposals --- */

static bool must_propose(const struct rk_core *core, const struct rk_pending_write *write,
			 const struct rk_raft_status *status)
{
	if (write->owner == NULL || status->leader_id == 0)
		return false;
	if (write->proposed_ms == 0)
		return true;
	if (write->proposed_term != 0) /* in our own log: it stays there while we lead */
		return write->proposed_term != status->term;
	return core->now_ms - write->proposed_ms >= RETRY_MS;
}

/* New ones at once; all of them, for those that were lost, from time to time and after a change of
 * leader. */
static void propose_pending(struct rk_core *core)
{
	struct rk_pending *pending = &core->pending;
	const bool all = core->repropose || core->now_ms - core->reproposed_ms >= RETRY_MS / 4;
	struct rk_raft_status status;

	if (pending->count == 0)
		return;
	rk_raft_status(core->raft, &status);
	if (all)
		core->reproposed_ms = core->now_ms;
	core->repropose = false;
	uint64_t sequence = all ? pending->first : RK_MAX(pending->first, core->propose_next);
	for (; sequence < rk_pending_next(pending); sequence++) {
		struct rk_pending_write *write = rk_pending_find(pending, sequence);
		uint64_t index, term;
		if (write == NULL || !must_propose(core, write, &status))
			continue;
		if (rk_raft_propose(core->raft, write->payload, &index, &term) < 0)
			break; /* no leader, or it has enough: later */
		write->proposed_ms = core->now_ms;
		write->was_proposed = true;
		write->proposed_term = term;
	}
	core->propose_next = sequence;
}

static void expire(struct rk_core *core)
{
	struct rk_pending *pending = &core->pending;
	size_t kept = 0;

	for (uint64_t sequence = pending->first, end = rk_pending_next(pending); sequence < end;
	     sequence++) {
		const struct rk_pending_write *write = rk_pending_find(pending, sequence);
		if (write == NULL || write->deadline_ms > core->now_ms)
			continue;
		rk_core_answer_err(core, write->owner, write->request_id,
				   write->was_proposed ? RK_ETIMEDOUT : RK_EAGAIN);
		rk_pending_answered(pending, sequence);
	}
	for (size_t i = 0; i < pending->read_count; i++) {
		const struct rk_pending_read *read = &pending->reads[i];
		if (read->deadline_ms <= core->now_ms)
			rk_core_answer_err(core, read->owner, read->request_id, RK_EAGAIN);
		else
			pending->reads[kept++] = *read;
	}
	pending->read_count = kept;
}

/* Others may be able to go on: a leader whose own disk takes nothing asks one of them to lead, and
 * again while that fails. */
static void yield_when_full(struct rk_core *core)
{
	if (core->now_ms < core->yield_ms || !is_stuck(core))
		return;
	core->yield_ms = core->now_ms + YIELD_MS;
	if (rk_raft_transfer(core->raft, 0) < 0)
		return; /* alone, or nobody is up to date: later */
}

/* --- the loop --- */

static int wait_ms(const struct rk_core *core)
{
	int64_t wait = rk_raft_next_tick_ms(core->raft);
	const int64_t due = rk_machine_next_due_ms(core->machine);
	struct rk_raft_status status;

	rk_raft_status(core->raft, &status);
	if (status.role == RK_RAFT_LEADER && due != INT64_MAX)
		wait = RK_MIN(wait, RK_MAX(due - rk_clock_wall_ms(), (int64_t)1));
	return (int)RK_MIN(wait, (int64_t)50);
}

static bool may_end(const struct rk_core *core)
{
	struct rk_raft_status status;

	if (!core->stopping)
		return false;
	rk_raft_status(core->raft, &status);
	return core->now_ms >= core->stop_ms || status.role != RK_RAFT_LEADER;
}

static void *run(void *context)
{
	struct rk_core *core = context;
	uint64_t expired_ms = 0;

	(void)pthread_setname_np(pthread_self(), "reckon-core");
	if (core->opts.members.count == 1 && core->opts.members.at[0].id == core->member.id) {
		rk_raft_clock(core->raft, rk_clock_mono_ms(), rk_clock_wall_ms());
		rk_raft_campaign(core->raft);
	}
	while (!may_end(core)) {
		rk_queue_wait(core->inbox, wait_ms(core));
		struct rk_message *next = rk_queue_take(core->inbox);
		core->now_ms = rk_clock_mono_ms();
		rk_raft_clock(core->raft, core->now_ms, rk_clock_wall_ms());
		while (next != NULL) {
			struct rk_message *message = next;
			next = next->next;
			take_message(core, message);
		}
		propose_pending(core);
		rk_raft_tick(core->raft);
		rk_core_propose_due(core);
		rk_core_turn(core);
		if (core->now_ms - expired_ms >= 20) {
			expired_ms = core->now_ms;
			expire(core);
			rk_core_admins_expire(core, NULL);
			yield_when_full(core);
			core->is_late = true;
			rk_core_publish(core);
		}
	}
	return NULL;
}

/* --- notes from other threads --- */

static struct rk_core_note *note_of(enum rk_core_message kind, uint64_t peer)
{
	struct rk_core_note *note = rk_zalloc(sizeof *note);

	note->message.kind = (int)kind;
	note->peer = peer;
	return note;
}

static void push(struct rk_core *core, struct rk_core_note *note)
{
	rk_queue_push(core->inbox, &note->message);
}

static void on_message(void *context, struct rk_raft_msg *msg)
{
	struct rk_core_note *note = note_of(RK_CORE_PEER, msg->from);

	note->msg = msg;
	push(context, note);
}

static void on_unreachable(void *context, uint64_t peer)
{
	push(context, note_of(RK_CORE_UNREACHABLE, peer));
}

static void on_sent(void *context, uint64_t peer, bool ok)
{
	struct rk_core_note *note = note_of(RK_CORE_SENT, peer);

	note->flag = ok;
	push(context, note);
}

static void on_arrived(void *context, uint64_t peer, uint64_t term,
		       const struct rk_snapshot_meta *meta)
{
	struct rk_core_note *note = note_of(RK_CORE_ARRIVED, peer);

	note->value = term;
	note->meta = rk_memdup(meta, sizeof *meta);
	push(context, note);
}

/* --- start and end --- */

static int start_peers(struct rk_core *core, struct rk_error *error)
{
	const struct rk_peers_opts opts = {
		.cluster = core->member.cluster,
		.self = core->member.id,
		.is_witness = core->opts.is_witness,
		.listen_fd = core->opts.peer_fd,
		.server = core->opts.peer_server,
		.client = core->opts.peer_client,
		.snapshot_dir = core->snapshot_dir,
		.context = core,
		.message = on_message,
		.unreachable = on_unreachable,
		.snapshot_sent = on_sent,
		.snapshot_here = on_arrived,
	};

	if (core->opts.peer_fd < 0)
		return RK_OK;
	core->opts.peer_fd = -1;
	return rk_peers_new(&core->peers, &opts, error);
}

static int start_scrub(struct rk_core *core, struct rk_error *error)
{
	char log_dir[512];
	const struct rk_scrub_opts opts = { .log_dir = log_dir,
					    .snapshot_dir = core->snapshot_dir,
					    .mib_per_second = core->opts.scrub_mib_per_second };

	(void)snprintf(log_dir, sizeof log_dir, "%s/log", core->dir);
	return opts.mib_per_second > 0 ? rk_scrub_new(&core->scrub, &opts, error) : RK_OK;
}

static int start(struct rk_core *core, struct rk_error *error)
{
	char path[512];

	const struct rk_cluster_id cluster = { core->opts.cluster.cluster_high,
					       core->opts.cluster.cluster_low };
	RK_TRY(rk_member_open(&core->member, core->dir, cluster, core->opts.id,
			      core->opts.is_witness, error));
	(void)snprintf(path, sizeof path, "%s/snapshots", core->dir);
	core->snapshot_dir = rk_strdup(path);
	if (rk_queue_new(&core->inbox) < 0)
		return rk_fail(error, RK_EIO, "cannot make a queue");
	RK_TRY(rk_core_recover(core, error));
	RK_TRY(rk_snapshots_new(&core->snapshots, core->snapshot_dir, core->member.cluster,
				core->inbox, RK_CORE_SNAPSHOT, error));
	RK_TRY(start_scrub(core, error));
	RK_TRY(start_peers(core, error));
	if (pthread_create(&core->thread, NULL, run, core) != 0)
		return rk_fail(error, RK_EIO, "cannot start the core thread");
	core->runs = true;
	return RK_OK;
}

static void drop_message(struct rk_core *core, struct rk_message *message)
{
	if (message->kind == RK_CORE_LEAVE) {
		rk_core_feed_left(core, RK_CONTAINER(message, struct rk_feed, leave));
	} else if (message->kind == RK_CORE_SNAPSHOT) {
		rk_snapshot_result_free(RK_CONTAINER(message, struct rk_snapshot_result, message));
	} else if (message->kind == RK_CORE_WRITE || message->kind == RK_CORE_READ ||
		   message->kind == RK_CORE_STATUS || message->kind == RK_CORE_ADMIN) {
		struct rk_core_request *request =
			RK_CONTAINER(message, struct rk_core_request, message);
		(void)rk_blob_unref(request->command);
		free(request);
	} else if (message->kind != RK_CORE_JOIN) {
		struct rk_core_note *note = RK_CONTAINER(message, struct rk_core_note, message);
		(void)rk_raft_msg_free(note->msg);
		free(note->meta);
		free(note);
	}
}

static struct rk_core *destroy(struct rk_core *core)
{
	core->scrub = rk_scrub_free(core->scrub);
	core->peers = rk_peers_free(core->peers);
	core->snapshots = rk_snapshots_free(core->snapshots);
	core->disk = rk_disk_free(core->disk);
	if (core->opts.peer_fd >= 0)
		(void)close(core->opts.peer_fd);
	for (struct rk_message *next = core->inbox != NULL ? rk_queue_take(core->inbox) : NULL;
	     next != NULL;) {
		struct rk_message *message = next;
		next = next->next;
		drop_message(core, message);
	}
	rk_assert(core->feeds == NULL);
	(void)rk_queue_free(core->inbox);
	rk_raft_out_done(&core->out);
	(void)rk_raft_free(core->raft);
	(void)rk_machine_free(core->machine);
	rk_member_close(&core->member);
	rk_pending_done(&core->pending);
	(void)rk_tls_unref(core->opts.peer_server);
	(void)rk_tls_unref(core->opts.peer_client);
	free(core->changes);
	free(core->answers);
	free(core->snapshot_dir);
	free(core->dir);
	free(core);
	return NULL;
}

int rk_core_new(struct rk_core **ret, const struct rk_core_opts *opts, struct rk_error *error)
{
	struct rk_core *core = rk_zalloc(sizeof *core);

	core->opts = *opts;
	core->opts.peer_server = rk_tls_ref(opts->peer_server);
	core->opts.peer_client = rk_tls_ref(opts->peer_client);
	core->member.lock_fd = -1;
	core->dir = rk_strdup(opts->dir);
	const int err = start(core, error);
	if (err < 0) {
		(void)destroy(core);
		return err;
	}
	*ret = core;
	return RK_OK;
}

struct rk_core *rk_core_free(struct rk_core *core)
{
	if (core == NULL)
		return NULL;
	push(core, note_of(RK_CORE_STOP, 0));
	(void)pthread_join(core->thread, NULL);
	return destroy(core);
}
