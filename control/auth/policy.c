#include "control/auth/policy.h"

#include "base/mem.h"
#include "control/objects.h"
#include "wire/json.h"

#define GROUP     "rbac.authorization.k8s.io"
#define READ      "\"get\",\"list\",\"watch\""
#define WRITE     "\"create\",\"delete\",\"deletecollection\",\"patch\",\"update\""
#define AGGREGATE GROUP "/aggregate-to-"

struct role {
	const char *name;
	const char *aggregate_to; /* role that takes its rules in, or NULL */
	const char *aggregates;   /* name in the labels of those that it is made of, or NULL */
	const char *rules;        /* JSON */
};

static const char view_rules[] =
	"[{\"apiGroups\":[\"\"],\"resources\":[\"configmaps\",\"endpoints\","
	"\"persistentvolumeclaims\","
	"\"persistentvolumeclaims/status\",\"pods\",\"replicationcontrollers\","
	"\"replicationcontrollers/scale\",\"serviceaccounts\",\"services\",\"services/status\"],"
	"\"verbs\":[" READ "]},"
	"{\"apiGroups\":[\"\"],\"resources\":[\"bindings\",\"events\",\"limitranges\","
	"\"namespaces/status\",\"pods/log\",\"pods/status\",\"replicationcontrollers/status\","
	"\"resourcequotas\",\"resourcequotas/status\"],\"verbs\":[" READ "]},"
	"{\"apiGroups\":[\"\"],\"resources\":[\"namespaces\"],\"verbs\":[" READ "]},"
	"{\"apiGroups\":[\"discovery.k8s.io\"],\"resources\":[\"endpointslices\"],\"verbs\":[" READ
	"]},"
	"{\"apiGroups\":[\"apps\"],\"resources\":[\"controllerrevisions\",\"daemonsets\","
	"\"daemonsets/status\",\"deployments\",\"deployments/scale\",\"deployments/status\","
	"\"replicasets\",\"replicasets/scale\",\"replicasets/status\",\"statefulsets\","
	"\"statefulsets/scale\",\"statefulsets/status\"],\"verbs\":[" READ "]},"
	"{\"apiGroups\":[\"autoscaling\"],\"resources\":[\"horizontalpodautoscalers\","
	"\"horizontalpodautoscalers/status\"],\"verbs\":[" READ "]},"
	"{\"apiGroups\":[\"batch\"],\"resources\":[\"cronjobs\",\"cronjobs/status\",\"jobs\","
	"\"jobs/status\"],\"verbs\":[" READ "]},"
	"{\"apiGroups\":[\"policy\"],\"resources\":[\"poddisruptionbudgets\","
	"\"poddisruptionbudgets/status\"],\"verbs\":[" READ "]},"
	"{\"apiGroups\":[\"networking.k8s.io\"],\"resources\":[\"ingresses\",\"ingresses/status\","
	"\"networkpolicies\"],\"verbs\":[" READ "]}]";

static const char edit_rules[] =
	"[{\"apiGroups\":[\"\"],\"resources\":[\"pods/attach\",\"pods/exec\",\"pods/portforward\","
	"\"pods/proxy\",\"secrets\",\"services/proxy\"],\"verbs\":[" READ "]},"
	"{\"apiGroups\":[\"\"],\"resources\":[\"serviceaccounts\"],\"verbs\":[\"impersonate\"]},"
	"{\"apiGroups\":[\"\"],\"resources\":[\"pods\",\"pods/attach\",\"pods/exec\","
	"\"pods/portforward\",\"pods/proxy\"],\"verbs\":[" WRITE "]},"
	"{\"apiGroups\":[\"\"],\"resources\":[\"pods/eviction\"],\"verbs\":[\"create\"]},"
	"{\"apiGroups\":[\"\"],\"resources\":[\"configmaps\",\"events\",\"persistentvolumeclaims\","
	"\"replicationcontrollers\",\"replicationcontrollers/"
	"scale\",\"secrets\",\"serviceaccounts\","
	"\"services\",\"services/proxy\"],\"verbs\":[" WRITE "]},"
	"{\"apiGroups\":[\"apps\"],\"resources\":[\"daemonsets\",\"deployments\","
	"\"deployments/rollback\",\"deployments/scale\",\"replicasets\",\"replicasets/scale\","
	"\"statefulsets\",\"statefulsets/scale\"],\"verbs\":[" WRITE "]},"
	"{\"apiGroups\":[\"autoscaling\"],\"resources\":[\"horizontalpodautoscalers\"],\"verbs\":"
	"[" WRITE "]},"
	"{\"apiGroups\":[\"batch\"],\"resources\":[\"cronjobs\",\"jobs\"],\"verbs\":[" WRITE "]},"
	"{\"apiGroups\":[\"policy\"],\"resources\":[\"poddisruptionbudgets\"],\"verbs\":[" WRITE
	"]},"
	"{\"apiGroups\":[\"networking.k8s.io\"],\"resources\":[\"ingresses\",\"networkpolicies\"],"
	"\"verbs\":[" WRITE "]},"
	"{\"apiGroups\":[\"coordination.k8s.io\"],\"resources\":[\"leases\"],\"verbs\":[" READ
	"," WRITE "]}]";

