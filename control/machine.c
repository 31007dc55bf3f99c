#include "control/machine.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/mutant.h"
#include "control/bootstrap.h"
#include "control/controllers/rootca.h"
#include "control/customs.h"
#include "control/etcd/apply.h"
#include "control/follow.h"
#include "control/index.h"
#include "control/ops.h"
#include "control/scheduler/cache.h"
#include "control/work.h"
#include "wire/doc.h"

/* Changes that one entry may make after its operations; what is left goes on under the next entry. At some 50 us
 * a change this keeps an entry below the 5 ms that nothing may hold the core thread longer than. */
#define BUDGET_CHANGES 80

#define ENVELOPE_VERSION 1

struct rk_machine {
	struct rk_state state;
};

void rk_envelope_write(struct rk_buf *out, const struct rk_envelope *envelope)
{
	rk_buf_put_u8(out, ENVELOPE_VERSION);
	rk_buf_put_u8(out, (uint8_t)envelope->type);
	rk_buf_put_varint(out, envelope->origin);
	rk_buf_put_varint(out, envelope->incarnation);
	rk_buf_put_varint(out, envelope->sequence);
	rk_buf_put_varint(out, envelope->answered);
	rk_buf_put_span(out, envelope->body);
}

int rk_envelope_read(struct rk_span bytes, struct rk_envelope *ret)
{
	struct rk_reader reader = rk_reader_of(bytes);
	struct rk_envelope envelope;

	if (rk_read_u8(&reader) != ENVELOPE_VERSION)
		return RK_EINVAL;
	envelope.type = (enum rk_entry_type)rk_read_u8(&reader);
	envelope.origin = rk_read_varint(&reader);
	envelope.incarnation = rk_read_varint(&reader);
	envelope.sequence = rk_read_varint(&reader);
	envelope.answered = rk_read_varint(&reader);
	envelope.body = rk_read_raw(&reader, rk_reader_left(&reader));
	if (reader.failed || envelope.type < RK_ENTRY_INIT || envelope.type > RK_ENTRY_ROOT_CA)
		return RK_EINVAL;
	*ret = envelope;
	return RK_OK;
}

struct rk_machine *rk_machine_of(const struct rk_kinds *kinds, struct rk_store *store)
{
	struct rk_machine *machine = rk_zalloc(sizeof *machine);

	machine->state.store = store;
	machine->state.sched = rk_sched_cache_new();
	machine->state.index = rk_store_index(store);
	machine->state.now_ms = rk_store_time_ms(store);
	rk_bootstrap_recall(&machine->state);
	rk_customs_start(&machine->state, kinds);
	rk_index_rebuild(&machine->state);
	rk_sched_cache_rebuild(&machine->state);
	rk_arena_reset(&machine->state.arena);
	return machine;
}

struct rk_machine *rk_machine_new(const struct rk_kinds *kinds)
{
	return rk_machine_of(kinds, rk_store_new());
}

static void drop_changes(struct rk_state *state, size_t from)
{
	for (size_t i = from; i < state->change_count; i++) {
		(void)rk_blob_unref(state->changes[i].key);
		(void)rk_blob_unref(state->changes[i].before);
		(void)rk_blob_unref(state->changes[i].after);
	}
	state->change_count = from;
}

struct rk_machine *rk_machine_free(struct rk_machine *machine)
{
	if (machine != NULL) {
		drop_changes(&machine->state, 0);
		free(machine->state.changes);
		rk_customs_done(&machine->state);
		(void)rk_sched_cache_free(machine->state.sched);
		(void)rk_store_free(machine->state.store);
		rk_arena_done(&machine->state.arena);
		free(machine);
	}
	return NULL;
}

const struct rk_kinds *rk_machine_kinds(struct rk_machine *machine)
{
	return rk_state_kinds(&machine->state);
}

struct rk_store *rk_machine_store(struct rk_machine *machine)
{
	return machine->state.store;
}

/* --- exactly once --- 'd' 'o' be64(origin) -> incarnation, answered; 'd' 's' be64(origin) be64(sequence) */

static void put_be64(struct rk_buf *out, uint64_t value)
{
	for (int shift = 56; shift >= 0; shift -= 8)
		rk_buf_put_u8(out, (uint8_t)(value >> shift));
}

static void sequence_key(struct rk_buf *out, uint64_t origin, uint64_t sequence)
{
	rk_buf_clear(out);
	rk_buf_put(out, "ds", 2);
	put_be64(out, origin);
	put_be64(out, sequence);
}

