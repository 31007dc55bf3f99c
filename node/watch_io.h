/* node/watch_io.h - follows a collection: list, watch, resume, and list again when the control
 * plane says so. */
#ifndef RK_NODE_WATCH_IO_H
#define RK_NODE_WATCH_IO_H

#include "node/api_io.h"

struct rk_watch;

struct rk_watch_opts {
	const char *path;           /* "/api/v1/pods"; copied */
	const char *field_selector; /* "spec.nodeName=n1"; NULL: everything; copied */
	void *context;
	/* An object as it is now. Borrowed. */
	void (*put)(void *context, const struct rk_val *object);
	/* It is no longer there (or no longer selected). */
	void (*gone)(void *context, struct rk_span ns, struct rk_span name);
	/* After each full list. May be NULL. */
	void (*synced)(void *context);
};

struct rk_watch *rk_watch_open(struct rk_apiclient *api, const struct rk_watch_opts *opts)
	__attribute__((returns_nonnull));
struct rk_watch *rk_watch_close(
	struct rk_watch *watch); /* no callback follows; takes NULL, returns NULL */
bool rk_watch_is_synced(const struct rk_watch *watch); /* a full list was read at least once */
/* Whether the collection held such an object when it was last heard of. */
bool rk_watch_has(const struct rk_watch *watch, struct rk_span ns, struct rk_span name);

#endif
