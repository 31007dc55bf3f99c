/* Majorities, of one set of voters and of two: tables, and every small case against the definition.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "base/mem.h"
#include "raft/quorum.h"

/* "v" votes in the incoming half, "o" in the outgoing one, "b" in both, "l" in none. */
static struct rk_config config_of(const char *roles)
{
	struct rk_config config = { 0 };

	for (uint32_t i = 0; roles[i] != 0; i++) {
		const uint8_t role = roles[i] == 'v'   ? RK_MEMBER_VOTER
				     : roles[i] == 'o' ? RK_MEMBER_OUTGOING
				     : roles[i] == 'b' ? RK_MEMBER_VOTER | RK_MEMBER_OUTGOING
						       : RK_MEMBER_LEARNER;
		cr_assert_eq(rk_config_add(&config, i + 1, role, "a:1"), RK_OK);
	}
	return config;
}

Test(quorum, majority_commit)
{
	static const struct {
		const char *roles;
		uint64_t values[RK_MEMBERS_MAX];
		uint64_t want;
	} cases[] = {
		{ "", { 0 }, UINT64_MAX },
		{ "l", { 9 }, UINT64_MAX },
		{ "v", { 0 }, 0 },
		{ "v", { 12 }, 12 },
		{ "vv", { 12, 5 }, 5 },
		{ "vv", { 12, 0 }, 0 },
		{ "vvv", { 12, 5, 0 }, 5 },
		{ "vvv", { 12, 5, 6 }, 6 },
		{ "vvv", { 12, 0, 0 }, 0 },
		{ "vvv", { 7, 7, 7 }, 7 },
		{ "vvvv", { 101, 103, 104, 102 }, 102 },
		{ "vvvv", { 0, 103, 104, 102 }, 102 },
		{ "vvvv", { 0, 0, 104, 102 }, 0 },
		{ "vvvvv", { 101, 104, 103, 103, 105 }, 103 },
		{ "vvvvv", { 0, 0, 103, 103, 105 }, 103 },
		{ "vvvvv", { 0, 0, 0, 103, 105 }, 0 },
		{ "vvl", { 3, 4, 900 }, 3 }, /* a learner says nothing */
		{ "lvvv", { 900, 1, 2, 3 }, 2 },
	};

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		const struct rk_config config = config_of(cases[i].roles);
		cr_expect_eq(rk_quorum_reached(&config, cases[i].values), cases[i].want,
			     "%s, case %zu", cases[i].roles, i);
	}
}

Test(quorum, joint_commit)
{
	static const struct {
		const char *roles;
		uint64_t values[RK_MEMBERS_MAX];
		uint64_t want;
	} cases[] = {
		{ "o", { 13 }, 13 }, /* an empty half is decided by the other */
		{ "b", { 13 }, 13 },
		{ "vo", { 6, 2 }, 2 },
		{ "vo", { 2, 6 }, 2 },
		{ "bvo", { 10, 5, 7 }, 5 },
		{ "vvvooo", { 10, 10, 0, 4, 5, 9 }, 5 },
		{ "vvvooo", { 10, 2, 0, 4, 5, 9 }, 2 },
		{ "vvvooo", { 10, 10, 10, 0, 0, 9 }, 0 },
		{ "bbvo", { 8, 3, 9, 1 }, 3 }, /* {8,3,9} and {8,3,1} */
		{ "bbvo", { 8, 8, 0, 0 }, 8 },
		{ "bvvoo", { 8, 8, 0, 7, 0 }, 7 },
		{ "lbbbo", { 99, 5, 5, 1, 1 }, 1 },
	};

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		const struct rk_config config = config_of(cases[i].roles);
		cr_expect_eq(rk_quorum_reached(&config, cases[i].values), cases[i].want,
			     "%s, case %zu", cases[i].roles, i);
	}
}

