/* control/schema/custom_rules.h - the structural schema of a custom kind (openAPIV3Schema of a
 * CustomResourceDefinition), compiled once: what its objects may hold, what is filled in, what must
 * be true. See apiextensions.k8s.io/v1 JSONSchemaProps, and JSON Schema draft 5 for the meaning.
 *
 * A compiled schema is read only and lives in the arena it was compiled into, but for its patterns:
 * rk_structures_done gives those back. */
#ifndef RK_CONTROL_SCHEMA_CUSTOM_RULES_H
#define RK_CONTROL_SCHEMA_CUSTOM_RULES_H

#include "control/schema/check.h"
#include "control/schema/kinds.h"

#define RK_RULES_DEPTH_MAX 64
#define RK_RULES_NODES_MAX 200000 /* of one definition */

struct rk_pattern; /* pattern.h */

enum rk_structure_type {
	RK_STRUCTURE_ANY, /* no type is given */
	RK_STRUCTURE_OBJECT,
	RK_STRUCTURE_ARRAY,
	RK_STRUCTURE_STRING,
	RK_STRUCTURE_INTEGER,
	RK_STRUCTURE_NUMBER,
	RK_STRUCTURE_BOOLEAN,
};

struct rk_structure;

struct rk_structure_field {
	struct rk_span name;
	const struct rk_structure *rule;
};

struct rk_structure_list { /* of allOf, anyOf, oneOf */
	uint32_t count;
	const struct rk_structure **at;
};

struct rk_structure {
	enum rk_structure_type type;
	enum rk_list_type list_type;
	bool nullable, int_or_string, keeps_unknown, is_embedded, is_atomic;
	bool unique, above_minimum, below_maximum; /* the bounds themselves are excluded */
	const char *doc;
	uint32_t field_count, required_count;
	const struct rk_structure_field *fields; /* sorted by name */
	const struct rk_span *required;
	const struct rk_structure *items;  /* of a list, or NULL */
	const struct rk_structure *values; /* additionalProperties, or NULL */
	const char *const *keys;           /* x-kubernetes-list-map-keys, ends with NULL; or NULL */
	const struct rk_val *preset;       /* default, or NULL */
	const struct rk_val *choices;      /* enum, or NULL */
	const struct rk_val *minimum, *maximum, *multiple_of; /* numbers, or NULL */
	int64_t length_min, length_max, items_min, items_max, fields_min, fields_max; /* -1: none */
	struct rk_span format, pattern_text;
	const struct rk_pattern *pattern;
	struct rk_structure_list all_of, any_of, one_of;
	const struct rk_structure *not_of;
};

struct rk_structures {
	const struct rk_structure *root;
	struct rk_pattern *patterns; /* a chain */
	size_t nodes;
};

/* Compiles `schema`, which stands at `path`, into `arena`; `schema` must live as long. What is not
 * structural, or not served, becomes a cause; then the result is of no use but for
 * rk_structures_done. */
void rk_structures_compile(struct rk_arena *arena, const struct rk_check *check,
			   const struct rk_path *path, const struct rk_val *schema,
			   struct rk_structures *ret);
void rk_structures_done(struct rk_structures *rules);

/* The field's rule: its own, or that of additionalProperties; NULL when it is not specified. */
const struct rk_structure *rk_structure_below(const struct rk_structure *rule, struct rk_span name);

/* Takes away what the schema does not specify; each is named in `unknown` (a list of texts, may be
 * NULL). metadata, apiVersion and kind of the object and of embedded ones are left alone. */
void rk_structure_prune(struct rk_arena *arena, const struct rk_structure *rule,
			struct rk_val *object, struct rk_val *unknown);
/* Fills in defaults; a null that may not be one counts as not given. Twice is the same as once. */
void rk_structure_default(struct rk_arena *arena, const struct rk_structure *rule,
			  struct rk_val *object);
/* A cause for each rule that the object breaks, with upstream's reasons and texts. */
void rk_structure_check(const struct rk_check *check, const struct rk_structure *rule,
			const struct rk_val *object);

/* What is wrong with a text of this format: false. Formats that we do not know hold always. */
bool rk_format_holds(struct rk_span format, struct rk_span text);
bool rk_format_is_known(struct rk_span format);

#endif
