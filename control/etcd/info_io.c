/* The Cluster, Maintenance and Auth services, as far as they are here. */
#include "base/clock_io.h"
#include "base/mem.h"
#include "control/etcd/hash.h"
#include "control/etcd/server_io.h"
#include "wire/doc.h"
#include "wire/proto.h"

static struct rk_span status_doc(const struct rk_feed_answer *answer)
{
	return rk_blob_span(answer->results[0].doc);
}

/* --- Cluster --- */

/* What the member told of itself: name (2) and client URLs (4). */
static void put_told(struct rk_etcd_call *call, int64_t id, struct rk_buf *out, uint32_t number)
{
	struct rk_buf key = { 0 };

	rk_buf_put_span(&key, RK_ETCD_MEMBER);
	rk_etcd_put_be64(&key, (uint64_t)id);
	const struct rk_item *item =
		rk_tree_get(rk_view_root(call->thread->view), rk_buf_span(&key));
	rk_buf_done(&key);
	if (item == NULL)
		return;
	struct rk_reader fields = rk_reader_of(rk_blob_span(item->value));
	struct rk_proto_field field;
	while (rk_proto_next(&fields, &field) == 1)
		if (field.number == number && field.kind == RK_PROTO_BYTES)
			rk_proto_put_message(out, number, field.bytes);
}

static void put_member(struct rk_etcd_call *call, const struct rk_val *member, struct rk_buf *out)
{
	const int64_t id = rk_val_int_at(member, "id", 0);
	struct rk_buf body = { 0 }, url = { 0 };

	rk_buf_printf(&url, "https://%.*s", RK_SPAN_ARGS(rk_val_text_at(member, "address")));
	rk_proto_put_number(&body, 1, (uint64_t)id);
	put_told(call, id, &body, 2);
	rk_proto_put_message(&body, 3, rk_buf_span(&url));
	put_told(call, id, &body, 4);
	rk_proto_put_number(&body, 5, rk_span_is(rk_val_text_at(member, "role"), "learner"));
	rk_proto_put_message(out, 2, rk_buf_span(&body));
	rk_buf_done(&body);
	rk_buf_done(&url);
}

static void members_resumed(struct rk_etcd_call *call, struct rk_feed_answer *answer)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	struct rk_buf body = { 0 };

	if (!rk_etcd_answered(call, answer))
		return;
	const struct rk_val *members =
		rk_val_at(rk_doc_val(&arena, answer->results[0].doc), "members");
	for (uint32_t i = 0; i < rk_val_count(members); i++)
		put_member(call, rk_val_item(members, i), &body);
	rk_etcd_answer(call, rk_etcd_now(call), rk_buf_span(&body));
	rk_buf_done(&body);
}

static void members_read(struct rk_etcd_call *call, struct rk_feed_answer *answer)
{
	if (rk_etcd_answered(call, answer))
		rk_etcd_await_status(call, members_resumed);
}

static void on_member_list(struct rk_etcd_call *call, struct rk_span message)
{
	struct rk_etcd_numbers request;

	if (rk_etcd_read_numbers(message, &request) < 0)
		rk_etcd_fail(call, RK_ETCD_MALFORMED);
	else if (request.first != 0)
		rk_etcd_await_read(call, members_read);
	else
		rk_etcd_await_status(call, members_resumed);
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
	rk_etcd_answer(call, rk_etcd_now(call), rk_buf_span(&body));
	rk_buf_done(&body);
}

static void on_status(struct rk_etcd_call *call, struct rk_span message)
{
	(void)message;
	rk_etcd_await_status(call, status_resumed);
}

static void alarms_resumed(struct rk_etcd_call *call, struct rk_feed_answer *answer)
{
	struct rk_buf body = { 0 }, alarm = { 0 };

	if (!rk_etcd_answered(call, answer))
		return;
	if (rk_doc_bool(status_doc(answer), "diskFull", false)) {
		rk_proto_put_number(&alarm, 1, call->thread->etcd->opts.member_id);
		rk_proto_put_number(&alarm, 2, 1);
		rk_proto_put_message(&body, 2, rk_buf_span(&alarm));
	}
	rk_etcd_answer(call, rk_etcd_now(call), rk_buf_span(&body));
	rk_buf_done(&body);
	rk_buf_done(&alarm);
}

static void on_alarm(struct rk_etcd_call *call, struct rk_span message)
{
	struct rk_etcd_numbers request;

	if (rk_etcd_read_numbers(message, &request) < 0)
		rk_etcd_fail(call, RK_ETCD_MALFORMED);
	else if (request.first != 0)
		rk_etcd_finish(call, RK_GRPC_UNIMPLEMENTED,
			       "etcdserver: alarms are raised and end by themselves here");
	else
		rk_etcd_await_status(call, alarms_resumed);
}

