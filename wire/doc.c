#include "wire/doc.h"

#include <msgpack.h>

#include "base/mem.h"
#include "wire/json.h"

/* Writing goes through msgpack-c's packer. Reading is a bounds-checked cursor of our own, since a
 * lookup must neither build a tree nor allocate: it runs for every object of a list. */

static int pack_write(void *data, const char *bytes, size_t size)
{
	rk_buf_put(data, bytes, size);
	return 0;
}

static void pack_text(msgpack_packer *packer, struct rk_span text)
{
	(void)msgpack_pack_str(packer, text.size);
	(void)msgpack_pack_str_body(packer, text.data, text.size);
}

static void pack(msgpack_packer *packer, const struct rk_val *val);

static void pack_open(msgpack_packer *packer, const struct rk_val *val)
{
	switch (val->kind) {
	case RK_VAL_NULL: (void)msgpack_pack_nil(packer); break;
	case RK_VAL_BOOL:
		(void)(val->boolean ? msgpack_pack_true(packer) : msgpack_pack_false(packer));
		break;
	case RK_VAL_INT: (void)msgpack_pack_int64(packer, val->integer); break;
	case RK_VAL_REAL: (void)msgpack_pack_double(packer, val->real); break;
	case RK_VAL_STR: pack_text(packer, val->str); break;
	case RK_VAL_LIST:
		(void)msgpack_pack_array(packer, val->count);
		for (uint32_t i = 0; i < val->count; i++)
			pack(packer, val->items[i]);
		break;
	case RK_VAL_MAP:
		(void)msgpack_pack_map(packer, val->count);
		for (uint32_t i = 0; i < val->count; i++) {
			pack_text(packer, val->fields[i].key);
			pack(packer, val->fields[i].val);
		}
		break;
	}
}

static void pack(msgpack_packer *packer, const struct rk_val *val)
{
	struct rk_buf inner = { 0 };
	msgpack_packer sealer;

	if (!val->is_sealed || (val->kind != RK_VAL_LIST && val->kind != RK_VAL_MAP)) {
		pack_open(packer, val);
		return;
	}
	msgpack_packer_init(&sealer, &inner, pack_write);
	pack_open(&sealer, val);
	(void)msgpack_pack_bin(packer, inner.size);
	(void)msgpack_pack_bin_body(packer, inner.data, inner.size);
	rk_buf_done(&inner);
}

void rk_doc_write(struct rk_buf *out, const struct rk_val *val)
{
	msgpack_packer packer;

	msgpack_packer_init(&packer, out, pack_write);
	pack(&packer, val);
}

struct rk_blob *rk_doc_of(const struct rk_val *val)
{
	struct rk_buf bytes = { 0 };

	rk_doc_write(&bytes, val);
	struct rk_blob *doc = rk_blob_copy(rk_buf_span(&bytes));
	rk_buf_done(&bytes);
	return doc;
}

static uint64_t read_be(struct rk_reader *reader, size_t size)
{
	const struct rk_span raw = rk_read_raw(reader, size);
	uint64_t value = 0;

	for (size_t i = 0; i < raw.size; i++)
		value = value << 8 | raw.data[i];
	return value;
}

static void head_sized(struct rk_reader *reader, enum rk_val_kind kind, uint64_t size,
		       struct rk_doc_head *ret)
{
	ret->kind = kind;
	if (kind == RK_VAL_STR)
		ret->text = rk_read_raw(reader, (size_t)size);
	else
		ret->count = (uint32_t)size;
	/* Each element takes a byte at least: a count that cannot be true is refused before anyone
	 * loops over it. */
	if (kind != RK_VAL_STR && size * (kind == RK_VAL_MAP ? 2 : 1) > rk_reader_left(reader))
		reader->failed = true;
}

static void head_real(struct rk_reader *reader, uint8_t tag, struct rk_doc_head *ret)
{
	const uint64_t bits = read_be(reader, tag == 0xca ? 4 : 8);

	ret->kind = RK_VAL_REAL;
	if (tag == 0xca) {
		const uint32_t narrow = (uint32_t)bits;
		float value;
		memcpy(&value, &narrow, sizeof value);
		ret->real = (double)value;
	} else {
		memcpy(&ret->real, &bits, sizeof ret->real);
	}
}

