/* Tokens for pods, against an API that refuses, answers and is asked again. */
#include <criterion/criterion.h>

#include "base/clock_io.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "node/tokens_io.h"
#include "wire/http_io.h"
#include "wire/json.h"
#include "wire/yaml.h"

#define LIFE_MS 6000 /* of the tokens of this API: asked for again after five seconds, the least there is */

struct fix {
	struct ev_loop *loop;
	struct rk_http_server *server;
	struct rk_apiclient *api;
	struct rk_tokens *tokens;
	struct rk_arena arena;
	unsigned asked, changed;
	unsigned refusals; /* that come before an answer */
	char target[256];
	const struct rk_val *body; /* of the last question */
	bool is_unwanted;
};

static void on_request(void *context, struct rk_http_exchange *exchange)
{
	struct fix *fix = context;
	const struct rk_http_request *request = rk_http_request(exchange);
	RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };
	struct rk_val *body = NULL;
	char until[RK_TIME_TEXT_MAX];

	(void)snprintf(fix->target, sizeof fix->target, "%.*s %.*s", RK_SPAN_ARGS(request->method),
		       RK_SPAN_ARGS(request->path));
	cr_assert_eq(rk_json_parse(&fix->arena, rk_arena_span(&fix->arena, request->body), 0, &body, NULL), RK_OK);
	fix->body = body;
	fix->asked++;
	if (fix->refusals > 0) {
		fix->refusals--;
		rk_buf_put_str(&text, "{\"kind\":\"Status\",\"message\":\"not for you\"}");
		rk_http_respond(exchange, 403, NULL, 0, rk_blob_copy(rk_buf_span(&text)));
		return;
	}
	(void)rk_time_format(until, rk_clock_wall_ms() + LIFE_MS);
	rk_buf_printf(&text, "{\"status\":{\"token\":\"token-%u\",\"expirationTimestamp\":\"%s\"}}", fix->asked, until);
	rk_http_respond(exchange, 201, NULL, 0, rk_blob_copy(rk_buf_span(&text)));
}

static void on_gone(void *context, struct rk_http_exchange *exchange) { (void)context, (void)exchange; }

static bool is_wanted(void *context, struct rk_span uid)
{
	(void)uid;
	return !((struct fix *)context)->is_unwanted;
}

static void on_changed(void *context, struct rk_span uid)
{
	cr_expect(rk_span_is(uid, "u-1"));
	((struct fix *)context)->changed++;
}

static void open_fix(struct fix *fix)
{
	uint16_t port;
	int fd;
	char address[32];
	struct rk_error error = { 0 };

	*fix = (struct fix){ .loop = ev_loop_new(EVFLAG_AUTO) };
	cr_assert_eq(rk_listen("127.0.0.1:0", false, &fd, &port, &error), RK_OK, "%s", error.text);
	const struct rk_http_server_opts opts = { .loop = fix->loop, .listen_fd = fd, .body_max = 65536, .connections_max = 8,
						  .context = fix, .request = on_request, .gone = on_gone };
	cr_assert_eq(rk_http_server_new(&fix->server, &opts), RK_OK);
	(void)snprintf(address, sizeof address, "127.0.0.1:%u", port);
	const char *const servers[] = { address, NULL };
	cr_assert_eq(rk_apiclient_new(&fix->api, fix->loop, servers, NULL, &error), RK_OK, "%s", error.text);
	fix->tokens = rk_tokens_new(&(struct rk_tokens_opts){ fix->api, fix, is_wanted, on_changed });
}

static void close_fix(struct fix *fix)
{
	(void)rk_apiclient_free(fix->api);
	(void)rk_tokens_free(fix->tokens);
	(void)rk_http_server_free(fix->server);
	ev_loop_destroy(fix->loop);
	rk_arena_done(&fix->arena);
}

static void run_until(struct fix *fix, const unsigned *counter, unsigned want, unsigned ms)
{
	const uint64_t until = rk_clock_mono_ms() + ms;

	while (*counter < want && rk_clock_mono_ms() < until) {
		ev_run(fix->loop, EVRUN_NOWAIT);
		(void)usleep(1000);
	}
	cr_assert_geq(*counter, want, "%u", *counter);
}

static const char pod_text[] =
	"{metadata: {name: p, namespace: ns, uid: u-1}, spec: {serviceAccountName: robot, volumes: [{name: v, projected: "
	"{sources: [{serviceAccountToken: {path: t, audience: vault, expirationSeconds: 600}}, {configMap: {name: c}}]}}]}}";

