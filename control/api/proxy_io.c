/* Logs, exec, attach and port-forward: the request goes on to the node that runs the pod, and what
 * comes back goes on to the client. The protocols inside (WebSocket, SPDY) are between the client
 * and the node. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "control/api/server.h"
#include "control/status.h"
#include "wire/client_io.h"
#include "wire/doc.h"

#define HEADERS_MAX 24
#define HEAD_MS     10000
#define FINISH_MS   5000

struct rk_tunnel {
	struct rk_req *req; /* NULL once the client's exchange is gone (or became a stream) */
	struct rk_http_client *client;
	struct rk_http_call *call;
	bool began;
	struct rk_buf failure; /* body of an error answer */
	int failed;            /* its status */
	struct rk_stream *to_client, *to_node;
	struct rk_tunnel *next,
		**link; /* in the thread's tunnels; link: NULL when it is not there */
};

/* --- both ends are streams: bytes go through --- */

static void link_in(struct rk_tunnel *tunnel, struct rk_tunnel **head)
{
	tunnel->next = *head;
	tunnel->link = head;
	if (tunnel->next != NULL)
		tunnel->next->link = &tunnel->next;
	*head = tunnel;
}

static void unlink_it(struct rk_tunnel *tunnel)
{
	if (tunnel->link == NULL)
		return;
	*tunnel->link = tunnel->next;
	if (tunnel->next != NULL)
		tunnel->next->link = tunnel->link;
	tunnel->link = NULL;
}

static void close_both(struct rk_tunnel *tunnel)
{
	struct rk_stream *client = rk_take_ptr(tunnel->to_client),
			 *node = rk_take_ptr(tunnel->to_node);

	/* What is queued for the other side still goes out: the exit code may be in it. */
	if (client != NULL)
		rk_stream_finish(client, FINISH_MS);
	if (node != NULL)
		rk_stream_finish(node, FINISH_MS);
	unlink_it(tunnel);
	(void)rk_http_client_free(tunnel->client);
	rk_buf_done(&tunnel->failure);
	free(tunnel);
}

void rk_api_proxy_end_all(struct rk_api_thread *thread)
{
	while (thread->tunnels != NULL) {
		struct rk_tunnel *tunnel = thread->tunnels;
		tunnel->to_client = rk_stream_close(tunnel->to_client);
		tunnel->to_node = rk_stream_close(tunnel->to_node);
		close_both(tunnel);
	}
}

static struct rk_stream *other_end(const struct rk_tunnel *tunnel, const struct rk_stream *stream)
{
	return stream == tunnel->to_client ? tunnel->to_node : tunnel->to_client;
}

static size_t pipe_data(void *context, struct rk_stream *stream, struct rk_span bytes)
{
	struct rk_tunnel *tunnel = context;

	if (!rk_stream_write(other_end(tunnel, stream), bytes))
		rk_stream_pause(stream);
	return bytes.size;
}

static void pipe_drained(void *context, struct rk_stream *stream)
{
	rk_stream_resume(other_end(context, stream));
}

static void pipe_closed(void *context, struct rk_stream *stream, const struct rk_error *error)
{
	struct rk_tunnel *tunnel = context;

	(void)error;
	if (stream == tunnel->to_client)
		tunnel->to_client = NULL;
	else
		tunnel->to_node = NULL;
	close_both(tunnel);
}

static const struct rk_stream_events pipe_events = { .data = pipe_data,
						     .drained = pipe_drained,
						     .closed = pipe_closed };

/* --- the node's answer --- */

static bool is_hop_header(struct rk_span name)
{
	return rk_span_is(name, "content-length") || rk_span_is(name, "transfer-encoding") ||
	       rk_span_is(name, "connection") || rk_span_is(name, "date") ||
	       rk_span_is(name, "keep-alive") || rk_span_is(name, "upgrade");
}

