/* wire/yaml.h - YAML (1.1 scalars as Kubernetes' loader reads them) to and from value trees. */
#ifndef RK_WIRE_YAML_H
#define RK_WIRE_YAML_H

#include "base/buf.h"
#include "base/err.h"
#include "wire/val.h"

#define RK_YAML_DEPTH_MAX 128
#define RK_YAML_NODES_MAX 1000000 /* after aliases are expanded */

/* Parses a stream; *ret becomes a list with one item for each document that is not empty. Keys must be scalars and
 * become strings. On RK_EINVAL `error` says line, column and what is wrong. JSON is YAML, so this reads both. */
RK_MUST_CHECK int rk_yaml_parse(struct rk_arena *arena, struct rk_span text, struct rk_val **ret,
				struct rk_error *error);

/* Appends one document in block style, as kubectl prints it (keys in the map's order). */
void rk_yaml_write(struct rk_buf *out, const struct rk_val *val);

#endif
