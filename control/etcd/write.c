/* Puts and deletions: the current value, the one that it replaces, the event, the lease. */
#include "base/mem.h"
#include "base/mutant.h"
#include "control/etcd/run.h"
#include "store/store.h"
#include "wire/proto.h"

static uint64_t revision_of(struct rk_etcd_run *run)
{
	if (run->revision == 0)
		run->revision = rk_store_next_revision(run->state->store);
	return run->revision;
}

static void store_event(struct rk_etcd_run *run, struct rk_span key)
{
	struct rk_buf at = { 0 };

	rk_etcd_key_event(&at, revision_of(run), run->sub++);
	if (RK_MUTANT(DROP_EVENT) && run->revision % 61 == 0) {
		rk_buf_done(&at);
		return;
	}
	rk_store_put(run->state->store, rk_buf_span(&at), rk_blob_copy(key), run->revision);
	rk_buf_done(&at);
}

/* The current value becomes an old version; both share its bytes. */
static void keep_old(struct rk_etcd_run *run, const struct rk_item *item, struct rk_span key)
{
	struct rk_buf at = { 0 };
	struct rk_blob *blob = rk_blob_ref(item->value);
	const uint64_t revision = item->revision;

	rk_etcd_key_version(&at, key, revision);
	rk_store_put(run->state->store, rk_buf_span(&at), blob, revision);
	rk_buf_done(&at);
}

static void attach(struct rk_etcd_run *run, int64_t lease, struct rk_span key, bool is_attached)
{
	struct rk_buf at = { 0 };

	if (lease == 0)
		return;
	rk_etcd_key_attached(&at, lease, key);
	if (is_attached)
		rk_store_put(run->state->store, rk_buf_span(&at), NULL, 0);
	else
		(void)rk_store_remove(run->state->store, rk_buf_span(&at));
	rk_buf_done(&at);
}

static const struct rk_item *current(const struct rk_etcd_run *run, struct rk_span key)
{
	struct rk_buf at = { 0 };

	rk_etcd_key_now(&at, key);
	const struct rk_item *item = rk_store_get(run->state->store, rk_buf_span(&at));
	rk_buf_done(&at);
	return item;
}

static bool has_lease(const struct rk_etcd_run *run, int64_t id)
{
	struct rk_buf at = { 0 };

	rk_etcd_key_lease(&at, id);
	const bool is_there = rk_store_get(run->state->store, rk_buf_span(&at)) != NULL;
	rk_buf_done(&at);
	return is_there;
}

static void store_now(struct rk_etcd_run *run, const struct rk_etcd_kv *kv)
{
	struct rk_buf at = { 0 }, bytes = { 0 };

	rk_etcd_key_now(&at, kv->key);
	rk_etcd_kv_write(&bytes, kv);
	rk_store_put(run->state->store, rk_buf_span(&at), rk_blob_copy(rk_buf_span(&bytes)),
		     (uint64_t)kv->modified);
	rk_buf_done(&at);
	rk_buf_done(&bytes);
}

enum rk_etcd_error rk_etcd_put(struct rk_etcd_run *run, const struct rk_etcd_put_request *request,
			       struct rk_buf *out)
{
	const struct rk_item *item = current(run, request->key);
	struct rk_etcd_kv old = { 0 }, kv = { .key = request->key,
					      .value = request->value,
					      .lease = request->lease };
	RK_AUTO(rk_drop_blob) struct rk_blob *held = NULL; /* what `old` points into */

	if (item == NULL && (request->ignore_value || request->ignore_lease))
		return RK_ETCD_KEY_NOT_FOUND;
	if (item != NULL) {
		held = rk_blob_ref(item->value);
		old = rk_etcd_kv_read(rk_blob_span(held));
	}
	if (request->ignore_value)
		kv.value = old.value;
	if (request->ignore_lease)
		kv.lease = old.lease;
	if (kv.lease != 0 && !has_lease(run, kv.lease))
		return RK_ETCD_LEASE_NOT_FOUND;
	kv.modified = (int64_t)revision_of(run);
	kv.created = item != NULL ? old.created : kv.modified;
	kv.version = old.version + 1;
	if (request->prev_kv && item != NULL)
		rk_proto_put_message(out, 2, old.encoded);
	if (item != NULL)
		keep_old(run, item, request->key);
	store_now(run, &kv);
	if (old.lease != kv.lease) {
		attach(run, old.lease, kv.key, false);
		attach(run, kv.lease, kv.key, true);
	}
	store_event(run, kv.key);
	return RK_ETCD_OK;
}

void rk_etcd_remove_key(struct rk_etcd_run *run, struct rk_span key)
{
	const struct rk_item *item = current(run, key);
	struct rk_buf at = { 0 };

	rk_assert(item != NULL);
	const int64_t lease = rk_etcd_kv_read(rk_blob_span(item->value)).lease;
	keep_old(run, item, key);
	rk_etcd_key_version(&at, key, revision_of(run));
	rk_store_put(run->state->store, rk_buf_span(&at), NULL, run->revision);
	rk_buf_clear(&at);
	rk_etcd_key_now(&at, key);
	(void)rk_store_remove(run->state->store, rk_buf_span(&at));
	rk_buf_done(&at);
	attach(run, lease, key, false);
	store_event(run, key);
}

enum rk_etcd_error rk_etcd_delete(struct rk_etcd_run *run,
				  const struct rk_etcd_delete_request *request, struct rk_buf *out)
{
	const uint64_t now = rk_etcd_run_now(run);
	struct rk_etcd_scan scan;
	struct rk_etcd_kv kv;
	struct rk_span *keys = NULL;
	size_t count = 0, capacity = 0;

	rk_etcd_scan_begin(&scan, rk_etcd_run_root(run), &request->range, now, now);
	while (rk_etcd_scan_next(&scan, &kv)) {
		if (request->prev_kv)
			rk_proto_put_message(out, 3, kv.encoded);
		keys = rk_grow(keys, &capacity, count + 1, sizeof *keys);
		keys[count++] = rk_arena_span(&run->state->arena, kv.key);
	}
	rk_etcd_scan_done(&scan);
	for (size_t i = 0; i < count; i++)
		rk_etcd_remove_key(run, keys[i]);
	rk_proto_put_number(out, 2, count);
	free(keys);
	return RK_ETCD_OK;
}
