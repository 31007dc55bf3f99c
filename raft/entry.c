#include "raft/entry.h"

#include "base/mem.h"

static const uint8_t role_bits =
	RK_MEMBER_VOTER | RK_MEMBER_LEARNER | RK_MEMBER_OUTGOING | RK_MEMBER_WITNESS |
	RK_MEMBER_NEXT_VOTER | RK_MEMBER_NEXT_LEARNER | RK_MEMBER_NEXT_GONE;

enum { CONFIG_VERSION = 1, META_VERSION = 1 };

void rk_entries_done(struct rk_entry *entries, size_t count)
{
	for (size_t i = 0; i < count; i++)
		entries[i].payload = rk_blob_unref(entries[i].payload);
}

int rk_config_find(const struct rk_config *config, uint64_t id)
{
	for (uint32_t i = 0; i < config->count; i++)
		if (config->at[i].id == id)
			return (int)i;
	return -1;
}

int rk_config_add(struct rk_config *config, uint64_t id, uint8_t role, const char *address)
{
	const size_t length = strlen(address);
	uint32_t at = 0;

	if (id == 0 || role == 0 || (role & ~role_bits) != 0)
		return RK_EINVAL;
	if (rk_config_find(config, id) >= 0)
		return RK_EEXIST;
	if (config->count == RK_MEMBERS_MAX || length >= RK_ADDRESS_MAX)
		return RK_ETOOBIG;
	while (at < config->count && config->at[at].id < id)
		at++;
	memmove(&config->at[at + 1], &config->at[at], (config->count - at) * sizeof config->at[0]);
	config->at[at] = (struct rk_member){ .id = id, .role = role };
	memcpy(config->at[at].address, address, length + 1);
	config->count++;
	return RK_OK;
}

void rk_config_encode(const struct rk_config *config, struct rk_buf *out)
{
	rk_buf_put_u8(out, CONFIG_VERSION);
	rk_buf_put_u8(out, (uint8_t)config->count);
	for (uint32_t i = 0; i < config->count; i++) {
		rk_buf_put_u64(out, config->at[i].id);
		rk_buf_put_u8(out, config->at[i].role);
		rk_buf_put_bytes(out, rk_span_str(config->at[i].address));
	}
}

static int config_read(struct rk_reader *in, struct rk_config *ret)
{
	struct rk_config config = { 0 };
	uint64_t last_id = 0;

	if (rk_read_u8(in) != CONFIG_VERSION)
		return RK_EINVAL;
	const uint32_t count = rk_read_u8(in);
	if (in->failed || count > RK_MEMBERS_MAX)
		return RK_EINVAL;
	for (uint32_t i = 0; i < count; i++) {
		const uint64_t id = rk_read_u64(in);
		const uint8_t role = rk_read_u8(in);
		const struct rk_span address = rk_read_bytes(in);
		char text[RK_ADDRESS_MAX] = { 0 };
		if (in->failed || id <= last_id || address.size >= RK_ADDRESS_MAX)
			return RK_EINVAL;
		if (address.size > 0)
			memcpy(text, address.data, address.size);
		if (strlen(text) != address.size)
			return RK_EINVAL;
		RK_TRY(rk_config_add(&config, id, role, text));
		last_id = id;
	}
	*ret = config;
	return RK_OK;
}

int rk_config_decode(struct rk_span bytes, struct rk_config *ret)
{
	struct rk_reader in = rk_reader_of(bytes);
	struct rk_config config;

	RK_TRY(config_read(&in, &config));
	if (rk_reader_left(&in) != 0)
		return RK_EINVAL;
	*ret = config;
	return RK_OK;
}

void rk_snapshot_meta_encode(const struct rk_snapshot_meta *meta, struct rk_buf *out)
{
	rk_buf_put_u8(out, META_VERSION);
	rk_buf_put_u64(out, meta->index);
	rk_buf_put_u64(out, meta->term);
	rk_buf_put_u64(out, (uint64_t)meta->time_ms);
	rk_buf_put_u64(out, meta->state_hash.low);
	rk_buf_put_u64(out, meta->state_hash.high);
	rk_config_encode(&meta->config, out);
}

int rk_snapshot_meta_decode(struct rk_span bytes, struct rk_snapshot_meta *ret)
{
	struct rk_reader in = rk_reader_of(bytes);
	struct rk_snapshot_meta meta = { 0 };

	if (rk_read_u8(&in) != META_VERSION)
		return RK_EINVAL;
	meta.index = rk_read_u64(&in);
	meta.term = rk_read_u64(&in);
	meta.time_ms = (int64_t)rk_read_u64(&in);
	meta.state_hash.low = rk_read_u64(&in);
	meta.state_hash.high = rk_read_u64(&in);
	RK_TRY(config_read(&in, &meta.config));
	if (in.failed || rk_reader_left(&in) != 0)
		return RK_EINVAL;
	*ret = meta;
	return RK_OK;
}

struct rk_persist *rk_persist_free(struct rk_persist *job)
{
	if (job == NULL)
		return NULL;
	rk_entries_done(job->entries, job->count);
	free(job);
	return NULL;
}
