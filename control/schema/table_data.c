/* Rows as data: what each cell of a kind shows. The columns stand in the kind's file. */
#include "base/mem.h"
#include "control/schema/selector.h"
#include "control/schema/table_cells.h"

/* --- cells that many kinds have --- */

void rk_write_name(const struct rk_cells *cells, const struct rk_val *object, const char *path,
		   const char *otherwise)
{
	(void)path;
	(void)otherwise;
	rk_cell_name(cells, object);
}

void rk_write_age(const struct rk_cells *cells, const struct rk_val *object, const char *path,
		  const char *otherwise)
{
	(void)path;
	(void)otherwise;
	rk_cell_age(cells, object);
}

void rk_write_text(const struct rk_cells *cells, const struct rk_val *object, const char *path,
		   const char *otherwise)
{
	rk_cell_or(cells, rk_val_text_at(object, path), otherwise);
}

/* A number, or a number as text; or, when there is none and it is not to be 0, `otherwise`. */
void rk_write_int(const struct rk_cells *cells, const struct rk_val *object, const char *path,
		  const char *otherwise)
{
	const struct rk_val *val = rk_val_at(object, path);

	if (rk_val_is(val, RK_VAL_STR))
		rk_cell_text(cells, val->str);
	else if (otherwise == NULL)
		rk_cell_int(cells, rk_val_int_at(object, path, 0));
	else if (rk_val_is(val, RK_VAL_INT))
		rk_cell_text(cells, rk_span_str(rk_arena_printf(cells->arena, "%lld",
								(long long)val->integer)));
	else
		rk_cell_text(cells, rk_span_str(otherwise));
}

/* otherwise: "true" or NULL for false. */
void rk_write_bool(const struct rk_cells *cells, const struct rk_val *object, const char *path,
		   const char *otherwise)
{
	const bool value = rk_val_bool_at(object, path, otherwise != NULL);

	rk_val_append(cells->arena, cells->list, rk_val_bool(cells->arena, value));
}

/* True or False as text. */
void rk_write_flag(const struct rk_cells *cells, const struct rk_val *object, const char *path,
		   const char *otherwise)
{
	const struct rk_val *val = rk_val_at(object, path);

	rk_cell_text(cells, rk_span_str(!rk_val_is(val, RK_VAL_BOOL) ? otherwise
					: val->boolean               ? "True"
								     : "False"));
}

void rk_write_count(const struct rk_cells *cells, const struct rk_val *object, const char *path,
		    const char *otherwise)
{
	(void)otherwise;
	rk_cell_int(cells, rk_val_count(rk_val_at(object, path)));
}

void rk_write_since(const struct rk_cells *cells, const struct rk_val *object, const char *path,
		    const char *otherwise)
{
	const struct rk_span time = rk_val_text_at(object, path);

	rk_cell_text(cells, time.size > 0 ? rk_cell_since(cells, time) : rk_span_str(otherwise));
}

/* A metav1.LabelSelector; without one there is nothing to match by. */
void rk_write_selector(const struct rk_cells *cells, const struct rk_val *object, const char *path,
		       const char *otherwise)
{
	const struct rk_val *val = rk_val_at(object, path);
	struct rk_selector *selector = NULL;

	if (val == NULL && otherwise != NULL)
		rk_cell_text(cells, rk_span_str(otherwise));
	else if (rk_selector_of(cells->arena, val, &selector, NULL) == RK_OK)
		rk_cell_text(cells, rk_selector_text(cells->arena, selector));
	else
		rk_cell_text(cells, RK_SPAN("<error>"));
}

void rk_write_labels(const struct rk_cells *cells, const struct rk_val *object, const char *path,
		     const char *otherwise)
{
	(void)otherwise;
	rk_cell_text(cells,
		     rk_selector_text(cells->arena,
				      rk_selector_of_map(cells->arena, rk_val_at(object, path))));
}

