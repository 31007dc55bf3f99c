/* One cluster address: its targets, and the writes that change them. */
#include "base/mem.h"
#include "net/plan_inner.h"

void rk_writes_add(struct rk_writes *writes, struct rk_write write)
{
	writes->at = rk_grow(writes->at, &writes->capacity, writes->count + 1, sizeof *writes->at);
	writes->at[writes->count++] = write;
}

void rk_writes_done(struct rk_writes *writes)
{
	free(writes->at);
	*writes = (struct rk_writes){ 0 };
}

void rk_table_insert(struct rk_table *table, size_t at, void *item)
{
	table->at = rk_grow(table->at, &table->capacity, table->count + 1, sizeof *table->at);
	memmove(table->at + at + 1, table->at + at, (table->count - at) * sizeof *table->at);
	table->at[at] = item;
	table->count++;
}

void rk_table_remove(struct rk_table *table, size_t at)
{
	table->count--;
	memmove(table->at + at, table->at + at + 1, (table->count - at) * sizeof *table->at);
}

bool rk_frontend_find(const struct rk_plan *plan, const struct rk_vip *vip, size_t *ret_at)
{
	size_t low = 0, high = plan->frontends.count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		const struct rk_frontend *frontend = plan->frontends.at[middle];
		const int order = memcmp(&frontend->vip, vip, sizeof *vip);
		if (order == 0) {
			*ret_at = middle;
			return true;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_at = low;
	return false;
}

static int target_order(const void *left, const void *right)
{
	const struct rk_target *a = left, *b = right;

	if (a->address != b->address)
		return a->address < b->address ? -1 : 1;
	return (a->port > b->port) - (a->port < b->port);
}

void rk_target_add(struct rk_targets *targets, struct rk_target target)
{
	targets->at =
		rk_grow(targets->at, &targets->capacity, targets->count + 1, sizeof *targets->at);
	targets->at[targets->count++] = target;
}

void rk_targets_sort(struct rk_targets *targets)
{
	size_t kept = 0;

	if (targets->count == 0)
		return;
	qsort(targets->at, targets->count, sizeof *targets->at, target_order);
	for (size_t i = 1; i < targets->count; i++)
		if (target_order(&targets->at[kept], &targets->at[i]) != 0)
			targets->at[++kept] = targets->at[i];
	targets->count = kept + 1;
}

static const struct rk_port_facts *port_in(const struct rk_slice_facts *slice,
					   const struct rk_port_facts *port)
{
	for (uint32_t i = 0; i < slice->port_count; i++)
		if (slice->ports[i].protocol == port->protocol &&
		    strcmp(slice->ports[i].name, port->name) == 0)
			return &slice->ports[i];
	return NULL;
}

static void collect(const struct rk_planned *planned, const struct rk_port_facts *port,
		    bool are_ending, struct rk_targets *out)
{
	const struct rk_service_facts *service = planned->facts;

	for (size_t s = 0; s < planned->slice_count; s++) {
		const struct rk_slice_facts *slice = planned->slices[s]->facts;
		const struct rk_port_facts *found = port_in(slice, port);
		for (uint32_t e = 0; found != NULL && e < slice->endpoint_count; e++) {
			const struct rk_endpoint_facts *endpoint = &slice->endpoints[e];
			const bool serves =
				are_ending ? endpoint->is_serving && endpoint->is_terminating
					   : endpoint->is_ready || service->takes_unready;
			if (serves && (endpoint->is_here || !service->is_local))
				rk_target_add(out, (struct rk_target){ endpoint->address,
								       found->port, 0 });
		}
	}
}

void rk_planned_targets(const struct rk_planned *planned, const struct rk_port_facts *port,
			struct rk_targets *out)
{
	collect(planned, port, false, out);
	if (out->count == 0)
		collect(planned, port, true, out);
	rk_targets_sort(out);
}

bool rk_planned_wants(const struct rk_planned *planned, const struct rk_vip *vip)
{
	const struct rk_service_facts *facts = planned->facts;
	bool has_address = false;

	for (uint32_t i = 0; facts != NULL && i < facts->vip_count; i++)
		has_address |= facts->vips[i] == vip->address;
	for (uint32_t i = 0; has_address && i < facts->port_count; i++)
		if (facts->ports[i].port == vip->port && facts->ports[i].protocol == vip->protocol)
			return true;
	return false;
}

static bool same_targets(const struct rk_targets *a, const struct rk_targets *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (target_order(&a->at[i], &b->at[i]) != 0)
			return false;
	return true;
}

static const struct rk_target *target_in(const struct rk_targets *targets,
					 const struct rk_target *target)
{
	if (targets->count == 0)
		return NULL;
	return bsearch(target, targets->at, targets->count, sizeof *targets->at, target_order);
}

static void write_backend(const struct rk_frontend *frontend, const struct rk_target *target,
			  uint16_t flags, struct rk_writes *out)
{
	const struct rk_backend backend = { .address = target->address,
					    .port = target->port,
					    .flags = flags,
					    .service = frontend->id };

	rk_writes_add(out, (struct rk_write){ RK_WRITE_BACKEND, target->id, .backend = backend });
}

/* Those in `old` that are not in `new` lose their flag, by which sockets that remember them choose
 * again. */
static void retire(struct rk_plan *plan, const struct rk_frontend *frontend,
		   const struct rk_targets *old, const struct rk_targets *new,
		   struct rk_writes *out)
{
	for (size_t i = 0; i < old->count; i++) {
		if (new != NULL && target_in(new, &old->at[i]) != NULL)
			continue;
		write_backend(frontend, &old->at[i], 0, out);
		rk_ids_rest(&plan->backends, old->at[i].id, 1);
	}
}

/* Room for all that the change needs, or for nothing. */
static int reserve(struct rk_plan *plan, const struct rk_frontend *frontend,
		   const struct rk_targets *wanted, uint32_t *ret_base, struct rk_error *error)
{
	uint32_t fresh = 0;

	for (size_t i = 0; i < wanted->count; i++)
		fresh += target_in(&frontend->targets, &wanted->at[i]) == NULL;
	if (fresh > rk_ids_left(&plan->backends))
		return rk_fail(error, RK_ETOOBIG, "the table of backends is full (%u)",
			       plan->backends.max);
	if (wanted->count > UINT16_MAX)
		return rk_fail(error, RK_ETOOBIG, "%zu endpoints are more than %u", wanted->count,
			       UINT16_MAX);
	if (wanted->count > 0 && rk_ids_take(&plan->slots, (uint32_t)wanted->count, ret_base) < 0)
		return rk_fail(error, RK_ETOOBIG, "the table of slots is full (%u)",
			       plan->slots.max);
	return RK_OK;
}

static int change_targets(struct rk_plan *plan, struct rk_frontend *frontend,
			  const struct rk_targets *wanted, struct rk_head *head,
			  struct rk_targets *ret_now, struct rk_writes *out, struct rk_error *error)
{
	uint32_t base = 0;

	RK_TRY(reserve(plan, frontend, wanted, &base, error));
	for (size_t i = 0; i < wanted->count; i++) {
		struct rk_target target = wanted->at[i];
		const struct rk_target *had = target_in(&frontend->targets, &target);
		if (had != NULL) {
			target.id = had->id;
		} else {
			rk_assert(rk_ids_take(&plan->backends, 1, &target.id) == RK_OK);
			write_backend(frontend, &target, RK_BACKEND_ALIVE, out);
		}
		rk_target_add(ret_now, target);
	}
	for (size_t i = 0; i < ret_now->count; i++)
		rk_writes_add(out, (struct rk_write){ RK_WRITE_SLOT, base + (uint32_t)i,
						      .slot = ret_now->at[i].id });
	head->base = base;
	head->count = (uint16_t)wanted->count;
	return RK_OK;
}

/* Turns an address that is in the maps, or is not yet but has its id, to what is wanted. */
static int change(struct rk_plan *plan, struct rk_frontend *frontend,
		  const struct rk_targets *wanted, uint32_t affinity_s, struct rk_writes *out,
		  struct rk_error *error)
{
	const bool is_same = same_targets(&frontend->targets, wanted);
	struct rk_targets now = { 0 };
	struct rk_head head = frontend->head;

	if (!is_same)
		RK_TRY(change_targets(plan, frontend, wanted, &head, &now, out, error));
	frontend->is_adopted = false;
	head.flags = affinity_s != 0 ? RK_HEAD_AFFINITY : 0;
	if (affinity_s != 0 && affinity_s != frontend->affinity_s)
		rk_writes_add(out, (struct rk_write){ RK_WRITE_OPTION, frontend->id,
						      .option = affinity_s });
	frontend->affinity_s = affinity_s;
	if (memcmp(&head, &frontend->head, sizeof head) != 0)
		rk_writes_add(out, (struct rk_write){ RK_WRITE_HEAD, frontend->id, .head = head });
	if (is_same) {
		frontend->head = head;
		return RK_OK;
	}
	retire(plan, frontend, &frontend->targets, &now, out);
	rk_ids_rest(&plan->slots, frontend->head.base, frontend->head.count);
	free(frontend->targets.at);
	frontend->targets = now;
	frontend->head = head;
	return RK_OK;
}

static int make(struct rk_plan *plan, struct rk_planned *owner, const struct rk_vip *vip,
		const struct rk_targets *targets, uint32_t affinity_s, size_t at,
		struct rk_writes *out, struct rk_error *error)
{
	struct rk_frontend *frontend;
	uint32_t id;

	if (rk_ids_take(&plan->services, 1, &id) < 0)
		return rk_fail(error, RK_ETOOBIG, "the table of services is full (%u)",
			       plan->services.max);
	frontend = rk_zalloc(sizeof *frontend);
	frontend->vip = *vip;
	frontend->id = id;
	frontend->owner = owner;
	const int rc = change(plan, frontend, targets, affinity_s, out, error);
	if (rc < 0) {
		rk_ids_give_back(&plan->services, id, 1);
		free(frontend);
		return rc;
	}
	if (frontend->head.count == 0) /* whoever had the id may have left another head */
		rk_writes_add(out, (struct rk_write){ RK_WRITE_HEAD, id, .head = frontend->head });
	rk_writes_add(out, (struct rk_write){ RK_WRITE_VIP, id, .vip = *vip });
	rk_table_insert(&plan->frontends, at, frontend);
	return RK_OK;
}

int rk_frontend_serve(struct rk_plan *plan, struct rk_planned *owner, const struct rk_vip *vip,
		      const struct rk_targets *targets, uint32_t affinity_s, struct rk_writes *out,
		      struct rk_error *error)
{
	size_t at;

	if (!rk_frontend_find(plan, vip, &at))
		return make(plan, owner, vip, targets, affinity_s, at, out, error);
	struct rk_frontend *frontend = plan->frontends.at[at];
	if (frontend->owner != NULL && frontend->owner != owner &&
	    rk_planned_wants(frontend->owner, vip))
		return rk_fail(error, RK_EEXIST, "its cluster address is service %s's",
			       frontend->owner->key);
	frontend->owner = owner;
	if (frontend->is_adopted && !plan->is_settled && owner->slice_count == 0)
		return RK_OK;
	return change(plan, frontend, targets, affinity_s, out, error);
}

void rk_frontend_remove(struct rk_plan *plan, size_t at, struct rk_writes *out)
{
	struct rk_frontend *frontend = plan->frontends.at[at];

	rk_writes_add(out,
		      (struct rk_write){ RK_WRITE_VIP_GONE, frontend->id, .vip = frontend->vip });
	rk_writes_add(out, (struct rk_write){ RK_WRITE_HEAD, frontend->id, .head = { 0, 0, 0 } });
	retire(plan, frontend, &frontend->targets, NULL, out);
	rk_ids_rest(&plan->slots, frontend->head.base, frontend->head.count);
	rk_ids_rest(&plan->services, frontend->id, 1);
	rk_table_remove(&plan->frontends, at);
	free(frontend->targets.at);
	free(frontend);
}
