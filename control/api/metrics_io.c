/* /metrics: what upstream's API server counts under the same names, and what a member says about
 * its log. Threads count for themselves, without locks; whoever asks adds up. */
#include <inttypes.h>

#include "base/clock_io.h"
#include "base/mem.h"
#include "config.h"
#include "control/api/server.h"
#include "control/process_io.h"
#include "wire/doc.h"

static const struct {
	const char *verb, *label;
	bool is_mutating, lasts;
} verbs[RK_API_VERBS] = {
	{ "get", "GET", false, false },
	{ "list", "LIST", false, false },
	{ "watch", "WATCH", false, true },
	{ "create", "POST", true, false },
	{ "update", "PUT", true, false },
	{ "patch", "PATCH", true, false },
	{ "delete", "DELETE", true, false },
	{ "deletecollection", "DELETECOLLECTION", true, false },
	{ "connect", "CONNECT", true, true }, /* however it was asked for */
	{ "", "OTHER", false, false },
};

/* The last one stands for all others. */
static const int codes[RK_API_CODES] = { 200, 201, 202, 101, 304, 307, 400, 401, 403, 404, 405, 406,
					 409, 410, 412, 413, 415, 422, 429, 500, 501, 503, 504, 0 };

/* Upper bounds in microseconds; beyond the last: +Inf. */
static const uint64_t bounds_us[RK_API_BUCKETS] = {
	100, 250, 500, 1000, 2500, 5000, 10000, 25000, 100000, 500000, 1000000, 5000000
};

/* --- counting --- */

static void add(atomic_ullong *counter, unsigned long long more)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + more,
			      memory_order_relaxed);
}

static unsigned verb_of(const struct rk_req *req)
{
	const char *verb = rk_api_is_streamed(req) ? "connect" : req->verb;
	unsigned at = 0;

	while (at + 1 < RK_API_VERBS && (verb == NULL || strcmp(verbs[at].verb, verb) != 0))
		at++;
	return at;
}

void rk_api_count_begun(struct rk_req *req)
{
	req->begun_ns = rk_clock_mono_ns();
	req->counted_as = verb_of(req);
	add(&req->thread->counts.verbs[req->counted_as].begun, 1);
}

void rk_api_count_ended(struct rk_req *req)
{
	const unsigned verb = req->counted_as; /* a transaction has changed the route since */
	struct rk_verb_counts *counts = &req->thread->counts.verbs[verb];
	const uint64_t took_us = (rk_clock_mono_ns() - req->begun_ns) / 1000;
	const int given =
		req->code == 0 && verbs[verb].lasts ? 101 : req->code; /* WebSocket, SPDY */
	unsigned code = 0, bucket = 0;

	add(&counts->ended, 1);
	if (given == 0)
		return; /* the client went before there was an answer */
	while (code + 1 < RK_API_CODES && codes[code] != given)
		code++;
	add(&counts->codes[code], 1);
	if (verbs[verb].lasts)
		return;
	while (bucket < RK_API_BUCKETS && took_us > bounds_us[bucket])
		bucket++;
	if (bucket < RK_API_BUCKETS)
		add(&counts->took[bucket], 1);
	add(&counts->took_us, took_us);
}

void rk_api_count_event(struct rk_api_thread *thread)
{
	add(&thread->counts.events, 1);
}

/* --- adding up and writing --- */

