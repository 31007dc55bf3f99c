/* A namespace that is being deleted is emptied, then let go. */
#include "control/controllers/controllers.h"
#include "control/customs.h"
#include "wire/doc.h"

#define DELETES_AT_ONCE 64

static void follow(struct rk_state *state, const struct rk_change *change)
{
	if (rk_span_is(change->kind, "namespaces")) {
		if (change->type == RK_CHANGE_MODIFIED &&
		    rk_doc_at(rk_blob_span(change->after), "metadata.deletionTimestamp").data != NULL)
			rk_work_add(state, RK_CONTROLLER_NAMESPACE, change->name);
	} else if (change->type == RK_CHANGE_DELETED && change->ns.size > 0) {
		const struct rk_span ns = rk_state_doc(state, "namespaces", RK_SPAN(""), change->ns);
		if (ns.data != NULL && rk_doc_at(ns, "metadata.deletionTimestamp").data != NULL)
			rk_work_add(state, RK_CONTROLLER_NAMESPACE, change->ns);
	}
}

/* Deletes what is not going yet, up to a bound; returns how many objects of the kind there were before. */
static size_t empty_kind(struct rk_state *state, struct rk_span kind, struct rk_span ns, size_t *left)
{
	struct rk_names names = { 0 };

	rk_state_names(state, kind, ns, &names);
	for (size_t i = 0; i < names.count && *left > 0; i++) {
		const struct rk_item *item = rk_state_item(state, kind, ns, names.at[i].name);
		if (item == NULL || rk_doc_at(rk_blob_span(item->value), "metadata.deletionTimestamp").data != NULL)
			continue;
		rk_object_drop(state, kind, ns, names.at[i].name);
		(*left)--;
	}
	names.count = 0;
	rk_state_names(state, kind, ns, &names);
	return names.count;
}

static void reconcile(struct rk_state *state, struct rk_span name)
{
	struct rk_val *ns = rk_state_val(state, RK_SPAN("namespaces"), RK_SPAN(""), name);
	size_t left = DELETES_AT_ONCE, remaining;

	if (ns == NULL || !rk_object_is_going(ns))
		return;
	/* Pods first (KEP-5080): what they use should outlive them. */
	remaining = empty_kind(state, RK_SPAN("pods"), name, &left);
	for (size_t i = 0; i < rk_kinds_count(rk_state_kinds(state)) && remaining == 0; i++) {
		const struct rk_kind *kind = rk_kinds_at(rk_state_kinds(state), i);
		if (kind->namespaced && kind->stored == kind)
			remaining += empty_kind(state, rk_span_str(kind->resource), name, &left);
	}
	if (remaining == 0) {
		rk_val_put(&state->arena, rk_val_make(&state->arena, ns, "spec"), "finalizers", NULL);
		rk_object_store(state, RK_SPAN("namespaces"), ns);
	} else if (left == 0) {
		rk_work_add(state, RK_CONTROLLER_NAMESPACE, name);
	}
}

const struct rk_controller rk_controller_namespace = {
	RK_CONTROLLER_NAMESPACE,
	"namespace",
	follow,
	reconcile,
};
