/* The whole machine: one entry makes a deployment, its ReplicaSet and its placed pods; and the same
 * log gives the same state, from the beginning or from a snapshot. */
#include <criterion/criterion.h>

#include "base/mem.h"
#include "control/machine.h"
#include "control/schema/schema.h"
#include "wire/doc.h"
#include "wire/json.h"

#define LOG_MAX 256

struct log { /* recorded entries */
	size_t count;
	struct {
		int64_t time_ms;
		struct rk_blob *payload;
	} at[LOG_MAX];
};

static const int64_t start_ms = 1767323045000; /* 2026-01-02T03:04:05Z */

static void record(struct log *log, int64_t time_ms, enum rk_entry_type type, struct rk_span body)
{
	struct rk_buf bytes = { 0 };
	const struct rk_envelope envelope = { .type = type, .body = body };

	rk_envelope_write(&bytes, &envelope);
	cr_assert(log->count < LOG_MAX);
	log->at[log->count].time_ms = time_ms;
	log->at[log->count++].payload = rk_blob_copy(rk_buf_span(&bytes));
	rk_buf_done(&bytes);
}

static void log_done(struct log *log)
{
	for (size_t i = 0; i < log->count; i++)
		(void)rk_blob_unref(log->at[i].payload);
	log->count = 0;
}

static void record_init(struct log *log)
{
	const struct rk_cluster_config config = { 1, 2, RK_SPAN("10.96.0.0/16"),
						  RK_SPAN("10.244.0.0/16"),
						  RK_SPAN("cluster.local") };
	struct rk_blob *body = rk_cluster_config_encode(&config);

	record(log, start_ms, RK_ENTRY_INIT, rk_blob_span(body));
	(void)rk_blob_unref(body);
}

/* A command with one operation. `doc` is JSON; for create it goes through the door as the API would
 * send it. */
static void record_op(struct log *log, const struct rk_kinds *kinds, int64_t time_ms,
		      const char *verb, const char *kind, const char *path, const char *sub,
		      const char *doc, const char *patch)
{
	struct rk_arena arena = { 0 };
	struct rk_val *command = rk_val_map(&arena), *ops = rk_val_list(&arena),
		      *op = rk_val_map(&arena);
	struct rk_val *object = NULL, *status = NULL;
	struct rk_span ns;
	const struct rk_span name = rk_span_cut(rk_span_str(path), '/', &ns);
	struct rk_error error = { 0 };

	cr_assert_eq(rk_json_parse(&arena, rk_span_str(doc), 0, &object, &error), RK_OK, "%s",
		     error.text);
	if (patch[0] == 0 && sub[0] == 0 && strcmp(verb, "create") == 0) {
		const struct rk_kind *of = rk_kinds_by_resource(kinds, rk_span_str(kind));
		struct rk_val *causes = rk_val_list(&arena);
		cr_assert_eq(rk_schema_decode(&arena, of, object, RK_STRICT_STRICT, NULL, &status),
			     RK_OK, "%.*s", RK_SPAN_ARGS(rk_val_text_at(status, "message")));
		rk_schema_default(&arena, of, object);
		rk_schema_validate(&arena, of, object, NULL, causes);
		cr_assert_eq(rk_val_count(causes), 0, "%.*s",
			     RK_SPAN_ARGS(rk_val_text_at(rk_val_item(causes, 0), "message")));
	}
	rk_val_put_cstr(&arena, command, "user", "admin");
	rk_val_put_cstr(&arena, op, "verb", verb);
	rk_val_put_cstr(&arena, op, "kind", kind);
	rk_val_put_str(&arena, op, "ns", ns);
	rk_val_put_str(&arena, op, "name", name);
	rk_val_put_cstr(&arena, op, "sub", sub);
	rk_val_put_cstr(&arena, op, "patch", patch);
	rk_val_put(&arena, op, "doc", object);
	if (strcmp(verb, "delete") == 0 &&
	    patch[0] != 0) /* what a node says of a pod that has ended */
		rk_val_put_int(&arena, rk_val_make(&arena, op, "opts"), "grace", 0);
	rk_val_append(&arena, ops, op);
	rk_val_put(&arena, command, "ops", ops);
	struct rk_blob *body = rk_doc_of(command);
	record(log, time_ms, RK_ENTRY_COMMAND, rk_blob_span(body));
	(void)rk_blob_unref(body);
	rk_arena_done(&arena);
}

