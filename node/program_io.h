/* node/program_io.h - runs a program and waits for it. Only for jobs (node/job_io.h): it blocks. */
#ifndef RK_NODE_PROGRAM_IO_H
#define RK_NODE_PROGRAM_IO_H

#include "base/buf.h"
#include "base/err.h"

struct rk_program {
	const char *const *argv; /* argv[0] is looked up in a fixed PATH; ends with NULL */
	uint32_t timeout_ms;
	/* A descriptor 3 that the program writes one line to (conmon's sync pipe); NULL: none. The
	 * wait then ends with the line. */
	struct rk_buf *sync;
	const char *sync_variable; /* environment variable that names it */
};

/* Appends stdout and stderr to `output` (at most 64 KiB, then dropped; NULL: dropped). *ret_status:
 * exit code, or 128 + signal. RK_ETIMEDOUT (it is killed), RK_ENOENT (no such program), RK_EIO. */
RK_MUST_CHECK int rk_program_run(const struct rk_program *command, struct rk_buf *output,
				 int *ret_status, struct rk_error *error);
/* The same, and a status other than 0 is RK_EIO with the last line of the output as the text. */
RK_MUST_CHECK int rk_program_check(const struct rk_program *command, struct rk_error *error);
/* The words in a line of output: of `time="..." level=... msg="..."`, as Go programs log, only the
 * message. */
struct rk_span rk_program_message(struct rk_span line);
/* Where a program is in the fixed PATH: true, with its path. */
bool rk_program_find(const char *name, char *path, size_t size);

#endif
