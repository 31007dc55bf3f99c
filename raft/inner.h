/* raft/inner.h - the core's state, shared by raft.c, change.c, doubt.c, holes.c, election.c, replication.c, read.c
 * and witness.c and by nobody else. */
#ifndef RK_RAFT_INNER_H
#define RK_RAFT_INNER_H

#include "raft/log.h"
#include "raft/progress.h"
#include "raft/quorum.h"
#include "raft/raft.h"

struct rk_held_msg { /* waits until job `after` is durable */
	uint64_t after;
	struct rk_raft_msg *msg;
};

struct rk_waiting_read {
	uint64_t context; /* the caller's, or the asking peer's */
	uint64_t peer;    /* 0: asked here */
	uint64_t round;   /* confirmed with this round */
	uint64_t since_ms;
};

/* Rounds: a leader confirms a round by a quorum of heartbeat answers, a follower by asking the leader.
 * One round is out at a time; what comes meanwhile waits for the next. They start at a random number, so
 * that an answer to an earlier life of this member means nothing. */
struct rk_reads {
	size_t count, capacity;
	struct rk_waiting_read *at;
	uint64_t started, done; /* rounds; started == done or done + 1 */
	uint64_t started_ms;
	uint64_t index;         /* leader: commit index when the round started */
};

struct rk_seen { /* the most that a member showed of what it holds durably */
	uint64_t id, term;
	uint64_t as_of; /* the term in which that was its log's end: a later leader may cut it */
	uint64_t log_term, index; /* never fall in this order, with as_of first */
};

struct rk_raft {
	struct rk_raft_opts opts; /* snapshot and entries in it are not used after the start */
	uint64_t id;
	struct rk_config config;
	struct rk_progress peers[RK_MEMBERS_MAX]; /* beside config.at */
	enum rk_vote votes[RK_MEMBERS_MAX];

	enum rk_raft_role role;
	uint64_t term, vote, leader_id;
	struct rk_raftlog log;
	struct rk_snapshot_meta snapshot; /* newest durable one */

	bool clock_set;
	uint64_t started_ms; /* the first clock */
	uint64_t mono_ms;
	int64_t wall_ms;
	int64_t last_time_ms;         /* largest stamp seen in the log */
	uint64_t heard_ms;            /* of a leader, or when the election timer was last set */
	uint64_t election_timeout_ms; /* jittered */
	uint64_t heartbeat_sent_ms, quorum_checked_ms;
	uint64_t rng;

	uint64_t config_index;   /* of the newest entry that `config` came from; 0: from elsewhere */
	uint64_t config_after;   /* leader: no step of a change before this is delivered */
	uint64_t round_index;    /* leader: end of the log at the last look at the quorum */
	bool removed;
	bool misplaced;
	uint64_t led_ms;         /* when it last heard of a leader */
	uint64_t droppable;      /* witness: its log is not needed up to here */
	bool campaign_due; /* the leader wants us to lead: as soon as the configuration is in force */

	enum rk_raft_doubt doubt;
	enum rk_vote doubt_answers[RK_MEMBERS_MAX]; /* beside config.at */
	uint64_t doubt_id, doubt_asked_ms, doubt_term;
	uint64_t held_term, held_index; /* the furthest end that its own log had on the disk in this life */
	uint64_t fill_term, fill_index; /* the furthest end of a log among those that answered */
	uint64_t no_vote_until_ms;
	uint32_t seen_count;
	struct rk_seen seen[RK_MEMBERS_MAX];

	uint64_t fetch_asked_ms; /* for holes */
	uint32_t fetch_round;
	size_t fills_count, fills_capacity; /* indexes of holes that were filled, for the disk */
	uint64_t *fills;

	uint64_t transfer_to, transfer_since_ms;
	bool lease_off; /* a transfer of this term may make a peer ignore our lease */

	uint64_t issued_id, durable_id; /* persist jobs */
	uint64_t disk_since_ms;         /* the disk has had work, and finished nothing, since */
	uint64_t yields;
	struct rk_hard_state handed_hard;
	bool reset_pending;
	uint64_t own_vote_after; /* candidate: our vote counts when this job is durable; 0: it has */
	bool install_pending;    /* tell the caller */
	uint64_t installing;     /* nothing is delivered until this is applied */
	uint64_t delivered, applied;
	size_t uncommitted_bytes;
	uint64_t compact_told;

	size_t held_count, held_capacity;
	struct rk_held_msg *held;
	size_t sent_count, sent_capacity;
	struct rk_raft_msg **sent; /* leave with the next rk_raft_ready */
	struct rk_raft_msg *forward; /* proposals on their way to the leader, being gathered */
	size_t forward_bytes;

	struct rk_reads reads;
	size_t answered_count, answered_capacity;
	struct rk_raft_read *answered;
	uint32_t sends_count;
	uint64_t sends[RK_MEMBERS_MAX];
	uint32_t digests_count;
	struct rk_raft_digest digests[RK_MEMBERS_MAX];
	uint64_t digest_index, digest;

	enum rk_raft_role told_role;
	uint64_t told_term, told_leader_id;
};

/* raft.c */
uint64_t rk_raft_random(struct rk_raft *raft);
void rk_raft_send(struct rk_raft *raft, struct rk_raft_msg *msg); /* takes it */
void rk_raft_adopt_config(struct rk_raft *raft, const struct rk_config *config);
static inline int rk_raft_self(const struct rk_raft *raft)
{
	return rk_config_find(&raft->config, raft->id);
}
/* Something has to be written before promises made now are true. */
bool rk_raft_dirty(const struct rk_raft *raft);

