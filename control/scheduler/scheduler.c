/* The scheduler: gives each pod that has no node the best one that takes it. Part of apply, so a
 * placement is decided by every member alike, from the same state, and costs no log entry. */
#include <stdlib.h>

#include "base/mem.h"
#include "control/controllers/controllers.h"
#include "control/index.h"
#include "control/scheduler/fit.h"
#include "wire/doc.h"

#define PODS RK_SPAN("pods")
#define NAME "default-scheduler"

static bool is_waiting(struct rk_span pod)
{
	const struct rk_span phase = rk_doc_text(pod, "status.phase");
	const struct rk_span gates = rk_doc_at(pod, "spec.schedulingGates");

	return rk_doc_text(pod, "spec.nodeName").size == 0 && !rk_span_is(phase, "Failed") &&
	       rk_doc_at(pod, "metadata.deletionTimestamp").data == NULL &&
	       (gates.data == NULL || gates.data[0] == 0x90 /* an empty list */) &&
	       rk_span_is(rk_doc_text(pod, "spec.schedulerName"), NAME);
}

/* What a node has to offer has changed. */
static bool offers_differently(const struct rk_change *change)
{
	static const char *const paths[] = { "metadata.labels", "spec.taints", "spec.unschedulable",
					     "status.allocatable" };

	for (size_t i = 0; change->before != NULL && i < RK_COUNT(paths); i++)
		if (!rk_span_eq(rk_doc_at(rk_blob_span(change->before), paths[i]),
				rk_doc_at(rk_blob_span(change->after), paths[i])))
			return true;
	return change->before == NULL;
}

static bool frees_room(const struct rk_change *change)
{
	const struct rk_span phase = rk_doc_text(rk_blob_span(change->after), "status.phase");

	return rk_doc_text(rk_blob_span(change->after), "spec.nodeName").size > 0 &&
	       (change->type == RK_CHANGE_DELETED || rk_span_is(phase, "Succeeded") ||
		rk_span_is(phase, "Failed"));
}

static void follow(struct rk_state *state, const struct rk_change *change)
{
	if (rk_span_eq(change->kind, PODS)) {
		if (change->type != RK_CHANGE_DELETED && is_waiting(rk_blob_span(change->after))) {
			/* Its own report of failing is no reason to try again. */
			if (change->before == NULL ||
			    !rk_span_eq(rk_doc_at(rk_blob_span(change->before), "spec"),
					rk_doc_at(rk_blob_span(change->after), "spec")))
				rk_work_add(state, RK_CONTROLLER_SCHEDULER,
					    rk_work_key(state, change->ns, change->name));
		} else if (frees_room(change) || rk_sched_lets_go(state, change)) {
			rk_work_add(state, RK_CONTROLLER_SCHEDULER, RK_SPAN(""));
		}
	} else if (rk_span_is(change->kind, "nodes") && change->type != RK_CHANGE_DELETED &&
		   offers_differently(change)) {
		rk_work_add(state, RK_CONTROLLER_SCHEDULER, RK_SPAN(""));
	}
}

/* Room came free: everything that waits is tried again. */
static void wake_all(struct rk_state *state)
{
	struct rk_names waiting = { 0 };

	rk_state_indexed(state, RK_INDEX_NODE, RK_SPAN(""), &waiting);
	for (size_t i = 0; i < waiting.count; i++)
		if (is_waiting(rk_state_doc(state, "pods", waiting.at[i].ns, waiting.at[i].name)))
			rk_work_add(state, RK_CONTROLLER_SCHEDULER,
				    rk_work_key(state, waiting.at[i].ns, waiting.at[i].name));
}

static bool has_host_ports(const struct rk_val *spec)
{
	const struct rk_val *containers = rk_val_at(spec, "containers");

	for (uint32_t c = 0; c < rk_val_count(containers); c++) {
		const struct rk_val *ports = rk_val_at(rk_val_item(containers, c), "ports");
		for (uint32_t p = 0; p < rk_val_count(ports); p++)
			if (rk_val_int_at(rk_val_item(ports, p), "hostPort", 0) != 0)
				return true;
	}
	return false;
}

struct reason { /* why nodes refused, and how many for this reason */
	const char *text;
	unsigned count;
};

struct search {
	struct rk_state *state;
	struct rk_fit_pod pod;
	const struct rk_sched_node **fits;
	size_t fit_count;
	unsigned node_count;
	struct reason *reasons;
	size_t reason_count;
};

static void count_reason(struct search *search, const char *text)
{
	for (size_t i = 0; i < search->reason_count; i++)
		if (strcmp(search->reasons[i].text, text) == 0) {
			search->reasons[i].count++;
			return;
		}
	search->reasons[search->reason_count++] = (struct reason){ text, 1 };
}

