/* Cron expressions. */
#include "base/mem.h"
#include "control/schema/cron.h"
#include "tests/control/schema.h"

Test(cron, what_is_chosen)
{
	static const struct {
		const char *text;
		uint64_t minutes, hours, days, months, weekdays;
	} cases[] = {
		{ "0 0 1 1 0", 1, 1, 2, 2, 1 },
		{ "*/15 * * * *", UINT64_C(1) | 1 << 15 | 1 << 30 | UINT64_C(1) << 45, 0xffffff,
		  0xfffffffe, 0x1ffe, 0x7f },
		{ "1,3-5 0 1 JAN-mar Mon", 2 | 8 | 16 | 32, 1, 2, 2 | 4 | 8, 2 },
		{ "50/5 0 1 1 ?", UINT64_C(1) << 50 | UINT64_C(1) << 55, 1, 2, 2, 0x7f },
		{ "  0\t2-6/2   31 12 6  ", 1, 4 | 16 | 64, UINT64_C(1) << 31, 1 << 12, 64 },
		{ "@daily", 1, 1, 0xfffffffe, 0x1ffe, 0x7f },
	};

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		struct rk_arena arena = { 0 };
		struct rk_cron cron;
		const char *why = rk_cron_parse(&arena, rk_span_str(cases[i].text), &cron);
		cr_expect_null(why, "%s: %s", cases[i].text, why);
		cr_expect_eq(cron.minutes, cases[i].minutes, "%s", cases[i].text);
		cr_expect_eq(cron.hours, cases[i].hours, "%s", cases[i].text);
		cr_expect_eq(cron.days, cases[i].days, "%s", cases[i].text);
		cr_expect_eq(cron.months, cases[i].months, "%s", cases[i].text);
		cr_expect_eq(cron.weekdays, cases[i].weekdays, "%s", cases[i].text);
		rk_arena_done(&arena);
	}
}

Test(cron, which_day_decides_and_every)
{
	struct rk_arena arena = { 0 };
	struct rk_cron cron;

	cr_expect_null(rk_cron_parse(&arena, RK_SPAN("0 0 13 * FRI"), &cron));
	cr_expect(!cron.any_day && !cron.any_weekday);
	cr_expect_null(rk_cron_parse(&arena, RK_SPAN("0 0 * * FRI"), &cron));
	cr_expect(cron.any_day && !cron.any_weekday);
	cr_expect_null(rk_cron_parse(&arena, RK_SPAN("@every 1h30m5s"), &cron));
	cr_expect_eq(cron.every_s, 5405);
	cr_expect_eq(cron.minutes, 0);
	rk_arena_done(&arena);
}

Test(cron, what_is_wrong)
{
	static const char *const cases[][2] = {
		{ "", "empty spec string" },
		{ "* * * * * *", "expected exactly 5 fields, found 6: [* * * * * *]" },
		{ "x * * * *",
		  "failed to parse int from x: strconv.Atoi: parsing \"x\": invalid syntax" },
		{ "60 * * * *", "end of range (60) above maximum (59): 60" },
		{ "* * 0 * *", "beginning of range (0) below minimum (1): 0" },
		{ "5-2 * * * *", "beginning of range (5) beyond end of range (2): 5-2" },
		{ "1-2-3 * * * *", "too many hyphens: 1-2-3" },
		{ "*/2/3 * * * *", "too many slashes: */2/3" },
		{ "*/0 * * * *", "step of range should be a positive number: */0" },
		{ "@never", "unrecognized descriptor: @never" },
		{ "@every soon",
		  "failed to parse duration @every soon: time: invalid duration \"soon\"" },
		{ "99999999999999999999 * * * *",
		  "failed to parse int from 99999999999999999999: strconv.Atoi: parsing "
		  "\"99999999999999999999\": invalid syntax" },
		{ ", * * * *",
		  "failed to parse int from : strconv.Atoi: parsing \"\": invalid syntax" },
	};

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		struct rk_arena arena = { 0 };
		struct rk_cron cron;
		const char *why = rk_cron_parse(&arena, rk_span_str(cases[i][0]), &cron);
		cr_assert_not_null(why, "%s", cases[i][0]);
		cr_expect_str_eq(why, cases[i][1]);
		rk_arena_done(&arena);
	}
}