static void record_node(struct log *log, const struct rk_kinds *kinds, int64_t time_ms,
			const char *name)
{
	struct rk_arena arena = { 0 };
	const char *path = rk_arena_printf(&arena, "/%s", name);

	record_op(log, kinds, time_ms, "create", "nodes", "/", "",
		  rk_arena_printf(&arena, "{\"metadata\":{\"name\":\"%s\"}}", name), "");
	record_op(log, kinds, time_ms, "patch", "nodes", path, "status",
		  "{\"status\":{\"capacity\":{\"cpu\":\"4\",\"memory\":\"8Gi\",\"pods\":\"110\"},"
		  "\"allocatable\":{\"cpu\":\"4\",\"memory\":\"8Gi\",\"pods\":\"110\"},"
		  "\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]}}",
		  "strategic");
	rk_arena_done(&arena);
}

static const char deployment[] =
	"{\"metadata\":{\"name\":\"web\",\"namespace\":\"default\"},\"spec\":{\"replicas\":3,"
	"\"selector\":{\"matchLabels\":{\"app\":\"web\"}},\"template\":{\"metadata\":{\"labels\":{"
	"\"app\":\"web\"}},"
	"\"spec\":{\"containers\":[{\"name\":\"web\",\"image\":\"web:1\",\"resources\":{"
	"\"requests\":{\"cpu\":\"100m\"}}}]}}}}";

static void apply(struct rk_machine *machine, const struct log *log, size_t at,
		  struct rk_applied *ret)
{
	rk_machine_apply(machine, at + 1, log->at[at].time_ms, rk_blob_span(log->at[at].payload),
			 true, ret);
}

static void apply_quietly(struct rk_machine *machine, const struct log *log, size_t at)
{
	struct rk_applied applied;

	apply(machine, log, at, &applied);
	for (size_t i = 0; i < applied.outcome_count; i++) {
		struct rk_buf text = { 0 };
		cr_assert_eq(rk_doc_to_json(&text, rk_blob_span(applied.outcomes[i].doc), false),
			     RK_OK);
		cr_assert_lt(applied.outcomes[i].code, 400, "entry %zu: %s", at + 1,
			     rk_buf_cstr(&text));
		rk_buf_done(&text);
	}
	rk_applied_done(&applied);
}

static size_t count_changes(const struct rk_changes *changes, const char *kind,
			    enum rk_change_type type)
{
	size_t count = 0;

	for (uint32_t i = 0; i < changes->count; i++)
		count += rk_span_is(changes->at[i].kind, kind) && changes->at[i].type == type;
	return count;
}

Test(machine, a_deployment_is_placed_under_its_own_entry)
{
	const struct rk_kinds *kinds = rk_kinds_new();
	struct rk_machine *machine = rk_machine_new(kinds);
	struct log log = { 0 };
	struct rk_applied applied;
	size_t bound = 0;

	record_init(&log);
	record_node(&log, kinds, start_ms + 1000, "node-1");
	record_node(&log, kinds, start_ms + 1000, "node-2");
	record_op(&log, kinds, start_ms + 2000, "create", "deployments.apps", "default/", "",
		  deployment, "");
	for (size_t i = 0; i + 1 < log.count; i++)
		apply_quietly(machine, &log, i);
	apply(machine, &log, log.count - 1, &applied);
	cr_assert_eq(applied.outcome_count, 1);
	cr_expect_eq(applied.outcomes[0].code, 201);
	cr_expect_eq(count_changes(applied.changes, "deployments.apps", RK_CHANGE_ADDED), 1);
	cr_expect_eq(count_changes(applied.changes, "replicasets.apps", RK_CHANGE_ADDED), 1);
	cr_expect_eq(count_changes(applied.changes, "pods", RK_CHANGE_ADDED), 3);
	rk_applied_done(&applied);
	cr_expect_not(rk_machine_has_work(machine));

	struct rk_view *view = rk_store_view(rk_machine_store(machine));
	struct rk_view_iter iter;
	struct rk_object object;
	size_t first = 0;
	rk_view_list(&iter, view, RK_SPAN("pods"), RK_SPAN("default"), RK_SPAN(""), RK_SPAN(""));
	while (rk_view_next(&iter, &object)) {
		const struct rk_span node = rk_doc_text(rk_blob_span(object.doc), "spec.nodeName");
		bound += node.size > 0;
		first += rk_span_is(node, "node-1");
		cr_expect(rk_span_starts(object.name, RK_SPAN("web-")));
	}
	cr_expect_eq(bound, 3);
	cr_expect(first == 1 || first == 2, "spread over both nodes: %zu on the first", first);
	(void)rk_view_unref(view);
	(void)rk_machine_free(machine);
	(void)rk_kinds_free(kinds);
	log_done(&log);
}