static const char admin_rules[] =
	"[{\"apiGroups\":[\"authorization.k8s.io\"],\"resources\":[\"localsubjectaccessreviews\"],"
	"\"verbs\":[\"create\"]},"
	"{\"apiGroups\":[\"" GROUP "\"],\"resources\":[\"rolebindings\",\"roles\"],\"verbs\":[" READ
	"," WRITE "]}]";

static const struct role roles[] = {
	{ "cluster-admin", NULL, NULL,
	  "[{\"apiGroups\":[\"*\"],\"resources\":[\"*\"],\"verbs\":[\"*\"]},"
	  "{\"nonResourceURLs\":[\"*\"],\"verbs\":[\"*\"]}]" },
	{ "admin", NULL, "admin", "[]" },
	{ "edit", "admin", "edit", "[]" },
	{ "view", "edit", "view", "[]" },
	{ "system:aggregate-to-admin", "admin", NULL, admin_rules },
	{ "system:aggregate-to-edit", "edit", NULL, edit_rules },
	{ "system:aggregate-to-view", "view", NULL, view_rules },
	{ "system:basic-user", NULL, NULL,
	  "[{\"apiGroups\":[\"authorization.k8s.io\"],\"resources\":[\"selfsubjectaccessreviews\","
	  "\"selfsubjectrulesreviews\"],\"verbs\":[\"create\"]},"
	  "{\"apiGroups\":[\"authentication.k8s.io\"],\"resources\":[\"selfsubjectreviews\"],"
	  "\"verbs\":[\"create\"]},{\"apiGroups\":[\"reckon.dev\"],\"resources\":[\"transactions\"]"
	  ","
	  "\"verbs\":[\"create\"]}]" }, /* each operation is asked for by itself */
	{ "system:discovery", NULL, NULL,
	  "[{\"nonResourceURLs\":[\"/api\",\"/api/*\",\"/apis\",\"/apis/*\",\"/healthz\",\"/"
	  "livez\","
	  "\"/openapi\",\"/openapi/*\",\"/readyz\",\"/version\",\"/version/"
	  "\"],\"verbs\":[\"get\"]}]" },
	{ "system:public-info-viewer", NULL, NULL,
	  "[{\"nonResourceURLs\":[\"/healthz\",\"/livez\",\"/readyz\",\"/version\",\"/version/\"],"
	  "\"verbs\":[\"get\"]}]" },
	{ "system:monitoring", NULL, NULL,
	  "[{\"nonResourceURLs\":[\"/healthz\",\"/healthz/*\",\"/livez\",\"/livez/*\",\"/metrics\",\"/metrics/slis\","
	  "\"/readyz\",\"/readyz/*\"],\"verbs\":[\"get\"]}]" },
	{ "system:service-account-issuer-discovery", NULL, NULL,
	  "[{\"nonResourceURLs\":[\"/.well-known/openid-configuration\",\"/openid/v1/jwks\"],\"verbs\":[\"get\"]}]" },
	{ "system:auth-delegator", NULL, NULL,
	  "[{\"apiGroups\":[\"authentication.k8s.io\"],\"resources\":[\"tokenreviews\"],\"verbs\":"
	  "[\"create\"]},{\"apiGroups\":[\"authorization.k8s.io\"],\"resources\":"
	  "[\"subjectaccessreviews\"],\"verbs\":[\"create\"]}]" },
};

