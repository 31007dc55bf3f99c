/* The log on disk: what was acknowledged is there after any crash; damage is told apart from a torn
 * end. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/vfs_io.h"
#include "raft/segments_io.h"
#include "raft/wal_io.h"

static char dir[64];

static void make_dir(void)
{
	(void)snprintf(dir, sizeof dir, "/tmp/rk-wal-XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
}

static void remove_dir(void)
{
	char command[128];

	(void)snprintf(command, sizeof command, "rm -rf %s", dir);
	cr_assert_eq(system(command), 0);
}

TestSuite(wal, .init = make_dir, .fini = remove_dir);

static struct rk_wal_opts opts_of(uint64_t from)
{
	return (struct rk_wal_opts){ .dir = dir,
				     .cluster = { 1, 2 },
				     .member = 1,
				     .segment_bytes = 16384,
				     .history_bytes = 1u << 30,
				     .from_index = from };
}

static struct rk_persist *job_of(uint64_t first, size_t count, uint64_t term, size_t payload)
{
	struct rk_persist *job = rk_zalloc(sizeof *job + count * sizeof job->entries[0]);

	job->hard = (struct rk_hard_state){ term, 1, first - 1 };
	job->count = count;
	for (size_t i = 0; i < count; i++) {
		struct rk_blob *blob = rk_blob_new(payload);
		memset(blob->data, (int)(first + i), payload);
		job->entries[i] = (struct rk_entry){ first + i, term, (int64_t)(1000 + first + i),
						     RK_ENTRY_NORMAL, blob };
	}
	return job;
}

static int write_job(struct rk_wal *wal, struct rk_persist *job)
{
	struct rk_error error;
	const int err = rk_wal_write(wal, &job, 1, &error);

	(void)rk_persist_free(job);
	return err;
}

static int open_wal(struct rk_wal **wal, uint64_t from, struct rk_wal_found *found,
		    struct rk_error *error)
{
	const struct rk_wal_opts opts = opts_of(from);

	return rk_wal_open(wal, &opts, found, error);
}

static void fill(uint64_t last, size_t payload)
{
	struct rk_wal *wal = NULL;
	struct rk_wal_found found;
	struct rk_error error;

	cr_assert_eq(open_wal(&wal, 0, &found, &error), RK_OK, "%s", error.text);
	for (uint64_t i = 1; i <= last; i++)
		cr_assert_eq(write_job(wal, job_of(i, 1, 1, payload)), RK_OK);
	rk_wal_found_done(&found);
	(void)rk_wal_close(wal);
}

static void expect_entries(uint64_t from, uint64_t last, uint64_t term)
{
	struct rk_wal *wal = NULL;
	struct rk_wal_found found;
	struct rk_error error = { 0 };

	cr_assert_eq(open_wal(&wal, from, &found, &error), RK_OK, "%s", error.text);
	cr_expect_eq(found.base_index, from);
	cr_expect_eq(found.count, last - from);
	for (size_t i = 0; i < found.count; i++) {
		cr_expect_eq(found.entries[i].index, from + 1 + i);
		cr_expect_eq(found.entries[i].payload->data[0], (uint8_t)(from + 1 + i));
	}
	if (found.count > 0)
		cr_expect_eq(found.entries[found.count - 1].term, term);
	rk_wal_found_done(&found);
	(void)rk_wal_close(wal);
}

Test(wal, comes_back)
{
	fill(200, 300); /* over several segments */
	expect_entries(0, 200, 1);
	expect_entries(150, 200, 1);
	expect_entries(200, 200, 1);
}

Test(wal, rewritten_tail)
{
	struct rk_wal *wal = NULL;
	struct rk_wal_found found;
	struct rk_error error;

	fill(50, 900);
	cr_assert_eq(open_wal(&wal, 0, &found, &error), RK_OK);
	cr_assert_eq(write_job(wal, job_of(31, 3, 4, 10)), RK_OK);
	rk_wal_found_done(&found);
	(void)rk_wal_close(wal);
	expect_entries(0, 33, 4);
	expect_entries(20, 33, 4);
}

