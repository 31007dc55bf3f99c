/* pack - makes the packed registry (control/schema/packed.h) from YAML, as a C array. Run by make:
 *
 *   pack-kinds OUTPUT FILE.yaml...
 *
 * It is strict: what it does not know, or what does not fit together, is an error with the file's
 * name. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "control/schema/kinds.h"
#include "control/schema/packed.h"
#include "wire/doc.h"
#include "wire/yaml.h"

#define FILE_BYTES_MAX (1024 * 1024)

struct source { /* a type or a kind, and the file that it stands in */
	const char *file;
	struct rk_span name;
	const struct rk_val *val; /* NULL for the types that every schema begins with */
	enum rk_type_kind basic;
	const char *schema;
};

struct pack {
	struct rk_arena arena;
	struct source *types, *kinds;
	size_t type_count, type_capacity, kind_count, kind_capacity;
	struct rk_buf pool; /* strings with their NULs */
	size_t *strings;    /* where each begins */
	size_t string_count, string_capacity;
	struct rk_buf out;
};

#define APIEXTENSIONS "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."

static const struct source basics[] = {
	{ "", RK_SPAN("any"), NULL, RK_TYPE_ANY, "" },
	{ "", RK_SPAN("boolean"), NULL, RK_TYPE_BOOL, "" },
	{ "", RK_SPAN("bytes"), NULL, RK_TYPE_BYTES, "" },
	{ "", RK_SPAN("int-or-string"), NULL, RK_TYPE_INT_OR_STRING,
	  "io.k8s.apimachinery.pkg.util.intstr.IntOrString" },
	{ "", RK_SPAN("int32"), NULL, RK_TYPE_INT32, "" },
	{ "", RK_SPAN("int64"), NULL, RK_TYPE_INT64, "" },
	{ "", RK_SPAN("json"), NULL, RK_TYPE_ANY, APIEXTENSIONS "JSON" },
	{ "", RK_SPAN("microtime"), NULL, RK_TYPE_MICRO_TIME,
	  "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime" },
	{ "", RK_SPAN("number"), NULL, RK_TYPE_NUMBER, "" },
	{ "", RK_SPAN("quantity"), NULL, RK_TYPE_QUANTITY,
	  "io.k8s.apimachinery.pkg.api.resource.Quantity" },
	{ "", RK_SPAN("raw"), NULL, RK_TYPE_ANY, "io.k8s.apimachinery.pkg.runtime.RawExtension" },
	{ "", RK_SPAN("schema-or-array"), NULL, RK_TYPE_ANY,
	  APIEXTENSIONS "JSONSchemaPropsOrArray" },
	{ "", RK_SPAN("schema-or-bool"), NULL, RK_TYPE_ANY, APIEXTENSIONS "JSONSchemaPropsOrBool" },
	{ "", RK_SPAN("schema-or-strings"), NULL, RK_TYPE_ANY,
	  APIEXTENSIONS "JSONSchemaPropsOrStringArray" },
	{ "", RK_SPAN("string"), NULL, RK_TYPE_STRING, "" },
	{ "", RK_SPAN("strings"), NULL, RK_TYPE_STRINGS, "" },
	{ "", RK_SPAN("time"), NULL, RK_TYPE_TIME, "io.k8s.apimachinery.pkg.apis.meta.v1.Time" },
};

