/* Paths, Accept headers, and who may do what. */
#include <criterion/criterion.h>

#include "base/mem.h"
#include "control/api/access.h"
#include "control/api/form.h"
#include "control/api/route.h"

Test(route, paths)
{
	static const struct {
		const char *path;
		enum rk_route_kind what;
		const char *resource, *ns, *name, *sub;
	} cases[] = {
		{ "/", RK_ROUTE_ROOT, NULL, "", "", "" },
		{ "/version", RK_ROUTE_VERSION, NULL, "", "", "" },
		{ "/metrics", RK_ROUTE_METRICS, NULL, "", "", "" },
		{ "/.well-known/openid-configuration", RK_ROUTE_OPENID, NULL, "", "", "" },
		{ "/openid/v1/jwks", RK_ROUTE_OPENID_KEYS, NULL, "", "", "" },
		{ "/readyz", RK_ROUTE_HEALTH, NULL, "", "", "readyz" },
		{ "/livez/ping", RK_ROUTE_HEALTH, NULL, "", "ping", "livez" },
		{ "/logs/", RK_ROUTE_LOGS, NULL, "", "", "" },
		{ "/logs/reckon.log", RK_ROUTE_LOGS, NULL, "", "reckon.log", "" },
		{ "/livez/ping/more", RK_ROUTE_NONE, NULL, "", "", "" },
		{ "/api", RK_ROUTE_API, NULL, "", "", "" },
		{ "/apis", RK_ROUTE_APIS, NULL, "", "", "" },
		{ "/apis/apps", RK_ROUTE_GROUP, NULL, "", "", "" },
		{ "/api/v1", RK_ROUTE_RESOURCES, NULL, "", "", "" },
		{ "/apis/apps/v1", RK_ROUTE_RESOURCES, NULL, "", "", "" },
		{ "/openapi/v2", RK_ROUTE_OPENAPI_V2, NULL, "", "", "" },
		{ "/openapi/v3/apis/apps/v1", RK_ROUTE_OPENAPI_V3, NULL, "", "", "" },
		{ "/reckon/v1/status", RK_ROUTE_STATUS, NULL, "", "", "" },
		{ "/reckon/v1/backup", RK_ROUTE_BACKUP, NULL, "", "", "" },
		{ "/api/v1/pods", RK_ROUTE_OBJECTS, "pods", "", "", "" },
		{ "/api/v1/namespaces", RK_ROUTE_OBJECTS, "namespaces", "", "", "" },
		{ "/api/v1/namespaces/a", RK_ROUTE_OBJECT, "namespaces", "", "a", "" },
		{ "/api/v1/namespaces/a/finalize", RK_ROUTE_OBJECT, "namespaces", "", "a",
		  "finalize" },
		{ "/api/v1/namespaces/a/pods", RK_ROUTE_OBJECTS, "pods", "a", "", "" },
		{ "/api/v1/namespaces/a/pods/b%2Ec/log", RK_ROUTE_OBJECT, "pods", "a", "b.c",
		  "log" },
		{ "/apis/apps/v1/namespaces/a/deployments/d/scale", RK_ROUTE_OBJECT,
		  "deployments.apps", "a", "d", "scale" },
		{ "/api/v1/nodes/n", RK_ROUTE_OBJECT, "nodes", "", "n", "" },
		{ "/api/v1/pods/x", RK_ROUTE_NONE, NULL, "", "", "" },
		{ "/api/v2/pods", RK_ROUTE_NONE, NULL, "", "", "" },
		{ "/apis/apps/v1/pods", RK_ROUTE_NONE, NULL, "", "", "" },
		{ "/api/v1/namespaces/a/pods/b/log/x", RK_ROUTE_NONE, NULL, "", "", "" },
		{ "/api/v1/namespaces/a/pods/b/log/1/2/3/4/5/6", RK_ROUTE_NONE, NULL, "", "", "" },
		{ "/api/v1/namespaces/a/pods/b/proxy/x", RK_ROUTE_OBJECT, "pods", "a", "b", "proxy" },
		{ "/api/v1/namespaces/%zz/pods", RK_ROUTE_NONE, NULL, "", "", "" },
		{ "api/v1", RK_ROUTE_NONE, NULL, "", "", "" },
		{ "/nothing", RK_ROUTE_NONE, NULL, "", "", "" },
	};
	const struct rk_kinds *kinds = rk_kinds_new();
	struct rk_arena arena = { 0 };

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		struct rk_route route;
		rk_route_parse(&arena, kinds, rk_span_str(cases[i].path), &route);
		cr_expect_eq(route.what, cases[i].what, "%s", cases[i].path);
		if (route.what != cases[i].what || cases[i].what == RK_ROUTE_NONE)
			continue;
		if (cases[i].resource != NULL)
			cr_expect_str_eq(route.kind->resource, cases[i].resource, "%s",
					 cases[i].path);
		cr_expect(rk_span_is(route.ns, cases[i].ns) &&
				  rk_span_is(route.name, cases[i].name) &&
				  rk_span_is(route.sub, cases[i].sub),
			  "%s", cases[i].path);
	}
	rk_arena_done(&arena);
	(void)rk_kinds_free(kinds);
}

