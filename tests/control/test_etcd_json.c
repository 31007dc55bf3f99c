/* The JSON gateway's forms: what becomes which message, and back. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "base/mem.h"
#include "control/etcd/routes.h"
#include "etcd_world.h"
#include "wire/json.h"
#include "wire/proto.h"

/* Reads `text` as the request of a path; RK_OK and the message, or the error's text. */
static int read_json(const char *path, const char *text, struct rk_buf *out, struct rk_error *error)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	const struct rk_etcd_route *route = rk_etcd_route_of(rk_span_str(path));
	struct rk_val *val = NULL;

	cr_assert_not_null(route, "%s", path);
	cr_assert_eq(rk_json_parse(&arena, rk_span_str(text), 0, &val, NULL), RK_OK, "%s", text);
	return rk_protojson_read(&arena, route->request, val, out, error);
}

static void write_json(const struct rk_protojson *message, struct rk_span bytes, struct rk_buf *out)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };

	cr_assert_eq(rk_protojson_write(&arena, message, bytes, out), RK_OK);
}

Test(etcd_json, requests_there_and_back)
{
	static const struct {
		const char *path, *in;
		const char *out; /* NULL: as it came */
	} cases[] = {
		{ "/v3/kv/range", "{}", NULL },
		{ "/v3/kv/range", "{\"key\":\"Zm9v\",\"limit\":\"5\",\"keys_only\":true}", NULL },
		{ "/v3/kv/range", "{\"rangeEnd\":\"Zm9v\",\"minModRevision\":7}",
		  "{\"range_end\":\"Zm9v\",\"min_mod_revision\":\"7\"}" },
		{ "/v3/kv/range", "{\"sort_order\":\"DESCEND\",\"sort_target\":3}",
		  "{\"sort_order\":\"DESCEND\",\"sort_target\":\"MOD\"}" },
		{ "/v3/kv/range", "{\"key\":null,\"unknown\":[1,{}],\"limit\":0}", "{}" },
		{ "/v3/kv/put", "{\"key\":\"_-8\"}", "{\"key\":\"/+8=\"}" },
		{ "/v3/kv/put", "{\"key\":\"Zg\",\"value\":\"\"}", "{\"key\":\"Zg==\"}" },
		{ "/v3/kv/put", "{\"lease\":\"-9223372036854775808\"}", NULL },
		{ "/v3/kv/txn",
		  "{\"compare\":[{\"result\":\"NOT_EQUAL\",\"target\":\"LEASE\",\"key\":\"Zg==\","
		  "\"lease\":\"4\"}],\"success\":[{\"request_put\":{\"key\":\"Zg==\"}},{\"request_"
		  "txn\":{\"failure\":[{\"request_range\":{}}]}}]}",
		  NULL },
		{ "/v3/watch", "{\"create_request\":{\"key\":\"Zg==\",\"filters\":[\"NOPUT\"]}}",
		  NULL },
		{ "/v3/watch", "{\"progressRequest\":{}}", "{\"progress_request\":{}}" },
		{ "/v3/lease/grant", "{\"TTL\":30,\"ID\":\"7\"}", "{\"TTL\":\"30\",\"ID\":\"7\"}" },
		{ "/v3/cluster/member/add",
		  "{\"peerURLs\":[\"https://a:1\",\"\"],\"isLearner\":true}", NULL },
		{ "/v3/cluster/member/remove", "{\"ID\":\"18446744073709551615\"}", NULL },
		{ "/v3/auth/role/grant",
		  "{\"name\":\"r\",\"perm\":{\"permType\":\"READWRITE\",\"key\":\"YQ==\"}}", NULL },
		{ "/v3/auth/user/add", "{\"name\":\"\\\"x\\\"\",\"options\":{\"noPassword\":true}}",
		  "{\"name\":\"\\\"x\\\"\",\"options\":{\"no_password\":true}}" },
		{ "/v3/maintenance/alarm", "{\"action\":\"DEACTIVATE\",\"alarm\":9}", NULL },
	};

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		struct rk_buf message = { 0 }, text = { 0 };
		struct rk_error error = { 0 };
		const struct rk_etcd_route *route = rk_etcd_route_of(rk_span_str(cases[i].path));
		cr_assert_eq(read_json(cases[i].path, cases[i].in, &message, &error), RK_OK,
			     "%s: %s", cases[i].in, error.text);
		write_json(route->request, rk_buf_span(&message), &text);
		cr_text(rk_buf_cstr(&text), cases[i].out != NULL ? cases[i].out : cases[i].in);
		rk_buf_done(&message);
		rk_buf_done(&text);
	}
}

