/* What comes over a connection between members: frames, and those of transfers. What decodes must
 * encode to the same bytes. */
#include "base/mem.h"
#include "fuzz.h"
#include "raft/peerlink_io.h"

static void same(struct rk_span payload, const struct rk_buf *again)
{
	rk_assert(rk_span_eq(payload, rk_buf_span(again)));
}

static void on_frame(struct rk_span frame)
{
	const struct rk_span payload = rk_span_sub(frame, 1, frame.size);
	RK_AUTO(rk_buf_done) struct rk_buf again = { 0 };
	struct rk_offer offer;
	struct rk_chunk chunk;
	struct rk_take take;

	rk_assert(frame.size > 0);
	if (frame.data[0] == RK_LINK_OFFER && rk_offer_decode(payload, &offer) == RK_OK) {
		rk_offer_encode(&offer, &again);
		same(payload, &again);
		rk_assert(rk_offer_is_same_file(&offer, &offer));
	} else if (frame.data[0] == RK_LINK_CHUNK && rk_chunk_decode(payload, &chunk) == RK_OK) {
		rk_chunk_encode_head(&chunk, &again);
		rk_assert(again.size == RK_TRANSFER_CHUNK_HEAD);
		rk_buf_put_span(&again, chunk.bytes);
		same(payload, &again);
		(void)rk_chunk_is_whole(&chunk);
	} else if (frame.data[0] == RK_LINK_TAKE && rk_take_decode(payload, &take) == RK_OK) {
		rk_take_encode(&take, &again);
		same(payload, &again);
		(void)rk_transfer_may_stand(take.at, take.number);
	} else if (frame.data[0] == RK_LINK_REFUSE && rk_refuse_decode(payload, &take) == RK_OK) {
		rk_refuse_encode(&take, &again);
		same(payload, &again);
		rk_assert(*rk_refusal_text(take.why) != '\0');
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rk_span bytes = rk_span_of(data, size), frame;
	size_t used = 0;

	while (rk_link_next(bytes, RK_LINK_FRAME_MAX, &frame, &used) == 1) {
		rk_assert(used > 4);
		rk_assert(used <= bytes.size);
		on_frame(frame);
		bytes = rk_span_sub(bytes, used, bytes.size);
	}
	return 0;
}
