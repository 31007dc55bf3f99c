/* Node lifecycle: a node whose lease is not renewed is no longer ready; taints tell the scheduler and evictions. */
#include "base/timefmt.h"
#include "control/controllers/controllers.h"
#include "wire/doc.h"

#define GRACE_MS 40000 /* --node-monitor-grace-period */
#define LEASE_NS RK_SPAN("kube-node-lease")

static void watch_again(struct rk_state *state, struct rk_span node, int64_t renewed_ms)
{
	rk_work_at(state, renewed_ms + GRACE_MS, RK_CONTROLLER_NODE, node);
}

static void follow(struct rk_state *state, const struct rk_change *change)
{
	if (rk_span_is(change->kind, "nodes") && change->type != RK_CHANGE_DELETED)
		rk_work_add(state, RK_CONTROLLER_NODE, change->name);
	/* A renewed lease matters at once only to a node that was given up; else the timer that is set will look. */
	if (rk_span_is(change->kind, "leases.coordination.k8s.io") && rk_span_eq(change->ns, LEASE_NS) &&
	    change->type != RK_CHANGE_DELETED) {
		const struct rk_span node = rk_state_doc(state, "nodes", RK_SPAN(""), change->name);
		if (node.data != NULL && rk_doc_at(node, "spec.taints").data != NULL)
			rk_work_add(state, RK_CONTROLLER_NODE, change->name);
	}
}

static int64_t last_heard(struct rk_state *state, const struct rk_val *node)
{
	const struct rk_span lease =
		rk_state_doc(state, "leases.coordination.k8s.io", LEASE_NS, rk_object_name(node));
	int64_t heard = 0, renewed = 0;

	if (!rk_time_parse(rk_val_text_at(node, "metadata.creationTimestamp"), &heard))
		heard = 0;
	if (lease.data != NULL && rk_time_parse(rk_doc_text(lease, "spec.renewTime"), &renewed) && renewed > heard)
		heard = renewed;
	/* A clock that is ahead on the node must not keep it alive: nothing heard is later than now. */
	return heard < state->now_ms ? heard : state->now_ms;
}

/* Sets or clears a taint that is ours. True when that changed something. */
static bool taint(struct rk_state *state, struct rk_val *node, const char *key, const char *effect, bool on)
{
	struct rk_val *spec = rk_val_make(&state->arena, node, "spec");
	struct rk_val *taints = rk_val_at(spec, "taints");

	for (uint32_t i = 0; i < rk_val_count(taints); i++) {
		const struct rk_val *one = rk_val_item(taints, i);
		if (!rk_span_is(rk_val_text_at(one, "key"), key) || !rk_span_is(rk_val_text_at(one, "effect"), effect))
			continue;
		if (on)
			return false;
		rk_val_remove_item(taints, i);
		if (rk_val_count(taints) == 0)
			(void)rk_val_remove(spec, RK_SPAN("taints"));
		return true;
	}
	if (!on)
		return false;
	if (!rk_val_is(taints, RK_VAL_LIST)) {
		taints = rk_val_list(&state->arena);
		rk_val_put(&state->arena, spec, "taints", taints);
	}
	struct rk_val *one = rk_val_map(&state->arena);
	rk_val_put_cstr(&state->arena, one, "key", key);
	rk_val_put_cstr(&state->arena, one, "effect", effect);
	if (effect[2] == 'E') /* NoExecute: evictions count from here */
		rk_val_put_str(&state->arena, one, "timeAdded", rk_state_time(state));
	rk_val_append(&state->arena, taints, one);
	return true;
}

static void lose(struct rk_state *state, struct rk_val *node)
{
	struct rk_val *conditions = rk_val_at(node, "status.conditions");

	for (uint32_t i = 0; i < rk_val_count(conditions); i++) {
		const struct rk_val *one = rk_val_item(conditions, i);
		const char *type = rk_arena_str(&state->arena, rk_val_text_at(one, "type"));
		(void)rk_condition_set(state, node, type, "Unknown", "NodeStatusUnknown",
				       "Kubelet stopped posting node status.");
	}
	if (rk_condition(state, node, "Ready", false) == NULL)
		(void)rk_condition_set(state, node, "Ready", "Unknown", "NodeStatusNeverUpdated",
				       "Kubelet never posted node status.");
}

/* Pods on a node that is not ready are not ready either, whatever their last word was. */
static void mark_pods(struct rk_state *state, struct rk_span node)
{
	struct rk_names pods = { 0 };

	rk_state_indexed(state, 'n', node, &pods);
	for (size_t i = 0; i < pods.count; i++) {
		struct rk_val *pod = rk_state_val(state, RK_SPAN("pods"), pods.at[i].ns, pods.at[i].name);
		if (!rk_condition_is(pod, "Ready", "True"))
			continue;
		(void)rk_condition_set(state, pod, "Ready", "False", "", "");
		rk_object_store(state, RK_SPAN("pods"), pod);
	}
}

static void reconcile(struct rk_state *state, struct rk_span name)
{
	struct rk_val *node = rk_state_val(state, RK_SPAN("nodes"), RK_SPAN(""), name);

	if (node == NULL)
		return;
	const int64_t heard = last_heard(state, node);
	const bool is_lost = heard + GRACE_MS <= state->now_ms;
	const bool was_unknown = rk_condition_is(node, "Ready", "Unknown");
	if (is_lost && !was_unknown) {
		lose(state, node);
		rk_event(state, node, "Normal", "NodeNotReady", "node-controller", "Node %.*s status is now: NodeNotReady",
			 RK_SPAN_ARGS(name));
	}
	const bool unknown = rk_condition_is(node, "Ready", "Unknown") || is_lost;
	const bool not_ready = !unknown && !rk_condition_is(node, "Ready", "True");
	(void)taint(state, node, "node.kubernetes.io/unreachable", "NoExecute", unknown);
	(void)taint(state, node, "node.kubernetes.io/unreachable", "NoSchedule", unknown);
	(void)taint(state, node, "node.kubernetes.io/not-ready", "NoExecute", not_ready);
	(void)taint(state, node, "node.kubernetes.io/not-ready", "NoSchedule", not_ready);
	(void)taint(state, node, "node.kubernetes.io/unschedulable", "NoSchedule",
		    rk_val_bool_at(node, "spec.unschedulable", false));
	rk_object_store(state, RK_SPAN("nodes"), node);
	if (is_lost && !was_unknown)
		mark_pods(state, name);
	if (!is_lost)
		watch_again(state, name, heard);
}

const struct rk_controller rk_controller_node = {
	RK_CONTROLLER_NODE,
	"node-lifecycle",
	follow,
	reconcile,
};
