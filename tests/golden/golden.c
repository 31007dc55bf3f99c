#include "tests/golden/golden.h"

#include <stdio.h>
#include <stdlib.h>
#include <zstd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "node/files_io.h"

#define PLAIN_MAX (64u << 20)

bool golden_write(const char *path, const struct golden_entry *entries, size_t count)
{
	struct rk_buf plain = { 0 };

	for (size_t i = 0; i < count; i++) {
		rk_buf_put_u64(&plain, entries[i].index);
		rk_buf_put_u64(&plain, (uint64_t)entries[i].time_ms);
		rk_buf_put_u8(&plain, entries[i].is_command);
		rk_buf_put_u32(&plain, entries[i].size);
		rk_buf_put(&plain, entries[i].payload, entries[i].size);
	}
	const size_t room = ZSTD_compressBound(plain.size);
	RK_AUTO(rk_drop_mem) uint8_t *packed = rk_alloc(room);
	const size_t size = ZSTD_compress(packed, room, plain.data, plain.size, 19);
	rk_buf_done(&plain);
	return !ZSTD_isError(size) &&
	       rk_file_write(path, rk_span_of(packed, size), 0644, false, NULL) == RK_OK;
}

struct golden_entry *golden_read(const char *path, size_t *ret_count)
{
	RK_AUTO(rk_buf_done) struct rk_buf packed = { 0 };
	struct golden_entry *entries = NULL;
	size_t count = 0, capacity = 0;

	if (rk_file_read(path, PLAIN_MAX, &packed, NULL) < 0)
		return NULL;
	const unsigned long long size = ZSTD_getFrameContentSize(packed.data, packed.size);
	if (size > PLAIN_MAX)
		return NULL;
	RK_AUTO(rk_drop_mem) uint8_t *plain = rk_alloc((size_t)size);
	if (ZSTD_decompress(plain, (size_t)size, packed.data, packed.size) != size)
		return NULL;
	struct rk_reader reader = rk_reader_of(rk_span_of(plain, (size_t)size));
	while (rk_reader_left(&reader) > 0 && !reader.failed) {
		struct golden_entry entry = { .index = rk_read_u64(&reader) };
		entry.time_ms = (int64_t)rk_read_u64(&reader);
		entry.is_command = rk_read_u8(&reader) != 0;
		entry.size = rk_read_u32(&reader);
		const struct rk_span payload = rk_read_raw(&reader, entry.size);
		entry.payload = payload.size > 0 ? rk_memdup(payload.data, payload.size) : NULL;
		entries = rk_grow(entries, &capacity, count + 1, sizeof *entries);
		entries[count++] = entry;
	}
	*ret_count = count;
	return entries;
}
