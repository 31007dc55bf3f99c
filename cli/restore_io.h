/* cli/restore_io.h - a data directory for a member of a new cluster, made from a state. */
#ifndef RK_CLI_RESTORE_IO_H
#define RK_CLI_RESTORE_IO_H

#include "cli/backup_replay_io.h"
#include "control/rebirth.h"

struct rk_restore {
	const char *to;               /* the data directory; must not be there */
	uint64_t id;                  /* the member whose it will be */
	struct rk_config members;     /* of the new cluster: voters */
	uint64_t skip;                /* revisions (control/rebirth.h) */
	uint64_t term;                /* the newest that is known of; at least the last entry's */
	struct rk_cluster_id cluster; /* given, or all zero: a new one is chosen */
};

struct rk_restored {
	struct rk_cluster_id cluster;
	uint64_t index, revision, new_revision;
	int64_t time_ms;
	struct rk_holdings holdings;
	struct rk_hash128 hash; /* of the new state */
};

/* The state that `replay` has come to, which is changed (control/rebirth.h). The directory appears
 * whole or not at all. RK_EEXIST: it is there already. RK_EPERM: restore->cluster was made from
 * something else. */
RK_MUST_CHECK int rk_restore_write(const struct rk_restore *restore, struct rk_replay *replay,
				   struct rk_restored *ret, struct rk_error *error);

#endif
