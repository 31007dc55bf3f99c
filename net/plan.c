#include "net/plan.h"

#include "base/mem.h"
#include "net/plan_inner.h"

static const struct rk_backend unused;

struct rk_plan *rk_plan_new(const char *node, const struct rk_plan_limits *limits)
{
	struct rk_plan *plan = rk_zalloc(sizeof *plan);

	plan->node = rk_strdup(node);
	rk_ids_init(&plan->services, limits->services);
	rk_ids_init(&plan->backends, limits->backends);
	rk_ids_init(&plan->slots, limits->slots);
	return plan;
}

static void free_planned(struct rk_planned *planned)
{
	free(planned->key);
	free(planned->facts);
	free(planned->slices);
	free(planned);
}

static void free_slice(struct rk_planned_slice *slice)
{
	free(slice->key);
	free(slice->facts);
	free(slice);
}

static void free_frontend(struct rk_frontend *frontend)
{
	free(frontend->targets.at);
	free(frontend);
}

struct rk_plan *rk_plan_free(struct rk_plan *plan)
{
	if (plan == NULL)
		return NULL;
	for (size_t i = 0; i < plan->planned.count; i++)
		free_planned(plan->planned.at[i]);
	for (size_t i = 0; i < plan->slices.count; i++)
		free_slice(plan->slices.at[i]);
	for (size_t i = 0; i < plan->frontends.count; i++)
		free_frontend(plan->frontends.at[i]);
	free(plan->planned.at);
	free(plan->slices.at);
	free(plan->frontends.at);
	rk_writes_done(&plan->strays);
	rk_ids_done(&plan->services);
	rk_ids_done(&plan->backends);
	rk_ids_done(&plan->slots);
	free(plan->node);
	free(plan);
	return NULL;
}

