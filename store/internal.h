/* store/internal.h - what store.c, view.c and dump.c share. */
#ifndef RK_STORE_INTERNAL_H
#define RK_STORE_INTERNAL_H

#include "store/moments.h"
#include "store/store.h"

struct rk_moment {
	struct rk_node *root;
	uint64_t revision;
	uint64_t index;
	int64_t time_ms;
	struct rk_hash128 sum; /* of the hashes of every item that counts */
};

struct rk_undo { /* one change behind a mark; either may be NULL */
	struct rk_item *before, *after;
};

struct rk_store {
	struct rk_tree tree;
	struct rk_moment now; /* its root is the tree's */
	bool is_marked;
	struct rk_undo *undo; /* in the order of the changes */
	size_t undo_count, undo_capacity;
};

struct rk_view {
	atomic_uint refs;
	struct rk_moment moment;
	struct rk_held held;
};

static inline bool rk_key_is_state(struct rk_span key)
{
	return key.size > 0 && key.data[0] != RK_SPACE_INDEX;
}

struct rk_hash128 rk_moment_hash(const struct rk_moment *moment);

#endif
