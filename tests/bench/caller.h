/* tests/bench/caller.h - a gRPC client that costs little: plain HTTP/2 connections, many calls on
 * each, one thread. Only for loaders: an error ends the process. */
#ifndef RK_TESTS_BENCH_CALLER_H
#define RK_TESTS_BENCH_CALLER_H

#include <ev.h>
#include <stdbool.h>

#include "base/buf.h"

struct caller; /* a connection */
struct call;

struct call_opts {
	const char *path; /* "/etcdserverpb.KV/Put" */
	bool is_stream;   /* more may be sent after the first message */
	bool is_bulk; /* the answer's bytes are counted, not kept; `message` gets the last few of
			 them */
	void *context;
	void (*message)(void *context, struct call *call, struct rk_span message);
	/* The call is over and freed after this. status: gRPC's, -1 when the stream was reset. May
	 * be NULL. */
	void (*done)(void *context, int status, const char *text);
};

/* Connects; NULL when nobody listens. `broken` is called once if it ends before caller_free; NULL:
 * that is fatal. */
struct caller *caller_new(struct ev_loop *loop, const char *address, void *context,
			  void (*broken)(void *context));
struct caller *caller_free(struct caller *caller);

/* Sends with the loop's next turn. `message` is copied. */
struct call *call_start(struct caller *caller, const struct call_opts *opts,
			struct rk_span message);
void call_send(struct call *call, struct rk_span message);
size_t call_bytes(const struct call *call); /* of its answer so far */

#endif
