/* A log's entries, each once and as they stay, whatever was written over on the way. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "raft/settled_io.h"
#include "raft/wal_io.h"

static char dir[64];
static struct rk_wal *wal;

static void set_up(void)
{
	struct rk_wal_found found = { 0 };
	struct rk_error error;

	(void)snprintf(dir, sizeof dir, "/tmp/rk-settled-XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
	const struct rk_wal_opts opts = {
		.dir = dir, .cluster = { 1, 2 }, .member = 1, .segment_bytes = 16384
	};
	cr_assert_eq(rk_wal_open(&wal, &opts, &found, &error), RK_OK, "%s", error.text);
	rk_wal_found_done(&found);
}

static void tear_down(void)
{
	char command[128];

	wal = rk_wal_close(wal);
	(void)snprintf(command, sizeof command, "rm -rf %s", dir);
	cr_assert_eq(system(command), 0);
}

TestSuite(settled, .init = set_up, .fini = tear_down);

static void append(uint64_t first, size_t count, uint64_t term, uint64_t commit, uint64_t reset)
{
	struct rk_persist *job = rk_zalloc(sizeof *job + count * sizeof job->entries[0]);
	struct rk_error error = { 0 };

	job->hard = (struct rk_hard_state){ term, 1, commit };
	job->count = count;
	job->reset = reset != 0;
	job->mark = (struct rk_snapshot_meta){ .index = reset, .term = term };
	for (size_t i = 0; i < count; i++) {
		struct rk_blob *blob = rk_blob_new(200);
		memset(blob->data, (int)(first + i), 200);
		job->entries[i] = (struct rk_entry){ first + i, term, (int64_t)(first + i),
						     RK_ENTRY_NORMAL, blob };
	}
	cr_assert_eq(rk_wal_write(wal, &job, 1, &error), RK_OK, "%s", error.text);
	(void)rk_persist_free(job);
}

/* "1.1 2.1 3.4?": index and term; ?: not known to be committed; then what the end was. */
static void expect(uint64_t from, const char *want)
{
	struct rk_settled *settled = NULL;
	struct rk_settled_entry next;
	struct rk_error error = { 0 };
	RK_AUTO(rk_buf_done) struct rk_buf got = { 0 };
	int more = rk_settled_open(&settled, dir, from, &error);

	while (more >= 0 && (more = rk_settled_next(settled, &next, &error)) == 1) {
		rk_buf_printf(&got, "%d.%d%s ", (int)next.entry.index, (int)next.entry.term,
			      next.is_committed ? "" : "?");
		cr_expect_eq(next.entry.payload->data[0], (uint8_t)next.entry.index);
	}
	(void)rk_settled_close(settled);
	rk_buf_printf(&got, "%d", more);
	cr_expect_str_eq(rk_buf_cstr(&got), want, "%s", error.text);
}

Test(settled, in_order)
{
	append(1, 2, 1, 0, 0);
	append(3, 1, 1, 2, 0);
	expect(1, "1.1 2.1 3.1? 0");
	expect(3, "3.1? 0");
	expect(4, "0");
}

Test(settled, what_was_written_over_is_not_given)
{
	append(1, 5, 1, 2, 0);
	append(4, 2, 3, 3, 0); /* a new leader has other entries 4 and 5 */
	append(5, 1, 4, 3, 0);
	append(6, 1, 4, 5, 0);
	expect(1, "1.1 2.1 3.1 4.3 5.4 6.4? 0");
	expect(5, "5.4 6.4? 0");
}

Test(settled, a_note_in_the_same_job_is_about_the_new_ones)
{
	append(1, 3, 1, 1, 0);
	append(2, 2, 2, 3, 0);
	append(4, 1, 2, 4, 0);
	expect(1, "1.1 2.2 3.2 4.2 0");
}

Test(settled, over_many_segments)
{
	for (uint64_t i = 1; i <= 400; i++)
		append(i, 1, 1, i - 1, 0);
	struct rk_settled *settled = NULL;
	struct rk_settled_entry next;
	struct rk_error error;
	cr_assert_eq(rk_settled_open(&settled, dir, 123, &error), RK_OK);
	for (uint64_t i = 123; i <= 400; i++) {
		cr_assert_eq(rk_settled_next(settled, &next, &error), 1);
		cr_assert_eq(next.entry.index, i);
		cr_assert_eq(next.is_committed, i < 400);
	}
	cr_expect_eq(rk_settled_next(settled, &next, &error), 0);
	cr_expect_eq(rk_settled_hard(settled).commit, 399);
	(void)rk_settled_close(settled);
}

Test(settled, a_snapshot_in_between_leaves_a_gap)
{
	append(1, 4, 1, 3, 0);
	append(101, 2, 2, 100, 100);
	append(103, 1, 2, 102, 0);
	expect(1, "1.1 2.1 3.1 -7"); /* 4 went with the log */
	expect(100, "-7");
	expect(101, "101.2 102.2 103.2? 0");
}
