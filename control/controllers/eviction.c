/* Taint eviction: pods leave a node that carries a NoExecute taint which they do not tolerate, or no longer tolerate. */
#include "base/timefmt.h"
#include "control/controllers/controllers.h"
#include "control/index.h"
#include "control/scheduler/fit.h"
#include "wire/doc.h"

#define FOR_EVER_S INT64_C(10000000000) /* some three hundred years: no sum with it overflows */

static void follow(struct rk_state *state, const struct rk_change *change)
{
	const struct rk_span after = rk_blob_span(change->after);

	if (change->type == RK_CHANGE_DELETED)
		return;
	if (rk_span_is(change->kind, "nodes")) {
		const struct rk_span taints = rk_doc_at(after, "spec.taints");
		if (taints.data != NULL &&
		    (change->before == NULL || !rk_span_eq(taints, rk_doc_at(rk_blob_span(change->before), "spec.taints"))))
			rk_work_add(state, RK_CONTROLLER_EVICTION, change->name);
	} else if (rk_span_is(change->kind, "pods") && change->before != NULL &&
		   rk_doc_text(rk_blob_span(change->before), "spec.nodeName").size == 0 &&
		   rk_doc_text(after, "spec.nodeName").size > 0) {
		const struct rk_span node =
			rk_state_doc(state, "nodes", RK_SPAN(""), rk_doc_text(after, "spec.nodeName"));
		if (rk_doc_at(node, "spec.taints").data != NULL)
			rk_work_add(state, RK_CONTROLLER_EVICTION, rk_doc_text(after, "spec.nodeName"));
	}
}

/* When the pod has to go: now or earlier, later, or never (INT64_MAX). */
static int64_t due(const struct rk_val *pod, const struct rk_val *taints)
{
	int64_t first = INT64_MAX;

	for (uint32_t i = 0; i < rk_val_count(taints); i++) {
		const struct rk_val *taint = rk_val_item(taints, i);
		int64_t since = 0;
		if (!rk_span_is(rk_val_text_at(taint, "effect"), "NoExecute"))
			continue;
		const struct rk_val *toleration = rk_tolerates(rk_val_at(pod, "spec.tolerations"), taint);
		if (toleration == NULL)
			return INT64_MIN;
		if (rk_val_at(toleration, "tolerationSeconds") == NULL)
			continue;
		if (!rk_time_parse(rk_val_text_at(taint, "timeAdded"), &since))
			since = 0;
		const int64_t seconds = rk_val_int_at(toleration, "tolerationSeconds", 0);
		const int64_t until = since + (seconds < 0 ? 0 : seconds < FOR_EVER_S ? seconds : FOR_EVER_S) * 1000;
		first = until < first ? until : first;
	}
	return first;
}

static void evict(struct rk_state *state, const struct rk_val *pod)
{
	rk_event(state, pod, "Normal", "TaintManagerEviction", "taint-eviction-controller",
		 "Marking for deletion Pod %.*s/%.*s", RK_SPAN_ARGS(rk_object_ns(pod)),
		 RK_SPAN_ARGS(rk_object_name(pod)));
	rk_object_drop(state, RK_SPAN("pods"), rk_object_ns(pod), rk_object_name(pod));
}

static void reconcile(struct rk_state *state, struct rk_span name)
{
	const struct rk_val *node = rk_state_val(state, RK_SPAN("nodes"), RK_SPAN(""), name);
	const struct rk_val *taints = rk_val_at(node, "spec.taints");
	struct rk_names pods = { 0 };
	int64_t next = INT64_MAX;

	if (taints == NULL)
		return;
	rk_state_indexed(state, RK_INDEX_NODE, name, &pods);
	for (size_t i = 0; i < pods.count; i++) {
		const struct rk_val *pod = rk_state_val(state, RK_SPAN("pods"), pods.at[i].ns, pods.at[i].name);
		if (rk_object_is_going(pod))
			continue;
		const int64_t when = due(pod, taints);
		if (when <= state->now_ms)
			evict(state, pod);
		else if (when < next)
			next = when;
	}
	if (next != INT64_MAX)
		rk_work_at(state, next, RK_CONTROLLER_EVICTION, name);
}

const struct rk_controller rk_controller_eviction = {
	RK_CONTROLLER_EVICTION,
	"taint-eviction",
	follow,
	reconcile,
};
