/* cli/refs.h - what people name on the command line: TYPE, TYPE NAME..., TYPE/NAME..., TYPE,TYPE
 * and "all". */
#ifndef RK_CLI_REFS_H
#define RK_CLI_REFS_H

#include "base/arena.h"
#include "control/schema/kinds.h"

#define RK_REFS_MAX 1024

struct rk_ref {
	const struct rk_kind *kind;
	struct rk_span name; /* empty: all of them */
};

struct rk_refs {
	struct rk_ref *at; /* in the arena */
	size_t count;
	bool has_kinds; /* more than one kind was named */
	bool has_names;
};

/* RK_EINVAL with kubectl's text, and the nearest right name. */
RK_MUST_CHECK int rk_refs_parse(struct rk_arena *arena, const struct rk_kinds *kinds, int argc,
				char *const *argv, struct rk_refs *ret, struct rk_error *error);
/* One kind by any of its names. */
RK_MUST_CHECK int rk_ref_kind(const struct rk_kinds *kinds, struct rk_span name,
			      const struct rk_kind **ret, struct rk_error *error);
/* TYPE/NAME, or NAME of the kind `preset`. */
RK_MUST_CHECK int rk_ref_one(const struct rk_kinds *kinds, const char *text, const char *preset,
			     struct rk_ref *ret, struct rk_error *error);

#endif
