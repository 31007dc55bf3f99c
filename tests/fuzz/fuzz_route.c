/* URL paths, queries and Accept headers. */
#include "base/mem.h"
#include "control/api/form.h"
#include "control/api/listing.h"
#include "control/api/route.h"
#include "fuzz.h"
#include "wire/http_io.h"

/* What is understood of a list's query leads to the same place again by its token. */
static void listing(struct rk_arena *arena, const struct rk_route *route, struct rk_span query)
{
	struct rk_listing listing;
	struct rk_cursor again;

	(void)rk_listing_parse(arena, route, "get", query, &listing);
	(void)rk_listing_parse(arena, route, "watch", query, &listing);
	if (rk_listing_parse(arena, route, "list", query, &listing) != NULL || !listing.has_cursor)
		return;
	rk_assert(rk_cursor_parse(arena, rk_cursor_token(arena, &listing.cursor), &again) == NULL);
	rk_assert(again.revision == listing.cursor.revision &&
		  rk_span_eq(again.ns, listing.cursor.ns) &&
		  rk_span_eq(again.name, listing.cursor.name));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct rk_kinds *kinds;
	struct rk_arena arena = { 0 };
	struct rk_route route;
	struct rk_form form;
	struct rk_span name, value, path;
	size_t at = 0;

	if (kinds == NULL)
		kinds = rk_kinds_new();
	const struct rk_span query = rk_span_cut(rk_span_of(data, size), '?', &path);
	rk_route_parse(&arena, kinds, path, &route);
	rk_assert(route.what != RK_ROUTE_OBJECT || (route.kind != NULL && route.name.size > 0));
	rk_assert(route.what != RK_ROUTE_OBJECTS || route.kind != NULL);
	while (rk_query_next(&arena, query, &at, &name, &value))
		;
	(void)rk_query_get(&arena, query, "labelSelector", &value);
	if (route.kind != NULL)
		listing(&arena, &route, query);
	(void)rk_form_choose(kinds, route.kind, rk_span_of(data, size), &form);
	(void)rk_form_aggregated(rk_span_of(data, size));
	rk_arena_done(&arena);
	return 0;
}
