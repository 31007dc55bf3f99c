/* node/exec_session_io.h - an exec request over WebSocket or SPDY/3.1: protocol on one side, the
 * command on the other. */
#ifndef RK_NODE_EXEC_SESSION_IO_H
#define RK_NODE_EXEC_SESSION_IO_H

#include "node/exec_io.h"
#include "wire/http_io.h"

struct rk_exec_session { /* one that is open, in its server's list */
	struct rk_exec_session *next, **link;
	void (*end)(struct rk_exec_session *session); /* cuts it off and frees it */
};

/* What the session's streams are; the callbacks of `exec` are its own. Each answers the upgrade, or
 * refuses it with an error response; after that it lives by itself, in the list, until one side
 * ends. */
void rk_exec_websocket(struct rk_http_exchange *exchange, const struct rk_exec_opts *exec,
		       bool wants_stdout, bool wants_stderr, struct rk_exec_session **list);
void rk_exec_spdy(struct rk_http_exchange *exchange, const struct rk_exec_opts *exec,
		  bool wants_stdout, bool wants_stderr, struct rk_exec_session **list);

static inline void rk_exec_session_link(struct rk_exec_session *session,
					struct rk_exec_session **list)
{
	session->next = *list;
	session->link = list;
	if (session->next != NULL)
		session->next->link = &session->next;
	*list = session;
}

static inline void rk_exec_session_unlink(struct rk_exec_session *session)
{
	if (session->link == NULL)
		return;
	*session->link = session->next;
	if (session->next != NULL)
		session->next->link = session->link;
	session->link = NULL;
}

#endif
