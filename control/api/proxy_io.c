/* The subresource `proxy` of pods, services and nodes: HTTP to what runs there, from wherever the
 * API can be reached. Members need no way into the pod network: the node of the pod is asked for
 * one. */
#include <stdlib.h>

#include "base/mem.h"
#include "control/api/relay.h"
#include "wire/doc.h"

#define HEAD_MS      60000
#define KUBELET_PORT 10250

struct place { /* "[scheme:]name[:port]", as the path names it */
	bool is_tls;
	struct rk_span name, port; /* port: empty when it is not said */
};

static bool read_place(struct rk_span text, struct place *ret)
{
	struct rk_span first, second, third;

	*ret = (struct place){ 0 };
	struct rk_span rest = rk_span_cut(text, ':', &first);
	if (rest.data == NULL) {
		ret->name = first;
		return first.size > 0;
	}
	rest = rk_span_cut(rest, ':', &second);
	if (rest.data == NULL) {
		ret->name = first;
		ret->port = second;
		return first.size > 0;
	}
	third = rest;
	ret->is_tls = rk_span_is(first, "https");
	ret->name = second;
	ret->port = third;
	return (first.size == 0 || ret->is_tls || rk_span_is(first, "http")) && second.size > 0;
}

static bool read_port(struct rk_span text, int64_t *ret)
{
	uint64_t number = 0;

	if (!rk_span_u64(text, &number) || number == 0 || number > UINT16_MAX)
		return false;
	*ret = (int64_t)number;
	return true;
}

/* --- nodes --- */

static struct rk_span address_of(const struct rk_val *node, const char *type)
{
	const struct rk_val *addresses = rk_val_at(node, "status.addresses");

	for (uint32_t i = 0; i < rk_val_count(addresses); i++)
		if (rk_span_is(rk_val_text_at(rk_val_item(addresses, i), "type"), type))
			return rk_val_text_at(rk_val_item(addresses, i), "address");
	return RK_SPAN("");
}

static int64_t agent_port(const struct rk_val *node)
{
	return rk_val_int_at(node, "status.daemonEndpoints.kubeletEndpoint.Port", KUBELET_PORT);
}

/* The address of its agent. False: there is none (answered). */
static bool reach_agent(struct rk_req *req, const struct rk_val *node, struct rk_relay_opts *ret)
{
	const struct rk_span address = address_of(node, "InternalIP");

	if (address.size == 0) {
		rk_req_fail(req, 500, "InternalError",
			    "no preferred addresses found; known addresses: []");
		return false;
	}
	ret->address = rk_arena_printf(&req->arena, "%.*s:%lld", RK_SPAN_ARGS(address),
				       (long long)agent_port(node));
	ret->server_name = rk_arena_str(&req->arena, rk_val_text_at(node, "metadata.name"));
	ret->tls = req->thread->api->opts.client;
	return true;
}

bool rk_api_node_of(struct rk_req *req, const struct rk_val *pod, struct rk_relay_opts *ret)
{
	const struct rk_span node = rk_val_text_at(pod, "spec.nodeName");
	struct rk_object object;

	if (node.size == 0) {
		rk_req_fail(req, 400, "BadRequest", "pod %.*s does not have a host assigned",
			    RK_SPAN_ARGS(rk_val_text_at(pod, "metadata.name")));
		return false;
	}
	if (!rk_view_get(req->thread->view, RK_SPAN("nodes"), RK_SPAN(""), node, &object)) {
		rk_req_fail(req, 500, "InternalError", "node %.*s of the pod is gone",
			    RK_SPAN_ARGS(node));
		return false;
	}
	return reach_agent(req, rk_doc_val(&req->arena, object.doc), ret);
}

/* A server that is reached as it is, and that nobody vouches for. */
static bool reach_directly(struct rk_req *req, struct rk_span address, int64_t port, bool is_tls,
			   struct rk_relay_opts *ret)
{
	const struct rk_tls_opts any = { .takes_any_cert = true };
	struct rk_error error;

	ret->address = rk_arena_printf(&req->arena, "%.*s:%lld", RK_SPAN_ARGS(address),
				       (long long)port);
	if (is_tls && req->thread->any_tls == NULL &&
	    rk_tls_new(&req->thread->any_tls, &any, &error) < 0) {
		rk_req_fail(req, 500, "InternalError", "%s", error.text);
		return false;
	}
	ret->tls = is_tls ? req->thread->any_tls : NULL;
	return true;
}

static bool find_node(struct rk_req *req, const struct place *place, struct rk_relay_opts *ret)
{
	struct rk_object object;
	int64_t port = 0;

	req->route.name = place->name;
	if (!rk_view_get(req->thread->view, RK_SPAN("nodes"), RK_SPAN(""), place->name, &object)) {
		rk_req_not_found(req);
		return false;
	}
	const struct rk_val *node = rk_doc_val(&req->arena, object.doc);
	if (place->port.size > 0 && !read_port(place->port, &port)) {
		rk_req_fail(req, 400, "BadRequest", "invalid port %.*s",
			    RK_SPAN_ARGS(place->port));
		return false;
	}
	if (place->port.size == 0 || port == agent_port(node))
		return reach_agent(req, node, ret);
	const struct rk_span address = address_of(node, "InternalIP");
	return reach_directly(req, address, port, place->is_tls, ret);
}

