/* control/index.h - derived indexes over objects, kept in the store's index space and rebuilt after a restore.
 *
 * A key is: 'i', the index's letter, the value, NUL, the object's key (kind NUL ns NUL name). */
#ifndef RK_CONTROL_INDEX_H
#define RK_CONTROL_INDEX_H

#include "control/state.h"

enum {
	RK_INDEX_UID = 'u',      /* metadata.uid -> the object */
	RK_INDEX_OWNER = 'o',    /* uid of each owner -> its dependents */
	RK_INDEX_NODE = 'n',     /* spec.nodeName -> pods, "" for those that have none */
	RK_INDEX_ORPHANS = 'x',  /* namespace -> pods and replica sets without a controller */
	RK_INDEX_SERVICE = 's',  /* "ns/service" -> its endpoint slices (label kubernetes.io/service-name) */
};

#define RK_INDEX_VALUE_MAX 320 /* bytes */

/* Whether objects are found by this value; by others they are neither entered nor looked up. */
bool rk_index_takes(struct rk_span value);
void rk_index_prefix(struct rk_buf *out, char index, struct rk_span value);
void rk_index_update(struct rk_state *state, const struct rk_change *change);
/* Everything again, from the objects: after a snapshot was loaded. */
void rk_index_rebuild(struct rk_state *state);

#endif
