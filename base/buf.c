#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"

void rk_buf_done(struct rk_buf *buf)
{
	free(buf->data);
	*buf = (struct rk_buf){ 0 };
}

uint8_t *rk_buf_room(struct rk_buf *buf, size_t more)
{
	if (buf->capacity - buf->size < more)
		buf->data = rk_grow(buf->data, &buf->capacity, buf->size + more, 1);
	return buf->data + buf->size;
}

void rk_buf_put(struct rk_buf *buf, const void *data, size_t size)
{
	if (size == 0)
		return;
	memcpy(rk_buf_room(buf, size), data, size);
	buf->size += size;
}

void rk_buf_put_span(struct rk_buf *buf, struct rk_span span)
{
	rk_buf_put(buf, span.data, span.size);
}

void rk_buf_put_str(struct rk_buf *buf, const char *text)
{
	rk_buf_put(buf, text, strlen(text));
}

static void put_le(struct rk_buf *buf, uint64_t value, size_t size)
{
	uint8_t *to = rk_buf_room(buf, size);

	for (size_t i = 0; i < size; i++)
		to[i] = (uint8_t)(value >> (8 * i));
	buf->size += size;
}

void rk_buf_put_u16(struct rk_buf *buf, uint16_t value) { put_le(buf, value, 2); }
void rk_buf_put_u32(struct rk_buf *buf, uint32_t value) { put_le(buf, value, 4); }
void rk_buf_put_u64(struct rk_buf *buf, uint64_t value) { put_le(buf, value, 8); }

void rk_buf_put_varint(struct rk_buf *buf, uint64_t value)
{
	uint8_t *to = rk_buf_room(buf, 10);

	while (value >= 0x80) {
		*to++ = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	*to++ = (uint8_t)value;
	buf->size = (size_t)(to - buf->data);
}

void rk_buf_put_int(struct rk_buf *buf, int64_t value)
{
	char digits[20];
	size_t at = sizeof digits;
	uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

	do {
		digits[--at] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest > 0);
	if (value < 0)
		digits[--at] = '-';
	rk_buf_put(buf, digits + at, sizeof digits - at);
}

void rk_buf_put_bytes(struct rk_buf *buf, struct rk_span span)
{
	rk_buf_put_varint(buf, span.size);
	rk_buf_put_span(buf, span);
}

void rk_buf_printf(struct rk_buf *buf, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int need = vsnprintf(NULL, 0, format, args);
	va_end(args);
	rk_assert(need >= 0);
	uint8_t *to = rk_buf_room(buf, (size_t)need + 1);
	va_start(args, format);
	(void)vsnprintf((char *)to, (size_t)need + 1, format, args);
	va_end(args);
	buf->size += (size_t)need;
}

const char *rk_buf_cstr(struct rk_buf *buf)
{
	*rk_buf_room(buf, 1) = '\0';
	return (const char *)buf->data;
}

void rk_buf_consume(struct rk_buf *buf, size_t size)
{
	rk_assert(size <= buf->size);
	buf->size -= size;
	if (buf->size > 0 && size > 0)
		memmove(buf->data, buf->data + size, buf->size);
}

struct rk_span rk_read_raw(struct rk_reader *reader, size_t size)
{
	if (reader->failed || size > rk_reader_left(reader)) {
		reader->failed = true;
		return (struct rk_span){ NULL, 0 };
	}
	const struct rk_span taken = { reader->bytes.data + reader->at, size };
	reader->at += size;
	return taken;
}

static uint64_t read_le(struct rk_reader *reader, size_t size)
{
	const struct rk_span raw = rk_read_raw(reader, size);
	uint64_t value = 0;

	for (size_t i = 0; i < raw.size; i++)
		value |= (uint64_t)raw.data[i] << (8 * i);
	return value;
}

uint8_t rk_read_u8(struct rk_reader *reader) { return (uint8_t)read_le(reader, 1); }
uint16_t rk_read_u16(struct rk_reader *reader) { return (uint16_t)read_le(reader, 2); }
uint32_t rk_read_u32(struct rk_reader *reader) { return (uint32_t)read_le(reader, 4); }
uint64_t rk_read_u64(struct rk_reader *reader) { return read_le(reader, 8); }

uint64_t rk_read_varint(struct rk_reader *reader)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		const uint8_t byte = rk_read_u8(reader);
		if (shift == 63 && byte > 1)
			break;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return reader->failed ? 0 : value;
	}
	reader->failed = true;
	return 0;
}

struct rk_span rk_read_bytes(struct rk_reader *reader)
{
	const uint64_t size = rk_read_varint(reader);

	if (size > rk_reader_left(reader)) {
		reader->failed = true;
		return (struct rk_span){ NULL, 0 };
	}
	return rk_read_raw(reader, (size_t)size);
}
