#include "control/api/listing.h"

#include <inttypes.h>
#include <stdlib.h>
#include <strings.h>

#include "base/mem.h"
#include "control/status.h"
#include "wire/base64.h"
#include "wire/http_io.h"
#include "wire/json.h"

#define TOKEN_VERSION "meta.k8s.io/v1"
#define TIMEOUT_MAX   86400
#define EXACT         "Exact"
#define NOT_OLDER     "NotOlderThan"
#define MATCH_FIELD   "resourceVersionMatch"
#define INITIAL_FIELD "sendInitialEvents"

/* --- tokens --- */

/* As upstream's: the key behind the last one is that key and a NUL. */
struct rk_span rk_cursor_token(struct rk_arena *arena, const struct rk_cursor *cursor)
{
	struct rk_val *token = rk_val_map(arena);
	struct rk_buf start = { 0 }, json = { 0 };

	rk_buf_put_span(&start, cursor->ns);
	rk_buf_put_str(&start, cursor->ns.size > 0 ? "/" : "");
	rk_buf_put_span(&start, cursor->name);
	rk_buf_put_u8(&start, 0);
	rk_val_put_cstr(arena, token, "v", TOKEN_VERSION);
	rk_val_put_int(arena, token, "rv", cursor->revision == 0 ? -1 : (int64_t)cursor->revision);
	rk_val_put_str(arena, token, "start", rk_buf_span(&start));
	rk_json_write(&json, token, false);
	const struct rk_span text = rk_base64url_encode(arena, rk_buf_span(&json));
	rk_buf_done(&start);
	rk_buf_done(&json);
	return text;
}

/* "ns/name", or "name" of what is in no namespace; a NUL behind it. */
static bool split_start(struct rk_span start, struct rk_cursor *ret)
{
	struct rk_span head, tail;

	if (start.data[start.size - 1] == 0)
		start.size--;
	tail = rk_span_cut(start, '/', &head);
	ret->ns = tail.data != NULL ? head : RK_SPAN("");
	ret->name = tail.data != NULL ? tail : head;
	return ret->name.size > 0 && memchr(start.data, 0, start.size) == NULL &&
	       memchr(ret->name.data, '/', ret->name.size) == NULL;
}

const char *rk_cursor_parse(struct rk_arena *arena, struct rk_span token, struct rk_cursor *ret)
{
	struct rk_val *val = NULL;
	struct rk_span json;
	struct rk_error error = { .text = "" };

	if (!rk_base64_decode(arena, rk_base64_from_url(arena, token), &json))
		return "continue key is not valid: illegal base64 data";
	if (rk_json_parse(arena, json, 0, &val, &error) < 0)
		return rk_arena_printf(arena, "continue key is not valid: %s", error.text);
	const struct rk_span version = rk_val_text_at(val, "v"),
			     start = rk_val_text_at(val, "start");
	const int64_t revision = rk_val_int_at(val, "rv", 0);
	if (!rk_span_is(version, TOKEN_VERSION))
		return rk_arena_printf(arena,
				       "continue key is not valid: server does not recognize this "
				       "encoded version %.*s",
				       RK_SPAN_ARGS(version));
	if (revision == 0)
		return "continue key is not valid: incorrect encoded start resourceVersion "
		       "(version " TOKEN_VERSION ")";
	if (start.size == 0)
		return "continue key is not valid: encoded start key empty "
		       "(version " TOKEN_VERSION ")";
	if (!split_start(start, ret))
		return "continue key is not valid";
	ret->revision = revision > 0 ? (uint64_t)revision : 0;
	return NULL;
}

/* --- the query --- */

struct query {
	struct rk_arena *arena;
	struct rk_span text;
	struct rk_val *causes;
};

static bool given(const struct query *query, const char *name, struct rk_span *ret)
{
	*ret = RK_SPAN("");
	return rk_query_get(query->arena, query->text, name, ret);
}

bool rk_query_bool(struct rk_arena *arena, struct rk_span query, const char *name)
{
	struct rk_span value;

	if (!rk_query_get(arena, query, name, &value))
		return false;
	return !rk_span_is(value, "0") &&
	       !(value.size == 5 && strncasecmp((const char *)value.data, "false", 5) == 0);
}

