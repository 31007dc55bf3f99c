/* The KV service. Reads without changes are answered from the view; a linearizable one asks first
 * whether the view is new enough. */
#include "base/mem.h"
#include "control/etcd/list.h"
#include "control/etcd/server_io.h"

static void answer_range(struct rk_etcd_call *call)
{
	const struct rk_etcd_run run = { .root = rk_view_root(call->thread->view),
					 .now = rk_etcd_now(call) };
	struct rk_etcd_range_request request;
	struct rk_buf body = { 0 };
	enum rk_etcd_error error = RK_ETCD_MALFORMED;

	if (rk_etcd_read_range(call->message, &request) == RK_OK)
		error = rk_etcd_may(run.root, &call->who, RK_ETCD_READ, &request.range);
	if (error == RK_ETCD_OK) {
		/* A gateway's client gets one message. */
		if (call->route == NULL && rk_etcd_list_takes(&request, run.now)) {
			rk_etcd_list_start(call, &request);
			return;
		}
		error = rk_etcd_range(&run, &request, &body);
	}
	if (error == RK_ETCD_OK)
		rk_etcd_answer(call, run.now, rk_buf_span(&body));
	else
		rk_etcd_fail(call, error);
	rk_buf_done(&body);
}

static void range_resumed(struct rk_etcd_call *call, struct rk_feed_answer *answer)
{
	if (rk_etcd_answered(call, answer))
		answer_range(call);
}

static void on_range(struct rk_etcd_call *call, struct rk_span message)
{
	struct rk_etcd_range_request request;
	enum rk_etcd_error error = RK_ETCD_MALFORMED;

	if (rk_etcd_read_range(message, &request) == RK_OK)
		error = rk_etcd_check_range(&request);
	if (error != RK_ETCD_OK)
		rk_etcd_fail(call, error);
	else if (request.serializable)
		answer_range(call);
	else
		rk_etcd_await_read(call, range_resumed);
}

static void on_put(struct rk_etcd_call *call, struct rk_span message)
{
	struct rk_etcd_put_request request;
	enum rk_etcd_error error = RK_ETCD_MALFORMED;

	if (rk_etcd_read_put(message, &request) == RK_OK)
		error = rk_etcd_check_put(&request);
	if (error != RK_ETCD_OK)
		rk_etcd_fail(call, error);
	else
		rk_etcd_propose(call, RK_ETCD_ENTRY_PUT, message, rk_etcd_pass_on);
}

static void on_delete(struct rk_etcd_call *call, struct rk_span message)
{
	struct rk_etcd_delete_request request;
	enum rk_etcd_error error = RK_ETCD_MALFORMED;

	if (rk_etcd_read_delete(message, &request) == RK_OK)
		error = rk_etcd_check_delete(&request);
	if (error != RK_ETCD_OK)
		rk_etcd_fail(call, error);
	else
		rk_etcd_propose(call, RK_ETCD_ENTRY_DELETE, message, rk_etcd_pass_on);
}

static void answer_txn(struct rk_etcd_call *call)
{
	struct rk_etcd_run run = { .root = rk_view_root(call->thread->view),
				   .now = rk_etcd_now(call) };
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	struct rk_etcd_txn txn;
	struct rk_buf body = { 0 };
	enum rk_etcd_error error = RK_ETCD_MALFORMED;

	if (rk_etcd_read_txn(&arena, call->message, &txn) == RK_OK)
		error = rk_etcd_may_txn(run.root, &call->who, &txn);
	if (error == RK_ETCD_OK)
		error = rk_etcd_txn(&run, &arena, &txn, &body);
	if (error == RK_ETCD_OK)
		rk_etcd_answer(call, run.now, rk_buf_span(&body));
	else
		rk_etcd_fail(call, error);
	rk_buf_done(&body);
}

static void txn_resumed(struct rk_etcd_call *call, struct rk_feed_answer *answer)
{
	if (rk_etcd_answered(call, answer))
		answer_txn(call);
}

static void on_txn(struct rk_etcd_call *call, struct rk_span message)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	struct rk_etcd_txn txn;
	const int err = rk_etcd_read_txn(&arena, message, &txn);
	const enum rk_etcd_error error = err == RK_ETOOBIG ? RK_ETCD_TOO_MANY_OPS
					 : err < 0         ? RK_ETCD_MALFORMED
							   : rk_etcd_check_txn(&txn);

	if (error != RK_ETCD_OK)
		rk_etcd_fail(call, error);
	else if (rk_etcd_txn_writes(&txn))
		rk_etcd_propose(call, RK_ETCD_ENTRY_TXN, message, rk_etcd_pass_on);
	else if (rk_etcd_txn_is_serializable(&txn))
		answer_txn(call);
	else
		rk_etcd_await_read(call, txn_resumed);
}

static bool is_removed(struct rk_etcd_call *call)
{
	if (rk_etcd_mark(rk_view_root(call->thread->view), RK_ETCD_REMOVED) < call->wanted)
		return false;
	rk_etcd_answer(call, rk_etcd_now(call), (struct rk_span){ NULL, 0 });
	return true;
}

/* A physical compaction is answered when the space is back. */
static void compacted(struct rk_etcd_call *call, struct rk_feed_answer *answer)
{
	if (call->wanted == 0 || answer->err != RK_OK || answer->results[0].code != RK_GRPC_OK)
		rk_etcd_pass_on(call, answer);
	else
		rk_etcd_wait(call, is_removed, 0);
}

static void on_compact(struct rk_etcd_call *call, struct rk_span message)
{
	struct rk_etcd_numbers request; /* revision, physical */

	if (rk_etcd_read_numbers(message, &request) < 0) {
		rk_etcd_fail(call, RK_ETCD_MALFORMED);
		return;
	}
	call->wanted = request.second != 0 ? (uint64_t)request.first : 0;
	rk_etcd_propose(call, RK_ETCD_ENTRY_COMPACT, message, compacted);
}

const struct rk_etcd_method rk_etcd_kv_methods[] = {
	{ "/etcdserverpb.KV/Range", false, on_range, NULL, RK_ETCD_NEEDS_USER },
	{ "/etcdserverpb.KV/Put", false, on_put, NULL, RK_ETCD_NEEDS_USER },
	{ "/etcdserverpb.KV/DeleteRange", false, on_delete, NULL, RK_ETCD_NEEDS_USER },
	{ "/etcdserverpb.KV/Txn", false, on_txn, NULL, RK_ETCD_NEEDS_USER },
	{ "/etcdserverpb.KV/Compact", false, on_compact, NULL, RK_ETCD_NEEDS_USER },
	{ NULL, false, NULL, NULL, RK_ETCD_NEEDS_USER },
};
