/* control/api/counts.h - what a thread of the API counts: requests by what they ask for, and the events of watches. The
 * thread alone writes, without locks; whoever makes /metrics reads and adds up. */
#ifndef RK_CONTROL_API_COUNTS_H
#define RK_CONTROL_API_COUNTS_H

#include <stdatomic.h>

#include "control/api/route.h"

#define RK_API_VERBS   10 /* that are counted apart */
#define RK_API_CODES   24
#define RK_API_BUCKETS 12
#define RK_API_SERIES  2048 /* places; three quarters are used at most, then the rest counts as other */

struct rk_api_series { /* requests of one verb to one resource; what names it stays as it is */
	unsigned verb;
	char group[256], version[64], resource[64], sub[64]; /* all empty: of no resource, or other */
	const char *scope; /* "cluster", "namespace", "resource", "" */
	atomic_ullong codes[RK_API_CODES];
	atomic_ullong took_us, took[RK_API_BUCKETS]; /* of what was answered and does not last */
};

struct rk_api_counts { /* all zero at first */
	struct {
		atomic_ullong begun, ended;
	} verbs[RK_API_VERBS];
	_Atomic(struct rk_api_series *) series[RK_API_SERIES]; /* by hash; what is there stays */
	unsigned series_count;
	atomic_ullong events; /* of watches, each watcher's counted */
};

/* A request has begun; the series is where it ends. `verb` may be NULL, or "connect" for what lasts. */
struct rk_api_series *rk_counts_begin(struct rk_api_counts *counts, const char *verb,
				      const struct rk_route *route);
/* `code` 0: the client went before there was an answer. */
void rk_counts_end(struct rk_api_counts *counts, struct rk_api_series *series, int code,
		   uint64_t took_us);
void rk_counts_event(struct rk_api_counts *counts);
void rk_counts_done(struct rk_api_counts *counts);

/* Prometheus' text of what these threads have counted. */
struct rk_buf;
void rk_counts_write(struct rk_buf *out, struct rk_api_counts *const *threads, size_t count);

#endif
