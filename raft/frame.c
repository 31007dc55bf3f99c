#include "raft/frame.h"

#include "base/mem.h"

#define FRAME_MAGIC     0x46474c52u /* "RLGF" */
#define SEGMENT_VERSION 1

static size_t aligned(size_t size)
{
	return (size + RK_FRAME_ALIGN - 1) / RK_FRAME_ALIGN * RK_FRAME_ALIGN;
}

size_t rk_frame_begin(struct rk_buf *out)
{
	const size_t start = out->size;

	memset(rk_buf_room(out, RK_FRAME_HEAD_SIZE), 0, RK_FRAME_HEAD_SIZE);
	out->size += RK_FRAME_HEAD_SIZE;
	return start;
}

static void put_hard(struct rk_buf *out, const struct rk_hard_state *hard)
{
	rk_buf_put_u64(out, hard->term);
	rk_buf_put_u64(out, hard->vote);
	rk_buf_put_u64(out, hard->commit);
}

void rk_frame_put_head(struct rk_buf *out, const struct rk_segment_head *head)
{
	rk_buf_put_u8(out, RK_RECORD_HEAD);
	rk_buf_put_u8(out, SEGMENT_VERSION);
	rk_buf_put_u64(out, head->sequence);
	rk_buf_put_u64(out, head->cluster.high);
	rk_buf_put_u64(out, head->cluster.low);
	rk_buf_put_u64(out, head->member);
	rk_buf_put_u64(out, head->base_index);
	rk_buf_put_u64(out, head->base_term);
	rk_buf_put_u64(out, (uint64_t)head->time_ms);
	put_hard(out, &head->hard);
}

void rk_frame_put_hard(struct rk_buf *out, const struct rk_hard_state *hard)
{
	rk_buf_put_u8(out, RK_RECORD_HARD);
	put_hard(out, hard);
}

void rk_frame_put_reset(struct rk_buf *out, const struct rk_snapshot_meta *mark)
{
	struct rk_buf meta = { 0 };

	rk_snapshot_meta_encode(mark, &meta);
	rk_buf_put_u8(out, RK_RECORD_RESET);
	rk_buf_put_bytes(out, rk_buf_span(&meta));
	rk_buf_done(&meta);
}

void rk_frame_put_trail(struct rk_buf *out, const struct rk_trail *trail)
{
	rk_buf_put_u8(out, RK_RECORD_TRAIL);
	rk_buf_put_varint(out, trail->index);
	rk_buf_put_varint(out, trail->term);
	rk_buf_put_varint(out, trail->config_index);
	rk_buf_put_varint(out, trail->reset_group);
}

void rk_frame_put_entry(struct rk_buf *out, enum rk_record_kind kind, const struct rk_entry *entry)
{
	rk_buf_put_u8(out, (uint8_t)kind);
	rk_buf_put_u8(out, (uint8_t)entry->kind);
	rk_buf_put_varint(out, entry->index);
	rk_buf_put_varint(out, entry->term);
	rk_buf_put_u64(out, (uint64_t)entry->time_ms);
	rk_buf_put_bytes(out, rk_blob_span(entry->payload));
}

