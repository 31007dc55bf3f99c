/* etcd's keyspace in the machine: every request as an entry, every moment readable until it is
 * compacted, and the same log gives the same state. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "base/mem.h"
#include "control/etcd/hash.h"
#include "control/etcd/lease.h"
#include "control/etcd/list.h"
#include "control/schema/kinds.h"
#include "wire/grpc.h"
#include "etcd_world.h"
#include "wire/proto.h"

Test(etcd, one_key_through_its_life)
{
	RK_AUTO(world_done) struct world world = world_new();
	const uint64_t before = world_revision(&world);

	world_put(&world, "a", "1", 0);
	cr_assert_eq(world_revision(&world), before + 1);
	world_put(&world, "a", "2", 0);
	world_delete_range(&world, "a", "");
	world_put(&world, "a", "3", 0);
	cr_text(world_all(&world, before + 1), "a=1@1 count:1 ");
	cr_text(world_all(&world, before + 2), "a=2@2 count:1 ");
	cr_text(world_all(&world, before + 3), "");
	cr_text(world_all(&world, 0), "a=3@1 count:1 ");
	cr_text(world_all(&world, before + 5),
		"etcdserver: mvcc: required revision is a future revision");
	world_delete_range(&world, "b", "");
	cr_assert_eq(world_revision(&world), before + 4, "nothing was deleted: no revision");
}

Test(etcd, every_option_of_a_range)
{
	RK_AUTO(world_done) struct world world = world_new();
	const int64_t first = (int64_t)world_revision(&world) + 1;
	const struct rk_etcd_range every = { RK_SPAN("\0"), RK_SPAN("\0") };

	world_put(&world, "a", "3", 0);
	world_put(&world, "b", "2", 0);
	world_put(&world, "c", "1", 0);
	world_put(&world, "b", "9", 0);
	const struct {
		struct rk_etcd_range_request asked;
		const char *want;
	} cases[] = {
		{ { .range = { RK_SPAN("a"), { 0 } } }, "a=3@1 count:1 " },
		{ { .range = { RK_SPAN("b"), RK_SPAN("\0") } }, "b=9@2 c=1@1 count:2 " },
		{ { .range = { RK_SPAN("a"), RK_SPAN("c") } }, "a=3@1 b=9@2 count:2 " },
		{ { .range = { RK_SPAN("c"), RK_SPAN("a") } }, "" },
		{ { .range = every, .limit = 2 }, "a=3@1 b=9@2 more:1 count:3 " },
		{ { .range = every, .limit = 3 }, "a=3@1 b=9@2 c=1@1 count:3 " },
		{ { .range = every, .limit = 1, .order = RK_ETCD_DESCEND },
		  "c=1@1 more:1 count:3 " },
		{ { .range = every, .target = RK_ETCD_BY_VALUE }, "c=1@1 a=3@1 b=9@2 count:3 " },
		{ { .range = every, .target = RK_ETCD_BY_MOD, .order = RK_ETCD_DESCEND },
		  "b=9@2 c=1@1 a=3@1 count:3 " },
		{ { .range = every, .target = RK_ETCD_BY_CREATE, .order = RK_ETCD_ASCEND },
		  "a=3@1 b=9@2 c=1@1 count:3 " },
		{ { .range = every, .target = RK_ETCD_BY_VERSION, .order = RK_ETCD_DESCEND },
		  "b=9@2 c=1@1 a=3@1 count:3 " },
		{ { .range = every, .keys_only = true }, "a=@1 b=@2 c=@1 count:3 " },
		{ { .range = every, .count_only = true }, "count:3 " },
		{ { .range = every, .min_mod = first + 2 }, "b=9@2 c=1@1 count:3 " },
		{ { .range = every, .max_mod = first + 1 }, "a=3@1 count:3 " },
		{ { .range = every, .min_create = first + 2 }, "c=1@1 count:3 " },
		{ { .range = every, .max_create = first }, "a=3@1 count:3 " },
		{ { .range = every, .revision = first + 1 }, "a=3@1 b=2@1 count:2 " },
	};
	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		struct rk_etcd_range_request asked = cases[i].asked;
		const char *got = world_list(&world, &asked);
		cr_expect_str_eq(got, cases[i].want, "case %zu: %s, not %s", i, got, cases[i].want);
	}
}

/* --- transactions --- */

