/* The bytes of a back-up, and a state that begins anew. */
#include <criterion/criterion.h>

#include "base/mem.h"
#include "control/backup.h"
#include "control/etcd/apply.h"
#include "control/machine.h"
#include "control/rebirth.h"
#include "wire/proto.h"

static struct rk_entry entry_of(uint64_t index, const char *payload)
{
	return (struct rk_entry){ .index = index,
				  .term = 3,
				  .time_ms = (int64_t)(1000 * index),
				  .kind = payload != NULL ? RK_ENTRY_NORMAL : RK_ENTRY_NOOP,
				  .payload = payload != NULL ? rk_blob_copy(rk_span_str(payload))
							     : NULL };
}

Test(backup, entries_come_back)
{
	static const char *const payloads[] = { "one", "", NULL, "four" };
	RK_AUTO(rk_buf_done) struct rk_buf out = { 0 };
	struct rk_span payload, record;
	struct rk_entry got;
	size_t at = 0;

	for (size_t i = 0; i < RK_COUNT(payloads); i++) {
		struct rk_entry entry = entry_of(i + 1, payloads[i]);
		rk_backup_put_entry(&out, &entry);
		rk_entries_done(&entry, 1);
	}
	for (size_t i = 0; i < RK_COUNT(payloads); i++) {
		const struct rk_span rest = rk_span_sub(rk_buf_span(&out), at, out.size);
		cr_assert_eq(rk_backup_take_entry(rest, &got, &payload, &record), 1);
		cr_expect_eq(got.index, i + 1);
		cr_expect_eq(got.term, 3);
		cr_expect(rk_span_is(payload, payloads[i] != NULL ? payloads[i] : ""));
		at += record.size;
	}
	cr_expect_eq(at, out.size);
}

Test(backup, an_entry_cut_off_or_changed_is_not_one)
{
	RK_AUTO(rk_buf_done) struct rk_buf out = { 0 };
	struct rk_entry entry = entry_of(7, "payload"), got;
	struct rk_span payload, record;

	rk_backup_put_entry(&out, &entry);
	rk_entries_done(&entry, 1);
	for (size_t size = 0; size < out.size; size++)
		cr_expect_eq(
			rk_backup_take_entry(rk_span_of(out.data, size), &got, &payload, &record),
			0);
	for (size_t at = 0; at < out.size; at++) {
		out.data[at] ^= 4;
		cr_expect_neq(rk_backup_take_entry(rk_buf_span(&out), &got, &payload, &record), 1,
			      "byte %zu", at);
		out.data[at] ^= 4;
	}
}

static void add(struct rk_backup *backup, enum rk_backup_kind kind, uint64_t first, uint64_t last)
{
	struct rk_backup_item item = { .kind = kind,
				       .first = first,
				       .last = last,
				       .term = 2,
				       .time_ms = (int64_t)last,
				       .taken_ms = 5,
				       .hash = { last, kind } };

	if (kind != RK_BACKUP_MARK) {
		(void)snprintf(item.name, sizeof item.name, "%d.%s", (int)last,
			       kind == RK_BACKUP_BASE ? "snap" : "part");
		(void)snprintf(item.digest, sizeof item.digest, "sha256:%d", (int)last);
		item.bytes = 100 + last;
	}
	rk_backup_add(backup, &item);
}

/* 1-10, a base at 8, then a gap, a base at 30, 31-40, a base at 35. */
static struct rk_backup sample(void)
{
	struct rk_backup backup = { .cluster = { 0xfedcba9876543210, 5 } };

	add(&backup, RK_BACKUP_PART, 1, 6);
	add(&backup, RK_BACKUP_PART, 7, 10);
	add(&backup, RK_BACKUP_MARK, 0, 10);
	add(&backup, RK_BACKUP_BASE, 0, 8);
	add(&backup, RK_BACKUP_BASE, 0, 30);
	add(&backup, RK_BACKUP_PART, 31, 40);
	add(&backup, RK_BACKUP_BASE, 0, 35);
	return backup;
}

