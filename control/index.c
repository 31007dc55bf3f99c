#include "control/index.h"

#include <string.h>

#include "wire/doc.h"

void rk_index_prefix(struct rk_buf *out, char index, struct rk_span value)
{
	rk_buf_put_u8(out, RK_SPACE_INDEX);
	rk_buf_put_u8(out, (uint8_t)index);
	rk_buf_put_span(out, value);
	rk_buf_put_u8(out, 0);
}

/* What comes from outside may be of any length and hold any byte: what could not be told from a longer
 * value's key, or would not fit, is not indexed. No uid and no name that exists is like that. */
bool rk_index_takes(struct rk_span value)
{
	return value.size <= RK_INDEX_VALUE_MAX &&
	       (value.size == 0 || memchr(value.data, 0, value.size) == NULL);
}

struct place { /* what an object is indexed under; `put` or take out */
	struct rk_state *state;
	struct rk_span key;
	bool put;
};

static void mark(const struct place *place, char index, struct rk_span value)
{
	uint8_t room[1024];
	struct rk_buf key = { room, 0, sizeof room };

	if (!rk_index_takes(value))
		return;
	rk_assert(value.size + place->key.size + 4 <= sizeof room);
	rk_index_prefix(&key, index, value);
	rk_buf_put_span(&key, place->key);
	if (place->put)
		rk_store_put(place->state->store, rk_buf_span(&key), NULL, 0);
	else
		(void)rk_store_remove(place->state->store, rk_buf_span(&key));
}

static bool mark_owners(const struct place *place, struct rk_span doc)
{
	const struct rk_span encoded = rk_doc_at(doc, "metadata.ownerReferences");
	struct rk_val *owners = NULL;
	bool has_controller = false;

	if (encoded.data == NULL || rk_doc_read(&place->state->arena, encoded, &owners) != RK_OK)
		return false;
	for (uint32_t i = 0; i < rk_val_count(owners); i++) {
		const struct rk_val *owner = rk_val_item(owners, i);
		mark(place, RK_INDEX_OWNER, rk_val_text_at(owner, "uid"));
		has_controller = has_controller || rk_val_bool_at(owner, "controller", false);
	}
	return has_controller;
}

static void mark_all(const struct place *place, struct rk_span kind, struct rk_span ns, struct rk_span doc)
{
	const bool is_pod = rk_span_is(kind, "pods");

	mark(place, RK_INDEX_UID, rk_doc_text(doc, "metadata.uid"));
	const bool has_controller = mark_owners(place, doc);
	if (!has_controller && (is_pod || rk_span_is(kind, "replicasets.apps")))
		mark(place, RK_INDEX_ORPHANS, ns);
	if (is_pod)
		mark(place, RK_INDEX_NODE, rk_doc_text(doc, "spec.nodeName"));
	if (rk_span_is(kind, "endpointslices.discovery.k8s.io")) {
		const struct rk_span labels = rk_doc_at(doc, "metadata.labels");
		const struct rk_span service =
			rk_doc_as_text(rk_doc_get(labels, RK_SPAN("kubernetes.io/service-name")));
		const char *value = rk_arena_printf(&place->state->arena, "%.*s/%.*s", RK_SPAN_ARGS(ns),
						    RK_SPAN_ARGS(service));
		if (service.size > 0)
			mark(place, RK_INDEX_SERVICE, rk_span_str(value));
	}
}

static bool same_at(struct rk_span a, struct rk_span b, const char *path)
{
	return rk_span_eq(rk_doc_at(a, path), rk_doc_at(b, path));
}

void rk_index_update(struct rk_state *state, const struct rk_change *change)
{
	struct place place = { state, rk_blob_span(change->key), false };
	const struct rk_span before = rk_blob_span(change->before);
	const struct rk_span after = rk_blob_span(change->after);

	/* Most changes touch nothing that is indexed. */
	if (change->type == RK_CHANGE_MODIFIED && same_at(before, after, "metadata.ownerReferences") &&
	    same_at(before, after, "spec.nodeName") && same_at(before, after, "metadata.labels"))
		return;
	if (change->before != NULL)
		mark_all(&place, change->kind, change->ns, before);
	place.put = true;
	if (change->type != RK_CHANGE_DELETED)
		mark_all(&place, change->kind, change->ns, after);
}

void rk_index_rebuild(struct rk_state *state)
{
	const uint8_t space = RK_SPACE_OBJECT;
	const struct rk_span prefix = rk_span_of(&space, 1);
	struct rk_view *view = rk_store_view(state->store);
	struct rk_names names = { 0 };
	struct rk_tree_iter iter;
	const struct rk_item *item;

	rk_store_seek(state->store, &iter, prefix);
	while ((item = rk_tree_next(&iter)) != NULL && rk_span_starts(rk_item_key(item), prefix)) {
		struct rk_span kind, ns, name;
		if (rk_object_key_split(rk_span_sub(rk_item_key(item), 1, item->key_size), &kind, &ns, &name))
			rk_names_add(state, &names, kind, ns, name);
	}
	for (size_t i = 0; i < names.count; i++) {
		struct rk_object object;
		struct rk_buf key = { 0 };
		const struct rk_name *name = &names.at[i];
		const bool found = rk_view_get(view, name->kind, name->ns, name->name, &object);
		rk_assert(found);
		rk_object_key(&key, name->kind, name->ns, name->name);
		const struct place place = { state, rk_buf_span(&key), true };
		mark_all(&place, name->kind, name->ns, rk_blob_span(object.doc));
		rk_buf_done(&key);
	}
	(void)rk_view_unref(view);
}
