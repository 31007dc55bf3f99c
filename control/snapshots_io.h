/* control/snapshots_io.h - the thread that makes, checks and loads snapshots, so that the core
 * waits for none of it. */
#ifndef RK_CONTROL_SNAPSHOTS_IO_H
#define RK_CONTROL_SNAPSHOTS_IO_H

#include "base/queue_io.h"
#include "base/vfs.h"
#include "raft/entry.h"
#include "store/store.h"

struct rk_snapshots;

enum rk_snapshot_work {
	RK_SNAPSHOT_SAVE,
	RK_SNAPSHOT_ADMIT,
	RK_SNAPSHOT_LOAD,
	RK_SNAPSHOT_NOTE /* a witness: what a peer sends instead of one */
};

struct rk_snapshot_result {        /* the receiver frees it by rk_snapshot_result_free */
	struct rk_message message; /* kind as given to rk_snapshots_new */
	enum rk_snapshot_work work;
	int err;
	struct rk_error error;
	struct rk_snapshot_meta meta;
	uint64_t peer, term;    /* ADMIT, NOTE */
	size_t bytes;           /* SAVE: of state, before compression */
	struct rk_store *store; /* LOAD; owned */
};
void rk_snapshot_result_free(struct rk_snapshot_result *result);

/* Results go to `inbox` as messages of this kind. */
RK_MUST_CHECK int rk_snapshots_new(struct rk_snapshots **ret, const char *dir,
				   struct rk_cluster_id cluster, struct rk_queue *inbox, int kind,
				   struct rk_error *error);
struct rk_snapshots *rk_snapshots_free(
	struct rk_snapshots *snapshots); /* finishes what is queued; takes NULL */

void rk_snapshots_save(struct rk_snapshots *snapshots, struct rk_view *view,
		       const struct rk_snapshot_meta *meta); /* takes the share */
void rk_snapshots_note(struct rk_snapshots *snapshots, uint64_t peer, uint64_t term,
		       const struct rk_snapshot_meta *meta);
void rk_snapshots_admit(struct rk_snapshots *snapshots, uint64_t peer, uint64_t term,
			const struct rk_snapshot_meta *meta);
void rk_snapshots_load(struct rk_snapshots *snapshots, const struct rk_snapshot_meta *meta);

/* --- in the caller's thread --- */

/* Writes the view as the snapshot `meta`, and prunes old ones. NULL: a witness's, which stands for a state that it does
 * not have; for the functions below their `ret` is NULL then. */
RK_MUST_CHECK int rk_snapshot_save(struct rk_vfs *vfs, struct rk_cluster_id cluster,
				   const struct rk_snapshot_meta *meta, struct rk_view *view,
				   size_t *ret_bytes, struct rk_error *error);
/* The snapshot of `index`, 0: the newest one. RK_ENOENT when there is none. */
RK_MUST_CHECK int rk_snapshot_load(struct rk_vfs *vfs, struct rk_cluster_id cluster, uint64_t index,
				   struct rk_store **ret, struct rk_snapshot_meta *ret_meta,
				   struct rk_error *error);
/* At start: what is not whole goes, and the newest one is loaded. With `may_repair` a damaged one is set aside, and
 * the one before it taken; *ret_damage (not NULL) says what was wrong with it. */
RK_MUST_CHECK int rk_snapshot_recover(struct rk_vfs *vfs, struct rk_cluster_id cluster,
				      bool may_repair, struct rk_store **ret,
				      struct rk_snapshot_meta *ret_meta,
				      struct rk_error *ret_damage, struct rk_error *error);

#endif
