/* What the server puts into new objects, what writers cannot reach, and what is never stored. */
#include <criterion/criterion.h>

#include "base/mem.h"
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

static void apply(struct world *world, enum rk_entry_type type, struct rk_span body,
		  struct rk_applied *ret)
{
	struct rk_buf bytes = { 0 };
	const struct rk_envelope envelope = { .type = type, .body = body };

	rk_envelope_write(&bytes, &envelope);
	rk_machine_apply(world->machine, ++world->index, world->now_ms, rk_buf_span(&bytes), true,
			 ret);
	rk_buf_done(&bytes);
}

static void begin(struct world *world)
{
	const struct rk_cluster_config config = { 1, 2, RK_SPAN("10.96.0.0/16"),
						  RK_SPAN("10.244.0.0/16"),
						  RK_SPAN("cluster.local") };
	struct rk_blob *body = rk_cluster_config_encode(&config);
	struct rk_applied applied = { 0 };

	*world = (struct world){ .kinds = rk_kinds_new(), .now_ms = 1767323045000 };
	world->machine = rk_machine_new(world->kinds);
	apply(world, RK_ENTRY_INIT, rk_blob_span(body), &applied);
	rk_applied_done(&applied);
	(void)rk_blob_unref(body);
}

static void end(struct world *world)
{
	(void)rk_machine_free(world->machine);
	rk_arena_done(&world->arena);
	(void)rk_kinds_free(world->kinds);
}

/* One operation by jane; the answer, as a value in the world's arena. */
static struct rk_val *op(struct world *world, const char *verb, const char *kind, const char *name,
			 const char *sub, const char *doc, int code)
{
	struct rk_arena *arena = &world->arena;
	const struct rk_kind *of = rk_kinds_by_resource(world->kinds, rk_span_str(kind));
	struct rk_val *command = rk_val_map(arena), *ops = rk_val_list(arena),
		      *one = rk_val_map(arena), *object = json_in(arena, doc), *status = NULL;
	struct rk_val *groups = rk_val_list(arena);
	struct rk_applied applied = { 0 };

	cr_assert_not_null(of, "%s", kind);
	if (strcmp(verb, "patch") != 0) {
		cr_assert_eq(rk_schema_decode(arena, of, object, RK_STRICT_STRICT, NULL, &status),
			     RK_OK, "%s", json_out(arena, status));
		rk_schema_default(arena, of, object);
	} else {
		rk_val_put_cstr(arena, one, "patch", "merge");
	}
	rk_val_append(arena, groups, rk_val_cstr(arena, "system:authenticated"));
	rk_val_put_cstr(arena, command, "user", "jane");
	rk_val_put(arena, command, "groups", groups);
	rk_val_put_cstr(arena, one, "verb", verb);
	rk_val_put_cstr(arena, one, "kind", kind);
	rk_val_put_cstr(arena, one, "ns", of->namespaced ? "default" : "");
	rk_val_put_cstr(arena, one, "name", name);
	rk_val_put_cstr(arena, one, "sub", sub);
	rk_val_put(arena, one, "doc", object);
	rk_val_append(arena, ops, one);
	rk_val_put(arena, command, "ops", ops);
	struct rk_blob *body = rk_doc_of(command);
	apply(world, RK_ENTRY_COMMAND, rk_blob_span(body), &applied);
	(void)rk_blob_unref(body);
	cr_assert_eq(applied.outcome_count, 1);
	struct rk_val *answer = rk_val_copy(arena, rk_doc_val(arena, applied.outcomes[0].doc));
	cr_assert_eq(applied.outcomes[0].code, code, "%s %s: %s", verb, kind,
		     json_out(arena, answer));
	rk_applied_done(&applied);
	return answer;
}

static struct rk_val *create(struct world *world, const char *kind, const char *doc)
{
	return op(world, "create", kind, "", "", doc, 201);
}

static bool says(const struct rk_val *object, const char *path, const char *text)
{
	return rk_span_is(rk_val_text_at(object, path), text);
}

#define POD "\"template\":{\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}"

