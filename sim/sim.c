#include "sim/sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "control/schema/kinds.h"
#include "raft/membership.h"
#include "sim/inner.h"

#define HEAL_MS 30000 /* so long may a healed cluster take to go on */

const char *sim_count_name(enum sim_count count)
{
	static const char *const names[] = {
#define SIM_ONE(name, text) text,
		SIM_COUNTS(SIM_ONE)
#undef SIM_ONE
	};

	return names[count];
}

void sim_fail(struct sim *sim, const char *format, ...)
{
	va_list arguments;

	if (sim_failed(sim))
		return;
	va_start(arguments, format);
	(void)vsnprintf(sim->result->failure, sizeof sim->result->failure, format, arguments);
	va_end(arguments);
	sim_note(sim, "FAILED: %s", sim->result->failure);
}

void sim_note(struct sim *sim, const char *format, ...)
{
	va_list arguments;

	if (!sim->trace)
		return;
	(void)fprintf(stderr, "%8llu ms  ", (unsigned long long)sim->now_ms);
	va_start(arguments, format);
	(void)vfprintf(stderr, format, arguments);
	va_end(arguments);
	(void)fputc('\n', stderr);
}

/* --- what the seed draws --- */

static uint32_t one_of(struct sim_dice *dice, const uint32_t *choices, size_t count)
{
	return choices[sim_below(dice, count)];
}
#define ONE_OF(dice, ...)                                                                          \
	one_of(dice, (const uint32_t[]){ __VA_ARGS__ },                                            \
	       sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))

static void draw_disks(struct sim_dice *dice, struct sim_params *params)
{
	params->disk_max_ms = ONE_OF(dice, 0, 5, 25, 75);
	params->disk_freeze = ONE_OF(dice, 0, 0, 500, 2000);
	params->disk_full = ONE_OF(dice, 0, 0, 300, 1000);
	params->write_error = ONE_OF(dice, 0, 0, 0, 2000);
	params->sync_error = ONE_OF(dice, 0, 0, 2000, 20000);
	params->damage = ONE_OF(dice, 0, 0, 1000, 4000);
	params->wipe = ONE_OF(dice, 0, 0, 0, 1500);
	params->roll_back = ONE_OF(dice, 0, 0, 0, 500);
	params->segment_bytes = ONE_OF(dice, 16384, 32768, 65536);
	params->snapshot_every = ONE_OF(dice, 0, 40, 100, 400);
	params->trailing = ONE_OF(dice, 4, 16, 64);
	params->append_bytes = ONE_OF(dice, 1, 4096, 4096); /* 1: each entry in a message of its own */
}

static void draw_world(struct sim_dice *dice, struct sim_params *params)
{
	params->loss = ONE_OF(dice, 0, 0, 20000, 100000, 300000);
	params->duplicate = ONE_OF(dice, 0, 0, 150000, 300000);
	params->corrupt = ONE_OF(dice, 0, 0, 5000, 50000);
	params->delay_max_ms = ONE_OF(dice, 1, 10, 20, 60);
	params->partition = ONE_OF(dice, 0, 0, 3000, 10000);
	params->clog = ONE_OF(dice, 0, 0, 3000);
	params->crash = ONE_OF(dice, 0, 2000, 5000, 15000);
	params->leader_crash = ONE_OF(dice, 0, 0, 5000, 30000);
	params->io_crash = ONE_OF(dice, 0, 100000, 500000);
	params->memory = ONE_OF(dice, 0, 0, 2000);
	params->pause = ONE_OF(dice, 0, 0, 1000, 3000);
	params->clock_step = ONE_OF(dice, 0, 0, 2000);
	params->drift_percent = ONE_OF(dice, 0, 0, 5, 10);
	params->transfer = ONE_OF(dice, 0, 0, 3000);
	params->compact = ONE_OF(dice, 0, 2000, 10000);
	params->backup = ONE_OF(dice, 0, 200, 1000);
}

