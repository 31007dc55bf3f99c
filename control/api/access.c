#include "control/api/access.h"

#include "base/mem.h"
#include "wire/doc.h"

#define NODE_PREFIX "system:node:"

struct rk_user rk_access_user(struct rk_arena *arena, const struct rk_tls_peer *peer)
{
	struct rk_span *groups = rk_arena_alloc(arena, (peer->group_count + 1) * sizeof *groups);

	if (!peer->has_cert) {
		groups[0] = RK_SPAN("system:unauthenticated");
		return (struct rk_user){ .name = RK_SPAN("system:anonymous"), .group_count = 1, .groups = groups };
	}
	for (unsigned i = 0; i < peer->group_count; i++)
		groups[i] = rk_span_str(peer->groups[i]);
	groups[peer->group_count] = RK_SPAN("system:authenticated");
	return (struct rk_user){ .name = rk_span_str(peer->name),
				 .group_count = peer->group_count + 1,
				 .groups = groups };
}

struct rk_ask rk_access_ask(const char *verb, const struct rk_route *route, struct rk_span path)
{
	struct rk_ask ask = { .verb = rk_span_str(verb) };

	if (route->kind == NULL) {
		ask.path = path;
		return ask;
	}
	ask.group = route->group;
	ask.resource = rk_span_str(route->kind->plural);
	ask.sub = route->sub;
	ask.ns = route->ns;
	ask.name = route->name;
	return ask;
}

static bool in_group(const struct rk_user *user, const char *group)
{
	for (uint32_t i = 0; i < user->group_count; i++)
		if (rk_span_is(user->groups[i], group))
			return true;
	return false;
}

bool rk_access_is_master(const struct rk_user *user)
{
	return in_group(user, "system:masters") || in_group(user, "reckon:members");
}

struct rk_span rk_access_node(const struct rk_user *user)
{
	const size_t prefix = sizeof NODE_PREFIX - 1;

	if (!in_group(user, "system:nodes") || !rk_span_starts(user->name, RK_SPAN(NODE_PREFIX)))
		return (struct rk_span){ NULL, 0 };
	return rk_span_sub(user->name, prefix, user->name.size - prefix);
}

static bool is_read(struct rk_span verb)
{
	return rk_span_is(verb, "get") || rk_span_is(verb, "list") || rk_span_is(verb, "watch");
}

/* A process that holds several simulated nodes has one certificate, whose name ends in "*". */
static bool names(struct rk_span node, struct rk_span name)
{
	if (rk_span_ends(node, RK_SPAN("*")))
		return rk_span_starts(name, rk_span_sub(node, 0, node.size - 1));
	return rk_span_eq(name, node);
}

static bool is_of(const struct rk_ask *ask, const char *group, const char *resource)
{
	return rk_span_is(ask->group, group) && rk_span_is(ask->resource, resource);
}

static bool node_may_read(const struct rk_ask *ask)
{
	static const struct {
		const char *group, *resource;
	} readable[] = {
		{ "", "pods" },	      { "", "services" },   { "discovery.k8s.io", "endpointslices" },
		{ "", "nodes" },      { "", "configmaps" }, { "", "secrets" },
		{ "", "namespaces" }, { "", "endpoints" },  { "coordination.k8s.io", "leases" },
	};

	for (size_t i = 0; i < RK_COUNT(readable); i++)
		if (is_of(ask, readable[i].group, readable[i].resource))
			return true;
	return false;
}

static bool node_may(struct rk_span node, const struct rk_ask *ask)
{
	const bool creates = rk_span_is(ask->verb, "create"),
		   deletes = rk_span_is(ask->verb, "delete");

	if (ask->path.size > 0)
		return is_read(ask->verb) && !rk_span_starts(ask->path, RK_SPAN("/reckon/v1/log")) &&
		       !rk_span_starts(ask->path, RK_SPAN("/reckon/v1/backup")) &&
		       !rk_span_starts(ask->path, RK_SPAN("/logs"));
	if (is_read(ask->verb))
		return node_may_read(ask);
	if (is_of(ask, "", "nodes"))
		return creates || (!deletes && names(node, ask->name));
	if (is_of(ask, "coordination.k8s.io", "leases"))
		return rk_span_is(ask->ns, "kube-node-lease") && (creates || names(node, ask->name));
	if (is_of(ask, "", "events"))
		return creates || rk_span_is(ask->verb, "patch");
	if (is_of(ask, "", "serviceaccounts")) /* for its own pods: token_io.c */
		return creates && rk_span_is(ask->sub, "token");
	if (is_of(ask, "", "pods"))
		return deletes || rk_span_is(ask->sub, "status");
	return false;
}

bool rk_access_allowed(struct rk_arena *arena, const struct rk_rbac *rbac, const struct rk_user *user,
		       const struct rk_ask *ask, const char **ret_why)
{
	const struct rk_span node = rk_access_node(user);

	if (ret_why != NULL)
		*ret_why = "";
	if (rk_access_is_master(user) || (node.size > 0 && node_may(node, ask)))
		return true;
	return rbac != NULL && rk_rbac_allows(arena, rbac, user, ask, ret_why);
}

bool rk_access_may_grant(struct rk_arena *arena, const struct rk_rbac *rbac, const struct rk_user *user,
			 const struct rk_ask *ask, const struct rk_val *object)
{
	const bool is_role = rk_span_is(ask->resource, "roles") ||
			     rk_span_is(ask->resource, "clusterroles");
	struct rk_ask more = *ask;

	if (!rk_span_is(ask->group, "rbac.authorization.k8s.io") || rk_access_is_master(user))
		return true;
	if (is_role) {
		more.verb = RK_SPAN("escalate");
	} else {
		const struct rk_span kind = rk_val_text_at(object, "roleRef.kind");
		more.verb = RK_SPAN("bind");
		more.resource = rk_span_is(kind, "ClusterRole") ? RK_SPAN("clusterroles") : RK_SPAN("roles");
		more.name = rk_val_text_at(object, "roleRef.name");
	}
	if (rk_access_allowed(arena, rbac, user, &more, NULL))
		return true;
	if (object == NULL || rbac == NULL || rk_val_at(object, "aggregationRule") != NULL)
		return false;
	const struct rk_val *rules = is_role ? rk_val_at(object, "rules")
					     : rk_rbac_role(rbac, rk_val_at(object, "roleRef"), ask->ns);
	return (is_role || rules != NULL) && rk_rbac_covers(rbac, user, ask->ns, rules);
}

bool rk_access_is_own_pod(const struct rk_user *user, struct rk_span pod_doc)
{
	const struct rk_span node = rk_access_node(user);

	return node.size == 0 || names(node, rk_doc_text(pod_doc, "spec.nodeName"));
}
