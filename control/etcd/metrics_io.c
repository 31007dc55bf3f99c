/* /metrics: those of etcd's names whose meaning is the same here. */
#include <inttypes.h>

#include "base/mem.h"
#include "control/etcd/server_io.h"
#include "control/process_io.h"
#include "wire/doc.h"

static const char *const codes[RK_ETCD_CODES] = {
	"OK",
	"Canceled",
	"Unknown",
	"InvalidArgument",
	"DeadlineExceeded",
	"NotFound",
	"AlreadyExists",
	"PermissionDenied",
	"ResourceExhausted",
	"FailedPrecondition",
	"Aborted",
	"OutOfRange",
	"Unimplemented",
	"Internal",
	"Unavailable",
	"DataLoss",
	"Unauthenticated",
};

/* --- counting --- */

static void add(atomic_ullong *counter, unsigned long long more)
{
	atomic_fetch_add_explicit(counter, more, memory_order_relaxed);
}

void rk_etcd_count_started(struct rk_etcd_call *call)
{
	if (call->method != NULL)
		add(&call->thread->etcd->counts.started[call->number], 1);
}

void rk_etcd_count_handled(struct rk_etcd_call *call, int code)
{
	if (call->method != NULL && code >= 0 && code < RK_ETCD_CODES)
		add(&call->thread->etcd->counts.handled[call->number][code], 1);
}

void rk_etcd_count_bytes(struct rk_etcd *etcd, size_t received, size_t sent)
{
	if (received > 0)
		add(&etcd->counts.received_bytes, received);
	if (sent > 0)
		add(&etcd->counts.sent_bytes, sent);
}

void rk_etcd_count_health(struct rk_etcd *etcd, bool is_healthy)
{
	add(is_healthy ? &etcd->counts.healthy : &etcd->counts.unhealthy, 1);
}

/* --- writing --- */

static void put_member(struct rk_buf *out, struct rk_etcd_call *call, struct rk_span doc)
{
	const struct rk_node *root =
		call->thread->view != NULL ? rk_view_root(call->thread->view) : NULL;
	const struct rk_span role = rk_doc_text(doc, "role");
	const struct rk_metric metrics[] = {
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
		{ "etcd_debugging_auth_revision", "gauge", call->thread->auth.revision },
	};

	rk_metrics_put(out, metrics, RK_COUNT(metrics));
}

static void put_process(struct rk_buf *out, struct rk_etcd *etcd)
{
	struct rk_etcd_counts *counts = &etcd->counts;
	const struct rk_metric metrics[] = {
		{ "etcd_server_leader_changes_seen_total", "counter", counts->leader_changes },
		{ "etcd_server_health_success", "counter", counts->healthy },
		{ "etcd_server_health_failures", "counter", counts->unhealthy },
		{ "etcd_network_client_grpc_received_bytes_total", "counter",
		  counts->received_bytes },
		{ "etcd_network_client_grpc_sent_bytes_total", "counter", counts->sent_bytes },
		{ "etcd_debugging_mvcc_watch_stream_total", "gauge", counts->watch_streams },
		{ "etcd_debugging_mvcc_watcher_total", "gauge", counts->watchers },
	};

	rk_metrics_put(out, metrics, RK_COUNT(metrics));
	rk_metrics_put_process(out);
}

/* "{grpc_method="Range",grpc_service="etcdserverpb.KV",grpc_type="unary"} ", with a code before. */
static void put_call(struct rk_buf *out, const char *name, const char *code,
		     const struct rk_etcd_method *method, uint64_t count)
{
	const struct rk_span path = rk_span_str(method->path);
	struct rk_span service;
	const struct rk_span called = rk_span_cut(rk_span_sub(path, 1, path.size), '/', &service);
	const bool is_bidi =
		rk_span_is(called, "LeaseKeepAlive") || rk_span_is(service, "etcdserverpb.Watch");

	if (count == 0)
		return;
	rk_buf_printf(out, "%s{", name);
	if (code != NULL)
		rk_buf_printf(out, "grpc_code=\"%s\",", code);
	rk_buf_printf(out,
		      "grpc_method=\"%.*s\",grpc_service=\"%.*s\",grpc_type=\"%s\"} %" PRIu64 "\n",
		      RK_SPAN_ARGS(called), RK_SPAN_ARGS(service),
		      !method->is_stream ? "unary"
		      : is_bidi          ? "bidi_stream"
					 : "server_stream",
		      count);
}

static void put_calls(struct rk_buf *out, struct rk_etcd *etcd)
{
	const struct rk_etcd_method *method;

	rk_buf_put_str(out, "# TYPE grpc_server_started_total counter\n");
	for (uint32_t i = 0; (method = rk_etcd_method_at(i)) != NULL; i++)
		put_call(out, "grpc_server_started_total", NULL, method, etcd->counts.started[i]);
	rk_buf_put_str(out, "# TYPE grpc_server_handled_total counter\n");
	for (uint32_t i = 0; (method = rk_etcd_method_at(i)) != NULL; i++)
		for (int code = 0; code < RK_ETCD_CODES; code++)
			put_call(out, "grpc_server_handled_total", codes[code], method,
				 etcd->counts.handled[i][code]);
}

static void metrics_resumed(struct rk_etcd_call *call, struct rk_feed_answer *answer)
{
	const struct rk_span doc = rk_blob_span(answer->count > 0 ? answer->results[0].doc : NULL);
	struct rk_etcd *etcd = call->thread->etcd;
	struct rk_buf out = { 0 };

	put_member(&out, call, doc);
	put_process(&out, etcd);
	rk_buf_put_str(&out, "# TYPE etcd_server_version gauge\n"
			     "etcd_server_version{server_version=\"" RK_ETCD_VERSION "\"} 1\n"
			     "# TYPE etcd_cluster_version gauge\n"
			     "etcd_cluster_version{cluster_version=\"3.6\"} 1\n");
	rk_buf_printf(&out,
		      "# TYPE etcd_server_id gauge\netcd_server_id{server_id=\"%" PRIx64 "\"} 1\n",
		      etcd->opts.member_id);
	put_calls(&out, etcd);
	rk_etcd_respond(call->exchange, 200, RK_METRICS_TYPE,
			rk_buf_span(&out));
	rk_buf_done(&out);
}

void rk_etcd_metrics(struct rk_etcd_call *call) { rk_etcd_await_status(call, metrics_resumed); }
