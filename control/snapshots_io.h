/* control/snapshots_io.h - the thread that makes, checks and loads snapshots, so that the core
 * waits for none of it. */
#ifndef RK_CONTROL_SNAPSHOTS_IO_H
#define RK_CONTROL_SNAPSHOTS_IO_H

#include "base/queue_io.h"
#include "raft/entry.h"
#include "store/store.h"

struct rk_snapshots;

enum rk_snapshot_work { RK_SNAPSHOT_SAVE, RK_SNAPSHOT_ADMIT, RK_SNAPSHOT_LOAD };

struct rk_snapshot_result {        /* the receiver frees it by rk_snapshot_result_free */
	struct rk_message message; /* kind as given to rk_snapshots_new */
	enum rk_snapshot_work work;
	int err;
	struct rk_error error;
	struct rk_snapshot_meta meta;
	uint64_t peer, term;    /* ADMIT */
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
void rk_snapshots_admit(struct rk_snapshots *snapshots, uint64_t peer, uint64_t term,
			const struct rk_snapshot_meta *meta);
void rk_snapshots_load(struct rk_snapshots *snapshots, const struct rk_snapshot_meta *meta);

/* At start, in the caller's thread: the newest snapshot. RK_ENOENT when there is none. */
RK_MUST_CHECK int rk_snapshot_load_newest(const char *dir, struct rk_cluster_id cluster,
					  struct rk_store **ret, struct rk_snapshot_meta *ret_meta,
					  struct rk_error *error);

/* The same, beside a running member: removes nothing. */
RK_MUST_CHECK int rk_snapshot_check_newest(const char *dir, struct rk_cluster_id cluster,
					   struct rk_store **ret, struct rk_snapshot_meta *ret_meta,
					   struct rk_error *error);

/* The one of entry `index`, from any directory that holds such files. */
RK_MUST_CHECK int rk_snapshot_load_at(const char *dir, struct rk_cluster_id cluster, uint64_t index,
				      struct rk_store **ret, struct rk_snapshot_meta *ret_meta,
				      struct rk_error *error);

#endif
