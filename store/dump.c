/* A store as bytes: a header, each item that counts in key order, and an end with the count and the hash. */
#include <stdlib.h>

#include "base/mem.h"
#include "store/internal.h"

#define MAGIC 0x31534b52u /* "RKS1" */

enum record {
	RECORD_ITEM = 1,
	RECORD_END = 2,
};

void rk_store_dump_next(struct rk_store_dump *dump, const struct rk_view *view, size_t piece_bytes,
			struct rk_buf *out, bool *ret_done)
{
	const struct rk_moment *moment = &view->moment;
	const size_t end = out->size + piece_bytes;

	if (!dump->began) {
		dump->began = true;
		rk_tree_seek(&dump->iter, moment->root, (struct rk_span){ NULL, 0 });
		rk_buf_put_u32(out, MAGIC);
		rk_buf_put_u64(out, moment->revision);
		rk_buf_put_u64(out, moment->index);
		rk_buf_put_u64(out, (uint64_t)moment->time_ms);
	}
	while (out->size < end) {
		const struct rk_item *item = rk_tree_next(&dump->iter);
		if (item == NULL) {
			const struct rk_hash128 hash = rk_moment_hash(moment);
			rk_buf_put_u8(out, RECORD_END);
			rk_buf_put_u64(out, hash.low);
			rk_buf_put_u64(out, hash.high);
			*ret_done = true;
			return;
		}
		if (!rk_key_is_state(rk_item_key(item)))
			continue;
		rk_buf_put_u8(out, RECORD_ITEM);
		rk_buf_put_bytes(out, rk_item_key(item));
		rk_buf_put_varint(out, item->revision);
		rk_buf_put_u8(out, item->value != NULL);
		if (item->value != NULL)
			rk_buf_put_bytes(out, rk_blob_span(item->value));
	}
	*ret_done = false;
}

struct rk_store_load {
	struct rk_store *store;
	struct rk_buf left; /* of a record that is not whole yet */
	bool began, ended, is_padded;
	struct rk_hash128 hash;
};

struct rk_store_load *rk_store_load_new(void)
{
	struct rk_store_load *load = rk_zalloc(sizeof *load);

	load->store = rk_store_new();
	return load;
}

struct rk_store_load *rk_store_load_free(struct rk_store_load *load)
{
	if (load != NULL) {
		(void)rk_store_free(load->store);
		rk_buf_done(&load->left);
		free(load);
	}
	return NULL;
}

static int load_header(struct rk_store_load *load, struct rk_reader *reader)
{
	const uint32_t magic = rk_read_u32(reader);

	load->store->now.revision = rk_read_u64(reader);
	load->store->now.index = rk_read_u64(reader);
	load->store->now.time_ms = (int64_t)rk_read_u64(reader);
	if (!reader->failed && magic != MAGIC)
		return RK_ECORRUPT;
	load->began = !reader->failed;
	return RK_OK;
}

static int load_record(struct rk_store_load *load, struct rk_reader *reader)
{
	const uint8_t record = rk_read_u8(reader);

	if (record == RECORD_ITEM) {
		const struct rk_span key = rk_read_bytes(reader);
		const uint64_t revision = rk_read_varint(reader);
		const uint8_t has_value = rk_read_u8(reader);
		const struct rk_span value = has_value != 0 ? rk_read_bytes(reader) : (struct rk_span){ NULL, 0 };
		if (reader->failed)
			return RK_OK;
		if (!rk_key_is_state(key) || has_value > 1)
			return RK_ECORRUPT;
		rk_store_put(load->store, key, has_value != 0 ? rk_blob_copy(value) : NULL, revision);
	} else if (record == RECORD_END) {
		load->hash.low = rk_read_u64(reader);
		load->hash.high = rk_read_u64(reader);
		load->ended = !reader->failed;
	} else if (!reader->failed) {
		return RK_ECORRUPT;
	}
	return RK_OK;
}

static bool is_zeros(struct rk_span bytes)
{
	for (size_t i = 0; i < bytes.size; i++)
		if (bytes.data[i] != 0)
			return false;
	return true;
}

int rk_store_load_feed(struct rk_store_load *load, struct rk_span bytes)
{
	rk_buf_put_span(&load->left, bytes);
	struct rk_reader reader = rk_reader_of(rk_buf_span(&load->left));
	size_t whole = 0;

	while (!load->ended && rk_reader_left(&reader) > 0) {
		RK_TRY(load->began ? load_record(load, &reader) : load_header(load, &reader));
		if (reader.failed)
			break;
		whole = reader.at;
	}
	if (load->ended && rk_reader_left(&reader) > 0) {
		if (!load->is_padded || !is_zeros(rk_read_raw(&reader, rk_reader_left(&reader))))
			return RK_ECORRUPT;
		whole = load->left.size;
	}
	rk_buf_consume(&load->left, whole);
	return RK_OK;
}

void rk_store_load_padded(struct rk_store_load *load) { load->is_padded = true; }

int rk_store_load_finish(struct rk_store_load *load, struct rk_store **ret)
{
	if (!load->ended || load->left.size > 0 || !rk_hash128_eq(load->hash, rk_store_hash(load->store)))
		return RK_ECORRUPT;
	*ret = rk_take_ptr(load->store);
	return RK_OK;
}
