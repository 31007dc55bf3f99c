/* Keeps as many pods of a ReplicaSet as it wants. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/timefmt.h"
#include "control/controllers/controllers.h"
#include "control/index.h"
#include "control/schema/selector.h"
#include "wire/doc.h"

/* Pods made or deleted in one piece of work: a large set is a run of small pieces, each within an
 * entry's budget. */
#define PODS_AT_ONCE 64

/* A look at a set costs a look at each of its pods. Above this size what happens to its pods within
 * a tenth of a second is looked at once, or a thousand pods that become ready would cost a million
 * looks. */
#define SMALL_SET 64
#define GATHER_MS 1 /* timers fall due at whole tenths of a second */

#define TRY_AGAIN_MS     1000 /* a pod that was refused */
#define TRY_AGAIN_MS_MAX 64000

static const char kind_text[] = "replicasets.apps";
#define KIND rk_span_str(kind_text)

static void add_set(struct rk_state *state, struct rk_span ns, struct rk_span name)
{
	const struct rk_span set = rk_state_doc(state, kind_text, ns, name);
	const struct rk_span key = rk_work_key(state, ns, name);

	if (set.data != NULL && rk_doc_int(set, "status.replicas", 0) > SMALL_SET)
		rk_work_at(state, state->now_ms + GATHER_MS, RK_CONTROLLER_REPLICASET, key);
	else
		rk_work_add(state, RK_CONTROLLER_REPLICASET, key);
}

static void add_owner(struct rk_state *state, struct rk_span ns, struct rk_span doc)
{
	const struct rk_span encoded = rk_doc_at(doc, "metadata.ownerReferences");
	struct rk_val *owners = NULL;

	if (encoded.data == NULL || rk_doc_read(&state->arena, encoded, &owners) != RK_OK)
		return;
	for (uint32_t i = 0; i < rk_val_count(owners); i++) {
		const struct rk_val *owner = rk_val_item(owners, i);
		if (rk_val_bool_at(owner, "controller", false) &&
		    rk_span_is(rk_val_text_at(owner, "kind"), "ReplicaSet"))
			add_set(state, ns, rk_val_text_at(owner, "name"));
	}
}

/* A pod that nobody controls: whoever selects it may adopt it. */
static void add_adopters(struct rk_state *state, struct rk_span ns, struct rk_span doc)
{
	struct rk_names sets = { 0 };

	rk_state_names(state, KIND, ns, &sets);
	for (size_t i = 0; i < sets.count; i++) {
		const struct rk_val *set = rk_state_val(state, KIND, ns, sets.at[i].name);
		if (rk_selects(state, rk_val_at(set, "spec.selector"), doc))
			rk_work_add(state, RK_CONTROLLER_REPLICASET,
				    rk_work_key(state, ns, sets.at[i].name));
	}
}

static void follow(struct rk_state *state, const struct rk_change *change)
{
	const struct rk_span after = rk_blob_span(change->after);

	if (rk_span_is(change->kind, kind_text)) {
		if (change->type != RK_CHANGE_DELETED)
			rk_work_add(state, RK_CONTROLLER_REPLICASET,
				    rk_work_key(state, change->ns, change->name));
	} else if (rk_span_is(change->kind, "pods")) {
		const struct rk_span now = rk_doc_at(after, "metadata.ownerReferences");
		if (change->before != NULL &&
		    !rk_span_eq(now, rk_doc_at(rk_blob_span(change->before),
					       "metadata.ownerReferences")))
			add_owner(state, change->ns, rk_blob_span(change->before));
		add_owner(state, change->ns, after);
		if (now.data == NULL && change->type != RK_CHANGE_DELETED)
			add_adopters(state, change->ns, after);
	}
}

struct member { /* a pod of the set */
	struct rk_span name;
	struct rk_pod_facts facts;
	/* Read only when some have to go: */
	int64_t created_ms;
	uint32_t on_node; /* pods of this set on the same node */
	int64_t restarts;
};

struct set {
	struct rk_state *state;
	struct rk_val *object;
	struct rk_span ns;
	struct member *members; /* active ones */
	size_t count, capacity;
	struct rk_span refusal; /* why a pod could not be made; empty when none was refused */
};

static int64_t created_ms(struct rk_span doc)
{
	int64_t ms = 0;

	return rk_time_parse(rk_doc_text(doc, "metadata.creationTimestamp"), &ms) ? ms : 0;
}

static void add_member(struct set *set, struct rk_span name, const struct rk_pod_facts *facts)
{
	set->members = rk_arena_grow(&set->state->arena, set->members, &set->capacity, set->count, sizeof *set->members);
	set->members[set->count++] = (struct member){ .name = name, .facts = *facts };
}