/* A field (`otherwise`) of the containers of the template at `path`. */
void rk_write_containers(const struct rk_cells *cells, const struct rk_val *object,
			 const char *path, const char *otherwise)
{
	const struct rk_val *list = rk_val_at(rk_val_at(object, path), "spec.containers");
	struct rk_buf text = { 0 };

	for (uint32_t i = 0; i < rk_val_count(list); i++)
		rk_buf_printf(&text, "%s%.*s", i > 0 ? "," : "",
			      RK_SPAN_ARGS(rk_val_text_at(rk_val_item(list, i), otherwise)));
	rk_cell_buf(cells, &text);
}

/* A list of texts. */
void rk_write_joined(const struct rk_cells *cells, const struct rk_val *object, const char *path,
		     const char *otherwise)
{
	const struct rk_val *list = rk_val_at(object, path);
	struct rk_buf text = { 0 };

	for (uint32_t i = 0; i < rk_val_count(list); i++)
		rk_buf_printf(&text, "%s%.*s", i > 0 ? "," : "",
			      RK_SPAN_ARGS(rk_val_text(rk_val_item(list, i))));
	if (text.size == 0)
		rk_buf_put_str(&text, otherwise);
	rk_cell_buf(cells, &text);
}

/* --- the rows --- */

#define NAME                                                                                       \
	{                                                                                          \
		rk_write_name, NULL, NULL                                                          \
	}
#define AGE                                                                                        \
	{                                                                                          \
		rk_write_age, NULL, NULL                                                           \
	}
#define WIDE(template)                                                                             \
	{ rk_write_containers, template, "name" }, { rk_write_containers, template, "image" }
#define RULES(name, ...)                                                                           \
	static const struct rk_cell_rule name[] = { NAME, __VA_ARGS__, { NULL, NULL, NULL } }

RULES(role_binding, { rk_write_role, NULL, NULL }, AGE, { rk_write_subjects, "User", NULL },
      { rk_write_subjects, "Group", NULL }, { rk_write_subjects, "ServiceAccount", NULL });
RULES(signing_request, AGE, { rk_write_text, "spec.signerName", "<none>" },
      { rk_write_text, "spec.username", "" },
      { rk_write_csr_lifetime, "spec.expirationSeconds", "<none>" },
      { rk_write_csr_state, "status.conditions", NULL });
RULES(controller, { rk_write_int, "spec.replicas", NULL },
      { rk_write_int, "status.replicas", NULL }, { rk_write_int, "status.readyReplicas", NULL },
      AGE, WIDE("spec.template"), { rk_write_labels, "spec.selector", NULL });
RULES(stateful_set, { rk_write_ratio, "status.readyReplicas", "spec.replicas" }, AGE,
      WIDE("spec.template"));
RULES(daemon_set, { rk_write_int, "status.desiredNumberScheduled", NULL },
      { rk_write_int, "status.currentNumberScheduled", NULL },
      { rk_write_int, "status.numberReady", NULL },
      { rk_write_int, "status.updatedNumberScheduled", NULL },
      { rk_write_int, "status.numberAvailable", NULL },
      { rk_write_labels, "spec.template.spec.nodeSelector", NULL }, AGE, WIDE("spec.template"),
      { rk_write_selector, "spec.selector", "<none>" });
RULES(revision, { rk_write_owner, "metadata.ownerReferences", "<none>" },
      { rk_write_int, "revision", NULL }, AGE);
RULES(job, { rk_write_job_state, "status.conditions", "Running" },
      { rk_write_completions, "spec.completions", "spec.parallelism" },
      { rk_write_job_time, "status.startTime", "status.completionTime" }, AGE,
      WIDE("spec.template"), { rk_write_selector, "spec.selector", "<none>" });
RULES(cron_job, { rk_write_text, "spec.schedule", "" },
      { rk_write_text, "spec.timeZone", "<none>" }, { rk_write_flag, "spec.suspend", "<unset>" },
      { rk_write_count, "status.active", NULL },
      { rk_write_since, "status.lastScheduleTime", "<none>" }, AGE,
      WIDE("spec.jobTemplate.spec.template"),
      { rk_write_selector, "spec.jobTemplate.spec.selector", "<none>" });