/* What the nodes' agents would say now: every placed pod is ready, every pod that is going has
 * ended. */
static void record_reports(struct log *log, const struct rk_kinds *kinds,
			   struct rk_machine *machine, int64_t now_ms)
{
	struct rk_arena arena = { 0 };
	struct rk_view_iter iter;
	struct rk_object object;
	struct rk_view *view;

	for (size_t at = rk_store_index(rk_machine_store(machine)); at < log->count; at++)
		apply_quietly(machine, log, at);
	view = rk_store_view(rk_machine_store(machine));
	rk_view_list(&iter, view, RK_SPAN("pods"), RK_SPAN("default"), RK_SPAN(""), RK_SPAN(""));
	for (unsigned number = 1; rk_view_next(&iter, &object); number++) {
		const struct rk_span doc = rk_blob_span(object.doc);
		const char *path =
			rk_arena_printf(&arena, "default/%.*s", RK_SPAN_ARGS(object.name));
		if (rk_doc_at(doc, "metadata.deletionTimestamp").data != NULL)
			record_op(log, kinds, now_ms, "delete", "pods", path, "", "null", "now");
		else if (!rk_span_is(rk_doc_text(doc, "status.phase"), "Running"))
			record_op(log, kinds, now_ms, "patch", "pods", path, "status",
				  rk_arena_printf(
					  &arena,
					  "{\"status\":{\"phase\":\"Running\",\"podIP\":\"10.244.0."
					  "%u\",\"podIPs\":[{\"ip\":"
					  "\"10.244.0.%u\"}],\"conditions\":[{\"type\":\"Ready\","
					  "\"status\":\"True\","
					  "\"lastTransitionTime\":\"2026-01-02T03:04:05Z\"}]}}",
					  number, number),
				  "strategic");
	}
	(void)rk_view_unref(view);
	rk_arena_done(&arena);
}

/* A day in the life of a cluster: nodes, a service, a rollout, scaling, deletion, nodes that are
 * lost. */
static void record_day(struct log *log, const struct rk_kinds *kinds)
{
	struct rk_machine *machine = rk_machine_new(kinds);
	int64_t now = start_ms;

	record_init(log);
	record_node(log, kinds, now += 1000, "node-1");
	record_node(log, kinds, now += 1000, "node-2");
	record_op(log, kinds, now += 1000, "create", "deployments.apps", "default/", "", deployment,
		  "");
	record_op(log, kinds, now += 1000, "create", "services", "default/", "",
		  "{\"metadata\":{\"name\":\"web\",\"namespace\":\"default\"},\"spec\":{"
		  "\"selector\":{\"app\":\"web\"},"
		  "\"ports\":[{\"port\":80}]}}",
		  "");
	record_reports(log, kinds, machine, now += 500);
	record_op(log, kinds, now += 1000, "create", "namespaces", "/", "",
		  "{\"metadata\":{\"name\":\"more\"}}", "");
	record_op(log, kinds, now += 1000, "create", "configmaps", "more/", "",
		  "{\"metadata\":{\"generateName\":\"c-\",\"namespace\":\"more\"},\"data\":{\"k\":"
		  "\"v\"}}",
		  "");
	record_op(log, kinds, now += 1000, "patch", "deployments.apps", "default/web", "",
		  "{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"web\",\"image\":"
		  "\"web:2\"}]}}}}",
		  "strategic");
	for (int round = 0; round < 6; round++)
		record_reports(log, kinds, machine, now += 500);
	record_op(log, kinds, now += 1000, "patch", "deployments.apps", "default/web", "scale",
		  "{\"spec\":{\"replicas\":5}}", "merge");
	record_reports(log, kinds, machine, now += 500);
	record(log, now += 1000, RK_ENTRY_ADVANCE, RK_SPAN(""));
	record_op(log, kinds, now += 1000, "delete", "namespaces", "/more", "", "null", "");
	record(log, now += 1000, RK_ENTRY_TICK, RK_SPAN(""));
	record(log, now += 60000, RK_ENTRY_TICK,
	       RK_SPAN("")); /* no lease was renewed: both nodes are lost */
	record(log, now += 1000, RK_ENTRY_TICK, RK_SPAN(""));
	record(log, now += 400000, RK_ENTRY_TICK, RK_SPAN("")); /* and their pods evicted */
	record(log, now += 1000, RK_ENTRY_ADVANCE, RK_SPAN(""));
	record_op(log, kinds, now += 1000, "delete", "deployments.apps", "default/web", "", "null",
		  "");
	record_reports(log, kinds, machine, now += 500);
	record(log, now += 1000, RK_ENTRY_ADVANCE, RK_SPAN(""));
	record(log, now += 4000000, RK_ENTRY_TICK, RK_SPAN("")); /* events expire */
	(void)rk_machine_free(machine);
}

