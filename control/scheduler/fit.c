#include "control/scheduler/fit.h"

#include <stdlib.h>

#include "base/mem.h"
#include "control/index.h"
#include "wire/doc.h"

const struct rk_val *rk_tolerates(const struct rk_val *tolerations, const struct rk_val *taint)
{
	const struct rk_span taint_key = rk_val_text_at(taint, "key");
	const struct rk_span taint_value = rk_val_text_at(taint, "value");
	const struct rk_span taint_effect = rk_val_text_at(taint, "effect");

	for (uint32_t i = 0; i < rk_val_count(tolerations); i++) {
		const struct rk_val *one = rk_val_item(tolerations, i);
		const struct rk_span key = rk_val_text_at(one, "key"),
				     effect = rk_val_text_at(one, "effect");
		const bool exists = rk_span_is(rk_val_text_at(one, "operator"), "Exists");
		if (effect.size > 0 && !rk_span_eq(effect, taint_effect))
			continue;
		if (key.size > 0 ? !rk_span_eq(key, taint_key) : !exists)
			continue;
		if (exists || rk_span_eq(rk_val_text_at(one, "value"), taint_value))
			return one;
	}
	return NULL;
}

static const char *taint_refuses(struct rk_state *state, const struct rk_fit_pod *pod,
				 const struct rk_sched_node *node)
{
	const struct rk_val *taints = node->taints;

	for (uint32_t i = 0; i < rk_val_count(taints); i++) {
		const struct rk_val *taint = rk_val_item(taints, i);
		const struct rk_span effect = rk_val_text_at(taint, "effect");
		if (rk_span_is(effect, "PreferNoSchedule") ||
		    rk_tolerates(pod->tolerations, taint) != NULL)
			continue;
		return rk_arena_printf(&state->arena, "node(s) had untolerated taint {%.*s: %.*s}",
				       RK_SPAN_ARGS(rk_val_text_at(taint, "key")),
				       RK_SPAN_ARGS(rk_val_text_at(taint, "value")));
	}
	return NULL;
}

static bool number_of(struct rk_span text, int64_t *ret)
{
	uint64_t value;
	const bool negative = text.size > 0 && text.data[0] == '-';

	if (!rk_span_u64(rk_span_sub(text, negative ? 1 : 0, text.size), &value) ||
	    value > INT64_MAX)
		return false;
	*ret = negative ? -(int64_t)value : (int64_t)value;
	return true;
}

/* One requirement of a NodeSelectorTerm against a value that is there (data) or not (NULL data). */
static bool meets(const struct rk_val *requirement, struct rk_span value)
{
	const struct rk_span how = rk_val_text_at(requirement, "operator");
	const struct rk_val *values = rk_val_at(requirement, "values");
	int64_t left, right;
	bool is_in = false;

	for (uint32_t i = 0; value.data != NULL && i < rk_val_count(values); i++)
		is_in = is_in || rk_span_eq(rk_val_text(rk_val_item(values, i)), value);
	if (rk_span_is(how, "In"))
		return is_in;
	if (rk_span_is(how, "NotIn"))
		return !is_in;
	if (rk_span_is(how, "Exists"))
		return value.data != NULL;
	if (rk_span_is(how, "DoesNotExist"))
		return value.data == NULL;
	if (!number_of(value, &left) || !number_of(rk_val_text(rk_val_item(values, 0)), &right))
		return false;
	return rk_span_is(how, "Gt") ? left > right : left < right;
}

static bool term_selects(const struct rk_val *term, const struct rk_sched_node *node)
{
	const struct rk_val *expressions = rk_val_at(term, "matchExpressions");
	const struct rk_val *fields = rk_val_at(term, "matchFields");
	const struct rk_span labels = rk_doc_at(rk_blob_span(node->doc), "metadata.labels");

	for (uint32_t i = 0; i < rk_val_count(expressions); i++) {
		const struct rk_val *one = rk_val_item(expressions, i);
		if (!meets(one, rk_doc_as_text(rk_doc_get(labels, rk_val_text_at(one, "key")))))
			return false;
	}
	for (uint32_t i = 0; i < rk_val_count(fields); i++)
		if (!meets(rk_val_item(fields, i),
			   node->name)) /* metadata.name is the only one there is */
			return false;
	return rk_val_count(expressions) + rk_val_count(fields) > 0;
}

static bool selects_node(const struct rk_fit_pod *pod, const struct rk_sched_node *node)
{
	if (pod->selector == NULL && pod->required == NULL)
		return true;
	const struct rk_val *terms = rk_val_at(pod->required, "nodeSelectorTerms");
	const struct rk_span labels = rk_doc_at(rk_blob_span(node->doc), "metadata.labels");
	for (uint32_t i = 0; i < rk_val_count(pod->selector); i++)
		if (!rk_span_eq(rk_doc_as_text(rk_doc_get(labels, pod->selector->fields[i].key)),
				rk_val_text(pod->selector->fields[i].val)))
			return false;
	for (uint32_t i = 0; i < rk_val_count(terms); i++)
		if (term_selects(rk_val_item(terms, i), node))
			return true;
	return pod->required == NULL;
}

static const char *resources_refuse(const struct rk_fit_pod *pod, const struct rk_sched_node *node)
{
	static const char *const texts[] = { "Insufficient cpu", "Insufficient memory",
					     "Insufficient ephemeral-storage", "Too many pods" };

	/* Too many pods first, as upstream looks at it first. */
	for (size_t i = RK_RES_COUNT; i-- > 0;) {
		const int64_t wants = pod->requests.at[i];
		if (wants > 0 && wants > node->room.at[i] - node->used.at[i])
			return texts[i];
	}
	return NULL;
}

