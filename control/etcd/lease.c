#include "control/etcd/lease.h"

#include "base/mem.h"
#include "control/follow.h"
#include "control/work.h"
#include "wire/proto.h"

bool rk_etcd_lease_get(const struct rk_node *root, int64_t id, struct rk_etcd_lease *ret)
{
	struct rk_buf at = { 0 };

	rk_etcd_key_lease(&at, id);
	const struct rk_item *item = rk_tree_get(root, rk_buf_span(&at));
	rk_buf_done(&at);
	if (item == NULL)
		return false;
	struct rk_reader reader = rk_reader_of(rk_blob_span(item->value));
	*ret = (struct rk_etcd_lease){ .id = id };
	ret->ttl_s = (int64_t)rk_read_u64(&reader);
	ret->ends_ms = (int64_t)rk_read_u64(&reader);
	rk_assert(!reader.failed);
	return true;
}

static void store_lease(struct rk_etcd_run *run, const struct rk_etcd_lease *lease)
{
	struct rk_buf at = { 0 }, bytes = { 0 };

	rk_etcd_key_lease(&at, lease->id);
	rk_buf_put_u64(&bytes, (uint64_t)lease->ttl_s);
	rk_buf_put_u64(&bytes, (uint64_t)lease->ends_ms);
	rk_store_put(run->state->store, rk_buf_span(&at), rk_blob_copy(rk_buf_span(&bytes)), 0);
	rk_buf_done(&at);
	rk_buf_done(&bytes);
}

static void set_timer(struct rk_etcd_run *run, const struct rk_etcd_lease *lease)
{
	struct rk_buf key = { 0 };

	rk_buf_put_u8(&key, 'L');
	rk_etcd_put_be64(&key, (uint64_t)lease->id);
	rk_work_at(run->state, lease->ends_ms, RK_CONTROLLER_ETCD, rk_buf_span(&key));
	rk_buf_done(&key);
}

static int64_t free_id(struct rk_etcd_run *run)
{
	struct rk_etcd_lease other;
	int64_t id;

	do
		id = (int64_t)(rk_state_random(run->state) & INT64_MAX);
	while (id == 0 || rk_etcd_lease_get(rk_etcd_run_root(run), id, &other));
	return id;
}

enum rk_etcd_error rk_etcd_lease_grant(struct rk_etcd_run *run, int64_t ttl_s, int64_t id,
				       struct rk_buf *out)
{
	struct rk_etcd_lease lease = { .id = id, .ttl_s = RK_MAX(ttl_s, (int64_t)RK_ETCD_TTL_MIN) };
	struct rk_etcd_lease other;

	if (ttl_s > RK_ETCD_TTL_MAX)
		return RK_ETCD_TTL_TOO_LARGE;
	if (id != 0 && rk_etcd_lease_get(rk_etcd_run_root(run), id, &other))
		return RK_ETCD_LEASE_EXISTS;
	if (id == 0)
		lease.id = free_id(run);
	lease.ends_ms = run->state->now_ms + lease.ttl_s * 1000;
	store_lease(run, &lease);
	set_timer(run, &lease);
	rk_proto_put_number(out, 2, (uint64_t)lease.id);
	rk_proto_put_number(out, 3, (uint64_t)lease.ttl_s);
	return RK_ETCD_OK;
}

/* The first attached key, in the entry's arena; empty when there is none. */
static struct rk_span first_key(struct rk_etcd_run *run, struct rk_span prefix)
{
	struct rk_tree_iter iter;

	rk_tree_seek(&iter, rk_etcd_run_root(run), prefix);
	const struct rk_item *item = rk_tree_next(&iter);
	if (item == NULL || !rk_span_starts(rk_item_key(item), prefix))
		return (struct rk_span){ NULL, 0 };
	return rk_arena_span(&run->state->arena,
			     rk_span_sub(rk_item_key(item), prefix.size, item->key_size));
}

enum rk_etcd_error rk_etcd_lease_revoke(struct rk_etcd_run *run, int64_t id)
{
	struct rk_etcd_lease lease;
	struct rk_buf at = { 0 };
	struct rk_span key;

	if (!rk_etcd_lease_get(rk_etcd_run_root(run), id, &lease))
		return RK_ETCD_LEASE_NOT_FOUND;
	rk_etcd_key_attached(&at, id, (struct rk_span){ NULL, 0 });
	while ((key = first_key(run, rk_buf_span(&at))).size > 0)
		rk_etcd_remove_key(run, key);
	rk_buf_clear(&at);
	rk_etcd_key_lease(&at, id);
	(void)rk_store_remove(run->state->store, rk_buf_span(&at));
	rk_buf_done(&at);
	return RK_ETCD_OK;
}

void rk_etcd_lease_keep(struct rk_etcd_run *run, int64_t id, struct rk_buf *out)
{
	struct rk_etcd_lease lease;

	rk_proto_put_number(out, 2, (uint64_t)id);
	/* One that has ended but whose timer has not been heard yet is gone already. */
	if (!rk_etcd_lease_get(rk_etcd_run_root(run), id, &lease) ||
	    lease.ends_ms <= run->state->now_ms)
		return;
	lease.ends_ms = run->state->now_ms + lease.ttl_s * 1000;
	store_lease(run, &lease);
	rk_proto_put_number(out, 3, (uint64_t)lease.ttl_s);
}

void rk_etcd_lease_due(struct rk_etcd_run *run, int64_t id)
{
	struct rk_etcd_lease lease;

	if (!rk_etcd_lease_get(rk_etcd_run_root(run), id, &lease))
		return;
	if (lease.ends_ms <= run->state->now_ms)
		(void)rk_etcd_lease_revoke(run, id);
	else
		set_timer(run, &lease);
}

size_t rk_etcd_lease_keys(const struct rk_node *root, int64_t id, struct rk_buf *out,
			  uint32_t field)
{
	struct rk_buf prefix = { 0 };
	struct rk_tree_iter iter;
	const struct rk_item *item;
	size_t count = 0;

	rk_etcd_key_attached(&prefix, id, (struct rk_span){ NULL, 0 });
	rk_tree_seek(&iter, root, rk_buf_span(&prefix));
	while ((item = rk_tree_next(&iter)) != NULL &&
	       rk_span_starts(rk_item_key(item), rk_buf_span(&prefix))) {
		rk_proto_put_message(out, field,
				     rk_span_sub(rk_item_key(item), prefix.size, item->key_size));
		count++;
	}
	rk_buf_done(&prefix);
	return count;
}

void rk_etcd_lease_list(const struct rk_node *root, struct rk_buf *out)
{
	struct rk_tree_iter iter;
	const struct rk_item *item;

	rk_tree_seek(&iter, root, RK_SPAN("l0"));
	while ((item = rk_tree_next(&iter)) != NULL && item->key_size == 10 &&
	       rk_span_starts(rk_item_key(item), RK_SPAN("l0"))) {
		struct rk_buf status = { 0 };
		rk_proto_put_number(&status, 1, rk_etcd_be64(item->key + 2));
		rk_proto_put_message(out, 2, rk_buf_span(&status));
		rk_buf_done(&status);
	}
}