static _Noreturn void die(const char *file, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static _Noreturn void die(const char *file, const char *format, ...)
{
	va_list args;

	(void)fprintf(stderr, "pack-kinds: %s: ", file);
	va_start(args, format);
	(void)vfprintf(stderr, format, args);
	va_end(args);
	(void)fputc('\n', stderr);
	exit(1);
}

/* Every key of the map must be one of `known` (ends with NULL). */
static void check_keys(const char *file, struct rk_span where, const struct rk_val *map,
		       const char *const *known)
{
	if (!rk_val_is(map, RK_VAL_MAP))
		die(file, "%.*s: not a map", RK_SPAN_ARGS(where));
	for (uint32_t i = 0; i < map->count; i++) {
		const struct rk_span key = map->fields[i].key;
		size_t at = 0;
		while (known[at] != NULL && !rk_span_is(key, known[at]))
			at++;
		if (known[at] == NULL)
			die(file, "%.*s: unknown key %.*s", RK_SPAN_ARGS(where), RK_SPAN_ARGS(key));
		for (uint32_t n = 0; n < i; n++)
			if (rk_span_eq(map->fields[n].key, key))
				die(file, "%.*s: key %.*s twice", RK_SPAN_ARGS(where),
				    RK_SPAN_ARGS(key));
	}
}

/* --- the pool of strings --- */

static void put_text(struct pack *pack, struct rk_span text)
{
	for (size_t i = 0; i < pack->string_count; i++) {
		const char *has = (const char *)pack->pool.data + pack->strings[i];
		if (rk_span_is(text, has)) {
			rk_buf_put_varint(&pack->out, pack->strings[i]);
			return;
		}
	}
	pack->strings = rk_grow(pack->strings, &pack->string_capacity, pack->string_count + 1,
				sizeof *pack->strings);
	pack->strings[pack->string_count++] = pack->pool.size;
	rk_buf_put_varint(&pack->out, pack->pool.size);
	rk_buf_put_span(&pack->pool, text);
	rk_buf_put_u8(&pack->pool, 0);
}

static void put_texts(struct pack *pack, const struct source *in, const struct rk_val *list)
{
	if (list != NULL && list->kind != RK_VAL_LIST)
		die(in->file, "%.*s: not a list", RK_SPAN_ARGS(in->name));
	rk_buf_put_varint(&pack->out, rk_val_count(list));
	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		if (rk_val_text(rk_val_item(list, i)).size == 0)
			die(in->file, "%.*s: a list holds something other than text",
			    RK_SPAN_ARGS(in->name));
		put_text(pack, rk_val_text(rk_val_item(list, i)));
	}
}

/* --- types --- */

static int by_name(const void *a, const void *b)
{
	return rk_span_cmp(((const struct source *)a)->name, ((const struct source *)b)->name);
}

static size_t find_type(const struct pack *pack, struct rk_span name)
{
	for (size_t i = 0; i < pack->type_count; i++)
		if (rk_span_eq(pack->types[i].name, name))
			return i;
	return SIZE_MAX;
}

struct field {
	const struct source *in;
	struct rk_span name;
	const struct rk_val *val;
};

static int field_by_name(const void *a, const void *b)
{
	return rk_span_cmp(((const struct field *)a)->name, ((const struct field *)b)->name);
}

static _Noreturn void bad_field(const struct field *field, const char *what)
{
	die(field->in->file, "%.*s.%.*s: %s", RK_SPAN_ARGS(field->in->name),
	    RK_SPAN_ARGS(field->name), what);
}

/* A number, or the numbers of the messages around it and its own, from the outside in. */
static void put_proto(struct pack *pack, const struct field *field)
{
	const struct rk_val *proto = rk_val_at(field->val, "proto");
	const bool nested = rk_val_is(proto, RK_VAL_LIST);
	const uint32_t count = nested ? proto->count : proto != NULL;

	if (nested && (count < 2 || count > RK_PROTO_DEPTH))
		bad_field(field, "proto is a number, or two or three of them");
	for (uint32_t i = 0; i < RK_PROTO_DEPTH; i++) {
		const struct rk_val *one = nested ? rk_val_item(proto, i) : proto;
		if (i < count &&
		    (!rk_val_is(one, RK_VAL_INT) || one->integer <= 0 || one->integer > UINT16_MAX))
			bad_field(field, "proto numbers are positive");
		rk_buf_put_varint(&pack->out, i < count ? (uint64_t)one->integer : 0);
	}
}

