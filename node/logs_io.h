/* node/logs_io.h - a container's log as an HTTP response: over its rotated files, and on as it
 * grows. */
#ifndef RK_NODE_LOGS_IO_H
#define RK_NODE_LOGS_IO_H

#include <ev.h>

#include "node/log_line.h"
#include "wire/http_io.h"

struct rk_logs;

struct rk_logs_opts {
	struct ev_loop *loop;
	struct rk_http_exchange *exchange;
	const char *path; /* the newest file; older ones are PATH.1, PATH.2... */
	struct rk_log_view view;
	int64_t tail; /* lines; -1: all */
	bool follow;
	void *context;
	bool (*is_growing)(void *context,
			   const char *path); /* while true, a follower waits for more */
};

/* Begins the response (200, text/plain). RK_ENOENT: there is no such log; nothing was answered. */
RK_MUST_CHECK int rk_logs_open(struct rk_logs **ret, const struct rk_logs_opts *opts,
			       struct rk_error *error);
void rk_logs_drained(struct rk_logs *logs);          /* the response may go on */
struct rk_logs *rk_logs_close(struct rk_logs *logs); /* takes NULL, returns NULL */

#endif
