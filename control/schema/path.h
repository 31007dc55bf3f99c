/* control/schema/path.h - where in an object a check stands: a chain on the stack, written out only
 * when something is wrong. */
#ifndef RK_CONTROL_SCHEMA_PATH_H
#define RK_CONTROL_SCHEMA_PATH_H

#include "base/arena.h"

struct rk_path {
	const struct rk_path *up; /* NULL above the first step */
	struct rk_span name;      /* a field, or the key of a map */
	int64_t index;            /* of an item; -1 otherwise */
	bool is_key;              /* written as [name] */
};

static inline struct rk_path rk_path_field(const struct rk_path *up, const char *name)
{
	return (struct rk_path){ up, rk_span_str(name), -1, false };
}

static inline struct rk_path rk_path_item(const struct rk_path *up, uint32_t index)
{
	return (struct rk_path){ up, { NULL, 0 }, index, false };
}

static inline struct rk_path rk_path_key(const struct rk_path *up, struct rk_span key)
{
	return (struct rk_path){ up, key, -1, true };
}

/* "spec.containers[0].name"; with `places` false the items and keys are left out:
 * "spec.containers.name". */
const char *rk_path_text(struct rk_arena *arena, const struct rk_path *path, bool places)
	__attribute__((returns_nonnull));

#endif