static void head_integer(struct rk_reader *reader, uint8_t tag, struct rk_doc_head *ret)
{
	const bool is_signed = tag >= 0xd0;
	const size_t size = (size_t)1 << (tag - (is_signed ? 0xd0 : 0xcc));
	const uint64_t bits = read_be(reader, size);
	const unsigned unused = (unsigned)(64 - 8 * size);

	ret->kind = RK_VAL_INT;
	if (is_signed)
		ret->integer = (int64_t)(bits << unused) >> unused;
	else if (bits > INT64_MAX)
		reader->failed = true;
	else
		ret->integer = (int64_t)bits;
}

/* Steps into what is sealed, if the value at the cursor is. Returns where it must end then; else 0. */
static size_t open_seal(struct rk_reader *reader)
{
	const uint8_t tag = reader->at < reader->bytes.size ? reader->bytes.data[reader->at] : 0;

	if (tag < 0xc4 || tag > 0xc6)
		return 0;
	reader->at++;
	const uint64_t size = read_be(reader, (size_t)1 << (tag - 0xc4));
	const uint8_t inner =
		size > 0 && size <= rk_reader_left(reader) ? reader->bytes.data[reader->at] : 0;
	const bool is_list_or_map =
		(inner >= 0x80 && inner <= 0x9f) || (inner >= 0xdc && inner <= 0xdf);
	reader->failed = reader->failed || !is_list_or_map;
	return reader->failed ? 0 : reader->at + (size_t)size;
}

static void close_seal(struct rk_reader *reader, size_t end)
{
	if (end != 0 && reader->at != end)
		reader->failed = true;
}

static uint8_t next_byte(struct rk_reader *reader)
{
	if (reader->failed || reader->at >= reader->bytes.size) {
		reader->failed = true;
		return 0;
	}
	return reader->bytes.data[reader->at++];
}

struct rk_doc_head rk_doc_next(struct rk_reader *reader)
{
	struct rk_doc_head head = { .kind = RK_VAL_NULL };
	uint8_t tag = next_byte(reader);

	if (tag >= 0xc4 && tag <= 0xc6) { /* what is in it comes next */
		reader->at--;
		(void)open_seal(reader);
		tag = next_byte(reader);
	}
	if (tag >= 0xa0 && tag <= 0xbf && rk_reader_left(reader) >= (tag & 0x1fu)) {
		head.kind = RK_VAL_STR; /* a short text: most values are */
		head.text = rk_span_of(reader->bytes.data + reader->at, tag & 0x1f);
		reader->at += tag & 0x1f;
	} else if (tag <= 0x7f || tag >= 0xe0) {
		head.kind = RK_VAL_INT;
		head.integer = (int8_t)tag;
	} else if (tag <= 0x8f) {
		head_sized(reader, RK_VAL_MAP, tag & 0x0f, &head);
	} else if (tag <= 0x9f) {
		head_sized(reader, RK_VAL_LIST, tag & 0x0f, &head);
	} else if (tag <= 0xbf) {
		head_sized(reader, RK_VAL_STR, tag & 0x1f, &head);
	} else if (tag == 0xc2 || tag == 0xc3) {
		head.kind = RK_VAL_BOOL;
		head.integer = tag & 1;
	} else if (tag == 0xca || tag == 0xcb) {
		head_real(reader, tag, &head);
	} else if (tag >= 0xcc && tag <= 0xd3) {
		head_integer(reader, tag, &head);
	} else if (tag >= 0xd9 && tag <= 0xdb) {
		head_sized(reader, RK_VAL_STR, read_be(reader, (size_t)1 << (tag - 0xd9)), &head);
	} else if (tag == 0xdc || tag == 0xdd) {
		head_sized(reader, RK_VAL_LIST, read_be(reader, (size_t)2 << (tag - 0xdc)), &head);
	} else if (tag == 0xde || tag == 0xdf) {
		head_sized(reader, RK_VAL_MAP, read_be(reader, (size_t)2 << (tag - 0xde)), &head);
	} else if (tag != 0xc0) {
		reader->failed = true; /* extension types are not part of a document, binary is a seal */
	}
	return head;
}

struct rk_span rk_doc_key(struct rk_reader *reader)
{
	/* Nearly all keys are short: a byte that holds the size, then the text. */
	if (reader->at < reader->bytes.size && (reader->bytes.data[reader->at] & 0xe0) == 0xa0) {
		const size_t size = reader->bytes.data[reader->at] & 0x1f;
		if (reader->bytes.size - reader->at > size) {
			const struct rk_span key = { reader->bytes.data + reader->at + 1, size };
			reader->at += 1 + size;
			return key;
		}
	}
	const struct rk_doc_head head = rk_doc_next(reader);
	if (head.kind != RK_VAL_STR)
		reader->failed = true;
	return head.text;
}

