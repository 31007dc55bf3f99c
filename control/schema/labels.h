/* control/schema/labels.h - a label selector taken apart: what the parser makes and the matcher
 * reads. */
#ifndef RK_CONTROL_SCHEMA_LABELS_H
#define RK_CONTROL_SCHEMA_LABELS_H

#include "control/schema/selector.h"

enum rk_label_op {
	RK_LABEL_EQUALS,
	RK_LABEL_NOT_EQUALS,
	RK_LABEL_IN,
	RK_LABEL_NOT_IN,
	RK_LABEL_EXISTS,
	RK_LABEL_NOT_EXISTS,
	RK_LABEL_GREATER,
	RK_LABEL_LESS,
};

struct rk_requirement {
	struct rk_span key;
	enum rk_label_op op;
	uint32_t count;
	struct rk_span *values; /* sorted */
};

struct rk_selector {
	bool selects_nothing;
	uint32_t count, capacity;
	struct rk_requirement *at; /* sorted by key */
};

struct rk_selector *rk_selector_new(struct rk_arena *arena) __attribute__((returns_nonnull));
/* Takes what the requirement points to. RK_EINVAL when key, values or their number are not right
 * for the operator. */
RK_MUST_CHECK int rk_selector_add(struct rk_arena *arena, struct rk_selector *selector,
				  struct rk_requirement requirement, struct rk_error *error);
void rk_selector_settle(struct rk_selector *selector); /* sorts; to be called once, at the end */

#endif
