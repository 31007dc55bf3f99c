/* Roles and bindings, on a state that a machine made. */
#include "base/mem.h"
#include "control/api/access.h"
#include "control/machine.h"
#include "control/schema/schema.h"
#include "store/store.h"
#include "tests/control/schema.h"
#include "wire/doc.h"

#define ROLES         "roles.rbac.authorization.k8s.io"
#define BINDINGS      "rolebindings.rbac.authorization.k8s.io"
#define CLUSTER_ROLES "clusterroles.rbac.authorization.k8s.io"

struct world {
	struct rk_arena arena;
	const struct rk_kinds *kinds;
	struct rk_machine *machine;
	uint64_t index;
	struct rk_view *view;
	struct rk_rbac *rbac;
};

static void run(struct world *world, enum rk_entry_type type, struct rk_blob *body)
{
	const struct rk_envelope envelope = { .type = type, .body = rk_blob_span(body) };
	struct rk_buf bytes = { 0 };
	struct rk_applied applied;

	rk_envelope_write(&bytes, &envelope);
	rk_machine_apply(world->machine, ++world->index, 1767323045000, rk_buf_span(&bytes), true,
			 &applied);
	for (size_t i = 0; i < applied.outcome_count; i++)
		cr_assert_eq(applied.outcomes[i].code, 201);
	rk_applied_done(&applied);
	rk_buf_done(&bytes);
	(void)rk_blob_unref(body);
}

static struct world world_new(void)
{
	const struct rk_cluster_config config = { 1, 2, RK_SPAN("10.96.0.0/16"),
						  RK_SPAN("10.244.0.0/16"),
						  RK_SPAN("cluster.local") };
	struct world world = { .kinds = rk_kinds_new() };

	world.machine = rk_machine_new(world.kinds);
	run(&world, RK_ENTRY_INIT, rk_cluster_config_encode(&config));
	return world;
}

static void create(struct world *world, const char *kind, const char *ns, const char *json)
{
	struct rk_arena *arena = &world->arena;
	struct rk_val *command = rk_val_map(arena), *ops = rk_val_list(arena),
		      *op = rk_val_map(arena);
	struct rk_val *object = json_in(arena, json), *status = NULL;
	const struct rk_kind *of = rk_kinds_by_resource(world->kinds, rk_span_str(kind));

	cr_assert_eq(rk_schema_decode(arena, of, object, RK_STRICT_STRICT, NULL, &status), RK_OK);
	rk_schema_default(arena, of, object);
	rk_val_put_cstr(arena, op, "verb", "create");
	rk_val_put_cstr(arena, op, "kind", kind);
	rk_val_put_cstr(arena, op, "ns", ns);
	rk_val_put(arena, op, "doc", object);
	rk_val_append(arena, ops, op);
	rk_val_put(arena, command, "ops", ops);
	run(world, RK_ENTRY_COMMAND, rk_doc_of(command));
}

static void compile(struct world *world)
{
	world->view = rk_store_view(rk_machine_store(world->machine));
	world->rbac = rk_rbac_new(world->view);
}

static void world_done(struct world *world)
{
	(void)rk_rbac_free(world->rbac);
	(void)rk_view_unref(world->view);
	(void)rk_machine_free(world->machine);
	(void)rk_kinds_free(world->kinds);
	rk_arena_done(&world->arena);
}

static const struct rk_span authenticated = { (const uint8_t *)"system:authenticated", 20 };

static struct rk_user user_of(const char *name)
{
	return (struct rk_user){ .name = rk_span_str(name), .group_count = 1, .groups = &authenticated };
}

/* "get core/pods/log in a of p", or a path. */
struct question {
	const char *user, *verb, *group, *resource, *sub, *ns, *name;
	bool may;
};

