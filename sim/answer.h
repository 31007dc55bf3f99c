/* sim/answer.h - an answer beside the one that it must be: for the checks. Pure. */
#ifndef RK_SIM_ANSWER_H
#define RK_SIM_ANSWER_H

#include "sim/history.h"

/* Whether the operation, as it was answered, changed anything. */
bool rk_answer_wrote(const struct rk_hist_request *request, const struct rk_hist_answer *answer);

/* False: they differ, and `out` (may be NULL) says where. Without `with_revisions` revisions are
 * not looked at. */
bool rk_answer_is(const struct rk_hist_request *request, const struct rk_hist_answer *want,
		  const struct rk_hist_answer *got, bool with_revisions, struct rk_buf *out);

#endif
