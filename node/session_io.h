/* node/session_io.h - connections that exec, attach and port-forward have taken over: the list of
 * those that are open, and how SPDY/3.1 and WebSocket connections begin. */
#ifndef RK_NODE_SESSION_IO_H
#define RK_NODE_SESSION_IO_H

#include "wire/http_io.h"
#include "wire/websocket.h"

struct rk_session { /* one that is open, in its server's list */
	struct rk_session *next, **link;
	void (*end)(struct rk_session *session); /* cuts it off and frees it */
};

static inline void rk_session_link(struct rk_session *session, struct rk_session **list)
{
	session->next = *list;
	session->link = list;
	if (session->next != NULL)
		session->next->link = &session->next;
	*list = session;
}

static inline void rk_session_unlink(struct rk_session *session)
{
	if (session->link == NULL)
		return;
	*session->link = session->next;
	if (session->next != NULL)
		session->next->link = session->link;
	session->link = NULL;
}

/* Whether the request asks to go on as `protocol` ("websocket", "SPDY/3.1"). */
bool rk_session_wants(const struct rk_http_exchange *exchange, const char *protocol);

/* The first of ours (ends with NULL) that a header X-Stream-Protocol-Version offers; NULL: none,
 * and that is answered. */
const char *rk_session_spdy_protocol(struct rk_http_exchange *exchange, const char *const *ours);
/* Answers 101; NULL: there is no stream to be had. */
struct rk_stream *rk_session_spdy(struct rk_http_exchange *exchange, const char *protocol);

/* The same for WebSocket; the key is checked too. */
const char *rk_session_ws_protocol(struct rk_http_exchange *exchange, const char *const *ours);
struct rk_stream *rk_session_ws(struct rk_http_exchange *exchange, const char *protocol);

struct rk_ws_end { /* our end of a WebSocket: all zero at first */
	struct rk_stream *stream;
	struct rk_ws_parser parser;
	struct rk_buf in; /* received and not yet a whole message */
};

void rk_ws_end_done(struct rk_ws_end *end); /* the stream stays */
/* Sends one message of bytes; false: above the stream's high mark. */
bool rk_ws_end_send(struct rk_ws_end *end, struct rk_span payload);
/* Bytes from the client: each message of text or bytes is given to `message`, pings are answered.
 * What `message` fails with, RK_ECLOSED when the client closes, or what is wrong with the frames.
 */
RK_MUST_CHECK int rk_ws_end_feed(struct rk_ws_end *end, struct rk_span bytes,
				 int (*message)(void *context, struct rk_span payload),
				 void *context);

#endif
