/* control/schema/patch_apply.h - server-side apply: what a manager wants of an object, merged into what there is by
 * what everybody owns. */
#ifndef RK_CONTROL_SCHEMA_PATCH_APPLY_H
#define RK_CONTROL_SCHEMA_PATCH_APPLY_H

#include "control/schema/owners.h"

struct rk_apply {
	struct rk_write write;
	bool is_forced;              /* takes fields from others that want them otherwise */
	const struct rk_val *config; /* what is wanted, as it was sent */
	const struct rk_val *live;   /* what there is, as it is stored, without managedFields; NULL: nothing yet */
	const struct rk_val *had;    /* its managedFields, or NULL */
};

struct rk_applying {           /* what comes of it */
	struct rk_val *object; /* as it is to be stored: decoded and with its defaults, but not validated; without
				* managedFields */
	struct rk_val *owners; /* its managedFields from now on, or NULL; the applier's entry has the time of the write */
};

/* On RK_EINVAL *ret_status is the Status: 409 with the conflicts, 400 or 500 when the config cannot be used. */
RK_MUST_CHECK int rk_apply_run(struct rk_arena *arena, const struct rk_apply *apply, struct rk_applying *ret,
			       struct rk_val **ret_status);

#endif
