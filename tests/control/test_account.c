/* Pods act as service accounts: what they get when they are made, and what is refused; and the cluster's CA in every
 * namespace. */
#include <criterion/criterion.h>

#include "base/mem.h"
#include "control/account.h"
#include "control/machine.h"
#include "control/schema/schema.h"
#include "tests/control/schema.h"
#include "wire/doc.h"

struct world {
	const struct rk_kinds *kinds;
	struct rk_machine *machine;
	struct rk_arena arena;
	uint64_t index;
	int64_t now_ms;
};

static void apply(struct world *world, enum rk_entry_type type, struct rk_span body, struct rk_applied *ret)
{
	struct rk_buf bytes = { 0 };
	const struct rk_envelope envelope = { .type = type, .body = body };

	rk_envelope_write(&bytes, &envelope);
	rk_machine_apply(world->machine, ++world->index, world->now_ms, rk_buf_span(&bytes), true, ret);
	rk_buf_done(&bytes);
}

static void enter(struct world *world, enum rk_entry_type type, struct rk_span body)
{
	struct rk_applied applied = { 0 };

	apply(world, type, body, &applied);
	rk_applied_done(&applied);
}

static void work(struct world *world)
{
	while (rk_machine_has_work(world->machine))
		enter(world, RK_ENTRY_ADVANCE, RK_SPAN(""));
}

static struct world world_of(int64_t version)
{
	const struct rk_cluster_config config = { 1, 2, RK_SPAN("10.96.0.0/16"), RK_SPAN("10.244.0.0/16"),
						  RK_SPAN("cluster.local") };
	struct rk_blob *body = rk_cluster_config_encode(&config);
	struct world world = { .kinds = rk_kinds_new(), .now_ms = 1767323045000 };
	struct rk_val *val = rk_doc_val(&world.arena, body);

	rk_val_put_int(&world.arena, val, "machineVersion", version);
	struct rk_blob *init = rk_doc_of(val);
	world.machine = rk_machine_new(world.kinds);
	enter(&world, RK_ENTRY_INIT, rk_blob_span(init));
	work(&world);
	(void)rk_blob_unref(init);
	(void)rk_blob_unref(body);
	return world;
}

static struct world begin(void) { return world_of(RK_MACHINE_VERSION); }

static void end(struct world *world)
{
	(void)rk_machine_free(world->machine);
	rk_arena_done(&world->arena);
	(void)rk_kinds_free(world->kinds);
}

static struct rk_val *op(struct world *world, const char *verb, const char *kind, const char *ns, const char *name,
			 const char *doc)
{
	struct rk_arena *arena = &world->arena;
	const struct rk_kind *of = rk_kinds_by_resource(world->kinds, rk_span_str(kind));
	struct rk_val *val = rk_val_map(arena), *status = NULL;

	rk_val_put_cstr(arena, val, "verb", verb);
	rk_val_put_cstr(arena, val, "kind", kind);
	rk_val_put_cstr(arena, val, "ns", ns);
	rk_val_put_cstr(arena, val, "name", name);
	if (strcmp(verb, "patch") == 0)
		rk_val_put_cstr(arena, val, "patch", "merge");
	if (doc == NULL)
		return val;
	struct rk_val *object = json_in(arena, doc);
	if (strcmp(verb, "create") == 0) {
		cr_assert_eq(rk_schema_decode(arena, of, object, RK_STRICT_STRICT, NULL, &status), RK_OK, "%s",
			     json_out(arena, status));
		rk_schema_default(arena, of, object);
	}
	rk_val_put(arena, val, "doc", object);
	return val;
}

/* A command; the answer to its last operation that was run. */
static struct rk_val *command(struct world *world, struct rk_val *first, struct rk_val *second, int code)
{
	struct rk_arena *arena = &world->arena;
	struct rk_val *val = rk_val_map(arena), *ops = rk_val_list(arena);
	struct rk_applied applied = { 0 };

	rk_val_append(arena, ops, first);
	if (second != NULL)
		rk_val_append(arena, ops, second);
	rk_val_put_cstr(arena, val, "user", "jane");
	rk_val_put(arena, val, "ops", ops);
	struct rk_blob *body = rk_doc_of(val);
	apply(world, RK_ENTRY_COMMAND, rk_blob_span(body), &applied);
	(void)rk_blob_unref(body);
	const struct rk_applied_outcome *last = &applied.outcomes[applied.outcome_count - 1];
	struct rk_val *answer = rk_val_copy(arena, rk_doc_val(arena, last->doc));
	cr_assert_eq(last->code, code, "%s", json_out(arena, answer));
	rk_applied_done(&applied);
	work(world);
	return answer;
}

