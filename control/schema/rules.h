/* control/schema/rules.h - rules as data: what holds for one place of an object, whatever the rest of it says. */
#ifndef RK_CONTROL_SCHEMA_RULES_H
#define RK_CONTROL_SCHEMA_RULES_H

#include "control/schema/check.h"

enum rk_rule_what {
	RK_RULE_NEEDED,   /* there and not empty; why: said behind "Required value", may be NULL */
	RK_RULE_AT_LEAST, /* a number, when it is there; why: NULL is "must be greater than or equal to" the bound */
	RK_RULE_AT_MOST,  /* a number, when it is there */
	RK_RULE_ONE_OF,   /* a text, when it is there and not empty */
	RK_RULE_SYNTAX,   /* a text, when it is there and not empty */
	RK_RULE_SELECTOR, /* a metav1.LabelSelector, when it is there */
	RK_RULE_ABSENT,   /* not there; why: said behind "Forbidden" */
	RK_RULE_FIXED,    /* as it was; why: NULL is "field is immutable", otherwise said behind "Forbidden" */
	RK_RULE_ABOVE,    /* a quantity greater than the bound, when it is there */
};

struct rk_rule {
	enum rk_rule_what what;
	const char *path; /* dotted, from where the rules begin */
	const char *why;
	int64_t bound;
	rk_syntax *syntax;
	const char *const *choices; /* ends with NULL */
};

#define RK_AT_LEAST(path, bound) { RK_RULE_AT_LEAST, path, NULL, bound, NULL, NULL }
#define RK_NEEDED(path)          { RK_RULE_NEEDED, path, NULL, 0, NULL, NULL }
#define RK_NEEDED_FOR(path, why) { RK_RULE_NEEDED, path, why, 0, NULL, NULL }
#define RK_FIXED(path)           { RK_RULE_FIXED, path, NULL, 0, NULL, NULL }
#define RK_SYNTAX(path, syntax)  { RK_RULE_SYNTAX, path, NULL, 0, syntax, NULL }
#define RK_ONE_OF(path, choices) { RK_RULE_ONE_OF, path, NULL, 0, NULL, choices }
#define RK_SELECTOR(path)        { RK_RULE_SELECTOR, path, NULL, 0, NULL, NULL }

/* Each rule against `obj`, whose own path is `up` (NULL for whole objects). Without `old`, RK_RULE_FIXED holds. */
void rk_check_rules(const struct rk_check *check, const struct rk_path *up, const struct rk_val *obj,
		    const struct rk_val *old, const struct rk_rule *rules, size_t count);

#endif
