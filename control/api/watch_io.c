/* Watches: what changed, in the order in which it changed, to everybody who asked, each change
 * encoded once. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock_io.h"
#include "base/mem.h"
#include "control/api/server.h"
#include "control/schema/selector.h"
#include "control/status.h"
#include "wire/doc.h"
#include "wire/json.h"

#define WAIT_MS     3000
#define BOOKMARK_MS 60000
#define TIMEOUT_MIN_MS                                                                             \
	1800000u /* without timeoutSeconds: half an hour to an hour, spread by the request's       \
		    number */
#define BACKLOG_MAX  (8u << 20) /* bytes that a client may leave unread */
#define WATCHERS_MAX 10000      /* in one thread */

struct rk_watch {
	struct rk_req *req;
	struct rk_selector *labels;
	struct rk_fields *fields;
	struct rk_span name; /* one object only */
	bool sends_bookmarks;
	bool sent_columns; /* of a table */
	bool ended;
	bool begins;    /* what is there already is being written: it is bounded by the state */
	uint64_t after; /* changes up to this revision are known to the client */
	uint64_t end_ms, bookmark_ms;
	size_t unread; /* bytes written since the connection last drained; bounds what a slow client
			  holds */
};

/* --- writing events --- */

static void put(struct rk_watch *watch, struct rk_blob *line)
{
	if (watch->ended) {
		(void)rk_blob_unref(line);
		return;
	}
	watch->unread += line->size;
	if (rk_http_write(watch->req->exchange, line)) {
		watch->unread = 0;
	} else if (watch->unread > BACKLOG_MAX && !watch->begins) {
		/* It is too slow to be served: it may list again. */
		watch->ended = true;
		rk_http_abort(watch->req->exchange);
	}
}

static struct rk_blob *blob_of(struct rk_buf *out)
{
	rk_buf_put_str(out, "}\n");
	struct rk_blob *line = rk_blob_copy(rk_buf_span(out));
	rk_buf_done(out);
	return line;
}

static struct rk_blob *make_line(struct rk_watch *watch, const char *type, struct rk_span doc)
{
	struct rk_buf out = { 0 };
	struct rk_arena arena = { 0 };
	struct rk_req *req = watch->req;

	rk_buf_printf(&out, "{\"type\":\"%s\",\"object\":", type);
	rk_form_write(&out, &arena, &req->form, req->route.kind, doc, rk_clock_wall_ms(),
		      !watch->sent_columns, false);
	watch->sent_columns = true;
	rk_arena_done(&arena);
	return blob_of(&out);
}

static const char *type_name(enum rk_change_type type)
{
	static const char *const names[] = { "ADDED", "MODIFIED", "DELETED" };

	return names[type];
}

struct rk_blob *rk_api_line(struct rk_api_thread *thread, size_t at, uint32_t number)
{
	struct rk_history_item *item = &thread->history[at];
	const struct rk_change *change = &item->changes->at[number];

	if (item->lines == NULL)
		item->lines = rk_zalloc(item->changes->count * sizeof(struct rk_blob *));
	if (item->lines[number] == NULL) {
		struct rk_buf out = { 0 };
		rk_buf_printf(&out, "{\"type\":\"%s\",\"object\":", type_name(change->type));
		const int err = rk_doc_to_json(&out, rk_blob_span(change->after), false);
		rk_assert(err == RK_OK);
		item->lines[number] = blob_of(&out);
		item->bytes += item->lines[number]->size;
		thread->history_bytes += item->lines[number]->size;
	}
	return item->lines[number];
}

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

	put(watch, make_line(watch, "BOOKMARK", rk_blob_span(doc)));
	(void)rk_blob_unref(doc);
	rk_arena_done(&arena);
	watch->bookmark_ms = rk_clock_mono_ms() + BOOKMARK_MS;
}

static void send_status(struct rk_watch *watch, const struct rk_val *status)
{
	struct rk_buf out = { 0 };

	rk_buf_put_str(&out, "{\"type\":\"ERROR\",\"object\":");
	rk_json_write(&out, status, false);
	put(watch, blob_of(&out));
}

static void end(struct rk_watch *watch)
{
	if (watch->ended)
		return;
	watch->ended = true;
	rk_req_unlink(watch->req);
	rk_http_end(watch->req->exchange);
}

/* --- which changes concern a watch --- */

static bool matches(const struct rk_watch *watch, const struct rk_blob *doc)
{
	return doc != NULL && rk_selector_matches_doc(watch->labels, rk_blob_span(doc)) &&
	       rk_fields_match_doc(watch->fields, rk_blob_span(doc));
}

