/* What watchers are told. Events come from the view: those that are new since the last one are
 * shown to every watcher that is up to date; one that begins in the past, or whose client reads
 * slowly, reads on its own from where it stands. A revision is split only for those that asked for
 * it. */
#include <stdlib.h>

#include "base/clock_io.h"
#include "base/mem.h"
#include "control/etcd/watch_io.h"
#include "wire/proto.h"

#define BATCH_BYTES    (512u << 10)
#define STREAM_BYTES   (64u << 10) /* of several watchers' responses together */
#define FRAGMENT_BYTES (1u << 20)  /* of a response, for those that take revisions in pieces */

struct news { /* events with their encodings, shared by all watchers that need no more than that */
	struct rk_etcd_event event;
	struct rk_span encoded;
};

/* --- sending --- */

void rk_etcd_watch_send(struct rk_etcd_call *call, int64_t id, uint32_t flag, uint64_t compact,
			const char *reason)
{
	struct rk_buf out = { 0 };
	const size_t begun = rk_etcd_begin(call, &out, rk_etcd_now(call));

	rk_proto_put_number(&out, 2, (uint64_t)id);
	rk_proto_put_number(&out, 3, (flag & 1) != 0);
	rk_proto_put_number(&out, 4, (flag & 2) != 0);
	rk_proto_put_number(&out, 5, compact);
	rk_proto_put_bytes(&out, 6, rk_span_str(reason));
	if (!rk_etcd_send(call, &out, begun))
		call->watches->is_blocked = true;
	rk_buf_done(&out);
}

static void put_event(struct rk_buf *out, const struct rk_node *root,
		      const struct rk_etcd_event *event, bool prev_kv)
{
	struct rk_buf deleted = { 0 };
	struct rk_etcd_kv prev;

	rk_proto_put_number(out, 1, event->is_delete);
	if (event->is_delete) {
		rk_etcd_kv_write(&deleted,
				 &(struct rk_etcd_kv){ .key = event->key,
						       .modified = (int64_t)event->revision });
		rk_proto_put_message(out, 2, rk_buf_span(&deleted));
		rk_buf_done(&deleted);
	} else {
		rk_proto_put_message(out, 2, event->kv.encoded);
	}
	if (prev_kv && rk_etcd_get(root, event->key, event->revision - 1, &prev))
		rk_proto_put_message(out, 3, prev.encoded);
}

static bool wants(const struct rk_etcd_watcher *watcher, const struct rk_etcd_event *event)
{
	return event->revision >= watcher->next &&
	       !(event->is_delete ? watcher->no_delete : watcher->no_put) &&
	       rk_etcd_range_has(&watcher->range, event->key);
}

struct batch { /* responses to watchers of one stream: the last of them may still grow */
	struct rk_etcd_call *call;
	uint64_t now_ms;
	struct rk_buf out;
	size_t begun; /* of the last */
	bool is_open;
};

/* The next event is another watcher's, or of another revision. */
static void batch_close(struct batch *batch)
{
	if (batch->is_open)
		rk_grpc_end(&batch->out, batch->begun);
	batch->is_open = false;
}

/* False: the stream takes no more for now. */
static bool batch_send(struct batch *batch)
{
	batch_close(batch);
	if (batch->out.size > 0 && !rk_etcd_send_all(batch->call, &batch->out))
		batch->call->watches->is_blocked = true;
	rk_buf_clear(&batch->out);
	return !batch->call->watches->is_blocked;
}

/* What becomes too large for one response is said to go on in the next one, if the client can take
 * that. All of a revision is sent, whether the stream is full or not. */
static void batch_add(struct batch *batch, struct rk_etcd_watcher *watcher, struct rk_span encoded)
{
	if (batch->is_open && watcher->fragment &&
	    batch->out.size - batch->begun + encoded.size > FRAGMENT_BYTES) {
		rk_proto_put_number(&batch->out, 7, 1);
		(void)batch_send(batch);
	}
	if (!batch->is_open) {
		batch->begun = rk_etcd_begin(batch->call, &batch->out, rk_etcd_now(batch->call));
		rk_proto_put_number(&batch->out, 2, (uint64_t)watcher->id);
		batch->is_open = true;
		watcher->told_ms = batch->now_ms;
	}
	rk_proto_put_message(&batch->out, 11, encoded);
}

/* --- reading on one's own --- */

void rk_etcd_watch_cancel(struct rk_etcd_watches *watches, size_t at, uint64_t compact,
			  const char *reason)
{
	struct rk_etcd_watcher *watcher = &watches->at[at];
	const int64_t id = watcher->id;

	free(watcher->keys);
	*watcher = watches->at[--watches->count];
	rk_etcd_watch_count(watches->call, -1);
	rk_etcd_watch_send(watches->call, id, RK_ETCD_WATCH_CANCELED, compact, reason);
}

