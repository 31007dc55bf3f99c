/* A back-up's records and its manifest: refused, or the same again. The manifest's checksum is made
 * to fit, so that what is behind it is reached. */
#include <stdlib.h>

#include "base/mem.h"
#include "control/backup.h"
#include "fuzz.h"

static void records(struct rk_span bytes)
{
	struct rk_span payload, record;
	struct rk_entry entry;

	while (rk_backup_take_entry(bytes, &entry, &payload, &record) == 1) {
		struct rk_buf again = { 0 };
		entry.payload = rk_blob_copy(payload);
		rk_backup_put_entry(&again, &entry);
		rk_assert(rk_span_eq(rk_buf_span(&again), record));
		rk_buf_done(&again);
		(void)rk_blob_unref(entry.payload);
		bytes = rk_span_sub(bytes, record.size, bytes.size);
	}
}

static void manifest(struct rk_span lines)
{
	struct rk_backup first = { 0 }, second = { 0 };
	struct rk_buf text = { 0 }, again = { 0 };
	const struct rk_backup_item *base;
	const struct rk_hash128 sum = rk_hash128(lines, 0);
	char hex[40];

	rk_backup_hex(hex, sum.high, sum.low);
	rk_buf_put_span(&text, lines);
	rk_buf_printf(&text, "{\"kind\":\"end\",\"checksum\":\"%s\"}\n", hex);
	if (rk_backup_decode(rk_buf_span(&text), &first, NULL) == RK_OK) {
		rk_backup_encode(&first, &again);
		rk_assert(rk_backup_decode(rk_buf_span(&again), &second, NULL) == RK_OK);
		rk_assert(first.count == second.count);
		(void)rk_backup_base(&first, rk_backup_last(&first), &base);
	}
	rk_backup_done(&first);
	rk_backup_done(&second);
	rk_buf_done(&text);
	rk_buf_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rk_backup_part_head head;

	records(rk_span_of(data, size));
	manifest(rk_span_of(data, size));
	if (rk_backup_read_part_head(rk_span_of(data, size), &head) == RK_OK)
		rk_assert(size >= RK_BACKUP_HEAD_SIZE);
	return 0;
}
