#include "raft/message.h"

#include "base/mem.h"

/* Bytes: u32 crc | u8 version, kind, flags, 0 | 12 x u64 | u32 snapshot bytes | u32 entries
 *        | snapshot | per entry: u64 term, u64 time, u8 kind, u32 size, payload
 * Entries are numbered on from `index` + 1, so their index is not sent. */
enum {
	MSG_VERSION = 1,
	FLAG_REJECT = 1,
	FLAG_FORCE = 2,
	FLAGS_ALL = FLAG_REJECT | FLAG_FORCE,
	FIXED_SIZE = 4 + 4 + 12 * 8 + 4 + 4,
	ENTRY_FIXED_SIZE = 8 + 8 + 1 + 4,
};

static const char *const names[] = {
	[RK_MSG_PREVOTE] = "prevote",
	[RK_MSG_PREVOTE_ANSWER] = "prevote-answer",
	[RK_MSG_VOTE] = "vote",
	[RK_MSG_VOTE_ANSWER] = "vote-answer",
	[RK_MSG_APPEND] = "append",
	[RK_MSG_APPEND_ANSWER] = "append-answer",
	[RK_MSG_HEARTBEAT] = "heartbeat",
	[RK_MSG_HEARTBEAT_ANSWER] = "heartbeat-answer",
	[RK_MSG_SNAPSHOT] = "snapshot",
	[RK_MSG_PROPOSE] = "propose",
	[RK_MSG_READ] = "read",
	[RK_MSG_READ_ANSWER] = "read-answer",
	[RK_MSG_TIMEOUT_NOW] = "timeout-now",
	[RK_MSG_GONE] = "gone",
	[RK_MSG_CHECK] = "check",
	[RK_MSG_CHECK_ANSWER] = "check-answer",
	[RK_MSG_FETCH] = "fetch",
	[RK_MSG_FETCH_ANSWER] = "fetch-answer",
	[RK_MSG_ADMIN] = "admin",
	[RK_MSG_ADMIN_ANSWER] = "admin-answer",
};

static size_t snapshot_meta_size(const struct rk_snapshot_meta *meta)
{
	struct rk_buf bytes = { 0 };

	rk_snapshot_meta_encode(meta, &bytes);
	const size_t size = bytes.size;
	rk_buf_done(&bytes);
	return size;
}

struct rk_raft_msg *rk_raft_msg_new(enum rk_raft_msg_kind kind, uint64_t to)
{
	struct rk_raft_msg *msg = rk_zalloc(sizeof *msg);

	msg->kind = kind;
	msg->to = to;
	return msg;
}

struct rk_raft_msg *rk_raft_msg_copy(const struct rk_raft_msg *msg)
{
	struct rk_raft_msg *copy = rk_memdup(msg, sizeof *msg);

	if (msg->snapshot != NULL)
		copy->snapshot = rk_memdup(msg->snapshot, sizeof *msg->snapshot);
	if (msg->entries != NULL) {
		copy->entries = rk_memdup(msg->entries, msg->count * sizeof *msg->entries);
		for (uint32_t i = 0; i < msg->count; i++)
			(void)rk_blob_ref(copy->entries[i].payload);
	}
	return copy;
}

struct rk_raft_msg *rk_raft_msg_free(struct rk_raft_msg *msg)
{
	if (msg == NULL)
		return NULL;
	if (msg->entries != NULL)
		rk_entries_done(msg->entries, msg->count);
	free(msg->entries);
	free(msg->snapshot);
	free(msg);
	return NULL;
}

const char *rk_raft_msg_name(enum rk_raft_msg_kind kind)
{
	return (size_t)kind < RK_COUNT(names) && names[kind] != NULL ? names[kind] : "unknown";
}

size_t rk_raft_msg_size(const struct rk_raft_msg *msg)
{
	size_t size = FIXED_SIZE + (size_t)ENTRY_FIXED_SIZE * msg->count;

	for (uint32_t i = 0; i < msg->count; i++)
		size += rk_blob_span(msg->entries[i].payload).size;
	return size + (msg->snapshot != NULL ? snapshot_meta_size(msg->snapshot) : 0);
}

void rk_raft_msg_encode(const struct rk_raft_msg *msg, struct rk_buf *out)
{
	const size_t start = out->size;

	(void)rk_buf_room(out, rk_raft_msg_size(msg));
	rk_buf_put_u32(out, 0);
	rk_buf_put_u8(out, MSG_VERSION);
	rk_buf_put_u8(out, (uint8_t)msg->kind);
	rk_buf_put_u8(out, (uint8_t)((msg->reject ? FLAG_REJECT : 0) | (msg->force ? FLAG_FORCE : 0)));
	rk_buf_put_u8(out, 0);
	const uint64_t fields[] = { msg->from,       msg->to,       msg->term,      msg->index,
				    msg->log_term,   msg->commit,   msg->hint_index, msg->hint_term,
				    msg->context,    msg->stamp_ms, msg->digest_index, msg->digest };
	for (size_t i = 0; i < RK_COUNT(fields); i++)
		rk_buf_put_u64(out, fields[i]);
	rk_buf_put_u32(out, msg->snapshot != NULL ? (uint32_t)snapshot_meta_size(msg->snapshot) : 0);
	rk_buf_put_u32(out, msg->count);
	if (msg->snapshot != NULL)
		rk_snapshot_meta_encode(msg->snapshot, out);
	for (uint32_t i = 0; i < msg->count; i++) {
		const struct rk_entry *entry = &msg->entries[i];
		const struct rk_span payload = rk_blob_span(entry->payload);
		rk_buf_put_u64(out, entry->term);
		rk_buf_put_u64(out, (uint64_t)entry->time_ms);
		rk_buf_put_u8(out, (uint8_t)entry->kind);
		rk_buf_put_u32(out, (uint32_t)payload.size);
		rk_buf_put_span(out, payload);
	}
	const uint32_t crc = rk_crc32c(0, out->data + start + 4, out->size - start - 4);
	for (unsigned i = 0; i < 4; i++)
		out->data[start + i] = (uint8_t)(crc >> (8 * i));
}

