#include "wire/spdy.h"

#include "base/arena.h"
#include "base/mem.h"
#include "wire/spdy_zip.h"

#define VERSION        3
#define STREAMS_MAX    RK_SPDY_STREAMS_MAX
#define FRAME_MAX      (1u << 20)
#define WINDOW_DEFAULT 65536
#define WINDOW_MAX     INT32_MAX
#define ROOM_FREE      65536 /* what a peer without flow control is sent at once */

enum frame_type {
	SYN_STREAM = 1,
	SYN_REPLY = 2,
	RST_STREAM = 3,
	SETTINGS = 4,
	PING = 6,
	GOAWAY = 7,
	HEADERS = 8,
	WINDOW_UPDATE = 9,
};
enum { FLAG_FIN = 1, SETTING_INITIAL_WINDOW = 7 };
enum reset_status { INVALID_STREAM = 2, REFUSED_STREAM = 3, CANCEL = 5, FLOW_CONTROL = 7 };

struct stream {
	uint32_t id; /* 0: free */
	int64_t window;
	uint32_t unacked; /* received and consumed, not yet told to the other side */
	bool is_our_fin, is_their_fin;
};

struct rk_spdy {
	bool is_server;
	bool has_flow; /* the other side takes part in flow control */
	int32_t window_initial;
	uint32_t last_theirs, next_ours;
	struct stream streams[STREAMS_MAX];
	struct rk_spdy_zip *zip;
	struct rk_buf in, out;
	size_t in_used; /* bytes of `in` that the events point into: gone with the next feed */
	struct rk_arena arena;
	struct rk_spdy_event *events;
	size_t event_count, event_at, event_capacity;
};

static uint32_t get_u32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void put_u32(struct rk_buf *out, uint32_t value)
{
	const uint8_t bytes[4] = { (uint8_t)(value >> 24), (uint8_t)(value >> 16),
				   (uint8_t)(value >> 8), (uint8_t)value };

	rk_buf_put(out, bytes, sizeof bytes);
}

static void put_control(struct rk_spdy *spdy, enum frame_type type, unsigned flags, size_t size)
{
	put_u32(&spdy->out, 0x80000000u | VERSION << 16 | (uint32_t)type);
	put_u32(&spdy->out, (uint32_t)flags << 24 | (uint32_t)size);
}

static void put_reset(struct rk_spdy *spdy, uint32_t id, enum reset_status status)
{
	put_control(spdy, RST_STREAM, 0, 8);
	put_u32(&spdy->out, id);
	put_u32(&spdy->out, (uint32_t)status);
}

static struct stream *find(const struct rk_spdy *spdy, uint32_t id)
{
	for (size_t i = 0; id != 0 && i < STREAMS_MAX; i++)
		if (spdy->streams[i].id == id)
			return (struct stream *)(uintptr_t)&spdy->streams[i];
	return NULL;
}

static struct stream *stream_new(struct rk_spdy *spdy, uint32_t id)
{
	for (size_t i = 0; i < STREAMS_MAX; i++) {
		if (spdy->streams[i].id != 0)
			continue;
		spdy->streams[i] = (struct stream){ .id = id, .window = spdy->window_initial };
		return &spdy->streams[i];
	}
	return NULL;
}

static void stream_settle(struct stream *stream)
{
	if (stream->is_our_fin && stream->is_their_fin)
		stream->id = 0;
}

static struct rk_spdy_event *event(struct rk_spdy *spdy, enum rk_spdy_event_kind kind, uint32_t id)
{
	spdy->events = rk_grow(spdy->events, &spdy->event_capacity, spdy->event_count + 1,
			       sizeof *spdy->events);
	struct rk_spdy_event *made = &spdy->events[spdy->event_count++];
	*made = (struct rk_spdy_event){ .kind = kind, .stream = id };
	return made;
}

/* --- what the other side says --- */

static bool is_theirs(const struct rk_spdy *spdy, uint32_t id)
{
	return id != 0 && (id & 1) == (spdy->is_server ? 1u : 0u);
}