/* The pod keeps running, but the set no longer counts it: its labels were changed. */
static void release(struct set *set, struct rk_span name)
{
	struct rk_state *state = set->state;
	struct rk_val *pod = rk_state_val(state, RK_SPAN("pods"), set->ns, name);
	struct rk_val *owners = rk_val_at(pod, "metadata.ownerReferences");

	for (uint32_t i = 0; i < rk_val_count(owners); i++)
		if (rk_span_eq(rk_val_text_at(rk_val_item(owners, i), "uid"),
			       rk_object_uid(set->object)))
			rk_val_remove_item(owners, i--);
	if (rk_val_count(owners) == 0)
		(void)rk_val_remove(rk_val_at(pod, "metadata"), RK_SPAN("ownerReferences"));
	rk_object_store(state, RK_SPAN("pods"), pod);
}

static void adopt(struct set *set, struct rk_span name)
{
	struct rk_state *state = set->state;
	struct rk_val *pod = rk_state_val(state, RK_SPAN("pods"), set->ns, name);
	struct rk_val *meta = rk_val_make(&state->arena, pod, "metadata");
	struct rk_val *owners = rk_val_at(meta, "ownerReferences");

	if (!rk_val_is(owners, RK_VAL_LIST)) {
		owners = rk_val_list(&state->arena);
		rk_val_put(&state->arena, meta, "ownerReferences", owners);
	}
	rk_val_append(&state->arena, owners, rk_owner_ref(state, set->object, true));
	rk_object_store(state, RK_SPAN("pods"), pod);
}

static bool selector_of(struct set *set, struct rk_selector **ret)
{
	return rk_selector_of(&set->state->arena, rk_val_at(set->object, "spec.selector"), ret,
			      NULL) == RK_OK;
}

/* Documents are borrowed from the store until the next change, so adoption and release come before
 * counting. */
static void claim(struct set *set)
{
	struct rk_state *state = set->state;
	struct rk_selector *selector = NULL;
	struct rk_names names = { 0 };

	if (rk_object_is_going(set->object) || !selector_of(set, &selector))
		return;
	rk_state_indexed(state, RK_INDEX_ORPHANS, set->ns, &names);
	for (size_t i = 0; i < names.count; i++) {
		if (!rk_span_is(names.at[i].kind, "pods"))
			continue;
		const struct rk_pod_facts pod =
			rk_pod_facts(state, rk_state_doc(state, "pods", set->ns, names.at[i].name));
		if (rk_pod_is_active(&pod) && rk_selector_matches_doc(selector, pod.doc))
			adopt(set, names.at[i].name);
	}
}

static void collect(struct set *set)
{
	struct rk_state *state = set->state;
	struct rk_selector *selector = NULL;
	struct rk_names names = { 0 };

	set->count = 0;
	if (!selector_of(set, &selector))
		return;
	rk_state_indexed(state, RK_INDEX_OWNER, rk_object_uid(set->object), &names);
	for (size_t i = 0; i < names.count; i++) {
		if (!rk_span_is(names.at[i].kind, "pods"))
			continue;
		const struct rk_span doc = rk_state_doc(state, "pods", set->ns, names.at[i].name);
		if (!rk_selector_matches_doc(selector, doc)) {
			release(set, names.at[i].name);
			set->count = 0; /* documents moved: begin again without this one */
			names.count = 0;
			rk_state_indexed(state, RK_INDEX_OWNER, rk_object_uid(set->object), &names);
			i = (size_t)-1;
			continue;
		}
		const struct rk_pod_facts facts = rk_pod_facts(state, doc);
		if (rk_pod_is_active(&facts))
			add_member(set, names.at[i].name, &facts);
	}
}

static int64_t restarts_of(struct rk_state *state, struct rk_span doc)
{
	const struct rk_span encoded = rk_doc_at(doc, "status.containerStatuses");
	struct rk_val *list = NULL;
	int64_t most = 0;

	if (encoded.data == NULL || rk_doc_read(&state->arena, encoded, &list) != RK_OK)
		return 0;
	for (uint32_t i = 0; i < rk_val_count(list); i++)
		most = RK_MAX(most, rk_val_int_at(rk_val_item(list, i), "restartCount", 0));
	return most;
}

/* The first to go comes first; the order of upstream's ActivePodsWithRanks: unassigned, pending,
 * not ready, more of its kind on the node, ready for less long, more restarts, newer. Ends in the
 * name, so that it is total. */
