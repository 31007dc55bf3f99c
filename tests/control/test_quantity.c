/* Quantities: canonical forms, rounding, limits and order. */
#include <criterion/criterion.h>

#include "base/mem.h"
#include "control/schema/quantity.h"

Test(quantity, canonical_text)
{
	static const struct {
		const char *in, *out; /* NULL: not a quantity */
	} cases[] = {
		{ "0", "0" },
		{ "100m", "100m" },
		{ "1000m", "1" },
		{ "0.5", "500m" },
		{ "1.5Gi", "1536Mi" },
		{ "1024Mi", "1Gi" },
		{ "1000Ki", "1000Ki" },
		{ "512", "512" },
		{ "2e3", "2e3" },
		{ "1500e3", "1500e3" },
		{ "1E", "1E" },
		{ "1e6", "1e6" },
		{ "-1.5", "-1500m" },
		{ "+5", "5" },
		{ "0.1n", "1n" },
		{ "-0.1n", "-1n" },
		{ "1.0000000001", "1000000001n" },
		{ "9223372036854775807", "9223372036854775807" },
		{ "99999999999999999999", "9223372036854775807" },
		{ "1000k", "1M" },
		{ "0.5Mi", "512Ki" },
		{ "0.5Ki", "512" },
		{ "0.0001Mi", "104857600u" },
		{ "16Ei", "9223372036854775807" },
		{ ".5", "500m" },
		{ "5.", "5" },
		{ "1e-3", "1e-3" },
		{ "1u", "1u" },
		{ "", NULL },
		{ "-", NULL },
		{ "abc", NULL },
		{ "1.2.3", NULL },
		{ "1 ", NULL },
		{ "1kb", NULL },
		{ "1e", NULL },
		{ "Gi", NULL },
		{ "1mi", NULL },
		{ ".", NULL },
		{ "1e1.5", NULL },
	};

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		struct rk_quantity quantity;
		char text[RK_QUANTITY_TEXT_MAX] = "";
		const int err = rk_quantity_parse(rk_span_str(cases[i].in), &quantity);
		cr_expect_eq(err, cases[i].out != NULL ? RK_OK : RK_EINVAL, "%s", cases[i].in);
		if (err != RK_OK || cases[i].out == NULL)
			continue;
		const size_t size = rk_quantity_format(text, &quantity);
		cr_expect_str_eq(text, cases[i].out, "%s", cases[i].in);
		cr_expect_eq(size, strlen(text));
		cr_assert_eq(rk_quantity_parse(rk_span_str(text), &quantity), RK_OK);
		char again[RK_QUANTITY_TEXT_MAX];
		(void)rk_quantity_format(again, &quantity);
		cr_expect_str_eq(again, text, "twice is the same as once");
	}
}

Test(quantity, numbers)
{
	cr_expect_eq(rk_quantity_value(RK_SPAN("1500m"), -1), 2);
	cr_expect_eq(rk_quantity_value(RK_SPAN("-1500m"), -1), -2);
	cr_expect_eq(rk_quantity_value(RK_SPAN("8Gi"), -1), 8589934592);
	cr_expect_eq(rk_quantity_value(RK_SPAN("nothing"), -1), -1);
	cr_expect_eq(rk_quantity_milli(RK_SPAN("0.1"), -1), 100);
	cr_expect_eq(rk_quantity_milli(RK_SPAN("1E"), -1), INT64_MAX);
	cr_expect_eq(rk_quantity_cmp(RK_SPAN("1"), RK_SPAN("1000m")), 0);
	cr_expect_lt(rk_quantity_cmp(RK_SPAN("1G"), RK_SPAN("1Gi")), 0);
	cr_expect_gt(rk_quantity_cmp(RK_SPAN("1n"), RK_SPAN("nothing")), 0);
}
