/* Every field of every kind, set once: made from the schema itself, so that a field that is added
 * is tested too. Nothing is lost on the way in, in the store, and on the way out. */
#include "base/mem.h"
#include "control/schema/convert.h"
#include "control/schema/schema.h"
#include "control/schema/table.h"
#include "tests/control/schema.h"
#include "wire/doc.h"

#define DEPTH_MAX 32

struct maker {
	struct rk_arena *arena;
	const struct rk_type
		*open[DEPTH_MAX]; /* types that are being made: none stands in itself */
	size_t depth, fields;
};

static struct rk_val *value_of(struct maker *maker, const struct rk_prop *prop);

static struct rk_val *object_of(struct maker *maker, const struct rk_type *type)
{
	struct rk_val *val = rk_val_map(maker->arena);

	for (size_t i = 0; i < maker->depth; i++)
		if (maker->open[i] == type)
			return val; /* a JSON schema holds schemas: once is enough */
	cr_assert_lt(maker->depth, DEPTH_MAX);
	maker->open[maker->depth++] = type;
	for (uint32_t i = 0; i < type->prop_count; i++) {
		rk_val_put(maker->arena, val, type->props[i].name,
			   value_of(maker, &type->props[i]));
		maker->fields++;
	}
	maker->depth--;
	return val;
}

static struct rk_val *one_of(struct maker *maker, const struct rk_prop *prop)
{
	struct rk_arena *arena = maker->arena;
	struct rk_val *val;

	switch (prop->type->kind) {
	case RK_TYPE_ANY:
		val = rk_val_map(arena);
		rk_val_put_int(arena, val, "free", 1);
		return val;
	case RK_TYPE_BOOL: return rk_val_bool(arena, true);
	case RK_TYPE_INT32: return rk_val_int(arena, 7);
	case RK_TYPE_INT64: return rk_val_int(arena, INT64_C(1) << 40);
	case RK_TYPE_STRING:
		return rk_val_cstr(arena, prop->choices != NULL ? prop->choices[0] : "x");
	case RK_TYPE_BYTES: return rk_val_cstr(arena, "eHl6");
	case RK_TYPE_TIME: return rk_val_cstr(arena, "2026-01-02T03:04:05Z");
	case RK_TYPE_MICRO_TIME: return rk_val_cstr(arena, "2026-01-02T03:04:05.000006Z");
	case RK_TYPE_QUANTITY: return rk_val_cstr(arena, "1500m");
	case RK_TYPE_INT_OR_STRING: return rk_val_cstr(arena, "10%");
	case RK_TYPE_NUMBER: return rk_val_real(arena, 1.5);
	case RK_TYPE_STRINGS:
		val = rk_val_list(arena);
		rk_val_append(arena, val, rk_val_cstr(arena, "s"));
		return val;
	case RK_TYPE_OBJECT: return object_of(maker, prop->type);
	}
	cr_assert_fail("%s", prop->name);
	return NULL;
}

static struct rk_val *value_of(struct maker *maker, const struct rk_prop *prop)
{
	struct rk_val *holder;

	if (prop->shape == RK_SHAPE_ONE)
		return one_of(maker, prop);
	if (prop->shape == RK_SHAPE_LIST) {
		holder = rk_val_list(maker->arena);
		rk_val_append(maker->arena, holder, one_of(maker, prop));
		return holder;
	}
	holder = rk_val_map(maker->arena);
	rk_val_put(maker->arena, holder, "key", one_of(maker, prop));
	return holder;
}

static struct rk_val *full_object(struct maker *maker, const struct rk_kind *kind)
{
	struct rk_val *val = object_of(maker, kind->type);

	rk_val_put_cstr(maker->arena, val, "kind", kind->kind);
	rk_val_put_cstr(maker->arena, val, "apiVersion", kind->api_version);
	return val;
}

/* The path of the first thing in `all` that is missing in `has` or different there, or NULL. */
static const char *lost(struct rk_arena *arena, const struct rk_val *all, const struct rk_val *has,
			const char *path)
{
	if (has == NULL || all->kind != has->kind)
		return path;
	if (all->kind == RK_VAL_LIST && all->count != has->count)
		return path;
	if (all->kind != RK_VAL_MAP && all->kind != RK_VAL_LIST)
		return rk_val_eq(all, has) ? NULL : path;
	for (uint32_t i = 0; i < all->count; i++) {
		const bool is_map = all->kind == RK_VAL_MAP;
		const char *here = is_map ? rk_arena_printf(arena, "%s.%.*s", path,
							    RK_SPAN_ARGS(all->fields[i].key))
					  : rk_arena_printf(arena, "%s[%u]", path, i);
		const char *found = is_map ? lost(arena, all->fields[i].val,
						  rk_val_get(has, all->fields[i].key), here)
					   : lost(arena, all->items[i], has->items[i], here);
		if (found != NULL)
			return found;
	}
	return NULL;
}

