/* From one set of members to another: the steps as tables, then with whole clusters. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "raft/membership.h"
#include "tests/raft/sim.h"

static const struct {
	uint8_t bit;
	char letter;
} letters[] = {
	{ RK_MEMBER_VOTER, 'v' },        { RK_MEMBER_LEARNER, 'l' },
	{ RK_MEMBER_WITNESS, 'w' },      { RK_MEMBER_OUTGOING, 'o' },
	{ RK_MEMBER_NEXT_VOTER, 'V' },
	{ RK_MEMBER_NEXT_LEARNER, 'L' }, { RK_MEMBER_NEXT_GONE, 'G' },
};

/* "1v 2vo 3lV" */
static struct rk_config config_of(const char *text)
{
	struct rk_config config = { 0 };

	while (*text != 0) {
		char *end = NULL;
		const uint32_t id = (uint32_t)strtoul(text, &end, 10);
		uint8_t role = 0;
		for (text = end; *text != 0 && *text != ' '; text++)
			for (size_t i = 0; i < RK_COUNT(letters); i++)
				role |= *text == letters[i].letter ? letters[i].bit : 0;
		sim_member(&config, id, role);
		text += *text == ' ';
	}
	return config;
}

static void text_of(const struct rk_config *config, char out[256])
{
	size_t size = 0;

	out[0] = 0;
	for (uint32_t i = 0; i < config->count; i++) {
		size += (size_t)snprintf(out + size, 256 - size, "%s%u", i > 0 ? " " : "",
					 (unsigned)config->at[i].id);
		for (size_t j = 0; j < RK_COUNT(letters); j++)
			if ((config->at[i].role & letters[j].bit) != 0)
				size += (size_t)snprintf(out + size, 256 - size, "%c",
							 letters[j].letter);
	}
}

Test(membership, steps)
{
	static const struct {
		const char *now, *target;
		const char *steps[4];
	} cases[] = {
		{ "1v", "1v 2v", { "1v 2lV", "1vo 2v", "1v 2v" } },
		{ "1v 2v 3v", "1v 2v", { "1vo 2vo 3o", "1v 2v" } },
		{ "1v 2v 3v", "1v 2v 4v", { "1v 2v 3vG 4lV", "1vo 2vo 3o 4v", "1v 2v 4v" } },
		{ "1v 2v 3v",
		  "4v 5v 6v",
		  { "1vG 2vG 3vG 4lV 5lV 6lV", "1o 2o 3o 4v 5v 6v", "4v 5v 6v" } },
		{ "1v 2v", "1v 2l", { "1vo 2lo", "1v 2l" } },
		{ "1v 2l", "1v 2v", { "1v 2lV", "1vo 2v", "1v 2v" } },
		{ "1v 2l", "1v 2l 3l", { "1v 2l 3l" } }, /* the voters stay: no joint step */
		{ "1v 2l 3l", "1v 3l", { "1v 3l" } },
		{ "1v 2v 3l", "1l 2v 4v", { "1vL 2v 4lV", "1lo 2vo 4v", "1l 2v 4v" } },
		{ "1v 2v 3vG 4lV", "1v 2v 3v", { "1v 2v 3v" } }, /* called off */
		{ "1v 2v 3vG 4lV", "1v 2v 3v 4l", { "1v 2v 3v 4l" } },
		{ "1v 2v", "1v 2v 3vw", { "1v 2v 3lwV", "1vo 2vo 3vw", "1v 2v 3vw" } },
		{ "1v 2v 3vw", "1v 2v", { "1vo 2vo 3wo", "1v 2v" } },
		{ "1v 2v 3vw",
		  "1v 2v 4vw",
		  { "1v 2v 3vwG 4lwV", "1vo 2vo 3wo 4vw", "1v 2v 4vw" } },
		{ "1v 2v 3vw", "1v 3vw 4v", { "1v 2vG 3vw 4lV", "1vo 2o 3vwo 4v", "1v 3vw 4v" } },
	};

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		struct rk_config config = config_of(cases[i].now), end;
		const struct rk_config target = config_of(cases[i].target);
		struct rk_error error = { 0 };
		char text[256];
		cr_assert_eq(rk_membership_start(&config, &target, &config, &error), RK_OK, "%s",
			     error.text);
		for (size_t step = 0; cases[i].steps[step] != NULL; step++) {
			text_of(&config, text);
			cr_expect_str_eq(text, cases[i].steps[step], "case %zu: %s", i, text);
			rk_membership_target(&config, &end);
			text_of(&end, text);
			cr_expect_str_eq(text, cases[i].target);
			const bool is_end = cases[i].steps[step + 1] == NULL;
			cr_assert_eq(rk_membership_next(&config, &config),
				     is_end ? RK_ENOENT : RK_OK);
			cr_expect_eq(rk_membership_is_changing(&config),
				     !is_end && cases[i].steps[step + 2] != NULL);
		}
	}
}

