/* Hundreds of seeded runs: safety is checked at every step, and after healing the cluster must go
 * on. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tests/raft/sim.h"

static uint32_t take(uint64_t *bits, uint32_t range)
{
	const uint64_t taken = *bits % range;

	*bits /= range;
	return (uint32_t)taken;
}

static struct sim_opts swarm(uint64_t seed)
{
	/* Each run draws its own kind of trouble from the seed. */
	uint64_t bits = rk_hash64(rk_span_of(&seed, sizeof seed), 7);
	static const uint32_t sizes[] = { 1, 3, 3, 3, 5, 5, 4, 7 };
	struct sim_opts opts = { .seed = seed };
	opts.nodes = sizes[take(&bits, 8)];
	opts.learners = opts.nodes > 3 ? take(&bits, 2) : 0;
	opts.loss_percent = 10 * take(&bits, 4);
	opts.dup_percent = 15 * take(&bits, 3);
	opts.delay_max_ms = 1 + 20 * take(&bits, 4);
	opts.disk_max_ms = 25 * take(&bits, 4);
	opts.crash_permille = 5 * take(&bits, 4);
	opts.partition_permille = 5 * take(&bits, 3);
	opts.propose_percent = 5 + 15 * take(&bits, 4);
	opts.snapshot_every = take(&bits, 2) == 0 ? 0 : 40;
	opts.transfers = take(&bits, 2) != 0;
	opts.lease_reads = take(&bits, 2) != 0;
	opts.stall_permille = take(&bits, 3);
	opts.changes = take(&bits, 2) != 0;
	if (opts.changes && opts.nodes <= 5) {
		opts.spares = 1 + take(&bits, 2);
		opts.nodes += opts.spares;
	}
	/* What a lost member may have promised depends on who the members were when it did: not
	 * with changes. */
	if (!opts.changes && opts.nodes >= 3)
		opts.wipe_permille = 3 * take(&bits, 2);
	if (opts.nodes - opts.spares - opts.learners >= 3 && seed % 3 == 0)
		opts.witness = 1 + take(&bits, opts.nodes - opts.spares - opts.learners);
	return opts;
}

static bool one_run(uint64_t seed, struct sim_counts *sum)
{
	const struct sim_opts opts = swarm(seed);
	struct sim *sim = sim_new(&opts);

	sim_run(sim, 8000);
	sim_heal(sim);
	const uint64_t healed_at = sim_committed(sim);
	bool alive = false;
	for (int second = 0; second < 20 && !alive && sim_failure(sim) == NULL; second++) {
		sim_run(sim, 1000);
		alive = sim_committed(sim) > healed_at && sim_caught_up(sim, healed_at + 1);
	}
	const struct sim_counts counts = sim_counts(sim);
	if (sim_failure(sim) != NULL || !alive)
		(void)fprintf(stderr, "RK_SIM_SEED=%llu (%u nodes): %s\n", (unsigned long long)seed,
			      opts.nodes,
			      sim_failure(sim) != NULL ? sim_failure(sim)
						       : "no progress after healing");
	const bool good = sim_failure(sim) == NULL && alive;
	sum->crashes += counts.crashes;
	sum->elections += counts.elections;
	sum->installs += counts.installs;
	sum->partitions += counts.partitions;
	sum->reads += counts.reads;
	sum->commits += counts.commits;
	sum->transfers += counts.transfers;
	sum->changes += counts.changes;
	sum->wipes += counts.wipes;
	sum->rots += counts.rots;
	(void)sim_free(sim);
	return good;
}

/* RK_SIM_SEED replays one seed; RK_SIM_SEEDS runs more than the usual number. */
Test(sim, swarm, .timeout = 600)
{
	const char *one = getenv("RK_SIM_SEED"), *many = getenv("RK_SIM_SEEDS");
	const uint64_t first = one != NULL ? strtoull(one, NULL, 10) : 1;
	const uint64_t count = one != NULL ? 1 : many != NULL ? strtoull(many, NULL, 10) : 300;
	struct sim_counts sum = { 0 };
	uint64_t bad = 0;

	for (uint64_t seed = first; seed < first + count; seed++)
		bad += !one_run(seed, &sum);
	(void)fprintf(stderr,
		      "sim: %llu seeds, %llu crashes, %llu elections, %llu installs, %llu "
		      "partitions, %llu "
		      "reads, %llu commits, %llu transfers, %llu changes of members, %llu disks "
		      "wiped, %llu logs damaged\n",
		      (unsigned long long)count, (unsigned long long)sum.crashes,
		      (unsigned long long)sum.elections, (unsigned long long)sum.installs,
		      (unsigned long long)sum.partitions, (unsigned long long)sum.reads,
		      (unsigned long long)sum.commits, (unsigned long long)sum.transfers,
		      (unsigned long long)sum.changes, (unsigned long long)sum.wipes,
		      (unsigned long long)sum.rots);
	cr_assert_eq(bad, 0, "%llu of %llu seeds failed", (unsigned long long)bad,
		     (unsigned long long)count);
	if (count > 50) {
		cr_expect(sum.crashes > 100 && sum.installs > 100 && sum.partitions > 100);
		cr_expect(sum.reads > 1000 && sum.commits > 10000 && sum.transfers > 10 &&
			  sum.changes > 100 && sum.wipes > 10 && sum.rots > 10);
	}
}

Test(sim, same_seed_same_run)
{
	struct sim_counts a = { 0 }, b = { 0 };

	cr_assert(one_run(4242, &a) && one_run(4242, &b));
	cr_expect(memcmp(&a, &b, sizeof a) == 0);
}

Test(sim, killed_leader_is_replaced_within_a_second)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		const struct sim_opts opts = {
			.seed = seed, .nodes = 3, .delay_max_ms = 1, .disk_max_ms = 5
		};
		struct sim *sim = sim_new(&opts);
		sim_run(sim, 2000);
		const uint32_t leader = sim_leader(sim);
		cr_assert_neq(leader, 0);
		sim_crash(sim, leader);
		sim_run(sim, 1000);
		cr_expect_neq(sim_leader(sim), 0, "seed %llu", (unsigned long long)seed);
		cr_expect_null(sim_failure(sim));
		(void)sim_free(sim);
	}
}

/* The partial failure that stopped a large operator for six hours: a member that hears everyone but
 * the leader must not unseat it again and again. */
Test(sim, one_cut_link_does_not_unseat_the_leader)
{
	const struct sim_opts opts = {
		.seed = 3, .nodes = 3, .delay_max_ms = 1, .propose_percent = 10
	};
	struct sim *sim = sim_new(&opts);
	struct rk_raft_status before, after;

	sim_run(sim, 2000);
	const uint32_t leader = sim_leader(sim), other = leader % 3 + 1;
	cr_assert_neq(leader, 0);
	rk_raft_status(sim_raft(sim, leader), &before);
	sim_cut(sim, leader, other, true);
	sim_cut(sim, other, leader, true);
	sim_run(sim, 10000);
	cr_expect_eq(sim_leader(sim), leader);
	rk_raft_status(sim_raft(sim, leader), &after);
	cr_expect_eq(after.term, before.term);
	cr_expect(after.commit_index > before.commit_index + 100);
	cr_expect_null(sim_failure(sim));
	(void)sim_free(sim);
}
