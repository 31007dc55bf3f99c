/* control/schema/check.h - what the validation of every kind is made of: one cause for each broken
 * rule, with upstream's reasons and texts. Each check says whether it holds, so that what depends
 * on it can be left out. */
#ifndef RK_CONTROL_SCHEMA_CHECK_H
#define RK_CONTROL_SCHEMA_CHECK_H

#include "control/schema/path.h"
#include "wire/val.h"

struct rk_check {
	struct rk_arena *arena;
	struct rk_val *causes;
	const char *sub; /* the subresource that is written through; NULL: the object itself */
	bool is_lenient; /* in a log from before RK_PARTS_SINCE: what it allowed stays allowed */
};

typedef const char *rk_syntax(struct rk_span text); /* control/schema/names.h */

/* "Invalid value: <val>: <why>"; val may be NULL (""). These return false, always. */
bool rk_bad(const struct rk_check *check, const struct rk_path *path, const struct rk_val *val,
	    const char *why);
bool rk_bad_text(const struct rk_check *check, const struct rk_path *path, struct rk_span text,
		 const char *why);
bool rk_missing(const struct rk_check *check, const struct rk_path *path,
		const char *why); /* why: "" for none */
bool rk_forbidden(const struct rk_check *check, const struct rk_path *path, const char *why);
bool rk_duplicate(const struct rk_check *check, const struct rk_path *path,
		  const struct rk_val *val);
bool rk_not_found(const struct rk_check *check, const struct rk_path *path,
		  const struct rk_val *val);
bool rk_too_long(const struct rk_check *check, const struct rk_path *path, size_t bytes_max);
bool rk_too_many(const struct rk_check *check, const struct rk_path *path, size_t count,
		 size_t count_max);
/* choices ends with NULL */
bool rk_unsupported(const struct rk_check *check, const struct rk_path *path,
		    const struct rk_val *val, const char *const *choices);

/* These look at a field of `map`, whose own path is `up`. */
bool rk_check_text(const struct rk_check *check, const struct rk_path *up, const struct rk_val *map,
		   const char *field); /* there and not empty */
bool rk_check_syntax(const struct rk_check *check, const struct rk_path *up,
		     const struct rk_val *map, const char *field,
		     rk_syntax *syntax); /* when it is there */
bool rk_check_named(const struct rk_check *check, const struct rk_path *up,
		    const struct rk_val *map, const char *field,
		    rk_syntax *syntax); /* both of the above */
bool rk_check_not_negative(const struct rk_check *check, const struct rk_path *up,
			   const struct rk_val *map, const char *field);
bool rk_check_same(const struct rk_check *check, const struct rk_path *up, const struct rk_val *map,
		   const struct rk_val *old, const char *field); /* "field is immutable" */
/* A number from 1 to 65535, or the name of a port. */
bool rk_check_port(const struct rk_check *check, const struct rk_path *path,
		   const struct rk_val *val);
/* False, and a cause, when an earlier item of the list has the same value there. */
bool rk_check_unique(const struct rk_check *check, const struct rk_path *item,
		     const struct rk_val *list, uint32_t at, const char *field);

void rk_check_labels(const struct rk_check *check, const struct rk_path *path,
		     const struct rk_val *labels);
/* A metav1.LabelSelector. */
void rk_check_selector(const struct rk_check *check, const struct rk_path *path,
		       const struct rk_val *selector);

#endif
