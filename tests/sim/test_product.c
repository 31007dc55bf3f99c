/* The product's own etcd machine, judged by the checks that share nothing with it: random requests,
 * leases that run out, compaction, snapshots taken and loaded, a new beginning as another cluster.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "base/mem.h"
#include "control/etcd/apply.h"
#include "control/etcd/run.h"
#include "control/machine.h"
#include "control/rebirth.h"
#include "sim/check_linear.h"
#include "sim/check_watch.h"
#include "wire/proto.h"

#define KEYS 6

struct world {
	uint64_t seed;
	const struct rk_kinds *kinds;
	struct rk_machine *machine;
	struct rk_history history;
	uint64_t index;
	int64_t revision; /* of the last request's own change */
	int64_t clock, now_ms, next_value, lease;
	uint64_t watched; /* revision that the watch has */
};

static uint64_t dice(struct world *world, uint64_t sides)
{
	world->seed = world->seed * 6364136223846793005u + 1442695040888963407u;
	return (world->seed >> 33) % sides;
}

static struct rk_span text(struct world *world, const char *letter, uint64_t number)
{
	return rk_span_str(rk_arena_printf(&world->history.arena, "%s%d", letter, (int)number));
}

static struct rk_store *store_of(const struct world *world)
{
	return rk_machine_store(world->machine);
}

/* --- requests --- */

static struct rk_hist_request some_put(struct world *world, uint64_t key)
{
	return (struct rk_hist_request){ .kind = RK_HIST_PUT,
					 .range.key = text(world, "k", key),
					 .value = text(world, "v", (uint64_t)world->next_value++),
					 .prev_kv = dice(world, 2) == 0,
					 .lease = dice(world, 5) == 0 ? world->lease : 0 };
}

static struct rk_hist_range some_range(struct world *world)
{
	const uint64_t from = dice(world, KEYS), to = from + 1 + dice(world, 3);

	switch (dice(world, 4)) {
	case 0: return (struct rk_hist_range){ text(world, "k", from), rk_span_of("", 1) };
	case 1: return (struct rk_hist_range){ text(world, "k", from), text(world, "k", to) };
	default: return (struct rk_hist_range){ .key = text(world, "k", from) };
	}
}

static struct rk_hist_request some_other(struct world *world, bool may_delete)
{
	struct rk_hist_request request = { .kind = RK_HIST_RANGE, .range = some_range(world) };

	if (may_delete && dice(world, 3) == 0) {
		request.kind = RK_HIST_DELETE;
		request.prev_kv = dice(world, 2) == 0;
		return request;
	}
	request.limit = dice(world, 4) == 0 ? 1 + (int64_t)dice(world, 3) : 0;
	request.count_only = dice(world, 6) == 0;
	return request;
}

/* Puts of different keys, and reads before, between and behind. */
static struct rk_hist_request *some_branch(struct world *world, size_t *ret_count)
{
	struct rk_hist_request *ops = rk_arena_zalloc(&world->history.arena, 4 * sizeof *ops);
	const size_t count = dice(world, 4);
	uint64_t key = dice(world, 2);

	for (size_t i = 0; i < count; i++) {
		if (dice(world, 2) == 0 && key < KEYS)
			ops[i] = some_put(world, key);
		else
			ops[i] = some_other(world, false);
		key += 1 + dice(world, 2);
	}
	*ret_count = count;
	return ops;
}

static struct rk_hist_request some_txn(struct world *world)
{
	struct rk_hist_compare *compares =
		rk_arena_zalloc(&world->history.arena, 2 * sizeof *compares);
	struct rk_hist_request request = { .kind = RK_HIST_TXN, .compares = compares };

	request.compare_count = dice(world, 3);
	for (size_t i = 0; i < request.compare_count; i++)
		compares[i] = (struct rk_hist_compare){
			.key = text(world, "k", dice(world, KEYS)),
			.target = (enum rk_hist_target)dice(world, 5),
			.relation = (enum rk_hist_relation)dice(world, 4),
			.number = (int64_t)(dice(world, 2) * dice(world, 4)),
			.value = text(world, "v", dice(world, (uint64_t)world->next_value + 1)),
		};
	request.then_ops = some_branch(world, &request.then_count);
	request.else_ops = some_branch(world, &request.else_count);
	return request;
}