static void upgrade(struct rk_tunnel *tunnel, const struct rk_http_answer *answer)
{
	struct rk_req *req = tunnel->req;
	struct rk_http_header headers[HEADERS_MAX];
	size_t count = 0;

	for (size_t i = 0; i < answer->header_count && count < HEADERS_MAX; i++)
		if (!is_hop_header(answer->headers[i].name) ||
		    rk_span_is(answer->headers[i].name, "upgrade"))
			headers[count++] = answer->headers[i];
	if (count < HEADERS_MAX)
		headers[count++] =
			(struct rk_http_header){ RK_SPAN("connection"), RK_SPAN("Upgrade") };
	tunnel->to_node = rk_http_call_take_stream(rk_take_ptr(tunnel->call));
	/* From here on the tunnel lives by its streams. */
	req->tunnel = NULL;
	tunnel->req = NULL;
	tunnel->to_client = rk_http_upgrade(req->exchange, headers, count);
	if (tunnel->to_client == NULL || tunnel->to_node == NULL) {
		close_both(tunnel);
		return;
	}
	link_in(tunnel, &req->thread->tunnels);
	rk_stream_hand_over(tunnel->to_client, &pipe_events, tunnel);
	rk_stream_hand_over(tunnel->to_node, &pipe_events, tunnel);
}

static void on_head(void *context, struct rk_http_call *call, const struct rk_http_answer *answer)
{
	struct rk_tunnel *tunnel = context;
	struct rk_http_header headers[HEADERS_MAX];
	size_t count = 0;

	(void)call;
	if (answer->status == 101) {
		upgrade(tunnel, answer);
		return;
	}
	if (answer->status >= 400) {
		tunnel->failed = answer->status;
		return;
	}
	for (size_t i = 0; i < answer->header_count && count < HEADERS_MAX; i++)
		if (!is_hop_header(answer->headers[i].name))
			headers[count++] = answer->headers[i];
	tunnel->began = true;
	rk_http_begin(tunnel->req->exchange, answer->status, headers, count);
}

static void on_data(void *context, struct rk_http_call *call, struct rk_span bytes)
{
	struct rk_tunnel *tunnel = context;

	if (tunnel->began) {
		if (!rk_http_write(tunnel->req->exchange, rk_blob_copy(bytes)))
			rk_http_call_pause(call);
	} else if (tunnel->failure.size < 4096) {
		rk_buf_put_span(&tunnel->failure, bytes);
	}
}

static void on_done(void *context, struct rk_http_call *call, int err, const struct rk_error *error)
{
	struct rk_tunnel *tunnel = context;
	struct rk_req *req = tunnel->req;

	(void)call;
	tunnel->call = NULL;
	if (req == NULL)
		return;
	if (tunnel->began && err < 0)
		rk_http_abort(req->exchange);
	else if (tunnel->began)
		rk_http_end(req->exchange);
	else if (tunnel->failed != 0)
		rk_req_fail(req, tunnel->failed,
			    tunnel->failed == 404  ? "NotFound"
			    : tunnel->failed < 500 ? "BadRequest"
						   : "InternalError",
			    "%.*s", RK_SPAN_ARGS(rk_buf_span(&tunnel->failure)));
	else
		rk_req_fail(req, 500, "InternalError", "the node of the pod cannot be reached: %s",
			    error->text);
}

void rk_api_proxy_drained(struct rk_req *req)
{
	if (req->tunnel->call != NULL)
		rk_http_call_resume(req->tunnel->call);
}

void rk_api_proxy_free(struct rk_req *req)
{
	struct rk_tunnel *tunnel = rk_take_ptr(req->tunnel);

	if (tunnel->call != NULL)
		rk_http_call_abort(tunnel->call);
	tunnel->req = NULL;
	close_both(tunnel);
}

/* --- the request to the node --- */

static struct rk_span address_of(const struct rk_val *node, const char *type)
{
	const struct rk_val *addresses = rk_val_at(node, "status.addresses");

	for (uint32_t i = 0; i < rk_val_count(addresses); i++)
		if (rk_span_is(rk_val_text_at(rk_val_item(addresses, i), "type"), type))
			return rk_val_text_at(rk_val_item(addresses, i), "address");
	return RK_SPAN("");
}

