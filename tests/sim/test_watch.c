/* Watches: for each promise a watch that keeps it and one that breaks just that. */
#include <criterion/criterion.h>

#include "base/mem.h"
#include "sim/check_linear.h"
#include "sim/check_watch.h"
#include "tests/sim/script.h"

/* a at 2 and 4, b at 3, gone at 5, both at once at 6, a gone at 7. */
#define TRUTH                                                                                      \
	"c1 1-2 put a=1 @2\nc1 3-4 put b=1 @3\nc1 5-6 put a=2 @4\nc1 7-8 del b @5 n1\n"            \
	"c1 9-10 put b=2 @6\nc1 11-12 del a..z @7 n2\n"
#define A2 "+a=1/2/2/1"
#define B3 "+b=1/3/3/1"
#define A4 "+a=2/2/4/2"
#define B5 "-b/5"
#define B6 "+b=2/6/6/1"
#define A7 "-a/7"
#define B7 "-b/7"

static const struct {
	const char *name, *want, *watch;
} cases[] = {
	{ "all of it", "",
	  "w1 from 1 a..z\n: at 20 created @7\n: at 21 " A2 " " B3 "\n: at 22 " A4 " " B5
	  "\n: at 23 " B6 "\n: at 24 " A7 " " B7 "\n: at 25 progress @7\n" },
	{ "a part of it", "",
	  "w1 from 3 b nodel\n: at 21 " B3 "\n: at 23 " B6 "\n: at 25 progress @7\n" },
	{ "only deletions", "", "w1 from 1 a..z noput\n: at 21 " B5 "\n: at 24 " A7 " " B7 "\n" },
	{ "from now on", "", "w1 from 0 a..z\n: at 20 created @4\n: at 21 " B5 " " B6 "\n" },
	{ "nothing yet", "", "w1 from 1 a..z\n: at 20 created @7\n" },
	{ "a revision in fragments", "",
	  "w1 from 7 a..z\n: at 21 fragment " A7 "\n: at 22 " B7 "\n" },
	{ "with what was before", "",
	  "w1 from 3 a..z prev\n: at 21 " B3 " " A4 "<a=1/2/2/1 " B5 "<b=1/3/3/1 " B6 "\n" },
	{ "cancelled as compacted", "", "w1 from 2 a..z\n: at 21 cancel 5\n" },

	{ "a key outside the range", "filter", "w1 from 1 a\n: at 21 " A2 " " B3 "\n" },
	{ "a put that was filtered out", "filter",
	  "w1 from 4 a..z noput\n: at 21 " A4 " " B5 "\n" },
	{ "a revision before the start", "filter", "w1 from 3 a..z\n: at 21 " A2 " " B3 "\n" },
	{ "out of order", "ordered", "w1 from 1 a..z\n: at 21 " A2 " " A4 " " B3 "\n" },
	{ "twice", "unique", "w1 from 1 a..z\n: at 21 " A2 "\n: at 22 " A2 " " B3 "\n" },
	{ "split", "atomic", "w1 from 7 a..z\n: at 21 " A7 "\n: at 22 " B7 "\n" },
	{ "after the notification", "bookmarkable",
	  "w1 from 1 a..z\n: at 21 " A2 "\n: at 22 progress @3\n: at 23 " B3 "\n" },
	{ "a notification that goes back", "bookmarkable",
	  "w1 from 1 a..z\n: at 21 " A2 " " B3 " " A4 "\n: at 22 progress @3\n" },
	{ "begun too late", "resumable", "w1 from 2 a..z\n: at 21 " B3 "\n" },
	{ "refused though it is there", "resumable", "w1 from 5 a..z\n: at 21 cancel 5\n" },
	{ "left out", "reliable", "w1 from 2 a..z\n: at 21 " A2 " " A4 "\n" },
	{ "left out, as a notification tells", "reliable",
	  "w1 from 2 a..z\n: at 21 " A2 "\n: at 22 progress @4\n" },
	{ "never sent, as a notification tells", "reliable", "w1 from 2 a\n: at 22 progress @4\n" },
	{ "half of a revision left out", "reliable", "w1 from 7 a..z\n: at 21 " B7 "\n" },
	{ "another value", "reliable", "w1 from 2 a\n: at 21 +a=9/2/2/1\n" },
	{ "a put for a delete", "reliable", "w1 from 5 b\n: at 21 +b=1/3/5/2\n" },
	{ "a change that was not", "reliable", "w1 from 2 a\n: at 21 " A2 " +a=5/2/3/2 " A4 "\n" },
	{ "not the first version", "is-create", "w1 from 4 a\n: at 21 +a=2/4/4/1\n" },
	{ "the first version", "is-create", "w1 from 6 b\n: at 21 +b=2/3/6/2\n" },
	{ "not what was before", "prev-kv", "w1 from 4 a prev\n: at 21 " A4 "<a=7/2/2/1\n" },
	{ "nothing was before", "prev-kv", "w1 from 2 a prev\n: at 21 " A2 "<a=7/1/1/1\n" },
	{ "something was", "prev-kv", "w1 from 4 a prev\n: at 21 " A4 "\n" },
	{ "not asked for", "prev-kv", "w1 from 4 a\n: at 21 " A4 "<a=1/2/2/1\n" },
};

Test(watch, cases)
{
	const struct rk_linear_opts opts = { .first_revision = 1 };
	struct rk_findings findings = { 0 };
	struct rk_history truth;
	struct rk_model model = { 0 };

	script_read(TRUTH, &truth);
	cr_assert(rk_check_linear(&truth, &opts, &model, &findings), "%s",
		  rk_buf_cstr(&findings.text));
	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		struct rk_history history;
		char line[32];
		script_read(cases[i].watch, &history);
		(void)snprintf(line, sizeof line, "%s: ", cases[i].want);
		const bool is_right = rk_check_watch(&history, &model, &findings);
		cr_expect_eq(is_right, cases[i].want[0] == '\0', "%s: %s", cases[i].name,
			     rk_buf_cstr(&findings.text));
		cr_expect(cases[i].want[0] == '\0' ||
				  strncmp(rk_buf_cstr(&findings.text), line, strlen(line)) == 0,
			  "%s: %s", cases[i].name, rk_buf_cstr(&findings.text));
		rk_findings_done(&findings);
		rk_history_done(&history);
	}
	rk_model_done(&model);
	rk_history_done(&truth);
}

/* A split revision and one that is not: only that check may find it. */
Test(watch, a_finding_is_a_line)
{
	const struct rk_linear_opts opts = { .first_revision = 1 };
	struct rk_findings findings = { 0 };
	struct rk_history history;
	struct rk_model model = { 0 };

	script_read(TRUTH "w4 from 2 a..z\n: at 21 " A2 " " A4 "\n", &history);
	cr_assert(rk_check_linear(&history, &opts, &model, &findings), "%s",
		  rk_buf_cstr(&findings.text));
	cr_expect_not(rk_check_watch(&history, &model, &findings));
	cr_expect_str_eq(rk_buf_cstr(&findings.text), "reliable: watch 0 (client 4, from 2), put "
						      "of \"b\" at revision 3: it is missing\n");
	rk_findings_done(&findings);
	rk_model_done(&model);
	rk_history_done(&history);
}