static void compare(struct rk_buf *txn, const char *key, const char *end, int target, int result,
		    uint32_t field, int64_t number, const char *value)
{
	struct rk_buf message = { 0 };

	rk_proto_put_number(&message, 1, (uint64_t)result);
	rk_proto_put_number(&message, 2, (uint64_t)target);
	rk_proto_put_bytes(&message, 3, rk_span_str(key));
	if (value != NULL)
		rk_proto_put_bytes(&message, field, rk_span_str(value));
	else
		rk_proto_put_number(&message, field, (uint64_t)number);
	rk_proto_put_bytes(&message, 64, rk_span_str(end));
	rk_proto_put_message(txn, 1, rk_buf_span(&message));
	rk_buf_done(&message);
}

static void add_op(struct rk_buf *txn, uint32_t branch, enum rk_etcd_op_kind kind, const char *key,
		   const char *more)
{
	struct rk_buf message = { 0 }, op = { 0 };

	rk_proto_put_bytes(&message, 1, rk_span_str(key));
	rk_proto_put_bytes(&message, 2, rk_span_str(more));
	rk_proto_put_message(&op, kind, rk_buf_span(&message));
	rk_proto_put_message(txn, branch, rk_buf_span(&op));
	rk_buf_done(&message);
	rk_buf_done(&op);
}

static bool has_succeeded(const struct world *world)
{
	struct rk_reader reader = rk_reader_of(rk_buf_span(&world->answer));
	struct rk_proto_field field;

	while (rk_proto_next(&reader, &field) == 1)
		if (field.number == 2)
			return field.value != 0;
	return false;
}

Test(etcd, every_comparison)
{
	RK_AUTO(world_done) struct world world = world_new();

	world_numbers(&world, RK_ETCD_ENTRY_GRANT, 100, 77);
	world_put(&world, "a", "m", 77);
	world_put(&world, "a", "m", 77);
	world_put(&world, "b", "m", 0);
	const int64_t b = (int64_t)world_revision(&world);
	const struct {
		const char *key, *end;
		int target, result;
		uint32_t field;
		int64_t number;
		const char *value;
		bool want;
	} cases[] = {
		{ "a", "", RK_ETCD_OF_VERSION, RK_ETCD_EQUAL, 4, 2, NULL, true },
		{ "a", "", RK_ETCD_OF_VERSION, RK_ETCD_GREATER, 4, 1, NULL, true },
		{ "a", "", RK_ETCD_OF_VERSION, RK_ETCD_LESS, 4, 2, NULL, false },
		{ "a", "", RK_ETCD_OF_VERSION, RK_ETCD_NOT_EQUAL, 4, 2, NULL, false },
		{ "b", "", RK_ETCD_OF_MOD, RK_ETCD_EQUAL, 6, b, NULL, true },
		{ "b", "", RK_ETCD_OF_CREATE, RK_ETCD_EQUAL, 5, b, NULL, true },
		{ "a", "", RK_ETCD_OF_CREATE, RK_ETCD_LESS, 5, b, NULL, true },
		{ "a", "", RK_ETCD_OF_VALUE, RK_ETCD_EQUAL, 7, 0, "m", true },
		{ "a", "", RK_ETCD_OF_VALUE, RK_ETCD_GREATER, 7, 0, "l", true },
		{ "a", "", RK_ETCD_OF_LEASE, RK_ETCD_EQUAL, 8, 77, NULL, true },
		{ "none", "", RK_ETCD_OF_VERSION, RK_ETCD_EQUAL, 4, 0, NULL, true },
		{ "none", "", RK_ETCD_OF_MOD, RK_ETCD_GREATER, 6, 0, NULL, false },
		{ "none", "", RK_ETCD_OF_VALUE, RK_ETCD_NOT_EQUAL, 7, 0, "m", false },
		{ "a", "c", RK_ETCD_OF_VALUE, RK_ETCD_EQUAL, 7, 0, "m", true },
		{ "a", "c", RK_ETCD_OF_VERSION, RK_ETCD_EQUAL, 4, 2, NULL, false },
	};
	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		struct rk_buf txn = { 0 };
		compare(&txn, cases[i].key, cases[i].end, cases[i].target, cases[i].result,
			cases[i].field, cases[i].number, cases[i].value);
		world_request(&world, RK_ETCD_ENTRY_TXN, &txn);
		cr_expect_eq(has_succeeded(&world), cases[i].want, "case %zu", i);
		rk_buf_done(&txn);
	}
}

