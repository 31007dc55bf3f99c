/* node/unsupported.h - fields of a pod that this node does not act on, so that nobody is misled.
 * Pure. */
#ifndef RK_NODE_UNSUPPORTED_H
#define RK_NODE_UNSUPPORTED_H

#include "wire/val.h"

/* Calls `each` with the path of every field that is set and not implemented. is_fatal: running
 * without it would be unsafe or wrong, so the pod's containers must not start. */
void rk_unsupported_each(const struct rk_val *pod,
			 void (*each)(void *context, const char *path, bool is_fatal),
			 void *context);
/* The same for one container, which stands at `path`; the pod's ephemeral containers are not among the fields above. */
void rk_unsupported_container(const struct rk_val *container, const char *path,
			      void (*each)(void *context, const char *path, bool is_fatal),
			      void *context);

#endif
