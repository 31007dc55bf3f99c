/* store/store.h - the state of the machine: one tree of keys, one revision counter, one running hash.
 *
 * Everything that decides later results is a key here: objects, queues, timers, allocations. The first byte of a
 * key says what it is (enum rk_space). Keys of RK_SPACE_INDEX are derived from the others: they are neither
 * hashed nor written to snapshots, and whoever restores a store makes them again. */
#ifndef RK_STORE_STORE_H
#define RK_STORE_STORE_H

#include "base/buf.h"
#include "base/err.h"
#include "store/tree.h"
#include "store/view.h"

enum rk_space {
	RK_SPACE_ALLOCATION = 'a', /* addresses and ranges in use */
	RK_SPACE_DONE = 'd',       /* proposals applied already: exactly once */
	RK_SPACE_ETCD = 'e',       /* etcd's keyspace: the current values (control/etcd/keys.h) */
	RK_SPACE_INDEX = 'i',      /* derived */
	RK_SPACE_LEASE = 'l',      /* etcd's leases */
	RK_SPACE_META = 'm',       /* cluster id, machine version, counters */
	RK_SPACE_OBJECT = 'o',     /* kind NUL namespace NUL name */
	RK_SPACE_QUEUE = 'q',      /* controllers' work in order */
	RK_SPACE_TIMER = 't',      /* work that falls due */
	RK_SPACE_VERSION = 'v',    /* values of etcd's keyspace that were replaced */
	RK_SPACE_EVENT = 'w',      /* what changed in etcd's keyspace, by revision */
};

struct rk_store;

struct rk_store *rk_store_new(void) __attribute__((returns_nonnull));
struct rk_store *rk_store_free(struct rk_store *store); /* takes NULL, returns NULL */

/* The value's share goes to the store. A borrowed item stays valid until the next change. */
void rk_store_put(struct rk_store *store, struct rk_span key, struct rk_blob *value, uint64_t revision);
bool rk_store_remove(struct rk_store *store, struct rk_span key); /* false when it was not there */
const struct rk_item *rk_store_get(const struct rk_store *store, struct rk_span key);
/* Iterate: the items whose key starts with the iterator's bytes; do not change the store meanwhile. */
void rk_store_seek(const struct rk_store *store, struct rk_tree_iter *iter, struct rk_span key);

/* The tree as it is, for the ways of reading in store/tree.h; borrowed until the next change. */
const struct rk_node *rk_store_root(const struct rk_store *store);

uint64_t rk_store_revision(const struct rk_store *store);
uint64_t rk_store_next_revision(struct rk_store *store); /* counts up and returns the new one */
uint64_t rk_store_index(const struct rk_store *store);
int64_t rk_store_time_ms(const struct rk_store *store);
/* For a state that begins anew where an older one may have gone on unseen: revisions up to `revision` are as if they
 * had been used. */
void rk_store_skip_revisions(struct rk_store *store, uint64_t revision);
/* After an entry is applied: where the state stands. Index and time never go back. */
void rk_store_advance(struct rk_store *store, uint64_t index, int64_t time_ms);
/* Over every key that is not derived, the revision counter, index and time. */
struct rk_hash128 rk_store_hash(const struct rk_store *store);

/* The moment as it is now, held; O(1). The caller owns one share. */
struct rk_view *rk_store_view(const struct rk_store *store) __attribute__((returns_nonnull));
/* All-or-nothing: one mark at a time, and the way back to it (index and time are not marked). What is replaced behind
 * a mark is kept until then; held roots would make every change copy its path. */
struct rk_mark {
	uint64_t revision;
	struct rk_hash128 sum;
};
struct rk_mark rk_store_mark(struct rk_store *store); /* no view may be taken behind it */
void rk_store_keep(struct rk_store *store);                             /* what was done stays */
void rk_store_undo(struct rk_store *store, const struct rk_mark *mark); /* what was done never was */

/* The bytes of a snapshot of `view` in pieces. One piece is `piece_bytes` or a little more; *ret_done when it was
 * the last. Any thread may do it; begin with a zeroed struct. */
struct rk_store_dump {
	bool began;
	struct rk_tree_iter iter;
};
void rk_store_dump_next(struct rk_store_dump *dump, const struct rk_view *view, size_t piece_bytes,
			struct rk_buf *out, bool *ret_done);

/* The way back: feed the same bytes in pieces of any size, then finish. RK_ECORRUPT when the bytes are not a
 * snapshot or the hash at their end is not that of what was read. */
struct rk_store_load;
struct rk_store_load *rk_store_load_new(void) __attribute__((returns_nonnull));
RK_MUST_CHECK int rk_store_load_feed(struct rk_store_load *load, struct rk_span bytes);
void rk_store_load_padded(struct rk_store_load *load); /* zeros behind the end are no fault */
RK_MUST_CHECK int rk_store_load_finish(struct rk_store_load *load, struct rk_store **ret);
struct rk_store_load *rk_store_load_free(struct rk_store_load *load);

/* Appends the key of an object, without the leading space byte: kind NUL ns NUL name. */
void rk_object_key(struct rk_buf *out, struct rk_span kind, struct rk_span ns, struct rk_span name);
/* Takes such a key apart; false when it is not one. */
bool rk_object_key_split(struct rk_span key, struct rk_span *ret_kind, struct rk_span *ret_ns,
			 struct rk_span *ret_name);

#endif
