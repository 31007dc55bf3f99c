/* cli/output.h - the ways to show objects that kubectl's -o knows. */
#ifndef RK_CLI_OUTPUT_H
#define RK_CLI_OUTPUT_H

#include "base/buf.h"
#include "wire/jsonpath.h"
#include "control/schema/kinds.h"

#define RK_OUTPUT_COLUMNS_MAX 64

enum rk_output_kind {
	RK_OUTPUT_TABLE, /* also -o wide */
	RK_OUTPUT_YAML,
	RK_OUTPUT_JSON,
	RK_OUTPUT_NAME,
	RK_OUTPUT_JSONPATH,
	RK_OUTPUT_COLUMNS,
};

struct rk_output {
	enum rk_output_kind kind;
	bool is_wide;
	struct rk_jsonpath *path;
	size_t column_count; /* custom-columns */
	struct rk_span heads[RK_OUTPUT_COLUMNS_MAX];
	struct rk_jsonpath *columns[RK_OUTPUT_COLUMNS_MAX];
};

/* text NULL or "": a table. RK_EINVAL: not one of them, or a malformed path. */
RK_MUST_CHECK int rk_output_parse(struct rk_arena *arena, const char *text, struct rk_output *ret,
				  struct rk_error *error);
/* Appends one object (or a List) in a form other than a table or columns. */
RK_MUST_CHECK int rk_output_put(struct rk_arena *arena, const struct rk_output *output,
				const struct rk_kinds *kinds, const struct rk_val *val,
				struct rk_buf *out, struct rk_error *error);
/* Appends a row of custom columns: cells ended by tabs. */
RK_MUST_CHECK int rk_output_row(struct rk_arena *arena, const struct rk_output *output,
				const struct rk_val *val, struct rk_buf *out,
				struct rk_error *error);

/* "deployment.apps/web", "pod/x". */
const char *rk_output_name(struct rk_arena *arena, const struct rk_kind *kind, struct rk_span name);
/* Keys in order at every level, as kubectl prints them. */
void rk_output_sort(struct rk_val *val);
void rk_output_json(struct rk_buf *out, const struct rk_val *val); /* four spaces, a newline */

#endif
