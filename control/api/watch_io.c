/* Watches: what changed, in the order in which it changed, to everybody who asked. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/clock_io.h"
#include "base/mem.h"
#include "control/api/watch.h"
#include "control/schema/proto.h"
#include "control/status.h"
#include "wire/doc.h"

#define BOOKMARK_MS   60000
#define PIECE_OBJECTS 64 /* written in one step */
#define TIMEOUT_MIN_MS                                                                             \
	1800000u /* without timeoutSeconds: half an hour to an hour, spread by the request's       \
		    number */
#define WATCHERS_MAX 10000 /* in one thread */

/* --- what is no change --- */

static struct rk_val *bookmark_of(struct rk_watch *watch, struct rk_arena *arena, bool ends_initial)
{
	const struct rk_kind *kind = watch->req->route.kind;
	struct rk_val *object = rk_val_map(arena);
	struct rk_val *meta;

	rk_val_put_cstr(arena, object, "kind", kind->kind);
	rk_val_put_cstr(arena, object, "apiVersion", kind->api_version);
	meta = rk_val_make(arena, object, "metadata");
	rk_val_put(arena, meta, "resourceVersion", rk_val_strf(arena, "%" PRIu64, watch->after));
	if (ends_initial)
		rk_val_put_cstr(arena, rk_val_make(arena, meta, "annotations"),
				"k8s.io/initial-events-end", "true");
	return object;
}

static void send_bookmark(struct rk_watch *watch, bool ends_initial)
{
	struct rk_arena arena = { 0 };
	struct rk_blob *doc = rk_doc_of(bookmark_of(watch, &arena, ends_initial));

	(void)rk_api_watch_put(watch, rk_api_watch_line(watch, "BOOKMARK", rk_blob_span(doc)));
	(void)rk_blob_unref(doc);
	rk_arena_done(&arena);
	watch->bookmark_ms = rk_clock_mono_ms() + BOOKMARK_MS;
}

static void send_too_old(struct rk_watch *watch, uint64_t asked, uint64_t oldest)
{
	struct rk_arena arena = { 0 };
	const struct rk_val *status =
		rk_status(&arena, 410, "Expired",
			  "too old resource version: %" PRIu64 " (%" PRIu64 ")", asked, oldest);

	(void)rk_api_watch_put(watch, rk_api_watch_line_status(watch, status));
	rk_arena_done(&arena);
	rk_api_watch_end(watch);
}

/* --- which changes concern a watch --- */

static bool matches(const struct rk_watch *watch, const struct rk_blob *doc)
{
	return doc != NULL && rk_listing_matches(watch->req->listing, rk_blob_span(doc));
}

static bool concerns(const struct rk_watch *watch, const struct rk_change *change)
{
	const struct rk_route *route = &watch->req->route;
	const struct rk_span name = watch->req->listing->name;

	return change->revision > watch->after && rk_span_is(change->kind, route->kind->resource) &&
	       (route->ns.size == 0 || rk_span_eq(change->ns, route->ns)) &&
	       (name.size == 0 || rk_span_eq(change->name, name));
}

/* What the client knew of an object that does not match any more, as of now. */
static struct rk_blob *last_seen(const struct rk_change *change)
{
	struct rk_arena arena = { 0 };
	struct rk_val *object = rk_doc_val(&arena, change->before);

	rk_val_set_at(&arena, object, "metadata.resourceVersion",
		      rk_val_strf(&arena, "%" PRIu64, change->revision));
	struct rk_blob *doc = rk_doc_of(object);
	rk_arena_done(&arena);
	return doc;
}

/* An object that begins to match was added for this watcher, one that ceases to was deleted. */
static void tell(struct rk_watch *watch, size_t item, uint32_t number, bool is_news)
{
	const struct rk_change *change = &watch->req->thread->history[item].changes->at[number];
	const bool was = change->type != RK_CHANGE_ADDED && matches(watch, change->before);
	const bool is = change->type != RK_CHANGE_DELETED && matches(watch, change->after);

	if (!was && !is)
		return;
	const enum rk_change_type type = !was ? RK_CHANGE_ADDED
					 : is ? RK_CHANGE_MODIFIED
					      : RK_CHANGE_DELETED;
	if (type == change->type) {
		(void)rk_api_watch_put(watch,
				       rk_api_watch_line_change(watch, item, number, is_news));
		return;
	}
	struct rk_blob *doc = is ? rk_blob_ref(change->after) : last_seen(change);
	(void)rk_api_watch_put(
		watch, rk_api_watch_line(watch, rk_api_watch_type_name(type), rk_blob_span(doc)));
	(void)rk_blob_unref(doc);
}

