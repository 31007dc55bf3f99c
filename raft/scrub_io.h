/* raft/scrub_io.h - a thread that reads the log and the snapshots again, from the medium, at a set
 * pace: damage is found while the other copies are still good. It repairs nothing. */
#ifndef RK_RAFT_SCRUB_IO_H
#define RK_RAFT_SCRUB_IO_H

#include <stdint.h>

#include "base/err.h"

struct rk_scrub;

struct rk_scrub_status {
	uint64_t rounds; /* times that everything was read */
	uint64_t bytes;
	uint64_t damaged; /* files found damaged in the last whole round */
	char where[64];   /* one of them; "" when there is none */
};

struct rk_scrub_opts {
	const char *log_dir, *snapshot_dir; /* copied */
	uint32_t mib_per_second;            /* not 0 */
	uint32_t pause_ms;                  /* between two rounds; 0: a minute */
};

RK_MUST_CHECK int rk_scrub_new(struct rk_scrub **ret, const struct rk_scrub_opts *opts,
			       struct rk_error *error);
struct rk_scrub *rk_scrub_free(struct rk_scrub *scrub); /* takes NULL, returns NULL */
/* From any thread. */
void rk_scrub_status(struct rk_scrub *scrub, struct rk_scrub_status *ret);

#endif
