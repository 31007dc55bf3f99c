/* sim/history.h - what clients did and saw: operations of etcd's API with their answers, and
 * watches. Pure.
 *
 * A history is recorded by whoever drives a cluster, simulated or real, and judged by
 * check_linear.h, check_wgl.h and check_watch.h. It knows nothing of how the answers came about.
 * Times are any clock that never goes back and that all clients share. Everything lives in the
 * history's arena. */
#ifndef RK_SIM_HISTORY_H
#define RK_SIM_HISTORY_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#define RK_HIST_NEVER   INT64_MAX /* as returned_at: no answer came */
#define RK_HIST_NOWHERE (-1)      /* as the revision where it happened */

struct rk_hist_range { /* [key, end); no end: one key; an end of one zero byte: all from key on */
	struct rk_span key, end;
};
bool rk_hist_range_has(const struct rk_hist_range *range, struct rk_span key);

struct rk_hist_kv {
	struct rk_span key, value;
	int64_t created, modified, version, lease; /* revisions; version counts from 1 */
};

enum rk_hist_kind {
	RK_HIST_PUT,
	RK_HIST_DELETE,
	RK_HIST_RANGE,
	RK_HIST_TXN,
	RK_HIST_COMPACT,
	RK_HIST_LEASE_END, /* nobody's request: a lease ran out or was revoked, and took its keys
			      along */
};
const char *rk_hist_kind_name(enum rk_hist_kind kind);

enum rk_hist_target {
	RK_HIST_VALUE,
	RK_HIST_VERSION,
	RK_HIST_CREATED,
	RK_HIST_MODIFIED,
	RK_HIST_LEASE,
};
enum rk_hist_relation { RK_HIST_EQUAL, RK_HIST_GREATER, RK_HIST_LESS, RK_HIST_NOT_EQUAL };

struct rk_hist_compare { /* of a key that is not there all numbers are 0, and no value compares */
	struct rk_span key;
	enum rk_hist_target target;
	enum rk_hist_relation relation;
	int64_t number;
	struct rk_span value;
};

struct rk_hist_request {
	enum rk_hist_kind kind;
	struct rk_hist_range range;    /* PUT: the key */
	struct rk_span value;          /* PUT */
	int64_t lease;                 /* PUT: 0 none; LEASE_END */
	bool prev_kv;                  /* PUT, DELETE: the answer has what was there before */
	int64_t revision;              /* RANGE: 0 the newest; COMPACT */
	int64_t limit;                 /* RANGE: 0 none */
	bool count_only, serializable; /* RANGE */
	size_t compare_count, then_count, else_count; /* TXN */
	const struct rk_hist_compare *compares;
	const struct rk_hist_request *then_ops, *else_ops; /* no TXN among them */
};

enum rk_hist_code {
	RK_HIST_OK,
	RK_HIST_REFUSED, /* it did not happen, for a reason that is not judged here */
	RK_HIST_COMPACTED,
	RK_HIST_FUTURE, /* a revision that is not there yet */
};

struct rk_hist_answer {
	enum rk_hist_code code;
	int64_t revision; /* of the header */
	bool succeeded;   /* TXN */
	int64_t count;    /* RANGE: of all keys in the range; DELETE: that were deleted */
	size_t kv_count;  /* RANGE: what is there; PUT, DELETE with prev_kv: what was there */
	const struct rk_hist_kv *kvs;
	size_t part_count; /* TXN: an answer for each operation of the branch */
	const struct rk_hist_answer *parts;
};

struct rk_hist_op {
	int64_t client;
	int64_t invoked_at, returned_at;
	struct rk_hist_request request;
	/* When it returned. Without: `revision` is where it happened all the same, RK_HIST_NOWHERE, or 0, not known. */
	struct rk_hist_answer answer;
};

struct rk_hist_event {
	bool is_delete;
	struct rk_hist_kv kv; /* of a delete: key and modified only */
	bool has_prev;
	struct rk_hist_kv prev;
};

struct rk_hist_response {
	int64_t at;
	int64_t revision;  /* of the header */
	bool is_created;   /* the first one; no events */
	bool is_progress;  /* everything up to `revision` was sent; no events */
	bool is_cancel;    /* the watch is over... */
	int64_t compacted; /* ... as what it asks for is compacted up to here; 0: for another reason
			    */
	bool is_fragment;  /* more of the same revision follows */
	size_t count;
	const struct rk_hist_event *events;
};

struct rk_hist_watch { /* one watcher, from its creation to its end */
	int64_t client;
	int64_t from; /* revision; 0: from now on */
	struct rk_hist_range range;
	bool no_put, no_delete, prev_kv;
	size_t count, capacity;
	struct rk_hist_response
		*responses; /* in the order in which they came; the array is the heap's */
};

struct rk_history {
	struct rk_arena arena;
	size_t op_count, op_capacity;
	struct rk_hist_op *ops; /* any order */
	size_t watch_count, watch_capacity;
	struct rk_hist_watch *watches;
};

void rk_history_done(struct rk_history *history);
/* The new one, which the caller fills; it moves with the next one. */
struct rk_hist_op *rk_history_op(struct rk_history *history);
struct rk_hist_watch *rk_history_watch(struct rk_history *history);
struct rk_hist_response *rk_history_response(struct rk_hist_watch *watch);

/* What a check found: a line for each, "CHECK: what". */
struct rk_findings {
	unsigned count;
	struct rk_buf text;
};
void rk_findings_done(struct rk_findings *findings);
void rk_finding(struct rk_findings *findings, const char *check, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* "op 12 (client 3, put \"k\")" */
void rk_hist_op_text(struct rk_buf *out, const struct rk_history *history, size_t op);
/* "k=v created 2 modified 5 version 2" */
void rk_hist_kv_text(struct rk_buf *out, const struct rk_hist_kv *kv);
bool rk_hist_kv_eq(const struct rk_hist_kv *a, const struct rk_hist_kv *b);

#endif
