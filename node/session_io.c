#include "node/session_io.h"

#include <strings.h>

#include "base/mem.h"

static void refuse(struct rk_http_exchange *exchange, int status, const char *text)
{
	rk_http_respond(exchange, status, NULL, 0, rk_blob_copy(rk_span_str(text)));
}

bool rk_session_wants(const struct rk_http_exchange *exchange, const char *protocol)
{
	const struct rk_span asked = rk_http_header(rk_http_request(exchange), "upgrade");

	return rk_http_is_upgrade(exchange) && asked.size == strlen(protocol) &&
	       strncasecmp((const char *)asked.data, protocol, asked.size) == 0;
}

/* --- SPDY --- */

static bool is_offered(struct rk_span line, const char *protocol)
{
	struct rk_span one;

	while (line.data != NULL) {
		line = rk_span_cut(line, ',', &one);
		while (one.size > 0 && one.data[0] == ' ')
			one = rk_span_sub(one, 1, one.size);
		if (rk_span_is(one, protocol))
			return true;
	}
	return false;
}

const char *rk_session_spdy_protocol(struct rk_http_exchange *exchange, const char *const *ours)
{
	const struct rk_http_request *request = rk_http_request(exchange);

	for (; *ours != NULL; ours++)
		for (size_t i = 0; i < request->header_count; i++)
			if (rk_span_is(request->headers[i].name, "x-stream-protocol-version") &&
			    is_offered(request->headers[i].value, *ours))
				return *ours;
	refuse(exchange, 403, "no X-Stream-Protocol-Version that this node speaks\n");
	return NULL;
}

struct rk_stream *rk_session_spdy(struct rk_http_exchange *exchange, const char *protocol)
{
	const struct rk_http_header headers[] = {
		{ RK_SPAN("upgrade"), RK_SPAN("SPDY/3.1") },
		{ RK_SPAN("connection"), RK_SPAN("Upgrade") },
		{ RK_SPAN("x-stream-protocol-version"), rk_span_str(protocol) },
	};

	return rk_http_upgrade(exchange, headers, RK_COUNT(headers));
}

/* --- WebSocket --- */

const char *rk_session_ws_protocol(struct rk_http_exchange *exchange, const char *const *ours)
{
	const struct rk_http_request *request = rk_http_request(exchange);
	const char *protocol =
		rk_ws_protocol(rk_http_header(request, "sec-websocket-protocol"), ours);
	char accept[32];

	if (protocol != NULL &&
	    rk_ws_accept(rk_http_header(request, "sec-websocket-key"), accept) == 0)
		return protocol;
	RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };
	rk_buf_printf(&text, "the WebSocket needs a Sec-WebSocket-Key and one of the protocols");
	for (; *ours != NULL; ours++)
		rk_buf_printf(&text, " %s", *ours);
	rk_buf_put_u8(&text, '\n');
	refuse(exchange, 400, rk_buf_cstr(&text));
	return NULL;
}

struct rk_stream *rk_session_ws(struct rk_http_exchange *exchange, const char *protocol)
{
	char accept[32] = "";
	const struct rk_span key = rk_http_header(rk_http_request(exchange), "sec-websocket-key");

	if (rk_ws_accept(key, accept) < 0)
		return NULL;
	const struct rk_http_header headers[] = {
		{ RK_SPAN("upgrade"), RK_SPAN("websocket") },
		{ RK_SPAN("connection"), RK_SPAN("Upgrade") },
		{ RK_SPAN("sec-websocket-accept"), rk_span_str(accept) },
		{ RK_SPAN("sec-websocket-protocol"), rk_span_str(protocol) },
	};
	return rk_http_upgrade(exchange, headers, RK_COUNT(headers));
}

void rk_ws_end_done(struct rk_ws_end *end)
{
	rk_ws_parser_done(&end->parser);
	rk_buf_done(&end->in);
}

bool rk_ws_end_send(struct rk_ws_end *end, struct rk_span payload)
{
	RK_AUTO(rk_buf_done) struct rk_buf frame = { 0 };

	rk_ws_write(&frame, RK_WS_BINARY, payload, NULL);
	return rk_stream_write(end->stream, rk_buf_span(&frame));
}

static int take(struct rk_ws_end *end, const struct rk_ws_message *message,
		int (*give)(void *context, struct rk_span payload), void *context)
{
	RK_AUTO(rk_buf_done) struct rk_buf frame = { 0 };

	switch (message->opcode) {
	case RK_WS_BINARY:
	case RK_WS_TEXT: return give(context, message->payload);
	case RK_WS_PING:
		rk_ws_write(&frame, RK_WS_PONG, message->payload, NULL);
		(void)rk_stream_write(end->stream, rk_buf_span(&frame));
		return 0;
	case RK_WS_CLOSE: return RK_ECLOSED;
	default: return 0;
	}
}

int rk_ws_end_feed(struct rk_ws_end *end, struct rk_span bytes,
		   int (*message)(void *context, struct rk_span payload), void *context)
{
	struct rk_ws_message one;
	size_t used = 0;

	rk_buf_put_span(&end->in, bytes);
	for (;;) {
		const int err = rk_ws_read(&end->parser, end->in.data, end->in.size, &used, &one);

		if (err < 0 && err != RK_EAGAIN)
			return err;
		if (err == 0)
			RK_TRY(take(end, &one, message, context));
		rk_buf_consume(&end->in, used);
		if (err == RK_EAGAIN)
			return 0;
	}
}
