/* The write-ahead log on disks that fail: each rule for damage and crashes by name, and a crash at every operation. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "base/mem.h"
#include "raft/wal_io.h"
#include "sim/disk.h"

struct world {
	struct sim_dice dice;
	struct sim_disk_counts counts;
	struct sim_disk *disk;
	struct rk_wal *wal;
	struct rk_wal_found found;
	struct rk_error error;
};

static int open_log(struct world *world, bool repair)
{
	const struct rk_wal_opts opts = { .vfs = sim_disk_dir(world->disk, SIM_DIR_LOG),
					  .seed = 7,
					  .cluster = { 1, 2 },
					  .member = 1,
					  .segment_bytes = 16384,
					  .history_bytes = 1u << 30,
					  .repair = repair };

	world->error = (struct rk_error){ 0 };
	return rk_wal_open(&world->wal, &opts, &world->found, &world->error);
}

static void world_new(struct world *world, uint64_t seed)
{
	*world = (struct world){ .dice = sim_dice_of(seed) };
	world->disk = sim_disk_new(&world->dice, &world->counts);
}

static void close_log(struct world *world)
{
	rk_wal_found_done(&world->found);
	world->wal = rk_wal_close(world->wal);
}

static void crash(struct world *world)
{
	close_log(world);
	sim_disk_crash(world->disk);
}

static void world_done(struct world *world)
{
	close_log(world);
	(void)sim_disk_free(world->disk);
}

static int write_entry(struct world *world, uint64_t index, uint64_t term, size_t size)
{
	struct rk_persist *job = rk_zalloc(sizeof *job + sizeof job->entries[0]);

	job->hard = (struct rk_hard_state){ term, 1, index - 1 };
	job->count = 1;
	job->entries[0] = (struct rk_entry){ index, term, 1000, RK_ENTRY_NORMAL, rk_blob_new(size) };
	memset(job->entries[0].payload->data, (int)(index % 255) + 1, size);
	const int err = rk_wal_write(world->wal, &job, 1, &world->error);
	(void)rk_persist_free(job);
	return err;
}

static void fill(struct world *world, uint64_t last)
{
	cr_assert_eq(open_log(world, false), RK_OK, "%s", world->error.text);
	for (uint64_t i = 1; i <= last; i++)
		cr_assert_eq(write_entry(world, i, 1, 700), RK_OK, "%s", world->error.text);
	cr_assert_eq(rk_wal_seal(world->wal, &world->error), RK_OK);
	crash(world);
}

Test(disk, a_sector_that_cannot_be_read_is_damage_and_no_more_than_that)
{
	struct world world;

	world_new(&world, 1);
	fill(&world, 20);
	cr_assert(sim_disk_make_unreadable(world.disk, SIM_DIR_LOG, "0000000000000001.wal", 5000));
	cr_expect_eq(open_log(&world, false), RK_ECORRUPT);
	cr_expect_not_null(strstr(world.error.text, "0000000000000001.wal, byte"), "%s", world.error.text);
	cr_assert_eq(open_log(&world, true), RK_OK, "%s", world.error.text);
	cr_expect(world.found.count == 20 && world.found.holes >= 1 && world.found.holes <= 2,
		  "%zu entries, %zu holes", world.found.count, world.found.holes);
	world_done(&world);
}

Test(disk, a_failed_sync_is_never_taken_back)
{
	struct world world;

	world_new(&world, 2);
	fill(&world, 5);
	cr_assert_eq(open_log(&world, false), RK_OK);
	sim_disk_errors(world.disk, 0, 1000000);
	cr_expect_lt(write_entry(&world, 6, 1, 700), 0);
	sim_disk_errors(world.disk, 0, 0); /* the next sync would say that all is well */
	cr_expect_eq(write_entry(&world, 7, 1, 700), RK_EIO);
	cr_expect_not_null(strstr(world.error.text, "an earlier write failed"));
	crash(&world);
	cr_assert_eq(open_log(&world, false), RK_OK, "%s", world.error.text);
	cr_expect(world.found.count == 5 || world.found.count == 6);
	world_done(&world);
}

Test(disk, a_full_disk_loses_nothing_and_takes_more_when_there_is_room)
{
	struct world world;
	uint64_t last = 5;

	world_new(&world, 3);
	fill(&world, last);
	cr_assert_eq(open_log(&world, false), RK_OK);
	sim_disk_set_full(world.disk, true);
	int err = RK_OK;
	while (err == RK_OK && last < 100)
		err = write_entry(&world, ++last, 1, 700);
	cr_assert_eq(err, RK_ENOSPC);
	sim_disk_set_full(world.disk, false);
	cr_expect_eq(write_entry(&world, last, 1, 700), RK_OK, "%s", world.error.text);
	crash(&world);
	cr_assert_eq(open_log(&world, false), RK_OK, "%s", world.error.text);
	cr_expect_eq(world.found.count, last);
	world_done(&world);
}