/* Fewer than full voters; a spare may be one too. */
static void draw_witnesses(struct sim_dice *dice, struct sim_params *params)
{
	const uint32_t members = params->nodes - params->spares;
	const uint32_t voters = members - params->learners;

	if (voters < 3 || sim_below(dice, 4) != 0)
		return;
	params->witnesses = 1u << (1 + sim_below(dice, voters));
	if (voters > 4 && sim_below(dice, 2) == 0)
		params->witnesses |= 1u << (1 + sim_below(dice, voters));
	if (params->spares > 0 && sim_below(dice, 3) == 0)
		params->witnesses |= 1u << params->nodes;
}

void sim_params_draw(uint64_t seed, struct sim_params *ret)
{
	struct sim_dice dice = sim_dice_of(seed ^ UINT64_C(0x736565645f6f6e65));

	*ret = (struct sim_params){ .seed = seed };
	ret->nodes = ONE_OF(&dice, 1, 3, 3, 3, 3, 4, 5, 5);
	ret->clients = ONE_OF(&dice, 1, 3, 6, 12);
	ret->keys = ONE_OF(&dice, 1, 3, 10);
	ret->watchers = ONE_OF(&dice, 1, 3, 6);
	ret->busy_percent = ONE_OF(&dice, 5, 30, 100);
	ret->fault_ms = ONE_OF(&dice, 4000, 8000, 15000);
	ret->lease_reads = sim_below(&dice, 2) == 0;
	draw_disks(&dice, ret);
	draw_world(&dice, ret);
	ret->learners = ret->nodes > 3 ? (uint32_t)sim_below(&dice, 2) : 0;
	if (sim_below(&dice, 3) == 0 && ret->nodes <= 5) {
		ret->change = ONE_OF(&dice, 1000, 5000);
		ret->spares = 1 + (uint32_t)sim_below(&dice, 2);
		ret->nodes += ret->spares;
	}
	draw_witnesses(&dice, ret);
	/* A lease trusts that a clock does not stand still while others go on. */
	ret->clock_freeze = ret->lease_reads ? 0 : ONE_OF(&dice, 0, 0, 2000);
	/* Who lost something needs those that have it. */
	ret->heals_quorum_only = ret->nodes >= 3 && ret->change == 0 && ret->damage == 0 &&
				 ret->wipe == 0 && ret->roll_back == 0;
}

/* --- administrators --- */

struct sim_node *sim_leader(struct sim *sim)
{
	struct sim_node *leader = NULL;
	struct rk_raft_status status;
	uint64_t term = 0;

	for (uint32_t i = 1; i <= sim->params.nodes; i++) {
		if (!sim->nodes[i].up)
			continue;
		rk_raft_status(sim->nodes[i].raft, &status);
		if (status.role == RK_RAFT_LEADER && status.term > term) {
			term = status.term;
			leader = &sim->nodes[i];
		}
	}
	return leader;
}

static void add_member(struct rk_config *config, uint32_t id, uint8_t role)
{
	char address[32];

	(void)snprintf(address, sizeof address, "sim:%u", id);
	rk_assert(rk_config_add(config, id, role, address) == RK_OK);
}

static uint8_t any_role(struct sim *sim, uint32_t id)
{
	if (sim->nodes[id].is_witness)
		return RK_MEMBER_VOTER | RK_MEMBER_WITNESS;
	return sim_roll(sim, 3) == 0 ? RK_MEMBER_LEARNER : RK_MEMBER_VOTER;
}

/* Another set of members: one flipped, one exchanged for another, or any set at all. */
static void draw_target(struct sim *sim, const struct rk_config *now, struct rk_config *ret)
{
	const uint32_t one = (uint32_t)(1 + sim_roll(sim, sim->params.nodes));
	const uint32_t other = (uint32_t)(1 + sim_roll(sim, sim->params.nodes));
	const uint64_t shape = sim_roll(sim, 3);

	*ret = (struct rk_config){ 0 };
	for (uint32_t id = 1; id <= sim->params.nodes; id++) {
		const int at = rk_config_find(now, id);
		const uint8_t was = at >= 0 ? now->at[at].role : 0;
		uint8_t role = was;
		if (shape == 2)
			role = sim_roll(sim, 2) == 0 ? any_role(sim, id) : 0;
		else if (id == one || (shape == 1 && id == other))
			role = was == 0 || sim_roll(sim, 4) == 0 ? any_role(sim, id) : 0;
		if (role != 0)
			add_member(ret, id, role);
	}
}

