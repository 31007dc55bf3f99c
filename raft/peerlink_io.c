#include "raft/peerlink_io.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"

#define HELLO_MS 5000 /* a hello comes in one piece, at once */
#define IDLE_MS  10000

struct rk_inlink {
	const struct rk_peers_opts *opts;
	struct rk_stream *stream;
	void (*gone)(void *context, struct rk_inlink *link);
	void *context;
	uint64_t from; /* 0: has not said hello */
	struct rk_buf in;
	struct rk_receive *receive;
	bool said_old; /* that the other side's snapshots are not taken */
};

void rk_link_frame(struct rk_buf *out, enum rk_link_frame kind, struct rk_span payload)
{
	rk_buf_put_u32(out, (uint32_t)(1 + payload.size));
	rk_buf_put_u8(out, (uint8_t)kind);
	rk_buf_put_span(out, payload);
}

int rk_link_next(struct rk_span bytes, size_t max, struct rk_span *ret_frame, size_t *ret_used)
{
	struct rk_reader in = rk_reader_of(bytes);
	const uint32_t size = rk_read_u32(&in);

	if (in.failed)
		return 0;
	if (size == 0 || size > max)
		return RK_EINVAL;
	if (rk_reader_left(&in) < size)
		return 0;
	*ret_frame = rk_read_raw(&in, size);
	*ret_used = 4 + (size_t)size;
	return 1;
}

void rk_link_hello(struct rk_buf *out, const struct rk_peers_opts *opts, uint64_t to)
{
	RK_AUTO(rk_buf_done) struct rk_buf hello = { 0 };

	rk_buf_put_u8(&hello, RK_LINK_VERSION);
	rk_buf_put_u64(&hello, opts->cluster.high);
	rk_buf_put_u64(&hello, opts->cluster.low);
	rk_buf_put_u64(&hello, opts->self);
	rk_buf_put_u64(&hello, to);
	rk_buf_put_u8(&hello, RK_TRANSFER_VERSION);
	rk_link_frame(out, RK_LINK_HELLO, rk_buf_span(&hello));
}

bool rk_link_is_member(const struct rk_stream *stream, uint64_t id)
{
	struct rk_tls_peer peer;
	char name[64];
	bool in_group = false;

	rk_stream_peer(stream, &peer);
	(void)snprintf(name, sizeof name, RK_PEER_NAME_FORMAT, (unsigned long long)id);
	for (unsigned i = 0; i < peer.group_count; i++)
		in_group = in_group || strcmp(peer.groups[i], RK_PEER_GROUP) == 0;
	return peer.has_cert && in_group && strcmp(peer.name, name) == 0;
}

static void answer(struct rk_inlink *link, enum rk_link_frame kind, const struct rk_buf *payload)
{
	RK_AUTO(rk_buf_done) struct rk_buf frame = { 0 };

	rk_link_frame(&frame, kind, rk_buf_span(payload));
	rk_inlink_send(link, rk_buf_span(&frame));
}

/* A member of an older version, which says nothing of its transfers, expects no answer. */
static void welcome(struct rk_inlink *link, struct rk_reader *rest)
{
	RK_AUTO(rk_buf_done) struct rk_buf payload = { 0 };

	if (rk_reader_left(rest) == 0)
		return;
	rk_buf_put_u8(&payload, RK_TRANSFER_VERSION);
	answer(link, RK_LINK_WELCOME, &payload);
}

static int take_hello(struct rk_inlink *link, struct rk_span payload)
{
	struct rk_reader in = rk_reader_of(payload);
	const uint8_t version = rk_read_u8(&in);
	const struct rk_cluster_id cluster = { rk_read_u64(&in), rk_read_u64(&in) };
	const uint64_t from = rk_read_u64(&in), to = rk_read_u64(&in);
	struct rk_tls_peer peer;

	rk_stream_peer(link->stream, &peer);
	if (in.failed || version != RK_LINK_VERSION) {
		rk_log(RK_LOG_WARN, "peer refused", "address=%s why=\"speaks another version\"",
		       peer.address);
		return RK_EINVAL;
	}
	if (cluster.high != link->opts->cluster.high || cluster.low != link->opts->cluster.low ||
	    to != link->opts->self) {
		rk_log(RK_LOG_WARN, "peer refused",
		       "address=%s why=\"looks for another cluster or member\"", peer.address);
		return RK_EPERM;
	}
	if (from == 0 || from == to || !rk_link_is_member(link->stream, from)) {
		rk_log(RK_LOG_WARN, "peer refused",
		       "address=%s certificate=\"%s\" why=\"it is not member %llu's\"",
		       peer.address, peer.name, (unsigned long long)from);
		return RK_EPERM;
	}
	link->from = from;
	/* Pings come all the time: silence means that the other side is gone. */
	rk_stream_idle_ms(link->stream, IDLE_MS);
	welcome(link, &in);
	return RK_OK;
}

