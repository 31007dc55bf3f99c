#include <criterion/criterion.h>

#include "base/mem.h"
#include "net/dns_message.h"

#define HEAD(flags, qd, an, ns, ar) "\x12\x34" flags "\0" qd "\0" an "\0" ns "\0" ar
#define WEB                         "\3wEb\7example\0\0\1\0\1"

static const struct {
	const char *name;
	struct rk_span message;
	int rc;
	enum rk_dns_code code;
	uint16_t room;
	const char *asked;
} queries[] = {
	{ "plain", RK_SPAN(HEAD("\1\0", "\1", "\0", "\0", "\0") WEB), 0, RK_DNS_NOERROR, 512,
	  "web.example" },
	{ "the root", RK_SPAN(HEAD("\1\0", "\1", "\0", "\0", "\0") "\0\0\1\0\1"), 0, RK_DNS_NOERROR,
	  512, "" },
	{ "EDNS0", RK_SPAN(HEAD("\1\0", "\1", "\0", "\0", "\1") WEB "\0\0\x29\x10\0\0\0\0\0\0\0"),
	  0, RK_DNS_NOERROR, 1232, "web.example" },
	{ "EDNS0, little room",
	  RK_SPAN(HEAD("\1\0", "\1", "\0", "\0", "\1") WEB "\0\0\x29\0\x10\0\0\0\0\0\0"), 0,
	  RK_DNS_NOERROR, 512, "web.example" },
	{ "EDNS1", RK_SPAN(HEAD("\1\0", "\1", "\0", "\0", "\1") WEB "\0\0\x29\x10\0\0\1\0\0\0\0"),
	  0, RK_DNS_BADVERS, 1232, "web.example" },
	{ "EDNS0 twice",
	  RK_SPAN(HEAD("\1\0", "\1", "\0", "\0", "\2") WEB
		  "\0\0\x29\x10\0\0\0\0\0\0\0\0\0\x29\x10\0\0\0\0\0\0\0"),
	  0, RK_DNS_FORMERR, 512, NULL },
	{ "a record that is not there", RK_SPAN(HEAD("\1\0", "\1", "\0", "\0", "\1") WEB), 0,
	  RK_DNS_FORMERR, 512, NULL },
	{ "an answer", RK_SPAN(HEAD("\x81\0", "\1", "\0", "\0", "\0") WEB), RK_EINVAL, 0, 0, NULL },
	{ "short", RK_SPAN("\x12\x34\1\0\0\1\0\0\0\0\0"), RK_EINVAL, 0, 0, NULL },
	{ "no question", RK_SPAN(HEAD("\1\0", "\0", "\0", "\0", "\0")), 0, RK_DNS_FORMERR, 512,
	  NULL },
	{ "two questions", RK_SPAN(HEAD("\1\0", "\2", "\0", "\0", "\0") WEB WEB), 0, RK_DNS_FORMERR,
	  512, NULL },
	{ "status", RK_SPAN(HEAD("\x11\0", "\1", "\0", "\0", "\0") WEB), 0, RK_DNS_NOTIMP, 512,
	  NULL },
	{ "a pointer to itself", RK_SPAN(HEAD("\1\0", "\1", "\0", "\0", "\0") "\xc0\x0c\0\1\0\1"),
	  0, RK_DNS_FORMERR, 512, NULL },
	{ "a label that goes on behind the end",
	  RK_SPAN(HEAD("\1\0", "\1", "\0", "\0", "\0") "\x3fweb"), 0, RK_DNS_FORMERR, 512, NULL },
	{ "class CHAOS", RK_SPAN(HEAD("\1\0", "\1", "\0", "\0", "\0") "\3web\0\0\1\0\3"), 0,
	  RK_DNS_REFUSED, 512, "web" },
	{ "a dot in a label", RK_SPAN(HEAD("\1\0", "\1", "\0", "\0", "\0") "\3w.b\0\0\1\0\1"), 0,
	  RK_DNS_NOERROR, 512, "w?b" },
};

