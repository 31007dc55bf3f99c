/* cli/podref.h - the pods behind POD, TYPE/NAME and labels, for logs and exec. */
#ifndef RK_CLI_PODREF_H
#define RK_CLI_PODREF_H

#include "cli/session_io.h"

/* *ret becomes a list of pods: the one named, or those that a workload or a service selects (the
 * running ones first). */
RK_MUST_CHECK int rk_podref_find(struct rk_session *session, const char *text, struct rk_val **ret,
				 struct rk_error *error);
/* The container that is meant when none is named. */
struct rk_span rk_podref_container(const struct rk_val *pod);
/* Tells on stderr which of several containers was chosen. */
void rk_podref_tell(const struct rk_val *pod, struct rk_span chosen);
/* RK_EINVAL with kubectl's text, when the pod has no container of that name. */
RK_MUST_CHECK int rk_podref_check(const struct rk_val *pod, struct rk_span container,
				  struct rk_error *error);

#endif