static void check(struct world *world, const struct question *questions, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct question *it = &questions[i];
		const struct rk_user user = user_of(it->user);
		const bool is_path = it->resource[0] == '/';
		struct rk_ask ask = { .verb = rk_span_str(it->verb) };
		if (is_path)
			ask.path = rk_span_str(it->resource);
		else
			ask = (struct rk_ask){ .verb = rk_span_str(it->verb),
					       .group = rk_span_str(it->group),
					       .resource = rk_span_str(it->resource),
					       .sub = rk_span_str(it->sub),
					       .ns = rk_span_str(it->ns),
					       .name = rk_span_str(it->name) };
		const char *why = "";
		const bool may = rk_rbac_allows(&world->arena, world->rbac, &user, &ask, &why);
		cr_expect_eq(may, it->may, "%s %s %s/%s %s in '%s': %s", it->user, it->verb,
			     it->group, it->resource, it->sub, it->ns, why);
		cr_expect_eq(may, why[0] != 0);
	}
}

Test(rbac, grants_what_roles_say_and_no_more)
{
	static const struct question questions[] = {
		{ "eve", "get", "", "pods", "", "a", "p", true },
		{ "eve", "get", "", "pods", "", "b", "p", false },
		{ "eve", "list", "", "pods", "", "", "", false },
		{ "eve", "delete", "", "pods", "", "a", "p", false },
		{ "eve", "get", "", "pods", "log", "a", "p", true },
		{ "eve", "get", "", "pods", "exec", "a", "p", false },
		{ "eve", "get", "apps", "pods", "", "a", "p", false },
		{ "bob", "get", "", "pods", "", "a", "p", false },
		{ "eve", "update", "", "configmaps", "", "a", "mine", true },
		{ "eve", "update", "", "configmaps", "", "a", "other", false },
		{ "eve", "update", "apps", "deployments", "scale", "a", "x", true },
		{ "eve", "update", "apps", "deployments", "", "a", "x", false },
		{ "system:serviceaccount:a:robot", "get", "", "pods", "", "a", "p", true },
		{ "system:serviceaccount:b:robot", "get", "", "pods", "", "a", "p", false },
		{ "anna", "create", "", "pods", "", "a", "", true }, /* edit */
		{ "anna", "get", "", "pods", "", "a", "p", true },   /* view, within edit */
		{ "anna", "get", "", "widgets", "", "a", "", false },
		{ "anna", "get", "example.com", "widgets", "", "a", "w",
		  true }, /* aggregated later */
		{ "anna", "create", "rbac.authorization.k8s.io", "roles", "", "a", "", false },
		{ "anyone", "create", "authorization.k8s.io", "selfsubjectaccessreviews", "", "",
		  "", true },
		{ "anyone", "get", "", "/apis/apps/v1", "", "", "", true },
		{ "anyone", "get", "", "/metrics", "", "", "", false },
	};
	struct world world = world_new();

	create(&world, "namespaces", "", "{\"metadata\":{\"name\":\"a\"}}");
	create(&world, ROLES, "a",
	       "{\"metadata\":{\"name\":\"r\",\"namespace\":\"a\"},\"rules\":[{\"apiGroups\":[\"\"]"
	       ",\"resources\":"
	       "[\"pods\",\"pods/"
	       "log\"],\"verbs\":[\"get\",\"list\"]},{\"apiGroups\":[\"\"],\"resources\":"
	       "[\"configmaps\"],\"resourceNames\":[\"mine\"],\"verbs\":[\"update\"]},{"
	       "\"apiGroups\":[\"*\"],"
	       "\"resources\":[\"*/scale\"],\"verbs\":[\"*\"]}]}");
	create(&world, BINDINGS, "a",
	       "{\"metadata\":{\"name\":\"b\",\"namespace\":\"a\"},\"subjects\":[{\"kind\":"
	       "\"User\",\"name\":\"eve\","
	       "\"apiGroup\":\"rbac.authorization.k8s.io\"},{\"kind\":\"ServiceAccount\",\"name\":"
	       "\"robot\","
	       "\"namespace\":\"a\"}],\"roleRef\":{\"apiGroup\":\"rbac.authorization.k8s.io\","
	       "\"kind\":\"Role\","
	       "\"name\":\"r\"}}");
	create(&world, BINDINGS, "a",
	       "{\"metadata\":{\"name\":\"e\",\"namespace\":\"a\"},\"subjects\":[{\"kind\":"
	       "\"User\",\"name\":\"anna\","
	       "\"apiGroup\":\"rbac.authorization.k8s.io\"}],\"roleRef\":{\"apiGroup\":"
	       "\"rbac.authorization.k8s.io\",\"kind\":\"ClusterRole\",\"name\":\"edit\"}}");
	create(&world, CLUSTER_ROLES, "",
	       "{\"metadata\":{\"name\":\"widgets-view\",\"labels\":{\"rbac.authorization.k8s.io/"
	       "aggregate-to-view\":"
	       "\"true\"}},\"rules\":[{\"apiGroups\":[\"example.com\"],\"resources\":[\"widgets\"],"
	       "\"verbs\":"
	       "[\"get\"]}]}");
	compile(&world);
	check(&world, questions, RK_COUNT(questions));
	world_done(&world);
}

