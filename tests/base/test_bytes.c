/* Buffers, readers, arenas, spans, blobs. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/blob.h"
#include "base/buf.h"
#include "base/mem.h"

Test(buf, integers_come_back)
{
	static const uint64_t values[] = {
		0, 1, 127, 128, 255, 16383, 16384, UINT32_MAX, UINT64_MAX
	};
	struct rk_buf buf = { 0 };

	for (size_t i = 0; i < RK_COUNT(values); i++) {
		rk_buf_put_varint(&buf, values[i]);
		rk_buf_put_u64(&buf, values[i]);
		rk_buf_put_u32(&buf, (uint32_t)values[i]);
		rk_buf_put_u16(&buf, (uint16_t)values[i]);
		rk_buf_put_u8(&buf, (uint8_t)values[i]);
	}
	struct rk_reader reader = rk_reader_of(rk_buf_span(&buf));
	for (size_t i = 0; i < RK_COUNT(values); i++) {
		cr_expect_eq(rk_read_varint(&reader), values[i]);
		cr_expect_eq(rk_read_u64(&reader), values[i]);
		cr_expect_eq(rk_read_u32(&reader), (uint32_t)values[i]);
		cr_expect_eq(rk_read_u16(&reader), (uint16_t)values[i]);
		cr_expect_eq(rk_read_u8(&reader), (uint8_t)values[i]);
	}
	cr_expect_eq(rk_reader_left(&reader), 0);
	cr_expect_not(reader.failed);
	rk_buf_done(&buf);
}

Test(buf, a_short_read_fails_for_good)
{
	struct rk_reader reader = rk_reader_of(RK_SPAN("abc"));

	cr_expect_eq(rk_read_u32(&reader), 0);
	cr_expect(reader.failed);
	cr_expect_eq(rk_read_u8(&reader), 0, "nothing is read after a failure");
}

Test(buf, a_size_that_lies_is_refused)
{
	/* A length of 2^63, and one a byte too long. */
	struct rk_reader huge = rk_reader_of(RK_SPAN("\xff\xff\xff\xff\xff\xff\xff\xff\x7f"
						     "a"));
	struct rk_reader long_one = rk_reader_of(RK_SPAN("\x04"
							 "abc"));
	struct rk_reader endless =
		rk_reader_of(RK_SPAN("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"));

	cr_expect_eq(rk_read_bytes(&huge).size, 0);
	cr_expect(huge.failed);
	cr_expect_eq(rk_read_bytes(&long_one).size, 0);
	cr_expect(long_one.failed);
	(void)rk_read_varint(&endless);
	cr_expect(endless.failed);
}

Test(buf, consume_moves_the_rest)
{
	struct rk_buf buf = { 0 };

	rk_buf_printf(&buf, "%s-%d", "hello", 42);
	cr_expect_str_eq(rk_buf_cstr(&buf), "hello-42");
	rk_buf_consume(&buf, 6);
	cr_expect_str_eq(rk_buf_cstr(&buf), "42");
	rk_buf_consume(&buf, 2);
	cr_expect_eq(buf.size, 0);
	rk_buf_done(&buf);
}

Test(arena, gives_aligned_memory_that_stays)
{
	struct rk_arena arena = { 0 };
	uint8_t *pieces[200];

	for (size_t round = 0; round < 3; round++) {
		for (size_t i = 0; i < RK_COUNT(pieces); i++) {
			pieces[i] = rk_arena_alloc(&arena, i * 37);
			cr_assert_eq((uintptr_t)pieces[i] % 16, 0);
			memset(pieces[i], (int)i, i * 37);
		}
		for (size_t i = 1; i < RK_COUNT(pieces); i++)
			cr_assert(pieces[i][0] == (uint8_t)i &&
				  pieces[i][i * 37 - 1] == (uint8_t)i);
		rk_arena_reset(&arena);
	}
	cr_expect_str_eq(rk_arena_printf(&arena, "%d/%s", 7, "x"), "7/x");
	cr_expect_str_eq(rk_arena_str(&arena, RK_SPAN("abc")), "abc");
	rk_arena_done(&arena);
}

Test(span, cuts_compares_and_counts)
{
	struct rk_span head;
	uint64_t number;

	struct rk_span rest = rk_span_cut(RK_SPAN("a=b=c"), '=', &head);
	cr_expect(rk_span_is(head, "a") && rk_span_is(rest, "b=c"));
	rest = rk_span_cut(RK_SPAN("abc"), '=', &head);
	cr_expect(rk_span_is(head, "abc") && rest.data == NULL);
	cr_expect_lt(rk_span_cmp(RK_SPAN("ab"), RK_SPAN("abc")), 0);
	cr_expect_gt(rk_span_cmp(RK_SPAN("b"), RK_SPAN("abc")), 0);
	cr_expect_eq(rk_span_cmp(RK_SPAN("abc"), RK_SPAN("abc")), 0);
	cr_expect(rk_span_u64(RK_SPAN("18446744073709551615"), &number) && number == UINT64_MAX);
	cr_expect_not(rk_span_u64(RK_SPAN("18446744073709551616"), &number));
	cr_expect_not(rk_span_u64(RK_SPAN("-1"), &number));
	cr_expect_not(rk_span_u64(RK_SPAN(""), &number));
	cr_expect(rk_span_starts(RK_SPAN("abc"), RK_SPAN("ab")) &&
		  rk_span_ends(RK_SPAN("abc"), RK_SPAN("bc")));
	cr_expect_eq(rk_span_sub(RK_SPAN("abc"), 2, 9).size, 1);
}

Test(blob, counts_its_owners)
{
	struct rk_blob *blob = rk_blob_copy(RK_SPAN("shared"));
	struct rk_blob *other = rk_blob_ref(blob);

	cr_expect_eq(other, blob);
	(void)rk_blob_unref(blob);
	cr_expect(rk_span_is(rk_blob_span(other), "shared"));
	cr_expect_null(rk_blob_unref(other));
	cr_expect_null(rk_blob_unref(NULL));
}