static void forbid(struct query *query, const char *field, const char *why)
{
	rk_cause_add(query->arena, query->causes, "FieldValueForbidden", field, "Forbidden: %s",
		     why);
}

static void unsupported(struct query *query, struct rk_span match, const char *choices)
{
	rk_cause_add(query->arena, query->causes, "FieldValueNotSupported", MATCH_FIELD,
		     "Unsupported value: \"%.*s\": supported values: %s", RK_SPAN_ARGS(match),
		     choices);
}

/* A whole number as Go reads it: a sign may stand before it. */
static struct rk_val *read_int(const struct query *query, const char *name, int64_t *ret)
{
	struct rk_span text, digits;
	uint64_t number = 0;

	if (!given(query, name, &text) || text.size == 0)
		return NULL;
	const bool is_negative = text.data[0] == '-';
	digits = is_negative || text.data[0] == '+' ? rk_span_sub(text, 1, text.size) : text;
	if (!rk_span_u64(digits, &number) || number > INT64_MAX)
		return rk_status_bad_request(query->arena,
					     "strconv.ParseInt: parsing \"%.*s\": invalid syntax",
					     RK_SPAN_ARGS(text));
	*ret = is_negative ? -(int64_t)number : (int64_t)number;
	return NULL;
}

static struct rk_val *read_revision(const struct query *query, struct rk_listing *listing)
{
	struct rk_span text;

	if (!given(query, "resourceVersion", &text) || text.size == 0)
		return NULL;
	listing->has_revision = true;
	if (rk_span_u64(text, &listing->revision))
		return NULL;
	return rk_status_bad_request(
		query->arena,
		"invalid resource version: resourceVersion: Invalid value: "
		"\"%.*s\": strconv.ParseUint: parsing \"%.*s\": invalid syntax",
		RK_SPAN_ARGS(text), RK_SPAN_ARGS(text));
}

static struct rk_val *read_selectors(const struct query *query, const struct rk_kind *kind,
				     struct rk_listing *listing)
{
	struct rk_span labels, fields;
	struct rk_error error = { 0 };

	(void)given(query, "labelSelector", &labels);
	(void)given(query, "fieldSelector", &fields);
	if (rk_selector_parse(query->arena, labels, &listing->labels, &error) < 0 ||
	    rk_fields_parse(query->arena, kind, fields, &listing->fields, &error) < 0)
		return rk_status_bad_request(query->arena, "%s", error.text);
	return NULL;
}

static struct rk_val *read_cursor(const struct query *query, struct rk_listing *listing)
{
	struct rk_span token;

	listing->has_cursor = given(query, "continue", &token) && token.size > 0;
	if (!listing->has_cursor)
		return NULL;
	const char *why = rk_cursor_parse(query->arena, token, &listing->cursor);
	if (why != NULL)
		return rk_status_bad_request(query->arena, "invalid continue token: %s", why);
	if (listing->has_revision && listing->revision != 0)
		return rk_status_bad_request(
			query->arena,
			"specifying resource version is not allowed when using continue");
	return NULL;
}

/* --- what goes together --- */

static void check_list(struct query *query, const struct rk_listing *listing, struct rk_span match,
		       bool continues)
{
	if (match.size > 0) {
		if (!listing->has_revision)
			forbid(query, MATCH_FIELD,
			       "resourceVersionMatch is forbidden unless resourceVersion is "
			       "provided");
		if (continues)
			forbid(query, MATCH_FIELD,
			       "resourceVersionMatch is forbidden when continue is provided");
		if (listing->match == RK_MATCH_NONE)
			unsupported(query, match, "\"" EXACT "\", \"" NOT_OLDER "\", \"\"");
		if (listing->match == RK_MATCH_EXACT && listing->has_revision &&
		    listing->revision == 0)
			forbid(query, MATCH_FIELD,
			       "resourceVersionMatch \"exact\" is forbidden for resourceVersion "
			       "\"0\"");
	}
	if (listing->has_initial)
		forbid(query, INITIAL_FIELD, "sendInitialEvents is forbidden for list");
}