/* The shape and, appended, the place of the type that the field is made of. */
static const struct source *put_field_type(struct pack *pack, const struct field *field,
					   enum rk_shape *ret_shape)
{
	static const char *const names[] = { "type", "list", "map" };
	struct rk_span type = { NULL, 0 };

	for (size_t i = 0; i < 3; i++) {
		const struct rk_span text = rk_val_text_at(field->val, names[i]);
		if (text.size == 0)
			continue;
		if (type.size > 0)
			bad_field(field, "has more than one of type, list and map");
		type = text;
		*ret_shape = (enum rk_shape)i;
	}
	const size_t at = find_type(pack, type);
	if (at == SIZE_MAX)
		bad_field(field, rk_arena_printf(&pack->arena, "unknown type \"%.*s\"",
						 RK_SPAN_ARGS(type)));
	rk_buf_put_varint(&pack->out, at);
	return &pack->types[at];
}

static uint8_t patch_of(const struct field *field)
{
	const struct rk_val *list = rk_val_at(field->val, "patch");
	unsigned flags = 0;

	for (uint32_t i = 0; i < rk_val_count(list); i++) {
		const struct rk_span text = rk_val_text(rk_val_item(list, i));
		if (rk_span_is(text, "merge"))
			flags |= RK_PATCH_MERGE;
		else if (rk_span_is(text, "retainKeys"))
			flags |= RK_PATCH_RETAIN_KEYS;
		else
			bad_field(field, "unknown patch strategy");
	}
	return (uint8_t)flags;
}

static enum rk_list_type list_type_of(const struct field *field, enum rk_shape shape)
{
	const struct rk_span text = rk_val_text_at(field->val, "listType");

	if (text.size > 0 && shape != RK_SHAPE_LIST)
		bad_field(field, "listType on what is no list");
	if (rk_span_is(text, "map"))
		return RK_LIST_MAP;
	if (rk_span_is(text, "set"))
		return RK_LIST_SET;
	if (text.size > 0 && !rk_span_is(text, "atomic"))
		bad_field(field, "unknown listType");
	return RK_LIST_ATOMIC;
}

/* Keys of a list must be fields of its items. */
static void check_item_key(const struct field *field, const struct source *item, struct rk_span key)
{
	if (rk_val_get(rk_val_at(item->val, "fields"), key) == NULL)
		bad_field(field, "a key is no field of the items");
}

static void put_lists(struct pack *pack, const struct field *field, const struct source *item,
		      enum rk_list_type list_type)
{
	const struct rk_val *keys = rk_val_at(field->val, "keys");
	const struct rk_span patch_key = rk_val_text_at(field->val, "patchKey");

	if ((list_type == RK_LIST_MAP) != (rk_val_count(keys) > 0))
		bad_field(field, "keys and listType map go together");
	for (uint32_t i = 0; i < rk_val_count(keys); i++)
		check_item_key(field, item, rk_val_text(rk_val_item(keys, i)));
	if (patch_key.size > 0) {
		struct rk_buf own = pack->out;
		check_item_key(field, item, patch_key);
		pack->out = (struct rk_buf){ 0 };
		put_text(pack, patch_key);
		struct rk_reader reader = rk_reader_of(rk_buf_span(&pack->out));
		const uint64_t offset = rk_read_varint(&reader);
		rk_buf_done(&pack->out);
		pack->out = own;
		rk_buf_put_varint(&pack->out, offset + 1);
	} else {
		rk_buf_put_varint(&pack->out, 0);
	}
	put_texts(pack, field->in, rk_val_at(field->val, "enum"));
	put_texts(pack, field->in, keys);
}

