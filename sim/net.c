/* The network: every message goes through its bytes, and may be lost, doubled, late, overtaken or damaged. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "control/snapshots_io.h"
#include "raft/snapshot_io.h"
#include "sim/inner.h"

static struct sim_letter *post(struct sim *sim, uint32_t from, uint32_t to, uint64_t extra_ms)
{
	const uint64_t delay = 1 + sim_roll(sim, sim->params.delay_max_ms) + extra_ms;
	const uint64_t clogged = sim->clogged_until_ms[from][to];

	sim->letters = rk_grow(sim->letters, &sim->letters_capacity, sim->letters_count + 1,
			       sizeof *sim->letters);
	struct sim_letter *letter = &sim->letters[sim->letters_count++];
	*letter = (struct sim_letter){ .from = from,
				       .to = to,
				       .due_ms = RK_MAX(sim->now_ms + delay, clogged) };
	for (size_t i = sim->letters_count - 1; i > 0; i--) {
		const struct sim_letter *other = &sim->letters[i - 1];
		if (other->from == from && other->to == to) {
			sim->result->counts[SIM_REORDERED] += other->due_ms > letter->due_ms;
			break;
		}
	}
	return letter;
}

static bool is_lost(struct sim *sim, uint64_t from, uint64_t to)
{
	const bool lost = sim->cut[from][to] || sim_strikes(sim, sim->params.loss);

	sim->result->counts[SIM_LOST] += lost;
	return lost;
}

static void corrupt(struct sim *sim, struct rk_buf *bytes)
{
	if (bytes->size == 0 || !sim_strikes(sim, sim->params.corrupt))
		return;
	bytes->data[sim_roll(sim, bytes->size)] ^= (uint8_t)(1u << sim_roll(sim, 8));
	sim_count(sim, SIM_CORRUPTED);
}

void sim_send(struct sim *sim, struct rk_raft_msg *msg)
{
	const uint32_t from = (uint32_t)msg->from, to = (uint32_t)msg->to;

	if (to <= SIM_NODES_MAX && !is_lost(sim, from, to)) {
		const int copies = 1 + sim_strikes(sim, sim->params.duplicate);
		sim->result->counts[SIM_DUPLICATED] += copies > 1;
		for (int i = 0; i < copies; i++) {
			struct sim_letter *letter = post(sim, from, to, 0);
			rk_raft_msg_encode(msg, &letter->bytes);
			if (letter->bytes.size != rk_raft_msg_size(msg))
				sim_fail(sim, "a %s message has another size than it says",
					 rk_raft_msg_name(msg->kind));
			corrupt(sim, &letter->bytes);
		}
	}
	(void)rk_raft_msg_free(msg);
}

static bool read_snapshot(struct sim_node *node, uint64_t index, struct rk_buf *out)
{
	RK_AUTO(rk_vfile_drop) struct rk_vfile *file = NULL;
	char name[32];
	uint64_t size;

	(void)snprintf(name, sizeof name, "%016llx.snap", (unsigned long long)index);
	if (rk_vfs_open(node->snapshots, name, RK_VFILE_READ, &file) < 0 ||
	    rk_vfile_size(file, &size) < 0)
		return false;
	(void)rk_buf_room(out, (size_t)size);
	out->size = (size_t)size;
	return rk_vfile_read(file, 0, out->data, out->size) == RK_OK;
}

void sim_send_snapshot(struct sim *sim, struct sim_node *node, uint32_t to, uint64_t term,
		       const struct rk_snapshot_meta *meta)
{
	RK_AUTO(rk_buf_done) struct rk_buf bytes = { 0 };

	if (is_lost(sim, node->id, to) || !read_snapshot(node, meta->index, &bytes)) {
		sim_note(sim, "%u: snapshot %llu not sent to %u", node->id,
			 (unsigned long long)meta->index, to);
		rk_raft_snapshot_sent(node->raft, to, false);
		return;
	}
	struct sim_letter *letter = post(sim, node->id, to, 20);
	letter->bytes = bytes;
	bytes = (struct rk_buf){ 0 };
	letter->meta = rk_memdup(meta, sizeof *meta);
	letter->term = term;
	corrupt(sim, &letter->bytes);
}

static void drop_letter(struct sim_letter *letter)
{
	rk_buf_done(&letter->bytes);
	free(letter->meta);
}

static void tell_sender(struct sim *sim, const struct sim_letter *letter, bool ok)
{
	struct sim_node *sender = &sim->nodes[letter->from];

	if (sender->up)
		rk_raft_snapshot_sent(sender->raft, letter->to, ok);
}

/* The receiver's disk has it before its core hears of it. */
static void take_snapshot(struct sim *sim, struct sim_node *node, struct sim_letter *letter)
{
	RK_AUTO(rk_vfile_drop) struct rk_vfile *file = NULL;
	char name[48];

	tell_sender(sim, letter, true); /* that all bytes went out, whatever becomes of them */

	(void)snprintf(name, sizeof name, "incoming-%x.tmp", letter->from);
	if (rk_vfs_open(node->snapshots, name, RK_VFILE_NEW, &file) < 0 ||
	    rk_vfile_write(file, 0, rk_buf_span(&letter->bytes)) < 0)
		return;
	file = rk_vfile_close(file);
	struct rk_error error = { 0 };
	const int err = rk_snapshot_admit(node->snapshots, letter->from, sim->cluster, letter->meta,
					  &error);
	sim_note(sim, "%u: snapshot %llu from %u: %s", node->id,
		 (unsigned long long)letter->meta->index, letter->from,
		 err < 0 ? error.text : "taken");
	if (err < 0)
		return;
	struct rk_raft_msg *msg = rk_raft_msg_new(RK_MSG_SNAPSHOT, node->id);
	msg->from = letter->from;
	msg->term = letter->term;
	msg->snapshot = rk_memdup(letter->meta, sizeof *letter->meta);
	rk_raft_step(node->raft, msg);
}

