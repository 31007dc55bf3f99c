/* control/machine.h - the machine: a pure function from (state, log entry) to (state, what came of it).
 *
 * The payload of a log entry is an envelope and, for commands, a document (control/command.h). Entries that users
 * and nodes cause carry who proposed them, so that a proposal that was sent twice is applied once. */
#ifndef RK_CONTROL_MACHINE_H
#define RK_CONTROL_MACHINE_H

#include "base/err.h"
#include "control/objects.h"

enum rk_entry_type {
	RK_ENTRY_INIT = 1,    /* the first one of a cluster: document {clusterID, serviceCIDR, podCIDR, ...} */
	RK_ENTRY_COMMAND = 2, /* operations */
	RK_ENTRY_TICK = 3,    /* time passes: timers fall due */
	RK_ENTRY_ADVANCE = 4, /* work was left: go on */
	RK_ENTRY_ETCD = 5,    /* one request of the etcd API: control/etcd/apply.h; the outcome's code is gRPC's */
	RK_ENTRY_ROOT_CA = 6, /* what members' certificates are checked with: PEM (control/controllers/rootca.h) */
};

struct rk_envelope {
	enum rk_entry_type type;
	uint64_t origin;      /* member that proposed; 0 for what needs no answer */
	uint64_t incarnation; /* of that member's process */
	uint64_t sequence;    /* counts up from 1 in an incarnation */
	uint64_t answered;    /* every sequence below this has been answered: the machine may forget it */
	struct rk_span body;  /* borrowed */
};

void rk_envelope_write(struct rk_buf *out, const struct rk_envelope *envelope);
RK_MUST_CHECK int rk_envelope_read(struct rk_span bytes, struct rk_envelope *ret);

/* A cluster's fixed ranges: the body of RK_ENTRY_INIT. Times are in milliseconds. */
struct rk_cluster_config {
	uint64_t cluster_high, cluster_low;
	struct rk_span service_cidr; /* "10.96.0.0/16" */
	struct rk_span pod_cidr;     /* "10.244.0.0/16", /24 for each node */
	struct rk_span dns_domain;   /* "cluster.local" */
};
struct rk_blob *rk_cluster_config_encode(const struct rk_cluster_config *config) __attribute__((returns_nonnull));

struct rk_machine;

struct rk_machine *rk_machine_new(const struct rk_kinds *kinds) __attribute__((returns_nonnull));
struct rk_machine *rk_machine_free(struct rk_machine *machine);
/* Goes on from a store that was loaded from a snapshot (takes it): rebuilds what is derived. */
struct rk_machine *rk_machine_of(const struct rk_kinds *kinds, struct rk_store *store)
	__attribute__((returns_nonnull));
struct rk_store *rk_machine_store(struct rk_machine *machine); /* borrowed; to read */
/* Built-in kinds and those of the cluster's definitions; borrowed until the next entry. */
const struct rk_kinds *rk_machine_kinds(struct rk_machine *machine);

struct rk_applied { /* what came of one entry; rk_applied_done frees it */
	struct rk_changes *changes; /* one share */
	bool is_duplicate;          /* applied before: there is no answer here */
	uint64_t revision;          /* after the operations themselves: what controllers did comes behind it */
	size_t outcome_count;
	struct rk_applied_outcome {
		int code;
		struct rk_blob *doc;
		struct rk_blob *warnings; /* or NULL */
	} *outcomes;
};

/* Applies one entry: bytes as rk_envelope_write made them. `wants_outcomes`: whether somebody here waits for the answer
 * (the state is the same either way). An entry that this machine does not know stops the process: a replica that
 * skips an entry is worse than one that is down. */
void rk_machine_apply(struct rk_machine *machine, uint64_t index, int64_t time_ms, struct rk_span payload,
		      bool wants_outcomes, struct rk_applied *ret);
/* An entry that is raft's own business (configuration, no-op): only index and time move. */
void rk_machine_skip(struct rk_machine *machine, uint64_t index, int64_t time_ms);
void rk_applied_done(struct rk_applied *applied);

bool rk_machine_is_initialised(const struct rk_machine *machine);
/* The leader should propose RK_ENTRY_ROOT_CA with this. */
bool rk_machine_wants_root_ca(const struct rk_machine *machine, struct rk_span pem);
bool rk_machine_has_work(const struct rk_machine *machine);     /* the leader should propose RK_ENTRY_ADVANCE */
int64_t rk_machine_next_due_ms(const struct rk_machine *machine); /* the leader should propose RK_ENTRY_TICK by then */

#endif
