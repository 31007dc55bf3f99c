/* Owners and dependents: what has lost its last owner goes; foreground deletion waits for dependents; orphaning cuts the
 * tie. Keys of work are a letter and a uid: 'o' an owner is gone, 'c' check this dependent, 'f' an owner is going and
 * a finalizer of ours holds it. */
#include "control/controllers/controllers.h"
#include "control/customs.h"
#include "control/index.h"
#include "wire/doc.h"

#define DEPENDENTS_AT_ONCE 64

static void add(struct rk_state *state, char what, struct rk_span uid)
{
	uint8_t key[80];

	if (uid.size == 0 || uid.size > sizeof key - 1)
		return;
	key[0] = (uint8_t)what;
	memcpy(key + 1, uid.data, uid.size);
	rk_work_add(state, RK_CONTROLLER_GARBAGE, rk_span_of(key, uid.size + 1));
}

static struct rk_val *owners_of(struct rk_state *state, struct rk_span doc)
{
	const struct rk_span encoded = rk_doc_at(doc, "metadata.ownerReferences");
	struct rk_val *owners = NULL;

	if (encoded.data == NULL ||
	    rk_doc_read(&state->arena, rk_arena_span(&state->arena, encoded), &owners) != RK_OK)
		return NULL;
	return owners;
}

static void follow(struct rk_state *state, const struct rk_change *change)
{
	const struct rk_span after = rk_blob_span(change->after);
	const struct rk_span uid = rk_doc_text(after, "metadata.uid");

	if (change->type == RK_CHANGE_DELETED) {
		const struct rk_val *owners = owners_of(state, after);
		add(state, 'o', uid);
		for (uint32_t i = 0; i < rk_val_count(owners); i++) /* an owner may wait for this one */
			add(state, 'f', rk_val_text_at(rk_val_item(owners, i), "uid"));
		return;
	}
	if (change->type == RK_CHANGE_ADDED && rk_doc_at(after, "metadata.ownerReferences").data != NULL)
		add(state, 'c', uid);
	if (rk_doc_at(after, "metadata.deletionTimestamp").data != NULL &&
	    rk_doc_at(after, "metadata.finalizers").data != NULL)
		add(state, 'f', uid);
}

static bool by_uid(struct rk_state *state, struct rk_span uid, struct rk_name *ret)
{
	struct rk_names names = { 0 };

	rk_state_indexed(state, RK_INDEX_UID, uid, &names);
	if (names.count == 0)
		return false;
	*ret = names.at[0];
	return true;
}

/* Deletes the object when it has owners and none of them is there. A reference across namespaces names nobody. */
static void check(struct rk_state *state, const struct rk_name *name)
{
	const struct rk_item *item = rk_state_item(state, name->kind, name->ns, name->name);
	struct rk_name owner;

	if (item == NULL || rk_doc_at(rk_blob_span(item->value), "metadata.deletionTimestamp").data != NULL)
		return;
	const struct rk_val *owners = owners_of(state, rk_blob_span(item->value));
	for (uint32_t i = 0; i < rk_val_count(owners); i++)
		if (by_uid(state, rk_val_text_at(rk_val_item(owners, i), "uid"), &owner) &&
		    (owner.ns.size == 0 || rk_span_eq(owner.ns, name->ns)))
			return;
	if (rk_val_count(owners) > 0)
		rk_object_drop(state, name->kind, name->ns, name->name);
}

static void cut_tie(struct rk_state *state, const struct rk_name *name, struct rk_span uid)
{
	struct rk_val *object = rk_state_val(state, name->kind, name->ns, name->name);
	struct rk_val *owners = rk_val_at(object, "metadata.ownerReferences");

	for (uint32_t i = 0; i < rk_val_count(owners); i++)
		if (rk_span_eq(rk_val_text_at(rk_val_item(owners, i), "uid"), uid))
			rk_val_remove_item(owners, i--);
	if (object != NULL && rk_val_count(owners) == 0)
		(void)rk_val_remove(rk_val_at(object, "metadata"), RK_SPAN("ownerReferences"));
	if (object != NULL)
		rk_object_store(state, name->kind, object);
}

