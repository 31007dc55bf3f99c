/* raft/walrepair_io.h - what the log does about damage that peers can make good: the parts, for
 * wal_io.c.
 *
 * A mark (the file "amnesia") is durable before anything is cut and stays until the log itself, by
 * its next frame, says that the member lost its memory. */
#ifndef RK_RAFT_WALREPAIR_IO_H
#define RK_RAFT_WALREPAIR_IO_H

#include "raft/entry.h"

/* Raises *hard to what the mark remembers. */
bool rk_walrepair_is_marked(int dir_fd, struct rk_hard_state *hard);
RK_MUST_CHECK int rk_walrepair_mark(int dir_fd, const struct rk_hard_state *hard,
				    struct rk_error *error);
RK_MUST_CHECK int rk_walrepair_unmark(int dir_fd);
/* Raises *hard to the newest one in any frame of the segment that can be read, also behind damage.
 */
void rk_walrepair_hard(int dir_fd, uint64_t sequence, struct rk_hard_state *hard);
/* Renames the segment to NAME.damaged. */
RK_MUST_CHECK int rk_walrepair_set_aside(int dir_fd, uint64_t sequence, struct rk_error *error);
/* Keeps a copy of the segment as NAME.damaged, then zeroes it from `at` on. */
RK_MUST_CHECK int rk_walrepair_cut(int dir_fd, uint64_t sequence, size_t at,
				   struct rk_error *error);

#endif