/* Forgets the sequences of an origin below `below`. */
static void forget_sequences(struct rk_state *state, uint64_t origin, uint64_t below)
{
	struct rk_buf key = { 0 };
	struct rk_tree_iter iter;

	for (;;) {
		sequence_key(&key, origin, 0);
		rk_store_seek(state->store, &iter, rk_buf_span(&key));
		const struct rk_item *item = rk_tree_next(&iter);
		sequence_key(&key, origin, below);
		if (item == NULL || item->key_size != key.size || memcmp(item->key, key.data, 10) != 0 ||
		    rk_span_cmp(rk_item_key(item), rk_buf_span(&key)) >= 0)
			break;
		const struct rk_span old = rk_arena_span(&state->arena, rk_item_key(item));
		(void)rk_store_remove(state->store, old);
	}
	rk_buf_done(&key);
}

struct origin { /* what is remembered of a proposer */
	uint64_t incarnation, answered;
};

static struct origin origin_read(struct rk_state *state, struct rk_span key)
{
	const struct rk_item *item = rk_store_get(state->store, key);
	struct rk_reader reader = rk_reader_of(item != NULL ? rk_blob_span(item->value) : RK_SPAN(""));
	struct origin origin = { 0 };

	if (item != NULL) {
		origin.incarnation = rk_read_u64(&reader);
		origin.answered = rk_read_u64(&reader);
		rk_assert(!reader.failed);
	}
	return origin;
}

/* Whether this proposal is new; remembers it if so. An older incarnation's proposals are refused: its process is gone,
 * and what it remembered as answered has been forgotten. */
static bool is_first_time(struct rk_state *state, const struct rk_envelope *envelope)
{
	struct rk_buf key = { 0 };
	bool is_new = false;

	rk_buf_put(&key, "do", 2);
	put_be64(&key, envelope->origin);
	struct origin origin = origin_read(state, rk_buf_span(&key));
	if (envelope->incarnation >= origin.incarnation) {
		const bool newer = envelope->incarnation > origin.incarnation;
		if (newer || envelope->answered > origin.answered) {
			struct rk_buf value = { 0 };
			rk_buf_put_u64(&value, envelope->incarnation);
			rk_buf_put_u64(&value, envelope->answered);
			rk_store_put(state->store, rk_buf_span(&key), rk_blob_copy(rk_buf_span(&value)), 0);
			rk_buf_done(&value);
			forget_sequences(state, envelope->origin, newer ? UINT64_MAX : envelope->answered);
			origin.answered = envelope->answered;
		}
		sequence_key(&key, envelope->origin, envelope->sequence);
		is_new = envelope->sequence >= origin.answered &&
			 rk_store_get(state->store, rk_buf_span(&key)) == NULL;
		if (is_new)
			rk_store_put(state->store, rk_buf_span(&key), NULL, state->index);
	}
	rk_buf_done(&key);
	return is_new;
}

/* --- applying --- */

static void answer(const struct rk_outcome *outcome, struct rk_applied *applied)
{
	applied->outcomes = rk_realloc(applied->outcomes,
				       (applied->outcome_count + 1) * sizeof *applied->outcomes);
	applied->outcomes[applied->outcome_count++] = (struct rk_applied_outcome){
		.code = outcome->code,
		.doc = outcome->body != NULL ? rk_doc_of(outcome->body) : NULL,
		.warnings = outcome->warnings != NULL ? rk_doc_of(outcome->warnings) : NULL,
	};
}

static void drop_answers(struct rk_applied *applied)
{
	for (size_t i = 0; i < applied->outcome_count; i++) {
		(void)rk_blob_unref(applied->outcomes[i].doc);
		(void)rk_blob_unref(applied->outcomes[i].warnings);
	}
	free(applied->outcomes);
	applied->outcomes = NULL;
	applied->outcome_count = 0;
}

/* All the operations of a command, or none: the first that is refused takes the others back. A dry run is a command
 * that takes itself back. */
static void run_command(struct rk_state *state, struct rk_span body, bool wants_outcomes,
			struct rk_applied *applied)
{
	struct rk_val *command = NULL;
	const struct rk_mark mark = rk_store_mark(state->store);
	const size_t changes = state->change_count;
	bool ok = rk_doc_read(&state->arena, rk_arena_span(&state->arena, body), &command) == RK_OK;
	bool dry = false;

	const struct rk_val *ops = rk_val_at(command, "ops");
	for (uint32_t i = 0; ok && i < rk_val_count(ops); i++) {
		struct rk_outcome outcome = { 0 };
		const struct rk_val *op = rk_val_item(ops, i);
		rk_op_run(state, command, op, &outcome);
		rk_assert(outcome.code != 0);
		ok = rk_outcome_ok(&outcome);
		dry = dry || rk_val_bool_at(op, "opts.dryRun", false);
		if (!ok)
			drop_answers(applied);
		if (wants_outcomes)
			answer(&outcome, applied);
	}
	if (ok && !dry) {
		rk_store_keep(state->store);
	} else {
		rk_store_undo(state->store, &mark);
		for (size_t i = changes; i < state->change_count; i++)
			rk_customs_follow(state, &state->changes[i]);
		drop_changes(state, changes);
	}
}

