/* raft/walsalvage_io.h - a log directory read frame by frame: what is whole in it, and where it is
 * damaged. Changes nothing. */
#ifndef RK_RAFT_WALSALVAGE_IO_H
#define RK_RAFT_WALSALVAGE_IO_H

#include "raft/frame.h"

struct rk_salvage {
	void *context;
	/* Every record of every frame that is whole, in the order on disk; borrowed. May be NULL.
	 */
	void (*record)(void *context, const struct rk_record *record);
	/* Bytes that are no frame, with whole frames behind them: [from, to) of that segment. May
	 * be NULL. */
	void (*damage)(void *context, const char *segment, size_t from, size_t to);
};

/* One segment's bytes. `is_newest`: its end may be torn, which is no damage. Pure. */
void rk_salvage_segment(const struct rk_salvage *salvage, const char *name, struct rk_span bytes,
			bool is_newest);
/* All segments of the directory, oldest first. RK_ENOENT when there are none. */
RK_MUST_CHECK int rk_salvage_dir(const struct rk_salvage *salvage, const char *dir,
				 struct rk_error *error);

#endif
