/* Back-ups of a running member: what is on its disk gives, on another machine, the state that the cluster had. */
#include "base/mem.h"
#include "control/snapshots_io.h"
#include "sim/inner.h"

/* Applies what the log on the disk calls committed. False: it does not go on from the state. */
static bool replay(struct sim *sim, struct rk_machine *machine, const struct rk_wal_found *found)
{
	struct rk_store *store = rk_machine_store(machine);

	for (size_t i = 0; i < found->count; i++) {
		const struct rk_entry *entry = &found->entries[i];
		struct rk_applied applied;
		if (entry->index <= rk_store_index(store))
			continue;
		if (entry->index > found->hard.commit || entry->kind == RK_ENTRY_LOST)
			break;
		if (entry->index != rk_store_index(store) + 1)
			return false;
		if (entry->kind != RK_ENTRY_NORMAL) {
			rk_machine_skip(machine, entry->index, entry->time_ms);
			continue;
		}
		rk_machine_apply(machine, entry->index, entry->time_ms,
				 rk_blob_span(entry->payload), false, &applied);
		rk_applied_done(&applied);
	}
	sim_note(sim, "a back-up to entry %llu", (unsigned long long)rk_store_index(store));
	return true;
}

static void check(struct sim *sim, const struct sim_node *node, const struct rk_store *store)
{
	const uint64_t index = rk_store_index(store);

	if (index > 0 && index < SIM_INDEX_MAX && sim->applied_term[index] != 0 &&
	    sim->applied_state[index] != rk_store_hash(store).low)
		sim_fail(sim, "a back-up of member %u has another state at %llu", node->id,
			 (unsigned long long)index);
}

void sim_backup(struct sim *sim, struct sim_node *node)
{
	struct sim_disk_counts counts = { 0 };
	struct sim_disk *copy = sim_disk_copy(node->disk, &counts);
	struct rk_vfs *snapshots = sim_disk_dir(copy, SIM_DIR_SNAPSHOTS);
	struct rk_store *store = NULL;
	struct rk_snapshot_meta meta = { 0 };
	struct rk_error damage = { 0 };
	struct rk_wal_found found = { 0 };
	struct rk_wal *wal = NULL;
	const int err = rk_snapshot_recover(snapshots, sim->cluster, true, &store, &meta, &damage, NULL);
	const struct rk_wal_opts opts = sim_node_wal_opts(sim, node, copy, meta.index);

	if (rk_wal_open(&wal, &opts, &found, NULL) == RK_OK &&
	    found.hard.commit != RK_COMMIT_FORGOTTEN && found.base_index <= meta.index) {
		struct rk_machine *machine = err == RK_OK
						     ? rk_machine_of(sim->kinds, rk_take_ptr(store))
						     : rk_machine_new(sim->kinds);
		if (!replay(sim, machine, &found))
			sim_fail(sim, "a back-up of member %u has a gap", node->id);
		check(sim, node, rk_machine_store(machine));
		sim_count(sim, SIM_BACKUPS);
		(void)rk_machine_free(machine);
	}
	(void)rk_store_free(store);
	rk_wal_found_done(&found);
	(void)rk_wal_close(wal);
	(void)rk_vfs_close(snapshots);
	(void)sim_disk_free(copy);
}