/* What stands behind "proxy" is another server's: it stays as it was sent, however long it is. */
Test(route, what_a_proxy_passes_on)
{
	static const char base[] = "/api/v1/namespaces/a/services/https%3Ab:c/proxy";
	static const char *const rests[] = { "", "/", "//", "/x", "/x/", "/a%2Fb/%20//c?",
					     "/1/2/3/4/5/6/7/8/9/10/11/12/13" };
	const struct rk_kinds *kinds = rk_kinds_new();
	struct rk_arena arena = { 0 };

	for (size_t i = 0; i < RK_COUNT(rests); i++) {
		const char *path = rk_arena_printf(&arena, "%s%s", base, rests[i]);
		struct rk_route route;
		rk_route_parse(&arena, kinds, rk_span_str(path), &route);
		cr_expect_eq(route.what, RK_ROUTE_OBJECT, "%s", path);
		cr_expect(rk_span_is(route.name, "https:b:c") && rk_span_is(route.sub, "proxy"));
		cr_expect(rk_span_is(route.rest, rests[i]), "%s", path);
	}
	rk_arena_done(&arena);
	(void)rk_kinds_free(kinds);
}

Test(form, accept)
{
	static const struct {
		const char *accept;
		bool ok, is_yaml;
		enum rk_form_shape shape;
		bool is_proto;
	} cases[] = {
		{ "", true, false, RK_FORM_OBJECT, false },
		{ "*/*", true, false, RK_FORM_OBJECT, false },
		{ "application/json", true, false, RK_FORM_OBJECT, false },
		{ "application/yaml", true, true, RK_FORM_OBJECT, false },
		{ "application/vnd.kubernetes.protobuf,application/json", true, false,
		  RK_FORM_OBJECT, true },
		{ "application/json, application/vnd.kubernetes.protobuf", true, false,
		  RK_FORM_OBJECT, false },
		{ "*/*,application/vnd.kubernetes.protobuf", true, false, RK_FORM_OBJECT, true },
		{ "application/json;q=0.8,application/vnd.kubernetes.protobuf;q=0.9", true, false,
		  RK_FORM_OBJECT, true },
		{ "application/json;q=0.95,application/vnd.kubernetes.protobuf;q=0.9", true, false,
		  RK_FORM_OBJECT, false },
		{ "application/vnd.kubernetes.protobuf;q=0, */*;q=0.001", true, false,
		  RK_FORM_OBJECT, false },
		{ "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
		  true, false, RK_FORM_METADATA, true },
		{ "application/vnd.kubernetes.protobuf;as=Table;g=meta.k8s.io;v=v1,"
		  "application/json;as=Table;g=meta.k8s.io;v=v1",
		  true, false, RK_FORM_TABLE, false },
		{ "application/vnd.kubernetes.protobuf;as=Table;g=meta.k8s.io;v=v1", false, false,
		  RK_FORM_OBJECT, false },
		{ "application/json;as=Table;g=meta.k8s.io;v=v2", false, false, RK_FORM_OBJECT,
		  false },
		{ "application/json;q=0", false, false, RK_FORM_OBJECT, false },
		{ "application/json;as=Table;v=v1;g=meta.k8s.io,application/json", true, false,
		  RK_FORM_TABLE, false },
		{ "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1", true, false,
		  RK_FORM_METADATA, false },
		{ "application/vnd.kubernetes.protobuf", true, false, RK_FORM_OBJECT, true },
		{ "text/html", false, false, RK_FORM_OBJECT, false },
	};

	const struct rk_kinds *kinds = rk_kinds_new();
	const struct rk_kind *pods = rk_kinds_by_resource(kinds, RK_SPAN("pods"));
	struct rk_form form = { 0 };
	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		cr_expect_eq(rk_form_choose(kinds, pods, rk_span_str(cases[i].accept), &form),
			     cases[i].ok, "%s", cases[i].accept);
		cr_expect_eq(form.is_proto, cases[i].is_proto, "%s", cases[i].accept);
		if (!cases[i].ok)
			continue;
		cr_expect_eq(form.shape, cases[i].shape, "%s", cases[i].accept);
		cr_expect_eq(form.is_yaml, cases[i].is_yaml, "%s", cases[i].accept);
	}
	/* What is no kind has no numbers. */
	cr_expect_not(
		rk_form_choose(kinds, NULL, RK_SPAN("application/vnd.kubernetes.protobuf"), &form));
	cr_expect_not(form.is_proto);
	(void)rk_kinds_free(kinds);
	cr_expect_str_eq(
		rk_form_aggregated(RK_SPAN(
			"application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
			"application/json")),
		"v2");
	cr_expect_str_eq(rk_form_aggregated(RK_SPAN(
				 "application/"
				 "json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList")),
			 "v2beta1");
	cr_expect_null(rk_form_aggregated(RK_SPAN("application/json")));
}