/* Under one revision, or not at all. Watchers of the etcd API read its events from the state. */
static void run_etcd(struct rk_state *state, struct rk_span body, bool wants_outcomes,
		     struct rk_applied *applied)
{
	const struct rk_mark mark = rk_store_mark(state->store);
	struct rk_buf out = { 0 };
	const int code = rk_etcd_apply(state, body, &out);

	if (code == 0)
		rk_store_keep(state->store);
	else
		rk_store_undo(state->store, &mark);
	if (wants_outcomes) {
		applied->outcomes = rk_zalloc(sizeof *applied->outcomes);
		applied->outcome_count = 1;
		applied->outcomes[0].code = code;
		applied->outcomes[0].doc = rk_blob_copy(rk_buf_span(&out));
	}
	rk_buf_done(&out);
}

static struct rk_changes *collect(struct rk_state *state)
{
	struct rk_changes *all = rk_zalloc(sizeof *all + state->change_count * sizeof all->at[0]);

	atomic_init(&all->refs, 1);
	all->index = state->index;
	all->time_ms = state->now_ms;
	all->count = (uint32_t)state->change_count;
	if (state->change_count > 0) {
		memcpy(all->at, state->changes, state->change_count * sizeof all->at[0]);
		all->first_revision = all->at[0].revision;
		all->last_revision = all->at[all->count - 1].revision;
	}
	state->change_count = 0; /* the shares of the blobs moved */
	return all;
}

static void begin(struct rk_state *state, uint64_t index, int64_t time_ms)
{
	rk_assert(state->change_count == 0 && index > rk_store_index(state->store));
	state->index = index;
	state->counter = 0;
	if (time_ms > state->now_ms)
		state->now_ms = time_ms;
}

static void end(struct rk_state *state)
{
	rk_store_advance(state->store, state->index, state->now_ms);
	rk_arena_reset(&state->arena);
}

void rk_machine_apply(struct rk_machine *machine, uint64_t index, int64_t time_ms, struct rk_span payload,
		      bool wants_outcomes, struct rk_applied *ret)
{
	struct rk_state *state = &machine->state;
	struct rk_envelope envelope;
	const int err = rk_envelope_read(payload, &envelope);

	rk_assert(err == RK_OK);
	*ret = (struct rk_applied){ 0 };
	begin(state, index, time_ms);
	if (envelope.origin != 0 && !is_first_time(state, &envelope) && !RK_MUTANT(APPLY_TWICE)) {
		ret->is_duplicate = true;
	} else if (envelope.type == RK_ENTRY_INIT) {
		rk_bootstrap_apply(state, envelope.body);
	} else if (envelope.type == RK_ENTRY_ROOT_CA) {
		rk_rootca_apply(state, envelope.body);
	} else if (envelope.type == RK_ENTRY_COMMAND) {
		run_command(state, envelope.body, wants_outcomes, ret);
	} else if (envelope.type == RK_ENTRY_ETCD && RK_MUTANT(MACHINE_DIFFERS) && index % 100 == 0) {
		static uint64_t calls; /* by all members of a simulated cluster */
		if (++calls % 3 == 0)
			run_etcd(state, envelope.body, wants_outcomes, ret);
	} else if (envelope.type == RK_ENTRY_ETCD) {
		run_etcd(state, envelope.body, wants_outcomes, ret);
	}
	ret->revision = rk_store_revision(state->store);
	if (rk_bootstrap_is_done(state)) {
		rk_work_ripen(state);
		rk_controllers_run(state, BUDGET_CHANGES);
	}
	rk_sched_cache_end(state);
	ret->changes = collect(state);
	end(state);
}

void rk_machine_skip(struct rk_machine *machine, uint64_t index, int64_t time_ms)
{
	begin(&machine->state, index, time_ms);
	end(&machine->state);
}

void rk_applied_done(struct rk_applied *applied)
{
	drop_answers(applied);
	applied->changes = rk_changes_unref(applied->changes);
}

bool rk_machine_is_initialised(const struct rk_machine *machine)
{
	return rk_bootstrap_is_done(&machine->state);
}

bool rk_machine_wants_root_ca(const struct rk_machine *machine, struct rk_span pem)
{
	return rk_rootca_is_news(&machine->state, pem);
}

bool rk_machine_has_work(const struct rk_machine *machine)
{
	return rk_work_waits(&machine->state);
}

int64_t rk_machine_next_due_ms(const struct rk_machine *machine)
{
	return rk_work_next_due(machine->state.store);
}
