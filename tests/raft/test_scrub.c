/* Reading a damaged log as far as it goes, and finding damage while the member runs. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "raft/scrub_io.h"
#include "raft/wal_io.h"
#include "raft/walsalvage_io.h"

static char dir[64], log_dir[80];

static void make_dir(void)
{
	(void)snprintf(dir, sizeof dir, "/tmp/rk-scrub-XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
	(void)snprintf(log_dir, sizeof log_dir, "%s/log", dir);
}

static void remove_dir(void)
{
	char command[128];

	(void)snprintf(command, sizeof command, "rm -rf %s", dir);
	cr_assert_eq(system(command), 0);
}

TestSuite(scrub, .init = make_dir, .fini = remove_dir, .timeout = 30);

static void fill(uint64_t last)
{
	const struct rk_wal_opts opts = {
		.dir = log_dir, .cluster = { 1, 2 }, .member = 1, .segment_bytes = 16384
	};
	struct rk_wal *wal = NULL;
	struct rk_wal_found found;
	struct rk_error error = { 0 };

	cr_assert_eq(rk_wal_open(&wal, &opts, &found, &error), RK_OK, "%s", error.text);
	for (uint64_t i = 1; i <= last; i++) {
		struct rk_persist *job = rk_zalloc(sizeof *job + sizeof job->entries[0]);
		job->hard.term = 1;
		job->count = 1;
		job->entries[0] = (struct rk_entry){ i, 1, 5, RK_ENTRY_NORMAL, rk_blob_new(700) };
		memset(job->entries[0].payload->data, (int)i, 700);
		cr_assert_eq(rk_wal_write(wal, &job, 1, &error), RK_OK);
		(void)rk_persist_free(job);
	}
	rk_wal_found_done(&found);
	(void)rk_wal_close(wal);
}

static void flip(const char *name, off_t at)
{
	char path[160];
	uint8_t byte = 0;

	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	const int fd = open(path, O_RDWR);
	cr_assert_eq(pread(fd, &byte, 1, at), 1);
	byte ^= 1;
	cr_assert_eq(pwrite(fd, &byte, 1, at), 1);
	(void)close(fd);
}

struct seen {
	uint64_t entries, last, gaps, places;
};

static void on_record(void *context, const struct rk_record *record)
{
	struct seen *seen = context;

	if (record->kind != RK_RECORD_ENTRY)
		return;
	seen->gaps += record->entry.index != seen->last + 1;
	seen->last = record->entry.index;
	seen->entries++;
}

static void on_damage(void *context, const char *segment, size_t from, size_t to)
{
	struct seen *seen = context;

	cr_expect(from < to && strstr(segment, ".wal") != NULL);
	seen->places++;
}

Test(scrub, salvage_reads_all_that_is_whole)
{
	struct seen seen = { 0 };
	const struct rk_salvage salvage = { &seen, on_record, on_damage };
	struct rk_error error = { 0 };

	fill(60);
	cr_assert_eq(rk_salvage_dir(&salvage, log_dir, &error), RK_OK, "%s", error.text);
	cr_expect(seen.entries == 60 && seen.gaps == 0 && seen.places == 0);
	flip("log/0000000000000001.wal", 4000);
	flip("log/0000000000000002.wal", 8000);
	seen = (struct seen){ 0 };
	cr_assert_eq(rk_salvage_dir(&salvage, log_dir, &error), RK_OK, "%s", error.text);
	cr_expect(seen.entries == 58 && seen.gaps == 2 && seen.places == 2);
	cr_expect_eq(seen.last, 60);
}

static struct rk_scrub_status status_after(struct rk_scrub *scrub, uint64_t rounds)
{
	struct rk_scrub_status status;

	rk_scrub_status(scrub, &status);
	const uint64_t until = status.rounds + rounds;
	for (int i = 0; i < 1000 && status.rounds < until; i++) {
		(void)usleep(10000);
		rk_scrub_status(scrub, &status);
	}
	cr_assert_geq(status.rounds, until);
	return status;
}

Test(scrub, damage_is_found_while_the_member_runs)
{
	const struct rk_scrub_opts opts = {
		.log_dir = log_dir, .snapshot_dir = dir, .mib_per_second = 1000, .pause_ms = 5
	};
	struct rk_scrub *scrub = NULL;
	struct rk_error error = { 0 };
	char path[160];

	fill(60);
	(void)snprintf(path, sizeof path, "%s/0000000000000010.snap", dir);
	const int fd = open(path, O_CREAT | O_WRONLY, 0600);
	struct rk_buf bytes = { 0 };
	rk_buf_put_str(&bytes, "a snapshot");
	rk_buf_put_u32(&bytes, rk_crc32c(0, bytes.data, bytes.size));
	cr_assert_eq(write(fd, bytes.data, bytes.size), (ssize_t)bytes.size);
	(void)close(fd);
	rk_buf_done(&bytes);
	cr_assert_eq(rk_scrub_new(&scrub, &opts, &error), RK_OK, "%s", error.text);
	struct rk_scrub_status status = status_after(scrub, 2);
	cr_expect(status.damaged == 0 && status.bytes >= 4 * 16384);
	flip("log/0000000000000002.wal", 8000);
	status = status_after(scrub, 2);
	cr_expect_eq(status.damaged, 1);
	cr_expect_str_eq(status.where, "0000000000000002.wal");
	flip("0000000000000010.snap", 3);
	status = status_after(scrub, 2);
	cr_expect_eq(status.damaged, 2);
	(void)rk_scrub_free(scrub);
}
