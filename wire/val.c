#include "wire/val.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"

static struct rk_val *make(struct rk_arena *arena, enum rk_val_kind kind)
{
	struct rk_val *val = rk_arena_zalloc(arena, sizeof *val);

	val->kind = kind;
	return val;
}

struct rk_val *rk_val_null(struct rk_arena *arena) { return make(arena, RK_VAL_NULL); }
struct rk_val *rk_val_list(struct rk_arena *arena) { return make(arena, RK_VAL_LIST); }
struct rk_val *rk_val_map(struct rk_arena *arena) { return make(arena, RK_VAL_MAP); }

struct rk_val *rk_val_bool(struct rk_arena *arena, bool value)
{
	struct rk_val *val = make(arena, RK_VAL_BOOL);

	val->boolean = value;
	return val;
}

struct rk_val *rk_val_int(struct rk_arena *arena, int64_t value)
{
	struct rk_val *val = make(arena, RK_VAL_INT);

	val->integer = value;
	return val;
}

struct rk_val *rk_val_real(struct rk_arena *arena, double value)
{
	struct rk_val *val = make(arena, RK_VAL_REAL);

	val->real = value;
	return val;
}

struct rk_val *rk_val_str(struct rk_arena *arena, struct rk_span text)
{
	struct rk_val *val = make(arena, RK_VAL_STR);

	val->str = text;
	return val;
}

struct rk_val *rk_val_cstr(struct rk_arena *arena, const char *text)
{
	return rk_val_str(arena, rk_span_str(text));
}

struct rk_val *rk_val_strf(struct rk_arena *arena, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	const int need = vsnprintf(NULL, 0, format, args);
	va_end(args);
	rk_assert(need >= 0);
	char *text = rk_arena_alloc(arena, (size_t)need + 1);
	va_start(args, format);
	(void)vsnprintf(text, (size_t)need + 1, format, args);
	va_end(args);
	return rk_val_str(arena, rk_span_of(text, (size_t)need));
}

static struct rk_field *find(const struct rk_val *map, struct rk_span key)
{
	if (!rk_val_is(map, RK_VAL_MAP))
		return NULL;
	for (uint32_t i = 0; i < map->count; i++)
		if (rk_span_eq(map->fields[i].key, key))
			return &map->fields[i];
	return NULL;
}

struct rk_val *rk_val_get(const struct rk_val *map, struct rk_span key)
{
	const struct rk_field *field = find(map, key);

	return field != NULL ? field->val : NULL;
}

struct rk_val *rk_val_at(const struct rk_val *val, const char *path)
{
	struct rk_span rest = rk_span_str(path);
	struct rk_val *found = NULL;

	do {
		struct rk_span key;
		rest = rk_span_cut(rest, '.', &key);
		found = rk_val_get(val, key);
		val = found;
	} while (rest.data != NULL && val != NULL);
	return found;
}

struct rk_val *rk_val_item(const struct rk_val *list, uint32_t index)
{
	return rk_val_is(list, RK_VAL_LIST) && index < list->count ? list->items[index] : NULL;
}

struct rk_span rk_val_text(const struct rk_val *val)
{
	return rk_val_is(val, RK_VAL_STR) ? val->str : (struct rk_span){ NULL, 0 };
}

struct rk_val *rk_val_find(const struct rk_val *list, const char *key, struct rk_span text)
{
	for (uint32_t i = 0; i < rk_val_count(list); i++)
		if (rk_span_eq(rk_val_text_at(rk_val_item(list, i), key), text))
			return rk_val_item(list, i);
	return NULL;
}

bool rk_val_has_text(const struct rk_val *list, struct rk_span text)
{
	for (uint32_t i = 0; i < rk_val_count(list); i++)
		if (rk_span_eq(rk_val_text(rk_val_item(list, i)), text))
			return true;
	return false;
}

struct rk_span rk_val_text_at(const struct rk_val *val, const char *path)
{
	return rk_val_text(rk_val_at(val, path));
}