/* stringData is only a way of writing a Secret's data. */
static void expect_defaults_keep(struct rk_arena *arena, const struct rk_kind *kind,
				 const struct rk_val *all, struct rk_val *val)
{
	struct rk_val *wanted = rk_val_copy(arena, all);

	rk_schema_default(arena, kind, val);
	if (strcmp(kind->kind, "Secret") == 0)
		(void)rk_val_remove(wanted, RK_SPAN("stringData"));
	if (strcmp(kind->kind, "Secret") == 0)
		rk_val_put_cstr(arena, rk_val_at(wanted, "data"), "key", "eA=="); /* "x" */
	cr_expect_null(lost(arena, wanted, val, kind->kind), "%s loses %s by defaulting",
		       kind->resource, lost(arena, wanted, val, kind->kind));
}

static void expect_round_trip(struct rk_arena *arena, const struct rk_kind *kind,
			      const struct rk_val *val)
{
	struct rk_blob *doc = rk_doc_of(val);
	struct rk_buf text = { 0 };
	struct rk_val *back = NULL;

	cr_expect(rk_val_eq(val, rk_doc_val(arena, doc)), "%s as a document", kind->resource);
	cr_assert_eq(rk_doc_to_json(&text, rk_blob_span(doc), false), RK_OK);
	cr_assert_eq(rk_json_parse(arena, rk_buf_span(&text), RK_JSON_UNIQUE_KEYS, &back, NULL),
		     RK_OK);
	cr_expect(rk_val_eq(val, back), "%s as JSON", kind->resource);
	rk_buf_done(&text);
	(void)rk_blob_unref(doc);
}

Test(every_field, nothing_is_lost)
{
	const struct rk_kinds *kinds = rk_kinds_new();
	size_t fields = 0;

	for (size_t i = 0; i < rk_kinds_count(kinds); i++) {
		struct rk_arena arena = { 0 };
		const struct rk_kind *kind = rk_kinds_at(kinds, i);
		struct maker maker = { .arena = &arena };
		const struct rk_val *all = full_object(&maker, kind);
		struct rk_val *val = rk_val_copy(&arena, all), *status = NULL;
		fields += maker.fields;
		cr_assert_eq(rk_schema_decode(&arena, kind, val, RK_STRICT_STRICT, NULL, &status),
			     RK_OK, "%s: %s", kind->resource, json_out(&arena, status));
		cr_expect(rk_val_eq(all, val), "%s loses %s when it is decoded", kind->resource,
			  lost(&arena, all, val, kind->kind));
		expect_defaults_keep(&arena, kind, all, val);
		expect_round_trip(&arena, kind, val);
		rk_arena_done(&arena);
	}
	cr_expect_gt(fields, 10000); /* pods stand in many kinds */
	(void)rk_kinds_free(kinds);
}

/* Takes parts of the value away, or makes them empty: what clients send is rarely whole. */
static struct rk_val *torn(struct rk_arena *arena, struct rk_val *val, uint64_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	const unsigned dice = (unsigned)(*random >> 33) % 12;
	if (dice == 0 && val->kind == RK_VAL_STR)
		return rk_val_cstr(arena, "");
	if (dice == 0 && val->kind == RK_VAL_INT)
		return rk_val_int(arena, -1);
	if (dice == 0 && val->kind == RK_VAL_LIST)
		return rk_val_list(arena);
	if (dice == 0 && val->kind == RK_VAL_MAP)
		return rk_val_map(arena);
	for (uint32_t i = 0; val->kind == RK_VAL_LIST && i < val->count; i++)
		val->items[i] = torn(arena, val->items[i], random);
	if (dice == 1 && val->kind == RK_VAL_LIST && val->count > 0)
		rk_val_append(arena, val, rk_val_copy(arena, val->items[0])); /* twice the same */
	for (uint32_t i = 0; val->kind == RK_VAL_MAP && i < val->count; i++) {
		*random ^= *random << 13;
		*random ^= *random >> 7;
		*random ^= *random << 17;
		if ((*random >> 33) % 6 == 0)
			val->fields[i].val = rk_val_null(arena);
		else
			val->fields[i].val = torn(arena, val->fields[i].val, random);
	}
	return val;
}

/* Whatever is missing: checks say what is wrong, tables show what is there, and nothing falls over.
 */