static void tell_all(struct rk_watch *watch, size_t item, bool is_news)
{
	const struct rk_changes *changes = watch->req->thread->history[item].changes;

	for (uint32_t i = 0; i < changes->count && !watch->ended; i++)
		if (concerns(watch, &changes->at[i]))
			tell(watch, item, i, is_news);
	if (changes->last_revision > watch->after)
		watch->after = changes->last_revision;
}

void rk_api_watch_news(struct rk_api_thread *thread, struct rk_changes *const *changes,
		       size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		kept += changes[i]->count > 0;
	kept = RK_MIN(kept, thread->history_count);
	for (struct rk_req *req = thread->watchers, *next; req != NULL; req = next) {
		next = req->next;
		if (req->watch->begins != NULL) /* it catches up when that is over */
			continue;
		if (req->watch->after < thread->history_from) { /* more came at once than is kept */
			send_too_old(req->watch, req->watch->after, thread->history_from + 1);
			continue;
		}
		for (size_t i = thread->history_count - kept;
		     i < thread->history_count && !req->watch->ended; i++)
			tell_all(req->watch, (thread->history_start + i) % RK_API_HISTORY, true);
	}
}

/* --- beginning --- */

static void catch_up(struct rk_watch *watch)
{
	struct rk_api_thread *thread = watch->req->thread;

	if (watch->after < thread->history_from) {
		send_too_old(watch, watch->after, thread->history_from + 1);
		return;
	}
	for (size_t i = 0; i < thread->history_count && !watch->ended; i++) {
		const size_t at = (thread->history_start + i) % RK_API_HISTORY;
		if (thread->history[at].changes->last_revision > watch->after)
			tell_all(watch, at, false);
	}
}

static bool put_existing(struct rk_watch *watch, const struct rk_object *object)
{
	return !matches(watch, object->doc) ||
	       rk_api_watch_put(watch,
				rk_api_watch_line(watch, "ADDED", rk_blob_span(object->doc)));
}

/* A piece of it. */
static enum rk_job_step write_existing(struct rk_watch *watch)
{
	const struct rk_route *route = &watch->req->route;
	const struct rk_listing *listing = watch->req->listing;
	const struct rk_span kind = rk_span_str(route->kind->resource);
	const struct rk_span exact = listing->name.size > 0
					     ? listing->name
					     : rk_fields_exact(listing->fields, "metadata.name");
	struct rk_view_iter iter;
	struct rk_object object;

	if (exact.size > 0 && (route->ns.size > 0 || !route->kind->namespaced)) {
		if (rk_view_get(watch->begins, kind, route->ns, exact, &object))
			(void)put_existing(watch, &object);
		return RK_STEP_DONE;
	}
	rk_view_list(&iter, watch->begins, kind, route->ns, watch->ns, watch->name);
	for (unsigned i = 0; rk_view_next(&iter, &object); i++) {
		if (i == PIECE_OBJECTS)
			return RK_STEP_AGAIN;
		watch->ns = object.ns; /* the view that they are borrowed from stays */
		watch->name = object.name;
		if (!put_existing(watch, &object))
			return RK_STEP_WAITS;
	}
	return RK_STEP_DONE;
}

static enum rk_job_step step(struct rk_req *req)
{
	struct rk_watch *watch = req->watch;

	if (watch->ended)
		return RK_STEP_DONE;
	const enum rk_job_step step = write_existing(watch);
	if (watch->ended || step != RK_STEP_DONE)
		return watch->ended ? RK_STEP_DONE : step;
	watch->begins = rk_view_unref(watch->begins);
	if (req->listing->sends_initial && req->listing->sends_bookmarks)
		send_bookmark(watch, true);
	catch_up(watch);
	return RK_STEP_DONE;
}

static void begin_with_existing(struct rk_req *req)
{
	struct rk_watch *watch = req->watch;

	watch->begins = rk_view_ref(req->thread->view);
	watch->after = rk_view_revision(watch->begins);
	const enum rk_job_step first = step(req);
	if (first == RK_STEP_DONE)
		return;
	rk_api_job_start(req, step);
	if (first == RK_STEP_WAITS)
		rk_api_job_rest(req);
}

static void begin(struct rk_req *req, struct rk_feed_answer *answer)
{
	struct rk_watch *watch = req->watch;
	const struct rk_listing *listing = req->listing;

	if (answer != NULL && answer->err < 0) {
		rk_req_err(req, answer->err);
		return;
	}
	if (!rk_api_watch_open(watch))
		return;
	rk_req_link(req, &req->thread->watchers);
	watch->after = listing->revision;
	if (listing->sends_initial || (listing->revision == 0 && !listing->has_initial)) {
		begin_with_existing(req);
	} else if (listing->revision == 0) { /* without what is there already */
		watch->after = rk_view_revision(req->thread->view);
	} else {
		catch_up(watch);
	}
}

