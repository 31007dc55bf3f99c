/* node/image_ref.h - names of images as people write them, and in full. */
#ifndef RK_NODE_IMAGE_REF_H
#define RK_NODE_IMAGE_REF_H

#include "base/err.h"
#include "base/span.h"

#define RK_IMAGE_REF_MAX 512

/* "busybox" -> "docker.io/library/busybox:latest", "a.b/c@sha256:..." as it is. RK_EINVAL for what
 * is no image name. */
RK_MUST_CHECK int rk_image_ref_full(struct rk_span text, char ret[RK_IMAGE_REF_MAX],
				    struct rk_error *error);
/* Whether a name says ":latest" or nothing: then the default of imagePullPolicy is Always. */
bool rk_image_ref_is_latest(struct rk_span text);
/* "sha256:" and 64 hex digits in lower case. */
bool rk_digest_is_valid(struct rk_span text);

#endif
