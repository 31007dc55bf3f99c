/* The Watch service: many watchers on one stream. Events come from the view: those that are new
 * since the last one are shown to every watcher that is up to date; one that begins in the past, or
 * whose client reads slowly, reads on its own from where it stands. A revision is split only for those
 * that asked for it. */
#include <stdlib.h>

#include "base/clock_io.h"
#include "base/mem.h"
#include "control/etcd/server_io.h"
#include "wire/proto.h"

#define WATCHERS_MAX 100000 /* on one stream */
#define BATCH_BYTES  (512u << 10)
#define STREAM_BYTES (64u << 10) /* of several watchers' responses together */
#define FRAGMENT_BYTES (1u << 20) /* of a response, for those that take revisions in pieces */
#define PROGRESS_MS  600000
#define NO_WATCH     (-1)

struct watcher {
	int64_t id;
	struct rk_etcd_range range; /* into keys */
	uint8_t *keys;
	uint64_t next; /* the first revision that it has not been told */
	uint64_t told_ms;
	bool prev_kv, progress, fragment, no_put, no_delete;
};

struct rk_etcd_watches { /* of one stream */
	struct rk_etcd_call *call;
	struct rk_etcd_watches *list_next, **list_link;
	struct watcher *at;
	size_t count, capacity;
	int64_t next_id;
	bool is_blocked;
	bool wants_progress; /* asked for: once all are up to date */
};

struct news { /* events with their encodings, shared by all watchers that need no more than that */
	struct rk_etcd_event event;
	struct rk_span encoded;
};

/* --- counting --- */

static void count(atomic_ullong *counter, long long more)
{
	atomic_fetch_add_explicit(counter, (unsigned long long)more, memory_order_relaxed);
}

static void count_watchers(const struct rk_etcd_call *call, long long more)
{
	count(&call->thread->etcd->counts.watchers, more);
}

/* --- sending --- */

