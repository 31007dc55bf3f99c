#include "base/arena.h"
#include "base/buf.h"
#include "wire/http_io.h"

static int hex_digit(uint8_t byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	byte |= 0x20;
	return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

bool rk_url_decode(struct rk_arena *arena, struct rk_span text, bool is_query, struct rk_span *ret)
{
	uint8_t *out;
	size_t size = 0;

	if (memchr(text.size > 0 ? (const void *)text.data : "", '%', text.size) == NULL &&
	    (!is_query ||
	     memchr(text.size > 0 ? (const void *)text.data : "", '+', text.size) == NULL)) {
		*ret = text;
		return true;
	}
	out = rk_arena_alloc(arena, text.size);
	for (size_t i = 0; i < text.size; i++) {
		uint8_t byte = text.data[i];
		if (byte == '%') {
			const int high = i + 2 < text.size ? hex_digit(text.data[i + 1]) : -1;
			const int low = i + 2 < text.size ? hex_digit(text.data[i + 2]) : -1;
			if (high < 0 || low < 0)
				return false;
			byte = (uint8_t)(high << 4 | low);
			i += 2;
		} else if (byte == '+' && is_query) {
			byte = ' ';
		}
		out[size++] = byte;
	}
	*ret = rk_span_of(out, size);
	return true;
}

static bool is_unreserved(uint8_t byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
	       (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == '_' ||
	       byte == '~';
}

void rk_url_encode(struct rk_buf *out, struct rk_span text)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < text.size; i++) {
		const uint8_t byte = text.data[i];
		if (is_unreserved(byte)) {
			rk_buf_put_u8(out, byte);
			continue;
		}
		rk_buf_put_u8(out, '%');
		rk_buf_put_u8(out, (uint8_t)digits[byte >> 4]);
		rk_buf_put_u8(out, (uint8_t)digits[byte & 15]);
	}
}

bool rk_query_next(struct rk_arena *arena, struct rk_span query, size_t *at,
		   struct rk_span *ret_name, struct rk_span *ret_value)
{
	while (*at < query.size) {
		struct rk_span pair, name;
		(void)rk_span_cut(rk_span_sub(query, *at, query.size), '&', &pair);
		*at += pair.size + 1;
		const struct rk_span value = rk_span_cut(pair, '=', &name);
		if (pair.size > 0 && rk_url_decode(arena, name, true, ret_name) &&
		    rk_url_decode(arena, value, true, ret_value))
			return true; /* what is malformed is passed over, as Go's url.Query does */
	}
	return false;
}

bool rk_query_get(struct rk_arena *arena, struct rk_span query, const char *name,
		  struct rk_span *ret)
{
	struct rk_span found, value;
	size_t at = 0;

	while (rk_query_next(arena, query, &at, &found, &value)) {
		if (!rk_span_is(found, name))
			continue;
		*ret = value;
		return true;
	}
	return false;
}
