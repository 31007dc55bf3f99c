/* node/log_line.h - lines of a container's log as the CRI writes them: "TIME STREAM TAG TEXT".
 * Pure. */
#ifndef RK_NODE_LOG_LINE_H
#define RK_NODE_LOG_LINE_H

#include "base/buf.h"

struct rk_log_view { /* what the reader wants to see */
	bool has_since, timestamps;
	bool is_inside;   /* of a line that came in parts: its time is told already */
	int64_t since_ms; /* wall: only lines at or after it */
	int64_t limit;    /* bytes left to give; -1: no limit */
};

/* Appends what is to be seen of one line (without its newline) and takes it off view->limit. Lines
 * that are not in the form are skipped. */
void rk_log_line(struct rk_log_view *view, struct rk_span line, struct rk_buf *out);

#endif
