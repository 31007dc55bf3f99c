#include "control/etcd/keys.h"

#include "base/mem.h"
#include "store/store.h"
#include "wire/proto.h"

static const struct rk_proto_row kv_rows[] = {
	{ 1, RK_PROTO_SPAN, offsetof(struct rk_etcd_kv, key) },
	{ 2, RK_PROTO_I64, offsetof(struct rk_etcd_kv, created) },
	{ 3, RK_PROTO_I64, offsetof(struct rk_etcd_kv, modified) },
	{ 4, RK_PROTO_I64, offsetof(struct rk_etcd_kv, version) },
	{ 5, RK_PROTO_SPAN, offsetof(struct rk_etcd_kv, value) },
	{ 6, RK_PROTO_I64, offsetof(struct rk_etcd_kv, lease) },
};

struct rk_etcd_kv rk_etcd_kv_read(struct rk_span encoded)
{
	struct rk_etcd_kv kv = { .encoded = encoded };
	const int err = rk_proto_read(kv_rows, RK_COUNT(kv_rows), encoded, &kv);

	rk_assert(err == RK_OK);
	return kv;
}

void rk_etcd_kv_write(struct rk_buf *out, const struct rk_etcd_kv *kv)
{
	rk_proto_put_bytes(out, 1, kv->key);
	rk_proto_put_number(out, 2, (uint64_t)kv->created);
	rk_proto_put_number(out, 3, (uint64_t)kv->modified);
	rk_proto_put_number(out, 4, (uint64_t)kv->version);
	rk_proto_put_bytes(out, 5, kv->value);
	rk_proto_put_number(out, 6, (uint64_t)kv->lease);
}

/* --- ranges --- */

static bool is_open(struct rk_span end) { return end.size == 1 && end.data[0] == 0; }

static bool is_past(const struct rk_etcd_range *range, struct rk_span key)
{
	if (rk_etcd_range_is_one(range))
		return !rk_span_eq(key, range->key);
	return !is_open(range->end) && rk_span_cmp(key, range->end) >= 0;
}

bool rk_etcd_range_is_one(const struct rk_etcd_range *range) { return range->end.size == 0; }

bool rk_etcd_range_has(const struct rk_etcd_range *range, struct rk_span key)
{
	return rk_span_cmp(key, range->key) >= 0 && !is_past(range, key);
}

/* --- the store's keys --- */

uint64_t rk_etcd_be64(const uint8_t *bytes)
{
	uint64_t value = 0;

	for (int i = 0; i < 8; i++)
		value = value << 8 | bytes[i];
	return value;
}

void rk_etcd_put_be64(struct rk_buf *out, uint64_t value)
{
	for (int shift = 56; shift >= 0; shift -= 8)
		rk_buf_put_u8(out, (uint8_t)(value >> shift));
}

void rk_etcd_key_now(struct rk_buf *out, struct rk_span key)
{
	rk_buf_put_u8(out, RK_SPACE_ETCD);
	rk_buf_put_span(out, key);
}

/* All versions of a key begin with this. */
static void versions_of(struct rk_buf *out, struct rk_span key)
{
	rk_buf_put_u8(out, RK_SPACE_VERSION);
	for (size_t i = 0; i < key.size; i++) {
		rk_buf_put_u8(out, key.data[i]);
		if (key.data[i] == 0)
			rk_buf_put_u8(out, 0xff);
	}
	rk_buf_put_u8(out, 0);
	rk_buf_put_u8(out, 0);
}

void rk_etcd_key_version(struct rk_buf *out, struct rk_span key, uint64_t revision)
{
	versions_of(out, key);
	rk_etcd_put_be64(out, ~revision);
}

/* The key itself, from the store's key of one of its versions. */
static void key_of_version(struct rk_buf *out, struct rk_span stored)
{
	const struct rk_span encoded = rk_span_sub(stored, 1, stored.size - 11);

	rk_buf_clear(out);
	for (size_t i = 0; i < encoded.size; i++) {
		rk_buf_put_u8(out, encoded.data[i]);
		i += encoded.data[i] == 0;
	}
}

void rk_etcd_key_event(struct rk_buf *out, uint64_t revision, uint32_t sub)
{
	rk_buf_put_u8(out, RK_SPACE_EVENT);
	rk_etcd_put_be64(out, revision);
	for (int shift = 24; shift >= 0; shift -= 8)
		rk_buf_put_u8(out, (uint8_t)(sub >> shift));
}

void rk_etcd_key_lease(struct rk_buf *out, int64_t id)
{
	rk_buf_put(out, "l0", 2);
	rk_etcd_put_be64(out, (uint64_t)id);
}

void rk_etcd_key_attached(struct rk_buf *out, int64_t id, struct rk_span key)
{
	rk_buf_put(out, "l1", 2);
	rk_etcd_put_be64(out, (uint64_t)id);
	rk_buf_put_span(out, key);
}

uint64_t rk_etcd_mark(const struct rk_node *root, struct rk_span key)
{
	const struct rk_item *item = rk_tree_get(root, key);

	return item != NULL ? item->revision : 0;
}

/* --- one key --- */

static bool old_version(const struct rk_node *root, struct rk_span key, uint64_t revision,
			struct rk_etcd_kv *ret)
{
	struct rk_buf at = { 0 };
	struct rk_tree_iter iter;

