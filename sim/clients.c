/* Clients of the etcd API and watchers of its events: what they ask and see is the history that is checked at the end.
 * One more watcher, which cannot fail, sees every event where it first happened. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "control/etcd/apply.h"
#include "control/etcd/keys.h"
#include "control/etcd/run.h"
#include "sim/messages.h"
#include "sim/check_linear.h"
#include "sim/check_watch.h"
#include "sim/check_wgl.h"
#include "sim/history.h"
#include "sim/inner.h"
#include "wire/grpc.h"
#include "wire/proto.h"

#define NO_OP     SIZE_MAX
#define NAMES_MAX (1u << 17) /* slots for proposals; a power of two, and never full */

struct client {
	uint32_t number, node; /* node: that it asks */
	bool waits;
	uint64_t request; /* counts up: answers to earlier ones come too late */
	size_t op;        /* in the history */
};

struct watcher {
	uint32_t node;      /* 0: none, to be chosen */
	uint64_t next;      /* the first revision that it has not seen */
	size_t record;      /* in the history */
	bool prev_kv, no_put, no_delete, all_keys;
	char key[16];
};

struct name { /* of a proposal: what it is in the history */
	uint64_t hash;
	size_t op_and_one;
};

struct sim_clients {
	struct sim *sim;
	uint32_t count;
	struct client *at;
	uint32_t watchers_count;
	struct watcher *watchers;
	uint64_t values;
	uint64_t seen, seen_index; /* revision and entry to which all events were recorded */
	size_t witness; /* its record */
	struct name *names;
	struct rk_history history;
};

static struct rk_span text_of(struct sim_clients *clients, const char *text)
{
	return rk_arena_span(&clients->history.arena, rk_span_str(text));
}

static int64_t now_of(const struct sim *sim) { return (int64_t)sim->now_ms; }

static size_t new_watch(struct sim_clients *clients, int64_t from, const struct rk_hist_range *range)
{
	struct rk_hist_watch *watch = rk_history_watch(&clients->history);

	watch->client = (int64_t)clients->history.watch_count;
	watch->from = from;
	watch->range = *range;
	return clients->history.watch_count - 1;
}

struct sim_clients *sim_clients_new(struct sim *sim)
{
	struct sim_clients *clients = rk_zalloc(sizeof *clients);

	clients->sim = sim;
	clients->names = rk_zalloc(NAMES_MAX * sizeof *clients->names);
	clients->count = sim->params.clients;
	clients->at = rk_zalloc(clients->count * sizeof *clients->at);
	for (uint32_t i = 0; i < clients->count; i++)
		clients->at[i] = (struct client){
			.number = i, .node = 1 + (uint32_t)sim_roll(sim, sim->params.nodes), .op = NO_OP
		};
	clients->watchers_count = sim->params.watchers;
	clients->watchers = rk_zalloc(clients->watchers_count * sizeof *clients->watchers);
	for (uint32_t i = 0; i < clients->watchers_count; i++) {
		struct watcher *watcher = &clients->watchers[i];
		watcher->next = 1;
		watcher->all_keys = sim_roll(sim, 2) == 0;
		watcher->prev_kv = sim_roll(sim, 2) == 0;
		watcher->no_put = sim_roll(sim, 6) == 0;
		watcher->no_delete = !watcher->no_put && sim_roll(sim, 6) == 0;
		(void)snprintf(watcher->key, sizeof watcher->key, "k%u",
			       (unsigned)sim_roll(sim, sim->params.keys));
	}
	const struct rk_hist_range all = { RK_SPAN("\0"), RK_SPAN("\0") };
	clients->witness = new_watch(clients, 1, &all);
	return clients;
}

struct sim_clients *sim_clients_free(struct sim_clients *clients)
{
	rk_history_done(&clients->history);
	free(clients->names);
	free(clients->at);
	free(clients->watchers);
	free(clients);
	return NULL;
}