/* Wherever the process dies, and whatever became of what was not synced: what was acknowledged is there, nothing is
 * taken for damage, and the log goes on. */
Test(disk, a_crash_at_every_operation)
{
	uint64_t operations = 0;

	for (uint64_t at = 1; at < 400; at++) {
		struct world world;
		uint64_t acknowledged = 0;
		world_new(&world, at);
		sim_disk_crash_in(world.disk, at);
		if (open_log(&world, false) == RK_OK)
			for (uint64_t i = 1; i <= 60; i++) {
				if (write_entry(&world, i, i / 20 + 1, 700) < 0)
					break;
				acknowledged = i;
				if (i % 7 == 0 && rk_wal_prepare(world.wal, NULL) < 0)
					break;
				if (i % 11 == 0 && rk_wal_seal(world.wal, NULL) < 0)
					break;
			}
		operations = at;
		const bool is_over = !sim_disk_is_dead(world.disk);
		crash(&world);
		cr_assert_eq(open_log(&world, false), RK_OK, "operation %llu: %s",
			     (unsigned long long)at, world.error.text);
		cr_expect(world.found.count >= acknowledged && world.found.count <= acknowledged + 1,
			  "operation %llu: %llu acknowledged, %zu there", (unsigned long long)at,
			  (unsigned long long)acknowledged, world.found.count);
		for (size_t i = 0; i < world.found.count; i++)
			cr_expect_eq(world.found.entries[i].payload->data[0], (i + 1) % 255 + 1);
		cr_expect_eq(write_entry(&world, world.found.count + 1, 9, 100), RK_OK);
		world_done(&world);
		if (is_over)
			break;
	}
	cr_expect(operations > 150, "%llu operations", (unsigned long long)operations);
}

/* Also while damage is being set aside. */
Test(disk, a_crash_at_every_operation_of_a_repair)
{
	for (uint64_t at = 1; at < 200; at++) {
		struct world world;
		world_new(&world, at);
		cr_assert_eq(open_log(&world, false), RK_OK);
		for (uint64_t i = 1; i <= 40; i++) /* a term each: no hole can be known */
			cr_assert_eq(write_entry(&world, i, i, 700), RK_OK);
		crash(&world);
		cr_assert(sim_disk_rot(world.disk, SIM_DIR_LOG, "0000000000000001.wal", 8000));
		sim_disk_crash_in(world.disk, at);
		const int err = open_log(&world, true);
		const bool is_over = !sim_disk_is_dead(world.disk);
		cr_expect(err == RK_OK || !is_over, "operation %llu: %s", (unsigned long long)at,
			  world.error.text);
		crash(&world);
		cr_assert_eq(open_log(&world, true), RK_OK, "operation %llu: %s",
			     (unsigned long long)at, world.error.text);
		cr_expect(world.found.count < 40 && world.found.hard.term == 40 &&
				  world.found.hard.commit == RK_COMMIT_FORGOTTEN,
			  "operation %llu: %zu entries, term %llu", (unsigned long long)at,
			  world.found.count, (unsigned long long)world.found.hard.term);
		world_done(&world);
		if (is_over)
			break;
	}
}

/* A segment in which nothing is goes at the next start. It must be gone for good before the one before it is written
 * to: else, after the next crash, that one is not the last, and its torn end looks like damage. */
Test(disk, a_segment_without_anything_in_it_does_not_come_back)
{
	for (uint64_t seed = 1; seed <= 1000; seed++) {
		struct world world;
		uint64_t last = 0;
		world_new(&world, seed);
		cr_assert_eq(open_log(&world, false), RK_OK);
		for (unsigned round = 0; round < 8; round++) {
			sim_disk_crash_in(world.disk, 1 + sim_below(&world.dice, 40));
			while (write_entry(&world, last + 1, 1, 200 + sim_below(&world.dice, 3000)) == RK_OK) {
				last++;
				if (sim_chance(&world.dice, 300000) && rk_wal_prepare(world.wal, &world.error) < 0)
					break;
			}
			crash(&world);
			cr_assert_eq(open_log(&world, false), RK_OK, "seed %llu, start %u: %s", (unsigned long long)seed,
				     round, world.error.text);
			cr_assert_geq(world.found.count, last);
			last = world.found.count;
		}
		world_done(&world);
	}
}
