#include "control/api/access.h"

#include "wire/doc.h"

#define NODE_PREFIX "system:node:"

static bool in_group(const struct rk_tls_peer *peer, const char *group)
{
	for (unsigned i = 0; i < peer->group_count; i++)
		if (strcmp(peer->groups[i], group) == 0)
			return true;
	return false;
}

const char *rk_access_node(const struct rk_tls_peer *peer)
{
	const size_t prefix = sizeof NODE_PREFIX - 1;

	if (!peer->has_cert || !in_group(peer, "system:nodes") ||
	    strncmp(peer->name, NODE_PREFIX, prefix) != 0)
		return NULL;
	return peer->name + prefix;
}

static bool is_read(const char *verb)
{
	return strcmp(verb, "get") == 0 || strcmp(verb, "list") == 0 || strcmp(verb, "watch") == 0;
}

/* A process that holds several simulated nodes has one certificate, whose name ends in "*". */
static bool names(const char *node, struct rk_span name)
{
	const size_t size = strlen(node);

	if (size > 0 && node[size - 1] == '*')
		return rk_span_starts(name, rk_span_of(node, size - 1));
	return rk_span_is(name, node);
}

static bool node_may(const char *node, const char *verb, const struct rk_route *route)
{
	static const char *const readable[] = {
		"pods",       "services",   "endpointslices.discovery.k8s.io",
		"nodes",      "configmaps", "secrets",
		"namespaces", "endpoints",  "leases.coordination.k8s.io"
	};
	const struct rk_span resource = rk_span_str(route->kind->resource);
	const bool creates = strcmp(verb, "create") == 0;

	if (is_read(verb)) {
		for (size_t i = 0; i < sizeof readable / sizeof readable[0]; i++)
			if (rk_span_is(resource, readable[i]))
				return true;
		return false;
	}
	if (rk_span_is(resource, "nodes"))
		return creates || (strcmp(verb, "delete") != 0 && names(node, route->name));
	if (rk_span_is(resource, "leases.coordination.k8s.io"))
		return rk_span_is(route->ns, "kube-node-lease") &&
		       (creates || names(node, route->name));
	if (rk_span_is(resource, "events"))
		return creates || strcmp(verb, "patch") == 0;
	if (rk_span_is(resource, "pods"))
		return strcmp(verb, "delete") == 0 || rk_span_is(route->sub, "status");
	return false;
}

bool rk_access_allowed(const struct rk_tls_peer *peer, const char *verb,
		       const struct rk_route *route)
{
	const char *node = rk_access_node(peer);

	if (!peer->has_cert)
		return false;
	if (in_group(peer, "system:masters") || in_group(peer, "reckon:members"))
		return true;
	if (node == NULL)
		return false;
	if (route->kind == NULL)
		return is_read(verb) && route->what != RK_ROUTE_LOG &&
		       route->what != RK_ROUTE_BACKUP;
	return node_may(node, verb, route);
}

bool rk_access_is_own_pod(const struct rk_tls_peer *peer, struct rk_span pod_doc)
{
	const char *node = rk_access_node(peer);

	return node == NULL || names(node, rk_doc_text(pod_doc, "spec.nodeName"));
}
