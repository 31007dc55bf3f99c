/* A request that goes on to another server: what comes back goes on to the client, in pieces, and an
 * upgraded connection as the bytes that it is made of. */
#include <stdlib.h>

#include "base/mem.h"
#include "control/api/relay.h"
#include "wire/client_io.h"

#define FAILURE_MAX 4096 /* bytes of another server's words that are told */

struct rk_relay {
	struct rk_req *req;
	struct rk_relay_opts opts;
	struct rk_http_client *client, *through; /* through: on the way that the client has found */
	struct rk_http_call *call;
	bool began;
	struct rk_buf failure; /* body of an error answer that is told as our own */
	int failed;            /* its status */
};

static void let_go(struct rk_relay *relay)
{
	relay->req->relay = NULL;
	/* What is told of calls that end here finds nobody. */
	if (relay->call != NULL)
		rk_http_call_abort(rk_take_ptr(relay->call));
	(void)rk_http_client_free(relay->through);
	(void)rk_http_client_free(relay->client);
	(void)rk_blob_unref(relay->opts.body);
	rk_buf_done(&relay->failure);
	free(relay);
}

void rk_api_relay_free(struct rk_req *req)
{
	if (req->relay != NULL)
		let_go(req->relay);
}

void rk_api_relay_drained(struct rk_req *req)
{
	if (req->relay->call != NULL)
		rk_http_call_resume(req->relay->call);
}

/* --- the answer --- */

/* What is between two servers only; and a page of another server decides nothing about this one. */
static bool stays_here(struct rk_span name)
{
	static const char *const names[] = { "content-length", "transfer-encoding", "connection",
					     "date",           "keep-alive",        "trailer",
					     "access-control-allow-credentials",
					     "access-control-allow-headers",
					     "access-control-allow-methods",
					     "access-control-allow-origin",
					     "access-control-expose-headers",
					     "access-control-max-age" };

	for (size_t i = 0; i < RK_COUNT(names); i++)
		if (rk_span_is(name, names[i]))
			return true;
	return false;
}

/* A place on the other server is below `prefix` for the client. */
static struct rk_span located(struct rk_relay *relay, struct rk_span value)
{
	if (relay->opts.prefix.size == 0 || !rk_span_starts(value, RK_SPAN("/")) ||
	    rk_span_starts(value, RK_SPAN("//")))
		return value;
	return rk_span_str(rk_arena_printf(&relay->req->arena, "%.*s%.*s",
					   RK_SPAN_ARGS(relay->opts.prefix), RK_SPAN_ARGS(value)));
}

static size_t headers_of(struct rk_relay *relay, const struct rk_http_answer *answer,
			 struct rk_http_header *headers)
{
	const bool is_upgrade = answer->status == 101;
	size_t count = 0;

	headers[count++] = rk_req_audit_id(relay->req);
	for (size_t i = 0; i < answer->header_count; i++) {
		struct rk_http_header header = answer->headers[i];
		if (stays_here(header.name) || (!is_upgrade && rk_span_is(header.name, "upgrade")))
			continue;
		if (rk_span_is(header.name, "location"))
			header.value = located(relay, header.value);
		headers[count++] = header;
	}
	if (is_upgrade)
		headers[count++] =
			(struct rk_http_header){ RK_SPAN("connection"), RK_SPAN("Upgrade") };
	return count;
}

static struct rk_http_header *room_for(struct rk_relay *relay, size_t count)
{
	return rk_arena_alloc(&relay->req->arena, (count + 2) * sizeof(struct rk_http_header));
}

static void upgrade(struct rk_relay *relay, const struct rk_http_answer *answer)
{
	struct rk_http_header *headers = room_for(relay, answer->header_count);
	const size_t count = headers_of(relay, answer, headers);
	struct rk_req *req = relay->req;
	struct rk_pipe **pipes = &req->thread->pipes;
	struct rk_stream *other = rk_http_call_take_stream(rk_take_ptr(relay->call));

	/* The request is gone with its answer; from here on the streams live by themselves. */
	rk_pipe_start(pipes, rk_http_upgrade(req->exchange, headers, count), other);
}

static void on_head(void *context, struct rk_http_call *call, const struct rk_http_answer *answer)
{
	struct rk_relay *relay = context;

	(void)call;
	if (answer->status == 101 && rk_http_is_upgrade(relay->req->exchange)) {
		upgrade(relay, answer);
		return;
	}
	if (answer->status >= 400 && !relay->opts.is_proxy) {
		relay->failed = answer->status;
		return;
	}
	struct rk_http_header *headers = room_for(relay, answer->header_count);
	const size_t count = headers_of(relay, answer, headers);
	relay->began = true;
	relay->req->code = answer->status;
	rk_http_begin(relay->req->exchange, answer->status, headers, count);
}

