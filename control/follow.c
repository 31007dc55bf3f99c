#include "control/follow.h"

#include "control/controllers/controllers.h"
#include "control/etcd/apply.h"
#include "control/work.h"

/* In the order of their numbers. */
static const struct rk_controller *const table[] = {
	&rk_controller_namespace, &rk_controller_garbage,	 &rk_controller_replicaset,
	&rk_controller_deployment, &rk_controller_scheduler,	 &rk_controller_endpoints,
	&rk_controller_node,	   &rk_controller_eviction,	 &rk_controller_events,
	&rk_controller_serviceaccount, &rk_controller_nodeipam, &rk_controller_podgc,
	&rk_controller_etcd,	   &rk_controller_custom,	 &rk_controller_clusterrole,
	&rk_controller_budget,	   &rk_controller_kubernetes,  &rk_controller_rootca,
};

void rk_follow(struct rk_state *state, const struct rk_change *change)
{
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (table[i]->follow != NULL)
			table[i]->follow(state, change);
}

void rk_controllers_run(struct rk_state *state, size_t budget)
{
	const size_t limit = state->change_count + budget;
	struct rk_work work;

	/* Pieces that change nothing cost too: ten of them count as one change. */
	for (size_t pieces = 0; state->change_count + pieces / 10 < limit && rk_work_take(state, &work); pieces++) {
		rk_assert(work.controller >= 1 && work.controller <= sizeof table / sizeof table[0]);
		const struct rk_controller *controller = table[work.controller - 1];
		rk_assert(controller->number == work.controller);
		controller->reconcile(state, work.key);
	}
}

struct rk_span rk_work_key(struct rk_state *state, struct rk_span ns, struct rk_span name)
{
	uint8_t *key = rk_arena_alloc(&state->arena, ns.size + 1 + name.size);

	memcpy(key, ns.data, ns.size);
	key[ns.size] = 0;
	memcpy(key + ns.size + 1, name.data, name.size);
	return rk_span_of(key, ns.size + 1 + name.size);
}

void rk_work_key_split(struct rk_span key, struct rk_span *ret_ns, struct rk_span *ret_name)
{
	*ret_name = rk_span_cut(key, '\0', ret_ns);
}