static void check_watch(struct query *query, const struct rk_listing *listing, struct rk_span match,
			bool continues)
{
	if (listing->has_initial && listing->match != RK_MATCH_NOT_OLDER)
		forbid(query, MATCH_FIELD,
		       "sendInitialEvents requires setting resourceVersionMatch to " NOT_OLDER);
	if (match.size == 0)
		return;
	if (!listing->has_initial)
		forbid(query, MATCH_FIELD,
		       "resourceVersionMatch is forbidden for watch unless sendInitialEvents is "
		       "provided");
	if (listing->match != RK_MATCH_NOT_OLDER)
		unsupported(query, match, "\"" NOT_OLDER "\"");
	if (continues)
		forbid(query, MATCH_FIELD,
		       "resourceVersionMatch is forbidden when continue is provided");
}

static struct rk_val *check(struct query *query, const struct rk_listing *listing, bool is_watch)
{
	struct rk_span match, token;

	(void)given(query, MATCH_FIELD, &match);
	(void)given(query, "continue", &token);
	(is_watch ? check_watch : check_list)(query, listing, match, token.size > 0);
	if (rk_val_count(query->causes) == 0)
		return NULL;
	return rk_status_invalid(query->arena, RK_SPAN("meta.k8s.io"), RK_SPAN("ListOptions"),
				 RK_SPAN(""), query->causes);
}

/* A name in the path is as good as a selector of that name; both must not differ. */
static struct rk_val *check_name(const struct query *query, const struct rk_route *route,
				 struct rk_listing *listing)
{
	const struct rk_span exact = rk_fields_exact(listing->fields, "metadata.name");

	if (route->what != RK_ROUTE_OBJECT)
		return NULL;
	listing->name = route->name;
	if (rk_fields_is_everything(listing->fields) || rk_span_eq(exact, route->name))
		return NULL;
	return rk_status_bad_request(query->arena,
				     "fieldSelector metadata.name doesn't match requested name");
}

static enum rk_match match_of(struct rk_span text)
{
	return rk_span_is(text, EXACT)       ? RK_MATCH_EXACT
	       : rk_span_is(text, NOT_OLDER) ? RK_MATCH_NOT_OLDER
					     : RK_MATCH_NONE;
}

static struct rk_val *read_numbers(const struct query *query, struct rk_listing *listing)
{
	struct rk_val *status = read_int(query, "limit", &listing->limit);

	if (status == NULL)
		status = read_int(query, "timeoutSeconds", &listing->timeout_seconds);
	listing->limit = RK_MAX(listing->limit, (int64_t)0);
	listing->timeout_seconds =
		RK_MIN(RK_MAX(listing->timeout_seconds, (int64_t)0), (int64_t)TIMEOUT_MAX);
	return status;
}

struct rk_val *rk_listing_parse(struct rk_arena *arena, const struct rk_route *route,
				const char *verb, struct rk_span text, struct rk_listing *ret)
{
	struct query query = { arena, text, rk_val_list(arena) };
	const bool is_watch = strcmp(verb, "watch") == 0, is_get = strcmp(verb, "get") == 0;
	struct rk_span match, ignored;

	*ret = (struct rk_listing){ 0 };
	(void)given(&query, MATCH_FIELD, &match);
	ret->match = match_of(match);
	struct rk_val *status = read_revision(&query, ret);
	if (is_get) /* the rest means nothing there */
		return status;
	ret->has_initial = given(&query, INITIAL_FIELD, &ignored);
	ret->sends_initial = rk_query_bool(arena, text, INITIAL_FIELD);
	ret->sends_bookmarks = rk_query_bool(arena, text, "allowWatchBookmarks");
	if (status == NULL)
		status = read_numbers(&query, ret);
	if (status == NULL)
		status = check(&query, ret, is_watch);
	if (status == NULL && !is_watch)
		status = read_cursor(&query, ret);
	if (status == NULL)
		status = read_selectors(&query, route->kind, ret);
	if (status == NULL)
		status = check_name(&query, route, ret);
	return status;
}

/* A page of a given revision is of that revision: older clients ask so for the first page. */
bool rk_listing_is_exact(const struct rk_listing *listing)
{
	if (listing->has_cursor)
		return listing->cursor.revision != 0;
	return listing->match == RK_MATCH_EXACT ||
	       (listing->match == RK_MATCH_NONE && listing->limit > 0 && listing->revision > 0);
}

bool rk_listing_matches(const struct rk_listing *listing, struct rk_span doc)
{
	return rk_selector_matches_doc(listing->labels, doc) &&
	       rk_fields_match_doc(listing->fields, doc);
}
