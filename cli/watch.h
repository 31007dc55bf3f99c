/* cli/watch.h - a watch: events of the API one by one, as they come. */
#ifndef RK_CLI_WATCH_H
#define RK_CLI_WATCH_H

#include "cli/session_io.h"

/* One event; the object lives for the call. Not 0 ends the watch. */
typedef int rk_watch_fn(void *context, struct rk_span type, const struct rk_val *object);

struct rk_watch {
	const char *target;     /* without watch=true and resourceVersion */
	const char *accept;     /* NULL: application/json */
	struct rk_span version; /* where it begins; empty: with everything that is there */
	uint32_t for_ms;        /* at most so long; 0: until `each` ends it */
	rk_watch_fn *each;
	void *context;
};

/* Goes on when a member goes away, at another one. RK_ESTALE: the version is too old.
 * RK_ETIMEDOUT: for_ms passed. */
RK_MUST_CHECK int rk_watch_run(struct rk_session *session, const struct rk_watch *watch,
			       struct rk_error *error);

#define RK_ACCEPT_TABLE "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"

#endif
