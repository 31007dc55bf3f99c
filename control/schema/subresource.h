/* control/schema/subresource.h - what can be done with the subresources that kinds name, for discovery and OpenAPI. */
#ifndef RK_CONTROL_SCHEMA_SUBRESOURCE_H
#define RK_CONTROL_SCHEMA_SUBRESOURCE_H

#include "control/schema/kinds.h"

struct rk_subresource {
	const char *name;
	const char *group, *version, *kind; /* what it speaks. NULL: its kind; "*" at first: the kind's name goes before the rest */
	const char *verbs[6];
	bool is_streamed; /* a connection to somebody else */
};

const struct rk_subresource *rk_subresource_find(struct rk_span name); /* NULL: none that is served by itself */
/* The kind that it speaks for this one. */
const char *rk_subresource_kind(struct rk_arena *arena, const struct rk_kind *kind,
				const struct rk_subresource *sub) __attribute__((returns_nonnull));

#endif
