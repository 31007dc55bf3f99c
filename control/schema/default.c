/* What is filled in: first what the kinds' data say (presets), then what depends on other fields of
 * the same object. */
#include "base/mem.h"
#include "control/schema/custom.h"
#include "control/schema/custom_rules.h"
#include "control/schema/default_kinds.h"
#include "control/schema/default_pod.h"
#include "control/schema/schema.h"
#include "wire/base64.h"

static void fill_object(struct rk_arena *arena, const struct rk_type *type, struct rk_val *val);

static void fill_prop(struct rk_arena *arena, const struct rk_prop *prop, struct rk_val *val)
{
	if (prop->type->kind != RK_TYPE_OBJECT)
		return;
	if (prop->shape == RK_SHAPE_ONE) {
		fill_object(arena, prop->type, val);
		return;
	}
	for (uint32_t i = 0; i < rk_val_count(val); i++)
		fill_object(arena, prop->type,
			    val->kind == RK_VAL_LIST ? val->items[i] : val->fields[i].val);
}

static void fill_object(struct rk_arena *arena, const struct rk_type *type, struct rk_val *val)
{
	if (!rk_val_is(val, RK_VAL_MAP))
		return;
	for (uint32_t i = 0; i < type->prop_count; i++) {
		const struct rk_prop *prop = &type->props[i];
		struct rk_val *has = prop->preset != NULL || prop->type->kind == RK_TYPE_OBJECT
					     ? rk_val_get(val, rk_span_str(prop->name))
					     : NULL;
		if (has == NULL && prop->preset != NULL) {
			has = rk_val_copy(arena, prop->preset);
			rk_val_put(arena, val, prop->name, has);
		}
		if (has != NULL)
			fill_prop(arena, prop, has);
	}
}

static void default_service_port(struct rk_arena *arena, struct rk_val *port)
{
	const struct rk_val *target = rk_val_at(port, "targetPort");
	const bool is_given = rk_val_text(target).size > 0 ||
			      (rk_val_is(target, RK_VAL_INT) && target->integer != 0);

	if (!is_given)
		rk_val_put_int(arena, port, "targetPort", rk_val_int_at(port, "port", 0));
}

static void default_service(struct rk_arena *arena, struct rk_val *obj)
{
	struct rk_val *spec = rk_val_make(arena, obj, "spec");
	const struct rk_span type = rk_val_text_at(spec, "type");
	const bool is_balancer = rk_span_is(type, "LoadBalancer");
	const bool is_outside = is_balancer || rk_span_is(type, "NodePort");

	if (rk_span_is(rk_val_text_at(spec, "sessionAffinity"), "ClientIP")) {
		struct rk_val *client = rk_val_make(arena, spec, "sessionAffinityConfig.clientIP");
		if (rk_val_at(client, "timeoutSeconds") == NULL)
			rk_val_put_int(arena, client, "timeoutSeconds", 10800);
	} else {
		(void)rk_val_remove(spec, RK_SPAN("sessionAffinityConfig"));
	}
	for (uint32_t i = 0; i < rk_val_count(rk_val_at(spec, "ports")); i++)
		default_service_port(arena, rk_val_item(rk_val_at(spec, "ports"), i));
	if (is_outside && rk_val_at(spec, "externalTrafficPolicy") == NULL)
		rk_val_put_cstr(arena, spec, "externalTrafficPolicy", "Cluster");
	if (!rk_span_is(type, "ExternalName") && rk_val_at(spec, "internalTrafficPolicy") == NULL)
		rk_val_put_cstr(arena, spec, "internalTrafficPolicy", "Cluster");
	if (is_balancer && rk_val_at(spec, "allocateLoadBalancerNodePorts") == NULL)
		rk_val_put_bool(arena, spec, "allocateLoadBalancerNodePorts", true);
}

/* stringData is only a way of writing data. */
static void default_secret(struct rk_arena *arena, struct rk_val *obj)
{
	const struct rk_val *plain = rk_val_at(obj, "stringData");

	if (rk_val_count(plain) > 0) {
		struct rk_val *data = rk_val_make(arena, obj, "data");
		for (uint32_t i = 0; i < plain->count; i++)
			rk_val_set(arena, data, plain->fields[i].key,
				   rk_val_str(arena,
					      rk_base64_encode(arena,
							       rk_val_text(plain->fields[i].val))));
	}
	(void)rk_val_remove(obj, RK_SPAN("stringData"));
}

static void default_node(struct rk_arena *arena, struct rk_val *obj)
{
	struct rk_val *status = rk_val_at(obj, "status");
	const struct rk_val *capacity = rk_val_at(status, "capacity");

	if (capacity != NULL && rk_val_at(status, "allocatable") == NULL)
		rk_val_put(arena, status, "allocatable", rk_val_copy(arena, capacity));
}

void rk_schema_default(struct rk_arena *arena, const struct rk_kind *kind, struct rk_val *obj)
{
	static const struct {
		const char *resource;
		rk_fill *fill;
	} rules[] = {
		{ "clusterrolebindings.rbac.authorization.k8s.io", rk_default_binding },
		{ "cronjobs.batch", rk_default_cronjob },
		{ RK_CUSTOM_RESOURCE, rk_custom_default },
		{ "daemonsets.apps", rk_default_daemonset },
		{ "deployments.apps", rk_default_deployment },
		{ "horizontalpodautoscalers.autoscaling", rk_default_autoscaler },
		{ "jobs.batch", rk_default_job },
		{ "limitranges", rk_default_limitrange },
		{ "networkpolicies.networking.k8s.io", rk_default_networkpolicy },
		{ "nodes", default_node },
		{ "persistentvolumes", rk_default_volume_kind },
		{ "pods", rk_default_pod },
		{ "podtemplates", rk_default_podtemplate },
		{ "replicasets.apps", rk_default_replicaset },
		{ "replicationcontrollers", rk_default_replicationcontroller },
		{ "rolebindings.rbac.authorization.k8s.io", rk_default_binding },
		{ "secrets", default_secret },
		{ "services", default_service },
		{ "statefulsets.apps", rk_default_statefulset },
	};

	if (kind->custom != NULL) {
		rk_structure_default(arena, kind->custom->rules, obj);
		return;
	}
	fill_object(arena, kind->type, obj);
	for (size_t i = 0; kind->stored == kind && i < RK_COUNT(rules); i++)
		if (strcmp(kind->resource, rules[i].resource) == 0)
			rules[i].fill(arena, obj);
}