/* Where a proposal is or will be noted. */
static struct name *name_of(struct sim_clients *clients, uint64_t origin, uint64_t incarnation,
			    uint64_t sequence)
{
	const uint64_t key[3] = { origin, incarnation, sequence };
	const uint64_t hash = rk_hash64(rk_span_of(key, sizeof key), 1) | 1;
	size_t at = hash >> 40;

	while (clients->names[at % NAMES_MAX].hash != 0 && clients->names[at % NAMES_MAX].hash != hash)
		at++;
	clients->names[at % NAMES_MAX].hash = hash;
	return &clients->names[at % NAMES_MAX];
}

/* --- requests --- */

static struct rk_hist_request draw_put(struct sim_clients *clients)
{
	struct sim *sim = clients->sim;
	char key[16], value[24];

	(void)snprintf(key, sizeof key, "k%u", (unsigned)sim_roll(sim, sim->params.keys));
	(void)snprintf(value, sizeof value, "%llu", (unsigned long long)++clients->values);
	return (struct rk_hist_request){ .kind = RK_HIST_PUT,
					 .range.key = text_of(clients, key),
					 .value = text_of(clients, value),
					 .prev_kv = sim_roll(sim, 2) == 0 };
}

static struct rk_hist_range draw_range(struct sim_clients *clients)
{
	struct sim *sim = clients->sim;
	char key[16];

	(void)snprintf(key, sizeof key, "k%u", (unsigned)sim_roll(sim, sim->params.keys));
	if (sim_roll(sim, 3) == 0)
		return (struct rk_hist_range){ text_of(clients, "k"), text_of(clients, "l") };
	return (struct rk_hist_range){ .key = text_of(clients, key) };
}

static struct rk_hist_request draw_txn(struct sim_clients *clients)
{
	struct rk_arena *arena = &clients->history.arena;
	struct rk_hist_compare *compare = rk_arena_zalloc(arena, sizeof *compare);
	struct rk_hist_request *then_ops = rk_arena_zalloc(arena, 2 * sizeof *then_ops);
	struct rk_hist_request *else_ops = rk_arena_zalloc(arena, sizeof *else_ops);

	then_ops[0] = draw_put(clients);
	*compare = (struct rk_hist_compare){ .key = then_ops[0].range.key,
					     .target = RK_HIST_VERSION,
					     .relation = sim_roll(clients->sim, 2) == 0
								 ? RK_HIST_EQUAL
								 : RK_HIST_GREATER,
					     .number = (int64_t)sim_roll(clients->sim, 4) };
	then_ops[1] = (struct rk_hist_request){ .kind = RK_HIST_RANGE,
						.range = draw_range(clients) };
	else_ops[0] = (struct rk_hist_request){ .kind = RK_HIST_DELETE,
						.range = draw_range(clients),
						.prev_kv = true };
	return (struct rk_hist_request){ .kind = RK_HIST_TXN,
					 .compare_count = 1,
					 .then_count = 2,
					 .else_count = 1,
					 .compares = compare,
					 .then_ops = then_ops,
					 .else_ops = else_ops };
}

static struct rk_hist_request draw_read(struct sim_clients *clients, const struct sim_node *node)
{
	struct sim *sim = clients->sim;
	const uint64_t now = rk_store_revision(rk_machine_store(node->machine));
	struct rk_hist_request request = { .kind = RK_HIST_RANGE,
					   .range = draw_range(clients),
					   .serializable = sim_roll(sim, 4) == 0,
					   .count_only = sim_roll(sim, 8) == 0,
					   .limit = (int64_t)(sim_roll(sim, 4) == 0 ? 2 : 0) };

	if (sim_roll(sim, 6) == 0 && now > 20)
		request.revision = (int64_t)(now - sim_roll(sim, 20));
	return request;
}

static struct rk_hist_request draw_request(struct sim_clients *clients, const struct sim_node *node)
{
	struct sim *sim = clients->sim;
	const uint64_t now = rk_store_revision(rk_machine_store(node->machine));
	const uint64_t kind = sim_roll(sim, 20);

