/* From a request's head to its method: gRPC's calls, and the JSON gateway's; what else is asked is
 * plain_io.c's. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "control/etcd/server_io.h"
#include "raft/peers_io.h"

#define CANCELED 1 /* gRPC's code for a client that went away */

static const struct rk_etcd_method *const tables[] = {
	rk_etcd_kv_methods,       rk_etcd_watch_methods, rk_etcd_lease_methods,
	rk_etcd_cluster_methods,  rk_etcd_auth_methods,  rk_etcd_maintenance_methods,
	rk_etcd_snapshot_methods, rk_etcd_lock_methods,  rk_etcd_range_stream_methods,
};

const struct rk_etcd_method *rk_etcd_method_at(uint32_t number)
{
	for (size_t i = 0; i < RK_COUNT(tables); i++)
		for (const struct rk_etcd_method *at = tables[i]; at->path != NULL; at++)
			if (number-- == 0)
				return at;
	return NULL;
}

static void set_method(struct rk_etcd_call *call, struct rk_span path)
{
	uint32_t number = 0;

	for (size_t i = 0; i < RK_COUNT(tables); i++) {
		for (const struct rk_etcd_method *at = tables[i]; at->path != NULL;
		     at++, number++) {
			if (!rk_span_is(path, at->path))
				continue;
			rk_assert(number < RK_ETCD_METHODS);
			call->method = at;
			call->number = number;
			return;
		}
	}
}

/* While auth is on, users are asked for, and any certificate of the cluster's CA may be one's. */
static bool is_allowed(const struct rk_etcd_thread *thread, const struct rk_tls_peer *peer)
{
	if (thread->etcd->opts.server == NULL || thread->auth.is_on)
		return true; /* plain: on loopback only */
	for (unsigned i = 0; peer->has_cert && i < peer->group_count; i++)
		if (strcmp(peer->groups[i], "system:masters") == 0 ||
		    strcmp(peer->groups[i], RK_PEER_GROUP) == 0)
			return true;
	return false;
}

static void unimplemented(struct rk_etcd_call *call, struct rk_span path)
{
	char text[256];
	struct rk_span service;
	const struct rk_span method = rk_span_cut(rk_span_sub(path, 1, path.size), '/', &service);

	(void)snprintf(text, sizeof text, "unknown method %.*s for service %.*s",
		       (int)RK_MIN(method.size, (size_t)80), (const char *)method.data,
		       (int)RK_MIN(service.size, (size_t)80), (const char *)service.data);
	rk_etcd_finish(call, RK_GRPC_UNIMPLEMENTED, text);
}

void rk_etcd_on_request(void *context, struct rk_http_exchange *exchange)
{
	struct rk_etcd_thread *thread = context;
	const struct rk_http_request *http = rk_http_request(exchange);
	const bool is_grpc =
		http->version == 2 &&
		rk_span_starts(rk_http_header(http, "content-type"), RK_SPAN("application/grpc"));

	const struct rk_etcd_route *route = is_grpc ? NULL : rk_etcd_route_of(http->path);
	if (!is_grpc && route == NULL) {
		rk_etcd_plain(thread, exchange);
		return;
	}
	const struct rk_span path = route != NULL ? rk_span_str(route->method) : http->path;
	struct rk_etcd_call *call = rk_zalloc(sizeof *call);
	call->thread = thread;
	call->exchange = exchange;
	call->route = route;
	set_method(call, path);
	rk_etcd_count_started(call);
	rk_http_set_user(exchange, call);
	rk_etcd_time(call);
	if (!is_allowed(thread, http->peer))
		rk_etcd_fail(call, RK_ETCD_DENIED);
	else if (call->method == NULL)
		unimplemented(call, path);
	else if (thread->view == NULL || rk_view_revision(thread->view) == 0)
		rk_etcd_fail(call, RK_ETCD_NO_LEADER); /* still recovering, or no first leader */
	else if (route != NULL)
		rk_etcd_gateway_begin(call);
}

void rk_etcd_take(struct rk_etcd_call *call)
{
	struct rk_span left = rk_buf_span(&call->in), message;
	int got;

	while (!call->has_ended && !call->has_message && call->awaited < RK_ETCD_AWAITED_MAX &&
	       rk_etcd_identify(call) &&
	       (got = rk_grpc_next(&left, RK_ETCD_MESSAGE_MAX, &message)) != 0) {
		if (got < 0) {
			rk_etcd_finish(
				call, got == RK_ETOOBIG ? RK_GRPC_EXHAUSTED : RK_GRPC_UNIMPLEMENTED,
				got == RK_ETOOBIG ? "grpc: received message larger than max"
						  : "grpc: compressed messages are not taken here");
			return;
		}
		call->message = message;
		call->has_message = !call->method->is_stream; /* then `in` stays as it is */
		if (rk_etcd_is_permitted(call))
			call->method->message(call, message);
	}
	if (!call->has_message)
		rk_buf_consume(&call->in, call->in.size - left.size);
}

void rk_etcd_maybe_ended(struct rk_etcd_call *call)
{
	if (!call->is_input_ended || call->is_waiting || call->has_ended)
		return;
	if (call->method->is_stream)
		call->method->ended(call);
	else if (!call->has_message)
		rk_etcd_finish(call, RK_GRPC_INTERNAL, "grpc: the request has no message");
}

void rk_etcd_on_data(void *context, struct rk_http_exchange *exchange, struct rk_span bytes,
		     bool is_last)
{
	struct rk_etcd_call *call = rk_http_user(exchange);

	(void)context;
	if (call == NULL || call->has_ended || call->has_message)
		return;
	rk_etcd_count_bytes(call->thread->etcd, bytes.size, 0);
	if (call->route != NULL) {
		rk_etcd_gateway_data(call, bytes, is_last);
		return;
	}
	rk_buf_put_span(&call->in, bytes);
	if (call->in.size > RK_ETCD_INPUT_MAX) {
		rk_etcd_fail(call, RK_ETCD_TOO_MANY_REQUESTS);
		return;
	}
	call->is_input_ended = is_last;
	rk_etcd_take(call);
	rk_etcd_maybe_ended(call);
}

void rk_etcd_on_gone(void *context, struct rk_http_exchange *exchange)
{
	struct rk_etcd_call *call = rk_http_user(exchange);

	(void)context;
	if (call == NULL)
		return;
	if (!call->has_ended)
		rk_etcd_count_handled(call, CANCELED);
	rk_etcd_watch_free(call);
	if (call->tail != NULL)
		call->tail->drop(call->tail);
	call->tail = NULL;
	rk_etcd_unwait(call);
	call->exchange = NULL;
	rk_etcd_maybe_free(call);
}

void rk_etcd_on_drained(void *context, struct rk_http_exchange *exchange)
{
	struct rk_etcd_call *call = rk_http_user(exchange);

	(void)context;
	if (call == NULL || call->has_ended)
		return;
	if (call->watches != NULL)
		rk_etcd_watch_drained(call);
	if (call->tail != NULL)
		call->tail->drained(call);
}
