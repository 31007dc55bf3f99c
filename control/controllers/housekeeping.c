/* Small duties: events expire, namespaces have a default service account, nodes have a range of pod addresses, pods of
 * nodes that are gone go too. */
#include "base/timefmt.h"
#include "control/account.h"
#include "control/allocate.h"
#include "control/bootstrap.h"
#include "control/controllers/controllers.h"
#include "control/customs.h"
#include "control/index.h"
#include "wire/doc.h"

/* --- events live for an hour (--event-ttl), swept at most once in five minutes --- */

#define EVENT_TTL_MS (60 * 60 * 1000)
#define SWEEP_MS (5 * 60 * 1000)
#define SWEEP_AT_ONCE 64

static void event_follow(struct rk_state *state, const struct rk_change *change)
{
	const int64_t due = (state->now_ms + EVENT_TTL_MS) / SWEEP_MS * SWEEP_MS + SWEEP_MS;

	if (rk_span_is(change->kind, "events") && change->type != RK_CHANGE_DELETED)
		rk_work_at(state, due, RK_CONTROLLER_EVENTS, RK_SPAN("sweep"));
}

static int64_t last_said(struct rk_span doc)
{
	static const char *const paths[] = { "lastTimestamp", "series.lastObservedTime", "eventTime",
					     "metadata.creationTimestamp" };
	int64_t when = 0;

	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
		if (rk_time_parse(rk_doc_text(doc, paths[i]), &when))
			return when;
	return 0;
}

static void event_sweep(struct rk_state *state, struct rk_span key)
{
	struct rk_names names = { 0 };
	size_t swept = 0;

	rk_state_names(state, RK_SPAN("events"), RK_SPAN(""), &names);
	for (size_t i = 0; i < names.count && swept < SWEEP_AT_ONCE; i++) {
		const struct rk_span doc = rk_state_doc(state, "events", names.at[i].ns, names.at[i].name);
		if (last_said(doc) + EVENT_TTL_MS > state->now_ms)
			continue;
		rk_object_drop(state, RK_SPAN("events"), names.at[i].ns, names.at[i].name);
		swept++;
	}
	if (swept == SWEEP_AT_ONCE)
		rk_work_add(state, RK_CONTROLLER_EVENTS, key);
}

const struct rk_controller rk_controller_events = { RK_CONTROLLER_EVENTS, "event-expiry", event_follow, event_sweep };

/* --- every namespace has a service account `default` --- */

static void account_follow(struct rk_state *state, const struct rk_change *change)
{
	if (rk_span_is(change->kind, "namespaces") && change->type == RK_CHANGE_ADDED)
		rk_work_add(state, RK_CONTROLLER_SERVICEACCOUNT, change->name);
	else if (rk_span_is(change->kind, "serviceaccounts") && change->type == RK_CHANGE_DELETED)
		rk_work_add(state, RK_CONTROLLER_SERVICEACCOUNT, change->ns);
}

const struct rk_controller rk_controller_serviceaccount = {
	RK_CONTROLLER_SERVICEACCOUNT,
	"serviceaccount",
	account_follow,
	rk_account_make,
};

/* --- the API's own Service comes back, under the address that pods know --- */

static void kubernetes_follow(struct rk_state *state, const struct rk_change *change)
{
	if (state->version >= RK_KEPT_SINCE && change->type == RK_CHANGE_DELETED && rk_span_is(change->kind, "services") &&
	    rk_span_is(change->ns, "default") && rk_span_is(change->name, "kubernetes"))
		rk_work_add(state, RK_CONTROLLER_KUBERNETES,
			    rk_doc_text(rk_blob_span(change->before), "spec.clusterIP"));
}

const struct rk_controller rk_controller_kubernetes = {
	RK_CONTROLLER_KUBERNETES,
	"kubernetes-service",
	kubernetes_follow,
	rk_bootstrap_service,
};

/* --- node ranges --- */

static void range_follow(struct rk_state *state, const struct rk_change *change)
{
	if (rk_span_is(change->kind, "nodes") && change->type == RK_CHANGE_ADDED &&
	    rk_doc_text(rk_blob_span(change->after), "spec.podCIDR").size == 0)
		rk_work_add(state, RK_CONTROLLER_NODEIPAM, change->name);
}

static void range_give(struct rk_state *state, struct rk_span name)
{
	struct rk_val *node = rk_state_val(state, RK_SPAN("nodes"), RK_SPAN(""), name);
	struct rk_span range;

	if (node == NULL || rk_val_text_at(node, "spec.podCIDR").size > 0)
		return;
	if (!rk_allocate_node_range(state, &range)) {
		rk_event(state, node, "Warning", "CIDRNotAvailable", "cidrAllocator",
			 "Node %.*s status is now: CIDRNotAvailable", RK_SPAN_ARGS(name));
		return;
	}
	struct rk_val *spec = rk_val_make(&state->arena, node, "spec"), *ranges = rk_val_list(&state->arena);
	rk_val_put_str(&state->arena, spec, "podCIDR", range);
	rk_val_append(&state->arena, ranges, rk_val_str(&state->arena, range));
	rk_val_put(&state->arena, spec, "podCIDRs", ranges);
	rk_object_store(state, RK_SPAN("nodes"), node);
}

const struct rk_controller rk_controller_nodeipam = { RK_CONTROLLER_NODEIPAM, "node-ipam", range_follow, range_give };

/* --- pods of a node that was deleted, and those that were unbound when they began to go --- */

static void orphan_follow(struct rk_state *state, const struct rk_change *change)
{
	if (rk_span_is(change->kind, "nodes") && change->type == RK_CHANGE_DELETED)
		rk_work_add(state, RK_CONTROLLER_PODGC, change->name);
}

static void orphan_drop(struct rk_state *state, struct rk_span node)
{
	const struct rk_kind *kind = rk_kinds_by_resource(rk_state_kinds(state), RK_SPAN("pods"));
	const struct rk_write_opts now = { .has_grace = true, .grace_seconds = 0 };
	struct rk_names pods = { 0 };

	if (rk_state_item(state, RK_SPAN("nodes"), RK_SPAN(""), node) != NULL)
		return; /* it came back */
	rk_state_indexed(state, RK_INDEX_NODE, node, &pods);
	for (size_t i = 0; i < pods.count && i < SWEEP_AT_ONCE; i++) {
		struct rk_outcome outcome = { 0 };
		rk_object_delete(state, kind, pods.at[i].ns, pods.at[i].name, &now, &outcome);
	}
	if (pods.count > SWEEP_AT_ONCE)
		rk_work_add(state, RK_CONTROLLER_PODGC, node);
}

const struct rk_controller rk_controller_podgc = { RK_CONTROLLER_PODGC, "pod-garbage-collector", orphan_follow, orphan_drop };
