#include "tests/raft/sim.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"
#include "raft/membership.h"

enum { TURN_MS = 5, INDEX_MAX = 65536, TERMS_MAX = 4096, READS_MAX = 64 };

struct letter {
	struct rk_raft_msg *msg;
	uint64_t due_ms;
	bool is_snapshot; /* a whole snapshot on its way */
};

struct disk { /* what survives a crash */
	struct rk_hard_state hard;
	uint64_t base_index, base_term;
	struct rk_entry *entries;
	size_t count, capacity;
	struct rk_snapshot_meta snapshot;
	uint64_t snapshot_chain;
};

struct job {
	struct rk_persist *persist;
	uint64_t due_ms;
};

struct node {
	uint32_t id;
	bool up;
	uint64_t asleep_until_ms;
	int64_t skew_ms;
	struct rk_raft *raft;
	struct disk disk, kept;
	struct job *jobs;
	size_t jobs_count, jobs_capacity;
	uint64_t compact_to;
	uint64_t applied, chain; /* the machine: a running hash of what was applied */
	uint64_t since_snapshot;
	struct rk_raft_out out;
	uint64_t read_floor[READS_MAX]; /* by context: what a read asked then must see */
	uint64_t read_next;
	bool was_leader;
	uint64_t was_term;
};

struct seen_entry {
	uint64_t term, before_term, hash;
};

struct sim {
	struct sim_opts opts;
	uint64_t rng, now_ms, heal_at_ms;
	bool healed;
	struct node nodes[SIM_NODES_MAX + 1]; /* by id */
	bool cut[SIM_NODES_MAX + 1][SIM_NODES_MAX + 1];
	struct letter *letters;
	size_t letters_count, letters_capacity;
	uint64_t leaders[TERMS_MAX];                           /* by term: who led */
	uint64_t *applied_hash, *applied_term, *applied_chain; /* by index: what was applied */
	struct seen_entry *seen[INDEX_MAX]; /* by index: every (term) that was ever stored */
	uint32_t seen_count[INDEX_MAX];
	uint64_t applied_max;
	struct rk_config config;
	uint64_t next_value;
	struct sim_counts counts;
	char failure[256];
};

static uint64_t draw(struct sim *sim)
{
	uint64_t x = sim->rng;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return sim->rng = x;
}

static uint64_t below(struct sim *sim, uint64_t limit)
{
	return limit == 0 ? 0 : (draw(sim) >> 11) % limit;
}

__attribute__((format(printf, 2, 3))) static void fail(struct sim *sim, const char *format, ...)
{
	va_list arguments;

	if (sim->failure[0] != 0)
		return;
	va_start(arguments, format);
	(void)vsnprintf(sim->failure, sizeof sim->failure, format, arguments);
	va_end(arguments);
}

static uint64_t payload_hash(const struct rk_entry *entry)
{
	return rk_hash64(rk_blob_span(entry->payload), (uint64_t)entry->kind);
}

/* Log Matching (section 5.3): an (index, term) names one entry, and one before it. */
static void note_stored(struct sim *sim, const struct rk_entry *entry, uint64_t before_term)
{
	const uint64_t hash = payload_hash(entry);
	struct seen_entry **list = &sim->seen[entry->index];

	for (uint32_t i = 0; i < sim->seen_count[entry->index]; i++) {
		if ((*list)[i].term != entry->term)
			continue;
		if ((*list)[i].hash != hash || (*list)[i].before_term != before_term)
			fail(sim, "log matching: entry %llu of term %llu differs",
			     (unsigned long long)entry->index, (unsigned long long)entry->term);
		return;
	}
	*list = rk_realloc(*list, (sim->seen_count[entry->index] + 1) * sizeof **list);
	(*list)[sim->seen_count[entry->index]++] =
		(struct seen_entry){ entry->term, before_term, hash };
}

static uint64_t disk_last(const struct disk *disk) { return disk->base_index + disk->count; }

