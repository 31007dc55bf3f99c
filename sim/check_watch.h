/* sim/check_watch.h - what etcd promises of watches, checked against what happened. Pure.
 *
 * Against the promises alone: "filter" (only what was asked for), "ordered" (by revision), "unique"
 * (nothing twice), "atomic" (a revision is not split), "bookmarkable" (what a progress notification
 * covers was sent before it). Against the truth: "resumable" (the first event is the first there is
 * from the start on; a refusal as compacted is no smaller than that), "reliable" (nothing is left
 * out, and all is as it was), "is-create" (a key's first version is told for one, and no other is),
 * "prev-kv" (what was there before, when it was asked for). The names are those of etcd's
 * robustness tests. */
#ifndef RK_SIM_CHECK_WATCH_H
#define RK_SIM_CHECK_WATCH_H

#include "sim/model.h"

/* `truth` is check_linear.h's. True when nothing was found. */
bool rk_check_watch(const struct rk_history *history, const struct rk_model *truth,
		    struct rk_findings *findings);

#endif
