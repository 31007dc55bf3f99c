/* What is refused before it is proposed: etcd's rules for requests. */
#include "base/mem.h"
#include "control/etcd/run.h"

enum rk_etcd_error rk_etcd_check_range(const struct rk_etcd_range_request *request)
{
	if (request->range.key.size == 0)
		return RK_ETCD_EMPTY_KEY;
	if (request->order < RK_ETCD_UNSORTED || request->order > RK_ETCD_DESCEND ||
	    request->target < RK_ETCD_BY_KEY || request->target > RK_ETCD_BY_VALUE)
		return RK_ETCD_BAD_SORT;
	return RK_ETCD_OK;
}

enum rk_etcd_error rk_etcd_check_put(const struct rk_etcd_put_request *request)
{
	if (request->key.size == 0)
		return RK_ETCD_EMPTY_KEY;
	if (request->ignore_value && request->value.size > 0)
		return RK_ETCD_VALUE_PROVIDED;
	if (request->ignore_lease && request->lease != 0)
		return RK_ETCD_LEASE_PROVIDED;
	return RK_ETCD_OK;
}

enum rk_etcd_error rk_etcd_check_delete(const struct rk_etcd_delete_request *request)
{
	return request->range.key.size == 0 ? RK_ETCD_EMPTY_KEY : RK_ETCD_OK;
}

static enum rk_etcd_error check_shape(const struct rk_etcd_txn *txn, size_t room);

static enum rk_etcd_error check_ops(const struct rk_etcd_op *op, size_t room)
{
	enum rk_etcd_error error = RK_ETCD_OK;

	for (; op != NULL && error == RK_ETCD_OK; op = op->next) {
		if (op->kind == RK_ETCD_RANGE)
			error = rk_etcd_check_range(&op->range);
		else if (op->kind == RK_ETCD_PUT)
			error = rk_etcd_check_put(&op->put);
		else if (op->kind == RK_ETCD_DELETE)
			error = rk_etcd_check_delete(&op->delete_range);
		else if (op->kind == RK_ETCD_TXN)
			error = check_shape(op->txn, room);
		else
			error = RK_ETCD_KEY_NOT_FOUND; /* as etcd says of an empty operation */
	}
	return error;
}

/* What is inside another transaction shares its limit. */
static enum rk_etcd_error check_shape(const struct rk_etcd_txn *txn, size_t room)
{
	const size_t most =
		RK_MAX(txn->compare_count, RK_MAX(txn->success_count, txn->failure_count));

	if (most > room)
		return RK_ETCD_TOO_MANY_OPS;
	for (const struct rk_etcd_compare *at = txn->compares; at != NULL; at = at->next)
		if (at->range.key.size == 0)
			return RK_ETCD_EMPTY_KEY;
	const enum rk_etcd_error error = check_ops(txn->success, room - most);
	return error != RK_ETCD_OK ? error : check_ops(txn->failure, room - most);
}

/* --- no key is put twice, or put and deleted --- */

struct touched {
	struct rk_span *puts;
	struct rk_etcd_range *deletes;
	size_t put_count, delete_count, put_capacity, delete_capacity;
};

static void touched_done(struct touched *touched)
{
	free(touched->puts);
	free(touched->deletes);
}

static bool is_put(const struct touched *touched, struct rk_span key)
{
	for (size_t i = 0; i < touched->put_count; i++)
		if (rk_span_eq(touched->puts[i], key))
			return true;
	return false;
}

static bool is_deleted(const struct touched *touched, struct rk_span key)
{
	for (size_t i = 0; i < touched->delete_count; i++)
		if (rk_etcd_range_has(&touched->deletes[i], key))
			return true;
	return false;
}

static void add_put(struct touched *touched, struct rk_span key)
{
	touched->puts = rk_grow(touched->puts, &touched->put_capacity, touched->put_count + 1,
				sizeof *touched->puts);
	touched->puts[touched->put_count++] = key;
}

static void add_delete(struct touched *touched, struct rk_etcd_range range)
{
	touched->deletes = rk_grow(touched->deletes, &touched->delete_capacity,
				   touched->delete_count + 1, sizeof *touched->deletes);
	touched->deletes[touched->delete_count++] = range;
}

static bool touch(const struct rk_etcd_op *ops, struct touched *ret);

/* Of the two branches only one happens, so they may touch the same keys; but neither what `ret`
 * has. */
static bool touch_nested(const struct rk_etcd_txn *txn, struct touched *ret)
{
	RK_AUTO(touched_done) struct touched success = { 0 };
	RK_AUTO(touched_done) struct touched failure = { 0 };

	if (!touch(txn->success, &success) || !touch(txn->failure, &failure))
		return false;
	const struct touched *const branches[] = { &success, &failure };
	for (size_t b = 0; b < 2; b++)
		for (size_t i = 0; i < branches[b]->put_count; i++)
			if (is_put(ret, branches[b]->puts[i]) ||
			    is_deleted(ret, branches[b]->puts[i]))
				return false;
	for (size_t b = 0; b < 2; b++) {
		for (size_t i = 0; i < branches[b]->put_count; i++)
			add_put(ret, branches[b]->puts[i]);
		for (size_t i = 0; i < branches[b]->delete_count; i++)
			add_delete(ret, branches[b]->deletes[i]);
	}
	return true;
}

static bool touch(const struct rk_etcd_op *ops, struct touched *ret)
{
	for (const struct rk_etcd_op *op = ops; op != NULL; op = op->next)
		if (op->kind == RK_ETCD_DELETE)
			add_delete(ret, op->delete_range.range);
	for (const struct rk_etcd_op *op = ops; op != NULL; op = op->next)
		if (op->kind == RK_ETCD_TXN && !touch_nested(op->txn, ret))
			return false;
	for (const struct rk_etcd_op *op = ops; op != NULL; op = op->next) {
		if (op->kind != RK_ETCD_PUT)
			continue;
		if (is_put(ret, op->put.key) || is_deleted(ret, op->put.key))
			return false;
		add_put(ret, op->put.key);
	}
	return true;
}

enum rk_etcd_error rk_etcd_check_txn(const struct rk_etcd_txn *txn)
{
	RK_AUTO(touched_done) struct touched success = { 0 };
	RK_AUTO(touched_done) struct touched failure = { 0 };
	const enum rk_etcd_error error = check_shape(txn, RK_ETCD_OPS_MAX);

	if (error != RK_ETCD_OK)
		return error;
	return touch(txn->success, &success) && touch(txn->failure, &failure)
		       ? RK_ETCD_OK
		       : RK_ETCD_DUPLICATE_KEY;
}

/* --- how it is served --- */

static bool ops_write(const struct rk_etcd_op *op)
{
	for (; op != NULL; op = op->next)
		if (op->kind == RK_ETCD_PUT || op->kind == RK_ETCD_DELETE ||
		    (op->kind == RK_ETCD_TXN && rk_etcd_txn_writes(op->txn)))
			return true;
	return false;
}

bool rk_etcd_txn_writes(const struct rk_etcd_txn *txn)
{
	return ops_write(txn->success) || ops_write(txn->failure);
}

static bool ops_serializable(const struct rk_etcd_op *op)
{
	for (; op != NULL; op = op->next)
		if (op->kind != RK_ETCD_RANGE || !op->range.serializable)
			return false;
	return true;
}

bool rk_etcd_txn_is_serializable(const struct rk_etcd_txn *txn)
{
	return ops_serializable(txn->success) && ops_serializable(txn->failure);
}