/* A witness's disk has what it is told instead of a snapshot before its core hears of it. */
static bool note_meta(struct sim *sim, struct sim_node *node, const struct rk_raft_msg *msg)
{
	size_t bytes;

	if (!rk_raft_takes_meta(node->raft, msg) ||
	    rk_snapshot_save(node->snapshots, sim->cluster, msg->snapshot, NULL, &bytes, NULL) < 0)
		return false;
	sim_count(sim, SIM_MARKS);
	sim_note(sim, "%u: instead of snapshot %llu its head, from %llu", node->id,
		 (unsigned long long)msg->snapshot->index, (unsigned long long)msg->from);
	return true;
}

static void take_letter(struct sim *sim, struct sim_node *node, struct sim_letter *letter)
{
	struct rk_raft_msg *msg = NULL;

	if (letter->meta != NULL)
		take_snapshot(sim, node, letter);
	else if (rk_raft_msg_decode(rk_buf_span(&letter->bytes), &msg) == RK_OK) {
		if (msg->kind == RK_MSG_SNAPSHOT && !note_meta(sim, node, msg))
			(void)rk_raft_msg_free(msg);
		else
			rk_raft_step(node->raft, msg);
	}
}

void sim_receive(struct sim *sim, struct sim_node *node)
{
	size_t kept = 0;
	bool died = false;

	for (size_t i = 0; i < sim->letters_count; i++) {
		struct sim_letter letter = sim->letters[i];
		if (letter.to != node->id || letter.due_ms > sim->now_ms || died) {
			sim->letters[kept++] = letter;
			continue;
		}
		take_letter(sim, node, &letter);
		drop_letter(&letter);
		died = sim_disk_is_dead(node->disk);
	}
	sim->letters_count = kept;
	if (died) {
		sim_count(sim, SIM_IO_CRASHES);
		sim_node_crash(sim, node);
	}
}

/* --- links that do not work --- */

static void cut_all(struct sim *sim, bool (*is_cut)(struct sim *sim, uint32_t from, uint32_t to,
						    uint32_t pivot),
		    uint32_t pivot)
{
	for (uint32_t i = 1; i <= sim->params.nodes; i++)
		for (uint32_t j = 1; j <= sim->params.nodes; j++)
			sim->cut[i][j] = i != j && is_cut(sim, i, j, pivot);
}

/* `pivot` is a set of members here. */
static bool in_two(struct sim *sim, uint32_t from, uint32_t to, uint32_t pivot)
{
	(void)sim;
	return (pivot >> from & 1) != (pivot >> to & 1);
}

