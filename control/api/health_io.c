/* /healthz, /livez and /readyz, whole or one check of them (/readyz/leader), as upstream's API server words them. */
#include "base/mem.h"
#include "control/api/server.h"

struct check {
	const char *name;
	bool of_readyz_alone; /* what is alive need not be ready */
	bool (*passes)(const struct rk_api_thread *thread);
	const char *why_not;
};

static bool pings(const struct rk_api_thread *thread) { return thread != NULL; }
static bool has_state(const struct rk_api_thread *thread) { return thread->is_ready; }
static bool has_leader(const struct rk_api_thread *thread) { return thread->leader_id != 0; }

static const struct check checks[] = {
	{ "ping", false, pings, "" },
	{ "state", true, has_state, "recovering, or no entry has been applied yet" },
	{ "leader", true, has_leader, "none is known" },
};

static bool is_among(const struct rk_req *req, const struct check *check)
{
	const bool asks_ready = rk_span_is(req->route.sub, "readyz");

	return (asks_ready || !check->of_readyz_alone) &&
	       (req->route.name.size == 0 || rk_span_is(req->route.name, check->name));
}

/* Whether ?exclude= names it; it may be given more than once. */
static bool is_excluded(struct rk_req *req, const struct check *check)
{
	struct rk_span name, value;

	for (size_t at = 0; rk_query_next(&req->arena, req->http->query, &at, &name, &value);)
		if (rk_span_is(name, "exclude") && rk_span_is(value, check->name))
			return true;
	return false;
}

static void warn_of_others(struct rk_req *req, struct rk_buf *out)
{
	struct rk_span name, value;

	for (size_t at = 0; rk_query_next(&req->arena, req->http->query, &at, &name, &value);) {
		bool is_known = false;
		for (size_t i = 0; i < RK_COUNT(checks); i++)
			is_known = is_known || rk_span_is(value, checks[i].name);
		if (rk_span_is(name, "exclude") && !is_known)
			rk_buf_printf(out, "warn: some health checks cannot be excluded: no matches for \"%.*s\"\n",
				      RK_SPAN_ARGS(rk_span_sub(value, 0, RK_MIN(value.size, (size_t)64))));
	}
}

static bool asks_for_all(struct rk_req *req)
{
	struct rk_span value;

	return rk_query_get(&req->arena, req->http->query, "verbose", &value);
}

void rk_api_health(struct rk_req *req)
{
	struct rk_buf out = { 0 };
	bool is_well = true;
	size_t count = 0;

	for (size_t i = 0; i < RK_COUNT(checks); i++) {
		const struct check *check = &checks[i];
		if (!is_among(req, check))
			continue;
		count++;
		if (is_excluded(req, check)) {
			rk_buf_printf(&out, "[+]%s excluded: ok\n", check->name);
		} else if (check->passes(req->thread)) {
			rk_buf_printf(&out, "[+]%s ok\n", check->name);
		} else {
			rk_buf_printf(&out, "[-]%s failed: %s\n", check->name, check->why_not);
			is_well = false;
		}
	}
	if (count == 0) {
		rk_buf_done(&out);
		rk_req_not_found(req);
		return;
	}
	warn_of_others(req, &out);
	rk_buf_printf(&out, "%.*s check %s\n", RK_SPAN_ARGS(req->route.sub), is_well ? "passed" : "failed");
	rk_req_send(req, is_well ? 200 : 500, "text/plain; charset=utf-8",
		    rk_blob_copy(is_well && !asks_for_all(req) ? RK_SPAN("ok") : rk_buf_span(&out)));
	rk_buf_done(&out);
}
