/* cli/backup_replay_io.h - the machine run again over what was backed up or what a member's disk
 * holds: to prove a back-up, and to make a state for a new cluster. */
#ifndef RK_CLI_BACKUP_REPLAY_IO_H
#define RK_CLI_BACKUP_REPLAY_IO_H

#include "cli/backup_dir_io.h"
#include "control/machine.h"

struct rk_replay {
	const struct rk_kinds *kinds;
	struct rk_machine *machine;
	uint64_t index, term; /* of the last entry; index 0: none */
	int64_t time_ms;
	uint64_t entries; /* that were applied */
	/* Bases and marks of this back-up are compared with the state as it passes them. May be
	 * NULL. */
	const struct rk_backup *backup;
	uint64_t compared;
	uint64_t told; /* no base or mark is before this entry that was not passed; 0: look */
	uint64_t stop; /* of rk_replay_parts: the last entry */
	void *context; /* of `progress`, which may be NULL */
	void (*progress)(void *context, uint64_t index);
};

void rk_replay_begin(struct rk_replay *replay); /* an empty state; kinds must be set */
void rk_replay_done(struct rk_replay *replay);
/* The state from a snapshot's file, DIR/NNN.snap. */
RK_MUST_CHECK int rk_replay_load(struct rk_replay *replay, const char *dir,
				 struct rk_cluster_id cluster, uint64_t index,
				 struct rk_error *error);
/* The state from a file that `etcdctl snapshot save` wrote (control/etcd/snapshot_io.c). It says
 * nothing of terms: the term is 1. RK_ECORRUPT: damaged, or of another server than ours. */
RK_MUST_CHECK int rk_replay_load_etcd(struct rk_replay *replay, const char *path,
				      uint64_t *ret_bytes, struct rk_error *error);
RK_MUST_CHECK int rk_replay_entry(struct rk_replay *replay, const struct rk_entry *entry,
				  struct rk_span payload, struct rk_error *error);
/* From where it is through the parts to entry `to`. */
RK_MUST_CHECK int rk_replay_parts(struct rk_replay *replay, const struct rk_backup_dir *dir,
				  uint64_t to, struct rk_error *error);

struct rk_backup_proof {
	uint64_t files, bytes, entries, compared, last;
	struct rk_hash128 hash; /* of the state after `last` */
};
/* Reads everything, checks it, and runs it. */
RK_MUST_CHECK int rk_backup_prove(const struct rk_backup_dir *dir, struct rk_replay *replay,
				  struct rk_backup_proof *ret, struct rk_error *error);

#endif
