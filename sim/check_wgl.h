/* sim/check_wgl.h - linearizability by search (Wing and Gong 1993, with Lowe's memory of what was
 * tried), which looks at no revision: a second opinion on check_linear.h for histories of a few
 * operations. Pure. */
#ifndef RK_SIM_CHECK_WGL_H
#define RK_SIM_CHECK_WGL_H

#include "sim/model.h"

#define RK_WGL_OPS_MAX 24

/* RK_OK: there is an order. RK_ECORRUPT: there is none; a finding "linearizable" says how far the
 * best one came. RK_ETOOBIG: too many operations, or too many states to try. RK_ENOTSUP: it asks
 * about revisions, which this does not know. Serializable reads and reads of old revisions are left
 * out. */
int rk_check_wgl(const struct rk_history *history, struct rk_findings *findings);

#endif
