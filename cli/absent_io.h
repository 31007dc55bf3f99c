/* cli/absent_io.h - the leader keeps the way to the API clear: members that are not heard of are taken out of the Service
 * default/kubernetes, and come back when they are; those that are members no more are removed from it. */
#ifndef RK_CLI_ABSENT_IO_H
#define RK_CLI_ABSENT_IO_H

#include "cli/advertise_io.h"

#define RK_ABSENT_AFTER_MS 10000 /* upstream's API servers are given 15 s */
#define RK_ABSENT_MEMBERS  16

struct rk_absent { /* all zero at first */
	struct {
		int64_t id, heard_ms; /* monotonic: when it was there last */
	} at[RK_ABSENT_MEMBERS];
	size_t count;        /* 0: this member does not lead */
	uint64_t told;       /* a hash of what the slices were last made to say; 0: nothing */
	int64_t told_ms;
};

/* To be called every few seconds, in any member: only the leader does something. */
RK_MUST_CHECK int rk_absent_look(struct rk_absent *absent, const struct rk_advertise_opts *opts,
				 int64_t now_ms, struct rk_error *error);

#endif