Test(etcd, a_transaction_has_one_revision_and_sees_itself)
{
	RK_AUTO(world_done) struct world world = world_new();
	struct rk_buf txn = { 0 }, inner = { 0 }, op = { 0 };
	const uint64_t before = world_revision(&world);

	/* The nested one compares what was there before the whole. */
	compare(&inner, "x", "", RK_ETCD_OF_VERSION, RK_ETCD_EQUAL, 4, 0, NULL);
	add_op(&inner, 2, RK_ETCD_PUT, "y", "inner");
	add_op(&inner, 3, RK_ETCD_PUT, "z", "inner");
	add_op(&txn, 2, RK_ETCD_PUT, "x", "1");
	rk_proto_put_message(&op, RK_ETCD_TXN, rk_buf_span(&inner));
	rk_proto_put_message(&txn, 2, rk_buf_span(&op));
	add_op(&txn, 2, RK_ETCD_DELETE, "none", "");
	world_request(&world, RK_ETCD_ENTRY_TXN, &txn);
	cr_assert_eq(world.code, RK_GRPC_OK);
	cr_assert(has_succeeded(&world));
	cr_assert_eq(world_revision(&world), before + 1);
	cr_text(world_all(&world, 0), "x=1@1 y=inner@1 count:2 ");
	rk_buf_done(&txn);
	rk_buf_done(&inner);
	rk_buf_done(&op);
}

Test(etcd, a_transaction_that_fails_changes_nothing)
{
	RK_AUTO(world_done) struct world world = world_new();
	struct rk_buf txn = { 0 }, put_message = { 0 }, op = { 0 };
	const uint64_t before = world_revision(&world);

	add_op(&txn, 2, RK_ETCD_PUT, "x", "1");
	rk_proto_put_bytes(&put_message, 1, RK_SPAN("y"));
	rk_proto_put_number(&put_message, 3, 4711); /* no such lease */
	rk_proto_put_message(&op, RK_ETCD_PUT, rk_buf_span(&put_message));
	rk_proto_put_message(&txn, 2, rk_buf_span(&op));
	world_request(&world, RK_ETCD_ENTRY_TXN, &txn);
	cr_assert_eq(world.code, RK_GRPC_NOT_FOUND);
	cr_assert(rk_span_is(rk_buf_span(&world.answer), "etcdserver: requested lease not found"));
	cr_assert_eq(world_revision(&world), before);
	cr_text(world_all(&world, 0), "");
	rk_buf_done(&txn);
	rk_buf_done(&put_message);
	rk_buf_done(&op);
}

static enum rk_etcd_error checked(const struct rk_buf *txn)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	struct rk_etcd_txn read;

	cr_assert_eq(rk_etcd_read_txn(&arena, rk_buf_span(txn), &read), RK_OK);
	return rk_etcd_check_txn(&read);
}

Test(etcd, what_a_transaction_must_not_do)
{
	struct rk_buf txn = { 0 }, inner = { 0 }, op = { 0 };

	add_op(&txn, 2, RK_ETCD_PUT, "a", "1");
	add_op(&txn, 3, RK_ETCD_PUT, "a", "2");
	cr_expect_eq(checked(&txn), RK_ETCD_OK, "each branch may");
	add_op(&txn, 2, RK_ETCD_PUT, "a", "3");
	cr_expect_eq(checked(&txn), RK_ETCD_DUPLICATE_KEY);

	rk_buf_clear(&txn);
	add_op(&txn, 2, RK_ETCD_PUT, "b", "1");
	add_op(&txn, 2, RK_ETCD_DELETE, "a", "c");
	cr_expect_eq(checked(&txn), RK_ETCD_DUPLICATE_KEY, "put and deleted");

	rk_buf_clear(&txn);
	add_op(&inner, 2, RK_ETCD_PUT, "b", "1");
	add_op(&inner, 3, RK_ETCD_PUT, "b", "1");
	rk_proto_put_message(&op, RK_ETCD_TXN, rk_buf_span(&inner));
	rk_proto_put_message(&txn, 2, rk_buf_span(&op));
	cr_expect_eq(checked(&txn), RK_ETCD_OK, "both branches of a nested one may");
	add_op(&txn, 2, RK_ETCD_PUT, "b", "1");
	cr_expect_eq(checked(&txn), RK_ETCD_DUPLICATE_KEY, "but not beside it");

	rk_buf_clear(&txn);
	char key[16];
	for (int i = 0; i < RK_ETCD_OPS_MAX + 1; i++) {
		(void)snprintf(key, sizeof key, "k%d", i);
		cr_expect_eq(checked(&txn), RK_ETCD_OK);
		add_op(&txn, 2, RK_ETCD_PUT, key, "1");
	}
	cr_expect_eq(checked(&txn), RK_ETCD_TOO_MANY_OPS);
	rk_buf_clear(&txn);
	add_op(&txn, 2, RK_ETCD_PUT, "", "1");
	cr_expect_eq(checked(&txn), RK_ETCD_EMPTY_KEY);
	rk_buf_done(&txn);
	rk_buf_done(&inner);
	rk_buf_done(&op);
}

