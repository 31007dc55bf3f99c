/* control/api/watch.h - one watch: what its files share. Only for control/api/watch*_io.c. */
#ifndef RK_CONTROL_API_WATCH_H
#define RK_CONTROL_API_WATCH_H

#include "control/api/listing.h"
#include "control/api/server.h"

struct rk_watch {
	struct rk_req *req;
	/* While what is there already is being written: the view that it comes from, and the last
	 * object that was; NULL: that is over, and changes are told as they come. */
	struct rk_view *begins;
	struct rk_span ns, name;
	bool sent_columns; /* of a table */
	bool ended;
	uint64_t after; /* changes up to this revision are known to the client */
	uint64_t end_ms, bookmark_ms;
	size_t unread; /* bytes written since the connection last drained; bounds what a slow client
			  holds */
	struct rk_stream *socket; /* a WebSocket; the request's exchange is gone then */
};

/* --- watch_line_io.c: events in the form that was asked for; each is a share of the caller's ---
 */

struct rk_blob *rk_api_watch_line(struct rk_watch *watch, const char *type, struct rk_span doc);
/* What is no object of the kind: a Status. */
struct rk_blob *rk_api_watch_line_status(struct rk_watch *watch, const struct rk_val *status);
/* A change as it is: made once for all watches of the same form. is_news: it is just coming. */
struct rk_blob *rk_api_watch_line_change(struct rk_watch *watch, size_t item, uint32_t number,
					 bool is_news);
const char *rk_api_watch_type_name(enum rk_change_type type);

/* --- watch_sink_io.c: the way to the client, a response in pieces or a WebSocket --- */

/* Begins the answer. False: it could not be, and is over. */
bool rk_api_watch_open(struct rk_watch *watch);
/* Takes the share. False: the client shall be waited for (rk_api_watch_drained). A client that
 * leaves too much unread is cut off. */
bool rk_api_watch_put(struct rk_watch *watch, struct rk_blob *line);
/* The end that the server gives it. */
void rk_api_watch_end(struct rk_watch *watch);
void rk_api_watch_drop(struct rk_watch *watch); /* takes no part in its request */

#endif
