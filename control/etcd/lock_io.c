/* The Lock and Election services. Whoever wants a name writes the key NAME/LEASE; the one whose key
 * was created first has it, and keeps it as long as its lease and key live. Waiting needs nobody to
 * be asked: each new view tells. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "control/etcd/server_io.h"
#include "wire/proto.h"

struct lock_request { /* LockRequest, CampaignRequest, LeaderRequest, UnlockRequest.key as name */
	struct rk_span name, value;
	int64_t lease;
};
static const struct rk_proto_row lock_rows[] = {
	{ 1, RK_PROTO_SPAN, offsetof(struct lock_request, name) },
	{ 2, RK_PROTO_I64, offsetof(struct lock_request, lease) },
	{ 3, RK_PROTO_SPAN, offsetof(struct lock_request, value) },
};

struct leader_key {
	struct rk_span name, key;
	int64_t rev, lease;
};
static const struct rk_proto_row leader_rows[] = {
	{ 1, RK_PROTO_SPAN, offsetof(struct leader_key, name) },
	{ 2, RK_PROTO_SPAN, offsetof(struct leader_key, key) },
	{ 3, RK_PROTO_I64, offsetof(struct leader_key, rev) },
	{ 4, RK_PROTO_I64, offsetof(struct leader_key, lease) },
};
struct holder_request { /* ResignRequest, ProclaimRequest */
	struct rk_span leader, value;
};
static const struct rk_proto_row holder_rows[] = {
	{ 1, RK_PROTO_SPAN, offsetof(struct holder_request, leader) },
	{ 2, RK_PROTO_SPAN, offsetof(struct holder_request, value) },
};

static bool read_lock(struct rk_etcd_call *call, struct lock_request *ret)
{
	*ret = (struct lock_request){ 0 };
	if (rk_proto_read(lock_rows, RK_COUNT(lock_rows), call->message, ret) == RK_OK)
		return true;
	rk_etcd_fail(call, RK_ETCD_MALFORMED);
	return false;
}

/* --- who has a name --- */

/* [NAME/, NAME0) */
static struct rk_etcd_range keys_of(struct rk_span name, struct rk_buf *out)
{
	rk_buf_put_span(out, name);
	rk_buf_put_u8(out, '/');
	rk_buf_put_span(out, name);
	rk_buf_put_u8(out, '/' + 1);
	return (struct rk_etcd_range){ rk_span_of(out->data, name.size + 1),
				       rk_span_of(out->data + name.size + 1, name.size + 1) };
}

/* The key under NAME/ that was created first. */
static bool first_of(struct rk_etcd_call *call, struct rk_span name, struct rk_etcd_kv *ret)
{
	const uint64_t now = rk_etcd_now(call);
	struct rk_buf bytes = { 0 };
	const struct rk_etcd_range range = keys_of(name, &bytes);
	struct rk_etcd_scan scan;
	struct rk_etcd_kv kv;
	bool any = false;

	rk_etcd_scan_begin(&scan, rk_view_root(call->thread->view), &range, now, now);
	while (rk_etcd_scan_next(&scan, &kv)) {
		if (!any || kv.created < ret->created)
			*ret = kv;
		any = true;
	}
	rk_etcd_scan_done(&scan);
	rk_buf_done(&bytes);
	return any;
}

/* Whether the call may see who has the name; otherwise it has failed. */
static bool may_see(struct rk_etcd_call *call, struct rk_span name)
{
	struct rk_buf bytes = { 0 };
	const struct rk_etcd_range range = keys_of(name, &bytes);
	const enum rk_etcd_error error =
		rk_etcd_may(rk_view_root(call->thread->view), &call->who, RK_ETCD_READ, &range);

	rk_buf_done(&bytes);
	if (error != RK_ETCD_OK)
		rk_etcd_fail(call, error);
	return error == RK_ETCD_OK;
}

static bool is_election(const struct rk_etcd_call *call)
{
	return rk_span_starts(rk_span_str(call->method->path), RK_SPAN("/v3electionpb."));
}

static void answer_held(struct rk_etcd_call *call, const struct rk_etcd_kv *kv)
{
	struct rk_buf body = { 0 }, leader = { 0 };

	if (is_election(call)) {
		rk_proto_put_bytes(&leader, 1, call->name);
		rk_proto_put_bytes(&leader, 2, kv->key);
		rk_proto_put_number(&leader, 3, (uint64_t)kv->created);
		rk_proto_put_number(&leader, 4, (uint64_t)kv->lease);
		rk_proto_put_message(&body, 2, rk_buf_span(&leader));
	} else {
		rk_proto_put_bytes(&body, 2, kv->key);
	}
	rk_etcd_answer(call, rk_etcd_now(call), rk_buf_span(&body));
	rk_buf_done(&body);
	rk_buf_done(&leader);
}

