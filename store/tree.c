#include "store/tree.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "store/moments.h"

#define ORDER 32u /* items of a leaf, children of an inner node */
#define AHEAD 4u /* items whose values are fetched while an earlier one is looked at */
#define FEW 8u    /* below this a node is joined with its neighbour when both fit in one */

/* Keys lie anywhere in memory, and looking at one costs more than all the rest of a step. So a node has four bytes of
 * each, those behind the `skip` bytes in which all its keys agree (short ones as if zeros followed); only where
 * these are equal the keys themselves are compared. */
struct rk_node {
	uint64_t born; /* in what age */
	uint16_t count;
	bool is_leaf;
	uint32_t skip;
	uint32_t heads[ORDER];
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

static size_t node_size(bool is_leaf)
{
	return is_leaf ? offsetof(struct rk_node, items) + sizeof(struct rk_item *[ORDER])
		       : sizeof(struct rk_node);
}

static struct rk_node *node_new(const struct rk_tree *tree, bool is_leaf)
{
	struct rk_node *node = rk_alloc(node_size(is_leaf));

	node->born = tree->moments->age;
	node->count = 0;
	node->skip = 0;
	node->is_leaf = is_leaf;
	return node;
}

static void bury(struct rk_tree *tree, struct rk_node *node)
{
	rk_moments_bury(tree->moments, RK_DEAD_NODE, node, node->born);
}

static void bury_key(struct rk_tree *tree, struct rk_blob *key)
{
	if (key != NULL)
		rk_moments_bury(tree->moments, RK_DEAD_KEY, key, 0);
}

void rk_tree_bury(struct rk_tree *tree, struct rk_item *item)
{
	if (item != NULL)
		rk_moments_bury(tree->moments, RK_DEAD_ITEM, item, (uint64_t)item->born * RK_ITEM_AGES);
}

void rk_tree_free(struct rk_node *root)
{
	if (root == NULL)
		return;
	for (uint32_t i = 0; i < root->count; i++) {
		if (root->is_leaf) {
			(void)rk_item_free(root->items[i]);
		} else {
			rk_tree_free(root->children[i]);
			if (i > 0)
				(void)rk_blob_unref(root->keys[i]);
		}
	}
	free(root);
}

/* A node that no held moment sees, in place of `node`. */
static struct rk_node *own(struct rk_tree *tree, struct rk_node *node)
{
	if (node->born == tree->moments->age)
		return node;
	struct rk_node *copy = rk_memdup(node, node_size(node->is_leaf));
	copy->born = tree->moments->age;
	bury(tree, node);
	return copy;
}

/* An inner node has no first key. */
static uint32_t first_key(const struct rk_node *node) { return node->is_leaf ? 0 : 1; }

static struct rk_span key_at(const struct rk_node *node, uint32_t at)
{
	return node->is_leaf ? rk_item_key(node->items[at]) : rk_blob_span(node->keys[at]);
}

static uint32_t head_of(struct rk_span key, size_t skip)
{
	uint32_t head = 0;

	for (size_t i = skip; i < skip + 4; i++)
		head = head << 8 | (i < key.size ? key.data[i] : 0);
	return head;
}

static size_t shared(struct rk_span a, struct rk_span b)
{
	const size_t most = RK_MIN(a.size, b.size);
	size_t at = 0;

	while (at < most && a.data[at] == b.data[at])
		at++;
	return at;
}

/* Looks at all keys; the more of them agree in the longer a beginning, the more their heads tell. */
static void take_heads(struct rk_node *node)
{
	const uint32_t from = first_key(node);

	node->skip = 0;
	if (node->count > from + 1u)
		node->skip = (uint32_t)shared(key_at(node, from), key_at(node, node->count - 1u));
	for (uint32_t i = from; i < node->count; i++)
		node->heads[i] = head_of(key_at(node, i), node->skip);
}

/* The key at `at` is new: its head, or those of all when it does not begin as the others do. */
static void take_head(struct rk_node *node, uint32_t at)
{
	const uint32_t other = at > first_key(node) ? at - 1 : at + 1;
	const struct rk_span key = key_at(node, at);

	if (other >= node->count || shared(key, key_at(node, other)) < node->skip)
		take_heads(node);
	else
		node->heads[at] = head_of(key, node->skip);
}

struct path { /* a key on its way down */
	struct rk_span key;
	size_t known; /* every key of the node begins with so many bytes of it */
};

/* The keys between that of `at - 1` and that of `at` begin as those two do. */
static void learn(struct path *path, const struct rk_node *inner, uint32_t at)
{
	if (at <= 1 || at >= inner->count)
		return;
	const uint32_t differ = inner->heads[at - 1] ^ inner->heads[at];
	const size_t same = inner->skip + (differ == 0 ? 4u : (size_t)__builtin_clz(differ) / 8);
	path->known = RK_MAX(path->known, same);
}

/* The first place whose key is not before the path's; in an inner node, whose key is behind it. */
static uint32_t place(const struct path *path, const struct rk_node *node)
{
	const uint32_t head = head_of(path->key, node->skip), from = first_key(node);
	uint32_t low = from, high = node->count;

	while (low < high) {
		const uint32_t middle = (low + high) / 2;
		if (node->heads[middle] < head)
			low = middle + 1;
		else
			high = middle;
	}
	while (high < node->count && node->heads[high] == head)
		high++;
	if (node->skip > path->known) { /* it may begin in another way: then heads say nothing */
		if (low > from && rk_span_cmp(key_at(node, low - 1), path->key) >= 0)
			low = from;
		if (high < node->count && rk_span_cmp(key_at(node, high), path->key) <= 0)
			high = node->count;
	}
	while (low < high) {
		const uint32_t middle = (low + high) / 2;
		const int order = rk_span_cmp(key_at(node, middle), path->key);
		if (order < 0 || (order == 0 && !node->is_leaf))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The child that covers the key. */
static uint32_t child_place(struct path *path, const struct rk_node *inner)
{
	const uint32_t at = place(path, inner);

	learn(path, inner, at);
	return at - 1;
}

static bool leaf_has(const struct rk_node *leaf, uint32_t at, struct rk_span key)
{
	return at < leaf->count && rk_span_eq(rk_item_key(leaf->items[at]), key);
}

/* Moves everything from place `from` of a full node to a new right neighbour. *ret_key separates the two. */
static struct rk_node *split(const struct rk_tree *tree, struct rk_node *node, uint32_t from, struct rk_blob **ret_key)
{
	struct rk_node *right = node_new(tree, node->is_leaf);

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
	take_heads(node);
	take_heads(right);
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
	memmove(inner->heads + at + 1, inner->heads + at, (inner->count - at) * sizeof inner->heads[0]);
	inner->children[at] = child;
	inner->keys[at] = key;
	inner->count++;
	take_head(inner, at);
}

struct grown { /* a right neighbour that a put made, or NULL */
	struct rk_node *right;
	struct rk_blob *key;
};

static struct rk_node *leaf_put(const struct rk_tree *tree, struct rk_node *leaf, const struct path *path,
				struct rk_item *item, struct rk_item **ret_old, struct grown *grown)
{
	uint32_t at = place(path, leaf);
	struct rk_node *target = leaf;

	if (leaf_has(leaf, at, rk_item_key(item))) {
		*ret_old = leaf->items[at];
		leaf->items[at] = item;
		return leaf;
	}
	if (leaf->count == ORDER) {
		grown->right = split(tree, leaf, split_at(at), &grown->key);
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
	memmove(target->heads + at + 1, target->heads + at, (target->count - at) * sizeof target->heads[0]);
	target->items[at] = item;
	target->count++;
	take_head(target, at);
	return leaf;
}

static struct rk_node *node_put(struct rk_tree *tree, struct rk_node *node, struct path *path, struct rk_item *item,
				struct rk_item **ret_old, struct grown *grown)
{
	struct grown below = { 0 };

	node = own(tree, node);
	if (node->is_leaf)
		return leaf_put(tree, node, path, item, ret_old, grown);
	uint32_t at = child_place(path, node);
	node->children[at] = node_put(tree, node->children[at], path, item, ret_old, &below);
	if (below.right == NULL)
		return node;
	at++;
	struct rk_node *target = node;
	if (node->count == ORDER) {
		grown->right = split(tree, node, split_at(at), &grown->key);
		if (at > node->count) {
			at -= node->count;
			target = grown->right;
		}
	}
	inner_insert(target, at, below.right, below.key);
	return node;
}

struct rk_item *rk_tree_put(struct rk_tree *tree, struct rk_item *item)
{
	struct path path = { rk_item_key(item), 0 };
	struct grown grown = { 0 };
	struct rk_item *old = NULL;

	item->born = (uint32_t)(tree->moments->age / RK_ITEM_AGES);
	if (tree->root == NULL)
		tree->root = node_new(tree, true);
	tree->root = node_put(tree, tree->root, &path, item, &old, &grown);
	if (grown.right == NULL)
		return old;
	struct rk_node *above = node_new(tree, false);
	above->children[0] = tree->root;
	above->keys[0] = NULL;
	above->count = 1;
	inner_insert(above, 1, grown.right, grown.key);
	tree->root = above;
	return old;
}

/* Returns the key that goes with it, or NULL. */
static struct rk_blob *inner_drop(struct rk_node *inner, uint32_t at)
{
	/* keys[0] is not used, so dropping the first child drops the key of the second. */
	const uint32_t key_at = at > 0 ? at : 1;
	struct rk_blob *key = NULL;

	if (inner->count > 1) {
		key = inner->keys[key_at];
		memmove(inner->keys + key_at, inner->keys + key_at + 1,
			(inner->count - key_at - 1) * sizeof inner->keys[0]);
		memmove(inner->heads + key_at, inner->heads + key_at + 1,
			(inner->count - key_at - 1) * sizeof inner->heads[0]);
	}
	memmove(inner->children + at, inner->children + at + 1,
		(inner->count - at - 1) * sizeof inner->children[0]);
	inner->count--;
	return key;
}

/* Moves all of child `at + 1` to the end of child `at`. */
static void join(struct rk_tree *tree, struct rk_node *inner, uint32_t at)
{
	struct rk_node *left = own(tree, inner->children[at]), *right = inner->children[at + 1];
	struct rk_blob *key = inner_drop(inner, at + 1);

	if (left->is_leaf) {
		memcpy(left->items + left->count, right->items, right->count * sizeof right->items[0]);
		bury_key(tree, key);
	} else {
		memcpy(left->children + left->count, right->children, right->count * sizeof right->children[0]);
		memcpy(left->keys + left->count, right->keys, right->count * sizeof right->keys[0]);
		left->keys[left->count] = key;
	}
	left->count = (uint16_t)(left->count + right->count);
	take_heads(left);
	inner->children[at] = left;
	bury(tree, right);
}

static void rebalance(struct rk_tree *tree, struct rk_node *inner, uint32_t at)
{
	const uint32_t count = inner->children[at]->count;

	if (count == 0) {
		bury(tree, inner->children[at]);
		bury_key(tree, inner_drop(inner, at));
	} else if (count < FEW && at + 1 < inner->count && count + inner->children[at + 1]->count <= ORDER) {
		join(tree, inner, at);
	} else if (count < FEW && at > 0 && count + inner->children[at - 1]->count <= ORDER) {
		join(tree, inner, at - 1);
	}
}

/* The key is known to be there. */
static struct rk_node *node_remove(struct rk_tree *tree, struct rk_node *node, struct path *path,
				   struct rk_item **ret_old)
{
	node = own(tree, node);
	if (node->is_leaf) {
		const uint32_t at = place(path, node);
		rk_assert(leaf_has(node, at, path->key));
		*ret_old = node->items[at];
		memmove(node->items + at, node->items + at + 1, (node->count - at - 1) * sizeof node->items[0]);
		memmove(node->heads + at, node->heads + at + 1, (node->count - at - 1) * sizeof node->heads[0]);
		node->count--;
		return node;
	}
	const uint32_t at = child_place(path, node);
	node->children[at] = node_remove(tree, node->children[at], path, ret_old);
	rebalance(tree, node, at);
	return node;
}

struct rk_item *rk_tree_remove(struct rk_tree *tree, struct rk_span key)
{
	struct path path = { key, 0 };
	struct rk_item *old = NULL;

	if (rk_tree_get(tree->root, key) == NULL)
		return NULL;
	tree->root = node_remove(tree, tree->root, &path, &old);
	while (tree->root != NULL && !tree->root->is_leaf && tree->root->count <= 1) {
		struct rk_node *above = tree->root;
		tree->root = above->count == 1 ? above->children[0] : NULL;
		bury(tree, above);
	}
	if (tree->root != NULL && tree->root->count == 0) {
		bury(tree, tree->root);
		tree->root = NULL;
	}
	return old;
}

const struct rk_item *rk_tree_get(const struct rk_node *root, struct rk_span key)
{
	const struct rk_node *node = root;
	struct path path = { key, 0 };

	if (node == NULL)
		return NULL;
	while (!node->is_leaf)
		node = node->children[child_place(&path, node)];
	const uint32_t at = place(&path, node);
	return leaf_has(node, at, key) ? node->items[at] : NULL;
}

void rk_tree_seek(struct rk_tree_iter *iter, const struct rk_node *root, struct rk_span key)
{
	const struct rk_node *node = root;
	struct path path = { key, 0 };

	iter->depth = 0;
	while (node != NULL) {
		rk_assert(iter->depth < RK_TREE_DEPTH_MAX);
		const uint32_t at = node->is_leaf ? place(&path, node) : child_place(&path, node);
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

static bool check_heads(const struct rk_node *node)
{
	const uint32_t from = first_key(node);

	for (uint32_t i = from; i < node->count; i++)
		if (shared(key_at(node, from), key_at(node, i)) < node->skip ||
		    node->heads[i] != head_of(key_at(node, i), node->skip))
			return false;
	return true;
}

static bool check(const struct rk_node *node, struct rk_span low, struct rk_span high, int depth, int *leaf_depth,
		  uint64_t *items)
{
	struct rk_span last = low;
	bool first = true;

	if (node->count == 0 || node->count > ORDER || depth >= RK_TREE_DEPTH_MAX || !check_heads(node))
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