int64_t rk_val_int_at(const struct rk_val *val, const char *path, int64_t otherwise)
{
	const struct rk_val *found = rk_val_at(val, path);

	return rk_val_is(found, RK_VAL_INT) ? found->integer : otherwise;
}

bool rk_val_bool_at(const struct rk_val *val, const char *path, bool otherwise)
{
	const struct rk_val *found = rk_val_at(val, path);

	return rk_val_is(found, RK_VAL_BOOL) ? found->boolean : otherwise;
}

uint32_t rk_val_count(const struct rk_val *val)
{
	return rk_val_is(val, RK_VAL_LIST) || rk_val_is(val, RK_VAL_MAP) ? val->count : 0;
}

/* Room for one more element of `size` bytes in an arena array that doubles. */
static void *room(struct rk_arena *arena, void *old, struct rk_val *val, size_t size)
{
	if (val->count < val->capacity)
		return old;
	const uint32_t capacity = val->capacity > 0 ? val->capacity * 2 : 4;
	void *array = rk_arena_alloc(arena, capacity * size);
	if (val->count > 0)
		memcpy(array, old, val->count * size);
	val->capacity = capacity;
	return array;
}

void rk_val_set(struct rk_arena *arena, struct rk_val *map, struct rk_span key, struct rk_val *val)
{
	rk_assert(rk_val_is(map, RK_VAL_MAP));
	struct rk_field *field = find(map, key);

	if (val == NULL) {
		(void)rk_val_remove(map, key);
	} else if (field != NULL) {
		field->val = val;
	} else {
		map->fields = room(arena, map->fields, map, sizeof *map->fields);
		map->fields[map->count++] = (struct rk_field){ key, val };
	}
}

void rk_val_put(struct rk_arena *arena, struct rk_val *map, const char *key, struct rk_val *val)
{
	rk_val_set(arena, map, rk_span_str(key), val);
}

void rk_val_put_str(struct rk_arena *arena, struct rk_val *map, const char *key,
		    struct rk_span text)
{
	rk_val_put(arena, map, key, rk_val_str(arena, text));
}

void rk_val_put_cstr(struct rk_arena *arena, struct rk_val *map, const char *key, const char *text)
{
	rk_val_put(arena, map, key, rk_val_cstr(arena, text));
}

void rk_val_put_int(struct rk_arena *arena, struct rk_val *map, const char *key, int64_t value)
{
	rk_val_put(arena, map, key, rk_val_int(arena, value));
}

void rk_val_put_bool(struct rk_arena *arena, struct rk_val *map, const char *key, bool value)
{
	rk_val_put(arena, map, key, rk_val_bool(arena, value));
}

bool rk_val_remove(struct rk_val *map, struct rk_span key)
{
	struct rk_field *field = find(map, key);

	if (field == NULL)
		return false;
	const size_t at = (size_t)(field - map->fields);
	memmove(field, field + 1, (map->count - at - 1) * sizeof *field);
	map->count--;
	return true;
}

void rk_val_append(struct rk_arena *arena, struct rk_val *list, struct rk_val *val)
{
	rk_assert(rk_val_is(list, RK_VAL_LIST) && val != NULL);
	list->items = room(arena, list->items, list, sizeof(struct rk_val *));
	list->items[list->count++] = val;
}

void rk_val_remove_item(struct rk_val *list, uint32_t index)
{
	rk_assert(rk_val_is(list, RK_VAL_LIST) && index < list->count);
	memmove(list->items + index, list->items + index + 1,
		(list->count - index - 1) * sizeof(struct rk_val *));
	list->count--;
}

struct rk_val *rk_val_make(struct rk_arena *arena, struct rk_val *map, const char *path)
{
	struct rk_span rest = rk_span_str(path);

	do {
		struct rk_span key;
		rest = rk_span_cut(rest, '.', &key);
		struct rk_val *next = rk_val_get(map, key);
		if (!rk_val_is(next, RK_VAL_MAP)) {
			next = rk_val_map(arena);
			rk_val_set(arena, map, key, next);
		}
		map = next;
	} while (rest.data != NULL);
	return map;
}

