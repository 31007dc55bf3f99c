/* control/schema/qos.h - the quality of service that a pod gets for what its containers ask. Pure. */
#ifndef RK_CONTROL_SCHEMA_QOS_H
#define RK_CONTROL_SCHEMA_QOS_H

#include "wire/val.h"

/* "Guaranteed", "Burstable" or "BestEffort". */
const char *rk_pod_qos(const struct rk_val *pod);

#endif
