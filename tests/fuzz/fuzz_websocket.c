/* WebSocket frames in pieces: the first byte says who reads and how large the pieces are. */
#include "base/mem.h"
#include "fuzz.h"
#include "wire/websocket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rk_ws_parser parser = { 0 };
	struct rk_buf in = { 0 };
	int err = RK_EAGAIN;

	if (size == 0)
		return 0;
	parser.is_client = (data[0] & 1) != 0;
	const size_t step = (size_t)(data[0] >> 1) + 1;
	for (size_t at = 1; at < size && (err == RK_OK || err == RK_EAGAIN); at += step) {
		rk_buf_put_span(&in, rk_span_sub(rk_span_of(data, size), at, step));
		do {
			struct rk_ws_message message;
			size_t used = 0;
			err = rk_ws_read(&parser, in.data, in.size, &used, &message);
			rk_assert(used <= in.size);
			if (err == RK_OK) {
				rk_assert(message.opcode != RK_WS_CONT &&
					  message.payload.size <= RK_WS_MESSAGE_MAX);
				rk_assert(used > 0);
			}
			rk_buf_consume(&in, used);
		} while (err == RK_OK);
		rk_assert(parser.message.size <= RK_WS_MESSAGE_MAX);
	}
	rk_ws_parser_done(&parser);
	rk_buf_done(&in);
	char accept[32];
	static const char *const supported[] = { "v5.channel.k8s.io", "v4.channel.k8s.io", NULL };
	rk_assert(rk_ws_accept(rk_span_of(data, size), accept) != RK_OK || strlen(accept) == 28);
	(void)rk_ws_protocol(rk_span_of(data, size), supported);
	return 0;
}
