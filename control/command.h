/* control/command.h - what goes into the log: one command holds operations that all happen or none.
 *
 * A command is a document:
 *   user       who asked (authenticated name), groups: [..]
 *   ops        list of operations, each
 *     verb     "create" | "update" | "patch" | "delete" | "deletecollection"
 *     kind     resource with group: "pods", "deployments.apps"
 *     version  API version that the caller spoke: "v1"
 *     ns, name as in the path ("" when there is none; create takes them from the object)
 *     sub      "" | "status" | "finalize" | "scale" | "binding" | "eviction" | "ephemeralcontainers" | "resize"
 *     doc      the object (create, update), the patch body (patch); decoded, pruned, defaulted and
 *              validated already for create and update
 *     patch    "json" | "merge" | "strategic" | "apply" (verb patch)
 *     labels, fields   selectors as text (deletecollection)
 *     opts     { dryRun: bool, manager: str, fieldValidation: "Strict"|"Warn"|"Ignore",
 *                grace: int (gracePeriodSeconds, absent when not given), propagation: str,
 *                uid: str, rv: str (preconditions), force: bool (apply),
 *                noCreate: bool (apply: the user may not create) }
 * The answer to each operation is an HTTP code and a document: the object, or a Status. */
#ifndef RK_CONTROL_COMMAND_H
#define RK_CONTROL_COMMAND_H

#include "base/blob.h"
#include "wire/val.h"

#define RK_COMMAND_BYTES_MAX (3u * 1024 * 1024 + 64 * 1024)

/* What happened to one object: the unit that watches see. */
enum rk_change_type { RK_CHANGE_ADDED, RK_CHANGE_MODIFIED, RK_CHANGE_DELETED };

struct rk_change {
	enum rk_change_type type;
	uint64_t revision;
	struct rk_span kind, ns, name; /* point into key */
	struct rk_blob *key;           /* kind NUL ns NUL name */
	struct rk_blob *before;        /* NULL when added */
	struct rk_blob *after;         /* when deleted: the last form, with resourceVersion = revision */
};

/* All that one applied entry changed, in revision order; shared by every connection thread. */
struct rk_changes {
	atomic_uint refs;
	uint64_t index;
	uint64_t first_revision, last_revision; /* 0 when it is empty */
	int64_t time_ms;
	uint32_t count;
	struct rk_change at[];
};

struct rk_changes *rk_changes_ref(struct rk_changes *changes);
struct rk_changes *rk_changes_unref(struct rk_changes *changes); /* takes NULL, returns NULL */

#endif