/* --- as protobuf, and back --- */

static void encode(const struct rk_hist_request *request, struct rk_buf *out);

static void encode_compare(const struct rk_hist_compare *compare, struct rk_buf *out)
{
	static const uint64_t targets[] = { [RK_HIST_VALUE] = RK_ETCD_OF_VALUE,
					    [RK_HIST_VERSION] = RK_ETCD_OF_VERSION,
					    [RK_HIST_CREATED] = RK_ETCD_OF_CREATE,
					    [RK_HIST_MODIFIED] = RK_ETCD_OF_MOD,
					    [RK_HIST_LEASE] = RK_ETCD_OF_LEASE };
	static const uint32_t fields[] = { [RK_HIST_VERSION] = 4,
					   [RK_HIST_CREATED] = 5,
					   [RK_HIST_MODIFIED] = 6,
					   [RK_HIST_LEASE] = 8 };

	rk_proto_put_number(out, 1, (uint64_t)compare->relation);
	rk_proto_put_number(out, 2, targets[compare->target]);
	rk_proto_put_bytes(out, 3, compare->key);
	if (compare->target == RK_HIST_VALUE)
		rk_proto_put_bytes(out, 7, compare->value);
	else
		rk_proto_put_number(out, fields[compare->target], (uint64_t)compare->number);
}

static void encode_branch(const struct rk_hist_request *ops, size_t count, uint32_t field,
			  struct rk_buf *out)
{
	for (size_t i = 0; i < count; i++) {
		RK_AUTO(rk_buf_done) struct rk_buf op = { 0 };
		RK_AUTO(rk_buf_done) struct rk_buf inner = { 0 };
		encode(&ops[i], &inner);
		rk_proto_put_message(&op,
				     ops[i].kind == RK_HIST_RANGE ? 1
				     : ops[i].kind == RK_HIST_PUT ? 2
								  : 3,
				     rk_buf_span(&inner));
		rk_proto_put_message(out, field, rk_buf_span(&op));
	}
}

static void encode(const struct rk_hist_request *request, struct rk_buf *out)
{
	switch (request->kind) {
	case RK_HIST_PUT:
		rk_proto_put_bytes(out, 1, request->range.key);
		rk_proto_put_bytes(out, 2, request->value);
		rk_proto_put_number(out, 3, (uint64_t)request->lease);
		rk_proto_put_number(out, 4, request->prev_kv);
		break;
	case RK_HIST_DELETE:
		rk_proto_put_bytes(out, 1, request->range.key);
		rk_proto_put_bytes(out, 2, request->range.end);
		rk_proto_put_number(out, 3, request->prev_kv);
		break;
	case RK_HIST_RANGE:
		rk_proto_put_bytes(out, 1, request->range.key);
		rk_proto_put_bytes(out, 2, request->range.end);
		rk_proto_put_number(out, 3, (uint64_t)request->limit);
		rk_proto_put_number(out, 4, (uint64_t)request->revision);
		rk_proto_put_number(out, 9, request->count_only);
		break;
	case RK_HIST_TXN:
		for (size_t i = 0; i < request->compare_count; i++) {
			RK_AUTO(rk_buf_done) struct rk_buf compare = { 0 };
			encode_compare(&request->compares[i], &compare);
			rk_proto_put_message(out, 1, rk_buf_span(&compare));
		}
		encode_branch(request->then_ops, request->then_count, 2, out);
		encode_branch(request->else_ops, request->else_count, 3, out);
		break;
	case RK_HIST_COMPACT: rk_proto_put_number(out, 1, (uint64_t)request->revision); break;
	case RK_HIST_LEASE_END: break;
	}
}

static struct rk_hist_kv kv_of(struct world *world, const struct rk_etcd_kv *kv)
{
	struct rk_arena *arena = &world->history.arena;

	return (struct rk_hist_kv){ .key = rk_arena_span(arena, kv->key),
				    .value = rk_arena_span(arena, kv->value),
				    .created = kv->created,
				    .modified = kv->modified,
				    .version = kv->version,
				    .lease = kv->lease };
}