static bool concerns(const struct rk_watch *watch, const struct rk_change *change)
{
	const struct rk_route *route = &watch->req->route;

	return change->revision > watch->after && rk_span_is(change->kind, route->kind->resource) &&
	       (route->ns.size == 0 || rk_span_eq(change->ns, route->ns)) &&
	       (watch->name.size == 0 || rk_span_eq(change->name, watch->name));
}

/* An object that begins to match was added for this watcher, one that ceases to was deleted. */
static void tell(struct rk_watch *watch, struct rk_api_thread *thread, size_t item, uint32_t number)
{
	const struct rk_change *change = &thread->history[item].changes->at[number];
	const bool was = change->type != RK_CHANGE_ADDED && matches(watch, change->before);
	const bool is = change->type != RK_CHANGE_DELETED && matches(watch, change->after);

	if (!was && !is)
		return;
	const enum rk_change_type type = !was ? RK_CHANGE_ADDED
					 : is ? RK_CHANGE_MODIFIED
					      : RK_CHANGE_DELETED;
	if (type == change->type && watch->req->form.shape == RK_FORM_OBJECT &&
	    watch->req->route.kind->stored == watch->req->route.kind)
		put(watch, rk_blob_ref(rk_api_line(thread, item, number)));
	else
		put(watch, make_line(watch, type_name(type), rk_blob_span(change->after)));
}

static void tell_all(struct rk_watch *watch, struct rk_api_thread *thread, size_t item)
{
	const struct rk_changes *changes = thread->history[item].changes;

	for (uint32_t i = 0; i < changes->count && !watch->ended; i++)
		if (concerns(watch, &changes->at[i]))
			tell(watch, thread, item, i);
	if (changes->last_revision > watch->after)
		watch->after = changes->last_revision;
}

static void send_too_old(struct rk_watch *watch, uint64_t asked, uint64_t oldest)
{
	struct rk_arena *arena = &watch->req->arena;

	send_status(watch, rk_status(arena, 410, "Expired",
				     "too old resource version: %" PRIu64 " (%" PRIu64 ")", asked,
				     oldest));
	end(watch);
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
		if (req->watch->after < thread->history_from) { /* more came at once than is kept */
			send_too_old(req->watch, req->watch->after, thread->history_from + 1);
			continue;
		}
		for (size_t i = thread->history_count - kept;
		     i < thread->history_count && !req->watch->ended; i++)
			tell_all(req->watch, thread, (thread->history_start + i) % RK_API_HISTORY);
	}
}

/* --- beginning --- */

static void send_existing(struct rk_watch *watch, struct rk_api_thread *thread)
{
	const struct rk_route *route = &watch->req->route;
	struct rk_view_iter iter;
	struct rk_object object;

	rk_view_list(&iter, thread->view, rk_span_str(route->kind->resource), route->ns,
		     RK_SPAN(""), RK_SPAN(""));
	while (!watch->ended && rk_view_next(&iter, &object))
		if ((watch->name.size == 0 || rk_span_eq(object.name, watch->name)) &&
		    matches(watch, object.doc))
			put(watch, make_line(watch, "ADDED", rk_blob_span(object.doc)));
	watch->after = rk_view_revision(thread->view);
}

static void catch_up(struct rk_watch *watch, struct rk_api_thread *thread)
{
	for (size_t i = 0; i < thread->history_count && !watch->ended; i++) {
		const size_t at = (thread->history_start + i) % RK_API_HISTORY;
		if (thread->history[at].changes->last_revision > watch->after)
			tell_all(watch, thread, at);
	}
}

static void begin(struct rk_req *req, struct rk_feed_answer *answer)
{
	struct rk_watch *watch = req->watch;
	struct rk_api_thread *thread = req->thread;
	const bool wants_initial = rk_req_query_bool(req, "sendInitialEvents");
	const uint64_t from = req->wait_revision;

	if (answer != NULL && answer->err < 0) {
		rk_req_err(req, answer->err);
		return;
	}
	const struct rk_http_header headers[] = {
		{ RK_SPAN("content-type"), RK_SPAN("application/json") },
		{ RK_SPAN("cache-control"), RK_SPAN("no-cache, private") }
	};
	rk_http_begin(req->exchange, 200, headers, RK_COUNT(headers));
	rk_req_link(req, &thread->watchers);
	watch->begins = true;
	watch->after = from;
	if (from == 0 || wants_initial) {
		send_existing(watch, thread);
		if (wants_initial && !watch->ended)
			send_bookmark(watch, true);
	} else if (from < thread->history_from) {
		send_too_old(watch, from, thread->history_from + 1);
	} else {
		catch_up(watch, thread);
	}
	watch->begins = false;
	watch->unread = 0;
}