static struct rk_val *read_val(struct rk_arena *arena, struct rk_reader *reader, int depth)
{
	const size_t end = open_seal(reader);
	const struct rk_doc_head head = rk_doc_next(reader);
	struct rk_val *val = rk_arena_zalloc(arena, sizeof *val);

	if (depth > RK_DOC_DEPTH_MAX)
		reader->failed = true;
	if (reader->failed)
		return val;
	val->kind = head.kind;
	switch (head.kind) {
	case RK_VAL_NULL: break;
	case RK_VAL_BOOL: val->boolean = head.integer != 0; break;
	case RK_VAL_INT: val->integer = head.integer; break;
	case RK_VAL_REAL: val->real = head.real; break;
	case RK_VAL_STR: val->str = head.text; break;
	case RK_VAL_LIST:
		val->count = val->capacity = head.count;
		val->items = rk_arena_alloc(arena, head.count * sizeof(struct rk_val *));
		for (uint32_t i = 0; i < head.count; i++)
			val->items[i] = read_val(arena, reader, depth + 1);
		break;
	case RK_VAL_MAP:
		val->count = val->capacity = head.count;
		val->fields = rk_arena_alloc(arena, head.count * sizeof *val->fields);
		for (uint32_t i = 0; i < head.count; i++) {
			val->fields[i].key = rk_doc_key(reader);
			val->fields[i].val = read_val(arena, reader, depth + 1);
		}
		break;
	}
	val->is_sealed = end != 0;
	close_seal(reader, end);
	return val;
}

int rk_doc_read(struct rk_arena *arena, struct rk_span bytes, struct rk_val **ret)
{
	struct rk_reader reader = rk_reader_of(bytes);
	struct rk_val *val = read_val(arena, &reader, 0);

	if (reader.failed || rk_reader_left(&reader) != 0)
		return RK_EINVAL;
	*ret = val;
	return RK_OK;
}

struct rk_val *rk_doc_val(struct rk_arena *arena, const struct rk_blob *doc)
{
	struct rk_val *val = NULL;
	const int err = rk_doc_read(arena, rk_blob_span(doc), &val);

	rk_assert(err == RK_OK);
	return val;
}

/* Passes over one value. A count of what is still to come stands in for recursion. */
void rk_doc_skip(struct rk_reader *reader)
{
	const uint8_t *data = reader->bytes.data;
	const size_t end = reader->bytes.size;
	size_t at = reader->at;
	uint64_t left = 1;

	while (left > 0 && at < end) {
		const uint8_t tag = data[at];
		left--;
		if (tag <= 0x7f || tag >= 0xe0 || tag == 0xc0 || tag == 0xc2 || tag == 0xc3) {
			at++;
		} else if (tag <= 0x8f) {
			at++;
			left += 2u * (tag & 0x0f);
		} else if (tag <= 0x9f) {
			at++;
			left += tag & 0x0f;
		} else if (tag <= 0xbf) {
			at += 1u + (tag & 0x1f);
		} else if (tag == 0xd9 && at + 1 < end) { /* uids, times, images: up to 255 bytes */
			at += 2u + data[at + 1];
		} else { /* the other long forms are rare: the careful way */
			reader->at = at;
			const size_t sealed = open_seal(reader);
			if (sealed != 0) {
				at = sealed;
				continue;
			}
			const struct rk_doc_head head = rk_doc_next(reader);
			left += head.kind == RK_VAL_LIST  ? head.count
				: head.kind == RK_VAL_MAP ? 2 * (uint64_t)head.count
							  : 0;
			at = reader->at;
			if (reader->failed)
				return;
		}
	}
	reader->failed = reader->failed || left > 0 || at > end;
	if (!reader->failed)
		reader->at = at;
}

struct rk_span rk_doc_get(struct rk_span bytes, struct rk_span key)
{
	struct rk_reader reader = rk_reader_of(bytes);
	const struct rk_doc_head head = rk_doc_next(&reader);

