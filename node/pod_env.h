/* node/pod_env.h - the environment of a container, and $(NAME) in its command. Pure. */
#ifndef RK_NODE_POD_ENV_H
#define RK_NODE_POD_ENV_H

#include "node/pod_view.h"

/* A map of name -> string: Services, then the image's, then envFrom, then env. Failures as
 * rk_ref_key; optional references that are missing are left out. `image_env`: list of "NAME=value".
 */
RK_MUST_CHECK int rk_pod_env(struct rk_arena *arena, const struct rk_pod_view *view,
			     const struct rk_val *container, const struct rk_val *image_env,
			     struct rk_val **ret, struct rk_error *error);
/* Replaces $(NAME) by env's value; $$ is a dollar; what is not in env stays as it is. */
struct rk_span rk_env_expand(struct rk_arena *arena, struct rk_span text, const struct rk_val *env);

#endif
