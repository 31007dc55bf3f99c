/* Strict serializability: for each thing that can be wrong a history that is right and one that is
 * not. */
#include <criterion/criterion.h>

#include "base/mem.h"
#include "sim/check_linear.h"
#include "tests/sim/script.h"

/* `want`: "" or what the findings must name. */
static void expect(const char *name, const char *text, bool is_dense, const char *want)
{
	const struct rk_linear_opts opts = { .first_revision = 1, .is_dense = is_dense };
	struct rk_findings findings = { 0 };
	struct rk_history history;

	script_read(text, &history);
	const bool is_right = rk_check_linear(&history, &opts, NULL, &findings);
	cr_expect_eq(is_right, findings.count == 0);
	if (want[0] == '\0')
		cr_expect(is_right, "%s: %s", name, rk_buf_cstr(&findings.text));
	else
		cr_expect(strstr(rk_buf_cstr(&findings.text), want) != NULL,
			  "%s: wanted \"%s\", got \"%s\"", name, want, rk_buf_cstr(&findings.text));
	rk_findings_done(&findings);
	rk_history_done(&history);
}

static const struct {
	const char *name, *want, *text;
} cases[] = {
	{ "one after the other", "",
	  "c1 1-2 put a=1 @2\nc1 3-4 get a @2 a=1/2/2/1\nc1 5-6 put a=2 prev @3 a=1/2/2/1\n"
	  "c1 7-8 get a..z @3 a=2/2/3/2\nc1 9-10 del a @4 n1\nc1 11-12 get a @4\n" },
	{ "a value that nobody wrote", "op 1 (client 1, range \"a\") saw",
	  "c1 1-2 put a=1 @2\nc1 3-4 get a @2 a=7/2/2/1\n" },
	{ "at once, in either order", "",
	  "c1 1-9 put a=1 @3\nc2 1-9 put a=2 @2\nc3 4-8 get a @2 a=2/2/2/1\nc3 10-11 get a @3 "
	  "a=1/2/3/2\n" },
	{ "an order against time", "real-time: op 1", "c1 3-4 put a=1 @2\nc2 1-2 put a=2 @3\n" },
	{ "a read that saw nothing of what had returned", "real-time",
	  "c1 1-2 put a=1 @2\nc1 3-4 put a=2 @3\nc2 5-6 get a @2 a=1/2/2/1\n" },
	{ "which a serializable one may", "",
	  "c1 1-2 put a=1 @2\nc1 3-4 put a=2 @3\nc2 5-6 get a ser @2 a=1/2/2/1\n" },
	{ "but not see the future", "real-time",
	  "c2 1-2 get a ser @2 a=1/2/2/1\nc1 3-4 put a=1 @2\n" },
	{ "nor what never was", "answer",
	  "c1 1-2 put a=1 @2\nc1 3-4 put a=2 @3\nc2 5-6 get a ser @2 a=2/2/3/2\n" },
	{ "an old revision", "",
	  "c1 1-2 put a=1 @2\nc1 3-4 put a=2 @3\nc1 5-6 get a rev 2 @3 a=1/2/2/1\n" },
	{ "an old revision as it was not", "answer",
	  "c1 1-2 put a=1 @2\nc1 3-4 put a=2 @3\nc1 5-6 get a rev 2 @3 a=2/2/3/2\n" },
	{ "two that made one revision", "unique-revision",
	  "c1 1-9 put a=1 @2\nc2 1-9 put b=1 @2\n" },
	{ "a version too many", "answer", "c1 1-2 put a=1 @2\nc1 3-4 get a @2 a=1/2/2/2\n" },
	{ "deleted what was not there", "answer", "c1 1-2 put a=1 @2\nc1 3-4 del a..z @3 n2\n" },
	{ "deleted nothing, at the revision that is", "",
	  "c1 1-2 put a=1 @2\nc1 3-4 del b @2 n0\n" },
	{ "a limit", "",
	  "c1 1-2 put a=1 @2\nc1 3-4 put b=2 @3\nc1 5-6 get a..z limit 1 @3 n2 a=1/2/2/1\n" },
	{ "count only", "answer", "c1 1-2 put a=1 @2\nc1 5-6 get a..z count @2 n2\n" },

	{ "a transaction", "",
	  "c1 1-2 txn a.version=0 put a=1 | get a @2 yes\n"
	  "c2 3-4 txn a.version=0 put a=2 | get a @2 no a=1/2/2/1\n"
	  "c2 5-6 txn a.mod=2 put a=3 @3 yes\nc2 7-8 txn a.value=3 del a @4 yes n1\n" },
	{ "a transaction that took the wrong branch", "answer",
	  "c1 1-2 put a=1 @2\nc2 3-4 txn a.version=0 put a=2 | get a @3 yes\n" },
	{ "two that both won", "answer",
	  "c1 1-9 txn a.version=0 put a=1 @2 yes\nc2 1-9 txn a.version=0 put a=2 @3 yes\n" },

	{ "without an answer, and seen", "", "c1 1-? put a=1\nc2 5-6 get a @2 a=1/2/2/1\n" },
	{ "without an answer, and not seen", "", "c1 1-? put a=1\nc2 5-6 get a @1\n" },
	{ "without an answer, and seen too early", "explained",
	  "c2 2-3 get a @2 a=1/2/2/1\nc1 4-? put a=1\n" },
	{ "done twice", "explained",
	  "c1 1-? put a=1\nc2 5-6 get a @2 a=1/2/2/1\nc2 7-8 get a @3 a=1/2/3/2\n" },
	{ "done though it was refused", "explained",
	  "c1 1-2 put a=1 refused\nc2 5-6 get a @2 a=1/2/2/1\n" },
	{ "written by nobody", "explained", "c2 5-6 get a @2 a=1/2/2/1\n" },
	{ "answered once, done twice", "explained",
	  "c1 1-2 put a=1 @2\nc2 5-6 get a @3 a=1/2/3/2\n" },
	{ "a delete without an answer is seen by what is gone", "",
	  "c1 1-2 put a=1 @2\nc2 3-? del a\nc1 5-6 get a @3\nc1 7-8 put a=3 @4\nc1 9-9 get a @4 "
	  "a=3/4/4/1\n" },
	{ "gone, and no revision is free for it", "answer",
	  "c1 1-2 put a=1 @2\nc2 3-? del a\nc1 5-6 get a @2\n" },
	{ "gone without any reason", "answer", "c1 1-2 put a=1 @2\nc1 5-6 get a @3\n" },
	{ "gone with its lease", "", "c1 1-2 put a=1,7 @2\nc1 5-6 get a @3\n" },
	{ "a lease ends once", "answer",
	  "c1 1-2 put a=1,7 @2\nc1 3-4 get a @3\nc1 5-6 put a=2,7 @4\nc1 7-8 get a @5\n" },
	{ "a lost put that is seen by the version", "",
	  "c1 1-2 put a=1 @2\nc2 3-? put a=9\nc1 5-6 put a=2 @4\nc1 7-8 get a @4 a=2/2/4/3\n" },
	{ "a lost transaction that is seen by a watcher", "",
	  "c1 1-? txn a.version=0 put a=1 | del a\nw2 from 1 a..z\n: at 9 +a=1/2/2/1\n" },
	{ "a watcher that saw what nobody did", "explained",
	  "w2 from 1 a..z\n: at 9 +a=1/2/2/1\n" },
	{ "a watcher that saw it before it was", "real-time",
	  "c1 10-11 put a=1 @2\nw2 from 1 a..z\n: at 9 +a=1/2/2/1\n" },

	{ "compacted", "",
	  "c1 1-2 put a=1 @2\nc1 3-4 put a=2 @3\nc1 5-6 compact 3 @3\nc1 7-8 get a rev 2 "
	  "compacted\n"
	  "c1 9-9 get a rev 3 @3 a=2/2/3/2\n" },
	{ "compacted, and answered", "compaction",
	  "c1 1-2 put a=1 @2\nc1 3-4 put a=2 @3\nc1 5-6 compact 3 @3\nc1 7-8 get a rev 2 @3 "
	  "a=1/2/2/1\n" },
	{ "refused, and nobody compacted", "compaction",
	  "c1 1-2 put a=1 @2\nc1 3-4 get a rev 2 compacted\n" },
	{ "compacted twice", "compaction",
	  "c1 1-2 put a=1 @2\nc1 5-6 compact 2 @2\nc1 7-8 compact 2 @2\n" },
	{ "a revision to come", "", "c1 1-2 put a=1 @2\nc1 3-4 get a rev 9 future\n" },
	{ "a revision that is there, refused", "future",
	  "c1 1-2 put a=1 @2\nc1 3-4 get a rev 2 future\n" },
	{ "a revision that is not there, answered", "future",
	  "c1 1-2 put a=1 @2\nc1 3-4 get a rev 9 @2 a=1/2/2/1\n" },
};

Test(linear, cases)
{
	for (size_t i = 0; i < RK_COUNT(cases); i++)
		expect(cases[i].name, cases[i].text, false, cases[i].want);
}

Test(linear, a_revision_that_nobody_made)
{
	expect("gap", "c1 1-2 put a=1 @2\nc1 3-4 put b=1 @4\n", true, "dense");
	expect("gap with others", "c1 1-2 put a=1 @2\nc1 3-4 put b=1 @4\n", false, "");
	expect("gap with a reason", "c1 1-2 put a=1 @2\nc3 1-? put z=1\nc1 3-4 put b=1 @4\n", true,
	       "");
}
