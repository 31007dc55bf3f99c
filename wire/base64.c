#include "wire/base64.h"

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

static int digit_of(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool rk_base64_decode(struct rk_arena *arena, struct rk_span text, struct rk_span *ret)
{
	uint8_t *out = rk_arena_alloc(arena, text.size / 4 * 3 + 1);
	size_t size = 0;

	if (text.size % 4 != 0)
		return false;
	for (size_t i = 0; i < text.size; i += 4) {
		const bool is_last = i + 4 == text.size;
		const bool one = is_last && text.data[i + 2] == '=' && text.data[i + 3] == '=';
		const bool two = is_last && !one && text.data[i + 3] == '=';
		const int a = digit_of(text.data[i]), b = digit_of(text.data[i + 1]);
		const int c = one ? 0 : digit_of(text.data[i + 2]),
			  d = one || two ? 0 : digit_of(text.data[i + 3]);
		if (a < 0 || b < 0 || c < 0 || d < 0)
			return false;
		out[size++] = (uint8_t)(a << 2 | b >> 4);
		if (!one)
			out[size++] = (uint8_t)(b << 4 | c >> 2);
		if (!one && !two)
			out[size++] = (uint8_t)(c << 6 | d);
	}
	*ret = rk_span_of(out, size);
	return true;
}

size_t rk_base64_size(struct rk_span text)
{
	size_t size = text.size / 4 * 3;

	for (size_t i = text.size; i > 0 && text.data[i - 1] == '=' && size > 0; i--)
		size--;
	return size;
}

struct rk_span rk_base64url_encode(struct rk_arena *arena, struct rk_span bytes)
{
	const struct rk_span text = rk_base64_encode(arena, bytes);
	uint8_t *out = rk_arena_alloc(arena, text.size + 1);
	size_t size = 0;

	for (size_t i = 0; i < text.size && text.data[i] != '='; i++)
		out[size++] = text.data[i] == '+' ? '-' : text.data[i] == '/' ? '_' : text.data[i];
	return rk_span_of(out, size);
}

struct rk_span rk_base64_from_url(struct rk_arena *arena, struct rk_span text)
{
	uint8_t *out = rk_arena_alloc(arena, text.size + 3);
	size_t size = 0;

	for (; size < text.size; size++)
		out[size] = text.data[size] == '-'   ? '+'
			    : text.data[size] == '_' ? '/'
						     : text.data[size];
	while (size % 4 != 0)
		out[size++] = '=';
	return rk_span_of(out, size);
}

bool rk_base64url_decode(struct rk_arena *arena, struct rk_span text, struct rk_span *ret)
{
	const struct rk_span plain = rk_base64_from_url(arena, text);

	for (size_t i = 0; i < text.size; i++)
		if (text.data[i] == '+' || text.data[i] == '/' || text.data[i] == '=')
			return false;
	/* The bits of the last letter that are behind the last byte must be zeros. */
	const int spare = text.size % 4 == 2 ? 15 : text.size % 4 == 3 ? 3 : 0;
	return rk_base64_decode(arena, plain, ret) &&
	       (spare == 0 || (digit_of(plain.data[text.size - 1]) & spare) == 0);
}
