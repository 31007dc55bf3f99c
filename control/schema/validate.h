/* control/schema/validate.h - the rules of each kind, in a file each. `old` is NULL for what is
 * new. */
#ifndef RK_CONTROL_SCHEMA_VALIDATE_H
#define RK_CONTROL_SCHEMA_VALIDATE_H

#include "control/schema/check.h"
#include "control/schema/kinds.h"

#define RK_DATA_BYTES_MAX       (1024 * 1024)
#define RK_ANNOTATION_BYTES_MAX (256 * 1024)
#define RK_NOTE_BYTES_MAX       1024
#define RK_OWNER_BYTES_MAX      253 /* of each text in an owner reference */

typedef void rk_rules(const struct rk_check *check, const struct rk_val *obj,
		      const struct rk_val *old);

rk_rules rk_validate_pod, rk_validate_deployment, rk_validate_replicaset, rk_validate_service;
rk_rules rk_validate_configmap, rk_validate_secret, rk_validate_node, rk_validate_lease;
rk_rules rk_validate_endpointslice, rk_validate_endpoints, rk_validate_event;
rk_rules rk_validate_event_form; /* events.k8s.io */

/* metadata, with the syntax that names of this kind have. */
void rk_validate_meta(const struct rk_check *check, const struct rk_kind *kind,
		      const struct rk_val *obj, const struct rk_val *old);

/* A pod's spec wherever it stands; `path` is its own. */
void rk_validate_pod_spec(const struct rk_check *check, const struct rk_path *path,
			  const struct rk_val *spec);
void rk_validate_containers(const struct rk_check *check, const struct rk_path *path,
			    const struct rk_val *spec);
void rk_validate_volumes(const struct rk_check *check, const struct rk_path *path,
			 const struct rk_val *volumes);
/* What may change in a pod that exists, and what may not. */
void rk_validate_pod_update(const struct rk_check *check, const struct rk_val *obj,
			    const struct rk_val *old);

#endif
