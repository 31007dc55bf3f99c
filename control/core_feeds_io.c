/* What the core tells the connection threads: after each turn the news, then the answers. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/clock_io.h"
#include "base/mem.h"
#include "control/core_inner.h"
#include "wire/doc.h"

void rk_feed_news_free(struct rk_feed_news *news)
{
	(void)rk_view_unref(news->view);
	(void)rk_kinds_free(news->kinds);
	for (size_t i = 0; i < news->count; i++)
		(void)rk_changes_unref(news->changes[i]);
	free(news->changes);
	free(news);
}

void rk_feed_answer_free(struct rk_feed_answer *answer)
{
	for (size_t i = 0; i < answer->count; i++) {
		(void)rk_blob_unref(answer->results[i].doc);
		(void)rk_blob_unref(answer->results[i].warnings);
	}
	free(answer->results);
	free(answer);
}

void rk_core_answer(struct rk_core *core, struct rk_feed *feed, struct rk_feed_answer *answer)
{
	answer->message.kind = RK_FEED_ANSWER;
	feed->is_answered = true;
	core->answers = rk_grow(core->answers, &core->answers_capacity, core->answers_count + 1,
				sizeof *core->answers);
	core->answers[core->answers_count].feed = feed;
	core->answers[core->answers_count++].answer = answer;
}

void rk_core_answer_err(struct rk_core *core, struct rk_feed *feed, uint64_t request_id, int err)
{
	struct rk_feed_answer *answer = rk_zalloc(sizeof *answer);

	answer->request_id = request_id;
	answer->err = err;
	rk_core_answer(core, feed, answer);
}

static void send_news(struct rk_core *core, struct rk_feed *feed, struct rk_view *view)
{
	struct rk_feed_news *news = rk_zalloc(sizeof *news);

	news->message.kind = RK_FEED_NEWS;
	news->view = rk_view_ref(view);
	news->kinds = rk_kinds_ref(rk_machine_kinds(core->machine));
	news->leader_id = core->told_leader;
	news->term = core->out.term;
	news->restarted = feed->needs_restart || core->restarted;
	if (!news->restarted && core->changes_count > 0) {
		news->count = core->changes_count;
		news->changes = rk_alloc(news->count * sizeof *news->changes);
		for (size_t i = 0; i < news->count; i++)
			news->changes[i] = rk_changes_ref(core->changes[i]);
	}
	feed->needs_restart = feed->is_behind = false;
	rk_queue_push(feed->queue, &news->message);
}

/* Whether it must be told now of a state that it does not have yet. */
static bool is_due(const struct rk_core *core, const struct rk_feed *feed)
{
	return feed->needs_restart || core->changes_count > 0 || core->restarted ||
	       core->leader_changed ||
	       (feed->is_behind && (feed->is_answered || core->is_late ||
				    atomic_load_explicit(&feed->is_in_a_hurry, memory_order_relaxed)));
}

void rk_core_publish(struct rk_core *core)
{
	struct rk_view *view = NULL;

	for (struct rk_feed *feed = core->feeds; feed != NULL; feed = feed->next) {
		feed->is_behind = feed->is_behind || core->moved;
		if (is_due(core, feed)) {
			if (view == NULL)
				view = rk_store_view(rk_machine_store(core->machine));
			send_news(core, feed, view);
		}
		feed->is_answered = false;
	}
	(void)rk_view_unref(view);
	for (size_t i = 0; i < core->answers_count; i++)
		rk_queue_push(core->answers[i].feed->queue, &core->answers[i].answer->message);
	for (size_t i = 0; i < core->changes_count; i++)
		(void)rk_changes_unref(core->changes[i]);
	core->changes_count = core->answers_count = 0;
	core->restarted = core->leader_changed = core->moved = core->is_late = false;
}

void rk_core_feed_joined(struct rk_core *core, struct rk_feed *feed)
{
	feed->needs_restart = true;
	feed->next = core->feeds;
	core->feeds = feed;
}

void rk_core_feed_left(struct rk_core *core, struct rk_feed *feed)
{
	size_t kept = 0;

	for (struct rk_feed **at = &core->feeds; *at != NULL; at = &(*at)->next) {
		if (*at == feed) {
			*at = feed->next;
			break;
		}
	}
	for (size_t i = 0; i < core->answers_count; i++) {
		if (core->answers[i].feed == feed)
			rk_feed_answer_free(core->answers[i].answer);
		else
			core->answers[kept++] = core->answers[i];
	}
	core->answers_count = kept;
	rk_core_admins_expire(core, feed);
	rk_pending_forget(&core->pending, feed);
	for (struct rk_message *next = rk_queue_take(feed->queue); next != NULL;) {
		struct rk_message *message = next;
		next = next->next;
		if (message->kind == RK_FEED_NEWS)
			rk_feed_news_free(RK_CONTAINER(message, struct rk_feed_news, message));
		else
			rk_feed_answer_free(RK_CONTAINER(message, struct rk_feed_answer, message));
	}
	(void)rk_queue_free(feed->queue);
	free(feed);
}

/* --- the other side --- */

int rk_core_join(struct rk_core *core, struct rk_feed **ret)
{
	struct rk_feed *feed = rk_zalloc(sizeof *feed);

	if (rk_queue_new(&feed->queue) < 0) {
		free(feed);
		return RK_EIO;
	}
	feed->core = core;
	feed->join.kind = RK_CORE_JOIN;
	feed->leave.kind = RK_CORE_LEAVE;
	rk_queue_push(core->inbox, &feed->join);
	*ret = feed;
	return RK_OK;
}

