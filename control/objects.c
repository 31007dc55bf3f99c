#include "control/objects.h"

#include "control/created.h"
#include "control/customs.h"
#include "control/hooks.h"
#include "control/schema/schema.h"
#include "control/status.h"
#include "wire/doc.h"

struct rk_span rk_object_name(const struct rk_val *object) { return rk_val_text_at(object, "metadata.name"); }
struct rk_span rk_object_ns(const struct rk_val *object) { return rk_val_text_at(object, "metadata.namespace"); }
struct rk_span rk_object_uid(const struct rk_val *object) { return rk_val_text_at(object, "metadata.uid"); }

static struct rk_span resource_of(const struct rk_kind *kind)
{
	return rk_span_str(kind->resource);
}

static void refuse(struct rk_outcome *ret, struct rk_val *status)
{
	ret->code = (int)rk_val_int_at(status, "code", 500);
	ret->body = status;
}

/* NamespaceLifecycle: nothing new where the namespace is missing or going. */
static bool namespace_open(struct rk_state *state, const struct rk_kind *kind, struct rk_span ns,
			   struct rk_span name, struct rk_outcome *ret)
{
	const struct rk_span doc = rk_state_doc(state, "namespaces", RK_SPAN(""), ns);

	if (doc.data == NULL) {
		refuse(ret, rk_status_not_found(&state->arena, RK_SPAN("namespaces"), ns));
		return false;
	}
	if (rk_doc_at(doc, "metadata.deletionTimestamp").data == NULL)
		return true;
	refuse(ret, rk_status_forbidden(&state->arena, resource_of(kind), name,
					"unable to create new content in namespace %.*s because it is being terminated",
					RK_SPAN_ARGS(ns)));
	return false;
}

/* A name for what has only generateName, free at this moment. */
static struct rk_span settle_name(struct rk_state *state, const struct rk_kind *kind, struct rk_span ns,
				  struct rk_val *meta)
{
	struct rk_span name = rk_val_text_at(meta, "name");
	const struct rk_span base = rk_val_text_at(meta, "generateName");

	if (name.size > 0 || base.size == 0)
		return name;
	do {
		name = rk_state_suffix(state, base);
	} while (rk_state_item(state, resource_of(kind), ns, name) != NULL);
	rk_val_put_str(&state->arena, meta, "name", name);
	return name;
}

/* --- who owns which field; a cluster that began without owners goes on without them --- */


struct rk_write rk_object_write(struct rk_state *state, const struct rk_kind *kind,
				const struct rk_write_opts *opts)
{
	return (struct rk_write){ rk_state_kinds(state), opts->form != NULL ? opts->form : kind, opts->manager, opts->sub,
				  rk_state_time(state) };
}

struct rk_val *rk_object_take_owners(struct rk_val *object)
{
	struct rk_val *meta = rk_val_get(object, RK_SPAN("metadata"));
	struct rk_val *owners = rk_val_get(meta, RK_SPAN("managedFields"));

	if (owners != NULL)
		(void)rk_val_remove(meta, RK_SPAN("managedFields"));
	return owners;
}

/* They are much, and what looks into objects looks for something else: sealed. */
static void put_owners(struct rk_state *state, struct rk_val *object, struct rk_val *owners)
{
	if (owners == NULL)
		return;
	owners->is_sealed = true;
	rk_val_put(&state->arena, rk_val_make(&state->arena, object, "metadata"), "managedFields", owners);
}

/* The managedFields of `object`, which takes the place of `old`. */
static struct rk_val *owners_of(struct rk_state *state, const struct rk_kind *kind, const struct rk_val *object,
				const struct rk_val *old, const struct rk_val *had, const struct rk_val *given,
				const struct rk_write_opts *opts)
{
	if (opts == NULL || state->version < RK_OWNERS_SINCE)
		return NULL;
	if (opts->applying != NULL)
		return opts->applying->owners;
	const struct rk_write write = rk_object_write(state, kind, opts);
	return rk_owners_update(&state->arena, &write, had, given, old, object);
}

