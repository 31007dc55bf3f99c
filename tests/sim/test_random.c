/* Random histories of clients of the model itself are right; with one answer changed they are found
 * wrong, or the change says nothing; and two checks that know nothing of each other do not
 * contradict each other. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "base/mem.h"
#include "sim/check_linear.h"
#include "sim/check_watch.h"
#include "sim/check_wgl.h"

#define CLIENTS  6
#define WATCHERS 3

struct client {
	size_t op; /* SIZE_MAX: idle */
	bool is_done;
	struct rk_hist_answer answer;
};

struct world {
	uint64_t seed;
	struct rk_history history;
	struct rk_model model;
	int64_t clock, compacted;
	int64_t next_value, next_lease, ended_lease;
	unsigned keys, lost_percent;
	struct client clients[CLIENTS];
	int64_t sent[WATCHERS]; /* revision that each watcher has */
};

static uint64_t dice(struct world *world, uint64_t sides)
{
	world->seed = world->seed * 6364136223846793005u + 1442695040888963407u;
	return (world->seed >> 33) % sides;
}

static struct rk_span text(struct world *world, const char *letter, uint64_t number)
{
	return rk_span_str(rk_arena_printf(&world->history.arena, "%s%d", letter, (int)number));
}

static struct rk_hist_range some_range(struct world *world)
{
	const uint64_t from = dice(world, world->keys);

	if (dice(world, 2) == 0)
		return (struct rk_hist_range){ .key = text(world, "k", from) };
	return (struct rk_hist_range){ text(world, "k", from),
				       text(world, "k", from + 1 + dice(world, 3)) };
}

static struct rk_hist_request simple(struct world *world)
{
	const uint64_t what = dice(world, 10);
	struct rk_hist_request request = { .kind = RK_HIST_RANGE };

	if (what < 5) {
		request.kind = RK_HIST_PUT;
		request.range.key = text(world, "k", dice(world, world->keys));
		request.value = text(world, "v", (uint64_t)world->next_value++);
		request.prev_kv = dice(world, 3) == 0;
		request.lease = dice(world, 6) == 0 ? ++world->next_lease : 0;
	} else if (what < 7) {
		request.kind = RK_HIST_DELETE;
		request.range = some_range(world);
		request.prev_kv = dice(world, 3) == 0;
	} else {
		request.range = some_range(world);
	}
	return request;
}

static struct rk_hist_request txn(struct world *world)
{
	struct rk_arena *arena = &world->history.arena;
	struct rk_hist_request *ops = rk_arena_zalloc(arena, 2 * sizeof *ops);
	struct rk_hist_compare *compare = rk_arena_zalloc(arena, sizeof *compare);

	ops[0] = simple(world);
	ops[1] = simple(world);
	compare->key = text(world, "k", dice(world, world->keys));
	compare->target = dice(world, 2) == 0 ? RK_HIST_VERSION : RK_HIST_CREATED;
	compare->relation = dice(world, 2) == 0 ? RK_HIST_EQUAL : RK_HIST_GREATER;
	return (struct rk_hist_request){ .kind = RK_HIST_TXN,
					 .compares = compare,
					 .compare_count = 1,
					 .then_ops = &ops[0],
					 .then_count = 1,
					 .else_ops = &ops[1],
					 .else_count = 1 };
}

static struct rk_hist_request some_request(struct world *world)
{
	const uint64_t what = dice(world, 20);

	if (what < 3)
		return txn(world);
	struct rk_hist_request request = simple(world);
	if (request.kind != RK_HIST_RANGE)
		return request;
	if (what < 8)
		request.serializable = true;
	else if (what < 10 && world->model.revision > 1)
		request.revision = 1 + (int64_t)dice(world, (uint64_t)world->model.revision);
	else if (what < 11 && world->model.revision > 4 && dice(world, 3) == 0)
		request = (struct rk_hist_request){
			.kind = RK_HIST_COMPACT,
			.revision = 1 + (int64_t)dice(world, (uint64_t)world->model.revision)
		};
	return request;
}

