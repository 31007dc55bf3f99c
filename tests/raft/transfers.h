/* tests/raft/transfers.h - snapshots to send, for the tests of transfers. */
#ifndef RK_TESTS_RAFT_TRANSFERS_H
#define RK_TESTS_RAFT_TRANSFERS_H

#include "raft/send_io.h"

/* Writes the snapshot `index` of about `size` bytes that nothing makes smaller. */
struct rk_snapshot_meta transfers_make(const char *dir, uint64_t index, uint64_t seed, size_t size);
uint64_t transfers_size(const char *dir, const char *name); /* of a file; 0: none */

#endif