/* --- pods --- */

static bool reach_pod(struct rk_req *req, const struct rk_val *pod, int64_t port, bool is_tls,
		      struct rk_relay_opts *ret)
{
	if (!rk_api_node_of(req, pod, ret))
		return false;
	ret->way = rk_arena_printf(&req->arena, "/way/%.*s/%.*s/%lld%s",
				   RK_SPAN_ARGS(rk_val_text_at(pod, "metadata.namespace")),
				   RK_SPAN_ARGS(rk_val_text_at(pod, "metadata.name")),
				   (long long)port, is_tls ? "?tls=true" : "");
	return true;
}

/* The first port that a container names; 80 when none does. */
static int64_t first_port(const struct rk_val *pod)
{
	const struct rk_val *containers = rk_val_at(pod, "spec.containers");

	for (uint32_t i = 0; i < rk_val_count(containers); i++) {
		const struct rk_val *ports = rk_val_at(rk_val_item(containers, i), "ports");
		if (rk_val_count(ports) > 0)
			return rk_val_int_at(rk_val_item(ports, 0), "containerPort", 80);
	}
	return 80;
}

static bool find_pod(struct rk_req *req, const struct place *place, struct rk_relay_opts *ret)
{
	struct rk_object object;
	int64_t port;

	req->route.name = place->name;
	if (!rk_view_get(req->thread->view, RK_SPAN("pods"), req->route.ns, place->name, &object)) {
		rk_req_not_found(req);
		return false;
	}
	const struct rk_val *pod = rk_doc_val(&req->arena, object.doc);
	port = first_port(pod);
	if (place->port.size > 0 && !read_port(place->port, &port)) {
		rk_req_fail(req, 400, "BadRequest", "invalid port %.*s",
			    RK_SPAN_ARGS(place->port));
		return false;
	}
	if (rk_val_text_at(pod, "status.podIP").size == 0) {
		rk_req_fail(req, 400, "BadRequest", "address not allowed");
		return false;
	}
	return reach_pod(req, pod, port, place->is_tls, ret);
}

/* --- services --- */

/* The name of the service's port that is meant, by name or by number; false: it has none such. */
static bool find_service_port(const struct rk_val *service, struct rk_span port,
			      struct rk_span *ret_name)
{
	const struct rk_val *ports = rk_val_at(service, "spec.ports");
	int64_t number = 0;

	for (uint32_t i = 0; i < rk_val_count(ports); i++) {
		const struct rk_val *one = rk_val_item(ports, i);
		*ret_name = rk_val_text_at(one, "name");
		if (port.size == 0 ? rk_val_count(ports) == 1 || ret_name->size == 0
				   : rk_span_eq(*ret_name, port) ||
					     (read_port(port, &number) &&
					      rk_val_int_at(one, "port", 0) == number))
			return true;
	}
	*ret_name = RK_SPAN("");
	return false;
}

struct choice { /* among the addresses that are ready */
	const struct rk_val *address;
	int64_t port;
	uint64_t seen, dice;
};

static void choose_in(const struct rk_val *subset, struct rk_span port, struct choice *choice)
{
	const struct rk_val *ports = rk_val_at(subset, "ports"),
			    *addresses = rk_val_at(subset, "addresses");

	for (uint32_t i = 0; i < rk_val_count(ports); i++) {
		if (!rk_span_eq(rk_val_text_at(rk_val_item(ports, i), "name"), port))
			continue;
		for (uint32_t n = 0; n < rk_val_count(addresses); n++) {
			/* Each is kept with the same chance. */
			if (choice->dice % ++choice->seen != 0 && choice->address != NULL)
				continue;
			choice->address = rk_val_item(addresses, n);
			choice->port = rk_val_int_at(rk_val_item(ports, i), "port", 0);
		}
	}
}

static bool reach_address(struct rk_req *req, const struct choice *choice, bool is_tls,
			  struct rk_relay_opts *ret)
{
	const struct rk_val *target = rk_val_at(choice->address, "targetRef");
	struct rk_object object;

	if (rk_span_is(rk_val_text_at(target, "kind"), "Pod") &&
	    rk_view_get(req->thread->view, RK_SPAN("pods"), req->route.ns,
			rk_val_text_at(target, "name"), &object))
		return reach_pod(req, rk_doc_val(&req->arena, object.doc), choice->port, is_tls,
				 ret);
	return reach_directly(req, rk_val_text_at(choice->address, "ip"), choice->port, is_tls,
			      ret);
}

