#include "control/schema/owners.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/timefmt.h"
#include "control/schema/convert.h"

/* --- reading and writing --- */

static void add(struct rk_arena *arena, struct rk_owners *owners, const struct rk_owner *owner)
{
	owners->at = rk_arena_grow(arena, owners->at, &owners->capacity, owners->count, sizeof *owners->at);
	owners->at[owners->count++] = *owner;
}

static bool is_same_owner(const struct rk_owner *a, const struct rk_owner *b)
{
	return a->is_apply == b->is_apply && rk_span_eq(a->manager, b->manager) && rk_span_eq(a->sub, b->sub) &&
	       (a->is_apply || rk_span_eq(a->api_version, b->api_version));
}

static bool owns(const struct rk_owner *owner)
{
	return owner->fields != NULL || owner->written != NULL;
}

const struct rk_fieldset *rk_owner_fields(struct rk_arena *arena, struct rk_owner *owner)
{
	if (owner->fields == NULL && owner->written != NULL &&
	    rk_fieldset_read(arena, owner->written, &owner->fields) < 0)
		owner->written = NULL;
	return owner->fields;
}

static struct rk_owner *find(const struct rk_owners *owners, const struct rk_owner *like)
{
	for (uint32_t i = 0; i < owners->count; i++)
		if (is_same_owner(&owners->at[i], like))
			return &owners->at[i];
	return NULL;
}

struct rk_owner *rk_owners_take(struct rk_arena *arena, struct rk_owners *owners, const struct rk_owner *like)
{
	struct rk_owner *owner = find(owners, like);

	if (owner == NULL) {
		add(arena, owners, like);
		owner = &owners->at[owners->count - 1];
	}
	return owner;
}

static int read_owner(struct rk_arena *arena, const struct rk_val *entry, bool is_ours, struct rk_owner *ret)
{
	const struct rk_span operation = rk_val_text(rk_val_get(entry, RK_SPAN("operation")));
	struct rk_val *fields = rk_val_get(entry, RK_SPAN("fieldsV1"));
	const bool has_fields = fields != NULL && fields->kind != RK_VAL_NULL;
	int64_t ms;

	*ret = (struct rk_owner){
		.manager = rk_val_text(rk_val_get(entry, RK_SPAN("manager"))),
		.api_version = rk_val_text(rk_val_get(entry, RK_SPAN("apiVersion"))),
		.time = rk_val_text(rk_val_get(entry, RK_SPAN("time"))),
		.sub = rk_val_text(rk_val_get(entry, RK_SPAN("subresource"))),
		.is_apply = rk_span_is(operation, "Apply"),
		.written = is_ours && rk_val_count(fields) > 0 ? fields : NULL,
	};
	if ((!ret->is_apply && !rk_span_is(operation, "Update")) || ret->api_version.size == 0 ||
	    (ret->time.size > 0 && !rk_time_parse(ret->time, &ms)) ||
	    !rk_span_is(rk_val_text(rk_val_get(entry, RK_SPAN("fieldsType"))), "FieldsV1"))
		return RK_EINVAL;
	return has_fields && !is_ours ? rk_fieldset_read(arena, fields, &ret->fields) : RK_OK;
}

int rk_owners_read(struct rk_arena *arena, const struct rk_val *managed_fields, bool is_ours, struct rk_owners *ret)
{
	struct rk_owners owners = { 0 };

	if (!is_ours && rk_val_count(managed_fields) > RK_OWNERS_GIVEN_MAX)
		return RK_EINVAL;
	for (uint32_t i = 0; i < rk_val_count(managed_fields); i++) {
		struct rk_owner owner;
		RK_TRY(read_owner(arena, rk_val_item(managed_fields, i), is_ours, &owner));
		if (is_ours)
			add(arena, &owners, &owner);
		else if (owns(&owner))
			*rk_owners_take(arena, &owners, &owner) = owner; /* of two that are the same, the last counts */
	}
	*ret = owners;
	return RK_OK;
}

