/* gzip: who takes it, and that it is the same when it is unpacked. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/mem.h"
#include "wire/gzip.h"

Test(gzip, who_takes_it)
{
	static const struct {
		const char *header;
		bool is_taken;
	} cases[] = {
		{ "gzip", true },
		{ "GZIP", true },
		{ "deflate, gzip;q=0.5", true },
		{ "br,gzip;q=1.0", true },
		{ "gzip;q=0", false },
		{ "gzip; q=0.000", false },
		{ "gzip;q=0.001", true },
		{ "deflate", false },
		{ "xgzip", false },
		{ "*", false },
		{ "", false },
	};

	for (size_t i = 0; i < RK_COUNT(cases); i++)
		cr_expect_eq(rk_gzip_is_taken(rk_span_str(cases[i].header)), cases[i].is_taken, "%s",
			     cases[i].header);
	cr_expect_not(rk_gzip_is_taken((struct rk_span){ NULL, 0 }));
}

Test(gzip, there_and_back)
{
	static const size_t sizes[] = { 0, 1, 1000, 65536, 3000000 };

	for (size_t i = 0; i < RK_COUNT(sizes); i++) {
		uint8_t *plain = rk_zalloc(sizes[i] + 1), *back = rk_zalloc(sizes[i] + 1);
		uint32_t noise = 1;
		for (size_t n = 0; n < sizes[i]; n++) {
			noise = noise * 1664525 + 1013904223;
			plain[n] = n % 3 == 0 ? (uint8_t)(noise >> 24) : 'x';
		}
		struct rk_blob *packed = rk_gzip_of(rk_span_of(plain, sizes[i]));
		z_stream stream = { .next_in = packed->data, .avail_in = packed->size };
		cr_assert_eq(inflateInit2(&stream, MAX_WBITS + 16), Z_OK);
		stream.next_out = back;
		stream.avail_out = (uInt)sizes[i] + 1;
		cr_expect_eq(inflate(&stream, Z_FINISH), Z_STREAM_END);
		cr_expect_eq(stream.total_out, sizes[i]);
		cr_expect_eq(memcmp(plain, back, sizes[i]), 0);
		(void)inflateEnd(&stream);
		(void)rk_blob_unref(packed);
		free(plain);
		free(back);
	}
}
