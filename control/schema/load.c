/* Reads the packed registry (control/schema/packed.h). Nothing in it is trusted: it is fuzzed. */
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "control/schema/packed.h"
#include "control/schema/registry.h"
#include "wire/doc.h"

struct load {
	struct rk_kinds *kinds;
	struct rk_reader reader;
	struct rk_span pool;
	const char *why; /* set by the first thing that is wrong */
};

static void bad(struct load *load, const char *why)
{
	if (load->why == NULL)
		load->why = why;
	load->reader.failed = true;
}

/* A count of things that take at least a byte each, so that it bounds what is allocated for them.
 */
static uint32_t read_count(struct load *load)
{
	const uint64_t count = rk_read_varint(&load->reader);

	if (count > rk_reader_left(&load->reader)) {
		bad(load, "a count is larger than what is left");
		return 0;
	}
	return (uint32_t)count;
}

static const char *text_at(struct load *load, uint64_t offset)
{
	if (offset >= load->pool.size) {
		bad(load, "a text outside of the pool");
		return "";
	}
	return (const char *)load->pool.data + offset;
}

static const char *read_text(struct load *load)
{
	return text_at(load, rk_read_varint(&load->reader));
}

static const char *const *read_texts(struct load *load)
{
	static const char *const none[] = { NULL }; /* as most lists are */
	const uint32_t count = read_count(load);

	if (count == 0)
		return none;
	const char **texts = rk_arena_zalloc(&load->kinds->arena, (count + 1) * sizeof *texts);
	for (uint32_t i = 0; i < count; i++)
		texts[i] = read_text(load);
	return texts;
}

static uint8_t read_max(struct load *load, uint8_t most)
{
	const uint8_t value = rk_read_u8(&load->reader);

	if (value > most)
		bad(load, "a value out of range");
	return value <= most ? value : 0;
}

static const struct rk_type *read_type_place(struct load *load)
{
	const uint64_t at = rk_read_varint(&load->reader);

	if (at >= load->kinds->type_count) {
		bad(load, "a type that is not there");
		return &load->kinds->types[0];
	}
	return &load->kinds->types[at];
}

static const struct rk_kind *read_kind_place(struct load *load)
{
	const uint64_t at = rk_read_varint(&load->reader);

	if (at >= load->kinds->kind_count) {
		bad(load, "a kind that is not there");
		return &load->kinds->kinds[0];
	}
	return &load->kinds->kinds[at];
}

static uint16_t read_number(struct load *load)
{
	const uint64_t number = rk_read_varint(&load->reader);

	if (number > UINT16_MAX)
		bad(load, "a field number out of range");
	return (uint16_t)number;
}

static void read_prop(struct load *load, struct rk_prop *prop)
{
	prop->name = read_text(load);
	prop->doc = read_text(load);
	prop->type = read_type_place(load);
	for (size_t i = 0; i < RK_PROTO_DEPTH; i++)
		prop->proto[i] = read_number(load);
	prop->shape = read_max(load, RK_SHAPE_MAP);
	prop->list_type = read_max(load, RK_LIST_SET);
	prop->patch = read_max(load, RK_PATCH_MERGE | RK_PATCH_RETAIN_KEYS);
	const uint8_t flags =
		read_max(load, RK_PACKED_REQUIRED | RK_PACKED_DROPS_ZERO | RK_PACKED_ATOMIC);
	prop->is_required = (flags & RK_PACKED_REQUIRED) != 0;
	prop->drops_zero = (flags & RK_PACKED_DROPS_ZERO) != 0;
	prop->is_atomic = (flags & RK_PACKED_ATOMIC) != 0;
	const uint64_t patch_key = rk_read_varint(&load->reader);
	prop->patch_key = patch_key > 0 ? text_at(load, patch_key - 1) : NULL;
	prop->choices = read_texts(load);
	prop->choices = prop->choices[0] != NULL ? prop->choices : NULL;
	prop->keys = read_texts(load);
	prop->keys = prop->keys[0] != NULL ? prop->keys : NULL;
	const struct rk_span preset = rk_read_bytes(&load->reader);
	struct rk_val *val = NULL;
	if (preset.size > 0 && rk_doc_read(&load->kinds->arena, preset, &val) != RK_OK)
		bad(load, "a preset that is no document");
	prop->preset = val;
}

static void read_type(struct load *load, struct rk_type *type)
{
	type->name = read_text(load);
	type->schema = read_text(load);
	type->doc = read_text(load);
	type->kind = (enum rk_type_kind)read_max(load, RK_TYPE_OBJECT);
	type->is_atomic = (read_max(load, RK_PACKED_TYPE_ATOMIC) & RK_PACKED_TYPE_ATOMIC) != 0;
	type->prop_count = read_count(load);
	struct rk_prop *props =
		rk_arena_zalloc(&load->kinds->arena, (type->prop_count + 1) * sizeof *props);
	type->props = props;
	for (uint32_t i = 0; i < type->prop_count && !load->reader.failed; i++) {
		read_prop(load, &props[i]);
		if (i > 0 && strcmp(props[i - 1].name, props[i].name) >= 0)
			bad(load, "fields out of order");
	}
}

static void read_types(struct load *load)
{
	struct rk_kinds *kinds = load->kinds;

	kinds->type_count = read_count(load);
	kinds->types =
		rk_arena_zalloc(&kinds->arena, (kinds->type_count + 1) * sizeof *kinds->types);
	if (kinds->type_count == 0)
		bad(load, "no types");
	for (size_t i = 0; i < kinds->type_count && !load->reader.failed; i++) {
		kinds->types[i].index = (uint32_t)i;
		read_type(load, &kinds->types[i]);
		if (i > 0 && strcmp(kinds->types[i - 1].name, kinds->types[i].name) >= 0)
			bad(load, "types out of order");
	}
}

