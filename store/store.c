#include "store/store.h"

#include <stdlib.h>

#include "base/mem.h"
#include "store/internal.h"

struct rk_store *rk_store_new(void)
{
	struct rk_store *store = rk_zalloc(sizeof *store);

	store->tree.moments = rk_moments_new();
	return store;
}

struct rk_store *rk_store_free(struct rk_store *store)
{
	if (store != NULL) {
		rk_assert(!store->is_marked);
		rk_moments_leave(store->tree.moments, store->tree.root);
		free(store->undo);
		free(store);
	}
	return NULL;
}

/* Takes `old`; `item` took its place. Either may be NULL. */
static void count_out(struct rk_store *store, struct rk_item *old, struct rk_item *item)
{
	store->now.root = store->tree.root;
	if (old != NULL && rk_key_is_state(rk_item_key(old)))
		store->now.sum = rk_hash128_sub(store->now.sum, rk_item_hash(old));
	if (!store->is_marked) {
		rk_tree_bury(&store->tree, old);
		return;
	}
	store->undo = rk_grow(store->undo, &store->undo_capacity, store->undo_count + 1, sizeof *store->undo);
	store->undo[store->undo_count++] = (struct rk_undo){ old, item };
}

void rk_store_put(struct rk_store *store, struct rk_span key, struct rk_blob *value, uint64_t revision)
{
	struct rk_item *item = rk_item_new(key, value, revision);

	if (rk_key_is_state(key))
		store->now.sum = rk_hash128_add(store->now.sum, rk_item_hash(item));
	count_out(store, rk_tree_put(&store->tree, item), item);
}

bool rk_store_remove(struct rk_store *store, struct rk_span key)
{
	struct rk_item *old = rk_tree_remove(&store->tree, key);

	if (old == NULL)
		return false;
	count_out(store, old, NULL);
	return true;
}

const struct rk_item *rk_store_get(const struct rk_store *store, struct rk_span key)
{
	return rk_tree_get(store->now.root, key);
}

void rk_store_seek(const struct rk_store *store, struct rk_tree_iter *iter, struct rk_span key)
{
	rk_tree_seek(iter, store->now.root, key);
}

const struct rk_node *rk_store_root(const struct rk_store *store) { return store->now.root; }

uint64_t rk_store_revision(const struct rk_store *store) { return store->now.revision; }
uint64_t rk_store_index(const struct rk_store *store) { return store->now.index; }
int64_t rk_store_time_ms(const struct rk_store *store) { return store->now.time_ms; }

uint64_t rk_store_next_revision(struct rk_store *store)
{
	return ++store->now.revision;
}

void rk_store_skip_revisions(struct rk_store *store, uint64_t revision)
{
	rk_assert(revision >= store->now.revision);
	store->now.revision = revision;
}

void rk_store_advance(struct rk_store *store, uint64_t index, int64_t time_ms)
{
	rk_assert(index >= store->now.index);
	store->now.index = index;
	if (time_ms > store->now.time_ms)
		store->now.time_ms = time_ms;
}

struct rk_hash128 rk_moment_hash(const struct rk_moment *moment)
{
	struct rk_buf bytes = { 0 };

	rk_buf_put_u64(&bytes, moment->revision);
	rk_buf_put_u64(&bytes, moment->index);
	rk_buf_put_u64(&bytes, (uint64_t)moment->time_ms);
	const struct rk_hash128 head = rk_hash128(rk_buf_span(&bytes), 0);
	rk_buf_done(&bytes);
	return rk_hash128_add(head, moment->sum);
}

struct rk_hash128 rk_store_hash(const struct rk_store *store)
{
	return rk_moment_hash(&store->now);
}

struct rk_view *rk_store_view(const struct rk_store *store)
{
	struct rk_view *view = rk_alloc(sizeof *view);

	atomic_init(&view->refs, 1);
	view->moment = store->now;
	rk_moments_hold(store->tree.moments, &view->held);
	return view;
}

struct rk_mark rk_store_mark(struct rk_store *store)
{
	rk_assert(!store->is_marked);
	store->is_marked = true;
	return (struct rk_mark){ store->now.revision, store->now.sum };
}

void rk_store_keep(struct rk_store *store)
{
	rk_assert(store->is_marked);
	for (size_t i = 0; i < store->undo_count; i++)
		rk_tree_bury(&store->tree, store->undo[i].before);
	store->undo_count = 0;
	store->is_marked = false;
}

/* What was put behind the mark has been in no moment. */
void rk_store_undo(struct rk_store *store, const struct rk_mark *mark)
{
	rk_assert(store->is_marked);
	while (store->undo_count > 0) {
		const struct rk_undo undo = store->undo[--store->undo_count];
		const uint32_t born = undo.before != NULL ? undo.before->born : 0;
		struct rk_item *put = undo.before != NULL
					      ? rk_tree_put(&store->tree, undo.before)
					      : rk_tree_remove(&store->tree, rk_item_key(undo.after));
		if (undo.before != NULL)
			undo.before->born = born; /* it only comes back */
		rk_assert(put == undo.after);
		(void)rk_item_free(put);
	}
	store->now.root = store->tree.root;
	store->now.revision = mark->revision;
	store->now.sum = mark->sum;
	store->is_marked = false;
}

void rk_object_key(struct rk_buf *out, struct rk_span kind, struct rk_span ns, struct rk_span name)
{
	rk_buf_put_span(out, kind);
	rk_buf_put_u8(out, 0);
	rk_buf_put_span(out, ns);
	rk_buf_put_u8(out, 0);
	rk_buf_put_span(out, name);
}

bool rk_object_key_split(struct rk_span key, struct rk_span *ret_kind, struct rk_span *ret_ns,
			 struct rk_span *ret_name)
{
	struct rk_span kind, ns;
	const struct rk_span rest = rk_span_cut(key, '\0', &kind);
	const struct rk_span name = rk_span_cut(rest, '\0', &ns);

	if (rest.data == NULL || name.data == NULL)
		return false;
	*ret_kind = kind;
	*ret_ns = ns;
	*ret_name = name;
	return true;
}