static void disk_write(struct sim *sim, struct node *node, const struct rk_persist *job)
{
	struct disk *disk = &node->disk;

	if (job->reset) {
		rk_entries_done(disk->entries, disk->count);
		disk->count = 0;
		disk->base_index = job->mark.index;
		disk->base_term = job->mark.term;
	}
	for (size_t i = 0; i < job->count; i++) {
		const struct rk_entry *entry = &job->entries[i];
		while (disk->count > 0 && disk_last(disk) >= entry->index)
			rk_entries_done(&disk->entries[--disk->count], 1);
		if (disk_last(disk) + 1 != entry->index) {
			fail(sim, "node %u stores entry %llu after %llu", node->id,
			     (unsigned long long)entry->index, (unsigned long long)disk_last(disk));
			return;
		}
		const uint64_t before =
			disk->count > 0 ? disk->entries[disk->count - 1].term : disk->base_term;
		note_stored(sim, entry, before);
		disk->entries = rk_grow(disk->entries, &disk->capacity, disk->count + 1,
					sizeof *disk->entries);
		disk->entries[disk->count++] = rk_entry_ref(entry);
	}
	disk->hard = job->hard;
}

static void disk_drop_to(struct disk *disk, uint64_t index)
{
	if (index <= disk->base_index || index > disk_last(disk))
		return;
	const size_t gone = (size_t)(index - disk->base_index);
	disk->base_term = disk->entries[gone - 1].term;
	disk->base_index = index;
	rk_entries_done(disk->entries, gone);
	disk->count -= gone;
	if (gone > 0)
		memmove(disk->entries, disk->entries + gone, disk->count * sizeof *disk->entries);
}

static void start(struct sim *sim, struct node *node)
{
	struct rk_error error = { 0 };
	const struct rk_raft_opts opts = {
		.id = node->id,
		.seed = draw(sim),
		.append_bytes = 2048,
		.inflight_max = 8,
		.uncommitted_bytes = 64 * 1024,
		.apply_bytes = 1024,
		.trailing_max = 16,
		.lease_reads = sim->opts.lease_reads,
		.is_witness = node->id == sim->opts.witness,
		.config = rk_config_find(&sim->config, node->id) >= 0 ? sim->config
								      : (struct rk_config){ 0 },
		.hard = node->disk.hard,
		.snapshot = node->disk.snapshot,
		.base_index = node->disk.base_index,
		.base_term = node->disk.base_term,
		.count = node->disk.count,
		.entries = node->disk.entries,
	};

	if (rk_raft_new(&node->raft, &opts, &error) < 0) {
		fail(sim, "node %u does not start: %s", node->id, error.text);
		return;
	}
	node->up = true;
	node->applied = node->chain = node->since_snapshot = 0;
	node->was_leader = false;
	node->skew_ms = (int64_t)below(sim, 100000);
	node->read_next = 0;
}

void sim_restart(struct sim *sim, uint32_t id)
{
	if (!sim->nodes[id].up) {
		sim->counts.restarts++;
		start(sim, &sim->nodes[id]);
	}
}

/* Jobs that the disk had not confirmed: a random number of the first ones made it all the same. */
void sim_crash(struct sim *sim, uint32_t id)
{
	struct node *node = &sim->nodes[id];
	const size_t survive = below(sim, node->jobs_count + 1);

	if (!node->up)
		return;
	sim->counts.crashes++;
	for (size_t i = 0; i < node->jobs_count; i++) {
		if (i < survive)
			disk_write(sim, node, node->jobs[i].persist);
		(void)rk_persist_free(node->jobs[i].persist);
	}
	node->jobs_count = 0;
	node->compact_to = 0;
	node->raft = rk_raft_free(node->raft);
	rk_raft_out_done(&node->out);
	node->up = false;
}

static void disk_done(struct disk *disk)
{
	rk_entries_done(disk->entries, disk->count);
	free(disk->entries);
	*disk = (struct disk){ 0 };
}

static void disk_copy(struct disk *to, const struct disk *from)
{
	disk_done(to);
	*to = *from;
	to->capacity = from->count;
	to->entries = rk_alloc((from->count + 1) * sizeof *to->entries);
	for (size_t i = 0; i < from->count; i++)
		to->entries[i] = rk_entry_ref(&from->entries[i]);
}

void sim_keep_disk(struct sim *sim, uint32_t id)
{
	disk_copy(&sim->nodes[id].kept, &sim->nodes[id].disk);
}

void sim_roll_back(struct sim *sim, uint32_t id)
{
	disk_copy(&sim->nodes[id].disk, &sim->nodes[id].kept);
}

