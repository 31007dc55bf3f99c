/* store/tree.h - a persistent B-tree of items in key order: a root is a moment, and holding it costs nothing.
 *
 * One writer. A node that was born since a moment was last held (store/moments.h) is changed in place; any other is
 * copied first. So a batch of changes copies each node at most once, and whoever holds an older moment sees nothing of
 * it. Moments may be read and let go in any thread. */
#ifndef RK_STORE_TREE_H
#define RK_STORE_TREE_H

#include "store/item.h"

struct rk_node; /* NULL is the empty tree */
struct rk_moments;

#define RK_TREE_DEPTH_MAX 16

/* What the writer keeps: the root of the present. All zero but `moments` is an empty tree. */
struct rk_tree {
	struct rk_node *root;
	struct rk_moments *moments;
};

/* Both return the item that had the key before, or NULL. It is the caller's now, to be buried (rk_tree_bury) when
 * nobody needs it but moments that are held. */
struct rk_item *rk_tree_put(struct rk_tree *tree, struct rk_item *item); /* takes the item */
struct rk_item *rk_tree_remove(struct rk_tree *tree, struct rk_span key);
void rk_tree_bury(struct rk_tree *tree, struct rk_item *item); /* takes NULL */
/* Everything below a root that nobody holds. Takes NULL. */
void rk_tree_free(struct rk_node *root);

/* Borrowed from the root; NULL when there is none. */
const struct rk_item *rk_tree_get(const struct rk_node *root, struct rk_span key);

struct rk_tree_iter { /* a place between items; valid while the root is held and not changed */
	struct {
		const struct rk_node *node;
		uint32_t at;
	} path[RK_TREE_DEPTH_MAX];
	int depth;
};

/* Before the first item whose key is >= key. */
void rk_tree_seek(struct rk_tree_iter *iter, const struct rk_node *root, struct rk_span key);
/* The next item, borrowed, or NULL at the end. */
const struct rk_item *rk_tree_next(struct rk_tree_iter *iter);

/* Checks order, fill and depth of every node; false when something is off. For tests and `reckon log verify`. */
bool rk_tree_check(const struct rk_node *root, uint64_t *ret_items);

#endif
