/* WebSocket frames: the examples of RFC 6455, what comes back, and what is refused. */
#include <criterion/criterion.h>

#include "wire/websocket.h"

Test(websocket, handshake)
{
	char accept[32];
	static const char *const supported[] = { "v5.channel.k8s.io", "v4.channel.k8s.io", NULL };

	cr_assert_eq(rk_ws_accept(RK_SPAN("dGhlIHNhbXBsZSBub25jZQ=="), accept), RK_OK);
	cr_expect_str_eq(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
	cr_expect_eq(rk_ws_accept(RK_SPAN("dGhlIHNhbXBsZSBub25jZQ="), accept), RK_EINVAL);
	cr_expect_eq(rk_ws_accept(RK_SPAN("!!!!IHNhbXBsZSBub25jZQ=="), accept), RK_EINVAL);
	cr_expect_eq(rk_ws_accept(RK_SPAN("dGhlIHNhbXBsZSBub25jZQAA"), accept), RK_EINVAL);
	cr_expect_str_eq(
		rk_ws_protocol(RK_SPAN("x, v4.channel.k8s.io ,v5.channel.k8s.io"), supported),
		"v5.channel.k8s.io");
	cr_expect_null(rk_ws_protocol(RK_SPAN("v4.channel.k8s"), supported));
	cr_expect_null(rk_ws_protocol(RK_SPAN(""), supported));
}

Test(websocket, every_size_comes_back)
{
	const size_t sizes[] = { 0, 1, 125, 126, 127, 65535, 65536, RK_WS_MESSAGE_MAX };
	const uint8_t mask[4] = { 1, 2, 3, 4 };

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		for (int is_client = 0; is_client <= 1; is_client++) {
			struct rk_ws_parser parser = { .is_client = is_client };
			struct rk_buf payload = { 0 }, out = { 0 };
			struct rk_ws_message message;
			size_t used = 99;
			memset(rk_buf_room(&payload, sizes[i] + 1), 'p', sizes[i]);
			payload.size = sizes[i];
			rk_ws_write(&out, RK_WS_BINARY, rk_buf_span(&payload),
				    is_client ? NULL : mask);
			if (out.size < 1000)
				for (size_t cut = 0; cut < out.size; cut++) {
					cr_assert_eq(
						rk_ws_read(&parser, out.data, cut, &used, &message),
						RK_EAGAIN);
					cr_assert_eq(used, 0);
				}
			cr_assert_eq(rk_ws_read(&parser, out.data, out.size, &used, &message),
				     RK_OK, "%zu", sizes[i]);
			cr_expect_eq(used, out.size);
			cr_expect_eq(message.opcode, RK_WS_BINARY);
			cr_expect(rk_span_eq(message.payload, rk_buf_span(&payload)));
			rk_ws_parser_done(&parser);
			rk_buf_done(&payload);
			rk_buf_done(&out);
		}
	}
}

Test(websocket, fragments_are_joined_around_a_ping)
{
	uint8_t bytes[] = { 0x01, 2,   'a',  'b', 0x89, 1,    '!', 0x00,
			    1,    'c', 0x80, 1,   'd',  0x82, 1,   'z' };
	struct rk_ws_parser parser = { .is_client = true };
	struct rk_ws_message message;
	size_t used = 0, at = 0;

	cr_assert_eq(rk_ws_read(&parser, bytes, sizeof bytes, &used, &message), RK_OK);
	cr_expect_eq(message.opcode, RK_WS_PING);
	cr_expect(rk_span_is(message.payload, "!"));
	at += used;
	cr_assert_eq(rk_ws_read(&parser, bytes + at, sizeof bytes - at, &used, &message), RK_OK);
	cr_expect_eq(message.opcode, RK_WS_TEXT);
	cr_expect(rk_span_is(message.payload, "abcd"));
	at += used;
	cr_assert_eq(rk_ws_read(&parser, bytes + at, sizeof bytes - at, &used, &message), RK_OK);
	cr_expect(rk_span_is(message.payload, "z"));
	cr_expect_eq(at + used, sizeof bytes);
	rk_ws_parser_done(&parser);
}

Test(websocket, what_breaks_the_rules_is_refused)
{
	static const struct {
		const char *name;
		uint8_t bytes[14];
		size_t size;
		bool is_client;
		int err;
	} cases[] = {
		{ "reserved bit", { 0xc1, 0 }, 2, true, RK_EINVAL },
		{ "masked by the server", { 0x81, 0x80, 0, 0, 0, 0 }, 6, true, RK_EINVAL },
		{ "not masked by the client", { 0x81, 1, 'x' }, 3, false, RK_EINVAL },
		{ "unknown opcode", { 0x83, 0 }, 2, true, RK_EINVAL },
		{ "unknown control opcode", { 0x8b, 0 }, 2, true, RK_EINVAL },
		{ "a control frame in pieces", { 0x09, 0 }, 2, true, RK_EINVAL },
		{ "a long control frame", { 0x89, 126, 0, 126 }, 4, true, RK_EINVAL },
		{ "nothing to continue", { 0x80, 0 }, 2, true, RK_EINVAL },
		{ "a size in too many bytes", { 0x81, 126, 0, 5 }, 4, true, RK_EINVAL },
		{ "too large", { 0x82, 127, 0, 0, 0, 0, 0, 0x20, 0, 0 }, 10, true, RK_ETOOBIG },
		{ "absurd size",
		  { 0x82, 127, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff },
		  10,
		  true,
		  RK_ETOOBIG },
		{ "a new message within one", { 0x01, 0, 0x81, 0 }, 4, true, RK_EINVAL },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct rk_ws_parser parser = { .is_client = cases[i].is_client };
		struct rk_ws_message message;
		uint8_t bytes[14];
		size_t used;
		memcpy(bytes, cases[i].bytes, sizeof bytes);
		cr_expect_eq(rk_ws_read(&parser, bytes, cases[i].size, &used, &message),
			     cases[i].err, "%s", cases[i].name);
		rk_ws_parser_done(&parser);
	}
}

Test(websocket, close)
{
	struct rk_buf out = { 0 };

	rk_ws_write_close(&out, 1000, NULL);
	cr_expect(rk_span_eq(rk_buf_span(&out), rk_span_of("\x88\x02\x03\xe8", 4)));
	rk_buf_done(&out);
}
