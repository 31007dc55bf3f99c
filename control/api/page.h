/* control/api/page.h - the objects of a list on their way to the client. Only for control/api/. */
#ifndef RK_CONTROL_API_PAGE_H
#define RK_CONTROL_API_PAGE_H

#include "control/api/moment.h"
#include "control/api/server.h"

struct rk_page {
	struct rk_moment
		moment; /* which the objects are borrowed from; it has a share of its view */
	struct rk_object *at;
	size_t count, capacity;
	struct rk_val *meta;

	/* While it is written. */
	size_t next; /* object */
	struct rk_form_list list;
	struct rk_buf out;
	bool is_made, began;
	struct rk_blob *
		*pieces; /* of a list whose length must be known before its first byte goes out */
	size_t piece_count, piece_capacity, piece_at;
	size_t bytes; /* of all pieces */
	struct rk_gzip *gzip;
	uint64_t end_ms;
};

/* Answers with the page (req->page), now or step by step. */
void rk_api_page_send(struct rk_req *req);

#endif
