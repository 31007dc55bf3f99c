#include "control/backup.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/timefmt.h"
#include "wire/json.h"

#define PART_MAGIC   0x50424b52u /* "RKBP" */
#define PART_VERSION 1

/* --- entries --- */

void rk_backup_put_entry(struct rk_buf *out, const struct rk_entry *entry)
{
	const struct rk_span payload = rk_blob_span(entry->payload);
	const size_t start = out->size;

	rk_buf_put_u32(out, 0);
	rk_buf_put_u32(out, (uint32_t)payload.size);
	rk_buf_put_u64(out, entry->index);
	rk_buf_put_u64(out, entry->term);
	rk_buf_put_u64(out, (uint64_t)entry->time_ms);
	rk_buf_put_u8(out, (uint8_t)entry->kind);
	rk_buf_put_span(out, payload);
	const uint32_t crc = rk_crc32c(0, out->data + start + 4, out->size - start - 4);
	for (unsigned i = 0; i < 4; i++)
		out->data[start + i] = (uint8_t)(crc >> 8 * i);
}

int rk_backup_take_entry(struct rk_span bytes, struct rk_entry *ret, struct rk_span *ret_payload,
			 struct rk_span *ret_record)
{
	struct rk_reader reader = rk_reader_of(bytes);
	const uint32_t crc = rk_read_u32(&reader);
	const uint32_t size = rk_read_u32(&reader);

	if (reader.failed)
		return 0;
	if (size > RK_PAYLOAD_MAX)
		return RK_ECORRUPT;
	if (bytes.size < RK_BACKUP_RECORD_SIZE + (size_t)size)
		return 0;
	if (rk_crc32c(0, bytes.data + 4, RK_BACKUP_RECORD_SIZE - 4 + (size_t)size) != crc)
		return RK_ECORRUPT;
	*ret = (struct rk_entry){ .index = rk_read_u64(&reader),
				  .term = rk_read_u64(&reader),
				  .time_ms = (int64_t)rk_read_u64(&reader),
				  .kind = (enum rk_entry_kind)rk_read_u8(&reader) };
	if (ret->kind < RK_ENTRY_NORMAL || ret->kind > RK_ENTRY_CONFIG || ret->index == 0)
		return RK_ECORRUPT;
	*ret_payload = rk_read_raw(&reader, size);
	*ret_record = rk_span_sub(bytes, 0, RK_BACKUP_RECORD_SIZE + (size_t)size);
	return 1;
}

static struct rk_hash128 chain(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	RK_AUTO(rk_buf_done) struct rk_buf bytes = { 0 };

	rk_buf_put_u64(&bytes, a);
	rk_buf_put_u64(&bytes, b);
	rk_buf_put_u64(&bytes, c);
	rk_buf_put_u64(&bytes, d);
	return rk_hash128(rk_buf_span(&bytes), 0);
}

struct rk_hash128 rk_backup_link_start(struct rk_cluster_id cluster, uint64_t first)
{
	return chain(cluster.high, cluster.low, first, PART_VERSION);
}

struct rk_hash128 rk_backup_link_next(struct rk_hash128 link, struct rk_span record)
{
	const struct rk_hash128 own = rk_hash128(record, 0);

	return chain(link.high, link.low, own.high, own.low);
}

void rk_backup_put_part_head(struct rk_buf *out, const struct rk_backup_part_head *head)
{
	rk_buf_put_u32(out, PART_MAGIC);
	rk_buf_put_u32(out, PART_VERSION);
	rk_buf_put_u64(out, head->cluster.high);
	rk_buf_put_u64(out, head->cluster.low);
	rk_buf_put_u64(out, head->first);
	rk_buf_put_u64(out, head->link.high);
	rk_buf_put_u64(out, head->link.low);
}

int rk_backup_read_part_head(struct rk_span bytes, struct rk_backup_part_head *ret)
{
	struct rk_reader reader = rk_reader_of(bytes);
	const uint32_t magic = rk_read_u32(&reader), version = rk_read_u32(&reader);

	if (reader.failed || magic != PART_MAGIC)
		return RK_ECORRUPT;
	if (version != PART_VERSION)
		return RK_ENOTSUP;
	ret->cluster.high = rk_read_u64(&reader);
	ret->cluster.low = rk_read_u64(&reader);
	ret->first = rk_read_u64(&reader);
	ret->link.high = rk_read_u64(&reader);
	ret->link.low = rk_read_u64(&reader);
	return reader.failed ? RK_ECORRUPT : RK_OK;
}

/* --- the manifest --- */

void rk_backup_done(struct rk_backup *backup)
{
	free(backup->items);
	*backup = (struct rk_backup){ 0 };
}