static int64_t second_of(const struct rk_owner *owner)
{
	int64_t ms = 0;

	return rk_time_parse(owner->time, &ms) ? ms / 1000 : 0;
}

static int by_place(const void *a, const void *b)
{
	const struct rk_owner *left = a, *right = b;
	const int64_t earlier = second_of(left), later = second_of(right);
	int order = right->is_apply - left->is_apply; /* "Apply" before "Update" */

	if (order == 0)
		order = (earlier > later) - (earlier < later);
	if (order == 0)
		order = rk_span_cmp(left->manager, right->manager);
	if (order == 0)
		order = rk_span_cmp(left->api_version, right->api_version);
	return order != 0 ? order : rk_span_cmp(left->sub, right->sub);
}

static struct rk_val *val_of(struct rk_arena *arena, const struct rk_owner *owner)
{
	struct rk_val *entry = rk_val_map(arena);

	if (owner->manager.size > 0)
		rk_val_put_str(arena, entry, "manager", owner->manager);
	rk_val_put_cstr(arena, entry, "operation", owner->is_apply ? "Apply" : "Update");
	rk_val_put_str(arena, entry, "apiVersion", owner->api_version);
	if (owner->time.size > 0)
		rk_val_put_str(arena, entry, "time", owner->time);
	rk_val_put_cstr(arena, entry, "fieldsType", "FieldsV1");
	rk_val_put(arena, entry, "fieldsV1",
		   owner->written != NULL ? owner->written : rk_fieldset_val(arena, owner->fields));
	if (owner->sub.size > 0)
		rk_val_put_str(arena, entry, "subresource", owner->sub);
	return entry;
}

struct rk_val *rk_owners_val(struct rk_arena *arena, const struct rk_owners *owners)
{
	struct rk_val *list = rk_val_list(arena);

	if (owners->count == 0)
		return NULL;
	qsort(owners->at, owners->count, sizeof *owners->at, by_place);
	for (uint32_t i = 0; i < owners->count; i++)
		rk_val_append(arena, list, val_of(arena, &owners->at[i]));
	return list;
}

static const char *const entry_parts[] = { "manager", "operation", "apiVersion", "subresource" };

static int by_names(const void *a, const void *b)
{
	const struct rk_val *const *left = a;
	const struct rk_val *const *right = b;

	for (size_t i = 0; i < RK_COUNT(entry_parts); i++) {
		const struct rk_span part = rk_span_str(entry_parts[i]);
		const int order =
			rk_span_cmp(rk_val_text(rk_val_get(*left, part)), rk_val_text(rk_val_get(*right, part)));
		if (order != 0)
			return order;
	}
	return 0;
}

static const struct rk_val **sorted(struct rk_arena *arena, const struct rk_val *list)
{
	const struct rk_val **entries = rk_arena_alloc(arena, list->count * sizeof(struct rk_val *));

	for (uint32_t i = 0; i < list->count; i++)
		entries[i] = list->items[i];
	qsort(entries, list->count, sizeof(struct rk_val *), by_names);
	return entries;
}

bool rk_owners_are_same(struct rk_arena *arena, const struct rk_val *a, const struct rk_val *b)
{
	if (rk_val_count(a) != rk_val_count(b))
		return false;
	if (rk_val_count(a) == 0)
		return true;
	const struct rk_val **left = sorted(arena, a), **right = sorted(arena, b);
	for (uint32_t i = 0; i < a->count; i++)
		if (by_names(&left[i], &right[i]) != 0 ||
		    !rk_val_eq(rk_val_get(left[i], RK_SPAN("fieldsV1")), rk_val_get(right[i], RK_SPAN("fieldsV1"))))
			return false;
	return true;
}

/* --- what can be owned --- */

#define STEP(name) { RK_STEP_FIELD, { (const uint8_t *)(name), sizeof(name) - 1 }, NULL }
#define PATH(name) { STEP(name), true, NULL }

