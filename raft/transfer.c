#include "raft/transfer.h"

#include "base/mem.h"

void rk_offer_encode(const struct rk_offer *offer, struct rk_buf *out)
{
	rk_buf_put_u64(out, offer->number);
	rk_buf_put_u64(out, offer->term);
	rk_buf_put_u64(out, offer->size);
	rk_buf_put_u32(out, offer->checksum);
	rk_snapshot_meta_encode(&offer->meta, out);
}

int rk_offer_decode(struct rk_span bytes, struct rk_offer *ret)
{
	struct rk_reader in = rk_reader_of(bytes);
	struct rk_offer offer = { .number = rk_read_u64(&in) };

	offer.term = rk_read_u64(&in);
	offer.size = rk_read_u64(&in);
	offer.checksum = rk_read_u32(&in);
	if (in.failed || offer.size == 0 || offer.size > INT64_MAX ||
	    rk_snapshot_meta_decode(rk_read_raw(&in, rk_reader_left(&in)), &offer.meta) < 0 ||
	    offer.meta.index == 0)
		return RK_EINVAL;
	*ret = offer;
	return RK_OK;
}

bool rk_offer_is_same_file(const struct rk_offer *a, const struct rk_offer *b)
{
	RK_AUTO(rk_buf_done) struct rk_buf one = { 0 }, other = { 0 };

	if (a->size != b->size || a->checksum != b->checksum)
		return false;
	rk_snapshot_meta_encode(&a->meta, &one);
	rk_snapshot_meta_encode(&b->meta, &other);
	return rk_span_eq(rk_buf_span(&one), rk_buf_span(&other));
}

bool rk_transfer_may_stand(uint64_t at, uint64_t size)
{
	return at == size || (at < size && at % RK_TRANSFER_CHUNK == 0);
}

void rk_chunk_encode_head(const struct rk_chunk *chunk, struct rk_buf *out)
{
	rk_buf_put_u64(out, chunk->number);
	rk_buf_put_u64(out, chunk->at);
	rk_buf_put_u32(out, chunk->checksum);
}

int rk_chunk_decode(struct rk_span bytes, struct rk_chunk *ret)
{
	struct rk_reader in = rk_reader_of(bytes);
	struct rk_chunk chunk = { .number = rk_read_u64(&in) };

	chunk.at = rk_read_u64(&in);
	chunk.checksum = rk_read_u32(&in);
	chunk.bytes = rk_read_raw(&in, rk_reader_left(&in));
	if (in.failed || chunk.bytes.size == 0 || chunk.bytes.size > RK_TRANSFER_CHUNK ||
	    chunk.at % RK_TRANSFER_CHUNK != 0 || chunk.at > INT64_MAX)
		return RK_EINVAL;
	*ret = chunk;
	return RK_OK;
}

bool rk_chunk_is_whole(const struct rk_chunk *chunk)
{
	return rk_crc32c(0, chunk->bytes.data, chunk->bytes.size) == chunk->checksum;
}

const char *rk_refusal_text(enum rk_refusal why)
{
	switch (why) {
	case RK_REFUSE_BUSY: return "it has another one to do";
	case RK_REFUSE_DAMAGED: return "a chunk came damaged";
	case RK_REFUSE_DISK: return "it cannot write it";
	case RK_REFUSE_HERE: return "it has it";
	}
	return "for no reason that is known";
}

void rk_take_encode(const struct rk_take *take, struct rk_buf *out)
{
	rk_buf_put_u64(out, take->number);
	rk_buf_put_u64(out, take->at);
}

int rk_take_decode(struct rk_span bytes, struct rk_take *ret)
{
	struct rk_reader in = rk_reader_of(bytes);
	struct rk_take take = { .number = rk_read_u64(&in) };

	take.at = rk_read_u64(&in);
	if (in.failed || rk_reader_left(&in) > 0)
		return RK_EINVAL;
	*ret = take;
	return RK_OK;
}

void rk_refuse_encode(const struct rk_take *refuse, struct rk_buf *out)
{
	rk_buf_put_u64(out, refuse->number);
	rk_buf_put_u8(out, (uint8_t)refuse->why);
}

int rk_refuse_decode(struct rk_span bytes, struct rk_take *ret)
{
	struct rk_reader in = rk_reader_of(bytes);
	struct rk_take refuse = { .number = rk_read_u64(&in) };
	const uint8_t why = rk_read_u8(&in);

	if (in.failed || rk_reader_left(&in) > 0 || why == 0 || why > RK_REFUSE_LAST)
		return RK_EINVAL;
	refuse.why = (enum rk_refusal)why;
	*ret = refuse;
	return RK_OK;
}