static uint64_t get(const atomic_ullong *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

struct sums {
	uint64_t open, answered, codes[RK_API_CODES], took_us, took[RK_API_BUCKETS];
};

static struct sums sums_of(const struct rk_api *api, unsigned verb)
{
	struct sums ret = { 0 };

	for (unsigned i = 0; i < api->thread_count; i++) {
		const struct rk_verb_counts *counts = &api->threads[i].counts.verbs[verb];
		const uint64_t ended = get(&counts->ended), begun = get(&counts->begun);
		ret.open += begun > ended ? begun - ended : 0;
		ret.took_us += get(&counts->took_us);
		for (unsigned at = 0; at < RK_API_CODES; at++) {
			const uint64_t count = get(&counts->codes[at]);
			ret.codes[at] += count;
			ret.answered += count;
		}
		for (unsigned at = 0; at < RK_API_BUCKETS; at++)
			ret.took[at] += get(&counts->took[at]);
	}
	return ret;
}

static void put_codes(struct rk_buf *out, const struct sums *sums)
{
	rk_buf_put_str(out, "# TYPE apiserver_request_total counter\n");
	for (unsigned verb = 0; verb < RK_API_VERBS; verb++)
		for (unsigned at = 0; at < RK_API_CODES; at++)
			if (sums[verb].codes[at] > 0)
				rk_buf_printf(
					out,
					"apiserver_request_total{verb=\"%s\",code=\"%d\"} %" PRIu64
					"\n",
					verbs[verb].label, codes[at], sums[verb].codes[at]);
}

static void put_times(struct rk_buf *out, const struct sums *sums)
{
	const char *name = "apiserver_request_duration_seconds";

	rk_buf_printf(out, "# TYPE %s histogram\n", name);
	for (unsigned verb = 0; verb < RK_API_VERBS; verb++) {
		const char *label = verbs[verb].label;
		uint64_t below = 0;

		if (verbs[verb].lasts || sums[verb].answered == 0)
			continue;
		for (unsigned at = 0; at < RK_API_BUCKETS; at++)
			rk_buf_printf(out, "%s_bucket{verb=\"%s\",le=\"%g\"} %" PRIu64 "\n", name,
				      label, (double)bounds_us[at] / 1e6,
				      below += sums[verb].took[at]);
		rk_buf_printf(out,
			      "%s_bucket{verb=\"%s\",le=\"+Inf\"} %" PRIu64
			      "\n%s_sum{verb=\"%s\"} %.6f\n"
			      "%s_count{verb=\"%s\"} %" PRIu64 "\n",
			      name, label, sums[verb].answered, name, label,
			      (double)sums[verb].took_us / 1e6, name, label, sums[verb].answered);
	}
}

static void put_open(struct rk_buf *out, const struct sums *sums)
{
	uint64_t open[2] = { 0 };

	rk_buf_put_str(out, "# TYPE apiserver_longrunning_requests gauge\n");
	for (unsigned verb = 0; verb < RK_API_VERBS; verb++)
		if (verbs[verb].lasts)
			rk_buf_printf(out,
				      "apiserver_longrunning_requests{verb=\"%s\"} %" PRIu64 "\n",
				      verbs[verb].label, sums[verb].open);
		else
			open[verbs[verb].is_mutating] += sums[verb].open;
	rk_buf_printf(out,
		      "# TYPE apiserver_current_inflight_requests gauge\n"
		      "apiserver_current_inflight_requests{request_kind=\"readOnly\"} %" PRIu64 "\n"
		      "apiserver_current_inflight_requests{request_kind=\"mutating\"} %" PRIu64
		      "\n",
		      open[0], open[1]);
}

static void put_events(struct rk_buf *out, const struct rk_api *api)
{
	struct rk_metric events = { "apiserver_watch_events_total", "counter", 0 };

	for (unsigned i = 0; i < api->thread_count; i++)
		events.value += get(&api->threads[i].counts.events);
	rk_metrics_put(out, &events, 1);
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
	struct sums sums[RK_API_VERBS];
	struct rk_buf out = { 0 };

	if (answer->err < 0) {
		rk_req_err(req, answer->err);
		return;
	}
	for (unsigned verb = 0; verb < RK_API_VERBS; verb++)
		sums[verb] = sums_of(req->thread->api, verb);
	put_codes(&out, sums);
	put_times(&out, sums);
	put_open(&out, sums);
	put_events(&out, req->thread->api);
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