static struct rk_val *create(struct world *world, const char *kind, const char *doc)
{
	return command(world, op(world, "create", kind, "default", "", doc), NULL, 201);
}

static struct rk_val *get(struct world *world, const char *kind, const char *ns, const char *name)
{
	struct rk_view *view = rk_store_view(rk_machine_store(world->machine));
	struct rk_object object;
	struct rk_val *val = NULL;

	if (rk_view_get(view, rk_span_str(kind), rk_span_str(ns), rk_span_str(name), &object))
		val = rk_val_copy(&world->arena, rk_doc_val(&world->arena, object.doc));
	(void)rk_view_unref(view);
	return val;
}

static size_t count(struct world *world, const char *kind)
{
	struct rk_view *view = rk_store_view(rk_machine_store(world->machine));
	struct rk_view_iter iter;
	struct rk_object object;
	size_t found = 0;

	rk_view_list(&iter, view, rk_span_str(kind), RK_SPAN(""), RK_SPAN(""), RK_SPAN(""));
	while (rk_view_next(&iter, &object))
		found++;
	(void)rk_view_unref(view);
	return found;
}

static void expect_text(struct world *world, const struct rk_val *val, const char *path, const char *want)
{
	cr_expect_str_eq(rk_arena_str(&world->arena, rk_val_text_at(val, path)), want, "%s: %s", path,
			 json_out(&world->arena, val));
}

#define CONTAINERS "\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]"

Test(account, a_pod_gets_a_volume_with_its_token)
{
	struct world world = begin();
	struct rk_arena *arena = &world.arena;
	const struct rk_val *pod = create(
		&world, "pods",
		"{\"metadata\":{\"name\":\"p\"},\"spec\":{\"initContainers\":[{\"name\":\"i\",\"image\":\"i\"}],"
		"\"containers\":[{\"name\":\"a\",\"image\":\"i\"},{\"name\":\"b\",\"image\":\"i\",\"volumeMounts\":["
		"{\"name\":\"own\",\"mountPath\":\"" RK_ACCOUNT_PLACE "\"}]}],"
		"\"volumes\":[{\"name\":\"own\",\"emptyDir\":{}}]}}");
	const struct rk_val *volume = rk_val_item(rk_val_at(pod, "spec.volumes"), 1);
	const struct rk_span name = rk_val_text_at(volume, "name");

	expect_text(&world, pod, "spec.serviceAccountName", "default");
	expect_text(&world, pod, "spec.serviceAccount", "default");
	cr_expect_eq(rk_val_count(rk_val_at(pod, "spec.volumes")), 2);
	cr_expect(rk_span_starts(name, RK_SPAN("kube-api-access-")) && name.size == sizeof "kube-api-access-12345" - 1);
	cr_expect_str_eq(json_out(arena, rk_val_at(volume, "projected")),
			 "{\"sources\":[{\"serviceAccountToken\":{\"expirationSeconds\":3607,\"path\":\"token\"}},"
			 "{\"configMap\":{\"items\":[{\"key\":\"ca.crt\",\"path\":\"ca.crt\"}],\"name\":\"kube-root-ca.crt\"}},"
			 "{\"downwardAPI\":{\"items\":[{\"fieldRef\":{\"apiVersion\":\"v1\",\"fieldPath\":\"metadata.namespace\"},"
			 "\"path\":\"namespace\"}]}}],\"defaultMode\":420}");
	const struct rk_val *mounted[] = { rk_val_item(rk_val_at(pod, "spec.initContainers"), 0),
					   rk_val_item(rk_val_at(pod, "spec.containers"), 0) };
	for (size_t i = 0; i < 2; i++) {
		const struct rk_val *mounts = rk_val_at(mounted[i], "volumeMounts");
		cr_assert_eq(rk_val_count(mounts), 1);
		cr_expect(rk_span_eq(rk_val_text_at(rk_val_item(mounts, 0), "name"), name));
		expect_text(&world, rk_val_item(mounts, 0), "mountPath", RK_ACCOUNT_PLACE);
		cr_expect(rk_val_bool_at(rk_val_item(mounts, 0), "readOnly", false));
	}
	const struct rk_val *other = rk_val_item(rk_val_at(pod, "spec.containers"), 1);
	cr_expect_eq(rk_val_count(rk_val_at(other, "volumeMounts")), 1);
	expect_text(&world, rk_val_item(rk_val_at(other, "volumeMounts"), 0), "name", "own");
	/* What is stored is what was answered, and valid: it can be written back. */
	(void)command(&world,
		      op(&world, "patch", "pods", "default", "p", "{\"metadata\":{\"labels\":{\"a\":\"b\"}}}"), NULL, 200);
	end(&world);
}