/* --- leases --- */

Test(etcd, a_lease_ends_with_its_keys)
{
	RK_AUTO(world_done) struct world world = world_new();

	world_numbers(&world, RK_ETCD_ENTRY_GRANT, 10, 5);
	world_put(&world, "a", "1", 5);
	world_put(&world, "b", "1", 5);
	world_put(&world, "c", "1", 5);
	world_put(&world, "c", "2", 0); /* leaves it */
	const uint64_t before = world_revision(&world);
	world.now_ms += 9000;
	world_numbers(&world, RK_ETCD_ENTRY_KEEP, 5, 0);
	world.now_ms += 9000;
	cr_assert_leq(rk_machine_next_due_ms(world.machine), world.now_ms);
	world_apply(&world, RK_ENTRY_TICK, RK_SPAN(""));
	cr_text(world_all(&world, 0), "a=1@1 b=1@1 c=2@2 count:3 ");
	world.now_ms = rk_machine_next_due_ms(world.machine);
	cr_assert_eq(world.now_ms, WORLD_START_MS + 19000);
	world_apply(&world, RK_ENTRY_TICK, RK_SPAN(""));
	cr_text(world_all(&world, 0), "c=2@2 count:1 ");
	cr_assert_eq(world_revision(&world), before + 1);
	world_numbers(&world, RK_ETCD_ENTRY_REVOKE, 5, 0);
	cr_assert_eq(world.code, RK_GRPC_NOT_FOUND);
}

/* clientv3's mutex takes the header's revision for the one that its key was created at: with a later one it waits
 * for itself. */
Test(etcd, an_answer_has_the_revision_of_its_own_change)
{
	RK_AUTO(world_done) struct world world = world_new();
	struct rk_etcd_kv kv;

	world_numbers(&world, RK_ETCD_ENTRY_GRANT, 2, 77);
	world_put(&world, "leased", "1", 77);
	world.now_ms += 5000;
	world_put(&world, "a", "1", 0); /* and under the same entry the lease ends */
	cr_text(world_all(&world, 0), "a=1@1 count:1 ");
	cr_assert(rk_etcd_get(world_root(&world), RK_SPAN("a"), world_revision(&world), &kv));
	cr_expect_eq((uint64_t)kv.created, world.own_revision);
	cr_expect_eq(world_revision(&world), world.own_revision + 1);
}

Test(etcd, what_a_lease_must_not_do)
{
	RK_AUTO(world_done) struct world world = world_new();
	struct rk_etcd_lease lease;

	world_numbers(&world, RK_ETCD_ENTRY_GRANT, 1, 5);
	cr_assert(rk_etcd_lease_get(world_root(&world), 5, &lease));
	cr_assert_eq(lease.ttl_s, RK_ETCD_TTL_MIN);
	world_numbers(&world, RK_ETCD_ENTRY_GRANT, 1, 5);
	cr_assert_eq(world.code, RK_GRPC_PRECONDITION);
	world_numbers(&world, RK_ETCD_ENTRY_GRANT, RK_ETCD_TTL_MAX + 1, 6);
	cr_assert_eq(world.code, RK_GRPC_OUT_OF_RANGE);
	world_put(&world, "a", "1", 9);
	cr_assert_eq(world.code, RK_GRPC_NOT_FOUND);
	world_numbers(&world, RK_ETCD_ENTRY_REVOKE, 5, 0);
	cr_assert_eq(world.code, RK_GRPC_OK);
	cr_assert_not(rk_etcd_lease_get(world_root(&world), 5, &lease));
}

/* --- history, compaction, replay --- */

static uint32_t dice(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 16;
}

#define MOMENTS 200

