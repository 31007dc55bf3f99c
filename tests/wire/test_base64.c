/* Bytes as text and back, in both forms of base64. */
#include <criterion/criterion.h>

#include "wire/base64.h"

Test(base64, there_and_back)
{
	static const uint8_t bytes[] = { 0xfb, 0xff, 0xfe, 0x00, 0x10, 0x83 };
	struct rk_arena arena = { 0 };

	for (size_t size = 0; size <= sizeof bytes; size++) {
		const struct rk_span from = rk_span_of(bytes, size);
		struct rk_span back;

		cr_expect(rk_base64_decode(&arena, rk_base64_encode(&arena, from), &back));
		cr_expect(rk_span_eq(back, from), "%zu bytes", size);
		cr_expect(rk_base64url_decode(&arena, rk_base64url_encode(&arena, from), &back));
		cr_expect(rk_span_eq(back, from), "%zu bytes", size);
	}
	cr_expect(rk_span_is(rk_base64_encode(&arena, rk_span_of(bytes, 4)), "+//+AA=="));
	cr_expect(rk_span_is(rk_base64url_encode(&arena, rk_span_of(bytes, 4)), "-__-AA"));
	rk_arena_done(&arena);
}

Test(base64, the_form_for_urls_has_one_text_for_one_value)
{
	static const char *const bad[] = { "+//+AA", "-__-AA==", "-__-A", "-__-AB", "-__-AAB", "-__ AA" };
	struct rk_arena arena = { 0 };
	struct rk_span ret;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		cr_expect_not(rk_base64url_decode(&arena, rk_span_str(bad[i]), &ret), "%s", bad[i]);
	cr_expect(rk_base64_decode(&arena, rk_base64_from_url(&arena, RK_SPAN("-__-AA")), &ret));
	cr_expect_eq(ret.size, 4);
	rk_arena_done(&arena);
}