Test(created, jobs_find_their_pods_by_uid)
{
	struct world world;

	begin(&world);
	const struct rk_val *job =
		create(&world, "jobs.batch", "{\"metadata\":{\"name\":\"j\"},\"spec\":{" POD "}}");
	const struct rk_span uid = rk_object_uid(job);
	const struct rk_val *labels = rk_val_at(job, "spec.template.metadata.labels");
	const struct rk_val *chosen = rk_val_at(job, "spec.selector.matchLabels");
	cr_expect_gt(uid.size, 0);
	cr_expect_eq(rk_val_count(labels), 4);
	cr_expect(rk_span_eq(rk_val_text(rk_val_get(labels, RK_SPAN("controller-uid"))), uid));
	cr_expect(rk_span_is(rk_val_text(rk_val_get(labels, RK_SPAN("job-name"))), "j"));
	cr_expect_eq(rk_val_count(chosen), 1);
	cr_expect(rk_span_eq(
		rk_val_text(rk_val_get(chosen, RK_SPAN("batch.kubernetes.io/controller-uid"))),
		uid));
	cr_expect_eq(rk_val_int_at(job, "metadata.generation", 0), 1);
	/* One who brings a selector keeps it. */
	job = create(&world, "jobs.batch",
		     "{\"metadata\":{\"name\":\"k\"},\"spec\":{\"manualSelector\":true,"
		     "\"selector\":{\"matchLabels\":{\"a\":\"b\"}}," POD "}}");
	cr_expect_eq(rk_val_count(rk_val_at(job, "spec.template.metadata.labels")), 0);
	cr_expect(says(job, "spec.selector.matchLabels.a", "b"));
	end(&world);
}

/* A status is not what the author says, and belongs to a subresource of its own. */
Test(created, status_begins_as_the_server_says)
{
	static const struct {
		const char *kind, *doc, *status;
	} cases[] = {
		{ "persistentvolumeclaims",
		  "{\"metadata\":{\"name\":\"a\"},\"status\":{\"phase\":"
		  "\"Bound\"}}",
		  "{\"phase\":\"Pending\"}" },
		{ "persistentvolumes", "{\"metadata\":{\"name\":\"a\"}}",
		  "{\"phase\":\"Pending\"}" },
		{ "apiservices.apiregistration.k8s.io",
		  "{\"metadata\":{\"name\":\"v1.a\"},\"spec\":{\"group\":\"a\",\"version\":\"v1\","
		  "\"groupPriorityMinimum\":1,\"versionPriority\":1}}",
		  "{\"conditions\":[{\"type\":\"Available\",\"status\":\"True\","
		  "\"lastTransitionTime\":\"2026-01-02T03:04:05Z\",\"reason\":\"Local\","
		  "\"message\":\"Local APIServices are always available\"}]}" },
		{ "customresourcedefinitions.apiextensions.k8s.io",
		  "{\"metadata\":{\"name\":\"a.b\"},\"spec\":{\"versions\":[{\"name\":\"v1\","
		  "\"storage\":false},{\"name\":\"v2\",\"storage\":true}]}}",
		  "{\"storedVersions\":[\"v2\"]}" },
		{ "statefulsets.apps",
		  "{\"metadata\":{\"name\":\"a\"},\"status\":{\"replicas\":7}}", NULL },
		{ "ingresses.networking.k8s.io",
		  "{\"metadata\":{\"name\":\"a\"},\"status\":{\"loadBalancer\":{\"ingress\":[{"
		  "\"ip\":\"1.1.1.1\"}]}}}",
		  NULL },
		{ "cronjobs.batch",
		  "{\"metadata\":{\"name\":\"a\"},\"status\":{\"active\":[{\"name\":\"x\"}]}}",
		  NULL },
		/* no status of its own: it is an ordinary field */
		{ "csistoragecapacities.storage.k8s.io",
		  "{\"metadata\":{\"name\":\"a\"},\"storageClassName\":\"s\"}", NULL },
	};
	struct world world;

	begin(&world);
	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		const struct rk_val *made = create(&world, cases[i].kind, cases[i].doc);
		const struct rk_val *status = rk_val_at(made, "status");
		if (cases[i].status == NULL)
			cr_expect_null(status, "%s", cases[i].kind);
		else
			cr_expect(status != NULL &&
					  rk_val_eq(status, json_in(&world.arena, cases[i].status)),
				  "%s: %s", cases[i].kind, json_out(&world.arena, made));
	}
	end(&world);
}

