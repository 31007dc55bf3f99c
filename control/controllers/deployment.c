/* Deployments: a ReplicaSet for each template, one of them current, the others on their way out or kept as history. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/timefmt.h"
#include "control/controllers/deployment.h"
#include "control/index.h"
#include "wire/doc.h"

#define KIND RK_SPAN("deployments.apps")
#define SETS RK_SPAN("replicasets.apps")
#define REVISION RK_SPAN("deployment.kubernetes.io/revision")
#define DESIRED RK_SPAN("deployment.kubernetes.io/desired-replicas")
#define MAXIMUM RK_SPAN("deployment.kubernetes.io/max-replicas")
#define HASH_LABEL RK_SPAN("pod-template-hash")

static void follow(struct rk_state *state, const struct rk_change *change)
{
	if (rk_span_eq(change->kind, KIND)) {
		if (change->type != RK_CHANGE_DELETED)
			rk_work_add(state, RK_CONTROLLER_DEPLOYMENT, rk_work_key(state, change->ns, change->name));
		return;
	}
	if (!rk_span_eq(change->kind, SETS))
		return;
	struct rk_val *owners = NULL;
	const struct rk_span encoded = rk_doc_at(rk_blob_span(change->after), "metadata.ownerReferences");
	if (encoded.data == NULL || rk_doc_read(&state->arena, encoded, &owners) != RK_OK)
		return;
	for (uint32_t i = 0; i < rk_val_count(owners); i++)
		if (rk_span_is(rk_val_text_at(rk_val_item(owners, i), "kind"), "Deployment"))
			rk_work_add(state, RK_CONTROLLER_DEPLOYMENT,
				    rk_work_key(state, change->ns, rk_val_text_at(rk_val_item(owners, i), "name")));
}

static int64_t annotated(const struct rk_val *object, struct rk_span key)
{
	uint64_t value;

	return rk_span_u64(rk_val_text(rk_val_get(rk_val_at(object, "metadata.annotations"), key)), &value) &&
			       value <= INT32_MAX ?
		       (int64_t)value :
		       0;
}

static bool annotate(struct rk_state *state, struct rk_val *object, struct rk_span key, int64_t value)
{
	if (annotated(object, key) == value && rk_val_get(rk_val_at(object, "metadata.annotations"), key) != NULL)
		return false;
	rk_val_set(&state->arena, rk_val_make(&state->arena, object, "metadata.annotations"), key,
		   rk_val_strf(&state->arena, "%lld", (long long)value));
	return true;
}

/* --- templates --- */

/* The template without the label that we add ourselves. */
static struct rk_val *bare_template(struct rk_state *state, const struct rk_val *object)
{
	struct rk_val *template = rk_val_copy(&state->arena, rk_val_at(object, "spec.template"));
	struct rk_val *labels = rk_val_at(template, "metadata.labels");

	if (rk_val_is(labels, RK_VAL_MAP))
		(void)rk_val_remove(labels, HASH_LABEL);
	return template;
}

static void sort_deep(struct rk_val *val)
{
	if (rk_val_is(val, RK_VAL_MAP)) {
		rk_val_sort(val);
		for (uint32_t i = 0; i < val->count; i++)
			sort_deep(val->fields[i].val);
	} else if (rk_val_is(val, RK_VAL_LIST)) {
		for (uint32_t i = 0; i < val->count; i++)
			sort_deep(val->items[i]);
	}
}

static struct rk_span template_hash(struct rk_rollout *rollout)
{
	struct rk_val *template = bare_template(rollout->state, rollout->object);
	const int64_t collisions = rk_val_int_at(rollout->object, "status.collisionCount", 0);
	struct rk_buf bytes = { 0 };

	sort_deep(template);
	rk_doc_write(&bytes, template);
	const uint64_t hash = rk_hash64(rk_buf_span(&bytes), (uint64_t)collisions);
	rk_buf_done(&bytes);
	return rk_safe_text(&rollout->state->arena, hash, 10);
}

/* --- reading the sets --- */

static int by_age(const void *a, const void *b)
{
	const struct rk_rollout_set *left = a, *right = b;

	if (left->created_ms != right->created_ms)
		return left->created_ms < right->created_ms ? -1 : 1;
	if (left->revision != right->revision)
		return left->revision < right->revision ? -1 : 1;
	return rk_span_cmp(left->name, right->name);
}

