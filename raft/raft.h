/* raft/raft.h - the consensus core: inputs in, one list of outputs out; no clock, disk, network or thread.
 *
 * One thread owns it. A turn of that thread:
 *
 *     take what waits in the queue
 *     rk_raft_clock(raft, mono_ms, wall_ms)
 *     for each input: rk_raft_step | _propose | _read | _persisted | _applied | ...
 *     rk_raft_tick(raft)                      (at least every 10 ms, whatever the disk does)
 *     rk_raft_ready(raft, &out)               until it returns false:
 *         install -> load the snapshot, then rk_raft_applied(its index)
 *         persist -> to the disk; when durable, rk_raft_persisted(id)
 *         messages -> to the peers, now (those that promise something have waited in here)
 *         committed -> apply in order, then rk_raft_applied(last index)
 *         reads, sends, digests, leader changes -> to whom they concern
 *
 * Disk and peers work side by side: a leader's appends leave before its own disk has them, and count
 * for it only when it does; acknowledgements and votes wait in here for the job that makes them true
 * (etcd-io/raft's asynchronous storage writes). A leader whose disk does not answer for an election time hands over.
 * Same inputs, same outputs. */
#ifndef RK_RAFT_RAFT_H
#define RK_RAFT_RAFT_H

#include "raft/message.h"

struct rk_raft;

enum rk_raft_role { RK_RAFT_FOLLOWER, RK_RAFT_PRECANDIDATE, RK_RAFT_CANDIDATE, RK_RAFT_LEADER };

/* What a member may think of its own disk. It may have come back older than what the peers saw of it: replaced,
 * rolled back. So a member that starts asks them, and promises nothing before a majority (with itself) has
 * answered. When one of them saw more of it than is there, or has entries while there are none here, its memory is
 * LOST: it does not vote, does not even follow, until so many have answered that each majority that it may have been
 * part of is represented. Then (FILLS) it follows leaders of their newest term and later ones, and votes for those only
 * that hold at least what the furthest of them holds, after a pause for votes that it gave and that are still on
 * their way; all is well when it holds that much itself.
 * One that holds nothing at all hears as many as one without memory before it takes itself for new.
 * What the peers saw is in their memory only: a rolled-back disk is not noticed when those that saw more are away
 * or started anew; an empty one is. */
enum rk_raft_doubt { RK_DOUBT_NONE, RK_DOUBT_ASKS, RK_DOUBT_LOST, RK_DOUBT_FILLS };

/* Zero in a number means its default. */
struct rk_raft_opts {
	uint64_t id;
	uint64_t seed;          /* of the election jitter and the read numbers: different at every start */
	uint32_t heartbeat_ms;  /* 50 */
	uint32_t election_ms;   /* 300: an election starts after [1, 1.2) times this without its leader, then [1, 2) times */
	uint32_t append_bytes;  /* 512 KiB: entries in one message (one entry may be larger) */
	uint32_t inflight_max;  /* 128: appends on the way to one peer */
	size_t inflight_bytes;  /* 8 MiB */
	size_t uncommitted_bytes; /* 32 MiB: then rk_raft_propose says RK_EAGAIN */
	size_t apply_bytes;     /* 1 MiB: committed entries in one rk_raft_out (at least one entry) */
	uint32_t trailing_max;  /* 8192 entries kept behind a compaction, for peers that lag */
	size_t trailing_bytes;  /* 4 MiB */
	uint32_t reads_max;     /* 65536 waiting reads */
	bool lease_reads;       /* a leader answers reads from its lease: trusts clocks to drift < 25 % */
	bool is_witness;        /* this member keeps the log and no state (raft/witness.c): nothing committed comes
				 * out, nothing is to be installed; it takes no proposals and no reads, and leads
				 * only to hand over */

	/* What the disk gave back; all zero for a new member. */
	struct rk_config config;          /* used when neither snapshot nor log holds one */
	struct rk_hard_state hard;
	uint64_t log_as_of; /* the newest term that the log itself tells of: rk_wal_found; 0:
			       unknown */
	struct rk_snapshot_meta snapshot; /* the newest one on disk */
	uint64_t base_index, base_term;   /* the entry just before the first of `entries` */
	size_t count;
	const struct rk_entry *entries;   /* shares are taken, the caller's stay with it */
};

