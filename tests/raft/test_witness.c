/* Witnesses: voters that keep the log and no state. Members 1 and 2 are full here, 3 is the witness. */
#include <criterion/criterion.h>

#include "base/mem.h"
#include "tests/raft/sim.h"

#define WITNESS 3

static struct sim *cluster(uint64_t seed, uint32_t snapshot_every)
{
	const struct sim_opts opts = { .seed = seed,
				       .nodes = 3,
				       .witness = WITNESS,
				       .delay_max_ms = 1,
				       .disk_max_ms = 5,
				       .propose_percent = 20,
				       .stay_down = true,
				       .snapshot_every = snapshot_every };
	struct sim *sim = sim_new(&opts);

	sim_run(sim, 2000);
	cr_assert_neq(sim_leader(sim), 0);
	return sim;
}

static struct rk_raft_status status_of(struct sim *sim, uint32_t id)
{
	struct rk_raft_status status;

	rk_raft_status(sim_raft(sim, id), &status);
	return status;
}

/* True when it led at any time meanwhile. */
static bool run_and_see_it_lead(struct sim *sim, uint32_t ms)
{
	bool led = false;

	for (uint32_t i = 0; i < ms / 5; i++) {
		sim_run(sim, 5);
		led |= sim_leader(sim) == WITNESS;
	}
	return led;
}

Test(witness, counts_in_the_quorum)
{
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct sim *sim = cluster(seed, 0);
		const uint32_t leader = sim_leader(sim);
		sim_crash(sim, 3 - leader);
		const uint64_t before = sim_committed(sim);
		sim_run(sim, 2000);
		cr_expect_eq(sim_leader(sim), leader);
		cr_expect(sim_committed(sim) > before + 50, "seed %llu", (unsigned long long)seed);
		cr_expect_null(sim_failure(sim));
		(void)sim_free(sim);
	}
}

Test(witness, does_not_lead_while_a_full_voter_can)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct sim *sim = cluster(seed, 0);
		const uint32_t leader = sim_leader(sim);
		sim_crash(sim, leader);
		cr_expect_not(run_and_see_it_lead(sim, 3000), "seed %llu", (unsigned long long)seed);
		cr_expect_eq(sim_leader(sim), 3 - leader);
		cr_expect_null(sim_failure(sim));
		(void)sim_free(sim);
	}
}

/* What only it and a leader that died hold is committed, and not lost. */
Test(witness, brings_its_log_and_hands_over)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct sim *sim = cluster(seed, 0);
		const uint32_t leader = sim_leader(sim), other = 3 - leader;
		sim_crash(sim, other);
		sim_run(sim, 1000);
		const uint64_t committed = sim_committed(sim);
		sim_crash(sim, leader);
		sim_restart(sim, other);
		cr_expect(status_of(sim, other).last_index < committed);
		cr_expect(run_and_see_it_lead(sim, 5000), "seed %llu", (unsigned long long)seed);
		cr_expect_eq(sim_leader(sim), other);
		cr_expect(status_of(sim, other).applied_index > committed);
		cr_expect(sim_committed(sim) > committed + 50, "it goes on");
		cr_expect_null(sim_failure(sim));
		(void)sim_free(sim);
	}
}

Test(witness, refuses_what_needs_a_state)
{
	struct sim *sim = cluster(1, 0);
	struct rk_raft *leader = sim_raft(sim, sim_leader(sim)), *witness = sim_raft(sim, WITNESS);
	struct rk_blob *blob = rk_blob_copy(RK_SPAN("a"));
	uint64_t index, term;

	cr_expect_eq(rk_raft_transfer(leader, WITNESS), RK_EPERM);
	cr_expect_eq(rk_raft_propose(witness, blob, &index, &term), RK_EAGAIN);
	cr_expect_eq(rk_raft_read(witness, 1), RK_EAGAIN);
	cr_expect_eq(rk_raft_transfer(leader, 0), RK_OK);
	(void)rk_blob_unref(blob);
	sim_run(sim, 1000);
	cr_expect_neq(sim_leader(sim), WITNESS);
	(void)sim_free(sim);
}

