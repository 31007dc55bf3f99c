/* control/members.h - sets of members as documents: what administrators ask for, and what they are
 * shown. Pure. */
#ifndef RK_CONTROL_MEMBERS_H
#define RK_CONTROL_MEMBERS_H

#include "raft/entry.h"
#include "wire/val.h"

/* Carries the edits out on `config` (a plain one: voters, witnesses and learners), in this order:
 *   set      [{id, address, learner, witness}]  these and no others; an address that is known may be left out
 *   add      [{id, address, learner, witness}]
 *   remove   [id]
 *   promote  [id]             learners that shall vote
 *   update   [{id, address}]
 * RK_ENOENT, RK_EEXIST, RK_EINVAL (also fields that mean nothing, by name), RK_ETOOBIG; config may be half edited
 * then. */
RK_MUST_CHECK int rk_members_edit(const struct rk_val *edits, struct rk_config *config,
				  struct rk_error *error);
/* A list of {id, address, role: "voter", "witness" or "learner", leaving: true, next: "voter", "learner" or
 * "gone"}. `leaving`: it votes in the half that leaves; `next`: what it becomes when the change
 * goes on. */
struct rk_val *rk_members_val(struct rk_arena *arena, const struct rk_config *config);

#endif
