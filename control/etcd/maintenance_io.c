/* The Maintenance service, and gRPC's health. */
#include "base/clock_io.h"
#include "base/mem.h"
#include "control/etcd/hash.h"
#include "control/etcd/worker_io.h"
#include "wire/doc.h"
#include "wire/proto.h"

static struct rk_span status_doc(const struct rk_feed_answer *answer)
{
	return rk_blob_span(answer->results[0].doc);
}

/* --- Maintenance --- */

static void status_resumed(struct rk_etcd_call *call, struct rk_feed_answer *answer)
{
	struct rk_buf body = { 0 };

	if (!rk_etcd_answered(call, answer))
		return;
	const struct rk_span doc = status_doc(answer);
	const uint64_t bytes = (uint64_t)rk_doc_int(doc, "logBytes", 0);
	const uint64_t leader = (uint64_t)rk_doc_int(doc, "leader", 0);
	rk_proto_put_bytes(&body, 2, RK_SPAN(RK_ETCD_VERSION));
	rk_proto_put_number(&body, 3, bytes);
	rk_proto_put_number(&body, 4, leader);
	rk_proto_put_number(&body, 5, (uint64_t)rk_doc_int(doc, "commit", 0));
	rk_proto_put_number(&body, 6, (uint64_t)rk_doc_int(doc, "term", 0));
	rk_proto_put_number(&body, 7, (uint64_t)rk_doc_int(doc, "applied", 0));
	if (leader == 0)
		rk_proto_put_bytes(&body, 8, rk_span_str(rk_etcd_error_text(RK_ETCD_NO_LEADER)));
	if (rk_doc_bool(doc, "diskFull", false))
		rk_proto_put_bytes(&body, 8, RK_SPAN("alarm:NOSPACE"));
	rk_proto_put_number(&body, 9, bytes);
	rk_proto_put_number(&body, 10, rk_span_is(rk_doc_text(doc, "role"), "learner"));
	rk_proto_put_bytes(&body, 11, RK_SPAN(RK_ETCD_VERSION));
	rk_proto_put_message(&body, 13, (struct rk_span){ NULL, 0 }); /* no downgrade goes on */
	rk_etcd_answer(call, rk_etcd_now(call), rk_buf_span(&body));
	rk_buf_done(&body);
}

static void on_status(struct rk_etcd_call *call, struct rk_span message)
{
	(void)message;
	rk_etcd_await_status(call, status_resumed);
}

enum { ALARM_GET, ALARM_ACTIVATE, ALARM_DEACTIVATE };
enum { ALARM_ANY, ALARM_NO_SPACE };

struct alarm_request {
	int64_t action, member, kind;
};
static const struct rk_proto_row alarm_rows[] = {
	{ 1, RK_PROTO_I64, offsetof(struct alarm_request, action) },
	{ 2, RK_PROTO_I64, offsetof(struct alarm_request, member) },
	{ 3, RK_PROTO_I64, offsetof(struct alarm_request, kind) },
};

static void alarms_resumed(struct rk_etcd_call *call, struct rk_feed_answer *answer)
{
	const int64_t self = (int64_t)call->thread->etcd->opts.member_id;
	struct rk_buf body = { 0 }, alarm = { 0 };
	struct alarm_request request = { 0 };

	if (!rk_etcd_answered(call, answer))
		return;
	const int err = rk_proto_read(alarm_rows, RK_COUNT(alarm_rows), call->message, &request);
	const bool is_full = rk_doc_bool(status_doc(answer), "diskFull", false) &&
			     (request.member == 0 || request.member == self) &&
			     (request.kind == ALARM_ANY || request.kind == ALARM_NO_SPACE);
	rk_assert(err == RK_OK);
	if (is_full && request.action == ALARM_DEACTIVATE) {
		rk_etcd_finish(call, RK_GRPC_PRECONDITION,
			       "etcdserver: the alarm ends by itself when there is space");
		return;
	}
	if (is_full) {
		rk_proto_put_number(&alarm, 1, (uint64_t)self);
		rk_proto_put_number(&alarm, 2, ALARM_NO_SPACE);
		rk_proto_put_message(&body, 2, rk_buf_span(&alarm));
	}
	rk_etcd_answer(call, rk_etcd_now(call), rk_buf_span(&body));
	rk_buf_done(&body);
	rk_buf_done(&alarm);
}

