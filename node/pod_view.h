/* node/pod_view.h - a pod as its containers see it: its own fields, its node, and the objects that
 * it refers to. */
#ifndef RK_NODE_POD_VIEW_H
#define RK_NODE_POD_VIEW_H

#include "base/err.h"
#include "wire/val.h"

enum rk_ref_kind { RK_REF_CONFIGMAP, RK_REF_SECRET };

struct rk_objects { /* what the agent has read from the control plane */
	void *context;
	/* The object; NULL: *ret_is_known tells "it does not exist" (true) from "not read yet"
	 * (false). */
	const struct rk_val *(*find)(void *context, enum rk_ref_kind kind, struct rk_span ns,
				     struct rk_span name, bool *ret_is_known);
	/* Calls `each` for every Service of a namespace, in order of their names. */
	void (*services)(void *context, struct rk_span ns,
			 void (*each)(void *each_context, const struct rk_val *service),
			 void *each_context);
	/* A token as a serviceAccountToken projection of the pod wants it; RK_EAGAIN: not there yet. */
	int (*token)(void *context, struct rk_span uid, const struct rk_val *source,
		     struct rk_span *ret, struct rk_error *error);
};

struct rk_pod_view { /* borrowed throughout */
	const struct rk_val *pod;
	struct rk_span ns, name, uid;
	struct rk_span host_ip, pod_ip; /* pod_ip is empty before the sandbox is there */
	int64_t node_cpu_milli, node_memory;
	const struct rk_objects *objects;
};

struct rk_pod_view rk_pod_view_of(const struct rk_val *pod);

/* The value of a fieldRef ("metadata.labels['app']", "status.podIP"...). RK_EINVAL for paths that
 * do not exist. */
RK_MUST_CHECK int rk_pod_field(struct rk_arena *arena, const struct rk_pod_view *view,
			       struct rk_span path, struct rk_span *ret, struct rk_error *error);
/* The value of a resourceFieldRef ("limits.cpu") of a container, divided (rounded up) by its
 * divisor; the node's capacity stands in for a limit that is not set. */
RK_MUST_CHECK int rk_pod_resource(struct rk_arena *arena, const struct rk_pod_view *view,
				  const struct rk_val *container, const struct rk_val *ref,
				  struct rk_span *ret, struct rk_error *error);
/* The value of a key of a ConfigMap (data or binaryData) or Secret (data), decoded. RK_ENOENT: no
 * such object or key, RK_EAGAIN: the object is not read yet, RK_EINVAL: not base64. */
RK_MUST_CHECK int rk_ref_key(struct rk_arena *arena, const struct rk_pod_view *view,
			     enum rk_ref_kind kind, struct rk_span name, struct rk_span key,
			     struct rk_span *ret, struct rk_error *error);
/* The object, under the same rules. */
RK_MUST_CHECK int rk_ref_object(const struct rk_pod_view *view, enum rk_ref_kind kind,
				struct rk_span name, const struct rk_val **ret,
				struct rk_error *error);

#endif
