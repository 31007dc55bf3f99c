/* cli/sort.h - lists in the order of a field. */
#ifndef RK_CLI_SORT_H
#define RK_CLI_SORT_H

#include "wire/jsonpath.h"

/* Sorts the items (of `within`, when it is given) by the first result of the path: numbers and
 * quantities by value, other things as text; what has no value comes first. Equals keep their
 * order. */
RK_MUST_CHECK int rk_sort_list(struct rk_arena *arena, struct rk_val *list, const char *within,
			       const struct rk_jsonpath *path, struct rk_error *error);

#endif