Test(rbac, nobody_grants_more_than_he_has)
{
	static const struct {
		const char *user, *resource, *object;
		bool may;
	} cases[] = {
		{ "eve", "roles",
		  "{\"rules\":[{\"apiGroups\":[\"\"],\"resources\":[\"pods\"],\"verbs\":[\"get\"]}]"
		  "}",
		  true },
		{ "eve", "roles",
		  "{\"rules\":[{\"apiGroups\":[\"\"],\"resources\":[\"pods\"],\"verbs\":[\"*\"]}]}",
		  false },
		{ "eve", "roles",
		  "{\"rules\":[{\"apiGroups\":[\"\"],\"resources\":[\"secrets\"],\"verbs\":["
		  "\"get\"]}]}",
		  false },
		{ "eve", "clusterroles", "{\"aggregationRule\":{}}", false },
		{ "eve", "rolebindings", "{\"roleRef\":{\"kind\":\"Role\",\"name\":\"r\"}}", true },
		{ "eve", "rolebindings",
		  "{\"roleRef\":{\"kind\":\"ClusterRole\",\"name\":\"cluster-admin\"}}", false },
		{ "eve", "rolebindings", "{\"roleRef\":{\"kind\":\"Role\",\"name\":\"not-there\"}}",
		  false },
		{ "eve", "rolebindings", NULL, false },
		{ "root", "rolebindings", NULL, true },
		{ "root", "roles",
		  "{\"rules\":[{\"apiGroups\":[\"*\"],\"resources\":[\"*\"],\"verbs\":[\"*\"]}]}",
		  true },
	};
	struct world world = world_new();

	create(&world, ROLES, "default",
	       "{\"metadata\":{\"name\":\"r\",\"namespace\":\"default\"},\"rules\":[{\"apiGroups\":"
	       "[\"\"],"
	       "\"resources\":[\"pods\"],\"verbs\":[\"get\",\"list\"]}]}");
	create(&world, BINDINGS, "default",
	       "{\"metadata\":{\"name\":\"b\",\"namespace\":\"default\"},\"subjects\":[{\"kind\":"
	       "\"User\","
	       "\"name\":\"eve\",\"apiGroup\":\"rbac.authorization.k8s.io\"}],\"roleRef\":{"
	       "\"apiGroup\":"
	       "\"rbac.authorization.k8s.io\",\"kind\":\"Role\",\"name\":\"r\"}}");
	create(&world, "clusterrolebindings.rbac.authorization.k8s.io", "",
	       "{\"metadata\":{\"name\":\"b\"},\"subjects\":[{\"kind\":\"User\",\"name\":\"root\","
	       "\"apiGroup\":"
	       "\"rbac.authorization.k8s.io\"}],\"roleRef\":{\"apiGroup\":\"rbac.authorization.k8s."
	       "io\","
	       "\"kind\":\"ClusterRole\",\"name\":\"cluster-admin\"}}");
	compile(&world);
	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		const struct rk_user user = user_of(cases[i].user);
		const struct rk_ask ask = { .verb = RK_SPAN("create"),
					    .group = RK_SPAN("rbac.authorization.k8s.io"),
					    .resource = rk_span_str(cases[i].resource),
					    .ns = RK_SPAN("default") };
		const struct rk_val *object =
			cases[i].object != NULL ? json_in(&world.arena, cases[i].object) : NULL;
		cr_expect_eq(rk_access_may_grant(&world.arena, world.rbac, &user, &ask, object),
			     cases[i].may, "%s %s %s", cases[i].user, cases[i].resource,
			     cases[i].object != NULL ? cases[i].object : "patched");
	}
	world_done(&world);
}
