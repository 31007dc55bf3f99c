/* raft/quorum.h - majority arithmetic, for one set of voters or two at once (joint consensus). */
#ifndef RK_RAFT_QUORUM_H
#define RK_RAFT_QUORUM_H

#include "raft/entry.h"

enum rk_vote { RK_VOTE_NONE, RK_VOTE_YES, RK_VOTE_NO };
enum rk_vote_result { RK_VOTE_PENDING, RK_VOTE_WON, RK_VOTE_LOST };

/* The arrays run beside config->at. A configuration without voters in a half is decided by the other;
 * without any, everything is won and committed (as in etcd's quorum package). */

/* The largest value that a majority of each half has reached; UINT64_MAX without voters. */
uint64_t rk_quorum_reached(const struct rk_config *config, const uint64_t values[RK_MEMBERS_MAX]);
enum rk_vote_result rk_quorum_votes(const struct rk_config *config,
				    const enum rk_vote votes[RK_MEMBERS_MAX]);
/* Whether the member votes in either half. */
static inline bool rk_member_votes(const struct rk_member *member)
{
	return (member->role & (RK_MEMBER_VOTER | RK_MEMBER_OUTGOING)) != 0;
}

#endif
