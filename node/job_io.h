/* node/job_io.h - slow work in forked children: the loop never waits, and straight-line code may.
 *
 * A child has every descriptor of ours closed but its result pipe, and its own process group. What
 * it leaves behind on purpose (conmon) leaves that group by itself. */
#ifndef RK_NODE_JOB_IO_H
#define RK_NODE_JOB_IO_H

#include <ev.h>

#include "base/buf.h"
#include "base/err.h"

#define RK_JOB_RESULT_MAX (4u << 20) /* bytes that a job may answer */

struct rk_jobs;

struct rk_job_opts {
	const char *lane; /* jobs with the same lane run one after the other, in order; NULL: none.
			     Copied */
	uint32_t timeout_ms; /* then it is killed: RK_ETIMEDOUT */
	void *context;       /* the caller's; freed by `done` */
	/* In the child. What it appends to `out` comes back. */
	int (*work)(void *context, struct rk_buf *out, struct rk_error *error);
	/* In the parent, exactly once; err is what `work` returned. */
	void (*done)(void *context, int err, struct rk_span out, const struct rk_error *error);
};

struct rk_jobs *rk_jobs_new(struct ev_loop *loop, unsigned running_max)
	__attribute__((returns_nonnull));
/* Running jobs are left alone and their ends are not waited for; every `done` is called with
 * RK_ECLOSED. NULL is fine. */
struct rk_jobs *rk_jobs_free(struct rk_jobs *jobs);
void rk_job_start(struct rk_jobs *jobs, const struct rk_job_opts *opts);
unsigned rk_jobs_count(const struct rk_jobs *jobs); /* waiting and running */

#endif