RULES(autoscaler, { rk_write_reference, "spec.scaleTargetRef", NULL },
      { rk_write_metrics, "spec.metrics", "<none>" },
      { rk_write_int, "spec.minReplicas", "<unset>" }, { rk_write_int, "spec.maxReplicas", NULL },
      { rk_write_int, "status.currentReplicas", NULL }, AGE);
RULES(budget, { rk_write_int, "spec.minAvailable", "N/A" },
      { rk_write_int, "spec.maxUnavailable", "N/A" },
      { rk_write_int, "status.disruptionsAllowed", NULL }, AGE);
RULES(ingress, { rk_write_text, "spec.ingressClassName", "<none>" },
      { rk_write_hosts, "spec.rules", "*" },
      { rk_write_addresses, "status.loadBalancer.ingress", NULL },
      { rk_write_tls_ports, "spec.tls", NULL }, AGE);
RULES(ingress_class, { rk_write_text, "spec.controller", "" },
      { rk_write_parameters, "spec.parameters", "<none>" }, AGE);
RULES(network_policy, { rk_write_selector, "spec.podSelector", "<none>" }, AGE);
RULES(volume, { rk_write_text, "spec.capacity.storage", "0" },
      { rk_write_modes, "spec.accessModes", NULL },
      { rk_write_text, "spec.persistentVolumeReclaimPolicy", "" },
      { rk_write_phase, "status.phase", NULL }, { rk_write_claim, "spec.claimRef", NULL },
      { rk_write_class, NULL, NULL },
      { rk_write_text, "spec.volumeAttributesClassName", "<unset>" },
      { rk_write_text, "status.reason", "" }, AGE, { rk_write_text, "spec.volumeMode", "<unset>" });
RULES(claim, { rk_write_phase, "status.phase", NULL }, { rk_write_text, "spec.volumeName", "" },
      { rk_write_capacity, "status.capacity.storage", NULL },
      { rk_write_modes, "status.accessModes", "spec.volumeName" }, { rk_write_class, NULL, NULL },
      { rk_write_text, "spec.volumeAttributesClassName", "<unset>" }, AGE,
      { rk_write_text, "spec.volumeMode", "<unset>" });
RULES(quota, { rk_write_quota, NULL, NULL }, { rk_write_quota, "limits.", NULL }, AGE);
RULES(pod_template, WIDE("template"), { rk_write_labels, "template.metadata.labels", NULL });
RULES(component, { rk_write_healthy, "conditions", "Unknown" },
      { rk_write_condition, "message", "conditions" },
      { rk_write_condition, "error", "conditions" });
RULES(attachment, { rk_write_text, "spec.attacher", "" },
      { rk_write_text, "spec.source.persistentVolumeName", "" },
      { rk_write_text, "spec.nodeName", "" }, { rk_write_bool, "status.attached", NULL }, AGE);
RULES(csi_driver, { rk_write_bool, "spec.attachRequired", "true" },
      { rk_write_bool, "spec.podInfoOnMount", NULL },
      { rk_write_bool, "spec.storageCapacity", NULL },
      { rk_write_audiences, "spec.tokenRequests", "<unset>" },
      { rk_write_bool, "spec.requiresRepublish", NULL },
      { rk_write_joined, "spec.volumeLifecycleModes", "<none>" }, AGE);
RULES(csi_node, { rk_write_count, "spec.drivers", NULL }, AGE);
RULES(csi_capacity, { rk_write_text, "storageClassName", "" },
      { rk_write_text, "capacity", "<unset>" });
RULES(priority_class, { rk_write_int, "value", NULL }, { rk_write_bool, "globalDefault", NULL },
      AGE, { rk_write_text, "preemptionPolicy", "" });
RULES(runtime_class, { rk_write_text, "handler", "" }, AGE);
RULES(webhooks, { rk_write_count, "webhooks", NULL }, AGE);
RULES(policy, { rk_write_count, "spec.validations", NULL },
      { rk_write_param_kind, "spec.paramKind", "<unset>" }, AGE);