static const struct rk_val *container_named(const struct rk_val *pod, struct rk_span name)
{
	static const char *const lists[] = { "spec.containers", "spec.initContainers",
					     "spec.ephemeralContainers" };

	for (size_t i = 0; i < RK_COUNT(lists); i++) {
		const struct rk_val *list = rk_val_at(pod, lists[i]);
		for (uint32_t j = 0; j < rk_val_count(list); j++)
			if (rk_span_eq(rk_val_text_at(rk_val_item(list, j), "name"), name))
				return rk_val_item(list, j);
	}
	return NULL;
}

static struct rk_span names_of(struct rk_req *req, const struct rk_val *list)
{
	struct rk_buf out = { 0 };

	for (uint32_t i = 0; i < rk_val_count(list); i++)
		rk_buf_printf(&out, "%s%.*s", i > 0 ? " " : "",
			      RK_SPAN_ARGS(rk_val_text_at(rk_val_item(list, i), "name")));
	const struct rk_span names = rk_arena_span(&req->arena, rk_buf_span(&out));
	rk_buf_done(&out);
	return names;
}

/* The container that is meant; an empty span after answering why there is none. */
static struct rk_span container_of(struct rk_req *req, const struct rk_val *pod)
{
	const struct rk_val *containers = rk_val_at(pod, "spec.containers");
	struct rk_span name = rk_req_query(req, "container");

	if (name.size == 0 && rk_val_at(pod, "metadata.annotations") != NULL)
		name = rk_val_text(rk_val_get(rk_val_at(pod, "metadata.annotations"),
					      RK_SPAN("kubectl.kubernetes.io/default-container")));
	if (name.size == 0 && rk_val_count(containers) == 1)
		name = rk_val_text_at(rk_val_item(containers, 0), "name");
	if (name.size == 0)
		rk_req_fail(
			req, 400, "BadRequest",
			"a container name must be specified for pod %.*s, choose one of: [%.*s]",
			RK_SPAN_ARGS(req->route.name), RK_SPAN_ARGS(names_of(req, containers)));
	else if (container_named(pod, name) == NULL)
		rk_req_fail(req, 400, "BadRequest", "container %.*s is not valid for pod %.*s",
			    RK_SPAN_ARGS(name), RK_SPAN_ARGS(req->route.name));
	else
		return name;
	return RK_SPAN("");
}

static const struct served { /* a subresource, and what the node calls it */
	const char *sub, *node;
	bool is_upgrade, has_container;
} served[] = {
	{ "log", "containerLogs", false, true },
	{ "exec", "exec", true, true },
	{ "attach", "attach", true, true },
	{ "portforward", "portForward", true, false },
};

static const struct served *find_served(const struct rk_req *req)
{
	for (size_t i = 0; i < RK_COUNT(served); i++)
		if (rk_span_is(req->route.sub, served[i].sub))
			return &served[i];
	return NULL;
}

static char *target_of(struct rk_req *req, struct rk_span container)
{
	struct rk_buf out = { 0 };

	rk_buf_printf(&out, "/%s/", find_served(req)->node);
	rk_url_encode(&out, req->route.ns);
	rk_buf_put_u8(&out, '/');
	rk_url_encode(&out, req->route.name);
	if (container.size > 0)
		rk_buf_put_u8(&out, '/');
	rk_url_encode(&out, container);
	rk_buf_put_u8(&out, '?');
	rk_buf_put_span(&out, req->http->query);
	char *target = rk_arena_str(&req->arena, rk_buf_span(&out));
	rk_buf_done(&out);
	return target;
}

static size_t headers_of(const struct rk_req *req, struct rk_http_header headers[HEADERS_MAX])
{
	static const char *const passed[] = { "upgrade",
					      "sec-websocket-key",
					      "sec-websocket-version",
					      "sec-websocket-protocol",
					      "sec-websocket-extensions",
					      "x-stream-protocol-version" };
	size_t count = 0;

	if (!rk_http_is_upgrade(req->exchange))
		return 0;
	headers[count++] = (struct rk_http_header){ RK_SPAN("connection"), RK_SPAN("Upgrade") };
	for (size_t i = 0; i < req->http->header_count && count < HEADERS_MAX; i++)
		for (size_t j = 0; j < RK_COUNT(passed); j++)
			if (rk_span_is(req->http->headers[i].name, passed[j]) &&
			    count < HEADERS_MAX)
				headers[count++] = req->http->headers[i];
	return count;
}