static void put_field(struct pack *pack, const struct field *field)
{
	static const char *const known[] = { "proto",    "type",     "list", "map",      "required",
					     "omitZero", "default",  "doc",  "listType", "keys",
					     "patch",    "patchKey", "enum", "atomic",   NULL };
	const struct rk_val *preset = rk_val_at(field->val, "default");
	enum rk_shape shape = RK_SHAPE_ONE;

	check_keys(field->in->file, field->name, field->val, known);
	put_text(pack, field->name);
	put_text(pack, rk_val_text_at(field->val, "doc"));
	const struct source *item = put_field_type(pack, field, &shape);
	put_proto(pack, field);
	const enum rk_list_type list_type = list_type_of(field, shape);
	rk_buf_put_u8(&pack->out, (uint8_t)shape);
	rk_buf_put_u8(&pack->out, (uint8_t)list_type);
	rk_buf_put_u8(&pack->out, patch_of(field));
	rk_buf_put_u8(
		&pack->out,
		(uint8_t)((rk_val_bool_at(field->val, "required", false) ? RK_PACKED_REQUIRED : 0) |
			  (rk_val_bool_at(field->val, "omitZero", false) ? RK_PACKED_DROPS_ZERO
									 : 0) |
			  (rk_val_bool_at(field->val, "atomic", false) ? RK_PACKED_ATOMIC : 0)));
	put_lists(pack, field, item, list_type);
	struct rk_buf doc = { 0 };
	if (preset != NULL)
		rk_doc_write(&doc, preset);
	rk_buf_put_bytes(&pack->out, rk_buf_span(&doc));
	rk_buf_done(&doc);
}

static void check_protos(const struct field *fields, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct rk_val *proto = rk_val_at(fields[i].val, "proto");
		for (size_t n = 0; proto != NULL && n < i; n++)
			if (rk_val_eq(proto, rk_val_at(fields[n].val, "proto")))
				bad_field(&fields[i], "another field has the same proto number");
	}
}

static void put_fields(struct pack *pack, const struct source *type)
{
	const struct rk_val *map = rk_val_at(type->val, "fields");

	if (!rk_val_is(map, RK_VAL_MAP))
		die(type->file, "%.*s: no fields", RK_SPAN_ARGS(type->name));
	struct field *fields = rk_arena_zalloc(&pack->arena, (map->count + 1) * sizeof *fields);
	for (uint32_t i = 0; i < map->count; i++)
		fields[i] = (struct field){ type, map->fields[i].key, map->fields[i].val };
	qsort(fields, map->count, sizeof *fields, field_by_name);
	check_protos(fields, map->count);
	rk_buf_put_varint(&pack->out, map->count);
	for (uint32_t i = 0; i < map->count; i++) {
		if (i > 0 && rk_span_eq(fields[i].name, fields[i - 1].name))
			bad_field(&fields[i], "stands there twice");
		put_field(pack, &fields[i]);
	}
}

static void put_type(struct pack *pack, const struct source *type)
{
	static const char *const known[] = { "schema", "doc", "atomic", "fields", NULL };
	const struct rk_span schema =
		type->val != NULL ? rk_val_text_at(type->val, "schema") : rk_span_str(type->schema);

	put_text(pack, type->name);
	put_text(pack, schema);
	put_text(pack, rk_val_text_at(type->val, "doc"));
	rk_buf_put_u8(&pack->out, (uint8_t)(type->val != NULL ? RK_TYPE_OBJECT : type->basic));
	rk_buf_put_u8(&pack->out,
		      rk_val_bool_at(type->val, "atomic", false) ? RK_PACKED_TYPE_ATOMIC : 0);
	if (type->val == NULL) {
		rk_buf_put_varint(&pack->out, 0);
		return;
	}
	check_keys(type->file, type->name, type->val, known);
	if (schema.size == 0)
		die(type->file, "%.*s: no schema name", RK_SPAN_ARGS(type->name));
	put_fields(pack, type);
}

/* --- kinds --- */

static int by_resource(const void *a, const void *b)
{
	const struct source *left = a, *right = b;
	static const char *const paths[] = { "group", "version", "names.plural" };

	for (size_t i = 0; i < 3; i++) {
		const int order = rk_span_cmp(rk_val_text_at(left->val, paths[i]),
					      rk_val_text_at(right->val, paths[i]));
		if (order != 0)
			return order;
	}
	return 0;
}