Test(membership, refused)
{
	static const struct {
		const char *now, *target;
		int err;
		const char *why;
	} cases[] = {
		{ "1v 2v", "", RK_EINVAL, "no voter" },
		{ "1v 2v", "1l 2l", RK_EINVAL, "no voter" },
		{ "1v 2v", "1v 2vo", RK_EINVAL, "member 2 must be a voter, a witness or a learner" },
		{ "1v 2v", "1v 2v 3lw", RK_EINVAL, "member 3 must be" },
		{ "1v 2v 3vw", "1v 2v 3v", RK_EINVAL, "member 3 is a witness and cannot" },
		{ "1v 2v 3vw", "1v 2v 3l", RK_EINVAL, "member 3 is a witness and cannot" },
		{ "1v 2v 3v", "1v 2v 3vw", RK_EINVAL, "member 3 is a full member and cannot" },
		{ "1v 2v 3vw", "1v 3vw", RK_EINVAL, "more full voters than witnesses, not 1 and 1" },
		{ "1v 2v", "1v 2v 3vw 4vw", RK_EINVAL, "not 2 and 2" },
		{ "1v 2v 3vw", "3vw", RK_EINVAL, "not 0 and 1" },
		{ "1v 2v", "1v 2v", RK_EEXIST, "nothing" },
		{ "1vo 2v", "1v", RK_EBUSY, "under way" },
		{ "1vo 2v", "1v 2v", RK_EBUSY, "under way" },
		{ "1v 2lV", "1v 2lV 3v", RK_EINVAL, "member 2" },
		{ "1v 2lV", "1v 2v 3v", RK_EBUSY, "under way" },
		{ "1v 2v 3v 4v 5v 6v 7v 8v 9v", "11v 12v 13v 14v 15v 16v 17v 18v", RK_ETOOBIG,
		  "16" },
	};

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		struct rk_config config = config_of(cases[i].now);
		const struct rk_config target = config_of(cases[i].target);
		struct rk_error error = { 0 };
		cr_expect_eq(rk_membership_start(&config, &target, &config, &error), cases[i].err,
			     "case %zu", i);
		cr_expect_not_null(strstr(error.text, cases[i].why), "case %zu: %s", i, error.text);
	}
}

Test(membership, same_address_twice_is_refused)
{
	struct rk_config now = config_of("1v"), target = now, next;
	struct rk_error error = { 0 };

	cr_assert_eq(rk_config_add(&target, 2, RK_MEMBER_VOTER, now.at[0].address), RK_OK);
	cr_expect_eq(rk_membership_start(&now, &target, &next, &error), RK_EINVAL);
	cr_expect_not_null(strstr(error.text, "the same address"), "%s", error.text);
}

/* --- whole clusters --- */

static struct sim *cluster(uint32_t nodes, uint32_t spares)
{
	const struct sim_opts opts = { .seed = 5,
				       .nodes = nodes,
				       .spares = spares,
				       .delay_max_ms = 2,
				       .disk_max_ms = 5,
				       .stay_down = true,
				       .propose_percent = 20,
				       .snapshot_every = 40,
				       .lease_reads = true };
	struct sim *sim = sim_new(&opts);

	sim_run(sim, 2000);
	cr_assert_neq(sim_leader(sim), 0);
	return sim;
}

static void begin(struct sim *sim, const char *target)
{
	const struct rk_config config = config_of(target);
	struct rk_error error = { 0 };

	cr_assert_eq(rk_raft_change(sim_raft(sim, sim_leader(sim)), &config, &error), RK_OK, "%s",
		     error.text);
}

static void expect_config(struct sim *sim, uint32_t node, const char *want)
{
	char text[256];

	text_of(rk_raft_config(sim_raft(sim, node)), text);
	cr_expect_str_eq(text, want, "node %u has %s", node, text);
}

static struct rk_raft_status status_of(struct sim *sim, uint32_t node)
{
	struct rk_raft_status status;

	rk_raft_status(sim_raft(sim, node), &status);
	return status;
}

