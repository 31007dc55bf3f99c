/* wire/jsonpath_inner.h - a parsed template: what the parser makes and the evaluation walks. */
#ifndef RK_WIRE_JSONPATH_INNER_H
#define RK_WIRE_JSONPATH_INNER_H

#include "wire/jsonpath.h"

enum rk_step_kind {
	RK_STEP_ROOT,  /* $ */
	RK_STEP_FIELD, /* .name */
	RK_STEP_ANY,   /* * */
	RK_STEP_DEEP,  /* ..: the value and everything below it */
	RK_STEP_SLICE, /* [from:to:by], or one index */
	RK_STEP_UNION, /* ['a','b'], [0,2] */
	RK_STEP_FILTER,
};

struct rk_step;

struct rk_operand { /* of a filter: a path, or a literal */
	const struct rk_step *path;
	struct rk_val *literal; /* NULL: a path */
};

struct rk_step {
	enum rk_step_kind kind;
	struct rk_span name;
	bool has_from, has_to, is_index;
	int64_t from, to, by;
	struct rk_operand left, right;
	char op[3];              /* "==", "<", ...; "" asks only whether it is there */
	struct rk_step *choices; /* of a union */
	struct rk_step *next_choice;
	struct rk_step *next;
};

enum rk_node_kind { RK_NODE_TEXT, RK_NODE_PATH, RK_NODE_RANGE };

struct rk_jsonpath { /* a node; a template is a chain of them */
	enum rk_node_kind kind;
	struct rk_span text;
	const struct rk_step *path; /* NULL: the value itself */
	struct rk_jsonpath *body;   /* of a range */
	struct rk_jsonpath *next;
};

#endif