static const struct rk_val *pod_of(struct fix *fix)
{
	struct rk_val *docs = NULL;

	cr_assert_eq(rk_yaml_parse(&fix->arena, rk_span_str(pod_text), &docs, NULL), RK_OK);
	return rk_val_item(docs, 0);
}

static const struct rk_val *source_of(const struct rk_val *pod)
{
	const struct rk_val *sources = rk_val_at(rk_val_item(rk_val_at(pod, "spec.volumes"), 0), "projected.sources");

	return rk_val_at(rk_val_item(sources, 0), "serviceAccountToken");
}

static int find(const struct fix *fix, const struct rk_val *pod, struct rk_span *ret, struct rk_error *error)
{
	return rk_tokens_find(fix->tokens, RK_SPAN("u-1"), source_of(pod), ret, error);
}

Test(tokens, are_asked_for_and_renewed, .timeout = 30)
{
	struct fix fix;
	struct rk_span text = { 0 };
	struct rk_error error = { 0 };

	open_fix(&fix);
	const struct rk_val *pod = pod_of(&fix);
	fix.refusals = 1;
	cr_expect_eq(find(&fix, pod, &text, &error), RK_EAGAIN);
	rk_tokens_add(fix.tokens, pod);
	rk_tokens_add(fix.tokens, pod); /* each is asked for once */
	run_until(&fix, &fix.asked, 1, 2000);
	cr_expect_str_eq(fix.target, "POST /api/v1/namespaces/ns/serviceaccounts/robot/token");
	RK_AUTO(rk_buf_done) struct rk_buf body = { 0 };
	rk_json_write(&body, rk_val_at(fix.body, "spec"), false);
	cr_expect_str_eq(rk_buf_cstr(&body),
			 "{\"boundObjectRef\":{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"name\":\"p\",\"uid\":\"u-1\"},"
			 "\"audiences\":[\"vault\"],\"expirationSeconds\":600}");
	for (int i = 0; i < 200 && find(&fix, pod, &text, &error) == RK_EAGAIN; i++) {
		ev_run(fix.loop, EVRUN_NOWAIT);
		(void)usleep(5000);
	}
	cr_expect_eq(find(&fix, pod, &text, &error), RK_EPERM);
	cr_expect_str_eq(error.text, "failed to fetch token: not for you");
	run_until(&fix, &fix.changed, 1, 3000);
	cr_assert_eq(find(&fix, pod, &text, &error), RK_OK);
	cr_expect(rk_span_is(text, "token-2"));
	run_until(&fix, &fix.changed, 2, 8000);
	cr_assert_eq(find(&fix, pod, &text, &error), RK_OK);
	cr_expect(rk_span_is(text, "token-3"));
	cr_expect_eq(fix.asked, 3);
	rk_tokens_forget(fix.tokens, RK_SPAN("u-1"));
	cr_expect_eq(find(&fix, pod, &text, &error), RK_EAGAIN);
	close_fix(&fix);
}

Test(tokens, end_with_their_pod, .timeout = 30)
{
	struct fix fix;
	struct rk_span text = { 0 };

	open_fix(&fix);
	const struct rk_val *pod = pod_of(&fix);
	fix.is_unwanted = true;
	rk_tokens_add(fix.tokens, pod);
	for (int i = 0; i < 50; i++) {
		ev_run(fix.loop, EVRUN_NOWAIT);
		(void)usleep(2000);
	}
	cr_expect_eq(fix.asked, 0);
	/* Forgotten while it is being asked for. */
	fix.is_unwanted = false;
	rk_tokens_add(fix.tokens, pod);
	run_until(&fix, &fix.asked, 1, 2000);
	rk_tokens_forget(fix.tokens, RK_SPAN("u-1"));
	for (int i = 0; i < 50; i++) {
		ev_run(fix.loop, EVRUN_NOWAIT);
		(void)usleep(2000);
	}
	cr_expect_eq(fix.changed, 0);
	cr_expect_eq(find(&fix, pod, &text, NULL), RK_EAGAIN);
	close_fix(&fix);
}

Test(tokens, renewal)
{
	const int64_t hour = 3600000;

	for (uint64_t random = 0; random < 20000; random += 777) {
		cr_expect_leq(rk_token_renew_ms(hour, random), hour / 5 * 4);
		cr_expect_geq(rk_token_renew_ms(hour, random), hour / 5 * 4 - 10000);
		cr_expect_leq(rk_token_renew_ms(1000 * hour, random), 24 * hour);
		cr_expect_geq(rk_token_renew_ms(1000 * hour, random), 24 * hour - 10000);
		cr_expect_geq(rk_token_renew_ms(-hour, random), 1000);
	}
}
