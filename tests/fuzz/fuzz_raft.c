/* A peer's bytes: what decodes must encode to the same message, and nothing may be read beyond the
 * end. */
#include "base/buf.h"
#include "base/mem.h"
#include "fuzz.h"
#include "raft/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rk_raft_msg *msg = NULL;
	struct rk_buf bytes = { 0 };

	/* The checksum would keep every changed input out: give it the right one. */
	if (size < 4)
		return 0;
	const uint32_t crc = rk_crc32c(0, data + 4, size - 4);
	rk_buf_put_u32(&bytes, crc);
	rk_buf_put(&bytes, data + 4, size - 4);
	if (rk_raft_msg_decode(rk_buf_span(&bytes), &msg) == RK_OK) {
		struct rk_buf again = { 0 };
		rk_raft_msg_encode(msg, &again);
		rk_assert(again.size == rk_raft_msg_size(msg));
		rk_assert(rk_span_eq(rk_buf_span(&again), rk_buf_span(&bytes)));
		rk_buf_done(&again);
		(void)rk_raft_msg_free(msg);
	}
	rk_buf_done(&bytes);
	return 0;
}
