/* Disks that lose or change what they were given. There is a limit to what can be survived, and so to what is done
 * here: an entry is damaged on one member only, as the members' numbers and its index have it; and a member loses more
 * than single entries only while all the others are whole. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "control/snapshots_io.h"
#include "raft/frame.h"
#include "raft/snapshot_io.h"
#include "raft/walsalvage_io.h"
#include "sim/inner.h"

#define ATLAS_RUN 16 /* entries in a row that may be damaged on the same member */
#define CALM_MS   3000
#define DOOM_MS   300
#define SEEN_MS   400 /* then the others have heard what it held since */

/* A term or an entry: or it would be taken for a member whose disk was replaced. */
static bool says_something(struct rk_span body)
{
	struct rk_reader reader = rk_reader_of(body);
	struct rk_record record;

	while (rk_record_next(&reader, &record) == 1)
		if (record.kind == RK_RECORD_ENTRY || record.kind == RK_RECORD_RESET ||
		    (record.kind == RK_RECORD_HARD && record.hard.term > 0) ||
		    (record.kind == RK_RECORD_HEAD && record.head.hard.term > 0))
			return true;
	return false;
}

bool sim_node_holds_something(const struct sim_node *node)
{
	const char *name;
	struct rk_span bytes, body;

	for (size_t i = 0; sim_disk_file(node->disk, SIM_DIR_LOG, i, &name, &bytes); i++) {
		struct rk_frames frames = rk_frames_of(bytes);
		if (strstr(name, ".wal") == NULL || strstr(name, ".tmp") != NULL)
			continue;
		while (rk_frames_next(&frames, &body) == 1)
			if (says_something(body))
				return true;
	}
	return false;
}

static void note_bad(void *context, const char *segment, size_t from, size_t to)
{
	(void)segment;
	(void)from;
	(void)to;
	*(bool *)context = true;
}

/* Everything on it is as it was written, also what is not needed now. */
static bool is_whole(const struct sim_node *node)
{
	struct sim_disk_counts counts = { 0 };
	struct sim_disk *copy = sim_disk_copy(node->disk, &counts);
	struct rk_vfs *snapshots = sim_disk_dir(copy, SIM_DIR_SNAPSHOTS);
	bool is_bad = false;
	const struct rk_salvage salvage = { .context = &is_bad, .damage = note_bad };
	const char *name;
	struct rk_span bytes;

	for (size_t i = 0; sim_disk_file(copy, SIM_DIR_LOG, i, &name, &bytes); i++)
		if (strstr(name, ".wal") != NULL && name[16] == '.' && name[20] == 0)
			rk_salvage_segment(&salvage, name, bytes, false);
	for (size_t i = 0; sim_disk_file(copy, SIM_DIR_SNAPSHOTS, i, &name, &bytes); i++) {
		struct rk_snapshot_reader *reader = NULL;
		struct rk_snapshot_meta meta;
		int more = 1;
		if (strstr(name, ".snap") == NULL || name[21] != 0)
			continue;
		if (rk_snapshot_open(&reader, snapshots, (struct rk_cluster_id){ 1, 2 },
				     strtoull(name, NULL, 16), &meta, NULL) < 0)
			more = RK_ECORRUPT;
		while (more == 1)
			more = rk_snapshot_read(reader, &bytes, NULL);
		(void)rk_snapshot_close(reader);
		is_bad |= more < 0;
	}
	(void)rk_vfs_close(snapshots);
	(void)sim_disk_free(copy);
	return !is_bad;
}

static void note_whole(struct sim *sim, struct sim_node *node)
{
	struct rk_raft_status status;

	if (node->latent && !node->damaged && node->up && sim_roll(sim, 40) == 0)
		node->latent = !is_whole(node);

	if (!node->up || !node->damaged || node->doomed_ms != 0)
		return;
	rk_raft_status(node->raft, &status);
	/* The disk must know it too. */
	node->damaged = status.doubt != RK_DOUBT_NONE || status.holes > 0 || node->jobs_count > 0;
	node->lost = node->lost && node->damaged;
	if (!node->damaged) /* nothing was read where it would have shown */
		sim_disk_misdirect_read(node->disk, false);
}