/* Every kind that has a status: a write to the one half leaves the other as it was. */
Test(created, status_and_the_rest_are_written_apart)
{
	struct world world;

	begin(&world);
	for (size_t i = 0; i < rk_kinds_count(world.kinds); i++) {
		const struct rk_kind *kind = rk_kinds_at(world.kinds, i);
		if (!kind->has_status || kind->stored != kind)
			continue;
		const struct rk_prop *spec = rk_type_prop(kind->type, RK_SPAN("spec"));
		const struct rk_prop *status = rk_type_prop(kind->type, RK_SPAN("status"));
		cr_assert_not_null(spec, "%s", kind->resource);
		cr_assert_not_null(status, "%s", kind->resource);
		cr_expect(rk_kind_has_verb(kind, RK_SPAN("update")), "%s", kind->resource);
	}
	/* a kind whose status no controller here writes */
	struct rk_val *made = create(
		&world, "replicationcontrollers",
		"{\"metadata\":{\"name\":\"a\"},\"spec\":{\"replicas\":1,\"selector\":{\"a\":\"b\"}"
		","
		"\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"containers\":"
		"[{\"name\":\"c\",\"image\":\"i\"}]}}}}");
	cr_expect_eq(rk_val_int_at(made, "metadata.generation", 0), 1);
	made = op(&world, "patch", "replicationcontrollers", "a", "status",
		  "{\"spec\":{\"replicas\":9},\"status\":{\"replicas\":3}}", 200);
	cr_expect_eq(rk_val_int_at(made, "spec.replicas", 0), 1);
	cr_expect_eq(rk_val_int_at(made, "status.replicas", 0), 3);
	cr_expect_eq(rk_val_int_at(made, "metadata.generation", 0), 1);
	made = op(&world, "patch", "replicationcontrollers", "a", "",
		  "{\"spec\":{\"replicas\":2},\"status\":{\"replicas\":8}}", 200);
	cr_expect_eq(rk_val_int_at(made, "spec.replicas", 0), 2);
	cr_expect_eq(rk_val_int_at(made, "status.replicas", 0), 3);
	cr_expect_eq(rk_val_int_at(made, "metadata.generation", 0), 2);
	/* labels are no change of what is wanted */
	made = op(&world, "patch", "replicationcontrollers", "a", "",
		  "{\"metadata\":{\"labels\":{\"x\":\"y\"}}}", 200);
	cr_expect_eq(rk_val_int_at(made, "metadata.generation", 0), 2);
	end(&world);
}

static void make_ready(struct world *world, const char *pod)
{
	op(world, "patch", "pods", pod, "status",
	   "{\"status\":{\"phase\":\"Running\",\"conditions\":[{\"type\":\"Ready\",\"status\":"
	   "\"True\"}]}}",
	   200);
}

#define BUDGETS "poddisruptionbudgets.policy"

static void allows(struct world *world, int healthy, int allowed)
{
	const struct rk_val *now = op(world, "patch", BUDGETS, "b", "", "{}", 200);

	cr_expect_eq(rk_val_int_at(now, "status.currentHealthy", -1), healthy, "%s",
		     json_out(&world->arena, now));
	cr_expect_eq(rk_val_int_at(now, "status.disruptionsAllowed", -1), allowed, "%s",
		     json_out(&world->arena, now));
}

Test(created, evictions_keep_to_the_budget)
{
	static const char *pods[] = { "p1", "p2", "p3" };
	struct world world;

	begin(&world);
	create(&world, BUDGETS,
	       "{\"metadata\":{\"name\":\"b\"},\"spec\":{\"minAvailable\":2,\"selector\":"
	       "{\"matchLabels\":{\"a\":\"b\"}}}}");
	for (size_t i = 0; i < RK_COUNT(pods); i++) {
		char doc[256];

		snprintf(doc, sizeof doc,
			 "{\"metadata\":{\"name\":\"%s\",\"labels\":{\"a\":\"b\"}},\"spec\":{"
			 "\"nodeName\":\"n\","
			 "\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}",
			 pods[i]);
		create(&world, "pods", doc);
		allows(&world, (int)i, i > 2 ? 1 : 0);
		make_ready(&world, pods[i]);
	}
	allows(&world, 3, 1);
	op(&world, "delete", "pods", "p1", "eviction", "{}", 201);
	allows(&world, 2, 0);
	const struct rk_val *no = op(&world, "delete", "pods", "p2", "eviction", "{}", 429);
	cr_expect(says(no, "reason", "TooManyRequests"));
	cr_expect(says(no, "message",
		       "Cannot evict pod as it would violate the pod's disruption budget."));
	/* one that is not ready is no loss; a delete is no eviction */
	op(&world, "patch", "pods", "p2", "status",
	   "{\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"False\"}]}}", 200);
	op(&world, "delete", "pods", "p2", "eviction", "{}", 429); /* too few healthy for that */
	op(&world, "patch", BUDGETS, "b", "",
	   "{\"spec\":{\"unhealthyPodEvictionPolicy\":\"AlwaysAllow\"}}", 200);
	op(&world, "delete", "pods", "p2", "eviction", "{}", 201);
	op(&world, "delete", "pods", "p3", "", "{}", 200);
	end(&world);
}