static const struct rk_fieldset_node never_meta[] = {
	PATH("clusterName"), PATH("creationTimestamp"), PATH("generation"), PATH("managedFields"), PATH("name"),
	PATH("namespace"), PATH("resourceVersion"), PATH("selfLink"), PATH("uid"),
};
static const struct rk_fieldset never_below_meta = { sizeof never_meta / sizeof never_meta[0], never_meta };
static const struct rk_fieldset_node never_nodes[] = {
	PATH("apiVersion"),
	PATH("kind"),
	{ STEP("metadata"), true, &never_below_meta },
};
static const struct rk_fieldset never = { sizeof never_nodes / sizeof never_nodes[0], never_nodes };

const struct rk_fieldset *rk_owners_strip(struct rk_arena *arena, const struct rk_fieldset *set)
{
	return rk_fieldset_minus(arena, set, &never);
}

static bool is_in_reach(const struct rk_write *write, const struct rk_step *step)
{
	const bool is_status = rk_span_is(step->text, "status");

	if (rk_span_is(write->sub, "status"))
		return is_status;
	if (rk_span_is(write->sub, "approval"))
		return true;
	/* Who holds a namespace is said through a subresource of its own. */
	if (strcmp(write->kind->resource, "namespaces") == 0 && rk_span_is(step->text, "spec"))
		return rk_span_is(write->sub, "finalize");
	return !is_status || !write->kind->has_status;
}

static const struct rk_fieldset *reach(struct rk_arena *arena, const struct rk_write *write,
				       const struct rk_fieldset *set)
{
	struct rk_fieldset_maker maker = { 0 };

	for (uint32_t i = 0; set != NULL && i < set->count; i++)
		if (is_in_reach(write, &set->at[i].step))
			rk_fieldset_add(arena, &maker, set->at[i].step, set->at[i].is_member, set->at[i].children);
	return set != NULL && maker.count == set->count ? set : rk_fieldset_made(arena, &maker);
}

/* Subresources that reach no whole part of the object, but what is below these paths ("*": any step). */
static const struct {
	const char *sub, *resource, *path;
} narrow[] = {
	{ "ephemeralcontainers", "pods", "spec.ephemeralContainers" },
	{ "resize", "pods", "spec.containers.*.resources" },
	{ "resize", "pods", "spec.containers.*.resizePolicy" },
	{ "resize", "pods", "spec.initContainers.*.resources" },
	{ "resize", "pods", "spec.initContainers.*.resizePolicy" },
};

static const struct rk_fieldset *below(struct rk_arena *arena, const struct rk_fieldset *set, struct rk_span path)
{
	struct rk_fieldset_maker maker = { 0 };
	struct rk_span step;
	const struct rk_span rest = rk_span_cut(path, '.', &step);

	for (uint32_t i = 0; set != NULL && i < set->count; i++) {
		const struct rk_fieldset_node *node = &set->at[i];
		if (!rk_span_is(step, "*") && !rk_span_eq(node->step.text, step))
			continue;
		if (rest.size == 0)
			rk_fieldset_add(arena, &maker, node->step, node->is_member, node->children);
		else
			rk_fieldset_add(arena, &maker, node->step, false, below(arena, node->children, rest));
	}
	return rk_fieldset_made(arena, &maker);
}

const struct rk_fieldset *rk_owners_reach(struct rk_arena *arena, const struct rk_write *write,
					  const struct rk_fieldset *set)
{
	const struct rk_fieldset *narrowed = NULL;
	bool is_narrow = false;

	for (size_t i = 0; i < RK_COUNT(narrow); i++) {
		if (!rk_span_is(write->sub, narrow[i].sub) || strcmp(write->kind->resource, narrow[i].resource) != 0)
			continue;
		is_narrow = true;
		narrowed = rk_fieldset_union(arena, narrowed, below(arena, set, rk_span_str(narrow[i].path)));
	}
	return is_narrow ? narrowed : reach(arena, write, set);
}

/* --- changing --- */

void rk_owner_lose(struct rk_arena *arena, struct rk_owner *owner, const struct rk_fieldset *set)
{
	if (set == NULL || (owner->fields == NULL && !rk_fieldset_may_meet(set, owner->written)))
		return;
	const struct rk_fieldset *fields = rk_owner_fields(arena, owner);
	const struct rk_fieldset *left = rk_fieldset_minus(arena, fields, set);
	if (left == fields)
		return;
	owner->fields = left;
	owner->written = NULL;
}

