/* raft/entry.h - what the log is made of: entries, the list of members, and what a snapshot stands for.
 *
 * These are the units that the core, the disk and the wire share. Payloads are counted bytes, so an
 * entry is copied by taking a share. */
#ifndef RK_RAFT_ENTRY_H
#define RK_RAFT_ENTRY_H

#include "base/blob.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"

#define RK_PAYLOAD_MAX     (4u * 1024 * 1024) /* bytes in one entry */
#define RK_MEMBERS_MAX     16                 /* voters and learners together */
#define RK_ADDRESS_MAX     128                /* "host:port" with its NUL */
#define RK_CONFIG_SIZE_MAX (8 + RK_MEMBERS_MAX * (16 + RK_ADDRESS_MAX))

struct rk_cluster_id { /* chosen at random when the cluster is made; all zero is none */
	uint64_t high, low;
};

enum rk_entry_kind {
	RK_ENTRY_NORMAL = 1, /* a payload for the machine */
	RK_ENTRY_NOOP = 2,   /* what a leader appends first; no payload */
	RK_ENTRY_CONFIG = 3, /* payload is an encoded rk_config, in force from when it is applied */
	RK_ENTRY_LOST = 4,   /* never written or sent: what it was is damaged here, but for index and term */
};

struct rk_entry {
	uint64_t index; /* from 1, no gaps */
	uint64_t term;  /* of the leader that appended it */
	int64_t time_ms; /* that leader's wall clock, never decreasing along the log */
	enum rk_entry_kind kind;
	struct rk_blob *payload; /* one share; NULL for a NOOP */
};

static inline size_t rk_entry_size(const struct rk_entry *entry) /* what it weighs in limits */
{
	return 64 + (entry->payload != NULL ? entry->payload->size : 0);
}
/* An entry with a share of its own. */
static inline struct rk_entry rk_entry_ref(const struct rk_entry *entry)
{
	(void)rk_blob_ref(entry->payload);
	return *entry;
}
void rk_entries_done(struct rk_entry *entries, size_t count); /* drops the shares, not the array */

/* Roles are bits, so that the joint configuration of a membership change (Raft paper section 6) is a
 * configuration like any other: VOTER votes in the incoming half, OUTGOING in the half that leaves. */
enum rk_member_role {
	RK_MEMBER_VOTER = 1,
	RK_MEMBER_LEARNER = 2,
	RK_MEMBER_OUTGOING = 4,
	RK_MEMBER_WITNESS = 8, /* beside the others, for life: it keeps the log, and no state */
	/* What it becomes when a change that is prepared goes on (raft/membership.h): */
	RK_MEMBER_NEXT_VOTER = 16,
	RK_MEMBER_NEXT_LEARNER = 32,
	RK_MEMBER_NEXT_GONE = 64,
};

struct rk_member {
	uint64_t id; /* never 0 */
	uint8_t role;
	char address[RK_ADDRESS_MAX]; /* where peers connect to: "host:port" */
};

struct rk_config { /* ids are unique and ascending */
	uint32_t count;
	struct rk_member at[RK_MEMBERS_MAX];
};

/* Adds a member, keeping the order. RK_EEXIST, RK_ETOOBIG (too many, address too long), RK_EINVAL. */
RK_MUST_CHECK int rk_config_add(struct rk_config *config, uint64_t id, uint8_t role,
				const char *address);
/* Where the member is in config->at, or -1. */
int rk_config_find(const struct rk_config *config, uint64_t id);
void rk_config_encode(const struct rk_config *config, struct rk_buf *out);
/* RK_EINVAL when the bytes are not a configuration. */
RK_MUST_CHECK int rk_config_decode(struct rk_span bytes, struct rk_config *ret);

struct rk_snapshot_meta { /* the state after applying `index`; index 0 means that there is none */
	uint64_t index;
	uint64_t term;
	int64_t time_ms; /* of that entry */
	struct rk_hash128 state_hash;
	struct rk_config config;
};

void rk_snapshot_meta_encode(const struct rk_snapshot_meta *meta, struct rk_buf *out);
RK_MUST_CHECK int rk_snapshot_meta_decode(struct rk_span bytes, struct rk_snapshot_meta *ret);

#define RK_VOTE_FORGOTTEN   UINT64_MAX /* as a vote: the member does not know whom it gave it to */
#define RK_COMMIT_FORGOTTEN UINT64_MAX /* as a commit: the member lost its memory (raft/raft.h) */

struct rk_hard_state { /* what a member must remember over a restart (Raft paper, figure 2) */
	uint64_t term;
	uint64_t vote;   /* 0: none in this term */
	uint64_t commit; /* a hint: may be behind */
};

/* One job for the disk: everything in it becomes durable before rk_raft_persisted(id) is called.
 * Order inside: reset, entries, hard state. An entry whose index the log already holds replaces it
 * and everything after it; with `fills` only it, which was damaged. */
struct rk_persist {
	uint64_t id;               /* 1, 2, 3...; jobs are done in this order */
	struct rk_hard_state hard; /* always set */
	bool fills;                /* the entries are damaged ones that came back from a peer */
	bool reset;                /* forget all entries: the log now follows `mark` */
	struct rk_snapshot_meta mark; /* with reset: the snapshot that the log now follows */
	size_t count;
	struct rk_entry entries[]; /* one share each */
};

struct rk_persist *rk_persist_free(struct rk_persist *job); /* takes NULL, returns NULL */

#endif
