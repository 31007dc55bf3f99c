#include "store/tree.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"

#define ORDER 32u /* items of a leaf, children of an inner node */
#define AHEAD 4u /* items whose values are fetched while an earlier one is looked at */
#define FEW 8u    /* below this a node is joined with its neighbour when both fit in one */

struct rk_node {
	atomic_uint refs;
	uint16_t count;
	bool is_leaf;
	union {
		struct rk_item *items[ORDER];
		struct {
			struct rk_node *children[ORDER];
			/* keys[i] is <= every key below children[i] and > every key below children[i - 1];
			 * keys[0] is not used. */
			struct rk_blob *keys[ORDER];
		};
	};
};

static struct rk_node *node_new(bool is_leaf)
{
	const size_t leaf_size = offsetof(struct rk_node, items) + sizeof(struct rk_item *[ORDER]);
	struct rk_node *node = rk_alloc(is_leaf ? leaf_size : sizeof *node);

	atomic_init(&node->refs, 1);
	node->count = 0;
	node->is_leaf = is_leaf;
	return node;
}

struct rk_node *rk_tree_ref(struct rk_node *root)
{
	if (root != NULL)
		atomic_fetch_add_explicit(&root->refs, 1, memory_order_relaxed);
	return root;
}

struct rk_node *rk_tree_unref(struct rk_node *root)
{
	if (root == NULL || atomic_fetch_sub_explicit(&root->refs, 1, memory_order_acq_rel) != 1)
		return NULL;
	for (uint32_t i = 0; i < root->count; i++) {
		if (root->is_leaf) {
			(void)rk_item_unref(root->items[i]);
		} else {
			(void)rk_tree_unref(root->children[i]);
			if (i > 0)
				(void)rk_blob_unref(root->keys[i]);
		}
	}
	free(root);
	return NULL;
}

static bool is_mine(const struct rk_node *node)
{
	return atomic_load_explicit(&node->refs, memory_order_acquire) == 1;
}

/* A node that only the caller owns, in place of `node`, whose share it takes. */
static struct rk_node *own(struct rk_node *node)
{
	if (is_mine(node))
		return node;
	struct rk_node *copy = node_new(node->is_leaf);
	copy->count = node->count;
	for (uint32_t i = 0; i < node->count; i++) {
		if (node->is_leaf) {
			copy->items[i] = rk_item_ref(node->items[i]);
		} else {
			copy->children[i] = rk_tree_ref(node->children[i]);
			copy->keys[i] = i > 0 ? rk_blob_ref(node->keys[i]) : NULL;
		}
	}
	(void)rk_tree_unref(node);
	return copy;
}