void sim_wipe(struct sim *sim, uint32_t id)
{
	sim->counts.wipes++;
	disk_done(&sim->nodes[id].disk);
}

void sim_rot(struct sim *sim, uint32_t id)
{
	struct disk *disk = &sim->nodes[id].disk;
	const size_t kept = below(sim, disk->count + 1);

	sim->counts.rots++;
	rk_entries_done(disk->entries + kept, disk->count - kept);
	disk->count = kept;
	disk->hard.commit = RK_COMMIT_FORGOTTEN;
}

/* Every disk holds something, and every member that is up is sure of what it holds: one more may be
 * lost. */
static bool may_wipe(const struct sim *sim)
{
	struct rk_raft_status status;

	for (uint32_t i = 1; i <= sim->opts.nodes; i++) {
		const struct node *node = &sim->nodes[i];
		if (node->disk.count == 0 && node->disk.snapshot.index == 0)
			return false;
		if (node->disk.hard.commit == RK_COMMIT_FORGOTTEN)
			return false;
		if (!node->up)
			continue;
		rk_raft_status(node->raft, &status);
		if (status.doubt == RK_DOUBT_LOST || status.doubt == RK_DOUBT_FILLS)
			return false;
	}
	return true;
}

static void wipe(struct sim *sim)
{
	const uint32_t id = (uint32_t)(1 + below(sim, sim->opts.nodes));

	if (!may_wipe(sim))
		return;
	sim_crash(sim, id);
	if (!may_wipe(sim)) /* the crash may have left it less than it had */
		return;
	if (below(sim, 2) == 0)
		sim_wipe(sim, id);
	else
		sim_rot(sim, id);
}

static void post(struct sim *sim, struct rk_raft_msg *msg, bool is_snapshot)
{
	const uint64_t delay = 1 + below(sim, sim->opts.delay_max_ms) + (is_snapshot ? 20 : 0);

	sim->letters = rk_grow(sim->letters, &sim->letters_capacity, sim->letters_count + 1,
			       sizeof *sim->letters);
	sim->letters[sim->letters_count++] =
		(struct letter){ msg, sim->now_ms + delay, is_snapshot };
}

static void send(struct sim *sim, struct rk_raft_msg *msg)
{
	const bool lost = sim->cut[msg->from][msg->to] ||
			  (!sim->healed && below(sim, 100) < sim->opts.loss_percent);

	if (lost) {
		sim->counts.lost++;
		(void)rk_raft_msg_free(msg);
		return;
	}
	if (!sim->healed && below(sim, 100) < sim->opts.dup_percent)
		post(sim, rk_raft_msg_copy(msg), false);
	/* Through the bytes, so that the codec is part of every run. */
	struct rk_buf bytes = { 0 };
	struct rk_raft_msg *decoded = NULL;
	rk_raft_msg_encode(msg, &bytes);
	if (bytes.size != rk_raft_msg_size(msg) ||
	    rk_raft_msg_decode(rk_buf_span(&bytes), &decoded) < 0)
		fail(sim, "a %s message does not decode", rk_raft_msg_name(msg->kind));
	else
		post(sim, decoded, false);
	rk_buf_done(&bytes);
	(void)rk_raft_msg_free(msg);
}

/* What was begun, seen to its end. */
static void note_config(struct sim *sim, const struct rk_entry *entry)
{
	struct rk_config config;

	if (rk_config_decode(rk_blob_span(entry->payload), &config) < 0)
		fail(sim, "entry %llu is no configuration", (unsigned long long)entry->index);
	else if (!rk_membership_is_changing(&config))
		sim->counts.changes++;
}

