/* sim/evidence.h - what a history shows of keys at revisions, whoever saw it: to tell which
 * operations without an answer happened. Pure. */
#ifndef RK_SIM_EVIDENCE_H
#define RK_SIM_EVIDENCE_H

#include "sim/history.h"

enum rk_evidence_kind {
	RK_EVIDENCE_KV,      /* the key was put at `revision`, and was `kv` then */
	RK_EVIDENCE_CREATED, /* the key was created at `revision` */
	RK_EVIDENCE_GONE,    /* the key was deleted at `revision` */
};

struct rk_evidence {
	int64_t revision;
	enum rk_evidence_kind kind;
	struct rk_hist_kv kv; /* CREATED, GONE: only the key */
	int64_t seen_at;      /* when it was known at the latest */
	bool is_watch;        /* who saw it: this watch, or this operation */
	size_t by;
};

struct rk_evidences { /* by revision */
	size_t count, capacity;
	struct rk_evidence *at;
};

/* Everything in answers, and in the events of watches. */
void rk_evidence_collect(const struct rk_history *history, struct rk_evidences *ret);
void rk_evidence_done(struct rk_evidences *evidences);
/* The first one of this revision or later. */
size_t rk_evidence_seek(const struct rk_evidences *evidences, int64_t revision);

#endif
