/* gRPC's framing and protobuf's fields: whole, cut, too large, malformed. */
#include <criterion/criterion.h>

#include "base/mem.h"
#include "wire/grpc.h"
#include "wire/proto.h"

Test(grpc, messages_come_whole)
{
	RK_AUTO(rk_buf_done) struct rk_buf bytes = { 0 };
	struct rk_span left, message;

	for (int i = 0; i < 2; i++) {
		const size_t begun = rk_grpc_begin(&bytes);
		rk_buf_put_str(&bytes, i == 0 ? "first" : "");
		rk_grpc_end(&bytes, begun);
	}
	for (size_t size = 0; size < 10; size++) {
		left = rk_span_sub(rk_buf_span(&bytes), 0, size);
		cr_assert_eq(rk_grpc_next(&left, 100, &message), 0, "%zu bytes", size);
		cr_assert_eq(left.size, size);
	}
	left = rk_buf_span(&bytes);
	cr_assert_eq(rk_grpc_next(&left, 100, &message), 1);
	cr_assert(rk_span_is(message, "first"));
	cr_assert_eq(rk_grpc_next(&left, 100, &message), 1);
	cr_assert_eq(message.size, 0);
	cr_assert_eq(rk_grpc_next(&left, 100, &message), 0);
	left = rk_buf_span(&bytes);
	cr_assert_eq(rk_grpc_next(&left, 4, &message), RK_ETOOBIG);
	bytes.data[0] = 1;
	cr_assert_eq(rk_grpc_next(&left, 100, &message), RK_ENOTSUP);
}

Test(grpc, texts_are_encoded)
{
	RK_AUTO(rk_buf_done) struct rk_buf out = { 0 };
	uint64_t ms = 0;

	rk_grpc_text(&out, RK_SPAN("50% of\n\xc3\xa9"));
	cr_assert_str_eq(rk_buf_cstr(&out), "50%25 of%0A%C3%A9");
	cr_assert(rk_grpc_timeout(RK_SPAN("2S"), &ms));
	cr_assert_eq(ms, 2000);
	cr_assert(rk_grpc_timeout(RK_SPAN("99999999H"), &ms));
	cr_assert_not(rk_grpc_timeout(RK_SPAN("S"), &ms));
	cr_assert_not(rk_grpc_timeout(RK_SPAN("1x"), &ms));
}

Test(proto, fields_of_every_kind)
{
	RK_AUTO(rk_buf_done) struct rk_buf bytes = { 0 };
	struct rk_proto_field field;
	static const uint8_t fixed[] = {
		5 << 3 | 5, 1, 0, 0, 0, 6 << 3 | 1, 2, 0, 0, 0, 0, 0, 0, 0
	};

	rk_proto_put_number(&bytes, 1, (uint64_t)-1);
	rk_proto_put_number(&bytes, 2, 0); /* left out */
	rk_proto_put_bytes(&bytes, 3, RK_SPAN("abc"));
	rk_proto_put_bytes(&bytes, 4, RK_SPAN("")); /* left out */
	rk_proto_put_message(&bytes, 4, RK_SPAN(""));
	rk_buf_put(&bytes, fixed, sizeof fixed);
	struct rk_reader reader = rk_reader_of(rk_buf_span(&bytes));
	cr_assert_eq(rk_proto_next(&reader, &field), 1);
	cr_assert(field.number == 1 && field.value == UINT64_MAX);
	cr_assert_eq(rk_proto_next(&reader, &field), 1);
	cr_assert(field.number == 3 && rk_span_is(field.bytes, "abc"));
	cr_assert_eq(rk_proto_next(&reader, &field), 1);
	cr_assert(field.number == 4 && field.kind == RK_PROTO_BYTES && field.bytes.size == 0);
	cr_assert_eq(rk_proto_next(&reader, &field), 1);
	cr_assert(field.number == 5 && field.value == 1);
	cr_assert_eq(rk_proto_next(&reader, &field), 1);
	cr_assert(field.number == 6 && field.value == 2);
	cr_assert_eq(rk_proto_next(&reader, &field), 0);
	for (size_t size = 1; size < bytes.size;
	     size++) { /* cut anywhere: no crash, never past it */
		reader = rk_reader_of(rk_span_sub(rk_buf_span(&bytes), 0, size));
		while (rk_proto_next(&reader, &field) == 1)
			cr_assert(reader.at <= size);
	}
}

Test(proto, what_is_malformed)
{
	static const char *const cases[] = { "\x0b", "\x0a\x05", "\x07", "\x08",
					     "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" };
	struct rk_proto_field field;

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		struct rk_reader reader = rk_reader_of(rk_span_str(cases[i]));
		cr_expect_eq(rk_proto_next(&reader, &field), RK_EINVAL, "case %zu", i);
	}
}