static void on_data(void *context, struct rk_http_call *call, struct rk_span bytes)
{
	struct rk_relay *relay = context;

	if (relay->began) {
		if (!rk_http_write(relay->req->exchange, rk_blob_copy(bytes)))
			rk_http_call_pause(call);
	} else if (relay->failure.size < FAILURE_MAX) {
		rk_buf_put_span(&relay->failure,
				rk_span_sub(bytes, 0, FAILURE_MAX - relay->failure.size));
	}
}

static void tell_failure(struct rk_relay *relay, const struct rk_error *error)
{
	struct rk_req *req = relay->req;
	const struct rk_span said = rk_span_trim(
		relay->failed != 0 ? rk_arena_span(&req->arena, rk_buf_span(&relay->failure))
				   : rk_arena_span(&req->arena, rk_span_str(error->text)));

	if (relay->opts.is_proxy)
		rk_req_fail(req, 503, "ServiceUnavailable", "error trying to reach service: %.*s",
			    RK_SPAN_ARGS(said));
	else if (relay->failed != 0)
		rk_req_fail(req, relay->failed,
			    relay->failed == 404  ? "NotFound"
			    : relay->failed < 500 ? "BadRequest"
						  : "InternalError",
			    "%.*s", RK_SPAN_ARGS(said));
	else
		rk_req_fail(req, 500, "InternalError", "the node of the pod cannot be reached: %.*s",
			    RK_SPAN_ARGS(said));
}

static void on_done(void *context, struct rk_http_call *call, int err, const struct rk_error *error)
{
	struct rk_relay *relay = context;

	(void)call;
	relay->call = NULL;
	if (relay->began && err < 0)
		rk_http_abort(relay->req->exchange);
	else if (relay->began)
		rk_http_end(relay->req->exchange);
	else
		tell_failure(relay, error);
}

static void ask(struct rk_relay *relay, struct rk_http_client *client)
{
	const struct rk_http_call_opts call = {
		.method = relay->opts.method,
		.target = relay->opts.target,
		.headers = relay->opts.headers,
		.header_count = relay->opts.header_count,
		.body = relay->opts.body,
		.head_ms = relay->opts.head_ms,
		.context = relay,
		.head = on_head,
		.data = on_data,
		.done = on_done,
	};

	relay->call = rk_http_call_start(client, &call);
}

/* --- a way to the server --- */

static void on_way_head(void *context, struct rk_http_call *call, const struct rk_http_answer *answer)
{
	struct rk_relay *relay = context;

	if (answer->status != 101) {
		relay->failed = answer->status;
		return;
	}
	const struct rk_http_client_opts opts = {
		.loop = relay->req->thread->loop,
		.address = relay->opts.address,
		.connections_max = 1,
		.stream = rk_http_call_take_stream(call),
	};
	relay->through = rk_http_client_new(&opts);
	ask(relay, relay->through);
}

static void find_way(struct rk_relay *relay)
{
	static const struct rk_http_header headers[] = { { RK_SPAN("connection"), RK_SPAN("Upgrade") },
							 { RK_SPAN("upgrade"), RK_SPAN("tcp") } };
	const struct rk_http_call_opts call = {
		.method = "GET",
		.target = relay->opts.way,
		.headers = headers,
		.header_count = RK_COUNT(headers),
		.head_ms = relay->opts.head_ms,
		.context = relay,
		.head = on_way_head,
		.data = on_data,
		.done = on_done,
	};

	relay->call = rk_http_call_start(relay->client, &call);
}

void rk_api_relay(struct rk_req *req, const struct rk_relay_opts *opts)
{
	struct rk_relay *relay = rk_zalloc(sizeof *relay);
	const struct rk_http_client_opts client = {
		.loop = req->thread->loop,
		.address = opts->address,
		.server_name = opts->server_name,
		.tls = opts->tls,
		.connections_max = 1,
	};

	relay->req = req;
	relay->opts = *opts;
	(void)rk_blob_ref(opts->body);
	req->relay = relay;
	relay->client = rk_http_client_new(&client);
	if (opts->way != NULL)
		find_way(relay);
	else
		ask(relay, relay->client);
}