static bool find_service(struct rk_req *req, const struct place *place, struct rk_relay_opts *ret)
{
	struct choice choice = { .dice = req->thread->proxied++ };
	struct rk_view *view = req->thread->view;
	struct rk_object object;
	struct rk_span port;

	req->route.name = place->name;
	if (!rk_view_get(view, RK_SPAN("services"), req->route.ns, place->name, &object)) {
		rk_req_not_found(req);
		return false;
	}
	if (!find_service_port(rk_doc_val(&req->arena, object.doc), place->port, &port) &&
	    place->port.size > 0) {
		rk_req_fail(req, 503, "ServiceUnavailable",
			    "no service port \"%.*s\" found for service \"%.*s\"",
			    RK_SPAN_ARGS(place->port), RK_SPAN_ARGS(place->name));
		return false;
	}
	const struct rk_val *subsets = NULL;
	if (rk_view_get(view, RK_SPAN("endpoints"), req->route.ns, place->name, &object))
		subsets = rk_val_at(rk_doc_val(&req->arena, object.doc), "subsets");
	for (uint32_t i = 0; i < rk_val_count(subsets); i++)
		choose_in(rk_val_item(subsets, i), port, &choice);
	if (choice.address == NULL) {
		rk_req_fail(req, 503, "ServiceUnavailable",
			    "no endpoints available for service \"%.*s\"",
			    RK_SPAN_ARGS(place->name));
		return false;
	}
	return reach_address(req, &choice, place->is_tls, ret);
}

/* --- the request --- */

/* Credentials are for this API; the rest is between the client and this server, too. */
static bool goes_on(const struct rk_req *req, struct rk_span name)
{
	static const char *const names[] = { "authorization",     "content-length",
					     "keep-alive",        "proxy-authorization",
					     "proxy-connection",  "te",
					     "trailer",           "transfer-encoding",
					     "x-forwarded-host",  "x-forwarded-proto",
					     "x-forwarded-uri" };

	for (size_t i = 0; i < RK_COUNT(names); i++)
		if (rk_span_is(name, names[i]))
			return false;
	if (rk_span_is(name, "connection") || rk_span_is(name, "upgrade"))
		return rk_http_is_upgrade(req->exchange);
	return !rk_span_starts(name, RK_SPAN("impersonate-")) &&
	       !rk_span_starts(name, RK_SPAN(":"));
}

static void pass_headers(struct rk_req *req, struct rk_relay_opts *opts)
{
	const struct rk_http_request *http = req->http;
	struct rk_http_header *headers =
		rk_arena_alloc(&req->arena, (http->header_count + 3) * sizeof *headers);
	size_t count = 0;

	for (size_t i = 0; i < http->header_count; i++)
		if (goes_on(req, http->headers[i].name))
			headers[count++] = http->headers[i];
	headers[count++] = (struct rk_http_header){ RK_SPAN("x-forwarded-uri"), http->path };
	headers[count++] = (struct rk_http_header){ RK_SPAN("x-forwarded-host"),
						    rk_http_header(http, "host") };
	headers[count++] = (struct rk_http_header){ RK_SPAN("x-forwarded-proto"), RK_SPAN("https") };
	opts->headers = headers;
	opts->header_count = count;
}

/* What is relative on a page is so to a path that ends in "/". True: answered. */
static bool redirects(struct rk_req *req)
{
	const struct rk_http_request *http = req->http;
	const bool has_query = http->query.size > 0;

	if (req->route.rest.size > 0 || rk_http_is_upgrade(req->exchange) ||
	    (!rk_span_is(http->method, "GET") && !rk_span_is(http->method, "HEAD")))
		return false;
	const struct rk_http_header location = {
		RK_SPAN("location"),
		rk_span_str(rk_arena_printf(&req->arena, "%.*s/%s%.*s", RK_SPAN_ARGS(http->path),
					    has_query ? "?" : "", RK_SPAN_ARGS(http->query)))
	};
	req->code = 301;
	rk_http_respond(req->exchange, 301, &location, 1, NULL);
	return true;
}

void rk_api_proxy(struct rk_req *req)
{
	const struct rk_http_request *http = req->http;
	const struct rk_span resource = rk_span_str(req->route.kind->plural), rest = req->route.rest;
	struct rk_arena *arena = &req->arena;
	struct place place;

	if (!read_place(req->route.name, &place)) {
		rk_req_fail(req, 400, "BadRequest", "invalid %s request \"%.*s\"",
			    req->route.kind->singular, RK_SPAN_ARGS(req->route.name));
		return;
	}
	if (redirects(req))
		return;
	struct rk_relay_opts opts = {
		.is_proxy = true,
		.method = rk_arena_str(arena, http->method),
		.target = rk_arena_printf(arena, "%.*s%s%.*s%.*s", RK_SPAN_ARGS(rest),
					  rest.size == 0 ? "/" : "",
					  http->query.size > 0 ? 1 : 0, "?",
					  RK_SPAN_ARGS(http->query)),
		.prefix = rk_span_sub(http->path, 0, http->path.size - rest.size),
		.head_ms = HEAD_MS,
	};
	const bool is_found = rk_span_is(resource, "nodes")  ? find_node(req, &place, &opts)
			      : rk_span_is(resource, "pods") ? find_pod(req, &place, &opts)
							     : find_service(req, &place, &opts);
	if (!is_found)
		return;
	pass_headers(req, &opts);
	if (http->body.size > 0)
		opts.body = rk_blob_copy(http->body);
	rk_api_relay(req, &opts);
	(void)rk_blob_unref(opts.body);
}