static void put_columns(struct pack *pack, const struct source *kind)
{
	static const char *const known[] = { "name", "type", "format", "doc", "priority", NULL };
	const struct rk_val *columns = rk_val_at(kind->val, "columns");

	if (rk_val_count(columns) == 0)
		die(kind->file, "no columns");
	rk_buf_put_varint(&pack->out, rk_val_count(columns));
	for (uint32_t i = 0; i < rk_val_count(columns); i++) {
		const struct rk_val *column = rk_val_item(columns, i);
		check_keys(kind->file, RK_SPAN("columns"), column, known);
		put_text(pack, rk_val_text_at(column, "name"));
		put_text(pack, rk_val_text_at(column, "type"));
		put_text(pack, rk_val_text_at(column, "format"));
		put_text(pack, rk_val_text_at(column, "doc"));
		rk_buf_put_u8(&pack->out, rk_val_int_at(column, "priority", 0) != 0);
	}
}

static void check_kind(const struct source *kind)
{
	static const char *const known[] = { "group",
					     "version",
					     "names",
					     "scope",
					     "subresources",
					     "selectableFields",
					     "columns",
					     "type",
					     "types",
					     "request",
					     "verbs",
					     "storedAs",
					     "countsGeneration",
					     NULL };
	static const char *const names[] = { "plural",     "singular",   "kind", "listKind",
					     "shortNames", "categories", NULL };
	const struct rk_span scope = rk_val_text_at(kind->val, "scope");

	check_keys(kind->file, RK_SPAN("(the file)"), kind->val, known);
	check_keys(kind->file, RK_SPAN("names"), rk_val_at(kind->val, "names"), names);
	for (size_t i = 0; i < 4; i++)
		if (rk_val_text_at(rk_val_at(kind->val, "names"), names[i]).size == 0)
			die(kind->file, "names.%s is missing", names[i]);
	if (!rk_span_is(scope, "Namespaced") && !rk_span_is(scope, "Cluster"))
		die(kind->file, "scope is Namespaced or Cluster");
	if (rk_val_text_at(kind->val, "version").size == 0)
		die(kind->file, "version is missing");
}

/* What the kind can do: create alone when it is a question, what it says, or everything. */
static void put_verbs(struct pack *pack, const struct source *kind)
{
	static const char *const all[] = { "create", "delete", "deletecollection", "get",
					   "list",   "patch",  "update",           "watch" };
	const struct rk_val *verbs = rk_val_at(kind->val, "verbs");
	const size_t count = rk_val_bool_at(kind->val, "request", false) ? 1 : RK_COUNT(all);

	if (verbs != NULL) {
		put_texts(pack, kind, verbs);
		return;
	}
	rk_buf_put_varint(&pack->out, count);
	for (size_t i = 0; i < count; i++)
		put_text(pack, rk_span_str(all[i]));
}

/* The place of the kind in whose form its objects are stored: of the same plural, with the
 * apiVersion that storedAs names; its own when it names none. */
static size_t stored_as(const struct pack *pack, const struct source *kind)
{
	const struct rk_span version = rk_val_text_at(kind->val, "storedAs");
	const struct rk_span plural = rk_val_text_at(kind->val, "names.plural");

	for (size_t i = 0; i < pack->kind_count; i++) {
		const struct rk_val *other = pack->kinds[i].val;
		const struct rk_span group = rk_val_text_at(other, "group");
		struct rk_span head;
		const struct rk_span tail = rk_span_cut(version, '/', &head);
		const bool is_core = tail.data == NULL;
		if (version.size == 0
			    ? other == kind->val
			    : rk_span_eq(rk_val_text_at(other, "names.plural"), plural) &&
				      rk_span_eq(rk_val_text_at(other, "version"),
						 is_core ? head : tail) &&
				      (is_core ? group.size == 0 : rk_span_eq(group, head)))
			return i;
	}
	die(kind->file, "storedAs names no kind");
}

