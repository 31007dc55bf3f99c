#include "store/view.h"

#include <stdlib.h>

#include "base/mem.h"
#include "store/internal.h"

struct rk_view *rk_view_ref(struct rk_view *view)
{
	if (view != NULL)
		atomic_fetch_add_explicit(&view->refs, 1, memory_order_relaxed);
	return view;
}

struct rk_view *rk_view_unref(struct rk_view *view)
{
	if (view != NULL && atomic_fetch_sub_explicit(&view->refs, 1, memory_order_acq_rel) == 1) {
		rk_moments_let_go(&view->held);
		free(view);
	}
	return NULL;
}

uint64_t rk_view_index(const struct rk_view *view) { return view->moment.index; }
uint64_t rk_view_revision(const struct rk_view *view) { return view->moment.revision; }
int64_t rk_view_time_ms(const struct rk_view *view) { return view->moment.time_ms; }
struct rk_hash128 rk_view_hash(const struct rk_view *view) { return rk_moment_hash(&view->moment); }

const struct rk_node *rk_view_root(const struct rk_view *view) { return view->moment.root; }

static void object_of(const struct rk_item *item, struct rk_object *ret)
{
	const bool is_object = rk_object_key_split(rk_span_sub(rk_item_key(item), 1, item->key_size),
						   &ret->kind, &ret->ns, &ret->name);

	rk_assert(is_object);
	ret->revision = item->revision;
	ret->doc = item->value;
}

bool rk_view_get(const struct rk_view *view, struct rk_span kind, struct rk_span ns, struct rk_span name,
		 struct rk_object *ret)
{
	struct rk_buf key = { 0 };

	rk_buf_put_u8(&key, RK_SPACE_OBJECT);
	rk_object_key(&key, kind, ns, name);
	const struct rk_item *item = rk_tree_get(view->moment.root, rk_buf_span(&key));
	rk_buf_done(&key);
	if (item == NULL)
		return false;
	object_of(item, ret);
	return true;
}

void rk_view_list(struct rk_view_iter *iter, const struct rk_view *view, struct rk_span kind,
		  struct rk_span ns, struct rk_span after_ns, struct rk_span after_name)
{
	struct rk_buf key = { 0 };
	struct rk_tree_iter tree;

	rk_buf_put_u8(&key, RK_SPACE_OBJECT);
	rk_buf_put_span(&key, kind);
	rk_buf_put_u8(&key, 0);
	if (ns.size > 0) {
		rk_buf_put_span(&key, ns);
		rk_buf_put_u8(&key, 0);
	}
	iter->view = view;
	if (key.size > sizeof iter->prefix_bytes) { /* no stored name is that long */
		iter->depth = 0;
		rk_buf_done(&key);
		return;
	}
	memcpy(iter->prefix_bytes, key.data, key.size);
	iter->prefix = rk_span_of(iter->prefix_bytes, key.size);
	if (after_name.size > 0) {
		rk_buf_clear(&key);
		rk_buf_put_u8(&key, RK_SPACE_OBJECT);
		rk_object_key(&key, kind, after_ns, after_name);
		rk_buf_put_u8(&key, 0); /* the first key that could come after it */
	}
	rk_tree_seek(&tree, view->moment.root, rk_buf_span(&key));
	rk_buf_done(&key);
	iter->depth = tree.depth;
	for (int i = 0; i < tree.depth; i++) {
		iter->path[i].node = tree.path[i].node;
		iter->path[i].at = tree.path[i].at;
	}
}

bool rk_view_next(struct rk_view_iter *iter, struct rk_object *ret)
{
	struct rk_tree_iter tree = { .depth = iter->depth };

	for (int i = 0; i < iter->depth; i++) {
		tree.path[i].node = iter->path[i].node;
		tree.path[i].at = iter->path[i].at;
	}
	const struct rk_item *item = rk_tree_next(&tree);
	iter->depth = tree.depth;
	for (int i = 0; i < tree.depth; i++) {
		iter->path[i].node = tree.path[i].node;
		iter->path[i].at = tree.path[i].at;
	}
	if (item == NULL || !rk_span_starts(rk_item_key(item), rk_span_of(iter->prefix_bytes, iter->prefix.size))) {
		iter->depth = 0;
		return false;
	}
	object_of(item, ret);
	return true;
}