Test(wal, reset_follows_a_snapshot)
{
	struct rk_wal *wal = NULL;
	struct rk_wal_found found;
	struct rk_error error;
	struct rk_persist *job = job_of(1001, 2, 7, 5);

	fill(20, 100);
	job->reset = true;
	job->mark = (struct rk_snapshot_meta){ .index = 1000, .term = 7, .config = { .count = 0 } };
	cr_assert_eq(open_wal(&wal, 0, &found, &error), RK_OK);
	cr_assert_eq(write_job(wal, job), RK_OK);
	rk_wal_found_done(&found);
	(void)rk_wal_close(wal);
	expect_entries(1000, 1002, 7);
}

Test(wal, hard_state_is_the_last_one)
{
	struct rk_wal *wal = NULL;
	struct rk_wal_found found;
	struct rk_error error;

	fill(3, 10);
	cr_assert_eq(open_wal(&wal, 0, &found, &error), RK_OK);
	struct rk_persist *job = job_of(4, 0, 9, 0);
	job->hard.vote = 3;
	cr_assert_eq(write_job(wal, job), RK_OK);
	rk_wal_found_done(&found);
	(void)rk_wal_close(wal);
	cr_assert_eq(open_wal(&wal, 0, &found, &error), RK_OK);
	cr_expect_eq(found.hard.term, 9);
	cr_expect_eq(found.hard.vote, 3);
	rk_wal_found_done(&found);
	(void)rk_wal_close(wal);
}

static int open_file(uint64_t sequence)
{
	char name[RK_SEGMENT_NAME_MAX], path[128];

	rk_segment_name(name, sequence);
	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	const int fd = open(path, O_RDWR);
	cr_assert_geq(fd, 0);
	return fd;
}

/* Where the frame that holds entry `index` starts in segment 1, when each job holds one entry. */
static size_t frame_of(uint64_t index, size_t *ret_end)
{
	RK_AUTO(rk_segment_unload) struct rk_segment_bytes segment = { 0 };
	RK_AUTO(rk_vfs_drop) struct rk_vfs *vfs = NULL;
	char name[RK_SEGMENT_NAME_MAX];

	rk_segment_name(name, 1);
	cr_assert_eq(rk_vfs_dir(&vfs, dir, false, NULL), RK_OK);
	cr_assert_eq(rk_segment_load(&segment, vfs, name, NULL), RK_OK);
	struct rk_frames frames = rk_frames_of(rk_buf_span(&segment.bytes));
	struct rk_span body;
	size_t start = 0;
	for (uint64_t i = 0; i <= index; i++) { /* frame 0 is the head */
		start = frames.at;
		cr_assert_eq(rk_frames_next(&frames, &body), 1);
	}
	*ret_end = frames.at;
	return start;
}

Test(wal, torn_end_is_cut_wherever_the_power_went)
{
	size_t end = 0;

	fill(8, 700);
	const size_t start = frame_of(8, &end);
	const int fd = open_file(1);
	uint8_t bytes[2048];
	cr_assert_eq(pread(fd, bytes, end - start, (off_t)start), (ssize_t)(end - start));
	for (size_t kept = 0; kept < end - start;
	     kept += kept == 0 ? RK_SECTOR - start % RK_SECTOR : RK_SECTOR) {
		/* The first sectors of the last job made it to the disk... */
		uint8_t part[2048] = { 0 };
		memcpy(part, bytes, kept);
		cr_assert_eq(pwrite(fd, part, end - start, (off_t)start), (ssize_t)(end - start));
		expect_entries(0, 7, 1);
		/* ... or the last ones alone, sectors being written in any order. */
		memcpy(part, bytes, end - start);
		memset(part, 0, kept);
		if (kept > 0) {
			cr_assert_eq(pwrite(fd, part, end - start, (off_t)start),
				     (ssize_t)(end - start));
			expect_entries(0, 7, 1);
		}
	}
	(void)close(fd);
}

