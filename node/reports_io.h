/* node/reports_io.h - what the agent tells the control plane about pods: status, Events, and the
 * final delete.
 *
 * Of one pod one write is under way at a time, and the newest status wins: states that lasted for
 * less than a round trip are never written. */
#ifndef RK_NODE_REPORTS_IO_H
#define RK_NODE_REPORTS_IO_H

#include "node/api_io.h"
#include "node/facts.h"

struct rk_reports;

struct rk_reports *rk_reports_new(struct rk_apiclient *api) __attribute__((returns_nonnull));
struct rk_reports *rk_reports_free(
	struct rk_reports *reports); /* what waits is lost; takes NULL, returns NULL */
/* Takes STATUS and DELETE acts. */
void rk_reports_pod(struct rk_reports *reports, const struct rk_act *act);
/* Takes an EVENT act. node: who saw it. Equal ones are counted in one object. */
void rk_reports_event(struct rk_reports *reports, const struct rk_act *act, const char *node,
		      int64_t now_wall);
/* Begins the writes that wait; call it once at the end of a turn. */
void rk_reports_flush(struct rk_reports *reports);
/* The pod is gone: nothing more is to be said. */
void rk_reports_forget(struct rk_reports *reports, struct rk_span uid);

#endif
