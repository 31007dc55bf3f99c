/* node/exec_session_io.h - an exec request over WebSocket or SPDY/3.1: protocol on one side, the
 * command on the other. */
#ifndef RK_NODE_EXEC_SESSION_IO_H
#define RK_NODE_EXEC_SESSION_IO_H

#include "node/exec_io.h"
#include "wire/http_io.h"

/* What the session's streams are; the callbacks of `exec` are its own. Each answers the upgrade, or
 * refuses it with an error response; after that it lives by itself until one side ends. */
void rk_exec_websocket(struct rk_http_exchange *exchange, const struct rk_exec_opts *exec,
		       bool wants_stdout, bool wants_stderr);
void rk_exec_spdy(struct rk_http_exchange *exchange, const struct rk_exec_opts *exec,
		  bool wants_stdout, bool wants_stderr);

#endif
