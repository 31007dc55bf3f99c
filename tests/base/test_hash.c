/* Checksums against published values; the sum of hashes that stands for a set. */
#include <criterion/criterion.h>

#include "base/hash.h"

Test(hash, crc32c_as_published)
{
	static const struct {
		const char *text;
		uint32_t crc;
	} cases[] = {
		{ "", 0x00000000 },
		{ "a", 0xc1d04330 },
		{ "123456789", 0xe3069283 }, /* RFC 3720, the check value */
		{ "The quick brown fox jumps over the lazy dog", 0x22620404 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		cr_expect_eq(rk_crc32c(0, cases[i].text, strlen(cases[i].text)), cases[i].crc, "%s",
			     cases[i].text);
	uint8_t zeros[32] = { 0 }, ones[32];
	memset(ones, 0xff, sizeof ones);
	cr_expect_eq(rk_crc32c(0, zeros, sizeof zeros), 0x8a9136aau); /* RFC 3720, B.4 */
	cr_expect_eq(rk_crc32c(0, ones, sizeof ones), 0x62a8ab43u);
}

Test(hash, crc32c_goes_on)
{
	const char text[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	const size_t size = sizeof text - 1;

	for (size_t cut = 0; cut <= size; cut++)
		cr_expect_eq(rk_crc32c(rk_crc32c(0, text, cut), text + cut, size - cut),
			     rk_crc32c(0, text, size));
}

Test(hash, a_set_is_the_sum_of_its_members)
{
	const struct rk_hash128 a = rk_hash128(RK_SPAN("a"), 0), b = rk_hash128(RK_SPAN("b"), 0);
	const struct rk_hash128 carry = { UINT64_MAX, 1 }, one = { 1, 0 };

	cr_expect(rk_hash128_eq(rk_hash128_add(a, b), rk_hash128_add(b, a)));
	cr_expect(rk_hash128_eq(rk_hash128_sub(rk_hash128_add(a, b), b), a));
	cr_expect_not(rk_hash128_eq(a, b));
	cr_expect(rk_hash128_eq(rk_hash128_add(carry, one), (struct rk_hash128){ 0, 2 }));
	cr_expect(rk_hash128_eq(rk_hash128_sub((struct rk_hash128){ 0, 2 }, one), carry));
}
