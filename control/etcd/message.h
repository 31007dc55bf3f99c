/* control/etcd/message.h - etcd's requests, decoded. Spans are borrowed from the bytes, structs
 * live in the arena. Pure. Sizes, counts and depth are bounded here; what the API refuses is
 * check.h's. */
#ifndef RK_CONTROL_ETCD_MESSAGE_H
#define RK_CONTROL_ETCD_MESSAGE_H

#include "base/arena.h"
#include "base/err.h"
#include "control/etcd/keys.h"

#define RK_ETCD_REQUEST_MAX (1536u * 1024) /* bytes */
#define RK_ETCD_DEPTH_MAX   8              /* transactions within transactions */
#define RK_ETCD_OPS_MAX     128            /* of one list of a transaction */
#define RK_ETCD_ALL_OPS_MAX 4096           /* in all its branches */

enum rk_etcd_order { RK_ETCD_UNSORTED, RK_ETCD_ASCEND, RK_ETCD_DESCEND };
enum rk_etcd_target { /* what a range is sorted by */
		      RK_ETCD_BY_KEY,
		      RK_ETCD_BY_VERSION,
		      RK_ETCD_BY_CREATE,
		      RK_ETCD_BY_MOD,
		      RK_ETCD_BY_VALUE,
};

struct rk_etcd_range_request {
	struct rk_etcd_range range;
	int64_t limit, revision, order, target;
	bool serializable, keys_only, count_only;
	int64_t min_mod, max_mod, min_create, max_create;
};

struct rk_etcd_put_request {
	struct rk_span key, value;
	int64_t lease;
	bool prev_kv, ignore_value, ignore_lease;
};

struct rk_etcd_delete_request {
	struct rk_etcd_range range;
	bool prev_kv;
};

enum rk_etcd_result { RK_ETCD_EQUAL, RK_ETCD_GREATER, RK_ETCD_LESS, RK_ETCD_NOT_EQUAL };
enum rk_etcd_compare_target {
	RK_ETCD_OF_VERSION,
	RK_ETCD_OF_CREATE,
	RK_ETCD_OF_MOD,
	RK_ETCD_OF_VALUE,
	RK_ETCD_OF_LEASE,
};
struct rk_etcd_compare {
	struct rk_etcd_range range;
	int64_t result, target;
	int64_t version, create, mod, lease; /* the one of the target matters */
	struct rk_span value;
	struct rk_etcd_compare *next;
};

enum rk_etcd_op_kind { RK_ETCD_RANGE = 1, RK_ETCD_PUT, RK_ETCD_DELETE, RK_ETCD_TXN };
struct rk_etcd_txn;
struct rk_etcd_op {
	enum rk_etcd_op_kind kind; /* 0: the client set none of them */
	struct rk_etcd_range_request range;
	struct rk_etcd_put_request put;
	struct rk_etcd_delete_request delete_range;
	struct rk_etcd_txn *txn;
	struct rk_etcd_op *next;
};
struct rk_etcd_txn {
	struct rk_etcd_compare *compares;
	struct rk_etcd_op *success, *failure;
	size_t compare_count, success_count, failure_count;
};

/* RK_EINVAL: malformed; RK_ETOOBIG: more or deeper than the limits above. */
RK_MUST_CHECK int rk_etcd_read_range(struct rk_span bytes, struct rk_etcd_range_request *ret);
RK_MUST_CHECK int rk_etcd_read_put(struct rk_span bytes, struct rk_etcd_put_request *ret);
RK_MUST_CHECK int rk_etcd_read_delete(struct rk_span bytes, struct rk_etcd_delete_request *ret);
RK_MUST_CHECK int rk_etcd_read_txn(struct rk_arena *arena, struct rk_span bytes,
				   struct rk_etcd_txn *ret);

struct rk_etcd_numbers { /* of the small requests: fields 1 and 2, when they are numbers */
	int64_t first, second;
};
RK_MUST_CHECK int rk_etcd_read_numbers(struct rk_span bytes, struct rk_etcd_numbers *ret);

struct rk_etcd_watch_request {
	enum {
		RK_ETCD_WATCH_NONE,
		RK_ETCD_WATCH_CREATE,
		RK_ETCD_WATCH_CANCEL,
		RK_ETCD_WATCH_PROGRESS
	} kind;
	struct rk_etcd_range range;
	int64_t start, id;
	bool progress, prev_kv, fragment, no_put, no_delete;
};
RK_MUST_CHECK int rk_etcd_read_watch(struct rk_span bytes, struct rk_etcd_watch_request *ret);

#endif
