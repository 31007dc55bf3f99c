/* wire/pipe_io.h - two streams joined: what comes from one goes to the other, as fast as that one takes it. */
#ifndef RK_WIRE_PIPE_IO_H
#define RK_WIRE_PIPE_IO_H

#include "wire/stream_io.h"

struct rk_pipe { /* one that is open, in its owner's list */
	struct rk_pipe *next, **link;
	struct rk_stream *ends[2];
};

/* Takes both streams (any may be NULL: then the other is closed). They live by themselves, in the list, until one of
 * them closes; what is queued for the other then still goes out, for a while. */
void rk_pipe_start(struct rk_pipe **list, struct rk_stream *one, struct rk_stream *other);
/* Cuts all that are in the list. */
void rk_pipe_end_all(struct rk_pipe **list);

#endif