static void read_columns(struct load *load, struct rk_kind *kind)
{
	kind->column_count = read_count(load);
	struct rk_column *columns =
		rk_arena_zalloc(&load->kinds->arena, (kind->column_count + 1) * sizeof *columns);
	kind->columns = columns;
	for (uint32_t i = 0; i < kind->column_count; i++) {
		columns[i].name = read_text(load);
		columns[i].type = read_text(load);
		columns[i].format = read_text(load);
		columns[i].doc = read_text(load);
		columns[i].priority = read_max(load, 1);
	}
}

static void read_kind(struct load *load, struct rk_kind *kind)
{
	const char **texts[] = { &kind->group,    &kind->version,   &kind->api_version,
				 &kind->kind,     &kind->list_kind, &kind->plural,
				 &kind->singular, &kind->resource };

	for (size_t i = 0; i < RK_COUNT(texts); i++)
		*texts[i] = read_text(load);
	kind->short_names = read_texts(load);
	kind->categories = read_texts(load);
	kind->fields = read_texts(load);
	kind->subresources = read_texts(load);
	kind->verbs = read_texts(load);
	kind->type = read_type_place(load);
	if (kind->type->kind != RK_TYPE_OBJECT)
		bad(load, "a kind whose type has no fields");
	kind->stored = read_kind_place(load);
	const uint8_t flags = read_max(load, RK_PACKED_NAMESPACED | RK_PACKED_REQUEST | RK_PACKED_GENERATION);
	kind->namespaced = (flags & RK_PACKED_NAMESPACED) != 0;
	kind->is_request = (flags & RK_PACKED_REQUEST) != 0;
	kind->counts_generation = (flags & RK_PACKED_GENERATION) != 0;
	read_columns(load, kind);
	kind->has_status = rk_kind_has_sub(kind, RK_SPAN("status"));
	kind->has_scale = rk_kind_has_sub(kind, RK_SPAN("scale"));
}

static int by_resource(const void *a, const void *b)
{
	const struct rk_kind *left = *(const struct rk_kind *const *)a;
	const struct rk_kind *right = *(const struct rk_kind *const *)b;

	return strcmp(left->resource, right->resource);
}

/* By resource: of the kinds that share what is stored, the one in whose form it is. */
static void make_index(struct load *load)
{
	struct rk_kinds *kinds = load->kinds;

	kinds->stored = rk_arena_zalloc(&kinds->arena,
					(kinds->kind_count + 1) * sizeof(const struct rk_kind *));
	for (size_t i = 0; i < kinds->kind_count; i++) {
		const struct rk_kind *kind = &kinds->kinds[i];
		if (kind->stored->stored != kind->stored ||
		    strcmp(kind->stored->resource, kind->resource) != 0)
			bad(load, "kinds that are stored as one have different resources");
		else if (kind->stored == kind)
			kinds->stored[kinds->stored_count++] = kind;
	}
	qsort((void *)kinds->stored, kinds->stored_count, sizeof *kinds->stored, by_resource);
	for (size_t i = 1; i < kinds->stored_count; i++)
		if (strcmp(kinds->stored[i - 1]->resource, kinds->stored[i]->resource) == 0)
			bad(load, "two kinds of one resource");
}

static void read_all(struct load *load)
{
	struct rk_kinds *kinds = load->kinds;

	if (rk_read_u32(&load->reader) != RK_PACKED_MAGIC)
		bad(load, "not a packed registry");
	load->pool = rk_read_bytes(&load->reader);
	if (load->pool.size == 0 || load->pool.data[load->pool.size - 1] != 0)
		bad(load, "a pool of strings without an end");
	if (load->reader.failed)
		return;
	read_types(load);
	if (load->reader.failed)
		return;
	kinds->kind_count = read_count(load);
	kinds->kinds =
		rk_arena_zalloc(&kinds->arena, (kinds->kind_count + 1) * sizeof *kinds->kinds);
	for (size_t i = 0; i < kinds->kind_count && !load->reader.failed; i++) {
		read_kind(load, &kinds->kinds[i]);
		if (i > 0 && rk_kind_order(&kinds->kinds[i - 1], &kinds->kinds[i]) >= 0)
			bad(load, "kinds out of order");
	}
	if (!load->reader.failed)
		make_index(load);
	if (rk_reader_left(&load->reader) > 0)
		bad(load, "bytes after the end");
}

int rk_kinds_load(struct rk_span packed, const struct rk_kinds **ret, struct rk_error *error)
{
	struct load load = {
		rk_zalloc(sizeof *load.kinds), rk_reader_of(packed), { NULL, 0 }, NULL
	};

	read_all(&load);
	if (load.reader.failed) {
		(void)rk_kinds_free(load.kinds);
		return rk_fail(error, RK_EINVAL, "packed kinds: %s",
			       load.why != NULL ? load.why : "cut short");
	}
	atomic_init(&load.kinds->refs, 1);
	*ret = load.kinds;
	return RK_OK;
}

const struct rk_kinds *rk_kinds_new(void)
{
	const struct rk_kinds *kinds = NULL;
	const int err =
		rk_kinds_load(rk_span_of(rk_kinds_packed, rk_kinds_packed_size), &kinds, NULL);

	rk_assert(err == RK_OK);
	return kinds;
}
