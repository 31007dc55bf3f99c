#include "control/etcd/apply.h"

#include "control/bootstrap.h"
#include "control/etcd/auth.h"
#include "control/etcd/compact.h"
#include "control/etcd/lease.h"
#include "control/etcd/run.h"
#include "wire/proto.h"

static enum rk_etcd_error apply_put(struct rk_etcd_run *run, struct rk_span request,
				    struct rk_buf *out)
{
	struct rk_etcd_put_request put;

	if (rk_etcd_read_put(request, &put) < 0)
		return RK_ETCD_MALFORMED;
	const enum rk_etcd_error error = rk_etcd_may_put(rk_etcd_run_root(run), &run->who, &put);
	return error != RK_ETCD_OK ? error : rk_etcd_put(run, &put, out);
}

static enum rk_etcd_error apply_delete(struct rk_etcd_run *run, struct rk_span request,
				       struct rk_buf *out)
{
	struct rk_etcd_delete_request delete_range;

	if (rk_etcd_read_delete(request, &delete_range) < 0)
		return RK_ETCD_MALFORMED;
	const enum rk_etcd_error error =
		rk_etcd_may_delete(rk_etcd_run_root(run), &run->who, &delete_range);
	return error != RK_ETCD_OK ? error : rk_etcd_delete(run, &delete_range, out);
}

static enum rk_etcd_error apply_txn(struct rk_etcd_run *run, struct rk_span request,
				    struct rk_buf *out)
{
	struct rk_etcd_txn txn;

	if (rk_etcd_read_txn(&run->state->arena, request, &txn) < 0)
		return RK_ETCD_MALFORMED;
	const enum rk_etcd_error error = rk_etcd_may_txn(rk_etcd_run_root(run), &run->who, &txn);
	return error != RK_ETCD_OK ? error : rk_etcd_txn(run, &run->state->arena, &txn, out);
}

static enum rk_etcd_error apply_member(struct rk_etcd_run *run, struct rk_span request)
{
	static const struct rk_proto_row id_row = { 1, RK_PROTO_I64, 0 };
	int64_t id = 0;
	struct rk_buf key = { 0 };

	if (rk_proto_read(&id_row, 1, request, &id) < 0)
		return RK_ETCD_MALFORMED;
	rk_buf_put_span(&key, RK_ETCD_MEMBER);
	rk_etcd_put_be64(&key, (uint64_t)id);
	rk_store_put(run->state->store, rk_buf_span(&key), rk_blob_copy(request), 0);
	rk_buf_done(&key);
	return RK_ETCD_OK;
}

static enum rk_etcd_error apply_numbers(struct rk_etcd_run *run, uint8_t kind,
					struct rk_span request, struct rk_buf *out)
{
	struct rk_etcd_numbers numbers;

	if (rk_etcd_read_numbers(request, &numbers) < 0)
		return RK_ETCD_MALFORMED;
	const enum rk_etcd_error error =
		kind == RK_ETCD_ENTRY_REVOKE
			? rk_etcd_may_lease(rk_etcd_run_root(run), &run->who, RK_ETCD_WRITE,
					    numbers.first)
			: rk_etcd_may_ask(rk_etcd_run_root(run), &run->who);
	if (error != RK_ETCD_OK)
		return error;
	switch (kind) {
	case RK_ETCD_ENTRY_COMPACT: return rk_etcd_compact(run, numbers.first);
	case RK_ETCD_ENTRY_GRANT:
		return rk_etcd_lease_grant(run, numbers.first, numbers.second, out);
	case RK_ETCD_ENTRY_REVOKE: return rk_etcd_lease_revoke(run, numbers.first);
	default: rk_etcd_lease_keep(run, numbers.first, out); return RK_ETCD_OK;
	}
}

static enum rk_etcd_error apply(struct rk_etcd_run *run, struct rk_span body, struct rk_buf *out);

/* What was asked by somebody that the member knows. */
static enum rk_etcd_error apply_as(struct rk_etcd_run *run, struct rk_span request,
				   struct rk_buf *out)
{
	struct rk_reader reader = rk_reader_of(request);

	run->who.made = rk_read_varint(&reader);
	run->who.name = rk_read_bytes(&reader);
	const struct rk_span body = rk_read_raw(&reader, rk_reader_left(&reader));
	if (reader.failed || body.size == 0 || body.data[0] == RK_ETCD_ENTRY_AS)
		return RK_ETCD_MALFORMED;
	return apply(run, body, out);
}

static enum rk_etcd_error apply(struct rk_etcd_run *run, struct rk_span body, struct rk_buf *out)
{
	const uint8_t kind = body.data[0];
	const struct rk_span request = rk_span_sub(body, 1, body.size);

	switch (kind) {
	case RK_ETCD_ENTRY_PUT: return apply_put(run, request, out);
	case RK_ETCD_ENTRY_DELETE: return apply_delete(run, request, out);
	case RK_ETCD_ENTRY_TXN: return apply_txn(run, request, out);
	case RK_ETCD_ENTRY_COMPACT:
	case RK_ETCD_ENTRY_GRANT:
	case RK_ETCD_ENTRY_REVOKE:
	case RK_ETCD_ENTRY_KEEP: return apply_numbers(run, kind, request, out);
	case RK_ETCD_ENTRY_MEMBER: return apply_member(run, request);
	case RK_ETCD_ENTRY_AS: return apply_as(run, request, out);
	default: break;
	}
	return kind >= RK_ETCD_ENTRY_AUTH_ENABLE && kind <= RK_ETCD_ENTRY_TOKEN_KEEP
		       ? rk_etcd_auth_apply(run, kind, request)
		       : RK_ETCD_MALFORMED;
}

int rk_etcd_apply(struct rk_state *state, struct rk_span body, struct rk_buf *out)
{
	struct rk_etcd_run run = { .state = state };
	enum rk_etcd_error error = RK_ETCD_MALFORMED;

	if (!rk_bootstrap_is_done(state))
		error = RK_ETCD_NO_LEADER;
	else if (body.size > 0)
		error = apply(&run, body, out);
	if (error != RK_ETCD_OK) {
		rk_buf_clear(out);
		rk_buf_put_str(out, rk_etcd_error_text(error));
	}
	return rk_etcd_error_code(error);
}

static void reconcile(struct rk_state *state, struct rk_span key)
{
	struct rk_etcd_run run = { .state = state };

	if (key.size == 9 && key.data[0] == 'L')
		rk_etcd_lease_due(&run, (int64_t)rk_etcd_be64(key.data + 1));
	else if (key.size == 1 + RK_ETCD_TOKEN_BYTES && key.data[0] == 'T')
		rk_etcd_token_due(&run, rk_span_sub(key, 1, key.size));
	else
		rk_etcd_compact_work(&run);
}

const struct rk_controller rk_controller_etcd = {
	.number = RK_CONTROLLER_ETCD,
	.name = "etcd",
	.reconcile = reconcile,
};
