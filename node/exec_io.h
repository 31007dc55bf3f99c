/* node/exec_io.h - a process of a container with its streams on the loop: a command of its own
 * (`runc exec` with pipes, or a terminal of ours), or, attached to, the container's main process.
 */
#ifndef RK_NODE_EXEC_IO_H
#define RK_NODE_EXEC_IO_H

#include <ev.h>

#include "node/oci_container_io.h"
#include "node/session_io.h"

#define RK_EXEC_INPUT_MAX (1u << 20) /* bytes that may wait for the command to read them */
#define RK_EXEC_ARGS_MAX  256

struct rk_exec {
	const struct rk_exec_ops *ops;
};

struct rk_exec_ops { /* what the two kinds differ in; each as the function below that calls it */
	bool (*write)(struct rk_exec *exec, struct rk_span bytes);
	void (*close_input)(struct rk_exec *exec);
	void (*resize)(struct rk_exec *exec, unsigned width, unsigned height);
	void (*pause)(struct rk_exec *exec, bool is_paused);
	void (*close)(struct rk_exec *exec);
	void (*abandon)(struct rk_exec *exec);
};

struct rk_exec_opts {
	struct ev_loop *loop;
	const struct rk_oci *oci;
	struct rk_span uid;
	const char *id;           /* of the container's run */
	const char *const *words; /* the command; ends with NULL. NULL: attach */
	bool has_stdin, has_tty;  /* as the client asks */
	bool takes_stdin, is_tty; /* attach: as the container is */
	void *context;
	/* Output: channel 1 or 2. */
	void (*data)(void *context, int channel, struct rk_span bytes);
	/* The last call: it ended, and all its output was given. code: 128 + signal for signals. */
	void (*ended)(void *context, int code);
	void (*input_drained)(void *context); /* rk_exec_write takes bytes again */
};

RK_MUST_CHECK int rk_exec_start(struct rk_exec **ret, const struct rk_exec_opts *opts,
				struct rk_error *error);
/* For rk_exec_start: through conmon's socket. */
RK_MUST_CHECK int rk_attach_start(struct rk_exec **ret, const struct rk_exec_opts *opts,
				  struct rk_error *error);

/* Queues input; false: RK_EXEC_INPUT_MAX is reached, wait for input_drained. */
static inline bool rk_exec_write(struct rk_exec *exec, struct rk_span bytes)
{
	return exec->ops->write(exec, bytes);
}

/* Once what is queued is written. */
static inline void rk_exec_close_input(struct rk_exec *exec) { exec->ops->close_input(exec); }

static inline void rk_exec_resize(struct rk_exec *exec, unsigned width, unsigned height)
{
	exec->ops->resize(exec, width, height);
}

/* Stops and continues reading its output. */
static inline void rk_exec_pause(struct rk_exec *exec, bool is_paused)
{
	exec->ops->pause(exec, is_paused);
}

/* Nobody listens any more: a command is hung up, and killed when it stays. No callback follows.
 * Takes NULL, returns NULL. */
static inline struct rk_exec *rk_exec_close(struct rk_exec *exec)
{
	if (exec != NULL)
		exec->ops->close(exec);
	return NULL;
}

/* The same for an agent that ends itself: the command is hung up and left to its container. */
static inline struct rk_exec *rk_exec_abandon(struct rk_exec *exec)
{
	if (exec != NULL)
		exec->ops->abandon(exec);
	return NULL;
}

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