static int take_message(struct rk_inlink *link, struct rk_span payload)
{
	struct rk_raft_msg *msg = NULL;

	RK_TRY(rk_raft_msg_decode(payload, &msg));
	if (msg->from != link->from || msg->to != link->opts->self ||
	    (msg->kind == RK_MSG_SNAPSHOT && !link->opts->is_witness)) {
		(void)rk_raft_msg_free(msg);
		return RK_EINVAL;
	}
	link->opts->message(link->opts->context, msg);
	return RK_OK;
}

static enum rk_refusal refusal_of(int err)
{
	switch (err) {
	case RK_EBUSY: return RK_REFUSE_BUSY;
	case RK_EEXIST: return RK_REFUSE_HERE;
	case RK_ECORRUPT: return RK_REFUSE_DAMAGED;
	default: return RK_REFUSE_DISK;
	}
}

static void refuse(struct rk_inlink *link, uint64_t number, int err, const struct rk_error *error)
{
	RK_AUTO(rk_buf_done) struct rk_buf payload = { 0 };
	const struct rk_take refusal = { .number = number, .why = refusal_of(err) };

	if (err != RK_EBUSY && err != RK_EEXIST)
		rk_log(RK_LOG_ERROR, "snapshot not received", "from=%llu why=\"%s\"",
		       (unsigned long long)link->from, error->text);
	rk_refuse_encode(&refusal, &payload);
	answer(link, RK_LINK_REFUSE, &payload);
}

/* Says how far it is. What is whole is handed on before: when that fails, nothing was taken. */
static void go_on(struct rk_inlink *link, uint64_t number, uint64_t at)
{
	RK_AUTO(rk_buf_done) struct rk_buf payload = { 0 };
	const struct rk_take take = { .number = number, .at = at };
	struct rk_offer offer;
	struct rk_error error;

	if (rk_receive_is_whole(link->receive)) {
		const int err = rk_receive_finish(link->receive, link->from, &offer, &error);
		if (err < 0) {
			refuse(link, number, err, &error);
			return;
		}
		link->opts->snapshot_here(link->opts->context, link->from, offer.term, &offer.meta);
	}
	rk_take_encode(&take, &payload);
	answer(link, RK_LINK_TAKE, &payload);
}

static int take_offer(struct rk_inlink *link, struct rk_span payload)
{
	struct rk_offer offer;
	struct rk_error error;
	uint64_t at;

	RK_TRY(rk_offer_decode(payload, &offer));
	const int err = rk_receive_begin(link->receive, link, &offer, &at, &error);
	if (err < 0) {
		refuse(link, offer.number, err, &error);
		return RK_OK;
	}
	rk_log(RK_LOG_INFO, "receiving a snapshot", "from=%llu index=%llu bytes=%llu at=%llu",
	       (unsigned long long)link->from, (unsigned long long)offer.meta.index,
	       (unsigned long long)offer.size, (unsigned long long)at);
	go_on(link, offer.number, at);
	return RK_OK;
}

static int take_chunk(struct rk_inlink *link, struct rk_span payload)
{
	struct rk_chunk chunk;
	struct rk_error error;
	uint64_t at;

	RK_TRY(rk_chunk_decode(payload, &chunk));
	const int err = rk_receive_chunk(link->receive, link, &chunk, &at, &error);
	if (err == RK_EINVAL)
		return err;
	if (err < 0)
		refuse(link, chunk.number, err, &error);
	else
		go_on(link, chunk.number, at);
	return RK_OK;
}

