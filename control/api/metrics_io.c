/* /metrics: what upstream's API server counts under the same names, and what a member says about
 * its log. */
#include <inttypes.h>

#include "base/clock_io.h"
#include "base/mem.h"
#include "config.h"
#include "control/api/server.h"
#include "control/process_io.h"
#include "wire/doc.h"

void rk_api_count_begun(struct rk_req *req)
{
	req->begun_ns = rk_clock_mono_ns();
	req->series = rk_counts_begin(&req->thread->counts,
				      rk_api_is_streamed(req) ? "connect" : req->verb, &req->route);
}

void rk_api_count_ended(struct rk_req *req)
{
	rk_counts_end(&req->thread->counts, req->series, req->code,
		      (rk_clock_mono_ns() - req->begun_ns) / 1000);
}

static void put_objects(struct rk_buf *out, const struct rk_req *req)
{
	struct rk_view_iter iter;
	struct rk_object object;

	rk_buf_put_str(out, "# TYPE apiserver_storage_objects gauge\n");
	for (size_t i = 0; i < rk_kinds_count(req->kinds); i++) {
		const struct rk_kind *kind = rk_kinds_at(req->kinds, i);
		uint64_t count = 0;
		if (kind->is_request || kind->stored != kind)
			continue;
		rk_view_list(&iter, req->thread->view, rk_span_str(kind->resource),
			     (struct rk_span){ NULL, 0 }, RK_SPAN(""), RK_SPAN(""));
		while (rk_view_next(&iter, &object))
			count++;
		rk_buf_printf(out, "apiserver_storage_objects{resource=\"%s\"} %" PRIu64 "\n",
			      kind->resource, count);
	}
}

static void put_log(struct rk_buf *out, struct rk_span doc)
{
	static const struct {
		const char *name, *type, *key;
	} numbers[] = {
		{ "reckon_raft_term", "gauge", "term" },
		{ "reckon_raft_leader", "gauge", "leader" },
		{ "reckon_raft_first_index", "gauge", "first" },
		{ "reckon_raft_last_index", "gauge", "last" },
		{ "reckon_raft_commit_index", "gauge", "commit" },
		{ "reckon_raft_applied_index", "gauge", "applied" },
		{ "reckon_raft_snapshot_index", "gauge", "snapshot" },
		{ "reckon_raft_proposals_pending", "gauge", "pending" },
		{ "reckon_raft_holes", "gauge", "holes" },
		{ "reckon_log_bytes", "gauge", "logBytes" },
		{ "reckon_revision", "gauge", "revision" },
	};

	for (size_t i = 0; i < RK_COUNT(numbers); i++) {
		const struct rk_metric metric = { numbers[i].name, numbers[i].type,
						  (uint64_t)rk_doc_int(doc, numbers[i].key, 0) };
		rk_metrics_put(out, &metric, 1);
	}
	rk_buf_printf(out, "# TYPE reckon_raft_is_leader gauge\nreckon_raft_is_leader %d\n",
		      rk_span_is(rk_doc_text(doc, "role"), "leader"));
}

static void metrics_resumed(struct rk_req *req, struct rk_feed_answer *answer)
{
	const struct rk_api *api = req->thread->api;
	struct rk_api_counts **threads =
		rk_arena_alloc(&req->arena, api->thread_count * sizeof(struct rk_api_counts *));
	struct rk_buf out = { 0 };

	if (answer->err < 0) {
		rk_req_err(req, answer->err);
		return;
	}
	for (unsigned i = 0; i < api->thread_count; i++)
		threads[i] = &api->threads[i].counts;
	rk_counts_write(&out, threads, api->thread_count);
	if (req->thread->view != NULL)
		put_objects(&out, req);
	put_log(&out, rk_blob_span(answer->results[0].doc));
	rk_metrics_put_process(&out);
	rk_buf_printf(&out, "# TYPE kubernetes_build_info "
			    "gauge\nkubernetes_build_info{git_version=\"" RK_API_VERSION "\"} 1\n");
	rk_req_send(req, 200, RK_METRICS_TYPE, rk_blob_copy(rk_buf_span(&out)));
	rk_buf_done(&out);
}

void rk_api_metrics(struct rk_req *req)
{
	if (rk_req_await(req, metrics_resumed))
		rk_feed_status(req->thread->feed, req->id);
}