/* State Machine Safety (section 5.4.3). */
static void apply(struct sim *sim, struct node *node, const struct rk_entry *entry)
{
	const uint64_t hash = payload_hash(entry);

	if (entry->index != node->applied + 1) {
		fail(sim, "node %u applies %llu after %llu", node->id,
		     (unsigned long long)entry->index, (unsigned long long)node->applied);
		return;
	}
	if (sim->applied_term[entry->index] == 0) {
		sim->applied_term[entry->index] = entry->term;
		sim->applied_hash[entry->index] = hash;
		sim->counts.commits++;
		if (entry->kind == RK_ENTRY_CONFIG)
			note_config(sim, entry);
	} else if (sim->applied_term[entry->index] != entry->term ||
		   sim->applied_hash[entry->index] != hash) {
		fail(sim, "state machine safety: node %u applies another entry %llu", node->id,
		     (unsigned long long)entry->index);
	}
	const uint64_t link[2] = { node->chain, hash };
	node->chain = rk_hash64(rk_span_of(link, sizeof link), entry->index);
	node->applied = entry->index;
	if (sim->applied_chain[entry->index] == 0)
		sim->applied_chain[entry->index] = node->chain;
	if (sim->applied_chain[entry->index] != node->chain)
		fail(sim, "node %u has another state at %llu", node->id,
		     (unsigned long long)entry->index);
	sim->applied_max = RK_MAX(sim->applied_max, entry->index);
	node->since_snapshot++;
	rk_raft_digest(node->raft, node->applied, node->chain);
}

/* Election Safety (5.2) and Leader Completeness (5.4). */
static void check_leader(struct sim *sim, struct node *node)
{
	struct rk_raft_status status;

	rk_raft_status(node->raft, &status);
	const bool leads = status.role == RK_RAFT_LEADER;
	if (!leads || (node->was_leader && node->was_term == status.term)) {
		node->was_leader = leads;
		node->was_term = status.term;
		return;
	}
	node->was_leader = true;
	node->was_term = status.term;
	sim->counts.elections++;
	if (status.term >= TERMS_MAX) {
		fail(sim, "term %llu", (unsigned long long)status.term);
		return;
	}
	if (sim->leaders[status.term] != 0)
		fail(sim, "election safety: %u and %u lead term %llu", node->id,
		     (unsigned)sim->leaders[status.term], (unsigned long long)status.term);
	sim->leaders[status.term] = node->id;
	for (uint64_t i = status.first_index; i <= sim->applied_max; i++) {
		const struct rk_entry *entry = rk_raft_entry(node->raft, i);
		if (sim->applied_term[i] == 0)
			continue;
		if (entry == NULL || entry->term != sim->applied_term[i]) {
			fail(sim, "leader completeness: %u leads term %llu without entry %llu",
			     node->id, (unsigned long long)status.term, (unsigned long long)i);
			return;
		}
	}
}

static void take_snapshot(struct sim *sim, struct node *node)
{
	struct rk_snapshot_meta meta = { .index = node->applied,
					 .term = sim->applied_term[node->applied],
					 .config = *rk_raft_config(node->raft) };

	meta.state_hash.low = node->chain;
	node->disk.snapshot = meta;
	node->since_snapshot = 0;
	rk_raft_snapshot_saved(node->raft, &meta);
	rk_raft_compact(node->raft, meta.index);
}

static void send_snapshots(struct sim *sim, struct node *node)
{
	const struct rk_raft_out *out = &node->out;

	for (uint32_t i = 0; i < out->sends_count; i++) {
		const uint64_t to = out->sends[i];
		const bool fails = sim->cut[node->id][to] || (!sim->healed && below(sim, 100) < 20);
		if (fails) {
			rk_raft_snapshot_sent(node->raft, to, false);
			continue;
		}
		struct rk_raft_msg *msg = rk_raft_msg_new(RK_MSG_SNAPSHOT, to);
		msg->from = node->id;
		msg->term = out->term;
		msg->snapshot = rk_memdup(&out->send_meta, sizeof out->send_meta);
		post(sim, msg, true);
		if (below(sim, 2) == 0)
			rk_raft_snapshot_sent(node->raft, to, true);
	}
}

static void note_reads(struct sim *sim, struct node *node)
{
	for (size_t i = 0; i < node->out.reads_count; i++) {
		const struct rk_raft_read *read = &node->out.reads[i];
		if (read->err != RK_OK)
			continue;
		sim->counts.reads++;
		if (node->read_next - read->context < READS_MAX &&
		    read->index < node->read_floor[read->context % READS_MAX])
			fail(sim, "stale read: node %u may serve at %llu what %llu had answered",
			     node->id, (unsigned long long)read->index,
			     (unsigned long long)node->read_floor[read->context % READS_MAX]);
	}
}

