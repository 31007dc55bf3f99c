/* control/schema/schema.h - what every object goes through: decode (types, unknown fields), default, validate.
 *
 * All of it is pure: the same object gives the same result on every member. Objects are changed in place; what is
 * put into them lives in `arena` or in the registry. `kind` also stands for its version. */
#ifndef RK_CONTROL_SCHEMA_SCHEMA_H
#define RK_CONTROL_SCHEMA_SCHEMA_H

#include "control/schema/kinds.h"

enum rk_strictness { RK_STRICT_IGNORE, RK_STRICT_WARN, RK_STRICT_STRICT }; /* fieldValidation */

/* "", "Ignore", "Warn", "Strict" as in the query; "" is Warn (upstream's default). False for anything else. */
bool rk_strictness_of(struct rk_span text, enum rk_strictness *ret);

/* Checks an object from outside against the kind's type and brings it into normal form: nulls and zero values that mean
 * "not given" go, quantities and times become canonical, unknown fields are pruned. Unknown fields are
 * appended to `warnings` (a list of texts, may be NULL) under Warn, and are a failure under Strict.
 * On RK_EINVAL *ret_status is a Status (400 BadRequest) with upstream's text and the object is of no use any more.
 * kind and apiVersion are set when they are missing and must be the kind's when they are there. */
RK_MUST_CHECK int rk_schema_decode(struct rk_arena *arena, const struct rk_kind *kind, struct rk_val *obj,
				   enum rk_strictness strictness, struct rk_val *warnings,
				   struct rk_val **ret_status);
/* The same for a type that is not a stored kind (Scale, Binding, Eviction, DeleteOptions, ...). kind_name is for the texts. */
RK_MUST_CHECK int rk_schema_decode_type(struct rk_arena *arena, const struct rk_type *type, const char *kind_name,
					const char *version, struct rk_val *obj, enum rk_strictness strictness,
					struct rk_val *warnings, struct rk_val **ret_status);

/* Fills in what upstream's defaulting fills in, and nothing that depends on other objects. Twice is the same as once. */
void rk_schema_default(struct rk_arena *arena, const struct rk_kind *kind, struct rk_val *obj);

/* Appends a cause for each broken rule (control/status.h). obj is decoded and defaulted. With `old` (the stored object) the
 * rules of an update hold as well: what may not change, and what may. */
void rk_schema_validate(struct rk_arena *arena, const struct rk_kind *kind, const struct rk_val *obj,
			const struct rk_val *old, struct rk_val *causes);
/* The same while a log is applied: through a subresource, which may have rules of its own, and without the rules
 * that came with RK_PARTS_SINCE (control/state.h) where the log is older. */
void rk_schema_validate_sub(struct rk_arena *arena, const struct rk_kind *kind, const char *sub, bool is_lenient,
			    const struct rk_val *obj, const struct rk_val *old, struct rk_val *causes);

#endif
