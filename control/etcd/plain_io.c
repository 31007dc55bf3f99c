/* What is asked without gRPC: health, version and metrics, by load balancers, Prometheus and
 * people. */
#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"
#include "control/etcd/server_io.h"
#include "wire/doc.h"

static void respond(struct rk_http_exchange *exchange, int status, const char *type,
		    const struct rk_buf *text)
{
	const struct rk_http_header head = { RK_SPAN("content-type"), rk_span_str(type) };

	rk_http_respond(exchange, status, &head, 1, rk_blob_copy(rk_buf_span(text)));
}

static void respond_text(struct rk_http_exchange *exchange, int status, const char *text)
{
	struct rk_buf body = { 0 };

	rk_buf_put_str(&body, text);
	respond(exchange, status, "application/json", &body);
	rk_buf_done(&body);
}

static bool is_verbose(const struct rk_http_request *http)
{
	return rk_span_is(http->query, "verbose") ||
	       rk_span_starts(http->query, RK_SPAN("verbose="));
}

/* /livez and /readyz, and each check below them. */
static void respond_checks(struct rk_etcd_thread *thread, struct rk_http_exchange *exchange,
			   struct rk_span only)
{
	const struct rk_http_request *http = rk_http_request(exchange);
	const bool is_ready = rk_span_starts(http->path, RK_SPAN("/readyz"));
	const struct {
		const char *name;
		bool ok, is_live; /* is_live: /livez has it too */
	} checks[] = { { "data_corruption", thread->view != NULL, false },
		       { "serializable_read", thread->view != NULL, true },
		       { "linearizable_read", thread->leader_id != 0, false } };
	struct rk_buf text = { 0 };
	bool ok = true, any = false;

	for (size_t i = 0; i < RK_COUNT(checks); i++) {
		if ((!is_ready && !checks[i].is_live) ||
		    (only.size > 0 && !rk_span_is(only, checks[i].name)))
			continue;
		any = true;
		ok = ok && checks[i].ok;
		rk_buf_printf(&text, "[%s]%s %s\n", checks[i].ok ? "+" : "-", checks[i].name,
			      checks[i].ok ? "ok" : "failed");
	}
	if (ok && !is_verbose(http))
		rk_buf_clear(&text);
	rk_buf_put_str(&text, ok ? "ok\n" : "failed\n");
	if (any)
		respond(exchange, ok ? 200 : 503, "text/plain; charset=utf-8", &text);
	else
		respond_text(exchange, 404, "{\"error\":\"Not Found\",\"message\":\"Not Found\",\"code\":5}");
	rk_buf_done(&text);
}

/* --- metrics --- */

static void put_metric(struct rk_buf *out, const char *name, const char *type, uint64_t value)
{
	rk_buf_printf(out, "# TYPE %s %s\n%s %" PRIu64 "\n", name, type, name, value);
}

static uint64_t resident_bytes(void)
{
	unsigned long long total = 0, resident = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	if (file == NULL)
		return 0;
	const int got = fscanf(file, "%llu %llu", &total, &resident);
	(void)fclose(file);
	return got == 2 ? resident * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

static void metrics_resumed(struct rk_etcd_call *call, struct rk_feed_answer *answer)
{
	const struct rk_span doc = rk_blob_span(answer->count > 0 ? answer->results[0].doc : NULL);
	const struct rk_node *root =
		call->thread->view != NULL ? rk_view_root(call->thread->view) : NULL;
	const struct rk_span role = rk_doc_text(doc, "role");
	struct rk_buf out = { 0 };
	const struct {
		const char *name, *type;
		uint64_t value;
	} metrics[] = {
		{ "etcd_server_has_leader", "gauge", rk_doc_int(doc, "leader", 0) != 0 },
		{ "etcd_server_is_leader", "gauge", rk_span_is(role, "leader") },
		{ "etcd_server_is_learner", "gauge", rk_span_is(role, "learner") },
		{ "etcd_server_proposals_committed_total", "gauge",
		  (uint64_t)rk_doc_int(doc, "commit", 0) },
		{ "etcd_server_proposals_applied_total", "gauge",
		  (uint64_t)rk_doc_int(doc, "applied", 0) },
		{ "etcd_server_proposals_pending", "gauge",
		  (uint64_t)rk_doc_int(doc, "pending", 0) },
		{ "etcd_debugging_mvcc_current_revision", "gauge",
		  (uint64_t)rk_doc_int(doc, "revision", 0) },
		{ "etcd_debugging_mvcc_compact_revision", "gauge",
		  rk_etcd_mark(root, RK_ETCD_COMPACT) },
		{ "process_resident_memory_bytes", "gauge", resident_bytes() },
	};

	for (size_t i = 0; i < RK_COUNT(metrics); i++)
		put_metric(&out, metrics[i].name, metrics[i].type, metrics[i].value);
	rk_buf_printf(
		&out,
		"# TYPE etcd_server_version gauge\netcd_server_version{server_version=\"%s\"} 1\n",
		RK_ETCD_VERSION);
	rk_buf_printf(&out,
		      "# TYPE etcd_server_id gauge\netcd_server_id{server_id=\"%" PRIx64 "\"} 1\n",
		      call->thread->etcd->opts.member_id);
	respond(call->exchange, 200, "text/plain; version=0.0.4; charset=utf-8", &out);
	rk_buf_done(&out);
}

void rk_etcd_plain(struct rk_etcd_thread *thread, struct rk_http_exchange *exchange)
{
	const struct rk_span path = rk_http_request(exchange)->path;
	const bool is_healthy = thread->view != NULL && thread->leader_id != 0;

	if (rk_span_is(path, "/health")) {
		respond_text(exchange, is_healthy ? 200 : 503,
			     is_healthy ? "{\"health\":\"true\",\"reason\":\"\"}"
					: "{\"health\":\"false\",\"reason\":\"RAFT NO LEADER\"}");
	} else if (rk_span_is(path, "/version")) {
		respond_text(exchange, 200,
			     "{\"etcdserver\":\"" RK_ETCD_VERSION
			     "\",\"etcdcluster\":\"" RK_ETCD_VERSION "\"}");
	} else if (rk_span_is(path, "/livez") || rk_span_is(path, "/readyz")) {
		respond_checks(thread, exchange, (struct rk_span){ NULL, 0 });
	} else if (rk_span_starts(path, RK_SPAN("/livez/"))) {
		respond_checks(thread, exchange, rk_span_sub(path, 7, path.size));
	} else if (rk_span_starts(path, RK_SPAN("/readyz/"))) {
		respond_checks(thread, exchange, rk_span_sub(path, 8, path.size));
	} else if (rk_span_is(path, "/metrics")) {
		struct rk_etcd_call *call = rk_zalloc(sizeof *call);
		call->thread = thread;
		call->exchange = exchange;
		call->has_ended = true; /* no gRPC answer follows */
		rk_http_set_user(exchange, call);
		rk_etcd_await_status(call, metrics_resumed);
	} else {
		respond_text(exchange, 404, "{\"error\":\"Not Found\",\"message\":\"Not Found\",\"code\":5}");
	}
}
