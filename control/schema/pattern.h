/* control/schema/pattern.h - regular expressions of schemas. Upstream's are RE2's; these are PCRE2's
 * of the same syntax, without JIT and with limits, so that every member decides alike and a hostile
 * pattern costs little. */
#ifndef RK_CONTROL_SCHEMA_PATTERN_H
#define RK_CONTROL_SCHEMA_PATTERN_H

#include "base/span.h"

struct rk_pattern;

/* NULL when it is not a pattern, with why in *ret_why (a constant or borrowed from a static buffer
 * of the thread). The new one is put before `next`. */
struct rk_pattern *rk_pattern_new(struct rk_span text, struct rk_pattern *next,
				  const char **ret_why);
struct rk_pattern *rk_pattern_free_all(struct rk_pattern *pattern); /* the whole chain; returns NULL */
/* Anywhere in the text, as upstream. A match that takes too long is none. */
bool rk_pattern_matches(const struct rk_pattern *pattern, struct rk_span text);

#endif
