/* The Watch service: many watchers on one stream. What they are told is watch_events_io.c's. */
#include <stdlib.h>

#include "base/clock_io.h"
#include "base/mem.h"
#include "control/etcd/watch_io.h"
#include "wire/proto.h"

#define WATCHERS_MAX 100000 /* on one stream */
#define PROGRESS_MS  600000

/* --- counting --- */

static void count(atomic_ullong *counter, long long more)
{
	atomic_fetch_add_explicit(counter, (unsigned long long)more, memory_order_relaxed);
}

void rk_etcd_watch_count(const struct rk_etcd_call *call, long long more)
{
	count(&call->thread->etcd->counts.watchers, more);
}

/* --- who may --- */

#define DENIED "rpc error: code = PermissionDenied desc = etcdserver: permission denied"

static enum rk_etcd_error may_watch(const struct rk_etcd_call *call,
				    const struct rk_etcd_range *range)
{
	static const uint8_t first[1];
	const struct rk_etcd_range asked = { range->key.size > 0 ? range->key
								 : rk_span_of(first, 1),
					     range->end };

	if (call->stranger != RK_ETCD_OK && call->thread->auth.is_on)
		return call->stranger;
	return rk_etcd_may(rk_view_root(call->thread->view), &call->who, RK_ETCD_READ, &asked);
}

/* Users or roles have changed: who may not read any more is told. */
void rk_etcd_watch_check(struct rk_etcd_thread *thread)
{
	for (struct rk_etcd_watches *at = thread->watches; at != NULL; at = at->list_next) {
		const bool is_known = rk_etcd_identify(at->call); /* auth may just be on */
		for (size_t i = 0; is_known && i < at->count;) {
			if (may_watch(at->call, &at->at[i].range) != RK_ETCD_OK)
				rk_etcd_watch_cancel(at, i, 0, DENIED);
			else
				i++;
		}
	}
}

void rk_etcd_watch_drained(struct rk_etcd_call *call)
{
	call->watches->is_blocked = false;
	rk_etcd_watch_catch_up_all(call->watches);
}

void rk_etcd_watch_tick(struct rk_etcd_thread *thread)
{
	const uint64_t now_ms = rk_clock_mono_ms();

	for (struct rk_etcd_watches *at = thread->watches; at != NULL; at = at->list_next) {
		for (size_t i = 0; i < at->count && !at->is_blocked; i++) {
			struct rk_etcd_watcher *watcher = &at->at[i];
			if (!watcher->progress || now_ms - watcher->told_ms < PROGRESS_MS ||
			    watcher->next <= rk_etcd_now(at->call))
				continue;
			watcher->told_ms = now_ms;
			rk_etcd_watch_send(at->call, watcher->id, 0, 0, "");
		}
	}
}

/* --- requests --- */

static struct rk_etcd_watcher *find(struct rk_etcd_watches *watches, int64_t id)
{
	for (size_t i = 0; i < watches->count; i++)
		if (watches->at[i].id == id)
			return &watches->at[i];
	return NULL;
}

static void set_range(struct rk_etcd_watcher *watcher, const struct rk_etcd_range *asked)
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
	struct rk_etcd_watcher watcher = { .id = request->id,
					   .told_ms = rk_clock_mono_ms(),
					   .prev_kv = request->prev_kv,
					   .progress = request->progress,
					   .fragment = request->fragment,
					   .no_put = request->no_put,
					   .no_delete = request->no_delete };

	if (refused != NULL) {
		rk_etcd_watch_send(watches->call, RK_ETCD_NO_WATCH,
				   RK_ETCD_WATCH_CREATED | RK_ETCD_WATCH_CANCELED, 0, refused);
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
	rk_etcd_watch_send(watches->call, watcher.id, RK_ETCD_WATCH_CREATED, 0, "");
	if (watcher.next < compact) {
		rk_etcd_watch_send(watches->call, watcher.id, RK_ETCD_WATCH_CANCELED, compact, "");
		return;
	}
	set_range(&watcher, &request->range);
	watches->at =
		rk_grow(watches->at, &watches->capacity, watches->count + 1, sizeof *watches->at);
	watches->at[watches->count++] = watcher;
	rk_etcd_watch_count(watches->call, 1);
	if (watcher.next <= now && !watches->is_blocked)
		rk_etcd_watch_catch_up(watches, &watches->at[watches->count - 1]);
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
		const struct rk_etcd_watcher *watcher = find(watches, request.id);
		if (watcher != NULL)
			rk_etcd_watch_cancel(watches, (size_t)(watcher - watches->at), 0, "");
		break;
	}
	case RK_ETCD_WATCH_PROGRESS:
		watches->wants_progress = true;
		if (!watches->is_blocked)
			rk_etcd_watch_catch_up_all(watches);
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
	rk_etcd_watch_count(call, -(long long)watches->count);
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
	{ "/etcdserverpb.Watch/Watch", true, on_message, rk_etcd_input_ended,
	  RK_ETCD_NEEDS_NOBODY },
	{ NULL, false, NULL, NULL, RK_ETCD_NEEDS_USER },
};
