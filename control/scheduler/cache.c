#include "control/scheduler/cache.h"

#include <stdlib.h>

#include "base/mem.h"
#include "control/schema/quantity.h"
#include "wire/doc.h"

struct rk_sched_cache {
	struct rk_sched_node **nodes; /* sorted by name */
	size_t count, capacity;
	size_t seen; /* changes of this entry */
};

struct rk_sched_cache *rk_sched_cache_new(void) { return rk_zalloc(sizeof(struct rk_sched_cache)); }

static void node_free(struct rk_sched_node *node)
{
	(void)rk_blob_unref(node->doc);
	(void)rk_blob_unref(node->name_blob);
	rk_arena_done(&node->arena);
	free(node->owners);
	free(node);
}

static void clear(struct rk_sched_cache *cache)
{
	for (size_t i = 0; i < cache->count; i++)
		node_free(cache->nodes[i]);
	cache->count = 0;
	cache->seen = 0;
}

struct rk_sched_cache *rk_sched_cache_free(struct rk_sched_cache *cache)
{
	if (cache != NULL) {
		clear(cache);
		free(cache->nodes);
		free(cache);
	}
	return NULL;
}

static size_t place_of(const struct rk_sched_cache *cache, struct rk_span name)
{
	size_t low = 0, high = cache->count;

	while (low < high) {
		const size_t middle = (low + high) / 2;
		if (rk_span_cmp(cache->nodes[middle]->name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct rk_sched_node *node_of(struct rk_sched_cache *cache, struct rk_span name)
{
	const size_t at = place_of(cache, name);

	if (at < cache->count && rk_span_eq(cache->nodes[at]->name, name))
		return cache->nodes[at];
	struct rk_sched_node *node = rk_zalloc(sizeof *node);
	node->name_blob = rk_blob_copy(name);
	node->name = rk_blob_span(node->name_blob);
	cache->nodes = rk_grow(cache->nodes, &cache->capacity, cache->count + 1,
			       sizeof(struct rk_sched_node *));
	memmove(cache->nodes + at + 1, cache->nodes + at,
		(cache->count - at) * sizeof(struct rk_sched_node *));
	cache->nodes[at] = node;
	cache->count++;
	return node;
}

static void forget_if_idle(struct rk_sched_cache *cache, struct rk_sched_node *node)
{
	if (node->exists || node->used.at[RK_RES_PODS] > 0)
		return;
	const size_t at = place_of(cache, node->name);
	rk_assert(cache->nodes[at] == node);
	memmove(cache->nodes + at, cache->nodes + at + 1,
		(cache->count - at - 1) * sizeof(struct rk_sched_node *));
	cache->count--;
	node_free(node);
}

/* cpu in thousandths, the others whole; what does not parse counts as nothing (validation refuses
 * it before). */
static int64_t amount(struct rk_span map, const char *key, bool milli)
{
	const struct rk_span text = rk_doc_as_text(rk_doc_get(map, rk_span_str(key)));

	if (text.data == NULL)
		return rk_doc_int(map, key, 0) * (milli ? 1000 : 1);
	return milli ? rk_quantity_milli(text, 0) : rk_quantity_value(text, 0);
}

static struct rk_resources resources_of(struct rk_span map)
{
	return (struct rk_resources){ {
		[RK_RES_CPU] = amount(map, "cpu", true),
		[RK_RES_MEMORY] = amount(map, "memory", false),
		[RK_RES_STORAGE] = amount(map, "ephemeral-storage", false),
		[RK_RES_PODS] = amount(map, "pods", false),
	} };
}

static void add_up(struct rk_resources *sum, const struct rk_resources *more, int64_t sign)
{
	for (size_t i = 0; i < RK_RES_COUNT; i++)
		sum->at[i] += sign * more->at[i];
}

static struct rk_val *decoded(struct rk_state *state, struct rk_span doc, const char *path)
{
	const struct rk_span encoded = rk_doc_at(doc, path);
	struct rk_val *val = NULL;

	if (encoded.data == NULL || rk_doc_read(&state->arena, encoded, &val) != RK_OK)
		return NULL;
	return val;
}

static struct rk_resources requests_of(const struct rk_val *requests)
{
	struct rk_resources sum = { { 0 } };
	static const char *const keys[] = { "cpu", "memory", "ephemeral-storage" };

	for (size_t i = 0; i < RK_COUNT(keys); i++) {
		const struct rk_val *val = rk_val_at(requests, keys[i]);
		if (rk_val_is(val, RK_VAL_INT))
			sum.at[i] = val->integer * (i == 0 ? 1000 : 1);
		else
			sum.at[i] = i == 0 ? rk_quantity_milli(rk_val_text(val), 0)
					   : rk_quantity_value(rk_val_text(val), 0);
	}
	return sum;
}

static bool counts_allocation(const struct rk_state *state) { return state->version >= RK_PARTS_SINCE; }

/* Its node says that what the pod should become is more than it has. */
static bool is_infeasible(struct rk_state *state, struct rk_span pod)
{
	const struct rk_span encoded = rk_doc_at(pod, "status.conditions"), reason = RK_SPAN("Infeasible");

	if (encoded.data == NULL || memmem(encoded.data, encoded.size, reason.data, reason.size) == NULL)
		return false;
	const struct rk_val *conditions = decoded(state, pod, "status.conditions");
	for (uint32_t i = 0; i < rk_val_count(conditions); i++)
		if (rk_span_is(rk_val_text_at(rk_val_item(conditions, i), "type"), "PodResizePending") &&
		    rk_span_eq(rk_val_text_at(rk_val_item(conditions, i), "reason"), reason))
			return true;
	return false;
}

/* What a container should have, or what its node still holds for it when that is more; only that, when it will get no
 * more. */
static struct rk_resources container_requests(const struct rk_val *container, const struct rk_val *statuses,
					      bool is_final)
{
	const struct rk_resources wants = requests_of(rk_val_at(container, "resources.requests"));
	const struct rk_val *has = rk_val_at(rk_val_find(statuses, "name", rk_val_text_at(container, "name")), "allocatedResources");
	struct rk_resources sum = wants;

	if (has == NULL)
		return sum;
	sum = requests_of(has);
	for (size_t r = 0; r < RK_RES_COUNT && !is_final; r++)
		sum.at[r] = RK_MAX(sum.at[r], wants.at[r]);
	return sum;
}

struct rk_resources rk_pod_requests(struct rk_state *state, struct rk_span pod)
{
	struct rk_resources sum = { { 0 } };
	const struct rk_val *containers = decoded(state, pod, "spec.containers");
	const struct rk_val *inits = decoded(state, pod, "spec.initContainers");
	const bool counts = counts_allocation(state);
	const struct rk_val *statuses = counts ? decoded(state, pod, "status.containerStatuses") : NULL;
	const struct rk_val *init_statuses =
		counts && inits != NULL ? decoded(state, pod, "status.initContainerStatuses") : NULL;
	const bool is_final = counts && is_infeasible(state, pod);

	for (uint32_t i = 0; i < rk_val_count(containers); i++) {
		const struct rk_resources one = container_requests(rk_val_item(containers, i), statuses, is_final);
		add_up(&sum, &one, 1);
	}
	for (uint32_t i = 0; i < rk_val_count(inits); i++) {
		const struct rk_resources one = container_requests(rk_val_item(inits, i), init_statuses, is_final);
		const bool stays = rk_span_is(
			rk_val_text_at(rk_val_item(inits, i), "restartPolicy"), "Always");
		if (stays)
			add_up(&sum, &one, 1);
		for (size_t r = 0; r < RK_RES_COUNT && !stays; r++)
			sum.at[r] = RK_MAX(sum.at[r], one.at[r]);
	}
	const struct rk_span overhead = rk_doc_at(pod, "spec.overhead");
	if (overhead.data != NULL) {
		const struct rk_resources more = resources_of(overhead);
		add_up(&sum, &more, 1);
	}
	sum.at[RK_RES_PODS] = 1;
	return sum;
}

uint64_t rk_pod_owner_hash(struct rk_state *state, struct rk_span pod)
{
	const struct rk_val *owners = decoded(state, pod, "metadata.ownerReferences");

	for (uint32_t i = 0; i < rk_val_count(owners); i++)
		if (rk_val_bool_at(rk_val_item(owners, i), "controller", false))
			return rk_hash64(rk_val_text_at(rk_val_item(owners, i), "uid"), 0);
	return 0;
}

static void count_owner(struct rk_sched_node *node, uint64_t owner, int delta)
{
	size_t low = 0, high = node->owner_count;

	if (owner == 0)
		return;
	while (low < high) {
		const size_t middle = (low + high) / 2;
		if (node->owners[middle].owner < owner)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < node->owner_count && node->owners[low].owner == owner) {
		node->owners[low].count += (uint32_t)delta;
		if (node->owners[low].count > 0)
			return;
		memmove(node->owners + low, node->owners + low + 1,
			(node->owner_count - low - 1) * sizeof *node->owners);
		node->owner_count--;
		return;
	}
	rk_assert(delta > 0);
	node->owners = rk_grow(node->owners, &node->owner_capacity, node->owner_count + 1,
			       sizeof *node->owners);
	memmove(node->owners + low + 1, node->owners + low,
		(node->owner_count - low) * sizeof *node->owners);
	node->owners[low] = (struct rk_sched_owner){ owner, 1 };
	node->owner_count++;
}

uint32_t rk_sched_owned(const struct rk_sched_node *node, uint64_t owner)
{
	size_t low = 0, high = node->owner_count;

	while (low < high) {
		const size_t middle = (low + high) / 2;
		if (node->owners[middle].owner < owner)
			low = middle + 1;
		else
			high = middle;
	}
	return low < node->owner_count && node->owners[low].owner == owner ? node->owners[low].count
									   : 0;
}

/* A pod weighs on its node until it has ended. */
static bool weighs(struct rk_span pod)
{
	const struct rk_span phase = rk_doc_text(pod, "status.phase");

	return pod.data != NULL && rk_doc_text(pod, "spec.nodeName").size > 0 &&
	       !rk_span_is(phase, "Succeeded") && !rk_span_is(phase, "Failed");
}

static void count_pod(struct rk_state *state, struct rk_span pod, int sign)
{
	if (!weighs(pod))
		return;
	struct rk_sched_node *node = node_of(state->sched, rk_doc_text(pod, "spec.nodeName"));
	const struct rk_resources requests = rk_pod_requests(state, pod);
	add_up(&node->used, &requests, sign);
	count_owner(node, rk_pod_owner_hash(state, pod), sign);
	if (sign < 0)
		forget_if_idle(state->sched, node);
}

static void read_taints(struct rk_sched_node *node)
{
	const struct rk_span encoded = rk_doc_at(rk_blob_span(node->doc), "spec.taints");
	struct rk_val *taints = NULL;

	node->taints = NULL;
	rk_arena_reset(&node->arena);
	if (encoded.size > 1 && rk_doc_read(&node->arena, encoded, &taints) == RK_OK)
		node->taints = taints;
}

static void see_node(struct rk_state *state, struct rk_span name, struct rk_blob *doc)
{
	struct rk_sched_node *node = node_of(state->sched, name);

	(void)rk_blob_unref(node->doc);
	node->doc = rk_blob_ref(doc);
	node->exists = doc != NULL;
	node->room = doc != NULL ? resources_of(rk_doc_at(rk_blob_span(doc), "status.allocatable"))
				 : (struct rk_resources){ { 0 } };
	read_taints(node);
	forget_if_idle(state->sched, node);
}

/* Statuses that changed nearly always leave the allocation as it was. */
static bool same_allocation(struct rk_state *state, struct rk_span before, struct rk_span after)
{
	static const char *const lists[] = { "status.containerStatuses", "status.initContainerStatuses" };

	if (!counts_allocation(state))
		return true;
	for (size_t l = 0; l < RK_COUNT(lists); l++) {
		if (rk_span_eq(rk_doc_at(before, lists[l]), rk_doc_at(after, lists[l])))
			continue;
		const struct rk_val *was = decoded(state, before, lists[l]), *now = decoded(state, after, lists[l]);
		for (uint32_t i = 0; i < RK_MAX(rk_val_count(was), rk_val_count(now)); i++) {
			const struct rk_val *had = rk_val_at(rk_val_item(was, i), "allocatedResources");
			const struct rk_val *has = rk_val_at(rk_val_item(now, i), "allocatedResources");
			if (!rk_span_eq(rk_val_text_at(rk_val_item(was, i), "name"),
					rk_val_text_at(rk_val_item(now, i), "name")) ||
			    (had == NULL) != (has == NULL) || (had != NULL && !rk_val_eq(had, has)))
				return false;
		}
	}
	return is_infeasible(state, before) == is_infeasible(state, after);
}

static bool same_weight(struct rk_state *state, const struct rk_change *change)
{
	const struct rk_span before = rk_blob_span(change->before),
			     after = rk_blob_span(change->after);

	return change->type == RK_CHANGE_MODIFIED && weighs(before) == weighs(after) &&
	       rk_span_eq(rk_doc_at(before, "spec"), rk_doc_at(after, "spec")) &&
	       rk_span_eq(rk_doc_at(before, "metadata.ownerReferences"),
			  rk_doc_at(after, "metadata.ownerReferences")) &&
	       same_allocation(state, before, after);
}

bool rk_sched_lets_go(struct rk_state *state, const struct rk_change *change)
{
	const struct rk_span before = rk_blob_span(change->before), after = rk_blob_span(change->after);
	bool is_less = false;

	if (change->type != RK_CHANGE_MODIFIED || !weighs(before) || !weighs(after) || same_weight(state, change))
		return false;
	const struct rk_resources had = rk_pod_requests(state, before), has = rk_pod_requests(state, after);
	for (size_t r = 0; r < RK_RES_COUNT; r++)
		is_less |= has.at[r] < had.at[r];
	return is_less;
}

static void see(struct rk_state *state, const struct rk_change *change)
{
	const bool is_gone = change->type == RK_CHANGE_DELETED;

	if (rk_span_is(change->kind, "nodes")) {
		see_node(state, change->name, is_gone ? NULL : change->after);
	} else if (rk_span_is(change->kind, "pods") && !same_weight(state, change)) {
		count_pod(state, rk_blob_span(change->before), -1);
		if (!is_gone)
			count_pod(state, rk_blob_span(change->after), 1);
	}
}

void rk_sched_cache_sync(struct rk_state *state)
{
	struct rk_sched_cache *cache = state->sched;

	rk_assert(cache->seen <= state->change_count);
	while (cache->seen < state->change_count)
		see(state, &state->changes[cache->seen++]);
}

void rk_sched_cache_end(struct rk_state *state)
{
	rk_sched_cache_sync(state);
	state->sched->seen = 0;
}

void rk_sched_cache_rebuild(struct rk_state *state)
{
	struct rk_names names = { 0 };

	clear(state->sched);
	rk_state_names(state, RK_SPAN("nodes"), RK_SPAN(""), &names);
	for (size_t i = 0; i < names.count; i++)
		see_node(state, names.at[i].name,
			 rk_state_item(state, names.at[i].kind, names.at[i].ns, names.at[i].name)
				 ->value);
	names.count = 0;
	rk_state_names(state, RK_SPAN("pods"), RK_SPAN(""), &names);
	for (size_t i = 0; i < names.count; i++)
		count_pod(state, rk_state_doc(state, "pods", names.at[i].ns, names.at[i].name), 1);
}

struct rk_sched_node *const *rk_sched_nodes(const struct rk_sched_cache *cache, size_t *ret_count)
{
	*ret_count = cache->count;
	return cache->nodes;
}