/* Those of one role follow each other: they are one binding. */
static const struct {
	const char *role, *group;
} bindings[] = {
	{ "cluster-admin", "system:masters" },
	{ "system:monitoring", "system:monitoring" },
	{ "system:basic-user", "system:authenticated" },
	{ "system:discovery", "system:authenticated" },
	{ "system:public-info-viewer", "system:authenticated" },
	{ "system:public-info-viewer", "system:unauthenticated" },
	{ "system:service-account-issuer-discovery", "system:serviceaccounts" },
};

static struct rk_val *new_object(struct rk_state *state, const char *name)
{
	struct rk_val *object = rk_val_map(&state->arena);
	struct rk_val *meta = rk_val_make(&state->arena, object, "metadata");

	rk_val_put_cstr(&state->arena, meta, "name", name);
	rk_val_put_cstr(&state->arena, rk_val_make(&state->arena, meta, "labels"),
			"kubernetes.io/bootstrapping", "rbac-defaults");
	return object;
}

static void make_role(struct rk_state *state, const struct role *role)
{
	struct rk_arena *arena = &state->arena;
	struct rk_val *object = new_object(state, role->name), *rules = NULL;
	const int err = rk_json_parse(arena, rk_span_str(role->rules), 0, &rules, NULL);

	rk_assert(err == RK_OK);
	rk_val_put(arena, object, "rules", rules);
	if (role->aggregate_to != NULL)
		rk_val_put_cstr(arena, rk_val_at(object, "metadata.labels"),
				rk_arena_printf(arena, AGGREGATE "%s", role->aggregate_to), "true");
	if (role->aggregates != NULL) {
		struct rk_val *selectors = rk_val_list(arena), *selector = rk_val_map(arena);
		rk_val_put_cstr(arena, rk_val_make(arena, selector, "matchLabels"),
				rk_arena_printf(arena, AGGREGATE "%s", role->aggregates), "true");
		rk_val_append(arena, selectors, selector);
		rk_val_put(arena, rk_val_make(arena, object, "aggregationRule"),
			   "clusterRoleSelectors", selectors);
	}
	(void)rk_object_make(state, "clusterroles." GROUP, RK_SPAN(""), object);
}

static void make_binding(struct rk_state *state, const char *role, struct rk_val *subjects)
{
	struct rk_arena *arena = &state->arena;
	struct rk_val *object = new_object(state, role),
		      *ref = rk_val_make(arena, object, "roleRef");

	rk_val_put_cstr(arena, ref, "apiGroup", GROUP);
	rk_val_put_cstr(arena, ref, "kind", "ClusterRole");
	rk_val_put_cstr(arena, ref, "name", role);
	rk_val_put(arena, object, "subjects", subjects);
	(void)rk_object_make(state, "clusterrolebindings." GROUP, RK_SPAN(""), object);
}

static void add_subject(struct rk_state *state, struct rk_val *subjects, const char *group)
{
	struct rk_arena *arena = &state->arena;
	struct rk_val *subject = rk_val_map(arena);

	rk_val_put_cstr(arena, subject, "apiGroup", GROUP);
	rk_val_put_cstr(arena, subject, "kind", "Group");
	rk_val_put_cstr(arena, subject, "name", group);
	rk_val_append(arena, subjects, subject);
}

void rk_policy_make(struct rk_state *state)
{
	for (size_t i = 0; i < RK_COUNT(roles); i++)
		make_role(state, &roles[i]);
	for (size_t i = 0; i < RK_COUNT(bindings);) {
		const char *role = bindings[i].role;
		struct rk_val *subjects = rk_val_list(&state->arena);
		for (; i < RK_COUNT(bindings) && strcmp(bindings[i].role, role) == 0; i++)
			add_subject(state, subjects, bindings[i].group);
		make_binding(state, role, subjects);
	}
}
