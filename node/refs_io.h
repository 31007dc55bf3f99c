/* node/refs_io.h - the ConfigMaps and Secrets that pods of this node refer to, each followed by a
 * watch of its own. */
#ifndef RK_NODE_REFS_IO_H
#define RK_NODE_REFS_IO_H

#include "node/pod_view.h"
#include "node/watch_io.h"

#define RK_REFS_MAX 512

struct rk_refs;

/* changed: it is known now whether there is such an object, or one that was known has another
 * content. */
struct rk_refs *rk_refs_new(struct rk_apiclient *api,
			    void (*changed)(void *context, enum rk_ref_kind kind, struct rk_span ns,
					    struct rk_span name),
			    void *context) __attribute__((returns_nonnull));
struct rk_refs *rk_refs_free(struct rk_refs *refs); /* takes NULL, returns NULL */
/* Follows everything that the pod refers to. */
void rk_refs_add(struct rk_refs *refs, const struct rk_val *pod);
/* Stops following what no pod of `each` refers to any more; call it when a pod is gone. */
void rk_refs_sweep(struct rk_refs *refs,
		   bool (*is_used)(void *context, enum rk_ref_kind kind, struct rk_span ns,
				   struct rk_span name),
		   void *context);
/* As struct rk_objects wants it; context is the refs. */
const struct rk_val *rk_refs_find(void *refs, enum rk_ref_kind kind, struct rk_span ns,
				  struct rk_span name, bool *ret_is_known);
/* Whether the pod refers to something that is not read yet. */
bool rk_refs_wait(struct rk_refs *refs, const struct rk_val *pod);
/* Whether the pod refers to the object. */
bool rk_refs_pod_uses(const struct rk_val *pod, enum rk_ref_kind kind, struct rk_span ns,
		      struct rk_span name);

#endif
