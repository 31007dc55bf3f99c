/* control/etcd/compact.h - forgetting replaced values. Pure.
 *
 * Compacting at C is a mark that readers obey at once. What it makes unreachable is removed
 * afterwards in small pieces of work, in order of revision, beginning a second later: watchers that
 * are at most that far behind get every event. Nothing ever stops for it. */
#ifndef RK_CONTROL_ETCD_COMPACT_H
#define RK_CONTROL_ETCD_COMPACT_H

#include "control/etcd/run.h"

enum rk_etcd_error rk_etcd_compact(struct rk_etcd_run *run, int64_t revision);
void rk_etcd_compact_work(struct rk_etcd_run *run); /* one piece */

#endif
