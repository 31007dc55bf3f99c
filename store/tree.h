/* store/tree.h - a persistent B-tree of items in key order: a root is a moment, and holding it costs nothing.
 *
 * One writer. A node that only the writer reaches (its count of owners, and that of every node above it, is one) is
 * changed in place; any other is copied first. So a batch of changes copies each node at most once, and
 * whoever holds an older root sees nothing of it. Roots may be held, read and dropped in any thread. */
#ifndef RK_STORE_TREE_H
#define RK_STORE_TREE_H

#include "store/item.h"

struct rk_node; /* NULL is the empty tree */

#define RK_TREE_DEPTH_MAX 16

struct rk_node *rk_tree_ref(struct rk_node *root);   /* takes NULL */
struct rk_node *rk_tree_unref(struct rk_node *root); /* takes NULL, returns NULL */

/* Puts the item in (takes its share) and returns the new root, which replaces the share of the old one. *ret_old is
 * the item that had the key before, with one share, or NULL. */
struct rk_node *rk_tree_put(struct rk_node *root, struct rk_item *item, struct rk_item **ret_old)
	__attribute__((returns_nonnull));
struct rk_node *rk_tree_remove(struct rk_node *root, struct rk_span key, struct rk_item **ret_old);

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