static bool port_clashes(const struct rk_val *mine, const struct rk_val *theirs)
{
	const struct rk_span ours_ip = rk_val_text_at(mine, "hostIP"),
			     their_ip = rk_val_text_at(theirs, "hostIP");
	const bool any = ours_ip.size == 0 || their_ip.size == 0 ||
			 rk_span_is(ours_ip, "0.0.0.0") || rk_span_is(their_ip, "0.0.0.0");

	return rk_val_int_at(mine, "hostPort", 0) == rk_val_int_at(theirs, "hostPort", -1) &&
	       rk_span_eq(rk_val_text_at(mine, "protocol"), rk_val_text_at(theirs, "protocol")) &&
	       (any || rk_span_eq(ours_ip, their_ip));
}

static bool spec_clashes(const struct rk_val *mine, const struct rk_val *theirs)
{
	const struct rk_val *a = rk_val_at(mine, "containers"),
			    *b = rk_val_at(theirs, "containers");

	for (uint32_t i = 0; i < rk_val_count(a); i++)
		for (uint32_t j = 0; j < rk_val_count(b); j++) {
			const struct rk_val *p = rk_val_at(rk_val_item(a, i), "ports");
			const struct rk_val *q = rk_val_at(rk_val_item(b, j), "ports");
			for (uint32_t k = 0; k < rk_val_count(p); k++)
				for (uint32_t l = 0; l < rk_val_count(q); l++)
					if (rk_val_int_at(rk_val_item(p, k), "hostPort", 0) != 0 &&
					    port_clashes(rk_val_item(p, k), rk_val_item(q, l)))
						return true;
		}
	return false;
}

static bool ports_clash(struct rk_state *state, const struct rk_fit_pod *pod,
			const struct rk_sched_node *node)
{
	struct rk_names pods = { 0 };

	if (!pod->has_host_ports)
		return false;
	rk_state_indexed(state, RK_INDEX_NODE, node->name, &pods);
	for (size_t i = 0; i < pods.count; i++) {
		const struct rk_val *other =
			rk_state_val(state, pods.at[i].kind, pods.at[i].ns, pods.at[i].name);
		const struct rk_span phase = rk_val_text_at(other, "status.phase");
		if (!rk_span_is(phase, "Succeeded") && !rk_span_is(phase, "Failed") &&
		    spec_clashes(pod->spec, rk_val_at(other, "spec")))
			return true;
	}
	return false;
}

const char *rk_fit_refuses(struct rk_state *state, const struct rk_fit_pod *pod,
			   const struct rk_sched_node *node)
{
	const char *why = taint_refuses(state, pod, node);

	if (why != NULL)
		return why;
	if (!selects_node(pod, node))
		return "node(s) didn't match Pod's node affinity/selector";
	if (ports_clash(state, pod, node))
		return "node(s) didn't have free ports for the requested pod ports";
	return resources_refuse(pod, node);
}

/* 0..100: how much of the resource would still be free (NodeResourcesFit, LeastAllocated). What
 * asks for nothing is counted as 100m and 200Mi, so that such pods spread too. */
static int64_t free_share(const struct rk_fit_pod *pod, const struct rk_sched_node *node,
			  size_t resource)
{
	static const int64_t least[] = { 100, 200 * 1024 * 1024 };
	const int64_t room = node->room.at[resource];
	const int64_t used =
		RK_MAX(node->used.at[resource], node->used.at[RK_RES_PODS] * least[resource]) +
		RK_MAX(pod->requests.at[resource], least[resource]);

	if (room <= 0 || used >= room)
		return 0;
	return (room - used) / (room / 100 > 0 ? room / 100 : 1);
}

static int64_t taint_score(const struct rk_fit_pod *pod, const struct rk_sched_node *node)
{
	const struct rk_val *taints = node->taints;

	for (uint32_t i = 0; i < rk_val_count(taints); i++)
		if (rk_span_is(rk_val_text_at(rk_val_item(taints, i), "effect"),
			       "PreferNoSchedule") &&
		    rk_tolerates(pod->tolerations, rk_val_item(taints, i)) == NULL)
			return 0;
	return 100;
}

static int64_t affinity_score(const struct rk_fit_pod *pod, const struct rk_sched_node *node)
{
	int64_t sum = 0, all = 0;

	for (uint32_t i = 0; i < rk_val_count(pod->preferred); i++) {
		const struct rk_val *one = rk_val_item(pod->preferred, i);
		const int64_t weight = rk_val_int_at(one, "weight", 0);
		all += weight;
		if (term_selects(rk_val_at(one, "preference"), node))
			sum += weight;
	}
	return all > 0 ? sum * 100 / all : 0;
}

int64_t rk_fit_score(const struct rk_fit_pod *pod, const struct rk_sched_node *node,
		     uint32_t most_owned)
{
	/* Upstream's default weights: TaintToleration 3, NodeAffinity 2, PodTopologySpread 2,
	 * NodeResourcesFit 1. */
	const uint32_t owned = pod->owner != 0 ? rk_sched_owned(node, pod->owner) : 0;
	const int64_t spread =
		most_owned > 0 ? (int64_t)(most_owned - owned) * 100 / most_owned : 100;
	const int64_t fit =
		(free_share(pod, node, RK_RES_CPU) + free_share(pod, node, RK_RES_MEMORY)) / 2;

	return 3 * taint_score(pod, node) + 2 * affinity_score(pod, node) + 2 * spread + fit;
}