	if (head.kind != RK_VAL_MAP)
		return (struct rk_span){ NULL, 0 };
	for (uint32_t i = 0; i < head.count && !reader.failed; i++) {
		const bool is_it = rk_span_eq(rk_doc_key(&reader), key);
		const size_t start = reader.at;
		rk_doc_skip(&reader);
		if (is_it && !reader.failed)
			return rk_span_sub(bytes, start, reader.at - start);
	}
	return (struct rk_span){ NULL, 0 };
}

struct rk_span rk_doc_at(struct rk_span bytes, const char *path)
{
	struct rk_span rest = rk_span_str(path);

	do {
		struct rk_span key;
		rest = rk_span_cut(rest, '.', &key);
		bytes = rk_doc_get(bytes, key);
	} while (rest.data != NULL && bytes.data != NULL);
	return bytes;
}

static struct rk_doc_head head_at(struct rk_span bytes, const char *path)
{
	struct rk_reader reader = rk_reader_of(rk_doc_at(bytes, path));
	struct rk_doc_head head = { .kind = RK_VAL_NULL };

	if (reader.bytes.data != NULL)
		head = rk_doc_next(&reader);
	return reader.failed ? (struct rk_doc_head){ .kind = RK_VAL_NULL } : head;
}

struct rk_span rk_doc_as_text(struct rk_span value)
{
	struct rk_reader reader = rk_reader_of(value);
	const struct rk_doc_head head = value.data != NULL
						? rk_doc_next(&reader)
						: (struct rk_doc_head){ .kind = RK_VAL_NULL };

	return head.kind == RK_VAL_STR && !reader.failed ? head.text : (struct rk_span){ NULL, 0 };
}

struct rk_span rk_doc_text(struct rk_span bytes, const char *path)
{
	return rk_doc_as_text(rk_doc_at(bytes, path));
}

int64_t rk_doc_int(struct rk_span bytes, const char *path, int64_t otherwise)
{
	const struct rk_doc_head head = head_at(bytes, path);

	return head.kind == RK_VAL_INT ? head.integer : otherwise;
}

bool rk_doc_bool(struct rk_span bytes, const char *path, bool otherwise)
{
	const struct rk_doc_head head = head_at(bytes, path);

	return head.kind == RK_VAL_BOOL ? head.integer != 0 : otherwise;
}

static void newline(struct rk_buf *out, bool pretty, int depth)
{
	if (!pretty)
		return;
	rk_buf_put_u8(out, '\n');
	for (int i = 0; i < depth; i++)
		rk_buf_put(out, "  ", 2);
}

static void to_json(struct rk_buf *out, struct rk_reader *reader, bool pretty, int depth)
{
	const size_t end = open_seal(reader);
	const struct rk_doc_head head = rk_doc_next(reader);

	if (depth > RK_DOC_DEPTH_MAX)
		reader->failed = true;
	if (reader->failed)
		return;
	switch (head.kind) {
	case RK_VAL_NULL: rk_buf_put(out, "null", 4); return;
	case RK_VAL_BOOL: rk_buf_put_str(out, head.integer != 0 ? "true" : "false"); return;
	case RK_VAL_INT: rk_buf_put_int(out, head.integer); return;
	case RK_VAL_REAL: rk_json_write_real(out, head.real); return;
	case RK_VAL_STR: rk_json_write_str(out, head.text); return;
	case RK_VAL_LIST:
	case RK_VAL_MAP: break;
	}
	const bool is_map = head.kind == RK_VAL_MAP;
	rk_buf_put_u8(out, is_map ? '{' : '[');
	for (uint32_t i = 0; i < head.count && !reader->failed; i++) {
		if (i > 0)
			rk_buf_put_u8(out, ',');
		newline(out, pretty, depth + 1);
		if (is_map) {
			rk_json_write_str(out, rk_doc_key(reader));
			rk_buf_put(out, ": ", pretty ? 2 : 1);
		}
		to_json(out, reader, pretty, depth + 1);
	}
	if (head.count > 0)
		newline(out, pretty, depth);
	rk_buf_put_u8(out, is_map ? '}' : ']');
	close_seal(reader, end);
}

int rk_doc_to_json(struct rk_buf *out, struct rk_span bytes, bool pretty)
{
	struct rk_reader reader = rk_reader_of(bytes);
	const size_t start = out->size;

	to_json(out, &reader, pretty, 0);
	if (reader.failed || rk_reader_left(&reader) != 0) {
		out->size = start;
		return RK_EINVAL;
	}
	return RK_OK;
}
