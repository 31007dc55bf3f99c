/* sim/model.h - etcd's key space as simply as it can be said: for each key all its versions. Pure.
 *
 * Written apart from the product's store and sharing nothing with it: it is what the product is
 * compared with. */
#ifndef RK_SIM_MODEL_H
#define RK_SIM_MODEL_H

#include "base/hash.h"
#include "sim/history.h"

struct rk_model_version {
	struct rk_hist_kv kv; /* a deletion has version 0 and only key and modified */
	uint32_t sub;         /* place within its revision */
};

struct rk_model_key {
	struct rk_span key;
	size_t count, capacity;
	struct rk_model_version *versions; /* ascending */
};

struct rk_model {         /* all zero is an empty one. Keys and values are borrowed */
	int64_t revision; /* of the last change */
	size_t count, capacity;
	struct rk_model_key *keys; /* ascending */
	size_t done_count, done_capacity;
	struct rk_span *done; /* keys whose versions were added, in order: the way back */
};

void rk_model_done(struct rk_model *model);

/* The key as it was after `revision`; NULL: it was not there. */
const struct rk_hist_kv *rk_model_get(const struct rk_model *model, struct rk_span key,
				      int64_t revision);
/* Where the first key at or behind `key` is. */
size_t rk_model_seek(const struct rk_model *model, struct rk_span key);

/* Carries the request out; what it changes has `revision`, which must be higher than any before.
 * *ret is the answer that it must have, its arrays in the arena; its header has `revision` when
 * something changed. True: something did. */
bool rk_model_run(struct rk_model *model, struct rk_arena *arena,
		  const struct rk_hist_request *request, int64_t revision,
		  struct rk_hist_answer *ret);
/* Takes back everything behind the mark. */
struct rk_model_mark {
	int64_t revision;
	size_t done;
};
struct rk_model_mark rk_model_mark(const struct rk_model *model);
void rk_model_undo(struct rk_model *model, struct rk_model_mark mark);

/* Over what is there now: keys, values, versions, leases, and not the revisions. */
uint64_t rk_model_hash(const struct rk_model *model);

#endif