static int by_worth(const void *a, const void *b)
{
	const struct member *left = a, *right = b;
	const bool left_bound = left->facts.node.size > 0, right_bound = right->facts.node.size > 0;

	if (left_bound != right_bound)
		return left_bound ? 1 : -1;
	if (left->facts.is_pending != right->facts.is_pending)
		return left->facts.is_pending ? -1 : 1;
	if (left->facts.is_ready != right->facts.is_ready)
		return left->facts.is_ready ? 1 : -1;
	if (left->on_node != right->on_node)
		return left->on_node > right->on_node ? -1 : 1;
	if (left->facts.ready_since_ms != right->facts.ready_since_ms)
		return left->facts.ready_since_ms > right->facts.ready_since_ms ? -1 : 1;
	if (left->restarts != right->restarts)
		return left->restarts > right->restarts ? -1 : 1;
	if (left->created_ms != right->created_ms)
		return left->created_ms > right->created_ms ? -1 : 1;
	return rk_span_cmp(left->name, right->name);
}

static int by_node(const void *a, const void *b)
{
	const struct member *left = a, *right = b;
	const int order = rk_span_cmp(left->facts.node, right->facts.node);

	return order != 0 ? order : rk_span_cmp(left->name, right->name);
}

static void rank(struct set *set)
{
	qsort(set->members, set->count, sizeof *set->members, by_node);
	for (size_t from = 0, to; from < set->count; from = to) {
		const struct rk_span node = set->members[from].facts.node;
		for (to = from; to < set->count && rk_span_eq(node, set->members[to].facts.node);)
			to++;
		for (size_t i = from; i < to; i++) {
			struct member *one = &set->members[i];
			one->on_node = (uint32_t)(to - from);
			one->created_ms = created_ms(one->facts.doc);
			one->restarts = restarts_of(set->state, one->facts.doc);
		}
	}
	qsort(set->members, set->count, sizeof *set->members, by_worth);
}

/* False when it cannot be: its namespace is going, or its account is not there. */
static bool make_pod(struct set *set)
{
	struct rk_state *state = set->state;
	const struct rk_val *template = rk_val_at(set->object, "spec.template");
	struct rk_val *pod = rk_val_map(&state->arena);
	const struct rk_val *labels = rk_val_at(template, "metadata.labels");
	const struct rk_val *notes = rk_val_at(template, "metadata.annotations");
	struct rk_val *meta = rk_val_make(&state->arena, pod, "metadata");
	struct rk_val *owners = rk_val_list(&state->arena);
	struct rk_outcome outcome = { 0 };

	rk_val_put(&state->arena, meta, "generateName",
		   rk_val_strf(&state->arena, "%.*s-", RK_SPAN_ARGS(rk_object_name(set->object))));
	if (labels != NULL)
		rk_val_put(&state->arena, meta, "labels", rk_val_copy(&state->arena, labels));
	if (notes != NULL)
		rk_val_put(&state->arena, meta, "annotations", rk_val_copy(&state->arena, notes));
	rk_val_append(&state->arena, owners, rk_owner_ref(state, set->object, true));
	rk_val_put(&state->arena, meta, "ownerReferences", owners);
	rk_val_put(&state->arena, pod, "spec",
		   rk_val_copy(&state->arena, rk_val_at(template, "spec")));
	if (!rk_object_try(state, "pods", set->ns, pod, &outcome)) {
		set->refusal = rk_val_text_at(outcome.body, "message");
		return false;
	}
	rk_event(state, set->object, "Normal", "SuccessfulCreate", "replicaset-controller",
		 "Created pod: %.*s", RK_SPAN_ARGS(rk_object_name(pod)));
	return true;
}

/* Makes or drops pods, as many as one piece of work may; returns how many came (or, below zero,
 * went). */
static int64_t adjust(struct set *set, int64_t want)
{
	struct rk_state *state = set->state;
	const int64_t missing = want - (int64_t)set->count;
	const int64_t now = RK_MIN(missing < 0 ? -missing : missing, PODS_AT_ONCE);

	if (missing >= 0) {
		int64_t came = 0;
		while (came < now && make_pod(set))
			came++;
		return came;
	}
	rank(set);
	for (int64_t i = 0; i < now; i++) {
		rk_object_drop(state, RK_SPAN("pods"), set->ns, set->members[i].name);
		rk_event(state, set->object, "Normal", "SuccessfulDelete", "replicaset-controller",
			 "Deleted pod: %.*s", RK_SPAN_ARGS(set->members[i].name));
	}
	return -now;
}