/* A bad last frame that lacks no sector was whole once, and may have been acknowledged. */
Test(wal, damaged_end_is_not_taken_for_a_torn_one)
{
	struct rk_wal *wal = NULL;
	struct rk_wal_found found;
	struct rk_error error = { 0 };
	size_t end = 0;

	fill(8, 700);
	const size_t start = frame_of(8, &end);
	const int fd = open_file(1);
	for (size_t at = start; at < end - 8; at += 97) {
		uint8_t byte = 0, flipped;
		cr_assert_eq(pread(fd, &byte, 1, (off_t)at), 1);
		flipped = byte ^ 0x10;
		cr_assert_eq(pwrite(fd, &flipped, 1, (off_t)at), 1);
		cr_expect_eq(open_wal(&wal, 0, &found, &error), RK_ECORRUPT, "byte %zu", at);
		cr_assert_eq(pwrite(fd, &byte, 1, (off_t)at), 1);
	}
	(void)close(fd);
	expect_entries(0, 8, 1);
}

Test(wal, damage_in_the_middle_is_refused_by_name)
{
	struct rk_wal *wal = NULL;
	struct rk_wal_found found;
	struct rk_error error = { 0 };
	size_t end = 0;

	fill(8, 700);
	const size_t start = frame_of(5, &end);
	const int fd = open_file(1);
	for (size_t at = start; at < end; at += 97) {
		uint8_t byte = 0, flipped;
		cr_assert_eq(pread(fd, &byte, 1, (off_t)at), 1);
		flipped = byte ^ 0x10;
		cr_assert_eq(pwrite(fd, &flipped, 1, (off_t)at), 1);
		const int err = open_wal(&wal, 0, &found, &error);
		if (err == RK_OK) { /* the padding between frames says nothing */
			cr_expect_eq(found.count, 8);
			rk_wal_found_done(&found);
			wal = rk_wal_close(wal);
		} else {
			cr_expect_eq(err, RK_ECORRUPT);
			cr_expect_not_null(strstr(error.text, "0000000000000001.wal, byte"), "%s",
					   error.text);
		}
		cr_assert_eq(pwrite(fd, &byte, 1, (off_t)at), 1);
	}
	(void)close(fd);
	expect_entries(0, 8, 1);
}

static int open_repairing(struct rk_wal **wal, struct rk_wal_found *found, struct rk_error *error)
{
	struct rk_wal_opts opts = opts_of(0);

	opts.repair = true;
	return rk_wal_open(wal, &opts, found, error);
}

static bool is_there(const char *name)
{
	char path[160];

	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	return access(path, F_OK) == 0;
}

static void flip_byte(uint64_t segment, size_t at)
{
	const int fd = open_file(segment);
	uint8_t byte = 0;

	cr_assert_eq(pread(fd, &byte, 1, (off_t)at), 1);
	byte ^= 0x10;
	cr_assert_eq(pwrite(fd, &byte, 1, (off_t)at), 1);
	(void)close(fd);
}

/* Zeros that were written are not sectors that never came. */
Test(wal, damaged_end_with_zeros_in_it_is_not_torn)
{
	struct rk_wal *wal = NULL;
	struct rk_wal_found found;
	struct rk_error error = { 0 };
	size_t end = 0;

	fill(3, 700);
	cr_assert_eq(open_wal(&wal, 0, &found, &error), RK_OK);
	struct rk_persist *job = job_of(4, 1, 1, 3000);
	memset(job->entries[0].payload->data, 0, 3000);
	cr_assert_eq(write_job(wal, job), RK_OK);
	rk_wal_found_done(&found);
	(void)rk_wal_close(wal);
	flip_byte(1, frame_of(4, &end) + 50);
	cr_expect_eq(open_wal(&wal, 0, &found, &error), RK_ECORRUPT);
}