static void filter(struct search *search)
{
	size_t count;
	struct rk_sched_node *const *nodes = rk_sched_nodes(search->state->sched, &count);

	search->fits = rk_arena_alloc(&search->state->arena, count * sizeof(void *));
	search->reasons = rk_arena_alloc(&search->state->arena, count * sizeof *search->reasons);
	for (size_t i = 0; i < count; i++) {
		if (!nodes[i]->exists)
			continue;
		search->node_count++;
		const char *why = rk_fit_refuses(search->state, &search->pod, nodes[i]);
		if (why == NULL)
			search->fits[search->fit_count++] = nodes[i];
		else
			count_reason(search, why);
	}
}

/* The best score; among equals the one whose hash with the pod's uid is highest, so that no node is
 * favoured. */
static const struct rk_sched_node *choose(struct search *search)
{
	const struct rk_sched_node *best = NULL;
	int64_t best_score = 0;
	uint64_t best_tie = 0;
	uint32_t most = 0;

	for (size_t i = 0; i < search->fit_count && search->pod.owner != 0; i++)
		most = RK_MAX(most, rk_sched_owned(search->fits[i], search->pod.owner));
	const uint64_t seed = rk_hash64(search->pod.uid, 0);
	for (size_t i = 0; i < search->fit_count; i++) {
		const int64_t score = rk_fit_score(&search->pod, search->fits[i], most);
		const uint64_t tie = rk_hash64(search->fits[i]->name, seed);
		if (best == NULL || score > best_score || (score == best_score && tie > best_tie)) {
			best = search->fits[i];
			best_score = score;
			best_tie = tie;
		}
	}
	return best;
}

static void bind(struct rk_state *state, struct rk_val *pod, struct rk_span node)
{
	const struct rk_span name = rk_arena_span(&state->arena, node);

	rk_val_put_str(&state->arena, rk_val_make(&state->arena, pod, "spec"), "nodeName", name);
	(void)rk_condition_set(state, pod, "PodScheduled", "True", "", "");
	rk_object_store(state, PODS, pod);
	rk_event(state, pod, "Normal", "Scheduled", NAME, "Successfully assigned %.*s/%.*s to %.*s",
		 RK_SPAN_ARGS(rk_object_ns(pod)), RK_SPAN_ARGS(rk_object_name(pod)),
		 RK_SPAN_ARGS(name));
}

static int by_text(const void *a, const void *b)
{
	const struct reason *left = a, *right = b;

	return strcmp(left->text, right->text);
}

/* "0/5 nodes are available: 3 Insufficient cpu, 2 node(s) had untolerated taint {k: v}." */
static void refuse(struct search *search, struct rk_val *pod)
{
	struct rk_state *state = search->state;
	struct rk_buf text = { 0 };

	if (search->node_count == 0)
		rk_buf_put_str(&text, "no nodes available to schedule pods");
	else
		rk_buf_printf(&text, "0/%u nodes are available:", search->node_count);
	qsort(search->reasons, search->reason_count, sizeof *search->reasons, by_text);
	for (size_t i = 0; i < search->reason_count; i++)
		rk_buf_printf(&text, "%s %u %s", i > 0 ? "," : "", search->reasons[i].count,
			      search->reasons[i].text);
	rk_buf_put_str(&text, search->node_count == 0 ? "" : ".");
	if (rk_condition_set(state, pod, "PodScheduled", "False", "Unschedulable",
			     rk_buf_cstr(&text))) {
		rk_object_store(state, PODS, pod);
		rk_event(state, pod, "Warning", "FailedScheduling", NAME, "%s", rk_buf_cstr(&text));
	}
	rk_buf_done(&text);
}

static void reconcile(struct rk_state *state, struct rk_span key)
{
	struct search search = { .state = state };
	struct rk_span ns, name;

	if (key.size == 0) {
		wake_all(state);
		return;
	}
	rk_work_key_split(key, &ns, &name);
	const struct rk_span doc = rk_state_doc(state, "pods", ns, name);
	if (doc.data == NULL || !is_waiting(doc))
		return;
	rk_sched_cache_sync(state);
	struct rk_val *pod = rk_state_val(state, PODS, ns, name);
	const struct rk_val *spec = rk_val_at(pod, "spec");
	const struct rk_val *affinity = rk_val_at(spec, "affinity.nodeAffinity");
	search.pod = (struct rk_fit_pod){
		.spec = spec,
		.tolerations = rk_val_at(spec, "tolerations"),
		.selector = rk_val_at(spec, "nodeSelector"),
		.required = rk_val_at(affinity, "requiredDuringSchedulingIgnoredDuringExecution"),
		.preferred = rk_val_at(affinity, "preferredDuringSchedulingIgnoredDuringExecution"),
		.requests = rk_pod_requests(state, doc),
		.owner = rk_pod_owner_hash(state, doc),
		.uid = rk_object_uid(pod),
		.has_host_ports = has_host_ports(spec),
	};
	filter(&search);
	const struct rk_sched_node *node = choose(&search);
	if (node != NULL)
		bind(state, pod, node->name);
	else
		refuse(&search, pod);
}

const struct rk_controller rk_controller_scheduler = {
	RK_CONTROLLER_SCHEDULER,
	"scheduler",
	follow,
	reconcile,
};
