#include "control/schema/validate.h"

#include "base/mem.h"
#include "control/schema/custom.h"
#include "control/schema/custom_rules.h"
#include "control/schema/schema.h"

/* --- values that are one of a few --- */

static void check_choices(const struct rk_check *check, const struct rk_path *path,
			  const struct rk_type *type, const struct rk_val *val);

static void check_choice(const struct rk_check *check, const struct rk_path *path,
			 const struct rk_prop *prop, const struct rk_val *val)
{
	if (prop->type->kind == RK_TYPE_OBJECT) {
		check_choices(check, path, prop->type, val);
		return;
	}
	if (prop->choices == NULL || rk_val_text(val).size == 0)
		return;
	for (size_t i = 0; prop->choices[i] != NULL; i++)
		if (rk_span_is(rk_val_text(val), prop->choices[i]))
			return;
	(void)rk_unsupported(check, path, val, prop->choices);
}

static void check_choices(const struct rk_check *check, const struct rk_path *path,
			  const struct rk_type *type, const struct rk_val *val)
{
	for (uint32_t i = 0; i < rk_val_count(val) && val->kind == RK_VAL_MAP; i++) {
		const struct rk_path here = { path, val->fields[i].key, -1, false };
		const struct rk_prop *prop = rk_type_prop(type, val->fields[i].key);
		const struct rk_val *field = val->fields[i].val;
		/* Upstream believes whoever writes a status; metadata has rules of its own. */
		if (prop == NULL || (path == NULL && (rk_span_is(here.name, "status") ||
						      rk_span_is(here.name, "metadata"))))
			continue;
		if (prop->shape == RK_SHAPE_ONE) {
			check_choice(check, &here, prop, field);
			continue;
		}
		for (uint32_t n = 0; n < rk_val_count(field); n++) {
			const bool is_list = field->kind == RK_VAL_LIST;
			const struct rk_path item =
				is_list ? rk_path_item(&here, n)
					: rk_path_key(&here, field->fields[n].key);
			check_choice(check, &item, prop,
				     is_list ? field->items[n] : field->fields[n].val);
		}
	}
}

/* --- the rules of each kind --- */

static const struct {
	const char *resource;
	rk_rules *rules;
} rules[] = {
	{ "apiservices.apiregistration.k8s.io", rk_validate_apiservice },
	{ "bindings", rk_validate_target },
	{ "certificatesigningrequests.certificates.k8s.io", rk_validate_csr },
	{ "clusterrolebindings.rbac.authorization.k8s.io", rk_validate_clusterrolebinding },
	{ "clusterroles.rbac.authorization.k8s.io", rk_validate_clusterrole },
	{ "configmaps", rk_validate_configmap },
	{ "controllerrevisions.apps", rk_validate_controllerrevision },
	{ "cronjobs.batch", rk_validate_cronjob },
	{ "csidrivers.storage.k8s.io", rk_validate_csidriver },
	{ "csinodes.storage.k8s.io", rk_validate_csinode },
	{ "csistoragecapacities.storage.k8s.io", rk_validate_csicapacity },
	{ RK_CUSTOM_RESOURCE, rk_custom_validate },
	{ "daemonsets.apps", rk_validate_daemonset },
	{ "deployments.apps", rk_validate_deployment },
	{ "endpoints", rk_validate_endpoints },
	{ "endpointslices.discovery.k8s.io", rk_validate_endpointslice },
	{ "events", rk_validate_event },
	{ "flowschemas.flowcontrol.apiserver.k8s.io", rk_validate_flowschema },
	{ "horizontalpodautoscalers.autoscaling", rk_validate_autoscaler },
	{ "ingressclasses.networking.k8s.io", rk_validate_ingressclass },
	{ "ingresses.networking.k8s.io", rk_validate_ingress },
	{ "jobs.batch", rk_validate_job },
	{ "leases.coordination.k8s.io", rk_validate_lease },
	{ "limitranges", rk_validate_limitrange },
	{ "localsubjectaccessreviews.authorization.k8s.io", rk_validate_localaccessreview },
	{ "mutatingwebhookconfigurations.admissionregistration.k8s.io", rk_validate_webhooks },
	{ "networkpolicies.networking.k8s.io", rk_validate_networkpolicy },
	{ "nodes", rk_validate_node },
	{ "persistentvolumeclaims", rk_validate_claim },
	{ "persistentvolumes", rk_validate_persistentvolume },
	{ "poddisruptionbudgets.policy", rk_validate_budget },
	{ "pods", rk_validate_pod },
	{ "podtemplates", rk_validate_podtemplate },
	{ "priorityclasses.scheduling.k8s.io", rk_validate_priorityclass },
	{ "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io", rk_validate_prioritylevel },
	{ "replicasets.apps", rk_validate_replicaset },
	{ "replicationcontrollers", rk_validate_replicationcontroller },
	{ "resourcequotas", rk_validate_quota },
	{ "rolebindings.rbac.authorization.k8s.io", rk_validate_rolebinding },
	{ "roles.rbac.authorization.k8s.io", rk_validate_role },
	{ "runtimeclasses.node.k8s.io", rk_validate_runtimeclass },
	{ "secrets", rk_validate_secret },
	{ "selfsubjectaccessreviews.authorization.k8s.io", rk_validate_selfaccessreview },
	{ "services", rk_validate_service },
	{ "statefulsets.apps", rk_validate_statefulset },
	{ "storageclasses.storage.k8s.io", rk_validate_storageclass },
	{ "subjectaccessreviews.authorization.k8s.io", rk_validate_accessreview },
	{ "tokenreviews.authentication.k8s.io", rk_validate_tokenreview },
	{ "validatingadmissionpolicies.admissionregistration.k8s.io", rk_validate_admissionpolicy },
	{ "validatingadmissionpolicybindings.admissionregistration.k8s.io",
	  rk_validate_admissionbinding },
	{ "validatingwebhookconfigurations.admissionregistration.k8s.io", rk_validate_webhooks },
	{ "volumeattachments.storage.k8s.io", rk_validate_attachment },
};

void rk_schema_validate_sub(struct rk_arena *arena, const struct rk_kind *kind, const char *sub,
			    bool is_lenient, const struct rk_val *obj, const struct rk_val *old,
			    struct rk_val *causes)
{
	const struct rk_check check = { arena, causes, sub, is_lenient };

	/* The rest is checked in the stored form. */
	if (kind->stored != kind) {
		if (strcmp(kind->kind, "Event") == 0)
			rk_validate_event_form(&check, obj, old);
		return;
	}
	if (!kind->is_request) /* a question needs no name */
		rk_validate_meta(&check, kind, obj, old);
	if (kind->custom != NULL) {
		rk_structure_check(&check, kind->custom->rules, obj);
		return;
	}
	check_choices(&check, NULL, kind->type, obj);
	for (size_t i = 0; i < RK_COUNT(rules); i++)
		if (strcmp(kind->resource, rules[i].resource) == 0)
			rules[i].rules(&check, obj, old);
}

void rk_schema_validate(struct rk_arena *arena, const struct rk_kind *kind,
			const struct rk_val *obj, const struct rk_val *old, struct rk_val *causes)
{
	rk_schema_validate_sub(arena, kind, NULL, false, obj, old, causes);
}
