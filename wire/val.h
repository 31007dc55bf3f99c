/* wire/val.h - a value (what JSON can say) as a tree in an arena: what code changes before it becomes a document.
 *
 * Nodes and strings live as long as their arena (or the bytes they were decoded from). A tree may share
 * parts with another one, so copy (rk_val_copy) before changing what came from elsewhere. Maps keep the
 * order in which keys were set. Paths are dotted keys, "spec.template.metadata"; a key that itself holds
 * a dot needs rk_val_get. All readers take NULL and values of another kind, and then find nothing. */
#ifndef RK_WIRE_VAL_H
#define RK_WIRE_VAL_H

#include "base/arena.h"
#include "base/span.h"

enum rk_val_kind {
	RK_VAL_NULL,
	RK_VAL_BOOL,
	RK_VAL_INT,
	RK_VAL_REAL, /* carried, never computed with */
	RK_VAL_STR,
	RK_VAL_LIST,
	RK_VAL_MAP,
};

struct rk_val;

struct rk_field {
	struct rk_span key;
	struct rk_val *val;
};

struct rk_val {
	enum rk_val_kind kind;
	uint32_t count;    /* of items or fields */
	uint32_t capacity; /* internal */
	bool is_sealed;    /* of a list or map: a document (wire/doc.h) keeps it so that it is passed over in one step */
	union {
		bool boolean;
		int64_t integer;
		double real;
		struct rk_span str;
		struct rk_val **items;
		struct rk_field *fields;
	};
};

struct rk_val *rk_val_null(struct rk_arena *arena);
struct rk_val *rk_val_bool(struct rk_arena *arena, bool value);
struct rk_val *rk_val_int(struct rk_arena *arena, int64_t value);
struct rk_val *rk_val_real(struct rk_arena *arena, double value);
struct rk_val *rk_val_str(struct rk_arena *arena, struct rk_span text); /* borrows text */
struct rk_val *rk_val_cstr(struct rk_arena *arena, const char *text);  /* borrows text */
struct rk_val *rk_val_strf(struct rk_arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
struct rk_val *rk_val_list(struct rk_arena *arena);
struct rk_val *rk_val_map(struct rk_arena *arena);

/* Lookups give NULL when there is nothing. */
struct rk_val *rk_val_get(const struct rk_val *map, struct rk_span key);
struct rk_val *rk_val_at(const struct rk_val *val, const char *path);
struct rk_val *rk_val_item(const struct rk_val *list, uint32_t index);
/* The first item of a list of maps whose `key` is that; NULL: none. */
struct rk_val *rk_val_find(const struct rk_val *list, const char *key, struct rk_span text);
bool rk_val_has_text(const struct rk_val *list, struct rk_span text); /* whether one of its items is that */

static inline bool rk_val_is(const struct rk_val *val, enum rk_val_kind kind)
{
	return val != NULL && val->kind == kind;
}

/* Typed reads with a default for what is missing or of another kind; an empty span for strings. */
struct rk_span rk_val_text(const struct rk_val *val);
struct rk_span rk_val_text_at(const struct rk_val *val, const char *path);
int64_t rk_val_int_at(const struct rk_val *val, const char *path, int64_t otherwise);
bool rk_val_bool_at(const struct rk_val *val, const char *path, bool otherwise);
/* Number of items or fields; 0 for NULL and scalars. */
uint32_t rk_val_count(const struct rk_val *val);

/* Changes. `set` replaces or appends; the key is borrowed. Setting NULL removes. */
void rk_val_set(struct rk_arena *arena, struct rk_val *map, struct rk_span key, struct rk_val *val);
void rk_val_put(struct rk_arena *arena, struct rk_val *map, const char *key, struct rk_val *val);
void rk_val_put_str(struct rk_arena *arena, struct rk_val *map, const char *key, struct rk_span text);
void rk_val_put_cstr(struct rk_arena *arena, struct rk_val *map, const char *key, const char *text);
void rk_val_put_int(struct rk_arena *arena, struct rk_val *map, const char *key, int64_t value);
void rk_val_put_bool(struct rk_arena *arena, struct rk_val *map, const char *key, bool value);
bool rk_val_remove(struct rk_val *map, struct rk_span key); /* true when it was there */
void rk_val_append(struct rk_arena *arena, struct rk_val *list, struct rk_val *val);
void rk_val_remove_item(struct rk_val *list, uint32_t index); /* keeps the order */
/* The map at `path`, made (with every map on the way) where it is missing or null. */
struct rk_val *rk_val_make(struct rk_arena *arena, struct rk_val *map, const char *path);
/* Sets the value at a dotted path, making maps on the way. */
void rk_val_set_at(struct rk_arena *arena, struct rk_val *map, const char *path, struct rk_val *val);

struct rk_val *rk_val_copy(struct rk_arena *arena, const struct rk_val *val); /* deep, strings too; of NULL: null */
bool rk_val_eq(const struct rk_val *a, const struct rk_val *b); /* deep; the order of keys does not matter */
/* Sorts list items that are strings, or a map's fields by key; by bytes. */
void rk_val_sort(struct rk_val *val);

#endif
