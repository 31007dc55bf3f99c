/* ClusterRoles that are made of others: aggregationRule. */
#include "base/mem.h"
#include "control/controllers/controllers.h"
#include "wire/doc.h"

#define RESOURCE "clusterroles.rbac.authorization.k8s.io"

static void follow(struct rk_state *state, const struct rk_change *change)
{
	struct rk_names names = { 0 };

	if (!rk_span_is(change->kind, RESOURCE))
		return;
	/* Any of them may take it in, or leave it out now. */
	rk_state_names(state, RK_SPAN(RESOURCE), RK_SPAN(""), &names);
	for (size_t i = 0; i < names.count; i++) {
		const struct rk_span doc = rk_state_doc(state, RESOURCE, RK_SPAN(""), names.at[i].name);
		if (rk_doc_at(doc, "aggregationRule").data != NULL)
			rk_work_add(state, RK_CONTROLLER_CLUSTERROLE, names.at[i].name);
	}
}

static bool is_taken(struct rk_state *state, const struct rk_val *selectors, struct rk_span doc)
{
	for (uint32_t i = 0; i < rk_val_count(selectors); i++)
		if (rk_selects(state, rk_val_item(selectors, i), doc))
			return true;
	return false;
}

static bool has(const struct rk_val *rules, const struct rk_val *rule)
{
	for (uint32_t i = 0; i < rk_val_count(rules); i++)
		if (rk_val_eq(rk_val_item(rules, i), rule))
			return true;
	return false;
}

static void reconcile(struct rk_state *state, struct rk_span key)
{
	const struct rk_span name = rk_arena_span(&state->arena, key);
	struct rk_val *role = rk_state_val(state, RK_SPAN(RESOURCE), RK_SPAN(""), name);
	const struct rk_val *selectors = rk_val_at(role, "aggregationRule.clusterRoleSelectors");
	struct rk_val *rules = rk_val_list(&state->arena);
	struct rk_names names = { 0 };

	if (rk_val_count(selectors) == 0)
		return;
	rk_state_names(state, RK_SPAN(RESOURCE), RK_SPAN(""), &names);
	for (size_t i = 0; i < names.count; i++) {
		const struct rk_span doc = rk_state_doc(state, RESOURCE, RK_SPAN(""), names.at[i].name);
		if (rk_span_eq(names.at[i].name, name) || !is_taken(state, selectors, doc))
			continue;
		const struct rk_val *other =
			rk_state_val(state, RK_SPAN(RESOURCE), RK_SPAN(""), names.at[i].name);
		const struct rk_val *more = rk_val_at(other, "rules");
		for (uint32_t n = 0; n < rk_val_count(more); n++)
			if (!has(rules, rk_val_item(more, n)))
				rk_val_append(&state->arena, rules, rk_val_item(more, n));
	}
	rk_val_put(&state->arena, role, "rules", rules);
	rk_object_store(state, RK_SPAN(RESOURCE), role);
}

const struct rk_controller rk_controller_clusterrole = {
	RK_CONTROLLER_CLUSTERROLE,
	"clusterrole-aggregation",
	follow,
	reconcile,
};
