/* sim/inner.h - what the parts of a run share, and nobody else. */
#ifndef RK_SIM_INNER_H
#define RK_SIM_INNER_H

#include "control/machine.h"
#include "control/pending.h"
#include "raft/raft.h"
#include "raft/wal_io.h"
#include "sim/dice.h"
#include "sim/disk.h"
#include "sim/sim.h"

#define SIM_INDEX_MAX 65536
#define SIM_TERMS_MAX 4096

struct sim_job {
	struct rk_persist *persist;
	uint64_t due_ms;
};

struct sim_node {
	uint32_t id;
	bool up;
	bool is_witness;
	uint64_t incarnation;
	uint64_t up_since_ms;

	struct sim_disk *disk, *kept; /* kept: how it was, for a roll-back */
	uint64_t kept_ms;
	bool damaged, lost; /* since it was last whole: entries, or more than that; sim/damage.c */
	bool latent;        /* its disk has damage that did not matter yet */
	uint64_t doomed_ms; /* it crashes then; 0: it does not */

	/* of the process */
	struct rk_wal *wal;
	struct rk_vfs *snapshots;
	struct rk_raft *raft;
	struct rk_raft_out out;
	struct rk_machine *machine; /* NULL: a witness */
	struct rk_snapshot_meta newest;
	size_t jobs_count, jobs_capacity;
	struct sim_job *jobs;
	uint64_t compact_to, written_ms;
	uint64_t applied, since_snapshot;
	uint64_t proposed_index, proposed_term;
	struct rk_pending pending;
	uint64_t told_leader;
	enum rk_raft_doubt told_doubt;
	uint64_t told_yields;
	bool was_leader;
	uint64_t was_term;
	uint32_t die_in; /* outputs until memory is refused; 0: it is not */

	/* its clocks: mono = base + (now - since) * rate / 1000 */
	uint64_t clock_base_ms, clock_since_ms;
	uint32_t clock_rate;
	uint64_t clock_frozen_until_ms;
	int64_t wall_skew_ms;

	uint64_t asleep_until_ms, disk_until_ms;
	bool disk_full;
};

struct sim_letter {
	uint64_t due_ms;
	uint32_t from, to;
	struct rk_buf bytes;            /* an encoded message, or a snapshot's file */
	struct rk_snapshot_meta *meta;  /* of a snapshot */
	uint64_t term;                  /* the same */
};

struct sim_seen { /* an entry that was stored somewhere */
	uint64_t term, before_term, hash;
};

struct sim_clients;

struct sim {
	struct sim_params params;
	struct sim_result *result;
	bool trace;
	struct sim_dice dice;
	const struct rk_kinds *kinds;
	uint64_t now_ms, flap_ms;
	bool healed;
	uint64_t calm_until_ms; /* no faults until then */
	struct sim_disk_counts disk_counts;
	struct rk_config config; /* of the new cluster */
	struct rk_cluster_id cluster;
	struct sim_node nodes[SIM_NODES_MAX + 1]; /* by id */
	/* network */
	bool cut[SIM_NODES_MAX + 1][SIM_NODES_MAX + 1];
	uint64_t clogged_until_ms[SIM_NODES_MAX + 1][SIM_NODES_MAX + 1];
	bool flapping;
	size_t letters_count, letters_capacity;
	struct sim_letter *letters;
	/* checks */
	uint64_t leaders[SIM_TERMS_MAX];                       /* by term: who led */
	/* by index; applied_in: the term in which it was seen to be committed */
	uint64_t *applied_hash, *applied_term, *applied_state, *applied_in;
	struct sim_seen **seen;                                /* by index: every (term) that was stored */
	uint32_t *seen_count;
	uint64_t applied_max;
	struct sim_clients *clients;
};

__attribute__((format(printf, 2, 3))) void sim_fail(struct sim *sim, const char *format, ...);
__attribute__((format(printf, 2, 3))) void sim_note(struct sim *sim, const char *format, ...);
static inline bool sim_failed(const struct sim *sim) { return sim->result->failure[0] != 0; }
static inline void sim_count(struct sim *sim, enum sim_count what) { sim->result->counts[what]++; }
static inline uint64_t sim_roll(struct sim *sim, uint64_t limit)
{
	return sim_below(&sim->dice, limit);
}
/* A fault strikes, while there are faults. */
static inline bool sim_strikes(struct sim *sim, uint32_t millionths)
{
	return !sim->healed && sim->now_ms >= sim->calm_until_ms &&
	       sim_chance(&sim->dice, millionths);
}

/* node.c */
/* How the member opens its log, when its newest snapshot is of entry `snapshot`; `disk`: its own, or a copy of that. */
struct rk_wal_opts sim_node_wal_opts(const struct sim *sim, const struct sim_node *node,
				     struct sim_disk *disk, uint64_t snapshot);
void sim_node_start(struct sim *sim, struct sim_node *node);
void sim_node_crash(struct sim *sim, struct sim_node *node);
void sim_node_turn(struct sim *sim, struct sim_node *node);
uint64_t sim_node_mono_ms(const struct sim *sim, const struct sim_node *node);
void sim_node_clock_again(struct sim *sim, struct sim_node *node, uint32_t rate);
/* Writes what a client wants; the answer goes to sim_client_wrote. RK_EAGAIN: too many wait. */
int sim_node_write(struct sim *sim, struct sim_node *node, void *client, uint64_t request,
		   struct rk_span etcd_body);
int sim_node_read(struct sim *sim, struct sim_node *node, void *client, uint64_t request);

/* net.c */
void sim_send(struct sim *sim, struct rk_raft_msg *msg); /* takes it */
void sim_send_snapshot(struct sim *sim, struct sim_node *node, uint32_t to, uint64_t term,
		       const struct rk_snapshot_meta *meta);
void sim_receive(struct sim *sim, struct sim_node *node);
void sim_partition(struct sim *sim);
void sim_net_turn(struct sim *sim);
void sim_net_done(struct sim *sim);

/* check.c */
void sim_check_stored(struct sim *sim, const struct rk_entry *entry, uint64_t before_term);
void sim_check_applied(struct sim *sim, struct sim_node *node, const struct rk_entry *entry);
void sim_check_leader(struct sim *sim, struct sim_node *node);
void sim_checks_new(struct sim *sim);
void sim_checks_done(struct sim *sim);

/* damage.c */
void sim_damage_turn(struct sim *sim);
bool sim_node_holds_something(const struct sim_node *node); /* on its disk: it is not new */

/* backup.c */
void sim_backup(struct sim *sim, struct sim_node *node);

/* clients.c */
struct sim_clients *sim_clients_new(struct sim *sim);
struct sim_clients *sim_clients_free(struct sim_clients *clients);
void sim_clients_turn(struct sim *sim, struct sim_node *node);
void sim_client_wrote(struct sim *sim, struct sim_node *node, void *client, uint64_t request,
		      int err, int code, struct rk_span answer);
void sim_client_may_read(struct sim *sim, struct sim_node *node, void *client, uint64_t request,
			 int err);
/* An entry, here. */
void sim_clients_applied(struct sim *sim, struct sim_node *node, const struct rk_entry *entry);
void sim_clients_node_died(struct sim *sim, struct sim_node *node);
void sim_clients_check(struct sim *sim); /* at the end */

/* sim.c */
struct sim_node *sim_leader(struct sim *sim); /* of the newest term; NULL: none */

#endif
