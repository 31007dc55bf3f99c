/* What lists and watches may ask for, the tokens to the next page, and objects as they were. */
#include <stdlib.h>

#include "base/mem.h"
#include "control/api/listing.h"
#include "control/api/moment.h"
#include "store/store.h"
#include "tests/control/schema.h"

/* --- the query --- */

static struct rk_val *parse(struct rk_arena *arena, const struct rk_kinds *kinds, const char *verb,
			    const char *query, struct rk_listing *listing)
{
	struct rk_route route = { .what = RK_ROUTE_OBJECTS, .kind = kind_named(kinds, "pods") };

	if (strcmp(verb, "watch one") == 0) {
		route.what = RK_ROUTE_OBJECT;
		route.name = RK_SPAN("p1");
		verb = "watch";
	}
	return rk_listing_parse(arena, &route, verb, rk_span_str(query), listing);
}

/* Texts and codes as kube-apiserver's 1.32. */
Test(listing, what_is_refused)
{
	static const struct {
		const char *verb, *query;
		int code;
		const char *message;
	} cases[] = {
		{ "list", "resourceVersionMatch=Exact", 422,
		  "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: "
		  "resourceVersionMatch is forbidden unless resourceVersion is provided" },
		{ "list", "resourceVersionMatch=Exact&resourceVersion=0", 422,
		  "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: "
		  "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"" },
		{ "list", "resourceVersionMatch=Newest&resourceVersion=5", 422,
		  "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Unsupported "
		  "value: "
		  "\"Newest\": supported values: \"Exact\", \"NotOlderThan\", \"\"" },
		{ "list", "resourceVersionMatch=NotOlderThan&continue=x", 422,
		  "ListOptions.meta.k8s.io \"\" is invalid: [resourceVersionMatch: Forbidden: "
		  "resourceVersionMatch is forbidden unless resourceVersion is provided, "
		  "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when "
		  "continue is "
		  "provided]" },
		{ "list", "sendInitialEvents=true", 422,
		  "ListOptions.meta.k8s.io \"\" is invalid: sendInitialEvents: Forbidden: "
		  "sendInitialEvents is forbidden for list" },
		{ "watch", "sendInitialEvents=false", 422,
		  "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: "
		  "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan" },
		{ "watch", "resourceVersionMatch=NotOlderThan&resourceVersion=1", 422,
		  "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: "
		  "resourceVersionMatch is forbidden for watch unless sendInitialEvents is "
		  "provided" },
		{ "watch", "sendInitialEvents=true&resourceVersionMatch=Exact", 422,
		  "ListOptions.meta.k8s.io \"\" is invalid: [resourceVersionMatch: Forbidden: "
		  "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan, "
		  "resourceVersionMatch: Unsupported value: \"Exact\": supported values: "
		  "\"NotOlderThan\"]" },
		{ "list", "resourceVersion=x", 400,
		  "invalid resource version: resourceVersion: Invalid value: \"x\": "
		  "strconv.ParseUint: parsing \"x\": invalid syntax" },
		{ "get", "resourceVersion=-1", 400,
		  "invalid resource version: resourceVersion: Invalid value: \"-1\": "
		  "strconv.ParseUint: parsing \"-1\": invalid syntax" },
		{ "list", "limit=ten", 400, "strconv.ParseInt: parsing \"ten\": invalid syntax" },
		{ "watch", "timeoutSeconds=1.5", 400,
		  "strconv.ParseInt: parsing \"1.5\": invalid syntax" },
		{ "list", "continue=%25", 400,
		  "invalid continue token: continue key is not valid: illegal base64 data" },
		{ "list", "continue=e30", 400,
		  "invalid continue token: continue key is not valid: server does not recognize "
		  "this "
		  "encoded version " },
		/* {"v":"meta.k8s.io/v1","start":"a"}, {"v":"meta.k8s.io/v1","rv":3} */
		{ "list", "continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJzdGFydCI6ImEifQ", 400,
		  "invalid continue token: continue key is not valid: incorrect encoded start "
		  "resourceVersion (version meta.k8s.io/v1)" },
		{ "list", "continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6M30", 400,
		  "invalid continue token: continue key is not valid: encoded start key empty "
		  "(version meta.k8s.io/v1)" },
		/* {"v":"meta.k8s.io/v1","rv":3,"start":"a\u0000"} */
		{ "list",
		  "continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6Mywic3RhcnQiOiJhXHUwMDAwIn0&"
		  "resourceVersion=5",
		  400, "specifying resource version is not allowed when using continue" },
		{ "watch one", "fieldSelector=metadata.name%3Dother", 400,
		  "fieldSelector metadata.name doesn't match requested name" },
	};
	const struct rk_kinds *kinds = rk_kinds_new();

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		struct rk_arena arena = { 0 };
		struct rk_listing listing;
		const struct rk_val *status =
			parse(&arena, kinds, cases[i].verb, cases[i].query, &listing);
		cr_assert_not_null(status, "%s %s", cases[i].verb, cases[i].query);
		cr_expect_eq(rk_val_int_at(status, "code", 0), cases[i].code, "%s", cases[i].query);
		cr_expect_str_eq(rk_arena_str(&arena, rk_val_text_at(status, "message")),
				 cases[i].message);
		rk_arena_done(&arena);
	}
	(void)rk_kinds_free(kinds);
}