/* NULL: the kind has no such version. */
static const struct rk_kind *form_of(const struct rk_write *write, struct rk_span version)
{
	if (rk_span_is(version, write->kind->api_version))
		return write->kind;
	const struct rk_kind *form = rk_kinds_of(write->kinds, version, rk_span_str(write->kind->kind));
	return form != NULL && form->stored == write->kind->stored ? form : NULL;
}

void rk_owners_tidy(struct rk_owners *owners, const struct rk_write *write)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < owners->count; i++)
		if (owns(&owners->at[i]) && form_of(write, owners->at[i].api_version) != NULL)
			owners->at[kept++] = owners->at[i];
	owners->count = kept;
}

static const struct rk_val *in_form(struct rk_arena *arena, const struct rk_kind *form, const struct rk_val *object)
{
	/* Versions of custom kinds differ in what they allow, not in where things are. */
	if (object == NULL || form->stored == form || form->custom != NULL)
		return object;
	return rk_convert_out(arena, form, rk_val_copy(arena, object));
}

int rk_owners_diff(struct rk_arena *arena, const struct rk_write *write, struct rk_span version,
		   const struct rk_val *before, const struct rk_val *after, struct rk_fields_diff *ret,
		   const char **ret_why)
{
	const struct rk_kind *form = form_of(write, version);
	struct rk_fields_diff diff = { 0 };

	if (form != NULL)
		RK_TRY(rk_fields_diff(arena, form->type, in_form(arena, form, before), in_form(arena, form, after),
				      &diff, ret_why));
	ret->changed = rk_owners_reach(arena, write, diff.changed);
	ret->removed = rk_owners_reach(arena, write, diff.removed);
	return RK_OK;
}

static struct rk_owner updater(const struct rk_write *write, struct rk_span manager)
{
	return (struct rk_owner){
		.manager = manager.size > 0 ? manager : RK_SPAN("unknown"),
		.api_version = rk_span_str(write->kind->api_version),
		.sub = write->sub,
		.time = write->time,
	};
}

/* --- no more than so many entries of Update --- */

static const char ancient[] = "ancient-changes";

static int by_age(const void *a, const void *b)
{
	const struct rk_owner *const *left = a, *const *right = b;
	const int64_t earlier = second_of(*left), later = second_of(*right);
	int order = (earlier > later) - (earlier < later);

	if (order == 0)
		order = rk_span_cmp((*left)->manager, (*right)->manager);
	if (order == 0)
		order = rk_span_cmp((*left)->api_version, (*right)->api_version);
	return order != 0 ? order : rk_span_cmp((*left)->sub, (*right)->sub);
}

/* What one of them goes into, when there is an older one of its version: the entry of those that went before, or
 * else the oldest, which becomes that. */
static struct rk_owner *bucket_for(struct rk_owner **updates, uint32_t count, uint32_t at)
{
	struct rk_owner *oldest = NULL, *bucket = NULL;

	for (uint32_t i = 0; i < count; i++) {
		if (i == at || !owns(updates[i]) ||
		    !rk_span_eq(updates[i]->api_version, updates[at]->api_version))
			continue;
		if (i < at && oldest == NULL)
			oldest = updates[i];
		if (updates[i]->sub.size == 0 && rk_span_is(updates[i]->manager, ancient))
			bucket = updates[i];
	}
	return oldest != NULL && bucket != NULL ? bucket : oldest;
}

