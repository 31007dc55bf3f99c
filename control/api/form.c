#include "control/api/form.h"

#include "control/schema/convert.h"
#include "control/schema/proto.h"
#include "control/schema/table.h"
#include "wire/doc.h"
#include "wire/json.h"
#include "wire/proto.h"

struct media { /* one entry of an Accept header */
	struct rk_span type;
	struct rk_span as, version, group;
	unsigned quality; /* thousandths */
};

/* "0.5", "1", "1.000"; what is not a quality counts as the best, as if it were not there. */
static unsigned quality_of(struct rk_span text)
{
	unsigned quality = 0, weight = 100;

	if (text.size == 0 || text.data[0] != '0')
		return 1000;
	for (size_t i = 2; i < text.size && weight > 0; i++, weight /= 10)
		if (text.data[i] >= '0' && text.data[i] <= '9')
			quality += weight * (unsigned)(text.data[i] - '0');
	return quality;
}

static struct media media_of(struct rk_span text)
{
	struct media media = { .quality = 1000 };
	struct rk_span part, rest = rk_span_cut(text, ';', &part);

	media.type = rk_span_trim(part);
	while (rest.data != NULL) {
		struct rk_span key, value;
		rest = rk_span_cut(rest, ';', &part);
		value = rk_span_cut(rk_span_trim(part), '=', &key);
		if (rk_span_is(key, "as"))
			media.as = value;
		else if (rk_span_is(key, "v"))
			media.version = value;
		else if (rk_span_is(key, "g"))
			media.group = value;
		else if (rk_span_is(key, "q"))
			media.quality = quality_of(value);
	}
	return media;
}

static bool takes_shape(const struct media *media, struct rk_form *form)
{
	const bool is_beta = rk_span_is(media->version, "v1beta1");

	if (media->as.size == 0)
		return true;
	if (!rk_span_is(media->group, "meta.k8s.io") ||
	    (!is_beta && !rk_span_is(media->version, "v1")))
		return false;
	if (rk_span_is(media->as, "Table")) {
		form->shape = RK_FORM_TABLE;
		form->table_version = is_beta ? "meta.k8s.io/v1beta1" : "meta.k8s.io/v1";
		return !form->is_proto; /* tables hold cells of any kind: they have no numbers */
	}
	form->shape = RK_FORM_METADATA;
	return rk_span_is(media->as, "PartialObjectMetadata") ||
	       rk_span_is(media->as, "PartialObjectMetadataList");
}

static bool takes(const struct media *media, bool can_proto, struct rk_form *form)
{
	*form = (struct rk_form){ .shape = RK_FORM_OBJECT };
	if (rk_span_is(media->type, "application/yaml")) {
		form->is_yaml = true;
		return media->as.size == 0;
	}
	if (rk_span_is(media->type, RK_PROTOBUF_TYPE)) {
		form->is_proto = true;
		return can_proto && takes_shape(media, form);
	}
	return (rk_span_is(media->type, "application/json") || rk_span_is(media->type, "*/*") ||
		rk_span_is(media->type, "application/*")) &&
	       takes_shape(media, form);
}

bool rk_form_choose(const struct rk_kinds *kinds, const struct rk_kind *kind, struct rk_span accept,
		    struct rk_form *ret)
{
	const bool can_proto = kind != NULL && rk_type_has_protobuf(kind->type);
	unsigned best = 0;

	*ret = (struct rk_form){ .shape = RK_FORM_OBJECT };
	if (rk_span_trim(accept).size == 0)
		return true;
	while (accept.data != NULL) {
		struct rk_form form;
		struct rk_span part;
		accept = rk_span_cut(accept, ',', &part);
		const struct media media = media_of(part);
		const unsigned rank =
			media.quality * 3 - (rk_span_is(media.type, "*/*")             ? 2
					     : rk_span_ends(media.type, RK_SPAN("/*")) ? 1
										       : 0);
		if (media.quality == 0 || rank <= best || !takes(&media, can_proto, &form))
			continue;
		best = rank;
		*ret = form;
		ret->kinds = kinds;
	}
	return best > 0;
}