/* It happens now. A serializable read may be answered by a member that is a little behind. */
static void perform(struct world *world, struct client *client)
{
	const struct rk_hist_request *request = &world->history.ops[client->op].request;
	struct rk_hist_request old = *request;
	struct rk_hist_answer *answer = &client->answer;
	int64_t lag = 0;

	client->is_done = true;
	*answer = (struct rk_hist_answer){ 0 };
	if (request->kind == RK_HIST_COMPACT && request->revision <= world->compacted) {
		answer->code = RK_HIST_COMPACTED;
	} else if (request->kind == RK_HIST_RANGE && request->revision > 0 &&
		   request->revision < world->compacted) {
		answer->code = RK_HIST_COMPACTED;
	} else {
		if (request->serializable && world->model.revision > 3) {
			lag = (int64_t)dice(world, 3);
			old.revision = world->model.revision - lag;
		}
		(void)rk_model_run(&world->model, &world->history.arena, &old,
				   world->model.revision + 1, answer);
		answer->revision -= lag;
		if (request->kind == RK_HIST_COMPACT)
			world->compacted = request->revision;
	}
}

/* The oldest lease that has not ended does. */
static void end_lease(struct world *world)
{
	struct rk_hist_answer answer;

	if (world->ended_lease == world->next_lease)
		return;
	(void)rk_model_run(&world->model, &world->history.arena,
			   &(struct rk_hist_request){ .kind = RK_HIST_LEASE_END,
						      .lease = ++world->ended_lease },
			   world->model.revision + 1, &answer);
}

static void move_client(struct world *world, size_t number)
{
	struct client *client = &world->clients[number];

	if (client->op == SIZE_MAX) {
		const struct rk_hist_request request = some_request(world);
		struct rk_hist_op *op = rk_history_op(&world->history);
		op->client = (int64_t)number;
		op->invoked_at = ++world->clock;
		op->request = request;
		client->op = world->history.op_count - 1;
		client->is_done = false;
	} else if (dice(world, 100) < world->lost_percent) {
		if (!client->is_done && dice(world, 2) == 0)
			perform(world, client);
		client->op = SIZE_MAX; /* no answer comes */
	} else if (!client->is_done) {
		perform(world, client);
	} else {
		world->history.ops[client->op].answer = client->answer;
		world->history.ops[client->op].returned_at = ++world->clock;
		client->op = SIZE_MAX;
	}
}

struct change {
	struct rk_model_version version;
	const struct rk_hist_kv *prev;
};

static int by_order(const void *left, const void *right)
{
	const struct change *a = left, *b = right;

	if (a->version.kv.modified != b->version.kv.modified)
		return a->version.kv.modified < b->version.kv.modified ? -1 : 1;
	return a->version.sub < b->version.sub ? -1 : 1;
}

/* The watcher gets everything that is new. */
static void move_watcher(struct world *world, size_t number)
{
	struct rk_hist_watch *watch = &world->history.watches[number];
	const struct rk_model *model = &world->model;
	struct change *changes = NULL;
	size_t count = 0, capacity = 0;

	for (size_t i = 0; i < model->count; i++) {
		const struct rk_model_key *key = &model->keys[i];
		for (size_t j = key->count; j > 0; j--) {
			if (key->versions[j - 1].kv.modified <= world->sent[number])
				break;
			if (!rk_hist_range_has(&watch->range, key->key))
				continue;
			changes = rk_grow(changes, &capacity, count + 1, sizeof *changes);
			const bool has_prev = j > 1 && key->versions[j - 2].kv.version > 0;
			changes[count++] =
				(struct change){ key->versions[j - 1],
						 has_prev ? &key->versions[j - 2].kv : NULL };
		}
	}
	if (count > 0)
		qsort(changes, count, sizeof *changes, by_order);
	struct rk_hist_event *events =
		rk_arena_zalloc(&world->history.arena, (count + 1) * sizeof *events);
	for (size_t i = 0; i < count; i++) {
		events[i].is_delete = changes[i].version.kv.version == 0;
		events[i].kv = changes[i].version.kv;
		events[i].has_prev = watch->prev_kv && changes[i].prev != NULL;
		if (events[i].has_prev)
			events[i].prev = *changes[i].prev;
	}
	free(changes);
	struct rk_hist_response *response = rk_history_response(watch);
	*response = (struct rk_hist_response){ .at = ++world->clock,
					       .revision = model->revision,
					       .is_progress = count == 0,
					       .count = count,
					       .events = events };
	world->sent[number] = model->revision;
}

