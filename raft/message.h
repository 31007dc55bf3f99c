/* raft/message.h - what members say to each other, and its bytes.
 *
 * A message is one heap block with one owner. Everything may be lost, doubled, late or out of order. */
#ifndef RK_RAFT_MESSAGE_H
#define RK_RAFT_MESSAGE_H

#include "raft/entry.h"

/* Largest encoded message: an append of one largest entry beside a full batch, with room for headers. */
#define RK_RAFT_MSG_SIZE_MAX    (2 * RK_PAYLOAD_MAX)
#define RK_RAFT_MSG_ENTRIES_MAX 8192

enum rk_raft_msg_kind {
	RK_MSG_PREVOTE = 1,    /* term: the one to be asked for; index, log_term: last entry */
	RK_MSG_PREVOTE_ANSWER, /* reject; commit, log_term: what is committed here, and that entry's
				  term */
	RK_MSG_VOTE, /* as PREVOTE; flag force: a planned transfer, leases do not hold it back */
	RK_MSG_VOTE_ANSWER,
	RK_MSG_APPEND, /* index, log_term: entry before `entries`; commit; flag force: answer only
			* to refuse; hint_index, hint_term: what is durable at the leader */
	RK_MSG_APPEND_ANSWER, /* index: durable up to; or reject, with hint_index, hint_term */
	RK_MSG_HEARTBEAT, /* commit, log_term: what is committed and held by the receiver, and that
			   * entry's term; context: read round; stamp_ms: sender's clock, to be
			   * echoed; hints as in APPEND; flag force: the receiver is a witness;
			   * index: what a witness may drop */
	RK_MSG_HEARTBEAT_ANSWER, /* commit: what is committed and durable here; flag force: the sender has lost its memory */
	RK_MSG_SNAPSHOT, /* snapshot: has arrived as a whole and is durable at the receiver. On its
			  * way between members only to a witness, whose owner makes it durable
			  * before the core hears of it */
	RK_MSG_PROPOSE,  /* entries: payloads for the leader to append */
	RK_MSG_READ,     /* context: the asker's read number */
	RK_MSG_READ_ANSWER, /* context; index: serve once this is applied */
	RK_MSG_TIMEOUT_NOW, /* the receiver shall campaign at once */
	RK_MSG_GONE,        /* the receiver is not a member any more */
	RK_MSG_CHECK, /* asks what the receiver saw of the sender: term, index, log_term: what it
		       * holds; context; commit: the term that its log told of at the start; flag
		       * force: the sender knows that it has lost its memory, and what was seen of its
		       * log before is of no use any more */
	RK_MSG_CHECK_ANSWER, /* hint_index, hint_term: the furthest end of the receiver's log that
			      * it saw in that term or later, or 0; commit: the newest term of it
			      * that it saw; index, log_term: the end of its own log; reject: that
			      * is not empty; force: it lost its own memory */
	RK_MSG_FETCH, /* index, log_term: an entry that is damaged at the sender; hint_index: the
			 last of such */
	RK_MSG_FETCH_ANSWER, /* entries, from index + 1 on */
	RK_MSG_ADMIN, /* for the leader's owner, not for raft: context, a document in `entries` */
	RK_MSG_ADMIN_ANSWER,
	RK_MSG_KIND_LAST = RK_MSG_ADMIN_ANSWER,
};

struct rk_raft_msg {
	enum rk_raft_msg_kind kind;
	bool reject;
	bool force;
	uint64_t from, to;
	uint64_t term; /* 0 only in PROPOSE, READ, CHECK, CHECK_ANSWER and FETCH */
	uint64_t index, log_term;
	uint64_t commit;
	uint64_t hint_index, hint_term;
	uint64_t context;
	uint64_t stamp_ms;
	uint64_t digest_index; /* HEARTBEAT and its answer: the sender's state hash after this index, 0: none */
	uint64_t digest;
	struct rk_snapshot_meta *snapshot; /* owned; only in SNAPSHOT */
	uint32_t count;
	struct rk_entry *entries; /* owned, one share each */
};

struct rk_raft_msg *rk_raft_msg_new(enum rk_raft_msg_kind kind, uint64_t to);
struct rk_raft_msg *rk_raft_msg_copy(const struct rk_raft_msg *msg); /* shares the payloads */
struct rk_raft_msg *rk_raft_msg_free(struct rk_raft_msg *msg);       /* takes NULL, returns NULL */
const char *rk_raft_msg_name(enum rk_raft_msg_kind kind);            /* "append"... */
size_t rk_raft_msg_size(const struct rk_raft_msg *msg);              /* of the encoded bytes, exactly */

/* Appends the bytes: checksum (CRC32C of all that follows), version, fields, entries. */
void rk_raft_msg_encode(const struct rk_raft_msg *msg, struct rk_buf *out);
/* A message of its own memory from all of `bytes`. RK_EINVAL (not one), RK_ECORRUPT (checksum),
 * RK_ENOTSUP (a later version). */
RK_MUST_CHECK int rk_raft_msg_decode(struct rk_span bytes, struct rk_raft_msg **ret);

#endif