void rk_backup_add(struct rk_backup *backup, const struct rk_backup_item *item)
{
	backup->items =
		rk_grow(backup->items, &backup->capacity, backup->count + 1, sizeof *backup->items);
	backup->items[backup->count++] = *item;
}

void rk_backup_hex(char text[40], uint64_t high, uint64_t low)
{
	(void)snprintf(text, 40, "%016" PRIx64 "%016" PRIx64, high, low);
}

static bool unhex64(struct rk_span text, uint64_t *ret)
{
	uint64_t value = 0;

	for (size_t i = 0; i < text.size; i++) {
		const uint8_t c = text.data[i];
		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return false;
		value = value << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
	*ret = value;
	return true;
}

bool rk_backup_unhex(struct rk_span text, uint64_t *ret_high, uint64_t *ret_low)
{
	return text.size == 32 && unhex64(rk_span_sub(text, 0, 16), ret_high) &&
	       unhex64(rk_span_sub(text, 16, 16), ret_low);
}

static const char *const kind_names[] = {
	[RK_BACKUP_BASE] = "base", [RK_BACKUP_PART] = "part", [RK_BACKUP_MARK] = "mark"
};

static void put_time(struct rk_arena *arena, struct rk_val *val, const char *key, int64_t time_ms)
{
	char text[RK_TIME_TEXT_MAX];

	(void)rk_time_format_ms(text, time_ms);
	rk_val_put(arena, val, key, rk_val_strf(arena, "%s", text));
}

static struct rk_val *item_val(struct rk_arena *arena, const struct rk_backup_item *item)
{
	struct rk_val *val = rk_val_map(arena);
	char hex[40];

	rk_val_put_cstr(arena, val, "kind", kind_names[item->kind]);
	if (item->kind == RK_BACKUP_PART)
		rk_val_put_int(arena, val, "first", (int64_t)item->first);
	rk_val_put_int(arena, val, "last", (int64_t)item->last);
	rk_val_put_int(arena, val, "term", (int64_t)item->term);
	put_time(arena, val, "time", item->time_ms);
	put_time(arena, val, "taken", item->taken_ms);
	if (item->kind == RK_BACKUP_MARK) {
		rk_val_put_int(arena, val, "revision", (int64_t)item->revision);
	} else {
		rk_val_put_cstr(arena, val, "file", item->name);
		rk_val_put_int(arena, val, "bytes", (int64_t)item->bytes);
		rk_val_put_cstr(arena, val, "digest", item->digest);
	}
	rk_backup_hex(hex, item->hash.high, item->hash.low);
	rk_val_put(arena, val, "hash", rk_val_strf(arena, "%s", hex));
	return val;
}

static void put_line(struct rk_buf *out, const struct rk_val *val)
{
	rk_json_write(out, val, false);
	rk_buf_put_u8(out, '\n');
}

void rk_backup_encode(const struct rk_backup *backup, struct rk_buf *out)
{
	struct rk_arena arena = { 0 };
	struct rk_val *head = rk_val_map(&arena), *end = rk_val_map(&arena);
	const size_t start = out->size;
	char hex[40];

	rk_val_put_cstr(&arena, head, "kind", "backup");
	rk_val_put_int(&arena, head, "version", PART_VERSION);
	rk_backup_hex(hex, backup->cluster.high, backup->cluster.low);
	rk_val_put(&arena, head, "cluster", rk_val_strf(&arena, "%s", hex));
	put_line(out, head);
	for (size_t i = 0; i < backup->count; i++)
		put_line(out, item_val(&arena, &backup->items[i]));
	const struct rk_hash128 sum =
		rk_hash128(rk_span_of(out->data + start, out->size - start), 0);
	rk_backup_hex(hex, sum.high, sum.low);
	rk_val_put_cstr(&arena, end, "kind", "end");
	rk_val_put_cstr(&arena, end, "checksum", hex);
	put_line(out, end);
	rk_arena_done(&arena);
}

static bool read_text(const struct rk_val *val, const char *key, char *to, size_t size)
{
	const struct rk_span text = rk_val_text_at(val, key);

	if (text.size == 0 || text.size >= size || memchr(text.data, '/', text.size) != NULL)
		return false;
	memcpy(to, text.data, text.size);
	to[text.size] = '\0';
	return true;
}

static bool read_item(const struct rk_val *val, struct rk_backup_item *ret)
{
	const struct rk_span kind = rk_val_text_at(val, "kind");
	struct rk_backup_item item = { .first = (uint64_t)rk_val_int_at(val, "first", 0),
				       .last = (uint64_t)rk_val_int_at(val, "last", 0),
				       .term = (uint64_t)rk_val_int_at(val, "term", 0),
				       .bytes = (uint64_t)rk_val_int_at(val, "bytes", 0),
				       .revision = (uint64_t)rk_val_int_at(val, "revision", 0) };
	size_t at = 0;

	while (at < RK_COUNT(kind_names) && !rk_span_is(kind, kind_names[at]))
		at++;
	item.kind = (enum rk_backup_kind)at;
	if (at == RK_COUNT(kind_names) || item.last == 0 ||
	    !rk_time_parse(rk_val_text_at(val, "time"), &item.time_ms) ||
	    !rk_time_parse(rk_val_text_at(val, "taken"), &item.taken_ms) ||
	    !rk_backup_unhex(rk_val_text_at(val, "hash"), &item.hash.high, &item.hash.low))
		return false;
	if (item.kind != RK_BACKUP_MARK &&
	    (!read_text(val, "file", item.name, sizeof item.name) ||
	     !read_text(val, "digest", item.digest, sizeof item.digest)))
		return false;
	if (item.kind == RK_BACKUP_PART && (item.first == 0 || item.first > item.last))
		return false;
	*ret = item;
	return true;
}

/* The first line, those between, and the last one. */
static int read_line(struct rk_arena *arena, struct rk_span line, struct rk_hash128 sum,
		     size_t number, struct rk_backup *ret, bool *ret_ended)
{
	struct rk_backup_item item;
	struct rk_val *val = NULL;
	struct rk_hash128 told;

	if (rk_json_parse(arena, line, 0, &val, NULL) < 0)
		return RK_ECORRUPT;
	const struct rk_span kind = rk_val_text_at(val, "kind");
	if (number == 1) {
		if (!rk_span_is(kind, "backup") ||
		    !rk_backup_unhex(rk_val_text_at(val, "cluster"), &ret->cluster.high,
				     &ret->cluster.low))
			return RK_ECORRUPT;
		return rk_val_int_at(val, "version", 0) == PART_VERSION ? RK_OK : RK_ENOTSUP;
	}
	if (rk_span_is(kind, "end")) {
		*ret_ended = true;
		return rk_backup_unhex(rk_val_text_at(val, "checksum"), &told.high, &told.low) &&
				       rk_hash128_eq(told, sum)
			       ? RK_OK
			       : RK_ECORRUPT;
	}
	if (!read_item(val, &item))
		return RK_ECORRUPT;
	rk_backup_add(ret, &item);
	return RK_OK;
}

int rk_backup_decode(struct rk_span text, struct rk_backup *ret, struct rk_error *error)
{
	struct rk_span rest = text, line;
	bool ended = false;

	for (size_t number = 1; rest.size > 0; number++) {
		struct rk_arena arena = { 0 };
		const size_t before = text.size - rest.size;
		rest = rk_span_cut(rest, '\n', &line);
		const struct rk_hash128 sum = rk_hash128(rk_span_sub(text, 0, before), 0);
		const int err =
			ended ? RK_ECORRUPT : read_line(&arena, line, sum, number, ret, &ended);
		rk_arena_done(&arena);
		if (err == RK_ENOTSUP)
			return rk_fail(error, err,
				       "it is of a version that this program does not know");
		if (err < 0)
			return rk_fail(error, err, "line %zu of it is damaged", number);
	}
	return ended ? RK_OK : rk_fail(error, RK_ECORRUPT, "its end is missing");
}

uint64_t rk_backup_last(const struct rk_backup *backup)
{
	uint64_t last = 0;

	for (size_t i = 0; i < backup->count; i++)
		if (backup->items[i].kind != RK_BACKUP_MARK)
			last = RK_MAX(last, backup->items[i].last);
	return last;
}

const struct rk_backup_item *rk_backup_part(const struct rk_backup *backup, uint64_t index)
{
	for (size_t i = 0; i < backup->count; i++) {
		const struct rk_backup_item *item = &backup->items[i];
		if (item->kind == RK_BACKUP_PART && item->first <= index && index <= item->last)
			return item;
	}
	return NULL;
}

/* The last entry that parts lead to from behind `index`. */
static bool leads_to(const struct rk_backup *backup, uint64_t index, uint64_t to)
{
	while (index < to) {
		const struct rk_backup_item *part = rk_backup_part(backup, index + 1);
		if (part == NULL)
			return false;
		index = part->last;
	}
	return true;
}

bool rk_backup_base(const struct rk_backup *backup, uint64_t index,
		    const struct rk_backup_item **ret)
{
	const struct rk_backup_item *best = NULL;

	for (size_t i = 0; i < backup->count; i++) {
		const struct rk_backup_item *item = &backup->items[i];
		if (item->kind == RK_BACKUP_BASE && item->last <= index &&
		    (best == NULL || item->last > best->last) &&
		    leads_to(backup, item->last, index))
			best = item;
	}
	*ret = best;
	return best != NULL || (index > 0 && leads_to(backup, 0, index));
}
