/* Get and list: from the newest view, from one that is new enough, or from one that is held for the
 * next page. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock_io.h"
#include "base/mem.h"
#include "control/api/server.h"
#include "control/scale.h"
#include "control/schema/base64.h"
#include "control/schema/selector.h"
#include "control/status.h"
#include "wire/doc.h"
#include "wire/json.h"

#define WAIT_MS 3000 /* for a resourceVersion that has not come here yet */

struct cursor {               /* what a continue token says */
	uint64_t revision;    /* 0: the newest (an inconsistent continuation) */
	struct rk_span start; /* "ns/name" or "name": the last one that was given */
};

/* --- one object --- */

static void get(struct rk_req *req, struct rk_feed_answer *answer)
{
	const struct rk_route *route = &req->route;
	struct rk_object object;

	if (answer != NULL && answer->err < 0) {
		rk_req_err(req, answer->err);
		return;
	}
	if (!rk_view_get(req->thread->view, rk_span_str(route->kind->resource), route->ns,
			 route->name, &object)) {
		rk_req_not_found(req);
		return;
	}
	if (!rk_span_is(route->sub, "scale")) {
		rk_req_object(req, 200, rk_blob_span(object.doc));
		return;
	}
	struct rk_blob *scale =
		rk_doc_of(rk_scale_of(&req->arena, rk_doc_val(&req->arena, object.doc)));
	rk_req_object(req, 200, rk_blob_span(scale));
	(void)rk_blob_unref(scale);
}

/* --- lists --- */

static struct rk_span token_of(struct rk_req *req, uint64_t revision, const struct rk_object *last)
{
	struct rk_arena *arena = &req->arena;
	struct rk_val *token = rk_val_map(arena);
	struct rk_buf json = { 0 };

	rk_val_put_cstr(arena, token, "v", "meta.k8s.io/v1");
	rk_val_put_int(arena, token, "rv", revision == 0 ? -1 : (int64_t)revision);
	rk_val_put(
		arena, token, "start",
		rk_val_strf(arena, "%.*s/%.*s", RK_SPAN_ARGS(last->ns), RK_SPAN_ARGS(last->name)));
	rk_json_write(&json, token, false);
	const struct rk_span text = rk_base64_encode(arena, rk_buf_span(&json));
	rk_buf_done(&json);
	return text;
}

static bool cursor_of(struct rk_req *req, struct rk_span token, struct cursor *ret)
{
	struct rk_val *val = NULL;
	struct rk_span json;
	const bool ok = rk_base64_decode(&req->arena, token, &json) &&
			rk_json_parse(&req->arena, json, 0, &val, NULL) == RK_OK &&
			rk_span_is(rk_val_text_at(val, "v"), "meta.k8s.io/v1");

	const int64_t revision = rk_val_int_at(val, "rv", 0);
	ret->revision = revision > 0 ? (uint64_t)revision : 0;
	ret->start = rk_val_text_at(val, "start");
	return ok && ret->start.size > 0 && revision != 0;
}

/* A share of the view of exactly this revision, or NULL. */
static struct rk_view *view_at(struct rk_api_thread *thread, uint64_t revision)
{
	struct rk_api *api = thread->api;
	struct rk_view *found = NULL;

