/* Get and list: from the newest view, from one that is new enough, or as it was at a revision: from
 * a view that is held for the next page, or by taking back what changed since. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock_io.h"
#include "base/mem.h"
#include "control/api/listing.h"
#include "control/api/page.h"
#include "control/scale.h"
#include "control/schema/convert.h"
#include "control/status.h"
#include "wire/doc.h"
#include "wire/json.h"

/* --- moments --- */

/* A share of a view that was held for its revision, or NULL. */
static struct rk_view *held_at(struct rk_api *api, uint64_t revision)
{
	struct rk_view *found = NULL;

	(void)pthread_mutex_lock(&api->lock);
	for (size_t i = 0; i < RK_API_HELD && found == NULL; i++)
		if (api->held[i].view != NULL && rk_view_revision(api->held[i].view) == revision)
			found = rk_view_ref(api->held[i].view);
	(void)pthread_mutex_unlock(&api->lock);
	return found;
}

static void take_back_since(const struct rk_api_thread *thread, struct rk_moment *moment)
{
	for (size_t i = thread->history_count; i > 0; i--) {
		const size_t at = (thread->history_start + i - 1) % RK_API_HISTORY;
		if (thread->history[at].changes->last_revision <= moment->revision)
			break;
		rk_moment_take_back(moment, thread->history[at].changes);
	}
}

/* The objects that the request is about at a revision (0: now), which has come here already. False:
 * it is kept no more. The moment has a share of its view. */
static bool moment_at(struct rk_req *req, uint64_t revision, struct rk_moment *moment)
{
	struct rk_api_thread *thread = req->thread;
	const struct rk_span kind = rk_span_str(req->route.kind->resource);
	const uint64_t newest = rk_view_revision(thread->view);
	struct rk_view *held = NULL;

	if (revision == 0)
		revision = newest;
	if (revision != newest)
		held = held_at(thread->api, revision);
	if (revision > newest || (held == NULL && revision < thread->history_from))
		return false;
	rk_moment_begin(moment, held != NULL ? held : rk_view_ref(thread->view), kind,
			req->route.ns, revision);
	if (held == NULL)
		take_back_since(thread, moment);
	rk_moment_settle(moment);
	return true;
}

static void moment_done(struct rk_moment *moment)
{
	(void)rk_view_unref(moment->view);
	rk_moment_done(moment);
}

static void hold(struct rk_api *api, struct rk_view *view)
{
	const uint64_t now_ms = rk_clock_mono_ms();
	struct rk_view *dropped = NULL;
	size_t place = 0;

	(void)pthread_mutex_lock(&api->lock);
	for (size_t i = 0; i < RK_API_HELD; i++) {
		if (api->held[i].view != NULL &&
		    rk_view_revision(api->held[i].view) == rk_view_revision(view)) {
			place = i;
			break;
		}
		if (api->held[i].until_ms < api->held[place].until_ms)
			place = i;
	}
	dropped = api->held[place].view;
	api->held[place] = (struct rk_held_view){ rk_view_ref(view), now_ms + RK_API_HELD_MS };
	(void)pthread_mutex_unlock(&api->lock);
	(void)rk_view_unref(dropped);
}

void rk_api_read_tick(struct rk_api *api)
{
	const uint64_t now_ms = rk_clock_mono_ms();

	for (size_t i = 0; i < RK_API_HELD; i++) {
		struct rk_view *view = NULL;
		(void)pthread_mutex_lock(&api->lock);
		if (api->held[i].view != NULL && api->held[i].until_ms <= now_ms)
			view = rk_take_ptr(api->held[i].view);
		(void)pthread_mutex_unlock(&api->lock);
		(void)rk_view_unref(view);
	}
}

/* --- one object --- */

static void send_object(struct rk_req *req, const struct rk_object *object)
{
	if (!rk_span_is(req->route.sub, "scale")) {
		rk_req_object(req, 200, rk_blob_span(object->doc));
		return;
	}
	struct rk_blob *scale =
		rk_doc_of(rk_scale_of(&req->arena, req->route.kind, rk_doc_val(&req->arena, object->doc)));
	rk_req_object(req, 200, rk_blob_span(scale));
	(void)rk_blob_unref(scale);
}

static void get(struct rk_req *req, struct rk_feed_answer *answer)
{
	const uint64_t revision =
		req->listing->match == RK_MATCH_EXACT ? req->listing->revision : 0;
	struct rk_moment moment;
	struct rk_object object;

	if (answer != NULL && answer->err < 0) {
		rk_req_err(req, answer->err);
	} else if (!moment_at(req, revision, &moment)) {
		rk_req_fail(req, 410, "Expired",
			    "what the object was at resourceVersion %" PRIu64
			    " is not kept any more",
			    revision);
	} else {
		if (rk_moment_get(&moment, req->route.ns, req->route.name, &object))
			send_object(req, &object);
		else
			rk_req_not_found(req);
		moment_done(&moment);
	}
}

/* --- lists --- */

static void expired(struct rk_req *req, const struct rk_listing *listing)
{
	struct rk_arena *arena = &req->arena;
	struct rk_cursor newest = listing->cursor;

	if (!listing->has_cursor) {
		rk_req_fail(req, 410, "Expired",
			    "The resourceVersion for the provided list is too old.");
		return;
	}
	struct rk_val *status = rk_status(arena, 410, "Expired",
					  "The provided continue parameter is too old to display a "
					  "consistent list result. You can "
					  "start a new list without the continue parameter, or use "
					  "the continue token in this "
					  "response to retrieve the remainder of the results. "
					  "Continuing with the provided token "
					  "results in an inconsistent list.");
	newest.revision = 0;
	rk_val_put_str(arena, rk_val_make(arena, status, "metadata"), "continue",
		       rk_cursor_token(arena, &newest));
	rk_req_status(req, status);
}