/* While one of two full members is away it is the other copy. */
Test(witness, keeps_what_full_members_do_not_hold)
{
	struct sim *sim = cluster(5, 20);
	const uint32_t leader = sim_leader(sim), other = 3 - leader;
	uint64_t away_from;

	cr_expect(status_of(sim, WITNESS).first_index > 20, "it drops what all hold");
	away_from = status_of(sim, other).last_index;
	sim_crash(sim, other);
	sim_run(sim, 3000);
	cr_expect(status_of(sim, leader).first_index > away_from + 50);
	cr_expect(status_of(sim, WITNESS).first_index <= away_from + 1);
	sim_restart(sim, other);
	sim_run(sim, 3000);
	cr_expect(status_of(sim, WITNESS).first_index > away_from + 50);
	cr_expect_null(sim_failure(sim));
	(void)sim_free(sim);
}

Test(witness, is_told_of_a_snapshot_and_gets_none)
{
	struct sim *sim = cluster(6, 20);
	const uint64_t installs = sim_counts(sim).installs;
	const uint64_t had = status_of(sim, WITNESS).last_index;

	sim_crash(sim, WITNESS);
	sim_run(sim, 3000);
	cr_expect(status_of(sim, sim_leader(sim)).first_index > had + 50);
	sim_restart(sim, WITNESS);
	sim_run(sim, 1000);
	cr_expect(status_of(sim, WITNESS).first_index > had + 50);
	sim_crash(sim, 3 - sim_leader(sim));
	const uint64_t before = sim_committed(sim);
	sim_run(sim, 1000);
	cr_expect(sim_committed(sim) > before + 20, "it counts again");
	cr_expect_eq(sim_counts(sim).installs, installs);
	cr_expect_null(sim_failure(sim));
	(void)sim_free(sim);
}

Test(witness, joins_and_leaves_a_running_cluster)
{
	const struct sim_opts opts = { .seed = 8,
				       .nodes = 3,
				       .spares = 1,
				       .witness = WITNESS,
				       .delay_max_ms = 1,
				       .propose_percent = 20,
				       .stay_down = true,
				       .snapshot_every = 20 };
	struct sim *sim = sim_new(&opts);
	struct rk_config with = { 0 }, without = { 0 };
	struct rk_error error = { 0 };

	for (uint32_t i = 1; i <= 3; i++)
		sim_member(&with, i, RK_MEMBER_VOTER | (i == WITNESS ? RK_MEMBER_WITNESS : 0));
	for (uint32_t i = 1; i <= 2; i++)
		sim_member(&without, i, RK_MEMBER_VOTER);
	sim_run(sim, 2000);
	cr_assert_eq(rk_raft_change(sim_raft(sim, sim_leader(sim)), &with, &error), RK_OK, "%s",
		     error.text);
	sim_run(sim, 2000);
	sim_crash(sim, 3 - sim_leader(sim));
	const uint64_t before = sim_committed(sim);
	sim_run(sim, 1000);
	cr_expect(sim_committed(sim) > before + 20);
	sim_restart(sim, 3 - sim_leader(sim));
	sim_run(sim, 1000);
	cr_assert_eq(rk_raft_change(sim_raft(sim, sim_leader(sim)), &without, &error), RK_OK, "%s",
		     error.text);
	sim_run(sim, 1000);
	cr_expect(status_of(sim, WITNESS).removed);
	cr_expect_eq(rk_raft_config(sim_raft(sim, sim_leader(sim)))->count, 2);
	cr_expect_null(sim_failure(sim));
	(void)sim_free(sim);
}

/* Its disk is replaced while one full member is away: the entries that it was the other copy of must come back, so it is
 * not told to skip them. */
Test(witness, without_memory_skips_nothing_that_it_was_counted_for)
{
	struct sim *sim = cluster(7, 20);
	const uint32_t leader = sim_leader(sim), other = 3 - leader;

	sim_crash(sim, other);
	sim_run(sim, 2000);
	const uint64_t committed = sim_committed(sim), held = status_of(sim, leader).first_index;
	sim_crash(sim, WITNESS);
	sim_wipe(sim, WITNESS);
	sim_restart(sim, WITNESS);
	sim_run(sim, 2000);
	cr_expect(status_of(sim, WITNESS).doubt != RK_DOUBT_NONE);
	cr_expect(status_of(sim, WITNESS).last_index < held);
	sim_restart(sim, other);
	sim_run(sim, 5000);
	cr_expect_eq(status_of(sim, WITNESS).doubt, RK_DOUBT_NONE);
	cr_expect(status_of(sim, WITNESS).last_index > committed);
	cr_expect_null(sim_failure(sim));
	(void)sim_free(sim);
}