static void owner_gone(struct rk_state *state, struct rk_span uid)
{
	struct rk_names dependents = { 0 };

	rk_state_indexed(state, RK_INDEX_OWNER, uid, &dependents);
	size_t done = 0;
	for (size_t i = 0; i < dependents.count && done < DEPENDENTS_AT_ONCE; i++) {
		const struct rk_name *name = &dependents.at[i];
		const struct rk_item *item = rk_state_item(state, name->kind, name->ns, name->name);
		if (item == NULL || rk_doc_at(rk_blob_span(item->value), "metadata.deletionTimestamp").data != NULL)
			continue;
		check(state, name);
		/* One that others own stays, and names this owner no more: it would be looked at for ever. */
		item = rk_state_item(state, name->kind, name->ns, name->name);
		if (item != NULL && rk_doc_at(rk_blob_span(item->value), "metadata.deletionTimestamp").data == NULL)
			cut_tie(state, name, uid);
		done++;
	}
	if (done == DEPENDENTS_AT_ONCE)
		add(state, 'o', uid);
}

static bool blocks(struct rk_state *state, const struct rk_name *name, struct rk_span uid)
{
	const struct rk_item *item = rk_state_item(state, name->kind, name->ns, name->name);
	const struct rk_val *owners = item != NULL ? owners_of(state, rk_blob_span(item->value)) : NULL;

	for (uint32_t i = 0; i < rk_val_count(owners); i++)
		if (rk_span_eq(rk_val_text_at(rk_val_item(owners, i), "uid"), uid))
			return rk_val_bool_at(rk_val_item(owners, i), "blockOwnerDeletion", false);
	return false;
}

static void drop_foreground(struct rk_state *state, const struct rk_name *name)
{
	const struct rk_kind *kind = rk_kinds_by_resource(rk_state_kinds(state), name->kind);
	const struct rk_write_opts opts = { .propagation = RK_SPAN("Foreground") };
	struct rk_outcome outcome = { 0 };

	rk_object_delete(state, kind, name->ns, name->name, &opts, &outcome);
}

/* The owner is going and waits for its dependents. True when nothing holds it any more. */
static bool settle_dependents(struct rk_state *state, struct rk_val *owner)
{
	const struct rk_span uid = rk_object_uid(owner);
	const bool orphan = rk_finalizer_has(owner, "orphan");
	struct rk_names dependents = { 0 };
	size_t done = 0, blocking = 0;

	rk_state_indexed(state, RK_INDEX_OWNER, uid, &dependents);
	for (size_t i = 0; i < dependents.count && done < DEPENDENTS_AT_ONCE; i++) {
		const struct rk_name *name = &dependents.at[i];
		const struct rk_item *item = rk_state_item(state, name->kind, name->ns, name->name);
		if (item == NULL)
			continue;
		if (orphan) {
			cut_tie(state, name, uid);
			done++;
			continue;
		}
		const bool is_going = rk_doc_at(rk_blob_span(item->value), "metadata.deletionTimestamp").data != NULL;
		blocking += blocks(state, name, uid);
		if (!is_going) {
			drop_foreground(state, name);
			done++;
		}
	}
	if (done == DEPENDENTS_AT_ONCE)
		add(state, 'f', uid);
	if (blocking > 0 && done > 0) { /* what was dropped may be gone already */
		dependents.count = 0;
		rk_state_indexed(state, RK_INDEX_OWNER, uid, &dependents);
		blocking = 0;
		for (size_t i = 0; i < dependents.count; i++)
			blocking += blocks(state, &dependents.at[i], uid);
	}
	return done < DEPENDENTS_AT_ONCE && blocking == 0;
}

static void owner_going(struct rk_state *state, struct rk_span uid)
{
	struct rk_name name;

	if (!by_uid(state, uid, &name))
		return;
	struct rk_val *owner = rk_state_val(state, name.kind, name.ns, name.name);
	if (!rk_object_is_going(owner) ||
	    (!rk_finalizer_has(owner, "foregroundDeletion") && !rk_finalizer_has(owner, "orphan")))
		return;
	if (!settle_dependents(state, owner))
		return;
	owner = rk_state_val(state, name.kind, name.ns, name.name);
	if (owner == NULL)
		return;
	(void)rk_finalizer_remove(owner, "foregroundDeletion");
	(void)rk_finalizer_remove(owner, "orphan");
	rk_object_store(state, name.kind, owner);
}

static void reconcile(struct rk_state *state, struct rk_span key)
{
	const struct rk_span uid = rk_span_sub(key, 1, key.size);
	struct rk_name name;

	switch (key.data[0]) {
	case 'o':
		owner_gone(state, uid);
		break;
	case 'c':
		if (by_uid(state, uid, &name))
			check(state, &name);
		break;
	case 'f':
		owner_going(state, uid);
		break;
	default:
		rk_assert(!"a letter that garbage.c never wrote");
	}
}

const struct rk_controller rk_controller_garbage = {
	RK_CONTROLLER_GARBAGE,
	"garbage-collector",
	follow,
	reconcile,
};
