/* sim/pool_io.h - many runs, in processes of their own: one that dies is a finding like any other. */
#ifndef RK_SIM_POOL_IO_H
#define RK_SIM_POOL_IO_H

#include "sim/sim.h"

#define SIM_FAILURES_MAX 16
#define SIM_WORKERS_MAX  64

struct sim_pool_opts {
	uint64_t first;    /* seed */
	uint64_t count;    /* seeds; 0: as many as fit in `for_ms` */
	uint64_t for_ms;   /* 0: no limit but `count` */
	uint32_t workers;  /* 0: one for each processor */
	bool stop_at_first; /* failure */
	bool shows_progress;
};

struct sim_pool_result {
	uint64_t seeds, failed, elapsed_ms;
	struct sim_result sum; /* of the good runs */
	struct {
		uint64_t seed;
		char text[256];
	} failures[SIM_FAILURES_MAX]; /* the first ones, by seed */
	uint32_t failures_count;
};

/* False: no process could be made. */
bool sim_pool(const struct sim_pool_opts *opts, struct sim_pool_result *ret);

#endif