Test(backup, the_manifest_comes_back)
{
	RK_AUTO(rk_backup_done) struct rk_backup backup = sample();
	RK_AUTO(rk_backup_done) struct rk_backup got = { 0 };
	RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };
	struct rk_error error = { 0 };

	rk_backup_encode(&backup, &text);
	cr_assert_eq(rk_backup_decode(rk_buf_span(&text), &got, &error), RK_OK, "%s", error.text);
	cr_expect_eq(got.cluster.high, backup.cluster.high);
	cr_assert_eq(got.count, backup.count);
	for (size_t i = 0; i < got.count; i++) {
		const struct rk_backup_item *a = &backup.items[i], *b = &got.items[i];
		cr_expect(a->kind == b->kind && a->first == b->first && a->last == b->last &&
				  a->term == b->term && a->time_ms == b->time_ms &&
				  a->bytes == b->bytes && rk_hash128_eq(a->hash, b->hash) &&
				  strcmp(a->name, b->name) == 0 &&
				  strcmp(a->digest, b->digest) == 0,
			  "%zu", i);
	}
}

Test(backup, a_manifest_cut_off_or_changed_is_none)
{
	RK_AUTO(rk_backup_done) struct rk_backup backup = sample();
	RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };

	rk_backup_encode(&backup, &text);
	for (size_t size = 0; size + 1 < text.size; size++) { /* but for the last end of line */
		RK_AUTO(rk_backup_done) struct rk_backup got = { 0 };
		cr_expect_lt(rk_backup_decode(rk_span_of(text.data, size), &got, NULL), 0, "%zu",
			     size);
	}
	for (size_t at = 0; at + 1 < text.size; at++) {
		RK_AUTO(rk_backup_done) struct rk_backup got = { 0 };
		text.data[at] ^= 1;
		cr_expect_lt(rk_backup_decode(rk_buf_span(&text), &got, NULL), 0, "byte %zu", at);
		text.data[at] ^= 1;
	}
}

Test(backup, where_a_restore_begins)
{
	static const struct {
		uint64_t index;
		bool leads;
		uint64_t base; /* 0: none */
	} cases[] = { { 0, false, 0 },  { 1, true, 0 },   { 7, true, 0 },   { 8, true, 8 },
		      { 10, true, 8 },  { 11, false, 0 }, { 29, false, 0 }, { 30, true, 30 },
		      { 34, true, 30 }, { 35, true, 35 }, { 40, true, 35 }, { 41, false, 0 } };
	RK_AUTO(rk_backup_done) struct rk_backup backup = sample();

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		const struct rk_backup_item *base = NULL;
		cr_expect_eq(rk_backup_base(&backup, cases[i].index, &base), cases[i].leads, "%d",
			     (int)cases[i].index);
		cr_expect_eq(base != NULL ? base->last : 0, cases[i].base, "%d",
			     (int)cases[i].index);
	}
	cr_expect_eq(rk_backup_last(&backup), 40);
}

/* --- a state that begins anew --- */

static void apply(struct rk_machine *machine, uint64_t index, enum rk_entry_type type,
		  uint64_t incarnation, struct rk_span body)
{
	RK_AUTO(rk_buf_done) struct rk_buf bytes = { 0 };
	const struct rk_envelope envelope = { .type = type,
					      .origin = type == RK_ENTRY_INIT ? 0 : 1,
					      .incarnation = incarnation,
					      .sequence = index,
					      .answered = 1,
					      .body = body };
	struct rk_applied applied;

	rk_envelope_write(&bytes, &envelope);
	rk_machine_apply(machine, index, (int64_t)(1000 * index), rk_buf_span(&bytes), false,
			 &applied);
	rk_applied_done(&applied);
}

static struct rk_machine *machine_of(const struct rk_kinds *kinds)
{
	struct rk_machine *machine = rk_machine_new(kinds);
	const struct rk_cluster_config config = { .cluster_high = 7,
						  .cluster_low = 9,
						  .service_cidr = RK_SPAN("10.96.0.0/16"),
						  .pod_cidr = RK_SPAN("10.244.0.0/16"),
						  .dns_domain = RK_SPAN("cluster.local") };
	struct rk_blob *body = rk_cluster_config_encode(&config);
	RK_AUTO(rk_buf_done) struct rk_buf put = { 0 };

	apply(machine, 1, RK_ENTRY_INIT, 1, rk_blob_span(body));
	(void)rk_blob_unref(body);
	rk_buf_put_u8(&put, RK_ETCD_ENTRY_PUT);
	rk_proto_put_bytes(&put, 1, RK_SPAN("key"));
	rk_proto_put_bytes(&put, 2, RK_SPAN("value"));
	for (uint64_t index = 2; index < 6; index++)
		apply(machine, index, RK_ENTRY_ETCD, 5, rk_buf_span(&put));
	return machine;
}