/* Single entries, as long as the others have them. */
static bool may_have_holes(const struct sim *sim, const struct sim_node *node)
{
	if (sim->params.change != 0 || sim->params.nodes - sim->params.spares < 3)
		return false;
	for (uint32_t i = 1; i <= sim->params.nodes; i++)
		if (&sim->nodes[i] != node && (sim->nodes[i].lost || sim->nodes[i].latent ||
					       !sim_node_holds_something(&sim->nodes[i])))
			return false;
	return true;
}

/* Beyond single entries: all the others hold everything that they ever held. */
static bool may_lose(const struct sim *sim, const struct sim_node *node)
{
	if (sim->params.change != 0 || sim->params.nodes < 3)
		return false;
	for (uint32_t i = 1; i <= sim->params.nodes; i++) {
		const struct sim_node *other = &sim->nodes[i];
		if (!sim_node_holds_something(other) || (other != node && (other->damaged || other->latent)))
			return false;
	}
	return !node->damaged;
}

struct outcome {
	bool starts, is_lost, is_other_members_turn;
	struct rk_error error;
	size_t holes;
};

/* What a start from this disk would find; on a copy, since a start repairs. */
static struct outcome try_start(struct sim *sim, struct sim_node *node)
{
	struct sim_disk_counts counts = { 0 };
	struct sim_disk *copy = sim_disk_copy(node->disk, &counts);
	struct rk_vfs *snapshots = sim_disk_dir(copy, SIM_DIR_SNAPSHOTS);
	struct outcome outcome = { 0 };
	struct rk_store *store = NULL;
	struct rk_snapshot_meta meta = { 0 };
	struct rk_error damage = { 0 };
	struct rk_wal_found found = { 0 };
	struct rk_wal *wal = NULL;
	const int err = rk_snapshot_recover(snapshots, sim->cluster, true,
					    node->is_witness ? NULL : &store, &meta, &damage,
					    &outcome.error);
	const struct rk_wal_opts opts = sim_node_wal_opts(sim, node, copy, meta.index);

	outcome.starts = (err >= 0 || err == RK_ENOENT) &&
			 rk_wal_open(&wal, &opts, &found, &outcome.error) == RK_OK;
	outcome.is_lost = found.base_index > meta.index || found.hard.commit == RK_COMMIT_FORGOTTEN;
	for (size_t i = 0; i < found.count; i++) {
		const struct rk_entry *entry = &found.entries[i];
		if (entry->kind != RK_ENTRY_LOST || entry->index <= meta.index)
			continue;
		outcome.holes++;
		outcome.is_other_members_turn |=
			entry->index / ATLAS_RUN % sim->params.nodes != node->id - 1;
	}
	(void)rk_store_free(store);
	rk_wal_found_done(&found);
	(void)rk_wal_close(wal);
	(void)rk_vfs_close(snapshots);
	(void)sim_disk_free(copy);
	return outcome;
}

/* A place in a frame of a segment. */
static bool draw_place(struct sim *sim, struct sim_node *node, const char **ret_name, size_t *ret_at)
{
	struct rk_span bytes, body;
	size_t count = 0, starts[256];

	for (int tries = 0; tries < 8; tries++) {
		if (!sim_disk_file(node->disk, SIM_DIR_LOG, sim_roll(sim, 8), ret_name, &bytes) ||
		    strstr(*ret_name, ".wal") == NULL || bytes.size < 4096)
			continue;
		struct rk_frames frames = rk_frames_of(bytes);
		for (count = 0; count < RK_COUNT(starts); count++) {
			starts[count] = frames.at;
			if (rk_frames_next(&frames, &body) != 1)
				break;
		}
		if (count == 0)
			continue;
		*ret_at = starts[sim_roll(sim, count)] + sim_roll(sim, 120);
		return *ret_at < bytes.size;
	}
	return false;
}