static bool counts(const struct rk_state *state, const struct rk_kind *kind)
{
	return kind->counts_generation &&
	       (state->version >= RK_PARTS_SINCE || !rk_span_is(resource_of(kind), "pods"));
}

static void fill_new_meta(struct rk_state *state, const struct rk_kind *kind, struct rk_span ns,
			  struct rk_val *meta)
{
	static const char *const ours[] = { "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink",
					    "resourceVersion" };

	for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
		(void)rk_val_remove(meta, rk_span_str(ours[i]));
	if (kind->namespaced)
		rk_val_put_str(&state->arena, meta, "namespace", ns);
	else
		(void)rk_val_remove(meta, RK_SPAN("namespace"));
	rk_val_put_str(&state->arena, meta, "uid", rk_state_uid(state));
	rk_val_put_str(&state->arena, meta, "creationTimestamp", rk_state_time(state));
	(void)rk_val_remove(meta, RK_SPAN("generation"));
	if (counts(state, kind))
		rk_val_put_int(&state->arena, meta, "generation", 1);
}

void rk_object_create(struct rk_state *state, const struct rk_kind *kind, struct rk_span ns,
		      struct rk_val *object, const struct rk_write_opts *opts, struct rk_outcome *ret)
{
	struct rk_val *meta = rk_val_make(&state->arena, object, "metadata");
	const struct rk_val *given = rk_object_take_owners(object);

	if (kind->is_request || !rk_kind_has_verb(kind, RK_SPAN("create"))) {
		refuse(ret, rk_status(&state->arena, 405, "MethodNotAllowed",
				      "the server does not allow this method on the requested resource"));
		return;
	}
	if (kind->namespaced && !namespace_open(state, kind, ns, rk_val_text_at(meta, "name"), ret))
		return;
	const struct rk_span name = settle_name(state, kind, ns, meta);
	if (rk_state_item(state, resource_of(kind), ns, name) != NULL) {
		refuse(ret, rk_status_exists(&state->arena, resource_of(kind), name));
		return;
	}
	fill_new_meta(state, kind, ns, meta);
	if (kind->has_status)
		(void)rk_val_remove(object, RK_SPAN("status"));
	/* What the hooks fill in is nobody's. */
	struct rk_val *owners = owners_of(state, kind, object, NULL, NULL, given, opts);
	if (!rk_hook_before(state, kind, object, NULL, ret))
		return;
	put_owners(state, object, owners);
	rk_state_put(state, resource_of(kind), ns, name, object);
	*ret = (struct rk_outcome){ .code = 201, .body = object };
}

static bool meets_conditions(struct rk_state *state, const struct rk_kind *kind, const struct rk_val *current,
			     struct rk_span uid, struct rk_span revision, struct rk_outcome *ret)
{
	const struct rk_span name = rk_object_name(current);
	const struct rk_span has_uid = rk_object_uid(current);
	const struct rk_span has_revision = rk_val_text_at(current, "metadata.resourceVersion");

	if (uid.size > 0 && !rk_span_eq(uid, has_uid)) {
		refuse(ret, rk_status_conflict(&state->arena, resource_of(kind), name,
					       "Precondition failed: UID in precondition: %.*s, UID in object meta: %.*s",
					       RK_SPAN_ARGS(uid), RK_SPAN_ARGS(has_uid)));
		return false;
	}
	if (revision.size > 0 && !rk_span_eq(revision, has_revision)) {
		refuse(ret, rk_status_conflict(
				    &state->arena, resource_of(kind), name,
				    "the object has been modified; please apply your changes to the latest version and try again"));
		return false;
	}
	return true;
}