static void administrate(struct sim *sim)
{
	struct sim_node *leader = sim_leader(sim);
	struct rk_config now, target;

	if (leader == NULL)
		return;
	if (sim_strikes(sim, sim->params.leader_crash)) {
		sim_node_crash(sim, leader);
		return;
	}
	if (sim_strikes(sim, sim->params.backup)) {
		struct sim_node *any = &sim->nodes[1 + sim_roll(sim, sim->params.nodes)];
		if (any->up && !any->is_witness)
			sim_backup(sim, any);
	}
	if (sim_strikes(sim, sim->params.transfer) &&
	    rk_raft_transfer(leader->raft, sim_roll(sim, sim->params.nodes + 1)) == RK_OK)
		sim_count(sim, SIM_TRANSFERS);
	if (sim_strikes(sim, sim->params.change)) {
		rk_membership_target(rk_raft_config(leader->raft), &now);
		draw_target(sim, &now, &target);
		if (rk_raft_change(leader->raft, &target, NULL) < 0)
			sim_note(sim, "%u: refuses a change of members", leader->id);
	}
}

/* --- faults of processes, clocks and disks --- */

static void harm_process(struct sim *sim, struct sim_node *node)
{
	if (sim_strikes(sim, sim->params.crash))
		sim_node_crash(sim, node);
	if (node->up && node->die_in == 0 && sim_strikes(sim, sim->params.memory))
		node->die_in = (uint32_t)(1 + sim_roll(sim, 4));
	if (sim_strikes(sim, sim->params.pause)) {
		sim_count(sim, SIM_PAUSES);
		node->asleep_until_ms = sim->now_ms + sim_roll(sim, 1500);
	}
}

static void harm_clock(struct sim *sim, struct sim_node *node)
{
	if (sim_strikes(sim, sim->params.clock_step)) {
		sim_count(sim, SIM_CLOCK_STEPS);
		node->wall_skew_ms = (int64_t)sim_roll(sim, 200000) - 100000;
	}
	if (sim_strikes(sim, sim->params.clock_freeze)) {
		sim_count(sim, SIM_CLOCK_FREEZES);
		sim_node_clock_again(sim, node, node->clock_rate);
		node->clock_frozen_until_ms = sim->now_ms + sim_roll(sim, 1000);
	}
	if (sim->params.drift_percent != 0 && sim_strikes(sim, 1000)) {
		const uint32_t most = sim->params.drift_percent * 10;
		sim_count(sim, SIM_CLOCK_DRIFTS);
		sim_node_clock_again(sim, node,
				     1000 - most + (uint32_t)sim_roll(sim, 2 * most + 1));
	}
}

static void harm_disk(struct sim *sim, struct sim_node *node)
{
	if (sim_strikes(sim, sim->params.disk_freeze)) {
		sim_count(sim, SIM_DISK_FREEZES);
		node->disk_until_ms = sim->now_ms + sim_roll(sim, 2500);
	}
	if (node->up && sim_strikes(sim, sim->params.disk_full)) {
		sim_count(sim, SIM_DISK_FULL);
		sim_disk_set_full(node->disk, true);
	} else if (sim_roll(sim, 200) == 0) {
		sim_disk_set_full(node->disk, false);
	}
}

static void faults(struct sim *sim)
{
	for (uint32_t i = 1; i <= sim->params.nodes && !sim->healed; i++) {
		struct sim_node *node = &sim->nodes[i];
		harm_process(sim, node);
		harm_clock(sim, node);
		harm_disk(sim, node);
		if (!node->up && sim_roll(sim, 100) < 3)
			sim_node_start(sim, node);
	}
	if (!sim->healed)
		sim_damage_turn(sim);
	sim_net_turn(sim);
	administrate(sim);
}

/* --- the run --- */

static void turns(struct sim *sim, uint64_t ms)
{
	const uint64_t end = sim->now_ms + ms;

	while (sim->now_ms < end && !sim_failed(sim)) {
		sim->now_ms += SIM_TURN_MS;
		faults(sim);
		for (uint32_t i = 1; i <= sim->params.nodes && !sim_failed(sim); i++)
			sim_node_turn(sim, &sim->nodes[i]);
	}
}

