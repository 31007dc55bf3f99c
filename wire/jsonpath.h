/* wire/jsonpath.h - kubectl's dialect of JSONPath: templates of text and {expressions}.
 *
 * {.a.b}, {['a.b']}, {[0]}, {[-1]}, {[1:3]}, {[*]}, {['a','b']}, {..name}, {[?(@.a=="b")]}, {@},
 * {$.a}, {range .items[*]}...{end}, {"text\n"}. A parsed template is immutable and lives in its
 * arena. What is not there gives nothing. */
#ifndef RK_WIRE_JSONPATH_H
#define RK_WIRE_JSONPATH_H

#include "base/buf.h"
#include "base/err.h"
#include "wire/val.h"

#define RK_JSONPATH_STEPS_MAX   512
#define RK_JSONPATH_DEPTH_MAX   16
#define RK_JSONPATH_RESULTS_MAX 1000000

struct rk_jsonpath;

/* RK_EINVAL with the place and what is wrong. `text` must outlive it. */
RK_MUST_CHECK int rk_jsonpath_parse(struct rk_arena *arena, struct rk_span text,
				    struct rk_jsonpath **ret, struct rk_error *error);
/* One path, with or without braces and the leading dot: "{.a.b}", ".a.b", "a.b". */
RK_MUST_CHECK int rk_jsonpath_parse_one(struct rk_arena *arena, struct rk_span text,
					struct rk_jsonpath **ret, struct rk_error *error);
/* Appends what the template makes of `val`. RK_ETOOBIG: too many results. */
RK_MUST_CHECK int rk_jsonpath_print(const struct rk_jsonpath *path, const struct rk_val *val,
				    struct rk_buf *out, struct rk_error *error);
/* The results of the first path in it, as a list in the arena. */
RK_MUST_CHECK int rk_jsonpath_find(struct rk_arena *arena, const struct rk_jsonpath *path,
				   const struct rk_val *val, struct rk_val **ret,
				   struct rk_error *error);
/* A result as kubectl prints it: text as it is, maps and lists as JSON. */
void rk_jsonpath_put(struct rk_buf *out, const struct rk_val *val);

#endif