static struct rk_store *through_snapshot(struct rk_machine *machine)
{
	struct rk_view *view = rk_store_view(rk_machine_store(machine));
	struct rk_store_load *load = rk_store_load_new();
	struct rk_store_dump dump = { 0 };
	struct rk_store *store = NULL;

	for (bool done = false; !done;) {
		struct rk_buf piece = { 0 };
		rk_store_dump_next(&dump, view, 1000, &piece, &done);
		cr_assert_eq(rk_store_load_feed(load, rk_buf_span(&piece)), RK_OK);
		rk_buf_done(&piece);
	}
	cr_assert_eq(rk_store_load_finish(load, &store), RK_OK);
	(void)rk_store_load_free(load);
	(void)rk_view_unref(view);
	return store;
}

/* What controllers store is what a client could have sent: nothing unknown, nothing that defaulting
 * would change, nothing that the rules refuse. Else a patch that says nothing would change an
 * object, or be refused. */
static void check_stored(const struct rk_kinds *kinds, struct rk_machine *machine, size_t entry)
{
	struct rk_view *view = rk_store_view(rk_machine_store(machine));

	for (size_t k = 0; k < rk_kinds_count(kinds); k++) {
		const struct rk_kind *kind = rk_kinds_at(kinds, k);
		struct rk_view_iter iter;
		struct rk_object object;
		if (kind->stored != kind)
			continue;
		rk_view_list(&iter, view, rk_span_str(kind->resource), RK_SPAN(""), RK_SPAN(""),
			     RK_SPAN(""));
		while (rk_view_next(&iter, &object)) {
			struct rk_arena arena = { 0 };
			const struct rk_val *was = rk_doc_val(&arena, object.doc);
			struct rk_val *val = rk_val_copy(&arena, was),
				      *causes = rk_val_list(&arena), *status = NULL;
			const int err = rk_schema_decode(&arena, kind, val, RK_STRICT_STRICT, NULL,
							 &status);
			cr_expect_eq(err, RK_OK, "entry %zu: %.*s", entry,
				     RK_SPAN_ARGS(rk_val_text_at(status, "message")));
			rk_schema_default(&arena, kind, val);
			struct rk_buf before = { 0 }, after = { 0 };
			rk_json_write(&before, was, false);
			rk_json_write(&after, val, false);
			cr_expect(rk_val_eq(was, val), "entry %zu:\n%s\n%s", entry,
				  rk_buf_cstr(&before), rk_buf_cstr(&after));
			rk_schema_validate(&arena, kind, val, was, causes);
			cr_expect_eq(
				rk_val_count(causes), 0, "entry %zu: %s: %.*s %.*s", entry,
				kind->kind,
				RK_SPAN_ARGS(rk_val_text_at(rk_val_item(causes, 0), "field")),
				RK_SPAN_ARGS(rk_val_text_at(rk_val_item(causes, 0), "message")));
			rk_buf_done(&before);
			rk_buf_done(&after);
			rk_arena_done(&arena);
		}
	}
	(void)rk_view_unref(view);
}

/* The endpoints, the rollout's end, and what is left of the pods. */
static int check_rollout(struct rk_machine *machine)
{
	struct rk_view *view = rk_store_view(rk_machine_store(machine));
	struct rk_object object;

	cr_assert(rk_view_get(view, RK_SPAN("deployments.apps"), RK_SPAN("default"), RK_SPAN("web"),
			      &object));
	const struct rk_span doc = rk_blob_span(object.doc);
	cr_expect_eq(rk_doc_int(doc, "status.readyReplicas", 0), 5);
	cr_expect_eq(rk_doc_int(doc, "status.updatedReplicas", 0), 5);
	cr_expect_eq(rk_doc_int(doc, "status.replicas", 0), 5);
	cr_expect_eq(rk_doc_int(doc, "status.observedGeneration", 0),
		     rk_doc_int(doc, "metadata.generation", -1));
	struct rk_arena arena = { 0 };
	cr_assert(rk_view_get(view, RK_SPAN("endpoints"), RK_SPAN("default"), RK_SPAN("web"),
			      &object));
	const struct rk_val *endpoints = rk_doc_val(&arena, object.doc);
	cr_expect_eq(rk_val_count(rk_val_at(rk_val_item(rk_val_at(endpoints, "subsets"), 0),
					    "addresses")),
		     5);
	rk_arena_done(&arena);
	(void)rk_view_unref(view);
	return 1;
}