static void harm_log(struct sim *sim, struct sim_node *node)
{
	const char *name;
	size_t at;

	if (!draw_place(sim, node, &name, &at))
		return;
	if (sim_roll(sim, 3) == 0) {
		if (sim_disk_make_unreadable(node->disk, SIM_DIR_LOG, name, at))
			sim_count(sim, SIM_UNREADABLE);
		return;
	}
	for (uint64_t i = 0, n = 1 + sim_roll(sim, 3); i < n; i++)
		if (sim_disk_rot(node->disk, SIM_DIR_LOG, name, at + sim_roll(sim, 40)))
			sim_count(sim, SIM_ROT_LOG);
}

static void harm_other(struct sim *sim, struct sim_node *node)
{
	const enum sim_dir dir = sim_roll(sim, 2) == 0 ? SIM_DIR_SNAPSHOTS : SIM_DIR_LOG;
	const char *name;
	struct rk_span bytes;

	if (!sim_disk_file(node->disk, dir, sim_roll(sim, dir == SIM_DIR_LOG ? 2 : 4), &name, &bytes) ||
	    bytes.size == 0 || strstr(name, ".wal") != NULL)
		return;
	const bool is_vote = dir == SIM_DIR_LOG;
	if (sim_disk_rot(node->disk, dir, name, sim_roll(sim, is_vote ? 29 : bytes.size)))
		sim_count(sim, is_vote ? SIM_ROT_VOTE : SIM_ROT_SNAPSHOT);
}

/* Of a disk at rest. What would be too much is taken back. */
static void harm(struct sim *sim, struct sim_node *node)
{
	struct sim_disk *before = sim_disk_copy(node->disk, &sim->disk_counts);
	uint64_t counts[SIM_COUNT_LAST];

	memcpy(counts, sim->result->counts, sizeof counts);
	if (sim_roll(sim, 4) == 0)
		harm_other(sim, node);
	else
		harm_log(sim, node);
	const struct outcome outcome = try_start(sim, node);
	const bool may = outcome.starts &&
			 ((!outcome.is_lost && outcome.holes > 0 && !outcome.is_other_members_turn &&
			   may_have_holes(sim, node)) ||
			  may_lose(sim, node));
	if (!outcome.starts)
		sim_fail(sim, "member %u would not start from its damaged disk: %s", node->id,
			 outcome.error.text);
	if (!may) {
		memcpy(sim->result->counts, counts, sizeof counts);
		(void)sim_disk_free(node->disk);
		node->disk = before;
		return;
	}
	(void)sim_disk_free(before);
	node->latent = true;
	node->damaged |= outcome.is_lost || outcome.holes > 0;
	node->lost |= outcome.is_lost || outcome.is_other_members_turn;
	sim_note(sim, "%u: damaged, %zu holes%s", node->id, outcome.holes,
		 outcome.is_lost ? ", memory lost" : "");
}

static bool others_are_up(const struct sim *sim, const struct sim_node *node, uint64_t since_ms)
{
	for (uint32_t i = 1; i <= sim->params.nodes; i++)
		if (&sim->nodes[i] != node &&
		    (!sim->nodes[i].up || sim->nodes[i].up_since_ms > since_ms))
			return false;
	return true;
}

/* Nothing else happens for a while: what is not on a disk any more is noticed only as long as those that saw it remember
 * it, and can be heard (raft/raft.h). */
static void calm(struct sim *sim, uint64_t ms)
{
	sim->calm_until_ms = sim->now_ms + ms;
	sim->flapping = false;
	memset(sim->cut, 0, sizeof sim->cut);
	memset(sim->clogged_until_ms, 0, sizeof sim->clogged_until_ms);
	for (uint32_t i = 1; i <= sim->params.nodes; i++) {
		sim->nodes[i].asleep_until_ms = sim->nodes[i].disk_until_ms = 0;
		sim->nodes[i].die_in = 0;
		if (sim->nodes[i].up) {
			sim_disk_errors(sim->nodes[i].disk, 0, 0);
			sim_disk_crash_in(sim->nodes[i].disk, 0);
		}
	}
}