static void send_plain(struct rk_etcd_call *call, int64_t id, uint32_t flag, uint64_t compact,
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

#define CREATED  1u
#define CANCELED 2u

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

static bool wants(const struct watcher *watcher, const struct rk_etcd_event *event)
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
static void batch_add(struct batch *batch, struct watcher *watcher, struct rk_span encoded)
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

/* --- who may --- */

#define DENIED "rpc error: code = PermissionDenied desc = etcdserver: permission denied"

static enum rk_etcd_error may_watch(const struct rk_etcd_call *call,
				    const struct rk_etcd_range *range)
{
	static const uint8_t first[1];
	const struct rk_etcd_range asked = {
		range->key.size > 0 ? range->key : rk_span_of(first, 1), range->end
	};

	if (call->stranger != RK_ETCD_OK && call->thread->auth.is_on)
		return call->stranger;
	return rk_etcd_may(rk_view_root(call->thread->view), &call->who, RK_ETCD_READ, &asked);
}

/* --- reading on one's own --- */

static void cancel(struct rk_etcd_watches *watches, size_t at, uint64_t compact, const char *reason)
{
	struct watcher *watcher = &watches->at[at];
	const int64_t id = watcher->id;

	free(watcher->keys);
	*watcher = watches->at[--watches->count];
	count_watchers(watches->call, -1);
	send_plain(watches->call, id, CANCELED, compact, reason);
}

/* Everything that the watcher has not been told, as far as the stream takes it. */
static void catch_up(struct rk_etcd_watches *watches, struct watcher *watcher)
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
static bool is_lost(const struct rk_etcd_call *call, const struct watcher *watcher)
{
	const struct rk_node *root = rk_view_root(call->thread->view);

	return watcher->next <= rk_etcd_mark(root, RK_ETCD_REMOVED) &&
	       watcher->next < rk_etcd_mark(root, RK_ETCD_COMPACT);
}

static void catch_up_all(struct rk_etcd_watches *watches)
{
	const struct rk_node *root = rk_view_root(watches->call->thread->view);
	const uint64_t now = rk_etcd_now(watches->call);

	for (size_t i = 0; i < watches->count && !watches->is_blocked;) {
		struct watcher *watcher = &watches->at[i];
		if (is_lost(watches->call, watcher)) {
			cancel(watches, i, rk_etcd_mark(root, RK_ETCD_COMPACT), "");
			continue;
		}
		if (watcher->next <= now)
			catch_up(watches, watcher);
		i++;
	}
	if (watches->wants_progress && !watches->is_blocked) {
		watches->wants_progress = false;
		send_plain(watches->call, NO_WATCH, 0, 0, "");
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

static void show_news(struct batch *batch, struct watcher *watcher, const struct news *news,
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
			catch_up_all(at);
	}
	thread->seen = rk_view_revision(thread->view);
	rk_buf_done(&batch.out);
	free(news);
}

/* Users or roles have changed: who may not read any more is told. */
void rk_etcd_watch_check(struct rk_etcd_thread *thread)
{
	for (struct rk_etcd_watches *at = thread->watches; at != NULL; at = at->list_next) {
		for (size_t i = 0; i < at->count;) {
			if (may_watch(at->call, &at->at[i].range) != RK_ETCD_OK)
				cancel(at, i, 0, DENIED);
			else
				i++;
		}
	}
}

void rk_etcd_watch_drained(struct rk_etcd_call *call)
{
	call->watches->is_blocked = false;
	catch_up_all(call->watches);
}

void rk_etcd_watch_tick(struct rk_etcd_thread *thread)
{
	const uint64_t now_ms = rk_clock_mono_ms();

	for (struct rk_etcd_watches *at = thread->watches; at != NULL; at = at->list_next) {
		for (size_t i = 0; i < at->count && !at->is_blocked; i++) {
			struct watcher *watcher = &at->at[i];
			if (!watcher->progress || now_ms - watcher->told_ms < PROGRESS_MS ||
			    watcher->next <= rk_etcd_now(at->call))
				continue;
			watcher->told_ms = now_ms;
			send_plain(at->call, watcher->id, 0, 0, "");
		}
	}
}

/* --- requests --- */

static struct watcher *find(struct rk_etcd_watches *watches, int64_t id)
{
	for (size_t i = 0; i < watches->count; i++)
		if (watches->at[i].id == id)
			return &watches->at[i];
	return NULL;
}

static void set_range(struct watcher *watcher, const struct rk_etcd_range *asked)
{
	static const uint8_t first[1];
	const struct rk_span key = asked->key.size > 0 ? asked->key : rk_span_of(first, 1);
	uint8_t *keys = rk_alloc(key.size + asked->end.size + 1);

	memcpy(keys, key.data, key.size);
	if (asked->end.size > 0)
		memcpy(keys + key.size, asked->end.data, asked->end.size);
	watcher->keys = keys;
	watcher->range.key = rk_span_of(keys, key.size);
	watcher->range.end = rk_span_of(keys + key.size, asked->end.size);
}

static const char *refusal(struct rk_etcd_watches *watches,
			   const struct rk_etcd_watch_request *request)
{
	const struct rk_etcd_range *range = &request->range;

	switch (may_watch(watches->call, range)) {
	case RK_ETCD_OK: break;
	case RK_ETCD_USER_EMPTY:
		return "rpc error: code = InvalidArgument desc = etcdserver: user name is empty";
	case RK_ETCD_BAD_TOKEN:
		return "rpc error: code = Unauthenticated desc = etcdserver: invalid auth token";
	default: return DENIED;
	}
	if (range->end.size > 0 && !(range->end.size == 1 && range->end.data[0] == 0) &&
	    rk_span_cmp(range->key, range->end) >= 0)
		return "mvcc: watcher range is empty";
	if (request->id > 0 && find(watches, request->id) != NULL)
		return "mvcc: duplicate watch ID provided on the WatchStream";
	return watches->count >= WATCHERS_MAX ? "etcdserver: too many watchers" : NULL;
}

static void create(struct rk_etcd_watches *watches, const struct rk_etcd_watch_request *request)
{
	const char *refused = refusal(watches, request);
	const uint64_t now = rk_etcd_now(watches->call);
	struct watcher watcher = { .id = request->id,
				   .told_ms = rk_clock_mono_ms(),
				   .prev_kv = request->prev_kv,
				   .progress = request->progress,
				   .fragment = request->fragment,
				   .no_put = request->no_put,
				   .no_delete = request->no_delete };

	if (refused != NULL) {
		send_plain(watches->call, NO_WATCH, CREATED | CANCELED, 0, refused);
		return;
	}
	if (watcher.id <= 0) {
		while (find(watches, watches->next_id) != NULL)
			watches->next_id++;
		watcher.id = watches->next_id++;
	}
	watcher.next = request->start > 0 ? (uint64_t)request->start : now + 1;
	const uint64_t compact =
		rk_etcd_mark(rk_view_root(watches->call->thread->view), RK_ETCD_COMPACT);
	send_plain(watches->call, watcher.id, CREATED, 0, "");
	if (watcher.next < compact) {
		send_plain(watches->call, watcher.id, CANCELED, compact, "");
		return;
	}
	set_range(&watcher, &request->range);
	watches->at =
		rk_grow(watches->at, &watches->capacity, watches->count + 1, sizeof *watches->at);
	watches->at[watches->count++] = watcher;
	count_watchers(watches->call, 1);
	if (watcher.next <= now && !watches->is_blocked)
		catch_up(watches, &watches->at[watches->count - 1]);
}

static struct rk_etcd_watches *watches_of(struct rk_etcd_call *call)
{
	struct rk_etcd_thread *thread = call->thread;
	struct rk_etcd_watches *watches = call->watches;

	if (watches != NULL)
		return watches;
	call->watches = watches = rk_zalloc(sizeof *watches);
	watches->call = call;
	watches->list_next = thread->watches;
	watches->list_link = &thread->watches;
	if (watches->list_next != NULL)
		watches->list_next->list_link = &watches->list_next;
	thread->watches = watches;
	rk_etcd_hurry(thread);
	count(&thread->etcd->counts.watch_streams, 1);
	return watches;
}

static void on_message(struct rk_etcd_call *call, struct rk_span message)
{
	struct rk_etcd_watches *watches = watches_of(call);
	struct rk_etcd_watch_request request;

	if (rk_etcd_read_watch(message, &request) < 0) {
		rk_etcd_fail(call, RK_ETCD_MALFORMED);
		return;
	}
	switch (request.kind) {
	case RK_ETCD_WATCH_CREATE: create(watches, &request); break;
	case RK_ETCD_WATCH_CANCEL: {
		const struct watcher *watcher = find(watches, request.id);
		if (watcher != NULL)
			cancel(watches, (size_t)(watcher - watches->at), 0, "");
		break;
	}
	case RK_ETCD_WATCH_PROGRESS:
		watches->wants_progress = true;
		if (!watches->is_blocked)
			catch_up_all(watches);
		break;
	case RK_ETCD_WATCH_NONE: break;
	}
}

void rk_etcd_watch_free(struct rk_etcd_call *call)
{
	struct rk_etcd_watches *watches = call->watches;

	if (watches == NULL)
		return;
	*watches->list_link = watches->list_next;
	if (watches->list_next != NULL)
		watches->list_next->list_link = watches->list_link;
	for (size_t i = 0; i < watches->count; i++)
		free(watches->at[i].keys);
	count_watchers(call, -(long long)watches->count);
	count(&call->thread->etcd->counts.watch_streams, -1);
	free(watches->at);
	free(watches);
	call->watches = NULL;
}

void rk_etcd_watch_end_all(struct rk_etcd_thread *thread)
{
	for (struct rk_etcd_watches *at = thread->watches; at != NULL; at = at->list_next)
		rk_etcd_finish(at->call, RK_GRPC_UNAVAILABLE, "etcdserver: server stopped");
}

const struct rk_etcd_method rk_etcd_watch_methods[] = {
	{ "/etcdserverpb.Watch/Watch", true, on_message, rk_etcd_input_ended, RK_ETCD_NEEDS_NOBODY },
	{ NULL, false, NULL, NULL, RK_ETCD_NEEDS_USER },
};