static void poke_u32(uint8_t *at, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

static void poke_u64(uint8_t *at, uint64_t value)
{
	for (unsigned i = 0; i < 8; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

static bool is_zero(struct rk_span bytes, size_t from, size_t to)
{
	for (size_t i = from; i < RK_MIN(to, bytes.size); i++)
		if (bytes.data[i] != 0)
			return false;
	return true;
}

/* How many of the sectors in [from, to) are zeros, as far as they lie in it; `bytes` begin at `base` of the segment. */
static uint32_t zero_sectors(struct rk_span bytes, size_t base, size_t from, size_t to)
{
	uint32_t count = 0;

	for (size_t at = from; at < to;) {
		const size_t next = RK_MIN(((base + at) / RK_SECTOR + 1) * RK_SECTOR - base, to);
		count += is_zero(bytes, at, next);
		at = next;
	}
	return count;
}

void rk_frame_end(struct rk_buf *out, size_t start, uint64_t salt, uint64_t group, size_t at)
{
	const size_t size = out->size - start - RK_FRAME_HEAD_SIZE;
	const size_t padding = aligned(out->size - start) - (out->size - start);

	memset(rk_buf_room(out, padding), 0, padding);
	out->size += padding;
	uint8_t *head = out->data + start;
	poke_u32(head, FRAME_MAGIC);
	poke_u64(head + 8, salt);
	poke_u64(head + 16, group);
	poke_u32(head + 24, (uint32_t)size);
	poke_u32(head + 28, rk_crc32c(0, head + RK_FRAME_HEAD_SIZE, size));
	poke_u32(head + 32, zero_sectors(rk_span_of(head, RK_FRAME_HEAD_SIZE + size), at, 0,
					 RK_FRAME_HEAD_SIZE + size));
	poke_u32(head + 4, rk_crc32c(0, head + 8, RK_FRAME_HEAD_SIZE - 8));
}

struct head {
	uint64_t salt, group;
	uint32_t size, crc, zeros;
};

/* A well-formed head at `at`, whatever its body is. */
static bool head_at(struct rk_span bytes, size_t at, struct head *ret)
{
	struct rk_reader in = rk_reader_of(rk_span_sub(bytes, at, RK_FRAME_HEAD_SIZE));

	if (in.bytes.size < RK_FRAME_HEAD_SIZE || rk_read_u32(&in) != FRAME_MAGIC ||
	    rk_read_u32(&in) != rk_crc32c(0, in.bytes.data + 8, RK_FRAME_HEAD_SIZE - 8))
		return false;
	ret->salt = rk_read_u64(&in);
	ret->group = rk_read_u64(&in);
	ret->size = rk_read_u32(&in);
	ret->crc = rk_read_u32(&in);
	ret->zeros = rk_read_u32(&in);
	return true;
}

bool rk_frame_is_at(struct rk_span segment, size_t at)
{
	struct head head;

	return head_at(segment, at, &head);
}

/* What a frame that cannot be read at `frames->at` means. */
static int judge(const struct rk_frames *frames)
{
	const struct rk_span bytes = frames->bytes;
	struct head head;

	if (is_zero(bytes, frames->at, bytes.size))
		return 0;
	for (size_t at = frames->at + RK_FRAME_ALIGN; at < bytes.size; at += RK_FRAME_ALIGN)
		if (head_at(bytes, at, &head) &&
		    (!frames->began ||
		     (head.salt == frames->salt && head.group > frames->group + 1)))
			return RK_ECORRUPT;
	if (!head_at(bytes, frames->at, &head))
		return is_zero(bytes, frames->at, frames->at + RK_FRAME_HEAD_SIZE) ? RK_EAGAIN :
										   RK_ECORRUPT;
	const size_t end = frames->at + RK_FRAME_HEAD_SIZE + head.size;
	return zero_sectors(bytes, 0, frames->at, RK_MIN(end, bytes.size)) > head.zeros
		       ? RK_EAGAIN
		       : RK_ECORRUPT;
}

/* The frame at `at` is whole, and comes where one of `group` or later is looked for. */
static bool take_frame(struct rk_frames *frames, size_t at, uint64_t group, bool or_later,
		       struct rk_span *ret_body)
{
	struct head head;

	if (!head_at(frames->bytes, at, &head) ||
	    (frames->began &&
	     (head.salt != frames->salt || head.group < group || (head.group > group && !or_later))))
		return false;
	const struct rk_span body =
		rk_span_sub(frames->bytes, at + RK_FRAME_HEAD_SIZE, head.size);
	if (body.size != head.size || rk_crc32c(0, body.data, body.size) != head.crc)
		return false;
	frames->began = true;
	frames->salt = head.salt;
	frames->group = head.group;
	frames->at = at + aligned(RK_FRAME_HEAD_SIZE + (size_t)head.size);
	*ret_body = body;
	return true;
}

bool rk_trail_tells(const struct rk_trail *before, const struct rk_trail *after)
{
	return after->term == before->term && after->index >= before->index &&
	       after->reset_group <= before->reset_group;
}

int rk_frames_next(struct rk_frames *frames, struct rk_span *ret_body)
{
	if (frames->at >= frames->bytes.size)
		return 0;
	if (take_frame(frames, frames->at, frames->group + 1, false, ret_body))
		return 1;
	return judge(frames);
}

bool rk_frames_resume(struct rk_frames *frames, struct rk_span *ret_body)
{
	for (size_t at = frames->at + RK_FRAME_ALIGN; at < frames->bytes.size; at += RK_FRAME_ALIGN)
		if (take_frame(frames, at, frames->group + 1, true, ret_body))
			return true;
	return false;
}

static struct rk_hard_state read_hard(struct rk_reader *in)
{
	struct rk_hard_state hard;

	hard.term = rk_read_u64(in);
	hard.vote = rk_read_u64(in);
	hard.commit = rk_read_u64(in);
	return hard;
}

static int read_head(struct rk_reader *in, struct rk_segment_head *head)
{
	if (rk_read_u8(in) != SEGMENT_VERSION)
		return RK_ECORRUPT;
	head->sequence = rk_read_u64(in);
	head->cluster.high = rk_read_u64(in);
	head->cluster.low = rk_read_u64(in);
	head->member = rk_read_u64(in);
	head->base_index = rk_read_u64(in);
	head->base_term = rk_read_u64(in);
	head->time_ms = (int64_t)rk_read_u64(in);
	head->hard = read_hard(in);
	return RK_OK;
}

static int read_entry(struct rk_reader *in, struct rk_record *record)
{
	const uint8_t kind = rk_read_u8(in);

	if (kind < RK_ENTRY_NORMAL || kind > RK_ENTRY_CONFIG)
		return RK_ECORRUPT;
	record->entry = (struct rk_entry){ .kind = (enum rk_entry_kind)kind };
	record->entry.index = rk_read_varint(in);
	record->entry.term = rk_read_varint(in);
	record->entry.time_ms = (int64_t)rk_read_u64(in);
	record->payload = rk_read_bytes(in);
	return record->payload.size > RK_PAYLOAD_MAX ? RK_ECORRUPT : RK_OK;
}

int rk_record_next(struct rk_reader *body, struct rk_record *ret)
{
	if (rk_reader_left(body) == 0)
		return 0;
	ret->kind = (enum rk_record_kind)rk_read_u8(body);
	switch (ret->kind) {
	case RK_RECORD_HEAD: RK_TRY(read_head(body, &ret->head)); break;
	case RK_RECORD_HARD: ret->hard = read_hard(body); break;
	case RK_RECORD_RESET:
		if (rk_snapshot_meta_decode(rk_read_bytes(body), &ret->mark) < 0)
			return RK_ECORRUPT;
		break;
	case RK_RECORD_FILL:
	case RK_RECORD_ENTRY: RK_TRY(read_entry(body, ret)); break;
	case RK_RECORD_TRAIL:
		ret->trail.index = rk_read_varint(body);
		ret->trail.term = rk_read_varint(body);
		ret->trail.config_index = rk_read_varint(body);
		ret->trail.reset_group = rk_read_varint(body);
		break;
	default: return RK_ECORRUPT;
	}
	return body->failed ? RK_ECORRUPT : 1;
}
