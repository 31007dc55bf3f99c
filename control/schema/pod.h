/* control/schema/pod.h - what the API, the machine and nodes ask of a pod. Pure. */
#ifndef RK_CONTROL_SCHEMA_POD_H
#define RK_CONTROL_SCHEMA_POD_H

#include "wire/val.h"

/* The quality of service that it gets for what its containers ask: "Guaranteed", "Burstable" or "BestEffort". */
const char *rk_pod_qos(const struct rk_val *pod);
/* The container (of any kind) with that name; NULL when there is none. */
const struct rk_val *rk_pod_container(const struct rk_val *pod, struct rk_span name);

#endif