static void add_kv(struct world *world, struct rk_hist_answer *answer, struct rk_span bytes)
{
	const struct rk_etcd_kv kv = rk_etcd_kv_read(bytes);
	struct rk_hist_kv *kvs =
		rk_arena_alloc(&world->history.arena, (answer->kv_count + 1) * sizeof *kvs);

	if (answer->kv_count > 0)
		memcpy(kvs, answer->kvs, answer->kv_count * sizeof *kvs);
	kvs[answer->kv_count++] = kv_of(world, &kv);
	answer->kvs = kvs;
}

static void decode(struct world *world, const struct rk_hist_request *request, struct rk_span bytes,
		   struct rk_hist_answer *ret);

static void decode_part(struct world *world, const struct rk_hist_request *ops, size_t count,
			struct rk_span bytes, struct rk_hist_answer *answer)
{
	struct rk_hist_answer *parts =
		rk_arena_zalloc(&world->history.arena, (answer->part_count + 1) * sizeof *parts);
	struct rk_reader reader = rk_reader_of(bytes);
	struct rk_proto_field field;

	if (answer->part_count > 0)
		memcpy(parts, answer->parts, answer->part_count * sizeof *parts);
	cr_assert_lt(answer->part_count, count);
	cr_assert_eq(rk_proto_next(&reader, &field), 1);
	decode(world, &ops[answer->part_count], field.bytes, &parts[answer->part_count]);
	answer->parts = parts;
	answer->part_count++;
}

static void decode(struct world *world, const struct rk_hist_request *request, struct rk_span bytes,
		   struct rk_hist_answer *ret)
{
	struct rk_reader reader = rk_reader_of(bytes);
	struct rk_proto_field field;
	const bool is_txn = request->kind == RK_HIST_TXN;
	const uint32_t kvs = request->kind == RK_HIST_DELETE ? 3 : 2;
	const uint32_t count = request->kind == RK_HIST_RANGE ? 4 : 2;
	int more;

	while ((more = rk_proto_next(&reader, &field)) == 1) {
		if (is_txn && field.number == 2)
			ret->succeeded = field.value != 0;
		else if (is_txn && field.number == 3)
			decode_part(world, ret->succeeded ? request->then_ops : request->else_ops,
				    ret->succeeded ? request->then_count : request->else_count,
				    field.bytes, ret);
		else if (field.number == kvs && field.kind == RK_PROTO_BYTES)
			add_kv(world, ret, field.bytes);
		else if (field.number == count && field.kind == RK_PROTO_NUMBER)
			ret->count = (int64_t)field.value;
	}
	cr_assert_eq(more, 0);
}

/* --- carrying out --- */

static int apply(struct world *world, enum rk_entry_type type, struct rk_span body,
		 struct rk_buf *ret_answer)
{
	RK_AUTO(rk_buf_done) struct rk_buf bytes = { 0 };
	struct rk_applied applied;
	int code = 0;

	rk_envelope_write(&bytes, &(struct rk_envelope){ .type = type, .body = body });
	rk_machine_apply(world->machine, ++world->index, world->now_ms, rk_buf_span(&bytes), true,
			 &applied);
	if (applied.outcome_count > 0) {
		code = applied.outcomes[0].code;
		rk_buf_put_span(ret_answer, rk_blob_span(applied.outcomes[0].doc));
	}
	world->revision = (int64_t)applied.revision;
	rk_applied_done(&applied);
	return code;
}

static int propose(struct world *world, enum rk_etcd_entry entry, const struct rk_buf *message,
		   struct rk_buf *ret_answer)
{
	RK_AUTO(rk_buf_done) struct rk_buf body = { 0 };

	rk_buf_put_u8(&body, (uint8_t)entry);
	rk_buf_put_span(&body, rk_buf_span(message));
	return apply(world, RK_ENTRY_ETCD, rk_buf_span(&body), ret_answer);
}

/* Reads are not logged. */
static enum rk_hist_code read_now(struct world *world, const struct rk_buf *message,
				  struct rk_buf *ret_answer)
{
	const struct rk_etcd_run run = { .root = rk_store_root(store_of(world)),
					 .now = rk_store_revision(store_of(world)) };
	struct rk_etcd_range_request request;

	cr_assert_eq(rk_etcd_read_range(rk_buf_span(message), &request), RK_OK);
	const enum rk_etcd_error error = rk_etcd_range(&run, &request, ret_answer);
	return error == RK_ETCD_OK          ? RK_HIST_OK
	       : error == RK_ETCD_COMPACTED ? RK_HIST_COMPACTED
					    : RK_HIST_FUTURE;
}