/* Plural and group of the kind in whose form it is stored. */
static struct rk_span resource_of(struct pack *pack, const struct source *kind)
{
	const struct rk_val *val = pack->kinds[stored_as(pack, kind)].val;
	const struct rk_span group = rk_val_text_at(val, "group");

	return rk_span_str(rk_arena_printf(&pack->arena, "%.*s%s%.*s",
					   RK_SPAN_ARGS(rk_val_text_at(val, "names.plural")),
					   group.size > 0 ? "." : "", RK_SPAN_ARGS(group)));
}

static void put_flags(struct pack *pack, const struct rk_val *kind)
{
	unsigned flags = 0;

	if (rk_span_is(rk_val_text_at(kind, "scope"), "Namespaced"))
		flags |= RK_PACKED_NAMESPACED;
	if (rk_val_bool_at(kind, "request", false))
		flags |= RK_PACKED_REQUEST;
	if (rk_val_bool_at(kind, "countsGeneration", false))
		flags |= RK_PACKED_GENERATION;
	rk_buf_put_u8(&pack->out, (uint8_t)flags);
}

static void put_kind(struct pack *pack, const struct source *kind)
{
	const struct rk_val *val = kind->val, *names = rk_val_at(val, "names");
	const struct rk_span group = rk_val_text_at(val, "group"),
			     version = rk_val_text_at(val, "version");
	const struct rk_span plural = rk_val_text_at(names, "plural");
	const struct rk_span type_name = rk_val_text_at(val, "type");
	const size_t type = find_type(pack, type_name);
	const char *slash = group.size > 0 ? "/" : "";

	check_kind(kind);
	if (type == SIZE_MAX || pack->types[type].val == NULL)
		die(kind->file, "unknown type \"%.*s\"", RK_SPAN_ARGS(type_name));
	if (rk_val_text_at(pack->types[type].val, "doc").size == 0)
		die(kind->file, "%.*s: a kind needs a doc", RK_SPAN_ARGS(type_name));
	put_text(pack, group);
	put_text(pack, version);
	put_text(pack, rk_span_str(rk_arena_printf(&pack->arena, "%.*s%s%.*s", RK_SPAN_ARGS(group),
						   slash, RK_SPAN_ARGS(version))));
	put_text(pack, rk_val_text_at(names, "kind"));
	put_text(pack, rk_val_text_at(names, "listKind"));
	put_text(pack, plural);
	put_text(pack, rk_val_text_at(names, "singular"));
	put_text(pack, resource_of(pack, kind));
	put_texts(pack, kind, rk_val_at(names, "shortNames"));
	put_texts(pack, kind, rk_val_at(names, "categories"));
	put_texts(pack, kind, rk_val_at(val, "selectableFields"));
	put_texts(pack, kind, rk_val_at(val, "subresources"));
	put_verbs(pack, kind);
	rk_buf_put_varint(&pack->out, type);
	rk_buf_put_varint(&pack->out, stored_as(pack, kind));
	put_flags(pack, val);
	put_columns(pack, kind);
}

/* --- files --- */

static void add(struct source **list, size_t *count, size_t *capacity, struct source source)
{
	*list = rk_grow(*list, capacity, *count + 1, sizeof **list);
	(*list)[(*count)++] = source;
}

static struct rk_span read_file(struct pack *pack, const char *path)
{
	RK_AUTO(rk_drop_file) FILE *file = fopen(path, "rb");
	uint8_t *bytes = rk_arena_alloc(&pack->arena, FILE_BYTES_MAX);

	if (file == NULL)
		die(path, "cannot be opened");
	const size_t size = fread(bytes, 1, FILE_BYTES_MAX, file);
	if (ferror(file) || size == FILE_BYTES_MAX)
		die(path, "cannot be read, or is too big");
	return rk_span_of(bytes, size);
}

