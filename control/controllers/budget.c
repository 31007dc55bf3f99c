/* PodDisruptionBudgets: their status. Evictions reckon for themselves (control/budget.h). */
#include "base/mem.h"
#include "control/budget.h"
#include "control/controllers/controllers.h"
#include "wire/doc.h"

#define RESOURCE "poddisruptionbudgets.policy"

static void add_covering(struct rk_state *state, const struct rk_change *change)
{
	struct rk_names names = { 0 };

	rk_state_names(state, RK_SPAN(RESOURCE), change->ns, &names);
	for (size_t i = 0; i < names.count; i++) {
		const struct rk_val *budget =
			rk_state_val(state, RK_SPAN(RESOURCE), change->ns, names.at[i].name);
		if (rk_budget_covers(state, budget, rk_blob_span(change->after)) ||
		    (change->before != NULL &&
		     rk_budget_covers(state, budget, rk_blob_span(change->before))))
			rk_work_add(state, RK_CONTROLLER_BUDGET,
				    rk_work_key(state, change->ns, names.at[i].name));
	}
}

/* How many pods there should be is said by what owns them: it is looked at again with the pods that come and go. */
static void follow(struct rk_state *state, const struct rk_change *change)
{
	if (state->version < RK_BUDGETS_SINCE)
		return;
	if (rk_span_is(change->kind, RESOURCE))
		rk_work_add(state, RK_CONTROLLER_BUDGET, rk_work_key(state, change->ns, change->name));
	else if (rk_span_is(change->kind, "pods"))
		add_covering(state, change);
}

static void reconcile(struct rk_state *state, struct rk_span key)
{
	struct rk_span ns, name;

	rk_work_key_split(rk_arena_span(&state->arena, key), &ns, &name);
	struct rk_val *budget = rk_state_val(state, RK_SPAN(RESOURCE), ns, name);
	if (budget == NULL || rk_object_is_going(budget))
		return;
	const struct rk_budget now = rk_budget_of(state, ns, budget);
	struct rk_val *status = rk_val_make(&state->arena, budget, "status");
	rk_val_put_int(&state->arena, status, "currentHealthy", now.healthy);
	rk_val_put_int(&state->arena, status, "desiredHealthy", now.desired);
	rk_val_put_int(&state->arena, status, "disruptionsAllowed", now.allowed);
	rk_val_put_int(&state->arena, status, "expectedPods", now.expected);
	rk_val_put_int(&state->arena, status, "observedGeneration",
		       rk_val_int_at(budget, "metadata.generation", 0));
	(void)rk_condition_set(state, budget, "DisruptionAllowed", now.allowed > 0 ? "True" : "False",
			       now.allowed > 0 ? "SufficientPods" : "InsufficientPods", "");
	rk_object_store(state, RK_SPAN(RESOURCE), budget);
}

const struct rk_controller rk_controller_budget = { RK_CONTROLLER_BUDGET, "disruption", follow,
						    reconcile };
