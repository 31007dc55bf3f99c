/* control/api/listing.h - what a list or a watch asks for: its query, read once and checked as
 * upstream does, and the tokens that lead to the next page. Pure. */
#ifndef RK_CONTROL_API_LISTING_H
#define RK_CONTROL_API_LISTING_H

#include "control/api/route.h"
#include "control/schema/selector.h"

enum rk_match { /* resourceVersionMatch */
		RK_MATCH_NONE,
		RK_MATCH_EXACT,
		RK_MATCH_NOT_OLDER,
};

struct rk_cursor {               /* where the next page begins */
	uint64_t revision;       /* 0: the newest (an inconsistent continuation) */
	struct rk_span ns, name; /* the last object that was given */
};

struct rk_listing { /* lives as long as the arena and the query */
	struct rk_selector *labels;
	struct rk_fields *fields;
	struct rk_span name; /* of a watch: this object only; empty: all */
	int64_t limit;       /* 0: none */
	bool has_cursor;
	struct rk_cursor cursor;
	bool has_revision; /* resourceVersion is there */
	uint64_t revision;
	enum rk_match match;
	bool has_initial, sends_initial; /* sendInitialEvents: given, and what it says */
	bool sends_bookmarks;
	int64_t timeout_seconds; /* 0: not given */
};

/* NULL, or the Status that says what is wrong with the query. `verb`: get, list or watch. */
struct rk_val *rk_listing_parse(struct rk_arena *arena, const struct rk_route *route,
				const char *verb, struct rk_span query, struct rk_listing *ret);
/* Whether an answer must be of exactly this revision, and not of a newer one. */
bool rk_listing_is_exact(const struct rk_listing *listing);
bool rk_listing_matches(const struct rk_listing *listing, struct rk_span doc);

/* The token that leads behind `cursor`. */
struct rk_span rk_cursor_token(struct rk_arena *arena, const struct rk_cursor *cursor);
/* NULL, or what is wrong with it. */
const char *rk_cursor_parse(struct rk_arena *arena, struct rk_span token, struct rk_cursor *ret);

/* A query's truth as upstream has it: there, and neither "false" nor "0". */
bool rk_query_bool(struct rk_arena *arena, struct rk_span query, const char *name);

#endif
