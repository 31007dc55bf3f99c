/* store/view.h - one moment of the store, held: immutable, readable from any thread, never blocks apply.
 *
 * Objects are keyed (kind, namespace, name). `kind` is the resource with its group, "pods" or
 * "deployments.apps"; the namespace of a cluster-scoped object is empty. Order is by bytes. */
#ifndef RK_STORE_VIEW_H
#define RK_STORE_VIEW_H

#include "base/blob.h"
#include "base/hash.h"

struct rk_view;

struct rk_view *rk_view_ref(struct rk_view *view);   /* takes NULL */
struct rk_view *rk_view_unref(struct rk_view *view); /* takes NULL, returns NULL; the last one frees */

uint64_t rk_view_index(const struct rk_view *view);    /* the log entry after which this is */
uint64_t rk_view_revision(const struct rk_view *view); /* the newest resourceVersion in it */
int64_t rk_view_time_ms(const struct rk_view *view);   /* the time of that entry */
struct rk_hash128 rk_view_hash(const struct rk_view *view);

/* The whole tree of the moment, for the ways of reading in store/tree.h; borrowed from the view. */
struct rk_node;
const struct rk_node *rk_view_root(const struct rk_view *view);

struct rk_object { /* borrowed from the view */
	struct rk_span kind, ns, name;
	uint64_t revision;   /* of the last change: metadata.resourceVersion */
	struct rk_blob *doc; /* the whole object, msgpack, resourceVersion included */
};

/* False, and *ret untouched, when there is no such object. */
bool rk_view_get(const struct rk_view *view, struct rk_span kind, struct rk_span ns, struct rk_span name,
		 struct rk_object *ret);

struct rk_view_iter { /* as big as the tree is deep; no allocation */
	const struct rk_view *view;
	struct rk_span prefix;
	uint8_t prefix_bytes[320];
	struct {
		const void *node;
		unsigned at;
	} path[16];
	int depth;
};

/* Iterates over the objects of a kind, of one namespace when ns.size > 0 (data NULL = all), in key order,
 * beginning after (after_ns, after_name) when after_name.size > 0. */
void rk_view_list(struct rk_view_iter *iter, const struct rk_view *view, struct rk_span kind,
		  struct rk_span ns, struct rk_span after_ns, struct rk_span after_name);
bool rk_view_next(struct rk_view_iter *iter, struct rk_object *ret);

#endif