Test(membership, all_three_replaced_at_once_while_writes_go_on)
{
	struct sim *sim = cluster(6, 3);

	begin(sim, "4v 5v 6v");
	sim_run(sim, 3000);
	cr_assert_null(sim_failure(sim), "%s", sim_failure(sim));
	cr_expect_geq(sim_leader(sim), 4);
	for (uint32_t i = 4; i <= 6; i++)
		expect_config(sim, i, "4v 5v 6v");
	for (uint32_t i = 1; i <= 3; i++)
		cr_expect(status_of(sim, i).removed, "node %u does not know", i);
	const uint64_t before = sim_committed(sim);
	for (uint32_t i = 1; i <= 3; i++)
		sim_crash(sim, i);
	sim_run(sim, 1000);
	cr_expect_gt(sim_committed(sim), before + 20);
	(void)sim_free(sim);
}

Test(membership, removed_leader_hands_over_at_once)
{
	struct sim *sim = cluster(3, 0);
	const uint32_t leader = sim_leader(sim);
	const char *const rest[] = { NULL, "2v 3v", "1v 3v", "1v 2v" };
	int ms = 0;

	begin(sim, rest[leader]);
	while (sim_leader(sim) == leader && ms < 1000) {
		sim_run(sim, 5);
		ms += 5;
	}
	/* No election time-out (300 ms and more) has passed without a leader. */
	ms = 0;
	while (sim_leader(sim) == 0 && ms < 1000) {
		sim_run(sim, 5);
		ms += 5;
	}
	cr_expect_lt(ms, 60);
	cr_expect_neq(sim_leader(sim), leader);
	cr_expect(status_of(sim, leader).removed);
	sim_run(sim, 3000);
	cr_expect_neq(sim_leader(sim), leader);
	cr_expect_null(sim_failure(sim));
	(void)sim_free(sim);
}

Test(membership, one_that_was_away_is_told_that_it_is_removed)
{
	struct sim *sim = cluster(3, 0);
	const uint32_t leader = sim_leader(sim), away = leader % 3 + 1;
	const char *const rest[] = { NULL, "2v 3v", "1v 3v", "1v 2v" };

	sim_crash(sim, away);
	begin(sim, rest[away]);
	sim_run(sim, 1000);
	const uint64_t term = status_of(sim, leader).term;
	sim_restart(sim, away);
	sim_run(sim, 2000);
	cr_expect(status_of(sim, away).removed);
	cr_expect_eq(status_of(sim, leader).term, term); /* and unseats nobody */
	cr_expect_eq(sim_leader(sim), leader);
	cr_expect_null(sim_failure(sim));
	(void)sim_free(sim);
}

Test(membership, writes_go_on_while_a_new_voter_does_not_come_and_it_can_be_called_off)
{
	struct sim *sim = cluster(2, 1);

	sim_crash(sim, 2);
	begin(sim, "1v 2v");
	uint64_t before = sim_committed(sim);
	sim_run(sim, 1000);
	cr_expect_gt(sim_committed(sim), before + 10);
	expect_config(sim, 1, "1v 2lV");
	begin(sim, "1v");
	before = sim_committed(sim);
	sim_run(sim, 1000);
	expect_config(sim, 1, "1v");
	cr_expect_gt(sim_committed(sim), before + 10);
	begin(sim, "1v 2v");
	sim_restart(sim, 2);
	sim_run(sim, 3000);
	expect_config(sim, 1, "1v 2v");
	expect_config(sim, 2, "1v 2v");
	cr_expect_null(sim_failure(sim));
	(void)sim_free(sim);
}

/* All of the new set lose power as soon as the change is over, and the old set is thrown away. */
Test(membership, finished_change_survives_a_power_cut)
{
	struct sim *sim = cluster(4, 2);

	begin(sim, "3v 4v");
	int ms = 0;
	char text[256] = "";
	while (ms < 5000 && strcmp(text, "3v 4v") != 0) {
		sim_run(sim, 5);
		ms += 5;
		text_of(rk_raft_config(sim_raft(sim, 3)), text);
	}
	sim_run(sim, 50);
	for (uint32_t i = 1; i <= 4; i++)
		sim_crash(sim, i);
	sim_restart(sim, 3);
	sim_restart(sim, 4);
	const uint64_t before = sim_committed(sim);
	sim_run(sim, 3000);
	cr_expect_gt(sim_committed(sim), before);
	cr_expect_null(sim_failure(sim));
	(void)sim_free(sim);
}