static void drain(struct sim *sim, struct node *node)
{
	struct rk_raft_out *out = &node->out;

	while (sim->failure[0] == 0 && rk_raft_ready(node->raft, out)) {
		check_leader(sim, node);
		if (out->install) {
			sim->counts.installs++;
			if (out->installed.index <= node->applied && node->applied != 0)
				fail(sim, "node %u goes back to %llu", node->id,
				     (unsigned long long)out->installed.index);
			node->applied = out->installed.index;
			node->chain = out->installed.state_hash.low;
			rk_raft_applied(node->raft, node->applied);
		}
		if (out->persist != NULL) {
			const uint64_t last_due =
				node->jobs_count > 0 ? node->jobs[node->jobs_count - 1].due_ms : 0;
			const uint64_t due = sim->now_ms + below(sim, sim->opts.disk_max_ms + 1);
			node->jobs = rk_grow(node->jobs, &node->jobs_capacity, node->jobs_count + 1,
					     sizeof *node->jobs);
			node->jobs[node->jobs_count++] =
				(struct job){ rk_take_ptr(out->persist), RK_MAX(due, last_due) };
		}
		for (size_t i = 0; i < out->messages_count; i++)
			send(sim, rk_take_ptr(out->messages[i]));
		for (size_t i = 0; i < out->committed_count; i++)
			apply(sim, node, &out->committed[i]);
		if (out->committed_count > 0)
			rk_raft_applied(node->raft, node->applied);
		note_reads(sim, node);
		send_snapshots(sim, node);
		if (out->compact_index != 0)
			node->compact_to = out->compact_index;
	}
}

static void finish_jobs(struct sim *sim, struct node *node)
{
	size_t done = 0;

	while (done < node->jobs_count && node->jobs[done].due_ms <= sim->now_ms) {
		disk_write(sim, node, node->jobs[done].persist);
		rk_raft_persisted(node->raft, node->jobs[done].persist->id);
		(void)rk_persist_free(node->jobs[done].persist);
		done++;
	}
	node->jobs_count -= done;
	if (done > 0)
		memmove(node->jobs, node->jobs + done, node->jobs_count * sizeof *node->jobs);
	if (node->compact_to != 0 && node->jobs_count == 0) {
		disk_drop_to(&node->disk, node->compact_to);
		node->compact_to = 0;
	}
}

/* Whether the core may hear of a snapshot: it is on the disk. */
static bool take_meta(struct node *node, const struct letter *letter)
{
	const struct rk_snapshot_meta *meta = letter->msg->snapshot;

	if (!letter->is_snapshot && !rk_raft_takes_meta(node->raft, letter->msg))
		return false;
	if (meta->index > node->disk.snapshot.index)
		node->disk.snapshot = *meta;
	return true;
}

static void receive(struct sim *sim, struct node *node)
{
	size_t kept = 0;

	for (size_t i = 0; i < sim->letters_count; i++) {
		struct letter *letter = &sim->letters[i];
		if (letter->msg->to != node->id || letter->due_ms > sim->now_ms) {
			sim->letters[kept++] = *letter;
			continue;
		}
		if (letter->msg->snapshot != NULL && !take_meta(node, letter))
			(void)rk_raft_msg_free(letter->msg);
		else
			rk_raft_step(node->raft, letter->msg);
	}
	sim->letters_count = kept;
}

static uint8_t any_role(struct sim *sim, uint32_t id)
{
	if (id == sim->opts.witness)
		return RK_MEMBER_VOTER | RK_MEMBER_WITNESS;
	return below(sim, 3) == 0 ? RK_MEMBER_LEARNER : RK_MEMBER_VOTER;
}

void sim_member(struct rk_config *config, uint32_t id, uint8_t role)
{
	char address[32];

	(void)snprintf(address, sizeof address, "sim:%u", id);
	rk_assert(rk_config_add(config, id, role, address) == RK_OK);
}

/* Another set of members: one flipped, one exchanged for another, or any set at all. */
static void draw_target(struct sim *sim, const struct rk_config *now, struct rk_config *ret)
{
	const uint32_t one = (uint32_t)(1 + below(sim, sim->opts.nodes));
	const uint32_t other = (uint32_t)(1 + below(sim, sim->opts.nodes));
	const uint64_t shape = below(sim, 3);

	*ret = (struct rk_config){ 0 };
	for (uint32_t id = 1; id <= sim->opts.nodes; id++) {
		const int at = rk_config_find(now, id);
		const uint8_t was = at >= 0 ? now->at[at].role : 0;
		uint8_t role = was;
		if (shape == 2)
			role = below(sim, 2) == 0 ? any_role(sim, id) : 0;
		else if (id == one || (shape == 1 && id == other))
			role = was == 0 || below(sim, 4) == 0 ? any_role(sim, id) : 0;
		if (role != 0)
			sim_member(ret, id, role);
	}
}