/* Damage in the middle when there are peers: what was there is known by index and term, everything behind it is kept,
 * and once the entry came back it stays. */
Test(wal, damage_in_the_middle_is_a_hole_when_there_are_peers)
{
	struct rk_wal *wal = NULL;
	struct rk_wal_found found;
	struct rk_error error = { 0 };
	size_t end = 0;

	fill(60, 700); /* three segments */
	flip_byte(1, frame_of(5, &end) + 100);
	cr_assert_eq(open_wal(&wal, 0, &found, &error), RK_ECORRUPT);
	cr_expect_not_null(strstr(error.text, "after entry 4"), "%s", error.text);
	for (int start = 0; start < 2; start++) {
		cr_assert_eq(open_repairing(&wal, &found, &error), RK_OK, "%s", error.text);
		cr_assert_eq(found.count, 60);
		cr_expect(found.holes == 1 && found.entries[4].kind == RK_ENTRY_LOST &&
			  found.entries[4].index == 5 && found.entries[4].term == 1);
		cr_expect(found.hard.commit != RK_COMMIT_FORGOTTEN && found.lost_from == 0);
		cr_expect_not_null(strstr(found.damage.text, "after entry 4"));
		rk_wal_found_done(&found);
		if (start == 0)
			(void)rk_wal_close(wal);
	}
	struct rk_persist *job = job_of(5, 1, 1, 33);
	job->fills = true;
	cr_assert_eq(write_job(wal, job), RK_OK);
	(void)rk_wal_close(wal);
	cr_assert_eq(open_repairing(&wal, &found, &error), RK_OK, "%s", error.text);
	cr_expect(found.count == 60 && found.holes == 0 && found.entries[4].payload->size == 33);
	rk_wal_found_done(&found);
	(void)rk_wal_close(wal);
}

/* The newest frame too, once the log was idle for a moment. */
Test(wal, damaged_end_is_a_hole_when_it_was_sealed)
{
	struct rk_wal *wal = NULL;
	struct rk_wal_found found;
	struct rk_error error = { 0 };
	size_t end = 0;

	fill(8, 700);
	cr_assert_eq(open_wal(&wal, 0, &found, &error), RK_OK);
	cr_expect(!rk_wal_is_sealed(wal));
	cr_assert_eq(rk_wal_seal(wal, &error), RK_OK);
	cr_expect(rk_wal_is_sealed(wal));
	rk_wal_found_done(&found);
	(void)rk_wal_close(wal);
	expect_entries(0, 8, 1);
	flip_byte(1, frame_of(8, &end) + 100);
	cr_assert_eq(open_repairing(&wal, &found, &error), RK_OK, "%s", error.text);
	cr_expect(found.count == 8 && found.holes == 1 && found.entries[7].kind == RK_ENTRY_LOST);
	rk_wal_found_done(&found);
	(void)rk_wal_close(wal);
}

/* Where terms change it cannot be known what was there: what is before the damage stays, the member knows that it lost
 * the rest until the log itself says so, term and vote are those behind the damage, and nothing is thrown away. */
