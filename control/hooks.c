#include "control/hooks.h"

#include <stdio.h>

#include "control/allocate.h"
#include "control/created.h"
#include "control/status.h"
#include "wire/doc.h"

static void namespace_created(struct rk_state *state, struct rk_val *object)
{
	struct rk_val *labels = rk_val_make(&state->arena, object, "metadata.labels");

	rk_val_put_str(&state->arena, labels, "kubernetes.io/metadata.name", rk_object_name(object));
	rk_val_put_cstr(&state->arena, rk_val_make(&state->arena, object, "status"), "phase", "Active");
	/* Holds the namespace until its controller has emptied it. */
	struct rk_val *spec = rk_val_make(&state->arena, object, "spec");
	struct rk_val *finalizers = rk_val_list(&state->arena);
	rk_val_append(&state->arena, finalizers, rk_val_cstr(&state->arena, "kubernetes"));
	rk_val_put(&state->arena, spec, "finalizers", finalizers);
}

/* --- pods --- */

static bool is_same_amount(const struct rk_val *a, const struct rk_val *b, const char *what)
{
	const struct rk_val *left = rk_val_at(a, what), *right = rk_val_at(b, what);

	return left != NULL && right != NULL && rk_val_eq(left, right);
}

/* Quality of service as upstream's GetPodQOS has it: Guaranteed when every container limits cpu and memory to just what
 * it requests, BestEffort when none asks for anything, else Burstable. */
static const char *qos_class(const struct rk_val *pod)
{
	static const char *const lists[] = { "spec.initContainers", "spec.containers" };
	bool guaranteed = true, anything = false;

	for (size_t l = 0; l < 2; l++) {
		const struct rk_val *containers = rk_val_at(pod, lists[l]);
		for (uint32_t i = 0; i < rk_val_count(containers); i++) {
			const struct rk_val *resources = rk_val_at(rk_val_item(containers, i), "resources");
			const struct rk_val *requests = rk_val_at(resources, "requests");
			const struct rk_val *limits = rk_val_at(resources, "limits");
			static const char *const names[] = { "cpu", "memory" };
			for (size_t n = 0; n < 2; n++) {
				anything = anything || rk_val_at(requests, names[n]) != NULL ||
					   rk_val_at(limits, names[n]) != NULL;
				guaranteed = guaranteed && is_same_amount(requests, limits, names[n]);
			}
		}
	}
	return !anything ? "BestEffort" : guaranteed ? "Guaranteed" : "Burstable";
}

/* DefaultTolerationSeconds: five minutes on a node that is not ready or cannot be reached. */
static void tolerate_lost_node(struct rk_state *state, struct rk_val *spec, const char *taint)
{
	struct rk_val *list = rk_val_at(spec, "tolerations");

	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_val *item = rk_val_item(list, i);
		const struct rk_span key = rk_val_text_at(item, "key");
		const struct rk_span effect = rk_val_text_at(item, "effect");
		if ((rk_span_is(key, taint) || key.size == 0) &&
		    (effect.size == 0 || rk_span_is(effect, "NoExecute")))
			return;
	}
	if (!rk_val_is(list, RK_VAL_LIST)) {
		list = rk_val_list(&state->arena);
		rk_val_put(&state->arena, spec, "tolerations", list);
	}
	struct rk_val *toleration = rk_val_map(&state->arena);
	rk_val_put_cstr(&state->arena, toleration, "key", taint);
	rk_val_put_cstr(&state->arena, toleration, "operator", "Exists");
	rk_val_put_cstr(&state->arena, toleration, "effect", "NoExecute");
	rk_val_put_int(&state->arena, toleration, "tolerationSeconds", 300);
	rk_val_append(&state->arena, list, toleration);
}

/* They are much, and what looks into pods looks for something else: sealed. */
static void seal_parts(struct rk_val *spec)
{
	static const char *const parts[] = { "containers", "initContainers", "volumes" };

	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		struct rk_val *part = rk_val_get(spec, rk_span_str(parts[i]));
		if (part != NULL)
			part->is_sealed = true;
	}
}