static bool is_ours(struct rk_etcd_call *call)
{
	struct rk_etcd_kv mine, first;
	const bool is_there = rk_etcd_get(rk_view_root(call->thread->view), rk_buf_span(&call->key),
					  rk_etcd_now(call), &mine);

	if (!is_there) {
		rk_etcd_finish(call, RK_GRPC_UNKNOWN, "mutex: session is expired");
		return true;
	}
	if (!may_see(call, call->name))
		return true;
	if (!first_of(call, call->name, &first) || !rk_span_eq(first.key, mine.key))
		return false;
	answer_held(call, &mine);
	return true;
}

static void queued(struct rk_etcd_call *call, struct rk_feed_answer *answer)
{
	if (!rk_etcd_answered(call, answer))
		return;
	if (answer->results[0].code != RK_GRPC_OK)
		rk_etcd_pass_on(call, answer);
	else
		rk_etcd_wait(call, is_ours, 0);
}

/* --- writing --- */

static void put_op(struct rk_buf *txn, uint32_t branch, enum rk_etcd_op_kind kind,
		   const struct rk_buf *request)
{
	struct rk_buf op = { 0 };

	rk_proto_put_message(&op, (uint32_t)kind, rk_buf_span(request));
	rk_proto_put_message(txn, branch, rk_buf_span(&op));
	rk_buf_done(&op);
}

/* if create_revision(key) == created then put or delete it. */
static void propose_if(struct rk_etcd_call *call, struct rk_span key, int64_t created,
		       const struct rk_etcd_put_request *put, rk_etcd_resume *resume)
{
	struct rk_buf txn = { 0 }, compare = { 0 }, request = { 0 };

	rk_proto_put_number(&compare, 2, RK_ETCD_OF_CREATE);
	rk_proto_put_bytes(&compare, 3, key);
	rk_proto_put_number(&compare, 5, (uint64_t)created);
	rk_proto_put_message(&txn, 1, rk_buf_span(&compare));
	rk_proto_put_bytes(&request, 1, key);
	if (put != NULL) {
		rk_proto_put_bytes(&request, 2, put->value);
		rk_proto_put_number(&request, 3, (uint64_t)put->lease);
		rk_proto_put_number(&request, 6, put->ignore_lease);
	}
	put_op(&txn, 2, put != NULL ? RK_ETCD_PUT : RK_ETCD_DELETE, &request);
	if (put != NULL && created == 0 && is_election(call)) { /* ours already: only the value */
		struct rk_buf again = { 0 };
		rk_proto_put_bytes(&again, 1, key);
		rk_proto_put_bytes(&again, 2, put->value);
		rk_proto_put_number(&again, 6, 1);
		put_op(&txn, 3, RK_ETCD_PUT, &again);
		rk_buf_done(&again);
	}
	rk_etcd_propose(call, RK_ETCD_ENTRY_TXN, rk_buf_span(&txn), resume);
	rk_buf_done(&txn);
	rk_buf_done(&compare);
	rk_buf_done(&request);
}

/* Lock and Campaign. */
static void on_want(struct rk_etcd_call *call, struct rk_span message)
{
	struct lock_request request;

	(void)message;
	if (!read_lock(call, &request))
		return;
	if (request.name.size == 0) {
		rk_etcd_fail(call, RK_ETCD_EMPTY_KEY);
		return;
	}
	if (request.lease == 0) {
		rk_etcd_fail(call, RK_ETCD_LEASE_NOT_FOUND);
		return;
	}
	call->name = request.name;
	rk_buf_put_span(&call->key, request.name);
	rk_buf_printf(&call->key, "/%" PRIx64, (uint64_t)request.lease);
	const struct rk_etcd_put_request put = { .value = request.value, .lease = request.lease };
	propose_if(call, rk_buf_span(&call->key), 0, &put, queued);
}

static void on_unlock(struct rk_etcd_call *call, struct rk_span message)
{
	struct lock_request request;
	struct rk_buf body = { 0 };

	(void)message;
	if (!read_lock(call, &request))
		return;
	rk_proto_put_bytes(&body, 1, request.name);
	if (request.name.size == 0)
		rk_etcd_fail(call, RK_ETCD_EMPTY_KEY);
	else
		rk_etcd_propose(call, RK_ETCD_ENTRY_DELETE, rk_buf_span(&body), rk_etcd_pass_on);
	rk_buf_done(&body);
}