	if (sim_strikes(sim, sim->params.compact) && now > 30)
		return (struct rk_hist_request){ .kind = RK_HIST_COMPACT,
						 .revision = (int64_t)(now - sim_roll(sim, 30)) };
	if (kind < 8)
		return draw_read(clients, node);
	if (kind < 14)
		return draw_put(clients);
	if (kind < 16)
		return (struct rk_hist_request){ .kind = RK_HIST_DELETE,
						 .range = draw_range(clients),
						 .prev_kv = sim_roll(sim, 2) == 0 };
	return draw_txn(clients);
}

static void answer_read(struct sim_clients *clients, struct sim_node *node, struct rk_hist_op *op);

static void ask(struct sim_clients *clients, struct sim_node *node, struct client *client)
{
	struct sim *sim = clients->sim;
	RK_AUTO(rk_buf_done) struct rk_buf body = { 0 };
	struct rk_hist_op *op = rk_history_op(&clients->history);

	*op = (struct rk_hist_op){ .client = client->number,
				   .invoked_at = now_of(sim),
				   .returned_at = RK_HIST_NEVER,
				   .request = draw_request(clients, node) };
	client->op = clients->history.op_count - 1;
	client->request++;
	if (op->request.kind == RK_HIST_RANGE && op->request.serializable) {
		answer_read(clients, node, op);
		return;
	}
	if (op->request.kind == RK_HIST_RANGE) {
		client->waits = sim_node_read(sim, node, client, client->request) == RK_OK;
	} else {
		sim_request_encode(&op->request, &body);
		name_of(clients, node->id, node->incarnation, rk_pending_next(&node->pending))
			->op_and_one = client->op + 1;
		client->waits = sim_node_write(sim, node, client, client->request,
					       rk_buf_span(&body)) == RK_OK;
		if (op->request.kind == RK_HIST_COMPACT)
			sim_count(sim, SIM_COMPACTIONS);
	}
	if (client->waits)
		return;
	op->returned_at = now_of(sim); /* it was not taken at all */
	op->answer.code = RK_HIST_REFUSED;
}

/* --- answers --- */

static enum rk_hist_code code_of(int code, struct rk_span text)
{
	if (code == 0)
		return RK_HIST_OK;
	if (rk_span_eq(text, rk_span_str(rk_etcd_error_text(RK_ETCD_COMPACTED))))
		return RK_HIST_COMPACTED;
	if (rk_span_eq(text, rk_span_str(rk_etcd_error_text(RK_ETCD_FUTURE_REVISION))))
		return RK_HIST_FUTURE;
	return RK_HIST_REFUSED;
}

static void take_answer(struct sim_clients *clients, struct sim_node *node, struct rk_hist_op *op,
			int code, struct rk_span bytes)
{
	const int64_t revision = (int64_t)rk_store_revision(rk_machine_store(node->machine));

	op->returned_at = now_of(clients->sim);
	op->answer.code = code_of(code, bytes);
	op->answer.revision = revision;
	if (op->answer.code == RK_HIST_OK &&
	    sim_answer_decode(&clients->history.arena, &op->request, bytes, &op->answer) < 0)
		sim_fail(clients->sim, "an answer does not decode");
	if (clients->sim->trace) {
		RK_AUTO(rk_buf_done) struct rk_buf text = { 0 };
		rk_hist_op_text(&text, &clients->history, (size_t)(op - clients->history.ops));
		sim_note(clients->sim, "%u: %s, code %d, revision %lld, %lld keys", node->id,
			 rk_buf_cstr(&text), op->answer.code, (long long)revision,
			 (long long)op->answer.count);
	}
}