static void on_alarm(struct rk_etcd_call *call, struct rk_span message)
{
	struct alarm_request request = { 0 };

	if (rk_proto_read(alarm_rows, RK_COUNT(alarm_rows), message, &request) < 0) {
		rk_etcd_fail(call, RK_ETCD_MALFORMED);
		return;
	}
	const enum rk_etcd_error error =
		request.action == ALARM_GET
			? RK_ETCD_OK
			: rk_etcd_may_rule(rk_view_root(call->thread->view), &call->who);
	if (error != RK_ETCD_OK)
		rk_etcd_fail(call, error);
	else if (request.action == ALARM_ACTIVATE)
		rk_etcd_finish(call, RK_GRPC_UNIMPLEMENTED,
			       "etcdserver: alarms are raised and end by themselves here");
	else
		rk_etcd_await_status(call, alarms_resumed);
}

/* Every member takes the log of every version that it knows; there is no format to go back to. */
static void on_downgrade(struct rk_etcd_call *call, struct rk_span message)
{
	enum { CANCEL = 2 };
	struct downgrade_request {
		int64_t action;
		struct rk_span version;
	} request = { 0 };
	static const struct rk_proto_row rows[] = {
		{ 1, RK_PROTO_I64, offsetof(struct downgrade_request, action) },
		{ 2, RK_PROTO_SPAN, offsetof(struct downgrade_request, version) },
	};

	if (rk_proto_read(rows, RK_COUNT(rows), message, &request) < 0)
		rk_etcd_fail(call, RK_ETCD_MALFORMED);
	else if (request.action == CANCEL)
		rk_etcd_fail(call, RK_ETCD_NO_DOWNGRADE);
	else if (request.version.size == 0 ||
		 memchr(request.version.data, '.', request.version.size) == NULL)
		rk_etcd_fail(call, RK_ETCD_BAD_VERSION);
	else
		rk_etcd_fail(call, RK_ETCD_BAD_DOWNGRADE);
}

static void on_defragment(struct rk_etcd_call *call, struct rk_span message)
{
	(void)message; /* space comes back by itself */
	rk_etcd_answer(call, rk_etcd_now(call), (struct rk_span){ NULL, 0 });
}

struct hash { /* a job */
	struct rk_etcd_job job;
	struct rk_view *view;
	uint64_t revision;
	uint32_t hash;
};

static void run_hash(struct rk_etcd_job *job)
{
	struct hash *hash = RK_CONTAINER(job, struct hash, job);

	hash->hash = rk_etcd_hash(rk_view_root(hash->view), hash->revision);
}

static void drop_hash(struct rk_etcd_job *job)
{
	struct hash *hash = RK_CONTAINER(job, struct hash, job);

	(void)rk_view_unref(hash->view);
	free(hash);
}

static void hashed(struct rk_etcd_call *call, struct rk_etcd_job *job)
{
	const struct hash *hash = RK_CONTAINER(job, struct hash, job);
	struct rk_buf body = { 0 };

	rk_proto_put_number(&body, 2, hash->hash);
	rk_proto_put_number(&body, 3, rk_etcd_mark(rk_view_root(hash->view), RK_ETCD_COMPACT));
	rk_proto_put_number(&body, 4, hash->revision);
	rk_etcd_answer(call, rk_view_revision(hash->view), rk_buf_span(&body));
	rk_buf_done(&body);
}

static void hash_resumed(struct rk_etcd_call *call, struct rk_feed_answer *answer)
{
	const struct rk_etcd_run run = { .root = rk_view_root(call->thread->view),
					 .now = rk_etcd_now(call) };
	struct rk_etcd_numbers request;

	if (!rk_etcd_answered(call, answer))
		return;
	if (rk_etcd_read_numbers(call->message, &request) < 0) {
		rk_etcd_fail(call, RK_ETCD_MALFORMED);
		return;
	}
	const enum rk_etcd_error error = rk_etcd_check_revision(&run, request.first);
	if (error != RK_ETCD_OK) {
		rk_etcd_fail(call, error);
		return;
	}
	struct hash *hash = rk_zalloc(sizeof *hash);
	hash->job = (struct rk_etcd_job){ .run = run_hash, .done = hashed, .drop = drop_hash };
	hash->view = rk_view_ref(call->thread->view);
	hash->revision = request.first > 0 ? (uint64_t)request.first : run.now;
	(void)rk_etcd_work(call, &hash->job);
}

static bool has_moved(struct rk_etcd_call *call)
{
	if (call->thread->leader_id != call->wanted)
		return false;
	rk_etcd_answer(call, rk_etcd_now(call), (struct rk_span){ NULL, 0 });
	return true;
}

