/* Transactions: first every comparison on the way, then the operations of the branches that were
 * taken. */
#include "base/mem.h"
#include "control/etcd/run.h"
#include "wire/proto.h"

struct path { /* which branches are taken, in the order in which transactions are met */
	bool *at;
	size_t count, next;
};

static int compare_numbers(int64_t a, int64_t b) { return a < b ? -1 : a > b; }

static int order_of(const struct rk_etcd_compare *compare, const struct rk_etcd_kv *kv)
{
	switch (compare->target) {
	case RK_ETCD_OF_VERSION: return compare_numbers(kv->version, compare->version);
	case RK_ETCD_OF_CREATE: return compare_numbers(kv->created, compare->create);
	case RK_ETCD_OF_MOD: return compare_numbers(kv->modified, compare->mod);
	case RK_ETCD_OF_VALUE: return rk_span_cmp(kv->value, compare->value);
	case RK_ETCD_OF_LEASE: return compare_numbers(kv->lease, compare->lease);
	default: return 0;
	}
}

static bool matches(const struct rk_etcd_compare *compare, const struct rk_etcd_kv *kv)
{
	const int order = order_of(compare, kv);

	switch (compare->result) {
	case RK_ETCD_EQUAL: return order == 0;
	case RK_ETCD_GREATER: return order > 0;
	case RK_ETCD_LESS: return order < 0;
	case RK_ETCD_NOT_EQUAL: return order != 0;
	default: return true;
	}
}

/* Every key of the range must match; when there is none, a key that was never written must, and no
 * value at all compares to anything. */
static bool holds(const struct rk_etcd_run *run, const struct rk_etcd_compare *compare)
{
	const uint64_t now = rk_etcd_run_now(run);
	const struct rk_etcd_kv nothing = { 0 };
	struct rk_etcd_scan scan;
	struct rk_etcd_kv kv;
	bool all = true, any = false;

	rk_etcd_scan_begin(&scan, rk_etcd_run_root(run), &compare->range, now, now);
	while (all && rk_etcd_scan_next(&scan, &kv)) {
		any = true;
		all = matches(compare, &kv);
	}
	rk_etcd_scan_done(&scan);
	if (!any)
		return compare->target != RK_ETCD_OF_VALUE && matches(compare, &nothing);
	return all;
}

/* Decides all branches before anything is written. */
static void decide(const struct rk_etcd_run *run, const struct rk_etcd_txn *txn, struct path *path)
{
	bool all = true;

	for (const struct rk_etcd_compare *at = txn->compares; all && at != NULL; at = at->next)
		all = holds(run, at);
	rk_assert(path->count < RK_ETCD_ALL_OPS_MAX + 1);
	path->at[path->count++] = all;
	for (const struct rk_etcd_op *op = all ? txn->success : txn->failure; op != NULL;
	     op = op->next)
		if (op->kind == RK_ETCD_TXN)
			decide(run, op->txn, path);
}

static enum rk_etcd_error run_txn(struct rk_etcd_run *run, const struct rk_etcd_txn *txn,
				  struct path *path, struct rk_buf *out);

static enum rk_etcd_error run_op(struct rk_etcd_run *run, const struct rk_etcd_op *op,
				 struct path *path, struct rk_buf *out)
{
	switch (op->kind) {
	case RK_ETCD_RANGE: return rk_etcd_range(run, &op->range, out);
	case RK_ETCD_PUT: return rk_etcd_put(run, &op->put, out);
	case RK_ETCD_DELETE: return rk_etcd_delete(run, &op->delete_range, out);
	case RK_ETCD_TXN: return run_txn(run, op->txn, path, out);
	}
	return RK_ETCD_OK;
}

/* ResponseOp { one of the responses, each with a header that tells the revision }. */
static void put_response(const struct rk_etcd_run *run, enum rk_etcd_op_kind kind,
			 struct rk_span body, struct rk_buf *out)
{
	struct rk_buf header = { 0 }, response = { 0 }, op = { 0 };

	rk_proto_put_number(&header, 3, rk_etcd_run_now(run));
	rk_proto_put_message(&response, 1, rk_buf_span(&header));
	rk_buf_put_span(&response, body);
	if (kind != 0)
		rk_proto_put_message(&op, (uint32_t)kind, rk_buf_span(&response));
	rk_proto_put_message(out, 3, rk_buf_span(&op));
	rk_buf_done(&header);
	rk_buf_done(&response);
	rk_buf_done(&op);
}

static enum rk_etcd_error run_txn(struct rk_etcd_run *run, const struct rk_etcd_txn *txn,
				  struct path *path, struct rk_buf *out)
{
	const bool succeeded = path->at[path->next++];

	rk_proto_put_number(out, 2, succeeded);
	for (const struct rk_etcd_op *op = succeeded ? txn->success : txn->failure; op != NULL;
	     op = op->next) {
		struct rk_buf body = { 0 };
		const enum rk_etcd_error error = run_op(run, op, path, &body);
		if (error == RK_ETCD_OK)
			put_response(run, op->kind, rk_buf_span(&body), out);
		rk_buf_done(&body);
		if (error != RK_ETCD_OK)
			return error;
	}
	return RK_ETCD_OK;
}

enum rk_etcd_error rk_etcd_txn(struct rk_etcd_run *run, struct rk_arena *arena,
			       const struct rk_etcd_txn *txn, struct rk_buf *out)
{
	struct path path = { .at = rk_arena_alloc(arena, RK_ETCD_ALL_OPS_MAX + 1) };

	decide(run, txn, &path);
	return run_txn(run, txn, &path, out);
}
