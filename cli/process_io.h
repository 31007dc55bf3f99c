/* cli/process_io.h - programs that a local cluster is made of: started in the background, found
 * again, ended. */
#ifndef RK_CLI_PROCESS_IO_H
#define RK_CLI_PROCESS_IO_H

#include <sys/types.h>

#include "base/err.h"

struct rk_process { /* where one process is kept: DIR/pid, DIR/log */
	const char *dir;
	const char *netns;  /* a network namespace by name, or NULL */
	const char *cgroup; /* a cgroup2 directory that it joins first, or NULL */
};

/* Starts this very program (/proc/self/exe) with these arguments, detached, its output appended to
 * DIR/log. */
RK_MUST_CHECK int rk_process_start(const struct rk_process *process, char *const *argv,
				   struct rk_error *error);
/* Its pid, or 0 when it does not run (any more). */
pid_t rk_process_find(const struct rk_process *process);
/* SIGTERM, and SIGKILL after `grace_ms`. Nothing when it does not run. */
void rk_process_stop(const struct rk_process *process, unsigned grace_ms);
/* The last line of DIR/log, for messages; "" when there is none. */
void rk_process_last_words(const struct rk_process *process, char *ret, size_t size);

/* Runs a program to its end; its output is dropped, unless it fails: then its last line is in the
 * error. argv ends with NULL. */
RK_MUST_CHECK int rk_run(struct rk_error *error, const char *const *argv);
/* Moves this process into the network namespace (and cgroup). */
RK_MUST_CHECK int rk_process_enter(const struct rk_process *process, struct rk_error *error);
/* Enters the network namespace (and cgroup) and becomes the program. Only returns on failure. */
int rk_process_become(const struct rk_process *process, char *const *argv, struct rk_error *error);

#endif