/* The first place whose item is >= key. */
static uint32_t leaf_place(const struct rk_node *leaf, struct rk_span key)
{
	uint32_t low = 0, high = leaf->count;

	while (low < high) {
		const uint32_t middle = (low + high) / 2;
		if (rk_span_cmp(rk_item_key(leaf->items[middle]), key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The child that covers the key. */
static uint32_t child_place(const struct rk_node *inner, struct rk_span key)
{
	uint32_t low = 1, high = inner->count;

	while (low < high) {
		const uint32_t middle = (low + high) / 2;
		if (rk_span_cmp(rk_blob_span(inner->keys[middle]), key) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low - 1;
}

static bool leaf_has(const struct rk_node *leaf, uint32_t at, struct rk_span key)
{
	return at < leaf->count && rk_span_eq(rk_item_key(leaf->items[at]), key);
}

/* Moves everything from place `from` of a full node to a new right neighbour. *ret_key separates the two. */
static struct rk_node *split(struct rk_node *node, uint32_t from, struct rk_blob **ret_key)
{
	struct rk_node *right = node_new(node->is_leaf);

	right->count = (uint16_t)(node->count - from);
	if (node->is_leaf) {
		memcpy(right->items, node->items + from, right->count * sizeof right->items[0]);
		*ret_key = rk_blob_copy(rk_item_key(right->items[0]));
	} else {
		memcpy(right->children, node->children + from, right->count * sizeof right->children[0]);
		memcpy(right->keys, node->keys + from, right->count * sizeof right->keys[0]);
		*ret_key = right->keys[0];
		right->keys[0] = NULL;
	}
	node->count = (uint16_t)from;
	return right;
}

/* Keys that only grow fill their nodes: a full last node is split at its end. */
static uint32_t split_at(uint32_t place)
{
	return place >= ORDER ? ORDER - 1 : ORDER / 2;
}

static void inner_insert(struct rk_node *inner, uint32_t at, struct rk_node *child, struct rk_blob *key)
{
	rk_assert(inner->count < ORDER && at > 0);
	memmove(inner->children + at + 1, inner->children + at, (inner->count - at) * sizeof inner->children[0]);
	memmove(inner->keys + at + 1, inner->keys + at, (inner->count - at) * sizeof inner->keys[0]);
	inner->children[at] = child;
	inner->keys[at] = key;
	inner->count++;
}

struct grown { /* a right neighbour that a put made, or NULL */
	struct rk_node *right;
	struct rk_blob *key;
};

static struct rk_node *leaf_put(struct rk_node *leaf, struct rk_item *item, struct rk_item **ret_old,
				struct grown *grown)
{
	uint32_t at = leaf_place(leaf, rk_item_key(item));
	struct rk_node *target = leaf;

	if (leaf_has(leaf, at, rk_item_key(item))) {
		*ret_old = leaf->items[at];
		leaf->items[at] = item;
		return leaf;
	}
	if (leaf->count == ORDER) {
		grown->right = split(leaf, split_at(at), &grown->key);
		if (at > leaf->count || (at == leaf->count && leaf->count == ORDER - 1)) {
			at -= leaf->count;
			target = grown->right;
		}
		if (target == grown->right && at == 0) { /* the separator must not be above its first key */
			(void)rk_blob_unref(grown->key);
			grown->key = rk_blob_copy(rk_item_key(item));
		}
	}
	memmove(target->items + at + 1, target->items + at, (target->count - at) * sizeof target->items[0]);
	target->items[at] = item;
	target->count++;
	return leaf;
}

static struct rk_node *node_put(struct rk_node *node, struct rk_item *item, struct rk_item **ret_old,
				struct grown *grown)
{
	struct grown below = { 0 };

	node = own(node);
	if (node->is_leaf)
		return leaf_put(node, item, ret_old, grown);
	uint32_t at = child_place(node, rk_item_key(item));
	node->children[at] = node_put(node->children[at], item, ret_old, &below);
	if (below.right == NULL)
		return node;
	at++;
	struct rk_node *target = node;
	if (node->count == ORDER) {
		grown->right = split(node, split_at(at), &grown->key);
		if (at > node->count) {
			at -= node->count;
			target = grown->right;
		}
	}
	inner_insert(target, at, below.right, below.key);
	return node;
}

struct rk_node *rk_tree_put(struct rk_node *root, struct rk_item *item, struct rk_item **ret_old)
{
	struct grown grown = { 0 };

	*ret_old = NULL;
	if (root == NULL)
		root = node_new(true);
	root = node_put(root, item, ret_old, &grown);
	if (grown.right == NULL)
		return root;
	struct rk_node *above = node_new(false);
	above->children[0] = root;
	above->keys[0] = NULL;
	above->count = 1;
	inner_insert(above, 1, grown.right, grown.key);
	return above;
}

static void inner_drop(struct rk_node *inner, uint32_t at)
{
	/* keys[0] is not used, so dropping the first child drops the key of the second. */
	const uint32_t key_at = at > 0 ? at : 1;

	if (inner->count > 1) {
		(void)rk_blob_unref(inner->keys[key_at]);
		memmove(inner->keys + key_at, inner->keys + key_at + 1,
			(inner->count - key_at - 1) * sizeof inner->keys[0]);
	}
	memmove(inner->children + at, inner->children + at + 1,
		(inner->count - at - 1) * sizeof inner->children[0]);
	inner->count--;
}

/* Moves all of child `at + 1` to the end of child `at`. */
static void join(struct rk_node *inner, uint32_t at)
{
	struct rk_node *left = own(inner->children[at]);
	struct rk_node *right = own(inner->children[at + 1]);

	if (left->is_leaf) {
		memcpy(left->items + left->count, right->items, right->count * sizeof right->items[0]);
	} else {
		right->keys[0] = rk_blob_ref(inner->keys[at + 1]);
		memcpy(left->children + left->count, right->children, right->count * sizeof right->children[0]);
		memcpy(left->keys + left->count, right->keys, right->count * sizeof right->keys[0]);
	}
	left->count = (uint16_t)(left->count + right->count);
	right->count = 0;
	inner->children[at] = left;
	(void)rk_tree_unref(right);
	inner_drop(inner, at + 1);
}

static void rebalance(struct rk_node *inner, uint32_t at)
{
	const uint32_t count = inner->children[at]->count;

	if (count == 0) {
		(void)rk_tree_unref(inner->children[at]);
		inner_drop(inner, at);
	} else if (count < FEW && at + 1 < inner->count && count + inner->children[at + 1]->count <= ORDER) {
		join(inner, at);
	} else if (count < FEW && at > 0 && count + inner->children[at - 1]->count <= ORDER) {
		join(inner, at - 1);
	}
}

/* The key is known to be there. */
static struct rk_node *node_remove(struct rk_node *node, struct rk_span key, struct rk_item **ret_old)
{
	node = own(node);
	if (node->is_leaf) {
		const uint32_t at = leaf_place(node, key);
		rk_assert(leaf_has(node, at, key));
		*ret_old = node->items[at];
		memmove(node->items + at, node->items + at + 1, (node->count - at - 1) * sizeof node->items[0]);
		node->count--;
		return node;
	}
	const uint32_t at = child_place(node, key);
	node->children[at] = node_remove(node->children[at], key, ret_old);
	rebalance(node, at);
	return node;
}

struct rk_node *rk_tree_remove(struct rk_node *root, struct rk_span key, struct rk_item **ret_old)
{
	*ret_old = NULL;
	if (rk_tree_get(root, key) == NULL)
		return root;
	root = node_remove(root, key, ret_old);
	while (root != NULL && !root->is_leaf && root->count <= 1) {
		struct rk_node *only = root->count == 1 ? rk_tree_ref(root->children[0]) : NULL;
		(void)rk_tree_unref(root);
		root = only;
	}
	if (root != NULL && root->count == 0)
		root = rk_tree_unref(root);
	return root;
}

const struct rk_item *rk_tree_get(const struct rk_node *root, struct rk_span key)
{
	const struct rk_node *node = root;

	if (node == NULL)
		return NULL;
	while (!node->is_leaf)
		node = node->children[child_place(node, key)];
	const uint32_t at = leaf_place(node, key);
	return leaf_has(node, at, key) ? node->items[at] : NULL;
}

void rk_tree_seek(struct rk_tree_iter *iter, const struct rk_node *root, struct rk_span key)
{
	const struct rk_node *node = root;

	iter->depth = 0;
	while (node != NULL) {
		rk_assert(iter->depth < RK_TREE_DEPTH_MAX);
		const uint32_t at = node->is_leaf ? leaf_place(node, key) : child_place(node, key);
		iter->path[iter->depth].node = node;
		iter->path[iter->depth++].at = at;
		node = node->is_leaf ? NULL : node->children[at];
	}
}

/* Whoever walks a leaf wants its items: they are anywhere in memory, and better fetched all at once. */
static void fetch_items(const struct rk_node *leaf)
{
	for (uint32_t i = 0; i < leaf->count; i++)
		__builtin_prefetch(leaf->items[i]);
}

const struct rk_item *rk_tree_next(struct rk_tree_iter *iter)
{
	while (iter->depth > 0) {
		const struct rk_node *node = iter->path[iter->depth - 1].node;
		const uint32_t at = iter->path[iter->depth - 1].at;
		if (node->is_leaf && at < node->count) {
			iter->path[iter->depth - 1].at++;
			if (at + AHEAD < node->count)
				__builtin_prefetch(node->items[at + AHEAD]->value);
			return node->items[at];
		}
		if (!node->is_leaf && at + 1 < node->count) {
			iter->path[iter->depth - 1].at++;
			for (node = node->children[at + 1]; node != NULL;
			     node = node->is_leaf ? NULL : node->children[0]) {
				rk_assert(iter->depth < RK_TREE_DEPTH_MAX);
				iter->path[iter->depth].node = node;
				iter->path[iter->depth++].at = 0;
			}
			fetch_items(iter->path[iter->depth - 1].node);
			continue;
		}
		iter->depth--;
	}
	return NULL;
}

static bool check(const struct rk_node *node, struct rk_span low, struct rk_span high, int depth, int *leaf_depth,
		  uint64_t *items)
{
	struct rk_span last = low;
	bool first = true;

	if (node->count == 0 || node->count > ORDER || depth >= RK_TREE_DEPTH_MAX)
		return false;
	if (node->is_leaf) {
		if (*leaf_depth < 0)
			*leaf_depth = depth;
		for (uint32_t i = 0; i < node->count; i++) {
			const struct rk_span key = rk_item_key(node->items[i]);
			const int order = last.data != NULL ? rk_span_cmp(last, key) : -1;
			if (order > 0 || (order == 0 && !first) ||
			    (high.data != NULL && rk_span_cmp(key, high) >= 0))
				return false;
			last = key;
			first = false;
		}
		*items += node->count;
		return *leaf_depth == depth;
	}
	for (uint32_t i = 0; i < node->count; i++) {
		const struct rk_span from = i > 0 ? rk_blob_span(node->keys[i]) : low;
		const struct rk_span to = i + 1u < node->count ? rk_blob_span(node->keys[i + 1]) : high;
		if (!check(node->children[i], from, to, depth + 1, leaf_depth, items))
			return false;
	}
	return true;
}

bool rk_tree_check(const struct rk_node *root, uint64_t *ret_items)
{
	const struct rk_span open = { NULL, 0 };
	int leaf_depth = -1;
	uint64_t items = 0;

	if (root != NULL && !check(root, open, open, 0, &leaf_depth, &items))
		return false;
	*ret_items = items;
	return true;
}