/* Takes from the old form what the caller may not change. */
static void keep_fixed(struct rk_state *state, const struct rk_kind *kind, struct rk_val *object,
		       const struct rk_val *old, const char *sub)
{
	static const char *const fixed[] = { "name", "namespace", "uid", "creationTimestamp", "deletionTimestamp",
					     "deletionGracePeriodSeconds", "generation", "generateName" };
	struct rk_val *meta = rk_val_make(&state->arena, object, "metadata");

	for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
		const struct rk_span key = rk_span_str(fixed[i]);
		rk_val_set(&state->arena, meta, key, rk_val_get(rk_val_at(old, "metadata"), key));
	}
	(void)rk_val_remove(meta, RK_SPAN("selfLink"));
	if (strcmp(sub, "status") == 0) {
		for (uint32_t i = 0; i < old->count; i++)
			if (!rk_span_is(old->fields[i].key, "status") && !rk_span_is(old->fields[i].key, "metadata"))
				rk_val_set(&state->arena, object, old->fields[i].key, old->fields[i].val);
		/* of the metadata, a status update may change labels and annotations in no kind we serve */
		rk_val_put(&state->arena, object, "metadata", rk_val_copy(&state->arena, rk_val_at(old, "metadata")));
	} else if (kind->has_status && strcmp(sub, "approval") != 0) {
		rk_val_put(&state->arena, object, "status", rk_val_at(old, "status"));
	}
	/* Who holds a namespace is said through its own subresource only. */
	if (rk_span_is(resource_of(kind), "namespaces") && strcmp(sub, "finalize") != 0)
		rk_val_put(&state->arena, object, "spec", rk_val_at(old, "spec"));
	rk_created_keep(state, kind, object, old, sub);
}

static bool same_but_revision(struct rk_state *state, const struct rk_val *a, struct rk_val *b)
{
	/* Whatever revision the caller sent, what is compared and stored carries the old one. */
	rk_val_put(&state->arena, rk_val_make(&state->arena, b, "metadata"), "resourceVersion",
		   rk_val_at(a, "metadata.resourceVersion"));
	return rk_val_eq(a, b);
}

static void count_generation(struct rk_state *state, const struct rk_kind *kind, struct rk_val *object,
			     const struct rk_val *old)
{
	if (!counts(state, kind))
		return;
	for (uint32_t i = 0; i < object->count; i++) {
		const struct rk_span key = object->fields[i].key;
		if (rk_span_is(key, "metadata") || (rk_span_is(key, "status") && kind->has_status))
			continue;
		if (!rk_val_eq(object->fields[i].val, rk_val_get(old, key))) {
			const int64_t generation = rk_val_int_at(old, "metadata.generation", 0);
			rk_val_put_int(&state->arena, rk_val_make(&state->arena, object, "metadata"), "generation",
				       generation + 1);
			return;
		}
	}
}

const struct rk_kind *rk_object_judge(const struct rk_kind *kind, const struct rk_kind *form)
{
	return kind->custom != NULL && form != NULL ? form : kind;
}

void rk_object_update(struct rk_state *state, const struct rk_kind *kind, struct rk_span ns, struct rk_span name,
		      struct rk_val *object, const char *sub, const struct rk_write_opts *opts,
		      struct rk_outcome *ret)
{
	struct rk_val *old = rk_state_val(state, resource_of(kind), ns, name);
	struct rk_val *causes = rk_val_list(&state->arena);

