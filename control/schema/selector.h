/* control/schema/selector.h - label selectors and field selectors: parsed once, matched against many. */
#ifndef RK_CONTROL_SCHEMA_SELECTOR_H
#define RK_CONTROL_SCHEMA_SELECTOR_H

#include "control/schema/kinds.h"

#define RK_SELECTOR_BYTES_MAX 65536

struct rk_selector; /* lives in the arena that it was parsed into; immutable */
struct rk_fields;

/* "a=b,c in (x,y),!d,e>5"; "" selects everything. RK_EINVAL with upstream's text. */
RK_MUST_CHECK int rk_selector_parse(struct rk_arena *arena, struct rk_span text, struct rk_selector **ret,
				    struct rk_error *error);
/* A metav1.LabelSelector. An empty one selects everything, NULL nothing. */
RK_MUST_CHECK int rk_selector_of(struct rk_arena *arena, const struct rk_val *label_selector,
				 struct rk_selector **ret, struct rk_error *error);
/* A plain map, as a Service's spec.selector: every pair must match. */
struct rk_selector *rk_selector_of_map(struct rk_arena *arena, const struct rk_val *map)
	__attribute__((returns_nonnull));
bool rk_selector_is_everything(const struct rk_selector *selector);
bool rk_selector_matches(const struct rk_selector *selector, const struct rk_val *labels);
/* Against the labels of an encoded object (metadata.labels), in place. */
bool rk_selector_matches_doc(const struct rk_selector *selector, struct rk_span object);
/* As kubectl prints it: "a=b,c in (x,y)"; "<none>" for one that selects everything. */
struct rk_span rk_selector_text(struct rk_arena *arena, const struct rk_selector *selector);

/* "metadata.name=x,status.phase!=Running". RK_EINVAL: malformed, or not a field that this kind may be selected by. */
RK_MUST_CHECK int rk_fields_parse(struct rk_arena *arena, const struct rk_kind *kind, struct rk_span text,
				  struct rk_fields **ret, struct rk_error *error);
bool rk_fields_is_everything(const struct rk_fields *fields);
bool rk_fields_match(const struct rk_fields *fields, const struct rk_val *object);
bool rk_fields_match_doc(const struct rk_fields *fields, struct rk_span object);
/* The value that metadata.name (or .namespace) must have, when the selector says so with "="; else an empty span. */
struct rk_span rk_fields_exact(const struct rk_fields *fields, const char *path);

#endif