/* What it sends is passed over: to end the connection would take it the messages too. */
static int take_stream(struct rk_inlink *link)
{
	if (!link->said_old)
		rk_log(RK_LOG_WARN, "snapshot not received",
		       "from=%llu why=\"it is of an older version\"",
		       (unsigned long long)link->from);
	link->said_old = true;
	return RK_OK;
}

static int take_frame(struct rk_inlink *link, struct rk_span frame)
{
	const enum rk_link_frame kind = (enum rk_link_frame)frame.data[0];
	const struct rk_span payload = rk_span_sub(frame, 1, frame.size);

	if ((kind == RK_LINK_HELLO) != (link->from == 0))
		return RK_EINVAL;
	switch (kind) {
	case RK_LINK_HELLO: return take_hello(link, payload);
	case RK_LINK_MESSAGE: return take_message(link, payload);
	case RK_LINK_STREAM_3:
	case RK_LINK_STREAM_4:
	case RK_LINK_STREAM_5: return take_stream(link);
	case RK_LINK_PING: return payload.size == 0 ? RK_OK : RK_EINVAL;
	case RK_LINK_OFFER: return take_offer(link, payload);
	case RK_LINK_CHUNK: return take_chunk(link, payload);
	case RK_LINK_WELCOME: /* these go the other way */
	case RK_LINK_TAKE:
	case RK_LINK_REFUSE: return RK_EINVAL;
	}
	return RK_EINVAL;
}

static void drop(struct rk_inlink *link)
{
	void (*gone)(void *context, struct rk_inlink *link) = link->gone;
	void *context = link->context;

	gone(context, link);
	rk_inlink_close(link);
}

static size_t on_data(void *context, struct rk_stream *stream, struct rk_span bytes)
{
	struct rk_inlink *link = context;
	size_t used = 0;

	(void)stream;
	rk_buf_put_span(&link->in, bytes);
	for (;;) {
		struct rk_span frame;
		size_t size = 0;
		const int more =
			rk_link_next(rk_span_sub(rk_buf_span(&link->in), used, link->in.size),
				     link->from == 0 ? 64 : RK_LINK_FRAME_MAX, &frame, &size);
		if (more == 0)
			break;
		if (more < 0 || take_frame(link, frame) < 0) {
			drop(link);
			return bytes.size;
		}
		used += size;
	}
	rk_buf_consume(&link->in, used);
	if (link->in.size == 0 && link->in.capacity > (1u << 20))
		rk_buf_done(&link->in);
	return bytes.size;
}

static void on_closed(void *context, struct rk_stream *stream, const struct rk_error *error)
{
	struct rk_inlink *link = context;

	if (link->from == 0 && error->code != RK_ECLOSED) {
		struct rk_tls_peer peer;
		rk_stream_peer(stream, &peer);
		rk_log(RK_LOG_WARN, "peer refused", "address=%s why=\"%s\"", peer.address,
		       error->text);
	}
	link->stream = NULL; /* frees itself */
	drop(link);
}

struct rk_inlink *rk_inlink_new(struct ev_loop *loop, int fd, const struct rk_peers_opts *opts,
				struct rk_receive *receive,
				void (*gone)(void *context, struct rk_inlink *link), void *context)
{
	static const struct rk_stream_events events = { .data = on_data, .closed = on_closed };
	struct rk_inlink *link = rk_zalloc(sizeof *link);

	link->opts = opts;
	link->gone = gone;
	link->context = context;
	link->receive = receive;
	link->stream = rk_stream_accept(loop, fd, opts->server, &events, link);
	rk_stream_idle_ms(link->stream, HELLO_MS);
	return link;
}

void rk_inlink_close(struct rk_inlink *link)
{
	rk_receive_leave(link->receive, link);
	(void)rk_stream_close(link->stream);
	rk_buf_done(&link->in);
	free(link);
}

uint64_t rk_inlink_from(const struct rk_inlink *link) { return link->from; }

void rk_inlink_send(struct rk_inlink *link, struct rk_span frame)
{
	if (rk_stream_queued(link->stream) <= RK_LINK_QUEUED_MAX)
		(void)rk_stream_write(link->stream, frame);
}