struct rest { /* what is behind a page */
	bool has_more;
	int64_t count; /* 0: not counted */
};

static void add(struct rk_page *page, const struct rk_object *object)
{
	page->at = rk_grow(page->at, &page->capacity, page->count + 1, sizeof *page->at);
	page->at[page->count++] = *object;
}

/* How many are behind a page is told only where all of them are meant. */
static void collect_all(const struct rk_listing *listing, struct rk_page *page, struct rest *rest)
{
	const bool counts = rk_selector_is_everything(listing->labels) &&
			    rk_fields_is_everything(listing->fields);
	struct rk_object object;

	rk_moment_seek(&page->moment, listing->cursor.ns, listing->cursor.name);
	while (rk_moment_next(&page->moment, &object)) {
		if (!counts && !rk_listing_matches(listing, rk_blob_span(object.doc)))
			continue;
		if (listing->limit == 0 || (int64_t)page->count < listing->limit) {
			add(page, &object);
			continue;
		}
		rest->has_more = true;
		if (!counts)
			return;
		rest->count++;
	}
}

static void collect(const struct rk_req *req, struct rk_page *page, struct rest *rest)
{
	const struct rk_listing *listing = req->listing;
	const struct rk_span exact = rk_fields_exact(listing->fields, "metadata.name");
	struct rk_object object;

	if (exact.size == 0 || (req->route.ns.size == 0 && req->route.kind->namespaced) ||
	    listing->has_cursor)
		collect_all(listing, page, rest);
	else if (rk_moment_get(&page->moment, req->route.ns, exact, &object) &&
		 rk_listing_matches(listing, rk_blob_span(object.doc)))
		add(page, &object);
}

static void send_yaml(struct rk_req *req, const struct rk_page *page)
{
	struct rk_arena *arena = &req->arena;
	struct rk_val *list = rk_val_map(arena), *items = rk_val_list(arena);

	rk_val_put_cstr(arena, list, "kind", req->route.kind->list_kind);
	rk_val_put_cstr(arena, list, "apiVersion", req->route.kind->api_version);
	rk_val_put(arena, list, "metadata", page->meta);
	for (size_t i = 0; i < page->count; i++)
		rk_val_append(
			arena, items,
			rk_convert_out(arena, req->route.kind, rk_doc_val(arena, page->at[i].doc)));
	rk_val_put(arena, list, "items", items);
	rk_req_val(req, 200, list);
}

static struct rk_val *page_meta(struct rk_arena *arena, const struct rk_page *page,
				const struct rest *rest)
{
	const uint64_t revision = page->moment.revision;
	struct rk_val *meta = rk_val_map(arena);

	rk_val_put(arena, meta, "resourceVersion", rk_val_strf(arena, "%" PRIu64, revision));
	if (rest->has_more) {
		const struct rk_object *last = &page->at[page->count - 1];
		const struct rk_cursor cursor = { revision, last->ns, last->name };
		rk_val_put_str(arena, meta, "continue", rk_cursor_token(arena, &cursor));
		if (rest->count > 0)
			rk_val_put_int(arena, meta, "remainingItemCount", rest->count);
	}
	return meta;
}

static void send_page(struct rk_req *req)
{
	struct rk_page *page = req->page;
	struct rest rest = { false, 0 };

	collect(req, page, &rest);
	if (rest.has_more && page->moment.revision == rk_view_revision(page->moment.view))
		hold(req->thread->api, page->moment.view);
	page->meta = page_meta(&req->arena, page, &rest);
	if (req->form.is_yaml)
		send_yaml(req, page);
	else
		rk_api_page_send(req);
}

static void list(struct rk_req *req, struct rk_feed_answer *answer)
{
	const struct rk_listing *listing = req->listing;
	const uint64_t revision = !rk_listing_is_exact(listing) ? 0
				  : listing->has_cursor         ? listing->cursor.revision
								: listing->revision;

	if (answer != NULL && answer->err < 0) {
		rk_req_err(req, answer->err);
		return;
	}
	if (!rk_api_job_fits(req) || req->thread->jobs.bytes > RK_API_PIECE_BYTES) {
		rk_req_busy(req);
		return;
	}
	req->page = rk_zalloc(sizeof *req->page);
	if (moment_at(req, revision, &req->page->moment))
		send_page(req);
	else
		expired(req, listing);
}

/* --- which moment --- */

void rk_api_read(struct rk_req *req)
{
	const bool is_list = strcmp(req->verb, "list") == 0;
	void (*then)(struct rk_req * req, struct rk_feed_answer * answer) = is_list ? list : get;
	struct rk_listing *listing = rk_arena_zalloc(&req->arena, sizeof *listing);
	struct rk_val *status =
		rk_listing_parse(&req->arena, &req->route, req->verb, req->http->query, listing);

	if (status != NULL) {
		rk_req_status(req, status);
		return;
	}
	req->listing = listing;
	req->wait_revision = listing->has_cursor ? listing->cursor.revision : listing->revision;
	if (req->wait_revision > 0) {
		rk_req_wait(req, then);
	} else if (listing->has_revision && !listing->has_cursor) {
		then(req, NULL);
	} else if (rk_req_await(req, then)) {
		rk_feed_read(req->thread->feed, req->id, RK_API_READ_MS);
	}
}