Test(created, what_a_cluster_cannot_be_without_stays)
{
	struct world world;

	begin(&world);
	const struct rk_span had = rk_val_text_at(
		op(&world, "patch", "services", "kubernetes", "", "{}", 200), "spec.clusterIP");
	cr_assert_gt(had.size, 0);
	create(&world, "services",
	       "{\"metadata\":{\"name\":\"s\"},\"spec\":{\"ports\":[{\"port\":80}]}}");
	op(&world, "delete", "services", "kubernetes", "", "{}", 200);
	const struct rk_val *again = op(&world, "patch", "services", "kubernetes", "", "{}", 200);
	cr_expect(rk_span_eq(rk_val_text_at(again, "spec.clusterIP"), had));
	const struct rk_val *no = op(&world, "delete", "namespaces", "kube-system", "", "{}", 403);
	cr_expect(
		says(no, "message",
		     "namespaces \"kube-system\" is forbidden: this namespace may not be deleted"));
	op(&world, "delete", "namespaces", "kube-node-lease", "", "{}", 200);
	op(&world, "delete", "priorityclasses.scheduling.k8s.io", "system-node-critical", "", "{}",
	   200);
	end(&world);
}

/* a PEM block of the right type */
#define PEM                                                                                        \
	"LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KQUFBQQotLS0tLUVORCBDRVJUSUZJQ0FURSBSRVFV" \
	"RV"                                                                                       \
	"NULS0tLS0K"
#define CSR "certificatesigningrequests.certificates.k8s.io"
#define VERDICT(text, why)                                                                         \
	"{\"status\":{\"certificate\":\"eA==\",\"conditions\":[{\"type\":\"" text                  \
	"\",\"status\":\"True\",\"reason\":\"" why "\"}]}}"

Test(created, a_request_for_a_certificate_is_of_who_sent_it)
{
	struct world world;

	begin(&world);
	struct rk_val *csr = create(
		&world, CSR,
		"{\"metadata\":{\"name\":\"c\"},\"spec\":{\"request\":\"" PEM
		"\",\"signerName\":\"a.io/"
		"b\",\"usages\":[\"client auth\"],\"username\":\"root\",\"uid\":\"1\",\"groups\":["
		"\"system:masters\"],\"extra\":{\"k\":[\"v\"]}}}");
	cr_expect(says(csr, "spec.username", "jane"));
	cr_expect_str_eq(json_out(&world.arena, rk_val_at(csr, "spec.groups")),
			 "[\"system:authenticated\"]");
	cr_expect_null(rk_val_at(csr, "spec.uid"));
	cr_expect_null(rk_val_at(csr, "spec.extra"));
	/* nothing of it can be changed any more */
	csr = op(&world, "patch", CSR, "c", "",
		 "{\"metadata\":{\"labels\":{\"x\":\"y\"}},\"spec\":{\"username\":\"root\"}}", 200);
	cr_expect(says(csr, "spec.username", "jane"));
	cr_expect(says(csr, "metadata.labels.x", "y"));
	/* the verdict and the certificate are said through doors of their own */
	csr = op(&world, "patch", CSR, "c", "approval", VERDICT("Approved", "Fine"), 200);
	const struct rk_val *verdict = rk_val_item(rk_val_at(csr, "status.conditions"), 0);
	cr_expect(says(verdict, "type", "Approved"));
	cr_expect(says(verdict, "lastUpdateTime", "2026-01-02T03:04:05Z"));
	cr_expect(says(verdict, "lastTransitionTime", "2026-01-02T03:04:05Z"));
	cr_expect_null(rk_val_at(csr, "status.certificate"));
	csr = op(&world, "patch", CSR, "c", "status", VERDICT("Denied", "Bad"), 200);
	cr_expect_eq(rk_val_count(rk_val_at(csr, "status.conditions")), 1);
	cr_expect(says(rk_val_item(rk_val_at(csr, "status.conditions"), 0), "type", "Approved"));
	cr_expect(says(csr, "status.certificate", "eA=="));
	end(&world);
}

