/* The JSON gateway: a POST whose body is the request in JSON. It becomes a gRPC message and goes
 * its way; what is sent back becomes JSON again. A stream takes several requests, one after the
 * other, and answers with a line {"result": ...} for each message. */
#include <stdio.h>

#include "base/mem.h"
#include "control/etcd/server_io.h"
#include "wire/json.h"

#define JSON_MAX (4u << 20) /* bytes of a call that wait */

/* --- answering --- */

static int http_status(int code)
{
	switch (code) {
	case RK_GRPC_OK: return 200;
	case RK_GRPC_INVALID:
	case RK_GRPC_PRECONDITION:
	case RK_GRPC_OUT_OF_RANGE: return 400;
	case RK_GRPC_UNAUTHENTICATED: return 401;
	case RK_GRPC_DENIED: return 403;
	case RK_GRPC_NOT_FOUND: return 404;
	case RK_GRPC_EXHAUSTED: return 429;
	case RK_GRPC_UNIMPLEMENTED: return 501;
	case RK_GRPC_UNAVAILABLE: return 503;
	case RK_GRPC_DEADLINE: return 504;
	default: return 500;
	}
}

static const char *http_reason(int status)
{
	switch (status) {
	case 400: return "Bad Request";
	case 401: return "Unauthorized";
	case 403: return "Forbidden";
	case 404: return "Not Found";
	case 429: return "Too Many Requests";
	case 501: return "Not Implemented";
	case 503: return "Service Unavailable";
	case 504: return "Gateway Timeout";
	default: return "Internal Server Error";
	}
}

/* Of a stream: false, it takes no more for now. */
static bool respond(struct rk_etcd_call *call, int status, struct rk_span text)
{
	static const struct rk_http_header head = { { (const uint8_t *)"content-type", 12 },
						    { (const uint8_t *)"application/json", 16 } };

	if (call->method == NULL || !call->method->is_stream) {
		rk_http_respond(call->exchange, status, &head, 1, rk_blob_copy(text));
		return true;
	}
	if (!call->has_begun)
		rk_http_begin(call->exchange, status, &head, 1);
	call->has_begun = true;
	return rk_http_write(call->exchange, rk_blob_copy(text));
}

/* The one answer of a call that is no stream waits for its end: the exchange may be gone after it.
 */
bool rk_etcd_gateway_send(struct rk_etcd_call *call, struct rk_span message)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	const bool is_stream = call->method->is_stream;
	struct rk_buf text = { 0 };
	bool goes_on = true;

	if (is_stream)
		rk_buf_put_str(&text, "{\"result\":");
	if (rk_protojson_write(&arena, call->route->response, message, &text) < 0) {
		rk_etcd_finish(call, RK_GRPC_INTERNAL,
			       "etcdserver: the answer has no form in JSON");
	} else if (!is_stream) {
		rk_buf_clear(&call->json);
		rk_buf_put_span(&call->json, rk_buf_span(&text));
	} else {
		rk_buf_put_str(&text, "}\n");
		goes_on = respond(call, 200, rk_buf_span(&text));
	}
	rk_buf_done(&text);
	return goes_on;
}

static void put_error(struct rk_buf *out, const struct rk_etcd_call *call, int code,
		      struct rk_span text)
{
	const int status = http_status(code);

	if (call->method != NULL && call->method->is_stream) {
		rk_buf_printf(out,
			      "{\"error\":{\"grpc_code\":%d,\"http_code\":%d,\"message\":", code,
			      status);
		rk_json_write_str(out, text);
		rk_buf_printf(out, ",\"http_status\":\"%s\"}}\n", http_reason(status));
		return;
	}
	rk_buf_put_str(out, "{\"error\":");
	rk_json_write_str(out, text);
	rk_buf_put_str(out, ",\"message\":");
	rk_json_write_str(out, text);
	rk_buf_printf(out, ",\"code\":%d}", code);
}

void rk_etcd_gateway_finish(struct rk_etcd_call *call, int code, const char *text)
{
	const bool is_stream = call->method != NULL && call->method->is_stream;
	struct rk_buf error = { 0 };

	call->has_ended = true;
	if (code != RK_GRPC_OK)
		put_error(&error, call, code, rk_span_str(text));
	if (code != RK_GRPC_OK || !is_stream)
		(void)respond(call, http_status(code),
			      rk_buf_span(code != RK_GRPC_OK ? &error : &call->json));
	else if (!call->has_begun)
		(void)respond(call, 200, (struct rk_span){ NULL, 0 });
	rk_buf_done(&error);
	if (is_stream)
		rk_http_end(call->exchange);
}

/* --- taking --- */

/* One object becomes one message. False: the call has failed. */
static bool take_object(struct rk_etcd_call *call, struct rk_span text)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	struct rk_error error = { 0 };
	struct rk_val *val = NULL;
	const size_t begun = rk_grpc_begin(&call->in);

	if (text.size == 0)
		val = rk_val_map(&arena);
	if ((val == NULL && rk_json_parse(&arena, text, 0, &val, &error) < 0) ||
	    rk_protojson_read(&arena, call->route->request, val, &call->in, &error) < 0) {
		rk_etcd_finish(call, RK_GRPC_INVALID, error.text);
		return false;
	}
	rk_grpc_end(&call->in, begun);
	call->has_asked = true;
	return true;
}

static void take(struct rk_etcd_call *call)
{
	const bool is_stream = call->method->is_stream;
	struct rk_span left = rk_buf_span(&call->json), text;

	if (!is_stream && !call->is_input_ended)
		return; /* what follows would be an error */
	while ((is_stream || !call->has_asked) &&
	       rk_protojson_cut(&left, call->is_input_ended, &text))
		if (!take_object(call, text))
			return;
	rk_buf_consume(&call->json, call->json.size - left.size);
	if (call->is_input_ended && !call->has_asked &&
	    !take_object(call, (struct rk_span){ NULL, 0 })) /* no body is an empty request */
		return;
	rk_etcd_take(call);
	rk_etcd_maybe_ended(call);
}

void rk_etcd_gateway_data(struct rk_etcd_call *call, struct rk_span bytes, bool is_last)
{
	if (call->json.size + bytes.size > JSON_MAX) {
		rk_etcd_fail(call, RK_ETCD_TOO_LARGE);
		return;
	}
	rk_buf_put_span(&call->json, bytes);
	call->is_input_ended = is_last;
	take(call);
}

void rk_etcd_gateway_begin(struct rk_etcd_call *call)
{
	const struct rk_http_request *http = rk_http_request(call->exchange);

	if (!rk_span_is(http->method, "POST"))
		rk_etcd_finish(call, RK_GRPC_UNIMPLEMENTED, "Method Not Allowed");
	else if (http->version == 1) /* it is whole */
		rk_etcd_gateway_data(call, http->body, true);
}