Test(wal, damage_of_unknown_entries_is_set_aside_when_there_are_peers)
{
	struct rk_wal *wal = NULL;
	struct rk_wal_found found;
	struct rk_error error = { 0 };
	size_t end = 0;

	fill(4, 700);
	cr_assert_eq(open_wal(&wal, 0, &found, &error), RK_OK);
	for (uint64_t i = 5; i <= 60; i++)
		cr_assert_eq(write_job(wal, job_of(i, 1, 8, 700)), RK_OK);
	rk_wal_found_done(&found);
	(void)rk_wal_close(wal);
	flip_byte(1, frame_of(5, &end) + 100);
	for (int start = 0; start < 2; start++) { /* and again when it stops before it wrote anything */
		cr_assert_eq(open_repairing(&wal, &found, &error), RK_OK, "%s", error.text);
		cr_expect_eq(found.count, 4);
		cr_expect_eq(found.hard.term, 8);
		cr_expect_eq(found.hard.commit, RK_COMMIT_FORGOTTEN);
		cr_expect_eq(found.lost_from, start == 0 ? 5 : 0);
		rk_wal_found_done(&found);
		(void)rk_wal_close(wal);
	}
	cr_expect(is_there("0000000000000001.wal.damaged") && is_there("0000000000000003.wal.damaged"));
	cr_expect(!is_there("0000000000000002.wal") && is_there("amnesia"));
	cr_assert_eq(open_repairing(&wal, &found, &error), RK_OK, "%s", error.text);
	struct rk_persist *job = job_of(5, 20, 9, 700);
	job->hard.commit = RK_COMMIT_FORGOTTEN;
	cr_assert_eq(write_job(wal, job), RK_OK);
	cr_expect(!is_there("amnesia"));
	rk_wal_found_done(&found);
	(void)rk_wal_close(wal);
	cr_assert_eq(open_wal(&wal, 0, &found, &error), RK_OK, "%s", error.text);
	cr_expect_eq(found.count, 24);
	cr_expect_eq(found.hard.commit, RK_COMMIT_FORGOTTEN);
	rk_wal_found_done(&found);
	(void)rk_wal_close(wal);
}

Test(wal, missing_segment_is_holes_when_there_are_peers)
{
	struct rk_wal *wal = NULL;
	struct rk_wal_found found;
	struct rk_error error = { 0 };
	char path[128];

	fill(100, 600);
	(void)snprintf(path, sizeof path, "%s/0000000000000002.wal", dir);
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(open_repairing(&wal, &found, &error), RK_OK, "%s", error.text);
	cr_expect(found.count == 100 && found.holes > 5 && found.holes < 40);
	rk_wal_found_done(&found);
	(void)rk_wal_close(wal);
}

/* Of term and vote there is always another copy. */
Test(wal, vote_is_remembered_when_the_end_of_the_log_is_damaged)
{
	struct rk_wal *wal = NULL;
	struct rk_wal_found found;
	struct rk_error error = { 0 };
	size_t end = 0;

	fill(3, 10);
	cr_assert_eq(open_wal(&wal, 0, &found, &error), RK_OK);
	struct rk_persist *job = job_of(4, 1, 9, 100);
	job->hard.vote = 3;
	cr_assert_eq(write_job(wal, job), RK_OK);
	rk_wal_found_done(&found);
	(void)rk_wal_close(wal);
	flip_byte(1, frame_of(4, &end) + 60);
	cr_assert_eq(open_repairing(&wal, &found, &error), RK_OK, "%s", error.text);
	cr_expect(found.hard.term == 9 && found.hard.vote == 3 &&
		  found.hard.commit == RK_COMMIT_FORGOTTEN);
	rk_wal_found_done(&found);
	(void)rk_wal_close(wal);
}

/* Even the beginning of everything: nothing is left, and the member knows it. */
Test(wal, damaged_beginning_is_set_aside_when_there_are_peers)
{
	struct rk_wal *wal = NULL;
	struct rk_wal_found found;
	struct rk_error error = { 0 };

	fill(100, 600);
	flip_byte(1, 4);
	cr_assert_eq(open_repairing(&wal, &found, &error), RK_OK, "%s", error.text);
	cr_expect_eq(found.count, 0);
	cr_expect_eq(found.hard.term, 1);
	cr_expect_eq(found.hard.commit, RK_COMMIT_FORGOTTEN);
	cr_assert_eq(write_job(wal, job_of(1, 3, 1, 10)), RK_OK);
	rk_wal_found_done(&found);
	(void)rk_wal_close(wal);
	expect_entries(0, 3, 1);
}