static void answer_read(struct sim_clients *clients, struct sim_node *node, struct rk_hist_op *op)
{
	const struct rk_store *store = rk_machine_store(node->machine);
	const struct rk_etcd_run run = { .root = rk_store_root(store),
					 .now = rk_store_revision(store) };
	const struct rk_etcd_range_request request = {
		.range = { op->request.range.key, op->request.range.end },
		.limit = op->request.limit,
		.revision = op->request.revision,
		.count_only = op->request.count_only,
	};
	RK_AUTO(rk_buf_done) struct rk_buf out = { 0 };
	const enum rk_etcd_error error = rk_etcd_range(&run, &request, &out);

	if (error != RK_ETCD_OK) {
		rk_buf_clear(&out);
		rk_buf_put_str(&out, rk_etcd_error_text(error));
	}
	take_answer(clients, node, op, rk_etcd_error_code(error), rk_buf_span(&out));
	sim_count(clients->sim, SIM_READS);
}

/* The client goes on, sometimes with another member. */
static struct rk_hist_op *end_request(struct sim *sim, struct client *client)
{
	client->waits = false;
	const struct sim_node *leader = sim->healed ? sim_leader(sim) : NULL;
	if (leader != NULL)
		client->node = leader->id; /* of those that are left, one answers for sure */
	else if (sim_roll(sim, 4) == 0)
		client->node = 1 + (uint32_t)sim_roll(sim, sim->params.nodes);
	return &sim->clients->history.ops[client->op];
}

void sim_client_wrote(struct sim *sim, struct sim_node *node, void *of, uint64_t request, int err,
		      int code, struct rk_span answer)
{
	struct client *client = of;

	if (client->request != request)
		return;
	struct rk_hist_op *op = end_request(sim, client);
	if (err == RK_OK) {
		sim_count(sim, SIM_WRITES);
		take_answer(sim->clients, node, op, code, answer);
	} else if (err == RK_EAGAIN) { /* it was never proposed */
		op->returned_at = now_of(sim);
		op->answer.code = RK_HIST_REFUSED;
	} else {
		sim_count(sim, SIM_UNKNOWN);
	}
}

void sim_client_may_read(struct sim *sim, struct sim_node *node, void *of, uint64_t request, int err)
{
	struct client *client = of;

	if (client->request != request)
		return;
	struct rk_hist_op *op = end_request(sim, client);
	if (err == RK_OK) {
		answer_read(sim->clients, node, op);
		return;
	}
	op->returned_at = now_of(sim);
	op->answer.code = RK_HIST_REFUSED;
}

void sim_clients_node_died(struct sim *sim, struct sim_node *node)
{
	struct sim_clients *clients = sim->clients;

	for (uint32_t i = 0; i < clients->count; i++) {
		struct client *client = &clients->at[i];
		if (client->waits && client->node == node->id) {
			(void)end_request(sim, client); /* which stays without an answer */
			client->request++;
			sim_count(sim, SIM_UNKNOWN);
		}
	}
	for (uint32_t i = 0; i < clients->watchers_count; i++)
		if (clients->watchers[i].node == node->id)
			clients->watchers[i].node = 0;
}

/* --- watches --- */

static struct rk_hist_kv keep_kv(struct rk_arena *arena, const struct rk_etcd_kv *kv)
{
	return (struct rk_hist_kv){ .key = rk_arena_span(arena, kv->key),
				    .value = rk_arena_span(arena, kv->value),
				    .created = kv->created,
				    .modified = kv->modified,
				    .version = kv->version,
				    .lease = kv->lease };
}

static struct rk_hist_event keep_event(struct sim_clients *clients, const struct rk_node *root,
				       const struct rk_etcd_event *event, bool prev_kv)
{
	struct rk_arena *arena = &clients->history.arena;
	struct rk_hist_event kept = { .is_delete = event->is_delete };
	struct rk_etcd_kv prev;

	if (event->is_delete)
		kept.kv = (struct rk_hist_kv){ .key = rk_arena_span(arena, event->key),
					       .modified = (int64_t)event->revision };
	else
		kept.kv = keep_kv(arena, &event->kv);
	kept.has_prev = prev_kv && rk_etcd_get(root, event->key, event->revision - 1, &prev);
	if (kept.has_prev)
		kept.prev = keep_kv(arena, &prev);
	return kept;
}

