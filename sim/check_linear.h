/* sim/check_linear.h - strict serializability by witness: every answer carries the revision at
 * which it says it happened, so there is one order to check and nothing to search. Pure; O(n log
 * n).
 *
 * Writes are carried out in the order of their revisions on the model, and each answer must be the
 * model's. Reads must be what the model holds at theirs. The order must agree with time: what
 * returned before another was invoked comes before it; a serializable read may be of the past, but
 * not of the future. Each revision was made by exactly one operation.
 *
 * An operation without an answer may have happened once, at any time after it was invoked, or not
 * at all. What others saw tells: a revision that somebody saw and no answer explains must be one of
 * these; and where an answer fits only if one of them happened unseen just before (at a revision
 * that is free), it did. Of those unseen the check tries two together at most, so a history of many
 * lost answers whose effects nobody saw may be called wrong: let a watcher see all keys.
 *
 * Finds "unique-revision", "real-time", "answer", "explained", "compaction", "future", "dense". */
#ifndef RK_SIM_CHECK_LINEAR_H
#define RK_SIM_CHECK_LINEAR_H

#include "sim/model.h"

struct rk_linear_opts {
	int64_t first_revision; /* of the empty store: nothing changes at it or before */
	size_t complete; /* one more than the number of a watch that saw all of every key; 0: there is none */
	bool is_dense; /* nobody else counts revisions up: each is made by one of the operations */
};

/* True when nothing was found. *ret_truth (may be NULL; zeroed) is what happened, for
 * check_watch.h; it borrows from the history. */
bool rk_check_linear(const struct rk_history *history, const struct rk_linear_opts *opts,
		     struct rk_model *ret_truth, struct rk_findings *findings);

#endif