RULES(policy_binding, { rk_write_text, "spec.policyName", "" },
      { rk_write_param_ref, "spec.paramRef", "<unset>" }, AGE);
RULES(api_service, { rk_write_service, "spec.service", "Local" },
      { rk_write_available, "status.conditions", "Unknown" }, AGE);
RULES(flow_schema, { rk_write_text, "spec.priorityLevelConfiguration.name", "" },
      { rk_write_int, "spec.matchingPrecedence", NULL },
      { rk_write_text, "spec.distinguisherMethod.type", "<none>" }, AGE,
      { rk_write_condition, "status", "status.conditions" });
RULES(priority_level, { rk_write_text, "spec.type", "" },
      { rk_write_int, "spec.limited.nominalConcurrencyShares", "<none>" },
      { rk_write_int, "spec.limited.limitResponse.queuing.queues", "<none>" },
      { rk_write_int, "spec.limited.limitResponse.queuing.handSize", "<none>" },
      { rk_write_int, "spec.limited.limitResponse.queuing.queueLengthLimit", "<none>" }, AGE);

static const struct rk_cell_rule storage_class[] = {
	{ rk_write_default_name, NULL, NULL },
	{ rk_write_text, "provisioner", "" },
	{ rk_write_text, "reclaimPolicy", "Delete" },
	{ rk_write_text, "volumeBindingMode", "Immediate" },
	{ rk_write_bool, "allowVolumeExpansion", NULL },
	AGE,
	{ NULL, NULL, NULL },
};

const struct rk_cell_rule *rk_cell_rules(const char *resource)
{
	static const struct {
		const char *resource;
		const struct rk_cell_rule *rules;
	} all[] = {
		/* sorted */
		{ "apiservices.apiregistration.k8s.io", api_service },
		{ "certificatesigningrequests.certificates.k8s.io", signing_request },
		{ "clusterrolebindings.rbac.authorization.k8s.io", role_binding },
		{ "componentstatuses", component },
		{ "controllerrevisions.apps", revision },
		{ "cronjobs.batch", cron_job },
		{ "csidrivers.storage.k8s.io", csi_driver },
		{ "csinodes.storage.k8s.io", csi_node },
		{ "csistoragecapacities.storage.k8s.io", csi_capacity },
		{ "daemonsets.apps", daemon_set },
		{ "flowschemas.flowcontrol.apiserver.k8s.io", flow_schema },
		{ "horizontalpodautoscalers.autoscaling", autoscaler },
		{ "ingressclasses.networking.k8s.io", ingress_class },
		{ "ingresses.networking.k8s.io", ingress },
		{ "jobs.batch", job },
		{ "mutatingwebhookconfigurations.admissionregistration.k8s.io", webhooks },
		{ "networkpolicies.networking.k8s.io", network_policy },
		{ "persistentvolumeclaims", claim },
		{ "persistentvolumes", volume },
		{ "poddisruptionbudgets.policy", budget },
		{ "podtemplates", pod_template },
		{ "priorityclasses.scheduling.k8s.io", priority_class },
		{ "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io", priority_level },
		{ "replicationcontrollers", controller },
		{ "resourcequotas", quota },
		{ "rolebindings.rbac.authorization.k8s.io", role_binding },
		{ "runtimeclasses.node.k8s.io", runtime_class },
		{ "statefulsets.apps", stateful_set },
		{ "storageclasses.storage.k8s.io", storage_class },
		{ "validatingadmissionpolicies.admissionregistration.k8s.io", policy },
		{ "validatingadmissionpolicybindings.admissionregistration.k8s.io",
		  policy_binding },
		{ "validatingwebhookconfigurations.admissionregistration.k8s.io", webhooks },
		{ "volumeattachments.storage.k8s.io", attachment },
	};

	size_t low = 0, high = RK_COUNT(all);

	while (low < high) { /* once for each row */
		const size_t middle = low + (high - low) / 2;
		const int order = strcmp(resource, all[middle].resource);
		if (order == 0)
			return all[middle].rules;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}