Test(dns_message, queries)
{
	for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
		struct rk_dns_query query = { 0 };
		cr_expect_eq(rk_dns_query_parse(queries[i].message, &query), queries[i].rc, "%s",
			     queries[i].name);
		if (queries[i].rc < 0)
			continue;
		cr_expect_eq(query.id, 0x1234, "%s", queries[i].name);
		cr_expect_eq(query.code, queries[i].code, "%s: %d", queries[i].name, query.code);
		cr_expect_eq(query.room, queries[i].room, "%s: %u", queries[i].name, query.room);
		if (queries[i].asked != NULL)
			cr_expect_str_eq(query.name, queries[i].asked, "%s", queries[i].name);
	}
}

Test(dns_message, every_prefix_of_a_query_is_refused_or_whole)
{
	const struct rk_span whole =
		RK_SPAN(HEAD("\1\0", "\1", "\0", "\0", "\1") WEB "\0\0\x29\x10\0\0\0\0\0\0\0");

	for (size_t size = 0; size < whole.size; size++) {
		struct rk_dns_query query = { 0 };
		if (rk_dns_query_parse(rk_span_sub(whole, 0, size), &query) == RK_OK)
			cr_expect_eq(query.code, RK_DNS_FORMERR, "%zu bytes", size);
	}
}

Test(dns_message, a_reply)
{
	static const char want[] =
		"\x12\x34\x85\x80\0\1\0\1\0\0\0\0" WEB "\xc0\x0c\0\1\0\1\0\0\0\5\0\4\x0a\1\2\3";
	RK_AUTO(rk_buf_done) struct rk_buf out = { 0 };
	struct rk_dns_query query;
	struct rk_dns_reply reply;
	const struct rk_dns_record record = {
		.name = "web.example", .type = RK_DNS_A, .ttl_s = 5, .address = 0x0a010203
	};

	cr_assert_eq(rk_dns_query_parse(queries[0].message, &query), 0);
	rk_dns_reply_begin(&reply, &out, &query, query.room);
	rk_dns_reply_add(&reply, RK_DNS_ANSWER, &record);
	rk_dns_reply_end(&reply, RK_DNS_NOERROR, true, true);
	cr_assert_eq(out.size, sizeof want - 1);
	cr_expect_eq(memcmp(out.data, want, out.size), 0);
	cr_expect(rk_dns_is_answer(rk_buf_span(&out), 0x1234, query.question));
	cr_expect_not(rk_dns_is_answer(rk_buf_span(&out), 0x1235, query.question));
	cr_expect_not(rk_dns_is_answer(queries[0].message, 0x1234, query.question));
	cr_expect_not(
		rk_dns_is_answer(rk_span_sub(rk_buf_span(&out), 0, 20), 0x1234, query.question));
}

Test(dns_message, what_does_not_fit_is_cut)
{
	RK_AUTO(rk_buf_done) struct rk_buf out = { 0 };
	struct rk_dns_query query;
	struct rk_dns_reply reply;
	const struct rk_dns_record record = { .name = "web.example", .type = RK_DNS_A };
	const struct rk_dns_record bad = { .name = "a..b", .type = RK_DNS_A };

	cr_assert_eq(rk_dns_query_parse(queries[2].message, &query), 0);
	rk_dns_reply_begin(&reply, &out, &query, 512);
	rk_dns_reply_add(&reply, RK_DNS_ANSWER, &bad);
	cr_expect_eq(reply.counts[RK_DNS_ANSWER], 0, "a name that cannot be written is left out");
	for (int i = 0; i < 100; i++)
		rk_dns_reply_add(&reply, RK_DNS_ANSWER, &record);
	rk_dns_reply_end(&reply, RK_DNS_NOERROR, true, false);
	cr_expect_leq(out.size, 512);
	cr_expect_gt(out.size, 490);
	cr_expect_eq(out.data[2] & 2, 2, "marked as cut");
	const size_t left = rk_dns_truncate(out.data, out.size);
	cr_expect_eq(left, RK_DNS_HEADER + query.question.size);
	cr_expect_eq(rk_dns_truncate(out.data, 14), 0);
	cr_expect_eq(rk_dns_truncate(out.data, 5), 0);
}