/* The full voter that has most of the log, 0: none. */
uint64_t rk_raft_best_successor(const struct rk_raft *raft, bool active_only);

/* What `raft->snapshot` stands for takes the place of what was delivered. */
void rk_raft_begin_install(struct rk_raft *raft);

/* change.c */
void rk_raft_change_step(struct rk_raft *raft); /* goes on with a change when its time has come */
void rk_raft_config_delivered(struct rk_raft *raft, const struct rk_entry *entry);
bool rk_raft_config_waits(const struct rk_raft *raft); /* one is committed and not in force yet */
void rk_raft_tell_gone(struct rk_raft *raft, const struct rk_raft_msg *msg);
void rk_raft_step_gone(struct rk_raft *raft);

/* doubt.c */
void rk_raft_doubt_start(struct rk_raft *raft);
void rk_raft_doubt_tick(struct rk_raft *raft);
void rk_raft_note_held(struct rk_raft *raft); /* more of the log is durable */
void rk_raft_seen_prune(struct rk_raft *raft); /* those that are no members any more */
void rk_raft_note_seen(struct rk_raft *raft, const struct rk_raft_msg *msg);
void rk_raft_step_check(struct rk_raft *raft, const struct rk_raft_msg *msg);
void rk_raft_step_check_answer(struct rk_raft *raft, const struct rk_raft_msg *msg);
bool rk_raft_forgot(const struct rk_raft *raft);
bool rk_raft_may_vote(const struct rk_raft *raft, const struct rk_raft_msg *msg);
bool rk_raft_may_campaign(const struct rk_raft *raft);
bool rk_raft_may_take(const struct rk_raft *raft); /* messages but those of this file */

/* holes.c */
/* At most `index`, and before the first hole. */
uint64_t rk_raft_sure_to(const struct rk_raft *raft, uint64_t index);
bool rk_raft_fill(struct rk_raft *raft, struct rk_entry *entry); /* true: its share was taken */
struct rk_persist *rk_raft_fill_job(struct rk_raft *raft);
void rk_raft_holes_tick(struct rk_raft *raft);
void rk_raft_step_fetch(struct rk_raft *raft, const struct rk_raft_msg *msg);
void rk_raft_step_fetch_answer(struct rk_raft *raft, struct rk_raft_msg *msg);

/* election.c */
void rk_raft_become_follower(struct rk_raft *raft, uint64_t term, uint64_t leader_id);
void rk_raft_start_election(struct rk_raft *raft, bool force);
void rk_raft_own_vote_durable(struct rk_raft *raft);
/* Deals with the term of a message; false when the message is at its end. */
bool rk_raft_step_term(struct rk_raft *raft, const struct rk_raft_msg *msg);
void rk_raft_step_vote(struct rk_raft *raft, const struct rk_raft_msg *msg);
void rk_raft_step_vote_answer(struct rk_raft *raft, const struct rk_raft_msg *msg);
void rk_raft_tick_election(struct rk_raft *raft);

/* replication.c */
void rk_raft_lead(struct rk_raft *raft); /* first acts of a leader */
bool rk_raft_append(struct rk_raft *raft, enum rk_entry_kind kind, struct rk_blob *payload);
void rk_raft_commit_to(struct rk_raft *raft, uint64_t index);
void rk_raft_try_commit(struct rk_raft *raft);
void rk_raft_heartbeat_all(struct rk_raft *raft);
void rk_raft_flush_peers(struct rk_raft *raft);
/* Those that are not in `next` hear once more what is committed, so that they know. */
void rk_raft_farewell(struct rk_raft *raft, const struct rk_config *next);
void rk_raft_step_append(struct rk_raft *raft, struct rk_raft_msg *msg);
void rk_raft_step_append_answer(struct rk_raft *raft, const struct rk_raft_msg *msg);
void rk_raft_step_heartbeat(struct rk_raft *raft, const struct rk_raft_msg *msg);
void rk_raft_step_heartbeat_answer(struct rk_raft *raft, const struct rk_raft_msg *msg);
void rk_raft_step_snapshot(struct rk_raft *raft, const struct rk_raft_msg *msg);
void rk_raft_note_digest(struct rk_raft *raft, const struct rk_raft_msg *msg);

/* witness.c */
bool rk_raft_is_patient(const struct rk_raft *raft); /* a witness that leaves elections to others still */
/* Leader: what full members hold to the number of a majority, witnesses not counted. */
uint64_t rk_raft_full_hold(const struct rk_raft *raft, const struct rk_config *config);
uint64_t rk_raft_droppable(const struct rk_raft *raft); /* leader: up to where a witness may forget */
void rk_raft_send_meta(struct rk_raft *raft, uint32_t at); /* instead of a snapshot */
/* Whether a snapshot may take the place of the log up to `index`: a witness that lost entries may be one of those that
 * others count on for them. */
bool rk_raft_may_skip_to(const struct rk_raft *raft, uint64_t index);
void rk_raft_note_droppable(struct rk_raft *raft, const struct rk_raft_msg *msg);
void rk_raft_pass_lead(struct rk_raft *raft); /* a witness that leads, as soon as it can */

/* read.c */
void rk_raft_reads_restart(struct rk_raft *raft); /* role, term or leader changed: ask again */
void rk_raft_reads_flush(struct rk_raft *raft);
void rk_raft_reads_tick(struct rk_raft *raft);
void rk_raft_reads_acked(struct rk_raft *raft); /* a heartbeat answer came */
void rk_raft_step_read(struct rk_raft *raft, const struct rk_raft_msg *msg);
void rk_raft_step_read_answer(struct rk_raft *raft, const struct rk_raft_msg *msg);

#endif