/* The next write goes astray, and soon after the process starts anew and finds out, or does not. */
static void misdirect(struct sim *sim, struct sim_node *node)
{
	if (!node->up || !may_lose(sim, node) || !others_are_up(sim, node, sim->now_ms))
		return;
	calm(sim, CALM_MS + DOOM_MS);
	if (sim_roll(sim, 2) == 0)
		sim_disk_misdirect_write(node->disk);
	else
		sim_disk_lose_write(node->disk);
	sim_note(sim, "%u: the next write goes astray", node->id);
	node->damaged = node->lost = true;
	node->doomed_ms = sim->now_ms + 1 + sim_roll(sim, DOOM_MS);
}

/* What the next start reads comes from elsewhere. It may hide the end of the log, which is then cut like one that was
 * torn: as after a roll-back, only those that saw more know. */
static void misread(struct sim *sim, struct sim_node *node)
{
	const bool may = node->up && may_lose(sim, node) && sim->now_ms > SEEN_MS &&
			 others_are_up(sim, node, sim->now_ms - SEEN_MS);

	sim_node_crash(sim, node);
	if (!may || !may_lose(sim, node))
		return;
	calm(sim, CALM_MS);
	sim_disk_misdirect_read(node->disk, true);
	node->damaged = node->lost = true;
	sim_node_start(sim, node);
}

static void damage(struct sim *sim, struct sim_node *node)
{
	const uint64_t kind = sim_roll(sim, 8);

	if (kind == 0) {
		misdirect(sim, node);
		return;
	}
	if (kind == 1) {
		misread(sim, node);
		return;
	}
	sim_node_crash(sim, node);
	for (uint64_t i = 0, n = 1 + sim_roll(sim, 4); i < n; i++)
		harm(sim, node);
}

static void wipe(struct sim *sim, struct sim_node *node)
{
	if (!may_lose(sim, node))
		return;
	sim_node_crash(sim, node);
	if (!may_lose(sim, node)) /* the crash may have left it less than it had */
		return;
	sim_count(sim, SIM_WIPES);
	sim_note(sim, "%u: wiped", node->id);
	sim_disk_wipe(node->disk);
	node->damaged = node->lost = true;
}

static void roll_back(struct sim *sim, struct sim_node *node)
{
	if (node->kept == NULL || sim->now_ms - node->kept_ms < SEEN_MS || !may_lose(sim, node))
		return;
	if (!others_are_up(sim, node, node->kept_ms))
		return;
	sim_node_crash(sim, node);
	sim_count(sim, SIM_ROLL_BACKS);
	sim_note(sim, "%u: rolled back to %llu ms", node->id, (unsigned long long)node->kept_ms);
	(void)sim_disk_free(node->disk);
	node->disk = rk_take_ptr(node->kept);
	node->damaged = node->lost = true;
	calm(sim, CALM_MS);
	sim_node_start(sim, node);
}

static void keep(struct sim *sim, struct sim_node *node)
{
	if (node->damaged || !sim_node_holds_something(node))
		return;
	if (node->kept != NULL)
		(void)sim_disk_free(node->kept);
	node->kept = sim_disk_copy(node->disk, &sim->disk_counts);
	node->kept_ms = sim->now_ms;
}

void sim_damage_turn(struct sim *sim)
{
	struct sim_node *node = &sim->nodes[1 + sim_roll(sim, sim->params.nodes)];

	for (uint32_t i = 1; i <= sim->params.nodes; i++) {
		note_whole(sim, &sim->nodes[i]);
		if (sim->nodes[i].doomed_ms != 0 && sim->now_ms >= sim->nodes[i].doomed_ms) {
			sim->nodes[i].doomed_ms = 0;
			sim->nodes[i].latent = true;
			sim_node_crash(sim, &sim->nodes[i]);
			sim_node_start(sim, &sim->nodes[i]);
		}
	}
	if (sim->params.nodes > 1 && sim_strikes(sim, sim->params.damage))
		damage(sim, node);
	if (sim_strikes(sim, sim->params.wipe))
		wipe(sim, node);
	if (sim_strikes(sim, sim->params.roll_back * 10))
		keep(sim, node);
	if (sim_strikes(sim, sim->params.roll_back))
		roll_back(sim, node);
}
