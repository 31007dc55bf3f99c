/* Percent-encoding and queries. */
#include <criterion/criterion.h>

#include "base/arena.h"
#include "base/buf.h"
#include "wire/http_io.h"

Test(url, decode)
{
	static const struct {
		const char *text;
		bool is_query;
		const char *want; /* NULL: malformed */
	} cases[] = {
		{ "", false, "" },
		{ "abc", false, "abc" },
		{ "a%2Fb", false, "a/b" },
		{ "a%2fb%20", false, "a/b " },
		{ "a+b", false, "a+b" },
		{ "a+b%2B", true, "a b+" },
		{ "%", false, NULL },
		{ "%2", false, NULL },
		{ "a%2", false, NULL },
		{ "%zz", false, NULL },
		{ "%2g", false, NULL },
		{ "%%41", false, NULL },
		{ "%C3%A9", false, "\xc3\xa9" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct rk_arena arena = { 0 };
		struct rk_span got;
		const bool is_good =
			rk_url_decode(&arena, rk_span_str(cases[i].text), cases[i].is_query, &got);
		cr_expect_eq(is_good, cases[i].want != NULL, "%s", cases[i].text);
		if (is_good && cases[i].want != NULL)
			cr_expect(rk_span_is(got, cases[i].want), "%s", cases[i].text);
		rk_arena_done(&arena);
	}
}

Test(url, encode_and_back)
{
	struct rk_arena arena = { 0 };
	struct rk_buf out = { 0 };
	uint8_t all[256];
	struct rk_span back;

	for (int i = 0; i < 256; i++)
		all[i] = (uint8_t)i;
	rk_url_encode(&out, RK_SPAN("a-b_c.d~e /?&=+"));
	cr_expect_str_eq(rk_buf_cstr(&out), "a-b_c.d~e%20%2F%3F%26%3D%2B");
	rk_buf_clear(&out);
	rk_url_encode(&out, rk_span_of(all, 256));
	cr_assert(rk_url_decode(&arena, rk_buf_span(&out), true, &back));
	cr_expect(rk_span_eq(back, rk_span_of(all, 256)));
	rk_buf_done(&out);
	rk_arena_done(&arena);
}

Test(url, query)
{
	struct rk_arena arena = { 0 };
	const struct rk_span query =
		RK_SPAN("watch=true&&command=ls&command=-l%20x&empty=&bare&bad=%zz&=x&l=a%3Db");
	struct rk_span name, value;
	size_t at = 0, count = 0;

	cr_expect(rk_query_get(&arena, query, "watch", &value) && rk_span_is(value, "true"));
	cr_expect(rk_query_get(&arena, query, "command", &value) && rk_span_is(value, "ls"));
	cr_expect(rk_query_get(&arena, query, "empty", &value) && value.size == 0);
	cr_expect(rk_query_get(&arena, query, "bare", &value) && value.size == 0);
	cr_expect(rk_query_get(&arena, query, "l", &value) && rk_span_is(value, "a=b"));
	cr_expect_not(rk_query_get(&arena, query, "bad", &value));
	cr_expect_not(rk_query_get(&arena, query, "none", &value));
	cr_expect_not(rk_query_get(&arena, (struct rk_span){ NULL, 0 }, "x", &value));
	while (rk_query_next(&arena, query, &at, &name, &value))
		count++;
	cr_expect_eq(count, 7, "%zu", count);
	rk_arena_done(&arena);
}