	if (old == NULL) {
		refuse(ret, rk_status_not_found(&state->arena, resource_of(kind), name));
		return;
	}
	struct rk_val *had = rk_object_take_owners(old), *given = rk_object_take_owners(object), *owners = had;
	struct rk_span uid = rk_object_uid(object), revision = rk_val_text_at(object, "metadata.resourceVersion");
	if (!meets_conditions(state, kind, old, uid.size > 0 ? uid : opts->uid,
			      revision.size > 0 ? revision : opts->revision, ret))
		return;
	keep_fixed(state, kind, object, old, sub);
	const bool is_same = same_but_revision(state, old, object);
	if (!is_same || given != NULL || opts->applying != NULL)
		owners = owners_of(state, kind, object, old, had, given, opts);
	if (is_same && rk_owners_are_same(&state->arena, owners, had)) {
		put_owners(state, object, had);
		*ret = (struct rk_outcome){ .code = 200, .body = object };
		return;
	}
	rk_schema_validate_sub(&state->arena, rk_object_judge(kind, opts->form), sub, state->version < RK_PARTS_SINCE,
			       object, old, causes);
	if (rk_val_count(causes) > 0) {
		refuse(ret, rk_status_invalid(&state->arena, rk_span_str(kind->group), rk_span_str(kind->kind), name,
					      causes));
		return;
	}
	if (!rk_hook_before(state, kind, object, old, ret))
		return;
	count_generation(state, kind, object, old);
	put_owners(state, object, owners);
	rk_state_put(state, resource_of(kind), ns, name, object);
	*ret = (struct rk_outcome){ .code = 200, .body = object };
	(void)rk_object_release(state, resource_of(kind), ns, name);
}

void rk_object_store(struct rk_state *state, struct rk_span kind_text, struct rk_val *object)
{
	const struct rk_kind *kind = rk_kinds_by_resource(rk_state_kinds(state), kind_text);
	const struct rk_span ns = rk_object_ns(object), name = rk_object_name(object);
	const struct rk_val *old = rk_state_val(state, kind_text, ns, name);

	rk_assert(kind != NULL && old != NULL);
	if (same_but_revision(state, old, object))
		return;
	if (!rk_span_is(kind_text, "pods")) /* to be placed is no change of what is wanted */
		count_generation(state, kind, object, old);
	rk_state_put(state, kind_text, ns, name, object);
	(void)rk_object_release(state, kind_text, ns, name);
}

bool rk_object_try(struct rk_state *state, const char *kind_text, struct rk_span ns, struct rk_val *object,
		   struct rk_outcome *ret)
{
	const struct rk_kind *kind = rk_kinds_by_resource(rk_state_kinds(state), rk_span_str(kind_text));

	rk_assert(kind != NULL);
	rk_val_put_cstr(&state->arena, object, "kind", kind->kind);
	rk_val_put_cstr(&state->arena, object, "apiVersion", kind->api_version);
	rk_schema_default(&state->arena, kind, object);
	rk_object_create(state, kind, ns, object, NULL, ret);
	return rk_outcome_ok(ret);
}

bool rk_object_make(struct rk_state *state, const char *kind_text, struct rk_span ns, struct rk_val *object)
{
	struct rk_outcome outcome = { 0 };

	return rk_object_try(state, kind_text, ns, object, &outcome);
}

static void gone(struct rk_state *state, struct rk_span kind, struct rk_span ns, struct rk_span name,
		 struct rk_val *object)
{
	rk_state_remove(state, kind, ns, name);
	rk_hook_gone(state, kind, object);
}

bool rk_object_release(struct rk_state *state, struct rk_span kind, struct rk_span ns, struct rk_span name)
{
	const struct rk_item *item = rk_state_item(state, kind, ns, name);

	/* Nearly always nothing is going. */
	if (item == NULL || rk_doc_at(rk_blob_span(item->value), "metadata.deletionTimestamp").data == NULL)
		return false;
	struct rk_val *object = rk_state_val(state, kind, ns, name);
	if (!rk_object_is_going(object) ||
	    rk_val_count(rk_val_at(object, "metadata.finalizers")) > 0)
		return false;
	if (rk_span_is(kind, "namespaces") && rk_val_count(rk_val_at(object, "spec.finalizers")) > 0)
		return false;
	/* A pod with grace left goes when its node says so; everything else has a grace of zero. */
	if (rk_val_int_at(object, "metadata.deletionGracePeriodSeconds", 0) > 0)
		return false;
	gone(state, kind, ns, name, object);
	return true;
}

#define GRACE_MAX_S INT64_C(3153600000) /* a hundred years: a time that can still be written down */