/* RK_EINVAL when the options contradict each other. */
RK_MUST_CHECK int rk_raft_new(struct rk_raft **ret, const struct rk_raft_opts *opts,
			      struct rk_error *error);
struct rk_raft *rk_raft_free(struct rk_raft *raft); /* takes NULL, returns NULL */

/* ---- inputs ---- */

/* What time it is: call it first in every turn, after the queue was taken. Neither clock need be steady. */
void rk_raft_clock(struct rk_raft *raft, uint64_t mono_ms, int64_t wall_ms);
/* Looks at the timers. After the messages, so that a member that slept hears its leader first. */
void rk_raft_tick(struct rk_raft *raft);
/* Takes the message. Never fails: what makes no sense is dropped. */
void rk_raft_step(struct rk_raft *raft, struct rk_raft_msg *msg);

/* Puts a payload into the log; takes a share of its own. On the leader *ret_index and *ret_term are where it
 * will be, if it will be; elsewhere it is sent to the leader and both are 0. Nothing is promised: it may be lost or,
 * if the caller tries again, come twice. RK_EAGAIN: no leader, a transfer is under way, too much is
 * uncommitted, or this is a witness; RK_ETOOBIG. */
RK_MUST_CHECK int rk_raft_propose(struct rk_raft *raft, struct rk_blob *payload, uint64_t *ret_index,
				  uint64_t *ret_term);
/* Asks for the index that a linearizable read must wait for. Exactly one rk_raft_read with this context comes
 * out, sooner or later. RK_EAGAIN: too many wait, or this is a witness. */
RK_MUST_CHECK int rk_raft_read(struct rk_raft *raft, uint64_t context);

/* Persist jobs up to and with `id` are durable. */
void rk_raft_persisted(struct rk_raft *raft, uint64_t id);
/* Committed entries, or the installed snapshot, up to and with `index` are applied. */
void rk_raft_applied(struct rk_raft *raft, uint64_t index);
/* A snapshot of this member's own making is durable: it may be sent to peers from now on. Of a witness: what
 * rk_raft_mark gave is. */
void rk_raft_snapshot_saved(struct rk_raft *raft, const struct rk_snapshot_meta *meta);
/* The log up to `index` (which a saved snapshot must cover) is no longer needed, but for the trailing window. */
void rk_raft_compact(struct rk_raft *raft, uint64_t index);
/* How a send in rk_raft_out ended. Success is known by the peer's own answer; this only speeds up failure. */
void rk_raft_snapshot_sent(struct rk_raft *raft, uint64_t peer, bool ok);
/* The connection to the peer broke: probe it again instead of streaming. */
void rk_raft_unreachable(struct rk_raft *raft, uint64_t peer);
/* The state hash after `index`, told to the peers with heartbeats. */
void rk_raft_digest(struct rk_raft *raft, uint64_t index, uint64_t digest);
/* The leader hands over to `to` (0: the most caught-up full voter). RK_EAGAIN (not the leader), RK_ENOENT, RK_EEXIST
 * (is the leader), RK_EPERM (is a witness). It is given up after an election time. */
RK_MUST_CHECK int rk_raft_transfer(struct rk_raft *raft, uint64_t to);
/* The members shall be `target` (voters and learners). The leader takes them there in steps (raft/membership.h):
 * members that shall vote come as learners first and wait until they have caught up. RK_EAGAIN (not the leader),
 * RK_EBUSY, RK_EINVAL, RK_EEXIST (nothing would change), RK_ETOOBIG; error says why. Success means begun: see
 * rk_raft_config. A leader that is not in `target` leads until the end, and then hands over. */
RK_MUST_CHECK int rk_raft_change(struct rk_raft *raft, const struct rk_config *target,
				 struct rk_error *error);
/* Campaigns now: for a lone member at start, and for tests. */
void rk_raft_campaign(struct rk_raft *raft);

