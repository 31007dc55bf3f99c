/* control/schema/validate.h - the rules of each kind, in a file each. `old` is NULL for what is
 * new. */
#ifndef RK_CONTROL_SCHEMA_VALIDATE_H
#define RK_CONTROL_SCHEMA_VALIDATE_H

#include "control/schema/check.h"
#include "control/schema/kinds.h"
#include "control/schema/selector.h"

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
/* validate_workload.c, validate_job.c, validate_autoscaler.c */
rk_rules rk_validate_statefulset, rk_validate_daemonset, rk_validate_replicationcontroller;
rk_rules rk_validate_podtemplate, rk_validate_controllerrevision, rk_validate_job;
rk_rules rk_validate_cronjob, rk_validate_autoscaler;
/* validate_policy.c, validate_network.c, validate_storage.c */
rk_rules rk_validate_budget, rk_validate_quota, rk_validate_limitrange;
rk_rules rk_validate_priorityclass, rk_validate_runtimeclass;
rk_rules rk_validate_ingress, rk_validate_ingressclass, rk_validate_networkpolicy;
rk_rules rk_validate_persistentvolume, rk_validate_claim, rk_validate_storageclass;
rk_rules rk_validate_attachment, rk_validate_csidriver, rk_validate_csinode, rk_validate_csicapacity;
/* validate_rbac.c, validate_certificate.c, validate_review.c */
rk_rules rk_validate_role, rk_validate_clusterrole, rk_validate_rolebinding;
rk_rules rk_validate_clusterrolebinding, rk_validate_csr;
rk_rules rk_validate_tokenreview, rk_validate_accessreview, rk_validate_selfaccessreview;
rk_rules rk_validate_localaccessreview, rk_validate_target;
/* validate_admission.c, validate_flow.c, validate_crd.c */
rk_rules rk_validate_webhooks, rk_validate_admissionpolicy, rk_validate_admissionbinding;
rk_rules rk_validate_apiservice, rk_validate_flowschema, rk_validate_prioritylevel;

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
/* A PodTemplateSpec, which stands at `path`. */
void rk_validate_template(const struct rk_check *check, const struct rk_path *path,
			  const struct rk_val *form);
/* Whether the template at `path` makes pods that the selector finds. */
void rk_check_selects(const struct rk_check *check, const struct rk_path *path,
		      const struct rk_selector *selector, const struct rk_val *form);
/* A number, or a percentage (of at most 100 when at_most_all). *ret: the number, -1 for a percentage
 * other than 0. False, and a cause, when it is neither. */
bool rk_check_share(const struct rk_check *check, const struct rk_path *path,
		    const struct rk_val *val, bool at_most_all, int64_t *ret);
/* What may change in a pod that exists, and what may not. */
void rk_validate_pod_update(const struct rk_check *check, const struct rk_val *obj,
			    const struct rk_val *old);
/* The same through pods/ephemeralcontainers and pods/resize: what the pod is otherwise has been kept. */
void rk_validate_pod_ephemeral(const struct rk_check *check, const struct rk_val *obj,
			       const struct rk_val *old);
void rk_validate_pod_resize(const struct rk_check *check, const struct rk_val *obj,
			    const struct rk_val *old);

#endif