static bool wants(const struct watcher *watcher, const struct rk_etcd_event *event)
{
	if (event->is_delete ? watcher->no_delete : watcher->no_put)
		return false;
	return watcher->all_keys || rk_span_is(event->key, watcher->key);
}

/* Everything that is new at this member, up to a limit, but never a part of a revision. */
static void read_events(struct sim_clients *clients, const struct rk_node *root, uint64_t now,
			struct watcher *watcher, size_t most)
{
	struct rk_hist_event found[64];
	struct rk_etcd_events events;
	struct rk_etcd_event event;
	size_t count = 0;
	uint64_t done = now;

	rk_etcd_events_begin(&events, root, watcher->next);
	while (rk_etcd_events_next(&events, &event)) {
		if (count >= most && (count == 0 || (uint64_t)found[count - 1].kv.modified != event.revision)) {
			done = event.revision - 1;
			break;
		}
		if (count < RK_COUNT(found) && wants(watcher, &event))
			found[count++] = keep_event(clients, root, &event, watcher->prev_kv);
	}
	watcher->next = done + 1;
	if (count == 0 && sim_roll(clients->sim, 20) != 0)
		return;
	struct rk_hist_response *response =
		rk_history_response(&clients->history.watches[watcher->record]);
	*response = (struct rk_hist_response){ .at = now_of(clients->sim),
					       .revision = (int64_t)(count == 0 ? done : now),
					       .is_progress = count == 0,
					       .count = count };
	struct rk_hist_event *kept = rk_arena_alloc(&clients->history.arena, (count + 1) * sizeof *kept);
	if (count > 0)
		memcpy(kept, found, count * sizeof *kept);
	response->events = kept;
	clients->sim->result->counts[SIM_EVENTS] += count;
}

static void begin_watch(struct sim_clients *clients, struct sim_node *node, struct watcher *watcher)
{
	const struct rk_hist_range all = { RK_SPAN("\0"), RK_SPAN("\0") };
	const struct rk_hist_range one = { .key = text_of(clients, watcher->key) };

	watcher->node = node->id;
	watcher->record =
		new_watch(clients, (int64_t)watcher->next, watcher->all_keys ? &all : &one);
	struct rk_hist_watch *watch = &clients->history.watches[watcher->record];
	watch->prev_kv = watcher->prev_kv;
	watch->no_put = watcher->no_put;
	watch->no_delete = watcher->no_delete;
	*rk_history_response(watch) = (struct rk_hist_response){
		.at = now_of(clients->sim),
		.revision = (int64_t)rk_store_revision(rk_machine_store(node->machine)),
		.is_created = true,
	};
}

static void cancel_watch(struct sim_clients *clients, struct watcher *watcher, uint64_t now,
			 uint64_t compacted)
{
	struct rk_hist_watch *watch = &clients->history.watches[watcher->record];

	*rk_history_response(watch) = (struct rk_hist_response){ .at = now_of(clients->sim),
								 .revision = (int64_t)now,
								 .is_cancel = true,
								 .compacted = (int64_t)compacted };
	watcher->next = compacted;
	watcher->node = 0;
}

static void watch(struct sim_clients *clients, struct sim_node *node, struct watcher *watcher)
{
	const struct rk_store *store = rk_machine_store(node->machine);
	const struct rk_node *root = rk_store_root(store);
	const uint64_t now = rk_store_revision(store);
	const uint64_t compacted = rk_etcd_mark(root, RK_ETCD_COMPACT);

	if (watcher->node == 0 && sim_roll(clients->sim, 8) == 0)
		begin_watch(clients, node, watcher);
	if (watcher->node != node->id || sim_roll(clients->sim, 3) == 0)
		return;
	if (watcher->next < compacted)
		cancel_watch(clients, watcher, now, compacted);
	else if (now >= watcher->next)
		read_events(clients, root, now, watcher, 1 + sim_roll(clients->sim, 32));
	if (sim_roll(clients->sim, 500) == 0)
		watcher->node = 0; /* it goes to another member, and on from where it was */
}

