/* raft/membership.h - how one set of members becomes another: joint consensus (Raft paper, section
 * 6). Pure.
 *
 * The whole plan is in the configuration, so that whoever leads carries it on:
 *
 *     plain    {1 voter, 2 voter}
 *     staged   {1 voter, next gone; 2 voter; 3 learner, next voter}    waits until 3 has caught up
 *     joint    {1 outgoing; 2 voter, outgoing; 3 voter}                both halves must agree
 *     plain    {2 voter, 3 voter}
 *
 * Each arrow is one entry of the log. A configuration is in force from when its entry is applied,
 * and the next one is proposed only after that, so that a member's configuration is never more than
 * one step behind its log. */
#ifndef RK_RAFT_MEMBERSHIP_H
#define RK_RAFT_MEMBERSHIP_H

#include "raft/entry.h"

/* Both halves vote. */
bool rk_membership_is_joint(const struct rk_config *config);
/* A change is under way: staged or joint. */
bool rk_membership_is_changing(const struct rk_config *config);
bool rk_membership_has_witness(const struct rk_config *config);
/* What the configuration will be when the change that is under way is done. */
void rk_membership_target(const struct rk_config *config, struct rk_config *ret);

/* The first step from `now` to `target`, which has voters, witnesses and learners only.
 * RK_EBUSY: another change is under way; while that waits for learners, a target with the voters of
 * now is taken, which calls it off. RK_EINVAL: no voter is left, an address is missing or given
 * twice, a role that a target cannot have, a witness that shall be none or the other way round, not more full voters
 * than witnesses. RK_EEXIST: nothing would change. RK_ETOOBIG: too many
 * members at once. */
RK_MUST_CHECK int rk_membership_start(const struct rk_config *now, const struct rk_config *target,
				      struct rk_config *ret, struct rk_error *error);
/* The step after a staged or joint configuration. RK_ENOENT when it is plain. */
RK_MUST_CHECK int rk_membership_next(const struct rk_config *config, struct rk_config *ret);

#endif
