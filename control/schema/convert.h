/* control/schema/convert.h - objects between the form that a client speaks and the one that is stored, where one kind has
 * several (rk_kind.stored). Pure: the same object gives the same result on every member. Where the two are one, nothing
 * is done. */
#ifndef RK_CONTROL_SCHEMA_CONVERT_H
#define RK_CONTROL_SCHEMA_CONVERT_H

#include "control/schema/kinds.h"

/* From the kind's form, decoded and defaulted, to the stored one, defaulted too. The result shares parts with `obj`, which
 * is of no use any more. RK_EINVAL with a Status when what only the other form can say is malformed. */
RK_MUST_CHECK int rk_convert_in(struct rk_arena *arena, const struct rk_kind *kind, struct rk_val *obj,
				struct rk_val **ret, struct rk_val **ret_status);
/* From the stored form to the kind's. What is not in the stored form (a Status, a Scale) comes back as it is. */
struct rk_val *rk_convert_out(struct rk_arena *arena, const struct rk_kind *kind, struct rk_val *obj);

/* convert_autoscaler.c; they change `obj`. */
RK_MUST_CHECK int rk_convert_autoscaler_in(struct rk_arena *arena, struct rk_val *obj,
					   struct rk_val **ret_status);
void rk_convert_autoscaler_out(struct rk_arena *arena, struct rk_val *obj);

#endif