	rk_etcd_key_version(&at, key, revision);
	rk_tree_seek(&iter, root, rk_buf_span(&at));
	const struct rk_item *item = rk_tree_next(&iter);
	const bool is_there =
		item != NULL && item->value != NULL && item->key_size == at.size &&
		rk_span_starts(rk_item_key(item), rk_span_sub(rk_buf_span(&at), 0, at.size - 8));
	rk_buf_done(&at);
	if (is_there)
		*ret = rk_etcd_kv_read(rk_blob_span(item->value));
	return is_there;
}

bool rk_etcd_get(const struct rk_node *root, struct rk_span key, uint64_t revision,
		 struct rk_etcd_kv *ret)
{
	struct rk_buf at = { 0 };

	rk_etcd_key_now(&at, key);
	const struct rk_item *item = rk_tree_get(root, rk_buf_span(&at));
	rk_buf_done(&at);
	if (item != NULL && item->revision <= revision) {
		*ret = rk_etcd_kv_read(rk_blob_span(item->value));
		return true;
	}
	return old_version(root, key, revision, ret);
}

/* --- many --- */

static void next_now(struct rk_etcd_scan *scan)
{
	scan->next = rk_tree_next(&scan->now);
	if (scan->next != NULL &&
	    (scan->next->key[0] != RK_SPACE_ETCD ||
	     is_past(&scan->range, rk_span_sub(rk_item_key(scan->next), 1, scan->next->key_size))))
		scan->next = NULL;
}

/* Finds the first key with versions at or behind scan->seek. */
static void next_old(struct rk_etcd_scan *scan)
{
	struct rk_tree_iter iter;

	rk_tree_seek(&iter, scan->root, rk_buf_span(&scan->seek));
	const struct rk_item *item = rk_tree_next(&iter);
	scan->has_old = item != NULL && item->key[0] == RK_SPACE_VERSION;
	if (!scan->has_old)
		return;
	key_of_version(&scan->old_key, rk_item_key(item));
	scan->has_old = !is_past(&scan->range, rk_buf_span(&scan->old_key));
	/* Behind all versions of this one: no inverted revision is that large. */
	rk_buf_clear(&scan->seek);
	versions_of(&scan->seek, rk_buf_span(&scan->old_key));
	for (int i = 0; i < 9; i++)
		rk_buf_put_u8(&scan->seek, 0xff);
}

void rk_etcd_scan_begin(struct rk_etcd_scan *scan, const struct rk_node *root,
			const struct rk_etcd_range *range, uint64_t revision, uint64_t now)
{
	struct rk_buf first = { 0 };

	*scan = (struct rk_etcd_scan){
		.root = root, .range = *range, .revision = revision, .is_old = revision < now
	};
	rk_etcd_key_now(&first, range->key);
	rk_tree_seek(&scan->now, root, rk_buf_span(&first));
	rk_buf_done(&first);
	next_now(scan);
	if (scan->is_old) {
		versions_of(&scan->seek, range->key);
		next_old(scan);
	}
}

bool rk_etcd_scan_next(struct rk_etcd_scan *scan, struct rk_etcd_kv *ret)
{
	while (scan->next != NULL || scan->has_old) {
		const struct rk_item *item = scan->next;
		int order = scan->has_old ? -1 : 1; /* < 0: only old versions are there */
		if (item != NULL && scan->has_old)
			order = rk_span_cmp(rk_buf_span(&scan->old_key),
					    rk_span_sub(rk_item_key(item), 1, item->key_size));
		if (order <= 0) {
			rk_buf_clear(&scan->found);
			rk_buf_put_span(&scan->found, rk_buf_span(&scan->old_key));
			next_old(scan);
		}
		if (order >= 0)
			next_now(scan);
		if (order >= 0 && item->revision <= scan->revision) {
			*ret = rk_etcd_kv_read(rk_blob_span(item->value));
			return true;
		}
		if (order <= 0 &&
		    old_version(scan->root, rk_buf_span(&scan->found), scan->revision, ret))
			return true;
	}
	return false;
}

void rk_etcd_scan_done(struct rk_etcd_scan *scan)
{
	rk_buf_done(&scan->old_key);
	rk_buf_done(&scan->seek);
	rk_buf_done(&scan->found);
}

/* --- events --- */

void rk_etcd_events_begin(struct rk_etcd_events *events, const struct rk_node *root,
			  uint64_t revision)
{
	struct rk_buf first = { 0 };

	events->root = root;
	rk_etcd_key_event(&first, revision, 0);
	rk_tree_seek(&events->iter, root, rk_buf_span(&first));
	rk_buf_done(&first);
}

bool rk_etcd_events_next(struct rk_etcd_events *events, struct rk_etcd_event *ret)
{
	const struct rk_item *item = rk_tree_next(&events->iter);

	if (item == NULL || item->key[0] != RK_SPACE_EVENT)
		return false;
	*ret = (struct rk_etcd_event){ .revision = rk_etcd_be64(item->key + 1),
				       .key = rk_blob_span(item->value) };
	ret->is_delete = !rk_etcd_get(events->root, ret->key, ret->revision, &ret->kv) ||
			 (uint64_t)ret->kv.modified != ret->revision;
	return true;
}
