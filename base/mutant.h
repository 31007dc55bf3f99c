/* base/mutant.h - bugs that are planted on purpose, to see that the simulator finds them (tests/sim/mutants). Only in a
 * build with RK_MUTANTS, and one at a time; elsewhere RK_MUTANT(name) is false and costs nothing. */
#ifndef RK_BASE_MUTANT_H
#define RK_BASE_MUTANT_H

#define RK_MUTANTS_ALL(each)                                                                            \
	each(VOTE_TWICE, "votes for whoever asks, also twice in a term")                                \
	each(FORGET_VOTE, "the vote is not written down")                                               \
	each(OWN_VOTE_EARLY, "a candidate counts its own vote before it is durable")                    \
	each(ANY_LOG_WINS, "votes for candidates whose log is behind")                                  \
	each(ACK_BEFORE_SYNC, "acknowledges what is not durable yet")                                   \
	each(NO_SYNC, "the log is written and never synced")                                            \
	each(SYNC_AGAIN, "a failed sync is taken for a success")                                        \
	each(OLD_TERM_COMMIT, "an older term's entry is committed by counting copies")                  \
	each(NO_PREV_CHECK, "entries are taken whatever is before them")                                \
	each(NO_JOINT, "other members in one step, without the joint configuration")                    \
	each(CUT_MIDDLE, "damage in the middle of the log is cut like a torn end")                      \
	each(APPLY_HOLES, "what is damaged in the log is passed over")                                  \
	each(NO_AMNESIA, "a member whose disk was emptied goes on as if nothing was")                   \
	each(STALE_LEASE, "a leader reads by its lease without looking at the clock")                   \
	each(READ_UNCONFIRMED, "a leader reads without asking whether it still leads")                  \
	each(OLD_SNAPSHOT, "a snapshot is installed although more was applied")                         \
	each(APPLY_TWICE, "a proposal that was made twice is carried out twice")                        \
	each(DROP_EVENT, "now and then a change is missing in the history")                             \
	each(MACHINE_DIFFERS, "the state depends on which member computes it")                          \
	each(NO_SNAPSHOT_SYNC, "a snapshot gets its name before its bytes are durable")                 \
	each(WITNESS_STAYS, "a witness that came to lead does not hand over")                           \
	each(WITNESS_DROPS, "a witness drops what only the leader has a snapshot of")

enum rk_mutant {
	RK_MUTANT_NONE,
#define RK_MUTANT_ONE(name, text) RK_MUTANT_##name,
	RK_MUTANTS_ALL(RK_MUTANT_ONE)
#undef RK_MUTANT_ONE
		RK_MUTANT_COUNT
};

#ifdef RK_MUTANTS
extern enum rk_mutant rk_mutant; /* the one that is on */
#define RK_MUTANT(name) (rk_mutant == RK_MUTANT_##name)
#else
#define RK_MUTANT(name) false
#endif

#endif
