/* A request of the etcd API of any bytes: as a member decodes and checks it, as an entry, and as
 * the JSON gateway has it: what was read is written and read again, and is the same. */
#include "base/mem.h"
#include "control/etcd/apply.h"
#include "control/etcd/routes.h"
#include "control/etcd/run.h"
#include "control/machine.h"
#include "fuzz.h"
#include "wire/json.h"

static struct rk_machine *machine_of(const struct rk_kinds *kinds)
{
	const struct rk_cluster_config config = { 1, 2, RK_SPAN("10.96.0.0/16"),
						  RK_SPAN("10.244.0.0/16"),
						  RK_SPAN("cluster.local") };
	struct rk_machine *machine = rk_machine_new(kinds);
	struct rk_blob *body = rk_cluster_config_encode(&config);
	struct rk_buf bytes = { 0 };
	struct rk_applied applied;

	rk_envelope_write(
		&bytes, &(struct rk_envelope){ .type = RK_ENTRY_INIT, .body = rk_blob_span(body) });
	rk_machine_apply(machine, 1, 1000, rk_buf_span(&bytes), false, &applied);
	rk_applied_done(&applied);
	rk_buf_done(&bytes);
	(void)rk_blob_unref(body);
	return machine;
}

static void check(struct rk_span bytes)
{
	struct rk_arena arena = { 0 };
	struct rk_etcd_watch_request watch;
	struct rk_etcd_range_request range;
	struct rk_etcd_txn txn;

	if (rk_etcd_read_txn(&arena, bytes, &txn) == RK_OK)
		(void)rk_etcd_check_txn(&txn);
	if (rk_etcd_read_range(bytes, &range) == RK_OK)
		(void)rk_etcd_check_range(&range);
	if (rk_etcd_read_watch(bytes, &watch) == RK_OK && watch.range.key.size > 0)
		rk_assert(watch.range.key.data >= bytes.data);
	rk_arena_done(&arena);
}

static void check_again(struct rk_arena *arena, const struct rk_protojson *message,
			struct rk_span bytes)
{
	struct rk_buf text = { 0 }, again = { 0 };
	struct rk_val *val = NULL;

	if (rk_protojson_write(arena, message, bytes, &text) == RK_OK &&
	    rk_json_parse(arena, rk_buf_span(&text), 0, &val, NULL) == RK_OK &&
	    rk_protojson_read(arena, message, val, &again, NULL) == RK_OK) {
		struct rk_buf twice = { 0 };
		const int err = rk_protojson_write(arena, message, rk_buf_span(&again), &twice);
		rk_assert(err == RK_OK);
		rk_assert(rk_span_eq(rk_buf_span(&text), rk_buf_span(&twice)));
		rk_buf_done(&twice);
	}
	rk_buf_done(&text);
	rk_buf_done(&again);
}

/* The first byte chooses the method. */
static void check_json(struct rk_span bytes)
{
	struct rk_arena arena = { 0 };
	const struct rk_etcd_route *route = rk_etcd_routes;
	struct rk_buf message = { 0 };
	struct rk_val *val = NULL;

	for (uint8_t i = bytes.size > 0 ? bytes.data[0] : 0; i > 0; i--)
		route = route[1].path != NULL ? route + 1 : rk_etcd_routes;
	const struct rk_span rest = rk_span_sub(bytes, 1, bytes.size);
	check_again(&arena, route->request, rest);
	check_again(&arena, route->response, rest);
	if (rk_json_parse(&arena, rest, 0, &val, NULL) == RK_OK &&
	    rk_protojson_read(&arena, route->request, val, &message, NULL) == RK_OK)
		check_again(&arena, route->request, rk_buf_span(&message));
	struct rk_span left = rest, object;
	for (size_t before = left.size + 1; rk_protojson_cut(&left, false, &object);) {
		rk_assert(left.size < before && object.size > 0);
		before = left.size;
	}
	rk_buf_done(&message);
	rk_arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct rk_kinds *kinds;
	struct rk_span left = rk_span_of(data, size);
	uint64_t index = 1;

	if (kinds == NULL)
		kinds = rk_kinds_new();
	struct rk_machine *machine = machine_of(kinds);
	check(left);
	check_json(left);
	/* A row of entries, each behind a byte that is its size. */
	while (left.size > 1 && index < 64) {
		struct rk_buf bytes = { 0 };
		struct rk_applied applied;
		const struct rk_span body = rk_span_sub(left, 1, left.data[0]);
		left = rk_span_sub(left, 1 + body.size, left.size);
		rk_envelope_write(&bytes,
				  &(struct rk_envelope){ .type = RK_ENTRY_ETCD, .body = body });
		index++;
		rk_machine_apply(machine, index, (int64_t)index * 1000, rk_buf_span(&bytes), true,
				 &applied);
		rk_applied_done(&applied);
		rk_buf_done(&bytes);
	}
	(void)rk_machine_free(machine);
	return 0;
}