Test(quorum, votes)
{
	static const struct {
		const char *roles, *votes; /* y, n, _ */
		enum rk_vote_result want;
	} cases[] = {
		{ "", "", RK_VOTE_WON },
		{ "v", "_", RK_VOTE_PENDING },
		{ "v", "n", RK_VOTE_LOST },
		{ "v", "y", RK_VOTE_WON },
		{ "vv", "y_", RK_VOTE_PENDING },
		{ "vv", "yn", RK_VOTE_LOST },
		{ "vv", "yy", RK_VOTE_WON },
		{ "vvv", "n__", RK_VOTE_PENDING },
		{ "vvv", "nn_", RK_VOTE_LOST },
		{ "vvv", "yn_", RK_VOTE_PENDING },
		{ "vvv", "yny", RK_VOTE_WON },
		{ "vvvv", "yynn", RK_VOTE_LOST },
		{ "vvvv", "yy__", RK_VOTE_PENDING },
		{ "vvvv", "yyy_", RK_VOTE_WON },
		{ "vvvvvvv", "yyynnn_", RK_VOTE_PENDING },
		{ "vvvvvvv", "_yyynny", RK_VOTE_WON },
		{ "vvl", "y_y", RK_VOTE_PENDING },
		{ "vo", "y_", RK_VOTE_PENDING },
		{ "vo", "yn", RK_VOTE_LOST },
		{ "vo", "ny", RK_VOTE_LOST },
		{ "vo", "yy", RK_VOTE_WON },
		{ "bbvo", "yy__", RK_VOTE_WON },
		{ "bbvo", "y_y_", RK_VOTE_PENDING },
		{ "bbvo", "y_yn", RK_VOTE_PENDING },
		{ "bbvo", "ynyn", RK_VOTE_LOST },
		{ "vvvooo", "yy_yy_", RK_VOTE_WON },
		{ "vvvooo", "yyynn_", RK_VOTE_LOST },
		{ "vvvooo", "yyyy__", RK_VOTE_PENDING },
	};

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		const struct rk_config config = config_of(cases[i].roles);
		enum rk_vote votes[RK_MEMBERS_MAX] = { RK_VOTE_NONE };
		for (uint32_t v = 0; cases[i].votes[v] != 0; v++)
			votes[v] = cases[i].votes[v] == 'y'   ? RK_VOTE_YES
				   : cases[i].votes[v] == 'n' ? RK_VOTE_NO
							      : RK_VOTE_NONE;
		cr_expect_eq(rk_quorum_votes(&config, votes), cases[i].want, "%s %s",
			     cases[i].roles, cases[i].votes);
	}
}

static bool half_agrees(const struct rk_config *config, const uint64_t *values, uint8_t half,
			uint64_t floor)
{
	uint32_t count = 0, reached = 0;

	for (uint32_t i = 0; i < config->count; i++) {
		if ((config->at[i].role & half) == 0)
			continue;
		count++;
		reached += values[i] >= floor;
	}
	return count == 0 || 2 * reached > count;
}

/* Five members with every mix of roles and of values 0 ... 2: the largest value on which both
 * halves agree. */
Test(quorum, every_small_case)
{
	static const char letters[] = "vobl";

	for (unsigned mix = 0; mix < 4 * 4 * 4 * 4 * 4; mix++) {
		char roles[6] = { 0 };
		for (unsigned i = 0, rest = mix; i < 5; i++, rest /= 4)
			roles[i] = letters[rest % 4];
		const struct rk_config config = config_of(roles);
		for (unsigned given = 0; given < 3 * 3 * 3 * 3 * 3; given++) {
			uint64_t values[RK_MEMBERS_MAX] = { 0 };
			for (unsigned i = 0, rest = given; i < 5; i++, rest /= 3)
				values[i] = rest % 3;
			uint64_t want = UINT64_MAX;
			while (want > 0 &&
			       !(half_agrees(&config, values, RK_MEMBER_VOTER, want) &&
				 half_agrees(&config, values, RK_MEMBER_OUTGOING, want)))
				want = want > 2 ? 2 : want - 1;
			cr_assert_eq(rk_quorum_reached(&config, values), want, "%s %u", roles,
				     given);
		}
	}
}