void rk_etcd_watch_catch_up(struct rk_etcd_watches *watches, struct rk_etcd_watcher *watcher)
{
	const struct rk_node *root = rk_view_root(watches->call->thread->view);
	const uint64_t now = rk_etcd_now(watches->call);
	struct batch batch = { .call = watches->call, .now_ms = rk_clock_mono_ms() };
	struct rk_etcd_events events;
	struct rk_etcd_event event;
	struct rk_buf encoded = { 0 };
	uint64_t done =
		watcher->next - 1; /* revisions up to this are in the batch, or not for it */
	bool goes_on = true;

	rk_etcd_events_begin(&events, root, watcher->next);
	while (goes_on && rk_etcd_events_next(&events, &event)) {
		if (event.revision > done + 1 && batch.out.size > BATCH_BYTES) {
			watcher->next = event.revision; /* between two revisions */
			goes_on = batch_send(&batch);
		}
		done = event.revision - 1;
		if (!goes_on || !wants(watcher, &event))
			continue;
		rk_buf_clear(&encoded);
		put_event(&encoded, root, &event, watcher->prev_kv);
		batch_add(&batch, watcher, rk_buf_span(&encoded));
	}
	if (goes_on) {
		watcher->next = now + 1;
		(void)batch_send(&batch);
	}
	rk_buf_done(&encoded);
	rk_buf_done(&batch.out);
}

/* A watcher whose events were removed learns that, and from where it may go on. */
static bool is_lost(const struct rk_etcd_call *call, const struct rk_etcd_watcher *watcher)
{
	const struct rk_node *root = rk_view_root(call->thread->view);

	return watcher->next <= rk_etcd_mark(root, RK_ETCD_REMOVED) &&
	       watcher->next < rk_etcd_mark(root, RK_ETCD_COMPACT);
}

void rk_etcd_watch_catch_up_all(struct rk_etcd_watches *watches)
{
	const struct rk_node *root = rk_view_root(watches->call->thread->view);
	const uint64_t now = rk_etcd_now(watches->call);

	for (size_t i = 0; i < watches->count && !watches->is_blocked;) {
		struct rk_etcd_watcher *watcher = &watches->at[i];
		if (is_lost(watches->call, watcher)) {
			rk_etcd_watch_cancel(watches, i, rk_etcd_mark(root, RK_ETCD_COMPACT), "");
			continue;
		}
		if (watcher->next <= now)
			rk_etcd_watch_catch_up(watches, watcher);
		i++;
	}
	if (watches->wants_progress && !watches->is_blocked) {
		watches->wants_progress = false;
		rk_etcd_watch_send(watches->call, RK_ETCD_NO_WATCH, 0, 0, "");
	}
}

/* --- news --- */

static size_t collect_news(struct rk_etcd_thread *thread, struct rk_arena *arena, struct news **ret)
{
	const struct rk_node *root = rk_view_root(thread->view);
	struct rk_etcd_events events;
	struct rk_etcd_event event;
	struct rk_buf encoded = { 0 };
	size_t count = 0, capacity = 0;

	rk_etcd_events_begin(&events, root, thread->seen + 1);
	while (rk_etcd_events_next(&events, &event)) {
		*ret = rk_grow(*ret, &capacity, count + 1, sizeof **ret);
		rk_buf_clear(&encoded);
		put_event(&encoded, root, &event, false);
		(*ret)[count++] =
			(struct news){ event, rk_arena_span(arena, rk_buf_span(&encoded)) };
	}
	rk_buf_done(&encoded);
	return count;
}

static void show_news(struct batch *batch, struct rk_etcd_watcher *watcher, const struct news *news,
		      size_t count)
{
	const struct rk_node *root = rk_view_root(batch->call->thread->view);
	struct rk_buf own = { 0 };

	for (size_t i = 0; i < count; i++) {
		if (!wants(watcher, &news[i].event))
			continue;
		if (watcher->prev_kv) {
			rk_buf_clear(&own);
			put_event(&own, root, &news[i].event, true);
		}
		batch_add(batch, watcher, watcher->prev_kv ? rk_buf_span(&own) : news[i].encoded);
	}
	watcher->next = RK_MAX(watcher->next, rk_etcd_now(batch->call) + 1);
	batch_close(batch);
	rk_buf_done(&own);
}

/* What is new goes to every watcher of the stream that is up to date. False: some are not. */
static bool show_all(struct rk_etcd_watches *watches, struct batch *batch, const struct news *news,
		     size_t count)
{
	const uint64_t seen = watches->call->thread->seen;
	bool all = true;

	batch->call = watches->call;
	for (size_t i = 0; i < watches->count && !watches->is_blocked; i++) {
		if (watches->at[i].next <= seen) {
			all = false;
			continue;
		}
		show_news(batch, &watches->at[i], news, count);
		if (batch->out.size > STREAM_BYTES)
			(void)batch_send(batch);
	}
	(void)batch_send(batch);
	return all;
}

void rk_etcd_watch_news(struct rk_etcd_thread *thread)
{
	RK_AUTO(rk_arena_done) struct rk_arena arena = { 0 };
	struct batch batch = { .now_ms = rk_clock_mono_ms() };
	struct news *news = NULL;
	const size_t count = thread->watches != NULL ? collect_news(thread, &arena, &news) : 0;

	for (struct rk_etcd_watches *at = thread->watches, *next; at != NULL; at = next) {
		next = at->list_next;
		if (!show_all(at, &batch, news, count) || at->wants_progress)
			rk_etcd_watch_catch_up_all(at);
	}
	thread->seen = rk_view_revision(thread->view);
	rk_buf_done(&batch.out);
	free(news);
}
