/* What is asked without gRPC or JSON: health, version and metrics, by load balancers, Prometheus
 * and people. */
#include "base/mem.h"
#include "control/etcd/server_io.h"

void rk_etcd_respond(struct rk_http_exchange *exchange, int status, const char *type,
		     struct rk_span text)
{
	const struct rk_http_header head = { RK_SPAN("content-type"), rk_span_str(type) };

	rk_http_respond(exchange, status, &head, 1, rk_blob_copy(text));
}

void rk_etcd_respond_missing(struct rk_http_exchange *exchange)
{
	rk_etcd_respond(exchange, 404, "application/json",
			RK_SPAN("{\"error\":\"Not Found\",\"message\":\"Not Found\",\"code\":5}"));
}

/* The core is asked before it is answered. */
static void ask(struct rk_etcd_thread *thread, struct rk_http_exchange *exchange,
		void (*about)(struct rk_etcd_call *call))
{
	struct rk_etcd_call *call = rk_zalloc(sizeof *call);

	call->thread = thread;
	call->exchange = exchange;
	call->has_ended = true; /* no gRPC answer follows */
	rk_http_set_user(exchange, call);
	about(call);
}

static void answer_version(struct rk_http_exchange *exchange)
{
	rk_etcd_respond(exchange, 200, "application/json",
			RK_SPAN("{\"etcdserver\":\"" RK_ETCD_VERSION
				"\",\"etcdcluster\":\"" RK_ETCD_VERSION "\"}"));
}

void rk_etcd_plain(struct rk_etcd_thread *thread, struct rk_http_exchange *exchange)
{
	const struct rk_http_request *http = rk_http_request(exchange);
	const struct rk_span path = http->path;
	struct rk_span first;

	(void)rk_span_cut(rk_span_sub(path, 1, path.size), '/', &first);
	const bool is_health = rk_span_is(path, "/health") || rk_span_is(first, "livez") ||
			       rk_span_is(first, "readyz");
	const bool is_metrics = rk_span_is(path, "/metrics");
	if (!is_health && !is_metrics && !rk_span_is(path, "/version"))
		rk_etcd_respond_missing(exchange);
	else if (!rk_span_is(http->method, "GET") && !rk_span_is(http->method, "HEAD"))
		rk_etcd_respond(exchange, 405, "text/plain; charset=utf-8",
				RK_SPAN("Method Not Allowed\n"));
	else if (is_health)
		ask(thread, exchange, rk_etcd_health);
	else if (is_metrics)
		ask(thread, exchange, rk_etcd_metrics);
	else
		answer_version(exchange);
}