const char *rk_form_type(const struct rk_form *form)
{
	return form->is_yaml    ? "application/yaml"
	       : form->is_proto ? RK_PROTOBUF_TYPE
				: "application/json";
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

/* The metadata of an object, without a tree. */
static void put_partial_json(struct rk_buf *out, struct rk_span doc)
{
	rk_buf_put_str(out, "{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/v1\","
			    "\"metadata\":");
	put_doc(out, rk_doc_at(doc, "metadata"), false);
	rk_buf_put_u8(out, '}');
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
	/* Who looks at a table does not ask who set which field, and a row is smaller without the answer. */
	(void)rk_val_remove(rk_val_at(object, "metadata"), RK_SPAN("managedFields"));
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

/* --- protobuf --- */

static const struct rk_type *doc_type(const struct rk_form *form, struct rk_span doc)
{
	return rk_protobuf_type(form->kinds, rk_doc_text(doc, "apiVersion"),
				rk_doc_text(doc, "kind"));
}

bool rk_form_fits(const struct rk_form *form, struct rk_span doc)
{
	return !form->is_proto || form->shape == RK_FORM_METADATA || doc_type(form, doc) != NULL;
}

static void put_partial(struct rk_buf *out, struct rk_arena *arena, const struct rk_form *form,
			struct rk_span doc)
{
	rk_protobuf_put_field(out, arena, 1, rk_types_by_name(form->kinds, RK_SPAN("ObjectMeta")),
			      rk_doc_at(doc, "metadata"));
}

/* The document in the form of the kind, in the arena where that is not the stored one. */
static struct rk_span in_form(struct rk_arena *arena, const struct rk_kind *kind,
			      struct rk_span doc)
{
	struct rk_buf bytes = { 0 };

	if (!is_another_form(kind))
		return doc;
	rk_doc_write(&bytes, rk_convert_out(arena, kind, decoded(arena, doc)));
	const struct rk_span copy = rk_arena_span(arena, rk_buf_span(&bytes));
	rk_buf_done(&bytes);
	return copy;
}

static void write_proto(struct rk_buf *out, struct rk_arena *arena, const struct rk_form *form,
			const struct rk_kind *kind, struct rk_span doc)
{
	struct rk_type_meta meta = { "meta.k8s.io/v1", "PartialObjectMetadata" };
	struct rk_buf message = { 0 };

	if (form->shape == RK_FORM_METADATA) {
		put_partial(&message, arena, form, doc);
	} else {
		doc = in_form(arena, kind, doc);
		meta.api_version = rk_arena_str(arena, rk_doc_text(doc, "apiVersion"));
		meta.kind = rk_arena_str(arena, rk_doc_text(doc, "kind"));
		rk_protobuf_put_message(&message, arena, doc_type(form, doc), doc);
	}
	rk_protobuf_put_envelope(out, meta, rk_buf_span(&message));
	rk_buf_done(&message);
}

static void begin_proto(const struct rk_form_list *list, struct rk_arena *arena,
			const struct rk_val *meta)
{
	struct rk_buf doc = { 0 };

	rk_doc_write(&doc, meta);
	rk_protobuf_put_field(list->out, arena, 1,
			      rk_types_by_name(list->form->kinds, RK_SPAN("ListMeta")),
			      rk_buf_span(&doc));
	rk_buf_done(&doc);
}

static void item_proto(const struct rk_form_list *list, struct rk_arena *arena, struct rk_span doc)
{
	struct rk_buf partial = { 0 };

	if (list->form->shape == RK_FORM_OBJECT) {
		rk_protobuf_put_field(list->out, arena, 2, list->kind->type,
				      in_form(arena, list->kind, doc));
		return;
	}
	put_partial(&partial, arena, list->form, doc);
	rk_proto_put_message(list->out, 2, rk_buf_span(&partial));
	rk_buf_done(&partial);
}

/* --- whole answers --- */

static struct rk_type_meta list_meta(const struct rk_form_list *list)
{
	if (list->form->shape == RK_FORM_OBJECT)
		return (struct rk_type_meta){ list->kind->api_version, list->kind->list_kind };
	return (struct rk_type_meta){ "meta.k8s.io/v1", "PartialObjectMetadataList" };
}

void rk_form_write(struct rk_buf *out, struct rk_arena *arena, const struct rk_form *form,
		   const struct rk_kind *kind, struct rk_span doc, int64_t now_ms,
		   bool with_columns, bool pretty)
{
	const bool is_scale = rk_span_is(rk_doc_text(doc, "kind"), "Scale");

	if (form->is_proto) {
		write_proto(out, arena, form, kind, doc);
	} else if (form->shape == RK_FORM_OBJECT) {
		put_object(out, arena, kind, doc, pretty);
	} else if (form->shape == RK_FORM_METADATA && !pretty) {
		put_partial_json(out, doc);
	} else if (form->shape == RK_FORM_METADATA) {
		rk_json_write(out, metadata_only(arena, decoded(arena, doc)), true);
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
	if (list->form->is_proto) {
		begin_proto(list, arena, meta);
		return;
	}
	if (list->form->shape == RK_FORM_TABLE) {
		head = table_of(arena, list->form, list->kind, meta, false, true);
	} else {
		head = rk_val_map(arena);
		rk_val_put_cstr(arena, head, "kind", list_meta(list).kind);
		rk_val_put_cstr(arena, head, "apiVersion", list_meta(list).api_version);
		rk_val_put(arena, head, "metadata", rk_val_copy(arena, meta));
	}
	rk_json_write(list->out, head, false);
	list->out->size--; /* the map goes on */
	rk_buf_put_str(list->out,
		       list->form->shape == RK_FORM_TABLE ? ",\"rows\":[" : ",\"items\":[");
}

void rk_form_list_item(struct rk_form_list *list, struct rk_arena *arena, struct rk_span doc)
{
	if (list->form->is_proto) {
		item_proto(list, arena, doc);
		return;
	}
	if (list->count++ > 0)
		rk_buf_put_u8(list->out, ',');
	if (list->form->shape == RK_FORM_OBJECT)
		put_object(list->out, arena, list->kind, doc, false);
	else if (list->form->shape == RK_FORM_TABLE)
		rk_json_write(list->out, row_of(arena, list->form, list->kind, doc, list->now_ms),
			      false);
	else
		put_partial_json(list->out, doc);
}

void rk_form_list_end(struct rk_form_list *list, size_t bytes, struct rk_buf *head)
{
	if (list->form->is_proto) {
		rk_protobuf_put_head(head, list_meta(list), bytes);
		rk_protobuf_put_tail(list->out);
	} else {
		rk_buf_put_str(list->out, "]}\n");
	}
}
