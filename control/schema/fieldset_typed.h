/* control/schema/fieldset_typed.h - which paths an object has, and what a set of paths means for it,
 * by the kind's type: lists with keys, sets, what is owned as one.
 *
 * None of these changes what it is given; results share parts with it. Types may be made at run time. */
#ifndef RK_CONTROL_SCHEMA_FIELDSET_TYPED_H
#define RK_CONTROL_SCHEMA_FIELDSET_TYPED_H

#include "control/schema/fieldset.h"
#include "control/schema/kinds.h"

/* --- where a walk is --- */

enum rk_spot_kind {
	RK_SPOT_LEAF,   /* owned as one, whatever is in it */
	RK_SPOT_OBJECT, /* has the fields of its type */
	RK_SPOT_MAP,    /* each key is owned on its own */
	RK_SPOT_KEYED,  /* a list; items are told apart by some of their fields */
	RK_SPOT_SET,    /* a list of scalars, each once */
};

struct rk_spot {
	const struct rk_type *type; /* NULL: nothing is known, so it is a leaf */
	const struct rk_prop *prop; /* the field that it is; NULL for the whole object and for items */
	enum rk_shape shape;
	unsigned depth;
	bool is_custom; /* of a type made from a definition: Go has no struct for it, and what it says nothing of is
			 * owned key by key */
};

struct rk_child {
	struct rk_step step;
	struct rk_spot spot;
	struct rk_val *val;
	uint32_t at;      /* its place in the list or map */
	bool is_declared; /* a field of a type: not a key of a map, not an item */
};

struct rk_children { /* sorted by step; equal ones (of lists) by place */
	uint32_t count;
	struct rk_child *at;
};

struct rk_spot rk_spot_of(const struct rk_type *type); /* a whole object */
enum rk_spot_kind rk_spot_kind(const struct rk_spot *spot);
/* What it is for this value: one of another kind than the type wants is a leaf. */
enum rk_spot_kind rk_spot_kind_of(const struct rk_spot *spot, const struct rk_val *val);
struct rk_spot rk_spot_below(const struct rk_spot *spot, const struct rk_step *step);
/* Whether Go keeps the field when it is empty (a struct that is no pointer, or a required field): its coming
 * and going is then nobody's doing, only what is in it. */
bool rk_spot_is_lasting(const struct rk_spot *spot);
/* None for leaves and for values of another kind. RK_EINVAL with *ret_why when an item cannot be told apart. */
RK_MUST_CHECK int rk_spot_children(struct rk_arena *arena, const struct rk_spot *spot, const struct rk_val *val,
				   struct rk_children *ret, const char **ret_why);
/* Some child with that step, or NULL. */
const struct rk_child *rk_children_find(const struct rk_children *children, const struct rk_step *step);

/* --- whole objects --- */

/* What is wrong with an object that is to be applied, in upstream's words, or NULL: unknown fields, wrong
 * types, items without keys or twice. */
const char *rk_fields_check(struct rk_arena *arena, const struct rk_type *type, const struct rk_val *val);

/* The paths that the object has. */
RK_MUST_CHECK int rk_fields_of(struct rk_arena *arena, const struct rk_type *type, const struct rk_val *val,
			       const struct rk_fieldset **ret, const char **ret_why);

struct rk_fields_diff {
	const struct rk_fieldset *changed; /* there now, and not there or different before */
	const struct rk_fieldset *removed;
};
/* `before` NULL: a new object. */
RK_MUST_CHECK int rk_fields_diff(struct rk_arena *arena, const struct rk_type *type, const struct rk_val *before,
				 const struct rk_val *after, struct rk_fields_diff *ret, const char **ret_why);

/* Without what is at these paths. Maps and lists that lose everything become null. */
struct rk_val *rk_fields_without(struct rk_arena *arena, const struct rk_type *type, struct rk_val *val,
				 const struct rk_fieldset *set);
/* With every declared field on the way to a path as a path of its own. */
const struct rk_fieldset *rk_fields_named(struct rk_arena *arena, const struct rk_type *type,
					  const struct rk_fieldset *set);
/* Paths into what is owned as one become the path of the whole: sets from outside, or of an older type. */
const struct rk_fieldset *rk_fields_fit(struct rk_arena *arena, const struct rk_type *type,
					const struct rk_fieldset *set);

/* `config` laid over `live`, as applying does. Both have passed rk_fields_of. */
struct rk_val *rk_fields_merge(struct rk_arena *arena, const struct rk_type *type, struct rk_val *live,
			       struct rk_val *config);

#endif