Test(account, only_where_it_is_wished)
{
	static const struct {
		const char *account, *says;
		uint32_t volumes;
	} cases[] = {
		{ "default", "", 1 },
		{ "default", "\"automountServiceAccountToken\":false,", 0 },
		{ "quiet", "", 0 },
		{ "quiet", "\"automountServiceAccountToken\":true,", 1 },
		/* a volume of that name is the token's already */
		{ "default", "\"volumes\":[{\"name\":\"kube-api-access-mine\",\"emptyDir\":{}}],", 1 },
		/* nobody needs it */
		{ "default",
		  "\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}}],\"containers\":[{\"name\":\"c\",\"image\":\"i\",\"volumeMounts\":[{"
		  "\"name\":\"v\",\"mountPath\":\"" RK_ACCOUNT_PLACE "\"}]}],",
		  1 },
	};
	struct world world = begin();

	(void)create(&world, "serviceaccounts", "{\"metadata\":{\"name\":\"quiet\"},\"automountServiceAccountToken\":false}");
	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		const bool has_own = strstr(cases[i].says, "containers") != NULL;
		const struct rk_val *pod = create(
			&world, "pods",
			rk_arena_printf(&world.arena,
					"{\"metadata\":{\"name\":\"p%zu\"},\"spec\":{%s%s\"serviceAccountName\":\"%s\"}}", i,
					cases[i].says, has_own ? "" : CONTAINERS ",", cases[i].account));
		cr_expect_eq(rk_val_count(rk_val_at(pod, "spec.volumes")), cases[i].volumes, "%zu: %s", i,
			     json_out(&world.arena, pod));
		expect_text(&world, pod, "spec.serviceAccount", cases[i].account);
	}
	end(&world);
}

Test(account, must_be_there)
{
	struct world world = begin();
	const struct rk_val *status = command(
		&world,
		op(&world, "create", "pods", "default", "",
		   "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"serviceAccountName\":\"nosa\"," CONTAINERS "}}"),
		NULL, 403);

	expect_text(&world, status, "message",
		    "pods \"p\" is forbidden: error looking up service account default/nosa: serviceaccount \"nosa\" not found");
	expect_text(&world, status, "reason", "Forbidden");
	status = command(&world,
			 op(&world, "create", "pods", "default", "",
			    "{\"metadata\":{\"generateName\":\"many-\"},\"spec\":{\"serviceAccountName\":\"nosa\"," CONTAINERS "}}"),
			 NULL, 403);
	expect_text(&world, status, "message",
		    "pods \"many-\" is forbidden: error looking up service account default/nosa: serviceaccount \"nosa\" not found");
	/* Under the entry that makes the namespace its account is there when it is needed. */
	const struct rk_val *pod =
		command(&world, op(&world, "create", "namespaces", "", "", "{\"metadata\":{\"name\":\"fresh\"}}"),
			op(&world, "create", "pods", "fresh", "", "{\"metadata\":{\"name\":\"p\"},\"spec\":{" CONTAINERS "}}"), 201);
	expect_text(&world, pod, "spec.serviceAccountName", "default");
	cr_expect_not_null(get(&world, "serviceaccounts", "fresh", "default"));
	end(&world);
}

Test(account, gives_its_pull_secrets)
{
	struct world world = begin();
	const struct rk_val *pod;

	(void)create(&world, "serviceaccounts",
		     "{\"metadata\":{\"name\":\"puller\"},\"imagePullSecrets\":[{\"name\":\"one\"},{\"name\":\"two\"}]}");
	pod = create(&world, "pods",
		     "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"serviceAccountName\":\"puller\"," CONTAINERS "}}");
	cr_expect_str_eq(json_out(&world.arena, rk_val_at(pod, "spec.imagePullSecrets")),
			 "[{\"name\":\"one\"},{\"name\":\"two\"}]");
	pod = create(&world, "pods",
		     "{\"metadata\":{\"name\":\"b\"},\"spec\":{\"serviceAccountName\":\"puller\",\"imagePullSecrets\":[{\"name\":"
		     "\"own\"}]," CONTAINERS "}}");
	cr_expect_str_eq(json_out(&world.arena, rk_val_at(pod, "spec.imagePullSecrets")), "[{\"name\":\"own\"}]");
	end(&world);
}

