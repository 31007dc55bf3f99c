/* Bytes as a log entry of a machine: an entry that can be read is applied, whatever is in it, and
 * twice the same way. Only whole new objects are of the form that the API, which is where they come
 * from, has given them: the machine trusts it. */
#include "base/mem.h"
#include "control/machine.h"
#include "control/schema/schema.h"
#include "fuzz.h"
#include "wire/doc.h"
#include "wire/json.h"

static uint64_t apply(struct rk_machine *machine, uint64_t index, enum rk_entry_type type,
		      struct rk_span body)
{
	struct rk_buf payload = { 0 };
	struct rk_applied applied;
	const struct rk_envelope envelope = { .type = type, .body = body };

	rk_envelope_write(&payload, &envelope);
	rk_machine_apply(machine, index, (int64_t)index * 1000, rk_buf_span(&payload), true,
			 &applied);
	rk_applied_done(&applied);
	rk_buf_done(&payload);
	return rk_store_hash(rk_machine_store(machine)).low;
}

static uint64_t run(const struct rk_kinds *kinds, struct rk_span body)
{
	struct rk_machine *machine = rk_machine_new(kinds);
	const struct rk_cluster_config config = { .cluster_low = 1,
						  .service_cidr = RK_SPAN("10.96.0.0/16"),
						  .pod_cidr = RK_SPAN("10.244.0.0/16"),
						  .dns_domain = RK_SPAN("cluster.local") };
	struct rk_blob *init = rk_cluster_config_encode(&config);

	(void)apply(machine, 1, RK_ENTRY_INIT, rk_blob_span(init));
	(void)apply(machine, 2, RK_ENTRY_COMMAND, body);
	const uint64_t hash = apply(machine, 3, RK_ENTRY_TICK, RK_SPAN(""));
	(void)rk_blob_unref(init);
	(void)rk_machine_free(machine);
	return hash;
}

static bool is_well_formed(struct rk_arena *arena, const struct rk_kinds *kinds,
			   const struct rk_val *command)
{
	const struct rk_val *ops = rk_val_at(command, "ops");

	for (uint32_t i = 0; rk_val_is(ops, RK_VAL_LIST) && i < rk_val_count(ops); i++) {
		const struct rk_val *op = rk_val_item(ops, i);
		struct rk_val *object = rk_val_at(op, "doc"), *status = NULL;
		const struct rk_kind *kind =
			rk_kinds_by_resource(kinds, rk_val_text_at(op, "kind"));
		struct rk_val *causes = rk_val_list(arena);
		if (kind == NULL || !rk_val_is(object, RK_VAL_MAP) ||
		    rk_val_text_at(op, "sub").size > 0 ||
		    !(rk_span_is(rk_val_text_at(op, "verb"), "create") ||
		      rk_span_is(rk_val_text_at(op, "verb"), "update")))
			continue;
		if (rk_schema_decode(arena, kind, object, RK_STRICT_IGNORE, NULL, &status) < 0)
			return false;
		rk_schema_default(arena, kind, object);
		if (rk_span_is(rk_val_text_at(op, "verb"), "create"))
			rk_schema_validate(arena, kind, object, NULL, causes);
		if (rk_val_count(causes) > 0)
			return false;
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct rk_kinds *kinds;
	struct rk_arena arena = { 0 };
	struct rk_val *command = NULL;
	struct rk_error error;
	struct rk_envelope envelope;

	if (kinds == NULL)
		kinds = rk_kinds_new();
	if (rk_envelope_read(rk_span_of(data, size), &envelope) == RK_OK)
		rk_assert(envelope.body.size <= size);
	/* Commands as JSON, so that a fuzzer gets somewhere. */
	if (rk_json_parse(&arena, rk_span_of(data, size), 0, &command, &error) == RK_OK &&
	    is_well_formed(&arena, kinds, command)) {
		struct rk_blob *doc = rk_doc_of(command);
		rk_assert(run(kinds, rk_blob_span(doc)) == run(kinds, rk_blob_span(doc)));
		(void)rk_blob_unref(doc);
	}
	rk_arena_done(&arena);
	return 0;
}