Test(rebirth, is_the_same_everywhere_and_not_what_it_was)
{
	const struct rk_kinds *kinds = rk_kinds_new();
	const struct rk_rebirth how = { .cluster = { 0xabc, 0xdef }, .skip = 1000 };
	struct rk_hash128 hashes[2], before;

	for (unsigned i = 0; i < 2; i++) {
		struct rk_machine *machine = machine_of(kinds);
		struct rk_store *store = rk_machine_store(machine);
		before = rk_store_hash(store);
		const uint64_t revision = rk_store_revision(store);
		cr_assert_eq(rk_rebirth(store, kinds, &how), RK_OK);
		cr_expect_eq(rk_store_revision(store), revision + 1000);
		cr_expect_eq(rk_rebirth_count(store).keys, 1);
		cr_expect_geq(rk_rebirth_count(store).objects, 5);
		hashes[i] = rk_store_hash(store);
		(void)rk_machine_free(machine);
	}
	cr_expect(rk_hash128_eq(hashes[0], hashes[1]));
	cr_expect_not(rk_hash128_eq(hashes[0], before));
	(void)rk_kinds_free(kinds);
}

Test(rebirth, members_whose_numbers_begin_again_are_heard)
{
	const struct rk_kinds *kinds = rk_kinds_new();
	const struct rk_rebirth how = { .cluster = { 0xabc, 0xdef }, .skip = 1000 };
	struct rk_machine *machine = machine_of(kinds);
	RK_AUTO(rk_buf_done) struct rk_buf put = { 0 };

	cr_assert_eq(rk_rebirth(rk_machine_store(machine), kinds, &how), RK_OK);
	const uint64_t revision = rk_store_revision(rk_machine_store(machine));
	rk_buf_put_u8(&put, RK_ETCD_ENTRY_PUT);
	rk_proto_put_bytes(&put, 1, RK_SPAN("other"));
	rk_proto_put_bytes(&put, 2, RK_SPAN("value"));
	apply(machine, 6, RK_ENTRY_ETCD, 1, rk_buf_span(&put)); /* incarnation 5 was before */
	cr_expect_eq(rk_store_revision(rk_machine_store(machine)), revision + 1);
	cr_expect_eq(rk_rebirth_count(rk_machine_store(machine)).keys, 2);
	(void)rk_machine_free(machine);
	(void)rk_kinds_free(kinds);
}

Test(rebirth, an_empty_state_is_refused)
{
	const struct rk_kinds *kinds = rk_kinds_new();
	struct rk_machine *machine = rk_machine_new(kinds);

	cr_expect_eq(rk_rebirth(rk_machine_store(machine), kinds, &(struct rk_rebirth){ 0 }),
		     RK_EINVAL);
	(void)rk_machine_free(machine);
	(void)rk_kinds_free(kinds);
}

Test(rebirth, a_cluster_id_says_what_it_began_with)
{
	const struct rk_hash128 hash = { 1, 2 };
	struct rk_config members = { 0 }, others = { 0 };

	cr_assert_eq(rk_config_add(&members, 1, RK_MEMBER_VOTER, "a:1"), RK_OK);
	cr_assert_eq(rk_config_add(&others, 1, RK_MEMBER_VOTER, "a:2"), RK_OK);
	const uint64_t low = rk_rebirth_id(9, 10, hash, 5, &members).low;
	cr_expect_eq(rk_rebirth_id(9, 10, hash, 5, &members).low, low);
	cr_expect_eq(rk_rebirth_id(9, 10, hash, 5, &members).high, 9);
	cr_expect_neq(rk_rebirth_id(8, 10, hash, 5, &members).low, low);
	cr_expect_neq(rk_rebirth_id(9, 11, hash, 5, &members).low, low);
	cr_expect_neq(rk_rebirth_id(9, 10, hash, 6, &members).low, low);
	cr_expect_neq(rk_rebirth_id(9, 10, hash, 5, &others).low, low);
	cr_expect_neq(rk_rebirth_id(9, 10, (struct rk_hash128){ 1, 3 }, 5, &members).low, low);
}
