/* Answers to gRPC calls. */
#include <stdio.h>

#include "base/mem.h"
#include "control/etcd/server_io.h"
#include "wire/proto.h"

uint64_t rk_etcd_now(const struct rk_etcd_call *call)
{
	return rk_view_revision(call->thread->view);
}

static void begin_response(struct rk_etcd_call *call)
{
	static const struct rk_http_header head = { { (const uint8_t *)"content-type", 12 },
						    { (const uint8_t *)"application/grpc", 16 } };

	if (!call->has_begun)
		rk_http_begin(call->exchange, 200, &head, 1);
	call->has_begun = true;
}

void rk_etcd_put_header(struct rk_etcd_call *call, struct rk_buf *out, uint64_t revision)
{
	const struct rk_etcd_thread *thread = call->thread;
	uint8_t room[48]; /* four numbers, each behind its tag */
	struct rk_buf header = { room, 0, sizeof room };

	rk_proto_put_number(&header, 1, thread->etcd->opts.cluster_id);
	rk_proto_put_number(&header, 2, thread->etcd->opts.member_id);
	rk_proto_put_number(&header, 3, revision);
	rk_proto_put_number(&header, 4, thread->term);
	rk_assert(header.data == room);
	rk_proto_put_message(out, 1, rk_buf_span(&header));
}

size_t rk_etcd_begin(struct rk_etcd_call *call, struct rk_buf *out, uint64_t revision)
{
	const size_t begun = rk_grpc_begin(out);

	rk_etcd_put_header(call, out, revision);
	return begun;
}

bool rk_etcd_send(struct rk_etcd_call *call, struct rk_buf *out, size_t begun)
{
	rk_grpc_end(out, begun);
	return rk_etcd_send_all(call, out);
}

/* A gateway's client gets each message as JSON. */
static bool send_to_gateway(struct rk_etcd_call *call, struct rk_span bytes)
{
	bool takes_more = true;

	while (bytes.size >= RK_GRPC_HEAD) {
		const uint8_t *head = bytes.data;
		const size_t size = (size_t)head[1] << 24 | (size_t)head[2] << 16 |
				    (size_t)head[3] << 8 | head[4];
		takes_more = rk_etcd_gateway_send(call, rk_span_sub(bytes, RK_GRPC_HEAD, size));
		bytes = rk_span_sub(bytes, RK_GRPC_HEAD + size, bytes.size);
	}
	return takes_more;
}

bool rk_etcd_send_all(struct rk_etcd_call *call, const struct rk_buf *out)
{
	if (call->exchange == NULL || call->has_ended)
		return true;
	rk_etcd_count_bytes(call->thread->etcd, 0, out->size);
	if (call->route != NULL)
		return send_to_gateway(call, rk_buf_span(out));
	begin_response(call);
	return rk_http_write(call->exchange, rk_blob_copy(rk_buf_span(out)));
}

void rk_etcd_send_head(struct rk_etcd_call *call, struct rk_buf *out, size_t begun, size_t more)
{
	rk_grpc_end_later(out, begun, more);
	(void)rk_etcd_send_all(call, out);
}

void rk_etcd_finish(struct rk_etcd_call *call, int code, const char *text)
{
	char number[12];
	struct rk_buf message = { 0 };

	if (call->exchange == NULL || call->has_ended)
		return;
	rk_etcd_count_handled(call, code);
	if (call->route != NULL) {
		rk_etcd_gateway_finish(call, code, text);
		return;
	}
	begin_response(call);
	call->has_ended = true;
	(void)snprintf(number, sizeof number, "%d", code);
	rk_grpc_text(&message, rk_span_str(text));
	const struct rk_http_header trailers[] = { { RK_SPAN("grpc-status"), rk_span_str(number) },
						   { RK_SPAN("grpc-message"),
						     rk_buf_span(&message) } };
	rk_http_trailers(call->exchange, trailers, message.size > 0 ? 2 : 1);
	rk_buf_done(&message);
}

void rk_etcd_answer(struct rk_etcd_call *call, uint64_t revision, struct rk_span body)
{
	struct rk_buf out = { 0 };
	const size_t begun = rk_etcd_begin(call, &out, revision);

	rk_buf_put_span(&out, body);
	(void)rk_etcd_send(call, &out, begun);
	rk_buf_done(&out);
	if (!call->method->is_stream)
		rk_etcd_finish(call, RK_GRPC_OK, "");
}

void rk_etcd_fail(struct rk_etcd_call *call, enum rk_etcd_error error)
{
	rk_etcd_finish(call, rk_etcd_error_code(error), rk_etcd_error_text(error));
}

bool rk_etcd_answered(struct rk_etcd_call *call, const struct rk_feed_answer *answer)
{
	if (call->has_ended)
		return false; /* its time was over */
	switch (answer->err) {
	case RK_OK: return true;
	case RK_ENOSPC: rk_etcd_fail(call, RK_ETCD_NO_SPACE); break;
	case RK_ETOOBIG: rk_etcd_fail(call, RK_ETCD_TOO_LARGE); break;
	case RK_ETIMEDOUT:
		rk_etcd_fail(call, rk_etcd_left_ms(call) == 0 ? RK_ETCD_DEADLINE : RK_ETCD_TIMEOUT);
		break;
	default:
		rk_etcd_fail(call, call->thread->leader_id == 0 ? RK_ETCD_NO_LEADER
								: RK_ETCD_TOO_MANY_REQUESTS);
	}
	return false;
}

void rk_etcd_pass_on(struct rk_etcd_call *call, struct rk_feed_answer *answer)
{
	if (!rk_etcd_answered(call, answer))
		return;
	rk_assert(answer->count == 1);
	const struct rk_span doc = rk_blob_span(answer->results[0].doc);
	if (answer->results[0].code == RK_GRPC_OK) {
		rk_etcd_answer(call, answer->revision, doc);
		return;
	}
	struct rk_buf text = { 0 };
	rk_buf_put_span(&text, doc);
	rk_etcd_finish(call, answer->results[0].code, rk_buf_cstr(&text));
	rk_buf_done(&text);
}

void rk_etcd_input_ended(struct rk_etcd_call *call)
{
	(void)call; /* the request is whole; the answers go on */
}
