/* cli/three_way.h - what `apply` sends: the patch that makes the live object what the file says
 * now, and takes away what the file said last time and says no more. Pure. */
#ifndef RK_CLI_THREE_WAY_H
#define RK_CLI_THREE_WAY_H

#include "control/schema/kinds.h"

#define RK_LAST_APPLIED "kubectl.kubernetes.io/last-applied-configuration"

/* A strategic merge patch, by the merge keys of `type`; an empty map when nothing is to be done.
 * original: last applied, may be NULL. Shares parts with `modified`. */
struct rk_val *rk_three_way(struct rk_arena *arena, const struct rk_type *type,
			    const struct rk_val *original, const struct rk_val *modified,
			    const struct rk_val *current) __attribute__((returns_nonnull));

/* The object with the annotation that remembers it: its own JSON. */
struct rk_val *rk_last_applied_put(struct rk_arena *arena, const struct rk_val *object)
	__attribute__((returns_nonnull));
/* What the annotation of a live object remembers; NULL when there is none, or it is malformed. */
struct rk_val *rk_last_applied_of(struct rk_arena *arena, const struct rk_val *live);

#endif