/* The transaction's answer is not the call's: only whether it succeeded matters. */
static void held_resumed(struct rk_etcd_call *call, struct rk_feed_answer *answer)
{
	struct rk_proto_field field = { 0 };
	bool succeeded = false;

	if (!rk_etcd_answered(call, answer))
		return;
	if (answer->results[0].code != RK_GRPC_OK) {
		rk_etcd_pass_on(call, answer);
		return;
	}
	struct rk_reader reader = rk_reader_of(rk_blob_span(answer->results[0].doc));
	while (rk_proto_next(&reader, &field) == 1)
		succeeded = succeeded || (field.number == 2 && field.value != 0);
	if (succeeded || rk_span_ends(rk_span_str(call->method->path), RK_SPAN("/Resign")))
		rk_etcd_answer(call, answer->revision, (struct rk_span){ NULL, 0 });
	else
		rk_etcd_finish(call, RK_GRPC_UNKNOWN, "election: not leader");
}

/* Proclaim and Resign. */
static void on_holder(struct rk_etcd_call *call, struct rk_span message)
{
	const bool resigns = rk_span_ends(rk_span_str(call->method->path), RK_SPAN("/Resign"));
	struct holder_request request = { 0 };
	struct leader_key leader = { 0 };

	if (rk_proto_read(holder_rows, RK_COUNT(holder_rows), message, &request) < 0 ||
	    rk_proto_read(leader_rows, RK_COUNT(leader_rows), request.leader, &leader) < 0) {
		rk_etcd_fail(call, RK_ETCD_MALFORMED);
		return;
	}
	if (leader.key.size == 0) {
		rk_etcd_finish(call, RK_GRPC_INVALID, "\"leader\" field must be provided");
		return;
	}
	const struct rk_etcd_put_request put = { .value = request.value, .lease = leader.lease };
	propose_if(call, leader.key, leader.rev, resigns ? NULL : &put, held_resumed);
}

/* --- reading --- */

static void send_leader(struct rk_etcd_call *call, const struct rk_etcd_kv *kv)
{
	struct rk_buf body = { 0 };

	rk_proto_put_message(&body, 2, kv->encoded);
	rk_etcd_answer(call, rk_etcd_now(call), rk_buf_span(&body));
	rk_buf_done(&body);
}

static void leader_resumed(struct rk_etcd_call *call, struct rk_feed_answer *answer)
{
	struct lock_request request;
	struct rk_etcd_kv first;

	if (!rk_etcd_answered(call, answer) || !read_lock(call, &request) ||
	    !may_see(call, request.name))
		return;
	if (first_of(call, request.name, &first))
		send_leader(call, &first);
	else
		rk_etcd_finish(call, RK_GRPC_UNKNOWN, "election: no leader");
}

static void on_leader(struct rk_etcd_call *call, struct rk_span message)
{
	(void)message;
	rk_etcd_await_read(call, leader_resumed);
}

/* A stream: the leader whenever it, or what it proclaims, is another one. */
static bool observe(struct rk_etcd_call *call)
{
	struct rk_etcd_kv first;

	if (!call->has_ended && may_see(call, rk_buf_span(&call->key)) &&
	    first_of(call, rk_buf_span(&call->key), &first) &&
	    (uint64_t)first.modified != call->wanted) {
		call->wanted = (uint64_t)first.modified;
		send_leader(call, &first);
	}
	return call->has_ended;
}

static void on_observe(struct rk_etcd_call *call, struct rk_span message)
{
	struct lock_request request = { 0 };

	if (call->key.size > 0)
		return; /* one request a stream */
	if (rk_proto_read(lock_rows, RK_COUNT(lock_rows), message, &request) < 0 ||
	    request.name.size == 0) {
		rk_etcd_fail(call, RK_ETCD_EMPTY_KEY);
		return;
	}
	rk_buf_put_span(&call->key, request.name);
	rk_etcd_wait(call, observe, 0);
}

const struct rk_etcd_method rk_etcd_lock_methods[] = {
	{ "/v3lockpb.Lock/Lock", false, on_want, NULL, RK_ETCD_NEEDS_USER },
	{ "/v3lockpb.Lock/Unlock", false, on_unlock, NULL, RK_ETCD_NEEDS_USER },
	{ "/v3electionpb.Election/Campaign", false, on_want, NULL, RK_ETCD_NEEDS_USER },
	{ "/v3electionpb.Election/Proclaim", false, on_holder, NULL, RK_ETCD_NEEDS_USER },
	{ "/v3electionpb.Election/Resign", false, on_holder, NULL, RK_ETCD_NEEDS_USER },
	{ "/v3electionpb.Election/Leader", false, on_leader, NULL, RK_ETCD_NEEDS_USER },
	{ "/v3electionpb.Election/Observe", true, on_observe, rk_etcd_input_ended, RK_ETCD_NEEDS_USER },
	{ NULL, false, NULL, NULL, RK_ETCD_NEEDS_USER },
};