static bool parse(struct rk_req *req, struct rk_watch *watch)
{
	struct rk_error error = { 0 };
	int64_t seconds;
	const uint64_t now_ms = rk_clock_mono_ms();

	if (rk_selector_parse(&req->arena, rk_req_query(req, "labelSelector"), &watch->labels,
			      &error) < 0 ||
	    rk_fields_parse(&req->arena, req->route.kind, rk_req_query(req, "fieldSelector"),
			    &watch->fields, &error) < 0) {
		rk_req_fail(req, 400, "BadRequest", "%s", error.text);
		return false;
	}
	if (rk_req_query(req, "sendInitialEvents").size > 0 &&
	    !rk_span_is(rk_req_query(req, "resourceVersionMatch"), "NotOlderThan")) {
		rk_req_fail(
			req, 400, "BadRequest",
			"sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
		return false;
	}
	watch->name = req->route.what == RK_ROUTE_OBJECT ? req->route.name : RK_SPAN("");
	watch->sends_bookmarks = rk_req_query_bool(req, "allowWatchBookmarks");
	watch->bookmark_ms = now_ms + BOOKMARK_MS;
	if (rk_req_query_int(req, "timeoutSeconds", &seconds) && seconds > 0)
		watch->end_ms = now_ms + (uint64_t)RK_MIN(seconds, (int64_t)86400) * 1000;
	else
		watch->end_ms = now_ms + TIMEOUT_MIN_MS + rk_clock_mono_ns() % TIMEOUT_MIN_MS;
	return true;
}

void rk_api_watch(struct rk_req *req)
{
	struct rk_api_thread *thread = req->thread;
	const struct rk_span version = rk_req_query(req, "resourceVersion");
	uint64_t revision = 0;

	if (thread->watcher_count == WATCHERS_MAX) {
		rk_req_fail(req, 429, "TooManyRequests", "member %s serves too many watches",
			    thread->api->name);
		return;
	}
	thread->watcher_count++;
	req->watch = rk_zalloc(sizeof *req->watch);
	req->watch->req = req;
	if (!parse(req, req->watch))
		return;
	if (version.size > 0 && !rk_span_u64(version, &revision)) {
		rk_req_fail(req, 400, "BadRequest",
			    "resourceVersion: Invalid value: \"%.*s\": must be a number",
			    RK_SPAN_ARGS(version));
		return;
	}
	req->wait_revision = revision;
	if (version.size == 0) {
		if (rk_req_await(req, begin))
			rk_feed_read(thread->feed, req->id, RK_API_READ_MS);
	} else if (rk_view_revision(thread->view) >= revision) {
		begin(req, NULL);
	} else {
		req->wait_until_ms = rk_clock_mono_ms() + WAIT_MS;
		req->resume = begin;
		rk_req_link(req, &thread->waiting);
	}
}

/* --- going on --- */

void rk_api_watch_tick(struct rk_api_thread *thread)
{
	const uint64_t now_ms = rk_clock_mono_ms();

	for (struct rk_req *req = thread->watchers, *next; req != NULL; req = next) {
		struct rk_watch *watch = req->watch;
		next = req->next;
		if (now_ms >= watch->end_ms) {
			if (watch->sends_bookmarks)
				send_bookmark(watch, false);
			end(watch);
		} else if (watch->sends_bookmarks && now_ms >= watch->bookmark_ms &&
			   watch->after != 0) {
			send_bookmark(watch, false);
		}
	}
}

void rk_api_watch_drained(struct rk_req *req) { req->watch->unread = 0; }

void rk_api_watch_end_all(struct rk_api_thread *thread, bool is_expired)
{
	for (struct rk_req *req = thread->watchers, *next; req != NULL; req = next) {
		next = req->next;
		if (is_expired && req->watch->after != rk_view_revision(thread->view))
			send_too_old(req->watch, req->watch->after, thread->history_from + 1);
		else if (!is_expired)
			end(req->watch);
	}
}

void rk_api_watch_free(struct rk_req *req)
{
	if (req->watch != NULL)
		req->thread->watcher_count--;
	free(req->watch);
	req->watch = NULL;
}
