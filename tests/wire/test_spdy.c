/* SPDY/3.1: both of our sides against each other, and a recorded block of another implementation's
 * zlib. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "wire/spdy.h"

/* Carries what `from` has to say over to `to`, in pieces of `step` bytes; the last event of each
 * kind is returned. */
struct seen {
	unsigned opens, replies, resets, rooms, aways, fins;
	uint32_t stream;
	struct rk_buf data;
	char header[128];
};

static void carry(struct rk_spdy *from, struct rk_spdy *to, size_t step, struct seen *seen)
{
	struct rk_buf *out = rk_spdy_out(from);
	struct rk_spdy_event event;

	for (size_t at = 0; at < out->size; at += step) {
		cr_assert_eq(rk_spdy_feed(to, rk_span_sub(rk_buf_span(out), at, step)), RK_OK);
		while (rk_spdy_next(to, &event)) {
			seen->opens += event.kind == RK_SPDY_OPEN;
			seen->replies += event.kind == RK_SPDY_REPLY;
			seen->resets += event.kind == RK_SPDY_RESET;
			seen->rooms += event.kind == RK_SPDY_ROOM;
			seen->aways += event.kind == RK_SPDY_AWAY;
			seen->fins += event.is_fin;
			seen->stream = event.stream;
			rk_buf_put_span(&seen->data, event.data);
			if (event.header_count > 0)
				(void)snprintf(seen->header, sizeof seen->header, "%.*s=%.*s",
					       RK_SPAN_ARGS(event.headers[0].name),
					       RK_SPAN_ARGS(event.headers[0].value));
			if (event.kind == RK_SPDY_DATA)
				rk_spdy_consumed(to, event.stream, event.data.size);
		}
	}
	rk_buf_clear(out);
}

Test(spdy, streams_open_carry_and_end)
{
	const size_t steps[] = { 1, 7, 4096 };

	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		struct rk_spdy *client = rk_spdy_new(false), *server = rk_spdy_new(true);
		struct seen at_server = { 0 }, at_client = { 0 };
		const struct rk_spdy_header header = { RK_SPAN("streamtype"), RK_SPAN("stdin") };
		const uint32_t first = rk_spdy_open(client, &header, 1),
			       second = rk_spdy_open(client, &header, 1);
		cr_expect_eq(first, 1);
		cr_expect_eq(second, 3);
		carry(client, server, steps[i], &at_server);
		cr_expect_eq(at_server.opens, 2);
		cr_expect_str_eq(at_server.header, "streamtype=stdin");
		rk_spdy_reply(server, first);
		rk_spdy_write(server, first, RK_SPAN("hello"), true);
		rk_spdy_reset(server, second);
		carry(server, client, steps[i], &at_client);
		cr_expect_eq(at_client.replies, 1);
		cr_expect_eq(at_client.resets, 1);
		cr_expect_eq(at_client.fins, 1);
		cr_expect_str_eq(rk_buf_cstr(&at_client.data), "hello");
		cr_expect_eq(rk_spdy_room(client, second), 0);
		rk_spdy_write(client, first, RK_SPAN("bye"), true);
		rk_spdy_goaway(client);
		carry(client, server, steps[i], &at_server);
		cr_expect_str_eq(rk_buf_cstr(&at_server.data), "bye");
		cr_expect_eq(at_server.fins, 1);
		cr_expect_eq(at_server.aways, 1);
		rk_buf_done(&at_server.data);
		rk_buf_done(&at_client.data);
		rk_spdy_free(client);
		rk_spdy_free(server);
	}
}

Test(spdy, the_window_holds_the_writer_until_the_reader_has_used_its_bytes)
{
	struct rk_spdy *client = rk_spdy_new(false), *server = rk_spdy_new(true);
	struct seen at_server = { 0 }, at_client = { 0 };
	static uint8_t block[65536];
	const uint32_t id = rk_spdy_open(client, NULL, 0);

	carry(client, server, 1u << 20, &at_server);
	cr_expect_eq(rk_spdy_room(server, id), 65536);
	rk_spdy_write(server, id, rk_span_of(block, 60000), false);
	cr_expect_eq(rk_spdy_room(server, id), 5536);
	rk_spdy_write(server, id, rk_span_of(block, 5536), false);
	cr_expect_eq(rk_spdy_room(server, id), 0);
	carry(server, client, 1u << 20, &at_client);
	carry(client, server, 1u << 20, &at_server);
	cr_expect_eq(at_server.rooms, 1);
	cr_expect_eq(rk_spdy_room(server, id), 60000);
	rk_buf_done(&at_client.data);
	rk_spdy_free(client);
	rk_spdy_free(server);
}

static void put32(struct rk_buf *out, uint32_t value)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		rk_buf_put_u8(out, (uint8_t)(value >> shift));
}

/* A block that Python's zlib made with the dictionary of the draft (adler32 e3c6a7c2):
 * streamType=error, port=80. */
