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

static struct rk_raft_msg *message(enum rk_raft_msg_kind kind, uint64_t from)
{
	struct rk_raft_msg *msg = rk_raft_msg_new(kind, 2);

	msg->from = from;
	msg->term = 5;
	return msg;
}

/* What peers saw of it is more than is there now, because a leader cut it. */
Test(memory, a_late_answer_about_a_log_that_was_cut_means_nothing)
{
	const struct rk_entry entries[] = { { 1, 3, 0, RK_ENTRY_NOOP, NULL },
					    { 2, 3, 0, RK_ENTRY_NOOP, NULL },
					    { 3, 3, 0, RK_ENTRY_NOOP, NULL } };
	struct rk_raft_opts opts = {
		.id = 2, .seed = 1, .hard = { 5, 0, 1 }, .count = 3, .entries = entries
	};
	struct rk_raft_out out = { 0 };
	struct rk_raft_status status;
	struct rk_raft *raft = NULL;
	struct rk_error error = { 0 };
	uint64_t context = 0;

	for (uint32_t i = 1; i <= 3; i++)
		sim_member(&opts.config, i, RK_MEMBER_VOTER);
	cr_assert_eq(rk_raft_new(&raft, &opts, &error), RK_OK, "%s", error.text);
	rk_raft_clock(raft, 1000, 1000);
	rk_raft_tick(raft);
	cr_assert(rk_raft_ready(raft, &out));
	for (size_t i = 0; i < out.messages_count; i++)
		context = out.messages[i]->context;
	for (uint64_t from = 3; from == 3 || from == 1; from -= 2) {
		struct rk_raft_msg *answer = message(RK_MSG_CHECK_ANSWER, from);
		answer->context = context;
		answer->reject = true;
		answer->index = 2;
		answer->log_term = answer->hint_term = 3;
		answer->hint_index = 3;
		rk_raft_step(raft, answer);
		rk_raft_status(raft, &status);
		cr_expect_eq(status.doubt, RK_DOUBT_NONE, "after the answer of %u", (unsigned)from);
		struct rk_raft_msg *append = message(RK_MSG_APPEND, 3);
		append->index = 2;
		append->log_term = 3;
		append->entries = rk_zalloc(sizeof *append->entries);
		append->entries[append->count++] = (struct rk_entry){ 3, 5, 0, RK_ENTRY_NOOP, NULL };
		rk_raft_step(raft, append);
	}
	rk_raft_out_done(&out);
	(void)rk_raft_free(raft);
}

/* It led term 8 and held more; the leader of term 9 cut that, and a crash came before its log was longer. */
Test(memory, what_was_seen_before_the_term_of_the_log_counts_for_nothing)
{
	const struct rk_entry entries[] = { { 1, 3, 0, RK_ENTRY_NOOP, NULL } };
	struct rk_raft_opts opts = {
		.id = 2, .seed = 1, .hard = { 5, 0, 1 }, .count = 1, .entries = entries
	};
	struct rk_raft_out out = { 0 };
	struct rk_raft *raft = NULL;
	struct rk_error error = { 0 };

	for (uint32_t i = 1; i <= 3; i++)
		sim_member(&opts.config, i, RK_MEMBER_VOTER);
	cr_assert_eq(rk_raft_new(&raft, &opts, &error), RK_OK, "%s", error.text);
	rk_raft_clock(raft, 1000, 1000);
	struct rk_raft_msg *led = message(RK_MSG_HEARTBEAT, 3);
	led->term = 8;
	led->hint_index = 115;
	led->hint_term = 8;
	rk_raft_step(raft, led);
	for (uint64_t as_of = 7; as_of <= 9; as_of++) {
		struct rk_raft_msg *check = message(RK_MSG_CHECK, 3);
		check->context = as_of;
		check->commit = as_of;
		rk_raft_step(raft, check);
	}
	uint32_t answers = 0;
	while (rk_raft_ready(raft, &out)) {
		for (size_t i = 0; i < out.messages_count; i++) {
			const struct rk_raft_msg *answer = out.messages[i];
			if (answer->kind != RK_MSG_CHECK_ANSWER)
				continue;
			answers++;
			cr_expect_eq(answer->commit, 8);
			cr_expect_eq(answer->hint_index, answer->context <= 8 ? 115 : 0);
			cr_expect_eq(answer->hint_term, answer->context <= 8 ? 8 : 0);
		}
		if (out.persist != NULL)
			rk_raft_persisted(raft, out.persist->id);
	}
	cr_expect_eq(answers, 3);
	rk_raft_out_done(&out);
	(void)rk_raft_free(raft);
}

