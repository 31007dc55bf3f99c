/* HTTP/1 messages in pieces: the first byte says who reads and how large the pieces are. What is
 * understood must not depend on how it was cut. */
#include "base/arena.h"
#include "base/mem.h"
#include "fuzz.h"
#include "wire/http1.h"

/* Everything that the parser says about the bytes, as text. */
static void parse(struct rk_span bytes, bool is_server, size_t step, struct rk_buf *ret)
{
	struct rk_http1 *http = rk_http1_new(is_server);
	enum rk_http1_event event = RK_HTTP1_MORE;
	int err = RK_OK;

	for (size_t at = 0; at < bytes.size && err == RK_OK; at += step) {
		struct rk_span piece = rk_span_sub(bytes, at, step);
		do {
			size_t used = 0;
			err = rk_http1_feed(http, piece, &used, &event);
			rk_assert(used <= piece.size);
			piece = rk_span_sub(piece, used, piece.size);
			if (err != RK_OK)
				break;
			if (event == RK_HTTP1_HEAD) {
				const struct rk_http1_head *head = rk_http1_head(http);
				rk_buf_printf(ret, "[%.*s %.*s %d %zu]", RK_SPAN_ARGS(head->method),
					      RK_SPAN_ARGS(head->target), head->status,
					      head->header_count);
				for (size_t i = 0; i < head->header_count; i++) {
					rk_buf_put_span(ret, head->headers[i].name);
					rk_buf_put_u8(ret, '=');
					rk_buf_put_span(ret, head->headers[i].value);
				}
			} else if (event == RK_HTTP1_BODY) {
				rk_buf_put_span(ret, rk_http1_piece(http));
			} else if (event == RK_HTTP1_DONE) {
				rk_buf_put_str(ret, "[done]");
			}
		} while (event != RK_HTTP1_MORE);
	}
	if (err == RK_OK)
		err = rk_http1_finish(http, &event);
	rk_buf_put_str(ret, err == RK_OK ? "[ok]"
					 : "[refused]"); /* which rule is broken first may differ */
	rk_http1_free(http);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rk_buf whole = { 0 }, cut = { 0 };

	if (size == 0)
		return 0;
	const struct rk_span bytes = rk_span_of(data + 1, size - 1);
	const bool is_server = (data[0] & 1) != 0;
	parse(bytes, is_server, SIZE_MAX / 2, &whole);
	parse(bytes, is_server, (size_t)(data[0] >> 1) + 1, &cut);
	rk_assert(rk_span_eq(rk_buf_span(&whole), rk_buf_span(&cut)));
	rk_buf_done(&whole);
	rk_buf_done(&cut);
	struct rk_arena arena = { 0 };
	struct rk_span name, value;
	for (size_t at = 0; rk_query_next(&arena, bytes, &at, &name, &value);)
		rk_assert(at <= bytes.size + 1);
	rk_arena_done(&arena);
	return 0;
}
