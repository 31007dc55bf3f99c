#include "etcd_world.h"

#include <stdio.h>

#include "base/mem.h"
#include "control/schema/kinds.h"
#include "wire/proto.h"

void world_apply(struct world *world, enum rk_entry_type type, struct rk_span body)
{
	struct rk_buf bytes = { 0 };
	struct rk_applied applied;

	rk_envelope_write(&bytes, &(struct rk_envelope){ .type = type, .body = body });
	rk_machine_apply(world->machine, ++world->index, world->now_ms, rk_buf_span(&bytes), true,
			 &applied);
	rk_buf_clear(&world->answer);
	if (applied.outcome_count > 0) {
		world->code = applied.outcomes[0].code;
		rk_buf_put_span(&world->answer, rk_blob_span(applied.outcomes[0].doc));
	}
	rk_applied_done(&applied);
	rk_buf_done(&bytes);
}

struct world world_new(void)
{
	struct world world = { .kinds = rk_kinds_new(), .now_ms = WORLD_START_MS };
	const struct rk_cluster_config config = { 1, 2, RK_SPAN("10.96.0.0/16"),
						  RK_SPAN("10.244.0.0/16"),
						  RK_SPAN("cluster.local") };
	struct rk_blob *body = rk_cluster_config_encode(&config);

	world.machine = rk_machine_new(world.kinds);
	world_apply(&world, RK_ENTRY_INIT, rk_blob_span(body));
	(void)rk_blob_unref(body);
	return world;
}

void world_done(struct world *world)
{
	world->machine = rk_machine_free(world->machine);
	(void)rk_kinds_free(world->kinds);
	rk_buf_done(&world->answer);
}

void world_request(struct world *world, enum rk_etcd_entry entry, const struct rk_buf *message)
{
	struct rk_buf body = { 0 };

	rk_buf_put_u8(&body, (uint8_t)entry);
	rk_buf_put_span(&body, rk_buf_span(message));
	world_apply(world, RK_ENTRY_ETCD, rk_buf_span(&body));
	rk_buf_done(&body);
}

uint64_t world_revision(const struct world *world)
{
	return rk_store_revision(rk_machine_store(world->machine));
}

const struct rk_node *world_root(const struct world *world)
{
	return rk_store_root(rk_machine_store(world->machine));
}

void world_put(struct world *world, const char *key, const char *value, int64_t lease)
{
	struct rk_buf message = { 0 };

	rk_proto_put_bytes(&message, 1, rk_span_str(key));
	rk_proto_put_bytes(&message, 2, rk_span_str(value));
	rk_proto_put_number(&message, 3, (uint64_t)lease);
	world_request(world, RK_ETCD_ENTRY_PUT, &message);
	rk_buf_done(&message);
}

void world_delete_range(struct world *world, const char *key, const char *end)
{
	struct rk_buf message = { 0 };

	rk_proto_put_bytes(&message, 1, rk_span_str(key));
	rk_proto_put_bytes(&message, 2, rk_span_str(end));
	world_request(world, RK_ETCD_ENTRY_DELETE, &message);
	rk_buf_done(&message);
}

void world_numbers(struct world *world, enum rk_etcd_entry entry, int64_t first, int64_t second)
{
	struct rk_buf message = { 0 };

	rk_proto_put_number(&message, 1, (uint64_t)first);
	rk_proto_put_number(&message, 2, (uint64_t)second);
	world_request(world, entry, &message);
	rk_buf_done(&message);
}

const char *world_list(const struct world *world, struct rk_etcd_range_request *asked)
{
	static char text[1024];
	const struct rk_etcd_run run = { .root = world_root(world), .now = world_revision(world) };
	struct rk_buf out = { 0 };
	struct rk_proto_field field;
	size_t used = 0;
	const enum rk_etcd_error error = rk_etcd_range(&run, asked, &out);

	text[0] = 0;
	if (error != RK_ETCD_OK) {
		(void)snprintf(text, sizeof text, "%s", rk_etcd_error_text(error));
		rk_buf_done(&out);
		return text;
	}
	struct rk_reader reader = rk_reader_of(rk_buf_span(&out));
	while (rk_proto_next(&reader, &field) == 1) {
		if (field.number == 2) {
			const struct rk_etcd_kv kv = rk_etcd_kv_read(field.bytes);
			used += (size_t)snprintf(text + used, sizeof text - used, "%.*s=%.*s@%lld ",
						 RK_SPAN_ARGS(kv.key), RK_SPAN_ARGS(kv.value),
						 (long long)kv.version);
		} else {
			used += (size_t)snprintf(text + used, sizeof text - used, "%s:%llu ",
						 field.number == 3 ? "more" : "count",
						 (unsigned long long)field.value);
		}
	}
	rk_buf_done(&out);
	return text;
}

const char *world_all(const struct world *world, uint64_t at)
{
	struct rk_etcd_range_request asked = { .range = { RK_SPAN("\0"), RK_SPAN("\0") },
					       .revision = (int64_t)at };

	return world_list(world, &asked);
}