static void perform(struct world *world, const struct rk_hist_request *request)
{
	static const enum rk_etcd_entry entries[] = { [RK_HIST_PUT] = RK_ETCD_ENTRY_PUT,
						      [RK_HIST_DELETE] = RK_ETCD_ENTRY_DELETE,
						      [RK_HIST_TXN] = RK_ETCD_ENTRY_TXN,
						      [RK_HIST_COMPACT] = RK_ETCD_ENTRY_COMPACT };
	RK_AUTO(rk_buf_done) struct rk_buf message = { 0 };
	RK_AUTO(rk_buf_done) struct rk_buf answer = { 0 };
	struct rk_hist_op *op = rk_history_op(&world->history);

	op->request = *request;
	op->invoked_at = ++world->clock;
	encode(request, &message);
	if (request->kind == RK_HIST_RANGE)
		op->answer.code = read_now(world, &message, &answer);
	else if (propose(world, entries[request->kind], &message, &answer) != 0)
		op->answer.code =
			request->kind == RK_HIST_COMPACT ? RK_HIST_COMPACTED : RK_HIST_REFUSED;
	op->answer.revision = request->kind == RK_HIST_RANGE
				      ? (int64_t)rk_store_revision(store_of(world))
				      : world->revision;
	if (op->answer.code == RK_HIST_OK)
		decode(world, request, rk_buf_span(&answer), &op->answer);
	op->returned_at = ++world->clock;
}

static void grant(struct world *world)
{
	RK_AUTO(rk_buf_done) struct rk_buf message = { 0 };
	RK_AUTO(rk_buf_done) struct rk_buf answer = { 0 };

	rk_proto_put_number(&message, 1, 2 + dice(world, 3));
	rk_proto_put_number(&message, 2, (uint64_t)++world->lease);
	cr_assert_eq(propose(world, RK_ETCD_ENTRY_GRANT, &message, &answer), 0);
}

static void snapshot(struct world *world)
{
	struct rk_store_load *load = rk_store_load_new();
	struct rk_view *view = rk_store_view(store_of(world));
	RK_AUTO(rk_buf_done) struct rk_buf bytes = { 0 };
	struct rk_store_dump dump = { 0 };
	struct rk_store *store = NULL;
	bool done = false;

	while (!done)
		rk_store_dump_next(&dump, view, 4096, &bytes, &done);
	(void)rk_view_unref(view);
	cr_assert_eq(rk_store_load_feed(load, rk_buf_span(&bytes)), RK_OK);
	cr_assert_eq(rk_store_load_finish(load, &store), RK_OK);
	(void)rk_store_load_free(load);
	(void)rk_machine_free(world->machine);
	world->machine = rk_machine_of(world->kinds, store);
}

/* What is watched before is over; for the history it is a compaction. */
static void rebirth(struct world *world)
{
	const struct rk_rebirth how = { .cluster = { dice(world, 1000), 1 }, .skip = 1000 };

	cr_assert_eq(rk_rebirth(store_of(world), world->kinds, &how), RK_OK);
	const int64_t revision = (int64_t)rk_store_revision(store_of(world));
	struct rk_hist_op *op = rk_history_op(&world->history);
	op->request = (struct rk_hist_request){ .kind = RK_HIST_COMPACT, .revision = revision };
	op->invoked_at = ++world->clock;
	op->answer.revision = revision;
	op->returned_at = ++world->clock;
	snapshot(world);
}

/* One watch of everything, fed from the product's own events as they come. */
static void watch(struct world *world)
{
	const struct rk_node *root = rk_store_root(store_of(world));
	struct rk_arena *arena = &world->history.arena;
	struct rk_hist_event *all = rk_arena_zalloc(arena, 256 * sizeof *all);
	struct rk_etcd_events events;
	struct rk_etcd_event event;
	struct rk_etcd_kv prev;
	size_t count = 0;

	rk_etcd_events_begin(&events, root, world->watched + 1);
	while (rk_etcd_events_next(&events, &event)) {
		struct rk_hist_event *to = &all[count++];
		cr_assert_lt(count, 256);
		to->is_delete = event.is_delete;
		if (event.is_delete)
			to->kv = (struct rk_hist_kv){ .key = rk_arena_span(arena, event.key),
						      .modified = (int64_t)event.revision };
		else
			to->kv = kv_of(world, &event.kv);
		to->has_prev = rk_etcd_get(root, event.key, event.revision - 1, &prev);
		if (to->has_prev)
			to->prev = kv_of(world, &prev);
	}
	struct rk_hist_response *response = rk_history_response(&world->history.watches[0]);
	response->at = ++world->clock;
	response->count = count;
	response->events = all;
	response->is_progress = count == 0;
	response->revision = (int64_t)rk_store_revision(store_of(world));
	world->watched = rk_store_revision(store_of(world));
}