static void take_file(struct pack *pack, const char *path)
{
	static const char *const known[] = { "types", NULL };
	struct rk_val *docs = NULL;
	struct rk_error error = { 0 };

	if (rk_yaml_parse(&pack->arena, read_file(pack, path), &docs, &error) < 0)
		die(path, "%s", error.text);
	if (rk_val_count(docs) != 1)
		die(path, "not one document");
	const struct rk_val *val = rk_val_item(docs, 0), *types = rk_val_at(val, "types");
	if (rk_val_at(val, "type") != NULL)
		add(&pack->kinds, &pack->kind_count, &pack->kind_capacity,
		    (struct source){ .file = path, .name = rk_span_str(path), .val = val });
	else
		check_keys(path, RK_SPAN("(the file)"), val, known);
	for (uint32_t i = 0; i < rk_val_count(types); i++)
		add(&pack->types, &pack->type_count, &pack->type_capacity,
		    (struct source){ .file = path,
				     .name = types->fields[i].key,
				     .val = types->fields[i].val });
}

static void pack_all(struct pack *pack)
{
	for (size_t i = 0; i < RK_COUNT(basics); i++)
		add(&pack->types, &pack->type_count, &pack->type_capacity, basics[i]);
	qsort(pack->types, pack->type_count, sizeof *pack->types, by_name);
	for (size_t i = 1; i < pack->type_count; i++)
		if (rk_span_eq(pack->types[i].name, pack->types[i - 1].name))
			die(pack->types[i].file, "type %.*s stands in %s too",
			    RK_SPAN_ARGS(pack->types[i].name), pack->types[i - 1].file);
	if (pack->kind_count > 0)
		qsort(pack->kinds, pack->kind_count, sizeof *pack->kinds, by_resource);
	put_text(pack, RK_SPAN("")); /* the empty text is at offset 0 */
	rk_buf_clear(&pack->out);
	rk_buf_put_varint(&pack->out, pack->type_count);
	for (size_t i = 0; i < pack->type_count; i++)
		put_type(pack, &pack->types[i]);
	rk_buf_put_varint(&pack->out, pack->kind_count);
	for (size_t i = 0; i < pack->kind_count; i++)
		put_kind(pack, &pack->kinds[i]);
}

static void write_array(const char *path, struct rk_span bytes)
{
	RK_AUTO(rk_drop_file) FILE *file = fopen(path, "wb");

	if (file == NULL)
		die(path, "cannot be written");
	(void)fputs(
		"#include \"control/schema/packed.h\"\n\nconst unsigned char rk_kinds_packed[] = {",
		file);
	for (size_t i = 0; i < bytes.size; i++)
		(void)fprintf(file, "%s%u,", i % 24 == 0 ? "\n" : "", bytes.data[i]);
	(void)fputs("\n};\nconst size_t rk_kinds_packed_size = sizeof rk_kinds_packed;\n", file);
	if (fflush(file) != 0 || ferror(file))
		die(path, "cannot be written");
}

int main(int argc, char **argv)
{
	struct pack pack = { 0 };
	struct rk_buf whole = { 0 };

	if (argc < 3)
		die("usage", "pack-kinds OUTPUT FILE.yaml...");
	for (int i = 2; i < argc; i++)
		take_file(&pack, argv[i]);
	pack_all(&pack);
	rk_buf_put_u32(&whole, RK_PACKED_MAGIC);
	rk_buf_put_bytes(&whole, rk_buf_span(&pack.pool));
	rk_buf_put_span(&whole, rk_buf_span(&pack.out));
	write_array(argv[1], rk_buf_span(&whole));
	rk_buf_done(&whole);
	rk_buf_done(&pack.pool);
	rk_buf_done(&pack.out);
	free(pack.types);
	free(pack.kinds);
	free(pack.strings);
	rk_arena_done(&pack.arena);
	return 0;
}