static int on_syn_stream(struct rk_spdy *spdy, unsigned flags, struct rk_span body)
{
	struct rk_spdy_header *headers;
	size_t count;

	if (body.size < 10)
		return RK_EINVAL;
	const uint32_t id = get_u32(body.data) & 0x7fffffff;
	RK_TRY(rk_spdy_zip_read(spdy->zip, &spdy->arena, rk_span_sub(body, 10, body.size), &headers,
				&count));
	if (!is_theirs(spdy, id) || id <= spdy->last_theirs)
		return RK_EINVAL;
	spdy->last_theirs = id;
	struct stream *stream = stream_new(spdy, id);
	if (stream == NULL) {
		put_reset(spdy, id, REFUSED_STREAM);
		return RK_OK;
	}
	stream->is_their_fin = (flags & FLAG_FIN) != 0;
	struct rk_spdy_event *made = event(spdy, RK_SPDY_OPEN, id);
	made->is_fin = stream->is_their_fin;
	made->headers = headers;
	made->header_count = count;
	return RK_OK;
}

/* A reply, or headers that follow later (which nobody here uses). */
static int on_headers(struct rk_spdy *spdy, enum frame_type type, unsigned flags,
		      struct rk_span body)
{
	struct rk_spdy_header *headers;
	size_t count;

	if (body.size < 4)
		return RK_EINVAL;
	const uint32_t id = get_u32(body.data) & 0x7fffffff;
	RK_TRY(rk_spdy_zip_read(spdy->zip, &spdy->arena, rk_span_sub(body, 4, body.size), &headers,
				&count));
	struct stream *stream = find(spdy, id);
	if (stream == NULL || stream->is_their_fin)
		return RK_OK;
	const bool is_fin = (flags & FLAG_FIN) != 0;
	if (type == SYN_REPLY && !is_theirs(spdy, id)) {
		struct rk_spdy_event *made = event(spdy, RK_SPDY_REPLY, id);
		made->headers = headers;
		made->header_count = count;
		made->is_fin = is_fin;
	} else if (is_fin) {
		event(spdy, RK_SPDY_DATA, id)->is_fin = true;
	}
	stream->is_their_fin = is_fin;
	stream_settle(stream);
	return RK_OK;
}

static int on_reset(struct rk_spdy *spdy, struct rk_span body)
{
	if (body.size != 8)
		return RK_EINVAL;
	struct stream *stream = find(spdy, get_u32(body.data) & 0x7fffffff);
	if (stream == NULL)
		return RK_OK;
	event(spdy, RK_SPDY_RESET, stream->id);
	stream->id = 0;
	return RK_OK;
}

static int on_settings(struct rk_spdy *spdy, struct rk_span body)
{
	if (body.size < 4 || (body.size - 4) % 8 != 0 || get_u32(body.data) != (body.size - 4) / 8)
		return RK_EINVAL;
	for (size_t at = 4; at < body.size; at += 8) {
		if ((get_u32(body.data + at) & 0xffffff) != SETTING_INITIAL_WINDOW)
			continue;
		const uint32_t window = get_u32(body.data + at + 4);
		if (window > WINDOW_MAX)
			return RK_EINVAL;
		for (size_t i = 0; i < STREAMS_MAX; i++)
			spdy->streams[i].window += (int64_t)window - spdy->window_initial;
		spdy->window_initial = (int32_t)window;
		spdy->has_flow = true;
	}
	return RK_OK;
}

static int on_window(struct rk_spdy *spdy, struct rk_span body)
{
	if (body.size != 8)
		return RK_EINVAL;
	const uint32_t id = get_u32(body.data) & 0x7fffffff,
		       more = get_u32(body.data + 4) & 0x7fffffff;
	struct stream *stream = find(spdy, id);
	spdy->has_flow = true;
	if (stream == NULL)
		return RK_OK; /* it has just ended; id 0 is the session's window, which SPDY/3.1
				 adds and nobody bounds */
	stream->window += more;
	if (more == 0 || stream->window > WINDOW_MAX) {
		put_reset(spdy, id, FLOW_CONTROL);
		event(spdy, RK_SPDY_RESET, id);
		stream->id = 0;
	} else if (stream->window > 0 && !stream->is_our_fin) {
		event(spdy, RK_SPDY_ROOM, id);
	}
	return RK_OK;
}

