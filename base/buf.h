/* base/buf.h - a growing byte buffer, and a reader that cannot leave its bytes. Integers are little-endian. */
#ifndef RK_BASE_BUF_H
#define RK_BASE_BUF_H

#include "base/span.h"

struct rk_buf { /* all zero is an empty buffer */
	uint8_t *data;
	size_t size;
	size_t capacity;
};

void rk_buf_done(struct rk_buf *buf); /* frees the bytes, leaves an empty buffer */
static inline void rk_buf_clear(struct rk_buf *buf) { buf->size = 0; }
/* Makes room for `more` bytes and returns where they go; the caller adds to buf->size. */
uint8_t *rk_buf_room(struct rk_buf *buf, size_t more);
void rk_buf_put(struct rk_buf *buf, const void *data, size_t size);
void rk_buf_put_span(struct rk_buf *buf, struct rk_span span);
void rk_buf_put_str(struct rk_buf *buf, const char *text); /* without the NUL */
static inline void rk_buf_put_u8(struct rk_buf *buf, uint8_t value)
{
	if (buf->size == buf->capacity)
		(void)rk_buf_room(buf, 1);
	buf->data[buf->size++] = value;
}
void rk_buf_put_u16(struct rk_buf *buf, uint16_t value);
void rk_buf_put_u32(struct rk_buf *buf, uint32_t value);
void rk_buf_put_u64(struct rk_buf *buf, uint64_t value);
void rk_buf_put_varint(struct rk_buf *buf, uint64_t value);            /* LEB128 */
void rk_buf_put_int(struct rk_buf *buf, int64_t value);                /* in decimal */
void rk_buf_put_bytes(struct rk_buf *buf, struct rk_span span);        /* varint size, then bytes */
void rk_buf_printf(struct rk_buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Ends the bytes with a NUL that does not count in size; valid until the next change. */
const char *rk_buf_cstr(struct rk_buf *buf);
/* Drops `size` bytes from the front (moves the rest). */
void rk_buf_consume(struct rk_buf *buf, size_t size);
static inline struct rk_span rk_buf_span(const struct rk_buf *buf)
{
	return (struct rk_span){ buf->data, buf->size };
}

struct rk_reader { /* after the first short read `failed` stays set and every read gives zero */
	struct rk_span bytes;
	size_t at;
	bool failed;
};

static inline struct rk_reader rk_reader_of(struct rk_span bytes)
{
	return (struct rk_reader){ bytes, 0, false };
}
static inline size_t rk_reader_left(const struct rk_reader *reader)
{
	return reader->bytes.size - reader->at;
}
uint8_t rk_read_u8(struct rk_reader *reader);
uint16_t rk_read_u16(struct rk_reader *reader);
uint32_t rk_read_u32(struct rk_reader *reader);
uint64_t rk_read_u64(struct rk_reader *reader);
uint64_t rk_read_varint(struct rk_reader *reader);
struct rk_span rk_read_raw(struct rk_reader *reader, size_t size);
struct rk_span rk_read_bytes(struct rk_reader *reader); /* varint size, then bytes: borrowed */

#endif
