#include "net/dns_message.h"

#include "base/mem.h"

#define FLAG_ANSWER    0x8000
#define FLAG_AUTHORITY 0x0400
#define FLAG_CUT       0x0200
#define FLAG_WANTS     0x0100
#define FLAG_CAN       0x0080
#define OPCODE(flags)  ((flags) >> 11 & 15)
#define CLASS_IN       1
#define LABEL_MAX      63
#define POINTER        0xc0
#define EDNS_SIZE      11

#define SOA_REFRESH_S 7200
#define SOA_RETRY_S   1800
#define SOA_EXPIRE_S  86400

struct cursor { /* big-endian reads that stay inside */
	struct rk_span bytes;
	size_t at;
	bool failed;
};

static uint8_t read8(struct cursor *cursor)
{
	if (cursor->at >= cursor->bytes.size) {
		cursor->failed = true;
		return 0;
	}
	return cursor->bytes.data[cursor->at++];
}

static uint16_t read16(struct cursor *cursor)
{
	const unsigned high = read8(cursor);

	return (uint16_t)(high << 8 | read8(cursor));
}

static void skip(struct cursor *cursor, size_t size)
{
	if (size > cursor->bytes.size - cursor->at)
		cursor->failed = true;
	else
		cursor->at += size;
}

static char name_byte(uint8_t byte)
{
	if (byte >= 'A' && byte <= 'Z')
		return (char)(byte - 'A' + 'a');
	if ((byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' ||
	    byte == '_')
		return (char)byte;
	return '?';
}

/* A name without pointers, which a question has no use for. */
static void read_name(struct cursor *cursor, char name[RK_DNS_NAME_MAX])
{
	size_t size = 0;

	for (;;) {
		const uint8_t label = read8(cursor);
		if (cursor->failed || label > LABEL_MAX || size + label + 2 > RK_DNS_NAME_MAX) {
			cursor->failed = true;
			break;
		}
		if (label == 0)
			break;
		if (size > 0)
			name[size++] = '.';
		for (uint8_t i = 0; i < label; i++)
			name[size++] = name_byte(read8(cursor));
	}
	name[size] = '\0';
}

static void skip_name(struct cursor *cursor)
{
	while (!cursor->failed) {
		const uint8_t label = read8(cursor);
		if (label == 0)
			return;
		if (label >= POINTER) {
			skip(cursor, 1);
			return;
		}
		if (label > LABEL_MAX)
			cursor->failed = true;
		else
			skip(cursor, label);
	}
}

/* Looks through the records behind the question for the one of EDNS0. */
static void read_records(struct cursor *cursor, unsigned count, struct rk_dns_query *query)
{
	for (unsigned i = 0; i < count && !cursor->failed; i++) {
		skip_name(cursor);
		const uint16_t type = read16(cursor);
		const uint16_t room = read16(cursor);
		skip(cursor, 1);
		const uint8_t version = read8(cursor);
		skip(cursor, 2);
		skip(cursor, read16(cursor));
		if (type != RK_DNS_OPT || cursor->failed)
			continue;
		if (query->has_edns) {
			cursor->failed = true;
			return;
		}
		query->has_edns = true;
		query->room = RK_MAX(RK_DNS_UDP_MIN, RK_MIN(room, RK_DNS_UDP_MAX));
		if (version != 0)
			query->code = RK_DNS_BADVERS;
	}
}

int rk_dns_query_parse(struct rk_span message, struct rk_dns_query *ret)
{
	struct cursor cursor = { .bytes = message };
	struct rk_dns_query query = { .room = RK_DNS_UDP_MIN };

	query.id = read16(&cursor);
	const uint16_t flags = read16(&cursor);
	const uint16_t questions = read16(&cursor);
	const unsigned records = (unsigned)read16(&cursor) + read16(&cursor);
	const uint16_t additional = read16(&cursor);
	if (cursor.failed || (flags & FLAG_ANSWER) != 0)
		return RK_EINVAL;
	query.wants_recursion = (flags & FLAG_WANTS) != 0;
	*ret = query;
	if (OPCODE(flags) != 0) {
		ret->code = RK_DNS_NOTIMP;
		return RK_OK;
	}
	read_name(&cursor, query.name);
	query.type = read16(&cursor);
	const uint16_t class = read16(&cursor);
	query.question = rk_span_sub(message, RK_DNS_HEADER, cursor.at - RK_DNS_HEADER);
	if (!cursor.failed)
		read_records(&cursor, records + additional, &query);
	if (cursor.failed || questions != 1) {
		ret->code = RK_DNS_FORMERR;
		return RK_OK;
	}
	if (query.code == RK_DNS_NOERROR && class != CLASS_IN)
		query.code = RK_DNS_REFUSED;
	*ret = query;
	return RK_OK;
}

bool rk_dns_is_answer(struct rk_span message, uint16_t id, struct rk_span question)
{
	struct cursor cursor = { .bytes = message };

	const bool same_id = read16(&cursor) == id;
	const uint16_t flags = read16(&cursor);
	const uint16_t questions = read16(&cursor);
	if (!same_id || (flags & FLAG_ANSWER) == 0 || questions != 1 ||
	    message.size < RK_DNS_HEADER + question.size)
		return false;
	for (size_t i = 0; i < question.size; i++) {
		const uint8_t a = question.data[i], b = message.data[RK_DNS_HEADER + i];
		/* A server may answer in another case. */
		if (a != b && (name_byte(a) == '?' || name_byte(a) != name_byte(b)))
			return false;
	}
	return true;
}

size_t rk_dns_truncate(uint8_t *message, size_t size)
{
	struct cursor cursor = { .bytes = { message, size }, .at = RK_DNS_HEADER };

	if (size < RK_DNS_HEADER)
		return 0;
	skip_name(&cursor);
	skip(&cursor, 4);
	if (cursor.failed)
		return 0;
	message[2] |= FLAG_CUT >> 8;
	memset(message + 6, 0, 6); /* no records */
	return cursor.at;
}

static void put16(struct rk_buf *out, unsigned value)
{
	rk_buf_put_u8(out, (uint8_t)(value >> 8));
	rk_buf_put_u8(out, (uint8_t)value);
}

static void put32(struct rk_buf *out, uint32_t value)
{
	put16(out, value >> 16);
	put16(out, value & 0xffff);
}

static void set16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* Labels that are empty or too long cannot be said in a message: false, and what was put is the
 * caller's to drop. */
static bool put_name(struct rk_buf *out, const char *name)
{
	struct rk_span rest = rk_span_str(name);

	if (rest.size > RK_DNS_NAME_MAX - 3)
		return false;
	while (rest.size > 0) {
		struct rk_span label;
		rest = rk_span_cut(rest, '.', &label);
		if (label.size == 0 || label.size > LABEL_MAX)
			return false;
		rk_buf_put_u8(out, (uint8_t)label.size);
		rk_buf_put_span(out, label);
	}
	rk_buf_put_u8(out, 0);
	return true;
}

void rk_dns_reply_begin(struct rk_dns_reply *reply, struct rk_buf *out,
			const struct rk_dns_query *query, size_t room)
{
	*reply = (struct rk_dns_reply){ .out = out, .start = out->size, .query = query };
	reply->room = room - (query->has_edns ? EDNS_SIZE : 0);
	memset(rk_buf_room(out, RK_DNS_HEADER), 0, RK_DNS_HEADER);
	out->size += RK_DNS_HEADER;
	rk_buf_put_span(out, query->question);
}

static bool put_data(struct rk_buf *out, const struct rk_dns_record *record)
{
	char name[RK_DNS_NAME_MAX];
	const size_t text = record->target != NULL ? strlen(record->target) : 0;

	switch (record->type) {
	case RK_DNS_A: put32(out, record->address); return true;
	case RK_DNS_SRV:
		put16(out, 0);
		put16(out, 100);
		put16(out, record->port);
		return put_name(out, record->target);
	case RK_DNS_CNAME:
	case RK_DNS_PTR: return put_name(out, record->target);
	case RK_DNS_TXT:
		rk_buf_put_u8(out, (uint8_t)RK_MIN(text, 255));
		rk_buf_put(out, record->target, RK_MIN(text, 255));
		return true;
	case RK_DNS_SOA:
		(void)snprintf(name, sizeof name, "ns.dns.%.200s", record->target);
		if (!put_name(out, name))
			return false;
		(void)snprintf(name, sizeof name, "hostmaster.%.200s", record->target);
		if (!put_name(out, name))
			return false;
		put32(out, record->serial);
		put32(out, SOA_REFRESH_S);
		put32(out, SOA_RETRY_S);
		put32(out, SOA_EXPIRE_S);
		put32(out, record->ttl_s);
		return true;
	case RK_DNS_AAAA:
	case RK_DNS_OPT:
	case RK_DNS_ANY: break;
	}
	return false;
}

void rk_dns_reply_add(struct rk_dns_reply *reply, enum rk_dns_section section,
		      const struct rk_dns_record *record)
{
	struct rk_buf *out = reply->out;
	const size_t before = out->size;
	bool is_whole = true;

	if (strcmp(record->name, reply->query->name) == 0)
		put16(out, POINTER << 8 | RK_DNS_HEADER);
	else
		is_whole = put_name(out, record->name);
	put16(out, record->type);
	put16(out, CLASS_IN);
	put32(out, record->ttl_s);
	const size_t at = out->size;
	put16(out, 0);
	is_whole = is_whole && put_data(out, record);
	set16(out->data + at, (unsigned)(out->size - at - 2));
	const bool fits = out->size - reply->start <= reply->room;
	if (is_whole && fits) {
		reply->counts[section]++;
		return;
	}
	out->size = before;
	reply->is_cut |= !fits && section != RK_DNS_ADDITIONAL;
}

void rk_dns_reply_end(struct rk_dns_reply *reply, enum rk_dns_code code, bool is_authoritative,
		      bool can_recurse)
{
	struct rk_buf *out = reply->out;
	const unsigned flags = FLAG_ANSWER | (is_authoritative ? FLAG_AUTHORITY : 0) |
			       (reply->is_cut ? FLAG_CUT : 0) |
			       (reply->query->wants_recursion ? FLAG_WANTS : 0) |
			       (can_recurse ? FLAG_CAN : 0) | (code & 15);

	if (reply->query->has_edns) {
		rk_buf_put_u8(out, 0);
		put16(out, RK_DNS_OPT);
		put16(out, RK_DNS_UDP_MAX);
		rk_buf_put_u8(out, (uint8_t)(code >> 4));
		rk_buf_put_u8(out, 0);
		put16(out, 0);
		put16(out, 0);
		reply->counts[RK_DNS_ADDITIONAL]++;
	}
	uint8_t *header = out->data + reply->start;
	set16(header, reply->query->id);
	set16(header + 2, flags);
	set16(header + 4, reply->query->question.size > 0 ? 1 : 0);
	for (int i = 0; i < 3; i++)
		set16(header + 6 + 2 * i, reply->counts[i]);
}