Test(every_field, any_part_may_be_missing)
{
	const struct rk_kinds *kinds = rk_kinds_new();
	uint64_t random = 88172645463325252u;
	size_t refused = 0, decoded = 0;

	for (size_t i = 0; i < rk_kinds_count(kinds); i++) {
		const struct rk_kind *kind = rk_kinds_at(kinds, i);
		for (int round = 0; round < 60; round++) {
			struct rk_arena arena = { 0 };
			struct maker maker = { .arena = &arena };
			struct rk_val *old = full_object(&maker, kind), *status = NULL;
			struct rk_val *val = torn(&arena, rk_val_copy(&arena, old), &random);
			struct rk_val *causes = rk_val_list(&arena), *stored = NULL;
			rk_val_put_cstr(&arena, val, "kind", kind->kind);
			rk_val_put_cstr(&arena, val, "apiVersion", kind->api_version);
			/* An empty time or quantity is none: such an object ends here. */
			if (rk_schema_decode(&arena, kind, val, RK_STRICT_STRICT, NULL, &status)) {
				rk_arena_done(&arena);
				continue;
			}
			decoded++;
			cr_expect_eq(rk_val_count(rk_table_cells(&arena, kind, val, 0)),
				     kind->column_count, "%s", kind->resource);
			rk_schema_default(&arena, kind, val);
			rk_schema_validate(&arena, kind, val, NULL, causes);
			rk_schema_default(&arena, kind, old);
			rk_schema_validate(&arena, kind, val, old, causes);
			refused += rk_val_count(causes) > 0;
			if (rk_convert_in(&arena, kind, val, &stored, &status) == RK_OK)
				(void)rk_convert_out(&arena, kind, stored);
			rk_arena_done(&arena);
		}
	}
	cr_expect_gt(decoded, rk_kinds_count(kinds) * 20);
	cr_expect_gt(refused, decoded / 2);
	(void)rk_kinds_free(kinds);
}

/* Of the kinds with two forms: there and back again. */
Test(every_field, nothing_is_lost_between_forms)
{
	const struct rk_kinds *kinds = rk_kinds_new();
	size_t seen = 0;

	for (size_t i = 0; i < rk_kinds_count(kinds); i++) {
		struct rk_arena arena = { 0 };
		const struct rk_kind *kind = rk_kinds_at(kinds, i);
		struct maker maker = { .arena = &arena };
		struct rk_val *status = NULL, *stored = NULL;
		if (kind->stored == kind)
			continue;
		seen++;
		const struct rk_val *all = full_object(&maker, kind);
		cr_assert_eq(
			rk_convert_in(&arena, kind, rk_val_copy(&arena, all), &stored, &status),
			RK_OK, "%s: %s", kind->api_version, json_out(&arena, status));
		const struct rk_val *back = rk_convert_out(&arena, kind, stored);
		cr_expect_null(lost(&arena, all, back, kind->kind), "%s loses %s",
			       kind->api_version, lost(&arena, all, back, kind->kind));
		rk_arena_done(&arena);
	}
	cr_expect_eq(seen, 2);
	(void)rk_kinds_free(kinds);
}

/* A field without a number cannot be sent as protobuf; no two fields of a type share one. */
Test(every_field, has_a_number_of_its_own)
{
	const struct rk_kinds *kinds = rk_kinds_new();

	for (size_t t = 0; t < rk_types_count(kinds); t++) {
		const struct rk_type *type = rk_types_at(kinds, t);
		for (uint32_t i = 0; i < type->prop_count; i++) {
			const struct rk_prop *prop = &type->props[i];
			const bool is_type_meta = strcmp(prop->name, "kind") == 0 ||
						  strcmp(prop->name, "apiVersion") == 0;
			cr_expect(prop->proto[0] != 0 || is_type_meta, "%s.%s", type->name,
				  prop->name);
			for (uint32_t n = 0; n < i && prop->proto[0] != 0; n++)
				cr_expect_neq(memcmp(prop->proto, type->props[n].proto,
						     sizeof prop->proto),
					      0, "%s.%s", type->name, prop->name);
		}
	}
	(void)rk_kinds_free(kinds);
}

/* What `explain` shows of a kind and of its two halves. */
Test(every_field, kinds_and_their_halves_are_described)
{
	const struct rk_kinds *kinds = rk_kinds_new();

	for (size_t i = 0; i < rk_kinds_count(kinds); i++) {
		const struct rk_kind *kind = rk_kinds_at(kinds, i);
		static const char *const halves[] = { "spec", "status" };
		cr_expect_gt(strlen(kind->type->doc), 0, "%s", kind->resource);
		for (size_t h = 0; h < RK_COUNT(halves); h++) {
			const struct rk_prop *prop =
				rk_type_prop(kind->type, rk_span_str(halves[h]));
			if (prop == NULL || prop->type->kind != RK_TYPE_OBJECT)
				continue;
			cr_expect_gt(strlen(prop->doc), 0, "%s.%s", kind->kind, halves[h]);
			cr_expect_gt(strlen(prop->type->doc), 0, "%s", prop->type->name);
		}
	}
	(void)rk_kinds_free(kinds);
}
