#include "control/api/form.h"

#include "control/schema/convert.h"
#include "control/schema/table.h"
#include "wire/doc.h"
#include "wire/json.h"

struct media { /* one entry of an Accept header */
	struct rk_span type;
	struct rk_span as, version, group;
};

static struct rk_span trim(struct rk_span text)
{
	while (text.size > 0 && (text.data[0] == ' ' || text.data[0] == '\t'))
		text = rk_span_sub(text, 1, text.size);
	while (text.size > 0 &&
	       (text.data[text.size - 1] == ' ' || text.data[text.size - 1] == '\t'))
		text.size--;
	return text;
}

static struct media media_of(struct rk_span text)
{
	struct media media = { 0 };
	struct rk_span part, rest = rk_span_cut(text, ';', &part);

	media.type = trim(part);
	while (rest.data != NULL) {
		struct rk_span key, value;
		rest = rk_span_cut(rest, ';', &part);
		value = rk_span_cut(trim(part), '=', &key);
		if (rk_span_is(key, "as"))
			media.as = value;
		else if (rk_span_is(key, "v"))
			media.version = value;
		else if (rk_span_is(key, "g"))
			media.group = value;
	}
	return media;
}

static bool takes(const struct media *media, struct rk_form *form)
{
	const bool is_json = rk_span_is(media->type, "application/json") ||
			     rk_span_is(media->type, "*/*") ||
			     rk_span_is(media->type, "application/*");

	*form = (struct rk_form){ .shape = RK_FORM_OBJECT };
	if (rk_span_is(media->type, "application/yaml")) {
		form->is_yaml = true;
		return media->as.size == 0;
	}
	if (!is_json)
		return false;
	if (media->as.size == 0)
		return true;
	if (rk_span_is(media->as, "Table")) {
		form->shape = RK_FORM_TABLE;
		form->table_version = rk_span_is(media->version, "v1beta1") ? "meta.k8s.io/v1beta1"
									    : "meta.k8s.io/v1";
		return true;
	}
	form->shape = RK_FORM_METADATA;
	return rk_span_is(media->as, "PartialObjectMetadata") ||
	       rk_span_is(media->as, "PartialObjectMetadataList");
}

bool rk_form_choose(struct rk_span accept, struct rk_form *ret)
{
	if (trim(accept).size == 0) {
		*ret = (struct rk_form){ .shape = RK_FORM_OBJECT };
		return true;
	}
	while (accept.data != NULL) {
		struct rk_span part;
		accept = rk_span_cut(accept, ',', &part);
		const struct media media = media_of(part);
		if (takes(&media, ret))
			return true;
	}
	return false;
}

const char *rk_form_aggregated(struct rk_span accept)
{
	while (accept.data != NULL) {
		struct rk_span part;
		accept = rk_span_cut(accept, ',', &part);
		const struct media media = media_of(part);
		if (!rk_span_is(media.type, "application/json"))
			continue;
		if (!rk_span_is(media.as, "APIGroupDiscoveryList"))
			return NULL;
		if (rk_span_is(media.version, "v2"))
			return "v2";
		if (rk_span_is(media.version, "v2beta1"))
			return "v2beta1";
	}
	return NULL;
}

/* Documents of the store are well formed. */
static void put_doc(struct rk_buf *out, struct rk_span doc, bool pretty)
{
	const int err = rk_doc_to_json(out, doc, pretty);

	rk_assert(err == RK_OK);
}

static struct rk_val *metadata_only(struct rk_arena *arena, const struct rk_val *object)
{
	struct rk_val *partial = rk_val_map(arena);

	rk_val_put_cstr(arena, partial, "kind", "PartialObjectMetadata");
	rk_val_put_cstr(arena, partial, "apiVersion", "meta.k8s.io/v1");
	rk_val_put(arena, partial, "metadata", rk_val_at(object, "metadata"));
	return partial;
}

static struct rk_val *decoded(struct rk_arena *arena, struct rk_span doc)
{
	struct rk_val *val = NULL;
	const int err = rk_doc_read(arena, doc, &val);

	rk_assert(err == RK_OK);
	return val;
}

static bool is_another_form(const struct rk_kind *kind)
{
	return kind != NULL && kind->stored != kind;
}

/* The whole object, in the form of the kind that was asked for. */
static void put_object(struct rk_buf *out, struct rk_arena *arena, const struct rk_kind *kind,
		       struct rk_span doc, bool pretty)
{
	if (is_another_form(kind))
		rk_json_write(out, rk_convert_out(arena, kind, decoded(arena, doc)), pretty);
	else
		put_doc(out, doc, pretty);
}

