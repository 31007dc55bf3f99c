/* node/exec_io.h - a command in a container with its streams on the loop: `runc exec` with pipes,
 * or a terminal of ours. */
#ifndef RK_NODE_EXEC_IO_H
#define RK_NODE_EXEC_IO_H

#include <ev.h>

#include "node/oci_container_io.h"
#include "node/session_io.h"

#define RK_EXEC_INPUT_MAX (1u << 20) /* bytes that may wait for the command to read them */
#define RK_EXEC_ARGS_MAX  256

struct rk_exec;

struct rk_exec_opts {
	struct ev_loop *loop;
	const struct rk_oci *oci;
	struct rk_span uid;
	const char *id;           /* of the container's run */
	const char *const *words; /* the command; ends with NULL */
	bool has_stdin, has_tty;
	void *context;
	/* Output: channel 1 or 2. */
	void (*data)(void *context, int channel, struct rk_span bytes);
	/* The last call: it ended, and all its output was given. code: 128 + signal for signals. */
	void (*ended)(void *context, int code);
	void (*input_drained)(void *context); /* rk_exec_write takes bytes again */
};

RK_MUST_CHECK int rk_exec_start(struct rk_exec **ret, const struct rk_exec_opts *opts,
				struct rk_error *error);
/* Queues input; false: RK_EXEC_INPUT_MAX is reached, wait for input_drained. */
bool rk_exec_write(struct rk_exec *exec, struct rk_span bytes);
void rk_exec_close_input(struct rk_exec *exec); /* once what is queued is written */
void rk_exec_resize(struct rk_exec *exec, unsigned width, unsigned height);
void rk_exec_pause(struct rk_exec *exec,
		   bool is_paused); /* stops and continues reading its output */
/* Nobody listens any more: it is hung up, and killed when it stays. No callback follows. Takes
 * NULL, returns NULL. */
struct rk_exec *rk_exec_close(struct rk_exec *exec);
/* The same for an agent that ends itself: the command is hung up and left to its container. */
struct rk_exec *rk_exec_abandon(struct rk_exec *exec);

/* An exec request over one of the protocols. What the session's streams are; the callbacks of
 * `exec` are its own. Each answers the upgrade, or refuses it with an error response; after that it
 * lives by itself, in the list, until one side ends. */
void rk_exec_websocket(struct rk_http_exchange *exchange, const struct rk_exec_opts *exec,
		       bool wants_stdout, bool wants_stderr, struct rk_session **list);
void rk_exec_spdy(struct rk_http_exchange *exchange, const struct rk_exec_opts *exec,
		  bool wants_stdout, bool wants_stderr, struct rk_session **list);
/* The Status object of the end, as exec protocols send it (JSON). */
void rk_exec_status(struct rk_buf *out, int code);

#endif