Test(etcd_json, what_a_field_cannot_have)
{
	static const struct {
		const char *path, *in, *why;
	} cases[] = {
		{ "/v3/kv/range", "[]", "range_request must be an object" },
		{ "/v3/kv/range", "{\"key\":5}", "field \"key\" must be a string" },
		{ "/v3/kv/range", "{\"key\":\"Z\"}", "field \"key\" must be base64" },
		{ "/v3/kv/range", "{\"key\":\"Zg=A\"}", "field \"key\" must be base64" },
		{ "/v3/kv/range", "{\"limit\":\"x\"}",
		  "field \"limit\" must be a number of 64 bits" },
		{ "/v3/kv/range", "{\"limit\":\"9223372036854775808\"}",
		  "field \"limit\" must be a number of 64 bits" },
		{ "/v3/kv/range", "{\"limit\":1.5}",
		  "field \"limit\" must be a number of 64 bits" },
		{ "/v3/kv/range", "{\"keys_only\":\"true\"}",
		  "field \"keys_only\" must be true or false" },
		{ "/v3/kv/range", "{\"sort_order\":\"UP\"}",
		  "field \"sort_order\" must be one of the enum's names" },
		{ "/v3/cluster/member/remove", "{\"ID\":-1}",
		  "field \"ID\" must be a number that is not negative" },
		{ "/v3/cluster/member/add", "{\"peerURLs\":\"x\"}",
		  "field \"peerURLs\" must be a list" },
	};

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		struct rk_buf message = { 0 };
		struct rk_error error = { 0 };
		cr_expect_eq(read_json(cases[i].path, cases[i].in, &message, &error), RK_EINVAL,
			     "%s", cases[i].in);
		cr_expect_str_eq(error.text, cases[i].why, "%s, not %s", error.text, cases[i].why);
		rk_buf_done(&message);
	}
}

/* One inside the other, deeper than any request may be. */
Test(etcd_json, a_transaction_that_is_too_deep)
{
	struct rk_buf text = { 0 }, message = { 0 };

	for (int i = 0; i < 40; i++)
		rk_buf_put_str(&text, "{\"success\":[{\"request_txn\":");
	rk_buf_put_str(&text, "{}");
	for (int i = 0; i < 40; i++)
		rk_buf_put_str(&text, "}]}");
	cr_assert_eq(read_json("/v3/kv/txn", rk_buf_cstr(&text), &message, NULL), RK_ETOOBIG);
	rk_buf_done(&text);
	rk_buf_done(&message);
}

Test(etcd_json, an_answer)
{
	const struct rk_etcd_route *route = rk_etcd_route_of(RK_SPAN("/v3/kv/range"));
	struct rk_buf body = { 0 }, header = { 0 }, kv = { 0 }, text = { 0 };

	rk_proto_put_number(&header, 1, UINT64_MAX);
	rk_proto_put_number(&header, 3, 7);
	rk_etcd_kv_write(&kv, &(struct rk_etcd_kv){ .key = RK_SPAN("a"), .version = 1 });
	rk_proto_put_message(&body, 1, rk_buf_span(&header));
	rk_proto_put_message(&body, 2, rk_buf_span(&kv));
	rk_proto_put_message(&body, 2, RK_SPAN(""));
	rk_proto_put_number(&body, 3, 1);
	rk_proto_put_number(&body, 99, 1);
	write_json(route->response, rk_buf_span(&body), &text);
	cr_text(rk_buf_cstr(&text), "{\"header\":{\"cluster_id\":\"18446744073709551615\","
				    "\"revision\":\"7\"},\"kvs\":[{"
				    "\"key\":\"YQ==\",\"version\":\"1\"},{}],\"more\":true}");
	rk_buf_done(&body);
	rk_buf_done(&header);
	rk_buf_done(&kv);
	rk_buf_done(&text);
}

Test(etcd_json, objects_one_after_the_other)
{
	static const struct {
		const char *in;
		bool is_last;
		const char *cut, *left; /* cut NULL: there is none yet */
	} cases[] = {
		{ "", true, NULL, "" },
		{ " \n", true, NULL, "" },
		{ "{}", false, "{}", "" },
		{ "  {\"a\":{}}\n{}", false, "{\"a\":{}}", "\n{}" },
		{ "{\"a\":\"}\\\"}\"} ", false, "{\"a\":\"}\\\"}\"}", " " },
		{ "{\"a\":", false, NULL, "{\"a\":" },
		{ "{\"a\":", true, "{\"a\":", "{\"a\":" },
		{ "{\"a\\", false, NULL, "{\"a\\" },
		{ "[{}]{}", false, "[{}]", "{}" },
		{ "}{}", false, "}", "{}" },
		{ "12", true, "12", "12" },
	};

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		struct rk_span bytes = rk_span_str(cases[i].in), cut = { NULL, 0 };
		const bool any = rk_protojson_cut(&bytes, cases[i].is_last, &cut);
		cr_expect_eq(any, cases[i].cut != NULL, "%s", cases[i].in);
		cr_expect(!any || rk_span_is(cut, cases[i].cut), "%s: %.*s", cases[i].in,
			  RK_SPAN_ARGS(cut));
		cr_expect(rk_span_is(bytes, cases[i].left), "%s: %.*s is left", cases[i].in,
			  RK_SPAN_ARGS(bytes));
	}
}