static struct rk_val *row_of(struct rk_arena *arena, const struct rk_form *form,
			     const struct rk_kind *kind, struct rk_span doc, int64_t now_ms)
{
	struct rk_val *object = decoded(arena, doc), *row = rk_val_map(arena);
	const bool is_scale = rk_span_is(rk_val_text_at(object, "kind"), "Scale");

	rk_val_put(arena, row, "cells",
		   is_scale ? rk_table_scale_cells(arena, object, now_ms)
			    : rk_table_cells(arena, kind, object, now_ms));
	struct rk_val *conditions = is_scale ? NULL : rk_table_conditions(arena, kind, object);
	if (conditions != NULL)
		rk_val_put(arena, row, "conditions", conditions);
	if (form->include == RK_INCLUDE_METADATA)
		rk_val_put(arena, row, "object", metadata_only(arena, object));
	else if (form->include == RK_INCLUDE_OBJECT)
		rk_val_put(arena, row, "object", rk_convert_out(arena, kind, object));
	else
		rk_val_put(arena, row, "object", rk_val_null(arena));
	return row;
}

static struct rk_val *table_of(struct rk_arena *arena, const struct rk_form *form,
			       const struct rk_kind *kind, const struct rk_val *meta, bool is_scale,
			       bool with_columns)
{
	struct rk_val *table = rk_val_map(arena);

	rk_val_put_cstr(arena, table, "kind", "Table");
	rk_val_put_cstr(arena, table, "apiVersion", form->table_version);
	rk_val_put(arena, table, "metadata", rk_val_copy(arena, meta));
	rk_val_put(arena, table, "columnDefinitions",
		   !with_columns ? rk_val_null(arena)
		   : is_scale    ? rk_table_scale_columns(arena)
				 : rk_table_columns(arena, kind));
	return table;
}

void rk_form_write(struct rk_buf *out, struct rk_arena *arena, const struct rk_form *form,
		   const struct rk_kind *kind, struct rk_span doc, int64_t now_ms,
		   bool with_columns, bool pretty)
{
	const bool is_scale = rk_span_is(rk_doc_text(doc, "kind"), "Scale");

	if (form->shape == RK_FORM_OBJECT) {
		put_object(out, arena, kind, doc, pretty);
	} else if (form->shape == RK_FORM_METADATA) {
		rk_json_write(out, metadata_only(arena, decoded(arena, doc)), pretty);
	} else {
		struct rk_val *meta = rk_val_map(arena), *rows = rk_val_list(arena);
		rk_val_put_str(arena, meta, "resourceVersion",
			       rk_doc_text(doc, "metadata.resourceVersion"));
		struct rk_val *table = table_of(arena, form, kind, meta, is_scale, with_columns);
		rk_val_append(arena, rows, row_of(arena, form, kind, doc, now_ms));
		rk_val_put(arena, table, "rows", rows);
		rk_json_write(out, table, pretty);
	}
}

void rk_form_list_begin(struct rk_form_list *list, struct rk_arena *arena,
			const struct rk_val *meta)
{
	struct rk_val *head;

	list->count = 0;
	if (list->form->shape == RK_FORM_TABLE) {
		head = table_of(arena, list->form, list->kind, meta, false, true);
	} else {
		const bool is_object = list->form->shape == RK_FORM_OBJECT;
		head = rk_val_map(arena);
		rk_val_put_cstr(arena, head, "kind",
				is_object ? list->kind->list_kind : "PartialObjectMetadataList");
		rk_val_put_cstr(arena, head, "apiVersion",
				is_object ? list->kind->api_version : "meta.k8s.io/v1");
		rk_val_put(arena, head, "metadata", rk_val_copy(arena, meta));
	}
	rk_json_write(list->out, head, false);
	list->out->size--; /* the map goes on */
	rk_buf_put_str(list->out,
		       list->form->shape == RK_FORM_TABLE ? ",\"rows\":[" : ",\"items\":[");
}

void rk_form_list_item(struct rk_form_list *list, struct rk_arena *arena, struct rk_span doc)
{
	if (list->count++ > 0)
		rk_buf_put_u8(list->out, ',');
	if (list->form->shape == RK_FORM_OBJECT)
		put_object(list->out, arena, list->kind, doc, false);
	else if (list->form->shape == RK_FORM_TABLE)
		rk_json_write(list->out, row_of(arena, list->form, list->kind, doc, list->now_ms),
			      false);
	else
		rk_json_write(list->out, metadata_only(arena, decoded(arena, doc)), false);
}

void rk_form_list_end(struct rk_form_list *list) { rk_buf_put_str(list->out, "]}"); }
