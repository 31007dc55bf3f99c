/* sim/sim.h - a whole cluster in one thread under virtual time: the real core, log, snapshots and machine, on simulated
 * disks and a simulated network, every choice from one seed.
 *
 * A run has two phases. In the first, faults as the seed drew them; safety is checked at every step. Then all is
 * healed, and the cluster must make progress and agree. At the end the clients' histories are checked. */
#ifndef RK_SIM_SIM_H
#define RK_SIM_SIM_H

#include <stdbool.h>
#include <stdint.h>

#define SIM_NODES_MAX 7

/* What a run draws from its seed. Rates are in a million turns of SIM_TURN_MS, or of operations of the kind. */
#define SIM_TURN_MS 5
struct sim_params {
	uint64_t seed;
	uint32_t nodes, learners, spares; /* spares: of the nodes, the last ones: no members at first */
	uint32_t witnesses; /* a bit for each node that is one, for life; 1 << id */
	uint32_t clients, keys, watchers;
	uint32_t busy_percent; /* chance that a client that waits for nothing asks in its turn */
	uint32_t fault_ms;     /* how long the first phase is */
	bool lease_reads;
	uint32_t snapshot_every, segment_bytes, trailing, append_bytes;
	/* network */
	uint32_t loss, duplicate, corrupt;
	uint32_t delay_max_ms;
	uint32_t partition, clog;
	/* processes and clocks */
	uint32_t crash, leader_crash, io_crash, memory, pause;
	uint32_t clock_step, clock_freeze, drift_percent;
	/* disks */
	uint32_t disk_max_ms;
	uint32_t disk_freeze, disk_full;
	uint32_t write_error, sync_error;
	uint32_t damage; /* rot, unreadable sectors, misdirected and lost writes, misdirected reads */
	uint32_t wipe, roll_back;
	/* administrators */
	uint32_t transfer, change, compact, backup;
	bool heals_quorum_only; /* at first: the others stay down until there was progress without them */
};

/* What happened, by name: each fault that is promised is counted. */
#define SIM_COUNTS(each)                                                                           \
	each(TURNS, "turns of members") each(COMMITS, "entries committed")                        \
	each(WRITES, "writes answered") each(READS, "reads answered")                             \
	each(UNKNOWN, "requests without an answer") each(EVENTS, "events watched")                \
	each(ELECTIONS, "elections") each(TRANSFERS, "leadership transfers")                      \
	each(YIELDS, "leaders that gave way because of their disk")                               \
	each(CHANGES, "changes of members") each(COMPACTIONS, "compactions")                      \
	each(SNAPSHOTS, "snapshots taken") each(INSTALLS, "snapshots installed")                  \
	each(MARKS, "snapshots noted by witnesses") each(WITNESS_LEADS, "elections of witnesses") \
	each(BACKUPS, "back-ups read and replayed")                                               \
	each(QUORUMS, "quorums that went on alone")                                               \
	each(CRASHES, "crashes") each(IO_CRASHES, "crashes in the midst of a disk operation")     \
	each(MEMORY, "crashes because memory was refused") each(PAUSES, "pauses")                 \
	each(LOST, "messages lost") each(DUPLICATED, "messages doubled")                          \
	each(CORRUPTED, "messages corrupted") each(REORDERED, "messages overtaken")               \
	each(CLOGS, "links clogged") each(PARTITIONS_WHOLE, "partitions in two")                  \
	each(PARTITIONS_ONE_WAY, "partitions one way") each(PARTITIONS_RING, "partitions into a ring")  \
	each(PARTITIONS_BRIDGE, "partitions with a bridge")                                       \
	each(PARTITIONS_LINKS, "partitions of single links") each(FLAPS, "links that flapped")    \
	each(CLOCK_STEPS, "clock steps") each(CLOCK_FREEZES, "clock freezes")                     \
	each(CLOCK_DRIFTS, "clocks that drift") each(DISK_FREEZES, "disks frozen")                \
	each(DISK_FULL, "disks full") each(TORN, "torn writes")                                   \
	each(LOST_SECTORS, "unsynced sectors lost") each(LOST_NAMES, "unsynced names lost")       \
	each(WRITE_ERRORS, "failed writes") each(SYNC_ERRORS, "failed syncs")                     \
	each(READ_ERRORS, "failed reads") each(ROT_LOG, "rotten bytes in logs")                   \
	each(ROT_SNAPSHOT, "rotten bytes in snapshots") each(ROT_VOTE, "rotten votes")            \
	each(UNREADABLE, "unreadable sectors") each(MISDIRECTED_WRITES, "misdirected writes")     \
	each(MISDIRECTED_READS, "misdirected reads") each(LOST_WRITES, "writes that never were")  \
	each(WIPES, "disks wiped") each(ROLL_BACKS, "disks rolled back")                          \
	each(HOLES, "entries lost by damage and fetched back") each(AMNESIA, "members without memory")

enum sim_count {
#define SIM_ONE(name, text) SIM_##name,
	SIM_COUNTS(SIM_ONE)
#undef SIM_ONE
		SIM_COUNT_LAST
};
const char *sim_count_name(enum sim_count count);

struct sim_result {
	uint64_t virtual_ms;
	uint64_t counts[SIM_COUNT_LAST];
	char failure[512]; /* "" when all was well */
};

/* Swarm: each seed draws its own kind of trouble. */
void sim_params_draw(uint64_t seed, struct sim_params *ret);
/* One run. True when it was good. `trace`: says on stderr what happens. */
bool sim_run(const struct sim_params *params, bool trace, struct sim_result *ret);

#endif