static void on_defragment(struct rk_etcd_call *call, struct rk_span message)
{
	(void)message; /* space comes back by itself */
	rk_etcd_answer(call, rk_etcd_now(call), (struct rk_span){ NULL, 0 });
}

static void hash_resumed(struct rk_etcd_call *call, struct rk_feed_answer *answer)
{
	const struct rk_node *root = rk_view_root(call->thread->view);
	const uint64_t now = rk_etcd_now(call), compact = rk_etcd_mark(root, RK_ETCD_COMPACT);
	struct rk_etcd_numbers request;
	struct rk_buf body = { 0 };

	if (!rk_etcd_answered(call, answer))
		return;
	if (rk_etcd_read_numbers(call->message, &request) < 0) {
		rk_etcd_fail(call, RK_ETCD_MALFORMED);
		return;
	}
	const uint64_t revision = request.first > 0 ? (uint64_t)request.first : now;
	if (revision > now || revision < compact) {
		rk_etcd_fail(call, revision > now ? RK_ETCD_FUTURE_REVISION : RK_ETCD_COMPACTED);
		return;
	}
	rk_proto_put_number(&body, 2, rk_etcd_hash(root, revision));
	rk_proto_put_number(&body, 3, compact);
	rk_proto_put_number(&body, 4, revision);
	rk_etcd_answer(call, now, rk_buf_span(&body));
	rk_buf_done(&body);
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
	switch (answer->err) {
	case RK_OK:
	case RK_EEXIST: rk_etcd_wait(call, has_moved, rk_clock_mono_ms() + RK_ETCD_CALL_MS); break;
	case RK_ENOENT: rk_etcd_fail(call, RK_ETCD_BAD_TRANSFEREE); break;
	default: rk_etcd_fail(call, RK_ETCD_NOT_LEADER);
	}
}

static void on_move_leader(struct rk_etcd_call *call, struct rk_span message)
{
	struct rk_etcd_numbers request;

	if (rk_etcd_read_numbers(message, &request) < 0) {
		rk_etcd_fail(call, RK_ETCD_MALFORMED);
		return;
	}
	call->wanted = (uint64_t)request.first;
	if (call->wanted == 0) /* to the core that is "anybody" */
		rk_etcd_fail(call, RK_ETCD_BAD_TRANSFEREE);
	else
		rk_feed_transfer(call->thread->feed, rk_etcd_await(call, move_resumed),
				 call->wanted);
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

/* --- Auth --- */

static void on_auth_status(struct rk_etcd_call *call, struct rk_span message)
{
	struct rk_buf body = { 0 };

	(void)message;
	rk_proto_put_number(&body, 3, 1);
	rk_etcd_answer(call, rk_etcd_now(call), rk_buf_span(&body));
	rk_buf_done(&body);
}

static void on_authenticate(struct rk_etcd_call *call, struct rk_span message)
{
	(void)message;
	rk_etcd_fail(call, RK_ETCD_AUTH_NOT_ENABLED);
}

/* --- gRPC's health --- */

/* HealthCheckResponse has no header. */
static void on_health(struct rk_etcd_call *call, struct rk_span message)
{
	const bool serves = call->thread->leader_id != 0;
	struct rk_buf out = { 0 };
	const size_t begun = rk_grpc_begin(&out);

	(void)message;
	rk_proto_put_number(&out, 1, serves ? 1 : 2);
	(void)rk_etcd_send(call, &out, begun);
	rk_etcd_finish(call, RK_GRPC_OK, "");
	rk_buf_done(&out);
}

const struct rk_etcd_method rk_etcd_info_methods[] = {
	{ "/etcdserverpb.Cluster/MemberList", false, on_member_list, NULL },
	{ "/etcdserverpb.Maintenance/Status", false, on_status, NULL },
	{ "/etcdserverpb.Maintenance/Alarm", false, on_alarm, NULL },
	{ "/etcdserverpb.Maintenance/Defragment", false, on_defragment, NULL },
	{ "/etcdserverpb.Maintenance/MoveLeader", false, on_move_leader, NULL },
	{ "/etcdserverpb.Maintenance/Hash", false, on_hash, NULL },
	{ "/etcdserverpb.Maintenance/HashKV", false, on_hash_kv, NULL },
	{ "/etcdserverpb.Auth/AuthStatus", false, on_auth_status, NULL },
	{ "/etcdserverpb.Auth/Authenticate", false, on_authenticate, NULL },
	{ "/grpc.health.v1.Health/Check", false, on_health, NULL },
	{ NULL, false, NULL, NULL },
};