static void heal_node(struct sim *sim, struct sim_node *node)
{
	node->asleep_until_ms = node->disk_until_ms = node->clock_frozen_until_ms = 0;
	node->die_in = 0;
	sim_node_clock_again(sim, node, 1000);
	sim_disk_set_full(node->disk, false);
	sim_disk_errors(node->disk, 0, 0);
	if (node->up)
		sim_disk_crash_in(node->disk, 0);
	/* A disk that died since the node's last turn: it would notice, and nobody would start it again. */
	if (node->doomed_ms != 0 || sim_disk_is_dead(node->disk))
		sim_node_crash(sim, node);
	node->doomed_ms = 0;
	sim_node_start(sim, node);
}

/* Some majority of the voters; the others are down. `spared` says who stays down. */
static void draw_quorum(struct sim *sim, bool spared[SIM_NODES_MAX + 1])
{
	const uint32_t voters = sim->params.nodes - sim->params.spares - sim->params.learners;
	uint32_t left = (voters - 1) / 2;

	while (left > 0) {
		const uint32_t id = 1 + (uint32_t)sim_roll(sim, voters);
		left -= !spared[id];
		spared[id] = true;
	}
}

static void heal(struct sim *sim, const bool spared[SIM_NODES_MAX + 1])
{
	sim->healed = true;
	sim->flapping = false;
	memset(sim->cut, 0, sizeof sim->cut);
	memset(sim->clogged_until_ms, 0, sizeof sim->clogged_until_ms);
	sim_note(sim, "healed; entry %llu is the newest applied",
		 (unsigned long long)sim->applied_max);
	for (uint32_t i = 1; i <= sim->params.nodes; i++) {
		if (spared[i])
			sim_node_crash(sim, &sim->nodes[i]);
		else
			heal_node(sim, &sim->nodes[i]);
	}
}

/* There is a leader, and every member that is one and is not spared has applied `index`. */
static bool has_caught_up(struct sim *sim, uint64_t index, const bool spared[SIM_NODES_MAX + 1])
{
	const struct sim_node *leader = sim_leader(sim);
	struct rk_raft_status status;

	if (leader == NULL)
		return false;
	for (uint32_t i = 1; i <= sim->params.nodes; i++) {
		if (rk_config_find(rk_raft_config(leader->raft), i) < 0)
			continue;
		if (spared[i])
			continue;
		if (!sim->nodes[i].up)
			return false;
		rk_raft_status(sim->nodes[i].raft, &status);
		if (status.applied_index < index || status.holes > 0)
			return false;
	}
	return true;
}

static void say_config(struct sim *sim, uint32_t node)
{
	const struct rk_config *config = rk_raft_config(sim->nodes[node].raft);

	for (uint32_t i = 0; i < config->count; i++)
		sim_note(sim, "%u: member %llu, roles %x", node, (unsigned long long)config->at[i].id,
			 config->at[i].role);
}

static void say_state(struct sim *sim)
{
	for (uint32_t i = 1; i <= sim->params.nodes && sim->trace; i++) {
		struct rk_raft_status status;
		if (!sim->nodes[i].up) {
			sim_note(sim, "%u: down", i);
			continue;
		}
		rk_raft_status(sim->nodes[i].raft, &status);
		sim_note(sim, "%u: %s of term %llu, leader %llu, log %llu to %llu, committed %llu, applied %llu, %s, %llu holes",
			 i, rk_raft_role_name(status.role), (unsigned long long)status.term,
			 (unsigned long long)status.leader_id, (unsigned long long)status.first_index,
			 (unsigned long long)status.last_index,
			 (unsigned long long)status.commit_index,
			 (unsigned long long)status.applied_index, rk_raft_doubt_name(status.doubt),
			 (unsigned long long)status.holes);
		say_config(sim, i);
	}
}

static void prove_liveness(struct sim *sim, const bool spared[SIM_NODES_MAX + 1])
{
	const uint64_t healed_at = sim->applied_max, until = sim->now_ms + HEAL_MS;

	while (sim->now_ms < until && !sim_failed(sim)) {
		turns(sim, 500);
		if (!sim_failed(sim) && sim->applied_max > healed_at &&
		    has_caught_up(sim, healed_at + 1, spared))
			return;
	}
	say_state(sim);
	sim_fail(sim, "no progress after healing");
}

