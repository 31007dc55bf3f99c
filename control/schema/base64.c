#include "control/schema/base64.h"

struct rk_span rk_base64_encode(struct rk_arena *arena, struct rk_span bytes)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const size_t size = (bytes.size + 2) / 3 * 4;
	char *out = rk_arena_alloc(arena, size + 1);

	for (size_t i = 0, at = 0; i < bytes.size; i += 3, at += 4) {
		const size_t left = bytes.size - i;
		const uint32_t three = (uint32_t)bytes.data[i] << 16 |
				       (left > 1 ? (uint32_t)bytes.data[i + 1] << 8 : 0) |
				       (left > 2 ? bytes.data[i + 2] : 0);
		out[at] = alphabet[three >> 18];
		out[at + 1] = alphabet[three >> 12 & 63];
		out[at + 2] = '=';
		out[at + 3] = '=';
		if (left > 1)
			out[at + 2] = alphabet[three >> 6 & 63];
		if (left > 2)
			out[at + 3] = alphabet[three & 63];
	}
	return rk_span_of(out, size);
}

size_t rk_base64_size(struct rk_span text)
{
	size_t size = text.size / 4 * 3;

	for (size_t i = text.size; i > 0 && text.data[i - 1] == '=' && size > 0; i--)
		size--;
	return size;
}