/* What became of a request that may never be answered: it happened here, or changed nothing. */
static void resolve(struct sim_clients *clients, const struct rk_entry *entry, bool has_changed,
		    uint64_t revision)
{
	struct rk_envelope envelope;

	if (entry->kind != RK_ENTRY_NORMAL ||
	    rk_envelope_read(rk_blob_span(entry->payload), &envelope) < 0 || envelope.origin == 0)
		return;
	const struct name *name =
		name_of(clients, envelope.origin, envelope.incarnation, envelope.sequence);
	if (name->op_and_one == 0)
		return;
	struct rk_hist_op *op = &clients->history.ops[name->op_and_one - 1];
	if (op->returned_at == RK_HIST_NEVER && op->answer.revision == 0)
		op->answer.revision = has_changed ? (int64_t)revision : RK_HIST_NOWHERE;
}

void sim_clients_applied(struct sim *sim, struct sim_node *node, const struct rk_entry *entry)
{
	struct sim_clients *clients = sim->clients;
	const struct rk_store *store = rk_machine_store(node->machine);
	struct watcher all = { .next = clients->seen + 1,
			       .record = clients->witness,
			       .all_keys = true };

	if (entry->index <= clients->seen_index)
		return;
	clients->seen_index = entry->index;
	resolve(clients, entry, rk_store_revision(store) > clients->seen, rk_store_revision(store));
	if (rk_store_revision(store) <= clients->seen)
		return;
	read_events(clients, rk_store_root(store), rk_store_revision(store), &all, SIZE_MAX);
	clients->seen = rk_store_revision(store);
}

void sim_clients_turn(struct sim *sim, struct sim_node *node)
{
	struct sim_clients *clients = sim->clients;

	for (uint32_t i = 0; i < clients->count; i++) {
		struct client *client = &clients->at[i];
		if (!client->waits && client->node == node->id && !node->is_witness &&
		    sim_roll(sim, 100) < sim->params.busy_percent &&
		    sim->applied_max < SIM_INDEX_MAX - 4096)
			ask(clients, node, client);
		const struct sim_node *at = &sim->nodes[client->node];
		if (!client->waits && (!at->up || at->is_witness) && sim_roll(sim, 10) == 0)
			client->node = 1 + (uint32_t)sim_roll(sim, sim->params.nodes);
	}
	for (uint32_t i = 0; i < clients->watchers_count && !node->is_witness; i++)
		watch(clients, node, &clients->watchers[i]);
}

void sim_clients_check(struct sim *sim)
{
	struct sim_clients *clients = sim->clients;
	for (size_t i = 0; i < clients->history.op_count; i++) {
		struct rk_hist_op *op = &clients->history.ops[i];
		if (op->returned_at == RK_HIST_NEVER && op->answer.revision == 0)
			op->answer.revision = RK_HIST_NOWHERE; /* no member ever applied it */
	}
	const struct rk_linear_opts opts = { .complete = clients->witness + 1 };
	struct rk_findings findings = { 0 };
	struct rk_model truth = { 0 };

	if (rk_check_linear(&clients->history, &opts, &truth, &findings))
		(void)rk_check_watch(&clients->history, &truth, &findings);
	rk_model_done(&truth);
	if (findings.count > 0)
		sim_fail(sim, "%.400s", rk_buf_cstr(&findings.text));
	if (clients->history.op_count <= RK_WGL_OPS_MAX &&
	    rk_check_wgl(&clients->history, &findings) == RK_ECORRUPT)
		sim_fail(sim, "%.400s", rk_buf_cstr(&findings.text));
	rk_findings_done(&findings);
}
