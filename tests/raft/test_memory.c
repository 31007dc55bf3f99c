/* Disks that come back older than what the peers saw of them: emptied, or rolled back. */
#include <criterion/criterion.h>

#include "base/mem.h"
#include "tests/raft/sim.h"

static struct sim *cluster(uint32_t nodes, uint32_t snapshot_every)
{
	const struct sim_opts opts = { .seed = 9,
				       .nodes = nodes,
				       .delay_max_ms = 2,
				       .disk_max_ms = 5,
				       .propose_percent = 20,
				       .snapshot_every = snapshot_every,
				       .stay_down = true,
				       .lease_reads = true };
	struct sim *sim = sim_new(&opts);

	sim_run(sim, 2000);
	cr_assert_neq(sim_leader(sim), 0);
	return sim;
}

static struct rk_raft_status status_of(struct sim *sim, uint32_t node)
{
	struct rk_raft_status status;

	rk_raft_status(sim_raft(sim, node), &status);
	return status;
}

static void expect_filled(struct sim *sim, uint32_t node)
{
	sim_run(sim, 3000);
	const struct rk_raft_status status = status_of(sim, node);
	cr_expect_eq(status.doubt, RK_DOUBT_NONE, "%s", rk_raft_doubt_name(status.doubt));
	cr_expect(status.applied_index + 50 > sim_committed(sim));
	cr_expect_null(sim_failure(sim), "%s", sim_failure(sim));
}

static void wiped(uint32_t snapshot_every)
{
	struct sim *sim = cluster(3, snapshot_every);
	const uint32_t node = sim_leader(sim) % 3 + 1;

	sim_crash(sim, node);
	sim_wipe(sim, node);
	sim_run(sim, 500);
	sim_restart(sim, node);
	sim_run(sim, 20);
	cr_expect_eq(status_of(sim, node).doubt, RK_DOUBT_FILLS); /* it was told, by both */
	expect_filled(sim, node);
	(void)sim_free(sim);
}

Test(memory, wiped_member_is_filled_from_the_log) { wiped(0); }

Test(memory, wiped_member_is_filled_by_a_snapshot) { wiped(40); }

/* The leader goes on with it although it had acknowledged more. */
Test(memory, rolled_back_member_is_noticed_and_filled)
{
	struct sim *sim = cluster(3, 0);
	const uint32_t leader = sim_leader(sim), node = leader % 3 + 1;

	sim_keep_disk(sim, node);
	sim_run(sim, 2000);
	sim_crash(sim, node);
	sim_roll_back(sim, node);
	sim_restart(sim, node);
	sim_run(sim, 20);
	cr_expect_neq(status_of(sim, node).doubt, RK_DOUBT_NONE);
	expect_filled(sim, node);
	cr_expect_eq(sim_leader(sim), leader);
	(void)sim_free(sim);
}

/* A leader and its lost disk: what only it and one other acknowledged is still there. */
Test(memory, wiped_leader_comes_back_as_a_follower)
{
	struct sim *sim = cluster(3, 40);
	const uint32_t leader = sim_leader(sim);

	sim_crash(sim, leader);
	sim_wipe(sim, leader);
	sim_restart(sim, leader);
	expect_filled(sim, leader);
	cr_expect_neq(sim_leader(sim), leader);
	(void)sim_free(sim);
}

/* Two of three are there, but one of them forgot what it acknowledged: the safe side is to wait for
 * the third. */
Test(memory, wiped_member_elects_nobody_while_one_that_may_know_more_is_away)
{
	struct sim *sim = cluster(3, 40);
	const uint32_t leader = sim_leader(sim), node = leader % 3 + 1, other = node % 3 + 1;

	sim_crash(sim, leader);
	sim_crash(sim, node);
	sim_wipe(sim, node);
	sim_restart(sim, node);
	sim_run(sim, 5000);
	cr_expect_eq(sim_leader(sim), 0);
	cr_expect_eq(status_of(sim, node).doubt, RK_DOUBT_LOST);
	sim_crash(sim, node); /* and it knows that after a restart */
	sim_restart(sim, node);
	sim_run(sim, 20);
	cr_expect_eq(status_of(sim, node).doubt, RK_DOUBT_LOST);
	sim_restart(sim, leader);
	expect_filled(sim, node);
	cr_expect_neq(sim_leader(sim), 0);
	cr_expect(status_of(sim, other).applied_index + 50 > sim_committed(sim));
	(void)sim_free(sim);
}

/* A damaged log is no vote: what this member alone knew to be acknowledged, with the leader that is
 * away, is not lost. */
Test(memory, damaged_log_does_not_vote_as_if_the_entries_had_never_been)
{
	struct sim *sim = cluster(3, 0);
	const uint32_t leader = sim_leader(sim), node = leader % 3 + 1;

	sim_crash(sim, leader);
	sim_crash(sim, node);
	sim_rot(sim, node);
	sim_restart(sim, node);
	sim_run(sim, 3000);
	cr_expect_eq(sim_leader(sim), 0);
	sim_restart(sim, leader);
	expect_filled(sim, node);
	cr_expect_neq(sim_leader(sim), 0);
	(void)sim_free(sim);
}

/* A disk that is as it was costs nothing but a question. */
Test(memory, restarted_member_is_sure_at_once)
{
	struct sim *sim = cluster(5, 40);
	const uint32_t node = sim_leader(sim) % 5 + 1;

	sim_crash(sim, node);
	sim_restart(sim, node);
	sim_run(sim, 20);
	cr_expect_eq(status_of(sim, node).doubt, RK_DOUBT_NONE);
	cr_expect_eq(sim_counts(sim).wipes, 0);
	(void)sim_free(sim);
}

/* Nobody holds an entry of it, and nobody that voted for it remembers more than that. */
Test(memory, a_leader_without_followers_that_is_emptied_is_known_by_the_votes_for_it)
{
	uint32_t tried = 0;

	for (uint64_t seed = 1; seed <= 40; seed++) {
		const struct sim_opts opts = {
			.seed = seed, .nodes = 3, .delay_max_ms = 20, .stay_down = true
		};
		struct sim *sim = sim_new(&opts);
		struct rk_raft_status status;
		uint64_t held = 0, led = 0;

		for (uint32_t i = 0; i < 400 && sim_leader(sim) == 0; i++)
			sim_run(sim, 5);
		const uint32_t leader = sim_leader(sim);
		uint32_t votes = 0;
		for (uint32_t i = 1; i <= 3; i++) {
			rk_raft_status(sim_raft(sim, i), &status);
			held += i != leader ? status.last_index : 0;
			votes += i != leader && status.vote == leader;
			led = RK_MAX(led, status.term);
			sim_crash(sim, i);
		}
		sim_wipe(sim, leader);
		for (uint32_t i = 1; i <= 3; i++)
			sim_restart(sim, i);
		sim_run(sim, 150);
		rk_raft_status(sim_raft(sim, leader), &status);
		if (held == 0 && votes == 2) {
			tried++;
			cr_expect(status.doubt != RK_DOUBT_NONE || status.term >= led,
				  "seed %llu: sure of term %llu", (unsigned long long)seed,
				  (unsigned long long)status.term);
		}
		sim_run(sim, 3000);
		cr_expect_null(sim_failure(sim));
		cr_expect_neq(sim_leader(sim), 0);
		(void)sim_free(sim);
	}
	cr_expect(tried > 5, "%u", tried);
}
