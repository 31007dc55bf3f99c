#include "control/budget.h"

#include "control/controllers/controllers.h"
#include "control/status.h"
#include "wire/doc.h"

bool rk_budget_covers(struct rk_state *state, const struct rk_val *budget, struct rk_span pod_doc)
{
	return rk_selects(state, rk_val_at(budget, "spec.selector"), pod_doc);
}

struct owners { /* whose replicas have been counted */
	struct rk_span *uids;
	size_t count;
};

static bool is_counted(struct owners *owners, struct rk_span uid)
{
	for (size_t i = 0; i < owners->count; i++)
		if (rk_span_eq(owners->uids[i], uid))
			return true;
	owners->uids[owners->count++] = uid;
	return false;
}

/* Replicas of what the object belongs to, at the top: those of the Deployment for a pod of its
 * ReplicaSet. 0 when they have been counted; 1 for a pod of nobody. */
static int64_t replicas_above(struct rk_state *state, struct rk_span ns,
			      const struct rk_val *object, struct owners *owners)
{
	static const struct {
		const char *kind, *resource;
	} scaled[] = {
		{ "ReplicaSet", "replicasets.apps" },
		{ "Deployment", "deployments.apps" },
		{ "StatefulSet", "statefulsets.apps" },
		{ "ReplicationController", "replicationcontrollers" },
	};
	const struct rk_val *ref = rk_object_controller(object), *owner = NULL;

	for (size_t i = 0; ref != NULL && i < sizeof scaled / sizeof scaled[0]; i++)
		if (rk_span_is(rk_val_text_at(ref, "kind"), scaled[i].kind))
			owner = rk_state_val(state, rk_span_str(scaled[i].resource), ns,
					     rk_val_text_at(ref, "name"));
	if (owner == NULL || !rk_span_eq(rk_object_uid(owner), rk_val_text_at(ref, "uid")))
		return 1;
	if (rk_object_controller(owner) != NULL)
		return replicas_above(state, ns, owner, owners);
	return is_counted(owners, rk_object_uid(owner)) ? 0
							: rk_val_int_at(owner, "spec.replicas", 1);
}

/* A number, or a percentage of `of`, rounded up. */
static int64_t scaled(const struct rk_val *val, int64_t of)
{
	uint64_t percent = 0;
	struct rk_span number;

	if (rk_val_is(val, RK_VAL_INT))
		return val->integer;
	(void)rk_span_cut(rk_val_text(val), '%', &number);
	if (!rk_span_u64(number, &percent) || percent > 100)
		return 0;
	return (of * (int64_t)percent + 99) / 100;
}

struct rk_budget rk_budget_of(struct rk_state *state, struct rk_span ns,
			      const struct rk_val *budget)
{
	const struct rk_val *min = rk_val_at(budget, "spec.minAvailable"),
			    *max = rk_val_at(budget, "spec.maxUnavailable");
	const bool is_plain = max == NULL && !rk_val_is(min, RK_VAL_STR);
	struct rk_names names = { 0 };
	struct rk_budget ret = { 0 };

	rk_state_names(state, RK_SPAN("pods"), ns, &names);
	struct owners owners = { .uids = rk_arena_alloc(&state->arena,
							(names.count + 1) * sizeof *owners.uids) };
	for (size_t i = 0; i < names.count; i++) {
		const struct rk_span doc = rk_state_doc(state, "pods", ns, names.at[i].name);
		if (!rk_budget_covers(state, budget, doc))
			continue;
		const struct rk_pod_facts facts = rk_pod_facts(state, doc);
		ret.healthy += facts.is_ready && rk_pod_is_active(&facts);
		ret.expected += is_plain ? 1
					 : replicas_above(state, ns,
							  rk_state_val(state, RK_SPAN("pods"), ns,
								       names.at[i].name),
							  &owners);
	}
	if (max != NULL)
		ret.desired = ret.expected - scaled(max, ret.expected);
	else
		ret.desired = min != NULL ? scaled(min, ret.expected) : 1;
	ret.desired = ret.desired > 0 ? ret.desired : 0;
	if (ret.expected > 0 && ret.healthy > ret.desired)
		ret.allowed = ret.healthy - ret.desired;
	return ret;
}

static struct rk_val *refusal_of(struct rk_arena *arena, struct rk_span name,
				 const struct rk_budget *budget)
{
	struct rk_val *causes = rk_val_list(arena),
		      *status = rk_status(
			      arena, 429, "TooManyRequests",
			      "Cannot evict pod as it would violate the pod's disruption budget.");

	rk_cause_add(arena, causes, "DisruptionBudget", "",
		     "The disruption budget %.*s needs %lld healthy pods and has %lld currently",
		     RK_SPAN_ARGS(name), (long long)budget->desired, (long long)budget->healthy);
	rk_val_put(arena, rk_val_make(arena, status, "details"), "causes", causes);
	return status;
}

/* A pod that is not ready is no loss, as long as the others are enough, or when the budget says so.
 */
static bool may_go(const struct rk_pod_facts *pod, const struct rk_val *pdb,
		   const struct rk_budget *budget)
{
	const bool always =
		rk_span_is(rk_val_text_at(pdb, "spec.unhealthyPodEvictionPolicy"), "AlwaysAllow");

	if (!pod->is_ready &&
	    (always || (budget->healthy >= budget->desired && budget->desired > 0)))
		return true;
	return budget->allowed > 0;
}

struct rk_val *rk_budget_refusal(struct rk_state *state, struct rk_span ns, struct rk_span name)
{
	const struct rk_span kind = RK_SPAN("poddisruptionbudgets.policy");
	const struct rk_span doc = rk_state_doc(state, "pods", ns, name);
	const struct rk_val *covering = NULL;
	struct rk_names names = { 0 };

	if (doc.data == NULL)
		return NULL; /* the delete will say so */
	const struct rk_pod_facts pod = rk_pod_facts(state, doc);
	if (pod.is_pending || !rk_pod_is_active(&pod))
		return NULL; /* it has not begun, has ended, or is going: no budget counts it */
	rk_state_names(state, kind, ns, &names);
	for (size_t i = 0; i < names.count; i++) {
		const struct rk_val *pdb = rk_state_val(state, kind, ns, names.at[i].name);
		if (!rk_budget_covers(state, pdb, doc))
			continue;
		if (covering != NULL)
			return rk_status(
				&state->arena, 500, "InternalError",
				"This pod has more than one PodDisruptionBudget, which the "
				"eviction subresource does not support.");
		covering = pdb;
	}
	if (covering == NULL)
		return NULL;
	const struct rk_budget budget = rk_budget_of(state, ns, covering);
	return may_go(&pod, covering, &budget)
		       ? NULL
		       : refusal_of(&state->arena, rk_object_name(covering), &budget);
}