Test(listing, what_is_understood)
{
	static const struct {
		const char *verb, *query;
		int64_t limit, timeout;
		bool is_exact, has_initial, sends_initial, bookmarks;
	} cases[] = {
		{ "list", "", 0, 0, false, false, false, false },
		{ "list", "limit=5", 5, 0, false, false, false, false },
		{ "list", "limit=-5", 0, 0, false, false, false, false },
		{ "list", "resourceVersion=7", 0, 0, false, false, false, false },
		{ "list", "resourceVersion=7&limit=1", 1, 0, true, false, false, false },
		{ "list", "resourceVersion=7&limit=1&resourceVersionMatch=NotOlderThan", 1, 0,
		  false, false, false, false },
		{ "list", "resourceVersion=0&limit=1", 1, 0, false, false, false, false },
		{ "list", "resourceVersion=7&resourceVersionMatch=Exact", 0, 0, true, false, false,
		  false },
		{ "get", "resourceVersion=7&resourceVersionMatch=Exact&sendInitialEvents=true", 0,
		  0, true, false, false, false },
		{ "watch", "allowWatchBookmarks&timeoutSeconds=5", 0, 5, false, false, false,
		  true },
		{ "watch", "allowWatchBookmarks=False&timeoutSeconds=99999999", 0, 86400, false,
		  false, false, false },
		{ "watch", "sendInitialEvents=true&resourceVersionMatch=NotOlderThan", 0, 0, false,
		  true, true, false },
		{ "watch", "sendInitialEvents=0&resourceVersionMatch=NotOlderThan", 0, 0, false,
		  true, false, false },
		{ "watch one", "fieldSelector=metadata.name%3Dp1", 0, 0, false, false, false,
		  false },
	};
	const struct rk_kinds *kinds = rk_kinds_new();

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		struct rk_arena arena = { 0 };
		struct rk_listing listing;
		cr_assert_null(parse(&arena, kinds, cases[i].verb, cases[i].query, &listing), "%s",
			       cases[i].query);
		cr_expect_eq(listing.limit, cases[i].limit, "%s", cases[i].query);
		cr_expect_eq(listing.timeout_seconds, cases[i].timeout, "%s", cases[i].query);
		cr_expect_eq(rk_listing_is_exact(&listing), cases[i].is_exact, "%s",
			     cases[i].query);
		cr_expect_eq(listing.has_initial, cases[i].has_initial, "%s", cases[i].query);
		cr_expect_eq(listing.sends_initial, cases[i].sends_initial, "%s", cases[i].query);
		cr_expect_eq(listing.sends_bookmarks, cases[i].bookmarks, "%s", cases[i].query);
		rk_arena_done(&arena);
	}
	(void)rk_kinds_free(kinds);
}

/* --- tokens --- */