void rk_val_set_at(struct rk_arena *arena, struct rk_val *map, const char *path, struct rk_val *val)
{
	const char *last = strrchr(path, '.');

	if (last == NULL) {
		rk_val_put(arena, map, path, val);
		return;
	}
	const char *parent = rk_arena_str(arena, rk_span_of(path, (size_t)(last - path)));
	rk_val_put(arena, rk_val_make(arena, map, parent), last + 1, val);
}

struct rk_val *rk_val_copy(struct rk_arena *arena, const struct rk_val *val)
{
	if (val == NULL)
		return rk_val_null(arena);
	struct rk_val *copy = make(arena, val->kind);

	*copy = *val;
	switch (val->kind) {
	case RK_VAL_STR: copy->str = rk_arena_span(arena, val->str); break;
	case RK_VAL_LIST:
		copy->capacity = val->count;
		copy->items = rk_arena_alloc(arena, val->count * sizeof(struct rk_val *));
		for (uint32_t i = 0; i < val->count; i++)
			copy->items[i] = rk_val_copy(arena, val->items[i]);
		break;
	case RK_VAL_MAP:
		copy->capacity = val->count;
		copy->fields = rk_arena_alloc(arena, val->count * sizeof *copy->fields);
		for (uint32_t i = 0; i < val->count; i++) {
			copy->fields[i].key = rk_arena_span(arena, val->fields[i].key);
			copy->fields[i].val = rk_val_copy(arena, val->fields[i].val);
		}
		break;
	case RK_VAL_NULL:
	case RK_VAL_BOOL:
	case RK_VAL_INT:
	case RK_VAL_REAL: break;
	}
	return copy;
}

static bool map_eq(const struct rk_val *a, const struct rk_val *b)
{
	for (uint32_t i = 0; i < a->count; i++) {
		/* Most maps that are compared were made alike: try the same place first. */
		const struct rk_val *other = rk_span_eq(a->fields[i].key, b->fields[i].key)
						     ? b->fields[i].val
						     : rk_val_get(b, a->fields[i].key);
		if (other == NULL || !rk_val_eq(a->fields[i].val, other))
			return false;
	}
	return true;
}

bool rk_val_eq(const struct rk_val *a, const struct rk_val *b)
{
	if (a == b)
		return true;
	if (a == NULL || b == NULL || a->kind != b->kind)
		return false;
	switch (a->kind) {
	case RK_VAL_NULL: return true;
	case RK_VAL_BOOL: return a->boolean == b->boolean;
	case RK_VAL_INT: return a->integer == b->integer;
	case RK_VAL_REAL: return memcmp(&a->real, &b->real, sizeof a->real) == 0;
	case RK_VAL_STR: return rk_span_eq(a->str, b->str);
	case RK_VAL_MAP: return a->count == b->count && map_eq(a, b);
	case RK_VAL_LIST: break;
	}
	if (a->count != b->count)
		return false;
	for (uint32_t i = 0; i < a->count; i++)
		if (!rk_val_eq(a->items[i], b->items[i]))
			return false;
	return true;
}

static int by_text(const void *a, const void *b)
{
	const struct rk_val *const *left = a;
	const struct rk_val *const *right = b;

	return rk_span_cmp(rk_val_text(*left), rk_val_text(*right));
}

static int by_key(const void *a, const void *b)
{
	const struct rk_field *left = a;
	const struct rk_field *right = b;

	return rk_span_cmp(left->key, right->key);
}

void rk_val_sort(struct rk_val *val)
{
	if (rk_val_is(val, RK_VAL_LIST) && val->count > 1)
		qsort(val->items, val->count, sizeof(struct rk_val *), by_text);
	else if (rk_val_is(val, RK_VAL_MAP) && val->count > 1)
		qsort(val->fields, val->count, sizeof *val->fields, by_key);
}