static struct rk_rollout_set read_set(struct rk_val *object)
{
	struct rk_rollout_set set = {
		.object = object,
		.name = rk_object_name(object),
		.want = rk_val_int_at(object, "spec.replicas", 1),
		.have = rk_val_int_at(object, "status.replicas", 0),
		.ready = rk_val_int_at(object, "status.readyReplicas", 0),
		.available = rk_val_int_at(object, "status.availableReplicas", 0),
		.revision = annotated(object, REVISION),
	};

	if (!rk_time_parse(rk_val_text_at(object, "metadata.creationTimestamp"), &set.created_ms))
		set.created_ms = 0;
	return set;
}

static bool adopt(struct rk_rollout *rollout, struct rk_span name)
{
	struct rk_state *state = rollout->state;
	struct rk_val *set = rk_state_val(state, SETS, rollout->ns, name);
	const struct rk_span doc = rk_state_doc(state, "replicasets.apps", rollout->ns, name);

	if (rk_object_is_going(set) || !rk_selects(state, rk_val_at(rollout->object, "spec.selector"), doc))
		return false;
	struct rk_val *owners = rk_val_list(&state->arena);
	rk_val_append(&state->arena, owners, rk_owner_ref(state, rollout->object, true));
	rk_val_put(&state->arena, rk_val_make(&state->arena, set, "metadata"), "ownerReferences", owners);
	rk_object_store(state, SETS, set);
	return true;
}

static void read_sets(struct rk_rollout *rollout)
{
	struct rk_state *state = rollout->state;
	struct rk_names names = { 0 };

	rk_state_indexed(state, RK_INDEX_ORPHANS, rollout->ns, &names);
	for (size_t i = 0; i < names.count; i++)
		if (rk_span_eq(names.at[i].kind, SETS))
			(void)adopt(rollout, names.at[i].name);
	names.count = 0;
	rk_state_indexed(state, RK_INDEX_OWNER, rk_object_uid(rollout->object), &names);
	/* One more than there are: the current set may have to be made. */
	rollout->sets = rk_arena_zalloc(&state->arena, (names.count + 1) * sizeof *rollout->sets);
	for (size_t i = 0; i < names.count; i++) {
		if (!rk_span_eq(names.at[i].kind, SETS))
			continue;
		struct rk_val *object = rk_state_val(state, SETS, rollout->ns, names.at[i].name);
		if (!rk_object_is_going(object))
			rollout->sets[rollout->count++] = read_set(object);
	}
	qsort(rollout->sets, rollout->count, sizeof *rollout->sets, by_age);
	const struct rk_val *template = bare_template(state, rollout->object);
	for (size_t i = 0; i < rollout->count && rollout->current == NULL; i++)
		if (rk_val_eq(template, bare_template(state, rollout->sets[i].object)))
			rollout->current = &rollout->sets[i];
}

/* "25%" of the wish, or a number. */
static int64_t resolve(const struct rk_val *val, int64_t want, bool up)
{
	uint64_t percent;

	if (rk_val_is(val, RK_VAL_INT))
		return RK_MAX(val->integer, 0);
	const struct rk_span text = rk_val_text(val);
	if (text.size < 2 || !rk_span_u64(rk_span_sub(text, 0, text.size - 1), &percent) || percent > 100000)
		return 0;
	return (want * (int64_t)percent + (up ? 99 : 0)) / 100;
}

static void read_strategy(struct rk_rollout *rollout)
{
	const struct rk_val *spec = rk_val_at(rollout->object, "spec");

	rollout->want = rk_val_int_at(spec, "replicas", 1);
	rollout->is_paused = rk_val_bool_at(spec, "paused", false);
	rollout->is_recreate = rk_span_is(rk_val_text_at(spec, "strategy.type"), "Recreate");
	rollout->max_surge = resolve(rk_val_at(spec, "strategy.rollingUpdate.maxSurge"), rollout->want, true);
	rollout->max_unavailable =
		resolve(rk_val_at(spec, "strategy.rollingUpdate.maxUnavailable"), rollout->want, false);
	/* Both may round to nothing; then nothing would ever move. */
	if (rollout->max_surge == 0 && rollout->max_unavailable == 0)
		rollout->max_unavailable = 1;
	rollout->max_unavailable = RK_MIN(rollout->max_unavailable, rollout->want);
	if (rollout->is_recreate)
		rollout->max_surge = 0;
}

/* --- sums --- */