static void begin(struct sim *sim)
{
	const struct sim_params *params = &sim->params;
	const uint32_t members = params->nodes - params->spares;

	sim->kinds = rk_kinds_new();
	sim->cluster = (struct rk_cluster_id){ 1, 2 };
	sim->now_ms = 1000;
	sim_checks_new(sim);
	for (uint32_t i = 1; i <= params->nodes; i++)
		sim->nodes[i].is_witness = (params->witnesses >> i & 1) != 0;
	for (uint32_t i = 1; i <= members; i++)
		add_member(&sim->config, i,
			   i > members - params->learners ? RK_MEMBER_LEARNER
			   : sim->nodes[i].is_witness     ? RK_MEMBER_VOTER | RK_MEMBER_WITNESS
							  : RK_MEMBER_VOTER);
	sim->clients = sim_clients_new(sim);
	for (uint32_t i = 1; i <= params->nodes; i++) {
		sim->nodes[i].id = i;
		sim->nodes[i].clock_rate = 1000;
		sim->nodes[i].disk = sim_disk_new(&sim->dice, &sim->disk_counts);
		sim_node_start(sim, &sim->nodes[i]);
	}
}

static void end(struct sim *sim)
{
	const struct sim_disk_counts *disks = &sim->disk_counts;
	uint64_t *counts = sim->result->counts;

	sim->result->virtual_ms = sim->now_ms;
	for (uint32_t i = 1; i <= sim->params.nodes; i++) {
		struct sim_node *node = &sim->nodes[i];
		sim_node_crash(sim, node);
		(void)sim_disk_free(node->disk);
		if (node->kept != NULL)
			(void)sim_disk_free(node->kept);
	}
	counts[SIM_TORN] = disks->torn;
	counts[SIM_LOST_SECTORS] = disks->lost_sectors;
	counts[SIM_LOST_NAMES] = disks->lost_names;
	counts[SIM_WRITE_ERRORS] = disks->write_errors;
	counts[SIM_SYNC_ERRORS] = disks->sync_errors;
	counts[SIM_READ_ERRORS] = disks->read_errors;
	counts[SIM_MISDIRECTED_WRITES] = disks->misdirected_writes;
	counts[SIM_MISDIRECTED_READS] = disks->misdirected_reads;
	counts[SIM_LOST_WRITES] = disks->lost_writes;
	counts[SIM_IO_CRASHES] = disks->io_crashes;
	sim->clients = sim_clients_free(sim->clients);
	sim_net_done(sim);
	sim_checks_done(sim);
	(void)rk_kinds_free(sim->kinds);
}

/* What was not healed stays broken for good, as far as the others know. */
static void live(struct sim *sim)
{
	bool spared[SIM_NODES_MAX + 1] = { false };

	bool is_formed = true; /* who is new waits for more than a quorum (raft/doubt.c) */
	for (uint32_t i = 1; i <= sim->params.nodes; i++)
		is_formed = is_formed && !sim->nodes[i].damaged &&
			    sim_node_holds_something(&sim->nodes[i]);
	if (sim->params.heals_quorum_only && is_formed && !sim_failed(sim)) {
		draw_quorum(sim, spared);
		heal(sim, spared);
		prove_liveness(sim, spared);
		sim_count(sim, SIM_QUORUMS);
		memset(spared, 0, sizeof spared);
	}
	heal(sim, spared);
	if (!sim_failed(sim))
		prove_liveness(sim, spared);
}

bool sim_run(const struct sim_params *params, bool trace, struct sim_result *ret)
{
	struct sim *sim = rk_zalloc(sizeof *sim);

	*ret = (struct sim_result){ 0 };
	sim->params = *params;
	sim->result = ret;
	sim->trace = trace;
	sim->dice = sim_dice_of(params->seed);
	begin(sim);
	turns(sim, params->fault_ms);
	live(sim);
	if (!sim_failed(sim))
		sim_clients_check(sim);
	end(sim);
	free(sim);
	return ret->failure[0] == 0;
}