static void pod_created(struct rk_state *state, struct rk_val *pod)
{
	struct rk_val *spec = rk_val_make(&state->arena, pod, "spec");
	struct rk_val *status = rk_val_map(&state->arena);

	rk_val_put_cstr(&state->arena, status, "phase", "Pending");
	rk_val_put_cstr(&state->arena, status, "qosClass", qos_class(pod));
	rk_val_put(&state->arena, pod, "status", status);
	if (rk_val_text_at(spec, "serviceAccountName").size == 0) {
		rk_val_put_cstr(&state->arena, spec, "serviceAccountName", "default");
		rk_val_put_cstr(&state->arena, spec, "serviceAccount", "default");
	}
	if (rk_val_at(spec, "priority") == NULL)
		rk_val_put_int(&state->arena, spec, "priority", 0);
	if (rk_val_at(spec, "preemptionPolicy") == NULL)
		rk_val_put_cstr(&state->arena, spec, "preemptionPolicy", "PreemptLowerPriority");
	tolerate_lost_node(state, spec, "node.kubernetes.io/not-ready");
	tolerate_lost_node(state, spec, "node.kubernetes.io/unreachable");
	if (state->version >= RK_ACCOUNTS_SINCE)
		seal_parts(spec);
}

/* --- services --- */

static bool invalid(struct rk_state *state, const struct rk_kind *kind, const struct rk_val *object,
		    const char *field, const char *message, struct rk_outcome *ret)
{
	struct rk_val *causes = rk_val_list(&state->arena);

	rk_cause_add(&state->arena, causes, "FieldValueInvalid", field, "%s", message);
	ret->body = rk_status_invalid(&state->arena, rk_span_str(kind->group), rk_span_str(kind->kind),
				      rk_object_name(object), causes);
	ret->code = 422;
	return false;
}

static bool has_address(const struct rk_val *spec)
{
	return !rk_span_is(rk_val_text_at(spec, "type"), "ExternalName") &&
	       !rk_span_is(rk_val_text_at(spec, "clusterIP"), "None");
}

static bool give_address(struct rk_state *state, const struct rk_kind *kind, struct rk_val *object,
			 const struct rk_val *old, struct rk_outcome *ret)
{
	struct rk_val *spec = rk_val_make(&state->arena, object, "spec");
	const struct rk_span had = rk_val_text_at(old, "spec.clusterIP");
	struct rk_span asked = rk_val_text_at(spec, "clusterIP");
	const char *why = NULL;

	if (asked.size == 0 && had.size > 0 && !rk_span_is(had, "None"))
		asked = had; /* an update that does not speak of it keeps it */
	if (!rk_span_eq(asked, had) || asked.size == 0) {
		struct rk_span given;
		why = rk_allocate_service_address(state, asked, &given);
		if (why != NULL)
			return invalid(state, kind, object, "spec.clusterIPs",
				       rk_arena_printf(&state->arena,
						       "Invalid value: [\"%.*s\"]: failed to allocate IP %.*s: %s",
						       RK_SPAN_ARGS(asked), RK_SPAN_ARGS(asked), why),
				       ret);
		asked = given;
	}
	rk_val_put_str(&state->arena, spec, "clusterIP", asked);
	return true;
}

static void fill_families(struct rk_state *state, struct rk_val *spec)
{
	struct rk_val *addresses = rk_val_list(&state->arena), *families = rk_val_list(&state->arena);

	rk_val_append(&state->arena, addresses, rk_val_at(spec, "clusterIP"));
	rk_val_append(&state->arena, families, rk_val_cstr(&state->arena, "IPv4"));
	rk_val_put(&state->arena, spec, "clusterIPs", addresses);
	rk_val_put(&state->arena, spec, "ipFamilies", families);
	if (rk_val_at(spec, "ipFamilyPolicy") == NULL)
		rk_val_put_cstr(&state->arena, spec, "ipFamilyPolicy", "SingleStack");
}

static int64_t old_node_port(const struct rk_val *old, const struct rk_val *port)
{
	const struct rk_val *ports = rk_val_at(old, "spec.ports");

	for (uint32_t i = 0; i < rk_val_count(ports); i++) {
		const struct rk_val *other = rk_val_item(ports, i);
		if (rk_val_int_at(other, "port", 0) == rk_val_int_at(port, "port", 0) &&
		    rk_span_eq(rk_val_text_at(other, "protocol"), rk_val_text_at(port, "protocol")))
			return rk_val_int_at(other, "nodePort", 0);
	}
	return 0;
}

static bool is_held_node_port(const struct rk_val *old, int64_t number)
{
	const struct rk_val *ports = rk_val_at(old, "spec.ports");

	for (uint32_t i = 0; number != 0 && i < rk_val_count(ports); i++)
		if (rk_val_int_at(rk_val_item(ports, i), "nodePort", 0) == number)
			return true;
	return false;
}

