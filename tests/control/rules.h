/* tests/control/rules.h - the rules of a kind as a table: an object that is right, merge patches that break one rule each,
 * and the path, reason and text of the one cause that comes of it. */
#ifndef RK_TESTS_CONTROL_RULES_H
#define RK_TESTS_CONTROL_RULES_H

#include "base/mem.h"
#include "control/schema/patch.h"
#include "control/schema/schema.h"
#include "control/status.h"
#include "tests/control/schema.h"

#define INVALID     "FieldValueInvalid"
#define REQUIRED    "FieldValueRequired"
#define FORBIDDEN   "FieldValueForbidden"
#define DUPLICATE   "FieldValueDuplicate"
#define UNSUPPORTED "FieldValueNotSupported"
#define TOO_LONG    "FieldValueTooLong"
#define TOO_MANY    "FieldValueTooMany"

struct breach {
	const char *patch;
	const char *field; /* NULL: nothing is broken */
	const char *reason, *message;
};

struct rule_book {
	const char *kind, *good;
	const struct breach *fresh; /* of a new object; ends with one without a patch */
	const struct breach *later; /* of a change of the good one; may be NULL */
};

static struct rk_val *patched(struct rk_arena *arena, const struct rk_kind *kind, const char *text,
			      const char *patch)
{
	struct rk_val *object = NULL, *status = NULL;

	cr_assert_eq(rk_patch_merge(arena, json_in(arena, text), json_in(arena, patch), &object,
				    &status),
		     RK_OK);
	cr_assert_eq(rk_schema_decode(arena, kind, object, RK_STRICT_STRICT, NULL, &status), RK_OK,
		     "%s: %s", patch, json_out(arena, status));
	rk_schema_default(arena, kind, object);
	return object;
}

static void check_breach(const struct rk_kind *kind, const char *good, const struct breach *breach,
			 bool is_update)
{
	struct rk_arena arena = { 0 };
	const struct rk_val *old = is_update ? patched(&arena, kind, good, "{}") : NULL;
	struct rk_val *causes = rk_val_list(&arena);

	rk_schema_validate(&arena, kind, patched(&arena, kind, good, breach->patch), old, causes);
	cr_expect_eq(rk_val_count(causes), breach->field != NULL, "%s %s: %s", kind->kind,
		     breach->patch, json_out(&arena, causes));
	if (breach->field != NULL && rk_val_count(causes) > 0) {
		const struct rk_val *cause = rk_val_item(causes, 0);
		cr_expect_str_eq(rk_arena_str(&arena, rk_val_text_at(cause, "field")),
				 breach->field, "%s", breach->patch);
		cr_expect_str_eq(rk_arena_str(&arena, rk_val_text_at(cause, "reason")),
				 breach->reason, "%s", breach->patch);
		cr_expect_str_eq(rk_arena_str(&arena, rk_val_text_at(cause, "message")),
				 breach->message, "%s", breach->patch);
	}
	rk_arena_done(&arena);
}

static inline void check_books(const struct rule_book *books, size_t count)
{
	static const struct breach nothing = { "{}", NULL, NULL, NULL };
	const struct rk_kinds *kinds = rk_kinds_new();

	for (size_t i = 0; i < count; i++) {
		const struct rk_kind *kind = kind_named(kinds, books[i].kind);
		check_breach(kind, books[i].good, &nothing, false);
		check_breach(kind, books[i].good, &nothing, true);
		for (const struct breach *one = books[i].fresh; one->patch != NULL; one++)
			check_breach(kind, books[i].good, one, false);
		for (const struct breach *one = books[i].later; one != NULL && one->patch != NULL; one++)
			check_breach(kind, books[i].good, one, true);
	}
	(void)rk_kinds_free(kinds);
}

#endif
