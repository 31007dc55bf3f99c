/* control/backup.h - the bytes of a back-up: entries as records, the chain over them, and the
 * manifest that says which files there are. Pure.
 *
 * A back-up is a directory: bases (snapshots as raft/snapshot_io.h writes them, NNN.snap) and parts
 * (runs of entries, NNN.part). Only what the manifest names is in it. Any base followed by the
 * parts behind it gives every state from the base's entry on.
 *
 *     part:   magic u32, version u32, cluster u64 u64, first u64, link u64 u64 before it, records
 *     record: checksum u32 of what follows but the link, size u32 of the payload, index u64, term
 *             u64, time u64, kind u8, payload, link u64
 *
 * The link of an entry is a hash over the link before it and its record: an entry that was changed,
 * left out or moved breaks the chain there. */
#ifndef RK_CONTROL_BACKUP_H
#define RK_CONTROL_BACKUP_H

#include "base/arena.h"
#include "raft/entry.h"

#define RK_BACKUP_NAME_MAX    32
#define RK_BACKUP_DIGEST_MAX  72
#define RK_BACKUP_HEAD_SIZE   48 /* of a part */
#define RK_BACKUP_RECORD_SIZE 33 /* of a record, without payload and link */
#define RK_BACKUP_LINK_SIZE   8

/* --- entries --- */

/* A record without its link. */
void rk_backup_put_entry(struct rk_buf *out, const struct rk_entry *entry);
/* Takes one from the front of `bytes`. 1: *ret (payload NULL), *ret_payload borrowed, *ret_record
 * all its bytes; 0: not whole yet; RK_ECORRUPT. */
int rk_backup_take_entry(struct rk_span bytes, struct rk_entry *ret, struct rk_span *ret_payload,
			 struct rk_span *ret_record);

/* Where a chain starts that follows nothing. */
struct rk_hash128 rk_backup_link_start(struct rk_cluster_id cluster, uint64_t first);
struct rk_hash128 rk_backup_link_next(struct rk_hash128 link, struct rk_span record);

struct rk_backup_part_head {
	struct rk_cluster_id cluster;
	uint64_t first;
	struct rk_hash128 link; /* before the first entry */
};
void rk_backup_put_part_head(struct rk_buf *out, const struct rk_backup_part_head *head);
RK_MUST_CHECK int rk_backup_read_part_head(struct rk_span bytes, struct rk_backup_part_head *ret);

/* --- the manifest --- */

enum rk_backup_kind {
	RK_BACKUP_BASE, /* a snapshot of the state after `last` */
	RK_BACKUP_PART, /* entries `first` to `last` */
	RK_BACKUP_MARK, /* what a member said of its own state after `last`; no file */
};

struct rk_backup_item {
	enum rk_backup_kind kind;
	uint64_t first, last;
	uint64_t term;     /* of the entry `last` */
	int64_t time_ms;   /* of the entry `last` */
	int64_t taken_ms;  /* when it was backed up */
	uint64_t bytes;    /* of the file */
	uint64_t revision; /* MARK */
	char name[RK_BACKUP_NAME_MAX];
	char digest[RK_BACKUP_DIGEST_MAX]; /* of the file: "sha256:..." */
	struct rk_hash128 hash;            /* BASE, MARK: of the state; PART: link of `last` */
};

struct rk_backup { /* items in the order in which they were taken */
	struct rk_cluster_id cluster;
	size_t count, capacity;
	struct rk_backup_item *items;
};

void rk_backup_done(struct rk_backup *backup);
void rk_backup_add(struct rk_backup *backup, const struct rk_backup_item *item);
/* Lines of JSON, the last of which is a checksum of those before. */
void rk_backup_encode(const struct rk_backup *backup, struct rk_buf *out);
/* RK_ECORRUPT says which line. *ret must be zeroed. */
RK_MUST_CHECK int rk_backup_decode(struct rk_span text, struct rk_backup *ret,
				   struct rk_error *error);

/* The last entry that is in it; 0: none. */
uint64_t rk_backup_last(const struct rk_backup *backup);
/* The part that holds entry `index`, or NULL. */
const struct rk_backup_item *rk_backup_part(const struct rk_backup *backup, uint64_t index);
/* The newest base at or before `index` from which parts lead to `index`; *ret NULL: from the first
 * entry of the log on, without any. False: the state after `index` is not in the back-up. */
bool rk_backup_base(const struct rk_backup *backup, uint64_t index,
		    const struct rk_backup_item **ret);

/* 32 hexadecimal digits, high half first. */
void rk_backup_hex(char text[40], uint64_t high, uint64_t low);
bool rk_backup_unhex(struct rk_span text, uint64_t *ret_high, uint64_t *ret_low);

#endif