static struct rk_tls_peer peer_of(const char *name, const char *group)
{
	struct rk_tls_peer peer = { .has_cert = name != NULL, .group_count = group != NULL };

	if (name != NULL)
		(void)snprintf(peer.name, sizeof peer.name, "%s", name);
	if (group != NULL)
		(void)snprintf(peer.groups[0], sizeof peer.groups[0], "%s", group);
	return peer;
}

Test(access, who_may_do_what)
{
	static const struct {
		const char *name, *group, *verb, *path;
		bool may;
	} cases[] = {
		{ "admin", "system:masters", "delete", "/api/v1/namespaces/a", true },
		{ NULL, NULL, "get", "/api", false },
		{ "someone", NULL, "get", "/api", false },
		{ "someone", "others", "list", "/api/v1/pods", false },
		{ "system:node:n1", "system:nodes", "list", "/api/v1/pods", true },
		{ "system:node:n1", "others", "list", "/api/v1/pods", false },
		{ "system:node:n1", "system:nodes", "patch", "/api/v1/nodes/n1/status", true },
		{ "system:node:n1", "system:nodes", "patch", "/api/v1/nodes/n2/status", false },
		{ "system:node:n1", "system:nodes", "delete", "/api/v1/nodes/n1", false },
		{ "system:node:n1", "system:nodes", "patch", "/api/v1/namespaces/a/pods/p/status",
		  true },
		{ "system:node:n1", "system:nodes", "patch", "/api/v1/namespaces/a/pods/p", false },
		{ "system:node:n1", "system:nodes", "create", "/api/v1/namespaces/a/pods", false },
		{ "system:node:n1", "system:nodes", "create", "/api/v1/namespaces/a/events", true },
		{ "system:node:n1", "system:nodes", "update",
		  "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n1", true },
		{ "system:node:n1", "system:nodes", "update",
		  "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n2", false },
		{ "system:node:n1", "system:nodes", "update",
		  "/apis/coordination.k8s.io/v1/namespaces/default/leases/n1", false },
		{ "system:node:sim-*", "system:nodes", "patch", "/api/v1/nodes/sim-7/status",
		  true },
		{ "system:node:n1", "system:nodes", "create",
		  "/apis/apps/v1/namespaces/a/deployments", false },
		{ "system:node:n1", "system:nodes", "create",
		  "/api/v1/namespaces/a/serviceaccounts/default/token", true },
		{ "system:node:n1", "system:nodes", "create", "/api/v1/namespaces/a/serviceaccounts",
		  false },
		{ "system:node:n1", "system:nodes", "get",
		  "/api/v1/namespaces/a/serviceaccounts/default", false },
		{ "system:node:n1", "system:nodes", "get", "/reckon/v1/log", false },
		{ "system:node:n1", "system:nodes", "get", "/reckon/v1/backup", false },
	};
	const struct rk_kinds *kinds = rk_kinds_new();
	struct rk_arena arena = { 0 };

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		const struct rk_tls_peer peer = peer_of(cases[i].name, cases[i].group);
		struct rk_route route;
		rk_route_parse(&arena, kinds, rk_span_str(cases[i].path), &route);
		cr_assert_neq(route.what, RK_ROUTE_NONE, "%s", cases[i].path);
		const struct rk_user user = rk_access_user(&arena, &peer);
		const struct rk_ask ask =
			rk_access_ask(cases[i].verb, &route, rk_span_str(cases[i].path));
		cr_expect_eq(rk_access_allowed(&arena, NULL, &user, &ask, NULL), cases[i].may,
			     "%s %s %s", cases[i].name != NULL ? cases[i].name : "nobody",
			     cases[i].verb, cases[i].path);
	}
	rk_arena_done(&arena);
	(void)rk_kinds_free(kinds);
}