Test(wal, missing_segment_is_noticed)
{
	struct rk_wal *wal = NULL;
	struct rk_wal_found found;
	struct rk_error error = { 0 };
	char path[128];

	fill(100, 600);
	(void)snprintf(path, sizeof path, "%s/0000000000000002.wal", dir);
	cr_assert_eq(unlink(path), 0);
	cr_expect_eq(open_wal(&wal, 0, &found, &error), RK_ECORRUPT);
	cr_expect_not_null(strstr(error.text, "0000000000000002 is missing"), "%s", error.text);
}

Test(wal, of_another_cluster_is_refused)
{
	struct rk_wal_opts opts = opts_of(0);
	struct rk_wal *wal = NULL;
	struct rk_wal_found found;
	struct rk_error error = { 0 };

	fill(3, 10);
	opts.cluster.low = 99;
	cr_expect_eq(rk_wal_open(&wal, &opts, &found, &error), RK_EPERM);
	cr_expect_not_null(strstr(error.text, "another cluster"));
}

Test(wal, old_segments_go_when_history_is_full)
{
	struct rk_wal_opts opts = opts_of(0);
	struct rk_wal *wal = NULL;
	struct rk_wal_found found;
	struct rk_error error;

	fill(200, 600);
	opts.history_bytes = 40000;
	opts.from_index = 150;
	cr_assert_eq(rk_wal_open(&wal, &opts, &found, &error), RK_OK);
	rk_wal_drop(wal, 150);
	rk_wal_found_done(&found);
	(void)rk_wal_close(wal);
	cr_expect_neq(access(strcat(strcpy((char[128]){ 0 }, dir), "/0000000000000001.wal"), F_OK),
		      0);
	expect_entries(150, 200, 1);
}

Test(wal, reader_tells_every_record)
{
	struct rk_wal_reader *reader = NULL;
	struct rk_record record;
	struct rk_wal_place place;
	struct rk_error error;
	uint64_t entries = 0;
	int more;

	fill(100, 300);
	cr_assert_eq(rk_wal_reader_open(&reader, dir, 0, &error), RK_OK);
	while ((more = rk_wal_reader_next(reader, &record, &place, &error)) == 1)
		if (record.kind == RK_RECORD_ENTRY)
			cr_expect_eq(record.entry.index, ++entries);
	cr_expect_eq(more, 0);
	cr_expect_eq(entries, 100);
	(void)rk_wal_reader_close(reader);
}

Test(wal, full_disk_loses_nothing)
{
	struct rk_wal_opts opts = opts_of(0);
	struct rk_wal *wal = NULL;
	struct rk_wal_found found;
	struct rk_error error = { 0 };

	fill(3, 10);
	opts.segment_bytes = UINT32_MAX; /* 4 GiB that a small file system does not have */
	char mount[160];
	if (geteuid() != 0) {
		(void)fprintf(stderr, "SKIPPED: wal/full_disk_loses_nothing needs root for a small "
				      "file system\n");
		return;
	}
	(void)snprintf(mount, sizeof mount, "mount -t tmpfs -o size=256k none %s", dir);
	cr_assert_eq(system(mount), 0);
	opts.segment_bytes = 100 * 1024;
	cr_assert_eq(rk_wal_open(&wal, &opts, &found, &error), RK_OK);
	int err = RK_OK;
	uint64_t last = 0;
	while (err == RK_OK && last < 1000)
		err = write_job(wal, job_of(++last, 1, 1, 900));
	cr_expect_eq(err, RK_ENOSPC, "%s", error.text);
	rk_wal_found_done(&found);
	(void)rk_wal_close(wal);
	cr_assert_eq(rk_wal_open(&wal, &opts, &found, &error), RK_OK);
	cr_expect_eq(found.count, last - 1);
	rk_wal_found_done(&found);
	(void)rk_wal_close(wal);
	(void)snprintf(mount, sizeof mount, "umount %s", dir);
	cr_assert_eq(system(mount), 0);
}