Test(listing, tokens)
{
	static const struct {
		uint64_t revision;
		const char *ns, *name;
	} cases[] = { { 463, "", "c2" }, { 1, "kube-system", "a.b-c" }, { 0, "default", "x" } };
	struct rk_arena arena = { 0 };

	for (size_t i = 0; i < RK_COUNT(cases); i++) {
		const struct rk_cursor cursor = { cases[i].revision, rk_span_str(cases[i].ns),
						  rk_span_str(cases[i].name) };
		struct rk_cursor back;
		const struct rk_span token = rk_cursor_token(&arena, &cursor);
		for (size_t n = 0; n < token.size; n++)
			cr_expect(strchr("+/=%", token.data[n]) == NULL, "as it is in a URL");
		cr_assert_null(rk_cursor_parse(&arena, token, &back));
		cr_expect_eq(back.revision, cursor.revision);
		cr_expect(rk_span_eq(back.ns, cursor.ns) && rk_span_eq(back.name, cursor.name));
	}
	/* What kube-apiserver gave for {"v":"meta.k8s.io/v1","rv":463,"start":"c2\u0000"}. */
	const struct rk_cursor c2 = { 463, RK_SPAN(""), RK_SPAN("c2") };
	cr_expect_str_eq(rk_arena_str(&arena, rk_cursor_token(&arena, &c2)),
			 "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6NDYzLCJzdGFydCI6ImMyXHUwMDAwIn0");
	rk_arena_done(&arena);
}

Test(listing, tokens_that_are_refused)
{
	/* start: "/", "a/", "a/b/c", "\u0000", "a\u0000b" */
	static const char *const tokens[] = {
		"eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6Mywic3RhcnQiOiIvIn0",
		"eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6Mywic3RhcnQiOiJhLyJ9",
		"eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6Mywic3RhcnQiOiJhL2IvYyJ9",
		"eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6Mywic3RhcnQiOiJcdTAwMDAifQ",
		"eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6Mywic3RhcnQiOiJhXHUwMDAwYiJ9",
		"W10",
		"eA",
		"====",
		"e",
	};
	struct rk_arena arena = { 0 };

	for (size_t i = 0; i < RK_COUNT(tokens); i++) {
		struct rk_cursor cursor;
		cr_expect_not_null(rk_cursor_parse(&arena, rk_span_str(tokens[i]), &cursor), "%s",
				   tokens[i]);
	}
	rk_arena_done(&arena);
}

/* --- moments --- */

#define CHANGES_MAX 64

struct world { /* a store of pods whose document is a text, and what changed in it */
	struct rk_store *store;
	size_t count;
	struct rk_changes *changes[CHANGES_MAX];
};

/* text NULL: it is deleted. Each change is an entry of its own. */
static void change(struct world *world, const char *kind, const char *ns, const char *name,
		   const char *text)
{
	struct rk_buf key = { 0 };
	struct rk_changes *changes = rk_zalloc(sizeof *changes + sizeof changes->at[0]);
	struct rk_change *one = &changes->at[0];

	cr_assert_lt(world->count, CHANGES_MAX);
	rk_buf_put_u8(&key, RK_SPACE_OBJECT);
	rk_object_key(&key, rk_span_str(kind), rk_span_str(ns), rk_span_str(name));
	const struct rk_item *item = rk_store_get(world->store, rk_buf_span(&key));
	atomic_init(&changes->refs, 1);
	changes->count = 1;
	one->revision = rk_store_next_revision(world->store);
	changes->first_revision = changes->last_revision = one->revision;
	one->type = text == NULL   ? RK_CHANGE_DELETED
		    : item == NULL ? RK_CHANGE_ADDED
				   : RK_CHANGE_MODIFIED;
	one->before = item != NULL ? rk_blob_ref(item->value) : NULL;
	one->after = rk_blob_copy(rk_span_str(text != NULL ? text : "gone"));
	one->key = rk_blob_copy(rk_span_sub(rk_buf_span(&key), 1, key.size));
	cr_assert(rk_object_key_split(rk_blob_span(one->key), &one->kind, &one->ns, &one->name));
	if (text != NULL)
		rk_store_put(world->store, rk_buf_span(&key), rk_blob_ref(one->after),
			     one->revision);
	else
		cr_assert(rk_store_remove(world->store, rk_buf_span(&key)));
	world->changes[world->count++] = changes;
	rk_buf_done(&key);
}

/* "ns/name=doc " for each object. */
static void list(struct rk_buf *out, struct rk_moment *moment, const char *after_ns,
		 const char *after_name)
{
	struct rk_object object;

	rk_moment_seek(moment, rk_span_str(after_ns), rk_span_str(after_name));
	while (rk_moment_next(moment, &object)) {
		const struct rk_span doc = rk_blob_span(object.doc);
		struct rk_object same = { .doc = NULL };
		rk_buf_printf(out, "%.*s/%.*s=%.*s ", RK_SPAN_ARGS(object.ns),
			      RK_SPAN_ARGS(object.name), RK_SPAN_ARGS(doc));
		cr_expect(rk_moment_get(moment, object.ns, object.name, &same));
		cr_expect_eq(same.doc, object.doc);
	}
}

