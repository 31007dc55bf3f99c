/* control/etcd/entry_view.h - entries of the etcd API for people: what `reckon log` shows. Pure. */
#ifndef RK_CONTROL_ETCD_ENTRY_VIEW_H
#define RK_CONTROL_ETCD_ENTRY_VIEW_H

#include "wire/val.h"

/* Puts `user` (while auth was on) and `ops`, {verb, kind: "etcd", name}, of the body of an
 * RK_ENTRY_ETCD into the view: keys, numbers and names, but neither values nor hashes. */
void rk_etcd_entry_view(struct rk_arena *arena, struct rk_val *view, struct rk_span body);

#endif
