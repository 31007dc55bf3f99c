/* Ranges: one moment of the keyspace, filtered, sorted, cut. */
#include <stdlib.h>

#include "base/mem.h"
#include "control/etcd/run.h"
#include "store/store.h"
#include "wire/proto.h"

const struct rk_node *rk_etcd_run_root(const struct rk_etcd_run *run)
{
	return run->state != NULL ? rk_store_root(run->state->store) : run->root;
}

uint64_t rk_etcd_run_now(const struct rk_etcd_run *run)
{
	return run->state != NULL ? rk_store_revision(run->state->store) : run->now;
}

struct list {
	struct rk_etcd_kv *at;
	size_t count, capacity;
};

bool rk_etcd_range_wants(const struct rk_etcd_range_request *request, const struct rk_etcd_kv *kv)
{
	return (request->min_mod == 0 || kv->modified >= request->min_mod) &&
	       (request->max_mod == 0 || kv->modified <= request->max_mod) &&
	       (request->min_create == 0 || kv->created >= request->min_create) &&
	       (request->max_create == 0 || kv->created <= request->max_create);
}

/* Whether the first `limit` in order of keys are the answer. */
static bool is_plain(const struct rk_etcd_range_request *request)
{
	return request->order != RK_ETCD_DESCEND && request->target == RK_ETCD_BY_KEY &&
	       request->min_mod == 0 && request->max_mod == 0 && request->min_create == 0 &&
	       request->max_create == 0;
}

static int compare_numbers(int64_t a, int64_t b) { return a < b ? -1 : a > b; }

static int by_version(const void *a, const void *b)
{
	const struct rk_etcd_kv *x = a, *y = b;
	const int order = compare_numbers(x->version, y->version);

	return order != 0 ? order : rk_span_cmp(x->key, y->key);
}

static int by_create(const void *a, const void *b)
{
	const struct rk_etcd_kv *x = a, *y = b;
	const int order = compare_numbers(x->created, y->created);

	return order != 0 ? order : rk_span_cmp(x->key, y->key);
}

static int by_mod(const void *a, const void *b)
{
	const struct rk_etcd_kv *x = a, *y = b;
	const int order = compare_numbers(x->modified, y->modified);

	return order != 0 ? order : rk_span_cmp(x->key, y->key);
}

static int by_value(const void *a, const void *b)
{
	const struct rk_etcd_kv *x = a, *y = b;
	const int order = rk_span_cmp(x->value, y->value);

	return order != 0 ? order : rk_span_cmp(x->key, y->key);
}

static void sort(const struct rk_etcd_range_request *request, struct list *list)
{
	static int (*const orders[])(const void *, const void *) = {
		[RK_ETCD_BY_VERSION] = by_version,
		[RK_ETCD_BY_CREATE] = by_create,
		[RK_ETCD_BY_MOD] = by_mod,
		[RK_ETCD_BY_VALUE] = by_value,
	};

	if (list->count < 2)
		return;
	if (request->target > RK_ETCD_BY_KEY && request->target <= RK_ETCD_BY_VALUE)
		qsort(list->at, list->count, sizeof *list->at, orders[request->target]);
	for (size_t i = 0; request->order == RK_ETCD_DESCEND && i < list->count / 2; i++) {
		const struct rk_etcd_kv first = list->at[i];
		list->at[i] = list->at[list->count - 1 - i];
		list->at[list->count - 1 - i] = first;
	}
}

void rk_etcd_range_put(struct rk_buf *out, const struct rk_etcd_kv *kv, bool keys_only)
{
	if (!keys_only) {
		rk_proto_put_message(out, 2, kv->encoded);
		return;
	}
	struct rk_etcd_kv bare = *kv;
	struct rk_buf bytes = { 0 };
	bare.value = (struct rk_span){ NULL, 0 };
	rk_etcd_kv_write(&bytes, &bare);
	rk_proto_put_message(out, 2, rk_buf_span(&bytes));
	rk_buf_done(&bytes);
}

/* Counts all, and keeps those that may be in the answer. */
static int64_t collect(const struct rk_etcd_run *run, const struct rk_etcd_range_request *request,
		       uint64_t revision, struct list *list)
{
	const bool plain = is_plain(request);
	struct rk_etcd_scan scan;
	struct rk_etcd_kv kv;
	int64_t count = 0;

	rk_etcd_scan_begin(&scan, rk_etcd_run_root(run), &request->range, revision,
			   rk_etcd_run_now(run));
	while (rk_etcd_scan_next(&scan, &kv)) {
		count++;
		if (request->count_only || !rk_etcd_range_wants(request, &kv) ||
		    (plain && request->limit > 0 && count > request->limit))
			continue;
		list->at = rk_grow(list->at, &list->capacity, list->count + 1, sizeof *list->at);
		list->at[list->count++] = kv;
	}
	rk_etcd_scan_done(&scan);
	return count;
}

enum rk_etcd_error rk_etcd_check_revision(const struct rk_etcd_run *run, int64_t revision)
{
	if (revision > 0 && (uint64_t)revision > rk_etcd_run_now(run))
		return RK_ETCD_FUTURE_REVISION;
	if (revision > 0 &&
	    (uint64_t)revision < rk_etcd_mark(rk_etcd_run_root(run), RK_ETCD_COMPACT))
		return RK_ETCD_COMPACTED;
	return RK_ETCD_OK;
}

enum rk_etcd_error rk_etcd_range(const struct rk_etcd_run *run,
				 const struct rk_etcd_range_request *request, struct rk_buf *out)
{
	const uint64_t now = rk_etcd_run_now(run);
	const uint64_t revision = request->revision > 0 ? (uint64_t)request->revision : now;
	const enum rk_etcd_error error = rk_etcd_check_revision(run, request->revision);
	struct list list = { 0 };

	if (error != RK_ETCD_OK)
		return error;
	const int64_t count = collect(run, request, revision, &list);
	sort(request, &list);
	const int64_t kept = (int64_t)list.count;
	const int64_t sent = request->limit > 0 ? RK_MIN(kept, request->limit) : kept;
	const bool more = !request->count_only && (is_plain(request) ? count : kept) > sent;
	for (int64_t i = 0; i < sent; i++)
		rk_etcd_range_put(out, &list.at[i], request->keys_only);
	rk_proto_put_number(out, 3, more);
	rk_proto_put_number(out, 4, (uint64_t)count);
	free(list.at);
	return RK_ETCD_OK;
}