static bool give_node_ports(struct rk_state *state, const struct rk_kind *kind, struct rk_val *object,
			    const struct rk_val *old, struct rk_outcome *ret)
{
	const struct rk_span type = rk_val_text_at(object, "spec.type");
	const bool wants = rk_span_is(type, "NodePort") ||
			   (rk_span_is(type, "LoadBalancer") &&
			    rk_val_bool_at(object, "spec.allocateLoadBalancerNodePorts", true));
	const struct rk_val *ports = rk_val_at(object, "spec.ports");

	for (uint32_t i = 0; i < rk_val_count(ports); i++) {
		struct rk_val *port = rk_val_item(ports, i);
		int64_t number = rk_val_int_at(port, "nodePort", 0);
		if (!wants) {
			if (!rk_span_is(type, "LoadBalancer"))
				(void)rk_val_remove(port, RK_SPAN("nodePort"));
			continue;
		}
		if (number == 0)
			number = old_node_port(old, port);
		if (!is_held_node_port(old, number)) {
			const char *why = rk_allocate_node_port(state, &number);
			if (why != NULL)
				return invalid(state, kind, object,
					       rk_arena_printf(&state->arena, "spec.ports[%u].nodePort", i),
					       rk_arena_printf(&state->arena, "Invalid value: %lld: %s",
							       (long long)number, why),
					       ret);
		}
		rk_val_put_int(&state->arena, port, "nodePort", number);
	}
	return true;
}

/* Gives back the node ports that the new form no longer has. */
static void give_back_ports(struct rk_state *state, const struct rk_val *old, const struct rk_val *object)
{
	const struct rk_val *ports = rk_val_at(old, "spec.ports");

	for (uint32_t i = 0; i < rk_val_count(ports); i++) {
		const int64_t number = rk_val_int_at(rk_val_item(ports, i), "nodePort", 0);
		if (number != 0 && !is_held_node_port(object, number))
			rk_release_node_port(state, number);
	}
}

/* What a service cannot have any more once its type has changed. */
static void drop_of_other_types(struct rk_val *spec)
{
	static const char *const of_addresses[] = { "clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy",
						    "internalTrafficPolicy" };
	const struct rk_span type = rk_val_text_at(spec, "type");

	for (size_t i = 0; rk_span_is(type, "ExternalName") && i < sizeof of_addresses / sizeof of_addresses[0]; i++)
		(void)rk_val_remove(spec, rk_span_str(of_addresses[i]));
	if (rk_span_is(type, "NodePort") || rk_span_is(type, "LoadBalancer"))
		return;
	if (rk_val_count(rk_val_at(spec, "externalIPs")) == 0)
		(void)rk_val_remove(spec, RK_SPAN("externalTrafficPolicy"));
	(void)rk_val_remove(spec, RK_SPAN("healthCheckNodePort"));
	(void)rk_val_remove(spec, RK_SPAN("allocateLoadBalancerNodePorts"));
}

static bool service_before(struct rk_state *state, const struct rk_kind *kind, struct rk_val *object,
			   const struct rk_val *old, struct rk_outcome *ret)
{
	struct rk_val *spec = rk_val_make(&state->arena, object, "spec");

	drop_of_other_types(spec);
	if (has_address(spec)) {
		if (!give_address(state, kind, object, old, ret))
			return false;
		fill_families(state, spec);
	} else if (rk_span_is(rk_val_text_at(spec, "clusterIP"), "None")) {
		fill_families(state, spec);
	}
	if (!give_node_ports(state, kind, object, old, ret))
		return false;
	if (old != NULL) {
		const struct rk_span had = rk_val_text_at(old, "spec.clusterIP");
		give_back_ports(state, old, object);
		if (had.size > 0 && !rk_span_eq(had, rk_val_text_at(spec, "clusterIP")))
			rk_release_service_address(state, had);
	}
	if (old == NULL)
		rk_val_put(&state->arena, rk_val_make(&state->arena, object, "status"), "loadBalancer",
			   rk_val_map(&state->arena));
	return true;
}

bool rk_hook_before(struct rk_state *state, const struct rk_kind *kind, struct rk_val *object,
		    const struct rk_val *old, struct rk_outcome *ret)
{
	const struct rk_span resource = rk_span_str(kind->resource);

	if (rk_span_is(resource, "services"))
		return service_before(state, kind, object, old, ret);
	if (old != NULL)
		return true;
	if (!rk_created_fill(state, kind, object, ret))
		return false;
	if (rk_span_is(resource, "pods"))
		pod_created(state, object);
	else if (rk_span_is(resource, "namespaces"))
		namespace_created(state, object);
	return true;
}

void rk_hook_gone(struct rk_state *state, struct rk_span kind, const struct rk_val *object)
{
	if (rk_span_is(kind, "services")) {
		rk_release_service_address(state, rk_val_text_at(object, "spec.clusterIP"));
		give_back_ports(state, object, NULL);
	} else if (rk_span_is(kind, "nodes")) {
		rk_release_node_range(state, rk_val_text_at(object, "spec.podCIDR"));
	}
}