static void put_count(struct rk_state *state, struct rk_val *status, const char *key, int64_t count)
{
	rk_val_put(&state->arena, status, key,
		   count > 0 || strcmp(key, "replicas") == 0 ? rk_val_int(&state->arena, count)
							     : NULL);
}

static bool has_template_labels(const struct rk_val *labels, struct rk_span doc)
{
	return rk_val_count(labels) == 0 || rk_selects_map(labels, doc);
}

struct tally { /* of the pods that a set has */
	int64_t all, ready, available, labeled;
	int64_t next_ms; /* when the next one becomes available; INT64_MAX: none will by itself */
};

static struct tally tally(const struct set *set)
{
	const struct rk_val *labels = rk_val_at(set->object, "spec.template.metadata.labels");
	const int64_t settle_ms = rk_val_int_at(set->object, "spec.minReadySeconds", 0) * 1000;
	struct tally sum = { .all = (int64_t)set->count, .next_ms = INT64_MAX };

	for (size_t i = 0; i < set->count; i++) {
		const struct rk_pod_facts *pod = &set->members[i].facts;
		sum.labeled += has_template_labels(labels, pod->doc);
		if (!pod->is_ready)
			continue;
		sum.ready++;
		if (pod->ready_since_ms + settle_ms <= set->state->now_ms)
			sum.available++;
		else
			sum.next_ms = RK_MIN(sum.next_ms, pod->ready_since_ms + settle_ms);
	}
	return sum;
}

/* Pods that were refused are tried again: after a second, then at longer and longer intervals. They are the same for all
 * who look at the set meanwhile, so that not each of them adds a timer. */
static void report_refusal(struct set *set)
{
	struct rk_state *state = set->state;
	const char *why = rk_arena_str(&state->arena, set->refusal);
	int64_t since = state->now_ms, wait = TRY_AGAIN_MS;

	if (state->version < RK_ACCOUNTS_SINCE)
		return;
	if (set->refusal.size == 0) {
		rk_condition_remove(set->object, "ReplicaFailure");
		return;
	}
	rk_event(state, set->object, "Warning", "FailedCreate", "replicaset-controller", "Error creating: %s", why);
	(void)rk_condition_set(state, set->object, "ReplicaFailure", "True", "FailedCreate", why);
	(void)rk_time_parse(rk_val_text_at(rk_condition(state, set->object, "ReplicaFailure", true), "lastTransitionTime"),
			    &since);
	while (2 * wait <= RK_MIN(state->now_ms - since, TRY_AGAIN_MS_MAX))
		wait *= 2;
	rk_work_at(state, (state->now_ms / wait + 1) * wait, RK_CONTROLLER_REPLICASET,
		   rk_work_key(state, set->ns, rk_object_name(set->object)));
}

static void report(struct set *set, const struct tally *sum)
{
	struct rk_state *state = set->state;
	struct rk_val *status = rk_val_make(&state->arena, set->object, "status");

	put_count(state, status, "replicas", sum->all);
	put_count(state, status, "fullyLabeledReplicas", sum->labeled);
	put_count(state, status, "readyReplicas", sum->ready);
	put_count(state, status, "availableReplicas", sum->available);
	rk_val_put_int(&state->arena, status, "observedGeneration",
		       rk_val_int_at(set->object, "metadata.generation", 1));
	if (sum->next_ms != INT64_MAX)
		rk_work_at(state, sum->next_ms, RK_CONTROLLER_REPLICASET,
			   rk_work_key(state, set->ns, rk_object_name(set->object)));
	report_refusal(set);
	rk_object_store(state, KIND, set->object);
}

static void reconcile(struct rk_state *state, struct rk_span key)
{
	struct rk_span ns, name;
	int64_t came = 0;

	rk_work_key_split(key, &ns, &name);
	struct set set = { .state = state,
			   .ns = ns,
			   .object = rk_state_val(state, KIND, ns, name) };
	if (set.object == NULL)
		return;
	const int64_t want = rk_val_int_at(set.object, "spec.replicas", 1);
	claim(&set);
	collect(&set);
	struct tally sum = tally(&set);
	if (!rk_object_is_going(set.object))
		came = adjust(&set, want);
	if (came > 0) { /* new ones have the template's labels, and are not ready */
		sum.all += came;
		sum.labeled += came;
	} else if (came < 0) {
		collect(&set);
		sum = tally(&set);
	}
	if (came != 0 && sum.all != want)
		rk_work_add(state, RK_CONTROLLER_REPLICASET, key);
	report(&set, &sum);
}

const struct rk_controller rk_controller_replicaset = {
	RK_CONTROLLER_REPLICASET,
	"replicaset",
	follow,
	reconcile,
};