int64_t rk_rollout_wanted(const struct rk_rollout *rollout, bool only_old)
{
	int64_t sum = 0;

	for (size_t i = 0; i < rollout->count; i++)
		if (!only_old || &rollout->sets[i] != rollout->current)
			sum += rollout->sets[i].want;
	return sum;
}

int64_t rk_rollout_have(const struct rk_rollout *rollout, bool only_old)
{
	int64_t sum = 0;

	for (size_t i = 0; i < rollout->count; i++)
		if (!only_old || &rollout->sets[i] != rollout->current)
			sum += rollout->sets[i].have;
	return sum;
}

int64_t rk_rollout_available(const struct rk_rollout *rollout, bool only_old)
{
	int64_t sum = 0;

	for (size_t i = 0; i < rollout->count; i++)
		if (!only_old || &rollout->sets[i] != rollout->current)
			sum += rollout->sets[i].available;
	return sum;
}

/* --- changing the sets --- */

bool rk_rollout_scale(struct rk_rollout *rollout, struct rk_rollout_set *set, int64_t want)
{
	struct rk_state *state = rollout->state;
	const int64_t had = set->want;
	bool changed = annotate(state, set->object, DESIRED, rollout->want);

	changed = annotate(state, set->object, MAXIMUM, rollout->want + rollout->max_surge) || changed;
	if (want == had && !changed)
		return false;
	rk_val_put_int(&state->arena, rk_val_make(&state->arena, set->object, "spec"), "replicas", want);
	rk_object_store(state, SETS, set->object);
	set->object = rk_state_val(state, SETS, rollout->ns, set->name);
	set->want = want;
	if (want != had)
		rk_event(state, rollout->object, "Normal", "ScalingReplicaSet", "deployment-controller",
			 "Scaled %s replica set %.*s from %lld to %lld", want > had ? "up" : "down",
			 RK_SPAN_ARGS(set->name), (long long)had, (long long)want);
	return want != had;
}

static int64_t newest_revision(const struct rk_rollout *rollout, const struct rk_rollout_set *but)
{
	int64_t newest = 0;

	for (size_t i = 0; i < rollout->count; i++)
		if (&rollout->sets[i] != but)
			newest = RK_MAX(newest, rollout->sets[i].revision);
	return newest;
}

static struct rk_val *new_set(struct rk_rollout *rollout, struct rk_span hash)
{
	struct rk_state *state = rollout->state;
	struct rk_val *set = rk_val_map(&state->arena);
	struct rk_val *meta = rk_val_make(&state->arena, set, "metadata");
	struct rk_val *template = bare_template(state, rollout->object);
	struct rk_val *spec = rk_val_make(&state->arena, set, "spec");
	struct rk_val *owners = rk_val_list(&state->arena);
	const struct rk_val *notes = rk_val_at(rollout->object, "metadata.annotations");

	rk_val_put(&state->arena, meta, "name",
		   rk_val_strf(&state->arena, "%.*s-%.*s", RK_SPAN_ARGS(rollout->name), RK_SPAN_ARGS(hash)));
	rk_val_set(&state->arena, rk_val_make(&state->arena, template, "metadata.labels"), HASH_LABEL,
		   rk_val_str(&state->arena, hash));
	rk_val_put(&state->arena, meta, "labels",
		   rk_val_copy(&state->arena, rk_val_at(template, "metadata.labels")));
	struct rk_val *kept = rk_val_make(&state->arena, meta, "annotations");
	for (uint32_t i = 0; i < rk_val_count(notes); i++) /* change-cause goes along, what kubectl applied does not */
		if (!rk_span_is(notes->fields[i].key, "kubectl.kubernetes.io/last-applied-configuration") &&
		    !rk_span_starts(notes->fields[i].key, RK_SPAN("deployment.kubernetes.io/")))
			rk_val_set(&state->arena, kept, notes->fields[i].key, notes->fields[i].val);
	rk_val_append(&state->arena, owners, rk_owner_ref(state, rollout->object, true));
	rk_val_put(&state->arena, meta, "ownerReferences", owners);
	rk_val_put_int(&state->arena, spec, "replicas", 0);
	rk_val_put(&state->arena, spec, "minReadySeconds", rk_val_at(rollout->object, "spec.minReadySeconds"));
	struct rk_val *selector = rk_val_copy(&state->arena, rk_val_at(rollout->object, "spec.selector"));
	rk_val_set(&state->arena, rk_val_make(&state->arena, selector, "matchLabels"), HASH_LABEL,
		   rk_val_str(&state->arena, hash));
	rk_val_put(&state->arena, spec, "selector", selector);
	rk_val_put(&state->arena, spec, "template", template);
	annotate(state, set, REVISION, newest_revision(rollout, NULL) + 1);
	return set;
}