static void run_world(struct world *world, uint64_t seed, unsigned ops, unsigned keys,
		      unsigned lost_percent, unsigned watchers)
{
	*world = (struct world){ .seed = seed * 7919 + 1,
				 .keys = keys,
				 .lost_percent = lost_percent,
				 .model = { .revision = 1 } };
	for (size_t i = 0; i < CLIENTS; i++)
		world->clients[i].op = SIZE_MAX;
	for (unsigned i = 0; i < watchers; i++) {
		struct rk_hist_watch *watch = rk_history_watch(&world->history);
		watch->client = 100 + (int64_t)i;
		watch->from = 2;
		watch->prev_kv = i == 0;
		watch->range = i == 0 ? (struct rk_hist_range){ RK_SPAN("k"), rk_span_of("", 1) }
				      : some_range(world);
		world->sent[i] = 1;
	}
	while (world->history.op_count < ops) {
		move_client(world, dice(world, CLIENTS));
		if (dice(world, 40) == 0)
			end_lease(world);
		if (watchers > 0 && dice(world, 8) == 0)
			move_watcher(world, dice(world, watchers));
	}
	/* What never got an answer may never have happened: then an event of it is missed by
	 * nobody. */
	for (size_t i = 0; i < CLIENTS && lost_percent == 0; i++)
		while (world->clients[i].op != SIZE_MAX)
			move_client(world, i);
	for (unsigned i = 0; i < 2 * watchers;
	     i++) /* the second time a notification tells that this was all */
		move_watcher(world, i % watchers);
}

static void end_world(struct world *world)
{
	rk_history_done(&world->history);
	rk_model_done(&world->model);
}

static bool judge(const struct world *world, struct rk_findings *findings)
{
	const struct rk_linear_opts opts = { .first_revision = 1, .is_dense = true };
	struct rk_model truth = { 0 };
	bool is_right = rk_check_linear(&world->history, &opts, &truth, findings);

	if (is_right)
		is_right = rk_check_watch(&world->history, &truth, findings);
	rk_model_done(&truth);
	return is_right;
}

Test(random, histories_of_the_model_are_right)
{
	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct rk_findings findings = { 0 };
		struct world world;
		run_world(&world, seed, 200, (unsigned)(4 + seed % 5), (unsigned)(seed % 4 * 3), 3);
		cr_expect(judge(&world, &findings), "seed %d: %s", (int)seed,
			  rk_buf_cstr(&findings.text));
		rk_findings_done(&findings);
		end_world(&world);
	}
}

/* Nobody sees everything here: lost operations are told by their effects alone. */
Test(random, without_watchers)
{
	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct rk_findings findings = { 0 };
		struct world world;
		run_world(&world, seed, 60, 3, 2, 0);
		cr_expect(judge(&world, &findings), "seed %d: %s", (int)seed,
			  rk_buf_cstr(&findings.text));
		rk_findings_done(&findings);
		end_world(&world);
	}
}

Test(random, a_long_one)
{
	struct rk_findings findings = { 0 };
	struct world world;

	run_world(&world, 5, 100000, 50, 1, 2);
	cr_expect(judge(&world, &findings), "%s", rk_buf_cstr(&findings.text));
	rk_findings_done(&findings);
	end_world(&world);
}

/* --- one thing changed --- */

static struct rk_hist_kv *some_kv(struct world *world, struct rk_hist_answer *answer)
{
	if (answer->kv_count == 0)
		return NULL;
	struct rk_hist_kv *kvs =
		rk_arena_alloc(&world->history.arena, answer->kv_count * sizeof *kvs);
	memcpy(kvs, answer->kvs, answer->kv_count * sizeof *kvs);
	answer->kvs = kvs;
	return &kvs[dice(world, answer->kv_count)];
}

