/* CustomResourceDefinitions: whether their names are free, and their objects' end when they are
 * deleted. */
#include "base/mem.h"
#include "control/controllers/controllers.h"
#include "control/customs.h"
#include "control/schema/custom.h"
#include "wire/doc.h"

#define FINALIZER       "customresourcecleanup.apiextensions.k8s.io"
#define DELETES_AT_ONCE 64

static bool is_going(struct rk_span doc)
{
	return rk_doc_at(doc, "metadata.deletionTimestamp").data != NULL;
}

static void follow(struct rk_state *state, const struct rk_change *change)
{
	if (rk_span_is(change->kind, RK_CUSTOM_RESOURCE)) {
		/* One that goes may leave a name to another. */
		if (change->type == RK_CHANGE_DELETED) {
			struct rk_names names = { 0 };
			rk_state_names(state, RK_SPAN(RK_CUSTOM_RESOURCE), RK_SPAN(""), &names);
			for (size_t i = 0; i < names.count; i++)
				rk_work_add(state, RK_CONTROLLER_CUSTOM, names.at[i].name);
		} else {
			rk_work_add(state, RK_CONTROLLER_CUSTOM, change->name);
		}
	} else if (change->type == RK_CHANGE_DELETED &&
		   memchr(change->kind.data, '.', change->kind.size) != NULL) {
		/* Its resource is the name of its definition. */
		const struct rk_span doc = rk_state_doc(state, RK_CUSTOM_RESOURCE, RK_SPAN(""), change->kind);
		if (doc.data != NULL && is_going(doc))
			rk_work_add(state, RK_CONTROLLER_CUSTOM, change->kind);
	}
}

/* --- names --- */

static bool is_word_of(struct rk_span word, const struct rk_kind *kind)
{
	bool is = rk_span_is(word, kind->plural) || rk_span_is(word, kind->singular);

	for (size_t i = 0; kind->short_names[i] != NULL; i++)
		is |= rk_span_is(word, kind->short_names[i]);
	return is;
}

static bool is_kind_of(struct rk_span word, const struct rk_kind *kind)
{
	return rk_span_is(word, kind->kind) || rk_span_is(word, kind->list_kind);
}

/* Why the names cannot be had: taken by another kind of the group. NULL when they can. */
static const char *conflict(struct rk_state *state, struct rk_span name, const struct rk_val *spec)
{
	const struct rk_kinds *kinds = rk_state_kinds(state);
	const struct rk_val *names = rk_val_at(spec, "names");
	const struct rk_val *shorts = rk_val_at(names, "shortNames");

	for (size_t i = 0; i < rk_kinds_count(kinds); i++) {
		const struct rk_kind *kind = rk_kinds_at(kinds, i);
		struct rk_span taken = { NULL, 0 };
		if (rk_span_is(name, kind->resource) ||
		    !rk_span_is(rk_val_text_at(spec, "group"), kind->group))
			continue;
		if (kind->custom == NULL)
			return "the group is one of the built-in kinds'";
		if (is_word_of(rk_val_text_at(names, "plural"), kind))
			taken = rk_val_text_at(names, "plural");
		if (is_word_of(rk_val_text_at(names, "singular"), kind))
			taken = rk_val_text_at(names, "singular");
		for (uint32_t n = 0; n < rk_val_count(shorts); n++)
			if (is_word_of(rk_val_text(rk_val_item(shorts, n)), kind))
				taken = rk_val_text(rk_val_item(shorts, n));
		if (is_kind_of(rk_val_text_at(names, "kind"), kind))
			taken = rk_val_text_at(names, "kind");
		if (is_kind_of(rk_val_text_at(names, "listKind"), kind))
			taken = rk_val_text_at(names, "listKind");
		if (taken.size > 0)
			return rk_arena_printf(&state->arena, "\"%.*s\" is already in use",
					       RK_SPAN_ARGS(taken));
	}
	return NULL;
}

