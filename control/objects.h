/* control/objects.h - how objects come, change and go: the rules of metadata, status, finalizers
 * and grace that hold for every kind, whoever asks: a user, a node, a controller. */
#ifndef RK_CONTROL_OBJECTS_H
#define RK_CONTROL_OBJECTS_H

#include "control/schema/patch_apply.h"
#include "control/state.h"

struct rk_outcome {              /* of one operation */
	int code;                /* HTTP: 200, 201, 404, 409, 422... */
	struct rk_val *body;     /* the object, or a Status; in the entry's arena */
	struct rk_val *warnings; /* a list of texts, or NULL */
};

static inline bool rk_outcome_ok(const struct rk_outcome *outcome) { return outcome->code < 400; }

struct rk_write_opts {      /* all zero: no conditions */
	struct rk_span uid; /* preconditions */
	struct rk_span revision;
	struct rk_span manager; /* who writes, and through which subresource: for managedFields */
	struct rk_span sub;
	const struct rk_kind *form;         /* in which the writer speaks of the object; NULL: as it is stored */
	const struct rk_applying *applying; /* an apply, which has settled the owners; NULL for other writes */
	bool has_grace;
	int64_t grace_seconds;
	struct rk_span propagation; /* "", "Background", "Foreground", "Orphan" */
};

/* Creates `object` (decoded, defaulted and validated; changed by this) in namespace `ns`.
 * metadata.name may be empty when generateName is set. `opts` NULL: a controller's, whose fields
 * nobody owns. */
void rk_object_create(struct rk_state *state, const struct rk_kind *kind, struct rk_span ns,
		      struct rk_val *object, const struct rk_write_opts *opts,
		      struct rk_outcome *ret);

/* Who writes what, for the owners of the fields. */
struct rk_write rk_object_write(struct rk_state *state, const struct rk_kind *kind,
				const struct rk_write_opts *opts);
/* Takes metadata.managedFields out of the object; NULL when it has none. */
struct rk_val *rk_object_take_owners(struct rk_val *object);

/* By which form an object is checked: a custom one by the version that its writer speaks, as upstream does. */
const struct rk_kind *rk_object_judge(const struct rk_kind *kind, const struct rk_kind *form);

/* Replaces the whole object (sub ""), its status (sub "status"), who holds it (sub "finalize") or what else a
 * subresource stands for by the part of `object` that it may change, after validation against the old form. Writes
 * nothing when nothing changed. */
void rk_object_update(struct rk_state *state, const struct rk_kind *kind, struct rk_span ns,
		      struct rk_span name, struct rk_val *object, const char *sub,
		      const struct rk_write_opts *opts, struct rk_outcome *ret);

void rk_object_delete(struct rk_state *state, const struct rk_kind *kind, struct rk_span ns,
		      struct rk_span name, const struct rk_write_opts *opts,
		      struct rk_outcome *ret);

/* For controllers, which change what they read under the same entry: stores `object` as it is (it
 * must be a copy from rk_state_val), with the generation counted up when `spec` differs, unless
 * nothing differs from what is stored. */
void rk_object_store(struct rk_state *state, struct rk_span kind, struct rk_val *object);
/* Creates a controller's object: kind by its resource text. False when it exists already or cannot
 * be (namespace going). */
bool rk_object_make(struct rk_state *state, const char *kind, struct rk_span ns,
		    struct rk_val *object);
/* The same; what came of it, a refusal too, stands in *ret. */
bool rk_object_try(struct rk_state *state, const char *kind, struct rk_span ns, struct rk_val *object,
		   struct rk_outcome *ret);
/* Deletes as a user without conditions would, in the background; nothing when it is gone. */
void rk_object_drop(struct rk_state *state, struct rk_span kind, struct rk_span ns,
		    struct rk_span name);
/* Removes at once when nothing holds the object any more: being deleted, grace over, no finalizers.
 */
bool rk_object_release(struct rk_state *state, struct rk_span kind, struct rk_span ns,
		       struct rk_span name);

/* --- reading common parts --- */
struct rk_span rk_object_name(const struct rk_val *object);
struct rk_span rk_object_ns(const struct rk_val *object);
struct rk_span rk_object_uid(const struct rk_val *object);
static inline bool rk_object_is_going(const struct rk_val *object)
{
	return rk_val_at(object, "metadata.deletionTimestamp") != NULL;
}
/* The ownerReference with controller: true, or NULL. */
const struct rk_val *rk_object_controller(const struct rk_val *object);
/* An ownerReference with controller and blockOwnerDeletion set. */
struct rk_val *rk_owner_ref(struct rk_state *state, const struct rk_val *owner, bool is_controller);
/* status.conditions[type]; made when `make`. */
struct rk_val *rk_condition(struct rk_state *state, struct rk_val *object, const char *type,
			    bool make);
/* Sets a condition; lastTransitionTime moves when the status does. True when anything but times
 * changed. */
bool rk_condition_set(struct rk_state *state, struct rk_val *object, const char *type,
		      const char *status, const char *reason, const char *message);
void rk_condition_remove(struct rk_val *object, const char *type);
bool rk_condition_is(const struct rk_val *object, const char *type, const char *status);
/* A finalizer on metadata.finalizers. */
bool rk_finalizer_has(const struct rk_val *object, const char *name);
void rk_finalizer_add(struct rk_state *state, struct rk_val *object, const char *name);
bool rk_finalizer_remove(struct rk_val *object, const char *name);

/* Records an Event about the object, counted up when the same was said before. type: "Normal" or
 * "Warning". */
void rk_event(struct rk_state *state, const struct rk_val *about, const char *type,
	      const char *reason, const char *component, const char *format, ...)
	__attribute__((format(printf, 6, 7)));

#endif