static int on_ping(struct rk_spdy *spdy, struct rk_span body)
{
	if (body.size != 4)
		return RK_EINVAL;
	if (!is_theirs(spdy, get_u32(body.data)))
		return RK_OK; /* an answer to a ping of ours */
	put_control(spdy, PING, 0, 4);
	rk_buf_put_span(&spdy->out, body);
	return RK_OK;
}

static int on_control(struct rk_spdy *spdy, const uint8_t *head, struct rk_span body)
{
	const uint32_t word = get_u32(head);

	if ((word >> 16 & 0x7fff) != VERSION)
		return RK_EINVAL;
	switch (word & 0xffff) {
	case SYN_STREAM: return on_syn_stream(spdy, head[4], body);
	case SYN_REPLY: return on_headers(spdy, SYN_REPLY, head[4], body);
	case HEADERS: return on_headers(spdy, HEADERS, head[4], body);
	case RST_STREAM: return on_reset(spdy, body);
	case SETTINGS: return on_settings(spdy, body);
	case PING: return on_ping(spdy, body);
	case WINDOW_UPDATE: return on_window(spdy, body);
	case GOAWAY: (void)event(spdy, RK_SPDY_AWAY, 0); return RK_OK;
	default: return RK_OK; /* the draft: unknown control frames are passed over */
	}
}

static int on_data(struct rk_spdy *spdy, const uint8_t *head, struct rk_span body)
{
	const uint32_t id = get_u32(head);
	struct stream *stream = find(spdy, id);

	if (stream == NULL) {
		const bool was_known =
			is_theirs(spdy, id) ? id <= spdy->last_theirs : id < spdy->next_ours;
		if (id == 0)
			return RK_EINVAL;
		if (!was_known)
			put_reset(spdy, id, INVALID_STREAM);
		return RK_OK; /* of a stream that has just ended: on its way before they knew */
	}
	if (stream->is_their_fin)
		return RK_EINVAL;
	struct rk_spdy_event *made = event(spdy, RK_SPDY_DATA, id);
	made->data = body;
	made->is_fin = stream->is_their_fin = (head[4] & FLAG_FIN) != 0;
	stream_settle(stream);
	return RK_OK;
}

/* --- the owner calls --- */

struct rk_spdy *rk_spdy_new(bool is_server)
{
	struct rk_spdy *spdy = rk_zalloc(sizeof *spdy);

	spdy->is_server = is_server;
	spdy->window_initial = WINDOW_DEFAULT;
	spdy->next_ours = is_server ? 2 : 1;
	spdy->zip = rk_spdy_zip_new();
	if (!is_server) { /* we take part in flow control */
		put_control(spdy, SETTINGS, 0, 12);
		put_u32(&spdy->out, 1);
		put_u32(&spdy->out, SETTING_INITIAL_WINDOW);
		put_u32(&spdy->out, WINDOW_DEFAULT);
	}
	return spdy;
}

struct rk_spdy *rk_spdy_free(struct rk_spdy *spdy)
{
	if (spdy == NULL)
		return NULL;
	spdy->zip = rk_spdy_zip_free(spdy->zip);
	rk_buf_done(&spdy->in);
	rk_buf_done(&spdy->out);
	rk_arena_done(&spdy->arena);
	free(spdy->events);
	free(spdy);
	return NULL;
}

int rk_spdy_feed(struct rk_spdy *spdy, struct rk_span bytes)
{
	rk_assert(spdy->event_at == spdy->event_count);
	spdy->event_at = spdy->event_count = 0;
	rk_arena_reset(&spdy->arena);
	rk_buf_consume(&spdy->in, spdy->in_used);
	spdy->in_used = 0;
	rk_buf_put_span(&spdy->in, bytes);
	while (spdy->in.size - spdy->in_used >= 8) {
		const uint8_t *head = spdy->in.data + spdy->in_used;
		const uint32_t size = get_u32(head + 4) & 0xffffff;
		if (size > FRAME_MAX)
			return RK_ETOOBIG;
		if (spdy->in.size - spdy->in_used - 8 < size)
			break;
		const struct rk_span body = rk_span_of(head + 8, size);
		RK_TRY((head[0] & 0x80) != 0 ? on_control(spdy, head, body)
					     : on_data(spdy, head, body));
		spdy->in_used += 8 + (size_t)size;
	}
	return RK_OK;
}

