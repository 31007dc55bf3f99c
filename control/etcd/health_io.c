/* /health, /livez and /readyz: what load balancers and kubelets ask. Each question is put to the
 * core first (how is the member?) and then, where a linearizable read counts, to the leader. */
#include "base/arena.h"
#include "base/clock_io.h"
#include "base/mem.h"
#include "control/etcd/server_io.h"
#include "wire/doc.h"

#define READ_MS 1000

enum check {
	CORRUPTION,
	SERIALIZABLE,
	LINEARIZABLE,
	NON_LEARNER,
	CHECKS,
	NO_SPACE = CHECKS,
	NO_LEADER
};

static const char *const names[CHECKS] = { "data_corruption", "serializable_read",
					   "linearizable_read", "non_learner" };

static bool has_failed(const struct rk_etcd_call *call, enum check check)
{
	return (call->wanted >> check & 1) != 0;
}

static void fail(struct rk_etcd_call *call, enum check check, bool has_failed)
{
	call->wanted |= (uint64_t)has_failed << check;
}

/* Whether the query has NAME=VALUE; NULL: NAME, whatever its value. */
static bool asks(const struct rk_etcd_call *call, const char *name, const char *value)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	const struct rk_span query = rk_http_request(call->exchange)->query;
	struct rk_span key, got;
	size_t at = 0;

	while (rk_query_next(&arena, query, &at, &key, &got))
		if (rk_span_is(key, name) && (value == NULL || rk_span_is(got, value)))
			return true;
	return false;
}

/* --- which checks --- */

/* /livez/NAME and /readyz/NAME ask for one. */
static struct rk_span only(const struct rk_etcd_call *call)
{
	const struct rk_span path = rk_http_request(call->exchange)->path;
	struct rk_span first;

	return rk_span_cut(rk_span_sub(path, 1, path.size), '/', &first);
}

static bool is_asked(const struct rk_etcd_call *call, enum check check)
{
	const struct rk_span path = rk_http_request(call->exchange)->path, one = only(call);
	const bool is_ready = rk_span_starts(path, RK_SPAN("/readyz"));

	if (rk_span_is(path, "/health"))
		return check == LINEARIZABLE && !asks(call, "serializable", "true");
	if (!is_ready && check != SERIALIZABLE)
		return false;
	return one.size > 0 ? rk_span_is(one, names[check]) : !asks(call, "exclude", names[check]);
}

/* --- answers --- */

static void answer_checks(struct rk_etcd_call *call)
{
	struct rk_buf text = { 0 };
	bool ok = true, any = false;

	for (enum check check = 0; check < CHECKS; check++) {
		if (!is_asked(call, check))
			continue;
		any = true;
		ok = ok && !has_failed(call, check);
		rk_buf_printf(&text, "[%s]%s %s\n", has_failed(call, check) ? "-" : "+",
			      names[check], has_failed(call, check) ? "failed" : "ok");
	}
	if (ok && !asks(call, "verbose", NULL))
		rk_buf_clear(&text);
	rk_buf_put_str(&text, ok ? "ok\n" : "failed\n");
	rk_etcd_count_health(call->thread->etcd, ok);
	if (any || only(call).size == 0) /* all may be left out */
		rk_etcd_respond(call->exchange, ok ? 200 : 503, "text/plain; charset=utf-8",
				rk_buf_span(&text));
	else
		rk_etcd_respond_missing(call->exchange);
	rk_buf_done(&text);
}

static void answer_health(struct rk_etcd_call *call)
{
	const bool is_linear = is_asked(call, LINEARIZABLE);
	const char *reason = "";
	struct rk_buf text = { 0 };

	if (has_failed(call, NO_SPACE) && !asks(call, "exclude", "NOSPACE"))
		reason = "ALARM NOSPACE";
	else if (has_failed(call, CORRUPTION) && !asks(call, "exclude", "CORRUPT"))
		reason = "ALARM CORRUPT";
	else if (is_linear && has_failed(call, NO_LEADER))
		reason = "RAFT NO LEADER";
	else if (is_linear && has_failed(call, LINEARIZABLE))
		reason = "RANGE ERROR:etcdserver: request timed out";
	else if (has_failed(call, SERIALIZABLE))
		reason = "RANGE ERROR:etcdserver: no state yet";
	const bool ok = reason[0] == 0;
	rk_etcd_count_health(call->thread->etcd, ok);
	rk_buf_printf(&text, "{\"health\":\"%s\",\"reason\":\"%s\"}", ok ? "true" : "false",
		      reason);
	rk_etcd_respond(call->exchange, ok ? 200 : 503, "application/json", rk_buf_span(&text));
	rk_buf_done(&text);
}

static void answer(struct rk_etcd_call *call)
{
	if (rk_span_is(rk_http_request(call->exchange)->path, "/health"))
		answer_health(call);
	else
		answer_checks(call);
}

/* --- asking --- */

static void read_resumed(struct rk_etcd_call *call, struct rk_feed_answer *got)
{
	fail(call, LINEARIZABLE, got->err != RK_OK);
	answer(call);
}

static void status_resumed(struct rk_etcd_call *call, struct rk_feed_answer *got)
{
	const struct rk_span doc = rk_blob_span(got->count > 0 ? got->results[0].doc : NULL);

	fail(call, CORRUPTION, rk_doc_bool(doc, "quarantined", false));
	fail(call, SERIALIZABLE, call->thread->view == NULL);
	fail(call, NON_LEARNER, rk_span_is(rk_doc_text(doc, "role"), "learner"));
	fail(call, NO_SPACE, rk_doc_bool(doc, "diskFull", false));
	fail(call, NO_LEADER, rk_doc_int(doc, "leader", 0) == 0);
	if (!is_asked(call, LINEARIZABLE) || has_failed(call, NO_LEADER)) {
		fail(call, LINEARIZABLE, has_failed(call, NO_LEADER));
		answer(call);
		return;
	}
	call->deadline_ms = rk_clock_mono_ms() + READ_MS;
	rk_etcd_await_read(call, read_resumed);
}

void rk_etcd_health(struct rk_etcd_call *call) { rk_etcd_await_status(call, status_resumed); }