static void note_stored_version(struct rk_state *state, struct rk_val *definition)
{
	const struct rk_val *versions = rk_val_at(definition, "spec.versions");
	struct rk_val *stored = rk_val_at(definition, "status.storedVersions");

	if (stored == NULL) {
		stored = rk_val_list(&state->arena);
		rk_val_put(&state->arena, rk_val_make(&state->arena, definition, "status"),
			   "storedVersions", stored);
	}
	for (uint32_t i = 0; i < rk_val_count(versions); i++) {
		const struct rk_val *version = rk_val_item(versions, i);
		const struct rk_span name = rk_val_text_at(version, "name");
		bool is_there = false;
		for (uint32_t n = 0; n < rk_val_count(stored); n++)
			is_there |= rk_span_eq(rk_val_text(rk_val_item(stored, n)), name);
		if (!is_there && rk_val_bool_at(version, "storage", false))
			rk_val_append(&state->arena, stored, rk_val_str(&state->arena, name));
	}
}

static void accept(struct rk_state *state, struct rk_span name, struct rk_val *definition)
{
	const struct rk_val *spec = rk_val_at(definition, "spec");
	const char *why = conflict(state, name, spec);
	struct rk_val *status = rk_val_make(&state->arena, definition, "status");

	if (why != NULL) {
		(void)rk_condition_set(state, definition, "NamesAccepted", "False", "NamesConflict",
				       why);
		if (!rk_condition_is(definition, "Established", "True"))
			(void)rk_condition_set(state, definition, "Established", "False",
					       "NotAccepted", "not all names are accepted");
	} else {
		rk_val_put(&state->arena, status, "acceptedNames",
			   rk_val_copy(&state->arena, rk_val_at(spec, "names")));
		(void)rk_condition_set(state, definition, "NamesAccepted", "True", "NoConflicts",
				       "no conflicts found");
		(void)rk_condition_set(state, definition, "Established", "True",
				       "InitialNamesAccepted",
				       "the initial names have been accepted");
		note_stored_version(state, definition);
		rk_finalizer_add(state, definition, FINALIZER);
	}
	rk_object_store(state, RK_SPAN(RK_CUSTOM_RESOURCE), definition);
}

/* --- the end --- */

static void clean_up(struct rk_state *state, struct rk_span name, struct rk_val *definition)
{
	struct rk_names names = { 0 };
	size_t deleted = 0;

	if (rk_condition_set(state, definition, "Terminating", "True", "InstanceDeletionInProgress",
			     "CustomResource deletion is in progress"))
		rk_object_store(state, RK_SPAN(RK_CUSTOM_RESOURCE), definition);
	rk_state_names(state, name, RK_SPAN(""), &names);
	for (size_t i = 0; i < names.count && deleted < DELETES_AT_ONCE; i++) {
		const struct rk_item *item =
			rk_state_item(state, name, names.at[i].ns, names.at[i].name);
		if (item == NULL || is_going(rk_blob_span(item->value)))
			continue;
		rk_object_drop(state, name, names.at[i].ns, names.at[i].name);
		deleted++;
	}
	if (names.count == 0) {
		(void)rk_finalizer_remove(definition, FINALIZER);
		rk_object_store(state, RK_SPAN(RK_CUSTOM_RESOURCE), definition);
		(void)rk_object_release(state, RK_SPAN(RK_CUSTOM_RESOURCE), RK_SPAN(""), name);
	} else if (deleted == DELETES_AT_ONCE) {
		rk_work_add(state, RK_CONTROLLER_CUSTOM, name);
	}
}

static void reconcile(struct rk_state *state, struct rk_span key)
{
	const struct rk_span name = rk_arena_span(&state->arena, key);
	struct rk_val *definition =
		rk_state_val(state, RK_SPAN(RK_CUSTOM_RESOURCE), RK_SPAN(""), name);

	if (definition == NULL)
		return;
	if (!rk_object_is_going(definition))
		accept(state, name, definition);
	else if (rk_finalizer_has(definition, FINALIZER))
		clean_up(state, name, definition);
}

const struct rk_controller rk_controller_custom = {
	RK_CONTROLLER_CUSTOM,
	"custom-resource-definition",
	follow,
	reconcile,
};