/* Random changes of a few awkward keys. What each revision looked like is kept. */
static void scramble(struct world *world, char *moments[MOMENTS], uint64_t *ret_first)
{
	static const char *const keys[] = { "a", "a\x01", "ab", "b", "\x01", "\xff", "\xff\xff" };
	uint32_t seed = 7;

	*ret_first = world_revision(world) + 1;
	for (size_t i = 0; i < MOMENTS;) {
		const char *key = keys[dice(&seed) % RK_COUNT(keys)];
		const uint64_t before = world_revision(world);
		char value[24];
		(void)snprintf(value, sizeof value, "%zu", i);
		if (dice(&seed) % 3 != 0)
			world_put(world, key, value, 0);
		else
			world_delete_range(world, key, dice(&seed) % 2 == 0 ? "" : "b");
		if (world_revision(world) > before)
			moments[i++] = rk_strdup(world_all(world, 0));
	}
}

static void settle(struct world *world)
{
	for (int i = 0; i < 100 && rk_machine_next_due_ms(world->machine) != INT64_MAX; i++) {
		world->now_ms = RK_MAX(world->now_ms, rk_machine_next_due_ms(world->machine));
		world_apply(world, RK_ENTRY_TICK, RK_SPAN(""));
	}
	while (rk_machine_has_work(world->machine))
		world_apply(world, RK_ENTRY_ADVANCE, RK_SPAN(""));
}

static size_t count_keys(const struct world *world, const char *space)
{
	struct rk_tree_iter iter;
	const struct rk_item *item;
	size_t count = 0;

	rk_tree_seek(&iter, world_root(world), rk_span_str(space));
	while ((item = rk_tree_next(&iter)) != NULL && item->key[0] == (uint8_t)space[0])
		count++;
	return count;
}

Test(etcd, every_moment_can_be_read_until_it_is_compacted)
{
	RK_AUTO(world_done) struct world world = world_new();
	char *moments[MOMENTS];
	uint64_t first;

	scramble(&world, moments, &first);
	for (size_t i = 0; i < MOMENTS; i++)
		cr_text(world_all(&world, first + i), moments[i]);
	for (size_t compact = 50; compact <= 150; compact += 50) {
		world_numbers(&world, RK_ETCD_ENTRY_COMPACT, (int64_t)(first + compact), 0);
		cr_assert_eq(world.code, RK_GRPC_OK);
		const uint32_t hash = rk_etcd_hash(world_root(&world), world_revision(&world));
		settle(&world);
		cr_assert_eq(rk_etcd_hash(world_root(&world), world_revision(&world)), hash,
			     "removing changes nothing that can be read");
		for (size_t i = 0; i < MOMENTS; i++)
			cr_text(world_all(&world, first + i),
				i < compact ? "etcdserver: mvcc: required revision has been "
					      "compacted"
					    : moments[i]);
		world_numbers(&world, RK_ETCD_ENTRY_COMPACT, (int64_t)(first + compact), 0);
		cr_assert_eq(world.code, RK_GRPC_OUT_OF_RANGE);
	}
	world_delete_range(&world, "\x01", "\xff\xff\xff");
	world_put(&world, "last", "1", 0);
	world_numbers(&world, RK_ETCD_ENTRY_COMPACT, (int64_t)world_revision(&world), 0);
	settle(&world);
	cr_assert_eq(count_keys(&world, "v"), 0, "%zu old versions are left",
		     count_keys(&world, "v"));
	cr_assert_eq(count_keys(&world, "w"), 1);
	for (size_t i = 0; i < MOMENTS; i++)
		free(moments[i]);
}

Test(etcd, events_tell_every_change_in_order)
{
	RK_AUTO(world_done) struct world world = world_new();
	struct rk_etcd_events events;
	struct rk_etcd_event event;
	const uint64_t first = world_revision(&world) + 1;
	char text[256] = "";
	size_t used = 0;

	world_put(&world, "a", "1", 0);
	world_put(&world, "b", "2", 0);
	world_put(&world, "a", "3", 0);
	world_delete_range(&world, "a", "c");
	world_put(&world, "a", "4", 0);
	rk_etcd_events_begin(&events, world_root(&world), first);
	while (rk_etcd_events_next(&events, &event))
		used += (size_t)snprintf(text + used, sizeof text - used, "%llu:%.*s%s%.*s ",
					 (unsigned long long)(event.revision - first),
					 RK_SPAN_ARGS(event.key), event.is_delete ? "-" : "=",
					 RK_SPAN_ARGS(event.kv.value));
	cr_text(text, "0:a=1 1:b=2 2:a=3 3:a- 3:b- 4:a=4 ");
}