Test(account, may_limit_what_its_pods_refer_to)
{
#define NOT_LISTED " is not allowed because service account strict does not reference that secret"
	static const struct {
		const char *spec, *why; /* NULL: allowed */
	} cases[] = {
		{ CONTAINERS, NULL },
		{ "\"volumes\":[{\"name\":\"v\",\"secret\":{\"secretName\":\"mine\"}}]," CONTAINERS, NULL },
		{ "\"volumes\":[{\"name\":\"v\",\"secret\":{\"secretName\":\"other\"}}]," CONTAINERS,
		  "volume with secret.secretName=\"other\"" NOT_LISTED },
		{ "\"containers\":[{\"name\":\"c\",\"image\":\"i\",\"env\":[{\"name\":\"E\",\"valueFrom\":{\"secretKeyRef\":{\"name\":"
		  "\"other\",\"key\":\"k\"}}}]}]",
		  "container c with envVar E referencing secret.secretName=\"other\"" NOT_LISTED },
		{ "\"initContainers\":[{\"name\":\"c\",\"image\":\"i\",\"envFrom\":[{\"secretRef\":{\"name\":\"other\"}}]}]," CONTAINERS,
		  "init container c with envFrom referencing secret.secretName=\"other\"" NOT_LISTED },
		{ "\"imagePullSecrets\":[{\"name\":\"pull\"},{\"name\":\"mine\"}]," CONTAINERS,
		  "imagePullSecrets[1].name=\"mine\" is not allowed because service account strict does not reference that "
		  "imagePullSecret" },
	};
	struct world world = begin();

	(void)create(&world, "serviceaccounts",
		     "{\"metadata\":{\"name\":\"strict\",\"annotations\":{\"kubernetes.io/enforce-mountable-secrets\":\"true\"}},"
		     "\"secrets\":[{\"name\":\"mine\"}],\"imagePullSecrets\":[{\"name\":\"pull\"}]}");
	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		const char *doc = rk_arena_printf(&world.arena,
						  "{\"metadata\":{\"name\":\"p%zu\"},\"spec\":{\"serviceAccountName\":\"strict\",%s}}",
						  i, cases[i].spec);
		const struct rk_val *answer = command(&world, op(&world, "create", "pods", "default", "", doc), NULL,
						      cases[i].why != NULL ? 403 : 201);
		if (cases[i].why != NULL)
			expect_text(&world, answer, "message",
				    rk_arena_printf(&world.arena, "pods \"p%zu\" is forbidden: %s", i, cases[i].why));
	}
	end(&world);
}

static const struct rk_val *failure(struct world *world)
{
	const struct rk_val *list = rk_val_at(get(world, "replicasets.apps", "default", "web"), "status.conditions");

	for (uint32_t i = 0; i < rk_val_count(list); i++)
		if (rk_span_is(rk_val_text_at(rk_val_item(list, i), "type"), "ReplicaFailure"))
			return rk_val_item(list, i);
	return NULL;
}

static void pass(struct world *world, int64_t seconds)
{
	for (const int64_t until = world->now_ms + seconds * 1000; world->now_ms < until;) {
		world->now_ms += 100;
		if (rk_machine_next_due_ms(world->machine) <= world->now_ms)
			enter(world, RK_ENTRY_TICK, RK_SPAN(""));
		work(world);
	}
}

Test(account, a_set_waits_for_it)
{
	static const char why[] = "pods \"web-\" is forbidden: error looking up service account default/late: serviceaccount "
				  "\"late\" not found";
	struct world world = begin();

	(void)create(&world, "replicasets.apps",
		     "{\"metadata\":{\"name\":\"web\"},\"spec\":{\"replicas\":2,\"selector\":{\"matchLabels\":{\"a\":\"b\"}},"
		     "\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"serviceAccountName\":\"late\"," CONTAINERS
		     "}}}}");
	cr_expect_eq(count(&world, "pods"), 0);
	cr_assert_not_null(failure(&world));
	expect_text(&world, failure(&world), "reason", "FailedCreate");
	expect_text(&world, failure(&world), "message", why);
	const size_t events = count(&world, "events");
	cr_expect_eq(events, 1, "%zu: the same refusal is one event", events);
	/* It goes on trying, at longer and longer intervals. */
	const uint64_t before = world.index;
	for (int i = 0; i < 20; i++) {
		(void)command(&world,
			      op(&world, "patch", "replicasets.apps", "default", "web",
				 rk_arena_printf(&world.arena, "{\"metadata\":{\"labels\":{\"n\":\"%d\"}}}", i)),
			      NULL, 200);
		pass(&world, 15);
	}
	cr_expect_gt(world.index, before + 25);
	cr_expect_lt(world.index, before + 40, "%llu entries", (unsigned long long)(world.index - before));
	cr_expect_eq(count(&world, "events"), 1);
	(void)create(&world, "serviceaccounts", "{\"metadata\":{\"name\":\"late\"}}");
	pass(&world, 65);
	cr_expect_eq(count(&world, "pods"), 2);
	cr_expect_null(failure(&world));
	end(&world);
}