/* ---- outputs ---- */

struct rk_raft_read {
	uint64_t context;
	int err;        /* RK_OK, or RK_EAGAIN: no leader confirmed it in time */
	uint64_t index; /* serve the read once this is applied */
};

struct rk_raft_digest {
	uint64_t peer, index, digest;
};

/* The receiver owns everything here; rk_raft_out_done frees what is still there. Take a thing by
 * setting its pointer to NULL. Reused from turn to turn, the arrays keep their memory. */
struct rk_raft_out {
	bool leader_changed; /* leader_id, term or role are not what they were */
	enum rk_raft_role role;
	uint64_t term, leader_id;

	struct rk_persist *persist; /* at most one a turn */
	size_t messages_count, messages_capacity;
	struct rk_raft_msg **messages;

	bool install;                   /* replace the state by the snapshot `installed`, before `committed` */
	struct rk_snapshot_meta installed;
	size_t committed_count, committed_capacity;
	struct rk_entry *committed;     /* one share each */

	size_t reads_count, reads_capacity;
	struct rk_raft_read *reads;
	uint32_t sends_count;           /* peers to send the snapshot `send_meta` to */
	uint64_t sends[RK_MEMBERS_MAX];
	struct rk_snapshot_meta send_meta;
	uint32_t digests_count;
	struct rk_raft_digest digests[RK_MEMBERS_MAX];
	uint64_t compact_index;         /* not 0: entries up to here may leave the disk */
};

/* Collects what there is to do. False when there is nothing; then out is empty. */
bool rk_raft_ready(struct rk_raft *raft, struct rk_raft_out *out);
void rk_raft_out_clear(struct rk_raft_out *out); /* drops the contents */
void rk_raft_out_done(struct rk_raft_out *out);  /* and the memory */

/* ---- looking in ---- */

struct rk_raft_peer_status {
	uint64_t id;
	const char *state; /* "self", "probe", "replicate", "snapshot" */
	uint64_t match, next;
	bool active; /* heard of within the last election time (leader only) */
};

struct rk_raft_status {
	uint64_t id, term, vote, leader_id;
	enum rk_raft_role role;
	uint64_t first_index, last_index, last_term, stable_index, commit_index, applied_index;
	uint64_t snapshot_index;
	size_t log_bytes;         /* of entries in memory: a reason to snapshot and compact */
	size_t uncommitted_bytes;
	uint64_t transfer_to;
	enum rk_raft_doubt doubt;
	uint64_t holes; /* entries that are damaged here and not yet back from the peers */
	uint64_t yields; /* times that it gave the lead away because its disk did not answer */
	bool removed; /* it was a member and is none any more, or the leader says so */
	bool misplaced; /* the leader has a witness where this is none, or the other way round */
	uint32_t peers_count;
	struct rk_raft_peer_status peers[RK_MEMBERS_MAX];
};

void rk_raft_status(const struct rk_raft *raft, struct rk_raft_status *ret);
/* A witness: what stands for the newest snapshot that it may drop its log up to, when that is news. It is for its
 * owner to make that durable and to say so: rk_raft_snapshot_saved, rk_raft_compact. */
bool rk_raft_mark(const struct rk_raft *raft, struct rk_snapshot_meta *ret);
/* A witness: whether a SNAPSHOT message that came from a peer may be made durable, and then be given to rk_raft_step. */
bool rk_raft_takes_meta(const struct rk_raft *raft, const struct rk_raft_msg *msg);
const char *rk_raft_role_name(enum rk_raft_role role);
const char *rk_raft_doubt_name(enum rk_raft_doubt doubt);
/* Borrowed until the next input. */
const struct rk_config *rk_raft_config(const struct rk_raft *raft);
/* Milliseconds from the last clock until rk_raft_tick may have something to do; at most heartbeat_ms. */
uint32_t rk_raft_next_tick_ms(const struct rk_raft *raft);
/* For log tools: a borrowed entry still in memory, or NULL. */
const struct rk_entry *rk_raft_entry(const struct rk_raft *raft, uint64_t index);

#endif
