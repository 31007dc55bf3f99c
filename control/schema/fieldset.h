/* control/schema/fieldset.h - sets of paths into an object: which fields somebody owns (FieldsV1).
 *
 * A set is a tree of steps, sorted at every level, in an arena. Once made it never changes, so sets
 * share parts with each other. NULL is the empty set, and nothing else is: a node that is no member
 * has children, and a set has nodes. Everything here is total and deterministic: what comes from
 * outside comes in through rk_fieldset_read. */
#ifndef RK_CONTROL_SCHEMA_FIELDSET_H
#define RK_CONTROL_SCHEMA_FIELDSET_H

#include "base/buf.h"
#include "base/err.h"
#include "wire/val.h"

#define RK_FIELDSET_DEPTH_MAX 100 /* steps of a path; what is deeper belongs to its last step */

enum rk_step_kind {     /* in the order in which they are sorted */
	RK_STEP_FIELD,  /* f:name - a field, or a key of a map */
	RK_STEP_KEY,    /* k:{"name":"a"} - the item of a list that has these fields */
	RK_STEP_VALUE,  /* v:"a" - this item of a set */
	RK_STEP_INDEX,  /* i:0 */
};

struct rk_step {
	enum rk_step_kind kind;
	struct rk_span text;      /* what stands behind the colon; the same text is the same step */
	const struct rk_val *val; /* what the text of a key or value says; NULL for a field */
};

struct rk_fieldset_node {
	struct rk_step step;
	bool is_member;                     /* the path that ends here is in the set */
	const struct rk_fieldset *children; /* of longer paths, or NULL */
};

struct rk_fieldset {
	uint32_t count;
	const struct rk_fieldset_node *at;
};

/* --- steps --- */

int rk_step_cmp(const struct rk_step *a, const struct rk_step *b); /* a total order */
static inline struct rk_step rk_step_field(struct rk_span name)
{
	return (struct rk_step){ RK_STEP_FIELD, name, NULL };
}
/* `key` is a map whose fields are sorted; it and `value` are borrowed. */
struct rk_step rk_step_key(struct rk_arena *arena, const struct rk_val *key);
struct rk_step rk_step_value(struct rk_arena *arena, const struct rk_val *value);
/* As people read it: ".spec", [name="a"], [="x"], [0]. */
void rk_step_print(struct rk_buf *out, const struct rk_step *step);

/* --- making sets: nodes come in any order, one step may come more than once --- */

struct rk_fieldset_maker { /* all zero to begin with */
	uint32_t count;
	size_t capacity;
	struct rk_fieldset_node *at;
};
/* Nothing happens when the node is no member and has no children. */
void rk_fieldset_add(struct rk_arena *arena, struct rk_fieldset_maker *maker, struct rk_step step, bool is_member,
		     const struct rk_fieldset *children);
const struct rk_fieldset *rk_fieldset_made(struct rk_arena *arena, struct rk_fieldset_maker *maker);

/* --- reckoning with sets; where the result is one of the operands, it is that pointer --- */

const struct rk_fieldset *rk_fieldset_union(struct rk_arena *arena, const struct rk_fieldset *a,
					    const struct rk_fieldset *b);
const struct rk_fieldset *rk_fieldset_both(struct rk_arena *arena, const struct rk_fieldset *a,
					   const struct rk_fieldset *b);
/* The paths of `a` that are not in `b`. */
const struct rk_fieldset *rk_fieldset_minus(struct rk_arena *arena, const struct rk_fieldset *a,
					    const struct rk_fieldset *b);
bool rk_fieldset_eq(const struct rk_fieldset *a, const struct rk_fieldset *b);
const struct rk_fieldset_node *rk_fieldset_find(const struct rk_fieldset *set, const struct rk_step *step);
size_t rk_fieldset_size(const struct rk_fieldset *set); /* paths */

/* Calls `each` for every path, printed, those of a level before those below it, as upstream lists
 * them. The text is good for the call. */
void rk_fieldset_each(const struct rk_fieldset *set, void (*each)(void *context, struct rk_span path), void *context);

/* --- FieldsV1 --- */

/* RK_EINVAL: not a map of maps, a step that cannot be read, too deep. Steps of a kind that is not known are left out. */
RK_MUST_CHECK int rk_fieldset_read(struct rk_arena *arena, const struct rk_val *fields,
				   const struct rk_fieldset **ret);
/* A set as rk_fieldset_val writes it: false when it surely has nothing of `set`. Reads much less of it than it takes
 * to read it. */
bool rk_fieldset_may_meet(const struct rk_fieldset *set, const struct rk_val *written);
struct rk_val *rk_fieldset_val(struct rk_arena *arena, const struct rk_fieldset *set);

#endif
