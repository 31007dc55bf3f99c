#include "raft/quorum.h"

static uint64_t half_reached(const struct rk_config *config, const uint64_t *values, uint8_t role)
{
	uint64_t sorted[RK_MEMBERS_MAX];
	uint32_t count = 0;

	for (uint32_t i = 0; i < config->count; i++) {
		if ((config->at[i].role & role) == 0)
			continue;
		uint32_t at = count++;
		for (; at > 0 && sorted[at - 1] < values[i]; at--)
			sorted[at] = sorted[at - 1];
		sorted[at] = values[i];
	}
	/* Descending: the one in the middle is what a majority has. */
	return count == 0 ? UINT64_MAX : sorted[count / 2];
}

static enum rk_vote_result half_votes(const struct rk_config *config, const enum rk_vote *votes,
				      uint8_t role)
{
	uint32_t yes = 0, missing = 0, count = 0;

	for (uint32_t i = 0; i < config->count; i++) {
		if ((config->at[i].role & role) == 0)
			continue;
		count++;
		yes += votes[i] == RK_VOTE_YES;
		missing += votes[i] == RK_VOTE_NONE;
	}
	const uint32_t need = count == 0 ? 0 : count / 2 + 1;
	if (yes >= need)
		return RK_VOTE_WON;
	return yes + missing >= need ? RK_VOTE_PENDING : RK_VOTE_LOST;
}

uint64_t rk_quorum_reached(const struct rk_config *config, const uint64_t values[RK_MEMBERS_MAX])
{
	const uint64_t incoming = half_reached(config, values, RK_MEMBER_VOTER);
	const uint64_t outgoing = half_reached(config, values, RK_MEMBER_OUTGOING);

	return incoming < outgoing ? incoming : outgoing;
}

enum rk_vote_result rk_quorum_votes(const struct rk_config *config,
				    const enum rk_vote votes[RK_MEMBERS_MAX])
{
	const enum rk_vote_result incoming = half_votes(config, votes, RK_MEMBER_VOTER);
	const enum rk_vote_result outgoing = half_votes(config, votes, RK_MEMBER_OUTGOING);

	if (incoming == RK_VOTE_LOST || outgoing == RK_VOTE_LOST)
		return RK_VOTE_LOST;
	return incoming == RK_VOTE_WON && outgoing == RK_VOTE_WON ? RK_VOTE_WON : RK_VOTE_PENDING;
}
