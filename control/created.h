/* control/created.h - what the server itself puts into new objects of single kinds, because of the cluster's state, its
 * clock or the object's own uid; and what of an object its writer cannot change, beyond what holds for all kinds. */
#ifndef RK_CONTROL_CREATED_H
#define RK_CONTROL_CREATED_H

#include "control/objects.h"

/* Before a new object is stored; it has its metadata. False: a refusal stands in *ret. */
bool rk_created_fill(struct rk_state *state, const struct rk_kind *kind, struct rk_val *object, struct rk_outcome *ret);
/* The refusal of a pod by an admission, in *ret: false. A pod without a name of its own is told by what its name would
 * begin with, so that the same refusal has the same words. */
bool rk_created_forbid(struct rk_state *state, const struct rk_val *pod, struct rk_outcome *ret, const char *why);
/* Of an update through `sub` ("" is the object itself): takes from the old form what this way does not reach. */
void rk_created_keep(struct rk_state *state, const struct rk_kind *kind, struct rk_val *object, const struct rk_val *old,
		     const char *sub);
/* A request for a certificate names whoever sent it, not whom it says: user and groups of the command. */
void rk_created_sign(struct rk_state *state, const struct rk_kind *kind, struct rk_val *object,
		     const struct rk_val *command);

#endif