	if (revision == 0 || rk_view_revision(thread->view) == revision)
		return rk_view_ref(thread->view);
	(void)pthread_mutex_lock(&api->lock);
	for (size_t i = 0; i < RK_API_HELD && found == NULL; i++)
		if (api->held[i].view != NULL && rk_view_revision(api->held[i].view) == revision)
			found = rk_view_ref(api->held[i].view);
	(void)pthread_mutex_unlock(&api->lock);
	return found;
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

static void expired(struct rk_req *req, const struct cursor *cursor)
{
	struct rk_arena *arena = &req->arena;
	struct rk_val *status = rk_status(arena, 410, "Expired",
					  "The provided continue parameter is too old to display a "
					  "consistent list result. You can "
					  "start a new list without the continue parameter, or use "
					  "the continue token in this "
					  "response to retrieve the remainder of the results. "
					  "Continuing with the provided token "
					  "results in an inconsistent list.");
	struct rk_object last = { .name = { NULL, 0 } };

	last.name = rk_span_cut(cursor->start, '/', &last.ns);
	rk_val_put_str(arena, rk_val_make(arena, status, "metadata"), "continue",
		       token_of(req, 0, &last));
	rk_req_status(req, status);
}

struct listing {
	struct rk_selector *labels;
	struct rk_fields *fields;
	int64_t limit;
	struct cursor cursor;
	bool has_cursor;
};

static bool listing_of(struct rk_req *req, struct listing *ret)
{
	const struct rk_span token = rk_req_query(req, "continue");
	struct rk_error error = { 0 };

	*ret = (struct listing){ 0 };
	(void)rk_req_query_int(req, "limit", &ret->limit);
	ret->has_cursor = token.size > 0;
	if (rk_selector_parse(&req->arena, rk_req_query(req, "labelSelector"), &ret->labels,
			      &error) < 0 ||
	    rk_fields_parse(&req->arena, req->route.kind, rk_req_query(req, "fieldSelector"),
			    &ret->fields, &error) < 0) {
		rk_req_fail(req, 400, "BadRequest", "%s", error.text);
		return false;
	}
	if (ret->has_cursor && !cursor_of(req, token, &ret->cursor)) {
		rk_req_fail(req, 400, "BadRequest", "continue key is not valid");
		return false;
	}
	return true;
}

static bool matches(const struct listing *listing, struct rk_span doc)
{
	return rk_selector_matches_doc(listing->labels, doc) &&
	       rk_fields_match_doc(listing->fields, doc);
}

struct page { /* the items of an answer */
	struct rk_object *at;
	size_t count, capacity;
	bool has_more;
	int64_t remaining; /* behind the page; -1: not counted */
};

static void collect(const struct rk_req *req, const struct rk_view *view,
		    const struct listing *listing, struct page *page)
{
	const struct rk_span exact = rk_fields_exact(listing->fields, "metadata.name");
	const struct rk_span resource = rk_span_str(req->route.kind->resource);
	const bool counts = rk_selector_is_everything(listing->labels) &&
			    rk_fields_is_everything(listing->fields);
	struct rk_span after_ns = { NULL, 0 }, after_name = { NULL, 0 };
	struct rk_view_iter iter;
	struct rk_object object;

	page->remaining = -1;
	if (exact.size > 0 && (req->route.ns.size > 0 || !req->route.kind->namespaced)) {
		if (rk_view_get(view, resource, req->route.ns, exact, &object) &&
		    matches(listing, rk_blob_span(object.doc))) {
			page->at = rk_grow(page->at, &page->capacity, 1, sizeof *page->at);
			page->at[page->count++] = object;
		}
		return;
	}
	if (listing->has_cursor)
		after_name = rk_span_cut(listing->cursor.start, '/', &after_ns);
	rk_view_list(&iter, view, resource, req->route.ns, after_ns, after_name);
	while (rk_view_next(&iter, &object)) {
		if (listing->limit > 0 && (int64_t)page->count == listing->limit) {
			page->has_more =
				page->has_more || matches(listing, rk_blob_span(object.doc));
			if (!counts && page->has_more)
				return;
			page->remaining = counts ? RK_MAX(page->remaining, 0) + 1 : -1;
			continue;
		}
		if (!matches(listing, rk_blob_span(object.doc)))
			continue;
		page->at = rk_grow(page->at, &page->capacity, page->count + 1, sizeof *page->at);
		page->at[page->count++] = object;
	}
}

static void send_yaml(struct rk_req *req, const struct page *page, struct rk_val *meta)
{
	struct rk_arena *arena = &req->arena;
	struct rk_val *list = rk_val_map(arena), *items = rk_val_list(arena);

	rk_val_put_cstr(arena, list, "kind", req->route.kind->list_kind);
	rk_val_put_cstr(arena, list, "apiVersion", req->route.kind->api_version);
	rk_val_put(arena, list, "metadata", meta);
	for (size_t i = 0; i < page->count; i++)
		rk_val_append(arena, items, rk_doc_val(arena, page->at[i].doc));
	rk_val_put(arena, list, "items", items);
	rk_req_val(req, 200, list);
}

static void send_page(struct rk_req *req, const struct rk_view *view, const struct page *page)
{
	struct rk_arena *arena = &req->arena, item = { 0 };
	struct rk_val *meta = rk_val_map(arena);
	struct rk_buf out = { 0 };
	struct rk_form_list list = { .out = &out,
				     .form = &req->form,
				     .kind = req->route.kind,
				     .now_ms = rk_clock_wall_ms() };

	rk_val_put(arena, meta, "resourceVersion",
		   rk_val_strf(arena, "%" PRIu64, rk_view_revision(view)));
	if (page->has_more) {
		rk_val_put_str(arena, meta, "continue",
			       token_of(req, rk_view_revision(view), &page->at[page->count - 1]));
		if (page->remaining >= 0)
			rk_val_put_int(arena, meta, "remainingItemCount", page->remaining);
	}
	if (req->form.is_yaml) {
		send_yaml(req, page, meta);
		return;
	}
	rk_form_list_begin(&list, arena, meta);
	for (size_t i = 0; i < page->count; i++) {
		rk_form_list_item(&list, &item, rk_blob_span(page->at[i].doc));
		rk_arena_reset(&item);
	}
	struct rk_blob *body = rk_form_list_end(&list);
	rk_arena_done(&item);
	rk_buf_done(&out);
	rk_req_send(req, 200, rk_form_type(&req->form), body);
}

static void list(struct rk_req *req, struct rk_feed_answer *answer)
{
	struct listing listing;
	struct page page = { 0 };

	if (answer != NULL && answer->err < 0) {
		rk_req_err(req, answer->err);
		return;
	}
	if (!listing_of(req, &listing))
		return;
	uint64_t revision = listing.has_cursor ? listing.cursor.revision : 0;
	const bool is_exact = rk_span_is(rk_req_query(req, "resourceVersionMatch"), "Exact");
	if (is_exact)
		revision = req->wait_revision;
	struct rk_view *view = view_at(req->thread, revision);
	if (view == NULL && is_exact) {
		rk_req_fail(req, 410, "Expired",
			    "The resourceVersion for the provided list is too old.");
		return;
	}
	if (view == NULL) {
		expired(req, &listing.cursor);
		return;
	}
	collect(req, view, &listing, &page);
	if (page.has_more)
		hold(req->thread->api, view);
	send_page(req, view, &page);
	free(page.at);
	(void)rk_view_unref(view);
}

/* --- which view --- */

static bool check_match(struct rk_req *req, struct rk_span version, bool is_list)
{
	const struct rk_span match = rk_req_query(req, "resourceVersionMatch");
	const bool has_continue = rk_req_query(req, "continue").size > 0;

	if (match.size > 0 && (!is_list || version.size == 0 || has_continue)) {
		rk_req_fail(req, 400, "BadRequest",
			    "resourceVersionMatch is forbidden unless resourceVersion is provided");
		return false;
	}
	if (match.size > 0 && !rk_span_is(match, "Exact") && !rk_span_is(match, "NotOlderThan")) {
		rk_req_fail(req, 400, "BadRequest",
			    "resourceVersionMatch: Unsupported value: \"%.*s\": supported values: "
			    "\"Exact\", \"NotOlderThan\"",
			    RK_SPAN_ARGS(match));
		return false;
	}
	if (rk_span_is(match, "Exact") && rk_span_is(version, "0")) {
		rk_req_fail(
			req, 400, "BadRequest",
			"resourceVersionMatch \"Exact\" is forbidden with resourceVersion \"0\"");
		return false;
	}
	if (has_continue && version.size > 0 && !rk_span_is(version, "0")) {
		rk_req_fail(req, 400, "BadRequest",
			    "specifying resource version is not allowed when using continue");
		return false;
	}
	return true;
}

void rk_api_read(struct rk_req *req)
{
	const bool is_list = strcmp(req->verb, "list") == 0;
	void (*then)(struct rk_req * req, struct rk_feed_answer * answer) = is_list ? list : get;
	const struct rk_span version = rk_req_query(req, "resourceVersion");
	uint64_t revision = 0;

	if (!check_match(req, version, is_list))
		return;
	if (version.size > 0 && !rk_span_u64(version, &revision)) {
		rk_req_fail(req, 400, "BadRequest",
			    "resourceVersion: Invalid value: \"%.*s\": must be a number",
			    RK_SPAN_ARGS(version));
		return;
	}
	req->wait_revision = revision;
	if (rk_span_is(version, "0") || (is_list && rk_req_query(req, "continue").size > 0)) {
		then(req, NULL);
	} else if (version.size > 0) {
		if (rk_view_revision(req->thread->view) >= revision) {
			then(req, NULL);
			return;
		}
		req->wait_until_ms = rk_clock_mono_ms() + WAIT_MS;
		req->resume = then;
		rk_req_link(req, &req->thread->waiting);
	} else if (rk_req_await(req, then)) {
		rk_feed_read(req->thread->feed, req->id, RK_API_READ_MS);
	}
}