/* Both kinds of named records begin with their key. */
static bool find_key(const struct rk_table *table, const char *key, size_t *ret_at)
{
	size_t low = 0, high = table->count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		const int order = strcmp(*(char **)table->at[middle], key);
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
_Static_assert(offsetof(struct rk_planned, key) == 0, "find_key");
_Static_assert(offsetof(struct rk_planned_slice, key) == 0, "find_key");

static char *key_of(struct rk_span ns, struct rk_span name)
{
	const size_t room = ns.size + name.size + 2;
	char *key = rk_alloc(room);

	(void)snprintf(key, room, "%.*s/%.*s", RK_SPAN_ARGS(ns), RK_SPAN_ARGS(name));
	return key;
}

static struct rk_planned *planned_of(struct rk_plan *plan, struct rk_span ns, struct rk_span name)
{
	RK_AUTO(rk_drop_mem) char *key = key_of(ns, name);
	size_t at;

	if (find_key(&plan->planned, key, &at))
		return plan->planned.at[at];
	struct rk_planned *planned = rk_zalloc(sizeof *planned);
	planned->key = rk_take_ptr(key);
	rk_table_insert(&plan->planned, at, planned);
	return planned;
}

void rk_plan_put(struct rk_plan *plan, struct rk_span ns, struct rk_span name,
		 const struct rk_val *service)
{
	struct rk_planned *planned = planned_of(plan, ns, name);

	free(planned->facts);
	planned->facts = service != NULL ? rk_service_facts_new(service) : NULL;
	planned->is_dirty = true;
}

static void unlink_slice(struct rk_planned_slice *slice)
{
	struct rk_planned *owner = slice->owner;
	size_t kept = 0;

	if (owner == NULL)
		return;
	for (size_t i = 0; i < owner->slice_count; i++)
		if (owner->slices[i] != slice)
			owner->slices[kept++] = owner->slices[i];
	owner->slice_count = kept;
	owner->is_dirty = true;
	slice->owner = NULL;
}

/* The order of a service's slices is of no matter: targets are sorted. */
static void link_slice(struct rk_planned_slice *slice, struct rk_planned *owner)
{
	owner->slices = rk_grow(owner->slices, &owner->slice_capacity, owner->slice_count + 1,
				sizeof(struct rk_planned_slice *));
	owner->slices[owner->slice_count++] = slice;
	owner->is_dirty = true;
	slice->owner = owner;
}

static void remove_slice(struct rk_plan *plan, const char *key)
{
	size_t at;

	if (!find_key(&plan->slices, key, &at))
		return;
	unlink_slice(plan->slices.at[at]);
	free_slice(plan->slices.at[at]);
	rk_table_remove(&plan->slices, at);
}

void rk_plan_put_slice(struct rk_plan *plan, struct rk_span ns, struct rk_span name,
		       const struct rk_val *slice)
{
	RK_AUTO(rk_drop_mem) char *key = key_of(ns, name);
	const struct rk_span service = rk_slice_service(slice);
	struct rk_planned_slice *planned;
	size_t at;

	if (slice == NULL || service.size == 0) {
		remove_slice(plan, key);
		return;
	}
	if (find_key(&plan->slices, key, &at)) {
		planned = plan->slices.at[at];
	} else {
		planned = rk_zalloc(sizeof *planned);
		planned->key = rk_take_ptr(key);
		rk_table_insert(&plan->slices, at, planned);
	}
	unlink_slice(planned);
	free(planned->facts);
	planned->facts = rk_slice_facts_new(slice, rk_span_str(plan->node));
	link_slice(planned, planned_of(plan, ns, service));
}

/* Takes over one address whose records are complete and nobody else's; false leaves everything as
 * it was. */
static bool adopt_vip(struct rk_plan *plan, const struct rk_image *image, size_t index)
{
	const uint32_t id = image->vip_services[index];
	struct rk_targets targets = { 0 };
	size_t at;

	if (!rk_ids_claim(&plan->services, id, 1))
		return false;
	const struct rk_head head = image->heads[id];
	bool is_whole = head.count == 0 || rk_ids_claim(&plan->slots, head.base, head.count);
	const bool has_slots = is_whole;
	for (uint32_t i = 0; is_whole && i < head.count; i++) {
		const uint32_t backend = image->slots[head.base + i];
		is_whole = backend < plan->backends.max &&
			   image->backends[backend].flags == RK_BACKEND_ALIVE &&
			   image->backends[backend].service == id &&
			   rk_ids_claim(&plan->backends, backend, 1);
		if (is_whole)
			rk_target_add(&targets,
				      (struct rk_target){ image->backends[backend].address,
							  image->backends[backend].port, backend });
	}
	const size_t claimed = targets.count;
	if (is_whole)
		rk_targets_sort(&targets);
	if (!is_whole || targets.count != claimed) {
		for (size_t i = 0; i < targets.count; i++)
			rk_ids_give_back(&plan->backends, targets.at[i].id, 1);
		if (has_slots && head.count > 0)
			rk_ids_give_back(&plan->slots, head.base, head.count);
		rk_ids_give_back(&plan->services, id, 1);
		free(targets.at);
		return false;
	}
	struct rk_frontend *frontend = rk_zalloc(sizeof *frontend);
	frontend->vip = image->vips[index];
	frontend->id = id;
	frontend->head = head;
	frontend->affinity_s =
		(head.flags & RK_HEAD_AFFINITY) != 0 ? (uint32_t)image->options[id] : 0;
	frontend->targets = targets;
	frontend->is_adopted = true;
	rk_assert(!rk_frontend_find(plan, &frontend->vip, &at));
	rk_table_insert(&plan->frontends, at, frontend);
	return true;
}

void rk_plan_adopt(struct rk_plan *plan, const struct rk_image *image)
{
	rk_assert(plan->planned.count == 0 && plan->frontends.count == 0);
	for (size_t i = 0; i < image->vip_count; i++)
		if (!adopt_vip(plan, image, i))
			rk_writes_add(&plan->strays,
				      (struct rk_write){ RK_WRITE_VIP_GONE, image->vip_services[i],
							 .vip = image->vips[i] });
	for (uint32_t id = 0; id < plan->backends.max; id++) {
		if (memcmp(&image->backends[id], &unused, sizeof unused) == 0)
			continue;
		if (rk_ids_claim(&plan->backends, id, 1)) {
			rk_ids_give_back(&plan->backends, id, 1);
			rk_writes_add(&plan->strays,
				      (struct rk_write){ RK_WRITE_BACKEND, id, .backend = unused });
		}
	}
}

void rk_plan_settle(struct rk_plan *plan)
{
	plan->is_settled = true;
	for (size_t i = 0; i < plan->frontends.count; i++) {
		const struct rk_frontend *frontend = plan->frontends.at[i];
		if (frontend->is_adopted && frontend->owner != NULL)
			frontend->owner->is_dirty = true;
	}
}

bool rk_plan_rests(const struct rk_plan *plan)
{
	return plan->services.resting_count + plan->backends.resting_count +
		       plan->slots.resting_count >
	       0;
}

/* Resting backends are cleared before their numbers are given again: a socket that remembers one
 * finds nothing. */
static void wake(struct rk_plan *plan, struct rk_writes *out)
{
	for (size_t i = 0; i < plan->backends.resting_count; i++)
		rk_writes_add(out,
			      (struct rk_write){ RK_WRITE_BACKEND, plan->backends.resting[i].base,
						 .backend = unused });
	rk_ids_wake(&plan->services);
	rk_ids_wake(&plan->backends);
	rk_ids_wake(&plan->slots);
	for (size_t i = 0; i < plan->strays.count; i++)
		rk_writes_add(out, plan->strays.at[i]);
	rk_writes_done(&plan->strays);
}

/* Removes the addresses that their service has no more, or that no service will claim. */
static void remove_unwanted(struct rk_plan *plan, struct rk_writes *out)
{
	for (size_t i = plan->frontends.count; i-- > 0;) {
		const struct rk_frontend *frontend = plan->frontends.at[i];
		const bool is_wanted = frontend->owner != NULL
					       ? rk_planned_wants(frontend->owner, &frontend->vip)
					       : !plan->is_settled;
		if (!is_wanted)
			rk_frontend_remove(plan, i, out);
	}
}

static int serve(struct rk_plan *plan, struct rk_planned *planned, struct rk_writes *out,
		 struct rk_error *error)
{
	const struct rk_service_facts *facts = planned->facts;
	int rc = RK_OK;

	for (uint32_t p = 0; facts != NULL && p < facts->port_count; p++) {
		struct rk_targets targets = { 0 };
		rk_planned_targets(planned, &facts->ports[p], &targets);
		for (uint32_t v = 0; v < facts->vip_count; v++) {
			const struct rk_vip vip = { .address = facts->vips[v],
						    .port = facts->ports[p].port,
						    .protocol = facts->ports[p].protocol };
			struct rk_error why;
			const int one = rk_frontend_serve(plan, planned, &vip, &targets,
							  facts->affinity_s, out, &why);
			if (one < 0)
				rc = rk_fail(error, one, "service %s: %s", planned->key, why.text);
		}
		free(targets.at);
	}
	return rc;
}

static void forget_empty(struct rk_plan *plan)
{
	size_t kept = 0;

	for (size_t i = 0; i < plan->planned.count; i++) {
		struct rk_planned *planned = plan->planned.at[i];
		if (planned->facts == NULL && planned->slice_count == 0)
			free_planned(planned);
		else
			plan->planned.at[kept++] = planned;
	}
	plan->planned.count = kept;
}

int rk_plan_step(struct rk_plan *plan, struct rk_writes *out, struct rk_error *error)
{
	int rc = RK_OK;

	wake(plan, out);
	for (size_t i = 0; i < plan->planned.count; i++) {
		struct rk_planned *planned = plan->planned.at[i];
		if (!planned->is_dirty)
			continue;
		const int one = serve(plan, planned, out, error);
		planned->is_dirty = one < 0;
		rc = one < 0 ? one : rc;
	}
	/* Last, so that an address which changes hands is never nobody's. */
	remove_unwanted(plan, out);
	forget_empty(plan);

	return rc;
}