static void set_times(struct rk_watch *watch)
{
	const uint64_t now_ms = rk_clock_mono_ms();
	const int64_t seconds = watch->req->listing->timeout_seconds;

	watch->bookmark_ms = now_ms + BOOKMARK_MS;
	if (seconds > 0)
		watch->end_ms = now_ms + (uint64_t)seconds * 1000;
	else
		watch->end_ms = now_ms + TIMEOUT_MIN_MS + rk_clock_mono_ns() % TIMEOUT_MIN_MS;
}

/* What a WebSocket needs of its request stays when that is gone. */
static struct rk_val *parse(struct rk_req *req)
{
	struct rk_span query = req->http->query;

	if (rk_http_is_upgrade(req->exchange)) {
		query = rk_arena_span(&req->arena, query);
		rk_route_parse(&req->arena, req->kinds,
			       rk_arena_span(&req->arena, req->http->path), &req->route);
	}
	req->listing = rk_arena_zalloc(&req->arena, sizeof *req->listing);
	return rk_listing_parse(&req->arena, &req->route, "watch", query, req->listing);
}

void rk_api_watch(struct rk_req *req)
{
	struct rk_api_thread *thread = req->thread;
	struct rk_val *status;

	if (req->form.is_yaml) {
		req->form.is_yaml = false;
		rk_req_fail(req, 406, "NotAcceptable",
			    "only the following media types are accepted: "
			    "application/json;stream=watch, " RK_PROTOBUF_WATCH);
		return;
	}
	if (thread->watcher_count == WATCHERS_MAX) {
		rk_req_fail(req, 429, "TooManyRequests", "member %s serves too many watches",
			    thread->api->name);
		return;
	}
	status = parse(req);
	if (status != NULL) {
		rk_req_status(req, status);
		return;
	}
	thread->watcher_count++;
	req->watch = rk_zalloc(sizeof *req->watch);
	req->watch->req = req;
	set_times(req->watch);
	req->wait_revision = req->listing->revision;
	if (req->listing->has_revision)
		rk_req_wait(req, begin);
	else if (rk_req_await(req, begin))
		rk_feed_read(thread->feed, req->id, RK_API_READ_MS);
}

/* --- going on --- */

void rk_api_watch_tick(struct rk_api_thread *thread)
{
	const uint64_t now_ms = rk_clock_mono_ms();

	for (struct rk_req *req = thread->watchers, *next; req != NULL; req = next) {
		struct rk_watch *watch = req->watch;
		const bool marks = watch->req->listing->sends_bookmarks && watch->begins == NULL;
		next = req->next;
		if (now_ms >= watch->end_ms) {
			if (marks)
				send_bookmark(watch, false);
			rk_api_watch_end(watch);
		} else if (marks && now_ms >= watch->bookmark_ms) {
			send_bookmark(watch, false);
		}
	}
	while (thread->finished != NULL)
		rk_req_free(thread->finished);
}

void rk_api_watch_drained(struct rk_req *req)
{
	req->watch->unread = 0;
	rk_api_job_wake(req);
}

void rk_api_watch_end_all(struct rk_api_thread *thread, bool is_expired)
{
	for (struct rk_req *req = thread->watchers, *next; req != NULL; req = next) {
		next = req->next;
		if (is_expired && req->watch->after != rk_view_revision(thread->view))
			send_too_old(req->watch, req->watch->after, thread->history_from + 1);
		else if (!is_expired)
			rk_api_watch_end(req->watch);
	}
}

void rk_api_watch_end_gone(struct rk_api_thread *thread)
{
	for (struct rk_req *req = thread->watchers, *next; req != NULL; req = next) {
		const struct rk_kind *kind = req->route.kind;
		next = req->next;
		if (rk_kinds_by_plural(thread->kinds, rk_span_str(kind->group), rk_span_str(kind->version),
				       rk_span_str(kind->plural)) == NULL)
			rk_api_watch_end(req->watch);
	}
}

bool rk_api_watch_stays(const struct rk_req *req)
{
	return req->watch != NULL && req->watch->socket != NULL;
}

void rk_api_watch_free(struct rk_req *req)
{
	if (req->watch == NULL)
		return;
	req->thread->watcher_count--;
	rk_api_watch_drop(rk_take_ptr(req->watch));
}
