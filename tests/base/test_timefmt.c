/* Times as text: RFC 3339 there and back, and how long ago things were. */
#include <criterion/criterion.h>

#include "base/timefmt.h"

Test(timefmt, there_and_back)
{
	static const struct {
		int64_t ms;
		const char *text;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00Z" },
		{ 951782400000, "2000-02-29T00:00:00Z" },
		{ 1767323045000, "2026-01-02T03:04:05Z" },
		{ 4102444799000, "2099-12-31T23:59:59Z" },
		{ 253402300799000, "9999-12-31T23:59:59Z" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char text[RK_TIME_TEXT_MAX];
		int64_t ms = -1;
		(void)rk_time_format(text, cases[i].ms);
		cr_expect_str_eq(text, cases[i].text);
		cr_expect(rk_time_parse(rk_span_str(cases[i].text), &ms));
		cr_expect_eq(ms, cases[i].ms);
	}
}

Test(timefmt, reads_what_others_write)
{
	static const struct {
		const char *text;
		bool ok;
		int64_t ms;
	} cases[] = {
		{ "2026-01-02T03:04:05.678Z", true, 1767323045678 },
		{ "2026-01-02T03:04:05.678901Z", true, 1767323045678 },
		{ "2026-01-02T05:04:05+02:00", true, 1767323045000 },
		{ "2026-01-01T19:04:05-08:00", true, 1767323045000 },
		{ "2026-02-30T00:00:00Z", false, 0 },
		{ "2026-01-02T24:00:00Z", false, 0 },
		{ "2026-01-02 03:04:05Z", false, 0 },
		{ "2026-01-02T03:04:05", false, 0 },
		{ "2026-01-02T03:04:05Zx", false, 0 },
		{ "", false, 0 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int64_t ms = 0;
		cr_expect_eq(rk_time_parse(rk_span_str(cases[i].text), &ms), cases[i].ok, "%s",
			     cases[i].text);
		if (cases[i].ok)
			cr_expect_eq(ms, cases[i].ms, "%s", cases[i].text);
	}
}

Test(timefmt, human_durations_as_kubectl_prints_them)
{
	enum { S = 1000, M = 60 * S, H = 60 * M, D = 24 * H };
	static const struct {
		int64_t ms;
		const char *text;
	} cases[] = {
		{ 0, "0s" },
		{ 119 * S, "119s" },
		{ 2 * M, "2m" },
		{ 9 * M + 59 * S, "9m59s" },
		{ 10 * M + 5 * S, "10m" },
		{ 179 * M, "179m" },
		{ 3 * H, "3h" },
		{ 7 * H + 59 * M, "7h59m" },
		{ 8 * H + 30 * M, "8h" },
		{ 47 * H, "47h" },
		{ (int64_t)2 * D, "2d" },
		{ (int64_t)7 * D + 23 * H, "7d23h" },
		{ (int64_t)8 * D + 5 * H, "8d" },
		{ (int64_t)730 * D, "2y" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char text[RK_TIME_TEXT_MAX];
		(void)rk_duration_human(text, cases[i].ms);
		cr_expect_str_eq(text, cases[i].text);
	}
}