#define CLASS "priorityclasses.scheduling.k8s.io"
#define POD_OF(name, more)                                                                         \
	"{\"metadata\":{\"name\":\"" name "\"},\"spec\":{" more                                    \
	"\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}"

Test(created, pods_get_the_priority_of_their_class)
{
	struct world world;

	begin(&world);
	struct rk_val *pod = create(&world, "pods", POD_OF("a", ""));
	cr_expect_eq(rk_val_int_at(pod, "spec.priority", -1), 0);
	(void)create(&world, CLASS,
		     "{\"metadata\":{\"name\":\"high\"},\"value\":1000,"
		     "\"preemptionPolicy\":\"Never\"}");
	(void)create(&world, CLASS,
		     "{\"metadata\":{\"name\":\"most\"},\"value\":10,\"globalDefault\":true}");
	pod = create(&world, "pods", POD_OF("b", "\"priorityClassName\":\"high\","));
	cr_expect_eq(rk_val_int_at(pod, "spec.priority", -1), 1000);
	cr_expect(says(pod, "spec.preemptionPolicy", "Never"));
	pod = create(&world, "pods", POD_OF("c", ""));
	cr_expect_eq(rk_val_int_at(pod, "spec.priority", -1), 10);
	cr_expect(says(pod, "spec.priorityClassName", "most"));
	pod = create(&world, "pods",
		     POD_OF("d", "\"priorityClassName\":\"system-node-critical\","));
	cr_expect_eq(rk_val_int_at(pod, "spec.priority", -1), 2000001000);
	pod = op(&world, "create", "pods", "", "", POD_OF("e", "\"priorityClassName\":\"none\","),
		 403);
	cr_expect(says(pod, "message",
		       "pods \"e\" is forbidden: no PriorityClass with name none was found"));
	pod = op(&world, "create", "pods", "", "",
		 POD_OF("f", "\"priorityClassName\":\"high\",\"priority\":7,"), 403);
	cr_expect(says(pod, "message",
		       "pods \"f\" is forbidden: the integer value of priority (7) must not be "
		       "provided in pod spec; priority admission controller computed 1000 from the "
		       "given PriorityClass name"));
	end(&world);
}

Test(created, scale_is_a_window_on_each_kind_that_has_it)
{
	static const char *const objects[][2] = {
		{ "replicationcontrollers", "\"selector\":{\"a\":\"b\"}" },
		{ "statefulsets.apps", "\"selector\":{\"matchLabels\":{\"a\":\"b\"}}" },
		{ "replicasets.apps", "\"selector\":{\"matchLabels\":{\"a\":\"b\"}}" },
		{ "deployments.apps", "\"selector\":{\"matchLabels\":{\"a\":\"b\"}}" },
	};
	struct world world;

	begin(&world);
	for (size_t i = 0; i < RK_COUNT(objects); i++) {
		(void)create(
			&world, objects[i][0],
			rk_arena_printf(&world.arena,
					"{\"metadata\":{\"name\":\"s\"},\"spec\":{%s,"
					"\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},"
					"\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":"
					"\"i\"}]}}}}",
					objects[i][1]));
		const struct rk_val *scale = op(&world, "patch", objects[i][0], "s", "scale",
						"{\"spec\":{\"replicas\":3}}", 200);
		cr_expect(says(scale, "kind", "Scale"), "%s", objects[i][0]);
		cr_expect(says(scale, "status.selector", "a=b"), "%s: %s", objects[i][0],
			  json_out(&world.arena, scale));
		cr_expect_eq(rk_val_int_at(scale, "spec.replicas", 0), 3, "%s", objects[i][0]);
	}
	end(&world);
}

/* Questions are answered where they come in; should one come as far as the log, it goes no further.
 */
Test(created, questions_are_never_stored)
{
	struct world world;
	size_t seen = 0;

	begin(&world);
	const uint64_t revision = rk_store_revision(rk_machine_store(world.machine));
	for (size_t i = 0; i < rk_kinds_count(world.kinds); i++) {
		const struct rk_kind *kind = rk_kinds_at(world.kinds, i);
		if (!kind->is_request && strcmp(kind->resource, "componentstatuses") != 0)
			continue;
		seen++;
		(void)op(&world, "create", kind->resource, "", "",
			 "{\"metadata\":{\"name\":\"a\"}}", 405);
	}
	cr_expect_eq(seen, 9);
	cr_expect_eq(rk_store_revision(rk_machine_store(world.machine)), revision);
	end(&world);
}
