/* control/schema/default_kinds.h - what is filled in because of other fields of the same object, kind by kind; what needs no
 * looking at others is a default in the kind's file. */
#ifndef RK_CONTROL_SCHEMA_DEFAULT_KINDS_H
#define RK_CONTROL_SCHEMA_DEFAULT_KINDS_H

#include "wire/val.h"

typedef void rk_fill(struct rk_arena *arena, struct rk_val *obj);

/* default_workload.c */
rk_fill rk_default_deployment, rk_default_replicaset, rk_default_statefulset, rk_default_daemonset,
	rk_default_job, rk_default_cronjob, rk_default_replicationcontroller, rk_default_podtemplate,
	rk_default_autoscaler;
/* default_other.c */
rk_fill rk_default_binding, rk_default_networkpolicy, rk_default_volume_kind, rk_default_limitrange;

#endif
