/* What Raft promises, looked at in every step: Raft paper, figure 3. */
#include <stdlib.h>

#include "base/mem.h"
#include "raft/membership.h"
#include "sim/inner.h"

static uint64_t payload_hash(const struct rk_entry *entry)
{
	return rk_hash64(rk_blob_span(entry->payload), (uint64_t)entry->kind);
}

static bool is_beyond(struct sim *sim, uint64_t index)
{
	if (index < SIM_INDEX_MAX)
		return false;
	sim_fail(sim, "entry %llu: the run is too long for its tables", (unsigned long long)index);
	return true;
}

/* Log Matching (section 5.3): an (index, term) names one entry, and one before it. */
void sim_check_stored(struct sim *sim, const struct rk_entry *entry, uint64_t before_term)
{
	const uint64_t hash = payload_hash(entry);

	if (is_beyond(sim, entry->index))
		return;
	struct sim_seen **list = &sim->seen[entry->index];
	for (uint32_t i = 0; i < sim->seen_count[entry->index]; i++) {
		if ((*list)[i].term != entry->term)
			continue;
		if ((*list)[i].hash != hash ||
		    (before_term != 0 && (*list)[i].before_term != 0 &&
		     (*list)[i].before_term != before_term))
			sim_fail(sim, "log matching: entry %llu of term %llu differs",
				 (unsigned long long)entry->index, (unsigned long long)entry->term);
		return;
	}
	*list = rk_realloc(*list, (sim->seen_count[entry->index] + 1) * sizeof **list);
	(*list)[sim->seen_count[entry->index]++] =
		(struct sim_seen){ entry->term, before_term, hash };
}

/* What was begun, seen to its end. */
static void note_config(struct sim *sim, const struct rk_entry *entry)
{
	struct rk_config config;

	if (rk_config_decode(rk_blob_span(entry->payload), &config) < 0)
		sim_fail(sim, "entry %llu is no configuration", (unsigned long long)entry->index);
	else if (!rk_membership_is_changing(&config))
		sim_count(sim, SIM_CHANGES);
}

/* State Machine Safety (section 5.4.3), and the same state everywhere. */
void sim_check_applied(struct sim *sim, struct sim_node *node, const struct rk_entry *entry)
{
	const uint64_t hash = payload_hash(entry), i = entry->index;
	const uint64_t state = rk_store_hash(rk_machine_store(node->machine)).low;

	struct rk_raft_status status;
	if (is_beyond(sim, i))
		return;
	if (i != node->applied + 1) {
		sim_fail(sim, "member %u applies %llu after %llu", node->id, (unsigned long long)i,
			 (unsigned long long)node->applied);
		return;
	}
	if (sim->applied_term[i] == 0) {
		sim->applied_term[i] = entry->term;
		sim->applied_hash[i] = hash;
		sim->applied_state[i] = state;
		rk_raft_status(node->raft, &status);
		sim->applied_in[i] = status.term;
		sim_count(sim, SIM_COMMITS);
		if (entry->kind == RK_ENTRY_CONFIG)
			note_config(sim, entry);
	} else if (sim->applied_term[i] != entry->term || sim->applied_hash[i] != hash) {
		sim_fail(sim, "state machine safety: member %u applies another entry %llu", node->id,
			 (unsigned long long)i);
	} else if (sim->applied_state[i] != state) {
		sim_fail(sim, "member %u has another state at %llu", node->id,
			 (unsigned long long)i);
	}
	node->applied = i;
	node->since_snapshot++;
	sim->applied_max = RK_MAX(sim->applied_max, i);
	sim_clients_applied(sim, node, entry);
	rk_raft_digest(node->raft, i, state);
}

/* Leader Completeness (section 5.4). */
static void check_complete(struct sim *sim, const struct sim_node *node,
			   const struct rk_raft_status *status)
{
	for (uint64_t i = status->first_index; i <= sim->applied_max; i++) {
		const struct rk_entry *entry = rk_raft_entry(node->raft, i);
		if (sim->applied_term[i] == 0 || sim->applied_in[i] >= status->term)
			continue; /* an old one may come late, and can commit nothing */
		if (entry == NULL || entry->term != sim->applied_term[i]) {
			sim_fail(sim,
				 "leader completeness: member %u leads term %llu without entry %llu",
				 node->id, (unsigned long long)status->term, (unsigned long long)i);
			return;
		}
	}
}

/* Election Safety (section 5.2). */
void sim_check_leader(struct sim *sim, struct sim_node *node)
{
	struct rk_raft_status status;

	rk_raft_status(node->raft, &status);
	const bool leads = status.role == RK_RAFT_LEADER;
	const bool is_news = leads && !(node->was_leader && node->was_term == status.term);
	node->was_leader = leads;
	node->was_term = status.term;
	if (!is_news)
		return;
	sim_count(sim, SIM_ELECTIONS);
	sim->result->counts[SIM_WITNESS_LEADS] += node->is_witness;
	sim_note(sim, "%u: leads term %llu, log to %llu", node->id, (unsigned long long)status.term,
		 (unsigned long long)status.last_index);
	if (status.term >= SIM_TERMS_MAX) {
		sim_fail(sim, "term %llu", (unsigned long long)status.term);
		return;
	}
	if (sim->leaders[status.term] != 0)
		sim_fail(sim, "election safety: members %u and %u lead term %llu", node->id,
			 (unsigned)sim->leaders[status.term], (unsigned long long)status.term);
	sim->leaders[status.term] = node->id;
	if (status.holes > 0)
		sim_fail(sim, "member %u leads term %llu with damaged entries", node->id,
			 (unsigned long long)status.term);
	check_complete(sim, node, &status);
}

void sim_checks_new(struct sim *sim)
{
	sim->applied_hash = rk_zalloc(SIM_INDEX_MAX * sizeof *sim->applied_hash);
	sim->applied_term = rk_zalloc(SIM_INDEX_MAX * sizeof *sim->applied_term);
	sim->applied_state = rk_zalloc(SIM_INDEX_MAX * sizeof *sim->applied_state);
	sim->applied_in = rk_zalloc(SIM_INDEX_MAX * sizeof *sim->applied_in);
	sim->seen = rk_zalloc(SIM_INDEX_MAX * sizeof *sim->seen);
	sim->seen_count = rk_zalloc(SIM_INDEX_MAX * sizeof *sim->seen_count);
}

void sim_checks_done(struct sim *sim)
{
	for (size_t i = 0; i < SIM_INDEX_MAX; i++)
		free(sim->seen[i]);
	free(sim->seen);
	free(sim->seen_count);
	free(sim->applied_hash);
	free(sim->applied_term);
	free(sim->applied_state);
	free(sim->applied_in);
}