static void call_node(struct rk_req *req, struct rk_span address, int64_t port, struct rk_span node,
		      struct rk_span container)
{
	struct rk_tunnel *tunnel = rk_zalloc(sizeof *tunnel);
	struct rk_http_header headers[HEADERS_MAX];
	struct rk_arena *arena = &req->arena;
	const struct rk_http_client_opts client = {
		.loop = req->thread->loop,
		.address =
			rk_arena_printf(arena, "%.*s:%lld", RK_SPAN_ARGS(address), (long long)port),
		.server_name = rk_arena_str(arena, node),
		.tls = req->thread->api->opts.client,
		.connections_max = 1,
	};
	const struct rk_http_call_opts call = {
		.method = rk_span_is(req->http->method, "POST") ? "POST" : "GET",
		.target = target_of(req, container),
		.headers = headers,
		.header_count = headers_of(req, headers),
		.head_ms = HEAD_MS,
		.context = tunnel,
		.head = on_head,
		.data = on_data,
		.done = on_done,
	};

	tunnel->req = req;
	req->tunnel = tunnel;
	tunnel->client = rk_http_client_new(&client);
	tunnel->call = rk_http_call_start(tunnel->client, &call);
}

static bool is_served(struct rk_req *req)
{
	const struct served *found = find_served(req);

	if (found == NULL) {
		rk_req_fail(req, 501, "NotImplemented", "%.*s is not served yet",
			    RK_SPAN_ARGS(req->route.sub));
		return false;
	}
	if (strcmp(req->verb, "get") != 0 &&
	    (!found->is_upgrade || strcmp(req->verb, "create") != 0)) {
		rk_req_fail(req, 405, "MethodNotAllowed",
			    "the server does not allow this method on the requested resource");
		return false;
	}
	if (found->is_upgrade && !rk_http_is_upgrade(req->exchange)) {
		rk_req_fail(req, 400, "BadRequest",
			    "you must upgrade the connection: %s is served by WebSocket and "
			    "SPDY/3.1 over HTTP/1.1",
			    found->sub);
		return false;
	}
	return true;
}

void rk_api_proxy(struct rk_req *req)
{
	struct rk_object object;

	if (!is_served(req))
		return;
	if (!rk_view_get(req->thread->view, RK_SPAN("pods"), req->route.ns, req->route.name,
			 &object)) {
		rk_req_not_found(req);
		return;
	}
	const struct rk_val *pod = rk_doc_val(&req->arena, object.doc);
	const struct rk_span node_name = rk_val_text_at(pod, "spec.nodeName");
	struct rk_span container = { 0 };
	if (find_served(req)->has_container) {
		container = container_of(req, pod);
		if (container.size == 0)
			return;
	}
	if (node_name.size == 0) {
		rk_req_fail(req, 400, "BadRequest", "pod %.*s does not have a host assigned",
			    RK_SPAN_ARGS(req->route.name));
		return;
	}
	if (!rk_view_get(req->thread->view, RK_SPAN("nodes"), RK_SPAN(""), node_name, &object)) {
		rk_req_fail(req, 500, "InternalError", "node %.*s of the pod is gone",
			    RK_SPAN_ARGS(node_name));
		return;
	}
	const struct rk_val *node = rk_doc_val(&req->arena, object.doc);
	const struct rk_span address = address_of(node, "InternalIP");
	if (address.size == 0) {
		rk_req_fail(req, 500, "InternalError",
			    "no preferred addresses found; known addresses: []");
		return;
	}
	call_node(req, address,
		  rk_val_int_at(node, "status.daemonEndpoints.kubeletEndpoint.Port", 10250),
		  node_name, container);
}