/* From a snapshot of the middle, the rest of the log leads to the same state. */
Test(etcd, a_restored_member_goes_on_the_same)
{
	RK_AUTO(world_done) struct world world = world_new();
	RK_AUTO(world_done) struct world other = { .kinds = rk_kinds_new() };
	struct rk_store_dump dump = { 0 };
	struct rk_store_load *load = rk_store_load_new();
	struct rk_store *store = NULL;
	struct rk_buf bytes = { 0 };
	char *moments[MOMENTS];
	uint64_t first;
	bool done = false;

	scramble(&world, moments, &first);
	world_numbers(&world, RK_ETCD_ENTRY_GRANT, 10, 5);
	world_put(&world, "leased", "1", 5);
	world_numbers(&world, RK_ETCD_ENTRY_COMPACT, (int64_t)(first + 120), 0);
	struct rk_view *view = rk_store_view(rk_machine_store(world.machine));
	while (!done)
		rk_store_dump_next(&dump, view, 4096, &bytes, &done);
	(void)rk_view_unref(view);
	cr_assert_eq(rk_store_load_feed(load, rk_buf_span(&bytes)), RK_OK);
	cr_assert_eq(rk_store_load_finish(load, &store), RK_OK);
	(void)rk_store_load_free(load);
	other.machine = rk_machine_of(other.kinds, store);
	other.index = world.index;
	other.now_ms = world.now_ms;
	settle(&world);
	settle(&other);
	world_put(&world, "after", "1", 0);
	world_put(&other, "after", "1", 0);
	const struct rk_hash128 a = rk_store_hash(rk_machine_store(world.machine));
	const struct rk_hash128 b = rk_store_hash(rk_machine_store(other.machine));
	cr_assert(rk_hash128_eq(a, b));
	for (size_t i = 0; i < MOMENTS; i++)
		free(moments[i]);
	rk_buf_done(&bytes);
}

/* What goes out in pieces is byte for byte what the range says in one. */
Test(etcd, a_list_in_pieces_is_the_range)
{
	static const struct {
		const char *key, *end;
		int64_t limit;
	} cases[] = { { "a", "z", 0 }, { "a", "z", 7 }, { "k1", "k2", 0 }, { "x", "z", 0 }, { "a", "z", 500 } };
	RK_AUTO(world_done) struct world world = world_new();
	char key[16], value[400];

	for (int i = 0; i < 200; i++) {
		(void)snprintf(key, sizeof key, "k%d", i * 37 % 200);
		(void)snprintf(value, sizeof value, "%0*d", i * 2 + 1, i);
		world_put(&world, key, value, 0);
	}
	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		const struct rk_etcd_run run = { .root = world_root(&world), .now = world_revision(&world) };
		const struct rk_etcd_range_request asked = {
			.range = { rk_span_str(cases[i].key), rk_span_str(cases[i].end) },
			.limit = cases[i].limit
		};
		struct rk_buf whole = { 0 }, pieces = { 0 };
		struct rk_etcd_list list;
		struct rk_blob *piece;
		cr_assert(rk_etcd_list_takes(&asked, run.now));
		cr_assert_eq(rk_etcd_range(&run, &asked, &whole), RK_ETCD_OK);
		rk_etcd_list_begin(&list, run.root, &asked);
		while ((piece = rk_etcd_list_piece(&list, 1000)) != NULL) {
			rk_buf_put_span(&pieces, rk_blob_span(piece));
			(void)rk_blob_unref(piece);
		}
		cr_expect_eq(pieces.size, list.bytes);
		rk_proto_put_number(&pieces, 3, list.more);
		rk_proto_put_number(&pieces, 4, (uint64_t)list.count);
		cr_expect(rk_span_eq(rk_buf_span(&whole), rk_buf_span(&pieces)), "case %zu", i);
		rk_buf_done(&whole);
		rk_buf_done(&pieces);
	}
}

Test(etcd, bytes_that_are_no_request)
{
	RK_AUTO(world_done) struct world world = world_new();
	const uint64_t before = world_revision(&world);
	struct rk_buf junk = { 0 };

	rk_buf_put_str(&junk, "\xff\xff\xff");
	for (int entry = 0; entry < 24; entry++) {
		world_request(&world, (enum rk_etcd_entry)entry, &junk);
		cr_expect_neq(world.code, RK_GRPC_OK, "entry %d", entry);
	}
	world_apply(&world, RK_ENTRY_ETCD, RK_SPAN(""));
	cr_expect_neq(world.code, RK_GRPC_OK);
	cr_assert_eq(world_revision(&world), before);
	rk_buf_done(&junk);
}