struct lead { /* member 1 leads members 2 and 3, who answer by hand */
	struct rk_raft *raft;
	struct rk_raft_out out;
	uint64_t now_ms;
};

/* Lets the core and its disk come to rest; the newest message of a kind to a member, or NULL. */
static const struct rk_raft_msg *said(struct lead *lead, enum rk_raft_msg_kind kind, uint64_t to)
{
	const struct rk_raft_msg *found = NULL;

	while (rk_raft_ready(lead->raft, &lead->out)) {
		for (size_t i = 0; i < lead->out.messages_count; i++)
			if (lead->out.messages[i]->kind == kind && lead->out.messages[i]->to == to)
				found = lead->out.messages[i];
		if (lead->out.persist != NULL)
			rk_raft_persisted(lead->raft, lead->out.persist->id);
		if (found != NULL)
			break;
	}
	return found;
}

static void hear(struct lead *lead, struct rk_raft_msg *msg, uint64_t term)
{
	msg->to = 1;
	msg->term = term;
	rk_raft_step(lead->raft, msg);
}

static void tick(struct lead *lead)
{
	lead->now_ms += 100;
	rk_raft_clock(lead->raft, lead->now_ms, (int64_t)lead->now_ms);
	rk_raft_tick(lead->raft);
}

static uint64_t take_the_lead(struct lead *lead)
{
	struct rk_raft_status status;

	tick(lead);
	const struct rk_raft_msg *check = said(lead, RK_MSG_CHECK, 2);
	cr_assert_not_null(check);
	struct rk_raft_msg *sure = message(RK_MSG_CHECK_ANSWER, 2);
	sure->context = check->context;
	hear(lead, sure, 5);
	rk_raft_campaign(lead->raft);
	cr_assert_not_null(said(lead, RK_MSG_PREVOTE, 2));
	hear(lead, message(RK_MSG_PREVOTE_ANSWER, 2), 6);
	cr_assert_not_null(said(lead, RK_MSG_VOTE, 2));
	hear(lead, message(RK_MSG_VOTE_ANSWER, 2), 6);
	(void)said(lead, RK_MSG_APPEND, 2);
	rk_raft_status(lead->raft, &status);
	cr_assert_eq(status.role, RK_RAFT_LEADER, "%s, %s, term %llu", rk_raft_role_name(status.role),
		     rk_raft_doubt_name(status.doubt), (unsigned long long)status.term);
	return status.term;
}

/* It acknowledged the last entry, lost its disk and said so; then the acknowledgement came, late. A leader with nothing
 * new to send would never learn that it lacks the entries: a witness, which takes none, would lead for ever. */
Test(memory, a_late_acknowledgement_of_what_was_lost_is_noticed)
{
	const struct rk_entry entries[] = { { 1, 3, 0, RK_ENTRY_NOOP, NULL }, { 2, 3, 0, RK_ENTRY_NOOP, NULL } };
	struct rk_raft_opts opts = {
		.id = 1, .seed = 1, .hard = { 5, 0, 1 }, .count = 2, .entries = entries
	};
	struct lead lead = { .now_ms = 1000 };
	struct rk_error error = { 0 };

	for (uint32_t i = 1; i <= 3; i++)
		sim_member(&opts.config, i, RK_MEMBER_VOTER);
	cr_assert_eq(rk_raft_new(&lead.raft, &opts, &error), RK_OK, "%s", error.text);
	const uint64_t term = take_the_lead(&lead), last = 3;
	struct rk_raft_msg *lost = message(RK_MSG_CHECK, 2), *late = message(RK_MSG_APPEND_ANSWER, 2);
	lost->force = true;
	hear(&lead, lost, term);
	late->index = last;
	hear(&lead, late, term);
	(void)said(&lead, RK_MSG_CHECK_ANSWER, 2);
	while (rk_raft_ready(lead.raft, &lead.out))
		;
	struct rk_raft_msg *empty = message(RK_MSG_HEARTBEAT_ANSWER, 2);
	empty->force = true;
	hear(&lead, empty, term);
	const struct rk_raft_msg *probe = said(&lead, RK_MSG_APPEND, 2);
	cr_assert_not_null(probe);
	cr_expect(probe->index == last && !probe->force);
	struct rk_raft_msg *refusal = message(RK_MSG_APPEND_ANSWER, 2);
	refusal->reject = true;
	refusal->index = last;
	hear(&lead, refusal, term);
	const struct rk_raft_msg *again = said(&lead, RK_MSG_APPEND, 2);
	cr_assert_not_null(again);
	cr_expect(again->index == 0 && again->count == last, "%llu, %u", (unsigned long long)again->index, again->count);
	rk_raft_out_done(&lead.out);
	(void)rk_raft_free(lead.raft);
}
