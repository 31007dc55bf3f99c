/* control/logview.h - log entries for people: what `reckon log` and the log endpoint show. Pure. */
#ifndef RK_CONTROL_LOGVIEW_H
#define RK_CONTROL_LOGVIEW_H

#include "raft/frame.h"
#include "wire/val.h"

/* { index, term, time, kind: "command"|"etcd"|"tick"|"advance"|"init"|"noop"|"config", bytes, origin,
 * sequence, user, ops: [{ verb, kind, ns, name, sub, patch, manager, dryRun }], members: [...] };
 * with_docs: each operation's `doc` too, but for secrets, whose data is left out. */
struct rk_val *rk_logview_entry(struct rk_arena *arena, const struct rk_record *record,
				bool with_docs) __attribute__((returns_nonnull));
/* One line: what the entry does, such as "create deployments.apps default/web by admin". */
struct rk_span rk_logview_line(struct rk_arena *arena, const struct rk_val *entry);

#endif