static void move_resumed(struct rk_etcd_call *call, struct rk_feed_answer *answer)
{
	if (answer->err == RK_ESTALE) {
		rk_etcd_fail(call, RK_ETCD_NOT_LEADER);
		return;
	}
	if (!rk_etcd_answered(call, answer))
		return;
	switch (rk_doc_int(status_doc(answer), "code", 500)) {
	case 200: rk_etcd_wait(call, has_moved, rk_clock_mono_ms() + RK_ETCD_CALL_MS); break;
	case 404: rk_etcd_fail(call, RK_ETCD_BAD_TRANSFEREE); break;
	default: rk_etcd_fail(call, RK_ETCD_NOT_LEADER); /* it is handing over already */
	}
}

static void on_move_leader(struct rk_etcd_call *call, struct rk_span message)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	struct rk_val *ask = rk_val_map(&arena);
	struct rk_etcd_numbers request;

	if (rk_etcd_read_numbers(message, &request) < 0) {
		rk_etcd_fail(call, RK_ETCD_MALFORMED);
		return;
	}
	call->wanted = (uint64_t)request.first;
	if (call->wanted == 0) { /* to the core that is "anybody" */
		rk_etcd_fail(call, RK_ETCD_BAD_TRANSFEREE);
		return;
	}
	rk_val_put_cstr(&arena, ask, "op", "transfer");
	rk_val_put_int(&arena, ask, "to", request.first);
	rk_val_put_bool(&arena, ask, "here", true);
	rk_feed_admin(call->thread->feed, rk_etcd_await(call, move_resumed), rk_doc_of(ask),
		      RK_ETCD_CALL_MS);
}

static void on_hash_kv(struct rk_etcd_call *call, struct rk_span message)
{
	(void)message;
	rk_etcd_await_read(call, hash_resumed);
}

static void on_hash(struct rk_etcd_call *call, struct rk_span message)
{
	struct rk_buf body = { 0 };

	(void)message;
	rk_proto_put_number(&body, 2, (uint32_t)rk_view_hash(call->thread->view).low);
	rk_etcd_answer(call, rk_etcd_now(call), rk_buf_span(&body));
	rk_buf_done(&body);
}

/* --- gRPC's health --- */

/* HealthCheckResponse has no header: 1 is SERVING, 2 NOT_SERVING. */
static uint64_t health_of(const struct rk_etcd_call *call)
{
	return call->thread->leader_id != 0 ? 1 : 2;
}

static void send_health(struct rk_etcd_call *call)
{
	struct rk_buf out = { 0 };
	const size_t begun = rk_grpc_begin(&out);

	rk_proto_put_number(&out, 1, health_of(call));
	(void)rk_etcd_send(call, &out, begun);
	rk_buf_done(&out);
}

static void on_health(struct rk_etcd_call *call, struct rk_span message)
{
	(void)message;
	send_health(call);
	rk_etcd_finish(call, RK_GRPC_OK, "");
}

/* A stream: at once, and whenever it is another one. */
static bool look_at_health(struct rk_etcd_call *call)
{
	if (!call->has_ended && call->wanted != health_of(call)) {
		call->wanted = health_of(call);
		send_health(call);
	}
	return call->has_ended;
}

static void on_health_watch(struct rk_etcd_call *call, struct rk_span message)
{
	(void)message;
	if (call->wanted == 0) /* one request a stream */
		rk_etcd_wait(call, look_at_health, 0);
}

const struct rk_etcd_method rk_etcd_maintenance_methods[] = {
	{ "/etcdserverpb.Maintenance/Status", false, on_status, NULL, RK_ETCD_NEEDS_USER },
	{ "/etcdserverpb.Maintenance/Alarm", false, on_alarm, NULL, RK_ETCD_NEEDS_USER },
	{ "/etcdserverpb.Maintenance/Defragment", false, on_defragment, NULL, RK_ETCD_NEEDS_ROOT },
	{ "/etcdserverpb.Maintenance/MoveLeader", false, on_move_leader, NULL, RK_ETCD_NEEDS_ROOT },
	{ "/etcdserverpb.Maintenance/Downgrade", false, on_downgrade, NULL, RK_ETCD_NEEDS_ROOT },
	{ "/etcdserverpb.Maintenance/Hash", false, on_hash, NULL, RK_ETCD_NEEDS_ROOT },
	{ "/etcdserverpb.Maintenance/HashKV", false, on_hash_kv, NULL, RK_ETCD_NEEDS_ROOT },
	{ "/grpc.health.v1.Health/Check", false, on_health, NULL, RK_ETCD_NEEDS_NOBODY },
	{ "/grpc.health.v1.Health/Watch", true, on_health_watch, rk_etcd_input_ended,
	  RK_ETCD_NEEDS_NOBODY },
	{ NULL, false, NULL, NULL, RK_ETCD_NEEDS_USER },
};
