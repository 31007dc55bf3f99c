/* cli/hint.h - the nearest right name for a field that the server does not know. */
#ifndef RK_CLI_HINT_H
#define RK_CLI_HINT_H

#include "base/buf.h"
#include "control/schema/kinds.h"

/* For a text that says: unknown field "spec.replica": appends to `out`, for each of them that is
 * near to a right one, a line "did you mean spec.replicas?". */
void rk_hint_fields(const struct rk_kind *kind, struct rk_span text, struct rk_buf *out);

#endif