static int entries_decode(struct rk_reader *in, struct rk_raft_msg *msg, uint32_t count)
{
	msg->entries = rk_zalloc(count * sizeof *msg->entries);
	for (; msg->count < count; msg->count++) {
		struct rk_entry entry = { .index = msg->index + 1 + msg->count };
		entry.term = rk_read_u64(in);
		entry.time_ms = (int64_t)rk_read_u64(in);
		const uint8_t kind = rk_read_u8(in);
		const uint32_t size = rk_read_u32(in);
		if (in->failed || size > RK_PAYLOAD_MAX || kind < RK_ENTRY_NORMAL ||
		    kind > RK_ENTRY_CONFIG)
			return RK_EINVAL;
		entry.kind = (enum rk_entry_kind)kind;
		const struct rk_span payload = rk_read_raw(in, size);
		if (in->failed)
			return RK_EINVAL;
		if (kind != RK_ENTRY_NOOP)
			entry.payload = rk_blob_copy(payload);
		else if (size != 0)
			return RK_EINVAL;
		msg->entries[msg->count] = entry;
	}
	return RK_OK;
}

static int body_decode(struct rk_reader *in, struct rk_raft_msg *msg)
{
	uint64_t *const fields[] = { &msg->from,     &msg->to,       &msg->term,
				     &msg->index,    &msg->log_term, &msg->commit,
				     &msg->hint_index, &msg->hint_term, &msg->context,
				     &msg->stamp_ms, &msg->digest_index, &msg->digest };

	for (size_t i = 0; i < RK_COUNT(fields); i++)
		*fields[i] = rk_read_u64(in);
	const uint32_t snapshot_size = rk_read_u32(in);
	const uint32_t count = rk_read_u32(in);
	if (in->failed || msg->from == 0 || msg->to == 0 || count > RK_RAFT_MSG_ENTRIES_MAX ||
	    msg->index > UINT64_MAX - 1 - count)
		return RK_EINVAL;
	if ((msg->kind == RK_MSG_SNAPSHOT) != (snapshot_size != 0))
		return RK_EINVAL;
	if (count != 0 && msg->kind != RK_MSG_APPEND && msg->kind != RK_MSG_PROPOSE &&
	    msg->kind != RK_MSG_FETCH_ANSWER && msg->kind != RK_MSG_ADMIN && msg->kind != RK_MSG_ADMIN_ANSWER)
		return RK_EINVAL;
	if (snapshot_size != 0) {
		const struct rk_span meta = rk_read_raw(in, snapshot_size);
		msg->snapshot = rk_zalloc(sizeof *msg->snapshot);
		if (in->failed)
			return RK_EINVAL;
		RK_TRY(rk_snapshot_meta_decode(meta, msg->snapshot));
	}
	/* A count must be backed by bytes before memory is spent on it. */
	if (rk_reader_left(in) < (size_t)count * ENTRY_FIXED_SIZE)
		return RK_EINVAL;
	if (count != 0)
		RK_TRY(entries_decode(in, msg, count));
	return rk_reader_left(in) == 0 ? RK_OK : RK_EINVAL;
}

int rk_raft_msg_decode(struct rk_span bytes, struct rk_raft_msg **ret)
{
	struct rk_reader in = rk_reader_of(bytes);

	if (bytes.size < FIXED_SIZE || bytes.size > RK_RAFT_MSG_SIZE_MAX)
		return RK_EINVAL;
	if (rk_read_u32(&in) != rk_crc32c(0, bytes.data + 4, bytes.size - 4))
		return RK_ECORRUPT;
	if (rk_read_u8(&in) != MSG_VERSION)
		return RK_ENOTSUP;
	const uint8_t kind = rk_read_u8(&in);
	const uint8_t flags = rk_read_u8(&in);
	if (kind < RK_MSG_PREVOTE || kind > RK_MSG_KIND_LAST || (flags & ~FLAGS_ALL) != 0 ||
	    rk_read_u8(&in) != 0)
		return RK_EINVAL;
	struct rk_raft_msg *msg = rk_raft_msg_new((enum rk_raft_msg_kind)kind, 0);
	msg->reject = (flags & FLAG_REJECT) != 0;
	msg->force = (flags & FLAG_FORCE) != 0;
	const int err = body_decode(&in, msg);
	if (err < 0) {
		(void)rk_raft_msg_free(msg);
		return err;
	}
	*ret = msg;
	return RK_OK;
}
