/* tests/control/schema.h - what the tests of the schema share: the registry, and JSON in and out.
 */
#ifndef RK_TESTS_CONTROL_SCHEMA_H
#define RK_TESTS_CONTROL_SCHEMA_H

#include <criterion/criterion.h>

#include "control/schema/kinds.h"
#include "wire/json.h"

static inline struct rk_val *json_in(struct rk_arena *arena, const char *text)
{
	struct rk_val *val = NULL;
	struct rk_error error = { 0 };
	const int err = rk_json_parse(arena, rk_span_str(text), 0, &val, &error);

	cr_assert_eq(err, RK_OK, "%s: %s", text, error.text);
	return val;
}

/* One line of JSON, in the arena. */
static inline const char *json_out(struct rk_arena *arena, const struct rk_val *val)
{
	struct rk_buf text = { 0 };

	rk_json_write(&text, val, false);
	const char *copy = rk_arena_str(arena, rk_buf_span(&text));
	rk_buf_done(&text);
	return copy;
}

static inline const struct rk_kind *kind_named(const struct rk_kinds *kinds, const char *name)
{
	const struct rk_kind *kind = rk_kinds_by_name(kinds, rk_span_str(name));

	cr_assert_not_null(kind, "%s", name);
	return kind;
}

#endif
