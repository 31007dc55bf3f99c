/* Logs, exec, attach and port-forward: the node that runs the pod answers. The protocols inside
 * (WebSocket, SPDY) are between the client and the node. */
#include "base/mem.h"
#include "control/api/relay.h"
#include "control/schema/pod.h"
#include "wire/doc.h"

#define HEADERS_MAX 24
#define HEAD_MS     10000

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
	else if (rk_pod_container(pod, name) == NULL)
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

void rk_api_pod(struct rk_req *req)
{
	struct rk_http_header headers[HEADERS_MAX];
	struct rk_span container = { 0 };
	struct rk_object object;

	if (!is_served(req))
		return;
	if (!rk_view_get(req->thread->view, RK_SPAN("pods"), req->route.ns, req->route.name,
			 &object)) {
		rk_req_not_found(req);
		return;
	}
	const struct rk_val *pod = rk_doc_val(&req->arena, object.doc);
	if (find_served(req)->has_container) {
		container = container_of(req, pod);
		if (container.size == 0)
			return;
	}
	struct rk_relay_opts opts = {
		.method = rk_span_is(req->http->method, "POST") ? "POST" : "GET",
		.target = target_of(req, container),
		.headers = headers,
		.header_count = headers_of(req, headers),
		.head_ms = HEAD_MS,
	};
	if (rk_api_node_of(req, pod, &opts))
		rk_api_relay(req, &opts);
}