static void change(struct sim *sim, struct node *node)
{
	struct rk_raft_status status;
	struct rk_config now, target;

	rk_raft_status(node->raft, &status);
	if (!sim->opts.changes || sim->healed || status.role != RK_RAFT_LEADER ||
	    below(sim, 1000) >= 10)
		return;
	rk_membership_target(rk_raft_config(node->raft), &now);
	draw_target(sim, &now, &target);
	sim->counts.refused += rk_raft_change(node->raft, &target, NULL) < 0;
}

static void client(struct sim *sim, struct node *node)
{
	uint64_t index, term;

	if (below(sim, 100) < sim->opts.propose_percent && sim->applied_max < INDEX_MAX - 512) {
		const size_t size = 8 + below(sim, 200);
		struct rk_blob *blob = rk_blob_new(size);
		memset(blob->data, 0, size);
		sim->next_value++;
		memcpy(blob->data, &sim->next_value, sizeof sim->next_value);
		sim->counts.refused += rk_raft_propose(node->raft, blob, &index, &term) < 0;
		(void)rk_blob_unref(blob);
	}
	if (below(sim, 100) < 5) {
		node->read_floor[node->read_next % READS_MAX] = sim->applied_max;
		sim->counts.refused += rk_raft_read(node->raft, node->read_next++) < 0;
	}
	if (sim->opts.transfers && !sim->healed && below(sim, 1000) < 3 &&
	    rk_raft_transfer(node->raft, below(sim, sim->opts.nodes + 1)) == RK_OK)
		sim->counts.transfers++;
}

static void turn(struct sim *sim, struct node *node)
{
	struct rk_snapshot_meta mark;

	if (!node->up || sim->now_ms < node->asleep_until_ms)
		return;
	rk_raft_clock(node->raft, sim->now_ms, (int64_t)sim->now_ms + node->skew_ms);
	finish_jobs(sim, node);
	receive(sim, node);
	client(sim, node);
	rk_raft_tick(node->raft);
	change(sim, node);
	drain(sim, node);
	if (rk_raft_mark(node->raft, &mark)) {
		node->disk.snapshot = mark;
		rk_raft_snapshot_saved(node->raft, &mark);
		rk_raft_compact(node->raft, mark.index);
	}
	if (sim->opts.snapshot_every != 0 && node->since_snapshot >= sim->opts.snapshot_every &&
	    sim->failure[0] == 0)
		take_snapshot(sim, node);
}

static void set_partition(struct sim *sim)
{
	const uint64_t shape = below(sim, 3);
	bool side[SIM_NODES_MAX + 1];

	sim->counts.partitions++;
	for (uint32_t i = 1; i <= sim->opts.nodes; i++)
		side[i] = below(sim, 2) == 0;
	for (uint32_t i = 1; i <= sim->opts.nodes; i++)
		for (uint32_t j = 1; j <= sim->opts.nodes; j++)
			sim->cut[i][j] = i != j && (shape == 0   ? side[i] != side[j]
						    : shape == 1 ? side[i] && !side[j]
								 : below(sim, 4) == 0);
}

static void faults(struct sim *sim)
{
	if (sim->healed)
		return;
	if (below(sim, 1000) < sim->opts.crash_permille)
		sim_crash(sim, (uint32_t)(1 + below(sim, sim->opts.nodes)));
	if (below(sim, 1000) < sim->opts.wipe_permille)
		wipe(sim);
	for (uint32_t i = 1; i <= sim->opts.nodes; i++) {
		if (!sim->nodes[i].up && !sim->opts.stay_down && below(sim, 100) < 3)
			sim_restart(sim, i);
		if (below(sim, 1000) < sim->opts.stall_permille)
			sim->nodes[i].asleep_until_ms = sim->now_ms + below(sim, 1000);
	}
	if (below(sim, 1000) < sim->opts.partition_permille)
		set_partition(sim);
	else if (below(sim, 1000) < 10 && sim->opts.partition_permille > 0)
		memset(sim->cut, 0, sizeof sim->cut);
}

