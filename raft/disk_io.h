/* raft/disk_io.h - the disk thread: writes persist jobs to the log in the order in which they come,
 * many with one sync. */
#ifndef RK_RAFT_DISK_IO_H
#define RK_RAFT_DISK_IO_H

#include "raft/wal_io.h"

struct rk_disk;

struct rk_disk_opts {
	struct rk_wal *wal; /* taken */
	/* Called in the disk thread; they must only pass on. */
	void *context;
	void (*persisted)(void *context, uint64_t id); /* every job up to this one is durable */
	void (*full)(void *context, bool is_full,
		     const char *why); /* jobs wait for room; tried again all the time */
	void (*failed)(void *context,
		       const struct rk_error *error); /* final: nothing is written any more */
};

RK_MUST_CHECK int rk_disk_new(struct rk_disk **ret, const struct rk_disk_opts *opts,
			      struct rk_error *error);
/* Writes what is queued (a full disk is not waited for), then ends the thread and closes the log.
 * Takes NULL, returns NULL. */
struct rk_disk *rk_disk_free(struct rk_disk *disk);
void rk_disk_write(struct rk_disk *disk, struct rk_persist *job); /* takes it */
void rk_disk_drop(struct rk_disk *disk, uint64_t index);          /* rk_wal_drop */

#endif