void rk_core_leave(struct rk_feed *feed) { rk_queue_push(feed->core->inbox, &feed->leave); }

struct rk_queue *rk_feed_queue(struct rk_feed *feed) { return feed->queue; }

void rk_feed_hurry(struct rk_feed *feed, bool is_in_a_hurry)
{
	atomic_store_explicit(&feed->is_in_a_hurry, is_in_a_hurry, memory_order_relaxed);
}

static void request(struct rk_feed *feed, enum rk_core_message kind, uint64_t id,
		    enum rk_entry_type type, struct rk_blob *command, uint32_t deadline_ms)
{
	struct rk_core_request *request = rk_zalloc(sizeof *request);

	request->message.kind = (int)kind;
	request->feed = feed;
	request->id = id;
	request->type = type;
	request->command = command;
	request->deadline_ms = rk_clock_mono_ms() + deadline_ms;
	rk_queue_push(feed->core->inbox, &request->message);
}

void rk_feed_write(struct rk_feed *feed, uint64_t request_id, struct rk_blob *command,
		   uint32_t deadline_ms)
{
	request(feed, RK_CORE_WRITE, request_id, RK_ENTRY_COMMAND, command, deadline_ms);
}

void rk_feed_write_etcd(struct rk_feed *feed, uint64_t request_id, struct rk_blob *body,
			uint32_t deadline_ms)
{
	request(feed, RK_CORE_WRITE, request_id, RK_ENTRY_ETCD, body, deadline_ms);
}

void rk_feed_read(struct rk_feed *feed, uint64_t request_id, uint32_t deadline_ms)
{
	request(feed, RK_CORE_READ, request_id, RK_ENTRY_COMMAND, NULL, deadline_ms);
}

void rk_feed_status(struct rk_feed *feed, uint64_t request_id)
{
	request(feed, RK_CORE_STATUS, request_id, RK_ENTRY_COMMAND, NULL, 0);
}

void rk_feed_admin(struct rk_feed *feed, uint64_t request_id, struct rk_blob *ask,
		   uint32_t deadline_ms)
{
	request(feed, RK_CORE_ADMIN, request_id, RK_ENTRY_COMMAND, ask, deadline_ms);
}

/* --- status --- */

static void put_scrub(struct rk_arena *arena, struct rk_val *val, struct rk_scrub *scrub)
{
	struct rk_scrub_status status;

	if (scrub == NULL)
		return;
	rk_scrub_status(scrub, &status);
	struct rk_val *map = rk_val_make(arena, val, "scrub");
	rk_val_put_int(arena, map, "rounds", (int64_t)status.rounds);
	rk_val_put_int(arena, map, "bytes", (int64_t)status.bytes);
	rk_val_put_int(arena, map, "damaged", (int64_t)status.damaged);
	if (status.where[0] != 0)
		rk_val_put(arena, map, "where", rk_val_strf(arena, "%s", status.where));
}

struct rk_blob *rk_core_status(struct rk_core *core)
{
	struct rk_arena arena = { 0 };
	struct rk_val *val = rk_val_map(&arena);
	const struct rk_store *store = rk_machine_store(core->machine);
	const struct rk_hash128 hash = rk_store_hash(store);
	struct rk_raft_status status;

	rk_raft_status(core->raft, &status);
	const struct {
		const char *key;
		uint64_t value;
	} numbers[] = {
		{ "id", status.id },
		{ "term", status.term },
		{ "leader", status.leader_id },
		{ "first", status.first_index },
		{ "last", status.last_index },
		{ "commit", status.commit_index },
		{ "applied", core->applied },
		{ "snapshot", core->newest.index },
		{ "revision", rk_store_revision(store) },
		{ "logBytes", status.log_bytes },
		{ "incarnation", core->member.incarnation },
		{ "pending", core->pending.count + core->pending.read_count },
		{ "holes", status.holes },
	};
	for (size_t i = 0; i < RK_COUNT(numbers); i++)
		rk_val_put_int(&arena, val, numbers[i].key, (int64_t)numbers[i].value);
	rk_val_put_cstr(&arena, val, "role", rk_raft_role_name(status.role));
	rk_val_put(&arena, val, "hash",
		   rk_val_strf(&arena, "%016" PRIx64 "%016" PRIx64, hash.high, hash.low));
	rk_val_put(&arena, val, "cluster",
		   rk_val_strf(&arena, "%016" PRIx64 "%016" PRIx64, core->member.cluster.high,
			       core->member.cluster.low));
	rk_val_put_bool(&arena, val, "diskFull", core->disk_full);
	rk_val_put_bool(&arena, val, "quarantined", core->quarantined);
	rk_val_put_bool(&arena, val, "removed", status.removed);
	rk_val_put_bool(&arena, val, "witness", core->opts.is_witness);
	put_scrub(&arena, val, core->scrub);
	rk_val_put_cstr(&arena, val, "memory", rk_raft_doubt_name(status.doubt));
	rk_val_put(&arena, val, "members", rk_core_members(&arena, core));
	struct rk_blob *doc = rk_doc_of(val);
	rk_arena_done(&arena);
	return doc;
}
