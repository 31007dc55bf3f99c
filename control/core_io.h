/* control/core_io.h - the core thread as the connection threads see it: messages in, messages out.
 *
 * A connection thread owns a feed. The core sends it (a) the view after every batch of applied
 * entries with the changes in order, so that reads and watches are served without asking anyone,
 * and (b) the answers to what the feed asked. All of it arrives through the feed's queue, in order:
 * when an answer to a write comes, the view that holds the write has come before it. */
#ifndef RK_CONTROL_CORE_IO_H
#define RK_CONTROL_CORE_IO_H

#include "base/queue_io.h"
#include "control/machine.h"
#include "raft/entry.h"
#include "store/view.h"
#include "wire/tls_io.h"

struct rk_core;
struct rk_feed;

/* --- running a member's core --- */

struct rk_core_opts {
	const struct rk_kinds *kinds; /* outlives the core */
	const char *dir; /* data directory (raft/member_io.h); made when it is missing */
	uint64_t id;
	struct rk_cluster_config
		cluster; /* for the first entry of a new cluster; its spans outlive the call */
	struct rk_span root_ca;   /* PEM, what every namespace is to have; outlives the core. Empty: nothing is told */
	struct rk_config members; /* of a new cluster; an old one knows its own */
	int peer_fd;              /* listens for the other members; taken. -1 when there are none */
	struct rk_tls *peer_server, *peer_client; /* shares are taken; NULL without peers */
	uint32_t heartbeat_ms, election_ms;       /* 0: raft's defaults */
	uint64_t snapshot_entries; /* a snapshot at least this often; 0: by size only */
	bool is_witness; /* this member keeps the log, and no state: its feeds see an empty one */
	bool no_repair; /* refuse to start with a damaged log, though there are peers that hold it */
	uint32_t scrub_mib_per_second; /* pace of reading everything again; 0: never */
	uint64_t history_bytes;    /* of log kept for looking back; 0: 64 MiB */
	/* The member cannot go on (its disk failed, its state is wrong): called once, in any of its
	 * threads. */
	void *context;
	void (*fatal)(void *context, const struct rk_error *error);
};

/* Recovers from the directory and starts the threads. On failure nothing runs. */
RK_MUST_CHECK int rk_core_new(struct rk_core **ret, const struct rk_core_opts *opts,
			      struct rk_error *error);
/* A leader hands over first. Every feed must have left. Takes NULL, returns NULL. */
struct rk_core *rk_core_free(struct rk_core *core);

/* --- as connection threads see it --- */

enum rk_feed_kind {
	RK_FEED_NEWS,   /* struct rk_feed_news */
	RK_FEED_ANSWER, /* struct rk_feed_answer */
};

struct rk_feed_news {
	struct rk_message message; /* kind = RK_FEED_NEWS */
	struct rk_view
		*view;      /* one share, for the receiver; the state after the last of `changes` */
	const struct rk_kinds *kinds; /* one share: those of that state */
	uint64_t leader_id; /* 0 when unknown */
	uint64_t term;      /* raft's, at most a moment old */
	bool restarted;     /* the state was replaced (first news, or a snapshot was installed): no
			     * changes lead here, watches must end with 410 */
	size_t count;
	struct rk_changes **changes; /* one share each */
};

struct rk_feed_answer {
	struct rk_message message; /* kind = RK_FEED_ANSWER */
	uint64_t request_id;       /* as given */
	int err; /* RK_OK; RK_ETIMEDOUT, RK_EAGAIN (no leader, overload) or RK_ENOSPC (the leader's
		  * disk is full): then nothing else is set */
	uint64_t index;    /* write: the entry's index; read: the state must be at least this */
	uint64_t revision; /* write: of its own last change, or the newest there was; read: the newest */
	size_t count;      /* results, one for each operation of the command */
	struct rk_result {
		int code;                 /* HTTP */
		struct rk_blob *doc;      /* object or Status; one share */
		struct rk_blob *warnings; /* list of texts, or NULL */
	} * results;
};

void rk_feed_news_free(struct rk_feed_news *news);
void rk_feed_answer_free(struct rk_feed_answer *answer);

/* Threads may join before the core runs. The first news comes as soon as the member has a state. */
RK_MUST_CHECK int rk_core_join(struct rk_core *core, struct rk_feed **ret);
void rk_core_leave(struct rk_feed *feed); /* what still arrives is dropped; frees the feed */
struct rk_queue *rk_feed_queue(struct rk_feed *feed);
/* Whether news without changes of objects (etcd's keys, timers, raft's own entries) shall come at once, and not only
 * with the next answer, or up to 50 ms late: waking a thread costs more than most entries. At first it is not. */
void rk_feed_hurry(struct rk_feed *feed, bool is_in_a_hurry);

/* Proposes a command (takes the share of `command`). Exactly one answer comes, within `deadline_ms`
 * from now. */
void rk_feed_write(struct rk_feed *feed, uint64_t request_id, struct rk_blob *command,
		   uint32_t deadline_ms);
/* The same for the body of an RK_ENTRY_ETCD (control/etcd/apply.h); the answer has one result. */
void rk_feed_write_etcd(struct rk_feed *feed, uint64_t request_id, struct rk_blob *body,
			uint32_t deadline_ms);
/* Asks for an index that a linearizable read must wait for. Exactly one answer comes. */
void rk_feed_read(struct rk_feed *feed, uint64_t request_id, uint32_t deadline_ms);
/* Asks how the member is: an answer with one result, whose document is
 *   { id, role, term, leader, first, last, commit, applied, snapshot, revision, hash, logBytes,
 * incarnation, diskFull, quarantined, removed, witness, memory
 * (rk_raft_doubt_name), holes,
 *   pending, scrub: {rounds, bytes, damaged, where}, members: [{id, address, role, leaving, next, state,
 * match, active}] }. */
void rk_feed_status(struct rk_feed *feed, uint64_t request_id);
/* Asks the leader, wherever it is, about the members (takes the share of `ask`, a document): op "list"; "change" with
 * what rk_members_edit takes; "transfer" with `to`, and `here` when only this member may do it: RK_ESTALE when it does
 * not lead. An answer with one result comes, whose document is a Status or has a `code` of 200. */
void rk_feed_admin(struct rk_feed *feed, uint64_t request_id, struct rk_blob *ask,
		   uint32_t deadline_ms);

#endif
