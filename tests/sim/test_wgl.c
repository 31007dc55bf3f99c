/* The search that looks at no revision. */
#include <criterion/criterion.h>

#include "base/mem.h"
#include "sim/check_wgl.h"
#include "tests/sim/script.h"

static const struct {
	const char *name;
	int want;
	const char *text;
} cases[] = {
	{ "one after the other", RK_OK,
	  "c1 1-2 put a=1 @2\nc1 3-4 get a @2 a=1/2/2/1\nc1 5-6 del a @3 n1\nc1 7-8 get a @3\n" },
	{ "at once, in an order that only the reads tell", RK_OK,
	  "c1 1-9 put a=1 @0\nc2 1-9 put a=2 @0\nc3 4-5 get a @0 a=2/0/0/1\nc3 6-7 get a @0 "
	  "a=1/0/0/2\n" },
	{ "there and back", RK_ECORRUPT,
	  "c1 1-9 put a=1 @0\nc2 1-9 put a=2 @0\nc3 4-5 get a @0 a=2/0/0/2\nc3 6-7 get a @0 "
	  "a=1/0/0/1\n" },
	{ "an old value", RK_ECORRUPT,
	  "c1 1-2 put a=1 @0\nc1 3-4 put a=2 @0\nc2 5-6 get a @0 a=1/0/0/1\n" },
	{ "two that both won", RK_ECORRUPT,
	  "c1 1-9 txn a.version=0 put a=1 @0 yes\nc2 1-9 txn a.version=0 put a=2 @0 yes\n" },
	{ "one that won, by the revision of creation", RK_OK,
	  "c1 1-9 txn a.created=0 put a=1 | get a @0 no a=2/0/0/1\nc2 1-9 txn a.created=0 put a=2 "
	  "@0 yes\n" },
	{ "without an answer, and seen", RK_OK, "c1 1-? put a=1\nc2 5-6 get a @0 a=1/0/0/1\n" },
	{ "without an answer, and seen late", RK_OK,
	  "c1 1-? put a=1\nc2 3-4 get a @0\nc2 5-6 get a @0 a=1/0/0/1\n" },
	{ "without an answer, seen, and gone", RK_ECORRUPT,
	  "c1 1-? put a=1\nc2 3-4 get a @0 a=1/0/0/1\nc2 5-6 get a @0\n" },
	{ "before it was asked for", RK_ECORRUPT, "c2 1-2 get a @0 a=1/0/0/1\nc1 3-? put a=1\n" },
	{ "a serializable read is left out", RK_OK,
	  "c1 1-2 put a=1 @0\nc1 3-4 put a=2 @0\nc2 5-6 get a ser @0 a=1/0/0/1\n" },
	{ "revisions are not known", RK_ENOTSUP, "c1 1-2 txn a.mod=4 put a=1 @0 yes\n" },
};

Test(wgl, cases)
{
	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		struct rk_findings findings = { 0 };
		struct rk_history history;
		script_read(cases[i].text, &history);
		cr_expect_eq(rk_check_wgl(&history, &findings), cases[i].want, "%s: %s",
			     cases[i].name, rk_buf_cstr(&findings.text));
		cr_expect_eq(findings.count, cases[i].want == RK_ECORRUPT, "%s", cases[i].name);
		rk_findings_done(&findings);
		rk_history_done(&history);
	}
}