Test(account, clusters_from_before_go_on_as_they_were)
{
	struct world world = world_of(RK_ACCOUNTS_SINCE - 1);
	const struct rk_val *pod = create(
		&world, "pods", "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"serviceAccountName\":\"nosa\"," CONTAINERS "}}");

	cr_expect_null(rk_val_at(pod, "spec.volumes"));
	cr_expect_not(rk_machine_wants_root_ca(world.machine, RK_SPAN("PEM")));
	end(&world);
}

/* --- the cluster's CA --- */

static void expect_ca(struct world *world, const char *ns, const char *want)
{
	const struct rk_val *map = get(world, "configmaps", ns, "kube-root-ca.crt");

	cr_assert_not_null(map, "%s", ns);
	cr_expect_str_eq(rk_arena_str(&world->arena, rk_val_text(rk_val_get(rk_val_at(map, "data"), RK_SPAN("ca.crt")))), want,
			 "%s", ns);
	cr_expect_eq(rk_val_count(rk_val_at(map, "data")), 1);
	cr_expect_gt(rk_val_text(rk_val_get(rk_val_at(map, "metadata.annotations"), RK_SPAN("kubernetes.io/description"))).size,
		     0);
}

Test(rootca, is_in_every_namespace)
{
	struct world world = begin();

	cr_expect_eq(count(&world, "configmaps"), 0);
	cr_expect(rk_machine_wants_root_ca(world.machine, RK_SPAN("one")));
	cr_expect_not(rk_machine_wants_root_ca(world.machine, RK_SPAN("")));
	for (int i = 0; i < 50; i++)
		(void)command(&world,
			      op(&world, "create", "namespaces", "", "",
				 rk_arena_printf(&world.arena, "{\"metadata\":{\"name\":\"n%d\"}}", i)),
			      NULL, 201);
	enter(&world, RK_ENTRY_ROOT_CA, RK_SPAN("one"));
	work(&world);
	cr_expect_not(rk_machine_wants_root_ca(world.machine, RK_SPAN("one")));
	cr_expect(rk_machine_wants_root_ca(world.machine, RK_SPAN("two")));
	cr_expect_eq(count(&world, "configmaps"), 54);
	expect_ca(&world, "kube-system", "one");
	expect_ca(&world, "n49", "one");
	(void)command(&world, op(&world, "create", "namespaces", "", "", "{\"metadata\":{\"name\":\"later\"}}"), NULL, 201);
	expect_ca(&world, "later", "one");
	/* Another one takes its place. */
	enter(&world, RK_ENTRY_ROOT_CA, RK_SPAN("two"));
	work(&world);
	expect_ca(&world, "default", "two");
	expect_ca(&world, "later", "two");
	end(&world);
}

Test(rootca, comes_back)
{
	static const char *const edits[] = { "{\"data\":{\"ca.crt\":\"evil\"}}", "{\"data\":{\"more\":\"x\"}}",
					     "{\"data\":null}", "{\"metadata\":{\"annotations\":null}}" };
	struct world world = begin();

	enter(&world, RK_ENTRY_ROOT_CA, RK_SPAN("one"));
	work(&world);
	for (size_t i = 0; i < RK_COUNT(edits); i++) {
		(void)command(&world, op(&world, "patch", "configmaps", "default", "kube-root-ca.crt", edits[i]), NULL, 200);
		expect_ca(&world, "default", "one");
	}
	(void)command(&world, op(&world, "delete", "configmaps", "default", "kube-root-ca.crt", NULL), NULL, 200);
	expect_ca(&world, "default", "one");
	(void)command(&world, op(&world, "create", "namespaces", "", "", "{\"metadata\":{\"name\":\"short\"}}"), NULL, 201);
	expect_ca(&world, "short", "one");
	(void)command(&world, op(&world, "delete", "namespaces", "", "short", NULL), NULL, 200);
	cr_expect_null(get(&world, "namespaces", "", "short"));
	cr_expect_null(get(&world, "configmaps", "short", "kube-root-ca.crt"));
	end(&world);
}
