/* reckon-apply [REPLICAS [NODES]]: what the machine alone needs to apply a Deployment and all that
 * follows from it: no log, no disk, no network. Prints the sum and the longest entry. For
 * profilers. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock_io.h"
#include "base/mem.h"
#include "control/machine.h"
#include "control/schema/schema.h"
#include "wire/doc.h"
#include "wire/json.h"

static const struct rk_kinds *kinds;
static struct rk_machine *machine;
static uint64_t entries;

static double apply(enum rk_entry_type type, struct rk_span body)
{
	struct rk_buf payload = { 0 };
	const struct rk_envelope envelope = { .type = type, .body = body };
	struct rk_applied applied;

	rk_envelope_write(&payload, &envelope);
	const uint64_t began = rk_clock_mono_ns();
	entries++;
	rk_machine_apply(machine, entries, (int64_t)entries * 10, rk_buf_span(&payload), false,
			 &applied);
	rk_applied_done(&applied);
	const double ms = (double)(rk_clock_mono_ns() - began) / 1e6;
	rk_buf_done(&payload);
	return ms;
}

/* As the API does before it proposes. */
static void complete(struct rk_arena *arena, const struct rk_val *op)
{
	const struct rk_kind *kind = rk_kinds_by_resource(kinds, rk_val_text_at(op, "kind"));
	struct rk_val *status = NULL, *object = rk_val_at(op, "doc");

	if (rk_schema_decode(arena, kind, object, RK_STRICT_STRICT, NULL, &status) < 0) {
		(void)fprintf(stderr, "%.*s\n", RK_SPAN_ARGS(rk_val_text_at(status, "message")));
		exit(1);
	}
	rk_schema_default(arena, kind, object);
}

__attribute__((format(printf, 1, 2))) static double command(const char *format, ...)
{
	struct rk_arena arena = { 0 };
	struct rk_buf text = { 0 };
	struct rk_val *val = NULL;
	struct rk_error error = { 0 };
	char room[2048];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(room, sizeof room, format, args);
	va_end(args);
	rk_buf_printf(&text, "{\"user\":\"bench\",\"ops\":[%s]}", room);
	if (rk_json_parse(&arena, rk_buf_span(&text), 0, &val, &error) < 0) {
		(void)fprintf(stderr, "%s\n", error.text);
		exit(1);
	}
	complete(&arena, rk_val_item(rk_val_at(val, "ops"), 0));
	struct rk_blob *doc = rk_doc_of(val);
	const double ms = apply(RK_ENTRY_COMMAND, rk_blob_span(doc));
	(void)rk_blob_unref(doc);
	rk_buf_done(&text);
	rk_arena_done(&arena);
	return ms;
}

static void add_node(int number)
{
	(void)command("{\"verb\":\"create\",\"kind\":\"nodes\",\"version\":\"v1\",\"doc\":{"
		      "\"apiVersion\":\"v1\",\"kind\":\"Node\","
		      "\"metadata\":{\"name\":\"node-%d\"},\"spec\":{}},\"opts\":{}}",
		      number);
	(void)command("{\"verb\":\"update\",\"kind\":\"nodes\",\"version\":\"v1\",\"name\":\"node-%d\","
		      "\"sub\":\"status\",\"doc\":{\"apiVersion\":\"v1\",\"kind\":\"Node\","
		      "\"metadata\":{\"name\":\"node-%d\"},\"status\":{"
		      "\"capacity\":{\"cpu\":\"16\",\"memory\":\"64Gi\",\"pods\":\"110\"},"
		      "\"allocatable\":{\"cpu\":\"16\",\"memory\":\"64Gi\",\"pods\":\"110\"},"
		      "\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\","
		      "\"lastHeartbeatTime\":\"2026-01-01T00:00:00Z\"}]}},\"opts\":{}}",
		      number, number);
}

/* A bench that measures refusals must not go unnoticed. */
static void require_bound(int replicas)
{
	struct rk_view *view = rk_store_view(rk_machine_store(machine));
	struct rk_view_iter iter;
	struct rk_object pod;
	int bound = 0;

	rk_view_list(&iter, view, RK_SPAN("pods"), RK_SPAN(""), RK_SPAN(""), RK_SPAN(""));
	while (rk_view_next(&iter, &pod))
		bound += rk_doc_text(rk_blob_span(pod.doc), "spec.nodeName").size > 0;
	(void)rk_view_unref(view);
	if (bound != replicas) {
		(void)fprintf(stderr, "%d of %d pods have a node\n", bound, replicas);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	const int replicas = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 1000;
	const int nodes = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 100;
	const struct rk_cluster_config config = { .cluster_low = 1,
						  .service_cidr = RK_SPAN("10.96.0.0/16"),
						  .pod_cidr = RK_SPAN("10.0.0.0/8"),
						  .dns_domain = RK_SPAN("cluster.local") };
	struct rk_blob *init = rk_cluster_config_encode(&config);
	double sum = 0, longest = 0;

	kinds = rk_kinds_new();
	machine = rk_machine_new(kinds);
	(void)apply(RK_ENTRY_INIT, rk_blob_span(init));
	for (int i = 0; i < nodes; i++)
		add_node(i);
	while (rk_machine_has_work(machine))
		(void)apply(RK_ENTRY_ADVANCE, RK_SPAN(""));
	const uint64_t before = entries, revision = rk_store_revision(rk_machine_store(machine));
	double ms = command("{\"verb\":\"create\",\"kind\":\"deployments.apps\",\"version\":\"v1\","
			    "\"ns\":\"default\",\"doc\":{\"apiVersion\":\"apps/v1\","
			    "\"kind\":\"Deployment\",\"metadata\":{\"name\":\"web\",\"namespace\":"
			    "\"default\"},\"spec\":{\"replicas\":%d,"
			    "\"selector\":{\"matchLabels\":{\"app\":\"web\"}},\"template\":{"
			    "\"metadata\":{\"labels\":{\"app\":\"web\"}},"
			    "\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"x:1\"}],"
			    "\"schedulerName\":\"default-scheduler\","
			    "\"restartPolicy\":\"Always\"}}}},\"opts\":{}}",
			    replicas);
	for (;;) {
		sum += ms;
		longest = RK_MAX(longest, ms);
		if (!rk_machine_has_work(machine))
			break;
		ms = apply(RK_ENTRY_ADVANCE, RK_SPAN(""));
	}
	require_bound(replicas);
	const uint64_t changes = rk_store_revision(rk_machine_store(machine)) - revision;
	(void)printf("%d replicas on %d nodes: %" PRIu64 " entries, %" PRIu64
		     " changes, %.1f ms in all, longest entry %.2f ms, %.1f us a change\n",
		     replicas, nodes, entries - before, changes, sum, longest,
		     sum * 1000 / (double)changes);
	(void)rk_machine_free(machine);
	(void)rk_blob_unref(init);
	(void)rk_kinds_free(kinds);
	return 0;
}
