/* raft/walrepair_io.h - what the log does about damage that only peers can make good, when it is not
 * even known what was lost: the parts, for walfound_io.c.
 *
 * A mark (the file "amnesia") is durable before anything is cut and stays until the log itself, by
 * its next frame, says that the member lost its memory. */
#ifndef RK_RAFT_WALREPAIR_IO_H
#define RK_RAFT_WALREPAIR_IO_H

#include "base/vfs.h"
#include "raft/entry.h"

bool rk_walrepair_is_marked(struct rk_vfs *vfs);
RK_MUST_CHECK int rk_walrepair_mark(struct rk_vfs *vfs, struct rk_error *error);
RK_MUST_CHECK int rk_walrepair_unmark(struct rk_vfs *vfs);
/* Raises *hard to the newest one in any frame of the segment that can be read, also behind damage.
 */
void rk_walrepair_hard(struct rk_vfs *vfs, uint64_t sequence, struct rk_hard_state *hard);
/* Renames the segment to NAME.damaged. */
RK_MUST_CHECK int rk_walrepair_set_aside(struct rk_vfs *vfs, uint64_t sequence,
					 struct rk_error *error);
/* Keeps a copy of the segment as NAME.damaged, then zeroes it from `at` on. */
RK_MUST_CHECK int rk_walrepair_cut(struct rk_vfs *vfs, uint64_t sequence, size_t at,
				   struct rk_error *error);

#endif
