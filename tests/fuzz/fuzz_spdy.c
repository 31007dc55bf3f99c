/* A SPDY server that answers whatever comes: the first byte says how large the pieces are. */
#include "base/mem.h"
#include "fuzz.h"
#include "wire/spdy.h"

static void answer(struct rk_spdy *spdy, const struct rk_spdy_event *event)
{
	static const uint8_t block[65536];

	switch (event->kind) {
	case RK_SPDY_OPEN:
		for (size_t i = 0; i < event->header_count; i++)
			rk_assert(event->headers[i].name.size > 0);
		rk_spdy_reply(spdy, event->stream);
		break;
	case RK_SPDY_DATA: rk_spdy_consumed(spdy, event->stream, event->data.size); break;
	case RK_SPDY_ROOM:
		rk_spdy_write(
			spdy, event->stream,
			rk_span_of(block, RK_MIN(rk_spdy_room(spdy, event->stream), sizeof block)),
			event->stream % 4 == 1);
		break;
	case RK_SPDY_REPLY:
	case RK_SPDY_RESET:
	case RK_SPDY_AWAY: rk_spdy_reset(spdy, event->stream); break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct rk_spdy *spdy = rk_spdy_new((data[0] & 1) == 0);
	const size_t step = ((size_t)(data[0] >> 1) + 1) * 3;
	int err = RK_OK;

	if ((data[0] & 1) != 0)
		(void)rk_spdy_open(spdy, NULL, 0);
	for (size_t at = 1; at < size && err == RK_OK; at += step) {
		struct rk_spdy_event event;
		err = rk_spdy_feed(spdy, rk_span_sub(rk_span_of(data, size), at, step));
		while (rk_spdy_next(spdy, &event))
			answer(spdy, &event);
		rk_buf_clear(rk_spdy_out(spdy));
	}
	rk_spdy_free(spdy);
	return 0;
}