void sim_run(struct sim *sim, uint32_t ms)
{
	const uint64_t end = sim->now_ms + ms;

	while (sim->now_ms < end && sim->failure[0] == 0) {
		sim->now_ms += TURN_MS;
		faults(sim);
		for (uint32_t i = 1; i <= sim->opts.nodes; i++)
			turn(sim, &sim->nodes[i]);
	}
}

void sim_heal(struct sim *sim)
{
	sim->healed = true;
	memset(sim->cut, 0, sizeof sim->cut);
	for (uint32_t i = 1; i <= sim->opts.nodes; i++) {
		sim->nodes[i].asleep_until_ms = 0;
		sim_restart(sim, i);
	}
}

struct sim *sim_new(const struct sim_opts *opts)
{
	struct sim *sim = rk_zalloc(sizeof *sim);

	sim->opts = *opts;
	sim->rng = opts->seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	sim->now_ms = 1000;
	sim->applied_hash = rk_zalloc(INDEX_MAX * sizeof *sim->applied_hash);
	sim->applied_term = rk_zalloc(INDEX_MAX * sizeof *sim->applied_term);
	sim->applied_chain = rk_zalloc(INDEX_MAX * sizeof *sim->applied_chain);
	for (uint32_t i = 1; i <= opts->nodes - opts->spares; i++)
		sim_member(&sim->config, i,
			   i == opts->witness ? RK_MEMBER_VOTER | RK_MEMBER_WITNESS
			   : i > opts->nodes - opts->spares - opts->learners
				   ? RK_MEMBER_LEARNER
				   : RK_MEMBER_VOTER);
	for (uint32_t i = 1; i <= opts->nodes; i++) {
		sim->nodes[i].id = i;
		start(sim, &sim->nodes[i]);
	}
	return sim;
}

struct sim *sim_free(struct sim *sim)
{
	for (uint32_t i = 1; i <= sim->opts.nodes; i++) {
		struct node *node = &sim->nodes[i];
		sim_crash(sim, i);
		disk_done(&node->disk);
		disk_done(&node->kept);
		free(node->jobs);
	}
	for (size_t i = 0; i < sim->letters_count; i++)
		(void)rk_raft_msg_free(sim->letters[i].msg);
	for (size_t i = 0; i < INDEX_MAX; i++)
		free(sim->seen[i]);
	free(sim->letters);
	free(sim->applied_hash);
	free(sim->applied_term);
	free(sim->applied_chain);
	free(sim);
	return NULL;
}

const char *sim_failure(const struct sim *sim)
{
	return sim->failure[0] != 0 ? sim->failure : NULL;
}

uint32_t sim_leader(const struct sim *sim)
{
	struct rk_raft_status status;
	uint64_t term = 0;
	uint32_t leader = 0;

	for (uint32_t i = 1; i <= sim->opts.nodes; i++) {
		if (!sim->nodes[i].up)
			continue;
		rk_raft_status(sim->nodes[i].raft, &status);
		if (status.role == RK_RAFT_LEADER && status.term > term) {
			term = status.term;
			leader = i;
		}
	}
	return leader;
}

bool sim_caught_up(const struct sim *sim, uint64_t index)
{
	const uint32_t leader = sim_leader(sim);
	struct rk_raft_status status;

	if (leader == 0)
		return false;
	for (uint32_t i = 1; i <= sim->opts.nodes; i++) {
		if (!sim->nodes[i].up ||
		    rk_config_find(rk_raft_config(sim->nodes[leader].raft), i) < 0)
			continue;
		rk_raft_status(sim->nodes[i].raft, &status);
		if (status.applied_index < index)
			return false;
	}
	return true;
}

uint64_t sim_committed(const struct sim *sim) { return sim->applied_max; }
uint64_t sim_reads_done(const struct sim *sim) { return sim->counts.reads; }
struct sim_counts sim_counts(const struct sim *sim) { return sim->counts; }
struct rk_raft *sim_raft(struct sim *sim, uint32_t id) { return sim->nodes[id].raft; }

void sim_cut(struct sim *sim, uint32_t from, uint32_t to, bool cut) { sim->cut[from][to] = cut; }