static void cap_updates(struct rk_arena *arena, struct rk_owners *owners)
{
	struct rk_owner **updates = rk_arena_alloc(arena, owners->count * sizeof(struct rk_owner *));
	uint32_t count = 0;

	for (uint32_t i = 0; i < owners->count; i++)
		if (!owners->at[i].is_apply && owns(&owners->at[i]))
			updates[count++] = &owners->at[i];
	qsort(updates, count, sizeof(struct rk_owner *), by_age);
	for (uint32_t i = 0, left = count; i < count && left > RK_OWNERS_UPDATES_MAX; i++) {
		struct rk_owner *bucket = bucket_for(updates, count, i);
		if (bucket == NULL)
			continue;
		bucket->manager = rk_span_str(ancient);
		bucket->sub = RK_SPAN("");
		bucket->fields = rk_fieldset_union(arena, rk_owner_fields(arena, bucket),
						   rk_owner_fields(arena, updates[i]));
		bucket->time = updates[i]->time;
		bucket->written = updates[i]->written = NULL;
		updates[i]->fields = NULL;
		left--;
	}
}

/* --- an update --- */

/* Whether the writer asks to forget all owners: an empty list, or a list of one empty entry. */
static bool is_reset(const struct rk_val *given)
{
	return rk_val_is(given, RK_VAL_LIST) &&
	       (given->count == 0 ||
		(given->count == 1 && rk_val_is(given->items[0], RK_VAL_MAP) && given->items[0]->count == 0));
}

/* Whose the fields were up to now: as the writer says, where he may and can say it. */
static struct rk_owners owners_before(struct rk_arena *arena, const struct rk_write *write, const struct rk_val *had,
				      const struct rk_val *given)
{
	const struct rk_owners none = { 0 };
	struct rk_owners owners = { 0 };

	if (write->sub.size == 0 && is_reset(given))
		return none;
	if (write->sub.size == 0 && rk_val_count(given) > 0 && !rk_val_eq(given, had) &&
	    rk_owners_read(arena, given, false, &owners) == RK_OK && owners.count > 0)
		return owners;
	return rk_owners_read(arena, had, true, &owners) == RK_OK ? owners : none;
}

/* Everybody loses what is gone or was changed, as his version of the kind shows it. *ret_changed: as the writer's does. */
static int settle(struct rk_arena *arena, const struct rk_write *write, struct rk_owners *owners,
		  const struct rk_val *before, const struct rk_val *after, const struct rk_fieldset **ret_changed)
{
	struct rk_fields_diff own, other = { 0 };
	struct rk_span version = { NULL, 0 };
	const char *why;

	RK_TRY(rk_owners_diff(arena, write, rk_span_str(write->kind->api_version), before, after, &own, &why));
	for (uint32_t i = 0; i < owners->count; i++) {
		struct rk_owner *owner = &owners->at[i];
		const bool is_own = rk_span_is(owner->api_version, write->kind->api_version);
		if (!is_own && !rk_span_eq(owner->api_version, version)) {
			version = owner->api_version;
			RK_TRY(rk_owners_diff(arena, write, version, before, after, &other, &why));
		}
		rk_owner_lose(arena, owner, is_own ? own.changed : other.changed);
		rk_owner_lose(arena, owner, is_own ? own.removed : other.removed);
	}
	*ret_changed = own.changed;
	return RK_OK;
}

struct rk_val *rk_owners_update(struct rk_arena *arena, const struct rk_write *write, const struct rk_val *had,
				const struct rk_val *given, const struct rk_val *before, const struct rk_val *after)
{
	struct rk_owners owners = owners_before(arena, write, had, given);
	const struct rk_owner writer = updater(write, write->manager);
	const struct rk_fieldset *changed = NULL;

	if (before != NULL && owners.count == 0) /* nobody follows the owners of this object, until it is applied */
		return NULL;
	rk_owners_tidy(&owners, write);
	if (settle(arena, write, &owners, before, after, &changed) < 0)
		return rk_owners_val(arena, &owners);
	changed = rk_owners_strip(arena, changed);
	if (changed != NULL) {
		struct rk_owner *owner = rk_owners_take(arena, &owners, &writer);
		owner->fields = rk_fieldset_union(arena, rk_owner_fields(arena, owner), changed);
		owner->time = write->time;
		owner->written = NULL;
	}
	cap_updates(arena, &owners);
	rk_owners_tidy(&owners, write);
	return rk_owners_val(arena, &owners);
}