static void step(struct world *world)
{
	const int64_t revision = (int64_t)rk_store_revision(store_of(world));
	RK_AUTO(rk_buf_done) struct rk_buf none = { 0 };
	struct rk_hist_request request = { .kind = RK_HIST_COMPACT };
	const uint64_t what = dice(world, 100);

	world->now_ms += (int64_t)dice(world, 200);
	if (what < 30) {
		request = some_put(world, dice(world, KEYS));
	} else if (what < 60) {
		request = some_other(world, true);
		if (request.kind == RK_HIST_RANGE && dice(world, 2) == 0)
			request.revision = 1 + (int64_t)dice(world, (uint64_t)revision + 2);
	} else if (what < 85) {
		request = some_txn(world);
	} else if (what < 92) {
		(void)apply(world, RK_ENTRY_TICK, RK_SPAN(""), &none);
		grant(world);
		return;
	} else if (what < 94) {
		request.revision = 1 + (int64_t)dice(world, (uint64_t)revision);
	} else if (what < 97) {
		snapshot(world);
		return;
	} else {
		(void)apply(world, RK_ENTRY_TICK, RK_SPAN(""), &none);
		return;
	}
	perform(world, &request);
}

static void begin(struct world *world, uint64_t seed)
{
	const struct rk_cluster_config config = { 1, 2, RK_SPAN("10.96.0.0/16"),
						  RK_SPAN("10.244.0.0/16"),
						  RK_SPAN("cluster.local") };
	struct rk_blob *body = rk_cluster_config_encode(&config);
	RK_AUTO(rk_buf_done) struct rk_buf none = { 0 };

	*world = (struct world){ .seed = seed * 7919 + 3,
				 .kinds = rk_kinds_new(),
				 .now_ms = 1767323045000 };
	world->machine = rk_machine_new(world->kinds);
	(void)apply(world, RK_ENTRY_INIT, rk_blob_span(body), &none);
	(void)rk_blob_unref(body);
	grant(world);
	world->watched = rk_store_revision(store_of(world));
	struct rk_hist_watch *watch = rk_history_watch(&world->history);
	watch->from = (int64_t)world->watched + 1;
	watch->range = (struct rk_hist_range){ RK_SPAN("k"), rk_span_of("", 1) };
	watch->prev_kv = true;
}

static void end(struct world *world)
{
	rk_history_done(&world->history);
	(void)rk_machine_free(world->machine);
	(void)rk_kinds_free(world->kinds);
}

/* Before a compaction the watch takes what there is: what was there before is gone afterwards. */
static void run(uint64_t seed, unsigned steps, bool with_rebirth)
{
	struct rk_findings findings = { 0 };
	struct rk_model truth = { 0 };
	struct world world;

	begin(&world, seed);
	const struct rk_linear_opts opts = { .first_revision = (int64_t)world.watched };
	for (unsigned i = 0; i < steps; i++) {
		step(&world);
		watch(&world);
		if (with_rebirth && i == steps / 2)
			rebirth(&world);
	}
	bool is_right = rk_check_linear(&world.history, &opts, &truth, &findings);
	if (is_right)
		is_right = rk_check_watch(&world.history, &truth, &findings);
	cr_expect(is_right, "seed %d: %s", (int)seed, rk_buf_cstr(&findings.text));
	rk_model_done(&truth);
	rk_findings_done(&findings);
	end(&world);
}

Test(product, does_what_the_model_does)
{
	for (uint64_t seed = 1; seed <= 25; seed++)
		run(seed, 300, false);
}

Test(product, goes_on_after_a_new_beginning)
{
	for (uint64_t seed = 101; seed <= 125; seed++)
		run(seed, 200, true);
}