static void begin(struct world *world, struct rk_moment *moment, const char *ns, uint64_t revision)
{
	rk_moment_begin(moment, rk_store_view(world->store), RK_SPAN("pods"), rk_span_str(ns),
			revision);
	for (size_t i = world->count; i > 0; i--)
		rk_moment_take_back(moment, world->changes[i - 1]);
	rk_moment_settle(moment);
}

static void end(struct rk_moment *moment)
{
	(void)rk_view_unref(moment->view);
	rk_moment_done(moment);
}

static void world_done(struct world *world)
{
	for (size_t i = 0; i < world->count; i++)
		(void)rk_changes_unref(world->changes[i]);
	world->store = rk_store_free(world->store);
}

Test(moment, as_it_was)
{
	static const char *const wanted[] = {
		"",
		"a/x=1 ",
		"a/x=1 b/y=1 ",
		"a/x=1 b/y=1 ", /* another kind */
		"a/x=2 b/y=1 ",
		"a/w=1 a/x=2 b/y=1 ",
		"a/w=1 b/y=1 ",
		"a/w=1 a/x=3 b/y=1 ",
		"a/w=1 a/x=3 ",
		"a/x=3 ",
		"a/x=3 c/z=1 ",
		"a/x=4 c/z=1 ",
	};
	struct world world = { .store = rk_store_new() };

	change(&world, "pods", "a", "x", "1");
	change(&world, "pods", "b", "y", "1");
	change(&world, "nodes", "", "n", "1");
	change(&world, "pods", "a", "x", "2");
	change(&world, "pods", "a", "w", "1");
	change(&world, "pods", "a", "x", NULL);
	change(&world, "pods", "a", "x", "3");
	change(&world, "pods", "b", "y", NULL);
	change(&world, "pods", "a", "w", NULL);
	change(&world, "pods", "c", "z", "1");
	change(&world, "pods", "a", "x", "4");
	for (uint64_t revision = 0; revision < RK_COUNT(wanted); revision++) {
		struct rk_moment moment;
		struct rk_buf out = { 0 };
		begin(&world, &moment, "", revision);
		list(&out, &moment, "", "");
		cr_expect_str_eq(rk_buf_cstr(&out), wanted[revision], "revision %d", (int)revision);
		rk_buf_done(&out);
		end(&moment);
	}
	world_done(&world);
}

Test(moment, pages_and_namespaces)
{
	struct world world = { .store = rk_store_new() };
	struct rk_moment moment;
	struct rk_buf out = { 0 };
	struct rk_object object;

	for (const char *name = "a\0b\0c\0d\0e\0"; *name != 0; name += 2)
		change(&world, "pods", *name < 'c' ? "n1" : "n2", name, "1");
	change(&world, "pods", "n1", "b", NULL);
	change(&world, "pods", "n2", "d", "2");
	change(&world, "pods", "n2", "f", "1");
	begin(&world, &moment, "", 5);
	list(&out, &moment, "n1", "a"); /* behind one that is there still */
	cr_expect_str_eq(rk_buf_cstr(&out), "n1/b=1 n2/c=1 n2/d=1 n2/e=1 ");
	rk_buf_clear(&out);
	list(&out, &moment, "n1", "b"); /* behind one that went */
	cr_expect_str_eq(rk_buf_cstr(&out), "n2/c=1 n2/d=1 n2/e=1 ");
	rk_buf_clear(&out);
	list(&out, &moment, "n2", "d"); /* behind one that changed */
	cr_expect_str_eq(rk_buf_cstr(&out), "n2/e=1 ");
	rk_buf_clear(&out);
	cr_expect_not(rk_moment_get(&moment, RK_SPAN("n2"), RK_SPAN("f"), &object));
	end(&moment);
	begin(&world, &moment, "n2", 5);
	list(&out, &moment, "", "");
	cr_expect_str_eq(rk_buf_cstr(&out), "n2/c=1 n2/d=1 n2/e=1 ");
	rk_buf_done(&out);
	end(&moment);
	world_done(&world);
}
