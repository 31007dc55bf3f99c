/* KV.RangeStream: a range of one moment in pieces, as fast as the client takes them. The view is
 * held, so nothing that is compacted meanwhile is missed. Header, count and `more` come with the
 * last piece; all of them together are the answer of a Range. */
#include <stdlib.h>

#include "base/mem.h"
#include "control/etcd/server_io.h"
#include "wire/proto.h"

#define PIECE_BYTES (128u << 10)

struct stream {
	struct rk_etcd_tail tail;
	struct rk_view *view;
	struct rk_buf message; /* what the request points into */
	struct rk_etcd_range_request request;
	struct rk_etcd_scan scan;
	int64_t count, wanted, sent; /* of those that were seen */
	bool is_scanning;
};

static struct stream *stream_of(const struct rk_etcd_call *call)
{
	return RK_CONTAINER(call->tail, struct stream, tail);
}

static void drop_stream(struct rk_etcd_tail *tail)
{
	struct stream *stream = RK_CONTAINER(tail, struct stream, tail);

	if (stream->is_scanning)
		rk_etcd_scan_done(&stream->scan);
	(void)rk_view_unref(stream->view);
	rk_buf_done(&stream->message);
	free(stream);
}

/* RangeStreamResponse { RangeResponse }; only the last one has a header. False: the client takes no
 * more for now. */
static bool send(struct rk_etcd_call *call, struct rk_span body)
{
	struct rk_buf out = { 0 };
	const size_t begun = rk_grpc_begin(&out);

	rk_proto_put_message(&out, 1, body);
	const bool goes_on = rk_etcd_send(call, &out, begun);
	rk_buf_done(&out);
	return goes_on;
}

/* The next piece. False: it is the last one. */
static bool fill(struct stream *stream, struct rk_buf *out)
{
	const struct rk_etcd_range_request *request = &stream->request;
	struct rk_etcd_kv kv;

	while (out->size < PIECE_BYTES) {
		if (!rk_etcd_scan_next(&stream->scan, &kv))
			return false;
		stream->count++;
		if (request->count_only || !rk_etcd_range_wants(request, &kv))
			continue;
		stream->wanted++;
		if (request->limit > 0 && stream->sent >= request->limit)
			continue;
		stream->sent++;
		rk_etcd_range_put(out, &kv, request->keys_only);
	}
	return true;
}

static void finish(struct rk_etcd_call *call, struct rk_span kvs)
{
	const struct stream *stream = stream_of(call);
	struct rk_buf header = { 0 }, body = { 0 };

	rk_etcd_put_header(call, &header, rk_view_revision(stream->view));
	rk_buf_put_span(&body, rk_buf_span(&header));
	rk_buf_put_span(&body, kvs);
	rk_proto_put_number(&body, 3, stream->wanted > stream->sent);
	rk_proto_put_number(&body, 4, (uint64_t)stream->count);
	(void)send(call, rk_buf_span(&body));
	rk_buf_done(&header);
	rk_buf_done(&body);
	rk_etcd_finish(call, RK_GRPC_OK, "");
}

static void go_on(struct rk_etcd_call *call)
{
	struct rk_buf piece = { 0 };
	bool goes_on = true, has_more = true;

	while (goes_on && has_more) {
		rk_buf_clear(&piece);
		has_more = fill(stream_of(call), &piece);
		if (has_more)
			goes_on = send(call, rk_buf_span(&piece));
	}
	if (!has_more)
		finish(call, rk_buf_span(&piece));
	rk_buf_done(&piece);
}

static void begin(struct rk_etcd_call *call)
{
	struct stream *stream = stream_of(call);
	const struct rk_etcd_run run = { .root = rk_view_root(call->thread->view),
					 .now = rk_etcd_now(call) };
	const struct rk_etcd_range_request *request = &stream->request;
	enum rk_etcd_error error = rk_etcd_may(run.root, &call->who, RK_ETCD_READ, &request->range);

	if (error == RK_ETCD_OK)
		error = rk_etcd_check_revision(&run, request->revision);
	if (error != RK_ETCD_OK) {
		rk_etcd_fail(call, error);
		return;
	}
	stream->view = rk_view_ref(call->thread->view);
	rk_etcd_scan_begin(&stream->scan, run.root, &request->range,
			   request->revision > 0 ? (uint64_t)request->revision : run.now, run.now);
	stream->is_scanning = true;
	go_on(call);
}

static void resumed(struct rk_etcd_call *call, struct rk_feed_answer *answer)
{
	if (rk_etcd_answered(call, answer))
		begin(call);
}

static void on_range_stream(struct rk_etcd_call *call, struct rk_span message)
{
	if (call->tail != NULL)
		return; /* one request a stream */
	struct stream *stream = rk_zalloc(sizeof *stream);
	stream->tail = (struct rk_etcd_tail){ go_on, drop_stream };
	call->tail = &stream->tail;
	rk_buf_put_span(&stream->message, message);
	const int err = rk_etcd_read_range(rk_buf_span(&stream->message), &stream->request);
	const enum rk_etcd_error error =
		err < 0 ? RK_ETCD_MALFORMED : rk_etcd_check_range(&stream->request);
	if (error != RK_ETCD_OK)
		rk_etcd_fail(call, error);
	else if (stream->request.order == RK_ETCD_DESCEND ||
		 stream->request.target != RK_ETCD_BY_KEY)
		rk_etcd_finish(call, RK_GRPC_UNIMPLEMENTED,
			       "etcdserver: a stream of a range is in order of keys");
	else if (stream->request.serializable)
		begin(call);
	else
		rk_etcd_await_read(call, resumed);
}

const struct rk_etcd_method rk_etcd_range_stream_methods[] = {
	{ "/etcdserverpb.KV/RangeStream", true, on_range_stream, rk_etcd_input_ended,
	  RK_ETCD_NEEDS_USER },
	{ NULL, false, NULL, NULL, RK_ETCD_NEEDS_USER },
};
