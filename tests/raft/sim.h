/* tests/raft/sim.h - a cluster of cores in one thread under virtual time, every choice from one
 * seed. */
#ifndef RK_TESTS_RAFT_SIM_H
#define RK_TESTS_RAFT_SIM_H

#include "raft/raft.h"

#define SIM_NODES_MAX 7

struct sim_opts {
	uint64_t seed;
	uint32_t nodes;
	uint32_t learners; /* of the members, the last ones */
	uint32_t witness;  /* the one that is a witness, 0: none */
	uint32_t spares;   /* of the nodes, the last ones: no members at first */
	uint32_t loss_percent, dup_percent;
	uint32_t delay_max_ms;   /* messages take 1 ... this: what is sent later may come first */
	uint32_t disk_max_ms;    /* a job takes 0 ... this */
	uint32_t crash_permille; /* chance of a crash in each 5 ms turn of the cluster */
	uint32_t wipe_permille;  /* chance that a disk is replaced by an empty one; one at a time */
	bool stay_down;          /* who crashed comes back by sim_restart only */
	uint32_t partition_permille;
	uint32_t propose_percent; /* chance that a node proposes in its turn */
	uint32_t snapshot_every;  /* applied entries between snapshots; 0: never */
	bool lease_reads;
	bool transfers;
	bool changes;            /* leaders are asked for other members */
	uint32_t stall_permille; /* chance that a node sleeps for up to a second */
};

struct sim;

struct sim *sim_new(const struct sim_opts *opts);
struct sim *sim_free(struct sim *sim);
/* Runs `ms` of virtual time. Ends early when a check fails. */
void sim_run(struct sim *sim, uint32_t ms);
/* No more faults: all are up, all links work. */
void sim_heal(struct sim *sim);
/* NULL, or what was violated. */
const char *sim_failure(const struct sim *sim);
/* There is a leader, and all its live members have applied `index`. */
bool sim_caught_up(const struct sim *sim, uint64_t index);
uint64_t sim_committed(const struct sim *sim); /* highest index applied anywhere */
uint64_t sim_reads_done(const struct sim *sim);
uint32_t sim_leader(const struct sim *sim); /* node id of the leader of the latest term, 0: none */
void sim_crash(struct sim *sim, uint32_t id);
void sim_restart(struct sim *sim, uint32_t id);
/* A copy of the disk as it is; puts it back into a node that is down; or an empty one. */
void sim_keep_disk(struct sim *sim, uint32_t id);
void sim_roll_back(struct sim *sim, uint32_t id);
void sim_wipe(struct sim *sim, uint32_t id);
/* Damage in the middle of the log, as the write-ahead log hands it over: what is behind it is not there, and that is
 * known. */
void sim_rot(struct sim *sim, uint32_t id);
void sim_cut(struct sim *sim, uint32_t from, uint32_t to, bool cut); /* one way */
struct rk_raft *sim_raft(struct sim *sim, uint32_t id);
/* Adds node `id` to a configuration, with its address. */
void sim_member(struct rk_config *config, uint32_t id, uint8_t role);
struct sim_counts {
	uint64_t crashes, elections, installs, restarts, partitions, lost, reads, commits,
		transfers, refused, changes, wipes, rots;
};
struct sim_counts sim_counts(const struct sim *sim);

#endif