/* A read that is right, but of before something that had returned. */
static bool make_stale(struct world *world, struct rk_hist_op *op)
{
	struct rk_hist_request old = op->request;
	int64_t before = 0;

	if (old.kind != RK_HIST_RANGE || old.serializable || old.revision != 0)
		return false;
	for (size_t i = 0; i < world->history.op_count; i++) {
		const struct rk_hist_op *other = &world->history.ops[i];
		if (other->returned_at < op->invoked_at && other->answer.code == RK_HIST_OK &&
		    !other->request.serializable)
			before = RK_MAX(before, other->answer.revision);
	}
	if (before < 3)
		return false;
	old.revision = before - 1;
	(void)rk_model_run(&world->model, &world->history.arena, &old, world->model.revision + 1,
			   &op->answer);
	op->answer.revision = before - 1;
	return true;
}

/* False: this answer has nothing of the kind. */
static bool change_answer(struct world *world, struct rk_hist_op *op, unsigned how)
{
	struct rk_hist_answer *answer = &op->answer;
	struct rk_hist_kv *kv = NULL;

	if (op->returned_at == RK_HIST_NEVER || answer->code != RK_HIST_OK)
		return false;
	if (how < 4)
		kv = some_kv(world, answer);
	if (how < 4 && kv == NULL)
		return false;
	switch (how) {
	case 0: kv->value = RK_SPAN("wrong"); return true;
	case 1: kv->version += dice(world, 2) == 0 ? 1 : -1; return true;
	case 2: kv->modified += dice(world, 2) == 0 ? 1 : -1; return true;
	case 3: /* one is left out */
		if (op->request.kind != RK_HIST_RANGE)
			return false;
		*kv = answer->kvs[answer->kv_count - 1];
		answer->kv_count--;
		answer->count--;
		return true;
	case 4:
		if (op->request.kind != RK_HIST_DELETE)
			return false;
		answer->count += dice(world, 2) == 0 || answer->count == 0 ? 1 : -1;
		return true;
	case 5:
		if (op->request.kind != RK_HIST_TXN)
			return false;
		answer->succeeded = !answer->succeeded;
		return true;
	case 6:
		if (op->request.kind != RK_HIST_PUT)
			return false;
		answer->revision += dice(world, 2) == 0 ? 1 : -1;
		return true;
	case 7: /* a write that says it was refused, and was not */
		if (op->request.kind != RK_HIST_PUT)
			return false;
		answer->code = RK_HIST_REFUSED;
		return true;
	default: return make_stale(world, op);
	}
}

static const char *const answer_changes[] = { "value",        "version", "mod revision",
					      "key left out", "deleted", "branch",
					      "revision",     "refused", "stale" };

Test(random, a_changed_answer_is_found)
{
	unsigned total = 0, missed = 0;

	for (unsigned how = 0; how < RK_COUNT(answer_changes); how++) {
		unsigned made = 0, found = 0;
		for (uint64_t seed = 1; seed <= 100; seed++) {
			struct rk_findings findings = { 0 };
			struct world world;
			run_world(&world, seed, 120, 5, 4, 1);
			bool is_changed = false;
			for (unsigned i = 0; i < 500 && !is_changed; i++)
				is_changed = change_answer(
					&world,
					&world.history.ops[dice(&world, world.history.op_count)],
					how);
			made += is_changed;
			found += is_changed && !judge(&world, &findings);
			rk_findings_done(&findings);
			end_world(&world);
		}
		(void)fprintf(stderr, "answers, %s: %u of %u found\n", answer_changes[how], found,
			      made);
		total += made;
		missed += made - found;
	}
	(void)fprintf(stderr, "answers: %u of %u found\n", total - missed, total);
	cr_expect_gt(total, 600);
	/* What one says it did not delete may have gone with its lease, or by one without an
	 * answer. */
	cr_expect_leq(100 * missed, total);
}

static int64_t asked_to_compact(const struct world *world)
{
	int64_t highest = 0;

	for (size_t i = 0; i < world->history.op_count; i++)
		if (world->history.ops[i].request.kind == RK_HIST_COMPACT)
			highest = RK_MAX(highest, world->history.ops[i].request.revision);
	return highest;
}

