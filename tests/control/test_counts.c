#include <criterion/criterion.h>

#include "base/buf.h"
#include "base/mem.h"
#include "control/api/counts.h"

struct fix {
	const struct rk_kinds *kinds;
	struct rk_arena arena;
	struct rk_api_counts *threads[2];
};

static struct fix fix_new(void)
{
	return (struct fix){ .kinds = rk_kinds_new(),
			     .threads = { rk_zalloc(sizeof(struct rk_api_counts)),
					  rk_zalloc(sizeof(struct rk_api_counts)) } };
}

static void fix_done(struct fix *fix)
{
	for (size_t i = 0; i < 2; i++) {
		rk_counts_done(fix->threads[i]);
		free(fix->threads[i]);
	}
	rk_arena_done(&fix->arena);
	(void)rk_kinds_free(fix->kinds);
}

static struct rk_api_series *begin(struct fix *fix, size_t thread, const char *verb, const char *path)
{
	struct rk_route route;

	rk_route_parse(&fix->arena, fix->kinds, rk_span_str(path), &route);
	return rk_counts_begin(fix->threads[thread], verb, &route);
}

static const char *text_of(struct fix *fix)
{
	struct rk_buf out = { 0 };

	rk_counts_write(&out, fix->threads, 2);
	const char *text = rk_arena_str(&fix->arena, rk_buf_span(&out));
	rk_buf_done(&out);
	return text;
}

static void expect_line(const char *text, const char *line)
{
	cr_expect_not_null(strstr(text, line), "%s\nis not in\n%s", line, text);
}

Test(counts, add_up_over_threads)
{
	struct fix fix = fix_new();

	for (size_t i = 0; i < 5; i++)
		rk_counts_end(fix.threads[i % 2], begin(&fix, i % 2, "get", "/api/v1/namespaces/a/pods/b"),
			      i == 4 ? 404 : 200, 300);
	rk_counts_end(fix.threads[0],
		      begin(&fix, 0, "create", "/apis/apps/v1/namespaces/a/deployments"), 201, 9999999);
	(void)begin(&fix, 1, "watch", "/api/v1/pods");
	rk_counts_event(fix.threads[0]);
	rk_counts_event(fix.threads[1]);
	const char *text = text_of(&fix);
#define POD \
	"component=\"apiserver\",group=\"\",resource=\"pods\",scope=\"resource\",subresource=\"\",verb=\"GET\",version=\"v1\""
#define NEW \
	"component=\"apiserver\",group=\"apps\",resource=\"deployments\",scope=\"namespace\"," \
	"subresource=\"\",verb=\"POST\",version=\"v1\""
	expect_line(text, "apiserver_request_total{code=\"200\"," POD "} 4\n");
	expect_line(text, "apiserver_request_total{code=\"404\"," POD "} 1\n");
	expect_line(text, "_bucket{" POD ",le=\"0.00025\"} 0\n");
	expect_line(text, "_bucket{" POD ",le=\"0.0005\"} 5\n");
	expect_line(text, "_bucket{" NEW ",le=\"5\"} 0\n");
	expect_line(text, "_bucket{" NEW ",le=\"+Inf\"} 1\n");
	expect_line(text, "_count{" NEW "} 1\n");
	expect_line(text, "apiserver_longrunning_requests{verb=\"WATCH\"} 1\n");
	expect_line(text, "apiserver_current_inflight_requests{request_kind=\"readOnly\"} 0\n");
	expect_line(text, "apiserver_watch_events_total 2\n");
	fix_done(&fix);
}

/* Whatever clients ask for, memory stays bounded and nothing goes uncounted. */
Test(counts, have_an_end)
{
	struct fix fix = fix_new();
	const size_t kinds = rk_kinds_count(fix.kinds);
	static const char *const verbs[] = { "get",   "list",  "watch",  "create",           "update",
					     "patch", "delete", "connect", "deletecollection", NULL };
	struct rk_api_series *made_up = begin(&fix, 0, "get", "/api/v1/namespaces/a/pods/b/no\"thing");
	uint64_t total = 0;

	cr_expect_str_eq(made_up->resource, "");
	cr_expect_eq(made_up, begin(&fix, 0, "get", "/nowhere"));
	for (size_t i = 0; i < kinds * RK_COUNT(verbs) * 12; i++) {
		const struct rk_kind *kind = rk_kinds_at(fix.kinds, i % kinds);
		const char *sub = kind->subresources[0] != NULL ? kind->subresources[0] : "";
		const struct rk_route route = {
			.kind = kind,
			.ns = i / kinds % 2 ? RK_SPAN("a") : RK_SPAN(""),
			.name = i / kinds % 3 ? RK_SPAN("b") : RK_SPAN(""),
			.sub = i / kinds % 2 ? rk_span_str(sub) : RK_SPAN(""),
		};
		rk_counts_end(fix.threads[0], rk_counts_begin(fix.threads[0], verbs[i / kinds / 12], &route), 200, 1);
	}
	cr_expect_geq(fix.threads[0]->series_count, RK_API_SERIES / 4 * 3);
	cr_expect_leq(fix.threads[0]->series_count, RK_API_SERIES / 4 * 3 + RK_COUNT(verbs));
	for (size_t i = 0; i < RK_API_SERIES; i++)
		if (fix.threads[0]->series[i] != NULL)
			total += fix.threads[0]->series[i]->codes[0];
	cr_expect_eq(total, kinds * RK_COUNT(verbs) * 12);
	fix_done(&fix);
}
