#include <criterion/criterion.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"

/* Lines stay whole however often the ring goes around, and the newest is always there. */
Test(log, keeps_the_last_lines)
{
	struct rk_arena arena = { 0 };
	struct rk_buf out = { 0 };
	unsigned line = 0, first = 0, last = 0;

	cr_assert_not_null(freopen("/dev/null", "w", stderr));
	for (; line < 10000; line++)
		rk_log(RK_LOG_INFO, "counts", "line=%u of=a-text-that-makes-it-longer", line);
	rk_log_kept(&out);
	cr_expect_leq(out.size, (size_t)RK_LOG_KEPT);
	cr_expect_gt(out.size, (size_t)RK_LOG_KEPT - 1024);
	struct rk_span rest = rk_buf_span(&out), one;
	for (unsigned seen = 0; rest.size > 0; seen++) {
		unsigned number = 0;
		rest = rk_span_cut(rest, '\n', &one);
		const char *text = strstr(rk_arena_str(&arena, one), " counts line=");
		cr_assert_not_null(text, "%.*s", RK_SPAN_ARGS(one));
		cr_assert_eq(sscanf(text, " counts line=%u of=a-text-that-makes-it-longer", &number), 1);
		if (seen == 0)
			first = number;
		cr_assert_eq(number, first + seen);
		last = number;
	}
	cr_expect_eq(last, line - 1);
	rk_buf_done(&out);
	rk_arena_done(&arena);
}