/* podStrategy.CheckGracefulDelete: what runs nowhere, or has ended, needs no grace. */
static int64_t grace_of(const struct rk_kind *kind, const struct rk_val *object, const struct rk_write_opts *opts)
{
	const struct rk_span phase = rk_val_text_at(object, "status.phase");

	if (!rk_span_is(rk_span_str(kind->resource), "pods") ||
	    rk_val_text_at(object, "spec.nodeName").size == 0 || rk_span_is(phase, "Failed") ||
	    rk_span_is(phase, "Succeeded"))
		return 0;
	const int64_t grace = opts->has_grace ? opts->grace_seconds :
						rk_val_int_at(object, "spec.terminationGracePeriodSeconds", 30);
	return grace < 0 ? 1 : grace < GRACE_MAX_S ? grace : GRACE_MAX_S;
}

static void hold_for_dependents(struct rk_state *state, struct rk_val *object, struct rk_span propagation)
{
	if (rk_span_is(propagation, "Foreground"))
		rk_finalizer_add(state, object, "foregroundDeletion");
	else if (rk_span_is(propagation, "Orphan"))
		rk_finalizer_add(state, object, "orphan");
}

/* Marks the object as going, with `grace` seconds from now. Repeating it may shorten the grace, never lengthen it. */
static void mark_going(struct rk_state *state, struct rk_val *object, int64_t grace)
{
	struct rk_val *meta = rk_val_make(&state->arena, object, "metadata");
	const bool was_going = rk_object_is_going(object);
	const int64_t had = rk_val_int_at(meta, "deletionGracePeriodSeconds", 0);

	if (was_going && grace >= had)
		return;
	const int64_t now = state->now_ms;
	state->now_ms += grace * 1000;
	const struct rk_span until = rk_state_time(state);
	state->now_ms = now;
	rk_val_put_str(&state->arena, meta, "deletionTimestamp", until);
	rk_val_put_int(&state->arena, meta, "deletionGracePeriodSeconds", grace);
}

void rk_object_delete(struct rk_state *state, const struct rk_kind *kind, struct rk_span ns, struct rk_span name,
		      const struct rk_write_opts *opts, struct rk_outcome *ret)
{
	const struct rk_span resource = resource_of(kind);
	struct rk_val *object = rk_state_val(state, resource, ns, name);

	if (object == NULL) {
		refuse(ret, rk_status_not_found(&state->arena, resource, name));
		return;
	}
	if (!meets_conditions(state, kind, object, opts->uid, opts->revision, ret))
		return;
	const struct rk_span uid = rk_object_uid(object);
	const struct rk_val *before = rk_val_copy(&state->arena, object);
	hold_for_dependents(state, object, opts->propagation);
	mark_going(state, object, grace_of(kind, object, opts));
	if (rk_span_is(resource, "namespaces"))
		rk_val_put_cstr(&state->arena, rk_val_make(&state->arena, object, "status"), "phase", "Terminating");
	const bool held = rk_val_count(rk_val_at(object, "metadata.finalizers")) > 0 ||
			  rk_val_int_at(object, "metadata.deletionGracePeriodSeconds", 0) > 0 ||
			  rk_val_count(rk_val_at(object, "spec.finalizers")) > 0;
	if (!held) {
		/* The last form that watchers see is the one before this delete marked it. */
		gone(state, resource, ns, name, object);
		*ret = (struct rk_outcome){ .code = 200,
					    .body = rk_status_success(&state->arena, resource, name, uid) };
		return;
	}
	if (!rk_val_eq(before, object))
		rk_state_put(state, resource, ns, name, object);
	*ret = (struct rk_outcome){ .code = 200, .body = object };
}

void rk_object_drop(struct rk_state *state, struct rk_span kind_text, struct rk_span ns, struct rk_span name)
{
	const struct rk_kind *kind = rk_kinds_by_resource(rk_state_kinds(state), kind_text);
	const struct rk_write_opts opts = { 0 };
	struct rk_outcome outcome = { 0 };

	if (kind != NULL) /* its definition may be gone, or serve nothing */
		rk_object_delete(state, kind, ns, name, &opts, &outcome);
}