static bool one_way(struct sim *sim, uint32_t from, uint32_t to, uint32_t pivot)
{
	(void)sim;
	return (pivot >> from & 1) != 0 && (pivot >> to & 1) == 0;
}

/* Each speaks with its neighbours only. */
static bool ring(struct sim *sim, uint32_t from, uint32_t to, uint32_t pivot)
{
	const uint32_t n = sim->params.nodes, distance = (from + n - to) % n;

	(void)pivot;
	return distance != 1 && distance != n - 1;
}

/* Two halves that only one member connects. */
static bool bridge(struct sim *sim, uint32_t from, uint32_t to, uint32_t pivot)
{
	const uint32_t half = sim->params.nodes / 2;

	return from != pivot && to != pivot && (from > half) != (to > half);
}

static bool some_links(struct sim *sim, uint32_t from, uint32_t to, uint32_t pivot)
{
	(void)from;
	(void)to;
	(void)pivot;
	return sim_roll(sim, 4) == 0;
}

void sim_partition(struct sim *sim)
{
	static const struct {
		bool (*is_cut)(struct sim *sim, uint32_t from, uint32_t to, uint32_t pivot);
		enum sim_count count;
	} shapes[] = {
		{ in_two, SIM_PARTITIONS_WHOLE },  { one_way, SIM_PARTITIONS_ONE_WAY },
		{ ring, SIM_PARTITIONS_RING },     { bridge, SIM_PARTITIONS_BRIDGE },
		{ some_links, SIM_PARTITIONS_LINKS },
	};
	const size_t shape = sim_roll(sim, RK_COUNT(shapes));
	const uint32_t pivot = shapes[shape].is_cut == bridge
				       ? (uint32_t)(1 + sim_roll(sim, sim->params.nodes))
				       : (uint32_t)sim_draw(&sim->dice);

	sim_count(sim, shapes[shape].count);
	cut_all(sim, shapes[shape].is_cut, pivot);
	sim->flapping = sim_roll(sim, 4) == 0;
	sim_note(sim, "partition: %s%s", sim_count_name(shapes[shape].count),
		 sim->flapping ? ", flapping" : "");
}

static void clog_link(struct sim *sim)
{
	const uint32_t from = (uint32_t)(1 + sim_roll(sim, sim->params.nodes));
	const uint32_t to = (uint32_t)(1 + sim_roll(sim, sim->params.nodes));

	sim_count(sim, SIM_CLOGS);
	sim->clogged_until_ms[from][to] = sim->now_ms + sim_roll(sim, 2000);
}

/* A connection breaks when its other end goes. */
static void drop_transfers(struct sim *sim)
{
	size_t kept = 0;

	for (size_t i = 0; i < sim->letters_count; i++) {
		struct sim_letter letter = sim->letters[i];
		if (letter.meta == NULL || sim->nodes[letter.to].up) {
			sim->letters[kept++] = letter;
			continue;
		}
		tell_sender(sim, &letter, false);
		drop_letter(&letter);
	}
	sim->letters_count = kept;
}

void sim_net_turn(struct sim *sim)
{
	drop_transfers(sim);
	if (sim->healed)
		return;
	if (sim_strikes(sim, sim->params.partition)) {
		sim_partition(sim);
	} else if (sim->params.partition > 0 && sim_strikes(sim, 10000)) {
		memset(sim->cut, 0, sizeof sim->cut);
		sim->flapping = false;
	}
	if (sim->flapping && sim->now_ms - sim->flap_ms >= 200) {
		sim->flap_ms = sim->now_ms;
		sim_count(sim, SIM_FLAPS);
		for (uint32_t i = 1; i <= sim->params.nodes; i++)
			for (uint32_t j = 1; j <= sim->params.nodes; j++)
				sim->cut[i][j] = i != j && sim_roll(sim, 3) == 0;
	}
	if (sim_strikes(sim, sim->params.clog))
		clog_link(sim);
}

void sim_net_done(struct sim *sim)
{
	for (size_t i = 0; i < sim->letters_count; i++)
		drop_letter(&sim->letters[i]);
	free(sim->letters);
	sim->letters = NULL;
	sim->letters_count = 0;
}