/* Makes the set of the present template, if it may be made (not in a namespace that is going). False when its name is
 * taken by another template: the hash collided, and the next try counts that in. */
static bool make_current(struct rk_rollout *rollout)
{
	struct rk_state *state = rollout->state;
	struct rk_val *object = new_set(rollout, template_hash(rollout));

	if (rk_state_item(state, SETS, rollout->ns, rk_object_name(object)) != NULL) {
		struct rk_val *status = rk_val_make(&state->arena, rollout->object, "status");
		rk_val_put_int(&state->arena, status, "collisionCount",
			       rk_val_int_at(status, "collisionCount", 0) + 1);
		return false;
	}
	if (!rk_object_make(state, "replicasets.apps", rollout->ns, object))
		return true;
	rollout->sets[rollout->count] = read_set(rk_state_val(state, SETS, rollout->ns, rk_object_name(object)));
	rollout->current = &rollout->sets[rollout->count++];
	return true;
}

/* The current set carries the newest revision: after an undo an old one is current again. */
static void number_current(struct rk_rollout *rollout)
{
	struct rk_state *state = rollout->state;
	struct rk_rollout_set *set = rollout->current;
	const int64_t revision = newest_revision(rollout, set) + 1;

	if (set->revision < revision) {
		annotate(state, set->object, REVISION, revision);
		rk_object_store(state, SETS, set->object);
		set->object = rk_state_val(state, SETS, rollout->ns, set->name);
		set->revision = revision;
	}
	annotate(state, rollout->object, REVISION, set->revision);
}

static void trim_history(struct rk_rollout *rollout)
{
	const int64_t keep = rk_val_int_at(rollout->object, "spec.revisionHistoryLimit", 10);
	int64_t idle = 0;

	for (size_t i = 0; i < rollout->count; i++)
		idle += &rollout->sets[i] != rollout->current && rollout->sets[i].want == 0 && rollout->sets[i].have == 0;
	for (size_t i = 0; i < rollout->count && idle > keep; i++) {
		const struct rk_rollout_set *set = &rollout->sets[i];
		if (set == rollout->current || set->want != 0 || set->have != 0)
			continue;
		rk_object_drop(rollout->state, SETS, rollout->ns, set->name);
		idle--;
	}
}

static void reconcile(struct rk_state *state, struct rk_span key)
{
	struct rk_rollout rollout = { .state = state };

	rk_work_key_split(key, &rollout.ns, &rollout.name);
	rollout.object = rk_state_val(state, KIND, rollout.ns, rollout.name);
	if (rollout.object == NULL || rk_object_is_going(rollout.object))
		return;
	read_strategy(&rollout);
	read_sets(&rollout);
	if (rollout.is_paused || rk_rollout_was_rescaled(&rollout)) {
		rk_rollout_rescale(&rollout);
		if (rollout.current != NULL)
			number_current(&rollout);
	} else {
		const bool must_wait = rollout.is_recreate && rk_rollout_have(&rollout, true) > 0;
		if (rollout.current == NULL && !must_wait && !make_current(&rollout)) {
			rk_work_add(state, RK_CONTROLLER_DEPLOYMENT, key);
			rk_object_store(state, KIND, rollout.object);
			return;
		}
		if (rollout.current != NULL)
			number_current(&rollout);
		rk_rollout_roll(&rollout);
		if (rk_rollout_is_complete(&rollout))
			trim_history(&rollout);
	}
	rk_rollout_report(&rollout);
}

bool rk_rollout_was_rescaled(const struct rk_rollout *rollout)
{
	for (size_t i = 0; i < rollout->count; i++) {
		const struct rk_rollout_set *set = &rollout->sets[i];
		const bool noted = rk_val_get(rk_val_at(set->object, "metadata.annotations"), DESIRED) != NULL;
		if (set->want > 0 && noted && annotated(set->object, DESIRED) != rollout->want)
			return true;
	}
	return false;
}

const struct rk_controller rk_controller_deployment = {
	RK_CONTROLLER_DEPLOYMENT,
	"deployment",
	follow,
	reconcile,
};
