/* control/etcd/keys.h - etcd's keyspace in the store: where things are, and how each moment of it
 * is read. Pure; reads work on any root, so apply and the serving threads share them.
 *
 *   'e' key                          -> the current KeyValue, in protobuf as it is answered
 *   'v' enc(key) be64(~mod)          -> a KeyValue that was replaced; no value: a deletion at `mod`
 *   'w' be64(revision) be32(sub)     -> the key that changed then
 *   'l' '0' be64(id)                 -> a lease: its seconds, and when it ends
 *   'l' '1' be64(id) key             -> a key that is attached to it
 *   'm' "etcd/compact"               the item's revision: what was compacted
 *   'm' "etcd/removed"               the item's revision: how far the compaction has removed
 *   'm' "etcd/member/" be64(id)      -> name, client URLs: what a member tells of itself
 *   'm' "etcd/auth"                  the item's revision: auth's own revision; -> whether it is on
 *   'm' "etcd/user/" name            -> a user (auth.h)
 *   'm' "etcd/role/" name            -> a role
 *   'm' "etcd/token/" sha256         -> whose token that is the hash of, and until when
 *
 * enc() keeps the order of keys and ends them: a zero byte is written 00 FF, the end 00 00. The
 * newest version of a key comes first. All of it shares the revision counter with Kubernetes'
 * objects; what one transaction changes has one revision. */
#ifndef RK_CONTROL_ETCD_KEYS_H
#define RK_CONTROL_ETCD_KEYS_H

#include "base/buf.h"
#include "store/tree.h"

#define RK_ETCD_KEY_MAX (1536u * 1024) /* bytes: as large as a request */

struct rk_etcd_kv { /* borrowed from its encoding */
	struct rk_span key, value;
	int64_t created, modified, version, lease;
	struct rk_span encoded; /* mvccpb.KeyValue */
};

/* Stops the process for bytes that are not ours. */
struct rk_etcd_kv rk_etcd_kv_read(struct rk_span encoded);
void rk_etcd_kv_write(struct rk_buf *out, const struct rk_etcd_kv *kv);

/* Keys as a request names them: [key, end); an empty end: one key; an end of one zero byte: all
 * from key on. */
struct rk_etcd_range {
	struct rk_span key, end;
};
bool rk_etcd_range_has(const struct rk_etcd_range *range, struct rk_span key);
bool rk_etcd_range_is_one(const struct rk_etcd_range *range);

/* Appends the store's keys. */
void rk_etcd_key_now(struct rk_buf *out, struct rk_span key);
void rk_etcd_key_version(struct rk_buf *out, struct rk_span key, uint64_t revision);
void rk_etcd_key_event(struct rk_buf *out, uint64_t revision, uint32_t sub);
void rk_etcd_key_lease(struct rk_buf *out, int64_t id);
void rk_etcd_key_attached(struct rk_buf *out, int64_t id, struct rk_span key);
#define RK_ETCD_COMPACT RK_SPAN("metcd/compact")
#define RK_ETCD_REMOVED RK_SPAN("metcd/removed")
#define RK_ETCD_MEMBER  RK_SPAN("metcd/member/")
#define RK_ETCD_AUTH    RK_SPAN("metcd/auth")
#define RK_ETCD_USERS   RK_SPAN("metcd/user/")
#define RK_ETCD_ROLES   RK_SPAN("metcd/role/")
#define RK_ETCD_TOKENS  RK_SPAN("metcd/token/")

uint64_t rk_etcd_be64(const uint8_t *bytes);
void rk_etcd_put_be64(struct rk_buf *out, uint64_t value);
/* The number kept as an item's revision; 0 when it is not there. */
uint64_t rk_etcd_mark(const struct rk_node *root, struct rk_span key);

/* The key as it was at `revision` (at most the present one). False: it was not there. Borrowed from
 * the root. */
bool rk_etcd_get(const struct rk_node *root, struct rk_span key, uint64_t revision,
		 struct rk_etcd_kv *ret);

/* All keys of a range at a revision, in order. Done frees; the root must not change meanwhile. */
struct rk_etcd_scan {
	const struct rk_node *root;
	struct rk_etcd_range range;
	uint64_t revision;
	bool is_old; /* versions matter, not only the current values */
	struct rk_tree_iter now;
	const struct rk_item *next;         /* of the current values */
	struct rk_buf old_key, seek, found; /* the next key that has old versions */
	bool has_old;
};
void rk_etcd_scan_begin(struct rk_etcd_scan *scan, const struct rk_node *root,
			const struct rk_etcd_range *range, uint64_t revision, uint64_t now);
/* False at the end. *ret is borrowed from the root. */
bool rk_etcd_scan_next(struct rk_etcd_scan *scan, struct rk_etcd_kv *ret);
void rk_etcd_scan_done(struct rk_etcd_scan *scan);

/* What changed, in order of revision, from `revision` on. */
struct rk_etcd_event {
	uint64_t revision;
	bool is_delete;
	struct rk_span key;
	struct rk_etcd_kv kv; /* of a put */
};
struct rk_etcd_events {
	const struct rk_node *root;
	struct rk_tree_iter iter;
};
void rk_etcd_events_begin(struct rk_etcd_events *events, const struct rk_node *root,
			  uint64_t revision);
bool rk_etcd_events_next(struct rk_etcd_events *events, struct rk_etcd_event *ret);

#endif