static size_t count_objects(struct rk_machine *machine, const char *kind, const char *ns)
{
	struct rk_view *view = rk_store_view(rk_machine_store(machine));
	struct rk_view_iter iter;
	struct rk_object object;
	size_t count = 0;

	rk_view_list(&iter, view, rk_span_str(kind), rk_span_str(ns), RK_SPAN(""), RK_SPAN(""));
	while (rk_view_next(&iter, &object))
		count++;
	(void)rk_view_unref(view);
	return count;
}

Test(machine, what_is_stored_is_in_normal_form)
{
	const struct rk_kinds *kinds = rk_kinds_new();
	struct rk_machine *machine = rk_machine_new(kinds);
	struct log log = { 0 };
	int rollouts = 0;

	record_day(&log, kinds);
	for (size_t i = 0; i < log.count; i++) {
		apply_quietly(machine, &log, i);
		check_stored(kinds, machine, i + 1);
		if (i + 1 < log.count && log.at[i + 1].time_ms - log.at[i].time_ms ==
						 60000) /* just before the nodes are lost */
			rollouts += check_rollout(machine);
	}
	cr_expect_eq(rollouts, 1);
	cr_expect_eq(count_objects(machine, "namespaces", ""), 4,
		     "the fifth was emptied and let go");
	cr_expect_eq(count_objects(machine, "configmaps", "more"), 0);
	cr_expect_eq(count_objects(machine, "deployments.apps", ""), 0);
	cr_expect_eq(count_objects(machine, "replicasets.apps", ""), 0);
	cr_expect_eq(count_objects(machine, "events", ""), 0, "all of them are older than an hour");
	(void)rk_machine_free(machine);
	(void)rk_kinds_free(kinds);
	log_done(&log);
}

Test(machine, the_same_log_gives_the_same_state_from_any_snapshot)
{
	const struct rk_kinds *kinds = rk_kinds_new();
	struct log log = { 0 };
	struct rk_hash128 hashes[LOG_MAX];

	record_day(&log, kinds);
	struct rk_machine *machine = rk_machine_new(kinds);
	for (size_t i = 0; i < log.count; i++) {
		apply_quietly(machine, &log, i);
		hashes[i] = rk_store_hash(rk_machine_store(machine));
	}
	cr_expect_gt(rk_store_revision(rk_machine_store(machine)), 100);
	(void)rk_machine_free(machine);
	for (size_t from = 0; from < log.count; from += 3) {
		machine = rk_machine_new(kinds);
		for (size_t i = 0; i < log.count; i++) {
			apply_quietly(machine, &log, i);
			cr_assert(
				rk_hash128_eq(hashes[i], rk_store_hash(rk_machine_store(machine))),
				"entry %zu differs, restored after %zu", i + 1, from + 1);
			if (i != from)
				continue;
			struct rk_store *store = through_snapshot(machine);
			(void)rk_machine_free(machine);
			machine = rk_machine_of(kinds, store);
		}
		(void)rk_machine_free(machine);
	}
	(void)rk_kinds_free(kinds);
	log_done(&log);
}

/* The API refuses such owners, but what is in the log must be applied whatever it says. */
Test(machine, owners_that_cannot_be_indexed_stop_nobody)
{
	const struct rk_kinds *kinds = rk_kinds_new();
	struct rk_machine *machine = rk_machine_new(kinds);
	struct rk_arena arena = { 0 };
	struct log log = { 0 };
	char uid[5001];

	memset(uid, 'a', sizeof uid - 1);
	uid[sizeof uid - 1] = 0;
	const char *const uids[] = { uid, "a\\u0000b", "a\\u0000b\\u0000c\\u0000d", "" };
	record_init(&log);
	for (size_t i = 0; i < RK_COUNT(uids); i++)
		record_op(
			&log, kinds, start_ms, "update", "namespaces", "/default", "",
			rk_arena_printf(&arena,
					"{\"metadata\":{\"name\":\"default\",\"ownerReferences\":[{"
					"\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"name\":\"x\","
					"\"uid\":\"%s\"}]}}",
					uids[i]),
			"");
	for (size_t i = 0; i < log.count; i++) {
		struct rk_applied applied;
		apply(machine, &log, i, &applied);
		cr_expect(i == 0 || i == 2 || i == 3 || applied.outcomes[0].code == 422);
		rk_applied_done(&applied);
	}
	rk_arena_done(&arena);
	(void)rk_machine_free(machine);
	(void)rk_kinds_free(kinds);
	log_done(&log);
}
