/* /logs/: where upstream shows the server's /var/log, a member shows what it said last. */
#include "base/log.h"
#include "control/api/server.h"

#define NAME "reckon.log"

void rk_api_logs(struct rk_req *req)
{
	struct rk_buf out = { 0 };

	if (req->route.name.size == 0) {
		rk_req_send(req, 200, "text/html; charset=utf-8",
			    rk_blob_copy(RK_SPAN("<pre>\n<a href=\"" NAME "\">" NAME "</a>\n</pre>\n")));
	} else if (rk_span_is(req->route.name, NAME)) {
		rk_log_kept(&out);
		rk_req_send(req, 200, "text/plain; charset=utf-8", rk_blob_copy(rk_buf_span(&out)));
	} else {
		rk_req_not_found(req);
	}
	rk_buf_done(&out);
}