static const uint8_t recorded[] = {
	0x78, 0xf9, 0xe3, 0xc6, 0xa7, 0xc2, 0x02, 0xe5, 0x0e, 0x70, 0x3a, 0x2b, 0x29,
	0x4a, 0x4d, 0xcc, 0x85, 0x16, 0x25, 0xac, 0xa9, 0xa0, 0x80, 0x86, 0x14, 0xcb,
	0x45, 0xa0, 0x24, 0xcc, 0x64, 0x61, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff,
};

static int feed_recorded(struct rk_spdy *server, uint32_t id)
{
	struct rk_buf frame = { 0 };

	put32(&frame, 0x80030001);
	put32(&frame, 10 + sizeof recorded);
	put32(&frame, id);
	put32(&frame, 0);
	rk_buf_put(&frame, "\0\0", 2);
	rk_buf_put(&frame, recorded, sizeof recorded);
	const int err = rk_spdy_feed(server, rk_buf_span(&frame));
	rk_buf_done(&frame);
	return err;
}

Test(spdy, a_peer_without_flow_control_is_never_held_back)
{
	struct rk_spdy *server = rk_spdy_new(true);
	struct rk_spdy_event event;
	static uint8_t block[65536];

	cr_assert_eq(feed_recorded(server, 1), RK_OK);
	cr_assert(rk_spdy_next(server, &event));
	cr_expect_eq(event.kind, RK_SPDY_OPEN);
	cr_assert_eq(event.header_count, 2);
	cr_expect(rk_span_is(event.headers[0].name, "streamtype"));
	cr_expect(rk_span_is(event.headers[0].value, "error"));
	cr_expect(rk_span_is(event.headers[1].value, "80"));
	cr_expect_not(rk_spdy_next(server, &event));
	for (int i = 0; i < 10; i++)
		rk_spdy_write(server, 1, rk_span_of(block, rk_spdy_room(server, 1)), false);
	cr_expect_eq(rk_spdy_out(server)->size, 10 * (65536 + 8));
	rk_spdy_free(server);
}

Test(spdy, what_breaks_the_rules_is_refused)
{
	static const struct {
		const char *name;
		uint32_t words[8];
		size_t count;
		int err;
	} cases[] = {
		{ "another version", { 0x80020006, 4, 1 }, 3, RK_EINVAL },
		{ "a frame too large", { 0x80030006, 0x200000 }, 2, RK_ETOOBIG },
		{ "a ping of three bytes", { 0x80030006, 3, 1 }, 3, RK_EINVAL },
		{ "data on stream 0", { 0, 4, 1 }, 3, RK_EINVAL },
		{ "settings that lie about their count", { 0x80030004, 4, 5 }, 3, RK_EINVAL },
		{ "a stream without headers", { 0x80030001, 12, 1, 0, 0 }, 5, RK_EINVAL },
		{ "junk for zlib", { 0x80030001, 14, 1, 0, 0xffff, 0xffffffff }, 6, RK_EINVAL },
		{ "an unknown frame is passed over", { 0x80030063, 4, 1 }, 3, RK_OK },
		{ "data on a stream that never was", { 99, 4, 1 }, 3, RK_OK },
		{ "a window for nobody", { 0x80030009, 8, 77, 1 }, 4, RK_OK },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct rk_spdy *server = rk_spdy_new(true);
		struct rk_buf frame = { 0 };
		struct rk_spdy_event event;
		for (size_t n = 0; n < cases[i].count; n++)
			put32(&frame, cases[i].words[n]);
		cr_expect_eq(rk_spdy_feed(server, rk_buf_span(&frame)), cases[i].err, "%s",
			     cases[i].name);
		cr_expect_not(rk_spdy_next(server, &event), "%s", cases[i].name);
		rk_buf_done(&frame);
		rk_spdy_free(server);
	}
}

Test(spdy, ids_must_grow_and_the_streams_are_bounded)
{
	struct rk_spdy *client = rk_spdy_new(false), *server = rk_spdy_new(true);
	struct seen seen = { 0 };

	for (int i = 0; i < RK_SPDY_STREAMS_MAX; i++)
		cr_expect_neq(rk_spdy_open(client, NULL, 0), 0);
	cr_expect_eq(rk_spdy_open(client, NULL, 0), 0);
	carry(client, server, 100, &seen);
	cr_expect_eq(seen.opens, RK_SPDY_STREAMS_MAX);
	rk_spdy_free(client);
	rk_spdy_free(server);
	server = rk_spdy_new(true);
	struct rk_spdy_event event;
	cr_expect_eq(feed_recorded(server, 2), RK_EINVAL);
	rk_spdy_free(server);
	server = rk_spdy_new(true);
	cr_expect_eq(feed_recorded(server, 5), RK_OK);
	while (rk_spdy_next(server, &event))
		;
	cr_expect_eq(feed_recorded(server, 3), RK_EINVAL);
	rk_spdy_free(server);
}