bool rk_spdy_next(struct rk_spdy *spdy, struct rk_spdy_event *ret)
{
	if (spdy->event_at == spdy->event_count)
		return false;
	*ret = spdy->events[spdy->event_at++];
	return true;
}

struct rk_buf *rk_spdy_out(struct rk_spdy *spdy) { return &spdy->out; }

static void put_block(struct rk_spdy *spdy, enum frame_type type, struct rk_span before,
		      const struct rk_spdy_header *headers, size_t count)
{
	struct rk_buf block = { 0 };

	rk_spdy_zip_write(spdy->zip, &block, headers, count);
	put_control(spdy, type, 0, before.size + block.size);
	rk_buf_put_span(&spdy->out, before);
	rk_buf_put_span(&spdy->out, rk_buf_span(&block));
	rk_buf_done(&block);
}

uint32_t rk_spdy_open(struct rk_spdy *spdy, const struct rk_spdy_header *headers, size_t count)
{
	const uint32_t id = spdy->next_ours;
	const uint8_t before[10] = { (uint8_t)(id >> 24), (uint8_t)(id >> 16), (uint8_t)(id >> 8),
				     (uint8_t)id };

	if (stream_new(spdy, id) == NULL)
		return 0;
	spdy->next_ours += 2;
	put_block(spdy, SYN_STREAM, rk_span_of(before, sizeof before), headers, count);
	return id;
}

void rk_spdy_reply(struct rk_spdy *spdy, uint32_t stream)
{
	const uint8_t before[4] = { (uint8_t)(stream >> 24), (uint8_t)(stream >> 16),
				    (uint8_t)(stream >> 8), (uint8_t)stream };

	if (find(spdy, stream) != NULL)
		put_block(spdy, SYN_REPLY, rk_span_of(before, sizeof before), NULL, 0);
}

size_t rk_spdy_room(const struct rk_spdy *spdy, uint32_t stream)
{
	const struct stream *found = find(spdy, stream);

	if (found == NULL || found->is_our_fin)
		return 0;
	if (!spdy->has_flow)
		return ROOM_FREE;
	return found->window > 0 ? RK_MIN((size_t)found->window, (size_t)FRAME_MAX) : 0;
}

void rk_spdy_write(struct rk_spdy *spdy, uint32_t stream, struct rk_span data, bool fin)
{
	struct stream *found = find(spdy, stream);

	if (found == NULL || found->is_our_fin)
		return; /* it was reset meanwhile */
	rk_assert(data.size <= rk_spdy_room(spdy, stream));
	put_u32(&spdy->out, stream);
	put_u32(&spdy->out, (fin ? (uint32_t)FLAG_FIN << 24 : 0) | (uint32_t)data.size);
	rk_buf_put_span(&spdy->out, data);
	found->window -= (int64_t)data.size;
	found->is_our_fin = fin;
	stream_settle(found);
}

void rk_spdy_reset(struct rk_spdy *spdy, uint32_t stream)
{
	struct stream *found = find(spdy, stream);

	if (found == NULL)
		return;
	put_reset(spdy, stream, CANCEL);
	found->id = 0;
}

void rk_spdy_consumed(struct rk_spdy *spdy, uint32_t stream, size_t bytes)
{
	struct stream *found = find(spdy, stream);

	if (found == NULL || found->is_their_fin || (spdy->is_server && !spdy->has_flow))
		return; /* as a client we have said that we take part */
	found->unacked += (uint32_t)RK_MIN(bytes, (size_t)FRAME_MAX);
	if (found->unacked < WINDOW_DEFAULT / 4)
		return;
	put_control(spdy, WINDOW_UPDATE, 0, 8);
	put_u32(&spdy->out, stream);
	put_u32(&spdy->out, found->unacked);
	found->unacked = 0;
}

void rk_spdy_goaway(struct rk_spdy *spdy)
{
	put_control(spdy, GOAWAY, 0, 8);
	put_u32(&spdy->out, spdy->last_theirs);
	put_u32(&spdy->out, 0);
}
