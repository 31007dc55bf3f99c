/* Recorded logs of real clusters: replayed, they give the state that they gave; and a member that
 * was restored from a snapshot anywhere on the way gives the same hash at every later entry as the
 * one that replayed. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "control/machine.h"
#include "node/files_io.h"
#include "tests/golden/golden.h"

static const char *const names[] = { "first-day" };

static void apply(struct rk_machine *machine, const struct golden_entry *entry)
{
	struct rk_applied applied;

	if (!entry->is_command) {
		rk_machine_skip(machine, entry->index, entry->time_ms);
		return;
	}
	rk_machine_apply(machine, entry->index, entry->time_ms,
			 rk_span_of(entry->payload, entry->size), false, &applied);
	rk_applied_done(&applied);
}

static struct rk_machine *restored(const struct rk_kinds *kinds, struct rk_machine *from)
{
	struct rk_view *view = rk_store_view(rk_machine_store(from));
	struct rk_store_load *load = rk_store_load_new();
	struct rk_store_dump dump = { 0 };
	struct rk_buf piece = { 0 };
	struct rk_store *store = NULL;
	bool done = false;

	while (!done) {
		rk_buf_clear(&piece);
		rk_store_dump_next(&dump, view, 4096, &piece, &done);
		cr_assert_eq(rk_store_load_feed(load, rk_buf_span(&piece)), RK_OK);
	}
	cr_assert_eq(rk_store_load_finish(load, &store), RK_OK);
	(void)rk_store_load_free(load);
	(void)rk_view_unref(view);
	rk_buf_done(&piece);
	return rk_machine_of(kinds, store);
}

static struct golden_entry *read_log(const char *name, size_t *ret_count, char want[40])
{
	char path[RK_PATH_MAX];
	struct rk_buf text = { 0 };

	rk_path(path, "%s/tests/golden/%s.hash", getenv("RK_SOURCE_DIR"), name);
	cr_assert_eq(rk_file_read(path, 1024, &text, NULL), RK_OK, "%s", path);
	(void)snprintf(want, 40, "%.32s", rk_buf_cstr(&text));
	rk_buf_done(&text);
	rk_path(path, "%s/tests/golden/%s.log", getenv("RK_SOURCE_DIR"), name);
	struct golden_entry *entries = golden_read(path, ret_count);
	cr_assert_not_null(entries, "%s", path);
	return entries;
}

static void free_log(struct golden_entry *entries, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(entries[i].payload);
	free(entries);
}

Test(golden, the_same_state_for_ever, .timeout = 120)
{
	const struct rk_kinds *kinds = rk_kinds_new();

	for (size_t n = 0; n < RK_COUNT(names); n++) {
		size_t count = 0;
		char want[40], got[40];
		struct golden_entry *entries = read_log(names[n], &count, want);
		struct rk_machine *machine = rk_machine_new(kinds);
		for (size_t i = 0; i < count; i++)
			apply(machine, &entries[i]);
		const struct rk_hash128 hash = rk_store_hash(rk_machine_store(machine));
		(void)snprintf(got, sizeof got, "%016" PRIx64 "%016" PRIx64, hash.high, hash.low);
		cr_expect_str_eq(got, want, "%s: %zu entries", names[n], count);
		(void)rk_machine_free(machine);
		free_log(entries, count);
	}
	(void)rk_kinds_free(kinds);
}

Test(golden, restored_goes_on_like_replayed, .timeout = 120)
{
	const struct rk_kinds *kinds = rk_kinds_new();

	for (size_t n = 0; n < RK_COUNT(names); n++) {
		size_t count = 0;
		char want[40];
		struct golden_entry *entries = read_log(names[n], &count, want);
		struct rk_machine *replays = rk_machine_new(kinds),
				  *restores = rk_machine_new(kinds);
		for (size_t i = 0; i < count; i++) {
			apply(replays, &entries[i]);
			apply(restores, &entries[i]);
			cr_assert(rk_hash128_eq(rk_store_hash(rk_machine_store(replays)),
						rk_store_hash(rk_machine_store(restores))),
				  "%s: entry %" PRIu64, names[n], entries[i].index);
			/* The second one lives from snapshot to snapshot. */
			if (i % 7 == 0) {
				struct rk_machine *fresh = restored(kinds, restores);
				(void)rk_machine_free(restores);
				restores = fresh;
			}
		}
		(void)rk_machine_free(replays);
		(void)rk_machine_free(restores);
		free_log(entries, count);
	}
	(void)rk_kinds_free(kinds);
}
