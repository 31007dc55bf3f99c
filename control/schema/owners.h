/* control/schema/owners.h - who set which field of an object, and when: metadata.managedFields.
 *
 * An entry stands for a manager with one way of writing (Apply, or Update of one API version) through one
 * subresource. The sets of appliers may overlap; a field that an Update changes is that manager's alone. */
#ifndef RK_CONTROL_SCHEMA_OWNERS_H
#define RK_CONTROL_SCHEMA_OWNERS_H

#include "control/schema/fieldset_typed.h"

#define RK_OWNERS_UPDATES_MAX 10   /* entries of Update; the oldest ones become one */
#define RK_OWNERS_GIVEN_MAX   1000 /* entries that a writer may send */

struct rk_owner {
	struct rk_span manager, api_version, time, sub; /* time "": not known */
	bool is_apply;
	const struct rk_fieldset *fields; /* rk_owner_fields gives them: NULL also when they have not been read yet */
	struct rk_val *written;           /* them as they stand in the object, while nothing of them changes */
};

struct rk_owners {
	uint32_t count;
	size_t capacity;
	struct rk_owner *at;
};

struct rk_write { /* by whom, and how, an object is being written */
	const struct rk_kinds *kinds;
	const struct rk_kind *kind; /* in the form that the writer speaks */
	struct rk_span manager; /* "": unknown */
	struct rk_span sub;     /* "", "status", "scale", ... */
	struct rk_span time;    /* metav1.Time */
};

/* RK_EINVAL when an entry cannot be read, or there are too many: then nothing is known of the owners. `is_ours`: the entries were
 * written by rk_owners_val; their sets are then read as they are needed. */
RK_MUST_CHECK int rk_owners_read(struct rk_arena *arena, const struct rk_val *managed_fields, bool is_ours,
				 struct rk_owners *ret);
const struct rk_fieldset *rk_owner_fields(struct rk_arena *arena, struct rk_owner *owner);
/* In upstream's order; NULL when there are none. */
struct rk_val *rk_owners_val(struct rk_arena *arena, const struct rk_owners *owners);
/* Whether the entries are the same but for their times, on which their order depends. */
bool rk_owners_are_same(struct rk_arena *arena, const struct rk_val *a, const struct rk_val *b);

/* The entry of that manager for that way of writing; made when it is missing. `version` counts only for Update. */
struct rk_owner *rk_owners_take(struct rk_arena *arena, struct rk_owners *owners, const struct rk_owner *like);
/* Takes from the owner what is in `set`. */
void rk_owner_lose(struct rk_arena *arena, struct rk_owner *owner, const struct rk_fieldset *set);
/* Forgets entries that own nothing, and those in versions that the kind does not have. */
void rk_owners_tidy(struct rk_owners *owners, const struct rk_write *write);

/* What of a set this write can own: what the subresource reaches. */
const struct rk_fieldset *rk_owners_reach(struct rk_arena *arena, const struct rk_write *write,
					  const struct rk_fieldset *set);
/* What differs between two forms of a stored object (`before` NULL: it is new), as that version of the kind shows
 * them, of what the write reaches. Nothing for a version that the kind does not have. */
RK_MUST_CHECK int rk_owners_diff(struct rk_arena *arena, const struct rk_write *write, struct rk_span version,
				 const struct rk_val *before, const struct rk_val *after, struct rk_fields_diff *ret,
				 const char **ret_why);
/* Without what nobody ever owns: type, name, namespace and what the server sets. */
const struct rk_fieldset *rk_owners_strip(struct rk_arena *arena, const struct rk_fieldset *set);

/* What metadata.managedFields becomes when `after` takes the place of `before` (NULL: it is new), both in the stored
 * form. Neither holds managedFields; `had` is what the stored object has, `given` what the writer sent (both may be
 * NULL). Returns the new list, or NULL for none. */
struct rk_val *rk_owners_update(struct rk_arena *arena, const struct rk_write *write, const struct rk_val *had,
				const struct rk_val *given, const struct rk_val *before, const struct rk_val *after);

/* --- who was it --- */

/* The last one who set the field at `path` (".spec.replicas", as conflicts print it; of a map or an item the last
 * one who set anything in it). False when nobody is known. The spans are the object's. */
bool rk_owners_who(struct rk_arena *arena, const struct rk_val *managed_fields, struct rk_span path,
		   struct rk_owner *ret);

#endif
