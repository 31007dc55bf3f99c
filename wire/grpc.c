#include "wire/grpc.h"

int rk_grpc_next(struct rk_span *bytes, size_t max, struct rk_span *ret)
{
	if (bytes->size < RK_GRPC_HEAD)
		return 0;
	const uint8_t *head = bytes->data;
	const size_t size =
		(size_t)head[1] << 24 | (size_t)head[2] << 16 | (size_t)head[3] << 8 | head[4];
	if (head[0] != 0)
		return RK_ENOTSUP;
	if (size > max)
		return RK_ETOOBIG;
	if (bytes->size - RK_GRPC_HEAD < size)
		return 0;
	*ret = rk_span_sub(*bytes, RK_GRPC_HEAD, size);
	*bytes = rk_span_sub(*bytes, RK_GRPC_HEAD + size, bytes->size);
	return 1;
}

size_t rk_grpc_begin(struct rk_buf *out)
{
	const size_t begun = out->size;
	static const uint8_t head[RK_GRPC_HEAD];

	rk_buf_put(out, head, sizeof head);
	return begun;
}

void rk_grpc_end(struct rk_buf *out, size_t begun) { rk_grpc_end_later(out, begun, 0); }

void rk_grpc_end_later(struct rk_buf *out, size_t begun, size_t more)
{
	const size_t size = out->size - begun - RK_GRPC_HEAD + more;

	rk_assert(size <= UINT32_MAX);
	for (int i = 0; i < 4; i++)
		out->data[begun + 1 + (size_t)i] = (uint8_t)(size >> (24 - 8 * i));
}

void rk_grpc_text(struct rk_buf *out, struct rk_span text)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < text.size; i++) {
		const uint8_t byte = text.data[i];
		if (byte >= 0x20 && byte <= 0x7e && byte != '%') {
			rk_buf_put_u8(out, byte);
		} else {
			rk_buf_put_u8(out, '%');
			rk_buf_put_u8(out, (uint8_t)digits[byte >> 4]);
			rk_buf_put_u8(out, (uint8_t)digits[byte & 15]);
		}
	}
}

bool rk_grpc_timeout(struct rk_span text, uint64_t *ret_ms)
{
	uint64_t number;

	if (text.size < 2 || text.size > 9 ||
	    !rk_span_u64(rk_span_sub(text, 0, text.size - 1), &number))
		return false;
	switch (text.data[text.size - 1]) {
	case 'H': *ret_ms = number * 3600000; break;
	case 'M': *ret_ms = number * 60000; break;
	case 'S': *ret_ms = number * 1000; break;
	case 'm': *ret_ms = number; break;
	case 'u': *ret_ms = number / 1000; break;
	case 'n': *ret_ms = number / 1000000; break;
	default: return false;
	}
	return true;
}
