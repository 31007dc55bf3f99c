/* control/core_inner.h - what core_io.c, core_feeds_io.c, core_raft_io.c and snapshots_io.c share,
 * and nobody else. */
#ifndef RK_CONTROL_CORE_INNER_H
#define RK_CONTROL_CORE_INNER_H

#include <pthread.h>
#include <stdatomic.h>

#include "control/core_io.h"
#include "control/machine.h"
#include "control/pending.h"
#include "control/snapshots_io.h"
#include "raft/disk_io.h"
#include "raft/member_io.h"
#include "raft/peers_io.h"
#include "raft/raft.h"
#include "raft/scrub_io.h"

#define RK_DIGESTS 4096 /* entries whose state hash is remembered */

enum rk_core_message {
	RK_CORE_JOIN, /* struct rk_feed */
	RK_CORE_LEAVE,
	RK_CORE_WRITE, /* struct rk_core_request */
	RK_CORE_READ,
	RK_CORE_STATUS,
	RK_CORE_ADMIN,
	RK_CORE_PEER, /* struct rk_core_note and those below */
	RK_CORE_UNREACHABLE,
	RK_CORE_SENT,
	RK_CORE_ARRIVED, /* a peer's snapshot, unchecked */
	RK_CORE_PERSISTED,
	RK_CORE_DISK_FULL,
	RK_CORE_SNAPSHOT, /* struct rk_snapshot_result */
	RK_CORE_STOP,
};

struct rk_core_request {
	struct rk_message message;
	struct rk_feed *feed;
	uint64_t id;
	uint64_t deadline_ms; /* monotonic */
	enum rk_entry_type type; /* of the entry that it becomes */
	struct rk_blob *command;
};

struct rk_core_note { /* from another thread of the member */
	struct rk_message message;
	struct rk_raft_msg *msg;
	uint64_t peer, value;
	bool flag;
	struct rk_snapshot_meta *meta;
};

#define RK_CORE_ADMINS 64 /* requests that wait for the leader's answer */
struct rk_core_admin {
	uint64_t context, request_id, deadline_ms;
	struct rk_feed *feed;
};

struct rk_feed {
	struct rk_core *core;
	struct rk_queue *queue;
	struct rk_message join, leave;
	struct rk_feed *next; /* among the core's */
	bool needs_restart;   /* its next news replaces the state */
	bool is_behind;       /* there is a newer state than it was told of */
	bool is_answered;     /* answers for it wait, and must find that state there */
	atomic_bool is_in_a_hurry;
};

struct rk_core {
	struct rk_core_opts opts;
	char *dir, *snapshot_dir;
	struct rk_member_dir member;
	struct rk_queue *inbox;
	pthread_t thread;
	bool runs, stopping;
	uint64_t stop_ms;

	struct rk_raft *raft;
	struct rk_raft_out out;
	struct rk_machine *machine; /* of a witness: empty, and nothing is applied to it */
	struct rk_disk *disk;
	struct rk_peers *peers;
	struct rk_snapshots *snapshots;
	struct rk_scrub *scrub; /* NULL: not wished */
	struct rk_snapshot_meta newest; /* snapshot on disk */
	size_t newest_bytes;            /* of state in it; 0: not known */
	bool snapshot_runs;
	uint64_t now_ms;
	uint64_t applied; /* by the machine */
	uint64_t applied_term;
	int64_t applied_time_ms;
	uint64_t proposed_index, proposed_term; /* our newest TICK, ADVANCE or INIT, as leader */
	bool disk_full, quarantined;
	enum rk_raft_doubt told_doubt;
	uint64_t asks_since_ms; /* UINT64_MAX: it was said */
	uint64_t yield_ms;          /* disk full: when to try to hand over */
	uint64_t snapshot_after_ms; /* none before: the last one failed */
	struct {
		uint64_t index, hash;
	} digests[RK_DIGESTS]; /* by index modulo */
	struct rk_config told_config;
	uint64_t odd_peers[RK_MEMBERS_MAX]; /* whose state hash differs from ours */
	uint32_t odd_count;

	uint64_t admin_next;
	uint32_t admin_count;
	struct rk_core_admin admins[RK_CORE_ADMINS];
	struct rk_pending pending;
	uint64_t propose_next;  /* sequence: those before have been proposed at least once */
	uint64_t reproposed_ms; /* when all were looked at */
	bool repropose;         /* look at all of them now */
	struct rk_feed *feeds;
	/* of this turn, to be told to the feeds */
	size_t changes_count, changes_capacity;
	struct rk_changes **changes;
	size_t answers_count, answers_capacity;
	struct {
		struct rk_feed *feed;
		struct rk_feed_answer *answer;
	} * answers;
	bool restarted, leader_changed;
	bool moved;   /* the state is another, though no object changed */
	bool is_late; /* tell those too that are not in a hurry */
	uint64_t told_leader;
};

/* core_feeds_io.c */
void rk_core_answer(struct rk_core *core, struct rk_feed *feed,
		    struct rk_feed_answer *answer); /* with the next publish */
void rk_core_answer_err(struct rk_core *core, struct rk_feed *feed, uint64_t request_id, int err);
void rk_core_publish(struct rk_core *core);
void rk_core_feed_joined(struct rk_core *core, struct rk_feed *feed);
void rk_core_feed_left(struct rk_core *core, struct rk_feed *feed);
struct rk_blob *rk_core_status(struct rk_core *core);

/* core_admin_io.c */
void rk_core_take_admin(struct rk_core *core, struct rk_core_request *request);
bool rk_core_admin_msg(struct rk_core *core, const struct rk_raft_msg *msg); /* false: not one */
/* Answers those whose time is over; drops those of a feed that is gone. */
void rk_core_admins_expire(struct rk_core *core, const struct rk_feed *gone);
struct rk_val *rk_core_members(struct rk_arena *arena, const struct rk_core *core);

/* core_raft_io.c */
RK_MUST_CHECK int rk_core_recover(struct rk_core *core, struct rk_error *error);
void rk_core_turn(struct rk_core *core); /* everything that raft has to say, until it is silent */
void rk_core_propose_due(struct rk_core *core); /* what only the leader puts into the log: first
						   entry, ticks, advances */
void rk_core_take_msg(struct rk_core *core, struct rk_raft_msg *msg); /* takes it */
void rk_core_snapshot_result(struct rk_core *core,
			     struct rk_snapshot_result *result); /* takes it */
void rk_core_fatal(struct rk_core *core, const struct rk_error *error);

#endif