/* What a watcher may do wrong, in one response. */
static bool change_watch(struct world *world, struct rk_hist_watch *watch, unsigned how)
{
	struct rk_hist_response *response = &watch->responses[dice(world, watch->count)];
	struct rk_hist_event *events =
		rk_arena_alloc(&world->history.arena, (response->count + 1) * sizeof *events);

	if (response->count == 0)
		return false;
	memcpy(events, response->events, response->count * sizeof *events);
	response->events = events;
	const size_t at = dice(world, response->count);
	switch (how) {
	case 0: /* left out */
		events[at] = events[response->count - 1];
		return --response->count == at; /* else the order is not kept either */
	case 1: events[response->count++] = events[at]; return true;
	case 2:
		if (at == 0 || events[at].kv.modified == events[at - 1].kv.modified)
			return false;
		events[response->count] = events[at];
		events[at] = events[at - 1];
		events[at - 1] = events[response->count];
		return true;
	case 3:
		if (!events[at].has_prev)
			return false;
		events[at].prev.version++;
		return true;
	case 4: /* what is compacted need not be told */
		if (!events[at].has_prev || events[at].kv.modified <= asked_to_compact(world))
			return false;
		events[at].has_prev = false;
		return true;
	case 5: events[at].is_delete = !events[at].is_delete; return true;
	default:
		if (events[at].is_delete)
			return false;
		events[at].kv.value = RK_SPAN("wrong");
		return true;
	}
}

static const char *const watch_changes[] = { "left out",   "twice",        "out of order",
					     "wrong prev", "prev missing", "inverted",
					     "value" };

Test(random, a_changed_event_is_found)
{
	unsigned total = 0, missed = 0;

	for (unsigned how = 0; how < RK_COUNT(watch_changes); how++) {
		unsigned made = 0, found = 0;
		for (uint64_t seed = 1; seed <= 100; seed++) {
			struct rk_findings findings = { 0 };
			struct world world;
			run_world(&world, seed, 120, 5, 0, 1);
			bool is_changed = false;
			for (unsigned i = 0; i < 500 && !is_changed; i++)
				is_changed = change_watch(&world, &world.history.watches[0], how);
			made += is_changed;
			found += is_changed && !judge(&world, &findings);
			rk_findings_done(&findings);
			end_world(&world);
		}
		(void)fprintf(stderr, "events, %s: %u of %u found\n", watch_changes[how], found,
			      made);
		total += made;
		missed += made - found;
	}
	(void)fprintf(stderr, "events: %u of %u found\n", total - missed, total);
	cr_expect_gt(total, 500);
	cr_expect_eq(missed, 0);
}

/* --- two opinions --- */

Test(random, two_opinions)
{
	unsigned right = 0, wrong = 0, only_revisions = 0;

	for (uint64_t seed = 1; seed <= 600; seed++) {
		struct rk_findings findings = { 0 };
		struct world world;
		run_world(&world, seed, 16, 3, 5, 1);
		if (seed % 2 == 0)
			for (unsigned i = 0; i < 100; i++)
				if (change_answer(&world,
						  &world.history.ops[dice(&world,
									  world.history.op_count)],
						  (unsigned)dice(&world, RK_COUNT(answer_changes))))
					break;
		const bool is_linear = judge(&world, &findings);
		const int err = rk_check_wgl(&world.history, &findings);
		cr_assert(err == RK_OK || err == RK_ECORRUPT);
		/* The search knows less, so what it finds wrong is wrong. */
		cr_expect(err == RK_OK || !is_linear, "seed %d: %s", (int)seed,
			  rk_buf_cstr(&findings.text));
		right += err == RK_OK && is_linear;
		wrong += err == RK_ECORRUPT;
		only_revisions += err == RK_OK && !is_linear;
		rk_findings_done(&findings);
		end_world(&world);
	}
	(void)fprintf(stderr, "two opinions: %u right, %u wrong, %u wrong by revisions alone\n",
		      right, wrong, only_revisions);
	cr_expect_gt(right, 250);
	cr_expect_gt(wrong, 50);
}
